/*
 * Makes corpus files of real clients: record-client PORT FILE
 * serves one connection on the loopback with the engine of tls_stage.h, answers with as many bytes
 * as came, and writes what the client sent in the form fuzz_handshake.c reads. As all randomness is
 * fixed, playing the file again is the whole session, Finished included.
 */
#include "base/require.h"
#include "tls_peer.h"
#include "tls_stage.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct tls_peer server;

static int  accept_one(uint16_t port);
static void answer(int fd, uint64_t received);

int main(int count, char **words)
{
    uint8_t bytes[16 * 1024];

    if (count != 3) {
        (void)fprintf(stderr, "usage: record-client PORT FILE\n");
        return 2;
    }
    FILE *file = fopen(words[2], "wb");
    int   fd = accept_one((uint16_t)strtoul(words[1], NULL, 10));

    require(file != NULL && fwrite("\0\0\0", 1, 3, file) == 3);
    tls_stage_begin();
    tls_peer_init(&server, tls_stage_server(TLS_STAGE_PLAIN), TLS_SERVER, TLS_PEER_OUTPUT_BYTES);
    while (!server.has_goodbye && !server.has_failed) {
        ssize_t  got = recv(fd, bytes, sizeof(bytes), 0);
        uint64_t received = server.received;

        if (got <= 0) {
            break;
        }
        require(fwrite(bytes, 1, (size_t)got, file) == (size_t)got);
        tls_peer_receive(&server, (struct bytes_const){bytes, (size_t)got});
        answer(fd, server.received - received);
    }
    (void)printf("%s: established %d, failed %d, goodbye %d, %llu bytes\n", words[2],
                 server.is_established, server.has_failed, server.has_goodbye,
                 (unsigned long long)server.received);
    tls_peer_fini(&server);
    (void)close(fd);
    return fclose(file) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int accept_one(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;

    require(setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
    require(bind(listening, (struct sockaddr *)&address, sizeof(address)) == 0);
    require(listen(listening, 1) == 0);
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

    require(fd >= 0);
    (void)close(listening);
    return fd;
}

static void answer(int fd, uint64_t received)
{
    struct stream echo = {.id = 1};

    (void)tls_peer_write(&server, &echo, (size_t)received);
    struct bytes_const bytes = buffer_readable(&server.output);

    if (bytes.len > 0) {
        require(send(fd, bytes.data, bytes.len, MSG_NOSIGNAL) == (ssize_t)bytes.len);
        buffer_consumed(&server.output, bytes.len);
    }
}
