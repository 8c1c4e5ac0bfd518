#include "daemon/logging.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOG_FILE_MODE = 0640 };

/* log.h's sink has no owner to hand it. */
static struct log_writer *writer;

/* The configuration that named the files goes with the first reload. */
static char paths[LOG_CHANNELS][PATH_MAX];

static bool              prepare_file(const char *path, uid_t uid, gid_t gid);
static struct log_target target_of(enum log_channel channel, int target,
                                   const struct config_string *file);
static enum log_level    level_of(int level);
static void              to_writer(enum log_level level, const char *line, size_t line_len);

bool logging_prepare(const struct config *config, uid_t uid, gid_t gid)
{
    return (config->log.target != CONFIG_LOG_FILE ||
            prepare_file(config->log.file.text, uid, gid)) &&
           (config->access_log.format == CONFIG_FORMAT_OFF ||
            config->access_log.target != CONFIG_LOG_FILE ||
            prepare_file(config->access_log.file.text, uid, gid));
}

static bool prepare_file(const char *path, uid_t uid, gid_t gid)
{
    int  fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW,
                   LOG_FILE_MODE);
    bool is_prepared = fd >= 0 && fchown(fd, uid, gid) == 0;

    if (!is_prepared) {
        log_error("log file cannot be prepared path=%s: %s", path, strerrordesc_np(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_prepared;
}

void logging_set_level(const struct config *config)
{
    log_set_level(level_of(config->log.level));
}

bool logging_start(const struct config *config)
{
    struct error              error;
    char                      why[CONFIG_PROBLEM_BYTES];
    struct log_writer_options options = {
        .targets = {[LOG_CHANNEL_DAEMON] =
                        target_of(LOG_CHANNEL_DAEMON, config->log.target, &config->log.file),
                    [LOG_CHANNEL_ACCESS] =
                        config->access_log.format == CONFIG_FORMAT_OFF
                            ? (struct log_target){.kind = LOG_TO_STDERR}
                            : target_of(LOG_CHANNEL_ACCESS, config->access_log.target,
                                        &config->access_log.file)},
        .producers = LOGGING_PRODUCERS,
        .has_priority = getenv("JOURNAL_STREAM") != NULL};

    logging_set_level(config);
    writer = log_writer_start(&options, &error);
    if (writer == NULL) {
        log_error("the log cannot be opened: %s", error_text(&error, why, sizeof(why)));
        return false;
    }
    log_set_sink(to_writer);
    return true;
}

struct log_writer *logging_writer(void)
{
    return writer;
}

void logging_stop(void)
{
    log_set_sink(NULL);
    log_writer_stop(&writer);
}

static void to_writer(enum log_level level, const char *line, size_t line_len)
{
    (void)log_writer_put(writer, LOG_CHANNEL_DAEMON, level, line, line_len);
}

static struct log_target target_of(enum log_channel channel, int target,
                                   const struct config_string *file)
{
    switch ((enum config_log_target)target) {
    case CONFIG_LOG_STDERR:
        return (struct log_target){.kind = LOG_TO_STDERR};
    case CONFIG_LOG_STDOUT:
        return (struct log_target){.kind = LOG_TO_STDOUT};
    case CONFIG_LOG_SYSLOG:
        return (struct log_target){.kind = LOG_TO_SYSLOG};
    case CONFIG_LOG_FILE:
        break;
    }
    (void)snprintf(paths[channel], sizeof(paths[channel]), "%s", file->text);
    return (struct log_target){.kind = LOG_TO_FILE, .path = paths[channel]};
}

static enum log_level level_of(int level)
{
    switch ((enum config_log_level)level) {
    case CONFIG_LEVEL_ERROR:
        return LOG_LEVEL_ERROR;
    case CONFIG_LEVEL_WARN:
        return LOG_LEVEL_WARN;
    case CONFIG_LEVEL_INFO:
        return LOG_LEVEL_INFO;
    case CONFIG_LEVEL_DEBUG:
        break;
    }
    return LOG_LEVEL_DEBUG;
}
