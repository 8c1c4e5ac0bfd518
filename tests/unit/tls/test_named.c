/* Names with a policy of their own: what they get is what a server of that policy alone would give.
 */
#include "authority.h"
#include "certificates.h"
#include "pair.h"
#include "suites.h"
#include "tls/tls_internal.h"

#include <stdlib.h>
#include <string.h>

enum { RECORD_HEAD_BYTES = 5, VERSIONS_COUNT = 2 };

static const char *const VERSIONS[] = {"TLSv1.2", "TLSv1.3"};
static const char *const OWN_ALPN[] = {"h2"};

/* Of www.example.org; the server's own is what all other names get. */
static struct tls_context_options own;
static struct tls_context_options server;
static struct tls_context_options client;
static struct name_table         *names;

static void set_up(void)
{
    server = server_options();
    client = client_options();
    own = (struct tls_context_options){.policy = TLS_POLICY_INTERMEDIATE};
    names = name_table_new();
    ck_assert_ptr_nonnull(names);
    ck_assert(name_table_add(names, bytes_of("www.example.org"), 1));
    ck_assert(name_table_add(names, bytes_of("plain.example.org"), 0));
    ck_assert(name_table_add(names, bytes_of("*.example.org"), 1));
    server.named =
        (struct tls_named_options){.policies = &own, .policies_count = 1, .names = names};
}

static void tear_down(void)
{
    name_table_free(&names);
}

static void ask(struct pair *pair, const char *name)
{
    ck_assert(tls_client_ask(&pair->client.engine, name, bytes_of("\x02h2\x03irc")));
}

static struct tls_facts facts_of(const struct pair *pair)
{
    struct tls_facts facts;

    tls_engine_facts(&pair->server.engine, &facts);
    return facts;
}

static struct pair *shaken(const char *name)
{
    struct pair *pair = pair_new(&server, &client);

    ask(pair, name);
    pair_shake(pair);
    return pair;
}

static void check_accepted(const char *name, const char *version, const char *cipher)
{
    struct pair *pair = shaken(name);

    check_established(pair);
    ck_assert_str_eq(facts_of(pair).version, version);
    ck_assert_str_eq(facts_of(pair).cipher, cipher);
    pair_free(&pair);
}

static void check_refused(const char *name, enum tls_failure failure, const char *alert)
{
    struct pair *pair = shaken(name);

    ck_assert_int_eq(tls_engine_failure(&pair->server.engine), failure);
    ck_assert_int_eq(tls_engine_alert(&pair->server.engine).by, TLS_ALERT_SENT);
    ck_assert_str_eq(tls_engine_alert(&pair->server.engine).name, alert);
    pair_free(&pair);
}

/* --- what differs -------------------------------------------------------------------------- */

START_TEST(a_name_has_the_versions_of_its_policy_and_others_have_the_servers)
{
    own.policy = TLS_POLICY_MODERN;
    client.max_version = "TLSv1.2";
    check_refused("www.example.org", TLS_FAILURE_HANDSHAKE, "protocol_version");
    check_refused("any.example.org", TLS_FAILURE_HANDSHAKE, "protocol_version");
    check_accepted("plain.example.org", "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256");
    check_accepted("stranger.test", "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256");
    server.policy = TLS_POLICY_MODERN;
    own.policy = TLS_POLICY_INTERMEDIATE;
    check_accepted("www.example.org", "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256");
    check_refused("plain.example.org", TLS_FAILURE_HANDSHAKE, "protocol_version");
}
END_TEST

START_TEST(a_name_has_ciphers_and_suites_of_its_own)
{
    own.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384";
    own.ciphersuites = "TLS_CHACHA20_POLY1305_SHA256";
    check_accepted("www.example.org", "TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256");
    check_accepted("plain.example.org", "TLSv1.3", "TLS_AES_128_GCM_SHA256");
    client.max_version = "TLSv1.2";
    check_accepted("www.example.org", "TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384");
    client.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256";
    check_refused("www.example.org", TLS_FAILURE_HANDSHAKE, "handshake_failure");
    check_accepted("plain.example.org", "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256");
}
END_TEST

