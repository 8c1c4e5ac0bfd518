/* The suites of room daemon that need no running proxy; the rest is in tests/system. */
#include "suite.h"

Suite *arguments_suite(void);
Suite *control_answer_suite(void);
Suite *control_command_suite(void);
Suite *control_line_suite(void);
Suite *control_socket_suite(void);
Suite *cpus_suite(void);
Suite *limits_suite(void);
Suite *listening_suite(void);
Suite *path_links_suite(void);
Suite *pid_file_suite(void);
Suite *privileges_suite(void);
Suite *signals_suite(void);
Suite *ticket_clock_suite(void);
Suite *watch_suite(void);
