/*
 * The names in a client's certificate, as bytes that are safe to compare: whoever signed it, a name
 * with a NUL, a control character or the wrong alphabet in it is no name.
 */
#ifndef SALLYPORT_TLS_CLIENT_NAMES_H
#define SALLYPORT_TLS_CLIENT_NAMES_H

#include "base/bytes.h"
#include "tls/verify.h"

#include <openssl/x509.h>

enum { CLIENT_NAMES_MAX = 256 }; /* of one certificate; what comes after is not looked at */

/* True: found what was looked for. The name lives as long as the call. */
typedef bool client_name(const void *owner, enum tls_allow_kind kind, struct bytes_const name);

/* Calls `is_it` with the common name (unless there are several, which are none), the organizational
 * units, host names and URIs, until it says true, which is returned. */
bool client_names_find(const X509 *certificate, client_name *is_it, const void *owner);

/* The subject as RFC 4514 writes it ("CN=alice,OU=ops"), cut at `len_max` bytes; allocated, to be
 * freed with free. Nothing when there is none, or memory is short. May hold any byte. */
struct bytes client_names_subject(const X509 *certificate, size_t len_max);

#endif
