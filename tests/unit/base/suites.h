/* The suites of room base. */
#include "suite.h"

Suite *list_suite(void);
