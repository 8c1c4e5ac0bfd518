/* The configuration of a simulated daemon, made by hand: no files, no parser. */
#ifndef SALLYPORT_TESTS_SIM_SETTING_H
#define SALLYPORT_TESTS_SIM_SETTING_H

#include "proxy/snapshot.h"

/* As many configurations a run, counted from 0. */
enum { SETTING_EDITIONS_MAX = 8 };

/* What a lane does with PROXY headers: by its number, so that every world has each kind. */
struct setting_proxy {
    int accept; /* enum config_accept_proxy */
    int send;   /* enum config_send_proxy */
};
struct setting_proxy setting_proxy(unsigned lane);
/* From now on lane 0 has both, in version 2: for worlds of one lane. */
void setting_proxy_first(bool has_both);

/* `lanes` frontends named "0", "1", ... at 127.0.0.1:4000 + n, each with a backend of one server.
 * This is edition 0. Lives until setting_fini. */
const struct snapshot *setting_init(unsigned lanes);
void                   setting_fini(void);

/* The next one: every server has moved to another address. */
const struct snapshot *setting_again(void);

/* The longest a session may live after the last byte moved. */
uint64_t setting_ends_within_ns(void);

struct address setting_frontend(unsigned lane);
struct address setting_backend(unsigned lane, unsigned edition);

#endif
