#include "loading.h"
#include "sheet.h"
#include "suites.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *manual_text;

static void write_manual(void)
{
    size_t bytes = 0;
    FILE  *into = open_memstream(&manual_text, &bytes);

    ck_assert_ptr_nonnull(into);
    config_manual(into);
    ck_assert_int_eq(fclose(into), 0);
}

/* A text as roff has it: hyphens escaped. */
static const char *escaped(const char *text)
{
    static char memory[1000];
    size_t      len = 0;

    for (; *text != '\0'; text++) {
        if (*text == '-') {
            memory[len++] = '\\';
        }
        memory[len++] = *text;
        ck_assert_uint_lt(len, sizeof(memory) - 1);
    }
    memory[len] = '\0';
    return memory;
}

static void visit_row(const struct schema_group *group, const struct schema_option *option)
{
    char  row[1100];
    char *at;

    (void)group;
    (void)snprintf(row, sizeof(row), ".TP\n.B %s\n", escaped(option->key));
    at = strstr(manual_text, row);
    ck_assert_msg(at != NULL, "%s", option->key);
    ck_assert_msg(strstr(manual_text, escaped(option->help)) != NULL, "%s", option->help);
}

START_TEST(each_option_is_listed_with_its_help)
{
    write_manual();
    sheet_walk(visit_row);
    free(manual_text);
}
END_TEST

START_TEST(bounds_choices_and_defaults_are_said)
{
    write_manual();
    ck_assert_ptr_nonnull(strstr(manual_text,
                                 "\nA whole number from 1 to 1024 or \"auto\". Default: "
                                 "auto.\n"));
    ck_assert_ptr_nonnull(strstr(manual_text, "\nA duration from 1ms to 1d. Default: 5s.\n"));
    ck_assert_ptr_nonnull(strstr(
        manual_text,
        "\nOne of modern|intermediate|old|modern\\-5.8|intermediate\\-5.8|old\\-5.8. Default: "
        "intermediate.\n"));
    ck_assert_ptr_nonnull(strstr(manual_text, ".SS In access\\-log\n"));
    ck_assert_ptr_nonnull(strstr(manual_text, ".SS In each of frontends\n"));
    free(manual_text);
}
END_TEST

START_TEST(no_line_begins_with_a_command_or_a_space_and_every_hyphen_is_escaped)
{
    write_manual();
    for (char *line = manual_text; *line != '\0'; line = strchr(line, '\n') + 1) {
        bool is_ours = strncmp(line, ".SS ", 4) == 0 || strncmp(line, ".TP\n", 4) == 0 ||
                       strncmp(line, ".B ", 3) == 0 || strncmp(line, ".br\n", 4) == 0;

        ck_assert_msg(is_ours || strchr(".' \n", *line) == NULL, "%.40s", line);
    }
    for (char *hyphen = manual_text; (hyphen = strchr(hyphen, '-')) != NULL; hyphen++) {
        ck_assert_int_eq(hyphen[-1], '\\');
    }
    free(manual_text);
}
END_TEST

/* What groff has to say of it; where there is no groff, nothing. */
START_TEST(groff_has_no_complaint)
{
    char said[200] = "";
    int  to[2], from[2];

    write_manual();
    ck_assert_int_eq(pipe(to), 0);
    ck_assert_int_eq(pipe(from), 0);
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        (void)dup2(to[0], STDIN_FILENO);
        (void)dup2(from[1], STDERR_FILENO);
        (void)close(to[1]);
        (void)close(from[0]);
        (void)execlp("groff", "groff", "-man", "-ww", "-z", "-Tascii", (char *)NULL);
        _exit(0);
    }
    (void)close(to[0]);
    (void)close(from[1]);
    FILE *into = fdopen(to[1], "w");

    ck_assert_ptr_nonnull(into);
    (void)fputs(".TH sallyport.conf 5 2026-01-01\n", into);
    (void)fputs(manual_text, into);
    (void)fclose(into);
    ck_assert_int_ge(read(from[0], said, sizeof(said) - 1), 0);
    ck_assert_str_eq(said, "");
    (void)close(from[0]);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    free(manual_text);
}
END_TEST

Suite *manual_suite(void)
{
    return suite_of("manual",
                    (const TTest *const[]){
                        each_option_is_listed_with_its_help, bounds_choices_and_defaults_are_said,
                        no_line_begins_with_a_command_or_a_space_and_every_hyphen_is_escaped,
                        groff_has_no_complaint, NULL});
}
