/*
 * The PROXY protocol's header, which a proxy puts in front of a connection to say where it really
 * comes from and goes to: version 1, a line of text, and version 2, binary and with further facts
 * (TLVs). Written here; read by proxy_decoder.h.
 * https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt
 */
#ifndef SALLYPORT_PROXY_PROXY_HEADER_H
#define SALLYPORT_PROXY_PROXY_HEADER_H

#include "base/bytes.h"
#include "io/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROXY_LINE_BYTES_MAX = 107,      /* version 1, its CRLF included */
    PROXY_HEADER_BYTES_MAX = 1792,   /* what proxy_header_write makes, and more */
    PROXY_TEXT_BYTES_MAX = 255,      /* of a TLV we write; a longer one is left out */
    PROXY_UNIQUE_ID_BYTES_MAX = 128, /* the protocol's limit */
};

/* Both addresses of one family, or neither: then the header says that they are not known. */
struct proxy_header {
    bool           is_local; /* the sender speaks for itself: a health check */
    struct address source;
    struct address destination;
};

enum proxy_client {
    PROXY_CLIENT_SSL = 1,
    PROXY_CLIENT_CERT_CONN = 2, /* it showed a certificate in this connection */
    PROXY_CLIENT_CERT_SESS = 4, /* or when the session that this one resumes began */
};

struct proxy_ssl {
    uint8_t            client; /* enum proxy_client, several */
    bool               is_verified;
    struct bytes_const version; /* "TLSv1.3" */
    struct bytes_const cipher;
    struct bytes_const common_name; /* of the client's certificate */
};

/* What goes into version 2 besides the addresses. What is empty is left out. */
struct proxy_facts {
    struct bytes_const      alpn;
    struct bytes_const      authority;
    struct bytes_const      unique_id;
    const struct proxy_ssl *ssl; /* NULL: left out */
    bool                    has_crc32c;
};

/* Each returns how many bytes the header has. */
size_t proxy_header_write_line(const struct proxy_header *header,
                               uint8_t                    into[static PROXY_LINE_BYTES_MAX]);
size_t proxy_header_write(const struct proxy_header *header, const struct proxy_facts *facts,
                          uint8_t into[static PROXY_HEADER_BYTES_MAX]);

#endif
