/* What an engine costs, and what is there again when it is gone. */
#include "pair.h"
#include "suites.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

enum { ENGINES = 200, IDLE_BYTES_MAX = 20 * 1024 };

/* The server's side alone, after the client has said something and got an answer. */
static void make_idle(struct end *server, struct pair *pair)
{
    end_init(server, pair->server_context, TLS_SERVER);
    end_fini(&pair->client);
    end_init(&pair->client, pair->client_context, TLS_CLIENT);
    for (int i = 0; i < 5; i++) {
        (void)end_step(&pair->client, server, WIRE_BYTES);
        (void)end_step(server, &pair->client, WIRE_BYTES);
    }
    end_write(&pair->client, bytes_of("request"));
    ck_assert_int_eq(end_step(server, &pair->client, WIRE_BYTES), TLS_FEED_ME);
    check_plain(server, "request");
    end_write(server, bytes_of("reply"));
    ck_assert_int_eq(end_step(&pair->client, server, WIRE_BYTES), TLS_FEED_ME);
    check_plain(&pair->client, "reply");
    tls_engine_settle(&server->engine);
}

static void measure(const char *version)
{
    struct tls_context_options client = client_options();
    struct end                *ends = calloc(ENGINES, sizeof(*ends));

    ck_assert_ptr_nonnull(ends);
    client.max_version = version;
    struct pair *pair = pair_new(NULL, &client);

    make_idle(&pair->server, pair);
    size_t before = heap_bytes();

    for (size_t i = 0; i < ENGINES; i++) {
        make_idle(&ends[i], pair);
    }
    size_t each = (heap_bytes() - before) / ENGINES;

    for (size_t i = 0; i < ENGINES; i++) {
        end_fini(&ends[i]);
    }
    ck_assert_msg(each <= IDLE_BYTES_MAX, "%s: %zu bytes", version, each);
    free(ends);
    pair_free(&pair);
}

START_TEST(an_idle_engine_holds_20_kib_of_heap_at_most)
{
#ifndef __SANITIZE_ADDRESS__
    measure("TLSv1.2");
    measure("TLSv1.3");
#else
    (void)measure; /* red zones are no measure */
#endif
}
END_TEST

START_TEST(engines_leave_nothing_behind)
{
    enum {
        ROUNDS = 20,
        SLACK_BYTES = 64 * 1024
    }; /* malloc counts its caches; an engine is 18 kB */
    struct pair *pair = pair_new(NULL, NULL);

    pair_shake(pair);
    pair_restart(pair);
    size_t before = heap_bytes();

    for (int i = 0; i < ROUNDS; i++) {
        pair_shake(pair);
        check_established(pair);
        pair_restart(pair);
    }
    ck_assert_uint_le(heap_bytes(), before + SLACK_BYTES);
    pair_free(&pair);
}
END_TEST

/* OpenSSL has numbers for 127 kinds of BIO in a process, and each reload makes a library. */
START_TEST(the_two_hundredth_library_is_as_good_as_the_first)
{
    enum { LIBRARIES = 200 };
    struct error error = ERROR_OK;

    for (int i = 0; i < LIBRARIES; i++) {
        struct tls_library *library = tls_library_new(&error);

        ck_assert_ptr_nonnull(library);
        tls_library_free(&library);
    }
    struct pair *pair = pair_established(NULL);
    int          type = BIO_method_type(SSL_get_rbio(pair->server.engine.ssl));

    ck_assert_int_eq(type & BIO_TYPE_SOURCE_SINK, BIO_TYPE_SOURCE_SINK);
    ck_assert_int_eq(type & (BIO_TYPE_DESCRIPTOR | BIO_TYPE_FILTER), 0);
    pair_free(&pair);
}
END_TEST

START_TEST(versions_of_openssl_are_told)
{
    ck_assert_ptr_nonnull(strstr(tls_version_run(), "OpenSSL"));
    ck_assert_ptr_nonnull(strstr(tls_version_build(), "OpenSSL"));
}
END_TEST

Suite *memory_suite(void)
{
    return suite_of("memory",
                    (const TTest *const[]){an_idle_engine_holds_20_kib_of_heap_at_most,
                                           engines_leave_nothing_behind,
                                           the_two_hundredth_library_is_as_good_as_the_first,
                                           versions_of_openssl_are_told, NULL});
}
