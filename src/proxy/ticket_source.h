/* Where a configuration says that ticket keys come from, with the files read. */
#ifndef SALLYPORT_PROXY_TICKET_SOURCE_H
#define SALLYPORT_PROXY_TICKET_SOURCE_H

#include "config/config.h"
#include "tls/ticket_keys.h"

#include <stdbool.h>
#include <stdint.h>

struct ticket_source {
    enum ticket_source_kind {
        TICKETS_RANDOM,  /* made here, rotated by time */
        TICKETS_FILED,   /* as the files have them, until they are read again */
        TICKETS_DERIVED, /* from secrets and the clock */
    } kind;
    uint64_t                  period_s; /* of rotation; TICKETS_FILED: no meaning */
    struct tls_ticket_keys    filed;
    struct tls_ticket_secrets secrets;
};

/* Reads the files; what is wrong goes to the report, with file:line, and then what the same
 * configuration had before (`previous`, or NULL) stays. Wiped by ticket_source_wipe. */
void ticket_source_read(struct ticket_source *source, const struct config *config,
                        const struct ticket_source *previous, struct config_report *report);
void ticket_source_wipe(struct ticket_source *source);

/* The same keys at any time. */
bool ticket_source_is_equal(const struct ticket_source *one, const struct ticket_source *other);

/* The keys to use at a time, in seconds since the epoch; for TICKETS_RANDOM the given ones stay.
 * False when OpenSSL fails. */
__attribute__((warn_unused_result)) bool ticket_source_keys(const struct ticket_source *source,
                                                            uint64_t                    unix_s,
                                                            struct tls_ticket_keys     *keys);

#endif
