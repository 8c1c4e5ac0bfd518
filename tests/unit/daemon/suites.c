#include "suites.h"

suite_maker *const suites_all[] = {arguments_suite,    control_answer_suite, control_command_suite,
                                   control_line_suite, control_socket_suite, cpus_suite,
                                   limits_suite,       listening_suite,      path_links_suite,
                                   pid_file_suite,     privileges_suite,     signals_suite,
                                   ticket_clock_suite, watch_suite,          NULL};
