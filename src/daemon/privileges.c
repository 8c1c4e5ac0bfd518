#include "daemon/privileges.h"

#include "base/log.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CAPABILITIES_MAX = 64 }; /* of every kernel: they are bits of a 64-bit word */

struct finding {
    const struct config  *config;
    struct config_report *report;
    enum config_severity  severity;
};

static void find_user(const struct finding *finding, struct privileges *privileges);
static void find_group(const struct finding *finding, struct privileges *privileges);
static bool become(const struct privileges *privileges);
static bool keep_capabilities(void);
static bool drop_bounding(void);
static bool is_bounding_dropped(void);
static bool harden(void);
static bool failed(const char *what);

void privileges_find(const struct config *config, enum config_severity severity,
                     struct config_report *report, struct privileges *privileges)
{
    struct finding finding = {.config = config, .report = report, .severity = severity};

    *privileges = (struct privileges){.uid = geteuid(), .gid = getegid()};
    if (config->user.text[0] != '\0') {
        find_user(&finding, privileges);
    } else if (geteuid() == 0 && !config->allow_root) {
        config_report_add(report, severity, config->user.at,
                          "started as root: set user to whom to become, or allow-root = true");
    }
    if (config->group.text[0] != '\0') {
        find_group(&finding, privileges);
    }
    privileges->is_change = privileges->uid != geteuid() || privileges->gid != getegid();
    if (privileges->is_change && geteuid() != 0) {
        config_report_add(report, severity, config->user.at,
                          "only root can become another user or group");
    }
}

static void find_user(const struct finding *finding, struct privileges *privileges)
{
    const struct config_string *user = &finding->config->user;
    const struct passwd        *entry = getpwnam(user->text);

    if (entry == NULL) {
        config_report_add(finding->report, finding->severity, user->at, "there is no user \"%s\"",
                          user->text);
        return;
    }
    if (entry->pw_uid == 0 && !finding->config->allow_root) {
        config_report_add(finding->report, finding->severity, user->at,
                          "user \"%s\" is root: allow-root = true permits it", user->text);
    }
    privileges->user = user->text;
    privileges->uid = entry->pw_uid;
    privileges->gid = entry->pw_gid;
}

static void find_group(const struct finding *finding, struct privileges *privileges)
{
    const struct config_string *group = &finding->config->group;
    const struct group         *entry = getgrnam(group->text);

    if (entry == NULL) {
        config_report_add(finding->report, finding->severity, group->at, "there is no group \"%s\"",
                          group->text);
        return;
    }
    privileges->gid = entry->gr_gid;
}

bool privileges_drop(const struct privileges *privileges)
{
    bool is_root_to_the_end = geteuid() == 0 && privileges->uid == 0;

    if (geteuid() == 0 && !is_root_to_the_end && !drop_bounding()) {
        return failed("drop the capability bounding set");
    }
    if (privileges->is_change && !become(privileges)) {
        return failed("become the user");
    }
    if (!is_root_to_the_end && !keep_capabilities()) {
        return failed("give up capabilities");
    }
    if (!harden()) {
        return failed("forbid core dumps and new privileges");
    }
    if (!is_root_to_the_end && setuid(0) == 0) {
        errno = 0;
        return failed("stay without root: the kernel let us back");
    }
    return true;
}

/* Capabilities survive the change of user, for keep_capabilities to choose from. */
static bool become(const struct privileges *privileges)
{
    bool has_groups = privileges->user != NULL ? initgroups(privileges->user, privileges->gid) == 0
                                               : setgroups(0, NULL) == 0;

    return has_groups && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 &&
           setresgid(privileges->gid, privileges->gid, privileges->gid) == 0 &&
           setresuid(privileges->uid, privileges->uid, privileges->uid) == 0 &&
           prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) == 0;
}

static bool keep_capabilities(void)
{
    static const cap_value_t bind_service[] = {CAP_NET_BIND_SERVICE};
    cap_flag_value_t         is_held = CAP_CLEAR;
    cap_t                    held = cap_get_proc();
    cap_t                    kept = cap_init();
    bool                     is_kept = held != NULL && kept != NULL &&
                   cap_get_flag(held, CAP_NET_BIND_SERVICE, CAP_PERMITTED, &is_held) == 0 &&
                   (is_held == CAP_CLEAR ||
                    (cap_set_flag(kept, CAP_PERMITTED, 1, bind_service, CAP_SET) == 0 &&
                     cap_set_flag(kept, CAP_EFFECTIVE, 1, bind_service, CAP_SET) == 0)) &&
                   cap_set_proc(kept) == 0;

    (void)cap_free(held);
    (void)cap_free(kept);
    return is_kept;
}

/* A kernel says EINVAL to what it does not know. Asking it first for the last one would end the
 * loop early if that question failed, so all are tried, and what is left is looked at. */
static bool drop_bounding(void)
{
    for (cap_value_t each = 0; each < CAPABILITIES_MAX; each++) {
        if (each != CAP_NET_BIND_SERVICE && cap_drop_bound(each) != 0 && errno != EINVAL) {
            return false;
        }
    }
    return is_bounding_dropped();
}

static bool is_bounding_dropped(void)
{
    for (cap_value_t each = 0; each < CAPABILITIES_MAX; each++) {
        int is_held = each != CAP_NET_BIND_SERVICE ? cap_get_bound(each) : 0;

        if (is_held > 0 || (is_held < 0 && errno != EINVAL)) {
            errno = is_held > 0 ? 0 : errno;
            return false;
        }
    }
    return true;
}

/* Not dumpable: after the change of user, which sets it anew. It keeps keys out of cores and out of
 * the reach of others of the same user. */
static bool harden(void)
{
    struct rlimit no_core = {0};

    return setrlimit(RLIMIT_CORE, &no_core) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static bool failed(const char *what)
{
    log_error("cannot %s: %s", what, errno != 0 ? strerrordesc_np(errno) : "no reason given");
    return false;
}