static void check_group(const char *name, const char *group)
{
    struct pair *pair = shaken(name);

    check_established(pair);
    ck_assert_str_eq(facts_of(pair).group, group);
    pair_free(&pair);
}

/* The client's first guess is X25519, so in TLS 1.3 there is a second hello. */
START_TEST(a_name_has_groups_of_its_own_also_by_a_second_hello)
{
    own.groups = "P-384";
    client.max_version = VERSIONS[_i];
    check_group("www.example.org", "secp384r1");
    check_group("plain.example.org", "x25519");
    own.groups = NULL;
    own.commands = &(struct tls_command){"Groups", "P-521:P-256"};
    own.commands_count = 1;
    client.groups = "X25519:P-521:P-256"; /* the last for the certificate */
    check_group("www.example.org", "secp521r1");
    check_group("plain.example.org", "x25519");
}
END_TEST

START_TEST(a_name_has_commands_and_an_order_of_ciphers_of_its_own)
{
    own.prefer_server_ciphers = true;
    own.ciphersuites = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";
    client.ciphersuites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";
    check_accepted("www.example.org", "TLSv1.3", "TLS_AES_256_GCM_SHA384");
    own.prefer_server_ciphers = false;
    check_accepted("www.example.org", "TLSv1.3", "TLS_AES_128_GCM_SHA256");
    own.commands = &(struct tls_command){"MaxProtocol", "TLSv1.2"};
    own.commands_count = 1;
    check_accepted("www.example.org", "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256");
    check_accepted("plain.example.org", "TLSv1.3", "TLS_AES_128_GCM_SHA256");
}
END_TEST

START_TEST(a_name_has_protocols_of_its_own)
{
    static const char *const irc[] = {"irc"};
    struct pair             *pair = NULL;

    server.alpn = irc;
    server.alpn_count = 1;
    own.alpn = OWN_ALPN;
    own.alpn_count = 1;
    pair = shaken("www.example.org");
    ck_assert_int_eq(memcmp(facts_of(pair).alpn.data, "h2", 2), 0);
    pair_free(&pair);
    pair = shaken("plain.example.org");
    ck_assert_int_eq(memcmp(facts_of(pair).alpn.data, "irc", 3), 0);
    pair_free(&pair);
    own.alpn = (const char *const[]){"spdy"};
    check_refused("www.example.org", TLS_FAILURE_HANDSHAKE, "no_application_protocol");
    own.alpn_mismatch_ignore = true;
    pair = shaken("www.example.org");
    check_established(pair);
    ck_assert_uint_eq(facts_of(pair).alpn.len, 0);
    pair_free(&pair);
}
END_TEST

/* --- what does not ------------------------------------------------------------------------- */

START_TEST(a_client_is_verified_under_any_policy)
{
    struct credential  root = authority_make(NULL, "Root");
    struct credential  alice = client_make(&root, "alice");
    char              *pem = credential_pem(&root);
    struct bytes_const authority = bytes_of(pem);
    struct tls_trust   trust = {.authorities = &authority, .authorities_count = 1, .depth = 4};
    struct tls_verify  required = {.mode = TLS_VERIFY_REQUIRED};

    server.verify = (struct tls_verify_options){
        .trusts = &trust, .trusts_count = 1, .policies = &required, .policies_count = 1};
    own.policy = TLS_POLICY_MODERN;
    check_refused("www.example.org", TLS_FAILURE_CERTIFICATE, "certificate_required");
    struct pair *pair = pair_new(&server, &client);

    ask(pair, "www.example.org");
    ck_assert_int_eq(SSL_use_certificate(pair->client.engine.ssl, alice.certificate), 1);
    ck_assert_int_eq(SSL_use_PrivateKey(pair->client.engine.ssl, alice.key), 1);
    pair_shake(pair);
    check_established(pair);
    ck_assert_str_eq(facts_of(pair).verify, "ok");
    pair_free(&pair);
    free(pem);
    credential_fini(&alice);
    credential_fini(&root);
}
END_TEST

