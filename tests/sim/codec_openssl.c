#include "codec.h"

#include "base/require.h"
#include "random.h"
#include "tls/client.h"
#include "tls/context.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

enum { OUTPUT_BYTES = 192 * 1024, PLAIN_BYTES = 32 * 1024 };

struct codec {
    codec_plaintext    *plaintext;
    void               *owner;
    struct buffer       output;
    struct buffer       plain;
    struct tls_library *library;
    struct tls_context *context;
    struct tls_engine   engine;
    bool                is_established;
    bool                has_goodbye;
    bool                is_broken;
    uint8_t             output_memory[OUTPUT_BYTES];
    uint8_t             plain_memory[PLAIN_BYTES];
};

static void shake_hands(struct codec *codec);
static void decrypt(struct codec *codec);
static void make_context(struct codec *codec, struct random *random);

bool codec_is_deterministic(void)
{
    return false;
}

struct codec *codec_new(uint64_t seed, codec_plaintext *plaintext, void *owner)
{
    struct random random = {seed};
    struct error  error = ERROR_OK;
    struct codec *codec = calloc(1, sizeof(*codec));

    require(codec != NULL);
    codec->plaintext = plaintext;
    codec->owner = owner;
    buffer_attach(&codec->output, codec->output_memory, OUTPUT_BYTES);
    buffer_attach(&codec->plain, codec->plain_memory, PLAIN_BYTES);
    make_context(codec, &random);
    require(tls_engine_init(&codec->engine, codec->context, TLS_CLIENT, &error));
    require(tls_client_ask(&codec->engine, "www.example.org", (struct bytes_const){0}));
    tls_engine_drain(&codec->engine, &codec->output);
    shake_hands(codec);
    return codec;
}

/* Half of the clients speak TLS 1.2 only. */
static void make_context(struct codec *codec, struct random *random)
{
    char                       memory[TLS_PROBLEM_BYTES];
    struct text                problem;
    struct error               error = ERROR_OK;
    struct tls_context_options options = {.role = TLS_FOR_CLIENT,
                                          .policy = TLS_POLICY_INTERMEDIATE,
                                          .max_version =
                                              random_percent(random, 50) ? "TLSv1.2" : NULL};

    text_init(&problem, memory, sizeof(memory));
    codec->library = tls_library_new(&error);
    require(codec->library != NULL);
    codec->context = tls_context_new(codec->library, &options, &problem);
    require(codec->context != NULL);
}

void codec_free(struct codec **codec)
{
    tls_engine_fini(&(*codec)->engine);
    tls_context_free(&(*codec)->context);
    tls_library_free(&(*codec)->library);
    free(*codec);
    *codec = NULL;
}

struct buffer *codec_output(struct codec *codec)
{
    return &codec->output;
}

void codec_feed(struct codec *codec, struct bytes bytes)
{
    buffer_compact(&codec->output);
    tls_engine_feed(&codec->engine, (struct bytes_const){bytes.data, bytes.len});
    shake_hands(codec);
    decrypt(codec);
    tls_engine_feed(&codec->engine, (struct bytes_const){0});
}

static void shake_hands(struct codec *codec)
{
    if (!codec->is_established && !codec->is_broken) {
        enum tls_next next = tls_engine_handshake(&codec->engine);

        codec->is_established = next == TLS_DONE;
        codec->is_broken = next == TLS_FAILED && !codec_has_alert(codec);
    }
}

static void decrypt(struct codec *codec)
{
    enum tls_next next = codec->is_established ? TLS_DRAIN_ME : TLS_FEED_ME;

    while (next == TLS_DRAIN_ME) {
        next = tls_engine_decrypt(&codec->engine, &codec->plain, 0);
        if (!buffer_is_empty(&codec->plain)) {
            codec->plaintext(codec->owner, buffer_readable(&codec->plain));
            buffer_consumed(&codec->plain, buffer_len(&codec->plain));
        }
    }
    codec->has_goodbye = codec->has_goodbye || next == TLS_PEER_SAID_GOODBYE;
    codec->is_broken = codec->is_broken || (next == TLS_FAILED && !codec_has_alert(codec));
}

size_t codec_write(struct codec *codec, struct bytes_const plaintext)
{
    size_t used = 0;

    if (codec->is_established) {
        buffer_compact(&codec->output);
        (void)tls_engine_encrypt(&codec->engine, plaintext, &used);
    }
    return used;
}

bool codec_goodbye(struct codec *codec)
{
    buffer_compact(&codec->output);
    return codec->is_established && tls_engine_goodbye(&codec->engine) == TLS_DONE;
}

void codec_key_update(struct codec *codec)
{
    struct tls_facts facts;

    tls_engine_facts(&codec->engine, &facts);
    if (strcmp(facts.version, "TLSv1.3") == 0) {
        require(tls_client_key_update(&codec->engine, true));
    }
}

bool codec_has_finished(const struct codec *codec)
{
    uint8_t finished[64];

    return SSL_get_finished(codec->engine.ssl, finished, sizeof(finished)) > 0;
}

bool codec_has_goodbye(const struct codec *codec)
{
    return codec->has_goodbye;
}

bool codec_has_alert(const struct codec *codec)
{
    return tls_engine_alert(&codec->engine).by == TLS_ALERT_RECEIVED;
}

bool codec_is_broken(const struct codec *codec)
{
    return codec->is_broken;
}
