#include "suites.h"

suite_maker *const suites_all[] = {list_suite, NULL};
