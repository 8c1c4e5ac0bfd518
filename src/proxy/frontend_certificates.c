#include "proxy/frontend_certificates.h"

#include "base/require.h"
#include "proxy/credential.h"
#include "proxy/pem_dir.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct choosing {
    const struct frontend_certificates_options *options;
    struct tls_selection                       *selection;
    struct passphrase                           passphrase; /* of the frontend's keys */
    int64_t                                     now_s;
    bool                                        has_memory;
    size_t                                      listed; /* files of directories */
};

/* A certificate of the configuration: a file that it names, or one of a directory it names. */
struct source {
    const struct config_string *certificate; /* or the directory */
    const struct config_string *key;         /* NULL: in the same file, or beside it */
    const struct config_string *chain;       /* NULL: in the same file */
    const struct config_string *staple;      /* NULL: beside the certificate, if it is there */
    struct passphrase          *passphrase;
    const char                 *path; /* of the certificate's file */
    const struct pem_dir       *list; /* of the directory it was found in, or NULL */
};

static void choose_files(struct choosing *choosing);
static void choose_groups(struct choosing *choosing, bool is_default);
static void choose_group(struct choosing *choosing, const struct config_certificate *certificate);
static const struct config_string *given(const struct config_strings *list, size_t index);
static const struct config_string *unless_empty(const struct config_string *string);
static void choose_file(struct choosing *choosing, const struct source *source);
static struct certificate_source store_source_of(const struct source *source);
static void choose_directory(struct choosing *choosing, const struct config_string *directory);
static void keep_directory(struct choosing *choosing, const struct config_string *directory,
                           struct pem_dir *list, const struct error *error);
static bool on_kept(void *owner, const char *path);
static void tell_none(const struct choosing *choosing);
static bool awaits_first(const struct choosing *choosing);
static bool on_any(void *owner, const char *path);
static void tell_outcome(const struct choosing *choosing, const struct source *source,
                         enum store_outcome outcome, const char *problem);
static void tell_warnings(const struct choosing *choosing, const struct source *source,
                          const struct tls_certificate *certificate);
static bool use(struct choosing *choosing, const struct source *source,
                struct tls_certificate *certificate);
static void staple(struct choosing *choosing, const struct source *source,
                   struct tls_certificate *certificate, enum store_outcome outcome);
static const char *staple_path(const struct choosing *choosing, const struct source *source,
                               const struct tls_certificate *certificate,
                               enum store_outcome outcome, struct text *beside);
static bool        is_there_as_written(const char *written);
static void tell_staple_warnings(const struct choosing *choosing, const struct source *source,
                                 const struct tls_certificate *certificate,
                                 const struct tls_staple      *staple);
static enum config_severity severity_of(const struct choosing *choosing,
                                        const struct source *source, enum store_outcome outcome);
static struct config_place  place_of(const struct source *source, const char *problem);
static bool                 is_about(const char *problem, const char *path);

struct tls_selection *
frontend_certificates_choose(const struct frontend_certificates_options *options)
{
    const struct config_frontend *frontend = options->frontend;
    struct choosing               choosing = {.options = options,
                                              .selection = tls_selection_new(),
                                              .now_s = (int64_t)time(NULL),
                                              .has_memory = true};

    if (choosing.selection == NULL) {
        return NULL;
    }
    passphrase_init(&choosing.passphrase, &frontend->key_passphrase_file,
                    &frontend->key_passphrase_cmd);
    choosing.passphrase.until_ns = certificate_store_passphrases_until(options->store);
    choose_groups(&choosing, true);
    choose_files(&choosing);
    choose_groups(&choosing, false);
    for (size_t i = 0; i < frontend->pem_dir.count; i++) {
        choose_directory(&choosing, &frontend->pem_dir.items[i]);
    }
    passphrase_wipe(&choosing.passphrase);
    if (tls_selection_count(choosing.selection) == 0 && choosing.has_memory &&
        frontend->pem_dir.count > 0 && !config_report_has_errors(options->report)) {
        tell_none(&choosing);
    }
    if (!choosing.has_memory) {
        tls_selection_free(&choosing.selection);
    }
    return choosing.selection;
}

/* --- files -------------------------------------------------------------------------------- */

