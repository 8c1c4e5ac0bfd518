/* One end of a simulated session. */
#ifndef SALLYPORT_TESTS_SIM_PARTY_H
#define SALLYPORT_TESTS_SIM_PARTY_H

#include "lane.h"

void party_init(struct party *party, struct lane *lane, const struct plan_end *plan);

/* Looks again: reads and sends what the plan allows now. */
void party_go_on(struct party *party);

/* Reads everything that is there, whatever the plan says: at the very end. */
void party_read_rest(struct party *party);

/* A client leaves without its close_notify: between two records, or in the middle of one. */
void party_truncate(struct party *party, bool is_inside_record);

/* The end of a process: RST. What a server said before stands, a clean end too. */
void party_die(struct party *party);

/* Plaintext for a client, from its codec. */
void party_took(void *owner, struct bytes_const plaintext);

#endif
