/* Any text is a configuration or has its mistakes named; a configuration is dumped in a form that
 * is read again the same. */
#include "base/require.h"
#include "config/config.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

/* libconfig 1.5 leaks a string that stands where none may. */
const char *__lsan_default_suppressions(void);

static char *dump(const struct config *config);
static void  check_dump(const struct config *config);

const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig.so";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_report report = {0};
    char                *text = strndup((const char *)data, size);

    require(text != NULL);
    struct config *config = config_load_text(text, "fuzz.conf", &report);

    require((config == NULL) == config_report_has_errors(&report));
    if (config != NULL) {
        check_dump(config);
    }
    config_free(&config);
    config_report_fini(&report);
    free(text);
    return 0;
}

static void check_dump(const struct config *config)
{
    struct config_report report = {0};
    char                *first = dump(config);
    struct config       *again = config_load_text(first, "dump.conf", &report);

    if (again == NULL) {
        config_report_print(&report, stderr);
    }
    require(again != NULL);
    char *second = dump(again);

    require(strcmp(first, second) == 0);
    config_free(&again);
    config_report_fini(&report);
    free(first);
    free(second);
}

static char *dump(const struct config *config)
{
    char  *text = NULL;
    size_t len = 0;
    FILE  *file = open_memstream(&text, &len);

    require(file != NULL);
    config_dump(config, file);
    require(fclose(file) == 0);
    return text;
}
