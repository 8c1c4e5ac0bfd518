/*
 * Room daemon: how an operator runs it.
 *
 * Does: arguments, sockets, privileges, the log's targets, the service manager; and the control
 * thread, which starts the workers, hears signals, drains and stops (`supervisor`).
 * Does not: touch a connection.
 * Called by: main.
 * Law: what can fail fails before the first client is accepted, with a message and an exit code of
 * exit_code.h.
 */
#ifndef SALLYPORT_DAEMON_SUPERVISOR_H
#define SALLYPORT_DAEMON_SUPERVISOR_H

#include "daemon/control_socket.h"
#include "daemon/exit_code.h"
#include "daemon/listening.h"
#include "proxy/snapshot.h"
#include "tls/challenges.h"

struct supervisor_options {
    struct snapshot  *snapshot; /* taken over, as the next one */
    struct listening *listening;
    /* Taken over as well; without descriptor when there is none. */
    struct control_socket *control_socket;
    /* Where the certificates of all snapshots are. */
    const struct certificate_store *store;
    unsigned                        workers;
    unsigned                        descriptors; /* this process may have open */
    /* Reads the configuration anew and says what is wrong; NULL when it cannot be used. */
    struct snapshot *(*reload)(void *owner);
    /* Reads the certificates of the present configuration anew. NULL: they are the same, or cannot
     * be used, which was said. */
    struct snapshot *(*renew)(void *owner, const struct snapshot *present);
    /* Reads the ACME challenges of a configuration, and says what is wrong. NULL: no memory. */
    struct tls_challenges *(*challenges)(void *owner, const struct config *config);
    void *owner;
};

/* Runs until a signal has ended it. The calling thread becomes the control reactor's; signals are
 * blocked (signals_block) and the log is started. */
enum exit_code supervisor_run(const struct supervisor_options *options);

#endif
