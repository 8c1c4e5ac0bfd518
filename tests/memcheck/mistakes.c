/*
 * Makes one mistake that valgrind must notice, or none: shows that scripts/valgrind would fail if
 * the daemon made it. Bytes are sent through the driver that is named, as a session sends them.
 *
 * usage: mistakes none|unwritten|leak DRIVER
 */
#include "base/clock.h"
#include "base/require.h"
#include "io/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BYTES = 100, TURNS_MAX = 100, TURN_MS = 10 };

static void on_sent(struct io_op *op)
{
    require(op->result == BYTES);
}

static void send_once(struct io_loop *loop, int fd, const uint8_t *bytes)
{
    struct io_op send = {0};

    io_send(loop, &send, fd, (struct bytes_const){.data = bytes, .len = BYTES}, on_sent);
    for (int turns = 0; turns < TURNS_MAX && io_op_is_pending(&send); turns++) {
        io_turn(loop, TURN_MS * NS_PER_MS);
    }
    require(!io_op_is_pending(&send));
}

static uint8_t *bytes_of(const char *mistake)
{
    uint8_t *bytes = malloc(BYTES);

    require(bytes != NULL);
    memset(bytes, 'x', strcmp(mistake, "unwritten") == 0 ? BYTES - 1 : BYTES);
    return bytes;
}

static int make(const char *mistake, const char *driver)
{
    struct io_options options = {.driver = driver};
    struct error      error;
    struct io_loop   *loop = io_loop_open(&options, &error);
    int               pair[2];

    if (loop == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0) {
        return EXIT_FAILURE;
    }
    uint8_t *bytes = bytes_of(mistake);

    send_once(loop, pair[0], bytes);
    if (strcmp(mistake, "leak") != 0) {
        free(bytes);
    }
    io_loop_close(&loop);
    (void)close(pair[0]);
    (void)close(pair[1]);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: mistakes none|unwritten|leak DRIVER\n");
        return 2;
    }
    return make(argv[1], argv[2]);
}
