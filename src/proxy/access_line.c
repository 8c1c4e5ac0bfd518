#include "proxy/access_line.h"

#include "base/clock.h"

#include <string.h>

/* The longest line has some twenty values, of which the few from peers and from the configuration
 * may grow sixfold as JSON. */
_Static_assert(ACCESS_LINE_BYTES > 9 * 6 * ACCESS_VALUE_BYTES_MAX + 2048, "a line always fits");

enum { NS_PER_TENTH_MS = 100 * 1000 };

struct line {
    struct text *text;
    bool         is_json;
};

static struct line        line_begin(struct text *into, const struct access_style *style,
                                     const char *event);
static void               line_end(struct line *line);
static void               put_session(struct line *line, const struct session_summary *summary);
static void               put_failure(struct line *line, const struct session_summary *summary);
static void               put_subject(struct line *line, struct bytes_const subject);
static void               put_key(struct line *line, const char *key);
static void               put_absent(struct line *line, const char *key);
static void               put_bytes(struct line *line, const char *key, struct bytes_const bytes);
static void               put_quoted(struct line *line, const char *key, struct bytes_const bytes);
static void               put_string(struct line *line, const char *key, const char *string);
static void               put_list(struct line *line, const char *key, struct bytes_const names);
static void               put_words(struct line *line, const char *key, const char *words);
static void               put_number(struct line *line, const char *key, uint64_t number);
static void               put_tenths(struct line *line, const char *key, uint64_t duration_ns);
static void               put_alert(struct line *line, const struct tls_alert *alert);
static struct bytes_const bytes_of(const char *string);
static struct bytes_const clipped(struct bytes_const bytes);

void access_line_id(const struct session_summary *summary, char into[static ACCESS_ID_BYTES])
{
    struct session_id id = {.time_us = summary->id_time_us,
                            .reactor = summary->id_reactor,
                            .number = summary->id_number};

    session_id_text(&id, into);
}

void access_line_conn(struct text *into, const struct access_style *style,
                      const struct session_summary *summary)
{
    struct line line = line_begin(into, style, "conn");

    put_session(&line, summary);
    put_string(&line, "be", summary->backend);
    put_string(&line, "srv", summary->server);
    put_bytes(&line, "sni", summary->facts.sni);
    put_bytes(&line, "alpn", summary->facts.alpn);
    put_string(&line, "tls", summary->facts.version);
    put_string(&line, "cipher", summary->facts.cipher);
    put_string(&line, "group", summary->facts.group);
    put_number(&line, "resumed", summary->facts.is_resumed ? 1 : 0);
    put_string(&line, "verify", summary->facts.verify);
    put_subject(&line, summary->facts.subject);
    put_tenths(&line, "hs_ms", summary->handshake_ns);
    put_number(&line, "wait_ms", summary->wait_ns / NS_PER_MS);
    put_tenths(&line, "conn_ms", summary->connect_ns);
    put_number(&line, "dur_ms", summary->duration_ns / NS_PER_MS);
    put_number(&line, "in", summary->bytes_in);
    put_number(&line, "out", summary->bytes_out);
    put_absent(&line, "ktls");
    put_string(&line, "end", end_reason_word(summary->reason));
    put_string(&line, "ts", end_reason_ts(summary->reason));
    if (summary->has_tls_failure) {
        put_failure(&line, summary);
    }
    if (summary->proxy_fault != PROXY_FAULT_NONE) {
        put_words(&line, "proxy_reason", proxy_fault_text(summary->proxy_fault));
    }
    line_end(&line);
}

void access_line_failure(struct text *into, const struct access_style *style,
                         const struct session_summary *summary, uint32_t suppressed)
{
    struct line line = line_begin(into, style, "hs_fail");
    bool        has_offer = summary->offered.sni.len > 0;

    put_session(&line, summary);
    put_bytes(&line, "sni", has_offer ? summary->offered.sni : summary->facts.sni);
    put_list(&line, "alpn_offered", summary->offered.alpn);
    put_list(&line, "versions_offered", bytes_of(summary->offered.versions));
    put_subject(&line, summary->facts.subject);
    put_failure(&line, summary);
    put_number(&line, "dur_ms", summary->duration_ns / NS_PER_MS);
    put_string(&line, "end", end_reason_word(summary->reason));
    if (suppressed > 0) {
        put_number(&line, "suppressed", suppressed);
    }
    line_end(&line);
}

void access_line_suppressed(struct text *into, const struct access_style *style,
                            enum end_reason reason, uint32_t suppressed)
{
    struct line line = line_begin(into, style, "hs_fail_suppressed");

    put_string(&line, "end", end_reason_word(reason));
    put_number(&line, "suppressed", suppressed);
    line_end(&line);
}

/* --- parts of lines ------------------------------------------------------------------------- */

static struct line line_begin(struct text *into, const struct access_style *style,
                              const char *event)
{
    struct line line = {.text = into, .is_json = style->is_json};
    char        time[CLOCK_WALL_TEXT_BYTES];

    if (!line.is_json) {
        text_string(into, event);
        return line;
    }
    clock_wall_text(style->wall_us, time);
    text_string(into, "{\"event\":\"");
    text_string(into, event);
    text_string(into, "\"");
    put_string(&line, "time", time);
    return line;
}

