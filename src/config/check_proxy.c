#include "config/check_proxy.h"

#include "config/schema.h"

#include <string.h>

/* In the order of the bits of enum config_proxy_option. */
static const char *const words[] = {"ssl", "cert-cn", "authority", "alpn", "crc32c", "unique-id"};
static const char *const usual[] = {"ssl", "authority", "alpn"};

enum { WORDS_COUNT = sizeof(words) / sizeof(words[0]) };
enum { USUAL_COUNT = sizeof(usual) / sizeof(usual[0]) };

static void     fill_options(struct config_backend *backend, struct config_memory *memory,
                             struct config_report *report);
static unsigned option_bit(const struct config_string *option, struct config_report *report);

/* Who may say where a client comes from can say anything: it is never everyone by default. */
void check_accept_proxy(const struct config_frontend *frontend, struct config_report *report)
{
    if (frontend->accept_proxy != CONFIG_ACCEPT_PROXY_OFF &&
        frontend->accept_proxy_from.count == 0) {
        config_report_add(report, CONFIG_ERROR, frontend->at,
                          "accept-proxy = \"%s\" needs accept-proxy-from: the proxies to believe",
                          frontend->accept_proxy == CONFIG_ACCEPT_PROXY_OPTIONAL ? "optional"
                                                                                 : "required");
    } else if (frontend->accept_proxy == CONFIG_ACCEPT_PROXY_OFF &&
               frontend->accept_proxy_from.count > 0) {
        config_report_add(report, CONFIG_WARNING, frontend->accept_proxy_from.items[0].at,
                          "accept-proxy-from is not used, accept-proxy is \"off\"");
    }
}

void check_send_proxy(struct config_backend *backend, struct config_memory *memory,
                      struct config_report *report)
{
    bool has_options = backend->proxy_v2_options.count > 0;

    if (has_options && backend->send_proxy != CONFIG_SEND_PROXY_V2) {
        config_report_add(report, CONFIG_WARNING, backend->proxy_v2_options.items[0].at,
                          "proxy-v2-options is not used, send-proxy is not \"v2\"");
    }
    if (backend->proxy_v2_options.items == NULL && backend->send_proxy == CONFIG_SEND_PROXY_V2) {
        fill_options(backend, memory, report);
    }
    for (size_t i = 0; i < backend->proxy_v2_options.count; i++) {
        backend->proxy_options |= option_bit(&backend->proxy_v2_options.items[i], report);
    }
    for (size_t i = 0; i < backend->servers_count; i++) {
        const struct config_string *address = &backend->servers[i].address;

        if (backend->send_proxy != CONFIG_SEND_PROXY_OFF &&
            strncmp(address->text, "builtin:", strlen("builtin:")) == 0) {
            config_report_add(report, CONFIG_ERROR, address->at,
                              "address \"%s\": a server inside the daemon reads no PROXY header, "
                              "and send-proxy is not \"off\"",
                              address->text);
        }
    }
}

/* The option was not written; an empty list is another matter. */
static void fill_options(struct config_backend *backend, struct config_memory *memory,
                         struct config_report *report)
{
    struct config_strings *options = &backend->proxy_v2_options;

    options->items = config_memory_take(memory, USUAL_COUNT * sizeof(*options->items));
    if (options->items == NULL) {
        config_report_no_memory(report);
        return;
    }
    for (; options->count < USUAL_COUNT; options->count++) {
        options->items[options->count] = (struct config_string){.text = usual[options->count]};
    }
}

static unsigned option_bit(const struct config_string *option, struct config_report *report)
{
    for (unsigned i = 0; i < WORDS_COUNT; i++) {
        if (strcmp(option->text, words[i]) == 0) {
            return 1U << i;
        }
    }
    const char *near = suggest(option->text, words, WORDS_COUNT);

    config_report_add(report, CONFIG_ERROR, option->at,
                      "proxy-v2-options: there is no \"%s\"%s%s%s", option->text,
                      near != NULL ? ", did you mean \"" : "", near != NULL ? near : "",
                      near != NULL ? "\"?" : "");
    return 0;
}
