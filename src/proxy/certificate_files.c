#include "proxy/certificate_files.h"

#include <stdio.h>
#include <string.h>

static bool find_key(struct certificate_files *files, struct text *problem);
static bool read_sibling(struct certificate_files *files, struct text *problem);
static bool read_file(struct certificate_files *files, size_t file, const char *path,
                      struct text *problem);
static bool open_key(struct certificate_files *files, struct text *problem);

const char *certificate_source_path(const struct certificate_source *source, size_t file)
{
    const char *const paths[] = {source->certificate_path, source->key_path, source->chain_path};

    return paths[file];
}

bool certificate_files_read(struct certificate_files        *files,
                            const struct certificate_source *source, struct text *problem)
{
    *files = (struct certificate_files){.source = source};
    if (!read_file(files, FILE_CERTIFICATE, source->certificate_path, problem) ||
        !find_key(files, problem) ||
        (source->chain_path != NULL &&
         !read_file(files, FILE_CHAIN, source->chain_path, problem))) {
        return false;
    }
    files->pem =
        (struct tls_pem){.certificate_path = source->certificate_path,
                         .certificate = pem_file_bytes(&files->files[FILE_CERTIFICATE]),
                         .key_path = files->sibling[0] != '\0' ? files->sibling : source->key_path,
                         .key = pem_file_bytes(&files->files[FILE_KEY]),
                         .chain_path = source->chain_path,
                         .chain = pem_file_bytes(&files->files[FILE_CHAIN])};
    return files->is_key_only || open_key(files, problem);
}

void certificate_files_fini(struct certificate_files *files)
{
    for (size_t i = 0; i < FILES_COUNT; i++) {
        pem_file_fini(&files->files[i]);
    }
}

static bool read_file(struct certificate_files *files, size_t file, const char *path,
                      struct text *problem)
{
    struct error error;
    char         why[PASSPHRASE_PROBLEM_BYTES];

    if (!pem_file_read(&files->files[file], path, &error)) {
        text_format(problem, "cannot read \"%s\": %s", path, error_text(&error, why, sizeof(why)));
        return false;
    }
    files->is_there[file] = true;
    return true;
}

/* --- keys --------------------------------------------------------------------------------- */

static bool find_key(struct certificate_files *files, struct text *problem)
{
    struct tls_pem_facts facts;

    if (files->source->key_path != NULL) {
        return read_file(files, FILE_KEY, files->source->key_path, problem);
    }
    tls_pem_look(pem_file_bytes(&files->files[FILE_CERTIFICATE]), &facts);
    files->is_key_only = facts.has_key && !facts.has_certificate;
    return facts.has_key || !facts.has_certificate || read_sibling(files, problem);
}

static bool read_sibling(struct certificate_files *files, struct text *problem)
{
    const char         *path = files->source->certificate_path;
    struct pem_identity identity;
    char                other[SIBLING_BYTES];

    for (size_t i = 0; certificate_sibling(path, i, other); i++) {
        if (pem_file_identify(other, &identity)) {
            memcpy(files->sibling, other, sizeof(other));
            return read_file(files, FILE_KEY, other, problem);
        }
    }
    text_format(problem, "%s: no private key in it", path);
    for (size_t i = 0; certificate_sibling(path, i, other); i++) {
        text_format(problem, "%s \"%s\"", i == 0 ? ", and there is no" : " or", other);
    }
    return false;
}

bool certificate_sibling(const char *certificate_path, size_t index,
                         char into[static SIBLING_BYTES])
{
    const char *slash = strrchr(certificate_path, '/');
    const char *name = slash != NULL ? slash + 1 : certificate_path;
    const char *dot = strrchr(name, '.');
    bool        has_ending = dot != NULL && dot != name && strcmp(dot, ".key") != 0;
    size_t      len = strlen(certificate_path);

    if (index > 1 || (index == 1 && !has_ending)) {
        return false;
    }
    len = index == 1 ? (size_t)(dot - certificate_path) : len;
    return len + sizeof(".key") <= SIBLING_BYTES &&
           snprintf(into, SIBLING_BYTES, "%.*s.key", (int)len, certificate_path) > 0;
}

/* A passphrase is asked for only where it is needed. */
static bool open_key(struct certificate_files *files, struct text *problem)
{
    struct passphrase   *passphrase = files->source->passphrase;
    struct tls_pem_facts facts;

    tls_pem_look(files->pem.key_path != NULL ? files->pem.key : files->pem.certificate, &facts);
    files->is_encrypted =
        facts.has_encrypted_key && passphrase != NULL && passphrase_is_given(passphrase);
    return !files->is_encrypted || passphrase_get(passphrase, &files->pem.passphrase, problem);
}