static void line_end(struct line *line)
{
    if (line->is_json) {
        text_string(line->text, "}");
    }
}

static void put_session(struct line *line, const struct session_summary *summary)
{
    char id[ACCESS_ID_BYTES];
    char client[ADDRESS_TEXT_BYTES];

    access_line_id(summary, id);
    put_string(line, "id", id);
    put_string(line, "client", address_text(&summary->client, client));
    put_string(line, "fe", summary->frontend);
}

/* Only where a client showed a certificate: everyone else's lines have the columns they always had.
 */
static void put_subject(struct line *line, struct bytes_const subject)
{
    if (subject.len > 0) {
        put_quoted(line, "subject", subject);
    }
}

static void put_failure(struct line *line, const struct session_summary *summary)
{
    put_alert(line, &summary->alert);
    put_words(line, "ssl_reason", summary->tls_reason);
}

static void put_key(struct line *line, const char *key)
{
    text_string(line->text, line->is_json ? ",\"" : " ");
    text_string(line->text, key);
    text_string(line->text, line->is_json ? "\":" : "=");
}

static void put_absent(struct line *line, const char *key)
{
    put_key(line, key);
    text_string(line->text, line->is_json ? "null" : "-");
}

static void put_bytes(struct line *line, const char *key, struct bytes_const bytes)
{
    if (bytes.len == 0) {
        put_absent(line, key);
        return;
    }
    put_key(line, key);
    if (line->is_json) {
        text_json(line->text, clipped(bytes));
    } else {
        text_escaped(line->text, clipped(bytes));
    }
}

/* A peer's bytes that people want to read: in quotes, which they cannot leave. */
static void put_quoted(struct line *line, const char *key, struct bytes_const bytes)
{
    if (line->is_json || bytes.len == 0) {
        put_bytes(line, key, bytes);
        return;
    }
    put_key(line, key);
    text_quoted(line->text, clipped(bytes));
}

/* A string of ours, where "-" stands for "not known". */
static void put_string(struct line *line, const char *key, const char *string)
{
    put_bytes(line, key, strcmp(string, "-") == 0 ? (struct bytes_const){0} : bytes_of(string));
}

/* Names joined by commas: the commas stay commas, which text_escaped would hide. */
static void put_list(struct line *line, const char *key, struct bytes_const names)
{
    struct bytes_const rest = clipped(names);

    if (line->is_json || rest.len == 0) {
        put_bytes(line, key, names);
        return;
    }
    put_key(line, key);
    for (;;) {
        const uint8_t *comma = memchr(rest.data, ',', rest.len);
        size_t         len = comma != NULL ? (size_t)(comma - rest.data) : rest.len;

        text_escaped(line->text, (struct bytes_const){rest.data, len});
        if (comma == NULL) {
            return;
        }
        text_string(line->text, ",");
        rest = (struct bytes_const){comma + 1, rest.len - len - 1};
    }
}

/* Several words, in quotes. */
static void put_words(struct line *line, const char *key, const char *words)
{
    if (strcmp(words, "-") == 0) {
        put_absent(line, key);
        return;
    }
    put_key(line, key);
    text_json(line->text, clipped(bytes_of(words)));
}

static void put_number(struct line *line, const char *key, uint64_t number)
{
    put_key(line, key);
    text_unsigned(line->text, number);
}

static void put_tenths(struct line *line, const char *key, uint64_t duration_ns)
{
    if (duration_ns == SUMMARY_NEVER) {
        put_absent(line, key);
        return;
    }
    uint64_t tenths = duration_ns / NS_PER_TENTH_MS;

    put_number(line, key, tenths / 10);
    text_string(line->text, ".");
    text_unsigned(line->text, tenths % 10);
}

/* "sent:handshake_failure(40)" */
static void put_alert(struct line *line, const struct tls_alert *alert)
{
    char        memory[64];
    struct text text;

    text_init(&text, memory, sizeof(memory));
    switch ((enum tls_alert_by)alert->by) {
    case TLS_ALERT_NONE:
        text_string(&text, "none");
        break;
    case TLS_ALERT_SENT:
        text_format(&text, "sent:%s(%u)", alert->name, alert->description);
        break;
    case TLS_ALERT_RECEIVED:
        text_format(&text, "recv:%s(%u)", alert->name, alert->description);
        break;
    }
    put_string(line, "alert", text_chars(&text));
}

/* --- pieces --------------------------------------------------------------------------------- */

static struct bytes_const bytes_of(const char *string)
{
    return (struct bytes_const){(const uint8_t *)string, strlen(string)};
}

static struct bytes_const clipped(struct bytes_const bytes)
{
    return (struct bytes_const){
        bytes.data, bytes.len < ACCESS_VALUE_BYTES_MAX ? bytes.len : ACCESS_VALUE_BYTES_MAX};
}
