#include "forbid.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define LOAD(field)     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(verdict) BPF_STMT(BPF_RET | BPF_K, (verdict))
#define FAIL(code)      ANSWER(SECCOMP_RET_ERRNO | ((unsigned)(code)&SECCOMP_RET_DATA))

/* Skips so many of the next when the loaded word is another. */
#define ONLY_IF(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (count))

static void install(struct sock_filter *filter, unsigned short len);

void forbid(int call, int error_code)
{
    struct sock_filter filter[] = {LOAD(nr), ONLY_IF((unsigned)call, 1), FAIL(error_code),
                                   ANSWER(SECCOMP_RET_ALLOW)};

    install(filter, sizeof(filter) / sizeof(filter[0]));
}

void forbid_with(int call, unsigned first_argument, int error_code)
{
    struct sock_filter filter[] = {LOAD(nr),         ONLY_IF((unsigned)call, 3),
                                   LOAD(args[0]),    ONLY_IF(first_argument, 1),
                                   FAIL(error_code), ANSWER(SECCOMP_RET_ALLOW)};

    install(filter, sizeof(filter) / sizeof(filter[0]));
}

static void install(struct sock_filter *filter, unsigned short len)
{
    struct sock_fprog program = {.len = len, .filter = filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) {
        _exit(EXIT_FAILURE);
    }
}
