#include "heading.h"

#include "base/require.h"

#include <string.h>

enum { FIRST_HOST = 0xcb007100 /* 203.0.113.0 */ };

static void           write_header(struct heading *heading, enum plan_header plan);
static struct address address_of(uint64_t number);
static const char    *check_header(const struct heading *heading, const struct proxy_header *header,
                                   const struct address *frontend);

/* Where a header is optional, half of the sessions have none. */
void heading_init(struct heading *heading, const struct setting_proxy *proxy, enum plan_header plan,
                  uint64_t number)
{
    bool is_sent = proxy->accept == CONFIG_ACCEPT_PROXY_REQUIRED ||
                   (proxy->accept == CONFIG_ACCEPT_PROXY_OPTIONAL && number % 2 == 0);

    *heading = (struct heading){.is_due = proxy->send != CONFIG_SEND_PROXY_OFF};
    if (is_sent) {
        heading->told = (struct proxy_header){.is_local = plan == PLAN_HEADER_LOCAL,
                                              .source = address_of(number),
                                              .destination = address_of(number / 7)};
        heading->is_broken = plan == PLAN_HEADER_BROKEN;
        write_header(heading, plan);
    }
}

static void write_header(struct heading *heading, enum plan_header plan)
{
    uint8_t            bytes[PROXY_HEADER_BYTES_MAX];
    struct proxy_facts facts = {.alpn = {(const uint8_t *)"h2", 2}, .has_crc32c = true};

    heading->len = plan == PLAN_HEADER_V1 ? proxy_header_write_line(&heading->told, bytes)
                                          : proxy_header_write(&heading->told, &facts, bytes);
    require(heading->len <= HEADING_BYTES);
    memcpy(heading->bytes, bytes, heading->len);
    if (heading->is_broken) {
        heading->bytes[heading->len - 1] ^= 1; /* of the checksum */
    }
}

static struct address address_of(uint64_t number)
{
    struct address address = {.len = sizeof(address.socket.ip4)};

    address.socket.ip4.sin_family = AF_INET;
    address.socket.ip4.sin_addr.s_addr = htonl((uint32_t)(FIRST_HOST + number % 256));
    address.socket.ip4.sin_port = htons((uint16_t)(number / 256));
    return address;
}

struct bytes_const heading_left(const struct heading *heading)
{
    return (struct bytes_const){heading->bytes + heading->sent, heading->len - heading->sent};
}

const char *heading_take(struct heading *heading, struct bytes_const *bytes,
                         const struct address *frontend)
{
    struct proxy_header header;
    size_t              before = bytes->len;

    if (!heading->is_due || bytes->len == 0) {
        return NULL;
    }
    enum proxy_next next = proxy_decoder_feed(&heading->decoder, bytes, &header);

    heading->read += before - bytes->len;
    heading->is_due = next == PROXY_FEED_ME;
    if (next == PROXY_REFUSED) {
        return "I12: what came first was no PROXY header";
    }
    return next == PROXY_DONE ? check_header(heading, &header, frontend) : NULL;
}

static const char *check_header(const struct heading *heading, const struct proxy_header *header,
                                const struct address *frontend)
{
    bool is_told = heading->len > 0 && !heading->told.is_local;

    if (header->is_local || header->source.len == 0) {
        return "I12: a PROXY header names nobody";
    }
    if (is_told && !(address_is_equal(&header->source, &heading->told.source) &&
                     address_is_equal(&header->destination, &heading->told.destination))) {
        return "I12: a PROXY header names another client";
    }
    if (!is_told && !address_is_equal(&header->destination, frontend)) {
        return "I12: a PROXY header names another address of ours";
    }
    return NULL;
}

const char *heading_check_client(const struct heading *heading, const struct address *client)
{
    bool is_told = heading->len > 0 && !heading->told.is_local;

    if (is_told && !address_is_equal(client, &heading->told.source)) {
        return "I11: a session was taken for another client's";
    }
    return NULL;
}
