#include "proxy/passphrase.h"

#include "base/clock.h"
#include "base/id_table.h"
#include "base/log.h"
#include "base/require.h"
#include "proxy/command.h"

#include <string.h>

enum { FILE_BYTES_MAX = 64 * 1024, COMPLAINTS_MAX = 16, COMPLAINT_BYTES = 512 };

static bool     ask(struct passphrase *passphrase, struct text *problem);
static bool     read_file(struct passphrase *passphrase, struct text *problem);
static bool     run_command(struct passphrase *passphrase, struct text *problem);
static uint64_t time_left_ns(const struct passphrase *passphrase);
static void     tell_complaints(const struct command_output *complaints);
static bool take_line(struct passphrase *passphrase, struct bytes_const text, struct text *problem);

void passphrase_init(struct passphrase *passphrase, const struct config_string *file,
                     const struct config_strings *command)
{
    *passphrase = (struct passphrase){.file = file, .command = command, .until_ns = CLOCK_NEVER};
}

void passphrase_wipe(struct passphrase *passphrase)
{
    if (passphrase->state == PASSPHRASE_THERE) {
        explicit_bzero(passphrase->bytes, sizeof(passphrase->bytes));
    }
    passphrase->len = 0;
    passphrase->state = PASSPHRASE_NOT_ASKED;
}

bool passphrase_is_given(const struct passphrase *passphrase)
{
    return passphrase->file->text[0] != '\0' || passphrase->command->count > 0;
}

uint64_t passphrase_place(const struct passphrase *passphrase)
{
    const struct config_string *file = passphrase->file;
    uint64_t                    place = 0;

    if (file->text[0] != '\0') {
        return id_of_bytes((struct bytes_const){(const uint8_t *)file->text, strlen(file->text)});
    }
    for (size_t i = 0; i < passphrase->command->count; i++) {
        const char *text = passphrase->command->items[i].text;

        place =
            place * 31 + id_of_bytes((struct bytes_const){(const uint8_t *)text, strlen(text) + 1});
    }
    return place;
}

bool passphrase_get(struct passphrase *passphrase, struct bytes_const *bytes, struct text *problem)
{
    struct text why;

    require(passphrase_is_given(passphrase));
    if (passphrase->state == PASSPHRASE_NOT_ASKED) {
        text_init(&why, passphrase->problem, sizeof(passphrase->problem));
        passphrase->state = ask(passphrase, &why) ? PASSPHRASE_THERE : PASSPHRASE_FAILED;
    }
    if (passphrase->state == PASSPHRASE_FAILED) {
        text_string(problem, passphrase->problem);
        return false;
    }
    *bytes = (struct bytes_const){passphrase->bytes, passphrase->len};
    return true;
}

static bool ask(struct passphrase *passphrase, struct text *problem)
{
    return passphrase->file->text[0] != '\0' ? read_file(passphrase, problem)
                                             : run_command(passphrase, problem);
}

static bool read_file(struct passphrase *passphrase, struct text *problem)
{
    const char     *path = passphrase->file->text;
    struct pem_file file;
    struct error    error;
    char            why[PASSPHRASE_PROBLEM_BYTES];

    if (!pem_file_read_long(&file, path, FILE_BYTES_MAX, &error)) {
        text_format(problem, "cannot read \"%s\": %s", path, error_text(&error, why, sizeof(why)));
        return false;
    }
    passphrase->identity = *pem_file_identity(&file);
    passphrase->is_settled = pem_file_is_settled(&file);
    passphrase->is_public = pem_file_is_public(&file);
    text_format(problem, "\"%s\": ", path);
    bool is_taken = take_line(passphrase, pem_file_bytes(&file), problem);

    pem_file_fini(&file);
    return is_taken;
}

static bool run_command(struct passphrase *passphrase, struct text *problem)
{
    const char    *arguments[COMMAND_ARGUMENTS_MAX + 1] = {NULL};
    struct command command = {.arguments = arguments, .within_ns = time_left_ns(passphrase)};
    size_t         count = passphrase->command->count;

    require(count <= COMMAND_ARGUMENTS_MAX);
    for (size_t i = 0; i < count; i++) {
        arguments[i] = passphrase->command->items[i].text;
    }
    text_string(problem, "key-passphrase-cmd: ");
    bool is_run = command_run(&command, problem);

    tell_complaints(&command.complaints);
    if (is_run) {
        text_format(problem, "\"%s\": ", arguments[0]);
        is_run = take_line(
            passphrase,
            (struct bytes_const){(const uint8_t *)command.output.bytes, command.output.len},
            problem);
    }
    /* It does not change by itself, as far as we can see. */
    passphrase->is_settled = true;
    command_wipe(&command);
    return is_run;
}

static uint64_t time_left_ns(const struct passphrase *passphrase)
{
    uint64_t now_ns = clock_now_ns();
    uint64_t left_ns = now_ns < passphrase->until_ns ? passphrase->until_ns - now_ns : 0;

    return left_ns < PASSPHRASE_SECONDS_MAX * NS_PER_S ? left_ns
                                                       : PASSPHRASE_SECONDS_MAX * NS_PER_S;
}

/* Its lines, each as one of ours, so that nothing in them can pass for another. */
static void tell_complaints(const struct command_output *complaints)
{
    const char *at = complaints->bytes;
    size_t      left = complaints->len;

    for (int i = 0; i < COMPLAINTS_MAX && left > 0; i++) {
        const char *end = memchr(at, '\n', left);
        size_t      len = end != NULL ? (size_t)(end - at) : left;
        char        memory[COMPLAINT_BYTES];
        struct text text;

        text_init(&text, memory, sizeof(memory));
        text_quoted(&text, (struct bytes_const){(const uint8_t *)at, len});
        log_warn("key-passphrase-cmd says %s", memory);
        at += end != NULL ? len + 1 : len;
        left -= end != NULL ? len + 1 : len;
    }
}

static bool take_line(struct passphrase *passphrase, struct bytes_const text, struct text *problem)
{
    const uint8_t *end = text.len > 0 ? memchr(text.data, '\n', text.len) : NULL;
    size_t         len = end != NULL ? (size_t)(end - text.data) : text.len;

    len -= len > 0 && text.data[len - 1] == '\r' ? 1 : 0;
    if (len == 0) {
        text_string(problem, "no passphrase in its first line");
        return false;
    }
    if (len > sizeof(passphrase->bytes)) {
        text_format(problem, "a passphrase has at most %zu bytes", sizeof(passphrase->bytes));
        return false;
    }
    memcpy(passphrase->bytes, text.data, len);
    passphrase->len = len;
    return true;
}
