/*
 * Named policies. Values of Mozilla's Server Side TLS 5.8, without its finite-field groups, the
 * AES-128 suite first (9 % cheaper handshakes where SHA-256 has instructions and SHA-384 has none).
 */
#include "tls/openssl_error.h"
#include "tls/tls_internal.h"

#include <string.h>

struct policy {
    int         min_version;
    const char *ciphers; /* of TLS 1.2 and below, also where only min-version lets them in */
};

#define MODERN_SUITES "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define INTERMEDIATE_CIPHERS                                                                       \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"     \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define OLD_CIPHERS                                                                                \
    INTERMEDIATE_CIPHERS ":ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:"                     \
                         "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:"                            \
                         "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:"                      \
                         "ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:AES128-GCM-SHA256:"          \
                         "AES256-GCM-SHA384:AES128-SHA256:AES256-SHA256:AES128-SHA:AES256-SHA:"    \
                         "@SECLEVEL=0"

static const struct policy policies[] = {
    [TLS_POLICY_MODERN] = {.min_version = TLS1_3_VERSION, .ciphers = INTERMEDIATE_CIPHERS},
    [TLS_POLICY_INTERMEDIATE] = {.min_version = TLS1_2_VERSION, .ciphers = INTERMEDIATE_CIPHERS},
    [TLS_POLICY_OLD] = {.min_version = TLS1_VERSION, .ciphers = OLD_CIPHERS},
};

/* In order of preference; what the library at run time does not have is left out. */
static const char *const groups[] = {"X25519MLKEM768", "X25519", "prime256v1", "secp384r1"};

static bool apply_versions(SSL_CTX *ssl_ctx, const struct tls_context_options *options,
                           struct text *problem);
static bool apply_ciphers(SSL_CTX *ssl_ctx, const struct tls_context_options *options,
                          struct text *problem);
static bool apply_groups(SSL_CTX *ssl_ctx, const struct tls_context_options *options,
                         struct text *problem);
static bool apply_commands(SSL_CTX *ssl_ctx, const struct tls_context_options *options,
                           struct text *problem);
static bool version_read(const char *name, int *version);

bool policy_apply(SSL_CTX *ssl_ctx, const struct tls_context_options *options, struct text *problem)
{
    if (options->prefer_server_ciphers) {
        SSL_CTX_set_options(ssl_ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    }
    bool is_applied =
        apply_versions(ssl_ctx, options, problem) && apply_ciphers(ssl_ctx, options, problem) &&
        apply_groups(ssl_ctx, options, problem) && apply_commands(ssl_ctx, options, problem);

    openssl_error_drop();
    return is_applied;
}

static bool apply_versions(SSL_CTX *ssl_ctx, const struct tls_context_options *options,
                           struct text *problem)
{
    int min = policies[options->policy].min_version;
    int max = TLS1_3_VERSION;

    if (options->min_version != NULL && !version_read(options->min_version, &min)) {
        text_format(problem, "min-version: no TLS version \"%s\"", options->min_version);
        return false;
    }
    if (options->max_version != NULL && !version_read(options->max_version, &max)) {
        text_format(problem, "max-version: no TLS version \"%s\"", options->max_version);
        return false;
    }
    if (min > max) {
        text_string(problem, "min-version is above max-version");
        return false;
    }
    if (SSL_CTX_set_min_proto_version(ssl_ctx, min) != 1 ||
        SSL_CTX_set_max_proto_version(ssl_ctx, max) != 1) {
        text_string(problem, "OpenSSL does not take these versions");
        return false;
    }
    return true;
}

static bool version_read(const char *name, int *version)
{
    static const struct {
        const char *name;
        int         version;
    } versions[] = {{"TLSv1", TLS1_VERSION},
                    {"TLSv1.0", TLS1_VERSION},
                    {"TLSv1.1", TLS1_1_VERSION},
                    {"TLSv1.2", TLS1_2_VERSION},
                    {"TLSv1.3", TLS1_3_VERSION}};

    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (strcmp(name, versions[i].name) == 0) {
            *version = versions[i].version;
            return true;
        }
    }
    return false;
}

