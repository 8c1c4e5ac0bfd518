#include "backend/http_hello.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

struct request {
    struct bytes_const method;
    uint64_t           body_bytes;
    bool               is_http_1_0;
    bool               wants_close;
    bool               wants_keep_alive;
    bool               is_malformed;
};

static bool   skip_body(struct http_hello *hello, struct buffer *input);
static size_t head_len(struct bytes_const input);
static void   read_head(struct bytes_const head, struct request *request);
static void   read_request_line(struct bytes_const line, struct request *request);
static void   read_field(struct bytes_const line, struct request *request);
static void   read_content_length(struct bytes_const value, struct request *request);
static bool   next_line(struct bytes_const *rest, struct bytes_const *line);
static bool   is_word(struct bytes_const bytes, const char *word);
static void   answer(struct buffer *output, const struct request *request, const char *page,
                     bool is_last);

bool http_hello_answer(struct http_hello *hello, struct buffer *input, struct buffer *output,
                       const char *page)
{
    while (!hello->is_last && skip_body(hello, input) &&
           buffer_room(output) >= HTTP_HELLO_ANSWER_BYTES_MAX) {
        struct request     request = {0};
        struct bytes_const readable = buffer_readable(input);
        size_t             len = head_len(readable);

        if (len == 0 && readable.len < HTTP_HELLO_HEAD_BYTES_MAX) {
            break;
        }
        if (len == 0) {
            request.is_malformed = true;
            len = readable.len;
        } else {
            read_head((struct bytes_const){readable.data, len}, &request);
        }
        buffer_consumed(input, len);
        hello->body_left = request.body_bytes;
        hello->is_last = request.is_malformed || request.wants_close ||
                         (request.is_http_1_0 && !request.wants_keep_alive);
        answer(output, &request, page, hello->is_last);
    }
    return !hello->is_last;
}

/* True when the present request's body is behind us. */
static bool skip_body(struct http_hello *hello, struct buffer *input)
{
    size_t len = buffer_len(input);
    size_t skipped = hello->body_left < len ? (size_t)hello->body_left : len;

    buffer_consumed(input, skipped);
    hello->body_left -= skipped;
    return hello->body_left == 0;
}

/* Length of the head with the empty line that ends it, or 0 while it is incomplete. */
static size_t head_len(struct bytes_const input)
{
    const uint8_t *end = input.len == 0 ? NULL : memmem(input.data, input.len, "\r\n\r\n", 4);

    return end == NULL ? 0 : (size_t)(end - input.data) + 4;
}

static void read_head(struct bytes_const head, struct request *request)
{
    struct bytes_const line;

    if (!next_line(&head, &line)) {
        request->is_malformed = true;
        return;
    }
    read_request_line(line, request);
    while (next_line(&head, &line) && line.len > 0) {
        read_field(line, request);
    }
}

static void read_request_line(struct bytes_const line, struct request *request)
{
    static const char version[] = " HTTP/1.";
    const uint8_t    *space = memchr(line.data, ' ', line.len);
    size_t            version_len = sizeof(version); /* with the digit in place of the NUL */

    if (space == NULL || line.len < version_len ||
        memcmp(line.data + line.len - version_len, version, version_len - 1) != 0) {
        request->is_malformed = true;
        return;
    }
    request->method = (struct bytes_const){line.data, (size_t)(space - line.data)};
    request->is_http_1_0 = line.data[line.len - 1] == '0';
}

static void read_field(struct bytes_const line, struct request *request)
{
    const uint8_t *colon = memchr(line.data, ':', line.len);

    if (colon == NULL) {
        request->is_malformed = true;
        return;
    }
    struct bytes_const name = {line.data, (size_t)(colon - line.data)};
    struct bytes_const value = {colon + 1, line.len - name.len - 1};

    while (value.len > 0 && (*value.data == ' ' || *value.data == '\t')) {
        value.data++;
        value.len--;
    }
    if (is_word(name, "content-length")) {
        read_content_length(value, request);
    } else if (is_word(name, "transfer-encoding")) {
        request->wants_close = true; /* the page needs no body: end rather than parse chunks */
    } else if (is_word(name, "connection")) {
        request->wants_close = request->wants_close || is_word(value, "close");
        request->wants_keep_alive = is_word(value, "keep-alive");
    }
}

static void read_content_length(struct bytes_const value, struct request *request)
{
    enum { DIGITS_MAX = 18 };

    request->is_malformed = request->is_malformed || value.len == 0 || value.len > DIGITS_MAX;
    for (size_t i = 0; i < value.len && !request->is_malformed; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') {
            request->is_malformed = true;
        } else {
            request->body_bytes = request->body_bytes * 10 + (uint64_t)(value.data[i] - '0');
        }
    }
}

static bool next_line(struct bytes_const *rest, struct bytes_const *line)
{
    const uint8_t *end = rest->len == 0 ? NULL : memmem(rest->data, rest->len, "\r\n", 2);

    if (end == NULL) {
        return false;
    }
    *line = (struct bytes_const){rest->data, (size_t)(end - rest->data)};
    rest->len -= line->len + 2;
    rest->data = end + 2;
    return true;
}

static bool is_word(struct bytes_const bytes, const char *word)
{
    return bytes.len == strlen(word) && strncasecmp((const char *)bytes.data, word, bytes.len) == 0;
}

static void answer(struct buffer *output, const struct request *request, const char *page,
                   bool is_last)
{
    struct bytes writable = buffer_writable(output);
    struct text  text;
    bool         is_head = is_word(request->method, "HEAD");
    const char  *status = "200 OK";
    const char  *body = page;

    if (request->is_malformed) {
        status = "400 Bad Request";
        body = "bad request\n";
    } else if (!is_head && !is_word(request->method, "GET") && !is_word(request->method, "POST")) {
        status = "405 Method Not Allowed\r\nAllow: GET, HEAD, POST";
        body = "only GET, HEAD and POST\n";
    }
    text_init(&text, (char *)writable.data, writable.len);
    text_format(&text, "HTTP/1.1 %s\r\nServer: sallyport\r\n", status);
    text_format(&text, "Content-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n",
                strlen(body));
    text_format(&text, "%s\r\n%s", is_last ? "Connection: close\r\n" : "", is_head ? "" : body);
    buffer_produced(output, text_len(&text));
}
