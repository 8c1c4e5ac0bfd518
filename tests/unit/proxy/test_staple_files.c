/* Files of OCSP answers over several rounds: what is read again, what is kept, what is told. */
#include "proxy/staple_files.h"

#include "authority.h"
#include "proxy/pem_dir.h"
#include "responder.h"
#include "scratch.h"
#include "suites.h"
#include "tls/context.h"

#include <openssl/ocsp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct scratch          scratch;
static struct tls_library     *library;
static struct staple_files     files;
static struct credential       root;
static struct credential       www;
static struct tls_certificate *certificate;
static char                    problem[TLS_PROBLEM_BYTES];

static struct tls_certificate *certificate_of(const struct credential *credential)
{
    char                   *text = credential_pem_with_key(credential, &root);
    struct text             why;
    struct tls_pem          pem = {.certificate_path = "www.pem",
                                   .certificate = {(const uint8_t *)text, strlen(text)}};
    struct tls_certificate *made = NULL;

    text_init(&why, problem, sizeof(problem));
    made = tls_certificate_new(library, &pem, &why);
    ck_assert_msg(made != NULL, "%s", problem);
    free(text);
    return made;
}

static void set_up(void)
{
    struct error error;

    scratch_open(&scratch);
    library = tls_library_new(&error);
    ck_assert_ptr_nonnull(library);
    root = authority_make(NULL, "root");
    www = client_make(&root, "www");
    certificate = certificate_of(&www);
    files = (struct staple_files){0};
}

static void tear_down(void)
{
    staple_files_fini(&files);
    tls_certificate_free(&certificate);
    tls_library_free(&library);
    credential_fini(&root);
    credential_fini(&www);
    scratch_close(&scratch);
}

/* The text that was written, to be freed. */
static char *write_answer(const char *name, int status, long ends_s)
{
    struct bytes der = answer_make(&(struct answer_options){
        .issuer = &root, .about = &www, .status = status, .ends_s = ends_s});
    char        *text = answer_pem(der);

    scratch_write(&scratch, name, text);
    free(der.data);
    return text;
}

static struct tls_staple *get(const char *name)
{
    char        path[SCRATCH_PATH_BYTES];
    struct text why;

    text_init(&why, problem, sizeof(problem));
    scratch_name(&scratch, name, path);
    return staple_files_get(&files, certificate, path, &why);
}

static struct staple_tally tally(void)
{
    struct staple_tally found;

    staple_files_tally(&files, &found);
    return found;
}

static void next_round(void)
{
    staple_files_sweep(&files);
    staple_files_begin(&files);
}

START_TEST(a_file_with_the_same_bytes_gives_the_same_staple)
{
    char *text = write_answer("a.ocsp", V_OCSP_CERTSTATUS_GOOD, 0);

    staple_files_begin(&files);
    struct tls_staple *first = get("a.ocsp");

    ck_assert_ptr_nonnull(first);
    ck_assert_str_eq(problem, "");
    ck_assert_uint_eq(tally().read, 1);
    ck_assert_ptr_eq(get("a.ocsp"), first);
    next_round();
    scratch_write(&scratch, "a.ocsp", text);
    ck_assert_ptr_eq(get("a.ocsp"), first);
    ck_assert_uint_eq(tally().count, 1);
    ck_assert_uint_eq(tally().read, 0);
    free(text);
}
END_TEST

START_TEST(a_new_answer_gives_a_new_staple)
{
    free(write_answer("a.ocsp", V_OCSP_CERTSTATUS_GOOD, 0));
    staple_files_begin(&files);
    struct tls_staple *first = tls_staple_hold(get("a.ocsp"));

    next_round();
    free(write_answer("a.ocsp", V_OCSP_CERTSTATUS_REVOKED, 0));
    struct tls_staple *second = get("a.ocsp");

    ck_assert_ptr_ne(first, second);
    ck_assert(tls_staple_is_revoked(second));
    ck_assert_uint_eq(tally().read, 1);
    ck_assert_uint_eq(tally().revoked, 1);
    ck_assert_ptr_nonnull(strstr(tally().revoked_path, "/a.ocsp"));
    tls_staple_free(&first);
}
END_TEST

START_TEST(a_file_that_went_bad_leaves_the_last_good_staple_until_it_is_good_again)
{
    free(write_answer("a.ocsp", V_OCSP_CERTSTATUS_GOOD, 0));
    staple_files_begin(&files);
    struct tls_staple *good = get("a.ocsp");

    for (int i = 0; i < 3; i++) {
        next_round();
        scratch_write(&scratch, "a.ocsp", i == 0 ? "" : "nonsense");
        ck_assert_ptr_eq(get("a.ocsp"), good);
        ck_assert_ptr_nonnull(strstr(problem, "/a.ocsp: "));
        ck_assert_ptr_nonnull(strstr(problem, "; the last good one is sent until 20"));
        ck_assert_uint_eq(tally().kept, 1);
        ck_assert_uint_eq(tally().errors, 0);
    }
    next_round();
    free(write_answer("a.ocsp", V_OCSP_CERTSTATUS_GOOD, 1800));
    ck_assert_ptr_ne(get("a.ocsp"), good);
    ck_assert_str_eq(problem, "");
    ck_assert_uint_eq(tally().kept, 0);
}
END_TEST

