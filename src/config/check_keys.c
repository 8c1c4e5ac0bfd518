#include "config/check_keys.h"

static void check_count(const struct config_frontend *frontend, const char *key,
                        const struct config_strings *list, struct config_report *report);
static void check_passphrase(const struct config_string *file, const struct config_strings *command,
                             struct config_report *report);
static void check_default(const struct config_frontend *frontend, struct config_report *report);

void check_keys(const struct config_frontend *frontend, struct config_report *report)
{
    check_count(frontend, "key", &frontend->key, report);
    check_count(frontend, "chain", &frontend->chain, report);
    check_passphrase(&frontend->key_passphrase_file, &frontend->key_passphrase_cmd, report);
    for (size_t i = 0; i < frontend->certificates_count; i++) {
        const struct config_certificate *certificate = &frontend->certificates[i];

        check_passphrase(&certificate->key_passphrase_file, &certificate->key_passphrase_cmd,
                         report);
    }
    check_default(frontend, report);
}

/* Without any, each is where its certificate is. */
static void check_count(const struct config_frontend *frontend, const char *key,
                        const struct config_strings *list, struct config_report *report)
{
    if (list->count > 0 && list->count != frontend->cert.count) {
        config_report_add(report, CONFIG_ERROR, frontend->at,
                          "cert has %zu files and %s %zu: each certificate needs its own",
                          frontend->cert.count, key, list->count);
    }
}

static void check_passphrase(const struct config_string *file, const struct config_strings *command,
                             struct config_report *report)
{
    if (command->count == 0) {
        return;
    }
    if (file->text[0] != '\0') {
        config_report_add(report, CONFIG_ERROR, command->items[0].at,
                          "key-passphrase-file and key-passphrase-cmd exclude each other");
    }
    if (command->items[0].text[0] != '/') {
        config_report_add(report, CONFIG_ERROR, command->items[0].at,
                          "key-passphrase-cmd: the program's full path is wanted, found \"%.80s\"",
                          command->items[0].text);
    }
}

static void check_default(const struct config_frontend *frontend, struct config_report *report)
{
    const struct config_certificate *first = NULL;

    for (size_t i = 0; i < frontend->certificates_count; i++) {
        const struct config_certificate *certificate = &frontend->certificates[i];

        if (certificate->is_default && first != NULL) {
            config_report_add(report, CONFIG_ERROR, certificate->at,
                              "default: another certificate is that already, at %s:%u",
                              first->at.file, first->at.line);
        }
        first = certificate->is_default && first == NULL ? certificate : first;
    }
}
