/* A session as a row of an answer. */
#ifndef SALLYPORT_DAEMON_CONTROL_ROWS_H
#define SALLYPORT_DAEMON_CONTROL_ROWS_H

#include "daemon/control_answer.h"
#include "proxy/session_list.h"

void control_row_put(struct control_answer *answer, const struct session_row *row);

#endif
