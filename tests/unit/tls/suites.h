/* The suites of room tls. */
#include "suite.h"

Suite *engine_table_suite(void);
Suite *handshake_suite(void);
Suite *hello_suite(void);
