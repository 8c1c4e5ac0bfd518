#include "daemon/listening.h"

#include "base/log.h"
#include "certificates.h"
#include "forbid.h"
#include "io/socket.h"
#include "scratch.h"
#include "suites.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONFIG_BYTES = 2048 };

static char                      said[LOG_LINE_BYTES];
static struct certificate_store *store;

static void remember(enum log_level level, const char *line, size_t line_len)
{
    (void)level;
    memcpy(said, line, line_len);
    said[line_len] = '\0';
}

/* A snapshot that listens where the text says; the certificate lies in the scratch directory. */
static struct snapshot *snapshot_on(const struct scratch *scratch, const char *listen)
{
    struct config_report report = {0};
    char                 text[CONFIG_BYTES];
    char                *pem = certificate_make(&(struct certificate_options){
                       .kind = CERTIFICATE_EC_P256, .names = "DNS:x.example", .days = 2});

    scratch_write(scratch, "x.pem", pem);
    free(pem);
    (void)snprintf(
        text, sizeof(text),
        "frontends = ( { listen = [ %s ]; pem-file = \"%s/x.pem\"; backend = \"b\"; } );"
        "backends = ( { name = \"b\"; servers = ( { address = \"127.0.0.1:1\"; } ); } );",
        listen, scratch->path);
    struct config   *config = config_load_text(text, "test", &report);
    struct snapshot *snapshot = snapshot_build(&config, store, &report);

    ck_assert_ptr_nonnull(snapshot);
    config_report_fini(&report);
    return snapshot;
}

static unsigned port_of(int fd)
{
    struct address address;

    socket_local(fd, &address);
    return ntohs(address.socket.ip4.sin_port);
}

START_TEST(each_worker_gets_a_socket_on_the_same_port)
{
    struct scratch   scratch;
    struct listening listening;

    scratch_open(&scratch);
    struct snapshot *snapshot = snapshot_on(&scratch, "\"127.0.0.1:0\"");

    ck_assert(listening_open(&listening, snapshot, 3, NULL));
    ck_assert_uint_eq(listening.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(listening.sockets[i].ordinal, i);
        ck_assert_uint_eq(port_of(listening.sockets[i].fd), port_of(listening.sockets[0].fd));
    }
    log_set_sink(remember);
    listening_tell(&listening, snapshot);
    log_set_sink(NULL);
    ck_assert_ptr_nonnull(strstr(said, "listening frontend=frontend1 address=127.0.0.1:"));
    listening_close(&listening);
    snapshot_free(&snapshot);
    scratch_close(&scratch);
}
END_TEST

START_TEST(an_address_that_another_process_serves_is_refused_and_named)
{
    struct scratch   scratch;
    struct listening first, second;
    char             listen[64];

    scratch_open(&scratch);
    struct snapshot *snapshot = snapshot_on(&scratch, "\"127.0.0.1:0\"");

    ck_assert(listening_open(&first, snapshot, 1, NULL));
    (void)snprintf(listen, sizeof(listen), "\"127.0.0.1:0\", \"127.0.0.1:%u\"",
                   port_of(first.sockets[0].fd));
    struct snapshot *rival = snapshot_on(&scratch, listen);

    log_set_sink(remember);
    ck_assert(!listening_open(&second, rival, 2, NULL));
    log_set_sink(NULL);
    ck_assert_ptr_nonnull(strstr(said, "cannot listen frontend=frontend1 address=127.0.0.1:"));
    ck_assert_ptr_nonnull(strstr(said, "in use"));
    ck_assert_uint_eq(second.count, 0);
    listening_close(&first);
    snapshot_free(&rival);
    snapshot_free(&snapshot);
    scratch_close(&scratch);
}
END_TEST

START_TEST(workers_share_one_unix_socket_whose_file_goes_at_the_end)
{
    struct scratch   scratch;
    struct listening listening;
    char             path[SCRATCH_PATH_BYTES], listen[SCRATCH_PATH_BYTES + 16];
    struct stat      status;

    scratch_open(&scratch);
    scratch_name(&scratch, "socket", path);
    (void)snprintf(listen, sizeof(listen), "\"unix:%s\"", path);
    struct snapshot *snapshot = snapshot_on(&scratch, listen);

    ck_assert(listening_open(&listening, snapshot, 2, NULL));
    ck_assert_uint_eq(listening.count, 2);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert(S_ISSOCK(status.st_mode));
    listening_unlink(&listening, NULL);
    listening_close(&listening);
    ck_assert_int_ne(stat(path, &status), 0);
    snapshot_free(&snapshot);
    scratch_close(&scratch);
}
END_TEST

/* It aborted, in a reload as well. Found by injecting faults. */
START_TEST(a_port_that_cannot_be_learnt_is_an_error)
{
    struct scratch scratch;
    int            status = -1;

    scratch_open(&scratch);
    struct snapshot *snapshot = snapshot_on(&scratch, "\"127.0.0.1:0\"");
    pid_t            child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct listening listening;

        log_set_sink(remember);
        forbid(__NR_getsockname, ENOBUFS);
        bool is_open = listening_open(&listening, snapshot, 2, NULL);

        _exit(!is_open && strstr(said, "getsockname") != NULL ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    snapshot_free(&snapshot);
    scratch_close(&scratch);
}
END_TEST

static void set_up(void)
{
    struct error error;

    store = certificate_store_new(&error);
    ck_assert_ptr_nonnull(store);
}

static void tear_down(void)
{
    certificate_store_free(&store);
}

Suite *listening_suite(void)
{
    Suite *suite = suite_create("listening");
    TCase *tcase = tcase_create("listening");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, each_worker_gets_a_socket_on_the_same_port);
    tcase_add_test(tcase, an_address_that_another_process_serves_is_refused_and_named);
    tcase_add_test(tcase, workers_share_one_unix_socket_whose_file_goes_at_the_end);
    tcase_add_test(tcase, a_port_that_cannot_be_learnt_is_an_error);
    suite_add_tcase(suite, tcase);
    return suite;
}
