/* The suites of room config. */
#include "suite.h"

Suite *load_suite(void);
Suite *options_suite(void);
Suite *source_suite(void);
Suite *text_check_suite(void);
Suite *value_suite(void);
