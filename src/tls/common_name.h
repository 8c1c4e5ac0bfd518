/* The common name in a client's certificate, for those who must be told it by itself. */
#ifndef SALLYPORT_TLS_COMMON_NAME_H
#define SALLYPORT_TLS_COMMON_NAME_H

#include "base/bytes.h"
#include "tls/engine.h"

/* In UTF-8, of a handshake that is complete; how many bytes it has. 0: there is no certificate, or
 * no common name, or one that is longer than `into` or has a control character in it. */
size_t common_name_read(const struct tls_engine *engine, struct bytes into);

#endif