static bool apply_ciphers(SSL_CTX *ssl_ctx, const struct tls_context_options *options,
                          struct text *problem)
{
    const char *suites = policy_suites(options);
    const char *ciphers = policy_ciphers(options);

    if (SSL_CTX_set_ciphersuites(ssl_ctx, suites) != 1) {
        text_format(problem, "ciphersuites: OpenSSL does not take \"%s\"", suites);
        return false;
    }
    if (SSL_CTX_set_cipher_list(ssl_ctx, ciphers) != 1) {
        text_format(problem, "ciphers: OpenSSL does not take \"%s\"", ciphers);
        return false;
    }
    if (options->security_level != NULL) { /* after the lists, which may name one as well */
        SSL_CTX_set_security_level(ssl_ctx, options->security_level[0] - '0');
    }
    return true;
}

static bool apply_groups(SSL_CTX *ssl_ctx, const struct tls_context_options *options,
                         struct text *problem)
{
    char        memory[TLS_PROBLEM_BYTES];
    struct text list;

    if (options->groups != NULL) {
        if (SSL_CTX_set1_groups_list(ssl_ctx, options->groups) != 1) {
            text_format(problem, "groups: OpenSSL does not take \"%s\"", options->groups);
            return false;
        }
        return true;
    }
    text_init(&list, memory, sizeof(memory));
    policy_groups(ssl_ctx, true, ':', &list);
    if (SSL_CTX_set1_groups_list(ssl_ctx, text_chars(&list)) != 1) {
        text_format(problem, "groups: OpenSSL does not take \"%s\"", text_chars(&list));
        return false;
    }
    return true;
}

void policy_groups(SSL_CTX *ssl_ctx, bool is_there, char between, struct text *into)
{
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if ((SSL_CTX_set1_groups_list(ssl_ctx, groups[i]) == 1) == is_there) {
            text_format(into, "%.*s%s", text_len(into) > 0 ? 1 : 0, &between, groups[i]);
        }
    }
    openssl_error_drop();
}

/* Without SSL_CONF_FLAG_CERTIFICATE the commands that name files are unknown. */
static bool apply_commands(SSL_CTX *ssl_ctx, const struct tls_context_options *options,
                           struct text *problem)
{
    SSL_CONF_CTX *commands = SSL_CONF_CTX_new();
    bool          is_applied = commands != NULL;

    if (commands == NULL) {
        text_string(problem, "out of memory");
        return false;
    }
    SSL_CONF_CTX_set_flags(commands, SSL_CONF_FLAG_FILE |
                                         (options->role == TLS_FOR_SERVER ? SSL_CONF_FLAG_SERVER
                                                                          : SSL_CONF_FLAG_CLIENT));
    SSL_CONF_CTX_set_ssl_ctx(commands, ssl_ctx);
    for (size_t i = 0; is_applied && i < options->commands_count; i++) {
        const struct tls_command *command = &options->commands[i];
        int                       result = SSL_CONF_cmd(commands, command->name, command->value);

        is_applied = result > 0;
        if (!is_applied) {
            text_format(problem, "ssl-conf: %s: %s", command->name,
                        result == -2 ? "OpenSSL has no such command for files, or not here"
                                     : "OpenSSL does not take that value");
        }
    }
    if (is_applied && SSL_CONF_CTX_finish(commands) != 1) {
        text_string(problem, "ssl-conf: OpenSSL does not take these together");
        is_applied = false;
    }
    SSL_CONF_CTX_free(commands);
    return is_applied;
}

const char *policy_ciphers(const struct tls_context_options *options)
{
    return options->ciphers != NULL ? options->ciphers : policies[options->policy].ciphers;
}

const char *policy_suites(const struct tls_context_options *options)
{
    return options->ciphersuites != NULL ? options->ciphersuites : MODERN_SUITES;
}
