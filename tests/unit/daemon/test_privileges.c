#include "daemon/privileges.h"

#include "base/log.h"
#include "forbid.h"
#include "suites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct privileges privileges;

/* How many errors and warnings there were. */
static size_t find(const char *user, const char *group, bool allow_root,
                   enum config_severity severity)
{
    struct config_report report = {0};
    struct config        config = {
               .user = {.text = user}, .group = {.text = group}, .allow_root = allow_root};

    privileges_find(&config, severity, &report, &privileges);
    size_t problems = config_report_warnings(&report) + (config_report_has_errors(&report) ? 1 : 0);

    config_report_fini(&report);
    return problems;
}

START_TEST(an_unknown_user_or_group_is_an_error)
{
    ck_assert_uint_eq(find("no-such-user-here", "", false, CONFIG_ERROR), 1);
    ck_assert_uint_eq(find("nobody", "no-such-group-here", true, CONFIG_ERROR), 1);
}
END_TEST

START_TEST(root_must_say_whom_to_become_or_that_it_stays)
{
    if (geteuid() != 0) {
        return;
    }
    ck_assert_uint_eq(find("", "", false, CONFIG_ERROR), 1);
    ck_assert_uint_eq(find("", "", false, CONFIG_WARNING), 1);
    ck_assert_uint_eq(find("", "", true, CONFIG_ERROR), 0);
    ck_assert(!privileges.is_change);
    ck_assert_uint_eq(find("root", "", false, CONFIG_ERROR), 1);
    ck_assert_uint_eq(find("nobody", "", false, CONFIG_ERROR), 0);
    ck_assert(privileges.is_change);
}
END_TEST

/* Checked in a child: there is no way back. */
static void check_dropped(void)
{
    struct rlimit core;
    cap_t         held = cap_get_proc();
    char         *text = cap_to_text(held, NULL);

    ck_assert_str_eq(text, "cap_net_bind_service=ep");
    (void)cap_free(text);
    (void)cap_free(held);
    ck_assert_int_ne(geteuid(), 0);
    ck_assert_int_ne(getuid(), 0);
    ck_assert_int_ne(setuid(0), 0);
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    ck_assert_int_eq(prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_CAPBSET_READ, CAP_NET_BIND_SERVICE, 0, 0, 0), 1);
    ck_assert_int_eq(getrlimit(RLIMIT_CORE, &core), 0);
    ck_assert_uint_eq(core.rlim_cur, 0);
    ck_assert_uint_eq(core.rlim_max, 0);
}

START_TEST(a_dropped_process_keeps_one_capability_and_no_way_back)
{
    if (geteuid() != 0) {
        return;
    }
    ck_assert_uint_eq(find("nobody", "", false, CONFIG_ERROR), 0);
    ck_assert(privileges_drop(&privileges));
    check_dropped();
}
END_TEST

/* Found by injecting faults: the question for the last capability failed, and the rest of the
 * bounding set stayed. */
START_TEST(a_bounding_set_that_cannot_be_dropped_or_looked_at_is_no_success)
{
    static const struct {
        unsigned request;
        int      error_code;
    } refusals[] = {{PR_CAPBSET_READ, ENOMEM},   {PR_CAPBSET_READ, EPERM},
                    {PR_CAPBSET_DROP, EINVAL},   {PR_CAPBSET_DROP, EPERM},
                    {PR_SET_KEEPCAPS, EACCES},   {PR_SET_DUMPABLE, EINVAL},
                    {PR_SET_NO_NEW_PRIVS, EPERM}};

    for (size_t i = 0; geteuid() == 0 && i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        pid_t child = fork();
        int   status = -1;

        ck_assert_int_ge(child, 0);
        if (child == 0) {
            bool is_found = find("nobody", "", false, CONFIG_ERROR) == 0;

            forbid_with(__NR_prctl, refusals[i].request, refusals[i].error_code);
            _exit(is_found && !privileges_drop(&privileges) ? EXIT_SUCCESS : EXIT_FAILURE);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(status == 0, "prctl(%u) failed, and nobody noticed", refusals[i].request);
    }
}
END_TEST

START_TEST(a_group_alone_may_change_too)
{
    if (geteuid() != 0) {
        return;
    }
    ck_assert_uint_eq(find("", "nogroup", true, CONFIG_ERROR), 0);
    ck_assert(privileges.is_change);
    ck_assert(privileges_drop(&privileges));
    ck_assert_int_eq(geteuid(), 0);
    ck_assert_int_eq((int)getegid(), (int)privileges.gid);
    ck_assert_int_eq(getgroups(0, NULL), 0);
}
END_TEST

Suite *privileges_suite(void)
{
    return suite_of(
        "privileges",
        (const TTest *const[]){an_unknown_user_or_group_is_an_error,
                               root_must_say_whom_to_become_or_that_it_stays,
                               a_dropped_process_keeps_one_capability_and_no_way_back,
                               a_bounding_set_that_cannot_be_dropped_or_looked_at_is_no_success,
                               a_group_alone_may_change_too, NULL});
}
