#include "proxy/proxy_decoder.h"

#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_BYTES = 16, BYTES_MAX = HEAD_BYTES + 65535, LENGTH_AT = 14, CRC32C_TLV_BYTES = 7 };

/* A whole header and something behind it, which is somebody else's. */
#define BEHIND "\x16\x03\x01"
enum { BEHIND_BYTES = sizeof(BEHIND) - 1 };

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define IP4_PAIR  "\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb"

static uint8_t             bytes[BYTES_MAX + BEHIND_BYTES];
static size_t              len;
static struct proxy_header header;
static enum proxy_fault    fault;

static void set(const char *text, size_t text_len)
{
    memcpy(bytes, text, text_len);
    memcpy(bytes + text_len, BEHIND, BEHIND_BYTES);
    len = text_len;
}

#define SET(text) set(text, sizeof(text) - 1)

/* A header of version 2 with those two bytes and that block. */
static void set_block(uint8_t command, uint8_t family, const char *block, size_t block_len)
{
    memcpy(bytes, SIGNATURE, 12);
    bytes[12] = command;
    bytes[13] = family;
    bytes[LENGTH_AT] = (uint8_t)(block_len >> 8);
    bytes[LENGTH_AT + 1] = (uint8_t)block_len;
    memcpy(bytes + HEAD_BYTES, block, block_len);
    memcpy(bytes + HEAD_BYTES + block_len, BEHIND, BEHIND_BYTES);
    len = HEAD_BYTES + block_len;
}

#define SET_BLOCK(command, family, block) set_block(command, family, block, sizeof(block) - 1)

/* In pieces of that many bytes; returns what is left of everything. */
static size_t decode(size_t piece, enum proxy_next *next)
{
    struct proxy_decoder decoder = {0};
    size_t               at = 0;

    memset(&header, 0x55, sizeof(header));
    *next = PROXY_FEED_ME;
    while (*next == PROXY_FEED_ME && at < len + BEHIND_BYTES) {
        size_t left = len + BEHIND_BYTES - at;
        /* Of its own and no longer than it: to look behind a piece is found out. */
        uint8_t           *memory = malloc(left < piece ? left : piece);
        struct bytes_const input = {memory, left < piece ? left : piece};

        ck_assert_ptr_nonnull(memory);
        memcpy(memory, bytes + at, input.len);
        at += input.len;
        *next = proxy_decoder_feed(&decoder, &input, &header);
        at -= input.len;
        ck_assert(*next != PROXY_FEED_ME || input.len == 0);
        free(memory);
    }
    fault = proxy_decoder_fault(&decoder);
    return len + BEHIND_BYTES - at;
}

static void check_read(void)
{
    enum proxy_next next;

    for (size_t piece = 1; piece <= 300; piece += piece < 20 ? 1 : 70) {
        ck_assert_uint_eq(decode(piece, &next), BEHIND_BYTES);
        ck_assert_int_eq(next, PROXY_DONE);
        ck_assert_int_eq(fault, PROXY_FAULT_NONE);
    }
}

static void check_refused(enum proxy_fault expected)
{
    enum proxy_next next;

    for (size_t piece = 1; piece <= 300; piece += piece < 20 ? 1 : 70) {
        (void)decode(piece, &next);
        ck_assert_int_eq(next, PROXY_REFUSED);
        ck_assert_str_eq(proxy_fault_text(fault), proxy_fault_text(expected));
    }
}

static void check_pair(const char *source, const char *destination)
{
    char text[ADDRESS_TEXT_BYTES];

    check_read();
    ck_assert(!header.is_local);
    ck_assert_str_eq(address_text(&header.source, text), source);
    ck_assert_str_eq(address_text(&header.destination, text), destination);
}

static void check_refused_line(const char *line, enum proxy_fault expected)
{
    set(line, strlen(line));
    check_refused(expected);
}

/* --- version 1 ------------------------------------------------------------------------------ */

START_TEST(a_line_of_ip4_is_read)
{
    SET("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n");
    check_pair("192.0.2.1:56324", "198.51.100.2:443");
    SET("PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n");
    check_pair("0.0.0.0:0", "255.255.255.255:65535");
}
END_TEST

