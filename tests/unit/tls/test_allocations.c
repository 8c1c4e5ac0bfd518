/*
 * The k-th allocation fails, for k = 1, 2, 3 and so on until a whole handshake passes. A binary of
 * its own: OpenSSL takes its allocator once, before its first allocation; ours is wrapped by the
 * linker.
 */
#include "authority.h"
#include "certificates.h"
#include "countdown.h"
#include "responder.h"
#include "suite.h"
#include "tls/client.h"
#include "tls/context.h"

#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __SANITIZE_ADDRESS__
/* Of <sanitizer/lsan_interface.h>, which Debian's gcc comes without. */
void __lsan_disable(void);
void __lsan_enable(void);
#endif

static void *openssl_malloc(size_t bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(bytes);
}

static void *openssl_realloc(void *memory, size_t bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    return realloc(memory, bytes);
}

static void openssl_free(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    free(memory);
}

__attribute__((constructor)) static void take_allocator(void)
{
    (void)CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free);
}

/* --- the scene ----------------------------------------------------------------------------- */

enum { WIRE_BYTES = 64 * 1024, K_MAX = 20000 };

struct end {
    struct tls_engine engine;
    struct buffer     wire;
    bool              has_failed;
    uint8_t           memory[WIRE_BYTES];
};

struct scene {
    struct tls_library *library;
    struct tls_context *server_context;
    struct tls_context *client_context;
    struct end          server;
    struct end          client;
};

static char *pem_text;

/* Which clients the server lets in, the last time under a policy of the name's own; loops go
 * through all. */
enum asking { ASKS_NOBODY, ASKS_ALICE, ASKS_ALICE_BY_NAME, ASKS_FOR_SOMEONE_ELSE, ASKINGS };
static enum asking        asking;
static struct credential  root;
static struct credential  alice;
static char              *root_pem;
static char              *list_pem;
static struct name_table *names; /* that have a policy of their own */

static bool library_make(struct scene *scene, struct error *error)
{
    struct tls_ticket_keys keys = {0};

    scene->library = tls_library_new(error);
    if (scene->library == NULL || !tls_ticket_keys_rotate(&keys)) {
        return false;
    }
    tls_library_set_ticket_keys(scene->library, &keys);
    return true;
}

static void ask(struct tls_context_options *server)
{
    static struct bytes_const authority;
    static struct bytes_const list;
    static struct tls_trust   trust;
    static struct tls_allow   allow;
    static struct tls_verify  policy;

    authority = (struct bytes_const){(const uint8_t *)root_pem, strlen(root_pem)};
    list = (struct bytes_const){(const uint8_t *)list_pem, strlen(list_pem)};
    trust = (struct tls_trust){.authorities = &authority,
                               .authorities_count = 1,
                               .revocations = &list,
                               .revocations_count = 1,
                               .checks_leaf = true,
                               .sends_names = true};
    allow = (struct tls_allow){.kind = TLS_ALLOW_CN,
                               .pattern = asking == ASKS_FOR_SOMEONE_ELSE ? "bob" : "alice"};
    policy =
        (struct tls_verify){.mode = asking == ASKS_NOBODY ? TLS_VERIFY_NONE : TLS_VERIFY_REQUIRED,
                            .allows = &allow,
                            .allows_count = 1};
    server->verify = (struct tls_verify_options){
        .trusts = &trust, .trusts_count = 1, .policies = &policy, .policies_count = 1};
}

static void name(struct tls_context_options *server)
{
    static struct tls_context_options modern = {.policy = TLS_POLICY_MODERN};

    server->named =
        (struct tls_named_options){.policies = &modern, .policies_count = 1, .names = names};
}

