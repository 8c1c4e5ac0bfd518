#include "config/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROOM_FIRST = 64 };

/* A file being taken in. */
struct input {
    const char *file;
    const char *text;
    size_t      len;
    size_t      at;
    unsigned    line;
    unsigned    depth; /* of @include */
};

static bool        take_file(struct source *source, const char *path, const struct input *from);
static char       *read_file(struct source *source, const char *path, const struct input *from,
                             size_t *len);
static const char *read_all(int fd, char *text, size_t len, size_t *got);
static bool        take_input(struct source *source, struct input *input);
static bool        take_line(struct source *source, struct input *input);
static bool        take_include(struct source *source, struct input *input, size_t path_at);
static size_t      include_path_at(const struct input *input);
static const char *path_beside(struct source *source, const struct input *from, const char *path,
                               size_t len);
static bool        make_room(void **elements, size_t count, size_t *room, size_t element_bytes);
static bool        append_byte(struct source *source, char byte);
static bool        append_line(struct source *source, const struct input *input);
static bool        no_memory(struct source *source);
static bool        complain(struct source *source, const struct input *input, const char *what);
static bool        cannot(struct source *source, const char *path, const struct input *from,
                          const char *why);

bool source_read_file(struct source *source, const char *path)
{
    return take_file(source, path, NULL);
}

bool source_read_text(struct source *source, const char *text, const char *name)
{
    struct input input = {.file = config_memory_copy(source->memory, name),
                          .text = text,
                          .len = strlen(text),
                          .line = 1};

    return input.file != NULL ? take_input(source, &input) : no_memory(source);
}

void source_fini(struct source *source)
{
    free(source->text);
    free(source->lines);
    *source = (struct source){0};
}

const char *source_text(const struct source *source)
{
    return source->text != NULL ? source->text : "";
}

struct config_place source_place(const struct source *source, unsigned line)
{
    if (source->lines_count == 0) {
        return (struct config_place){0};
    }
    if (line == 0) {
        return (struct config_place){.file = source->lines[0].file};
    }
    size_t                    last = source->lines_count - 1;
    const struct source_line *at = &source->lines[line - 1 < last ? line - 1 : last];

    return (struct config_place){.file = at->file, .line = at->line};
}

struct config_place source_string_place(const struct source *source, unsigned line)
{
    unsigned at = line;

    while (at > 1 && at <= source->lines_count && !source->lines[at - 1].ends_string) {
        at--;
    }
    return source_place(source, at);
}

/* `from` is where the @include stands; NULL for the first file. */
static bool take_file(struct source *source, const char *path, const struct input *from)
{
    struct input input = {.file = path, .line = 1, .depth = from != NULL ? from->depth + 1 : 0};

    if (input.depth > SOURCE_INCLUDE_DEPTH_MAX) {
        return cannot(source, path, from, "included deeper than 10, in a circle perhaps");
    }
    if (++source->files_count > SOURCE_FILES_MAX) {
        return cannot(source, path, from, "it is one of more than 1000 files");
    }
    char *text = read_file(source, path, from, &input.len);

    input.file = config_memory_copy(source->memory, path);
    input.text = text;
    if (input.file == NULL) {
        free(text);
        return no_memory(source);
    }
    bool is_taken = text != NULL && take_input(source, &input);

    free(text);
    return is_taken;
}

/* NULL after reporting. O_NONBLOCK: a FIFO must not keep us waiting. */
static char *read_file(struct source *source, const char *path, const struct input *from,
                       size_t *len)
{
    struct stat status;
    char       *text = NULL;
    const char *why = NULL;
    int         fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0 || fstat(fd, &status) != 0) {
        why = strerrordesc_np(errno);
    } else if (!S_ISREG(status.st_mode) || status.st_size > TEXT_BYTES_MAX) {
        why = "not a regular file, or over 4 MiB";
    } else {
        text = malloc((size_t)status.st_size + 1);
        why = text == NULL ? strerrordesc_np(ENOMEM)
                           : read_all(fd, text, (size_t)status.st_size, len);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (why != NULL) {
        (void)cannot(source, path, from, why);
        free(text);
        return NULL;
    }
    return text;
}

/* NULL, or why not everything could be read. A file that shrinks meanwhile is read to its end. */
static const char *read_all(int fd, char *text, size_t len, size_t *got)
{
    while (*got < len) {
        ssize_t bytes = read(fd, text + *got, len - *got);

        if (bytes < 0 && errno != EINTR) {
            return strerrordesc_np(errno);
        }
        if (bytes == 0) {
            return NULL;
        }
        *got += bytes > 0 ? (size_t)bytes : 0;
    }
    return NULL;
}

static bool take_input(struct source *source, struct input *input)
{
    bool is_fine = true;

    while (is_fine && input->at < input->len) {
        size_t path_at = text_check_is_plain(&source->check) ? include_path_at(input) : 0;

        is_fine = path_at > 0 ? take_include(source, input, path_at) : take_line(source, input);
    }
    const char *complaint = text_check_end(&source->check);

    if (is_fine && complaint != NULL) {
        input->line--; /* back to the last line */
        return complain(source, input, complaint);
    }
    return is_fine;
}

