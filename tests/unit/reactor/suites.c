#include "suites.h"

suite_maker *const suites_all[] = {timer_suite,   mailbox_suite,        quota_suite,
                                   reactor_suite, reactor_thread_suite, NULL};
