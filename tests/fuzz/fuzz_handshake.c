/*
 * What a stranger sends to a server's engine: the first byte chooses the context, the second the
 * length of the pieces it comes in, the third the room for answers; the rest is the stream.
 */
#include "base/require.h"
#include "fuzz.h"
#include "tls_peer.h"
#include "tls_stage.h"

static struct tls_peer server;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t rooms[] = {TLS_PEER_OUTPUT_BYTES, 8192, 300, 1};
    struct bytes_const  tape = {data, size};
    struct stream       echo = {.id = 1};

    tls_stage_begin();
    enum tls_stage_server which = (enum tls_stage_server)fuzz_below(&tape, TLS_STAGE_SERVERS);
    size_t                piece = fuzz_byte(&tape);
    size_t                room = rooms[fuzz_below(&tape, sizeof(rooms) / sizeof(rooms[0]))];

    piece = piece == 0 ? size : piece;
    tls_peer_init(&server, tls_stage_server(which), TLS_SERVER, room);
    server.drops_output = true;
    while (fuzz_has_more(&tape) && !server.has_failed && !server.has_goodbye) {
        uint64_t received = server.received;

        tls_peer_receive(&server, fuzz_bytes(&tape, piece));
        (void)tls_peer_write(&server, &echo, (size_t)(server.received - received));
    }
    tls_peer_goodbye(&server);
    tls_peer_fini(&server);
    return 0;
}
