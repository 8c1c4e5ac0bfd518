#include "choices.h"

#include "base/require.h"

#include <stdio.h>
#include <stdlib.h>

enum { CAPACITY_FIRST = 256, ALTERNATIVES_MAX = 1024 };

static void append(struct choices *choices, struct choice choice);

void choices_fini(struct choices *choices)
{
    free(choices->list);
    *choices = (struct choices){0};
}

void choices_begin(struct choices *choices)
{
    choices->at = 0;
    choices->has_diverged = false;
}

bool choices_is_new(const struct choices *choices)
{
    return choices->at >= choices->count;
}

void choices_clear(struct choices *choices)
{
    choices->count = 0;
}

void choices_prefer(struct choices *choices, unsigned taken, unsigned count)
{
    require(taken < count);
    if (choices_is_new(choices)) {
        append(choices, (struct choice){.taken = (uint16_t)taken, .count = (uint16_t)count});
    }
}

unsigned choices_take(struct choices *choices, unsigned count)
{
    require(count > 0 && count <= ALTERNATIVES_MAX);
    if (choices_is_new(choices)) {
        append(choices, (struct choice){.taken = 0, .count = (uint16_t)count});
    }
    struct choice *choice = &choices->list[choices->at];

    choices->at++;
    if (choice->count == 0) {
        choice->count = (uint16_t)count; /* of a list that was read */
    }
    if (choice->count != count || choice->taken >= count) {
        choices->has_diverged = true;
        return 0;
    }
    return choice->taken;
}

bool choices_next(struct choices *choices)
{
    choices->count = choices->at < choices->count ? choices->at : choices->count;
    while (choices->count > 0) {
        struct choice *last = &choices->list[choices->count - 1];

        if (last->taken + 1 < last->count) {
            last->taken++;
            return true;
        }
        choices->count--;
    }
    return false;
}

bool choices_read(struct choices *choices, const char *text)
{
    while (*text != '\0') {
        char         *end = NULL;
        unsigned long taken = strtoul(text, &end, 10);

        if (end == text || taken >= ALTERNATIVES_MAX || (*end != ',' && *end != '\0')) {
            return false;
        }
        append(choices, (struct choice){.taken = (uint16_t)taken});
        text = *end == ',' ? end + 1 : end;
    }
    return true;
}

/* The zeros at the end go without saying. */
void choices_tell(const struct choices *choices)
{
    size_t count = choices->at < choices->count ? choices->at : choices->count;

    while (count > 1 && choices->list[count - 1].taken == 0) {
        count--;
    }
    for (size_t i = 0; i < count; i++) {
        (void)printf(i == 0 ? "%u" : ",%u", choices->list[i].taken);
    }
    (void)printf(count == 0 ? "0\n" : "\n");
}

static void append(struct choices *choices, struct choice choice)
{
    if (choices->count == choices->capacity) {
        choices->capacity = choices->capacity == 0 ? CAPACITY_FIRST : choices->capacity * 2;
        choices->list = realloc(choices->list, choices->capacity * sizeof(*choices->list));
        require(choices->list != NULL);
    }
    choices->list[choices->count++] = choice;
}
