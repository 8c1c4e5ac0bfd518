#include "reactor/log_writer.h"

#include "base/require.h"
#include "reactor/log_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum {
    RING_BYTES_DEFAULT = 256 * 1024,
    FILE_MODE = 0640,
    LINE_BYTES_MAX = UINT16_MAX,
    STOP_SECONDS_MAX = 2,
    WAKE_TRIES_MAX = 8,
    LINES_PER_ROUND_MAX = 64, /* of one ring, before the next has its turn */
};

struct log_writer {
    struct log_writer_options options;
    struct log_ring          *rings;
    _Atomic unsigned          attached; /* no ring from here on was ever used */
    int                       fds[LOG_CHANNELS];
    int                       wake_fd;
    uint64_t                  dropped_told;
    _Atomic uint64_t          failed; /* lines a target did not take */
    _Atomic bool              is_asleep;
    _Atomic bool              is_stopping;
    _Atomic bool              wants_reopen;
    pthread_t                 thread;
    sem_t                     has_ended; /* the thread: joining it would have no bound before */
    char                      text[LINE_BYTES_MAX];
};

/* The ring of this thread, once it attached. */
static _Thread_local struct log_ring *ring_here;

static void *thread_main(void *argument);
static void  writer_run(struct log_writer *writer);
static bool  writer_ends_in_time(struct log_writer *writer);
static bool  writer_drain(struct log_writer *writer);
static void  writer_sleep(struct log_writer *writer);
static void  writer_wake(struct log_writer *writer);
static void  writer_tell_dropped(struct log_writer *writer);
static bool  writer_write(struct log_writer *writer, struct log_ring_line line, const char *text);
static bool  writer_open(struct log_writer *writer, struct error *error);
static void  writer_reopen_when_asked(struct log_writer *writer);
static void  writer_reopen(struct log_writer *writer, unsigned channel);
static void  writer_close(struct log_writer *writer);
static void  writer_free(struct log_writer *writer);
static int   target_open(const struct log_target *target, struct error *error);
static int   syslog_priority(enum log_level level);

struct log_writer *log_writer_start(const struct log_writer_options *options, struct error *error)
{
    struct log_writer *writer = calloc(1, sizeof(*writer));
    bool               is_ready = writer != NULL;

    *error = error_from_errno(ENOMEM, "log");
    if (!is_ready) {
        return NULL;
    }
    require(sem_init(&writer->has_ended, 0, 0) == 0);
    writer->options = *options;
    writer->wake_fd = eventfd(0, EFD_CLOEXEC);
    writer->fds[LOG_CHANNEL_DAEMON] = -1;
    writer->fds[LOG_CHANNEL_ACCESS] = -1;
    writer->rings = calloc(options->producers, sizeof(*writer->rings));
    for (unsigned i = 0; writer->rings != NULL && i < options->producers; i++) {
        is_ready = is_ready &&
                   log_ring_init(&writer->rings[i], options->ring_bytes != 0 ? options->ring_bytes
                                                                             : RING_BYTES_DEFAULT);
    }
    if (!is_ready || writer->rings == NULL || writer->wake_fd < 0 || !writer_open(writer, error) ||
        pthread_create(&writer->thread, NULL, thread_main, writer) != 0) {
        writer_free(writer);
        return NULL;
    }
    return writer;
}

void log_writer_attach(struct log_writer *writer, unsigned producer)
{
    unsigned attached = atomic_load(&writer->attached);

    require(producer < writer->options.producers);
    while (attached <= producer &&
           !atomic_compare_exchange_weak(&writer->attached, &attached, producer + 1)) {
    }
    ring_here = &writer->rings[producer];
}

bool log_writer_put(struct log_writer *writer, enum log_channel channel, enum log_level level,
                    const char *line, size_t line_len)
{
    struct log_ring_line head = {
        .len = (uint16_t)(line_len < LINE_BYTES_MAX ? line_len : LINE_BYTES_MAX),
        .channel = (uint8_t)channel,
        .level = (uint8_t)level};

    if (ring_here == NULL) {
        return writer_write(writer, head, line);
    }
    if (!log_ring_put(ring_here, head, line)) {
        return false;
    }
    if (atomic_load(&writer->is_asleep) && atomic_exchange(&writer->is_asleep, false)) {
        writer_wake(writer);
    }
    return true;
}

