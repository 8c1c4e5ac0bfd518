/*
 * The one failure type. `kind` is what to do about it and the only field code may branch on;
 * `source`, `code` and `step` are for the person who reads the log.
 */
#ifndef SALLYPORT_BASE_ERROR_H
#define SALLYPORT_BASE_ERROR_H

#include <stddef.h>
#include <stdint.h>

enum error_kind {
    ERROR_NONE,
    ERROR_CLOSED, /* the peer ended in good order */
    ERROR_RESET,  /* the peer ended abruptly: RST */
    ERROR_BROKEN, /* we sent after the peer had closed in good order: EPIPE */
    ERROR_TIMEOUT,
    ERROR_CANCELLED,
    ERROR_REFUSED,
    ERROR_UNREACHABLE, /* no route, network or host down */
    ERROR_TLS_PROTOCOL,
    ERROR_TLS_CERTIFICATE,
    ERROR_EXHAUSTED,   /* descriptors, memory, ports: may pass */
    ERROR_UNSUPPORTED, /* this kernel or build cannot do it */
    ERROR_CONFIG,
    ERROR_INTERNAL,
};

enum error_source {
    ERROR_FROM_US,
    ERROR_FROM_SYSTEM,  /* code is an errno */
    ERROR_FROM_OPENSSL, /* code is an OpenSSL error code, cut to 32 bits */
};

struct error {
    uint8_t     kind;   /* enum error_kind */
    uint8_t     source; /* enum error_source */
    uint32_t    code;
    const char *step; /* static text: "recv", "handshake", "listen" */
};

/* All zero: no error. */
#define ERROR_OK ((struct error){0})

static inline enum error_kind error_kind(const struct error *error)
{
    return (enum error_kind)error->kind;
}

/* An error of our own making. */
struct error error_make(enum error_kind kind, const char *step);

/* Sorts an errno into a kind. The only switch over errno in the program. */
struct error error_from_errno(int code, const char *step);

/* Static text for a kind, as it appears in logs: "reset", "timed out", ... */
const char *error_kind_text(enum error_kind kind);

/*
 * Writes "step: what happened" for people into `into` (always terminated); returns `into`.
 * OpenSSL codes are printed as a number here: base does not know OpenSSL (see tls/openssl_error.h).
 */
const char *error_text(const struct error *error, char *into, size_t into_bytes);

#endif
