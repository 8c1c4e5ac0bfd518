#include "suites.h"

suite_maker *const suites_all[] = {
    certificates_suite, engine_table_suite, error_queue_suite, floods_suite, goodbye_suite,
    handshake_suite,    hello_suite,        memory_suite,      policy_suite, sessions_suite,
    ticket_keys_suite,  tickets_suite,      transfer_suite,    NULL};
