#include "peer.h"

#include "base/require.h"
#include "certificates.h"

#include <stdlib.h>
#include <string.h>

enum { CONTEXTS_MAX = 4 };

static struct tls_library *libraries[CONTEXTS_MAX];
static struct tls_context *contexts[CONTEXTS_MAX];
static unsigned            contexts_count;
static char               *pem_text;
static struct tls_pem      pem;

static void shake_hands(struct peer *peer);
static void decrypt(struct peer *peer);

struct tls_context_options peer_server_options(void)
{
    if (pem_text == NULL) {
        pem_text = certificate_make(&(struct certificate_options){
            .kind = CERTIFICATE_EC_P256, .names = "DNS:www.example.org", .days = 2});
        pem = (struct tls_pem){.certificate_path = "count.pem",
                               .certificate = {(const uint8_t *)pem_text, strlen(pem_text)}};
    }
    return (struct tls_context_options){.role = TLS_FOR_SERVER,
                                        .policy = TLS_POLICY_INTERMEDIATE,
                                        .pems = &pem,
                                        .pems_count = 1,
                                        .tickets = 1};
}

struct tls_context *peer_context(enum tls_role role)
{
    struct tls_context_options options = {.role = TLS_FOR_CLIENT,
                                          .policy = TLS_POLICY_INTERMEDIATE};
    struct tls_ticket_keys     keys = {0};
    char                       memory[TLS_PROBLEM_BYTES];
    struct text                problem;
    struct error               error = ERROR_OK;
    struct tls_library        *library = tls_library_new(&error);
    struct tls_context        *context;

    require(library != NULL && contexts_count < CONTEXTS_MAX);
    if (role == TLS_SERVER) {
        options = peer_server_options();
    }
    require(tls_ticket_keys_rotate(&keys));
    tls_library_set_ticket_keys(library, &keys);
    text_init(&problem, memory, sizeof(memory));
    context = tls_context_new(library, &options, &problem);
    require(context != NULL);
    libraries[contexts_count] = library;
    contexts[contexts_count++] = context;
    return context;
}

void peer_contexts_free(void)
{
    while (contexts_count > 0) {
        contexts_count--;
        tls_context_free(&contexts[contexts_count]);
        tls_library_free(&libraries[contexts_count]);
    }
    free(pem_text);
    pem_text = NULL;
}

void peer_open(struct peer *peer, const struct tls_context *context, enum tls_role role)
{
    struct error error = ERROR_OK;

    peer->engine = (struct tls_engine){0};
    peer->wire = (struct buffer){0};
    peer->plain = (struct buffer){0};
    peer->has_goodbye = false;
    buffer_attach(&peer->wire, peer->wire_memory, sizeof(peer->wire_memory));
    buffer_attach(&peer->plain, peer->plain_memory, sizeof(peer->plain_memory));
    require(tls_engine_init(&peer->engine, context, role, &error));
    tls_engine_drain(&peer->engine, &peer->wire);
    if (role == TLS_CLIENT) {
        require(tls_client_ask(&peer->engine, "www.example.org", (struct bytes_const){0}));
    }
}

void peer_close(struct peer *peer)
{
    tls_engine_fini(&peer->engine);
}

void peer_feed(struct peer *peer, struct bytes_const ciphertext)
{
    tls_engine_feed(&peer->engine, ciphertext);
    if (!tls_engine_is_established(&peer->engine)) {
        shake_hands(peer);
    }
    if (tls_engine_is_established(&peer->engine)) {
        decrypt(peer);
    }
    require(tls_engine_unread(&peer->engine) == 0);
    tls_engine_feed(&peer->engine, (struct bytes_const){0});
}

static void shake_hands(struct peer *peer)
{
    enum tls_next next = tls_engine_handshake(&peer->engine);

    require(next == TLS_DONE || next == TLS_FEED_ME);
    if (next == TLS_DONE) {
        tls_engine_settle(&peer->engine);
    }
}

static void decrypt(struct peer *peer)
{
    enum tls_next next = tls_engine_decrypt(&peer->engine, &peer->plain, 1);

    require(next == TLS_FEED_ME || next == TLS_PEER_SAID_GOODBYE);
    peer->has_goodbye = peer->has_goodbye || next == TLS_PEER_SAID_GOODBYE;
}

void peer_write(struct peer *peer, struct bytes_const plaintext)
{
    size_t used = 0;

    require(tls_engine_encrypt(&peer->engine, plaintext, &used) == TLS_DONE);
    require(used == plaintext.len);
}

void peer_say_goodbye(struct peer *peer)
{
    require(tls_engine_goodbye(&peer->engine) == TLS_DONE);
}
