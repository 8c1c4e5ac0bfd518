#include "staples.h"

#include "certificates.h"
#include "pair.h"
#include "suites.h"

#include <stdlib.h>
#include <time.h>

static struct tls_library *store;
struct credential          root;
struct credential          www;
struct credential          other;
char                       words[TLS_PROBLEM_BYTES];

static struct credential server_made(const char *name)
{
    return credential_make(
        &root, &(struct credential_options){.subject = {{.kind = NID_commonName, .bytes = name}},
                                            .names = {{.kind = GEN_DNS, .bytes = name}},
                                            .ends_days = 2});
}

void staples_set_up(void)
{
    store = library_new();
    root = authority_make(NULL, "root");
    www = server_made("www.example.org");
    other = server_made("other.example.org");
}

void staples_tear_down(void)
{
    credential_fini(&root);
    credential_fini(&www);
    credential_fini(&other);
    tls_library_free(&store);
    clock_ahead_s = 0;
}

struct tls_certificate *certificate_of(char *pem_text)
{
    struct text             problem;
    struct tls_pem          pem = pem_of("www.pem", pem_text);
    struct tls_certificate *certificate = NULL;

    text_init(&problem, words, sizeof(words));
    certificate = tls_certificate_new(store, &pem, &problem);
    ck_assert_msg(certificate != NULL, "%s", words);
    free(pem_text);
    return certificate;
}

/* Of www, whose chain has the issuer. */
struct tls_certificate *www_certificate(void)
{
    return certificate_of(credential_pem_with_key(&www, &root));
}

/* NULL: refused, and `words` say why. */
struct tls_staple *staple_of_bytes(const struct tls_certificate *certificate,
                                   struct bytes_const            file)
{
    struct text        problem;
    struct tls_staple *staple = NULL;

    text_init(&problem, words, sizeof(words));
    staple = tls_staple_new(certificate, file, (int64_t)time(NULL), &problem);
    ck_assert_msg((staple == NULL) == (text_len(&problem) > 0), "%s", words);
    return staple;
}

struct tls_staple *staple_made(const struct tls_certificate *certificate,
                               const struct answer_options  *options)
{
    struct bytes       der = answer_make(options);
    struct tls_staple *staple =
        staple_of_bytes(certificate, (struct bytes_const){der.data, der.len});

    free(der.data);
    return staple;
}

struct answer_options about_www(void)
{
    return (struct answer_options){.issuer = &root, .about = &www};
}
