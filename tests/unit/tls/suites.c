#include "suites.h"

suite_maker *const suites_all[] = {engine_table_suite, error_queue_suite, floods_suite,
                                   goodbye_suite,      handshake_suite,   hello_suite,
                                   tickets_suite,      transfer_suite,    NULL};
