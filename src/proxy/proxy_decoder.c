#include "proxy/proxy_decoder.h"

#include "base/crc32c.h"
#include "base/require.h"
#include "proxy/proxy_line.h"

#include <string.h>

enum decoder_part {
    PART_START,
    PART_LINE,
    PART_HEAD,
    PART_ADDRESSES,
    PART_TLV_HEAD,
    PART_TLV_VALUE,
    PART_IGNORED, /* what LOCAL has behind the first 16 bytes, whatever it is */
    PART_DONE,
    PART_REFUSED,
};

enum { VERSION_MASK = 0xf0, COMMAND_MASK = 0x0f, FAMILY_UNKNOWN = -1 };

static const struct {
    uint8_t family; /* enum proxy_family */
    int     addresses_bytes;
} families[] = {{PROXY_FAMILY_NONE, 0},
                {PROXY_FAMILY_TCP4, PROXY_IP4_PAIR_BYTES},
                {PROXY_FAMILY_UDP4, PROXY_IP4_PAIR_BYTES},
                {PROXY_FAMILY_TCP6, PROXY_IP6_PAIR_BYTES},
                {PROXY_FAMILY_UDP6, PROXY_IP6_PAIR_BYTES},
                {PROXY_FAMILY_UNIX, PROXY_PATH_PAIR_BYTES},
                {PROXY_FAMILY_UNIX_DATAGRAM, PROXY_PATH_PAIR_BYTES}};

/* Those of the protocol that not every length fits. */
static const struct {
    uint8_t  type; /* enum proxy_tlv */
    uint16_t min, max;
} lengths[] = {{PROXY_TLV_CRC32C, PROXY_CRC32C_BYTES, PROXY_CRC32C_BYTES},
               {PROXY_TLV_UNIQUE_ID, 0, PROXY_UNIQUE_ID_BYTES_MAX},
               {PROXY_TLV_SSL, PROXY_SSL_HEAD_BYTES, UINT16_MAX}};

static void     take_some(struct proxy_decoder *decoder, struct bytes_const *input);
static void     start(struct proxy_decoder *decoder, uint8_t first);
static void     take_line_byte(struct proxy_decoder *decoder, struct bytes_const *input);
static void     take_head_byte(struct proxy_decoder *decoder, struct bytes_const *input);
static void     head_is_whole(struct proxy_decoder *decoder);
static int      addresses_bytes(uint8_t family);
static void     take_address_byte(struct proxy_decoder *decoder, struct bytes_const *input);
static void     block_goes_on(struct proxy_decoder *decoder);
static void     take_tlv_head_byte(struct proxy_decoder *decoder, struct bytes_const *input);
static void     tlv_head_is_whole(struct proxy_decoder *decoder);
static bool     is_tlv_length(uint8_t type, uint16_t bytes);
static void     take_value(struct proxy_decoder *decoder, struct bytes_const *input);
static void     take_ignored(struct proxy_decoder *decoder, struct bytes_const *input);
static void     finish(struct proxy_decoder *decoder);
static void     refuse(struct proxy_decoder *decoder, enum proxy_fault fault);
static void     keep(struct proxy_decoder *decoder, uint8_t byte);
static uint8_t  take_byte(struct bytes_const *input);
static void     read_result(struct proxy_decoder *decoder, struct proxy_header *header);
static void     read_pair(const uint8_t *head, struct proxy_header *header);
static uint16_t read_path(const uint8_t *from, struct address *into);

enum proxy_next proxy_decoder_feed(struct proxy_decoder *decoder, struct bytes_const *input,
                                   struct proxy_header *header)
{
    require(decoder->part < PART_DONE);
    while (input->len > 0 && decoder->part < PART_DONE) {
        take_some(decoder, input);
    }
    if (decoder->part == PART_DONE) {
        read_result(decoder, header);
    }
    if (decoder->part == PART_REFUSED) {
        return PROXY_REFUSED;
    }
    return decoder->part == PART_DONE ? PROXY_DONE : PROXY_FEED_ME;
}

bool proxy_decoder_has_begun(const struct proxy_decoder *decoder)
{
    return decoder->part != PART_START;
}

bool proxy_decoder_may_begin(uint8_t first)
{
    return first == (uint8_t)PROXY_LINE_START[0] || first == (uint8_t)PROXY_SIGNATURE[0];
}

enum proxy_fault proxy_decoder_fault(const struct proxy_decoder *decoder)
{
    return (enum proxy_fault)decoder->fault;
}

