/*
 * The control socket on any bytes in any pieces: the lines in them and what they mean do not depend
 * on how they were cut; each line is either a command, which can be written down and read again the
 * same, or has something wrong with it that is said in one printable line. The first byte is the
 * length of the pieces.
 */
#include "base/require.h"
#include "daemon/control_command.h"
#include "daemon/control_line.h"
#include "fuzz.h"

#include <stdio.h>
#include <string.h>

enum { INPUT_BYTES_MAX = 10 * 1024, LINES_MAX = 200, SEED = 5381, FACTOR = 33 };

/* All that came of the bytes, as a number. */
struct outcome {
    uint64_t hash;
    size_t   lines;
    bool     is_too_long;
};

static struct outcome follow(struct bytes_const tape, size_t piece);
static void           take_line(struct outcome *outcome, struct bytes_const line);
static void           check_command(const struct control_command *command);
static void           check_problem(const struct text *why);
static void           add(struct outcome *outcome, const void *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes_const tape = {data, size};
    size_t             piece = 1 + (size_t)fuzz_byte(&tape);

    if (tape.len > INPUT_BYTES_MAX) {
        return 0;
    }
    struct outcome whole = follow(tape, INPUT_BYTES_MAX);
    struct outcome cut = follow(tape, piece);

    require(whole.hash == cut.hash && whole.lines == cut.lines);
    require(whole.is_too_long == cut.is_too_long);
    return 0;
}

static struct outcome follow(struct bytes_const tape, size_t piece)
{
    static struct control_line line;
    struct outcome             outcome = {.hash = SEED};

    memset(&line, 0, sizeof(line));
    while (fuzz_has_more(&tape)) {
        struct bytes_const        bytes = fuzz_bytes(&tape, piece);
        enum control_line_outcome came = CONTROL_LINE_WHOLE;

        while (came == CONTROL_LINE_WHOLE) {
            size_t before = bytes.len;

            came = control_line_feed(&line, &bytes);
            require(bytes.len < before || before == 0);
            if (came == CONTROL_LINE_WHOLE) {
                take_line(&outcome, control_line_bytes(&line));
            }
        }
        require(bytes.len == 0);
        require(!outcome.is_too_long || came == CONTROL_LINE_TOO_LONG);
        outcome.is_too_long = came == CONTROL_LINE_TOO_LONG;
    }
    if (control_line_finish(&line)) {
        require(!outcome.is_too_long);
        take_line(&outcome, control_line_bytes(&line));
    }
    return outcome;
}

static void take_line(struct outcome *outcome, struct bytes_const line)
{
    char                   memory[CONTROL_PROBLEM_BYTES];
    struct control_command command;
    struct text            why;

    require(line.len <= CONTROL_LINE_BYTES_MAX);
    outcome->lines++;
    if (outcome->lines > LINES_MAX) {
        return; /* more of the same */
    }
    text_init(&why, memory, sizeof(memory));
    enum control_problem problem = control_command_read(line, &command, &why);

    if (problem == CONTROL_SOUND) {
        require(text_len(&why) == 0);
        check_command(&command);
        add(outcome, &command.verb, sizeof(command.verb));
        add(outcome, &command.is_json, sizeof(command.is_json));
        add(outcome, &command.session.time_us, sizeof(command.session.time_us));
        add(outcome, &command.session.number, sizeof(command.session.number));
    } else {
        check_problem(&why);
        add(outcome, text_chars(&why), text_len(&why));
    }
    add(outcome, &problem, sizeof(problem));
}

static void check_command(const struct control_command *command)
{
    const struct control_row *row = control_row(command->verb);
    char                      id[SESSION_ID_BYTES] = "";
    char                      line[128];
    char                      memory[CONTROL_PROBLEM_BYTES];
    struct control_command    again;
    struct text               why;

    if (row->argument[0] != '\0') {
        session_id_text(&command->session, id);
    }
    int len =
        snprintf(line, sizeof(line), "%s%s %s", command->is_json ? "json " : "", row->words, id);

    require(len > 0 && (size_t)len < sizeof(line));
    text_init(&why, memory, sizeof(memory));
    require(control_command_read((struct bytes_const){(const uint8_t *)line, (size_t)len}, &again,
                                 &why) == CONTROL_SOUND);
    require(again.verb == command->verb && again.is_json == command->is_json);
    require(session_id_is_equal(&again.session, &command->session));
}

static void check_problem(const struct text *why)
{
    require(text_len(why) > 0 && !text_is_cut(why));
    for (const char *at = text_chars(why); *at != '\0'; at++) {
        require(*at >= ' ' && *at <= '~');
    }
}

static void add(struct outcome *outcome, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++) {
        outcome->hash = outcome->hash * FACTOR + at[i];
    }
}
