#include "pair.h"

#include "base/clock.h"
#include "certificates.h"
#include "suite.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
/* Of <sanitizer/allocator_interface.h>, which Debian's gcc comes without. */
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

static uint64_t clock_now;
static uint64_t clock_step_ns;

/* --- contexts ------------------------------------------------------------------------------ */

struct tls_library *library_new(void)
{
    struct error        error = ERROR_OK;
    struct tls_library *library = tls_library_new(&error);

    ck_assert_ptr_nonnull(library);
    return library;
}

struct bytes_const bytes_of(const char *text)
{
    return (struct bytes_const){(const uint8_t *)text, strlen(text)};
}

struct tls_pem pem_of(const char *path, const char *text)
{
    return (struct tls_pem){.certificate_path = path, .certificate = bytes_of(text)};
}

const char *ec_pem(void)
{
    static char *pem;

    if (pem == NULL) {
        pem = certificate_make(&(struct certificate_options){
            .kind = CERTIFICATE_EC_P256, .names = "DNS:www.example.org", .days = 2});
    }
    return pem;
}

const char *rsa_pem(void)
{
    static char *pem;

    if (pem == NULL) {
        pem = certificate_make(&(struct certificate_options){
            .kind = CERTIFICATE_RSA_2048, .names = "DNS:www.example.org", .days = 2});
    }
    return pem;
}

struct tls_context_options server_options(void)
{
    static struct tls_pem pem;

    pem = pem_of("www.pem", ec_pem());
    return (struct tls_context_options){.role = TLS_FOR_SERVER,
                                        .policy = TLS_POLICY_INTERMEDIATE,
                                        .pems = &pem,
                                        .pems_count = 1,
                                        .tickets = 1};
}

struct tls_context_options client_options(void)
{
    return (struct tls_context_options){.role = TLS_FOR_CLIENT, .policy = TLS_POLICY_INTERMEDIATE};
}

struct tls_context *context_new(struct tls_library               *library,
                                const struct tls_context_options *options)
{
    char        memory[TLS_PROBLEM_BYTES];
    struct text problem;

    text_init(&problem, memory, sizeof(memory));
    struct tls_context *context = tls_context_new(library, options, &problem);

    ck_assert_msg(context != NULL, "%s", text_chars(&problem));
    return context;
}

void check_problem(const struct tls_context_options *options, const char *words)
{
    char                memory[TLS_PROBLEM_BYTES];
    struct text         problem;
    struct tls_library *library = library_new();

    text_init(&problem, memory, sizeof(memory));
    struct tls_context *context = tls_context_new(library, options, &problem);

    ck_assert_msg(context == NULL, "no problem, although: %s", words);
    ck_assert_msg(strstr(text_chars(&problem), words) != NULL, "\"%s\" lacks \"%s\"",
                  text_chars(&problem), words);
    tls_library_free(&library);
}

/* --- pairs --------------------------------------------------------------------------------- */

void pair_clock_step(uint64_t ns)
{
    clock_step_ns = ns;
}

static uint64_t stepping_clock(void)
{
    clock_now += clock_step_ns;
    return clock_now;
}

struct pair *pair_new(const struct tls_context_options *server,
                      const struct tls_context_options *client)
{
    struct tls_context_options server_default = server_options();
    struct tls_context_options client_default = client_options();
    struct tls_ticket_keys     keys = {0};
    struct pair               *pair = calloc(1, sizeof(*pair));

    ck_assert_ptr_nonnull(pair);
    pair_clock_step(0);
    clock_set_source(stepping_clock);
    pair->library = library_new();
    ck_assert(tls_ticket_keys_rotate(&keys));
    tls_library_set_ticket_keys(pair->library, &keys);
    pair->server_context = context_new(pair->library, server != NULL ? server : &server_default);
    pair->client_context = context_new(pair->library, client != NULL ? client : &client_default);
    end_init(&pair->server, pair->server_context, TLS_SERVER);
    end_init(&pair->client, pair->client_context, TLS_CLIENT);
    return pair;
}

void pair_free(struct pair **pair)
{
    end_fini(&(*pair)->server);
    end_fini(&(*pair)->client);
    tls_context_free(&(*pair)->server_context);
    tls_context_free(&(*pair)->client_context);
    tls_library_free(&(*pair)->library);
    free(*pair);
    *pair = NULL;
}

struct pair *pair_established(const char *version)
{
    struct tls_context_options client = client_options();

    client.max_version = version;
    struct pair *pair = pair_new(NULL, &client);

    pair_shake(pair);
    check_established(pair);
    ck_assert_int_eq(end_step(&pair->client, &pair->server, WIRE_BYTES), TLS_FEED_ME);
    return pair;
}

