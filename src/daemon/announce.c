#include "daemon/announce.h"

#include "base/log.h"
#include "base/text.h"

#include <string.h>
#include <time.h>

enum { DATE_BYTES = sizeof("2026-01-01T00:00:00Z") + 8 };

static void write_date(char into[static DATE_BYTES], int64_t at_s);

void announce_certificates(const struct snapshot *snapshot)
{
    const struct certificate_tally *tally = &snapshot->certificates;
    char                            when[DATE_BYTES];

    write_date(when, tally->next_expiry_s);
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

void announce_staples(const struct snapshot *snapshot)
{
    const struct staple_tally *tally = &snapshot->staples;
    char                       when[DATE_BYTES] = "-";

    if (tally->count + tally->errors + tally->missing == 0) {
        return;
    }
    if (tally->count > 0) {
        write_date(when, tally->next_update_s);
    }
    log_info("staples count=%zu read=%zu kept=%zu errors=%zu missing=%zu revoked=%zu "
             "next_update=%s next_update_path=\"%s\"",
             tally->count, tally->read, tally->kept, tally->errors, tally->missing, tally->revoked,
             when, tally->next_update_path);
    if (tally->revoked > 0) {
        log_error("a certificate in use is revoked, by its staple revoked=%zu path=\"%s\"",
                  tally->revoked, tally->revoked_path);
    }
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

/* 0: there is none. */
static void write_date(char into[static DATE_BYTES], int64_t at_s)
{
    time_t    at = (time_t)at_s;
    struct tm parts;

    if (at_s == 0 || gmtime_r(&at, &parts) == NULL ||
        strftime(into, DATE_BYTES, "%FT%TZ", &parts) == 0) {
        memcpy(into, "-", sizeof("-"));
    }
}
