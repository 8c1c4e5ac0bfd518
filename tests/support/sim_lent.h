/*
 * Memory that a receive lends: exactly as long as what came, wiped and poisoned when it comes
 * home, and kept out of circulation for a while, so that whoever looks at it too late reads 0xDD
 * or, under AddressSanitizer, is told where.
 */
#ifndef SALLYPORT_TESTS_SIM_LENT_H
#define SALLYPORT_TESTS_SIM_LENT_H

#include "base/bytes.h"

#include <stddef.h>
#include <stdint.h>

struct sim_lent;

struct sim_lent *sim_lent_new(size_t places);
void             sim_lent_free(struct sim_lent **lent);

/* A turn begins. From one place at most IO_RECV_BYTES are used a turn, and within two turns (I10);
 * anything else aborts. */
void sim_lent_turn(struct sim_lent *lent);

struct bytes sim_lent_begin(struct sim_lent *lent, size_t place, size_t len);
void         sim_lent_end(struct sim_lent *lent, size_t place);

/* To see whether bytes that were lent to us stayed as they were. */
uint64_t sim_lent_hash(struct bytes_const bytes);

#endif
