#include "suites.h"

suite_maker *const suites_all[] = {conformance_suite, conformance_scripts_suite,
                                   conformance_connect_suite, NULL};
