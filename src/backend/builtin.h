/*
 * Servers inside the daemon: builtin:hello answers HTTP/1.1 with a page of what the proxy knows of
 * the connection, builtin:echo sends every byte back. A session reaches them through a socket pair
 * and sees an ordinary backend.
 */
#ifndef SALLYPORT_BACKEND_BUILTIN_H
#define SALLYPORT_BACKEND_BUILTIN_H

#include "backend/http_hello.h"
#include "backend/pool.h"
#include "reactor/reactor.h"

#include <stddef.h>

struct builtin;

/* One a reactor. Up to `sessions_max` conversations at a time. NULL and error. */
__attribute__((warn_unused_result)) struct builtin *
builtin_new(struct reactor *reactor, size_t sessions_max, struct error *error);
/* No conversation may be left. */
void builtin_free(struct builtin **builtin);

/* The page of builtin:hello, lines of "name: value", with its NUL. What is longer is cut. */
enum { BUILTIN_PAGE_BYTES = HTTP_HELLO_PAGE_BYTES_MAX };

/*
 * Starts a conversation and returns the caller's end of it: a connected, non-blocking descriptor
 * the caller closes with io_close; -1 and error. `page` is copied; builtin:echo ignores it.
 */
__attribute__((warn_unused_result)) int builtin_open(struct builtin   *builtin,
                                                     enum pool_service service, const char *page,
                                                     struct error *error);

size_t builtin_active(const struct builtin *builtin);

#endif
