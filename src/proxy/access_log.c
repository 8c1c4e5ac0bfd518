#include "proxy/access_log.h"

#include "base/clock.h"
#include "base/list.h"
#include "proxy/access_line.h"

#define QUIET_NS NS_PER_S

static void on_due(struct timer *timer);
static void report_failure(struct access_log *log, const struct session_summary *summary);
static void hold_back(struct access_log *log, enum end_reason reason, uint64_t now_ns);
static void tell_held_back(struct access_log *log, enum end_reason reason);
static bool is_failed_handshake(const struct session_summary *summary);
static struct access_style style_now(const struct access_log *log);
static void                put_line(struct access_log *log, const struct text *line);

void access_log_init(struct access_log *log, const struct access_log_options *options)
{
    uint64_t now_ns = reactor_now_ns(options->reactor);

    *log = (struct access_log){.options = *options, .timer = {.due = on_due}};
    for (size_t i = 0; i < END_REASONS_COUNT; i++) {
        rate_init(&log->failures[i].rate, ACCESS_FAILURES_PER_SECOND_MAX, now_ns);
        log->failures[i].tell_ns = CLOCK_NEVER;
    }
}

void access_log_report(struct access_log *log, const struct session_summary *summary)
{
    char                memory[ACCESS_LINE_BYTES];
    struct text         line;
    struct access_style style = style_now(log);

    if (log->options.format == CONFIG_FORMAT_OFF || summary->is_probe) {
        return;
    }
    text_init(&line, memory, sizeof(memory));
    access_line_conn(&line, &style, summary);
    put_line(log, &line);
    if (is_failed_handshake(summary)) {
        report_failure(log, summary);
    }
}

void access_log_fini(struct access_log *log)
{
    reactor_timer_clear(log->options.reactor, &log->timer);
    for (size_t i = 0; i < END_REASONS_COUNT; i++) {
        tell_held_back(log, (enum end_reason)i);
    }
}

/* --- failed handshakes ----------------------------------------------------------------------- */

static bool is_failed_handshake(const struct session_summary *summary)
{
    return summary->handshake_ns == SUMMARY_NEVER &&
           (summary->has_tls_failure || summary->reason == END_HS_TIMEOUT ||
            summary->reason == END_HELLO_TIMEOUT || summary->reason == END_HELLO_INVALID ||
            summary->reason == END_SNI_UNMATCHED);
}

static void report_failure(struct access_log *log, const struct session_summary *summary)
{
    struct access_failures *failures = &log->failures[summary->reason];
    uint64_t                now_ns = reactor_now_ns(log->options.reactor);
    char                    memory[ACCESS_LINE_BYTES];
    struct text             line;
    struct access_style     style = style_now(log);

    if (!rate_allows(&failures->rate, now_ns)) {
        hold_back(log, summary->reason, now_ns);
        return;
    }
    failures->tell_ns = CLOCK_NEVER;
    text_init(&line, memory, sizeof(memory));
    access_line_failure(&line, &style, summary, rate_take_held_back(&failures->rate));
    put_line(log, &line);
}

static void hold_back(struct access_log *log, enum end_reason reason, uint64_t now_ns)
{
    log->failures[reason].tell_ns = now_ns + QUIET_NS;
    if (!timer_is_set(&log->timer)) {
        reactor_timer_set(log->options.reactor, &log->timer, now_ns + QUIET_NS);
    }
}

/* Tells of the floods that are over, and looks again when the next one may be. */
static void on_due(struct timer *timer)
{
    struct access_log *log = container_of(timer, struct access_log, timer);
    uint64_t           now_ns = reactor_now_ns(log->options.reactor);
    uint64_t           next_ns = CLOCK_NEVER;

    for (size_t i = 0; i < END_REASONS_COUNT; i++) {
        if (log->failures[i].tell_ns <= now_ns) {
            tell_held_back(log, (enum end_reason)i);
        } else if (log->failures[i].tell_ns < next_ns) {
            next_ns = log->failures[i].tell_ns;
        }
    }
    if (next_ns != CLOCK_NEVER) {
        reactor_timer_set(log->options.reactor, &log->timer, next_ns);
    }
}

static void tell_held_back(struct access_log *log, enum end_reason reason)
{
    char                memory[ACCESS_LINE_BYTES];
    struct text         line;
    struct access_style style = style_now(log);
    uint32_t            held_back = rate_take_held_back(&log->failures[reason].rate);

    log->failures[reason].tell_ns = CLOCK_NEVER;
    if (held_back > 0) {
        text_init(&line, memory, sizeof(memory));
        access_line_suppressed(&line, &style, reason, held_back);
        put_line(log, &line);
    }
}

/* --- writing --------------------------------------------------------------------------------- */

static struct access_style style_now(const struct access_log *log)
{
    bool is_json = log->options.format == CONFIG_FORMAT_JSON;

    return (struct access_style){.is_json = is_json, .wall_us = is_json ? clock_wall_us() : 0};
}

static void put_line(struct access_log *log, const struct text *line)
{
    if (!log_writer_put(log->options.writer, LOG_CHANNEL_ACCESS, LOG_LEVEL_INFO, text_chars(line),
                        text_len(line))) {
        reactor_count(log->options.reactor, METRIC_LOG_DROPPED, 1);
    }
}
