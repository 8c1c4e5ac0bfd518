/*
 * PROXY headers. Whatever comes is read the same in one piece and in any others, to the same byte;
 * nothing behind it is touched. What was read is written so that it is read again the same, in
 * both versions, and a header made of any addresses and facts is read back.
 */
#include "base/require.h"
#include "fuzz.h"
#include "proxy/proxy_decoder.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 300 };

struct outcome {
    enum proxy_next     next;
    enum proxy_fault    fault;
    size_t              used;
    struct proxy_header header;
};

static void           check_bytes(struct bytes_const bytes, struct bytes_const cuts);
static struct outcome read_whole(struct bytes_const bytes);
static struct outcome read_cut(struct bytes_const bytes, struct bytes_const cuts);
static void           check_same(const struct outcome *one, const struct outcome *other);
static void           check_written(struct bytes_const tape);
static void check_again(const struct proxy_header *header, const struct proxy_facts *facts);
static void draw_pair(struct bytes_const *tape, struct proxy_header *header);
static void draw_address(struct bytes_const *tape, uint8_t family, struct address *address);
static bool is_pair(const struct proxy_header *header);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes_const tape = {data, size};
    uint8_t            way = fuzz_byte(&tape);

    if (way == 0xff) {
        check_written(tape);
        return 0;
    }
    /* So many bytes say where the rest is cut. */
    struct bytes_const cuts = fuzz_bytes(&tape, way & 15);

    check_bytes(tape, cuts);
    return 0;
}

static void check_bytes(struct bytes_const bytes, struct bytes_const cuts)
{
    struct outcome whole = read_whole(bytes);
    struct outcome single = read_cut(bytes, (struct bytes_const){0});
    struct outcome cut = read_cut(bytes, cuts);

    check_same(&whole, &single);
    check_same(&whole, &cut);
    require(whole.used <= bytes.len);
    require((whole.next == PROXY_REFUSED) == (whole.fault != PROXY_FAULT_NONE));
    require(strlen(proxy_fault_text(whole.fault)) > 0);
    if (whole.next == PROXY_DONE) {
        struct outcome exact = read_whole((struct bytes_const){bytes.data, whole.used});

        check_same(&whole, &exact);
        check_again(&whole.header, &(struct proxy_facts){.has_crc32c = true});
    } else if (whole.next == PROXY_FEED_ME) {
        require(whole.used == bytes.len);
    }
}

static struct outcome read_whole(struct bytes_const bytes)
{
    struct proxy_decoder decoder = {0};
    struct outcome       outcome = {.next = PROXY_FEED_ME};
    struct bytes_const   input = bytes;

    outcome.next = proxy_decoder_feed(&decoder, &input, &outcome.header);
    outcome.fault = proxy_decoder_fault(&decoder);
    outcome.used = bytes.len - input.len;
    return outcome;
}

/* Each piece in memory of its own, so that a look behind it is found out; without cuts, bytes. */
static struct outcome read_cut(struct bytes_const bytes, struct bytes_const cuts)
{
    struct proxy_decoder decoder = {0};
    struct outcome       outcome = {.next = PROXY_FEED_ME};

    while (outcome.next == PROXY_FEED_ME && outcome.used < bytes.len) {
        size_t             len = 1 + (size_t)fuzz_byte(&cuts);
        size_t             left = bytes.len - outcome.used;
        struct bytes_const input = {.len = len < left ? len : left};
        uint8_t           *piece = malloc(input.len);

        require(piece != NULL);
        memcpy(piece, bytes.data + outcome.used, input.len);
        input.data = piece;
        outcome.used += input.len;
        outcome.next = proxy_decoder_feed(&decoder, &input, &outcome.header);
        outcome.used -= input.len;
        free(piece);
    }
    outcome.fault = proxy_decoder_fault(&decoder);
    return outcome;
}

static void check_same(const struct outcome *one, const struct outcome *other)
{
    require(one->next == other->next && one->fault == other->fault && one->used == other->used);
    require(one->header.is_local == other->header.is_local);
    require(address_is_equal(&one->header.source, &other->header.source));
    require(address_is_equal(&one->header.destination, &other->header.destination));
}

