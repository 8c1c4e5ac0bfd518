#include "proxy/proxy_header.h"

#include "base/crc32c.h"
#include "suites.h"

#include <string.h>

enum { HEAD_BYTES = 16, PAIR4_BYTES = 12, PAIR6_BYTES = 36, PATHS_BYTES = 216 };

static uint8_t bytes[PROXY_HEADER_BYTES_MAX];

static struct address address_of(const char *text)
{
    struct address addresses[ADDRESSES_PER_TEXT_MAX];
    const char    *problem = NULL;

    ck_assert_uint_eq(address_parse(text, addresses, &problem), 1);
    return addresses[0];
}

static struct proxy_header header_of(const char *source, const char *destination)
{
    return (struct proxy_header){.source = address_of(source),
                                 .destination = address_of(destination)};
}

static struct bytes_const text_of(const char *string)
{
    return (struct bytes_const){(const uint8_t *)string, strlen(string)};
}

static void check_line(const struct proxy_header *header, const char *expected)
{
    uint8_t line[PROXY_LINE_BYTES_MAX];
    size_t  len = proxy_header_write_line(header, line);

    ck_assert_uint_eq(len, strlen(expected));
    ck_assert_mem_eq(line, expected, len);
}

static size_t write(const struct proxy_header *header, const struct proxy_facts *facts)
{
    size_t len = proxy_header_write(header, facts, bytes);

    ck_assert_mem_eq(bytes, "\r\n\r\n\0\r\nQUIT\n", 12);
    ck_assert_uint_eq((size_t)bytes[14] << 8 | bytes[15], len - HEAD_BYTES);
    return len;
}

START_TEST(a_line_tells_two_addresses_of_ip4)
{
    struct proxy_header header = header_of("192.0.2.1:56324", "198.51.100.255:443");

    check_line(&header, "PROXY TCP4 192.0.2.1 198.51.100.255 56324 443\r\n");
}
END_TEST

START_TEST(a_line_tells_two_addresses_of_ip6)
{
    struct proxy_header header = header_of("[2001:db8::1]:1", "[::1]:65535");

    check_line(&header, "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n");
}
END_TEST

START_TEST(the_longest_line_has_room)
{
    struct proxy_header header = header_of("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
                                           "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");

    check_line(&header, "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n");
}
END_TEST

/* The protocol has no dotted quads in addresses of IPv6. */
START_TEST(a_line_has_no_dots_in_ip6)
{
    struct proxy_header header = header_of("[::ffff:192.0.2.1]:1", "[::198.51.100.1]:2");

    check_line(&header, "PROXY TCP6 ::ffff:c000:201 ::c633:6401 1 2\r\n");
}
END_TEST

START_TEST(a_line_knows_nothing_else)
{
    struct proxy_header unix_sockets = header_of("unix:/a", "unix:/b");
    struct proxy_header mixed = header_of("192.0.2.1:1", "[::1]:2");
    struct proxy_header local = header_of("192.0.2.1:1", "192.0.2.2:2");
    struct proxy_header empty = {.is_local = false};

    local.is_local = true;
    check_line(&unix_sockets, "PROXY UNKNOWN\r\n");
    check_line(&mixed, "PROXY UNKNOWN\r\n");
    check_line(&local, "PROXY UNKNOWN\r\n");
    check_line(&empty, "PROXY UNKNOWN\r\n");
}
END_TEST

START_TEST(version_2_tells_two_addresses_of_ip4)
{
    struct proxy_header header = header_of("192.0.2.1:56324", "198.51.100.2:443");

    ck_assert_uint_eq(write(&header, &(struct proxy_facts){.ssl = NULL}), HEAD_BYTES + PAIR4_BYTES);
    ck_assert_mem_eq(bytes + 12, "\x21\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb",
                     16);
}
END_TEST

START_TEST(version_2_tells_two_addresses_of_ip6)
{
    struct proxy_header header = header_of("[2001:db8::1]:56324", "[::1]:443");

    ck_assert_uint_eq(write(&header, &(struct proxy_facts){.ssl = NULL}), HEAD_BYTES + PAIR6_BYTES);
    ck_assert_mem_eq(bytes + 12, "\x21\x21\x00\x24\x20\x01\x0d\xb8", 8);
    ck_assert_uint_eq(bytes[HEAD_BYTES + 15], 1);
    ck_assert_uint_eq(bytes[HEAD_BYTES + 31], 1);
    ck_assert_mem_eq(bytes + HEAD_BYTES + 32, "\xdc\x04\x01\xbb", 4);
}
END_TEST

START_TEST(version_2_tells_two_paths)
{
    struct proxy_header header = header_of("unix:/a", "unix:/run/b.sock");
    static const char   zeros[108];

    ck_assert_uint_eq(write(&header, &(struct proxy_facts){.ssl = NULL}), HEAD_BYTES + PATHS_BYTES);
    ck_assert_mem_eq(bytes + 12, "\x21\x31\x00\xd8", 4);
    ck_assert_mem_eq(bytes + HEAD_BYTES, "/a", 3);
    ck_assert_mem_eq(bytes + HEAD_BYTES + 108, "/run/b.sock", 12);
    /* A client's socket usually has no name. */
    header.source.len = sizeof(sa_family_t);
    (void)write(&header, &(struct proxy_facts){.ssl = NULL});
    ck_assert_mem_eq(bytes + HEAD_BYTES, zeros, 108);
}
END_TEST

