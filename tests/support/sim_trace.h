/* What happened on a net: a hash over all of it, and the last of it for people. */
#ifndef SALLYPORT_TESTS_SIM_TRACE_H
#define SALLYPORT_TESTS_SIM_TRACE_H

#include <stddef.h>
#include <stdint.h>

enum { SIM_TRACE_KEPT = 200 };

/* A number below these is an operation's kind (enum io_kind): `which` is its descriptor, `result`
 * sixteen times what moved, and the kind of error. */
enum sim_trace_kind {
    SIM_TRACE_HANDSHAKE = 'h', /* `which`: the caller's port; `result`: the kind of error */
    SIM_TRACE_ACTOR = 'a',     /* `which`: its port; `result`: bytes to be read */
};

struct sim_trace_event {
    uint64_t now_ns;
    uint64_t what;
    uint64_t which;
    uint64_t result;
};

struct sim_trace {
    uint64_t               hash;
    uint64_t               count; /* ever */
    struct sim_trace_event kept[SIM_TRACE_KEPT];
};

void sim_trace_init(struct sim_trace *trace);
void sim_trace_note(struct sim_trace *trace, struct sim_trace_event event);
/* The last SIM_TRACE_KEPT, on stderr, oldest first. */
void sim_trace_tell(const struct sim_trace *trace);

#endif
