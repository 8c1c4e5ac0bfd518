/*
 * Does a few operations of the proxy over and over, in one thread and in step with its own client
 * and server, so that each run executes the same instructions. To be run by scripts/instructions,
 * under callgrind:
 *
 *   count tls            handshakes, engine to engine
 *   count io_uring|epoll a worker's connections and relaying, on that driver
 *
 * Prints a line for each operation, in the order of callgrind's dumps: its name and its rounds.
 * Status 77: the driver cannot be had here.
 */
#include "counted.h"

#include <stdio.h>
#include <string.h>

enum { WARM_UP_ROUNDS = 5, STATUS_SKIPPED = 77 };

static void run_all(const struct operation *operations);

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: count tls|io_uring|epoll\n");
        return 2;
    }
    if (strcmp(arguments[1], "tls") == 0) {
        tls_rounds_open();
        run_all(tls_rounds);
        tls_rounds_close();
        return 0;
    }
    if (!worker_rounds_open(arguments[1])) {
        return STATUS_SKIPPED;
    }
    run_all(worker_rounds);
    worker_rounds_close();
    return 0;
}

/* Warmed up first: tables and slabs that grow once are no part of an operation. */
static void run_all(const struct operation *operations)
{
    for (const struct operation *operation = operations; operation->name != NULL; operation++) {
        for (unsigned i = 0; i < WARM_UP_ROUNDS; i++) {
            operation->run();
        }
        counted_begin();
        for (unsigned i = 0; i < operation->rounds; i++) {
            operation->run();
        }
        counted_end();
        printf("%s %u\n", operation->name, operation->rounds);
        (void)fflush(stdout);
    }
}
