#include "reactor/seats.h"

#include "base/require.h"

#include <stddef.h>

/* Loads that differ by less than an eighth are alike: many short connections even out by chance. */
enum { SLACK_PART = 8 };

static bool         has_too_much(struct seat *seat);
static int64_t      load_of(struct seat *seat);
static struct seat *least_of(const struct seats *seats);

void seats_init(struct seats *seats)
{
    (void)pthread_mutex_init(&seats->lock, NULL);
    list_init(&seats->open);
    atomic_init(&seats->count, 0);
    atomic_init(&seats->load, 0);
}

void seats_fini(struct seats *seats)
{
    require(list_is_empty(&seats->open));
    (void)pthread_mutex_destroy(&seats->lock);
}

void seat_open(struct seat *seat, struct seats *seats, struct reactor *reactor)
{
    require(!seat->is_open);
    seat->seats = seats;
    seat->reactor = reactor;
    seat->is_open = true;
    atomic_store_explicit(&seat->load, 0, memory_order_relaxed);
    (void)pthread_mutex_lock(&seats->lock);
    list_append(&seats->open, &seat->link);
    (void)pthread_mutex_unlock(&seats->lock);
    (void)atomic_fetch_add_explicit(&seats->count, 1, memory_order_relaxed);
}

void seat_close(struct seat *seat)
{
    struct seats *seats = seat->seats;

    if (!seat->is_open) {
        return;
    }
    (void)pthread_mutex_lock(&seats->lock);
    list_remove(&seat->link);
    (void)pthread_mutex_unlock(&seats->lock);
    (void)atomic_fetch_sub_explicit(&seats->count, 1, memory_order_relaxed);
    (void)atomic_fetch_sub_explicit(&seats->load,
                                    atomic_load_explicit(&seat->load, memory_order_relaxed),
                                    memory_order_relaxed);
    seat->is_open = false;
}

void seat_load(struct seat *seat, int by)
{
    if (seat->is_open) {
        (void)atomic_fetch_add_explicit(&seat->load, by, memory_order_relaxed);
        (void)atomic_fetch_add_explicit(&seat->seats->load, by, memory_order_relaxed);
    }
}

bool seats_send(struct seat *from, struct mail *mail, struct seat **to)
{
    struct seats *seats = from->seats;
    struct seat  *least = NULL;
    bool          is_better = false;

    if (!from->is_open || !has_too_much(from)) {
        return false;
    }
    /* The lock is held while posting: a seat that is closed is sent nothing. */
    (void)pthread_mutex_lock(&seats->lock);
    least = least_of(seats);
    is_better = load_of(least) < load_of(from);
    if (is_better) {
        (void)atomic_fetch_add_explicit(&least->coming, 1, memory_order_relaxed);
        *to = least;
        reactor_post(least->reactor, mail);
    }
    (void)pthread_mutex_unlock(&seats->lock);
    return is_better;
}

void seat_arrived(struct seat *seat)
{
    require(atomic_fetch_sub_explicit(&seat->coming, 1, memory_order_relaxed) > 0);
}

bool seat_is_expecting(const struct seat *seat)
{
    return atomic_load_explicit(&seat->coming, memory_order_relaxed) > 0;
}

/* What others do in the meantime may make this wrong, by little and for a moment. */
static bool has_too_much(struct seat *seat)
{
    int64_t count = atomic_load_explicit(&seat->seats->count, memory_order_relaxed);
    int64_t all = atomic_load_explicit(&seat->seats->load, memory_order_relaxed);
    int64_t own = atomic_load_explicit(&seat->load, memory_order_relaxed);

    return count > 1 && own * count > all + all / SLACK_PART;
}

/* What is on its way counts, or many would send to the same one at a time. */
static int64_t load_of(struct seat *seat)
{
    return atomic_load_explicit(&seat->load, memory_order_relaxed) +
           (int64_t)atomic_load_explicit(&seat->coming, memory_order_relaxed);
}

/* Under the lock. */
static struct seat *least_of(const struct seats *seats)
{
    struct seat *least = NULL;

    for (struct list_link *link = list_first(&seats->open); link != NULL;
         link = list_after(&seats->open, link)) {
        struct seat *seat = container_of(link, struct seat, link);

        if (least == NULL || load_of(seat) < load_of(least)) {
            least = seat;
        }
    }
    return least;
}
