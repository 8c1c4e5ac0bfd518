/* The suites of room io that need no loop. */
#include "suite.h"

Suite *address_suite(void);
Suite *descriptors_suite(void);
Suite *network_suite(void);
Suite *socket_suite(void);
