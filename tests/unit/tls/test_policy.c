/* Policies with what is laid over them, and what they come to. */
#include "pair.h"
#include "suites.h"
#include "tls/explain.h"
#include "tls/tls_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRINTED_BYTES = 8192 };

static char printed[PRINTED_BYTES];
static char problem_memory[TLS_PROBLEM_BYTES];

static bool explain(const struct tls_context_options *options)
{
    struct tls_library *library = library_new();
    FILE               *file = fmemopen(printed, sizeof(printed), "w");
    struct text         problem;

    ck_assert_ptr_nonnull(file);
    text_init(&problem, problem_memory, sizeof(problem_memory));
    bool is_explained = tls_explain(library, options, file, &problem);

    ck_assert_int_eq(fputc('\0', file), '\0');
    (void)fclose(file);
    tls_library_free(&library);
    return is_explained;
}

static void check_explained(const struct tls_context_options *options, const char *words)
{
    ck_assert_msg(explain(options), "%s", problem_memory);
    ck_assert_msg(strstr(printed, words) != NULL, "no \"%s\" in:\n%s", words, printed);
}

START_TEST(each_policy_is_explained_by_its_versions_and_ciphers)
{
    struct tls_context_options options = {.policy = TLS_POLICY_MODERN};

    check_explained(&options, "  versions: TLSv1.3\n");
    check_explained(&options, "  suites of TLS 1.3: TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 "
                              "TLS_CHACHA20_POLY1305_SHA256\n");
    ck_assert_ptr_null(strstr(printed, "TLS 1.2"));
    options.policy = TLS_POLICY_INTERMEDIATE;
    check_explained(&options, "  versions: TLSv1.2 TLSv1.3\n");
    check_explained(&options, "  ciphers of TLS 1.2 and below: ECDHE-ECDSA-AES128-GCM-SHA256 ");
    ck_assert_ptr_null(strstr(printed, "-SHA "));
    options.policy = TLS_POLICY_OLD;
    check_explained(&options, "  versions: TLSv1.0 TLSv1.1 TLSv1.2 TLSv1.3\n");
    check_explained(&options, " AES256-SHA\n");
    check_explained(&options, "  security level: 0\n");
    check_explained(&options, "  order of ciphers: the client's\n");
}
END_TEST

