/* Whatever a peer sends: one line, printable, never cut, with the same keys as for a polite peer
 * that showed a certificate, too, or showed none as well; and the JSON is JSON. */
#include "base/require.h"
#include "flat_json.h"
#include "fuzz.h"
#include "proxy/access_line.h"

#include <stdlib.h>
#include <string.h>

enum { STRINGS = 8, STRING_BYTES = 600, KEYS_BYTES = 1024 };

typedef void write_line(struct text *into, const struct access_style *style,
                        const struct session_summary *summary);

static void        draw(struct session_summary *summary, struct bytes_const *tape);
static void        draw_address(struct address *address, struct bytes_const *tape);
static const char *draw_string(struct bytes_const *tape, unsigned number);
static void        polite(struct session_summary *summary);
static void        write_failure(struct text *into, const struct access_style *style,
                                 const struct session_summary *summary);
static void        check(write_line *write, const struct session_summary *summary);
static void        check_printable(const struct text *text);
static void        keys_of(write_line *write, const struct session_summary *summary,
                           char keys[static KEYS_BYTES]);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes_const     tape = {data, size};
    struct session_summary summary;

    draw(&summary, &tape);
    check(access_line_conn, &summary);
    check(write_failure, &summary);
    return 0;
}

static void draw(struct session_summary *summary, struct bytes_const *tape)
{
    *summary = (struct session_summary){
        .id_time_us = fuzz_number(tape, 8),
        .id_reactor = (unsigned)fuzz_number(tape, 4),
        .id_number = (uint32_t)fuzz_number(tape, 4),
        .handshake_ns = fuzz_byte(tape) & 1 ? SUMMARY_NEVER : fuzz_number(tape, 8),
        .wait_ns = fuzz_number(tape, 8),
        .connect_ns = fuzz_byte(tape) & 1 ? SUMMARY_NEVER : fuzz_number(tape, 8),
        .duration_ns = fuzz_number(tape, 8),
        .bytes_in = fuzz_number(tape, 8),
        .bytes_out = fuzz_number(tape, 8),
        .reason = (enum end_reason)(1 + fuzz_below(tape, END_REASONS_COUNT - 1)),
        .is_probe = fuzz_byte(tape) & 1,
        .has_tls_failure = fuzz_byte(tape) & 1,
        .alert = {.by = (uint8_t)fuzz_below(tape, 3), .description = fuzz_byte(tape), .name = "x"},
    };
    draw_address(&summary->client, tape);
    summary->frontend = draw_string(tape, 0);
    summary->backend = draw_string(tape, 1);
    summary->server = draw_string(tape, 2);
    summary->facts.version = draw_string(tape, 3);
    summary->facts.cipher = draw_string(tape, 4);
    summary->facts.group = draw_string(tape, 5);
    summary->offered.versions = draw_string(tape, 6);
    summary->tls_reason = draw_string(tape, 7);
    summary->facts.verify = "ok";
    summary->facts.sni = fuzz_bytes(tape, fuzz_below(tape, STRING_BYTES));
    summary->facts.alpn = fuzz_bytes(tape, fuzz_below(tape, STRING_BYTES));
    summary->facts.subject = fuzz_bytes(tape, fuzz_below(tape, STRING_BYTES));
    summary->offered.sni = fuzz_bytes(tape, fuzz_below(tape, STRING_BYTES));
    summary->offered.alpn = *tape;
}

static void draw_address(struct address *address, struct bytes_const *tape)
{
    struct bytes_const bytes = fuzz_bytes(tape, fuzz_below(tape, sizeof(address->socket) + 1));

    memcpy(&address->socket, bytes.data, bytes.len);
    address->len = bytes.len < sizeof(sa_family_t) ? 0 : (socklen_t)bytes.len;
}

static const char *draw_string(struct bytes_const *tape, unsigned number)
{
    static char        strings[STRINGS][STRING_BYTES];
    struct bytes_const bytes = fuzz_bytes(tape, fuzz_below(tape, STRING_BYTES));

    memcpy(strings[number], bytes.data, bytes.len);
    strings[number][bytes.len] = '\0';
    return bytes.len > 0 ? strings[number] : "-";
}

static void write_failure(struct text *into, const struct access_style *style,
                          const struct session_summary *summary)
{
    access_line_failure(into, style, summary, summary->id_number & 1);
}

static void check(write_line *write, const struct session_summary *summary)
{
    static char            memory[ACCESS_LINE_BYTES];
    char                   keys[KEYS_BYTES];
    char                   polite_keys[KEYS_BYTES];
    struct text            text;
    struct access_style    style = {.is_json = true, .wall_us = summary->id_time_us};
    struct session_summary polite_summary = *summary;

    text_init(&text, memory, sizeof(memory));
    write(&text, &style, summary);
    check_printable(&text);
    require(flat_json_is_valid(memory));
    polite(&polite_summary);
    keys_of(write, summary, keys);
    keys_of(write, &polite_summary, polite_keys);
    require(strcmp(keys, polite_keys) == 0);
}

static void polite(struct session_summary *summary)
{
    bool shows_certificate = summary->facts.subject.len > 0;

    summary->client.len = 0;
    summary->frontend = summary->backend = summary->server = "-";
    summary->facts =
        (struct tls_facts){.version = "-", .cipher = "-", .group = "-", .verify = "none"};
    if (shows_certificate) {
        summary->facts.subject = (struct bytes_const){(const uint8_t *)"CN=x", 4};
    }
    summary->offered = (struct tls_offered){.versions = "-"};
    summary->tls_reason = "-";
}

static void check_printable(const struct text *text)
{
    require(!text_is_cut(text));
    for (size_t i = 0; i < text_len(text); i++) {
        require(text_chars(text)[i] >= 0x20 && text_chars(text)[i] <= 0x7e);
    }
}

/* The keys of a line in text form: words that a space separates, outside quotes, up to their =. */
static void keys_of(write_line *write, const struct session_summary *summary,
                    char keys[static KEYS_BYTES])
{
    static char         memory[ACCESS_LINE_BYTES];
    struct text         text;
    struct access_style style = {.is_json = false};
    size_t              len = 0;
    bool                is_key = true;
    bool                is_quoted = false;

    text_init(&text, memory, sizeof(memory));
    write(&text, &style, summary);
    check_printable(&text);
    for (const char *at = memory; *at != '\0' && len < KEYS_BYTES - 1; at++) {
        if (*at == '\\' && is_quoted) {
            at++;
        } else if (*at == '"') {
            is_quoted = !is_quoted;
        } else if (!is_quoted && (*at == ' ' || *at == '=')) {
            is_key = *at == ' ';
        }
        if (is_key) {
            keys[len++] = *at;
        }
    }
    keys[len] = '\0';
    require(!is_quoted);
}