START_TEST(a_staple_that_has_expired_is_dropped_and_told)
{
    free(write_answer("a.ocsp", V_OCSP_CERTSTATUS_GOOD, 1));
    staple_files_begin(&files);
    ck_assert_ptr_nonnull(get("a.ocsp"));
    next_round();
    (void)sleep(2);
    ck_assert_ptr_null(get("a.ocsp"));
    ck_assert_ptr_nonnull(strstr(problem, "the OCSP answer has expired, on 20"));
    ck_assert_ptr_nonnull(strstr(problem, "; it is not sent"));
    ck_assert_uint_eq(tally().count, 0);
    ck_assert_uint_eq(tally().errors, 1);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_told_each_time_it_is_asked_for)
{
    staple_files_begin(&files);
    for (int i = 0; i < 2; i++) {
        ck_assert_ptr_null(get("none.ocsp"));
        ck_assert_ptr_nonnull(strstr(problem, "cannot read \""));
        ck_assert_ptr_nonnull(strstr(problem, "; it is not sent"));
        ck_assert_uint_eq(tally().errors, 1);
    }
}
END_TEST

START_TEST(a_staple_of_one_certificate_is_not_that_of_the_next)
{
    struct credential renewed = client_make(&root, "www");

    free(write_answer("a.ocsp", V_OCSP_CERTSTATUS_GOOD, 0));
    staple_files_begin(&files);
    ck_assert_ptr_nonnull(get("a.ocsp"));
    next_round();
    tls_certificate_free(&certificate);
    certificate = certificate_of(&renewed);
    ck_assert_ptr_null(get("a.ocsp"));
    ck_assert_ptr_nonnull(strstr(problem, "about another certificate; it is not sent"));
    credential_fini(&renewed);
}
END_TEST

START_TEST(what_is_no_longer_asked_for_is_forgotten)
{
    char path[SCRATCH_PATH_BYTES];

    scratch_name(&scratch, "a.ocsp", path);
    free(write_answer("a.ocsp", V_OCSP_CERTSTATUS_GOOD, 0));
    staple_files_begin(&files);
    ck_assert(!staple_files_knows(&files, certificate, path));
    ck_assert_ptr_nonnull(get("a.ocsp"));
    next_round();
    ck_assert(staple_files_knows(&files, certificate, path));
    ck_assert_uint_eq(tally().count, 0);
    next_round();
    ck_assert(!staple_files_knows(&files, certificate, path));
}
END_TEST

START_TEST(the_next_to_expire_is_known)
{
    int64_t now_s = (int64_t)time(NULL);

    free(write_answer("a.ocsp", V_OCSP_CERTSTATUS_GOOD, 3000));
    free(write_answer("b.ocsp", V_OCSP_CERTSTATUS_GOOD, 1000));
    free(write_answer("c.ocsp", V_OCSP_CERTSTATUS_GOOD, 2000));
    staple_files_begin(&files);
    ck_assert_ptr_nonnull(get("a.ocsp"));
    ck_assert_ptr_nonnull(get("b.ocsp"));
    ck_assert_ptr_nonnull(get("c.ocsp"));
    ck_assert_int_le(tally().next_update_s, now_s + 1060);
    ck_assert_ptr_nonnull(strstr(tally().next_update_path, "/b.ocsp"));
}
END_TEST

START_TEST(staples_are_listed_beside_their_certificates)
{
    char           path[SCRATCH_PATH_BYTES];
    struct pem_dir list;
    struct error   error;

    ck_assert(!pem_dir_is_wanted("www.pem.ocsp", ""));
    scratch_write(&scratch, "d/a", "");
    scratch_write(&scratch, "d/a-b", "");
    scratch_write(&scratch, "d/a.ocsp", "");
    scratch_write(&scratch, "d/a-b.ocsp", "");
    scratch_write(&scratch, "d/a.b", "");
    scratch_write(&scratch, "d/stray.ocsp", "");
    scratch_write(&scratch, "d/.ocsp", "");
    scratch_name(&scratch, "d", path);
    ck_assert(pem_dir_list(&list, path, "a*", &error));
    ck_assert_uint_eq(list.count, 3);
    ck_assert_uint_eq(list.staples_count, 3);
    ck_assert_ptr_nonnull(strstr(pem_dir_staple_of(&list, list.paths[0]), "/d/a.ocsp"));
    ck_assert_ptr_nonnull(strstr(pem_dir_staple_of(&list, list.paths[1]), "/d/a-b.ocsp"));
    ck_assert_ptr_null(pem_dir_staple_of(&list, list.paths[2]));
    pem_dir_fini(&list);
    ck_assert_ptr_null(pem_dir_staple_of(&list, "a"));
}
END_TEST

Suite *staple_files_suite(void)
{
    Suite *suite = suite_create("staple files");
    TCase *tcase = tcase_create("staple files");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_file_with_the_same_bytes_gives_the_same_staple);
    tcase_add_test(tcase, a_new_answer_gives_a_new_staple);
    tcase_add_test(tcase, a_file_that_went_bad_leaves_the_last_good_staple_until_it_is_good_again);
    tcase_add_test(tcase, a_staple_that_has_expired_is_dropped_and_told);
    tcase_add_test(tcase, a_file_that_cannot_be_read_is_told_each_time_it_is_asked_for);
    tcase_add_test(tcase, a_staple_of_one_certificate_is_not_that_of_the_next);
    tcase_add_test(tcase, what_is_no_longer_asked_for_is_forgotten);
    tcase_add_test(tcase, the_next_to_expire_is_known);
    tcase_add_test(tcase, staples_are_listed_beside_their_certificates);
    suite_add_tcase(suite, tcase);
    return suite;
}
