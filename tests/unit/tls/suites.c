#include "suites.h"

suite_maker *const suites_all[] = {engine_table_suite, handshake_suite, hello_suite, NULL};
