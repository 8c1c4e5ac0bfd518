#include "daemon/revocations.h"

#include "base/log.h"
#include "base/text.h"

#include <string.h>
#include <time.h>

enum { DATE_BYTES = 32, PATH_TEXT_BYTES = 1024 };

static void tell(const char *frontend, const struct client_auth_list *list);

void revocations_tell(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->config->frontends_count; i++) {
        const struct snapshot_frontend *frontend = &snapshot->frontends[i];
        struct client_auth_list         list;

        for (size_t j = 0; client_auth_list(frontend->clients, j, &list); j++) {
            tell(frontend->config->name.text, &list);
        }
    }
}

static void tell(const char *frontend, const struct client_auth_list *list)
{
    char        memory[PATH_TEXT_BYTES];
    struct text path;
    char        date[DATE_BYTES] = "never";
    time_t      end = (time_t)list->good_until_s;
    struct tm   parts;

    text_init(&path, memory, sizeof(memory));
    text_quoted(&path, (struct bytes_const){(const uint8_t *)list->path, strlen(list->path)});
    if (end != 0 && gmtime_r(&end, &parts) != NULL) {
        (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
    log_info("crl frontend=%s file=%s next_update=%s", frontend, memory, date);
}
