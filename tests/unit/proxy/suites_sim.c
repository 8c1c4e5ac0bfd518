#include "suites_sim.h"

suite_maker *const suites_all[] = {handover_suite,
                                   listener_suite,
                                   session_suite,
                                   session_ends_suite,
                                   session_events_suite,
                                   session_list_suite,
                                   session_proxy_suite,
                                   session_wants_suite,
                                   session_sharing_suite,
                                   shortage_suite,
                                   NULL};