static void choose_files(struct choosing *choosing)
{
    const struct config_frontend *frontend = choosing->options->frontend;

    for (size_t i = 0; i < frontend->pem_file.count; i++) {
        const struct config_string *file = &frontend->pem_file.items[i];

        choose_file(choosing, &(struct source){.certificate = file,
                                               .staple = given(&frontend->ocsp_file, i),
                                               .passphrase = &choosing->passphrase,
                                               .path = file->text});
    }
    for (size_t i = 0; i < frontend->cert.count; i++) {
        const struct config_string *file = &frontend->cert.items[i];
        size_t                      place = frontend->pem_file.count + i;

        choose_file(choosing, &(struct source){.certificate = file,
                                               .key = given(&frontend->key, i),
                                               .chain = given(&frontend->chain, i),
                                               .staple = given(&frontend->ocsp_file, place),
                                               .passphrase = &choosing->passphrase,
                                               .path = file->text});
    }
}

static const struct config_string *given(const struct config_strings *list, size_t index)
{
    return index < list->count ? &list->items[index] : NULL;
}

static const struct config_string *unless_empty(const struct config_string *string)
{
    return string->text[0] != '\0' ? string : NULL;
}

static void choose_groups(struct choosing *choosing, bool is_default)
{
    const struct config_frontend *frontend = choosing->options->frontend;

    for (size_t i = 0; i < frontend->certificates_count; i++) {
        if (frontend->certificates[i].is_default == is_default) {
            choose_group(choosing, &frontend->certificates[i]);
        }
    }
}

static void choose_group(struct choosing *choosing, const struct config_certificate *certificate)
{
    struct passphrase own;
    struct source     source = {
            .certificate = &certificate->cert,
            .key = unless_empty(&certificate->key),
            .chain = unless_empty(&certificate->chain),
            .staple = unless_empty(&certificate->ocsp_file),
            .passphrase = &own,
            .path = certificate->cert.text,
    };

    passphrase_init(&own, &certificate->key_passphrase_file, &certificate->key_passphrase_cmd);
    own.until_ns = choosing->passphrase.until_ns;
    if (!passphrase_is_given(&own)) {
        source.passphrase = &choosing->passphrase;
    }
    choose_file(choosing, &source);
    passphrase_wipe(&own);
}

static void choose_file(struct choosing *choosing, const struct source *source)
{
    struct certificate_source store_source = store_source_of(source);
    enum store_outcome        outcome = STORE_FAILED;
    char                      memory[TLS_PROBLEM_BYTES];
    struct text               problem;
    struct tls_certificate   *certificate = NULL;

    text_init(&problem, memory, sizeof(memory));
    certificate =
        certificate_store_get(choosing->options->store, &store_source, &outcome, &problem);
    if (outcome != STORE_GOOD && !(outcome == STORE_KEY_ONLY && source->list != NULL)) {
        tell_outcome(choosing, source, outcome, memory);
    }
    if (certificate != NULL) {
        tell_warnings(choosing, source, certificate);
        if (use(choosing, source, certificate)) {
            staple(choosing, source, certificate, outcome);
        }
    }
}

static struct certificate_source store_source_of(const struct source *source)
{
    return (struct certificate_source){
        .certificate_path = source->path,
        .key_path = source->key != NULL ? source->key->text : NULL,
        .chain_path = source->chain != NULL ? source->chain->text : NULL,
        .passphrase = passphrase_is_given(source->passphrase) ? source->passphrase : NULL};
}

static void tell_outcome(const struct choosing *choosing, const struct source *source,
                         enum store_outcome outcome, const char *problem)
{
    const char *consequence = outcome == STORE_KEPT  ? "; its last good version stays in use"
                              : source->list != NULL ? "; it is skipped"
                                                     : "";

    config_report_add(choosing->options->report, severity_of(choosing, source, outcome),
                      place_of(source, problem), "%s%s", problem, consequence);
}

static enum config_severity severity_of(const struct choosing *choosing,
                                        const struct source *source, enum store_outcome outcome)
{
    bool may_go_on = outcome == STORE_KEPT || source->list != NULL;

    return may_go_on && !choosing->options->is_strict ? CONFIG_WARNING : CONFIG_ERROR;
}

/* A complaint begins with the path of the file it is about, or has it in quotes, or begins with the
 * option. */
