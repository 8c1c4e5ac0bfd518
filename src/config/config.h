/*
 * Room config: a text file becomes data.
 *
 * Does: reads the configuration (libconfig syntax, @include) through one table of options
 * (options.def), checks types, bounds, unknown keys and rules across fields, and says what is
 * wrong with file:line. Dumps what it read, defaults filled in, and lists its options for the man
 * page.
 * Does not: open addresses, certificates or sockets. proxy/snapshot does, and reports into the
 * same report.
 * Called by: proxy/snapshot, daemon.
 * Law: a configuration is complete and never changes once config_load returned it.
 */
#ifndef SALLYPORT_CONFIG_CONFIG_H
#define SALLYPORT_CONFIG_CONFIG_H

#include "config/certificate.h"
#include "config/clients.h"
#include "config/control.h"
#include "config/policy.h"
#include "config/proxy.h"
#include "config/report.h"
#include "config/strings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum config_io { CONFIG_IO_AUTO, CONFIG_IO_URING, CONFIG_IO_EPOLL, CONFIG_IO_KQUEUE };
enum config_balance { CONFIG_BALANCE_ROUNDROBIN, CONFIG_BALANCE_FIRST };
enum config_strict_sni { CONFIG_STRICT_NEVER, CONFIG_STRICT_NAMES, CONFIG_STRICT_REQUIRE };
enum config_truncation { CONFIG_TRUNCATION_RESET, CONFIG_TRUNCATION_FIN };
enum config_log_target { CONFIG_LOG_STDERR, CONFIG_LOG_STDOUT, CONFIG_LOG_SYSLOG, CONFIG_LOG_FILE };
enum config_log_level {
    CONFIG_LEVEL_ERROR,
    CONFIG_LEVEL_WARN,
    CONFIG_LEVEL_INFO,
    CONFIG_LEVEL_DEBUG
};
enum config_log_format { CONFIG_FORMAT_TEXT, CONFIG_FORMAT_JSON, CONFIG_FORMAT_OFF };

/* All in nanoseconds. 0 means "no limit" where options.def says so (lifetime, shutdown not). */
struct config_timeouts {
    struct config_place at;
    uint64_t            hello_ns;
    uint64_t            handshake_ns;
    uint64_t            connect_ns;
    uint64_t            idle_ns;
    uint64_t            half_closed_ns;
    uint64_t            shutdown_ns;
    uint64_t            lifetime_ns; /* 0: none */
};

struct config_route {
    struct config_place   at;
    struct config_strings sni;
    struct config_string  backend;
    struct config_policy  policy;                /* of its choices, enum config_route_choice */
    int                   prefer_server_ciphers; /* enum config_route_choice; not in `policy` */
    struct config_clients clients;
};

struct config_frontend {
    struct config_place   at;
    struct config_string  name;
    struct config_strings listen;
    struct config_strings pem_file;  /* a string or a list; the first is the default certificate */
    struct config_strings cert;      /* cert[i] belongs to key[i] and chain[i] */
    struct config_strings key;       /* none: each in its cert, or beside it */
    struct config_strings chain;     /* none: each in its cert */
    struct config_strings ocsp_file; /* of pem_file, then of cert, in that order */
    struct config_strings pem_dir;
    struct config_string  pem_dir_glob;
    struct config_policy  policy;
    int                   strict_sni; /* enum config_strict_sni */
    unsigned              tickets;
    struct config_string  acme_dir; /* "": no challenges are answered */
    struct config_clients clients;
    unsigned              verify_depth;
    bool                  client_ca_names;
    int                   crl_check;       /* enum config_crl_check */
    int                   crl_missing;     /* enum config_trouble */
    int                   crl_expired;     /* enum config_trouble */
    int                   truncation;      /* enum config_truncation */
    unsigned              max_connections; /* 0: only the global limit */
    unsigned              backlog;
    int                   accept_proxy; /* enum config_accept_proxy */
    struct config_strings accept_proxy_from;
    struct config_string  backend;
    struct config_route  *routes;
    size_t                routes_count;

