/* The suites of room proxy. */
#include "suite.h"

Suite *access_line_suite(void);
Suite *access_log_suite(void);
Suite *certificate_store_suite(void);
Suite *challenge_dirs_suite(void);
Suite *client_auth_suite(void);
Suite *command_suite(void);
Suite *end_reason_suite(void);
Suite *frontend_policies_suite(void);
Suite *passphrase_suite(void);
Suite *pem_file_suite(void);
Suite *proxy_decoder_suite(void);
Suite *proxy_header_suite(void);
Suite *snapshot_suite(void);
Suite *staple_files_suite(void);
Suite *ticket_source_suite(void);
