/* Files of certificates over several rounds: what is read again, what is shared, what is kept. */
#include "proxy/certificate_store.h"

#include "certificates.h"
#include "proxy/pem_dir.h"
#include "scratch.h"
#include "suites.h"
#include "tls/context.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct scratch            scratch;
static struct certificate_store *store;
static char                      problem[TLS_PROBLEM_BYTES];
static enum store_outcome        outcome;

static void set_up(void)
{
    struct error error;

    scratch_open(&scratch);
    store = certificate_store_new(&error);
    ck_assert_ptr_nonnull(store);
}

static void tear_down(void)
{
    certificate_store_free(&store);
    scratch_close(&scratch);
}

/* Puts a fresh certificate there. */
static char *fresh(const char *name)
{
    char *text = certificate_make(&(struct certificate_options){
        .kind = CERTIFICATE_EC_P256, .names = "DNS:x.example", .days = 2});

    scratch_write(&scratch, name, text);
    return text;
}

static struct tls_certificate *get_pair(const char *name, const char *key_name)
{
    char        path[SCRATCH_PATH_BYTES], key_path[SCRATCH_PATH_BYTES];
    struct text text;

    text_init(&text, problem, sizeof(problem));
    scratch_name(&scratch, name, path);
    if (key_name != NULL) {
        scratch_name(&scratch, key_name, key_path);
    }
    return certificate_store_get(
        store,
        &(struct certificate_source){.certificate_path = path,
                                     .key_path = key_name != NULL ? key_path : NULL},
        &outcome, &text);
}

static struct tls_certificate *get(const char *name)
{
    return get_pair(name, NULL);
}

static struct certificate_tally tally(void)
{
    struct certificate_tally found;

    certificate_store_tally(store, &found);
    return found;
}

START_TEST(a_file_that_has_not_changed_gives_the_same_certificate)
{
    free(fresh("a.pem"));
    certificate_store_begin(store);
    struct tls_certificate *first = get("a.pem");

    ck_assert_int_eq(outcome, STORE_GOOD);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_eq(get("a.pem"), first);
    ck_assert_uint_eq(tally().parsed, 1);
    certificate_store_sweep(store);
    certificate_store_begin(store);
    ck_assert_ptr_eq(get("a.pem"), first);
    ck_assert_int_eq(outcome, STORE_GOOD);
    ck_assert_uint_eq(tally().count, 1);
    ck_assert_uint_eq(tally().parsed, 0);
}
END_TEST

START_TEST(a_file_written_anew_with_the_same_bytes_gives_the_same_certificate)
{
    char *text = fresh("a.pem");

    certificate_store_begin(store);
    struct tls_certificate *first = get("a.pem");

    certificate_store_begin(store);
    scratch_write(&scratch, "a.pem", text);
    ck_assert_ptr_eq(get("a.pem"), first);
    ck_assert_uint_eq(tally().parsed, 0);
    free(text);
}
END_TEST

START_TEST(the_same_bytes_in_two_files_are_one_certificate)
{
    char *text = fresh("a.pem");

    scratch_write(&scratch, "b.pem", text);
    certificate_store_begin(store);
    ck_assert_ptr_eq(get("a.pem"), get("b.pem"));
    ck_assert_uint_eq(tally().parsed, 1);
    free(text);
}
END_TEST

START_TEST(a_change_of_the_same_size_within_the_same_tick_is_seen)
{
    char *one = fresh("a.pem"), *other = fresh("b.pem");

    for (int i = 0; i < 20; i++) {
        scratch_write(&scratch, "a.pem", one);
        certificate_store_begin(store);
        struct tls_certificate *before = get("a.pem");

        scratch_write(&scratch, "a.pem", other);
        certificate_store_begin(store);
        ck_assert_ptr_ne(get("a.pem"), before);
    }
    free(one);
    free(other);
}
END_TEST

START_TEST(a_file_that_went_bad_keeps_its_last_good_version_until_it_is_good_again)
{
    char *text = fresh("a.pem");

    certificate_store_begin(store);
    struct tls_certificate *good = get("a.pem");

    for (int i = 0; i < 3; i++) {
        scratch_write(&scratch, "a.pem", i == 0 ? "" : "nonsense");
        certificate_store_begin(store);
        ck_assert_ptr_eq(get("a.pem"), good);
        ck_assert_int_eq(outcome, STORE_KEPT);
        ck_assert_ptr_nonnull(strstr(problem, "a.pem: no certificate in it"));
        ck_assert_uint_eq(tally().kept, 1);
        ck_assert_uint_eq(tally().errors, 0);
        certificate_store_sweep(store);
    }
    scratch_write(&scratch, "a.pem", text);
    certificate_store_begin(store);
    ck_assert_ptr_eq(get("a.pem"), good);
    ck_assert_int_eq(outcome, STORE_GOOD);
    free(fresh("a.pem"));
    certificate_store_begin(store);
    ck_assert_ptr_nonnull(get("a.pem"));
    ck_assert_int_eq(outcome, STORE_GOOD);
    ck_assert_uint_eq(tally().parsed, 1);
    free(text);
}
END_TEST