const char *proxy_fault_text(enum proxy_fault fault)
{
    static const char *const texts[PROXY_FAULTS_COUNT] = {
        [PROXY_FAULT_NONE] = "none",
        [PROXY_FAULT_SIGNATURE] = "not the start of a PROXY header",
        [PROXY_FAULT_LINE_LONG] = "a line of more than 107 bytes",
        [PROXY_FAULT_LINE_END] = "CR or LF alone",
        [PROXY_FAULT_LINE_PROTOCOL] = "not TCP4, TCP6 or UNKNOWN",
        [PROXY_FAULT_LINE_ADDRESS] = "a malformed address",
        [PROXY_FAULT_LINE_PORT] = "a malformed port",
        [PROXY_FAULT_VERSION] = "neither version 1 nor 2",
        [PROXY_FAULT_COMMAND] = "neither LOCAL nor PROXY",
        [PROXY_FAULT_FAMILY] = "an unknown address family",
        [PROXY_FAULT_LENGTH] = "too short for its addresses",
        [PROXY_FAULT_TLV] = "a malformed TLV",
        [PROXY_FAULT_CRC32C] = "a wrong checksum",
        [PROXY_FAULT_CUT] = "the connection ended before the header did",
        [PROXY_FAULT_LATE] = "the header did not come in time",
    };

    require(fault < PROXY_FAULTS_COUNT);
    return texts[fault];
}

static void take_some(struct proxy_decoder *decoder, struct bytes_const *input)
{
    switch ((enum decoder_part)decoder->part) {
    case PART_START:
        start(decoder, input->data[0]);
        break;
    case PART_LINE:
        take_line_byte(decoder, input);
        break;
    case PART_HEAD:
        take_head_byte(decoder, input);
        break;
    case PART_ADDRESSES:
        take_address_byte(decoder, input);
        break;
    case PART_TLV_HEAD:
        take_tlv_head_byte(decoder, input);
        break;
    case PART_TLV_VALUE:
        take_value(decoder, input);
        break;
    case PART_IGNORED:
        take_ignored(decoder, input);
        break;
    case PART_DONE:
    case PART_REFUSED:
        require(!"a header that is over goes on");
    }
}

static void start(struct proxy_decoder *decoder, uint8_t first)
{
    if (!proxy_decoder_may_begin(first)) {
        refuse(decoder, PROXY_FAULT_SIGNATURE);
        return;
    }
    decoder->part = first == (uint8_t)PROXY_LINE_START[0] ? PART_LINE : PART_HEAD;
}

/* --- version 1 ------------------------------------------------------------------------------ */

/* Every CR is followed by LF, every LF comes after CR, and that is the end. */
static void take_line_byte(struct proxy_decoder *decoder, struct bytes_const *input)
{
    uint8_t  byte = take_byte(input);
    unsigned at = decoder->kept_bytes;
    bool     is_after_cr = at > 0 && decoder->kept[at - 1] == '\r';

    if (at < PROXY_LINE_START_BYTES && byte != (uint8_t)PROXY_LINE_START[at]) {
        refuse(decoder, PROXY_FAULT_SIGNATURE);
    } else if (is_after_cr != (byte == '\n')) {
        refuse(decoder, PROXY_FAULT_LINE_END);
    } else if (byte == '\n') {
        finish(decoder);
    } else if (at == PROXY_LINE_BYTES_MAX - 1) {
        refuse(decoder, PROXY_FAULT_LINE_LONG);
    } else {
        keep(decoder, byte);
    }
}

/* --- version 2 ------------------------------------------------------------------------------ */

static void take_head_byte(struct proxy_decoder *decoder, struct bytes_const *input)
{
    uint8_t  byte = take_byte(input);
    unsigned at = decoder->kept_bytes;

    if (at < PROXY_SIGNATURE_BYTES && byte != (uint8_t)PROXY_SIGNATURE[at]) {
        refuse(decoder, PROXY_FAULT_SIGNATURE);
        return;
    }
    keep(decoder, byte);
    if (decoder->kept_bytes == PROXY_HEAD_BYTES) {
        head_is_whole(decoder);
    }
}

static void head_is_whole(struct proxy_decoder *decoder)
{
    const uint8_t *rest = decoder->kept + PROXY_SIGNATURE_BYTES;
    int            addresses = addresses_bytes(rest[1]);

    decoder->block_left = proxy_wire_16(rest + 2);
    decoder->sum = crc32c(0, (struct bytes_const){decoder->kept, PROXY_HEAD_BYTES});
    if ((rest[0] & VERSION_MASK) != PROXY_VERSION_2) {
        refuse(decoder, PROXY_FAULT_VERSION);
    } else if ((rest[0] & COMMAND_MASK) > PROXY_COMMAND_PROXY) {
        refuse(decoder, PROXY_FAULT_COMMAND);
    } else if ((rest[0] & COMMAND_MASK) == PROXY_COMMAND_LOCAL) {
        decoder->part = decoder->block_left > 0 ? PART_IGNORED : PART_DONE;
    } else if (addresses == FAMILY_UNKNOWN) {
        refuse(decoder, PROXY_FAULT_FAMILY);
    } else if (decoder->block_left < addresses) {
        refuse(decoder, PROXY_FAULT_LENGTH);
    } else if (addresses > 0) {
        decoder->part = PART_ADDRESSES;
    } else {
        block_goes_on(decoder);
    }
}

