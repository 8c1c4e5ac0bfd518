#include "base/error.h"

#include "suites.h"

#include <errno.h>
#include <string.h>

START_TEST(every_kind_has_a_text_of_its_own)
{
    for (int one = ERROR_NONE; one <= ERROR_INTERNAL; one++) {
        ck_assert_str_ne(error_kind_text((enum error_kind)one), "unknown");
        for (int other = ERROR_NONE; other < one; other++) {
            ck_assert_str_ne(error_kind_text((enum error_kind)one),
                             error_kind_text((enum error_kind)other));
        }
    }
}
END_TEST

START_TEST(an_errno_is_sorted_by_what_to_do_about_it)
{
    static const struct {
        int             code;
        enum error_kind kind;
    } rows[] = {
        {ECONNRESET, ERROR_RESET},
        {ECONNABORTED, ERROR_RESET},
        {EPIPE, ERROR_BROKEN},
        {ENOTCONN, ERROR_BROKEN},
        {ETIMEDOUT, ERROR_TIMEOUT},
        {ECANCELED, ERROR_CANCELLED},
        {ECONNREFUSED, ERROR_REFUSED},
        {ENOENT, ERROR_REFUSED},
        {EHOSTUNREACH, ERROR_UNREACHABLE},
        {ENETUNREACH, ERROR_UNREACHABLE},
        {ENETDOWN, ERROR_UNREACHABLE},
        {EHOSTDOWN, ERROR_UNREACHABLE},
        {EADDRNOTAVAIL, ERROR_UNREACHABLE},
        {EMFILE, ERROR_EXHAUSTED},
        {ENFILE, ERROR_EXHAUSTED},
        {ENOMEM, ERROR_EXHAUSTED},
        {ENOBUFS, ERROR_EXHAUSTED},
        {EAGAIN, ERROR_EXHAUSTED},
        {ENOSYS, ERROR_UNSUPPORTED},
        {EPERM, ERROR_UNSUPPORTED},
        {EINVAL, ERROR_UNSUPPORTED},
        {EOPNOTSUPP, ERROR_UNSUPPORTED},
        {EAFNOSUPPORT, ERROR_UNSUPPORTED},
        {EPROTONOSUPPORT, ERROR_UNSUPPORTED},
        {EBADF, ERROR_INTERNAL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error error = error_from_errno(rows[i].code, "step");

        ck_assert_int_eq(error_kind(&error), rows[i].kind);
        ck_assert_int_eq(error.source, ERROR_FROM_SYSTEM);
    }
}
END_TEST

START_TEST(a_text_names_the_step_and_what_happened_to_whom)
{
    char         text[100];
    struct error ours = error_make(ERROR_TIMEOUT, "connect");
    struct error systems = error_from_errno(ECONNREFUSED, "connect");
    struct error openssls = {.kind = ERROR_TLS_PROTOCOL,
                             .source = ERROR_FROM_OPENSSL,
                             .code = 0xa000119,
                             .step = "decrypt"};
    struct error nobodys = error_make(ERROR_CLOSED, NULL);

    ck_assert_str_eq(error_text(&ours, text, sizeof(text)), "connect: timed out");
    ck_assert_str_eq(error_text(&systems, text, sizeof(text)), "connect: Connection refused");
    ck_assert_str_eq(error_text(&openssls, text, sizeof(text)), "decrypt: OpenSSL error 0xa000119");
    ck_assert_str_eq(error_text(&nobodys, text, sizeof(text)), "?: closed");
}
END_TEST

START_TEST(a_text_without_room_is_cut_and_still_a_string)
{
    char         text[8];
    struct error error = error_make(ERROR_RESET, "receive");

    ck_assert_str_eq(error_text(&error, text, sizeof(text)), "receive");
}
END_TEST

Suite *error_suite(void)
{
    return suite_of("error",
                    (const TTest *const[]){every_kind_has_a_text_of_its_own,
                                           an_errno_is_sorted_by_what_to_do_about_it,
                                           a_text_names_the_step_and_what_happened_to_whom,
                                           a_text_without_room_is_cut_and_still_a_string, NULL});
}
