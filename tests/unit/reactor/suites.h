/* The suites of room reactor. */
#include "suite.h"

Suite *log_ring_suite(void);
Suite *log_writer_suite(void);
Suite *mailbox_suite(void);
Suite *quota_suite(void);
Suite *reactor_suite(void);
Suite *reactor_thread_suite(void);
Suite *seats_suite(void);
Suite *shared_cache_suite(void);
Suite *sharing_suite(void);
Suite *slice_suite(void);
Suite *timer_suite(void);
