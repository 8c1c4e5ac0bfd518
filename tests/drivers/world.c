#include "world.h"

#include "base/clock.h"
#include "io/drivers.h"
#include "io/socket.h"
#include "world_sim.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    TIMEOUT_SECONDS = 120,
    DRIVERS_MAX = 6,
    BACKLOG = 128,
    SETTLE_TURNS = 5,
    PATTERN_BYTES = 4 << 20
};

static const char *drivers[DRIVERS_MAX];
static size_t      drivers_count;

static void find_drivers(void);
static void on_done(struct io_op *op);

size_t world_drivers_count(void)
{
    if (drivers_count == 0) {
        find_drivers();
    }
    return drivers_count;
}

const char *world_driver(size_t index)
{
    return drivers[index];
}

bool world_has(const char *driver)
{
    for (size_t i = 0; i < world_drivers_count(); i++) {
        if (strcmp(drivers[i], driver) == 0) {
            return true;
        }
    }
    return false;
}

Suite *world_suite(const char *name, const TTest *const *tests)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create("every driver");

    tcase_set_timeout(tcase, TIMEOUT_SECONDS);
    for (size_t i = 0; tests[i] != NULL; i++) {
        tcase_add_loop_test(tcase, tests[i], 0, (int)world_drivers_count());
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

struct world world_open(size_t index)
{
    return world_open_with(index, (struct io_options){0});
}

struct world world_open_with(size_t index, struct io_options options)
{
    struct world world = {.is_simulated = world_sim_is(drivers[index]),
                          .is_uring = strcmp(drivers[index], "io_uring") == 0};
    struct error error = ERROR_OK;

    if (world.is_simulated) {
        world_sim_open(&world, drivers[index]);
        return world;
    }
    options.driver = drivers[index];
    world.loop = io_loop_open(&options, &error);
    ck_assert_ptr_nonnull(world.loop);
    world.listen_fd = world_listen(&world.address, BACKLOG);
    return world;
}

/* Linux has all of 127.0.0.0/8: each process takes an address of its own, so that others on this
 * machine, however many connections they have, leave it ports. */
int world_listen(struct address *address, int backlog)
{
    struct listen_options options = {.backlog = backlog};
    struct address        addresses[ADDRESSES_PER_TEXT_MAX];
    unsigned              pid = (unsigned)getpid();
    char                  text[ADDRESS_TEXT_BYTES];
    const char           *problem;
    struct error          error;

    (void)snprintf(text, sizeof(text), "127.%u.%u.%u:0", (pid >> 16 & 0x3f) | 0x40, pid >> 8 & 0xff,
                   pid & 0xff);
    ck_assert_uint_eq(address_parse(text, addresses, &problem), 1);
    int fd = socket_listen(&addresses[0], &options, &error);

    if (fd < 0) {
        addresses[0].socket.ip4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        fd = socket_listen(&addresses[0], &options, &error);
    }
    ck_assert_int_ge(fd, 0);
    socket_local(fd, address);
    return fd;
}

void world_close(struct world *world)
{
    world_close_fd(world, world->listen_fd);
    io_loop_close(&world->loop);
    if (world->is_simulated) {
        world_sim_close();
    }
}

void world_accept(struct world *world, struct call *call)
{
    call->world = world;
    io_accept(world->loop, &call->op, world->listen_fd, on_done);
}

void world_connect(struct world *world, struct call *call, int fd)
{
    call->world = world;
    io_connect(world->loop, &call->op, fd, &world->address, on_done);
}

void world_recv(struct world *world, struct call *call, int fd)
{
    call->world = world;
    io_recv(world->loop, &call->op, fd, on_done);
}

void world_send(struct world *world, struct call *call, int fd, struct bytes_const bytes)
{
    call->world = world;
    io_send(world->loop, &call->op, fd, bytes, on_done);
}

void world_send_last(struct world *world, struct call *call, int fd, struct bytes_const bytes)
{
    call->world = world;
    io_send_last(world->loop, &call->op, fd, bytes, on_done);
}

void world_poll(struct world *world, struct call *call, int fd)
{
    call->world = world;
    io_poll(world->loop, &call->op, fd, on_done);
}

void world_finish(struct world *world, struct call *call)
{
    for (int turns = 0; turns < WORLD_TURNS_MAX && io_op_is_pending(&call->op); turns++) {
        io_turn(world->loop, WORLD_TURN_MS * NS_PER_MS);
    }
    ck_assert_msg(!io_op_is_pending(&call->op), "operation %d on %d never ended", call->op.kind,
                  call->op.fd);
}

void world_settle(struct world *world)
{
    for (int turns = 0; turns < SETTLE_TURNS; turns++) {
        io_turn(world->loop, WORLD_TURN_MS * NS_PER_MS);
    }
}

int world_socket(struct world *world)
{
    struct error error;
    int          fd = io_socket(world->loop, &world->address, &error);

    ck_assert_int_ge(fd, 0);
    return fd;
}

struct pair world_pair(struct world *world)
{
    struct call accepting = {0}, connecting = {0};
    struct pair pair = {.client = world_socket(world)};

    world_accept(world, &accepting);
    world_connect(world, &connecting, pair.client);
    world_finish(world, &connecting);
    world_finish(world, &accepting);
    ck_assert_int_eq(call_error(&connecting), ERROR_NONE);
    ck_assert_int_eq(call_error(&accepting), ERROR_NONE);
    pair.server = (int)accepting.op.result;
    return pair;
}

void world_close_begin(struct world *world, struct call *call, int fd)
{
    call->world = world;
    io_close(world->loop, &call->op, fd, on_done);
}

void world_close_fd(struct world *world, int fd)
{
    struct call closing = {0};

    world_close_begin(world, &closing, fd);
    world_finish(world, &closing);
    ck_assert_int_eq(call_error(&closing), ERROR_NONE);
}

void world_close_pair(struct world *world, struct pair pair)
{
    world_close_fd(world, pair.client);
    world_close_fd(world, pair.server);
}

void world_send_all(struct world *world, int fd, struct bytes_const bytes)
{
    while (bytes.len > 0) {
        struct call sending = {0};

        world_send(world, &sending, fd, bytes);
        world_finish(world, &sending);
        ck_assert_int_eq(call_error(&sending), ERROR_NONE);
        ck_assert_int_ge(sending.op.result, 1);
        ck_assert_uint_le((size_t)sending.op.result, bytes.len);
        bytes.data += sending.op.result;
        bytes.len -= (size_t)sending.op.result;
    }
}

void world_expect_bytes(struct world *world, int fd, size_t len, uint8_t first)
{
    size_t received = 0;

    while (received < len) {
        struct call receiving = {0};

        world_recv(world, &receiving, fd);
        world_finish(world, &receiving);
        ck_assert_int_eq(call_error(&receiving), ERROR_NONE);
        ck_assert_uint_ge(receiving.len, 1);
        for (size_t i = 0; i < receiving.len && i < WORLD_COPY_BYTES; i++) {
            ck_assert_uint_eq(receiving.copy[i], (uint8_t)(first + received + i));
        }
        received += receiving.len;
    }
    ck_assert_uint_eq(received, len);
}

void world_expect_end(struct world *world, int fd)
{
    struct call receiving = {0};

    world_recv(world, &receiving, fd);
    world_finish(world, &receiving);
    ck_assert_int_eq(call_error(&receiving), ERROR_NONE);
    ck_assert_int_eq(receiving.op.result, 0);
}

void world_expect_error(struct world *world, int fd, enum error_kind kind)
{
    struct call receiving = {0};

    world_recv(world, &receiving, fd);
    world_finish(world, &receiving);
    ck_assert_int_eq(call_error(&receiving), kind);
}

struct bytes_const world_pattern(size_t len)
{
    static uint8_t pattern[PATTERN_BYTES];

    ck_assert_uint_le(len, PATTERN_BYTES);
    for (size_t i = 0; i < len; i++) {
        pattern[i] = (uint8_t)i;
    }
    return (struct bytes_const){.data = pattern, .len = len};
}

enum error_kind call_error(const struct call *call)
{
    return error_kind(&call->op.error);
}

/* A driver that this kernel refuses is left out; the count of tests shows it. */
static void find_drivers(void)
{
    struct error error;

    for (size_t i = 0; drivers_built[i] != NULL; i++) {
        struct io_options options = {.driver = drivers_built[i]->name};
        struct io_loop   *loop = io_loop_open(&options, &error);

        if (loop != NULL) {
            drivers[drivers_count++] = drivers_built[i]->name;
        }
        io_loop_close(&loop);
    }
    drivers[drivers_count++] = WORLD_SIM_NAME;
    drivers[drivers_count++] = WORLD_SIM_ROUGH_NAME;
    drivers[drivers_count++] = WORLD_SIM_READY_NAME;
    drivers[drivers_count++] = WORLD_SIM_READY_ROUGH_NAME;
}

static void on_done(struct io_op *op)
{
    struct call *call = container_of(op, struct call, op);

    ck_assert(!io_op_is_pending(op));
    call->done_count++;
    if (op->kind == IO_RECV && op->result > 0) {
        call->len = op->received.len;
        ck_assert_int_eq(op->result, (int64_t)op->received.len);
        memcpy(call->copy, op->received.data,
               call->len < WORLD_COPY_BYTES ? call->len : WORLD_COPY_BYTES);
    }
}
