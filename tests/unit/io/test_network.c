#include "io/network.h"

#include "suites.h"

static struct address address_of(const char *text)
{
    struct address addresses[ADDRESSES_PER_TEXT_MAX];
    const char    *problem = NULL;

    ck_assert_uint_eq(address_parse(text, addresses, &problem), 1);
    return addresses[0];
}

static bool has(const char *text, const char *address_text)
{
    struct network network;
    struct address address = address_of(address_text);
    const char    *problem = NULL;

    ck_assert(network_parse(text, &network, &problem));
    return network_has(&network, &address);
}

START_TEST(a_network_has_the_addresses_that_begin_like_it)
{
    ck_assert(has("192.0.2.0/24", "192.0.2.255:1"));
    ck_assert(!has("192.0.2.0/24", "192.0.3.0:1"));
    ck_assert(has("192.0.2.128/25", "192.0.2.129:1"));
    ck_assert(!has("192.0.2.128/25", "192.0.2.127:1"));
    ck_assert(has("192.0.2.7/24", "192.0.2.8:1"));
    ck_assert(has("0.0.0.0/0", "203.0.113.9:1"));
    ck_assert(has("2001:db8::/33", "[2001:db8:7fff::1]:1"));
    ck_assert(!has("2001:db8::/33", "[2001:db8:8000::1]:1"));
    ck_assert(has("::/0", "[2001:db8::1]:1"));
}
END_TEST

START_TEST(an_address_alone_is_a_network_of_one)
{
    ck_assert(has("192.0.2.1", "192.0.2.1:1"));
    ck_assert(!has("192.0.2.1", "192.0.2.2:1"));
    ck_assert(has("::1", "[::1]:1"));
    ck_assert(!has("::1", "[::2]:1"));
}
END_TEST

START_TEST(families_do_not_mix)
{
    ck_assert(!has("0.0.0.0/0", "[2001:db8::1]:1"));
    ck_assert(!has("::/0", "192.0.2.1:1"));
    ck_assert(!has("0.0.0.0/0", "unix:/run/x.sock"));
    ck_assert(!has("unix:", "192.0.2.1:1"));
    ck_assert(has("unix:", "unix:/run/x.sock"));
}
END_TEST

START_TEST(ip4_in_the_clothes_of_ip6_is_ip4)
{
    ck_assert(has("192.0.2.0/24", "[::ffff:192.0.2.9]:1"));
    ck_assert(!has("192.0.2.0/24", "[::ffff:192.0.3.9]:1"));
    ck_assert(has("::ffff:0:0/96", "[::ffff:192.0.3.9]:1"));
}
END_TEST

START_TEST(nobody_is_in_no_network)
{
    struct network network;
    struct address nobody = {.len = 0};
    const char    *problem = NULL;

    ck_assert(network_parse("0.0.0.0/0", &network, &problem));
    ck_assert(!network_has(&network, &nobody));
}
END_TEST

START_TEST(what_is_no_network_is_said_to_be_none)
{
    static const char *const texts[] = {"",
                                        "localhost",
                                        "192.0.2.1:80",
                                        "192.0.2.0/33",
                                        "192.0.2.0/",
                                        "192.0.2.0/-1",
                                        "192.0.2.0/24/8",
                                        "192.0.2.0/0024",
                                        "192.0.2/24",
                                        "2001:db8::/129",
                                        "2001:db8::1%lo/64",
                                        "[2001:db8::]/32",
                                        "unix",
                                        "unix:/run/x.sock",
                                        "0123456789012345678901234567890123456789012345678901/8"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct network network;
        const char    *problem = NULL;

        ck_assert_msg(!network_parse(texts[i], &network, &problem), "%s", texts[i]);
        ck_assert_ptr_nonnull(problem);
    }
}
END_TEST

Suite *network_suite(void)
{
    return suite_of(
        "network", (const TTest *const[]){a_network_has_the_addresses_that_begin_like_it,
                                          an_address_alone_is_a_network_of_one, families_do_not_mix,
                                          ip4_in_the_clothes_of_ip6_is_ip4, nobody_is_in_no_network,
                                          what_is_no_network_is_said_to_be_none, NULL});
}
