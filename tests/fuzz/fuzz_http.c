/*
 * The page server on any bytes in any pieces: what it answers is HTTP, says when it is the last,
 * and does not depend on how the requests were cut. The first byte is the length of the pieces.
 */
#include "backend/http_hello.h"
#include "base/require.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum {
    INPUT_BYTES = 64 * 1024 + HTTP_HELLO_HEAD_BYTES_MAX, /* as in backend/builtin.c */
    OUTPUT_BYTES = 16 * 1024,
    ANSWERS_BYTES = 1024 * 1024,
};

/* Everything a client received. */
struct answers {
    char   text[ANSWERS_BYTES + 1];
    size_t len;
    bool   is_last;
};

static const char page[] = "the page\n";

static struct answers whole;
static struct answers cut;

static void        converse(struct bytes_const tape, size_t piece, struct answers *answers);
static void        answer(struct http_hello *hello, struct buffer *input, struct buffer *output,
                          struct answers *answers);
static void        check(const struct answers *answers);
static const char *after_answer(const char *at, bool *is_last);
static const char *after_head(const char *at, size_t *body_len, bool *is_last);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes_const tape = {data, size};
    size_t             piece = 1 + (size_t)fuzz_byte(&tape);

    if (tape.len > INPUT_BYTES) {
        return 0;
    }
    converse(tape, INPUT_BYTES, &whole);
    converse(tape, piece, &cut);
    require(whole.len == cut.len && memcmp(whole.text, cut.text, cut.len) == 0);
    require(whole.is_last == cut.is_last);
    check(&whole);
    return 0;
}

static void converse(struct bytes_const tape, size_t piece, struct answers *answers)
{
    static uint8_t    input_memory[INPUT_BYTES];
    static uint8_t    output_memory[OUTPUT_BYTES];
    struct buffer     input = {0};
    struct buffer     output = {0};
    struct http_hello hello = {0};

    buffer_attach(&input, input_memory, INPUT_BYTES);
    buffer_attach(&output, output_memory, OUTPUT_BYTES);
    answers->len = 0;
    answers->is_last = false;
    while (fuzz_has_more(&tape) && !answers->is_last) {
        struct bytes_const bytes = fuzz_bytes(&tape, piece);

        buffer_compact(&input);
        require(buffer_append(&input, bytes) == bytes.len);
        answer(&hello, &input, &output, answers);
        require(answers->is_last || buffer_len(&input) < HTTP_HELLO_HEAD_BYTES_MAX);
    }
    answers->text[answers->len] = '\0';
}

/* As long as there is something to send, which makes room for more. */
static void answer(struct http_hello *hello, struct buffer *input, struct buffer *output,
                   struct answers *answers)
{
    do {
        buffer_consumed(output, buffer_len(output));
        answers->is_last = !http_hello_answer(hello, input, output, page);
        struct bytes_const bytes = buffer_readable(output);

        bytes.len =
            bytes.len < ANSWERS_BYTES - answers->len ? bytes.len : ANSWERS_BYTES - answers->len;
        if (bytes.len > 0) {
            memcpy(answers->text + answers->len, bytes.data, bytes.len);
        }
        answers->len += bytes.len;
    } while (!answers->is_last && !buffer_is_empty(output));
    buffer_consumed(output, buffer_len(output));
}

static void check(const struct answers *answers)
{
    const char *at = answers->text;
    bool        is_last = false;

    require(strlen(answers->text) == answers->len);
    while (*at != '\0' && answers->len < ANSWERS_BYTES) {
        require(!is_last);
        at = after_answer(at, &is_last);
    }
    require(is_last == answers->is_last || answers->len == ANSWERS_BYTES);
}

/* The answer to HEAD has no body: another answer follows its head, or nothing. */
static const char *after_answer(const char *at, bool *is_last)
{
    static const char start[] = "HTTP/1.1 ";
    size_t            body_len = 0;

    require(strncmp(at, start, sizeof(start) - 1) == 0);
    at = after_head(at, &body_len, is_last);
    if (*at == '\0' || strncmp(at, start, sizeof(start) - 1) == 0) {
        return at;
    }
    require(strnlen(at, body_len) == body_len);
    return at + body_len;
}

static const char *after_head(const char *at, size_t *body_len, bool *is_last)
{
    static const char length[] = "\r\nContent-Length: ";
    static const char close[] = "\r\nConnection: close\r\n";
    const char       *end = strstr(at, "\r\n\r\n");
    const char       *field = strstr(at, length);
    const char       *last = strstr(at, close);

    require(end != NULL && field != NULL && field < end);
    *body_len = strtoul(field + sizeof(length) - 1, NULL, 10);
    *is_last = last != NULL && last < end;
    return end + 4;
}
