/*
 * One client and one server with a daemon's frontend between them: sessions run through a lane one
 * after another, each by a plan, and are checked when they are over. Several lanes run at once, so
 * that sessions share a worker; each has a frontend and a backend of its own, so that both ends
 * know whom they should be talking to.
 */
#ifndef SALLYPORT_TESTS_SIM_LANE_H
#define SALLYPORT_TESTS_SIM_LANE_H

#include "codec.h"
#include "driver_sim.h"
#include "heading.h"
#include "plan.h"
#include "proxy/summary.h"
#include "random.h"
#include "setting.h"
#include "stream.h"

#include <stdbool.h>
#include <stdint.h>

struct lane;

/* One end of a session: paces what it sends and reads by its plan. */
struct party {
    struct sim_actor       actor;
    struct sim_event       timer; /* the end of a pause */
    struct lane           *lane;
    const struct plan_end *plan;
    struct stream         *out;
    struct stream         *in;
    uint64_t               wire_sent;
    uint64_t               wire_read;
    size_t                 untaken; /* of what it sent, when it was last looked at */
    bool                   is_pausing;
    bool is_resolved;  /* of those who hesitate: the pause before the act is over */
    bool has_said_all; /* the clean end's last byte was handed to the network */
    bool has_ended;    /* FIN, of whatever kind */
    bool has_aborted;  /* reset, truncated or silent by plan */
    bool has_seen_end; /* the other side's FIN */
    bool has_seen_reset;
    bool has_left_fin_first; /* closed when its FIN was on the way: RST can only follow that */
    bool is_client;
};

/* Where the server is in one edition of the configuration. */
struct lane_backend {
    struct sim_service service;
    struct address     address;
    struct lane       *lane;
};

struct lane_options {
    struct sim_net      *net;
    struct address       frontend;
    struct address       backend; /* in the first edition */
    struct setting_proxy proxy;
    uint64_t    ends_within_ns; /* the longest a session may outlive the last sign of life */
    const bool *is_benign;      /* the network breaks nothing now: honest plans must succeed */
    /* Of those who hesitate: settles what comes next, by changing the plan. May be NULL. */
    void (*decide)(struct lane *lane, struct party *party);
    const struct plan *plan; /* NULL: drawn */
};

struct lane {
    struct lane_options options;
    struct lane_backend backends[SETTING_EDITIONS_MAX];
    unsigned            backends_count;
    unsigned            dialled_in; /* the edition when the client dialled */
    struct sim_event    settle;     /* looks at the outcome once nothing is on the way any more */
    struct random       plans;      /* drawn from for each session, the same whatever happens */
    struct random       random;     /* drawn from on the way */
    struct plan         plan;
    struct codec       *codec;
    struct party        client;
    struct party        server;
    struct heading      heading;
    struct stream       upload;
    struct stream       download;
    uint64_t            last_sign_ns;
    uint64_t            sessions_left;
    uint64_t            sessions_done;
    uint64_t            honest;    /* a hash over what became of the honest sessions */
    bool                is_benign; /* the network was benign when the session began */
    const char         *violation; /* the first law that was broken, or NULL */
    /* the daemon's word */
    bool            is_reported;
    enum end_reason reason;
    uint64_t        bytes_in;
    uint64_t        bytes_out;
};

/* Runs `sessions` sessions; lane_is_done says when. */
void lane_start(struct lane *lane, const struct lane_options *options, uint64_t seed,
                uint64_t sessions);
bool lane_is_done(const struct lane *lane);

/* A new edition of the configuration is in force, with the server at that address. */
void lane_reload(struct lane *lane, const struct address *backend);

/* The daemon reports the session of this lane's frontend. */
void lane_report(struct lane *lane, const struct session_summary *summary);

/* Tells one report, on stderr. */
void lane_tell_report(const struct session_summary *summary, uint64_t now_ns);

/* Tells the present session's plan and how far it came, on stderr: for a violation. */
void lane_tell(const struct lane *lane);

/* Stops where it is. */
void lane_stop(struct lane *lane);

#endif
