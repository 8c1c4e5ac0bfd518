#include "base/state.h"

#include "suites.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { ON, OFF, BROKEN, STATES };

static const char *const names[] = {"ON", "OFF", "BROKEN"};
static const uint32_t    moves[] = {
       [ON] = STATE_BIT(OFF) | STATE_BIT(BROKEN), [OFF] = STATE_BIT(ON), [BROKEN] = 0};
static const struct state_table lamp = {
    .machine = "lamp", .names = names, .next = moves, .count = STATES};

static sigjmp_buf out_of_abort;

static void on_abort(int number)
{
    (void)number;
    siglongjmp(out_of_abort, 1);
}

static const char *trail_of(const struct state *state, char *memory, size_t memory_bytes)
{
    struct text text;

    text_init(&text, memory, memory_bytes);
    state_trail(state, &text);
    return text_chars(&text);
}

/* What stands on stderr, when the move aborts; "" when it does not. */
static void abort_text(struct state *state, unsigned to, char *text, size_t text_bytes)
{
    int pipe_fds[2], saved = dup(STDERR_FILENO);

    ck_assert_int_eq(pipe(pipe_fds), 0);
    ck_assert_int_ge(dup2(pipe_fds[1], STDERR_FILENO), 0);
    void (*before)(int) = signal(SIGABRT, on_abort);

    if (sigsetjmp(out_of_abort, 1) == 0) {
        state_move(state, to);
    }
    (void)signal(SIGABRT, before);
    ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
    (void)close(saved);
    (void)close(pipe_fds[1]);
    memset(text, 0, text_bytes);
    ck_assert_int_ge(read(pipe_fds[0], text, text_bytes - 1), 0);
    (void)close(pipe_fds[0]);
}

START_TEST(a_move_that_the_table_allows_is_made)
{
    struct state state;

    state_init(&state, &lamp, ON);
    ck_assert_str_eq(state_name(&state), "ON");
    ck_assert(state_may_move(&state, OFF));
    ck_assert(!state_may_move(&state, ON));
    state_move(&state, OFF);
    ck_assert_uint_eq(state_now(&state), OFF);
    ck_assert_str_eq(state_name(&state), "OFF");
}
END_TEST

START_TEST(the_trail_keeps_the_last_eight_moves)
{
    struct state state;
    char         memory[100];

    state_init(&state, &lamp, ON);
    ck_assert_str_eq(trail_of(&state, memory, sizeof(memory)), "ON");
    for (unsigned i = 0; i < 9; i++) {
        state_move(&state, i % 2 == 0 ? OFF : ON);
    }
    ck_assert_str_eq(trail_of(&state, memory, sizeof(memory)), "OFF>ON>OFF>ON>OFF>ON>OFF>ON>OFF");
}
END_TEST

START_TEST(another_move_aborts_and_tells_where_it_came_from)
{
    struct state state;
    char         text[500];

    state_init(&state, &lamp, ON);
    state_move(&state, BROKEN);
    abort_text(&state, ON, text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "sallyport: lamp may not move ON>BROKEN>ON\n"));
    ck_assert_ptr_nonnull(strstr(text, "broken requirement: "));
    ck_assert_ptr_nonnull(strstr(text, "state.c:"));
    ck_assert_uint_eq(state_now(&state), BROKEN);
}
END_TEST

Suite *state_suite(void)
{
    return suite_of("state",
                    (const TTest *const[]){a_move_that_the_table_allows_is_made,
                                           the_trail_keeps_the_last_eight_moves,
                                           another_move_aborts_and_tells_where_it_came_from, NULL});
}