    struct config_certificate *certificates;
    size_t                     certificates_count;
    struct config_string       key_passphrase_file; /* at most one of these two is given */
    struct config_strings      key_passphrase_cmd;  /* a program and its arguments */
};

struct config_server {
    struct config_place  at;
    struct config_string address; /* "127.0.0.1:80", "unix:/path", "builtin:hello|echo" */
    unsigned             weight;
    bool                 backup;
};

struct config_backend {
    struct config_place   at;
    struct config_string  name;
    int                   balance;    /* enum config_balance */
    unsigned              retries;    /* further attempts on other servers */
    int                   send_proxy; /* enum config_send_proxy */
    struct config_strings proxy_v2_options;
    unsigned              proxy_options; /* the same as bits, enum config_proxy_option */
    struct config_server *servers;
    size_t                servers_count;
};

struct config_log {
    struct config_place  at;
    int                  target; /* enum config_log_target */
    int                  level;  /* enum config_log_level */
    struct config_string file;   /* target = "file" */
};

struct config_access_log {
    struct config_place  at;
    int                  format; /* enum config_log_format */
    int                  target; /* enum config_log_target */
    struct config_string file;
};

struct config {
    unsigned                 workers; /* 0: auto, one a CPU this process may use */
    int                      io;      /* enum config_io */
    struct config_string     user;    /* "": stay who we are */
    struct config_string     group;   /* "": the user's */
    bool                     allow_root;
    struct config_string     pid_file;
    unsigned                 max_connections;  /* 0: derived from RLIMIT_NOFILE */
    uint64_t                 memory_max_bytes; /* for buffers, all reactors together */
    struct config_strings    ticket_keys;      /* at most one of these two lists has entries */
    struct config_strings    ticket_secret;
    struct config_string     ticket_fleet;
    uint64_t                 ticket_rotation_ns;
    uint64_t                 session_lifetime_ns;
    unsigned                 session_cache; /* 0: none */
    bool                     strict_certs;
    bool                     auto_reload;
    struct config_timeouts   timeouts;
    struct config_log        log;
    struct config_access_log access_log;
    struct config_control    control;
    struct config_frontend  *frontends;
    size_t                   frontends_count;
    struct config_backend   *backends;
    size_t                   backends_count;
    /* private */
    struct config_memory *memory;
    size_t                holds; /* besides the first */
};

/*
 * Reads a file, or every *.conf of a directory in C-locale order as one configuration; `paths` may
 * name several. NULL when there was any error; all errors and warnings are in `report`.
 */
__attribute__((warn_unused_result)) struct config *
config_load(const char *const *paths, size_t paths_count, struct config_report *report);

/* The same from text, for tests and fuzzers. `name` stands for the file in messages. */
__attribute__((warn_unused_result)) struct config *
config_load_text(const char *text, const char *name, struct config_report *report);
/* One hold more, on the same thread; returns the configuration. */
struct config *config_hold(struct config *config);
/* One hold less. */
void config_free(struct config **config);

/* Prints the effective configuration, defaults filled in, in a form config_load reads again. */
void config_dump(const struct config *config, FILE *into);

/* Prints the option list of sallyport.conf(5) in roff. */
void config_manual(FILE *into);

/* The backend of that name, or NULL. */
const struct config_backend *config_find_backend(const struct config *config, const char *name);

/* Nanoseconds of "500ms", "30s", "10m", "1h", "7d" or "30" (seconds); false when malformed. */
__attribute__((warn_unused_result)) bool config_parse_duration(const char *text, uint64_t *ns);
/* Bytes of "4096", "16k", "1m", "2g" (powers of 1024); false when malformed. */
__attribute__((warn_unused_result)) bool config_parse_size(const char *text, uint64_t *bytes);

#endif