START_TEST(a_file_that_was_never_good_gives_nothing)
{
    scratch_write(&scratch, "a.pem", "nonsense");
    certificate_store_begin(store);
    ck_assert_ptr_null(get("a.pem"));
    ck_assert_int_eq(outcome, STORE_FAILED);
    ck_assert_ptr_null(get("missing.pem"));
    ck_assert_int_eq(outcome, STORE_FAILED);
    ck_assert_ptr_nonnull(strstr(problem, "cannot read \""));
    ck_assert_uint_eq(tally().errors, 2);
    ck_assert_uint_eq(tally().count, 0);
    ck_assert_str_eq(tally().next_expiry_path, "");
}
END_TEST

START_TEST(a_certificate_and_a_key_that_do_not_match_are_not_taken)
{
    char *old = fresh("x"), *new = fresh("x");
    char *old_leaf = certificate_only_leaf(old), *old_key = certificate_only_key(old);
    char *new_leaf = certificate_only_leaf(new), *new_key = certificate_only_key(new);

    scratch_write(&scratch, "a.crt", old_leaf);
    scratch_write(&scratch, "a.key", old_key);
    certificate_store_begin(store);
    struct tls_certificate *first = get_pair("a.crt", "a.key");

    ck_assert_int_eq(outcome, STORE_GOOD);
    scratch_write(&scratch, "a.crt", new_leaf);
    certificate_store_begin(store);
    ck_assert_ptr_eq(get_pair("a.crt", "a.key"), first);
    ck_assert_int_eq(outcome, STORE_KEPT);
    ck_assert_ptr_nonnull(strstr(problem, "a.key: the key does not belong to the certificate"));
    scratch_write(&scratch, "a.key", new_key);
    certificate_store_begin(store);
    ck_assert_ptr_ne(get_pair("a.crt", "a.key"), first);
    ck_assert_int_eq(outcome, STORE_GOOD);
    free(old);
    free(new);
    free(old_leaf);
    free(old_key);
    free(new_leaf);
    free(new_key);
}
END_TEST

START_TEST(what_is_no_longer_asked_for_is_forgotten)
{
    free(fresh("a.pem"));
    free(fresh("b.pem"));
    certificate_store_begin(store);
    ck_assert_ptr_ne(get("a.pem"), get("b.pem"));
    certificate_store_sweep(store);
    certificate_store_begin(store);
    ck_assert_ptr_nonnull(get("a.pem"));
    certificate_store_sweep(store);
    scratch_write(&scratch, "b.pem", "");
    certificate_store_begin(store);
    ck_assert_ptr_null(get("b.pem"));
    ck_assert_int_eq(outcome, STORE_FAILED);
}
END_TEST

START_TEST(the_next_to_expire_is_known)
{
    char *soon = certificate_make(&(struct certificate_options){
        .kind = CERTIFICATE_EC_P256, .names = "DNS:soon.example", .days = 1});

    free(fresh("a.pem"));
    scratch_write(&scratch, "soon.pem", soon);
    free(fresh("z.pem"));
    certificate_store_begin(store);
    (void)get("a.pem");
    struct tls_certificate *next = get("soon.pem");

    (void)get("z.pem");
    ck_assert_int_eq(tally().next_expiry_s, tls_certificate_expiry(next));
    ck_assert_ptr_nonnull(strstr(tally().next_expiry_path, "/soon.pem"));
    free(soon);
}
END_TEST

START_TEST(a_link_is_followed_and_one_that_points_elsewhere_is_another_file)
{
    char link[SCRATCH_PATH_BYTES];

    free(fresh("one/a.pem"));
    free(fresh("two/a.pem"));
    scratch_name(&scratch, "current", link);
    ck_assert_int_eq(symlink("one", link), 0);
    certificate_store_begin(store);
    struct tls_certificate *first = get("current/a.pem");

    ck_assert_ptr_nonnull(first);
    ck_assert_int_eq(unlink(link), 0);
    ck_assert_int_eq(symlink("two", link), 0);
    certificate_store_begin(store);
    ck_assert_ptr_ne(get("current/a.pem"), first);
    ck_assert_int_eq(outcome, STORE_GOOD);
}
END_TEST

