#include "daemon/control_command.h"

#include "base/require.h"
#include "config/schema.h"

#include <string.h>

/* The longest command has three words, and "json" besides. */
enum { WORDS_MAX = 8, WORD_BYTES_MAX = 64, NAMES_MAX = 32, NAME_BYTES = 16 };

static const struct control_row rows[CONTROL_VERBS] = {
#define COMMAND(name, words_, level_, argument_, help_)                                            \
    [CONTROL_##name] = {                                                                           \
        .words = words_, .level = CONTROL_##level_, .argument = argument_, .help = help_},
#include "daemon/control_commands.def"
#undef COMMAND
};

struct words {
    struct bytes_const at[WORDS_MAX];
    size_t             count;
};

/* The words that commands have in one place, each once. */
struct names {
    char        memory[NAMES_MAX][NAME_BYTES];
    const char *at[NAMES_MAX];
    size_t      count;
};

static bool                 split(struct bytes_const line, struct words *words);
static bool                 take_json(struct words *words);
static enum control_problem find(const struct words *words, struct control_command *command,
                                 struct text *why);
static size_t               match(const char *row, const struct words *words);
static size_t               count_words(const char *row);
static bool                 is_word(struct bytes_const word, const char *text, size_t text_len);
static enum control_problem unknown(const struct words *words, size_t matched, struct text *why);
static void        names_after(const struct words *words, size_t matched, struct names *names);
static void        names_add(struct names *names, const char *word);
static const char *word_at(const char *row, size_t index);
static enum control_problem take_argument(const struct words     *words,
                                          struct control_command *command, struct text *why);
static void                 put_word(struct text *why, struct bytes_const word);

const struct control_row *control_row(enum control_verb verb)
{
    require(verb < CONTROL_VERBS);
    return &rows[verb];
}

const char *control_level_name(enum control_level level)
{
    switch (level) {
    case CONTROL_USER:
        return "user";
    case CONTROL_OPERATOR:
        return "operator";
    case CONTROL_ADMIN:
        break;
    }
    return "admin";
}

enum control_problem control_command_read(struct bytes_const line, struct control_command *command,
                                          struct text *why)
{
    struct words words = {.count = 0};

    *command = (struct control_command){.verb = CONTROL_HELP};
    for (size_t i = 0; i < line.len; i++) {
        if ((line.data[i] < ' ' && line.data[i] != '\t') || line.data[i] > '~') {
            text_format(why, "a command is printable ASCII, found byte 0x%02x", line.data[i]);
            return CONTROL_BAD_BYTE;
        }
    }
    if (!split(line, &words)) {
        text_string(why, "too many words");
        return CONTROL_TOO_MANY;
    }
    command->is_json = take_json(&words);
    if (words.count == 0) {
        text_string(why, "a command is wanted, \"help\" lists them");
        return CONTROL_EMPTY;
    }
    enum control_problem problem = find(&words, command, why);

    if (problem == CONTROL_SOUND && command->is_json &&
        !is_word(words.at[0], "show", strlen("show"))) {
        text_string(why, "json goes with commands that begin with \"show\"");
        return CONTROL_JSON_MISPLACED;
    }
    return problem;
}

/* False: there are more words than any command has. */
static bool split(struct bytes_const line, struct words *words)
{
    size_t at = 0;

    while (at < line.len) {
        size_t first = at;

        while (at < line.len && line.data[at] != ' ' && line.data[at] != '\t') {
            at++;
        }
        if (at > first) {
            if (words->count == WORDS_MAX) {
                return false;
            }
            words->at[words->count++] = (struct bytes_const){line.data + first, at - first};
        } else {
            at++;
        }
    }
    return true;
}

/* The word in front or behind; it is taken off. */
static bool take_json(struct words *words)
{
    static const char json[] = "json";

    if (words->count > 0 && is_word(words->at[0], json, sizeof(json) - 1)) {
        words->count--;
        memmove(words->at, words->at + 1, words->count * sizeof(words->at[0]));
        return true;
    }
    if (words->count > 1 && is_word(words->at[words->count - 1], json, sizeof(json) - 1)) {
        words->count--;
        return true;
    }
    return false;
}

static enum control_problem find(const struct words *words, struct control_command *command,
                                 struct text *why)
{
    size_t best = 0;

    for (int verb = 0; verb < CONTROL_VERBS; verb++) {
        size_t matched = match(rows[verb].words, words);

        if (matched == count_words(rows[verb].words)) {
            command->verb = (enum control_verb)verb;
            return take_argument(words, command, why);
        }
        best = matched > best ? matched : best;
    }
    return unknown(words, best, why);
}

/* How many words of a row stand at the beginning of a line. */
static size_t match(const char *row, const struct words *words)
{
    size_t matched = 0;

    while (matched < words->count && row != NULL) {
        const char *end = strchrnul(row, ' ');

        if (!is_word(words->at[matched], row, (size_t)(end - row))) {
            break;
        }
        matched++;
        row = *end == ' ' ? end + 1 : NULL;
    }
    return matched;
}

static size_t count_words(const char *row)
{
    size_t count = 1;

    for (const char *at = row; *at != '\0'; at++) {
        count += *at == ' ' ? 1 : 0;
    }
    return count;
}

static bool is_word(struct bytes_const word, const char *text, size_t text_len)
{
    return word.len == text_len && memcmp(word.data, text, text_len) == 0;
}

static enum control_problem take_argument(const struct words     *words,
                                          struct control_command *command, struct text *why)
{
    const struct control_row *row = &rows[command->verb];
    size_t                    after = count_words(row->words);
    size_t                    wanted = row->argument[0] != '\0' ? 1 : 0;

    if (words->count > after + wanted) {
        text_format(why, "too many words for \"%s\", from ", row->words);
        put_word(why, words->at[after + wanted]);
        return CONTROL_TOO_MANY;
    }
    if (words->count < after + wanted) {
        text_format(why, "%s: %s is wanted", row->words, row->argument);
        return CONTROL_UNFINISHED;
    }
    if (wanted > 0 && !session_id_read(words->at[after], &command->session)) {
        text_format(why, "%s: an id of 26 characters is wanted, as \"show sess\" has them, found ",
                    row->words);
        put_word(why, words->at[after]);
        return CONTROL_BAD_ARGUMENT;
    }
    return CONTROL_SOUND;
}

static enum control_problem unknown(const struct words *words, size_t matched, struct text *why)
{
    struct names names = {.count = 0};
    char         word[WORD_BYTES_MAX + 1] = "";

    names_after(words, matched, &names);
    if (matched == words->count) {
        text_string(why, "after ");
        put_word(why, words->at[matched - 1]);
        text_string(why, " one of");
        for (size_t i = 0; i < names.count; i++) {
            text_format(why, "%s %s", i > 0 ? "," : "", names.at[i]);
        }
        text_string(why, " is wanted");
        return CONTROL_UNFINISHED;
    }
    struct bytes_const found = words->at[matched];

    if (found.len <= WORD_BYTES_MAX) {
        memcpy(word, found.data, found.len);
    }
    const char *near = word[0] != '\0' ? suggest(word, names.at, names.count) : NULL;

    text_string(why, "unknown command ");
    put_word(why, found);
    if (near != NULL) {
        text_format(why, ", did you mean \"%s\"?", near);
    } else {
        text_string(why, ", \"help\" lists them");
    }
    return CONTROL_UNKNOWN;
}

/* What could stand behind the first `matched` words. */
static void names_after(const struct words *words, size_t matched, struct names *names)
{
    for (int verb = 0; verb < CONTROL_VERBS; verb++) {
        const char *word = word_at(rows[verb].words, matched);

        if (match(rows[verb].words, words) >= matched && word != NULL) {
            names_add(names, word);
        }
    }
}

static const char *word_at(const char *row, size_t index)
{
    for (; index > 0 && row != NULL; index--) {
        const char *space = strchr(row, ' ');

        row = space != NULL ? space + 1 : NULL;
    }
    return row;
}

static void names_add(struct names *names, const char *word)
{
    size_t len = (size_t)(strchrnul(word, ' ') - word);

    require(names->count < NAMES_MAX && len < NAME_BYTES);
    for (size_t i = 0; i < names->count; i++) {
        if (strlen(names->at[i]) == len && memcmp(names->at[i], word, len) == 0) {
            return;
        }
    }
    char *name = names->memory[names->count];

    memcpy(name, word, len);
    name[len] = '\0';
    names->at[names->count++] = name;
}

/* In quotes; its first bytes stand for a long one. */
static void put_word(struct text *why, struct bytes_const word)
{
    bool is_long = word.len > WORD_BYTES_MAX;

    text_quoted(why, (struct bytes_const){word.data, is_long ? WORD_BYTES_MAX : word.len});
    text_string(why, is_long ? "..." : "");
}
