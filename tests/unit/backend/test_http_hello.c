#include "backend/http_hello.h"

#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUTPUT_BYTES = 16 * 1024, MUTATIONS = 20000, REQUEST_BYTES = 600, ANSWERS_MAX = 64 };

static const char PAGE[] = "sni: example.org\nversion: TLSv1.3\n";

/* What a connection answered so far. */
static struct http_hello hello;
static struct buffer     input, output;
static uint8_t           output_bytes[OUTPUT_BYTES];
static char              answers[OUTPUT_BYTES + 1];
static const char       *unread; /* answers not yet checked */
static bool              is_open;

static void begin(void)
{
    hello = (struct http_hello){0};
    output = (struct buffer){0};
    buffer_attach(&output, output_bytes, OUTPUT_BYTES);
    is_open = true;
}

/* Takes a copy of exactly these bytes, so that reading past them is noticed; what was not yet used
 * stays in front. */
static void feed(const char *bytes, size_t len)
{
    struct bytes_const left = buffer_readable(&input);
    uint8_t           *memory = malloc(left.len + len + 1);

    ck_assert_ptr_nonnull(memory);
    if (left.len > 0) {
        memcpy(memory, left.data, left.len);
    }
    memcpy(memory + left.len, bytes, len);
    free(buffer_detach(&input));
    memory = realloc(memory, left.len + len > 0 ? left.len + len : 1);
    ck_assert_ptr_nonnull(memory);
    buffer_attach(&input, memory, left.len + len > 0 ? left.len + len : 1);
    buffer_produced(&input, left.len + len);
    is_open = is_open && http_hello_answer(&hello, &input, &output, PAGE);
}

static void collect(void)
{
    struct bytes_const readable = buffer_readable(&output);

    if (readable.len > 0) {
        memcpy(answers, readable.data, readable.len);
    }
    answers[readable.len] = '\0';
    unread = answers;
    free(buffer_detach(&input));
}

static void ask(const char *text)
{
    begin();
    feed(text, strlen(text));
    collect();
}

/* The value of a field of the next answer, or NULL. */
static const char *field(const char *name)
{
    static char value[128];
    char        wanted[64];
    const char *end = strstr(unread, "\r\n\r\n");

    (void)snprintf(wanted, sizeof(wanted), "\r\n%s: ", name);
    const char *at = strstr(unread, wanted);

    ck_assert_ptr_nonnull(end);
    if (at == NULL || at >= end) {
        return NULL;
    }
    at += strlen(wanted);
    (void)snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\r"), at);
    return value;
}

/* The next answer is a whole one with this status; goes on to the one after. */
static void check_answer(const char *status, const char *body)
{
    char   line[64];
    size_t len = strlen(body);

    (void)snprintf(line, sizeof(line), "HTTP/1.1 %s\r\n", status);
    ck_assert_int_eq(strncmp(unread, line, strlen(line)), 0);
    ck_assert_ptr_nonnull(field("Content-Length"));
    ck_assert_ptr_nonnull(field("Content-Type"));
    ck_assert_str_eq(field("X-Content-Type-Options"), "nosniff");
    unread = strstr(unread, "\r\n\r\n") + 4;
    ck_assert_int_eq(strncmp(unread, body, len), 0);
    unread += len;
}

static void check_page(void)
{
    char len[16];

    (void)snprintf(len, sizeof(len), "%zu", strlen(PAGE));
    ck_assert_str_eq(field("Content-Length"), len);
    check_answer("200 OK", PAGE);
}

static void check_no_more(bool must_be_open)
{
    ck_assert_str_eq(unread, "");
    ck_assert(is_open == must_be_open);
}

static void check_refused(const char *text, const char *status)
{
    ask(text);
    ck_assert_str_eq(field("Connection"), "close");
    check_answer(status, "this request cannot be answered\n");
    check_no_more(false);
}

START_TEST(a_request_is_answered_with_the_page_and_the_connection_stays)
{
    ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert_ptr_null(field("Connection"));
    check_page();
    check_no_more(true);
}
END_TEST

START_TEST(half_a_request_is_waited_for_byte_by_byte)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    begin();
    for (size_t i = 0; i + 1 < sizeof(request); i++) {
        ck_assert(buffer_is_empty(&output));
        feed(&request[i], 1);
    }
    collect();
    check_page();
    check_no_more(true);
}
END_TEST

START_TEST(requests_sent_together_are_answered_one_after_another)
{
    ask("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
        "GET /GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
    check_page();
    check_page();
    check_page();
    check_no_more(true);
}
END_TEST

START_TEST(requests_wait_for_room_for_their_answers)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    unsigned          asked = 0;

    begin();
    for (; buffer_room(&output) >= HTTP_HELLO_ANSWER_BYTES_MAX; asked++) {
        feed(request, strlen(request));
    }
    size_t len = buffer_len(&output);

    feed(request, strlen(request));
    ck_assert(is_open);
    ck_assert_uint_eq(buffer_len(&output), len);
    ck_assert_uint_eq(buffer_len(&input), strlen(request));
    buffer_consumed(&output, len);
    feed("", 0);
    collect();
    check_page();
    check_no_more(true);
}
END_TEST