static bool resumes(struct pair *pair, const char *name, struct ssl_session_st *session)
{
    pair_restart(pair);
    ask(pair, name);
    ck_assert(tls_client_resume(&pair->client.engine, session));
    pair_shake(pair);
    check_established(pair);
    return facts_of(pair).is_resumed;
}

START_TEST(a_ticket_is_good_for_its_name_alone_and_only_while_the_policy_stays)
{
    client.max_version = VERSIONS[_i];
    own.policy = TLS_POLICY_OLD;
    struct pair           *pair = shaken("www.example.org");
    struct ssl_session_st *session = session_of(pair);

    ck_assert(resumes(pair, "www.example.org", session));
    ck_assert(!resumes(pair, "plain.example.org", session));
    ck_assert(!resumes(pair, "any.example.org", session));
    own.policy = TLS_POLICY_INTERMEDIATE;
    own.groups = "P-256";
    tls_context_free(&pair->server_context);
    pair->server_context = context_new(pair->library, &server);
    ck_assert(!resumes(pair, "www.example.org", session));
    tls_client_session_free(&session);
    pair_free(&pair);
}
END_TEST

/* --- how the hello comes ------------------------------------------------------------------- */

START_TEST(the_hello_may_come_in_one_byte_pieces_and_what_follows_it_at_once)
{
    static const uint8_t change_cipher_spec[] = {20, 3, 3, 0, 1, 1};

    own.ciphersuites = "TLS_CHACHA20_POLY1305_SHA256";
    struct pair *pair = pair_new(&server, &client);

    for (int i = 0; i < ROUNDS_MAX && !(tls_engine_is_established(&pair->server.engine) &&
                                        tls_engine_is_established(&pair->client.engine));
         i++) {
        ck_assert_int_ne(end_step(&pair->client, &pair->server, 1), TLS_FAILED);
        ck_assert_int_ne(end_step(&pair->server, &pair->client, 1), TLS_FAILED);
    }
    check_established(pair);
    pair_restart(pair);
    ck_assert_int_eq(tls_engine_handshake(&pair->client.engine), TLS_FEED_ME);
    (void)buffer_append(&pair->client.wire,
                        (struct bytes_const){change_cipher_spec, sizeof(change_cipher_spec)});
    pair_shake(pair);
    check_established(pair);
    ck_assert_str_eq(facts_of(pair).cipher, "TLS_CHACHA20_POLY1305_SHA256");
    pair_free(&pair);
}
END_TEST

START_TEST(output_may_have_room_for_one_byte)
{
    uint8_t       memory[1];
    struct buffer little = {0};

    own.ciphersuites = "TLS_CHACHA20_POLY1305_SHA256";
    struct pair *pair = pair_new(&server, &client);

    buffer_attach(&little, memory, sizeof(memory));
    tls_engine_drain(&pair->server.engine, &little);
    for (int i = 0; i < ROUNDS_MAX && !(tls_engine_is_established(&pair->server.engine) &&
                                        tls_engine_is_established(&pair->client.engine));
         i++) {
        ck_assert_int_ne(end_step(&pair->client, &pair->server, WIRE_BYTES), TLS_FAILED);
        ck_assert_int_ne(end_step(&pair->server, &pair->client, WIRE_BYTES), TLS_FAILED);
        (void)buffer_append(&pair->server.wire, buffer_readable(&little));
        buffer_consumed(&little, buffer_len(&little));
    }
    check_established(pair);
    ck_assert_str_eq(facts_of(pair).cipher, "TLS_CHACHA20_POLY1305_SHA256");
    pair_free(&pair);
}
END_TEST

