#include "daemon/announce.h"

#include "base/log.h"
#include "base/text.h"

#include <string.h>
#include <time.h>

void announce_certificates(const struct snapshot *snapshot)
{
    const struct certificate_tally *tally = &snapshot->certificates;
    time_t                          expiry = (time_t)tally->next_expiry_s;
    struct tm                       parts;
    char                            when[sizeof("2026-01-01T00:00:00Z") + 8] = "-";

    if (gmtime_r(&expiry, &parts) != NULL) {
        (void)strftime(when, sizeof(when), "%FT%TZ", &parts);
    }
    log_info("certificates count=%zu names=%zu read=%zu kept=%zu errors=%zu next_expiry=%s "
             "next_expiry_path=\"%s\"",
             tally->count, snapshot->names, tally->parsed, tally->kept, tally->errors, when,
             tally->next_expiry_path);
}

void announce_changes(const struct snapshot *was, const struct snapshot *is)
{
    static const struct {
        enum snapshot_change change;
        const char          *noun;
    } nouns[] = {{SNAPSHOT_CERTIFICATES, "certificates"},
                 {SNAPSHOT_CLIENTS, "authorities or revocations"},
                 {SNAPSHOT_TICKETS, "ticket keys"}};
    unsigned    changes = snapshot_changes(was, is);
    char        memory[64];
    struct text text;

    text_init(&text, memory, sizeof(memory));
    for (size_t i = 0; i < sizeof(nouns) / sizeof(nouns[0]); i++) {
        if ((changes & (unsigned)nouns[i].change) != 0) {
            text_format(&text, "%s%s", text_len(&text) > 0 ? ", " : "", nouns[i].noun);
        }
    }
    log_info("%s have changed", memory);
}

void announce_what_stays(const struct config *was, const struct config *is)
{
    if (was->io != is->io || strcmp(was->user.text, is->user.text) != 0 ||
        strcmp(was->group.text, is->group.text) != 0 ||
        strcmp(was->pid_file.text, is->pid_file.text) != 0 ||
        was->memory_max_bytes != is->memory_max_bytes || was->session_cache != is->session_cache ||
        was->log.target != is->log.target || strcmp(was->log.file.text, is->log.file.text) != 0 ||
        was->access_log.target != is->access_log.target ||
        strcmp(was->access_log.file.text, is->access_log.file.text) != 0) {
        log_warn("io, user, group, pid-file, memory-max, session-cache and where logs go change "
                 "only with a restart");
    }
}
