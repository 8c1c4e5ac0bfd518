/* Why a session ended: a closed list, rows of end_reason.def. */
#ifndef SALLYPORT_PROXY_END_REASON_H
#define SALLYPORT_PROXY_END_REASON_H

enum end_reason {
    END_NONE, /* it has not ended yet */
#define REASON(name, word, ts) END_##name,
#include "proxy/end_reason.def"
#undef REASON
    END_REASONS_COUNT
};

/* "client_close"; static. */
const char *end_reason_word(enum end_reason reason);

/* HAProxy's termination state, two letters; static. */
const char *end_reason_ts(enum end_reason reason);

#endif
