/* The only way into a reactor from another thread: many post, one takes, nobody waits. */
#ifndef SALLYPORT_REACTOR_MAILBOX_H
#define SALLYPORT_REACTOR_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>

struct mail;

/* Zeroed memory is an empty mailbox. */
struct mailbox {
    /* private */
    _Atomic(struct mail *) newest; /* a stack: posting is one compare-and-swap */
};

/* True when the mailbox was empty: its owner may be asleep and must be woken. */
bool mailbox_post(struct mailbox *mailbox, struct mail *mail);

/* Takes all there is, oldest first, linked through mail->next; NULL when there is none. */
struct mail *mailbox_take(struct mailbox *mailbox);

#endif
