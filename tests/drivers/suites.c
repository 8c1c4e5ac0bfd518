#include "suites.h"

suite_maker *const suites_all[] = {laws_suite,    rules_suite,  cancel_suite,
                                   connect_suite, accept_suite, cramped_suite,
                                   choice_suite,  sim_suite,    NULL};
