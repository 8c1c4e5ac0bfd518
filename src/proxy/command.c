#include "proxy/command.h"

#include "base/clock.h"
#include "base/require.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* How often we look whether it has ended: what it started may hold its pipes open. */
enum { LOOK_MS = 50, DIRECTORY_BYTES = 4096 };

/* A program that runs. */
struct child {
    struct command *command;
    pid_t           pid;
    int             output; /* the ends of pipes that we read */
    int             complaints;
    uint64_t        until_ns;
};

static bool child_start(struct child *child, struct text *problem);
static int  spawn(struct child *child, const int pipes[static 4]);
static bool prepare_files(posix_spawn_file_actions_t *files, const int pipes[static 4]);
static bool prepare_signals(posix_spawnattr_t *attributes);
static bool child_watch(struct child *child);
static bool has_ended(const struct child *child);
static void read_pipes(struct child *child, int wait_ms);
static void read_pipe(int *fd, struct command_output *into);
static bool child_end(struct child *child, bool is_late, struct text *problem);
static void close_all(const int *fds, size_t count);

bool command_run(struct command *command, struct text *problem)
{
    struct child child = {.command = command, .output = -1, .complaints = -1};

    require(command->arguments[0] != NULL && command->arguments[0][0] == '/');
    command->output.len = 0;
    command->complaints.len = 0;
    if (!child_start(&child, problem)) {
        return false;
    }
    bool is_late = !child_watch(&child);
    bool is_good = child_end(&child, is_late, problem);

    close_all((const int[]){child.output, child.complaints}, 2);
    return is_good;
}

void command_wipe(struct command *command)
{
    explicit_bzero(&command->output, sizeof(command->output));
    explicit_bzero(&command->complaints, sizeof(command->complaints));
}

/* --- beginning ---------------------------------------------------------------------------- */

static bool child_start(struct child *child, struct text *problem)
{
    int pipes[4] = {-1, -1, -1, -1};
    int code = 0;

    child->until_ns = clock_now_ns() + child->command->within_ns;
    (void)signal(SIGCHLD,
                 SIG_DFL); /* who started us may have had it ignored: no child would stay */
    if (pipe2(pipes, O_CLOEXEC) != 0 || pipe2(pipes + 2, O_CLOEXEC) != 0 ||
        fcntl(pipes[0], F_SETFL, O_NONBLOCK) != 0 || fcntl(pipes[2], F_SETFL, O_NONBLOCK) != 0) {
        code = errno;
    } else {
        code = spawn(child, pipes);
    }
    close_all((const int[]){pipes[1], pipes[3]}, 2);
    if (code != 0) {
        close_all((const int[]){pipes[0], pipes[2]}, 2);
        text_format(problem, "\"%s\" cannot be started: %s", child->command->arguments[0],
                    strerrordesc_np(code));
        return false;
    }
    child->output = pipes[0];
    child->complaints = pipes[2];
    return true;
}

/* 0, or an errno. Not fork: other threads may hold locks. */
static int spawn(struct child *child, const int pipes[static 4])
{
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    static char locale[] = "LC_ALL=C";
    char        credentials[sizeof("CREDENTIALS_DIRECTORY=") + DIRECTORY_BYTES];
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    bool        has_credentials = directory != NULL;
    char       *environment[] = {path, locale, has_credentials ? credentials : NULL, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t          attributes;
    int                        code = posix_spawn_file_actions_init(&files);

    if (code != 0) {
        return code;
    }
    (void)snprintf(credentials, sizeof(credentials), "CREDENTIALS_DIRECTORY=%s",
                   has_credentials ? directory : "");
    code = posix_spawnattr_init(&attributes);
    if (code == 0) {
        code = prepare_files(&files, pipes) && prepare_signals(&attributes)
                   ? posix_spawn(&child->pid, child->command->arguments[0], &files, &attributes,
                                 (char *const *)(uintptr_t)child->command->arguments, environment)
                   : ENOMEM;
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&files);
    return code;
}

static bool prepare_files(posix_spawn_file_actions_t *files, const int pipes[static 4])
{
    return posix_spawn_file_actions_adddup2(files, pipes[1], STDOUT_FILENO) == 0 &&
           posix_spawn_file_actions_adddup2(files, pipes[3], STDERR_FILENO) == 0 &&
           posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
           posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1) == 0;
}

