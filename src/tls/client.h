/* What only the client role has: asking for a name and protocols, resuming, key updates. */
#ifndef SALLYPORT_TLS_CLIENT_H
#define SALLYPORT_TLS_CLIENT_H

#include "tls/engine.h"

#include <stdbool.h>

struct ssl_session_st;

/* Before the handshake. `alpn` is in wire form (RFC 7301 section 3.1) and may be empty. */
__attribute__((warn_unused_result)) bool tls_client_ask(struct tls_engine *engine, const char *name,
                                                        struct bytes_const alpn);

/* A session to resume later, counted: give it back. NULL while no ticket has come. */
struct ssl_session_st *tls_client_session(struct tls_engine *engine);
void                   tls_client_session_free(struct ssl_session_st **session);
/* Before the handshake. */
__attribute__((warn_unused_result)) bool tls_client_resume(struct tls_engine     *engine,
                                                           struct ssl_session_st *session);

/* Sends a KeyUpdate with the next record; `asks`: and wants one in return. */
__attribute__((warn_unused_result)) bool tls_client_key_update(struct tls_engine *engine,
                                                               bool               asks);

#endif
