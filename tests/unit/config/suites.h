/* The suites of room config. */
#include "suite.h"

Suite *assign_suite(void);
Suite *check_suite(void);
Suite *check_clients_suite(void);
Suite *check_policy_suite(void);
Suite *check_proxy_suite(void);
Suite *dump_suite(void);
Suite *load_suite(void);
Suite *manual_suite(void);
Suite *memory_suite(void);
Suite *mutation_suite(void);
Suite *options_suite(void);
Suite *parse_suite(void);
Suite *report_suite(void);
Suite *schema_suite(void);
Suite *source_suite(void);
Suite *suggest_suite(void);
Suite *text_check_suite(void);
Suite *value_suite(void);