uint64_t log_writer_dropped(const struct log_writer *writer)
{
    uint64_t dropped = atomic_load_explicit(&writer->failed, memory_order_relaxed);

    for (unsigned i = 0; i < atomic_load(&writer->attached); i++) {
        dropped += atomic_load_explicit(&writer->rings[i].dropped, memory_order_relaxed);
    }
    return dropped;
}

void log_writer_reopen(struct log_writer *writer)
{
    atomic_store(&writer->wants_reopen, true);
    writer_wake(writer);
}

void log_writer_stop(struct log_writer **writer)
{
    if (*writer == NULL) {
        return;
    }
    ring_here = NULL;
    atomic_store(&(*writer)->is_stopping, true);
    writer_wake(*writer);
    if (writer_ends_in_time(*writer)) {
        require(pthread_join((*writer)->thread, NULL) == 0);
        writer_free(*writer);
    }
    *writer = NULL;
}

static bool writer_ends_in_time(struct log_writer *writer)
{
    struct timespec until;
    int             code;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += STOP_SECONDS_MAX;
    do {
        code = sem_clockwait(&writer->has_ended, CLOCK_MONOTONIC, &until);
    } while (code != 0 && errno == EINTR);
    return code == 0;
}

static void *thread_main(void *argument)
{
    struct log_writer *writer = argument;

    (void)pthread_setname_np(pthread_self(), "log");
    writer_run(writer);
    (void)sem_post(&writer->has_ended);
    return NULL;
}

static void writer_run(struct log_writer *writer)
{
    for (;;) {
        bool is_stopping = atomic_load(&writer->is_stopping);
        bool has_written = writer_drain(writer);

        writer_reopen_when_asked(writer);
        writer_tell_dropped(writer);
        if (is_stopping && !has_written) {
            return;
        }
        if (!has_written) {
            writer_sleep(writer);
        }
    }
}

/* Some lines of every ring, so that a busy one holds up neither the others nor the rest of the
 * loop; true when there was anything. */
static bool writer_drain(struct log_writer *writer)
{
    bool has_written = false;

    for (unsigned i = 0; i < atomic_load(&writer->attached); i++) {
        struct log_ring_line line;

        for (unsigned lines = 0;
             lines < LINES_PER_ROUND_MAX && log_ring_take(&writer->rings[i], &line, writer->text);
             lines++) {
            writer_reopen_when_asked(writer);
            if (!writer_write(writer, line, writer->text)) {
                atomic_fetch_add_explicit(&writer->failed, 1, memory_order_relaxed);
            }
            has_written = true;
        }
    }
    return has_written;
}

/* The first producer that sees is_asleep takes it back and wakes us; a line put before that is
 * found by the second look. */
static void writer_sleep(struct log_writer *writer)
{
    uint64_t ignored;

    atomic_store(&writer->is_asleep, true);
    if (!writer_drain(writer) && !atomic_load(&writer->is_stopping) &&
        !atomic_load(&writer->wants_reopen)) {
        (void)!read(writer->wake_fd, &ignored, sizeof(ignored));
    }
    atomic_store(&writer->is_asleep, false);
}

/* Lines would lie there for ever if the only wake were lost: the next producer tries again. */
static void writer_wake(struct log_writer *writer)
{
    uint64_t one = 1;

    for (int tries = 0; tries < WAKE_TRIES_MAX; tries++) {
        if (write(writer->wake_fd, &one, sizeof(one)) == (ssize_t)sizeof(one)) {
            return;
        }
    }
    atomic_store(&writer->is_asleep, true);
}

/* Told again until the target takes it. */
static void writer_tell_dropped(struct log_writer *writer)
{
    uint64_t dropped = log_writer_dropped(writer);
    char     text[80];

    if (dropped == writer->dropped_told) {
        return;
    }
    int len = snprintf(text, sizeof(text), "log lines dropped, the log was too slow count=%llu",
                       (unsigned long long)(dropped - writer->dropped_told));

    struct log_ring_line line = {
        .len = (uint16_t)len, .channel = LOG_CHANNEL_DAEMON, .level = LOG_LEVEL_WARN};

    if (writer_write(writer, line, text)) {
        writer->dropped_told = dropped;
    }
}

