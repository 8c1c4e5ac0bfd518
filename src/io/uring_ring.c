/* The two queues: opening them, a place in one, what is found in the other. */
#include "io/uring_internal.h"

#include "base/clock.h"
#include "base/require.h"
#include "io/uring_flags.h"

#include <errno.h>
#include <unistd.h>

enum {
    ENTRIES_DEFAULT = 1024,
    ENTRIES_LEAST = 32,
    COMPLETIONS_PER_ENTRY = 4,
    TRIES_FOR_PLACE = 4,
    OVERFLOW_ROUNDS_MAX = 64,
};

static const unsigned FLAGS_ALWAYS = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;

/* The best first. The kernel's default interrupts us for every completion and is clearly slower;
 * SUBMIT_ALL keeps one bad entry from holding up the rest. */
static const unsigned FLAGS_TO_TRY[] = {
    IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_TASKRUN_FLAG |
        IORING_SETUP_SUBMIT_ALL,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
    0,
};

/* No completion is lost, waits have a timeout, sockets are polled without threads. */
static const unsigned FEATURES_NEEDED =
    IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_FAST_POLL;

static int  open_with(struct uring *uring, const struct io_options *options, unsigned flags);
static int  open_once(struct uring *uring, unsigned entries, unsigned completions, unsigned flags);
static bool is_idle(const struct uring *uring);
static int  enter(struct uring *uring, uint64_t wait_ns);
static void reap(struct uring *uring);

bool uring_ring_open(struct uring *uring, const struct io_options *options, struct error *error)
{
    int code = -EINVAL;

    for (size_t i = 0; i < sizeof(FLAGS_TO_TRY) / sizeof(FLAGS_TO_TRY[0]) && code == -EINVAL; i++) {
        code = open_with(uring, options, FLAGS_TO_TRY[i]);
    }
    if (code < 0) {
        *error = error_from_errno(-code, "io_uring");
        return false;
    }
    uring->is_ring_open = true;
    uring->opener = gettid();
    if ((uring->ring.features & FEATURES_NEEDED) != FEATURES_NEEDED) {
        *error = error_make(ERROR_UNSUPPORTED, "io_uring features");
        return false;
    }
    uring->tells_of_work = (uring->ring.flags & IORING_SETUP_TASKRUN_FLAG) != 0;
    /* Where the kernel has it; nothing depends on it. */
    uring->is_registered = io_uring_register_ring_fd(&uring->ring) == 1;
    return true;
}

void uring_ring_describe(const struct uring *uring, struct text *into)
{
    static const struct {
        unsigned    flag;
        const char *name;
    } flags[] = {{IORING_SETUP_DEFER_TASKRUN, "DEFER_TASKRUN"},
                 {IORING_SETUP_COOP_TASKRUN, "COOP_TASKRUN"},
                 {IORING_SETUP_SINGLE_ISSUER, "SINGLE_ISSUER"},
                 {IORING_SETUP_TASKRUN_FLAG, "TASKRUN_FLAG"},
                 {IORING_SETUP_SUBMIT_ALL, "SUBMIT_ALL"}};

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if ((uring->ring.flags & flags[i].flag) != 0) {
            text_format(into, "%s ", flags[i].name);
        }
    }
    text_format(into, "entries=%u registered=%s", uring->ring.sq.ring_entries,
                uring->is_registered ? "yes" : "no");
}

struct io_uring_sqe *uring_ring_place(struct uring *uring, enum uring_tag tag, void *pointer)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);

    for (int tries = 0; sqe == NULL && tries < TRIES_FOR_PLACE; tries++) {
        int code = io_uring_submit(&uring->ring);

        require(code != -EEXIST);
        if (code < 0) {
            reap(uring);
        }
        sqe = io_uring_get_sqe(&uring->ring);
    }
    if (sqe == NULL) {
        return NULL;
    }
    require(((uintptr_t)pointer & URING_TAG_MASK) == 0);
    sqe->user_data = (uintptr_t)pointer | tag;
    return sqe;
}

void uring_ring_turn(struct uring *uring, uint64_t wait_ns)
{
    if (wait_ns == 0 && is_idle(uring)) {
        reap(uring);
        return;
    }
    uint64_t completions = uring->completions;
    int      code = enter(uring, wait_ns);

    require(code != -EEXIST); /* another thread than the one that opened the loop */
    reap(uring);
    if (code < 0 && code != -ETIME && code != -EINTR && uring->completions == completions) {
        io_nap(wait_ns);
    }
}

/* What the kernel does not take now it is handed again by the next turn. */
void uring_ring_flush(struct uring *uring)
{
    if (io_uring_sq_ready(&uring->ring) > 0) {
        (void)io_uring_submit(&uring->ring);
    }
}

/* Each ring is charged to RLIMIT_MEMLOCK on older kernels: a smaller one may still fit. */
static int open_with(struct uring *uring, const struct io_options *options, unsigned flags)
{
    unsigned entries = options->ring_entries == 0 ? ENTRIES_DEFAULT : options->ring_entries;
    int      code;

    do {
        unsigned completions = options->completion_entries == 0 ? entries * COMPLETIONS_PER_ENTRY
                                                                : options->completion_entries;

        code = open_once(uring, entries, completions, flags);
        entries /= 2;
    } while (code == -ENOMEM && entries >= ENTRIES_LEAST);
    return code;
}

static int open_once(struct uring *uring, unsigned entries, unsigned completions, unsigned flags)
{
    struct io_uring_params params = {.flags = FLAGS_ALWAYS | flags, .cq_entries = completions};

    return io_uring_queue_init_params(entries, &uring->ring, &params);
}

/* Nothing to hand in, and nothing to be had by asking. */
static bool is_idle(const struct uring *uring)
{
    unsigned flags = IO_URING_READ_ONCE(*uring->ring.sq.kflags);

    return uring->tells_of_work && io_uring_sq_ready(&uring->ring) == 0 &&
           (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) == 0;
}

static int enter(struct uring *uring, uint64_t wait_ns)
{
    struct __kernel_timespec wait = {.tv_sec = (long long)(wait_ns / NS_PER_S),
                                     .tv_nsec = (long long)(wait_ns % NS_PER_S)};
    struct io_uring_cqe     *cqe;

    if (wait_ns == 0) {
        return io_uring_submit_and_get_events(&uring->ring);
    }
    return io_uring_submit_and_wait_timeout(&uring->ring, &cqe, 1, &wait, NULL);
}

/* When the queue was too small the kernel kept the rest, and hands it over when there is room. */
static void reap(struct uring *uring)
{
    bool is_more = true;

    for (int rounds = 0; is_more && rounds < OVERFLOW_ROUNDS_MAX; rounds++) {
        struct io_uring_cqe *cqe;
        unsigned             head;
        unsigned             count = 0;

        io_uring_for_each_cqe(&uring->ring, head, cqe)
        {
            uring_completion(uring, cqe);
            count++;
        }
        io_uring_cq_advance(&uring->ring, count);
        is_more = io_uring_cq_has_overflow(&uring->ring) && io_uring_get_events(&uring->ring) >= 0;
    }
}
