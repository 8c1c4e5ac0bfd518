/*
 * The PROXY headers of one simulated session: what the client puts in front of its hello, and what
 * must come before the first byte at the server, once and whole (I12).
 */
#ifndef SALLYPORT_TESTS_SIM_HEADING_H
#define SALLYPORT_TESTS_SIM_HEADING_H

#include "base/bytes.h"
#include "plan.h"
#include "proxy/proxy_decoder.h"
#include "setting.h"

#include <stdbool.h>
#include <stdint.h>

enum { HEADING_BYTES = 128 };

struct heading {
    /* from the client */
    uint8_t             bytes[HEADING_BYTES];
    size_t              len; /* 0: it sends none */
    size_t              sent;
    bool                is_broken;
    struct proxy_header told; /* whom it names */
    /* at the server */
    bool                 is_due;
    struct proxy_decoder decoder;
    uint64_t             read; /* bytes of it */
};

/* For a lane of that kind and a session of that plan. `number` makes it unlike its neighbours. */
void heading_init(struct heading *heading, const struct setting_proxy *proxy, enum plan_header plan,
                  uint64_t number);

/* What the client still has to send of it. */
struct bytes_const heading_left(const struct heading *heading);

/* The server received: takes what is the header's from the front. NULL, or what is wrong with it.
 */
const char *heading_take(struct heading *heading, struct bytes_const *bytes,
                         const struct address *frontend);

/* NULL, or what is wrong with whom the daemon took the client for, once it shook hands. */
const char *heading_check_client(const struct heading *heading, const struct address *client);

#endif
