/* Runs a script on one driver: both ends are sockets of the same loop. */
#ifndef SALLYPORT_TESTS_SCRIPT_RUN_H
#define SALLYPORT_TESTS_SCRIPT_RUN_H

#include "script.h"
#include "world.h"

/* Connects at the world's address; the server accepts just before its first step. */
void script_run(struct world *world, const struct script *script, struct history *history);

/* What became of an operation that was submitted. */
enum outcome outcome_of(const struct io_op *op);

#endif
