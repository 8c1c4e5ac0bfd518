#include "backend/http_hello.h"

#include "base/require.h"
#include "base/text.h"

#include <string.h>
#include <strings.h>

static const char MALFORMED[] = "400 Bad Request";
static const char TOO_LARGE[] = "431 Request Header Fields Too Large";

struct request {
    const char        *refusal; /* NULL: it can be answered */
    struct bytes_const method;
    uint64_t           body_bytes;
    bool               has_length;
    bool               is_http_1_0;
    bool               wants_close;
    bool               wants_keep_alive;
};

static bool               skip_body(struct http_hello *hello, struct buffer *input);
static void               skip_empty_lines(struct buffer *input);
static size_t             head_len(struct bytes_const input);
static bool               read_head(struct bytes_const head, struct request *request);
static bool               read_request_line(struct bytes_const line, struct request *request);
static bool               read_field(struct bytes_const line, struct request *request);
static bool               read_content_length(struct bytes_const value, struct request *request);
static void               read_connection(struct bytes_const value, struct request *request);
static bool               next_line(struct bytes_const *rest, struct bytes_const *line);
static bool               is_text(struct bytes_const line);
static bool               is_token(struct bytes_const bytes);
static bool               is_word(struct bytes_const bytes, const char *word);
static bool               is_method(const struct request *request, const char *method);
static struct bytes_const trimmed(struct bytes_const bytes);
static void answer(struct buffer *output, const struct request *request, const char *page,
                   bool is_last);

bool http_hello_answer(struct http_hello *hello, struct buffer *input, struct buffer *output,
                       const char *page)
{
    while (!hello->is_last && skip_body(hello, input) &&
           buffer_room(output) >= HTTP_HELLO_ANSWER_BYTES_MAX) {
        skip_empty_lines(input);
        struct request     request = {0};
        struct bytes_const readable = buffer_readable(input);
        size_t             len = head_len(readable);

        if (len == 0 && readable.len < HTTP_HELLO_HEAD_BYTES_MAX) {
            break;
        }
        if (len == 0 || len > HTTP_HELLO_HEAD_BYTES_MAX) {
            request.refusal = TOO_LARGE;
            len = readable.len;
        } else if (!read_head((struct bytes_const){readable.data, len}, &request)) {
            request.refusal = MALFORMED;
        }
        hello->body_left = request.body_bytes;
        hello->is_last = request.refusal != NULL || request.wants_close ||
                         (request.is_http_1_0 && !request.wants_keep_alive);
        answer(output, &request, page, hello->is_last);
        buffer_consumed(input, len);
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

/* Some clients send one after a body (RFC 9112 section 2.2). */
static void skip_empty_lines(struct buffer *input)
{
    struct bytes_const readable = buffer_readable(input);

    while (readable.len >= 2 && memcmp(readable.data, "\r\n", 2) == 0) {
        buffer_consumed(input, 2);
        readable = buffer_readable(input);
    }
}

/* Length of the head with the empty line that ends it, or 0 while it is incomplete. */
static size_t head_len(struct bytes_const input)
{
    const uint8_t *end = input.len == 0 ? NULL : memmem(input.data, input.len, "\r\n\r\n", 4);

    return end == NULL ? 0 : (size_t)(end - input.data) + 4;
}

/* This and the following: false when it is malformed. */
static bool read_head(struct bytes_const head, struct request *request)
{
    struct bytes_const line;

    if (!next_line(&head, &line) || !is_text(line) || !read_request_line(line, request)) {
        return false;
    }
    while (next_line(&head, &line) && line.len > 0) {
        if (!is_text(line) || !read_field(line, request)) {
            return false;
        }
    }
    return true;
}

/* Three words with one space between them. */
static bool read_request_line(struct bytes_const line, struct request *request)
{
    static const char version[] = "HTTP/1.";
    const uint8_t    *first = memchr(line.data, ' ', line.len);
    const uint8_t    *last = memrchr(line.data, ' ', line.len);

    if (first == last || last - first < 2 ||
        memchr(first + 1, ' ', (size_t)(last - first) - 1) != NULL) {
        return false;
    }
    struct bytes_const word = {last + 1, (size_t)(line.data + line.len - last) - 1};

    if (word.len != sizeof(version) || memcmp(word.data, version, sizeof(version) - 1) != 0 ||
        word.data[word.len - 1] < '0' || word.data[word.len - 1] > '9') {
        return false;
    }
    request->method = (struct bytes_const){line.data, (size_t)(first - line.data)};
    request->is_http_1_0 = word.data[word.len - 1] == '0';
    return is_token(request->method);
}

/* A line folded into the one before has no name of its own, and is refused. */
static bool read_field(struct bytes_const line, struct request *request)
{
    const uint8_t *colon = memchr(line.data, ':', line.len);

    if (colon == NULL) {
        return false;
    }
    struct bytes_const name = {line.data, (size_t)(colon - line.data)};
    struct bytes_const value = trimmed((struct bytes_const){colon + 1, line.len - name.len - 1});

    if (is_word(name, "content-length")) {
        return read_content_length(value, request);
    }
    if (is_word(name, "connection")) {
        read_connection(value, request);
    } else if (is_word(name, "transfer-encoding") || is_word(name, "expect")) {
        request->wants_close = true; /* the page needs no body: end rather than wait for it */
    }
    return is_token(name);
}

static bool read_content_length(struct bytes_const value, struct request *request)
{
    enum { DIGITS_MAX = 18 };

    if (request->has_length || value.len == 0 || value.len > DIGITS_MAX) {
        return false;
    }
    request->has_length = true;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') {
            return false;
        }
        request->body_bytes = request->body_bytes * 10 + (uint64_t)(value.data[i] - '0');
    }
    return true;
}