/* One writev a line, so that lines of several processes on one file do not mix. False: the target
 * did not take the whole line, which is lost; there is nowhere left to complain. */
static bool writer_write(struct log_writer *writer, struct log_ring_line line, const char *text)
{
    enum log_level level = (enum log_level)line.level;
    char           prefix[32] = "";
    int            prefix_len = 0;

    if (writer->options.targets[line.channel].kind == LOG_TO_SYSLOG) {
        syslog(syslog_priority(level), "%.*s", (int)line.len, text);
        return true;
    }
    if (writer->options.has_priority) {
        prefix_len = snprintf(prefix, sizeof(prefix), "<%d>", syslog_priority(level));
    } else if (line.channel == LOG_CHANNEL_DAEMON) {
        prefix_len = snprintf(prefix, sizeof(prefix), "sallyport: %s: ", log_level_name(level));
    }
    struct iovec parts[] = {{prefix, (size_t)prefix_len},
                            {(void *)(uintptr_t)text, line.len},
                            {(void *)(uintptr_t) "\n", 1}};

    ssize_t written;

    do {
        written = writev(writer->fds[line.channel], parts, 3);
    } while (written < 0 && errno == EINTR);
    return written == prefix_len + line.len + 1;
}

static bool writer_open(struct log_writer *writer, struct error *error)
{
    for (unsigned i = 0; i < LOG_CHANNELS; i++) {
        writer->fds[i] = target_open(&writer->options.targets[i], error);
        if (writer->fds[i] < 0 && writer->options.targets[i].kind != LOG_TO_SYSLOG) {
            return false;
        }
    }
    return true;
}

static void writer_reopen_when_asked(struct log_writer *writer)
{
    if (!atomic_load(&writer->wants_reopen) || !atomic_exchange(&writer->wants_reopen, false)) {
        return;
    }
    for (unsigned i = 0; i < LOG_CHANNELS; i++) {
        if (writer->options.targets[i].kind == LOG_TO_FILE) {
            writer_reopen(writer, i);
        }
    }
}

/* The new file takes the old one's place behind the same descriptor, which threads that are not
 * attached may be writing to. A file that cannot be opened again stays: better the rotated file
 * than none. */
static void writer_reopen(struct log_writer *writer, unsigned channel)
{
    const struct log_target *target = &writer->options.targets[channel];
    struct error             error;
    int                      fd = target_open(target, &error);

    if (fd < 0) {
        log_warn("log file not reopened, the old one stays in use path=%s errno=%u", target->path,
                 error.code);
        return;
    }
    (void)dup3(fd, writer->fds[channel], O_CLOEXEC);
    (void)close(fd);
}

static int target_open(const struct log_target *target, struct error *error)
{
    int fd = -1;

    switch (target->kind) {
    case LOG_TO_STDERR:
        return STDERR_FILENO;
    case LOG_TO_STDOUT:
        return STDOUT_FILENO;
    case LOG_TO_SYSLOG:
        openlog("sallyport", LOG_PID | LOG_NDELAY, LOG_DAEMON);
        return -1;
    case LOG_TO_FILE:
        fd = open(target->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, FILE_MODE);
        if (fd < 0) {
            *error = error_from_errno(errno, target->path);
        }
        return fd;
    }
    return -1;
}

static void writer_close(struct log_writer *writer)
{
    for (unsigned i = 0; i < LOG_CHANNELS; i++) {
        if (writer->options.targets[i].kind == LOG_TO_FILE && writer->fds[i] >= 0) {
            (void)close(writer->fds[i]);
        }
        writer->fds[i] = -1;
    }
}

static void writer_free(struct log_writer *writer)
{
    writer_close(writer);
    if (writer->wake_fd >= 0) {
        (void)close(writer->wake_fd);
    }
    for (unsigned i = 0; writer->rings != NULL && i < writer->options.producers; i++) {
        log_ring_fini(&writer->rings[i]);
    }
    (void)sem_destroy(&writer->has_ended);
    free(writer->rings);
    free(writer);
}

static int syslog_priority(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return LOG_ERR;
    case LOG_LEVEL_WARN:
        return LOG_WARNING;
    case LOG_LEVEL_INFO:
        return LOG_INFO;
    case LOG_LEVEL_DEBUG:
        return LOG_DEBUG;
    }
    return LOG_INFO;
}
