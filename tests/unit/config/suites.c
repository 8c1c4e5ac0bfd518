#include "suites.h"

suite_maker *const suites_all[] = {load_suite,       options_suite, source_suite,
                                   text_check_suite, value_suite,   NULL};
