#include "daemon/explain.h"

#include "tls/explain.h"

#include <stdio.h>

static bool explain_frontend(struct tls_library *library, const struct snapshot_frontend *frontend);
static const char *policy_name(int policy);

bool explain_tls(const struct snapshot *snapshot)
{
    struct error        error;
    struct tls_library *library = tls_library_new(&error);
    bool                is_explained = library != NULL;

    if (library == NULL) {
        (void)fputs("sallyport: error: OpenSSL cannot be used\n", stderr);
        return false;
    }
    (void)printf("%s\n", tls_version_run());
    for (size_t i = 0; is_explained && i < snapshot->config->frontends_count; i++) {
        is_explained = explain_frontend(library, &snapshot->frontends[i]);
    }
    tls_library_free(&library);
    return is_explained;
}

static bool explain_frontend(struct tls_library *library, const struct snapshot_frontend *frontend)
{
    char        memory[TLS_PROBLEM_BYTES];
    struct text problem;

    text_init(&problem, memory, sizeof(memory));
    (void)printf("frontend %s: tls-policy %s\n", frontend->config->name.text,
                 policy_name(frontend->config->tls_policy));
    if (!tls_explain(library, &frontend->tls, stdout, &problem)) {
        (void)fprintf(stderr, "sallyport: error: %s\n", text_chars(&problem));
        return false;
    }
    return true;
}

static const char *policy_name(int policy)
{
    switch ((enum config_tls_policy)policy) {
    case CONFIG_POLICY_MODERN:
        return "modern (Mozilla's Server Side TLS 5.8)";
    case CONFIG_POLICY_INTERMEDIATE:
        return "intermediate (Mozilla's Server Side TLS 5.8)";
    case CONFIG_POLICY_OLD:
        return "old (Mozilla's Server Side TLS 5.8)";
    case CONFIG_POLICY_MODERN_5_8:
        return "modern-5.8";
    case CONFIG_POLICY_INTERMEDIATE_5_8:
        return "intermediate-5.8";
    case CONFIG_POLICY_OLD_5_8:
        return "old-5.8";
    }
    return "";
}