/* Until it is killed, the link leads to one and to the other. */
static void flip(const char *link, const char *spare)
{
    for (unsigned i = 0;; i++) {
        if (symlink(i % 2 == 0 ? "one.pem" : "other.pem", spare) != 0 || rename(spare, link) != 0) {
            _exit(1);
        }
    }
}

START_TEST(a_link_that_flips_gives_one_or_the_other_whole)
{
    enum { ROUNDS = 1000 };
    char link[SCRATCH_PATH_BYTES], spare[SCRATCH_PATH_BYTES];

    free(fresh("one.pem"));
    free(fresh("other.pem"));
    scratch_name(&scratch, "link.pem", link);
    scratch_name(&scratch, "spare", spare);
    ck_assert_int_eq(symlink("one.pem", link), 0);
    certificate_store_begin(store);
    const struct tls_certificate *one = get("one.pem"), *other = get("other.pem");
    pid_t                         flipper = fork();

    if (flipper == 0) {
        flip(link, spare);
    }
    ck_assert_int_gt(flipper, 0);
    for (int i = 0; i < ROUNDS; i++) {
        certificate_store_begin(store);
        (void)get("one.pem");
        (void)get("other.pem");
        const struct tls_certificate *found = get("link.pem");

        ck_assert_msg(outcome == STORE_GOOD && (found == one || found == other), "%s", problem);
    }
    ck_assert_int_eq(kill(flipper, SIGKILL), 0);
    ck_assert_int_eq(waitpid(flipper, NULL, 0), flipper);
}
END_TEST

/* --- directories --------------------------------------------------------------------------- */

START_TEST(hidden_files_and_leftovers_are_no_certificates)
{
    static const char *const wanted[] = {"www.pem", "a", "example.org.crt", "old.example.pem"};
    static const char *const others[] = {".hidden.pem",    "..data",       "www.pem~",
                                         "#www.pem#",      "www.pem.swp",  "www.pem.bak",
                                         "www.pem.orig",   "www.pem.tmp",  "www.pem.dpkg-old",
                                         "www.pem.rpmnew", "www.pem.save", "www.pem.old"};

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        ck_assert_msg(pem_dir_is_wanted(wanted[i], ""), "%s", wanted[i]);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        ck_assert_msg(!pem_dir_is_wanted(others[i], ""), "%s", others[i]);
    }
    ck_assert(pem_dir_is_wanted("www.pem", "*.pem"));
    ck_assert(!pem_dir_is_wanted("www.key", "*.pem"));
}
END_TEST

START_TEST(a_directory_is_listed_in_byte_order_without_directories)
{
    char           path[SCRATCH_PATH_BYTES], link[SCRATCH_PATH_BYTES];
    struct pem_dir list;
    struct error   error;

    scratch_write(&scratch, "d/b.pem", "");
    scratch_write(&scratch, "d/a.pem", "");
    scratch_write(&scratch, "d/B.pem", "");
    scratch_write(&scratch, "d/.a.pem", "");
    scratch_write(&scratch, "d/inside/c.pem", "");
    scratch_name(&scratch, "d", path);
    scratch_name(&scratch, "d/linked", link);
    ck_assert_int_eq(symlink("inside", link), 0);
    scratch_name(&scratch, "d/lost.pem", link);
    ck_assert_int_eq(symlink("nowhere", link), 0);
    ck_assert(pem_dir_list(&list, path, "", &error));
    ck_assert_uint_eq(list.count, 4);
    ck_assert_ptr_nonnull(strstr(list.paths[0], "/d/B.pem"));
    ck_assert_ptr_nonnull(strstr(list.paths[1], "/d/a.pem"));
    ck_assert_ptr_nonnull(strstr(list.paths[2], "/d/b.pem"));
    ck_assert_ptr_nonnull(strstr(list.paths[3], "/d/lost.pem"));
    pem_dir_fini(&list);
    scratch_name(&scratch, "none", path);
    ck_assert(!pem_dir_list(&list, path, "", &error));
    ck_assert_uint_eq(list.count, 0);
}
END_TEST

/* --- keys apart ---------------------------------------------------------------------------- */

