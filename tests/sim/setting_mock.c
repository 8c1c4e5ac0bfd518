#include "setting_tls.h"

void setting_tls_init(struct tls_context_options *options)
{
    *options = (struct tls_context_options){.tickets = 1};
}

void setting_tls_fini(void)
{
}