START_TEST(a_line_of_ip6_is_read)
{
    SET("PROXY TCP6 2001:DB8::1 ::1 56324 443\r\n");
    check_pair("[2001:db8::1]:56324", "[::1]:443");
    SET("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
        "65535 65535\r\n");
    check_read();
}
END_TEST

START_TEST(unknown_is_nobody_whatever_follows)
{
    SET("PROXY UNKNOWN\r\n");
    check_pair("-", "-");
    SET("PROXY UNKNOWN 192.0.2.1 nonsense 1 99999999\r\n");
    check_pair("-", "-");
    SET("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n");
    check_pair("-", "-");
}
END_TEST

START_TEST(a_line_that_begins_otherwise_is_refused)
{
    check_refused_line("proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n", PROXY_FAULT_SIGNATURE);
    check_refused_line("PROXYTCP4 192.0.2.1 192.0.2.2 1 2\r\n", PROXY_FAULT_SIGNATURE);
    check_refused_line("PROXY\tTCP4 192.0.2.1 192.0.2.2 1 2\r\n", PROXY_FAULT_SIGNATURE);
    check_refused_line("POST / HTTP/1.1\r\n", PROXY_FAULT_SIGNATURE);
    check_refused_line("GET / HTTP/1.1\r\n", PROXY_FAULT_SIGNATURE);
    check_refused_line("\x16\x03\x01\x02", PROXY_FAULT_SIGNATURE);
}
END_TEST

START_TEST(a_line_for_another_protocol_is_refused)
{
    static const char *const lines[] = {"PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n",
                                        "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
                                        "PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n",
                                        "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
                                        "PROXY TCP4\r\n",
                                        "PROXY UNKNOWNS\r\n",
                                        "PROXY UNKNOW\r\n",
                                        "PROXY \r\n"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        check_refused_line(lines[i], PROXY_FAULT_LINE_PROTOCOL);
    }
}
END_TEST

START_TEST(a_malformed_address_is_refused)
{
    static const char *const lines[] = {
        "PROXY TCP4 \r\n",
        "PROXY TCP4 192.0.2.1\r\n",
        "PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1. 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n",
        "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 2001:db8::1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 ::1 1 2\r\n",
        "PROXY TCP4 0xc0.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 example.org 192.0.2.2 1 2\r\n",
        "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP6 2001:db8:::1 ::1 1 2\r\n",
        "PROXY TCP6 2001:db8::1%lo ::1 1 2\r\n",
        "PROXY TCP6 00001::1 ::1 1 2\r\n",
        "PROXY TCP6 1:2:3:4:5:6:7 ::1 1 2\r\n",
        "PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2\r\n",
        "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ::1 1 2\r\n"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        check_refused_line(lines[i], PROXY_FAULT_LINE_ADDRESS);
    }
    SET("PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n");
    check_refused(PROXY_FAULT_LINE_ADDRESS);
}
END_TEST

START_TEST(a_malformed_port_is_refused)
{
    static const char *const ports[] = {
        "",     "1",    "1 ",   " 1",  "1 2 ",  "1 2 3",   "1  2",    "01 2",     "1 02",
        "+1 2", "1 -2", "1 2x", "x 2", "1 0x2", "65536 1", "1 65536", "1 100000", "99999 1"};

    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        char line[PROXY_LINE_BYTES_MAX];

        (void)snprintf(line, sizeof(line), "PROXY TCP4 192.0.2.1 192.0.2.2 %s\r\n", ports[i]);
        check_refused_line(line, PROXY_FAULT_LINE_PORT);
    }
    check_refused_line("PROXY TCP4 192.0.2.1 192.0.2.2\r\n", PROXY_FAULT_LINE_PORT);
}
END_TEST

START_TEST(a_line_ends_with_both_or_is_refused)
{
    check_refused_line("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", PROXY_FAULT_LINE_END);
    check_refused_line("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\r\n", PROXY_FAULT_LINE_END);
    check_refused_line("PROXY TCP4 192.0.2.1\r192.0.2.2 1 2\r\n", PROXY_FAULT_LINE_END);
    check_refused_line("PROXY UNKNOWN\rx\r\n", PROXY_FAULT_LINE_END);
    check_refused_line("PROXY UNKNOWN\n", PROXY_FAULT_LINE_END);
}
END_TEST

