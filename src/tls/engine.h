/*
 * Room tls: ciphertext in, plaintext out.
 *
 * Does: one connection's TLS as a byte machine (`engine`), certificates, names, ALPN and tickets
 * as immutable contexts (`context`).
 * Does not: sockets, clocks, threads; nothing here can wait. The only room that sees OpenSSL.
 * Called by: proxy (and tests, in the client role).
 *
 * Laws: the OpenSSL error queue is empty on entry and on exit. An engine never crosses threads and
 * lives in the library it was made for. EOF never enters OpenSSL: the end of a TCP stream is the
 * session's flag. No bytes are buffered beyond one partial record, and none while idle.
 */
#ifndef SALLYPORT_TLS_ENGINE_H
#define SALLYPORT_TLS_ENGINE_H

#include "base/buffer.h"
#include "base/error.h"
#include "tls/seal.h"

#include <stdbool.h>
#include <stdint.h>

struct ssl_st;
struct tls_context;

enum tls_role { TLS_SERVER, TLS_CLIENT };

/* What the caller must do next. */
enum tls_next {
    TLS_DONE,              /* the step is complete */
    TLS_FEED_ME,           /* all input is consumed: feed more */
    TLS_DRAIN_ME,          /* the output is too full to go on, or time is up: send, call again */
    TLS_PEER_SAID_GOODBYE, /* close_notify came; everything before it was delivered */
    TLS_FAILED,            /* see tls_engine_error; an alert may be in the output */
};

enum tls_limits {
    TLS_RECORD_PLAIN_BYTES = 16384,       /* RFC 8446 section 5.1 */
    TLS_RECORD_OVERHEAD_BYTES = 256,      /* RFC 8446 section 5.2; we see 22 to 64 */
    TLS_HANDSHAKE_BYTES_MAX = 64 * 1024,  /* input before the handshake is done */
    TLS_KEY_UPDATES_PER_SECOND_MAX = 100, /* and refused renegotiations */
    /* Output kept free of application data for alerts, tickets and key updates. */
    TLS_OUTPUT_RESERVE_BYTES = 4096,
    TLS_STINT_NS = 1000 * 1000, /* of computing in one call, however many records are there */
    TLS_SNI_BYTES = 256,
    TLS_OFFERED_BYTES = 128,
};

/* Which side an alert came from. */
enum tls_alert_by { TLS_ALERT_NONE, TLS_ALERT_SENT, TLS_ALERT_RECEIVED };

struct tls_alert {
    uint8_t     by;          /* enum tls_alert_by */
    uint8_t     description; /* RFC 8446 section 6 */
    const char *name;        /* "handshake_failure"; static */
};

/* Why a handshake or a connection failed, in the words a session's end reason needs. */
enum tls_failure {
    TLS_FAILURE_NONE,
    TLS_FAILURE_NOT_TLS,       /* the first bytes are no TLS record: plain HTTP, garbage */
    TLS_FAILURE_HELLO_INVALID, /* a ClientHello that cannot be parsed, or over the limit */
    TLS_FAILURE_NAME_UNKNOWN,  /* strict-sni and no certificate for the name */
    TLS_FAILURE_HANDSHAKE,     /* no common version, cipher, ALPN, or the peer's alert */
    TLS_FAILURE_CERTIFICATE,   /* the peer's certificate was refused */
    TLS_FAILURE_PROTOCOL,      /* after the handshake: bad record, alert, renegotiation */
    TLS_FAILURE_FLOOD,         /* requests over the limit, or answers the peer does not read */
    TLS_FAILURE_MEMORY,
};

/* What came of a client's certificate. */
enum tls_verified {
    TLS_VERIFIED_NOT, /* there was none, or it was not looked at yet */
    TLS_VERIFIED,
    TLS_VERIFIED_LIST_MISSING, /* without a list of revoked certificates, as configured */
    TLS_VERIFIED_LIST_OLD,     /* with one that has expired, as configured */
    TLS_VERIFY_FAILED,
};

/* Where the client's stream of records and messages stands while it is plaintext, to see what each
 * ClientHello announces. */
struct tls_announced {
    uint64_t record_head; /* its bytes so far, as a number */
    uint32_t record_head_len;
    uint32_t record_left; /* payload still to come */
    uint32_t message_head;
    uint32_t message_head_len;
    uint32_t message_left;
    bool     is_handshake; /* the present record */
};

