#include "suites.h"

suite_maker *const suites_all[] = {
    assign_suite, check_suite,  check_clients_suite, check_policy_suite, dump_suite,  load_suite,
    manual_suite, memory_suite, mutation_suite,      options_suite,      parse_suite, report_suite,
    schema_suite, source_suite, suggest_suite,       text_check_suite,   value_suite, NULL};
