/* Which ticket keys are in use now, and when others come: by time, or with a new configuration. */
#ifndef SALLYPORT_DAEMON_TICKET_CLOCK_H
#define SALLYPORT_DAEMON_TICKET_CLOCK_H

#include "proxy/ticket_source.h"
#include "reactor/reactor.h"

#include <stdbool.h>

struct ticket_clock {
    /* private */
    struct reactor        *control;
    struct timer           rotation;
    struct timer           retry; /* of telling the owner */
    struct ticket_source   source;
    struct tls_ticket_keys keys;
    uint64_t               known_ns[TLS_TICKET_KEYS_MAX]; /* since when each of them is known */
    /* Hands keys to every worker; false: not now, it is asked again soon. */
    bool (*tell)(void *owner, const struct tls_ticket_keys *keys);
    void *owner;
};

/* Makes the first keys. False when there is no randomness. */
__attribute__((warn_unused_result)) bool ticket_clock_init(struct ticket_clock        *clock,
                                                           const struct ticket_source *source);
const struct tls_ticket_keys            *ticket_clock_keys(const struct ticket_clock *clock);

/* How long the key in that place has been known here, used or not. */
uint64_t ticket_clock_age_ns(const struct ticket_clock *clock, unsigned place);
/* Where keys come from now. */
const struct ticket_source *ticket_clock_source(const struct ticket_clock *clock);

/* From now on the keys change, and `tell` hears of it, on the control reactor. */
void ticket_clock_start(struct ticket_clock *clock, struct reactor *control,
                        bool (*tell)(void *owner, const struct tls_ticket_keys *keys), void *owner);

/* What a new configuration says. Random keys go on as they are. */
void ticket_clock_change(struct ticket_clock *clock, const struct ticket_source *source);

/* Wipes the keys. Also of one that was never started. */
void ticket_clock_stop(struct ticket_clock *clock);

#endif