/* The certificate alone, and its key in a file of its own. */
static void split(const char *text, const char *name, const char *key_name)
{
    char *leaf = certificate_only_leaf(text);
    char *key = certificate_only_key(text);

    scratch_write(&scratch, name, leaf);
    scratch_write(&scratch, key_name, key);
    free(leaf);
    free(key);
}

static void drop(const char *name)
{
    char path[SCRATCH_PATH_BYTES];

    scratch_name(&scratch, name, path);
    ck_assert_int_eq(unlink(path), 0);
}

START_TEST(a_key_is_found_beside_its_certificate)
{
    static const char *const names[][2] = {{"a.pem", "a.pem.key"},
                                           {"b.pem", "b.key"},
                                           {"c", "c.key"},
                                           {"d.crt", "d.key"},
                                           {"dir.d/e", "dir.d/e.key"}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *text = fresh("both.pem");

        split(text, names[i][0], names[i][1]);
        certificate_store_begin(store);
        ck_assert_msg(get(names[i][0]) != NULL, "%s: %s", names[i][0], problem);
        ck_assert_int_eq(outcome, STORE_GOOD);
        free(text);
    }
}
END_TEST

START_TEST(where_there_is_no_key_the_places_it_was_looked_for_are_named)
{
    char *text = fresh("both.pem");

    split(text, "a.pem", "elsewhere");
    certificate_store_begin(store);
    ck_assert_ptr_null(get("a.pem"));
    ck_assert_int_eq(outcome, STORE_FAILED);
    ck_assert_ptr_nonnull(strstr(problem, "a.pem: no private key in it, and there is no \""));
    ck_assert_ptr_nonnull(strstr(problem, "a.pem.key\" or \""));
    ck_assert_ptr_nonnull(strstr(problem, "/a.key\""));
    free(text);
}
END_TEST

START_TEST(a_key_in_the_file_wins_over_one_beside_it)
{
    free(fresh("a.pem"));
    scratch_write(&scratch, "a.pem.key", "nonsense");
    certificate_store_begin(store);
    ck_assert_ptr_nonnull(get("a.pem"));
}
END_TEST

START_TEST(half_a_pair_keeps_the_last_good_one_until_the_other_half_comes)
{
    char *old = fresh("both.pem");
    char *new = fresh("both.pem");
    char *leaf = certificate_only_leaf(new);

    split(old, "a.pem", "a.pem.key");
    certificate_store_begin(store);
    struct tls_certificate *first = get("a.pem");

    ck_assert_ptr_nonnull(first);
    scratch_write(&scratch, "a.pem", leaf);
    certificate_store_begin(store);
    ck_assert_ptr_eq(get("a.pem"), first);
    ck_assert_int_eq(outcome, STORE_KEPT);
    ck_assert_ptr_nonnull(strstr(problem, "a.pem.key: the key does not belong"));
    split(new, "a.pem", "a.pem.key");
    certificate_store_begin(store);
    ck_assert_ptr_nonnull(get("a.pem"));
    ck_assert_int_eq(outcome, STORE_GOOD);
    ck_assert_uint_eq(tally().parsed, 1);
    drop("a.pem.key");
    certificate_store_begin(store);
    ck_assert_ptr_nonnull(get("a.pem"));
    ck_assert_int_eq(outcome, STORE_KEPT);
    free(leaf);
    free(old);
    free(new);
}
END_TEST

START_TEST(a_key_that_comes_to_the_better_place_is_taken_from_there)
{
    char *text = fresh("both.pem");

    split(text, "a.pem", "a.key");
    certificate_store_begin(store);
    ck_assert_ptr_nonnull(get("a.pem"));
    scratch_write(&scratch, "a.pem.key", "nonsense");
    certificate_store_begin(store);
    ck_assert_ptr_nonnull(get("a.pem"));
    ck_assert_int_eq(outcome, STORE_KEPT);
    ck_assert_ptr_nonnull(strstr(problem, "a.pem.key: no private key in it"));
    free(text);
}
END_TEST

START_TEST(a_file_with_nothing_but_a_key_is_told_from_a_bad_one)
{
    char *text = fresh("both.pem");
    char *key = certificate_only_key(text);

    split(text, "a.pem", "a.pem.key");
    for (int i = 0; i < 2; i++) {
        certificate_store_begin(store);
        ck_assert_ptr_null(get("a.pem.key"));
        ck_assert_int_eq(outcome, STORE_KEY_ONLY);
        ck_assert_ptr_nonnull(strstr(problem, "a.pem.key: no certificate in it"));
        ck_assert_uint_eq(tally().errors, 0);
        certificate_store_sweep(store);
    }
    scratch_write(&scratch, "a.pem.key", text);
    certificate_store_begin(store);
    ck_assert_ptr_nonnull(get("a.pem.key"));
    scratch_write(&scratch, "a.pem.key", key);
    certificate_store_begin(store);
    ck_assert_ptr_nonnull(get("a.pem.key"));
    ck_assert_int_eq(outcome, STORE_KEPT);
    free(key);
    free(text);
}
END_TEST

