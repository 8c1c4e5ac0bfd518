/* A good configuration with bytes and words changed at random: an error or not, never a crash,
 * a leak or a wait. The sanitizers watch. */
#include "base/clock.h"
#include "loading.h"
#include "sheet.h"
#include "suites.h"

#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 4000, CHANGES_MAX = 6, TEXT_ROOM = 16384 };

static const uint64_t BUDGET_NS = 2 * NS_PER_S;

static const char *const words[] = {"\"",
                                    "(",
                                    ")",
                                    "{",
                                    "}",
                                    "[",
                                    "]",
                                    ";",
                                    ",",
                                    "=",
                                    ":",
                                    "/*",
                                    "*/",
                                    "//",
                                    "#",
                                    "\n",
                                    "\\",
                                    "@",
                                    "@include ",
                                    "\n@include \"/dev/null\"\n",
                                    "0",
                                    "-1",
                                    "1e400",
                                    "0x",
                                    "true",
                                    "name",
                                    "99999999999999999999L",
                                    "2147483648",
                                    "\\x00",
                                    "\\xff",
                                    "\xff",
                                    "\xc3",
                                    "frontends = ( ",
                                    "{ a = ",
                                    "((((((((((((((((",
                                    "\"never\"",
                                    "\"auto\"",
                                    "curves = \"x\";",
                                    "groups = \"x\";",
                                    "\x01",
                                    "\r",
                                    "1.5",
                                    "*"};

/* What the parser leaks by itself: a string it read right before a syntax error. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Replaces `cut` bytes at a place by a word. */
static void splice(char *text, size_t at, size_t cut, const char *word, size_t word_len)
{
    size_t len = strlen(text);

    cut = cut < len - at ? cut : len - at;
    if (len - cut + word_len < TEXT_ROOM) {
        memmove(text + at + word_len, text + at + cut, len - at - cut + 1);
        memcpy(text + at, word, word_len);
    }
}

static void change(char *text, uint64_t *seed)
{
    size_t      len = strlen(text);
    size_t      at = next_random(seed) % (len + 1);
    char        byte = (char)(1 + next_random(seed) % 255);
    const char *word = words[next_random(seed) % (sizeof(words) / sizeof(words[0]))];

    switch (next_random(seed) % 4) {
    case 0:
        splice(text, at, 1, &byte, 1);
        break;
    case 1:
        splice(text, at, next_random(seed) % 40, "", 0);
        break;
    case 2:
        splice(text, at, 0, word, strlen(word));
        break;
    default:
        splice(text, at, strcspn(text + at, " ;=(){}\n"), word, strlen(word));
        break;
    }
}

START_TEST(a_configuration_changed_at_random_loads_or_is_refused)
{
    struct sheet sheet = {.is_full = true};
    uint64_t     seed = UINT64_C(0x5a11b0a7);
    uint64_t     end_ns = clock_now_ns() + BUDGET_NS;
    unsigned     refused = 0;
    char         text[TEXT_ROOM];

    sheet_write(&sheet);
    for (int round = 0; round < ROUNDS_MAX && clock_now_ns() < end_ns; round++) {
        (void)snprintf(text, sizeof(text), "%s", sheet.text);
        for (uint64_t changes = 1 + next_random(&seed) % CHANGES_MAX; changes > 0; changes--) {
            change(text, &seed);
        }
        struct loaded loaded = load_text(text);

        if (loaded.config != NULL) {
            char          *dump = dump_of(loaded.config);
            struct config *again = config_load_text(dump, "dump", &loaded.report);

            ck_assert_msg(again != NULL, "round %d: %s", round, text);
            config_free(&again);
            free(dump);
        } else {
            refused++;
        }
        loaded_fini(&loaded);
    }
    ck_assert_uint_gt(refused, 0);
    sheet_fini(&sheet);
}
END_TEST

Suite *mutation_suite(void)
{
    return suite_of("mutation", (const TTest *const[]){
                                    a_configuration_changed_at_random_loads_or_is_refused, NULL});
}