static struct config_place place_of(const struct source *source, const char *problem)
{
    static const char                 command[] = "key-passphrase-cmd:";
    const struct passphrase          *passphrase = source->passphrase;
    const struct config_string *const others[] = {
        source->key, source->chain, passphrase->file->text[0] != '\0' ? passphrase->file : NULL};

    if (strncmp(problem, command, strlen(command)) == 0) {
        return passphrase->command->items[0].at;
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (others[i] != NULL && is_about(problem, others[i]->text)) {
            return others[i]->at;
        }
    }
    return source->certificate->at;
}

static bool is_about(const char *problem, const char *path)
{
    const char *at = strstr(problem, path);
    size_t      len = strlen(path);

    return at != NULL && (at == problem || at[-1] == '"') && (at[len] == ':' || at[len] == '"');
}

static void tell_warnings(const struct choosing *choosing, const struct source *source,
                          const struct tls_certificate *certificate)
{
    const struct frontend_certificates_options *options = choosing->options;

    struct certificate_source store_source = store_source_of(source);
    const char               *path = NULL;
    const char               *warning = tls_certificate_warning(certificate, choosing->now_s);

    if (warning != NULL) {
        config_report_add(options->report, CONFIG_WARNING, source->certificate->at, "%s: %s",
                          source->path, warning);
    }
    for (size_t i = 0;
         (path = certificate_store_public_file(options->store, &store_source, i)) != NULL; i++) {
        bool is_passphrase = strcmp(path, source->passphrase->file->text) == 0;

        config_report_add(options->report, options->is_strict ? CONFIG_ERROR : CONFIG_WARNING,
                          is_passphrase         ? source->passphrase->file->at
                          : source->key != NULL ? source->key->at
                                                : source->certificate->at,
                          "\"%s\" holds a %s, and everyone may read it", path,
                          is_passphrase ? "passphrase" : "key");
    }
}

/* True when it is in the selection now. */
static bool use(struct choosing *choosing, const struct source *source,
                struct tls_certificate *certificate)
{
    char        memory[TLS_PROBLEM_BYTES];
    struct text problem;

    text_init(&problem, memory, sizeof(memory));
    bool is_default = tls_selection_count(choosing->selection) == 0;

    if (!tls_context_takes(choosing->options->policy, certificate, is_default, &problem)) {
        config_report_add(choosing->options->report, severity_of(choosing, source, STORE_FAILED),
                          source->certificate->at, "%s: %s%s", source->path, memory,
                          source->list != NULL ? "; it is skipped" : "");
        return false;
    }
    choosing->has_memory =
        tls_selection_add(choosing->selection, certificate) && choosing->has_memory;
    return choosing->has_memory;
}

/* --- staples ------------------------------------------------------------------------------ */

/* Nothing that is wrong with it takes the certificate with it. */
static void staple(struct choosing *choosing, const struct source *source,
                   struct tls_certificate *certificate, enum store_outcome outcome)
{
    struct staple_files *files = certificate_store_staples(choosing->options->store);
    char                 problem_memory[TLS_PROBLEM_BYTES], beside_memory[PATH_MAX];
    struct text          problem, beside;
    const char          *path = NULL;
    struct tls_staple   *found = NULL;

    text_init(&problem, problem_memory, sizeof(problem_memory));
    text_init(&beside, beside_memory, sizeof(beside_memory));
    path = staple_path(choosing, source, certificate, outcome, &beside);
    if (path != NULL) {
        found = staple_files_get(files, certificate, path, &problem);
    }
    if (text_len(&problem) > 0) {
        config_report_add(choosing->options->report, CONFIG_WARNING,
                          source->staple != NULL ? source->staple->at : source->certificate->at,
                          "%s", problem_memory);
    }
    if (found == NULL && tls_certificate_has_responder(certificate)) {
        staple_files_miss(files);
    }
    tls_selection_staple(choosing->selection, found);
    tell_staple_warnings(choosing, source, certificate, found);
}

/* NULL: there is none. A file that is gone goes unmissed, but not together with the certificate's,
 * which is kept. */
static const char *staple_path(const struct choosing *choosing, const struct source *source,
                               const struct tls_certificate *certificate,
                               enum store_outcome outcome, struct text *beside)
{
    const struct staple_files *files = certificate_store_staples(choosing->options->store);
    bool                       is_there = false;

