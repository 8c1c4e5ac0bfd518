/* As much of HTTP/1.1 (RFC 9112) as a page that is always the same needs: request heads are read
 * from a buffer one after another, bodies of known length are skipped. After a request whose body
 * has no known length, or may not come at all (Expect), the connection ends. */
#ifndef SALLYPORT_BACKEND_HTTP_HELLO_H
#define SALLYPORT_BACKEND_HTTP_HELLO_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

/* Zeroed memory is a connection that has not seen a request. */
struct http_hello {
    /* private */
    uint64_t body_left; /* bytes of the present request's body still to skip */
    bool     is_last;   /* the connection ends after what was answered */
};

enum {
    HTTP_HELLO_HEAD_BYTES_MAX = 8192,
    HTTP_HELLO_PAGE_BYTES_MAX = 1024,
    HTTP_HELLO_ANSWER_BYTES_MAX = 2048,
};

/*
 * Reads requests from `input` and appends their answers to `output`, while there is a whole
 * request head and room for an answer (HTTP_HELLO_ANSWER_BYTES_MAX). False: the connection must
 * end once `output` was sent, as the request asked or because it was refused: 400 malformed, 431 a
 * head of more than HTTP_HELLO_HEAD_BYTES_MAX. `page` has at most HTTP_HELLO_PAGE_BYTES_MAX bytes.
 */
bool http_hello_answer(struct http_hello *hello, struct buffer *input, struct buffer *output,
                       const char *page);

#endif
