#include "listening.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

int listening_open(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int                one = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, BACKLOG) != 0) {
        fprintf(stderr, "port %u: %s\n", port, strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return -1;
    }
    return fd;
}

unsigned listening_port(const char *text)
{
    char         *end;
    unsigned long port = strtoul(text, &end, 10);

    return *text != '\0' && *end == '\0' && port < 65536 ? (unsigned)port : 0;
}

void listening_wait_for_end(void)
{
    char    line[64];
    ssize_t got;

    puts("ready");
    (void)fflush(stdout);
    do {
        got = read(STDIN_FILENO, line, sizeof(line));
    } while (got > 0 || (got < 0 && errno == EINTR));
}
