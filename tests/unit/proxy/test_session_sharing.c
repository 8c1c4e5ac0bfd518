/* When a worker that computes offers its processor to others. */
#include "base/clock.h"
#include "stage.h"
#include "suites_sim.h"

#include <sched.h>

static struct stage_client client;
static unsigned            offers;

/* In place of the C library's. */
int sched_yield(void)
{
    offers++;
    return 0;
}

static void on_task(struct task *task)
{
    (void)task;
}

static void exchange(void)
{
    client_send(&client, MOCK_DATA, "question");
    stage_pass(NS_PER_MS);
    server_send(&stage.servers[0], "answer");
    stage_pass(NS_PER_MS);
}

/* What a piece of work, such as another's handshake, would lead to now. */
static unsigned offers_behind_work(void)
{
    struct task task = {.run = on_task};

    offers = 0;
    reactor_defer(stage.reactor, &task);
    stage_pass(NS_PER_MS);
    return offers;
}

START_TEST(the_processor_is_shared_while_someone_converses)
{
    client = (struct stage_client){0};
    stage_open(&(struct stage_options){0});
    stage_establish(&client);
    ck_assert_uint_eq(offers_behind_work(), 0);
    exchange(); /* one request: it has had its turn with the handshake */
    ck_assert_uint_eq(offers_behind_work(), 0);
    exchange();
    ck_assert_uint_eq(offers_behind_work(), 1);
    stage_pass(20 * NS_PER_MS);
    ck_assert_uint_eq(offers_behind_work(), 0);
    stage_close();
}
END_TEST

Suite *session_sharing_suite(void)
{
    return suite_of("session_sharing",
                    (const TTest *const[]){the_processor_is_shared_while_someone_converses, NULL});
}
