/* The TLS half of a simulated configuration: nothing beside the mock, a real certificate beside
 * OpenSSL. Chosen when linking, as the codec is. */
#ifndef SALLYPORT_TESTS_SIM_SETTING_TLS_H
#define SALLYPORT_TESTS_SIM_SETTING_TLS_H

#include "tls/context.h"

void setting_tls_init(struct tls_context_options *options);
void setting_tls_fini(void);

#endif
