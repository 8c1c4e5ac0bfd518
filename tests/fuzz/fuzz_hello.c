/*
 * ClientHellos put together by choice: names, protocols, versions, extensions twice or cut short,
 * and records that split it anywhere. What the engine says of it is a valid name or none, and the
 * name it says is the one that was asked for.
 */
#include "base/name_table.h"
#include "base/require.h"
#include "fuzz.h"
#include "tls_peer.h"
#include "tls_stage.h"

#include <string.h>
#include <strings.h>

enum {
    HELLO_BYTES = 8192,
    WIRE_BYTES = 2 * HELLO_BYTES + 5 * 1024,
    EXTENSIONS_MAX = 12,
    NAME_BYTES_MAX = 300,
    HEAD_BYTES = 4,
};

/* A message being written. Length fields are filled in when what they measure is complete. */
struct message {
    uint8_t bytes[HELLO_BYTES];
    size_t  len;
};

struct asked {
    struct bytes_const name;   /* the first server_name of the first extension */
    unsigned           names;  /* server_name extensions */
    bool               is_odd; /* built otherwise than RFC 6066 says */
};

static struct tls_peer server;

static void   build(struct message *hello, struct bytes_const *tape, struct asked *asked);
static void   put(struct message *message, uint64_t number, unsigned bytes);
static void   put_bytes(struct message *message, struct bytes_const bytes);
static size_t open_length(struct message *message, unsigned bytes);
static void   close_length(struct message *message, size_t at, unsigned bytes, int error);
static void   put_ciphers(struct message *hello, struct bytes_const *tape);
static void   put_extension(struct message *hello, struct bytes_const *tape, struct asked *asked);
static void   put_name(struct message *hello, struct bytes_const *tape, struct asked *asked);
static void   put_alpn(struct message *hello, struct bytes_const *tape);
static void   put_versions(struct message *hello, struct bytes_const *tape);
static void   put_usual(struct message *hello);
static size_t wrap(const struct message *hello, struct bytes_const *tape,
                   uint8_t into[static WIRE_BYTES]);
static void   check(const struct asked *asked);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct message hello;
    static uint8_t        wire[WIRE_BYTES];
    struct bytes_const    tape = {data, size};
    struct asked          asked = {0};

    tls_stage_begin();
    enum tls_stage_server which = (enum tls_stage_server)fuzz_below(&tape, TLS_STAGE_SERVERS);

    tls_peer_init(&server, tls_stage_server(which), TLS_SERVER, TLS_PEER_OUTPUT_BYTES);
    server.drops_output = true;
    build(&hello, &tape, &asked);
    tls_peer_receive(&server, (struct bytes_const){wire, wrap(&hello, &tape, wire)});
    check(&asked);
    tls_peer_fini(&server);
    return 0;
}

static void check(const struct asked *asked)
{
    struct tls_facts   facts;
    struct tls_offered offered;

    tls_engine_facts(&server.engine, &facts);
    tls_engine_offered(&server.engine, &offered);
    if (facts.sni.len > 0) {
        require(asked->names > 0);
    }
    if (tls_engine_has_hello(&server.engine) && asked->names == 1 && !asked->is_odd) {
        require(offered.sni.len == asked->name.len || offered.sni.len == 0);
        require(memcmp(offered.sni.data, asked->name.data, offered.sni.len) == 0);
        require(facts.sni.len == 0 ||
                (facts.sni.len == asked->name.len &&
                 strncasecmp((const char *)facts.sni.data, (const char *)asked->name.data,
                             facts.sni.len) == 0));
        require(!server.has_failed || facts.sni.len == 0 || name_is_valid(asked->name));
    }
}

/* --- the message (RFC 8446 section 4.1.2) --------------------------------------------------- */

