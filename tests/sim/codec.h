/*
 * A simulated client's half of the encryption: plaintext in, bytes for the network out, and back.
 * Two implementations, chosen when linking: codec_mock.c beside the mock engine, codec_openssl.c
 * beside the real one.
 */
#ifndef SALLYPORT_TESTS_SIM_CODEC_H
#define SALLYPORT_TESTS_SIM_CODEC_H

#include "base/buffer.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct codec;

/* The same seed gives the same bytes; OpenSSL draws its own numbers. */
bool codec_is_deterministic(void);

/* Called with plaintext as it comes out. */
typedef void codec_plaintext(void *owner, struct bytes_const plaintext);

/* A client that begins its handshake; its first bytes are in codec_output already. */
struct codec *codec_new(uint64_t seed, codec_plaintext *plaintext, void *owner);
void          codec_free(struct codec **codec);

/* Bytes for the network; the caller consumes what it sent. */
struct buffer *codec_output(struct codec *codec);

/* Bytes from the network, all of them used. */
void codec_feed(struct codec *codec, struct bytes bytes);

/* Plaintext into the output, once established: how much was taken. */
size_t codec_write(struct codec *codec, struct bytes_const plaintext);
/* close_notify into the output: false before the handshake is done, and while there is no room. */
bool codec_goodbye(struct codec *codec);
/* A key update that asks for one in return. */
void codec_key_update(struct codec *codec);

/* The client did its part of the handshake: its Finished is written. */
bool codec_has_finished(const struct codec *codec);
bool codec_has_goodbye(const struct codec *codec); /* the server's close_notify came */
bool codec_has_alert(const struct codec *codec);
/* What came was not the protocol. */
bool codec_is_broken(const struct codec *codec);

#endif
