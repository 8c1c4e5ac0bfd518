#include "sim_lent.h"

#include "base/require.h"
#include "io/io.h"

#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

enum { WIPED = 0xDD, RETURNED_MAX = 64, ROUNDS_MAX = 2, LANES = 4 };

struct place {
    struct bytes bytes;
    uint64_t     filled_turn;
    uint64_t     used_turn; /* its bytes were handed over then */
    size_t       bytes_in_turn;
};

struct sim_lent {
    size_t        places;
    size_t        next; /* in `returned` */
    uint64_t      turn;
    struct bytes  returned[RETURNED_MAX];
    struct place *out;
};

static void release(struct bytes *bytes);

struct sim_lent *sim_lent_new(size_t places)
{
    struct sim_lent *lent = calloc(1, sizeof(*lent));

    require(lent != NULL);
    lent->places = places;
    lent->out = calloc(places, sizeof(*lent->out));
    require(lent->out != NULL);
    return lent;
}

void sim_lent_free(struct sim_lent **lent)
{
    for (size_t i = 0; i < RETURNED_MAX; i++) {
        release(&(*lent)->returned[i]);
    }
    free((*lent)->out);
    free(*lent);
    *lent = NULL;
}

void sim_lent_turn(struct sim_lent *lent)
{
    lent->turn++;
}

struct bytes sim_lent_begin(struct sim_lent *lent, size_t place, size_t len)
{
    require(place < lent->places);
    struct place *out = &lent->out[place];

    require(out->bytes.data == NULL);
    out->bytes = (struct bytes){.data = malloc(len), .len = len};
    require(out->bytes.data != NULL);
    out->filled_turn = lent->turn;
    return out->bytes;
}

void sim_lent_end(struct sim_lent *lent, size_t place)
{
    struct bytes *oldest = &lent->returned[lent->next];
    struct place *out = &lent->out[place];

    require(place < lent->places);
    require(out->bytes.data != NULL);
    require(lent->turn - out->filled_turn <= ROUNDS_MAX);
    out->bytes_in_turn = (out->used_turn == lent->turn ? out->bytes_in_turn : 0) + out->bytes.len;
    out->used_turn = lent->turn;
    require(out->bytes_in_turn <= IO_RECV_BYTES);
    release(oldest);
    *oldest = out->bytes;
    out->bytes = (struct bytes){0};
    lent->next = (lent->next + 1) % RETURNED_MAX;
    memset(oldest->data, WIPED, oldest->len);
    ASAN_POISON_MEMORY_REGION(oldest->data, oldest->len);
}

/* Four lanes, so that one multiplication need not wait for the one before. */
uint64_t sim_lent_hash(struct bytes_const bytes)
{
    uint64_t lanes[LANES] = {bytes.len, 1, 2, 3};
    size_t   i = 0;

    for (; i + sizeof(lanes) <= bytes.len; i += sizeof(lanes)) {
        uint64_t words[LANES];

        memcpy(words, bytes.data + i, sizeof(words));
        for (int lane = 0; lane < LANES; lane++) {
            lanes[lane] = (lanes[lane] ^ words[lane]) * UINT64_C(0x9fb21c651e98df25);
            lanes[lane] ^= lanes[lane] >> 29;
        }
    }
    for (; i < bytes.len; i++) {
        lanes[0] = (lanes[0] ^ bytes.data[i]) * UINT64_C(0x100000001b3);
    }
    return lanes[0] ^ lanes[1] * 3 ^ lanes[2] * 5 ^ lanes[3] * 7;
}

static void release(struct bytes *bytes)
{
    if (bytes->data != NULL) {
        ASAN_UNPOISON_MEMORY_REGION(bytes->data, bytes->len);
        free(bytes->data);
        bytes->data = NULL;
    }
}
