#include "suites.h"

suite_maker *const suites_all[] = {address_suite, descriptors_suite, network_suite, socket_suite,
                                   NULL};
