/* The suites of room tls. */
#include "suite.h"

Suite *certificates_suite(void);
Suite *challenges_suite(void);
Suite *client_names_suite(void);
Suite *encrypted_keys_suite(void);
Suite *engine_table_suite(void);
Suite *error_queue_suite(void);
Suite *floods_suite(void);
Suite *glob_suite(void);
Suite *goodbye_suite(void);
Suite *handshake_suite(void);
Suite *hello_suite(void);
Suite *memory_suite(void);
Suite *named_suite(void);
Suite *policy_suite(void);
Suite *seal_suite(void);
Suite *selection_suite(void);
Suite *sessions_suite(void);
Suite *staple_suite(void);
Suite *stapling_suite(void);
Suite *ticket_keys_suite(void);
Suite *tickets_suite(void);
Suite *transfer_suite(void);
Suite *trust_suite(void);
Suite *verify_suite(void);
Suite *verify_sessions_suite(void);
