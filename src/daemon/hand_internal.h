/* What hand.c and hand_change.c share: a hand from inside. */
#ifndef SALLYPORT_DAEMON_HAND_INTERNAL_H
#define SALLYPORT_DAEMON_HAND_INTERNAL_H

#include "daemon/hand.h"
#include "proxy/access_log.h"
#include "proxy/worker.h"

enum { THREAD_NAME_BYTES = 16 };

/* Something to be done on the worker's thread. Its mail comes back as a receipt, and only then may
 * it be sent again. */
struct order {
    struct mail  mail;
    struct mail  receipt;
    struct hand *hand;
    void (*carry_out)(struct hand *hand); /* worker's thread */
    void (*returned)(struct hand *hand);  /* control thread; may be NULL */
    bool is_out;
};

/* Something to be done with one listening socket. */
struct wish {
    struct list_link link;
    struct mail      mail; /* the socket comes back */
    struct hand     *hand;
    enum hand_wish   kind;
    int              fd;
    size_t           frontend;
    bool             is_open; /* when it came back */
};

/* That a hand needs an edition. Goes to the worker's thread with it, and back when it no longer
 * does. */
struct hold {
    struct list_link link;
    struct mail      mail;
    struct hand     *hand;
    struct edition  *edition;
};

struct hand {
    struct list_link    link;
    struct hand_options options;
    struct reactor     *reactor;
    char                name[THREAD_NAME_BYTES];
    /* the control thread's */
    struct list     spare;       /* wishes reserved */
    struct list     wishes;      /* not yet sent */
    struct hold    *next;        /* of the edition that is being made ready, or is; or NULL */
    bool            is_adopting; /* the next change carries it */
    struct order    prepare;
    struct order    forget;
    struct order    change;
    struct order    drain;
    struct order    cut;
    struct order    keys;
    enum end_reason cut_reason;
    bool            is_draining;
    bool            owes_drain; /* once the change on its way has come back */
    uint64_t        turns;      /* when last asked */
    unsigned        still;      /* how often in a row there was no turn in between */
    /* the control thread's too: who answers ACME challenges */
    struct order           challenges;
    struct tls_challenges *challenges_wanted;
    struct tls_challenges *challenges_given;  /* the worker has them, or will with the order */
    struct tls_challenges *challenges_before; /* it may see them until the order is back */
    /* whose thread has the change */
    struct list  carried;
    struct hold *carried_hold;
    bool         is_prepared;
    bool         has_served; /* every socket it was given */
    /* the worker's thread's */
    struct worker    *worker;
    struct access_log access_log;
    struct hold      *hold;    /* of the present edition */
    struct list       old;     /* holds of earlier ones */
    struct list       leaving; /* wishes whose sockets have not come back */
    struct mail       empty;
    struct mail       stop;
    struct mail       retire; /* to the control thread, from itself */
    size_t            cut_count;
};

/* Carried out on the worker's thread; `returned` may be NULL. */
void hand_order_init(struct order *order, struct hand *hand, void (*carry_out)(struct hand *hand),
                     void (*returned)(struct hand *hand));
void hand_order_send(struct order *order);

/* NULL without memory. The edition is let go of with the hold. */
struct hold *hand_hold_new(struct hand *hand, struct edition *edition);
void         hand_hold_end(struct hold *hold);

/* On the worker's thread: in the format of the present edition. */
void hand_begin_access_log(struct hand *hand);

/* What hand_change.c keeps in a hand. */
void hand_change_init(struct hand *hand);
void hand_change_fini(struct hand *hand);

/* Sends the drain that is owed, unless a change is on its way. */
void hand_pay_drain(struct hand *hand);

#endif