START_TEST(head_is_answered_without_the_page_but_with_its_length)
{
    char len[16];

    (void)snprintf(len, sizeof(len), "%zu", strlen(PAGE));
    ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert_str_eq(field("Content-Length"), len);
    check_answer("200 OK", "");
    check_no_more(true);
}
END_TEST

START_TEST(a_request_to_close_is_heeded_wherever_it_stands)
{
    ask("GET / HTTP/1.1\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    ck_assert_str_eq(field("Connection"), "close");
    check_page();
    check_no_more(false);
    ask("GET / HTTP/1.1\r\nconnection: TE , Close\t\r\n\r\n");
    check_page();
    check_no_more(false);
    ask("GET / HTTP/1.1\r\nConnection: closed\r\n\r\n");
    check_page();
    check_no_more(true);
}
END_TEST

START_TEST(http_1_0_ends_unless_it_asks_to_stay_and_is_told_which)
{
    ask("GET / HTTP/1.0\r\n\r\n");
    ck_assert_str_eq(field("Connection"), "close");
    check_page();
    check_no_more(false);
    ask("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    ck_assert_str_eq(field("Connection"), "keep-alive");
    check_page();
    check_no_more(true);
    ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: TE\r\n\r\n");
    check_page();
    check_no_more(true);
}
END_TEST

START_TEST(a_body_of_known_length_is_skipped_however_it_comes)
{
    static const char *const parts[] = {"POST / HTTP/1.1\r\nContent-Length: 10 \r\n\r\nGET",
                                        " / HTT", "PGET / HTTP/1.1\r\n\r\n"};

    begin();
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        feed(parts[i], strlen(parts[i]));
    }
    collect();
    check_page();
    check_page();
    check_no_more(true);
}
END_TEST

START_TEST(a_body_that_cannot_be_skipped_ends_the_connection)
{
    ask("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    ck_assert_str_eq(field("Connection"), "close");
    check_page();
    check_no_more(false);
}
END_TEST

START_TEST(a_body_that_may_not_come_ends_the_connection)
{
    ask("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n");
    ck_assert_str_eq(field("Connection"), "close");
    check_page();
    check_no_more(false);
}
END_TEST

START_TEST(other_methods_are_not_allowed_and_their_bodies_skipped)
{
    ask("PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcget / HTTP/1.1\r\n\r\n"
        "GET / HTTP/1.1\r\n\r\n");
    ck_assert_str_eq(field("Allow"), "GET, HEAD, POST");
    check_answer("405 Method Not Allowed", "only GET, HEAD and POST\n");
    check_answer("405 Method Not Allowed", "only GET, HEAD and POST\n");
    check_page();
    check_no_more(true);
}
END_TEST

START_TEST(empty_lines_before_a_request_are_forgiven)
{
    ask("\r\n\r\nGET / HTTP/1.1\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n\r\n");
    check_page();
    check_page();
    check_no_more(true);
}
END_TEST

START_TEST(a_malformed_head_is_refused)
{
    static const char *const heads[] = {
        "x\r\n\r\n",
        "GET /\r\n\r\n",
        "GET HTTP/1.1\r\n\r\n",
        "GET  HTTP/1.1\r\n\r\n",
        " / HTTP/1.1\r\n\r\n",
        "GET / a HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1 \r\n\r\n",
        "GET / HTTP/1.x\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET / HTTP/1.10\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "G(T / HTTP/1.1\r\n\r\n",
        "GET /\n HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\n: no name\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length:\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1234567890123456789\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        check_refused(heads[i], "400 Bad Request");
    }
    begin();
    feed("GET / HTTP/1.1\r\nHost: \0\r\n\r\n", 27);
    collect();
    check_answer("400 Bad Request", "this request cannot be answered\n");
    check_no_more(false);
}
END_TEST

/* A request whose head has this many bytes. */
static char *head_of(size_t bytes)
{
    static char head[3 * HTTP_HELLO_HEAD_BYTES_MAX];
    int         len = snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nA: ");

    memset(head + len, 'x', bytes - (size_t)len - 4);
    memcpy(head + bytes - 4, "\r\n\r\n", 5);
    return head;
}

START_TEST(a_head_may_be_as_long_as_allowed_and_no_longer_however_it_comes)
{
    char *head = head_of(HTTP_HELLO_HEAD_BYTES_MAX);

    ask(head);
    check_page();
    check_no_more(true);
    begin();
    feed(head, HTTP_HELLO_HEAD_BYTES_MAX - 1);
    feed("\n", 1);
    collect();
    check_page();
    check_no_more(true);
    head = head_of(HTTP_HELLO_HEAD_BYTES_MAX + 1);
    check_refused(head, "431 Request Header Fields Too Large");
    check_refused(head_of(2 * HTTP_HELLO_HEAD_BYTES_MAX), "431 Request Header Fields Too Large");
    head[HTTP_HELLO_HEAD_BYTES_MAX] = '\0'; /* its end has not come */
    check_refused(head, "431 Request Header Fields Too Large");
}
END_TEST

START_TEST(the_longest_page_fits_every_answer)
{
    static char page[HTTP_HELLO_PAGE_BYTES_MAX + 1];
    static char request[] = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    uint8_t     memory[HTTP_HELLO_ANSWER_BYTES_MAX];

    memset(page, 'p', HTTP_HELLO_PAGE_BYTES_MAX);
    begin();
    (void)buffer_detach(&output);
    buffer_attach(&output, memory, sizeof(memory));
    buffer_attach(&input, request, strlen(request));
    buffer_produced(&input, strlen(request));
    ck_assert(http_hello_answer(&hello, &input, &output, page));
    (void)buffer_detach(&input);
    ck_assert_uint_gt(buffer_len(&output), HTTP_HELLO_PAGE_BYTES_MAX);
    ck_assert_mem_eq(buffer_readable(&output).data + buffer_len(&output) -
                         HTTP_HELLO_PAGE_BYTES_MAX,
                     page, HTTP_HELLO_PAGE_BYTES_MAX);
}
END_TEST

/* --- absurd bytes --------------------------------------------------------------------------- */

static uint64_t chance(uint64_t below)
{
    static uint64_t state = 20261124;

    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (state >> 33) % below;
}

static size_t mutate(char *request, size_t len)
{
    static const char pieces[] = "\r\n\r\n \t:,/HTTP/1.0\0\n\xff"
                                 "99";

    for (uint64_t edits = chance(6); edits > 0 && len > 1; edits--) {
        size_t at = (size_t)chance(len);
        size_t run = 1 + (size_t)chance(4);

        if (chance(3) == 0 && len + run < REQUEST_BYTES) {
            memmove(request + at + run, request + at, len - at);
            memcpy(request + at, pieces + chance(sizeof(pieces) - run), run);
            len += run;
        } else if (chance(2) == 0 && at + run < len) {
            memmove(request + at, request + at + run, len - at - run);
            len -= run;
        } else {
            request[at] = pieces[chance(sizeof(pieces) - 1)];
        }
    }
    return len;
}

/* Whole answers, each with a length that is true, and only the last one may end the connection. */
static void check_well_formed(void)
{
    bool has_closed = false;

    for (int i = 0; i < ANSWERS_MAX && *unread != '\0'; i++) {
        ck_assert(!has_closed);
        ck_assert_int_eq(strncmp(unread, "HTTP/1.1 ", 9), 0);
        ck_assert_ptr_nonnull(strstr(unread, "\r\n\r\n"));
        const char *connection = field("Connection");

        has_closed = connection != NULL && strcmp(connection, "close") == 0;
        ck_assert_ptr_nonnull(field("Content-Length"));
        size_t len = strtoul(field("Content-Length"), NULL, 10);

        unread = strstr(unread, "\r\n\r\n") + 4;
        ck_assert_uint_ge(strlen(unread), len);
        unread += len;
    }
    ck_assert_str_eq(unread, "");
    ck_assert(is_open == !has_closed);
}

START_TEST(absurd_bytes_get_well_formed_answers_or_none)
{
    static const char *const requests[] = {
        "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 12\r\nHost: a\r\n\r\nhello, worldGET / "
        "HTTP/1.1\r\n\r\n",
        "PUT / HTTP/1.1\r\nExpect: 100-continue\r\nConnection: a, close\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    };
    char request[REQUEST_BYTES];

    for (int i = 0; i < MUTATIONS; i++) {
        size_t len = strlen(requests[i % 4]);

        memcpy(request, requests[i % 4], len);
        len = mutate(request, len);
        begin();
        for (size_t fed = 0; fed < len && is_open;) {
            size_t part = 1 + (size_t)chance(len - fed);

            feed(request + fed, part);
            fed += part;
        }
        collect();
        check_well_formed();
    }
}
END_TEST

Suite *http_hello_suite(void)
{
    return suite_of("http_hello",
                    (const TTest *const[]){
                        a_request_is_answered_with_the_page_and_the_connection_stays,
                        half_a_request_is_waited_for_byte_by_byte,
                        requests_sent_together_are_answered_one_after_another,
                        requests_wait_for_room_for_their_answers,
                        head_is_answered_without_the_page_but_with_its_length,
                        a_request_to_close_is_heeded_wherever_it_stands,
                        http_1_0_ends_unless_it_asks_to_stay_and_is_told_which,
                        a_body_of_known_length_is_skipped_however_it_comes,
                        a_body_that_cannot_be_skipped_ends_the_connection,
                        a_body_that_may_not_come_ends_the_connection,
                        other_methods_are_not_allowed_and_their_bodies_skipped,
                        empty_lines_before_a_request_are_forgiven, a_malformed_head_is_refused,
                        a_head_may_be_as_long_as_allowed_and_no_longer_however_it_comes,
                        the_longest_page_fits_every_answer,
                        absurd_bytes_get_well_formed_answers_or_none, NULL});
}
