/* What the access log calls a session: unique among all sessions of all daemons, and in the order
 * they were accepted. */
#ifndef SALLYPORT_PROXY_SESSION_ID_H
#define SALLYPORT_PROXY_SESSION_ID_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { SESSION_ID_BYTES = 27 }; /* as text, NUL included */

struct session_id {
    uint64_t time_us; /* wall clock at the accept */
    unsigned reactor;
    uint32_t number; /* of this reactor */
};

/* "01JQ7…": 26 characters of Crockford's base 32, which sort by time, then by reactor and number.
 */
void session_id_text(const struct session_id *id, char into[static SESSION_ID_BYTES]);

/* Reads what session_id_text wrote; false for anything else. */
bool session_id_read(struct bytes_const text, struct session_id *id);

bool session_id_is_equal(const struct session_id *one, const struct session_id *other);

#endif
