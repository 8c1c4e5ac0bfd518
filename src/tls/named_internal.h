/* Names with a policy of their own: what named.c does for the other files of room tls. */
#ifndef SALLYPORT_TLS_NAMED_INTERNAL_H
#define SALLYPORT_TLS_NAMED_INTERNAL_H

#include "tls/tls_internal.h"

/* Contexts for the names that have a policy of their own. False, and `problem` says why. */
bool named_open(struct tls_context *context, const struct tls_named_options *options,
                const struct tls_context_options *base, struct text *problem);
void named_close(struct tls_context *context);
/* The context of a name that has one of its own, or NULL. */
struct tls_context *named_find(const struct tls_context *context, struct bytes_const name);

/* Once the hello was read: whether the engine has the context of its name. Only where a context has
 * others beside it, or is one of these. */
enum named_choice {
    NAMED_SETTLED, /* go on */
    NAMED_AGAIN,   /* it has now; the hello is to be read by a connection of that context */
    NAMED_CHANGED, /* the second hello is for another policy than the first */
    NAMED_TRAILED, /* more stands behind the hello in its record, and would be lost */
    NAMED_NO_MEMORY
};
enum named_choice named_choose(struct tls_engine *engine);

#endif