static bool contexts_make(struct scene *scene, struct text *problem)
{
    static const char *const   alpn[] = {"h2"};
    struct tls_pem             pem = {.certificate_path = "www.pem",
                                      .certificate = {(const uint8_t *)pem_text, strlen(pem_text)}};
    struct tls_context_options server = {.role = TLS_FOR_SERVER,
                                         .policy = TLS_POLICY_INTERMEDIATE,
                                         .pems = &pem,
                                         .pems_count = 1,
                                         .alpn = alpn,
                                         .alpn_count = 1,
                                         .tickets = 1};
    struct tls_context_options client = {.role = TLS_FOR_CLIENT, .policy = TLS_POLICY_INTERMEDIATE};

    ask(&server);
    if (asking == ASKS_ALICE_BY_NAME) {
        name(&server);
    }
    scene->server_context = tls_context_new(scene->library, &server, problem);
    if (scene->server_context != NULL) {
        scene->client_context = tls_context_new(scene->library, &client, problem);
    }
    return scene->client_context != NULL;
}

static bool end_make(struct end *end, const struct tls_context *context, enum tls_role role)
{
    struct error error = ERROR_OK;

    buffer_attach(&end->wire, end->memory, sizeof(end->memory));
    if (!tls_engine_init(&end->engine, context, role, &error)) {
        ck_assert_int_eq(error.kind, ERROR_EXHAUSTED);
        return false;
    }
    tls_engine_drain(&end->engine, &end->wire);
    return true;
}

static bool step(struct end *end, struct end *from, enum tls_next *next)
{
    struct bytes_const wire = buffer_readable(&from->wire);

    tls_engine_feed(&end->engine, wire);
    *next = tls_engine_handshake(&end->engine);
    buffer_consumed(&from->wire, wire.len - tls_engine_unread(&end->engine));
    buffer_compact(&from->wire);
    tls_engine_feed(&end->engine, (struct bytes_const){0});
    end->has_failed = *next == TLS_FAILED;
    return !end->has_failed;
}

/* Not while allocations are counted: what checks takes memory, too. */
static void check_failure(const struct end *end)
{
    if (end->has_failed) {
        ck_assert_int_ne(tls_engine_failure(&end->engine), TLS_FAILURE_NONE);
        ck_assert_int_ne(tls_engine_error(&end->engine).kind, ERROR_NONE);
        ck_assert_str_ne(tls_engine_reason(&end->engine), "");
        ck_assert_int_ne(tls_engine_failure(&end->engine), TLS_FAILURE_HELLO_INVALID);
    }
}

static bool handshake(struct scene *scene)
{
    enum { FLIGHTS_MAX = 5 };
    static const uint8_t alpn[] = "\x02h2";
    enum tls_next        server = TLS_FEED_ME;
    enum tls_next        client = TLS_FEED_ME;

    if (!end_make(&scene->server, scene->server_context, TLS_SERVER) ||
        !end_make(&scene->client, scene->client_context, TLS_CLIENT) ||
        !tls_client_ask(&scene->client.engine, "www.example.org", (struct bytes_const){alpn, 3}) ||
        SSL_use_certificate(scene->client.engine.ssl, alice.certificate) != 1 ||
        SSL_use_PrivateKey(scene->client.engine.ssl, alice.key) != 1) {
        return false;
    }
    for (int i = 0; i < FLIGHTS_MAX && !(server == TLS_DONE && client == TLS_DONE); i++) {
        if (!step(&scene->client, &scene->server, &client) ||
            !step(&scene->server, &scene->client, &server)) {
            return false;
        }
    }
    return server == TLS_DONE && client == TLS_DONE;
}

static void engines_free(struct scene *scene)
{
    check_failure(&scene->server);
    check_failure(&scene->client);
    tls_engine_fini(&scene->server.engine);
    tls_engine_fini(&scene->client.engine);
    memset(&scene->server, 0, sizeof(scene->server));
    memset(&scene->client, 0, sizeof(scene->client));
}

static void contexts_free(struct scene *scene)
{
    tls_context_free(&scene->server_context);
    tls_context_free(&scene->client_context);
}

