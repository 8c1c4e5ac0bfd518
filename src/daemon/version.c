#include "daemon/version.h"

#include "daemon/cpus.h"
#include "daemon/service.h"
#include "io/io.h"
#include "tls/context.h"
#include "tls/explain.h"

#include <stdio.h>

static void print_groups(void);
static void print_driver(const char *name);

void version_print(void)
{
    (void)puts("sallyport " SALLYPORT_VERSION);
}

void version_print_probed(void)
{
    version_print();
    (void)printf("OpenSSL, built with: %s\n", tls_version_build());
    (void)printf("OpenSSL, running:    %s\n", tls_version_run());
    print_groups();
    (void)puts("kernel TLS: no, this version never uses it");
    (void)printf("systemd notification: %s\n", service_is_built() ? "yes" : "not in this build");
    (void)printf("CPUs for workers: %u\n", cpus_allowed());
    print_driver("io_uring");
    print_driver("epoll");
    print_driver("kqueue");
    print_driver("auto");
}

static void print_groups(void)
{
    struct error        error;
    struct tls_library *library = tls_library_new(&error);

    if (library == NULL) {
        (void)puts("OpenSSL cannot be used");
        return;
    }
    tls_explain_groups(library, stdout);
    tls_library_free(&library);
}

static void print_driver(const char *name)
{
    struct io_options options = {.driver = name};
    struct error      error;
    char              why[160] = "";
    struct text       flags;
    struct io_loop   *loop = io_loop_open(&options, &error);

    text_init(&flags, why, sizeof(why));
    if (loop != NULL) {
        io_loop_describe(loop, &flags);
        (void)printf("io = \"%s\": %s, tested%s%s\n", name, io_loop_driver(loop),
                     text_len(&flags) > 0 ? ": " : "", why);
        io_loop_close(&loop);
    } else {
        (void)printf("io = \"%s\": no (%s)\n", name, error_text(&error, why, sizeof(why)));
    }
}
