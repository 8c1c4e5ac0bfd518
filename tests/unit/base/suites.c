#include "suites.h"

suite_maker *const suites_all[] = {
    crc32c_suite,     error_suite, heap_suite,  id_table_suite, list_suite, log_suite,
    name_table_suite, slab_suite,  state_suite, text_suite,     NULL};
