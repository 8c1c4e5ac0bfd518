#include "tls/glob.h"

#include <string.h>

static bool    matches_plainly(const char *pattern, size_t pattern_len, struct bytes_const name,
                               const struct glob_options *options);
static bool    matches_stars(const char *pattern, struct bytes_const name,
                             const struct glob_options *options);
static void    take_star(bool *reached, struct bytes_const name, bool is_double, char separator);
static void    take_byte(bool *reached, struct bytes_const name, uint8_t wanted,
                         const struct glob_options *options);
static uint8_t folded(uint8_t byte, const struct glob_options *options);

bool glob_matches(const char *pattern, struct bytes_const name, const struct glob_options *options)
{
    const char *star = strchr(pattern, '*');
    size_t      plain_len = star != NULL ? (size_t)(star - pattern) : strlen(pattern);

    if (name.len > GLOB_NAME_BYTES_MAX || name.len < plain_len ||
        !matches_plainly(pattern, plain_len, name, options)) {
        return false;
    }
    if (star == NULL) {
        return name.len == plain_len;
    }
    return matches_stars(star, (struct bytes_const){name.data + plain_len, name.len - plain_len},
                         options);
}

static bool matches_plainly(const char *pattern, size_t pattern_len, struct bytes_const name,
                            const struct glob_options *options)
{
    for (size_t i = 0; i < pattern_len; i++) {
        if (folded((uint8_t)pattern[i], options) != folded(name.data[i], options)) {
            return false;
        }
    }
    return true;
}

/* Keeps which beginnings of the name the pattern so far can stand for, so that no name, however it
 * was chosen, costs more than its length times that of the pattern. */
static bool matches_stars(const char *pattern, struct bytes_const name,
                          const struct glob_options *options)
{
    bool reached[GLOB_NAME_BYTES_MAX + 1] = {true}; /* by count of bytes */

    while (*pattern != '\0') {
        if (*pattern != '*') {
            take_byte(reached, name, (uint8_t)*pattern, options);
            pattern++;
            continue;
        }
        bool is_double = pattern[1] == '*';

        take_star(reached, name, is_double, options->separator);
        pattern += is_double ? 2 : 1;
    }
    return reached[name.len];
}

static void take_star(bool *reached, struct bytes_const name, bool is_double, char separator)
{
    bool was_reached = reached[0];
    bool is_within = false; /* the star may have begun before, and reach on */

    reached[0] = false;
    for (size_t i = 1; i <= name.len; i++) {
        bool is_end = !is_double && separator != '\0' && name.data[i - 1] == (uint8_t)separator;

        is_within = (is_within || was_reached) && !is_end;
        was_reached = reached[i];
        reached[i] = is_within;
    }
}

static void take_byte(bool *reached, struct bytes_const name, uint8_t wanted,
                      const struct glob_options *options)
{
    for (size_t i = name.len; i > 0; i--) {
        reached[i] = reached[i - 1] && folded(name.data[i - 1], options) == folded(wanted, options);
    }
    reached[0] = false;
}

static uint8_t folded(uint8_t byte, const struct glob_options *options)
{
    return options->ignores_case && byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
}
