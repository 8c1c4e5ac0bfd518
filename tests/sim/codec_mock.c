#include "codec.h"

#include "base/require.h"
#include "engine_mock.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { OUTPUT_BYTES = 64 * 1024 };

struct codec {
    codec_plaintext   *plaintext;
    void              *owner;
    struct buffer      output;
    struct mock_reader reader;
    bool               is_established;
    bool               has_goodbye;
    bool               has_alert;
    uint8_t            memory[OUTPUT_BYTES];
};

static void emit(struct codec *codec, enum mock_type type, struct bytes_const payload);
static void handle(struct codec *codec, enum mock_type type, struct bytes piece, bool is_end);

bool codec_is_deterministic(void)
{
    return true;
}

struct codec *codec_new(uint64_t seed, codec_plaintext *plaintext, void *owner)
{
    static const uint8_t name[] = "www.example.org";
    (void)seed;
    struct codec *codec = malloc(sizeof(*codec));

    require(codec != NULL);
    memset(codec, 0, offsetof(struct codec, memory));
    codec->plaintext = plaintext;
    codec->owner = owner;
    buffer_attach(&codec->output, codec->memory, OUTPUT_BYTES);
    emit(codec, MOCK_HELLO, (struct bytes_const){name, sizeof(name) - 1});
    return codec;
}

void codec_free(struct codec **codec)
{
    free(*codec);
    *codec = NULL;
}

struct buffer *codec_output(struct codec *codec)
{
    return &codec->output;
}

void codec_feed(struct codec *codec, struct bytes bytes)
{
    enum mock_type type;
    struct bytes   piece;
    bool           is_end;

    while (mock_read(&codec->reader, &bytes, &type, &piece, &is_end)) {
        handle(codec, type, piece, is_end);
    }
}

static void handle(struct codec *codec, enum mock_type type, struct bytes piece, bool is_end)
{
    if (codec->has_goodbye) {
        codec->reader.is_broken = true;
    }
    if (type == MOCK_DATA && piece.len > 0) {
        codec->plaintext(codec->owner, (struct bytes_const){piece.data, piece.len});
    }
    if (type == MOCK_FLIGHT_END && is_end) {
        emit(codec, MOCK_FINISHED, (struct bytes_const){0});
        codec->is_established = true;
    }
    codec->has_goodbye = codec->has_goodbye || type == MOCK_CLOSE;
    codec->has_alert = codec->has_alert || type == MOCK_ALERT;
}

size_t codec_write(struct codec *codec, struct bytes_const plaintext)
{
    size_t len = plaintext.len;

    if (!codec->is_established || len == 0) {
        return 0;
    }
    len = len < MOCK_PAYLOAD_BYTES_MAX ? len : MOCK_PAYLOAD_BYTES_MAX;
    buffer_compact(&codec->output);
    if (buffer_room(&codec->output) < len + 2 * MOCK_HEAD_BYTES) {
        return 0;
    }
    emit(codec, MOCK_DATA, (struct bytes_const){plaintext.data, len});
    return len;
}

bool codec_goodbye(struct codec *codec)
{
    buffer_compact(&codec->output);
    if (!codec->is_established || buffer_room(&codec->output) < MOCK_HEAD_BYTES) {
        return false;
    }
    emit(codec, MOCK_CLOSE, (struct bytes_const){0});
    return true;
}

void codec_key_update(struct codec *codec)
{
    static const uint8_t asks[] = {1};

    buffer_compact(&codec->output);
    if (buffer_room(&codec->output) >= MOCK_HEAD_BYTES + sizeof(asks)) {
        emit(codec, MOCK_KEY_UPDATE, (struct bytes_const){asks, sizeof(asks)});
    }
}

static void emit(struct codec *codec, enum mock_type type, struct bytes_const payload)
{
    require(buffer_room(&codec->output) >= MOCK_HEAD_BYTES + payload.len);
    buffer_produced(&codec->output,
                    mock_record(type, payload, buffer_writable(&codec->output).data));
}

bool codec_has_finished(const struct codec *codec)
{
    return codec->is_established;
}

bool codec_has_goodbye(const struct codec *codec)
{
    return codec->has_goodbye;
}

bool codec_has_alert(const struct codec *codec)
{
    return codec->has_alert;
}

bool codec_is_broken(const struct codec *codec)
{
    return codec->reader.is_broken;
}
