/* The suites of room backend. */
#include "suite.h"

Suite *balance_suite(void);
Suite *builtin_suite(void);
Suite *http_hello_suite(void);
Suite *pool_suite(void);
