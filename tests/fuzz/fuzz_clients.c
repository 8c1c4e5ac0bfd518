/*
 * Certificates of hostile clients, and the patterns their names are held against. What is shown of
 * a certificate is clean whatever is in it, and a pattern matches what a plain search says.
 */
#include "base/require.h"
#include "fuzz.h"
#include "tls/client_names.h"
#include "tls/glob.h"
#include "tls/verify.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { PATTERN_BYTES = 24, NAME_BYTES = 64, SUBJECT_BYTES = 100 };

static const struct glob_options globs[] = {
    {.separator = '\0'}, {.separator = '.', .ignores_case = true}, {.separator = '/'}};

static void  check_glob(struct bytes_const *tape);
static bool  model_matches(const char *pattern, struct bytes_const name,
                           const struct glob_options *options, int8_t *known);
static bool  model_star(const char *pattern, struct bytes_const name,
                        const struct glob_options *options, int8_t *known);
static void  check_certificate(const X509 *certificate);
static bool  on_name(const void *owner, enum tls_allow_kind kind, struct bytes_const name);
static X509 *make_certificate(struct bytes_const *tape);
static void  add_to_subject(X509_NAME *subject, struct bytes_const *tape);
static void  add_alternative(GENERAL_NAMES *names, struct bytes_const *tape);
static void  check_files(struct bytes_const bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes_const tape = {data, size};
    X509              *certificate = NULL;

    switch (fuzz_byte(&tape) & 3) {
    case 0:
        check_glob(&tape);
        break;
    case 1:
        certificate = make_certificate(&tape);
        break;
    case 2: {
        const uint8_t *at = tape.data;

        certificate = d2i_X509(NULL, &at, (long)tape.len);
        break;
    }
    default:
        check_files(tape);
        break;
    }
    if (certificate != NULL) {
        check_certificate(certificate);
    }
    X509_free(certificate);
    return 0;
}

/* --- patterns ------------------------------------------------------------------------------ */

static void check_glob(struct bytes_const *tape)
{
    const struct glob_options *options = &globs[fuzz_below(tape, 3)];
    struct bytes_const         bytes = fuzz_bytes(tape, fuzz_below(tape, PATTERN_BYTES));
    struct bytes_const         name = fuzz_bytes(tape, NAME_BYTES);
    char                       pattern[PATTERN_BYTES + 1] = "";
    int8_t                     known[(PATTERN_BYTES + 1) * (NAME_BYTES + 1)] = {0};

    memcpy(pattern, bytes.data, bytes.len);
    require(glob_matches(pattern, name, options) == model_matches(pattern, name, options, known));
}

/* Tries everything; what is left of both decides, and is remembered: 1 yes, -1 no. */
static bool model_matches(const char *pattern, struct bytes_const name,
                          const struct glob_options *options, int8_t *known)
{
    int8_t *mine = &known[strlen(pattern) * (NAME_BYTES + 1) + name.len];
    bool    matches = false;

    if (*mine != 0) {
        return *mine > 0;
    }
    if (*pattern == '\0') {
        matches = name.len == 0;
    } else if (*pattern == '*') {
        matches = model_star(pattern, name, options, known);
    } else if (name.len > 0) {
        char one[2] = {*pattern, '\0'};
        char other[2] = {(char)name.data[0], '\0'};

        matches = (options->ignores_case ? strcasecmp(one, other) == 0 : one[0] == other[0]) &&
                  model_matches(pattern + 1, (struct bytes_const){name.data + 1, name.len - 1},
                                options, known);
    }
    *mine = matches ? 1 : -1;
    return matches;
}

static bool model_star(const char *pattern, struct bytes_const name,
                       const struct glob_options *options, int8_t *known)
{
    bool        is_double = pattern[1] == '*';
    const char *rest = pattern + (is_double ? 2 : 1);

    for (size_t len = 1; len <= name.len; len++) {
        if (!is_double && options->separator != '\0' &&
            name.data[len - 1] == (uint8_t)options->separator) {
            return false;
        }
        if (model_matches(rest, (struct bytes_const){name.data + len, name.len - len}, options,
                          known)) {
            return true;
        }
    }
    return false;
}