/* Protocols of 250 bytes each, to fill two records and more than half of what a client may send. */
START_TEST(a_hello_of_several_records_is_read_again_whole)
{
    enum { NAME_BYTES = 250, NAMES = 160 };
    static uint8_t alpn[NAMES * (NAME_BYTES + 1)];

    for (size_t i = 0; i < NAMES; i++) {
        memset(alpn + i * (NAME_BYTES + 1), 'a', NAME_BYTES + 1);
        alpn[i * (NAME_BYTES + 1)] = NAME_BYTES;
    }
    own.groups = "P-384";
    own.alpn_mismatch_ignore = true;
    own.alpn = OWN_ALPN;
    own.alpn_count = 1;
    client.max_version = "TLSv1.2";
    struct pair *pair = pair_new(&server, &client);

    ck_assert(tls_client_ask(&pair->client.engine, "www.example.org",
                             (struct bytes_const){alpn, sizeof(alpn)}));
    pair_shake(pair);
    check_established(pair);
    ck_assert_str_eq(facts_of(pair).group, "secp384r1");
    pair_free(&pair);
}
END_TEST

START_TEST(what_stands_behind_the_hello_in_its_record_ends_the_handshake)
{
    static const uint8_t certificate[] = {SSL3_MT_CERTIFICATE, 0, 0, 0};
    struct pair         *pair = pair_new(&server, &client);
    uint8_t             *head = NULL;

    ck_assert_int_eq(tls_engine_handshake(&pair->client.engine), TLS_FEED_ME);
    (void)buffer_append(&pair->client.wire, (struct bytes_const){certificate, sizeof(certificate)});
    head = (uint8_t *)(uintptr_t)buffer_readable(&pair->client.wire).data;
    size_t len = buffer_len(&pair->client.wire) - RECORD_HEAD_BYTES;

    head[3] = (uint8_t)(len >> 8);
    head[4] = (uint8_t)len;
    (void)end_step(&pair->server, &pair->client, WIRE_BYTES);
    ck_assert_int_eq(tls_engine_failure(&pair->server.engine), TLS_FAILURE_HANDSHAKE);
    ck_assert_str_eq(tls_engine_alert(&pair->server.engine).name, "unexpected_message");
    pair_free(&pair);
}
END_TEST

static void rename_in(const struct buffer *wire, const char *from, const char *to)
{
    struct bytes_const bytes = buffer_readable(wire);
    uint8_t           *found = memmem((void *)(uintptr_t)bytes.data, bytes.len, from, strlen(from));

    ck_assert_ptr_nonnull(found);
    memcpy(found, to, strlen(to));
}

/* RFC 8446 section 4.1.2; otherwise one name's policy could be had with another's hello. */
START_TEST(a_second_hello_for_a_name_of_another_policy_is_refused)
{
    static const char *const asked[] = {"www.example.org", "one.stranger.qq"};
    struct pair             *pair = NULL;

    own.groups = "P-384";
    server.groups = "P-384";
    pair = pair_new(&server, &client);
    ask(pair, asked[_i]);
    (void)end_step(&pair->client, &pair->server, WIRE_BYTES);
    (void)end_step(&pair->server, &pair->client, WIRE_BYTES);
    (void)end_step(&pair->client, &pair->server, WIRE_BYTES);
    rename_in(&pair->client.wire, asked[_i], asked[1 - _i]);
    (void)end_step(&pair->server, &pair->client, WIRE_BYTES);
    ck_assert_int_eq(tls_engine_failure(&pair->server.engine), TLS_FAILURE_HANDSHAKE);
    ck_assert_str_eq(tls_engine_alert(&pair->server.engine).name, "illegal_parameter");
    pair_free(&pair);
}
END_TEST

START_TEST(a_hello_of_no_name_has_the_servers_policy)
{
    own.policy = TLS_POLICY_MODERN;
    client.max_version = "TLSv1.2";
    struct pair *pair = pair_new(&server, &client);

    ck_assert_int_eq(SSL_set_tlsext_host_name(pair->client.engine.ssl, NULL), 1);
    pair_shake(pair);
    check_established(pair);
    pair_free(&pair);
}
END_TEST

START_TEST(a_name_that_is_not_known_is_refused_before_any_policy)
{
    server.strict_sni = true;
    check_refused("any.example.org", TLS_FAILURE_NAME_UNKNOWN, "unrecognized_name");
    check_accepted("www.example.org", "TLSv1.3", "TLS_AES_128_GCM_SHA256");
}
END_TEST

