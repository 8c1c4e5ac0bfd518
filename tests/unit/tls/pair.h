/*
 * A server engine and a client engine that talk in memory: what one writes is fed to the other, in
 * pieces as large as the test likes.
 */
#ifndef SALLYPORT_TESTS_PAIR_H
#define SALLYPORT_TESTS_PAIR_H

#include "tls/client.h"
#include "tls/context.h"
#include "tls/engine.h"

#include <time.h>

enum { WIRE_BYTES = 256 * 1024, ROUNDS_MAX = 100000 };

/* One of the two, with what it wrote and what it read. */
struct end {
    struct tls_engine engine;
    struct buffer     wire;  /* its ciphertext on the way to the other */
    struct buffer     plain; /* what it decrypted */
    uint8_t           wire_memory[WIRE_BYTES];
    uint8_t           plain_memory[WIRE_BYTES];
};

struct pair {
    struct tls_library *library;
    struct tls_context *server_context;
    struct tls_context *client_context;
    struct end          server;
    struct end          client;
};

/* --- contexts ------------------------------------------------------------------------------ */

struct tls_library *library_new(void);
struct bytes_const  bytes_of(const char *text);
/* Certificate and key in one text. */
struct tls_pem pem_of(const char *path, const char *text);
/* Of www.example.org, made once a process. */
const char *ec_pem(void);
const char *rsa_pem(void);

/* A server of www.example.org with an EC key, and its client; both of the intermediate policy. */
struct tls_context_options server_options(void);
struct tls_context_options client_options(void);

/* Fails the test when there is a problem. */
struct tls_context *context_new(struct tls_library               *library,
                                const struct tls_context_options *options);
/* Fails the test when there is none, or when its text lacks `words`. */
void check_problem(const struct tls_context_options *options, const char *words);

/* --- pairs --------------------------------------------------------------------------------- */

/* The engines' clock goes on by so much whenever it is read; after pair_new it stands still. */
void pair_clock_step(uint64_t ns);

/* NULL options: those of server_options and client_options. Free with pair_free. */
struct pair *pair_new(const struct tls_context_options *server,
                      const struct tls_context_options *client);
void         pair_free(struct pair **pair);
/* Both made, shaken hands, and nothing left on the wire; `version` NULL: the best they know. */
struct pair *pair_established(const char *version);
/* New engines in the contexts there are. */
void pair_restart(struct pair *pair);

/* Steps both, whole flights at a time, until each is established or has failed. */
void pair_shake(struct pair *pair);
void check_established(struct pair *pair);

/* An engine over `context`, and buffers. */
void end_init(struct end *end, const struct tls_context *context, enum tls_role role);
void end_fini(struct end *end);

/* One step of `end` (handshake, then decrypt) with at most `bytes` of what `from` has written. */
enum tls_next end_step(struct end *end, struct end *from, size_t bytes);
/* The same with bytes of the test's own; what is not consumed is taken back. */
enum tls_next end_feed(struct end *end, struct bytes_const bytes);
/* Encrypts all of it, which must fit. */
void end_write(struct end *end, struct bytes_const bytes);
void check_plain(struct end *end, const char *text);

/* The client's session, to be resumed by another engine: with a goodbye, or OpenSSL would never
 * resume it. Free with tls_client_session_free. */
struct ssl_session_st *session_of(struct pair *pair);
/* Restarts the pair with the session and shakes hands; true when the server resumed it. */
bool is_resumed(struct pair *pair, struct ssl_session_st *session);

const char *version_of(const struct end *end);

/* How far the clock that tickets and sessions are held against is ahead; OpenSSL's own is not. */
extern time_t clock_ahead_s;

/* Bytes of heap in use, sanitized or not. */
size_t heap_bytes(void);

#endif
