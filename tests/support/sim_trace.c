#include "sim_trace.h"

#include "base/clock.h"
#include "base/error.h"
#include "io/io_internal.h"

#include <arpa/inet.h>
#include <stdio.h>

static const uint64_t HASH_START = UINT64_C(0xcbf29ce484222325);
static const uint64_t HASH_FACTOR = UINT64_C(0x100000001b3);

static uint64_t hash_of(uint64_t hash, uint64_t number);
static void     tell(const struct sim_trace_event *event);

void sim_trace_init(struct sim_trace *trace)
{
    *trace = (struct sim_trace){.hash = HASH_START};
}

void sim_trace_note(struct sim_trace *trace, struct sim_trace_event event)
{
    trace->hash = hash_of(trace->hash, event.now_ns);
    trace->hash = hash_of(trace->hash, event.what);
    trace->hash = hash_of(trace->hash, event.which);
    trace->hash = hash_of(trace->hash, event.result);
    trace->kept[trace->count % SIM_TRACE_KEPT] = event;
    trace->count++;
}

void sim_trace_tell(const struct sim_trace *trace)
{
    uint64_t first = trace->count > SIM_TRACE_KEPT ? trace->count - SIM_TRACE_KEPT : 0;

    (void)fprintf(stderr, "the last of %llu events:\n", (unsigned long long)trace->count);
    for (uint64_t i = first; i < trace->count; i++) {
        tell(&trace->kept[i % SIM_TRACE_KEPT]);
    }
}

static void tell(const struct sim_trace_event *event)
{
    static const char *const words[] = {
        [IO_ACCEPT] = "accept", [IO_CONNECT] = "connect", [IO_RECV] = "receive",
        [IO_SEND] = "send",     [IO_POLL] = "poll",       [IO_CLOSE] = "close"};
    double             seconds = (double)event->now_ns / (double)NS_PER_S;
    unsigned long long result = event->result;
    unsigned           port = ntohs((uint16_t)event->which);

    if (event->what == SIM_TRACE_HANDSHAKE) {
        (void)fprintf(stderr, "%12.6f port %u is answered: %s\n", seconds, port,
                      error_kind_text((enum error_kind)result));
    } else if (event->what == SIM_TRACE_ACTOR) {
        (void)fprintf(stderr, "%12.6f port %u looks: %llu bytes\n", seconds, port, result);
    } else {
        (void)fprintf(stderr, "%12.6f %s on %llu: %llu, %s\n", seconds, words[event->what],
                      (unsigned long long)event->which, result / 16,
                      error_kind_text((enum error_kind)(result % 16)));
    }
}

static uint64_t hash_of(uint64_t hash, uint64_t number)
{
    for (int i = 0; i < 8; i++) {
        hash = (hash ^ (number & 0xff)) * HASH_FACTOR;
        number >>= 8;
    }
    return hash;
}
