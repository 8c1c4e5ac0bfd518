/* What tests of room config say: texts that load, texts that do not, and what is said of them. */
#ifndef SALLYPORT_TESTS_LOADING_H
#define SALLYPORT_TESTS_LOADING_H

#include "config/config.h"

/* Each on a line of its own: the smallest configuration. */
#define FRONTENDS                                                                                  \
    "frontends = ( { listen = \"*:443\"; pem-file = \"x.pem\"; backend = \"b\"; } );\n"
#define BACKENDS "backends = ( { name = \"b\"; servers = ( { address = \"127.0.0.1:1\"; } ); } );\n"
#define SMALLEST FRONTENDS BACKENDS

struct loaded {
    struct config       *config; /* NULL after errors */
    struct config_report report;
};

/* The file is called "test". */
struct loaded load_text(const char *text);
struct loaded load_paths(const char *const *paths, size_t paths_count);
void          loaded_fini(struct loaded *loaded);

/* "" when there are fewer problems. */
const char *loaded_problem(const struct loaded *loaded, size_t index);

/* Loads; there must be this one problem and no other. */
void check_refused(const char *text, const char *problem);
void check_warned(const char *text, const char *problem);
/* Loads; there must be no problem. The caller frees it. */
struct config *check_accepted(const char *text);

/* What config_dump prints; to be freed. */
char *dump_of(const struct config *config);

#endif