/* "a.pem" with what the file "word" says. */
static struct tls_certificate *get_sealed(void)
{
    char                        path[SCRATCH_PATH_BYTES], word[SCRATCH_PATH_BYTES];
    struct config_string        file = {.text = word};
    const struct config_strings none = {0};
    struct passphrase           passphrase;
    struct text                 text;

    text_init(&text, problem, sizeof(problem));
    scratch_name(&scratch, "a.pem", path);
    scratch_name(&scratch, "word", word);
    passphrase_init(&passphrase, &file, &none);
    struct tls_certificate *certificate = certificate_store_get(
        store, &(struct certificate_source){.certificate_path = path, .passphrase = &passphrase},
        &outcome, &text);

    passphrase_wipe(&passphrase);
    return certificate;
}

START_TEST(a_passphrase_that_changes_has_the_key_read_anew)
{
    char *text = fresh("both.pem");
    char *sealed = certificate_sealed(text, "one");

    scratch_write(&scratch, "a.pem", sealed);
    scratch_write(&scratch, "word", "one\n");
    certificate_store_begin(store);
    struct tls_certificate *first = get_sealed();

    ck_assert_ptr_nonnull(first);
    certificate_store_begin(store);
    ck_assert_ptr_eq(get_sealed(), first);
    ck_assert_int_eq(outcome, STORE_GOOD);
    scratch_write(&scratch, "word", "other\n");
    certificate_store_begin(store);
    ck_assert_ptr_eq(get_sealed(), first);
    ck_assert_int_eq(outcome, STORE_KEPT);
    ck_assert_ptr_nonnull(strstr(problem, "a.pem: wrong passphrase for the key"));
    drop("word");
    certificate_store_begin(store);
    ck_assert_ptr_eq(get_sealed(), first);
    ck_assert_int_eq(outcome, STORE_KEPT);
    ck_assert_ptr_nonnull(strstr(problem, "cannot read \""));
    free(sealed);
    free(text);
}
END_TEST

Suite *certificate_store_suite(void)
{
    Suite *suite = suite_create("certificate store");
    TCase *tcase = tcase_create("certificate store");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_file_that_has_not_changed_gives_the_same_certificate);
    tcase_add_test(tcase, a_file_written_anew_with_the_same_bytes_gives_the_same_certificate);
    tcase_add_test(tcase, the_same_bytes_in_two_files_are_one_certificate);
    tcase_add_test(tcase, a_change_of_the_same_size_within_the_same_tick_is_seen);
    tcase_add_test(tcase, a_file_that_went_bad_keeps_its_last_good_version_until_it_is_good_again);
    tcase_add_test(tcase, a_file_that_was_never_good_gives_nothing);
    tcase_add_test(tcase, a_certificate_and_a_key_that_do_not_match_are_not_taken);
    tcase_add_test(tcase, what_is_no_longer_asked_for_is_forgotten);
    tcase_add_test(tcase, the_next_to_expire_is_known);
    tcase_add_test(tcase, a_link_is_followed_and_one_that_points_elsewhere_is_another_file);
    tcase_add_test(tcase, a_link_that_flips_gives_one_or_the_other_whole);
    tcase_add_test(tcase, hidden_files_and_leftovers_are_no_certificates);
    tcase_add_test(tcase, a_directory_is_listed_in_byte_order_without_directories);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("keys apart");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_key_is_found_beside_its_certificate);
    tcase_add_test(tcase, where_there_is_no_key_the_places_it_was_looked_for_are_named);
    tcase_add_test(tcase, a_key_in_the_file_wins_over_one_beside_it);
    tcase_add_test(tcase, half_a_pair_keeps_the_last_good_one_until_the_other_half_comes);
    tcase_add_test(tcase, a_key_that_comes_to_the_better_place_is_taken_from_there);
    tcase_add_test(tcase, a_file_with_nothing_but_a_key_is_told_from_a_bad_one);
    tcase_add_test(tcase, a_passphrase_that_changes_has_the_key_read_anew);
    suite_add_tcase(suite, tcase);
    return suite;
}
