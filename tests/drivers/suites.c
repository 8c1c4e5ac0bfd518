#include "suites.h"

suite_maker *const suites_all[] = {laws_suite, sim_suite, NULL};
