/*
 * Which certificates serve which name: exact names before wildcards before the default, which is
 * the first certificate added. Certificates with keys of different kinds share a name, and the
 * client's offer decides. Built once, then read only, and shared by all reactors.
 */
#ifndef SALLYPORT_TLS_SELECTION_H
#define SALLYPORT_TLS_SELECTION_H

#include "tls/certificate.h"
#include "tls/staple.h"

#include <stdbool.h>
#include <stddef.h>

struct tls_selection;

/* Empty; NULL when memory is short. */
struct tls_selection *tls_selection_new(void);
/* On the thread that counts its certificates. */
void tls_selection_free(struct tls_selection **selection);

/* Holds the certificate, which may have been added before. Of two with the same kind of key for a
 * name the first one stays. False when memory is short. */
__attribute__((warn_unused_result)) bool tls_selection_add(struct tls_selection   *selection,
                                                           struct tls_certificate *certificate);

/* What the certificate added last is sent with; holds it. NULL: nothing. */
void tls_selection_staple(struct tls_selection *selection, struct tls_staple *staple);

size_t                        tls_selection_count(const struct tls_selection *selection);
size_t                        tls_selection_names(const struct tls_selection *selection);
const struct tls_certificate *tls_selection_at(const struct tls_selection *selection, size_t index);

/* The very same certificates in the same order, with the very same staples. */
bool tls_selection_is_equal(const struct tls_selection *one, const struct tls_selection *other);

#endif