/* One line, or what is left of it behind an @include. It always ends with a newline: the parser
 * knows no comment without one. */
static bool take_line(struct source *source, struct input *input)
{
    bool is_ended = false;

    if (!append_line(source, input)) {
        return no_memory(source);
    }
    while (!is_ended) {
        bool        is_string = !text_check_is_plain(&source->check);
        char        byte = input->at < input->len ? input->text[input->at] : '\n';
        const char *complaint = text_check_byte(&source->check, byte);

        if (complaint == NULL && source->len == TEXT_BYTES_MAX) {
            complaint = "over 4 MiB is no configuration";
        }
        if (complaint != NULL) {
            return complain(source, input, complaint);
        }
        if (is_string && byte == '"' && text_check_is_plain(&source->check)) {
            source->lines[source->lines_count - 1].ends_string = true;
        }
        if (!append_byte(source, byte)) {
            return no_memory(source);
        }
        input->at++;
        is_ended = byte == '\n';
    }
    input->line++;
    return true;
}

/* Where FILE begins when an @include "FILE" stands here, else 0. */
static size_t include_path_at(const struct input *input)
{
    static const char word[] = "@include";
    const char       *text = input->text + input->at;
    size_t            len = input->len - input->at;
    size_t            at = 0;

    while (at < len && (text[at] == ' ' || text[at] == '\t')) {
        at++;
    }
    if (len - at < sizeof(word) || memcmp(text + at, word, sizeof(word) - 1) != 0) {
        return 0;
    }
    at += sizeof(word) - 1;
    while (at < len && (text[at] == ' ' || text[at] == '\t')) {
        at++;
    }
    if (at == len || text[at] != '"') {
        return 0;
    }
    for (size_t end = ++at; end < len && text[end] != '\n' && text[end] != '\0'; end++) {
        if (text[end] == '"') {
            return end > at ? input->at + at : 0;
        }
    }
    return 0;
}

static bool take_include(struct source *source, struct input *input, size_t path_at)
{
    const char *path = input->text + path_at;
    size_t      len = (size_t)((const char *)memchr(path, '"', input->len - path_at) - path);

    input->at = path_at + len + 1;
    const char *beside = path_beside(source, input, path, len);

    return beside != NULL ? take_file(source, beside, input) : no_memory(source);
}

static const char *path_beside(struct source *source, const struct input *from, const char *path,
                               size_t len)
{
    const char *slash = path[0] != '/' ? strrchr(from->file, '/') : NULL;
    size_t      directory_len = slash != NULL ? (size_t)(slash - from->file) + 1 : 0;
    char       *joined = config_memory_take(source->memory, directory_len + len + 1);

    if (joined != NULL) {
        memcpy(joined, from->file, directory_len);
        memcpy(joined + directory_len, path, len);
    }
    return joined;
}

/* Room for one more element, doubled. False, and all as it was, without memory. */
static bool make_room(void **elements, size_t count, size_t *room, size_t element_bytes)
{
    if (count < *room) {
        return true;
    }
    size_t wanted = *room == 0 ? ROOM_FIRST : *room * 2;
    void  *grown = realloc(*elements, wanted * element_bytes);

    if (grown == NULL) {
        return false;
    }
    *elements = grown;
    *room = wanted;
    return true;
}

static bool append_byte(struct source *source, char byte)
{
    void *text = source->text;
    bool  has_room = make_room(&text, source->len + 1, &source->text_room, 1);

    source->text = text;
    if (has_room) {
        source->text[source->len++] = byte;
        source->text[source->len] = '\0';
    }
    return has_room;
}

static bool append_line(struct source *source, const struct input *input)
{
    void *lines = source->lines;
    bool  has_room =
        make_room(&lines, source->lines_count, &source->lines_room, sizeof(*source->lines));

    source->lines = lines;
    if (has_room) {
        source->lines[source->lines_count++] =
            (struct source_line){.file = input->file, .line = input->line};
    }
    return has_room;
}

static bool no_memory(struct source *source)
{
    config_report_no_memory(source->report);
    return false;
}

static bool complain(struct source *source, const struct input *input, const char *what)
{
    struct config_place at = {.file = input->file, .line = input->line};

    config_report_add(source->report, CONFIG_ERROR, at, "%s", what);
    return false;
}

static bool cannot(struct source *source, const char *path, const struct input *from,
                   const char *why)
{
    struct config_place at = {.file = path};

    if (from == NULL) {
        config_report_add(source->report, CONFIG_ERROR, at, "cannot read it: %s", why);
    } else {
        at = (struct config_place){.file = from->file, .line = from->line};
        config_report_add(source->report, CONFIG_ERROR, at, "cannot include \"%s\": %s", path, why);
    }
    return false;
}
