/* The suites of room base. */
#include "suite.h"

Suite *crc32c_suite(void);
Suite *error_suite(void);
Suite *heap_suite(void);
Suite *id_table_suite(void);
Suite *list_suite(void);
Suite *log_suite(void);
Suite *name_table_suite(void);
Suite *slab_suite(void);
Suite *state_suite(void);
Suite *text_suite(void);
