#include "suites_sim.h"

suite_maker *const suites_all[] = {session_events_suite, NULL};
