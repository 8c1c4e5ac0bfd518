#include "suites.h"

suite_maker *const suites_all[] = {laws_suite, NULL};