/* --- written and read ----------------------------------------------------------------------- */

static void check_written(struct bytes_const tape)
{
    struct proxy_header header = {.is_local = fuzz_below(&tape, 8) == 1};
    struct proxy_ssl   ssl = {.client = fuzz_byte(&tape), .is_verified = fuzz_below(&tape, 2) == 1};
    struct proxy_facts facts = {.has_crc32c = fuzz_below(&tape, 2) == 1};
    bool               has_ssl = fuzz_below(&tape, 2) == 1;

    draw_pair(&tape, &header);
    facts.alpn = fuzz_bytes(&tape, fuzz_below(&tape, TEXT_BYTES_MAX));
    facts.authority = fuzz_bytes(&tape, fuzz_below(&tape, TEXT_BYTES_MAX));
    facts.unique_id = fuzz_bytes(&tape, fuzz_below(&tape, TEXT_BYTES_MAX));
    ssl.version = fuzz_bytes(&tape, fuzz_below(&tape, TEXT_BYTES_MAX));
    ssl.cipher = fuzz_bytes(&tape, fuzz_below(&tape, TEXT_BYTES_MAX));
    ssl.common_name = fuzz_bytes(&tape, fuzz_below(&tape, TEXT_BYTES_MAX));
    facts.ssl = has_ssl ? &ssl : NULL;
    check_again(&header, &facts);
}

static void check_again(const struct proxy_header *header, const struct proxy_facts *facts)
{
    static uint8_t      bytes[PROXY_HEADER_BYTES_MAX];
    struct proxy_header expected = {.is_local = header->is_local};
    bool                is_ip = is_pair(header) && !address_is_unix(&header->source);

    if (is_pair(header)) {
        expected = *header;
    }
    size_t         len = proxy_header_write(header, facts, bytes);
    struct outcome again = read_whole((struct bytes_const){bytes, len});
    struct outcome wanted = {.next = PROXY_DONE, .used = len, .header = expected};

    check_same(&wanted, &again);
    len = proxy_header_write_line(header, bytes);
    again = read_whole((struct bytes_const){bytes, len});
    wanted.used = len;
    wanted.header = is_ip ? expected : (struct proxy_header){.is_local = false};
    check_same(&wanted, &again);
}

static void draw_pair(struct bytes_const *tape, struct proxy_header *header)
{
    draw_address(tape, fuzz_byte(tape), &header->source);
    draw_address(tape, fuzz_byte(tape), &header->destination);
}

static void draw_address(struct bytes_const *tape, uint8_t family, struct address *address)
{
    struct bytes_const raw = fuzz_bytes(tape, 18);
    size_t             len = 0;

    if (family % 4 == 1 && raw.len >= 6) {
        address->socket.ip4.sin_family = AF_INET;
        memcpy(&address->socket.ip4.sin_addr, raw.data, 4);
        memcpy(&address->socket.ip4.sin_port, raw.data + 4, 2);
        address->len = sizeof(address->socket.ip4);
    } else if (family % 4 == 2 && raw.len == 18) {
        address->socket.ip6.sin6_family = AF_INET6;
        memcpy(&address->socket.ip6.sin6_addr, raw.data, 16);
        memcpy(&address->socket.ip6.sin6_port, raw.data + 16, 2);
        address->len = sizeof(address->socket.ip6);
    } else if (family % 4 == 3) {
        /* A path, which ends with its first NUL, or an abstract name, which ends with none. */
        len = raw.len > 0 && raw.data[0] != 0 ? strnlen((const char *)raw.data, raw.len) : raw.len;
        while (len > 0 && raw.data[len - 1] == 0) {
            len--;
        }
        address->socket.unix_path.sun_family = AF_UNIX;
        if (len > 0) {
            memcpy(address->socket.unix_path.sun_path, raw.data, len);
        }
        address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    }
}

static bool is_pair(const struct proxy_header *header)
{
    return !header->is_local && header->source.len > 0 && header->destination.len > 0 &&
           header->source.socket.any.sa_family == header->destination.socket.any.sa_family;
}
