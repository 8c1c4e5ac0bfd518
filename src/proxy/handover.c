#include "proxy/handover.h"

#include "base/require.h"
#include "proxy/worker_internal.h"

static void on_there(struct mail *mail, struct reactor *reactor);
static void on_turn(struct turnstile_place *turn);
static void on_back(struct mail *mail, struct reactor *reactor);

bool handover_begin(struct handover *handover, struct worker *worker,
                    struct generation_frontend *frontend, int fd)
{
    require(!handover->is_out);
    handover->there.deliver = on_there;
    handover->back.deliver = on_back;
    handover->turn.pass = on_turn;
    handover->from = worker;
    handover->frontend = frontend;
    handover->fd = fd;
    if (!seats_send(worker_seat(worker), &handover->there, &handover->to)) {
        return false;
    }
    /* Read by this thread alone, and the answer comes here by mail. */
    frontend->generation->users++;
    handover->is_out = true;
    return true;
}

/* On the receiver's thread, as the next one: eight begin in a turn, those of others included. */
static void on_there(struct mail *mail, struct reactor *reactor)
{
    struct handover *handover = container_of(mail, struct handover, there);

    (void)reactor;
    turnstile_enter(worker_turnstile(handover->to->owner), &handover->turn);
}

static void on_turn(struct turnstile_place *turn)
{
    struct handover *handover = container_of(turn, struct handover, turn);

    handover->is_taken = worker_take_over(handover->to->owner, handover->frontend, handover->fd);
    /* From here on it is the sender's, who may use it again at once. */
    reactor_post(worker_reactor(handover->from), &handover->back);
}

static void on_back(struct mail *mail, struct reactor *reactor)
{
    struct handover   *handover = container_of(mail, struct handover, back);
    struct generation *generation = handover->frontend->generation;
    struct worker     *worker = handover->from;

    (void)reactor;
    handover->is_out = false;
    if (handover->is_taken) {
        reactor_count(worker_reactor(worker), METRIC_CONNECTIONS_PASSED_ON, 1);
    }
    handover->over(handover, handover->is_taken);
    worker_leave_generation(worker, generation);
}
