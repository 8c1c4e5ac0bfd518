#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD: the one way to choose every random number */
#include "tls_stage.h"

#include "base/name_table.h"
#include "base/require.h"

#include <openssl/rand.h>
#include <string.h>

#include "../sim/random.h"

/* Made for these tests, known to everybody, good until 2124. */
static const char pem_text[] = "-----BEGIN CERTIFICATE-----\n"
                               "MIIBvDCCAWOgAwIBAgIUXSR51v68/TyRwqtjvflkNsVG6M0wCgYIKoZIzj0EAwIw\n"
                               "GjEYMBYGA1UEAwwPd3d3LmV4YW1wbGUub3JnMCAXDTI2MTEyNDE5NDcwOFoYDzIx\n"
                               "MjYxMDMxMTk0NzA4WjAaMRgwFgYDVQQDDA93d3cuZXhhbXBsZS5vcmcwWTATBgcq\n"
                               "hkjOPQIBBggqhkjOPQMBBwNCAARflGxImi3dnFKYNwuRoVW0kQt5aEIaSO7qp9gE\n"
                               "PhNlGLDvDhE5XPSyDTEa+Iy1bckoMLGwMk8gjBGjntUQx7Z2o4GEMIGBMB0GA1Ud\n"
                               "DgQWBBQYNI9cUkZihDW3SvsqapHt/dRVHTAfBgNVHSMEGDAWgBQYNI9cUkZihDW3\n"
                               "SvsqapHt/dRVHTAPBgNVHRMBAf8EBTADAQH/MC4GA1UdEQQnMCWCD3d3dy5leGFt\n"
                               "cGxlLm9yZ4ISKi53aWxkLmV4YW1wbGUub3JnMAoGCCqGSM49BAMCA0cAMEQCIASP\n"
                               "z2Umwc0w3zxCREzooZROSDwFAIe0GPg/IUvS5uP9AiBhnSun5ti44wt1ooUG0SUo\n"
                               "ouSDQ89q3fKXbTFXRvbeVw==\n"
                               "-----END CERTIFICATE-----\n"
                               "-----BEGIN PRIVATE KEY-----\n"
                               "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgZqTGp7QHT64Vycl1\n"
                               "LNBWSGoJz9rg2SxLNmA1pACLdaOhRANCAARflGxImi3dnFKYNwuRoVW0kQt5aEIa\n"
                               "SO7qp9gEPhNlGLDvDhE5XPSyDTEa+Iy1bckoMLGwMk8gjBGjntUQx7Z2\n"
                               "-----END PRIVATE KEY-----\n";

static struct random       random_state;
static struct tls_library *library;
static struct tls_context *servers[TLS_STAGE_SERVERS];
static struct tls_context *clients[TLS_STAGE_CLIENTS];

static void                stage_init(void);
static struct tls_context *make(const struct tls_context_options *options);
static int                 random_bytes(unsigned char *into, int len);
static int                 random_status(void);

void tls_stage_begin(void)
{
    random_state = (struct random){1};
    if (library == NULL) {
        stage_init();
        random_state = (struct random){1};
    }
}

const struct tls_context *tls_stage_server(enum tls_stage_server which)
{
    return servers[which];
}

const struct tls_context *tls_stage_client(enum tls_stage_client which)
{
    return clients[which];
}

uint64_t tls_stage_random(void)
{
    return random_next(&random_state);
}

/* With groups that most hellos have no key share for, so that there is a second one. */
static struct tls_named_options wild(void)
{
    static const struct tls_context_options own = {.policy = TLS_POLICY_MODERN, .groups = "P-384"};
    static const uint8_t                    name[] = "*.wild.example.org";
    static struct name_table               *names;

    names = name_table_new();
    require(names != NULL &&
            name_table_add(names, (struct bytes_const){name, sizeof(name) - 1}, 1));
    return (struct tls_named_options){.policies = &own, .policies_count = 1, .names = names};
}

static void stage_init(void)
{
    static const RAND_METHOD method = {
        .bytes = random_bytes, .pseudorand = random_bytes, .status = random_status};
    static const char *const            alpn[] = {"h2", "http/1.1"};
    static const struct tls_ticket_keys keys = {.count = 1};
    const struct bytes_const            text = {(const uint8_t *)pem_text, strlen(pem_text)};
    const struct tls_pem                pem = {.certificate_path = "fuzz.pem", .certificate = text};
    struct tls_context_options          server = {.role = TLS_FOR_SERVER,
                                                  .policy = TLS_POLICY_OLD,
                                                  .pems = &pem,
                                                  .pems_count = 1,
                                                  .alpn = alpn,
                                                  .alpn_count = 2,
                                                  .tickets = 1};
    struct tls_context_options client = {.role = TLS_FOR_CLIENT, .policy = TLS_POLICY_INTERMEDIATE};
    struct error               error = ERROR_OK;

    require(RAND_set_rand_method(&method) == 1);
    library = tls_library_new(&error);
    require(library != NULL);
    tls_library_set_ticket_keys(library, &keys);
    servers[TLS_STAGE_PLAIN] = make(&server);
    server.strict_sni = true;
    server.alpn_mismatch_ignore = true;
    server.tickets = 0;
    server.policy = TLS_POLICY_INTERMEDIATE;
    server.named = wild();
    servers[TLS_STAGE_STRICT] = make(&server);
    clients[TLS_STAGE_1_3] = make(&client);
    client.max_version = "TLSv1.2";
    clients[TLS_STAGE_1_2] = make(&client);
}

static struct tls_context *make(const struct tls_context_options *options)
{
    char                memory[TLS_PROBLEM_BYTES];
    struct text         problem;
    struct tls_context *context;

    text_init(&problem, memory, sizeof(memory));
    context = tls_context_new(library, options, &problem);
    require(context != NULL);
    return context;
}

static int random_bytes(unsigned char *into, int len)
{
    for (int i = 0; i < len; i++) {
        into[i] = (unsigned char)random_next(&random_state);
    }
    return 1;
}

static int random_status(void)
{
    return 1;
}