static int addresses_bytes(uint8_t family)
{
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        if (families[i].family == family) {
            return families[i].addresses_bytes;
        }
    }
    return FAMILY_UNKNOWN;
}

static void take_address_byte(struct proxy_decoder *decoder, struct bytes_const *input)
{
    int bytes = addresses_bytes(decoder->kept[PROXY_SIGNATURE_BYTES + 1]);

    keep(decoder, take_byte(input));
    decoder->block_left--;
    if (decoder->kept_bytes == PROXY_HEAD_BYTES + bytes) {
        decoder->sum = crc32c(
            decoder->sum, (struct bytes_const){decoder->kept + PROXY_HEAD_BYTES, (size_t)bytes});
        block_goes_on(decoder);
    }
}

/* Behind the addresses, or behind a TLV. */
static void block_goes_on(struct proxy_decoder *decoder)
{
    decoder->tlv_head_bytes = 0;
    if (decoder->block_left == 0) {
        finish(decoder);
    } else if (decoder->block_left < PROXY_TLV_HEAD_BYTES) {
        refuse(decoder, PROXY_FAULT_TLV);
    } else {
        decoder->part = PART_TLV_HEAD;
    }
}

static void take_tlv_head_byte(struct proxy_decoder *decoder, struct bytes_const *input)
{
    decoder->tlv_head[decoder->tlv_head_bytes++] = take_byte(input);
    decoder->block_left--;
    if (decoder->tlv_head_bytes == PROXY_TLV_HEAD_BYTES) {
        tlv_head_is_whole(decoder);
    }
}

static void tlv_head_is_whole(struct proxy_decoder *decoder)
{
    uint8_t type = decoder->tlv_head[0];
    bool    is_second_sum = type == PROXY_TLV_CRC32C && decoder->has_told_sum;

    decoder->sum =
        crc32c(decoder->sum, (struct bytes_const){decoder->tlv_head, PROXY_TLV_HEAD_BYTES});
    decoder->value_bytes = proxy_wire_16(decoder->tlv_head + 1);
    decoder->value_left = decoder->value_bytes;
    if (decoder->value_bytes > decoder->block_left || !is_tlv_length(type, decoder->value_bytes) ||
        is_second_sum) {
        refuse(decoder, PROXY_FAULT_TLV);
        return;
    }
    decoder->has_told_sum = decoder->has_told_sum || type == PROXY_TLV_CRC32C;
    if (decoder->value_bytes > 0) {
        decoder->part = PART_TLV_VALUE;
    } else {
        block_goes_on(decoder);
    }
}

static bool is_tlv_length(uint8_t type, uint16_t bytes)
{
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        if (lengths[i].type == type) {
            return bytes >= lengths[i].min && bytes <= lengths[i].max;
        }
    }
    return true;
}

static void take_value(struct proxy_decoder *decoder, struct bytes_const *input)
{
    static const uint8_t zero = 0;
    bool                 is_sum = decoder->tlv_head[0] == PROXY_TLV_CRC32C;
    size_t               len = input->len < decoder->value_left ? input->len : decoder->value_left;

    if (is_sum) {
        len = 1;
        decoder->told_sum = decoder->told_sum << 8 | input->data[0];
    }
    decoder->sum = crc32c(decoder->sum, (struct bytes_const){is_sum ? &zero : input->data, len});
    *input = (struct bytes_const){input->data + len, input->len - len};
    decoder->value_left = (uint16_t)(decoder->value_left - len);
    decoder->block_left = (uint16_t)(decoder->block_left - len);
    if (decoder->value_left == 0) {
        block_goes_on(decoder);
    }
}

static void take_ignored(struct proxy_decoder *decoder, struct bytes_const *input)
{
    size_t len = input->len < decoder->block_left ? input->len : decoder->block_left;

    *input = (struct bytes_const){input->data + len, input->len - len};
    decoder->block_left = (uint16_t)(decoder->block_left - len);
    if (decoder->block_left == 0) {
        decoder->part = PART_DONE;
    }
}

/* --- the end -------------------------------------------------------------------------------- */