/* Words with commas between them. */
static void read_connection(struct bytes_const value, struct request *request)
{
    while (value.len > 0) {
        const uint8_t     *comma = memchr(value.data, ',', value.len);
        size_t             len = comma == NULL ? value.len : (size_t)(comma - value.data);
        struct bytes_const word = trimmed((struct bytes_const){value.data, len});

        request->wants_close = request->wants_close || is_word(word, "close");
        request->wants_keep_alive = request->wants_keep_alive || is_word(word, "keep-alive");
        len += comma == NULL ? 0 : 1;
        value.data += len;
        value.len -= len;
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

/* What may not stand within a line (RFC 9110 section 5.5). */
static bool is_text(struct bytes_const line)
{
    return memchr(line.data, '\0', line.len) == NULL && memchr(line.data, '\r', line.len) == NULL &&
           memchr(line.data, '\n', line.len) == NULL;
}

static bool is_token(struct bytes_const bytes)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = bytes.data[i];
        uint8_t lower = byte | 0x20;
        bool    is_mark = memchr(marks, byte, sizeof(marks) - 1) != NULL;

        if (!is_mark && !(byte >= '0' && byte <= '9') && !(lower >= 'a' && lower <= 'z')) {
            return false;
        }
    }
    return bytes.len > 0;
}

static bool is_word(struct bytes_const bytes, const char *word)
{
    return bytes.len == strlen(word) && strncasecmp((const char *)bytes.data, word, bytes.len) == 0;
}

/* Methods tell upper case from lower. */
static bool is_method(const struct request *request, const char *method)
{
    return request->method.len == strlen(method) &&
           memcmp(request->method.data, method, request->method.len) == 0;
}

static struct bytes_const trimmed(struct bytes_const bytes)
{
    while (bytes.len > 0 && (bytes.data[0] == ' ' || bytes.data[0] == '\t')) {
        bytes.data++;
        bytes.len--;
    }
    while (bytes.len > 0 &&
           (bytes.data[bytes.len - 1] == ' ' || bytes.data[bytes.len - 1] == '\t')) {
        bytes.len--;
    }
    return bytes;
}

/* A client of HTTP/1.0 takes the end of the connection for the end of the page unless it is told
 * that the connection stays. */
static void answer(struct buffer *output, const struct request *request, const char *page,
                   bool is_last)
{
    struct bytes writable = buffer_writable(output);
    struct text  text;
    bool         is_head = is_method(request, "HEAD");
    const char  *status = "200 OK";
    const char  *body = page;
    const char  *connection = request->is_http_1_0 ? "Connection: keep-alive\r\n" : "";

    if (request->refusal != NULL) {
        status = request->refusal;
        body = "this request cannot be answered\n";
    } else if (!is_head && !is_method(request, "GET") && !is_method(request, "POST")) {
        status = "405 Method Not Allowed\r\nAllow: GET, HEAD, POST";
        body = "only GET, HEAD and POST\n";
    }
    text_init(&text, (char *)writable.data, writable.len);
    text_format(&text, "HTTP/1.1 %s\r\nServer: sallyport\r\n", status);
    text_string(&text, "Content-Type: text/plain; charset=utf-8\r\n"
                       "X-Content-Type-Options: nosniff\r\n"); /* names are the client's words */
    text_format(&text, "Content-Length: %zu\r\n", strlen(body));
    text_format(&text, "%s\r\n%s", is_last ? "Connection: close\r\n" : connection,
                is_head ? "" : body);
    require(!text_is_cut(&text));
    buffer_produced(output, text_len(&text));
}
