/*
 * What every law test works with: a loop on the driver under test, a listening socket, and calls
 * that remember what became of them. The same test body runs on the kernel's drivers and on the
 * simulator, since peers are sockets of the same loop.
 */
#ifndef SALLYPORT_TESTS_WORLD_H
#define SALLYPORT_TESTS_WORLD_H

#include "io/io.h"
#include "io/io_internal.h"

#include <check.h>
#include <stdbool.h>
#include <stddef.h>

enum { WORLD_TURNS_MAX = 3000, WORLD_TURN_MS = 5, WORLD_COPY_BYTES = 64 };

struct world {
    struct io_loop *loop;
    struct address  address; /* where listen_fd listens */
    int             listen_fd;
    bool            is_simulated;
    bool            is_uring;
};

/* One operation, and what was seen of it. */
struct call {
    struct io_op  op;
    struct world *world;
    unsigned      done_count;
    size_t        len;                    /* recv: bytes that came */
    uint8_t       copy[WORLD_COPY_BYTES]; /* recv: the first of them */
};

/* Two connected sockets. */
struct pair {
    int client;
    int server;
};

/* The drivers that work here: index is what a loop test is given as _i. */
size_t      world_drivers_count(void);
const char *world_driver(size_t index);
bool        world_has(const char *driver);

/* A suite that runs each of the tests (ending with NULL) on each driver. */
Suite *world_suite(const char *name, const TTest *const *tests);

struct world world_open(size_t index);
struct world world_open_with(size_t index, struct io_options options);
void         world_close(struct world *world);

/* A listening socket of the kernel's, and its address. */
int world_listen(struct address *address, int backlog);

/* Submits; `call` must be zeroed or done. */
void world_accept(struct world *world, struct call *call);
void world_connect(struct world *world, struct call *call, int fd);
void world_recv(struct world *world, struct call *call, int fd);
void world_send(struct world *world, struct call *call, int fd, struct bytes_const bytes);
void world_send_last(struct world *world, struct call *call, int fd, struct bytes_const bytes);
void world_poll(struct world *world, struct call *call, int fd);

/* Turns until the call is done; fails the test when it never is. */
void world_finish(struct world *world, struct call *call);
/* Turns a few times for what should not happen to get a chance. */
void world_settle(struct world *world);

int         world_socket(struct world *world);
struct pair world_pair(struct world *world);
void        world_close_begin(struct world *world, struct call *call, int fd);
/* Closes, and waits for it. */
void world_close_fd(struct world *world, int fd);
void world_close_pair(struct world *world, struct pair pair);

/* Sends all of `bytes`, in as many sends as it takes. */
void world_send_all(struct world *world, int fd, struct bytes_const bytes);
/* Receives until `len` bytes came; they must count up from `first`, byte by byte. */
void world_expect_bytes(struct world *world, int fd, size_t len, uint8_t first);
/* One receive that must end so. */
void world_expect_end(struct world *world, int fd);
void world_expect_error(struct world *world, int fd, enum error_kind kind);

/* Bytes that count up: 0, 1, ... 255, 0, ... */
struct bytes_const world_pattern(size_t len);

enum error_kind call_error(const struct call *call);

#endif
