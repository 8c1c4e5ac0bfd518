#include "tls/explain.h"

#include "tls/openssl_error.h"
#include "tls/tls_internal.h"

#include <string.h>

enum { LIST_BYTES = 1024 };

static void print_known(SSL_CTX *ssl_ctx, const char *title, const char *const *names,
                        bool is_there, FILE *into);
static void print_versions(SSL_CTX *ssl_ctx, FILE *into);
static void print_ciphers(SSL_CTX *ssl_ctx, const char *asked, bool is_1_3, FILE *into);
static void print_lacking(SSL_CTX *ssl_ctx, const char *asked, FILE *into);
static bool has_cipher(SSL_CTX *ssl_ctx, const char *name, size_t len);
static void print_groups(SSL_CTX *ssl_ctx, const struct tls_context_options *options, FILE *into);
static const char *command_groups(const struct tls_context_options *options);
static const char *order_of(uint64_t openssl_options);
static void        print_alpn(const struct tls_context_options *options, FILE *into);
static void        print_commands(const struct tls_context_options *options, FILE *into);
static bool        is_1_3_suite(const SSL_CIPHER *cipher);

bool tls_explain(struct tls_library *library, const struct tls_context_options *options, FILE *into,
                 struct text *problem)
{
    SSL_CTX *ssl_ctx = SSL_CTX_new_ex(library->openssl, NULL, TLS_server_method());

    if (ssl_ctx == NULL || !policy_apply(ssl_ctx, options, problem)) {
        if (ssl_ctx == NULL) {
            text_string(problem, "out of memory");
        }
        SSL_CTX_free(ssl_ctx);
        openssl_error_drop();
        return false;
    }
    int max = (int)SSL_CTX_get_max_proto_version(ssl_ctx);
    int min = (int)SSL_CTX_get_min_proto_version(ssl_ctx);

    print_versions(ssl_ctx, into);
    if (max == 0 || max >= TLS1_3_VERSION) {
        print_ciphers(ssl_ctx, policy_suites(options), true, into);
    }
    if (min < TLS1_3_VERSION) {
        print_ciphers(ssl_ctx, policy_ciphers(options), false, into);
    }
    print_groups(ssl_ctx, options, into);
    (void)fprintf(into, "  security level: %d\n", SSL_CTX_get_security_level(ssl_ctx));
    (void)fprintf(into, "  order of ciphers: %s\n", order_of(SSL_CTX_get_options(ssl_ctx)));
    print_alpn(options, into);
    print_commands(options, into);
    SSL_CTX_free(ssl_ctx);
    openssl_error_drop();
    return true;
}

void tls_explain_groups(struct tls_library *library, FILE *into)
{
    static const char *const classic[] = {
        "X25519",    "prime256v1", "secp384r1",       "secp521r1", "X448", "ffdhe2048",
        "ffdhe3072", "ffdhe4096",  "brainpoolP256r1", "secp256k1", NULL};
    static const char *const post_quantum[] = {"X25519MLKEM768",
                                               "SecP256r1MLKEM768",
                                               "SecP384r1MLKEM1024",
                                               "MLKEM512",
                                               "MLKEM768",
                                               "MLKEM1024",
                                               NULL};
    SSL_CTX                 *ssl_ctx = SSL_CTX_new_ex(library->openssl, NULL, TLS_server_method());

    if (ssl_ctx != NULL) {
        print_known(ssl_ctx, "groups", classic, true, into);
        print_known(ssl_ctx, "groups of post-quantum key exchange", post_quantum, true, into);
        print_known(ssl_ctx, "groups it lacks", post_quantum, false, into);
    }
    SSL_CTX_free(ssl_ctx);
    openssl_error_drop();
}

static void print_known(SSL_CTX *ssl_ctx, const char *title, const char *const *names,
                        bool is_there, FILE *into)
{
    bool is_any = false;

    (void)fprintf(into, "OpenSSL, %s:", title);
    for (; *names != NULL; names++) {
        if ((SSL_CTX_set1_groups_list(ssl_ctx, *names) == 1) == is_there) {
            (void)fprintf(into, " %s", *names);
            is_any = true;
        }
    }
    (void)fputs(is_any ? "\n" : " none\n", into);
}

static void print_versions(SSL_CTX *ssl_ctx, FILE *into)
{
    static const struct {
        int         version;
        const char *name;
        uint64_t    no; /* what a command Protocol turns it off with */
    } versions[] = {{TLS1_VERSION, "TLSv1.0", SSL_OP_NO_TLSv1},
                    {TLS1_1_VERSION, "TLSv1.1", SSL_OP_NO_TLSv1_1},
                    {TLS1_2_VERSION, "TLSv1.2", SSL_OP_NO_TLSv1_2},
                    {TLS1_3_VERSION, "TLSv1.3", SSL_OP_NO_TLSv1_3}};
    int      min = (int)SSL_CTX_get_min_proto_version(ssl_ctx);
    int      max = (int)SSL_CTX_get_max_proto_version(ssl_ctx);
    uint64_t set = SSL_CTX_get_options(ssl_ctx);

    (void)fputs("  versions:", into);
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (versions[i].version >= min && (max == 0 || versions[i].version <= max) &&
            (set & versions[i].no) == 0) {
            (void)fprintf(into, " %s", versions[i].name);
        }
    }
    (void)fputc('\n', into);
    if (min < TLS1_2_VERSION && SSL_CTX_get_security_level(ssl_ctx) > 0) {
        (void)fputs("    below TLSv1.2 nothing works above security level 0\n", into);
    }
}