START_TEST(a_line_has_at_most_107_bytes)
{
    char line[PROXY_LINE_BYTES_MAX + 2];

    memset(line, 'x', sizeof(line));
    memcpy(line, "PROXY UNKNOWN ", 14);
    memcpy(line + PROXY_LINE_BYTES_MAX - 2, "\r\n", 3);
    set(line, PROXY_LINE_BYTES_MAX);
    check_pair("-", "-");
    memcpy(line + PROXY_LINE_BYTES_MAX - 2, "x\r\n", 4);
    check_refused_line(line, PROXY_FAULT_LINE_LONG);
    memcpy(line + PROXY_LINE_BYTES_MAX - 2, "xxx", 3);
    set(line, PROXY_LINE_BYTES_MAX + 1);
    check_refused(PROXY_FAULT_LINE_LONG);
}
END_TEST

/* --- version 2 ------------------------------------------------------------------------------ */

START_TEST(a_block_of_ip4_is_read)
{
    SET_BLOCK(0x21, 0x11, IP4_PAIR);
    check_pair("192.0.2.1:56324", "198.51.100.2:443");
}
END_TEST

START_TEST(a_block_of_ip6_is_read)
{
    SET_BLOCK(0x21, 0x21,
              "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
              "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\xdc\x04\x01\xbb");
    check_pair("[2001:db8::1]:56324", "[::1]:443");
}
END_TEST

START_TEST(a_block_of_paths_is_read)
{
    char block[216] = {0};

    memcpy(block + 108, "/run/b.sock", 11);
    set_block(0x21, 0x31, block, sizeof(block));
    check_pair("unix:", "unix:/run/b.sock");
    memcpy(block, "\0abstract", 9);
    memset(block + 108, 'x', 108);
    block[108] = '/';
    set_block(0x21, 0x31, block, sizeof(block));
    check_read();
    ck_assert_uint_eq(header.source.len, offsetof(struct sockaddr_un, sun_path) + 9);
    ck_assert_uint_eq(header.destination.len, sizeof(struct sockaddr_un));
}
END_TEST

/* Valid, but no stream of ours: the real addresses count. */
START_TEST(datagrams_and_what_is_unspecified_are_nobody)
{
    char block[216] = {0};

    SET_BLOCK(0x21, 0x12, IP4_PAIR);
    check_pair("-", "-");
    set_block(0x21, 0x22, block, 36);
    check_pair("-", "-");
    set_block(0x21, 0x32, block, 216);
    check_pair("-", "-");
    SET_BLOCK(0x21, 0x00, "");
    check_pair("-", "-");
}
END_TEST

START_TEST(local_is_local_whatever_follows)
{
    SET_BLOCK(0x20, 0x00, "");
    check_read();
    ck_assert(header.is_local);
    SET_BLOCK(0x20, 0x11, IP4_PAIR);
    check_read();
    ck_assert(header.is_local);
    ck_assert_uint_eq(header.source.len, 0);
    SET_BLOCK(0x20, 0xff, "\x03\x00\x04not what it seems to be");
    check_read();
    ck_assert(header.is_local);
}
END_TEST

START_TEST(the_signature_is_all_of_it)
{
    for (size_t i = 1; i < 12; i++) {
        SET_BLOCK(0x21, 0x11, IP4_PAIR);
        bytes[i] ^= 0x20;
        check_refused(PROXY_FAULT_SIGNATURE);
    }
}
END_TEST

START_TEST(other_versions_commands_and_families_are_refused)
{
    static const uint8_t families[] = {0x01, 0x02, 0x10, 0x13, 0x20, 0x23, 0x30, 0x33, 0x41, 0xff};

    for (unsigned version = 0; version < 16; version++) {
        SET_BLOCK((uint8_t)(version << 4 | 1), 0x11, IP4_PAIR);
        if (version != 2) {
            check_refused(PROXY_FAULT_VERSION);
        }
    }
    for (uint8_t command = 2; command < 16; command++) {
        SET_BLOCK((uint8_t)(0x20 | command), 0x11, IP4_PAIR);
        check_refused(PROXY_FAULT_COMMAND);
    }
    for (size_t i = 0; i < sizeof(families); i++) {
        SET_BLOCK(0x21, families[i], IP4_PAIR);
        check_refused(PROXY_FAULT_FAMILY);
    }
}
END_TEST

