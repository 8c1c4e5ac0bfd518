#include "suites.h"

suite_maker *const suites_all[] = {certificates_suite, challenges_suite,
                                   client_names_suite, encrypted_keys_suite,
                                   engine_table_suite, error_queue_suite,
                                   floods_suite,       glob_suite,
                                   goodbye_suite,      handshake_suite,
                                   hello_suite,        memory_suite,
                                   named_suite,        policy_suite,
                                   seal_suite,         selection_suite,
                                   sessions_suite,     staple_suite,
                                   stapling_suite,     ticket_keys_suite,
                                   tickets_suite,      transfer_suite,
                                   trust_suite,        verify_sessions_suite,
                                   verify_suite,       NULL};
