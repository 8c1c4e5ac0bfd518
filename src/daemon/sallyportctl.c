/* sallyportctl: sends one command over the control socket and prints the answer. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* What the daemon gives a command, and some. */
enum { WAIT_MS = 90 * 1000, COMMAND_BYTES = 4096, PIECE_BYTES = 64 * 1024 };

enum outcome { OUTCOME_OK = 0, OUTCOME_ERROR = 1, OUTCOME_NO_ANSWER = 2 };

struct command {
    const char *socket;
    bool        is_json;
    char        line[COMMAND_BYTES + 2];
    size_t      line_len;
};

/* The answer as it comes: what begins with "error:" is one, and an empty line is the end. */
struct answer {
    FILE  *into;
    char   start[sizeof("error:") - 1];
    size_t start_len;
    char   last; /* the byte before */
    bool   is_whole;
};

static bool         read_arguments(int argc, char **argv, struct command *command, int *code);
static bool         put_word(struct command *command, const char *word);
static void         print_help(FILE *into);
static enum outcome run(const struct command *command);
static int          open_socket(const char *path);
static bool         send_all(int fd, const char *bytes, size_t len);
static enum outcome receive(int fd);
static void         take(struct answer *answer, const char *bytes, size_t len);
static void         take_byte(struct answer *answer, char byte);
static void         put_start(struct answer *answer);
static bool         wait_for(int fd, short events);
static int          complain(const char *what);

int main(int argc, char **argv)
{
    struct command command = {.socket = SALLYPORT_CONTROL_PATH};
    int            code = OUTCOME_NO_ANSWER;

    return read_arguments(argc, argv, &command, &code) ? (int)run(&command) : code;
}

/* False: there is nothing to send, and `code` is what to end with. */
static bool read_arguments(int argc, char **argv, struct command *command, int *code)
{
    static const struct option flags[] = {{"socket", required_argument, NULL, 's'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"version", no_argument, NULL, 'V'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int                        flag = 0;

    while ((flag = getopt_long(argc, argv, "+s:jVh", flags, NULL)) != -1) {
        switch (flag) {
        case 's':
            command->socket = optarg;
            break;
        case 'j':
            command->is_json = true;
            break;
        case 'V':
            (void)puts("sallyportctl " SALLYPORT_VERSION);
            *code = OUTCOME_OK;
            return false;
        case 'h':
            print_help(stdout);
            *code = OUTCOME_OK;
            return false;
        default:
            (void)fputs("Try: sallyportctl --help\n", stderr);
            return false;
        }
    }
    if (optind == argc) {
        print_help(stderr);
        return false;
    }
    bool fits = !command->is_json || put_word(command, "json");

    for (int i = optind; fits && i < argc; i++) {
        fits = put_word(command, argv[i]);
    }
    if (!fits) {
        (void)fputs("sallyportctl: a command is one line of at most 4096 bytes\n", stderr);
        return false;
    }
    command->line[command->line_len++] = '\n';
    return true;
}

static bool put_word(struct command *command, const char *word)
{
    size_t len = strlen(word);
    size_t space = command->line_len > 0 ? 1 : 0;

    if (strchr(word, '\n') != NULL || command->line_len + space + len > COMMAND_BYTES) {
        return false;
    }
    if (space > 0) {
        command->line[command->line_len++] = ' ';
    }
    memcpy(command->line + command->line_len, word, len);
    command->line_len += len;
    return true;
}

static void print_help(FILE *into)
{
    (void)fputs("usage: sallyportctl [--socket PATH] [--json] COMMAND...\n"
                "\n"
                "  -s, --socket PATH   control socket of the daemon (" SALLYPORT_CONTROL_PATH ")\n"
                "  -j, --json          show as JSON\n"
                "  -V, --version\n"
                "  -h, --help\n"
                "\n"
                "The command \"help\" lists the others. Ends with 0, with 1 when the answer is an\n"
                "error, with 2 when there is none. See sallyportctl(8).\n",
                into);
}

static enum outcome run(const struct command *command)
{
    int fd = open_socket(command->socket);

    if (fd < 0) {
        (void)fprintf(stderr, "sallyportctl: cannot connect to %s: %s\n", command->socket,
                      strerrordesc_np(errno));
        return OUTCOME_NO_ANSWER;
    }
    /* Whoever closed the connection may still have said why. */
    if (send_all(fd, command->line, command->line_len)) {
        (void)shutdown(fd, SHUT_WR);
    }
    enum outcome outcome = receive(fd);

    (void)close(fd);
    if (fflush(stdout) != 0) {
        return (enum outcome)complain("cannot write the answer");
    }
    return outcome;
}

static int open_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int                fd = -1;

    errno = ENAMETOOLONG;
    if (strlen(path) < sizeof(address.sun_path)) {
        memcpy(address.sun_path, path, strlen(path));
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        int why = errno;

        (void)close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent =
            wait_for(fd, POLLOUT) ? send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

static enum outcome receive(int fd)
{
    static char   piece[PIECE_BYTES];
    struct answer answer = {.last = '\n'};

    while (!answer.is_whole) {
        if (!wait_for(fd, POLLIN)) {
            return (enum outcome)complain("no answer came in time");
        }
        ssize_t len = recv(fd, piece, sizeof(piece), MSG_DONTWAIT);

        if (len <= 0) {
            put_start(&answer);
            return (enum outcome)complain(answer.into != NULL ? "the answer broke off"
                                                              : "the connection was closed");
        }
        take(&answer, piece, (size_t)len);
    }
    put_start(&answer);
    return answer.into == stderr ? OUTCOME_ERROR : OUTCOME_OK;
}

static void take(struct answer *answer, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len && !answer->is_whole; i++) {
        answer->is_whole = bytes[i] == '\n' && answer->last == '\n';
        if (!answer->is_whole) {
            take_byte(answer, bytes[i]);
        }
        answer->last = bytes[i];
    }
}

/* An error goes to where errors go, which its first bytes decide. */
static void take_byte(struct answer *answer, char byte)
{
    if (answer->into != NULL) {
        (void)fputc(byte, answer->into);
        return;
    }
    answer->start[answer->start_len++] = byte;
    if (answer->start_len == sizeof(answer->start)) {
        put_start(answer);
    }
}

static void put_start(struct answer *answer)
{
    bool is_error = answer->start_len == sizeof(answer->start) &&
                    memcmp(answer->start, "error:", sizeof(answer->start)) == 0;

    if (answer->into == NULL && answer->start_len > 0) {
        answer->into = is_error ? stderr : stdout;
        (void)fwrite(answer->start, 1, answer->start_len, answer->into);
    }
}

/* However often a signal comes between. */
static bool wait_for(int fd, short events)
{
    struct pollfd   asked = {.fd = fd, .events = events};
    struct timespec begun;
    struct timespec now;
    int             waited_ms = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &begun);
    while (waited_ms < WAIT_MS) {
        int ready = poll(&asked, 1, WAIT_MS - waited_ms);

        if (ready > 0) {
            return true;
        }
        if (ready < 0 && errno != EINTR) {
            return false;
        }
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        waited_ms =
            (int)((now.tv_sec - begun.tv_sec) * 1000 + (now.tv_nsec - begun.tv_nsec) / 1000000);
    }
    return false;
}

static int complain(const char *what)
{
    (void)fprintf(stderr, "sallyportctl: %s\n", what);
    return OUTCOME_NO_ANSWER;
}