START_TEST(addresses_that_do_not_fit_are_refused)
{
    char block[216] = {0};

    for (size_t i = 0; i < 12; i++) {
        set_block(0x21, 0x11, block, i);
        check_refused(PROXY_FAULT_LENGTH);
    }
    set_block(0x21, 0x21, block, 35);
    check_refused(PROXY_FAULT_LENGTH);
    set_block(0x21, 0x31, block, 215);
    check_refused(PROXY_FAULT_LENGTH);
}
END_TEST

START_TEST(facts_are_passed_over)
{
    SET_BLOCK(0x21, 0x11,
              IP4_PAIR "\x01\x00\x02h2"
                       "\x04\x00\x00"
                       "\x20\x00\x05\x01\x00\x00\x00\x00"
                       "\xea\x00\x03"
                       "abc");
    check_pair("192.0.2.1:56324", "198.51.100.2:443");
    SET_BLOCK(0x21, 0x00, "\x04\x00\x01x");
    check_pair("-", "-");
}
END_TEST

START_TEST(as_many_facts_as_there_can_be_are_passed_over)
{
    static char block[65535];

    memcpy(block, IP4_PAIR, 12);
    block[12] = (char)0xe0;
    block[13] = (char)((sizeof(block) - 15) >> 8);
    block[14] = (char)((sizeof(block) - 15) & 0xff);
    set_block(0x21, 0x11, block, sizeof(block));
    check_pair("192.0.2.1:56324", "198.51.100.2:443");
    set_block(0x20, 0x11, block, sizeof(block));
    check_read();
}
END_TEST

START_TEST(facts_that_do_not_end_where_the_block_does_are_refused)
{
    SET_BLOCK(0x21, 0x11, IP4_PAIR "\x04");
    check_refused(PROXY_FAULT_TLV);
    SET_BLOCK(0x21, 0x11, IP4_PAIR "\x04\x00");
    check_refused(PROXY_FAULT_TLV);
    SET_BLOCK(0x21, 0x11, IP4_PAIR "\x04\x00\x01");
    check_refused(PROXY_FAULT_TLV);
    SET_BLOCK(0x21, 0x11, IP4_PAIR "\x04\xff\xffx");
    check_refused(PROXY_FAULT_TLV);
    SET_BLOCK(0x21, 0x11, IP4_PAIR "\x04\x00\x00\x04\x00");
    check_refused(PROXY_FAULT_TLV);
}
END_TEST

START_TEST(facts_of_a_wrong_length_are_refused)
{
    char block[12 + 3 + 129] = IP4_PAIR "\x05\x00\x81";

    set_block(0x21, 0x11, block, sizeof(block));
    check_refused(PROXY_FAULT_TLV);
    SET_BLOCK(0x21, 0x11, IP4_PAIR "\x03\x00\x03xyz");
    check_refused(PROXY_FAULT_TLV);
    SET_BLOCK(0x21, 0x11, IP4_PAIR "\x03\x00\x05vwxyz");
    check_refused(PROXY_FAULT_TLV);
    SET_BLOCK(0x21, 0x11, IP4_PAIR "\x20\x00\x04wxyz");
    check_refused(PROXY_FAULT_TLV);
}
END_TEST

START_TEST(a_checksum_that_is_there_is_checked)
{
    struct proxy_facts facts = {.alpn = {(const uint8_t *)"h2", 2}, .has_crc32c = true};

    SET_BLOCK(0x21, 0x11, IP4_PAIR);
    check_read();
    struct proxy_header written = header;

    len = proxy_header_write(&written, &facts, bytes);
    check_pair("192.0.2.1:56324", "198.51.100.2:443");
    /* Whatever is changed is noticed, unless it makes the checksum something else. */
    for (size_t i = HEAD_BYTES; i < len; i++) {
        enum proxy_next next;

        bytes[i] ^= 1;
        (void)decode(7, &next);
        ck_assert_int_eq(next, i == len - CRC32C_TLV_BYTES ? PROXY_DONE : PROXY_REFUSED);
        bytes[i] ^= 1;
    }
    bytes[HEAD_BYTES] ^= 1;
    check_refused(PROXY_FAULT_CRC32C);
}
END_TEST

