/*
 * Runs the same on the kernel and on the simulator, and compares what became of it: generated
 * scripts by the table (legal.h), handwritten ones and probes by the outcomes they name.
 */
#ifndef SALLYPORT_TESTS_CONFORM_H
#define SALLYPORT_TESTS_CONFORM_H

#include "legal.h"
#include "script_run.h"

/* The kernel's drivers that work here: index in world_driver. */
size_t conform_kernels_count(void);

struct conform_seeds {
    uint64_t first;
    uint64_t count;
};

/* Runs generated scripts on that kernel driver, and on the simulator in one of its models with
 * troubles drawn from the seed. Fails the test, with the script, when the table does not explain
 * what happened. */
void conform_kernel(size_t driver, struct conform_seeds seeds, struct legal_seen *seen);
void conform_simulator(bool is_readiness, struct conform_seeds seeds, struct legal_seen *seen);

/* A handwritten script, for every kernel driver and for the simulator under many seeds. Each step's
 * outcome must be one of those the step names, and each of these must be seen on the simulator;
 * what a kernel driver shows, the simulator must show in that driver's model. */
void conform_script(const struct step *steps);

/* The same for what no script can say: does something in that world, and tells what became of it.
 */
typedef enum outcome conform_probe(struct world *world);
void                 conform_outcomes(conform_probe *probe, unsigned legal);

#endif