struct tls_engine {
    /* private */
    struct ssl_st            *ssl;
    const struct tls_context *context;
    struct bytes_const        input;   /* lent ciphertext not yet consumed */
    struct buffer            *output;  /* where ciphertext goes, or NULL */
    struct tls_hello         *hello;   /* what the client offered; freed by tls_engine_settle */
    struct bytes              records; /* the hello, while another context may have to read it */
    struct bytes              name;    /* the host name it asked for, in lower case; or empty */
    struct bytes              subject; /* of its certificate, or empty */
    const char               *refusal; /* why its certificate was refused; static, or NULL */
    struct tls_announced      announced;
    struct tls_seal           seal;
    struct error              error;
    struct tls_alert          alert;
    uint32_t                  handshake_bytes;
    uint32_t                  key_updates; /* within the second that began at key_updates_at */
    uint64_t                  key_updates_at_ns;
    uint64_t                  now_ns;    /* of the present call */
    uint8_t                   failure;   /* enum tls_failure */
    uint8_t                   phase;     /* enum engine_phase, tls_internal.h */
    uint8_t                   verified;  /* enum tls_verified */
    bool                      is_denied; /* its certificate is good, but on no list */
    bool                      has_said_goodbye;
    bool                      has_hello;
    bool                      is_challenge; /* the hello asks for acme-tls/1 alone */
    bool                      has_policy;   /* that of the first hello's name */
};

/* Zeroed memory in, an engine ready for its handshake out; the context must outlive it. */
__attribute__((warn_unused_result)) bool tls_engine_init(struct tls_engine        *engine,
                                                         const struct tls_context *context,
                                                         enum tls_role role, struct error *error);

/* Frees what it holds; zeroed or already finished is fine. */
void tls_engine_fini(struct tls_engine *engine);

/*
 * Lends ciphertext that came from the peer, read in place by the steps below until they say
 * TLS_FEED_ME. What was fed before must be consumed. The bytes must stay put while
 * tls_engine_unread is not zero; call with no bytes to take back what was not consumed.
 */
void   tls_engine_feed(struct tls_engine *engine, struct bytes_const ciphertext);
size_t tls_engine_unread(const struct tls_engine *engine);

/* From now on records are written at the tail of `into`; NULL: there is nowhere to write. Any step
 * may write (alerts, tickets, key updates), so set it before each, and send it after. */
void tls_engine_drain(struct tls_engine *engine, struct buffer *into);

/* One step of the handshake. TLS_DONE: established; feed's rest may hold application data. */
enum tls_next tls_engine_handshake(struct tls_engine *engine);

/*
 * Decrypts what was fed into `plaintext` until input, room or TLS_STINT_NS run out.
 * TLS_FEED_ME: the input is consumed. TLS_DRAIN_ME: `plaintext` or the output is full, or time is
 * up: then there may be nothing to send, and it is to be called again in a later turn.
 * `now_ns` is the monotonic clock, for the KeyUpdate limit.
 */
enum tls_next tls_engine_decrypt(struct tls_engine *engine, struct buffer *plaintext,
                                 uint64_t now_ns);

/* Encrypts bytes in records of up to 16 KiB. *consumed says how many were taken: all of them
 * (TLS_DONE) or fewer when the output is full or time is up (TLS_DRAIN_ME). Time is up only when
 * something was written. */
enum tls_next tls_engine_encrypt(struct tls_engine *engine, struct bytes_const plaintext,
                                 size_t *consumed);

/* Writes our close_notify, once. TLS_DRAIN_ME: no room yet. Before the handshake is done, nothing
 * is written and the step is done. */
enum tls_next tls_engine_goodbye(struct tls_engine *engine);

/* After the handshake, once its facts were logged: frees what only the handshake needed. */
void tls_engine_settle(struct tls_engine *engine);

/* --- what is known of the connection ------------------------------------------------------ */

struct error     tls_engine_error(const struct tls_engine *engine);
enum tls_failure tls_engine_failure(const struct tls_engine *engine);
struct tls_alert tls_engine_alert(const struct tls_engine *engine);

bool tls_engine_has_hello(const struct tls_engine *engine); /* a whole ClientHello was read */
bool tls_engine_is_established(const struct tls_engine *engine);

/* Text for the log. Static or living as long as the engine; "-" when not known. */
struct tls_facts {
    const char        *version; /* "TLSv1.3" */
    const char        *cipher;  /* "TLS_AES_128_GCM_SHA256" */
    const char        *group;   /* "x25519" */
    const char        *verify;  /* "none", "ok", "crl_missing", "crl_expired", "failed" */
    struct bytes_const sni;     /* a valid host name in lower case, or empty */
    struct bytes_const alpn;    /* the protocol agreed upon, or empty */
    struct bytes_const subject; /* of the client's certificate; the peer's bytes, or empty */
    bool               is_resumed;
};
void tls_engine_facts(const struct tls_engine *engine, struct tls_facts *facts);

/* What the ClientHello offered, for the log of a failed handshake; "-" when there is none. Bytes
 * are the peer's: escape them. `versions` is our text ("TLSv1.3,TLSv1.2"). */
struct tls_offered {
    struct bytes_const sni;
    struct bytes_const alpn; /* protocol names joined by commas */
    const char        *versions;
};
void tls_engine_offered(const struct tls_engine *engine, struct tls_offered *offered);

/* OpenSSL's reason for tls_engine_error ("no shared cipher"), or the text of our own. */
const char *tls_engine_reason(const struct tls_engine *engine);

#endif