/* What we block or ignore is not the program's business. A group of its own ends as one. */
static bool prepare_signals(posix_spawnattr_t *attributes)
{
    sigset_t none, all;

    return sigemptyset(&none) == 0 && sigfillset(&all) == 0 &&
           posix_spawnattr_setsigmask(attributes, &none) == 0 &&
           posix_spawnattr_setsigdefault(attributes, &all) == 0 &&
           posix_spawnattr_setpgroup(attributes, 0) == 0 &&
           posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETPGROUP) == 0;
}

/* --- waiting ------------------------------------------------------------------------------ */

/* False when it takes too long. */
static bool child_watch(struct child *child)
{
    while (!has_ended(child)) {
        uint64_t now_ns = clock_now_ns();
        uint64_t left_ms = now_ns < child->until_ns ? (child->until_ns - now_ns) / NS_PER_MS : 0;

        if (left_ms == 0) {
            return false;
        }
        read_pipes(child, left_ms < LOOK_MS ? (int)left_ms : LOOK_MS);
    }
    read_pipes(child, 0);
    return true;
}

/* Its number stays its own until it is waited for: child_end may still signal it. */
static bool has_ended(const struct child *child)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == child->pid;
}

static void read_pipes(struct child *child, int wait_ms)
{
    struct pollfd polled[] = {{.fd = child->output, .events = POLLIN},
                              {.fd = child->complaints, .events = POLLIN}};

    if (poll(polled, 2, wait_ms) <= 0) {
        return;
    }
    if (polled[0].revents != 0) {
        read_pipe(&child->output, &child->command->output);
    }
    if (polled[1].revents != 0) {
        read_pipe(&child->complaints, &child->command->complaints);
    }
}

/* A pipe that has ended is closed, and polled no more. One that never ends has its share. */
static void read_pipe(int *fd, struct command_output *into)
{
    enum { READS_MAX = 64 };
    char    beyond[COMMAND_OUTPUT_BYTES];
    ssize_t got = 0;

    for (int i = 0; i < READS_MAX; i++) {
        bool is_full = into->len == sizeof(into->bytes);

        got = read(*fd, is_full ? beyond : into->bytes + into->len,
                   is_full ? sizeof(beyond) : sizeof(into->bytes) - into->len);
        if (got <= 0) {
            break;
        }
        into->len += is_full ? 0 : (size_t)got;
    }
    explicit_bzero(beyond, sizeof(beyond));
    if (got == 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

/* --- ending ------------------------------------------------------------------------------- */

/* With all it has started. */
static bool child_end(struct child *child, bool is_late, struct text *problem)
{
    const char *program = child->command->arguments[0];
    int         status = 0;
    pid_t       pid = 0;

    (void)kill(-child->pid, SIGKILL);
    do {
        pid = waitpid(child->pid, &status, 0);
    } while (pid < 0 && errno == EINTR);
    if (is_late) {
        text_format(problem, "\"%s\" did not end within %llu seconds", program,
                    (unsigned long long)(child->command->within_ns / NS_PER_S));
    } else if (pid < 0) {
        text_format(problem, "\"%s\" ended, and nobody knows how", program);
    } else if (WIFSIGNALED(status)) {
        text_format(problem, "\"%s\" was ended by signal %d", program, WTERMSIG(status));
    } else if (WEXITSTATUS(status) != 0) {
        text_format(problem, "\"%s\" ended with status %d", program, WEXITSTATUS(status));
    } else {
        return true;
    }
    return false;
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
}
