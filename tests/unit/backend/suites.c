#include "suites.h"

suite_maker *const suites_all[] = {balance_suite, pool_suite, http_hello_suite, builtin_suite,
                                   NULL};
