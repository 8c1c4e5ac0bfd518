/* One value of the file into one member of a struct. */
#ifndef SALLYPORT_CONFIG_ASSIGN_H
#define SALLYPORT_CONFIG_ASSIGN_H

#include "base/text.h"
#include "config/memory.h"
#include "config/report.h"
#include "config/schema.h"
#include "config/source.h"

#include <libconfig.h>
#include <stdbool.h>

struct assign {
    struct config_memory *memory;
    struct config_report *report;
    const char           *file;   /* the file read last, for what is wrong with all of it */
    const struct source  *source; /* what is being parsed; it knows where a setting stands */
};

/* Where a setting stands. */
struct config_place assign_place(const struct assign *assign, const config_setting_t *setting);

/* Any type but GROUP and LIST. Reports and leaves the member as it was when the value is wrong. */
void assign_setting(const struct assign *assign, const struct schema_option *option,
                    const config_setting_t *setting, void *structure);

/* The default of the table. */
void assign_default(const struct assign *assign, const struct schema_option *option,
                    void *structure);

#endif