void pair_restart(struct pair *pair)
{
    end_fini(&pair->server);
    end_fini(&pair->client);
    end_init(&pair->server, pair->server_context, TLS_SERVER);
    end_init(&pair->client, pair->client_context, TLS_CLIENT);
}

static bool is_settled(const struct end *end)
{
    return tls_engine_is_established(&end->engine) ||
           tls_engine_failure(&end->engine) != TLS_FAILURE_NONE;
}

void pair_shake(struct pair *pair)
{
    enum { FLIGHTS_MAX = 10 };

    for (int i = 0; i < FLIGHTS_MAX && !(is_settled(&pair->server) && is_settled(&pair->client));
         i++) {
        (void)end_step(&pair->client, &pair->server, WIRE_BYTES);
        (void)end_step(&pair->server, &pair->client, WIRE_BYTES);
    }
}

void check_established(struct pair *pair)
{
    ck_assert_msg(tls_engine_is_established(&pair->server.engine), "server: %s",
                  tls_engine_reason(&pair->server.engine));
    ck_assert_msg(tls_engine_is_established(&pair->client.engine), "client: %s",
                  tls_engine_reason(&pair->client.engine));
}

void end_init(struct end *end, const struct tls_context *context, enum tls_role role)
{
    struct error error = ERROR_OK;

    memset(end, 0, sizeof(*end));
    buffer_attach(&end->wire, end->wire_memory, sizeof(end->wire_memory));
    buffer_attach(&end->plain, end->plain_memory, sizeof(end->plain_memory));
    ck_assert(tls_engine_init(&end->engine, context, role, &error));
    tls_engine_drain(&end->engine, &end->wire);
    if (role == TLS_CLIENT) {
        ck_assert(tls_client_ask(&end->engine, "www.example.org", (struct bytes_const){0}));
    }
}

void end_fini(struct end *end)
{
    tls_engine_fini(&end->engine);
}

enum tls_next end_step(struct end *end, struct end *from, size_t bytes)
{
    struct bytes_const wire = buffer_readable(&from->wire);

    wire.len = wire.len < bytes ? wire.len : bytes;
    tls_engine_feed(&end->engine, wire);
    enum tls_next next = tls_engine_is_established(&end->engine)
                             ? tls_engine_decrypt(&end->engine, &end->plain, 1)
                             : tls_engine_handshake(&end->engine);

    buffer_consumed(&from->wire, wire.len - tls_engine_unread(&end->engine));
    buffer_compact(&from->wire);
    tls_engine_feed(&end->engine, (struct bytes_const){0});
    return next;
}

enum tls_next end_feed(struct end *end, struct bytes_const bytes)
{
    tls_engine_feed(&end->engine, bytes);
    enum tls_next next = tls_engine_is_established(&end->engine)
                             ? tls_engine_decrypt(&end->engine, &end->plain, 1)
                             : tls_engine_handshake(&end->engine);

    tls_engine_feed(&end->engine, (struct bytes_const){0});
    return next;
}

void end_write(struct end *end, struct bytes_const bytes)
{
    size_t consumed = 0;

    ck_assert_int_eq(tls_engine_encrypt(&end->engine, bytes, &consumed), TLS_DONE);
    ck_assert_uint_eq(consumed, bytes.len);
}

void check_plain(struct end *end, const char *text)
{
    struct bytes_const plain = buffer_readable(&end->plain);

    ck_assert_uint_eq(plain.len, strlen(text));
    ck_assert(memcmp(plain.data, text, plain.len) == 0);
    buffer_consumed(&end->plain, plain.len);
}

struct ssl_session_st *session_of(struct pair *pair)
{
    (void)end_step(&pair->client, &pair->server, WIRE_BYTES);
    struct ssl_session_st *session = tls_client_session(&pair->client.engine);

    ck_assert_int_eq(tls_engine_goodbye(&pair->client.engine), TLS_DONE);
    return session;
}

bool is_resumed(struct pair *pair, struct ssl_session_st *session)
{
    struct tls_facts facts;

    pair_restart(pair);
    ck_assert(tls_client_resume(&pair->client.engine, session));
    pair_shake(pair);
    check_established(pair);
    (void)end_step(&pair->client, &pair->server, WIRE_BYTES);
    ck_assert_int_eq(tls_engine_goodbye(&pair->client.engine), TLS_DONE);
    tls_engine_facts(&pair->server.engine, &facts);
    return facts.is_resumed;
}

const char *version_of(const struct end *end)
{
    struct tls_facts facts;

    tls_engine_facts(&end->engine, &facts);
    return facts.version;
}

size_t heap_bytes(void)
{
#ifdef __SANITIZE_ADDRESS__
    return __sanitizer_get_current_allocated_bytes();
#else
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
#endif
}