START_TEST(a_second_checksum_is_refused)
{
    SET_BLOCK(0x21, 0x11, IP4_PAIR "\x03\x00\x04\0\0\0\0\x03\x00\x04\0\0\0\0");
    check_refused(PROXY_FAULT_TLV);
}
END_TEST

/* --- both ----------------------------------------------------------------------------------- */

START_TEST(what_is_written_is_read_again)
{
    static const char *const pairs[][2] = {{"192.0.2.1:1", "198.51.100.2:65535"},
                                           {"[2001:db8::1]:0", "[::ffff:192.0.2.1]:443"},
                                           {"unix:/a", "unix:/run/sallyport/b.sock"}};

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct address      addresses[ADDRESSES_PER_TEXT_MAX];
        struct proxy_header written = {.is_local = false};
        const char         *problem = NULL;

        ck_assert_uint_eq(address_parse(pairs[i][0], addresses, &problem), 1);
        written.source = addresses[0];
        ck_assert_uint_eq(address_parse(pairs[i][1], addresses, &problem), 1);
        written.destination = addresses[0];
        len = proxy_header_write(&written, &(struct proxy_facts){.has_crc32c = true}, bytes);
        check_pair(pairs[i][0], pairs[i][1]);
        len = proxy_header_write_line(&written, bytes);
        check_read();
        ck_assert(i == 2 ? header.source.len == 0
                         : address_is_equal(&header.source, &written.source) &&
                               address_is_equal(&header.destination, &written.destination));
    }
}
END_TEST

START_TEST(the_first_byte_tells_a_header_from_tls)
{
    struct proxy_decoder decoder = {0};
    struct bytes_const   input = {(const uint8_t *)"P", 1};

    ck_assert(proxy_decoder_may_begin('P'));
    ck_assert(proxy_decoder_may_begin('\r'));
    ck_assert(!proxy_decoder_may_begin(0x16));
    ck_assert(!proxy_decoder_may_begin(0x80));
    ck_assert(!proxy_decoder_has_begun(&decoder));
    ck_assert_int_eq(proxy_decoder_feed(&decoder, &input, &header), PROXY_FEED_ME);
    ck_assert(proxy_decoder_has_begun(&decoder));
}
END_TEST

START_TEST(each_fault_has_words)
{
    for (enum proxy_fault i = PROXY_FAULT_NONE; i < PROXY_FAULTS_COUNT; i++) {
        ck_assert_uint_gt(strlen(proxy_fault_text(i)), 3);
    }
}
END_TEST

Suite *proxy_decoder_suite(void)
{
    return suite_of("proxy_decoder",
                    (const TTest *const[]){a_line_of_ip4_is_read,
                                           a_line_of_ip6_is_read,
                                           unknown_is_nobody_whatever_follows,
                                           a_line_that_begins_otherwise_is_refused,
                                           a_line_for_another_protocol_is_refused,
                                           a_malformed_address_is_refused,
                                           a_malformed_port_is_refused,
                                           a_line_ends_with_both_or_is_refused,
                                           a_line_has_at_most_107_bytes,
                                           a_block_of_ip4_is_read,
                                           a_block_of_ip6_is_read,
                                           a_block_of_paths_is_read,
                                           datagrams_and_what_is_unspecified_are_nobody,
                                           local_is_local_whatever_follows,
                                           the_signature_is_all_of_it,
                                           other_versions_commands_and_families_are_refused,
                                           addresses_that_do_not_fit_are_refused,
                                           facts_are_passed_over,
                                           as_many_facts_as_there_can_be_are_passed_over,
                                           facts_that_do_not_end_where_the_block_does_are_refused,
                                           facts_of_a_wrong_length_are_refused,
                                           a_checksum_that_is_there_is_checked,
                                           a_second_checksum_is_refused,
                                           what_is_written_is_read_again,
                                           the_first_byte_tells_a_header_from_tls,
                                           each_fault_has_words,
                                           NULL});
}