/* --- certificates -------------------------------------------------------------------------- */

START_TEST(a_certificate_is_held_against_the_policies_of_its_names)
{
    char                 *text = certificate_make(&(struct certificate_options){
                        .kind = CERTIFICATE_RSA_1024, .names = "DNS:www.example.org", .days = 2});
    struct tls_pem        pem = pem_of("weak.pem", text);
    struct tls_library   *library = library_new();
    char                  memory[TLS_PROBLEM_BYTES];
    struct text           problem;
    struct tls_selection *selection = tls_selection_new();

    text_init(&problem, memory, sizeof(memory));
    struct tls_certificate *weak = tls_certificate_new(library, &pem, &problem);

    ck_assert(weak != NULL && tls_selection_add(selection, weak));
    own.policy = TLS_POLICY_OLD;
    struct tls_context *context = context_new(library, &server);

    ck_assert(tls_context_takes(context, weak, false, &problem));
    ck_assert(tls_context_serves(context, selection, bytes_of("www.example.org"), &problem));
    ck_assert(!tls_context_takes(context, weak, true, &problem));
    ck_assert_str_eq(memory, "ee key too small");
    text_init(&problem, memory, sizeof(memory));
    ck_assert(!tls_context_serves(context, selection, bytes_of("plain.example.org"), &problem));
    ck_assert_str_eq(memory, "ee key too small");
    tls_context_free(&context);
    tls_selection_free(&selection);
    tls_certificate_free(&weak);
    tls_library_free(&library);
    free(text);
}
END_TEST

/* The default is an RSA key that security level 4 has no use for; the name's own is not. */
START_TEST(a_default_certificate_that_is_not_for_a_names_policy_is_no_trouble)
{
    char          *text = certificate_make(&(struct certificate_options){
                 .kind = CERTIFICATE_RSA_2048, .names = "DNS:default.test", .days = 2});
    struct tls_pem pems[] = {pem_of("default.pem", text), pem_of("www.pem", ec_pem())};

    server.pems = pems;
    server.pems_count = 2;
    own.security_level = "3";
    check_accepted("www.example.org", "TLSv1.3", "TLS_AES_128_GCM_SHA256");
    check_accepted("plain.example.org", "TLSv1.3", "TLS_AES_128_GCM_SHA256");
    check_refused("any.example.org", TLS_FAILURE_HANDSHAKE, "internal_error");
    free(text);
}
END_TEST

Suite *named_suite(void)
{
    const TTest *const once[] = {
        a_name_has_the_versions_of_its_policy_and_others_have_the_servers,
        a_name_has_ciphers_and_suites_of_its_own,
        a_name_has_commands_and_an_order_of_ciphers_of_its_own,
        a_name_has_protocols_of_its_own,
        a_client_is_verified_under_any_policy,
        the_hello_may_come_in_one_byte_pieces_and_what_follows_it_at_once,
        output_may_have_room_for_one_byte,
        a_hello_of_several_records_is_read_again_whole,
        what_stands_behind_the_hello_in_its_record_ends_the_handshake,
        a_hello_of_no_name_has_the_servers_policy,
        a_name_that_is_not_known_is_refused_before_any_policy,
        a_certificate_is_held_against_the_policies_of_its_names,
        a_default_certificate_that_is_not_for_a_names_policy_is_no_trouble,
    };
    Suite *suite = suite_create("named");
    TCase *named = tcase_create("named");

    tcase_set_timeout(named, 60);
    tcase_add_checked_fixture(named, set_up, tear_down);
    for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++) {
        tcase_add_test(named, once[i]);
    }
    tcase_add_loop_test(named, a_name_has_groups_of_its_own_also_by_a_second_hello, 0,
                        VERSIONS_COUNT);
    tcase_add_loop_test(named, a_ticket_is_good_for_its_name_alone_and_only_while_the_policy_stays,
                        0, VERSIONS_COUNT);
    tcase_add_loop_test(named, a_second_hello_for_a_name_of_another_policy_is_refused, 0, 2);
    suite_add_tcase(suite, named);
    return suite;
}