static void finish(struct proxy_decoder *decoder)
{
    bool             is_line = decoder->part == PART_LINE;
    enum proxy_fault fault = PROXY_FAULT_NONE;

    if (is_line) {
        struct proxy_header header;
        /* Without the CR. */
        struct bytes_const line = {decoder->kept, (size_t)decoder->kept_bytes - 1};

        fault = proxy_line_read(line, &header);
    } else if (decoder->has_told_sum && decoder->told_sum != decoder->sum) {
        fault = PROXY_FAULT_CRC32C;
    }
    decoder->part = PART_DONE;
    if (fault != PROXY_FAULT_NONE) {
        refuse(decoder, fault);
    }
}

static void refuse(struct proxy_decoder *decoder, enum proxy_fault fault)
{
    decoder->part = PART_REFUSED;
    decoder->fault = (uint8_t)fault;
}

static void keep(struct proxy_decoder *decoder, uint8_t byte)
{
    require(decoder->kept_bytes < PROXY_DECODER_KEPT_BYTES);
    decoder->kept[decoder->kept_bytes++] = byte;
}

static uint8_t take_byte(struct bytes_const *input)
{
    uint8_t byte = input->data[0];

    input->data++;
    input->len--;
    return byte;
}

/* --- addresses ------------------------------------------------------------------------------ */

static void read_result(struct proxy_decoder *decoder, struct proxy_header *header)
{
    *header = (struct proxy_header){0};
    if (decoder->kept[0] == (uint8_t)PROXY_LINE_START[0]) {
        enum proxy_fault fault = proxy_line_read(
            (struct bytes_const){decoder->kept, (size_t)decoder->kept_bytes - 1}, header);

        require(fault == PROXY_FAULT_NONE); /* it was read before */
        return;
    }
    header->is_local = (decoder->kept[PROXY_SIGNATURE_BYTES] & COMMAND_MASK) == PROXY_COMMAND_LOCAL;
    if (!header->is_local) {
        read_pair(decoder->kept + PROXY_SIGNATURE_BYTES + 1, header);
    }
}

/* What is not a stream falls back to "not known", as the protocol has it. */
static void read_pair(const uint8_t *head, struct proxy_header *header)
{
    struct address *source = &header->source;
    struct address *destination = &header->destination;
    const uint8_t  *at = head + PROXY_HEAD_BYTES - PROXY_SIGNATURE_BYTES - 1;

    if (head[0] == PROXY_FAMILY_TCP4) {
        source->len = destination->len = sizeof(struct sockaddr_in);
        source->socket.any.sa_family = destination->socket.any.sa_family = AF_INET;
        memcpy(&source->socket.ip4.sin_addr, at, PROXY_IP4_BYTES);
        memcpy(&destination->socket.ip4.sin_addr, at + PROXY_IP4_BYTES, PROXY_IP4_BYTES);
        at += 2 * PROXY_IP4_BYTES;
        memcpy(&source->socket.ip4.sin_port, at, PROXY_PORT_BYTES);
        memcpy(&destination->socket.ip4.sin_port, at + PROXY_PORT_BYTES, PROXY_PORT_BYTES);
    } else if (head[0] == PROXY_FAMILY_TCP6) {
        source->len = destination->len = sizeof(struct sockaddr_in6);
        source->socket.any.sa_family = destination->socket.any.sa_family = AF_INET6;
        memcpy(&source->socket.ip6.sin6_addr, at, PROXY_IP6_BYTES);
        memcpy(&destination->socket.ip6.sin6_addr, at + PROXY_IP6_BYTES, PROXY_IP6_BYTES);
        at += 2 * PROXY_IP6_BYTES;
        memcpy(&source->socket.ip6.sin6_port, at, PROXY_PORT_BYTES);
        memcpy(&destination->socket.ip6.sin6_port, at + PROXY_PORT_BYTES, PROXY_PORT_BYTES);
    } else if (head[0] == PROXY_FAMILY_UNIX) {
        source->len = read_path(at, source);
        destination->len = read_path(at + PROXY_PATH_BYTES, destination);
    }
}

/* Nothing but zeros is a socket without a name. An abstract name begins with one, and ends with the
 * last byte that is none. */
static uint16_t read_path(const uint8_t *from, struct address *into)
{
    size_t len = PROXY_PATH_BYTES;

    while (len > 0 && from[len - 1] == 0) {
        len--;
    }
    if (from[0] != 0) {
        len = strnlen((const char *)from, PROXY_PATH_BYTES);
    }
    into->socket.any.sa_family = AF_UNIX;
    memcpy(into->socket.unix_path.sun_path, from, len);
    return (uint16_t)(offsetof(struct sockaddr_un, sun_path) + len);
}