static void build(struct message *hello, struct bytes_const *tape, struct asked *asked)
{
    uint8_t  choice = fuzz_byte(tape);
    unsigned extensions = (unsigned)fuzz_below(tape, EXTENSIONS_MAX);
    int      error = choice & 1 ? (int)fuzz_byte(tape) - 128 : 0;

    hello->len = 0;
    put(hello, 1, 1);
    size_t whole = open_length(hello, 3);

    put(hello, choice & 2 ? fuzz_number(tape, 2) : 0x0303, 2);
    for (unsigned i = 0; i < 4; i++) {
        put(hello, tls_stage_random(), 8);
    }
    put(hello, choice & 4 ? 32 : 0, 1);
    for (unsigned i = 0; i < (choice & 4 ? 4 : 0); i++) {
        put(hello, tls_stage_random(), 8);
    }
    put_ciphers(hello, tape);
    put(hello, 0x0100, 2);
    size_t all = open_length(hello, 2);

    if ((choice & 8) == 0) {
        put_usual(hello);
    }
    for (unsigned i = 0; i < extensions; i++) {
        put_extension(hello, tape, asked);
    }
    close_length(hello, all, 2, choice & 16 ? error : 0);
    close_length(hello, whole, 3, choice & 32 ? error : 0);
}

static void put(struct message *message, uint64_t number, unsigned bytes)
{
    for (unsigned i = bytes; i > 0 && message->len < HELLO_BYTES; i--) {
        message->bytes[message->len++] = (uint8_t)(number >> (8 * (i - 1)));
    }
}

static void put_bytes(struct message *message, struct bytes_const bytes)
{
    while (fuzz_has_more(&bytes)) {
        put(message, fuzz_byte(&bytes), 1);
    }
}

static size_t open_length(struct message *message, unsigned bytes)
{
    put(message, 0, bytes);
    return message->len;
}

/* `error` is added to what would be right. */
static void close_length(struct message *message, size_t at, unsigned bytes, int error)
{
    uint64_t len = message->len - at + (uint64_t)(int64_t)error;

    for (unsigned i = 0; i < bytes && at > i; i++) {
        message->bytes[at - 1 - i] = (uint8_t)(len >> (8 * i));
    }
}

static void put_ciphers(struct message *hello, struct bytes_const *tape)
{
    static const uint16_t usual[] = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xcca9, 0xc009};
    size_t                at = open_length(hello, 2);
    uint8_t               choice = fuzz_byte(tape);

    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        if ((choice >> i & 1) == 0) {
            put(hello, usual[i], 2);
        }
    }
    if (choice & 0x80) {
        put_bytes(hello, fuzz_bytes(tape, fuzz_byte(tape)));
    }
    close_length(hello, at, 2, 0);
}

/* Groups, signature algorithms and a key share, so that the handshake can go on. */
static void put_usual(struct message *hello)
{
    static const uint8_t groups[] = {0, 10, 0, 6, 0, 4, 0, 29, 0, 23};
    static const uint8_t algorithms[] = {0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 8, 7};
    static const uint8_t share[] = {0, 51, 0, 38, 0, 36, 0, 29, 0, 32};

    put_bytes(hello, (struct bytes_const){groups, sizeof(groups)});
    put_bytes(hello, (struct bytes_const){algorithms, sizeof(algorithms)});
    put_bytes(hello, (struct bytes_const){share, sizeof(share)});
    for (unsigned i = 0; i < 4; i++) {
        put(hello, tls_stage_random(), 8);
    }
}

static void put_extension(struct message *hello, struct bytes_const *tape, struct asked *asked)
{
    switch (fuzz_below(tape, 5)) {
    case 0:
        put_name(hello, tape, asked);
        break;
    case 1:
        put_alpn(hello, tape);
        break;
    case 2:
        put_versions(hello, tape);
        break;
    case 3:
        put(hello, fuzz_byte(tape), 2);
        put(hello, 0, 2);
        break;
    default: {
        uint64_t type = fuzz_number(tape, 2);

        asked->names += type == 0;
        asked->is_odd = asked->is_odd || type == 0;
        put(hello, type, 2);
        size_t at = open_length(hello, 2);

        put_bytes(hello, fuzz_bytes(tape, fuzz_byte(tape)));
        close_length(hello, at, 2, 0);
        break;
    }
    }
}