/* --- certificates -------------------------------------------------------------------------- */

static void check_certificate(const X509 *certificate)
{
    unsigned     calls = 0;
    unsigned    *counter = &calls;
    struct bytes subject = client_names_subject(certificate, SUBJECT_BYTES);

    require(subject.len <= SUBJECT_BYTES && (subject.data != NULL) == (subject.len > 0));
    free(subject.data);
    require(!client_names_find(certificate, on_name, &counter));
    require(calls <= 1 + 2 * CLIENT_NAMES_MAX);
}

static bool on_name(const void *owner, enum tls_allow_kind kind, struct bytes_const name)
{
    bool is_ascii = kind == TLS_ALLOW_DNS || kind == TLS_ALLOW_URI;

    (**(unsigned *const *)owner)++;
    require(name.len > 0 && kind != TLS_ALLOW_SPKI_PIN);
    for (size_t i = 0; i < name.len; i++) {
        require(name.data[i] >= 0x20 && name.data[i] != 0x7f);
        require(!is_ascii || (name.data[i] > 0x20 && name.data[i] < 0x80));
    }
    require(!glob_matches("", name, &globs[0]));
    require(glob_matches("**", name, &globs[2]) == (name.len <= GLOB_NAME_BYTES_MAX));
    return false;
}

static X509 *make_certificate(struct bytes_const *tape)
{
    X509          *certificate = X509_new();
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();

    require(certificate != NULL && names != NULL);
    while (fuzz_has_more(tape)) {
        if (fuzz_byte(tape) & 1) {
            add_to_subject(X509_get_subject_name(certificate), tape);
        } else {
            add_alternative(names, tape);
        }
    }
    (void)X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0);
    GENERAL_NAMES_free(names);
    return certificate;
}

static void add_to_subject(X509_NAME *subject, struct bytes_const *tape)
{
    static const int   kinds[] = {NID_commonName, NID_organizationalUnitName, NID_organizationName};
    static const int   types[] = {V_ASN1_UTF8STRING, V_ASN1_BMPSTRING,       V_ASN1_UNIVERSALSTRING,
                                  V_ASN1_T61STRING,  V_ASN1_PRINTABLESTRING, V_ASN1_OCTET_STRING};
    int                kind = kinds[fuzz_below(tape, 3)];
    int                type = types[fuzz_below(tape, 6)];
    struct bytes_const bytes = fuzz_bytes(tape, fuzz_below(tape, 0x100));
    X509_NAME_ENTRY   *entry =
        X509_NAME_ENTRY_create_by_NID(NULL, kind, type, bytes.data, (int)bytes.len);

    if (entry != NULL) {
        (void)X509_NAME_add_entry(subject, entry, -1, 0);
    }
    X509_NAME_ENTRY_free(entry);
}

static void add_alternative(GENERAL_NAMES *names, struct bytes_const *tape)
{
    static const int   kinds[] = {GEN_DNS, GEN_URI, GEN_EMAIL};
    int                kind = kinds[fuzz_below(tape, 3)];
    struct bytes_const bytes = fuzz_bytes(tape, fuzz_below(tape, 0x100));
    GENERAL_NAME      *name = GENERAL_NAME_new();
    ASN1_IA5STRING    *value = ASN1_IA5STRING_new();

    require(name != NULL && value != NULL);
    require(ASN1_STRING_set(value, bytes.data, (int)bytes.len) == 1);
    GENERAL_NAME_set0_value(name, kind, value);
    require(sk_GENERAL_NAME_push(names, name) > 0);
}

/* --- files --------------------------------------------------------------------------------- */

static void check_files(struct bytes_const bytes)
{
    struct tls_trust_facts facts;
    uint8_t                pin[TLS_PIN_BYTES];
    char                  *text = strndup((const char *)bytes.data, bytes.len);

    require(text != NULL);
    tls_trust_look(bytes, TLS_AUTHORITIES, &facts);
    tls_trust_look(bytes, TLS_REVOCATIONS, &facts);
    (void)tls_pin_read(text, pin);
    free(text);
}
