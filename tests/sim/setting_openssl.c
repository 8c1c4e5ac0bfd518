#include "setting_tls.h"

#include "certificates.h"

#include <stdlib.h>
#include <string.h>

/* Made once for the process: keys take long, and the simulation does not depend on which. */
static char          *pem_text;
static struct tls_pem pem;

void setting_tls_init(struct tls_context_options *options)
{
    if (pem_text == NULL) {
        pem_text = certificate_make(&(struct certificate_options){
            .kind = CERTIFICATE_EC_P256, .names = "DNS:www.example.org", .days = 2});
    }
    pem = (struct tls_pem){.certificate_path = "sim.pem",
                           .certificate = {(const uint8_t *)pem_text, strlen(pem_text)}};
    *options = (struct tls_context_options){.role = TLS_FOR_SERVER,
                                            .policy = TLS_POLICY_INTERMEDIATE,
                                            .pems = &pem,
                                            .pems_count = 1,
                                            .tickets = 1};
}

void setting_tls_fini(void)
{
    free(pem_text);
    pem_text = NULL;
}