START_TEST(version_2_says_what_it_does_not_know)
{
    struct proxy_header mixed = header_of("192.0.2.1:1", "unix:/b");
    struct proxy_header local = {.is_local = true};

    ck_assert_uint_eq(write(&mixed, &(struct proxy_facts){.ssl = NULL}), HEAD_BYTES);
    ck_assert_mem_eq(bytes + 12, "\x21\x00\x00\x00", 4);
    ck_assert_uint_eq(write(&local, &(struct proxy_facts){.ssl = NULL}), HEAD_BYTES);
    ck_assert_mem_eq(bytes + 12, "\x20\x00\x00\x00", 4);
}
END_TEST

START_TEST(facts_follow_the_addresses)
{
    struct proxy_header header = header_of("192.0.2.1:1", "192.0.2.2:2");
    struct proxy_facts  facts = {
         .alpn = text_of("h2"), .authority = text_of("example.org"), .unique_id = text_of("id")};
    size_t            len = write(&header, &facts);
    static const char expected[] = "\x01\x00\x02h2\x02\x00\x0b"
                                   "example.org\x05\x00\x02id";

    ck_assert_uint_eq(len, HEAD_BYTES + PAIR4_BYTES + sizeof(expected) - 1);
    ck_assert_mem_eq(bytes + HEAD_BYTES + PAIR4_BYTES, expected, sizeof(expected) - 1);
}
END_TEST

START_TEST(what_is_told_of_tls_is_one_fact_with_others_inside)
{
    struct proxy_header header = header_of("192.0.2.1:1", "192.0.2.2:2");
    struct proxy_ssl    ssl = {.client = PROXY_CLIENT_SSL | PROXY_CLIENT_CERT_SESS,
                               .is_verified = true,
                               .version = text_of("TLSv1.3"),
                               .cipher = text_of("C"),
                               .common_name = text_of("me")};
    size_t              len = write(&header, &(struct proxy_facts){.ssl = &ssl});
    static const char   expected[] = "\x20\x00\x18\x05\x00\x00\x00\x00"
                                     "\x21\x00\x07TLSv1.3\x22\x00\x02me\x23\x00\x01"
                                     "C";

    ck_assert_uint_eq(len, HEAD_BYTES + PAIR4_BYTES + sizeof(expected) - 1);
    ck_assert_mem_eq(bytes + HEAD_BYTES + PAIR4_BYTES, expected, sizeof(expected) - 1);
}
END_TEST

/* verify is zero for a good certificate, and for nothing else: one that is absent is not good. */
START_TEST(who_showed_no_certificate_is_not_verified)
{
    struct proxy_header header = header_of("192.0.2.1:1", "192.0.2.2:2");
    struct proxy_ssl    ssl = {.client = PROXY_CLIENT_SSL};

    (void)write(&header, &(struct proxy_facts){.ssl = &ssl});
    ck_assert_mem_eq(bytes + HEAD_BYTES + PAIR4_BYTES, "\x20\x00\x05\x01\x00\x00\x00\x01", 8);
}
END_TEST

START_TEST(what_is_too_long_is_left_out)
{
    struct proxy_header header = header_of("192.0.2.1:1", "192.0.2.2:2");
    static uint8_t      many[PROXY_TEXT_BYTES_MAX + 1];
    struct proxy_facts  facts = {.alpn = {many, sizeof(many)},
                                 .unique_id = {many, PROXY_UNIQUE_ID_BYTES_MAX + 1}};

    ck_assert_uint_eq(write(&header, &facts), HEAD_BYTES + PAIR4_BYTES);
}
END_TEST

START_TEST(everything_at_its_longest_has_room)
{
    struct proxy_header header = header_of("unix:/a", "unix:/b");
    static uint8_t      many[PROXY_TEXT_BYTES_MAX];
    struct bytes_const  long_text = {many, sizeof(many)};
    struct proxy_ssl    ssl = {.client = PROXY_CLIENT_SSL,
                               .version = long_text,
                               .cipher = long_text,
                               .common_name = long_text};
    struct proxy_facts  facts = {.alpn = long_text,
                                 .authority = long_text,
                                 .unique_id = {many, PROXY_UNIQUE_ID_BYTES_MAX},
                                 .ssl = &ssl,
                                 .has_crc32c = true};

    ck_assert_uint_gt(write(&header, &facts), HEAD_BYTES + PATHS_BYTES + 5 * sizeof(many));
}
END_TEST

START_TEST(the_checksum_is_over_all_with_itself_zero)
{
    struct proxy_header header = header_of("192.0.2.1:1", "192.0.2.2:2");
    size_t   len = write(&header, &(struct proxy_facts){.alpn = text_of("h2"), .has_crc32c = true});
    uint8_t *at = bytes + len - 4;
    uint32_t told = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];

    ck_assert_mem_eq(at - 3, "\x03\x00\x04", 3);
    memset(at, 0, 4);
    ck_assert_uint_eq(crc32c(0, (struct bytes_const){bytes, len}), told);
}
END_TEST

Suite *proxy_header_suite(void)
{
    return suite_of(
        "proxy_header",
        (const TTest *const[]){
            a_line_tells_two_addresses_of_ip4, a_line_tells_two_addresses_of_ip6,
            the_longest_line_has_room, a_line_has_no_dots_in_ip6, a_line_knows_nothing_else,
            version_2_tells_two_addresses_of_ip4, version_2_tells_two_addresses_of_ip6,
            version_2_tells_two_paths, version_2_says_what_it_does_not_know,
            facts_follow_the_addresses, what_is_told_of_tls_is_one_fact_with_others_inside,
            who_showed_no_certificate_is_not_verified, what_is_too_long_is_left_out,
            everything_at_its_longest_has_room, the_checksum_is_over_all_with_itself_zero, NULL});
}
