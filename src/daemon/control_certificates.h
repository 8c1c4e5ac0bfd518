/* The certificates in use, for the control socket. */
#ifndef SALLYPORT_DAEMON_CONTROL_CERTIFICATES_H
#define SALLYPORT_DAEMON_CONTROL_CERTIFICATES_H

#include "daemon/control_answer.h"
#include "proxy/certificate_store.h"
#include "proxy/snapshot.h"

/* Those of each frontend, with the file the store has them from; and how many files could not be
 * used. */
void control_certificates_show(struct control_answer *answer, const struct snapshot *snapshot,
                               const struct certificate_store *store);

#endif