    if (source->staple != NULL) {
        return source->staple->text;
    }
    text_string(beside, source->path);
    text_string(beside, STAPLE_SUFFIX);
    if (text_is_cut(beside)) {
        return NULL;
    }
    is_there = source->list != NULL ? pem_dir_staple_of(source->list, source->path) != NULL
                                    : is_there_as_written(text_chars(beside));
    return is_there || (outcome == STORE_KEPT &&
                        staple_files_knows(files, certificate, text_chars(beside)))
               ? text_chars(beside)
               : NULL;
}

static bool is_there_as_written(const char *written)
{
    char         path[CREDENTIAL_PATH_BYTES];
    struct error error;
    struct stat  status;

    return credential_path(written, path, sizeof(path), &error) && lstat(path, &status) == 0;
}

static void tell_staple_warnings(const struct choosing *choosing, const struct source *source,
                                 const struct tls_certificate *certificate,
                                 const struct tls_staple      *staple)
{
    const char *warning = NULL;

    if (staple == NULL && tls_certificate_needs_staple(certificate)) {
        warning = "the certificate is not good without an OCSP answer (must-staple), and has none";
    } else if (staple != NULL && tls_staple_is_revoked(staple)) {
        warning = "the certificate is revoked, says its OCSP answer, which is sent all the same";
    }
    if (warning != NULL) {
        config_report_add(choosing->options->report, CONFIG_WARNING, source->certificate->at,
                          "%s: %s", source->path, warning);
    }
}

/* --- directories -------------------------------------------------------------------------- */

static void choose_directory(struct choosing *choosing, const struct config_string *directory)
{
    const struct frontend_certificates_options *options = choosing->options;
    struct pem_dir                              list;
    struct error                                error;

    if (!pem_dir_list(&list, directory->text, options->frontend->pem_dir_glob.text, &error)) {
        keep_directory(choosing, directory, &list, &error);
    }
    choosing->listed += list.count;
    for (size_t i = 0; i < list.count; i++) {
        choose_file(choosing, &(struct source){.certificate = directory,
                                               .passphrase = &choosing->passphrase,
                                               .path = list.paths[i],
                                               .list = &list});
    }
    pem_dir_fini(&list);
}

/* A directory that cannot be read now must not take the certificates that were in it. */
static void keep_directory(struct choosing *choosing, const struct config_string *directory,
                           struct pem_dir *list, const struct error *error)
{
    const struct frontend_certificates_options *options = choosing->options;
    char                                        why[CONFIG_PROBLEM_BYTES];

    choosing->has_memory =
        choosing->has_memory &&
        certificate_store_each_in(options->store, directory->text, on_kept, list);
    pem_dir_sort(list);
    config_report_add(options->report,
                      list->count > 0 && !options->is_strict ? CONFIG_WARNING : CONFIG_ERROR,
                      directory->at, "cannot read directory \"%s\": %s", directory->text,
                      error_text(error, why, sizeof(why)));
}

static bool on_kept(void *owner, const char *path)
{
    struct pem_dir *list = owner;

    return pem_dir_add(list, path);
}

static void tell_none(const struct choosing *choosing)
{
    const struct frontend_certificates_options *options = choosing->options;
    struct config_place                         at = options->frontend->pem_dir.items[0].at;

    if (awaits_first(choosing)) {
        config_report_add(options->report, CONFIG_WARNING, at,
                          "there is no certificate in pem-dir yet: until there is, ACME challenges "
                          "are answered and nobody else is");
    } else {
        config_report_add(options->report, CONFIG_ERROR, at,
                          "there is no certificate in pem-dir that can be used");
    }
}

/* Who gets certificates by answering challenges here has none at first. Directories in which there
 * were any, or are files that cannot be used, are another matter. */
static bool awaits_first(const struct choosing *choosing)
{
    const struct config_frontend *frontend = choosing->options->frontend;
    bool awaits = frontend->acme_dir.text[0] != '\0' && choosing->listed == 0;

    for (size_t i = 0; awaits && i < frontend->pem_dir.count; i++) {
        awaits = certificate_store_each_in(choosing->options->store,
                                           frontend->pem_dir.items[i].text, on_any, NULL);
    }
    return awaits;
}

static bool on_any(void *owner, const char *path)
{
    (void)owner;
    (void)path;
    return false;
}
