/* The laws of io, on every driver. */
#include "suite.h"

Suite *laws_suite(void);
Suite *rules_suite(void);
Suite *cancel_suite(void);
Suite *connect_suite(void);
Suite *accept_suite(void);
Suite *cramped_suite(void);
Suite *choice_suite(void);
Suite *sim_suite(void);
/* In a binary of its own. */
Suite *conformance_suite(void);
Suite *conformance_scripts_suite(void);
Suite *conformance_connect_suite(void);
