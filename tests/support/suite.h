/*
 * The main of every Check binary. A binary defines suites_all, which lists its suites; the main
 * runs them and ends with the line "N passed, N failed, N skipped".
 */
#ifndef SALLYPORT_TESTS_SUITE_H
#define SALLYPORT_TESTS_SUITE_H

#include <check.h>
#include <stddef.h>

/* Defined by the test binary: one function a suite, ending with NULL. */
typedef Suite            *suite_maker(void);
extern suite_maker *const suites_all[];

/* A suite of one test case: tests are a NULL-terminated array. */
Suite *suite_of(const char *name, const TTest *const *tests);

#endif