static void print_ciphers(SSL_CTX *ssl_ctx, const char *asked, bool is_1_3, FILE *into)
{
    const STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(ssl_ctx);

    (void)fputs(is_1_3 ? "  suites of TLS 1.3:" : "  ciphers of TLS 1.2 and below:", into);
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
        const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ciphers, i);

        if (is_1_3_suite(cipher) == is_1_3) {
            (void)fprintf(into, " %s", SSL_CIPHER_get_name(cipher));
        }
    }
    (void)fputc('\n', into);
    print_lacking(ssl_ctx, asked, into);
}

static bool is_1_3_suite(const SSL_CIPHER *cipher)
{
    return strcmp(SSL_CIPHER_get_version(cipher), "TLSv1.3") == 0;
}

/* Only whole names can be looked for: a list may also have words such as HIGH, !aNULL, @SECLEVEL.
 */
static void print_lacking(SSL_CTX *ssl_ctx, const char *asked, FILE *into)
{
    bool is_first = true;

    while (*asked != '\0') {
        size_t len = strcspn(asked, ": ,");
        bool   is_name = len > 0 && memchr(asked, '-', len) != NULL && asked[0] != '-';

        is_name = is_name || (len > 0 && strncmp(asked, "TLS_", 4) == 0);
        if (is_name && strspn(asked, "!+@") == 0 && !has_cipher(ssl_ctx, asked, len)) {
            (void)fprintf(into, "%s%.*s",
                          is_first ? "    not in this library, or below its level: " : " ",
                          (int)len, asked);
            is_first = false;
        }
        asked += len + (asked[len] != '\0' ? 1 : 0);
    }
    (void)fputs(is_first ? "" : "\n", into);
}

static bool has_cipher(SSL_CTX *ssl_ctx, const char *name, size_t len)
{
    const STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(ssl_ctx);

    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
        const char *known = SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i));

        if (strlen(known) == len && memcmp(known, name, len) == 0) {
            return true;
        }
    }
    return false;
}

static void print_groups(SSL_CTX *ssl_ctx, const struct tls_context_options *options, FILE *into)
{
    char        memory[LIST_BYTES];
    struct text list;

    const char *asked = command_groups(options);

    text_init(&list, memory, sizeof(memory));
    if (asked != NULL) {
        (void)fprintf(into, "  groups: %s\n", asked);
        return;
    }
    policy_groups(ssl_ctx, true, ' ', &list);
    (void)fprintf(into, "  groups: %s\n", text_chars(&list));
    text_init(&list, memory, sizeof(memory));
    policy_groups(ssl_ctx, false, ' ', &list);
    if (text_len(&list) > 0) {
        (void)fprintf(into, "    not in this library: %s\n", text_chars(&list));
    }
}

static void print_alpn(const struct tls_context_options *options, FILE *into)
{
    if (options->alpn_count == 0) {
        return;
    }
    (void)fputs("  alpn:", into);
    for (size_t i = 0; i < options->alpn_count; i++) {
        (void)fprintf(into, " %s", options->alpn[i]);
    }
    (void)fputs(options->alpn_mismatch_ignore ? ", or none\n" : ", or no connection\n", into);
}

/* OpenSSL does not tell which groups a context has, so the last word on them is looked for. NULL:
 * nobody spoke of them. */
static const char *command_groups(const struct tls_context_options *options)
{
    const char *asked = options->groups;

    for (size_t i = 0; i < options->commands_count; i++) {
        const char *name = options->commands[i].name;

        if (strcasecmp(name, "Groups") == 0 || strcasecmp(name, "Curves") == 0) {
            asked = options->commands[i].value;
        }
    }
    return asked;
}

static const char *order_of(uint64_t openssl_options)
{
    if ((openssl_options & SSL_OP_CIPHER_SERVER_PREFERENCE) == 0) {
        return "the client's";
    }
    return (openssl_options & SSL_OP_PRIORITIZE_CHACHA) != 0
               ? "the server's, but ChaCha20 for clients that put it first"
               : "the server's";
}

static void print_commands(const struct tls_context_options *options, FILE *into)
{
    for (size_t i = 0; i < options->commands_count; i++) {
        (void)fprintf(into, "  ssl-conf: %s = %s\n", options->commands[i].name,
                      options->commands[i].value);
    }
}
