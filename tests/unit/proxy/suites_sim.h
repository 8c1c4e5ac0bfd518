/* The suites of room proxy that run on the simulator. */
#include "suite.h"

Suite *handover_suite(void);
Suite *listener_suite(void);
Suite *session_suite(void);
Suite *session_ends_suite(void);
Suite *session_events_suite(void);
Suite *session_list_suite(void);
Suite *session_proxy_suite(void);
Suite *session_sharing_suite(void);
Suite *session_wants_suite(void);
Suite *shortage_suite(void);