/* RFC 6066 section 3. */
static void put_name(struct message *hello, struct bytes_const *tape, struct asked *asked)
{
    static const char  usual[] = "www.example.org";
    static const char  other[] = "of.wild.example.org"; /* which may have a policy of its own */
    uint8_t            choice = fuzz_byte(tape);
    struct bytes_const name = fuzz_bytes(tape, fuzz_below(tape, NAME_BYTES_MAX));
    int                error = choice & 1 ? (int)fuzz_byte(tape) - 128 : 0;

    if (name.len == 0 && (choice & 0x20) != 0) {
        name = (struct bytes_const){(const uint8_t *)other, sizeof(other) - 1};
    } else if (name.len == 0) {
        name = (struct bytes_const){(const uint8_t *)usual, sizeof(usual) - 1};
    }
    put(hello, 0, 2);
    size_t extension = open_length(hello, 2);
    size_t list = open_length(hello, 2);

    put(hello, choice & 2 ? fuzz_byte(tape) : 0, 1);
    size_t one = open_length(hello, 2);

    put_bytes(hello, name);
    close_length(hello, one, 2, choice & 4 ? error : 0);
    close_length(hello, list, 2, choice & 8 ? error : 0);
    close_length(hello, extension, 2, choice & 16 ? error : 0);
    asked->name = asked->names == 0 ? name : asked->name;
    asked->names++;
    asked->is_odd = asked->is_odd || (choice & 0x1f) != 0;
}

/* RFC 7301 section 3.1. */
static void put_alpn(struct message *hello, struct bytes_const *tape)
{
    uint8_t choice = fuzz_byte(tape);
    int     error = choice & 1 ? (int)fuzz_byte(tape) - 128 : 0;

    put(hello, 16, 2);
    size_t extension = open_length(hello, 2);
    size_t list = open_length(hello, 2);

    for (unsigned i = 0; i <= (choice >> 5); i++) {
        size_t one = open_length(hello, 1);

        put_bytes(hello, fuzz_bytes(tape, fuzz_byte(tape)));
        close_length(hello, one, 1, choice & 2 ? error : 0);
    }
    close_length(hello, list, 2, choice & 4 ? error : 0);
    close_length(hello, extension, 2, choice & 8 ? error : 0);
}

/* RFC 8446 section 4.2.1. */
static void put_versions(struct message *hello, struct bytes_const *tape)
{
    static const uint16_t versions[] = {0x0304, 0x0303, 0x0302, 0x0301, 0x0300, 0x7f1c, 0x2a2a};
    uint8_t               choice = fuzz_byte(tape);

    put(hello, 43, 2);
    size_t extension = open_length(hello, 2);
    size_t list = open_length(hello, 1);

    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if ((choice >> i & 1) == 0) {
            put(hello, versions[i], 2);
        }
    }
    put(hello, 0, choice & 0x80 ? 1 : 0);
    close_length(hello, list, 1, 0);
    close_length(hello, extension, 2, 0);
}

/* --- records -------------------------------------------------------------------------------- */

/* Cuts the message where the tape says, the rest in one record. */
static size_t wrap(const struct message *hello, struct bytes_const *tape,
                   uint8_t into[static WIRE_BYTES])
{
    size_t len = 0;

    for (size_t at = 0; at < hello->len && len + 5 + hello->len < WIRE_BYTES;) {
        size_t left = hello->len - at;
        size_t piece = fuzz_has_more(tape) ? fuzz_byte(tape) : left;

        piece = piece < left ? piece : left;
        memcpy(into + len, (uint8_t[]){22, 3, 1, (uint8_t)(piece >> 8), (uint8_t)piece}, 5);
        memcpy(into + len + 5, hello->bytes + at, piece);
        len += 5 + piece;
        at += piece;
    }
    return len;
}
