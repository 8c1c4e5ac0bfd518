#include "daemon/control_certificates.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct file {
    const struct tls_certificate *certificate;
    const char                   *path;
};

/* Every file of the store, by certificate. */
struct files {
    struct file *files;
    size_t       count;
    size_t       room;
};

static void on_file(void *owner, const char *path, const struct tls_certificate *certificate);
static bool on_name(void *owner, struct bytes_const name);
static int  compare(const void *one, const void *other);
static const char *path_of(const struct files *files, const struct tls_certificate *certificate);
static void        show_one(struct control_answer *answer, const char *frontend, const char *path,
                            const struct tls_certificate *certificate);

void control_certificates_show(struct control_answer *answer, const struct snapshot *snapshot,
                               const struct certificate_store *store)
{
    const struct certificate_tally *tally = &snapshot->certificates;
    struct files                    files = {0};

    certificate_store_each(store, on_file, &files);
    if (files.count > 0) {
        qsort(files.files, files.count, sizeof(files.files[0]), compare);
    }
    control_answer_row_begin(answer);
    control_answer_number(answer, "certificates", tally->count);
    control_answer_number(answer, "kept", tally->kept);
    control_answer_number(answer, "load_errors", tally->errors);
    control_answer_time(answer, "next_expiry", tally->next_expiry_s);
    control_answer_list_begin(answer, "list");
    for (size_t i = 0; i < snapshot->config->frontends_count; i++) {
        const struct snapshot_frontend *frontend = &snapshot->frontends[i];
        const struct tls_selection     *selection = frontend->tls.selection;

        for (size_t j = 0; j < tls_selection_count(selection); j++) {
            const struct tls_certificate *certificate = tls_selection_at(selection, j);

            show_one(answer, frontend->config->name.text, path_of(&files, certificate),
                     certificate);
        }
    }
    control_answer_list_end(answer);
    control_answer_row_end(answer);
    free(files.files);
}

static void show_one(struct control_answer *answer, const char *frontend, const char *path,
                     const struct tls_certificate *certificate)
{
    control_answer_row_begin(answer);
    control_answer_string(answer, "frontend", frontend);
    control_answer_string(answer, "file", path);
    control_answer_time(answer, "not_after", tls_certificate_expiry(certificate));
    control_answer_bool(answer, "expired",
                        tls_certificate_expiry(certificate) < (int64_t)time(NULL));
    control_answer_names_begin(answer, "names");
    (void)tls_certificate_each_name(certificate, on_name, answer);
    control_answer_names_end(answer);
    control_answer_row_end(answer);
}

static bool on_name(void *owner, struct bytes_const name)
{
    control_answer_name(owner, name);
    return true;
}

/* Without memory a certificate is shown without its file. */
static void on_file(void *owner, const char *path, const struct tls_certificate *certificate)
{
    struct files *files = owner;

    if (files->count == files->room) {
        size_t       room = files->room > 0 ? 2 * files->room : 64;
        struct file *grown = realloc(files->files, room * sizeof(*grown));

        if (grown == NULL) {
            return;
        }
        files->files = grown;
        files->room = room;
    }
    files->files[files->count++] = (struct file){.certificate = certificate, .path = path};
}

/* By address, then by path: the same certificate may stand in several files. */
static int compare(const void *one, const void *other)
{
    const struct file *left = one;
    const struct file *right = other;
    uintptr_t          left_at = (uintptr_t)left->certificate;
    uintptr_t          right_at = (uintptr_t)right->certificate;

    if (left_at != right_at) {
        return left_at < right_at ? -1 : 1;
    }
    return strcmp(left->path, right->path);
}

/* The first of its files; NULL: it is in none. */
static const char *path_of(const struct files *files, const struct tls_certificate *certificate)
{
    size_t low = 0;
    size_t high = files->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if ((uintptr_t)files->files[middle].certificate < (uintptr_t)certificate) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool is_found = low < files->count && files->files[low].certificate == certificate;

    return is_found ? files->files[low].path : NULL;
}
