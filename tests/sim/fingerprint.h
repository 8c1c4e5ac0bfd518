/* All that decides what a session and its two ends do from here on, as numbers to compare states of
 * a small world by. Times are counted from now. */
#ifndef SALLYPORT_TESTS_SIM_FINGERPRINT_H
#define SALLYPORT_TESTS_SIM_FINGERPRINT_H

#include "lane.h"

#include <stdint.h>

struct session;

uint64_t fingerprint_session(const struct session *session, uint64_t now_ns, uint64_t hash);
uint64_t fingerprint_lane(const struct lane *lane, uint64_t hash);

#endif
