/* What surrounds the mock of the engine: contexts, ticket keys and the like, which do nothing. */
#include "base/require.h"
#include "tls/challenges.h"
#include "tls/common_name.h"
#include "tls/context.h"
#include "tls/engine.h"

#include <stdlib.h>

struct tls_library {
    int unused;
};

struct tls_context {
    struct tls_library *library;
};

struct tls_library *tls_library_new(struct error *error)
{
    struct tls_library *library = calloc(1, sizeof(*library));

    *error = error_make(library == NULL ? ERROR_EXHAUSTED : ERROR_NONE, "library");
    return library;
}

void tls_library_free(struct tls_library **library)
{
    free(*library);
    *library = NULL;
}

void tls_thread_stop(void)
{
}

bool tls_pin_read(const char *text, uint8_t pin[static TLS_PIN_BYTES])
{
    (void)text;
    (void)pin;
    return true;
}

void tls_trust_look(struct bytes_const bytes, enum tls_trust_kind kind,
                    struct tls_trust_facts *facts)
{
    (void)kind;
    *facts = (struct tls_trust_facts){.count = bytes.len > 0 ? 1 : 0};
}

bool tls_ticket_keys_rotate(struct tls_ticket_keys *keys)
{
    keys->count = 1;
    return true;
}

/* Nothing is sealed here, so keys of files and secrets are all alike. */
bool tls_ticket_keys_read(struct tls_ticket_keys *keys, struct bytes_const file,
                          struct text *problem)
{
    (void)file;
    (void)problem;
    return tls_ticket_keys_rotate(keys);
}

bool tls_ticket_secrets_add(struct tls_ticket_secrets *secrets, struct bytes_const file,
                            struct text *problem)
{
    (void)file;
    (void)problem;
    secrets->count = 1;
    return true;
}

bool tls_ticket_keys_derive(struct tls_ticket_keys *keys, const struct tls_ticket_secrets *secrets,
                            uint64_t period)
{
    (void)secrets;
    (void)period;
    return tls_ticket_keys_rotate(keys);
}

void tls_library_set_ticket_keys(struct tls_library *library, const struct tls_ticket_keys *keys)
{
    require(library != NULL && keys != NULL);
}

void tls_library_set_challenges(struct tls_library          *library,
                                const struct tls_challenges *challenges)
{
    (void)challenges;
    require(library != NULL);
}

void tls_library_set_session_store(struct tls_library             *library,
                                   const struct tls_session_store *store)
{
    require(library != NULL && store->put != NULL && store->get != NULL && store->drop != NULL);
}

struct tls_context *tls_context_new(struct tls_library               *library,
                                    const struct tls_context_options *options, struct text *problem)
{
    struct tls_context *context = calloc(1, sizeof(*context));

    require(options != NULL && problem != NULL);
    if (context != NULL) {
        context->library = library;
    }
    return context;
}

void tls_context_free(struct tls_context **context)
{
    free(*context);
    *context = NULL;
}

void tls_selection_free(struct tls_selection **selection)
{
    require(*selection == NULL);
}

bool tls_selection_is_equal(const struct tls_selection *one, const struct tls_selection *other)
{
    return one == other;
}

size_t common_name_read(const struct tls_engine *engine, struct bytes into)
{
    (void)engine;
    (void)into;
    return 0;
}

const char *tls_version_run(void)
{
    return "mock";
}

const char *tls_version_build(void)
{
    return "mock";
}