/* Alice's certificate is good, and not revoked. */
static void credentials_make(void)
{
    root = authority_make(NULL, "Root");
    alice = client_make(&root, "alice");
    root_pem = credential_pem(&root);
    list_pem = revocations_pem(&root, NULL, 1);
}

static void names_make(void)
{
    static const uint8_t www[] = "www.example.org";

    names = name_table_new();
    ck_assert_ptr_nonnull(names);
    ck_assert(name_table_add(names, (struct bytes_const){www, sizeof(www) - 1}, 1));
}

static struct scene *scene_new(void)
{
    struct scene *scene = calloc(1, sizeof(*scene));

    ck_assert_ptr_nonnull(scene);
    if (pem_text == NULL) {
        pem_text = certificate_make(&(struct certificate_options){
            .kind = CERTIFICATE_EC_P256, .names = "DNS:www.example.org", .days = 2});
        credentials_make();
        names_make();
    }
    return scene;
}

/* --- tests --------------------------------------------------------------------------------- */

/* Every one at first, then fewer: 1, 2, 3 ... and from 300 on every seventh. */
static long next_k(long k)
{
    enum { ALL_BELOW = 300, STRIDE = 7 };

    return k < ALL_BELOW ? k + 1 : k + STRIDE;
}

/* OpenSSL 3.0 leaks when the making of its name maps fails; ours is one allocation. */
static bool library_make_unwatched(struct scene *scene, struct error *error)
{
#ifdef __SANITIZE_ADDRESS__
    __lsan_disable();
#endif
    bool is_made = library_make(scene, error);
#ifdef __SANITIZE_ADDRESS__
    __lsan_enable();
#endif
    return is_made;
}

START_TEST(a_library_that_lacks_memory_is_not_made)
{
    struct scene *scene = scene_new();
    struct error  error = ERROR_OK;
    bool          is_made = false;

    for (long k = 1; k < K_MAX && !is_made; k = next_k(k)) {
        countdown_set(k);
        is_made = library_make_unwatched(scene, &error) && countdown_is_running();
        countdown_set(0);
        ck_assert(scene->library != NULL || error.kind != ERROR_NONE);
        tls_library_free(&scene->library);
    }
    ck_assert(is_made);
    free(scene);
}
END_TEST

START_TEST(a_context_that_lacks_memory_is_not_made_and_leaks_nothing)
{
    struct scene *scene = scene_new();
    struct error  error = ERROR_OK;
    bool          is_made = false;

    asking = (enum asking)_i;
    ck_assert(library_make(scene, &error));
    for (long k = 1; k < K_MAX && !is_made; k = next_k(k)) {
        char        memory[TLS_PROBLEM_BYTES];
        struct text problem;

        text_init(&problem, memory, sizeof(memory));
        countdown_set(k);
        bool has_both = contexts_make(scene, &problem);

        is_made = has_both && countdown_is_running();
        countdown_set(0);
        ck_assert_msg(has_both || text_len(&problem) > 0, "allocation %ld fails without words", k);
        contexts_free(scene);
    }
    ck_assert(is_made);
    tls_library_free(&scene->library);
    free(scene);
}
END_TEST

START_TEST(a_handshake_that_lacks_memory_fails_and_leaks_nothing)
{
    struct scene *scene = scene_new();
    struct error  error = ERROR_OK;
    char          memory[TLS_PROBLEM_BYTES];
    struct text   problem;
    bool          is_done = false;

    asking = (enum asking)_i;
    text_init(&problem, memory, sizeof(memory));
    ck_assert(library_make(scene, &error));
    ck_assert(contexts_make(scene, &problem));
    for (long k = 1; k < K_MAX && !is_done; k = next_k(k)) {
        countdown_set(k);
        is_done = handshake(scene) && countdown_is_running();
        countdown_set(0);
        engines_free(scene);
    }
    ck_assert(is_done);
    ck_assert(handshake(scene)); /* the contexts are as good as before */
    engines_free(scene);
    contexts_free(scene);
    tls_library_free(&scene->library);
    free(scene);
}
END_TEST

