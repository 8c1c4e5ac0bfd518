#include "suites.h"

suite_maker *const suites_all[] = {
    access_line_suite, access_log_suite,   certificate_store_suite, challenge_dirs_suite,
    client_auth_suite, command_suite,      end_reason_suite,        frontend_policies_suite,
    passphrase_suite,  pem_file_suite,     proxy_decoder_suite,     proxy_header_suite,
    snapshot_suite,    staple_files_suite, ticket_source_suite,     NULL};