START_TEST(what_the_library_lacks_is_told_apart)
{
    struct tls_context_options options = {
        .policy = TLS_POLICY_INTERMEDIATE,
        .ciphers = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-NOVEL-CIPHER:!aNULL"};

    check_explained(&options, "  ciphers of TLS 1.2 and below: ECDHE-RSA-AES128-GCM-SHA256\n");
    check_explained(&options, "not in this library, or below its level: ECDHE-RSA-NOVEL-CIPHER\n");
    options.ciphers = "ECDHE-RSA-AES128-GCM-SHA256";
    check_explained(&options, "  ciphers of TLS 1.2 and below: ECDHE-RSA-AES128-GCM-SHA256\n");
    ck_assert_ptr_null(strstr(printed, "below its level"));
}
END_TEST

START_TEST(a_level_above_the_ciphers_is_told)
{
    struct tls_context_options options = {.policy = TLS_POLICY_OLD, .security_level = "1"};

    check_explained(&options, "    below TLSv1.2 nothing works above security level 0\n");
    check_explained(&options, "  security level: 1\n");
}
END_TEST

START_TEST(what_commands_come_to_is_explained)
{
    static const struct tls_command commands[] = {
        {"Protocol", "-TLSv1.2"}, {"Options", "ServerPreference"}, {"curves", "P-521:P-256"}};
    struct tls_context_options options = {
        .policy = TLS_POLICY_OLD, .groups = "X25519", .commands = commands, .commands_count = 3};

    check_explained(&options, "  versions: TLSv1.0 TLSv1.1 TLSv1.3\n");
    check_explained(&options, "  order of ciphers: the server's\n");
    check_explained(&options, "  groups: P-521:P-256\n");
    check_explained(&options, "  ssl-conf: Protocol = -TLSv1.2\n");
}
END_TEST

START_TEST(protocols_are_explained_where_there_are_any)
{
    static const char *const   alpn[] = {"h2", "http/1.1"};
    struct tls_context_options options = {.policy = TLS_POLICY_MODERN};

    ck_assert(explain(&options));
    ck_assert_ptr_null(strstr(printed, "alpn"));
    options.alpn = alpn;
    options.alpn_count = 2;
    check_explained(&options, "  alpn: h2 http/1.1, or no connection\n");
    options.alpn_mismatch_ignore = true;
    check_explained(&options, "  alpn: h2 http/1.1, or none\n");
}
END_TEST

START_TEST(the_groups_a_library_has_and_lacks_are_told)
{
    struct tls_library *library = library_new();
    FILE               *file = fmemopen(printed, sizeof(printed), "w");

    ck_assert_ptr_nonnull(file);
    tls_explain_groups(library, file);
    ck_assert_int_eq(fputc('\0', file), '\0');
    (void)fclose(file);
    tls_library_free(&library);
    const char *known = strstr(printed, "OpenSSL, groups: X25519 prime256v1 secp384r1 secp521r1 ");
    const char *quantum = strstr(printed, "OpenSSL, groups of post-quantum key exchange: ");
    const char *lacking = strstr(printed, "OpenSSL, groups it lacks: ");

    ck_assert(known != NULL && quantum != NULL && lacking != NULL);
    ck_assert_ptr_nonnull(strstr(quantum, "X25519MLKEM768"));
}
END_TEST

START_TEST(options_that_openssl_refuses_are_not_explained)
{
    struct tls_context_options options = {.groups = "nonsense"};

    ck_assert(!explain(&options));
    ck_assert_str_eq(problem_memory, "groups: OpenSSL does not take \"nonsense\"");
}
END_TEST

START_TEST(a_command_has_its_effect)
{
    static const struct tls_command commands[] = {{"MaxProtocol", "TLSv1.2"}};
    struct tls_context_options      server = server_options();

    server.commands = commands;
    server.commands_count = 1;
    struct pair *pair = pair_new(&server, NULL);

    pair_shake(pair);
    check_established(pair);
    ck_assert_str_eq(version_of(&pair->server), "TLSv1.2");
    pair_free(&pair);
}
END_TEST

START_TEST(commands_that_name_files_or_mean_nothing_are_refused)
{
    static const struct tls_command wrong[] = {{"PrivateKey", "/etc/shadow"},
                                               {"Certificate", "/etc/passwd"},
                                               {"Nonsense", "1"},
                                               {"MinProtocol", "TLSv9"}};
    static const char *const        words[] = {
               "PrivateKey: OpenSSL has no such command",
               "Certificate: OpenSSL has no such command",
               "Nonsense: OpenSSL has no such command",
               "MinProtocol: OpenSSL does not take that value",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct tls_context_options server = server_options();

        server.commands = &wrong[i];
        server.commands_count = 1;
        check_problem(&server, words[i]);
    }
}
END_TEST

/* CVE-2009-3555, CVE-2012-4929. */
START_TEST(no_command_turns_on_renegotiation_or_compression)
{
    static const struct tls_command commands[] = {
        {"Options", "Compression,ClientRenegotiation,UnsafeLegacyRenegotiation"}};
    struct tls_context_options server = server_options();

    server.commands = commands;
    server.commands_count = 1;
    struct tls_library *library = library_new();
    struct tls_context *context = context_new(library, &server);
    SSL_CTX            *ssl_ctx = context->ssl_ctx;

    ck_assert(SSL_CTX_get_options(ssl_ctx) & SSL_OP_NO_COMPRESSION);
    ck_assert(SSL_CTX_get_options(ssl_ctx) & SSL_OP_NO_RENEGOTIATION);
    tls_context_free(&context);
    tls_library_free(&library);
}
END_TEST

Suite *policy_suite(void)
{
    return suite_of("policy",
                    (const TTest *const[]){
                        each_policy_is_explained_by_its_versions_and_ciphers,
                        what_the_library_lacks_is_told_apart, a_level_above_the_ciphers_is_told,
                        the_groups_a_library_has_and_lacks_are_told,
                        what_commands_come_to_is_explained,
                        protocols_are_explained_where_there_are_any,
                        options_that_openssl_refuses_are_not_explained, a_command_has_its_effect,
                        commands_that_name_files_or_mean_nothing_are_refused,
                        no_command_turns_on_renegotiation_or_compression, NULL});
}
