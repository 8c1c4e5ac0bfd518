#include "script.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

enum { STEPS_LEAST = 3, STEPS_MORE = 10, HURRIED_MAX = 3 };

static const char *const verbs[] = {
    [DOES_NOTHING] = "does nothing",
    [RECEIVES] = "receives",
    [SENDS] = "sends",
    [POLLS] = "polls",
    [CANCELS] = "cancels",
    [ENDS_SENDING] = "ends sending",
    [ENDS_BOTH] = "ends both",
    [CLOSES] = "closes",
    [RESETS] = "resets",
};

static uint64_t         draw(uint64_t *chance, uint64_t below);
static enum script_verb draw_verb(uint64_t *chance);
static enum script_pace draw_pace(uint64_t *chance, unsigned *hurried);
static void             add(struct script *script, struct step step);

void script_draw(struct script *script, uint64_t seed)
{
    uint64_t chance = seed;
    size_t   count = STEPS_LEAST + (size_t)draw(&chance, STEPS_MORE);
    unsigned hurried = 0;

    memset(script, 0, sizeof(*script));
    for (size_t i = 0; i < count; i++) {
        add(script, (struct step){.end = draw(&chance, ENDS) == 0 ? CLIENT : SERVER,
                                  .verb = draw_verb(&chance),
                                  .bytes = 1 + (unsigned)draw(&chance, SCRIPT_SEND_MAX),
                                  .pace = draw_pace(&chance, &hurried)});
    }
    script->steps[script->count - 1].pace = UNTIL_QUIET;
    for (int round = 0; round < 2; round++) {
        for (enum script_end end = CLIENT; end < ENDS; end++) {
            add(script, (struct step){.end = end, .verb = RECEIVES});
            add(script, (struct step){.end = end, .verb = SENDS, .bytes = 1});
            add(script, (struct step){.end = end, .verb = RECEIVES});
        }
    }
}

void script_copy(struct script *script, const struct step *steps)
{
    memset(script, 0, sizeof(*script));
    for (size_t i = 0; steps[i].verb != DOES_NOTHING; i++) {
        add(script, steps[i]);
    }
}

void script_tell(const struct script *script, const struct history *history, char *text,
                 size_t text_bytes)
{
    static const char *const paces[] = {"", ", one turn", ", at once"};
    size_t                   used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < script->count && used < text_bytes; i++) {
        const struct step *step = &script->steps[i];
        char               outcome[100];
        char               bytes[20] = "";

        if (step->verb == SENDS) {
            (void)snprintf(bytes, sizeof(bytes), " %u", step->bytes);
        }
        (void)snprintf(text + used, text_bytes - used, "%2zu %s %s%s%s: %s\n", i,
                       step->end == CLIENT ? "client" : "server", verbs[step->verb], bytes,
                       paces[step->pace],
                       outcomes_text(history != NULL ? history->outcomes[i] : step->legal, outcome,
                                     sizeof(outcome)));
        used += strlen(text + used);
    }
}

const char *outcomes_text(unsigned outcomes, char *text, size_t text_bytes)
{
    static const char *const names[OUTCOMES_COUNT] = {
        "waits",     "bytes",   "end",       "well",        "reset", "broken",
        "cancelled", "refused", "exhausted", "unsupported", "other"};
    size_t used = 0;

    (void)snprintf(text, text_bytes, "-");
    for (size_t i = 0; i < OUTCOMES_COUNT && used < text_bytes; i++) {
        if ((outcomes >> i & 1) != 0) {
            (void)snprintf(text + used, text_bytes - used, "%s%s", used > 0 ? " or " : "",
                           names[i]);
            used += strlen(text + used);
        }
    }
    return text;
}

static uint64_t draw(uint64_t *chance, uint64_t below)
{
    *chance += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t number = *chance;

    number = (number ^ (number >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ (number >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (number ^ (number >> 31)) % below;
}

/* Many receives and sends, so that endings meet something. */
static enum script_verb draw_verb(uint64_t *chance)
{
    static const enum script_verb often[] = {
        RECEIVES, RECEIVES, RECEIVES, RECEIVES,     RECEIVES,     SENDS,     SENDS,
        SENDS,    SENDS,    SENDS,    POLLS,        CANCELS,      CANCELS,   ENDS_SENDING,
        CLOSES,   CLOSES,   RESETS,   ENDS_SENDING, ENDS_SENDING, ENDS_BOTH,
    };

    return often[draw(chance, sizeof(often) / sizeof(often[0]))];
}

/* Steps in a hurry multiply what may have happened: not too many in a row. */
static enum script_pace draw_pace(uint64_t *chance, unsigned *hurried)
{
    static const enum script_pace paces[] = {UNTIL_QUIET, UNTIL_QUIET, ONE_TURN, AT_ONCE};
    enum script_pace              pace = paces[draw(chance, sizeof(paces) / sizeof(paces[0]))];

    *hurried = pace == UNTIL_QUIET || *hurried == HURRIED_MAX ? 0 : *hurried + 1;
    return *hurried == 0 ? UNTIL_QUIET : pace;
}

static void add(struct script *script, struct step step)
{
    ck_assert_uint_lt(script->count, SCRIPT_STEPS_MAX);
    script->steps[script->count++] = step;
}
