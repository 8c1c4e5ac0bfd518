#include "suites.h"

suite_maker *const suites_all[] = {timer_suite,          mailbox_suite,      quota_suite,
                                   reactor_suite,        log_ring_suite,     log_writer_suite,
                                   reactor_thread_suite, shared_cache_suite, seats_suite,
                                   sharing_suite,        slice_suite,        NULL};
