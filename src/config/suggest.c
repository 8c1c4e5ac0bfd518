/* "Did you mean": the nearest word by edit distance. */
#include "config/schema.h"

#include <string.h>

enum { WORD_MAX = 64 };

static size_t distance(const char *one, const char *other);
static size_t least(size_t one, size_t other);

const char *suggest(const char *word, const char *const *names, size_t count)
{
    size_t      limit = strlen(word) / 3 + 1;
    const char *nearest = NULL;

    for (size_t i = 0; i < count; i++) {
        size_t away = distance(word, names[i]);
        bool   has_something_in_common = away < strlen(word) || away < strlen(names[i]);

        if (away <= limit && has_something_in_common) {
            limit = away > 0 ? away - 1 : 0;
            nearest = names[i];
        }
    }
    return nearest;
}

/* Levenshtein's, a row at a time. Words too long to be a slip of the pen are far from anything. */
static size_t distance(const char *one, const char *other)
{
    size_t row[WORD_MAX + 1];
    size_t one_len = strlen(one);
    size_t other_len = strlen(other);

    if (one_len > WORD_MAX || other_len > WORD_MAX) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= other_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= one_len; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= other_len; j++) {
            size_t above = row[j];
            size_t changed = diagonal + (one[i - 1] == other[j - 1] ? 0 : 1);

            row[j] = least(changed, least(above, row[j - 1]) + 1);
            diagonal = above;
        }
    }
    return row[other_len];
}

static size_t least(size_t one, size_t other)
{
    return one < other ? one : other;
}