START_TEST(who_is_not_let_in_is_not_for_want_of_memory_either)
{
    struct scene *scene = scene_new();
    struct error  error = ERROR_OK;
    char          memory[TLS_PROBLEM_BYTES];
    struct text   problem;
    bool          is_over = false;

    asking = ASKS_FOR_SOMEONE_ELSE;
    text_init(&problem, memory, sizeof(memory));
    ck_assert(library_make(scene, &error));
    ck_assert(contexts_make(scene, &problem));
    for (long k = 1; k < K_MAX && !is_over; k = next_k(k)) {
        countdown_set(k);
        bool is_let_in = handshake(scene);

        is_over = countdown_is_running();
        countdown_set(0);
        ck_assert(!is_let_in);
        ck_assert(!tls_engine_is_established(&scene->server.engine));
        engines_free(scene);
    }
    ck_assert(is_over);
    contexts_free(scene);
    tls_library_free(&scene->library);
    free(scene);
}
END_TEST

static struct tls_certificate *alice_certificate(struct tls_library *library)
{
    char                   *text = credential_pem_with_key(&alice, &root);
    char                    memory[TLS_PROBLEM_BYTES];
    struct text             problem;
    struct tls_pem          pem = {.certificate_path = "alice.pem",
                                   .certificate = {(const uint8_t *)text, strlen(text)}};
    struct tls_certificate *certificate = NULL;

    text_init(&problem, memory, sizeof(memory));
    certificate = tls_certificate_new(library, &pem, &problem);
    ck_assert_msg(certificate != NULL, "%s", memory);
    free(text);
    return certificate;
}

START_TEST(a_staple_that_lacks_memory_is_refused_with_words)
{
    struct scene *scene = scene_new();
    struct error  error = ERROR_OK;
    struct bytes  der = answer_make(&(struct answer_options){.issuer = &root, .about = &alice});
    struct tls_certificate *certificate = NULL;
    bool                    is_done = false;

    ck_assert(library_make(scene, &error));
    certificate = alice_certificate(scene->library);
    for (long k = 1; k < K_MAX && !is_done; k = next_k(k)) {
        char        memory[TLS_PROBLEM_BYTES];
        struct text problem;

        text_init(&problem, memory, sizeof(memory));
        countdown_set(k);
        struct tls_staple *staple = tls_staple_new(
            certificate, (struct bytes_const){der.data, der.len}, (int64_t)time(NULL), &problem);

        is_done = staple != NULL && countdown_is_running();
        countdown_set(0);
        ck_assert_msg(staple != NULL || text_len(&problem) > 0, "allocation %ld", k);
        tls_staple_free(&staple);
    }
    ck_assert(is_done);
    tls_certificate_free(&certificate);
    tls_library_free(&scene->library);
    free(der.data);
    free(scene);
}
END_TEST

static Suite *allocations_suite(void)
{
    Suite *suite =
        suite_of("allocations",
                 (const TTest *const[]){a_library_that_lacks_memory_is_not_made,
                                        who_is_not_let_in_is_not_for_want_of_memory_either,
                                        a_staple_that_lacks_memory_is_refused_with_words, NULL});
    TCase *askings = tcase_create("askings");

    tcase_set_timeout(askings, 60);
    tcase_add_loop_test(askings, a_context_that_lacks_memory_is_not_made_and_leaks_nothing, 0,
                        ASKINGS);
    tcase_add_loop_test(askings, a_handshake_that_lacks_memory_fails_and_leaks_nothing, 0,
                        ASKS_FOR_SOMEONE_ELSE);
    suite_add_tcase(suite, askings);
    return suite;
}

suite_maker *const suites_all[] = {allocations_suite, NULL};
