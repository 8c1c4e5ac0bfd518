#include "sample.h"

#include <check.h>
#include <string.h>

static struct address address_of(const char *text)
{
    struct address addresses[ADDRESSES_PER_TEXT_MAX];
    const char    *problem = NULL;

    ck_assert_uint_eq(address_parse(text, addresses, &problem), 1);
    return addresses[0];
}

struct bytes_const sample_bytes(const char *string)
{
    return (struct bytes_const){(const uint8_t *)string, strlen(string)};
}

struct session_summary sample_session(void)
{
    return (struct session_summary){
        .id_time_us = UINT64_C(1760000000123456),
        .id_reactor = 1,
        .id_number = 33,
        .client = address_of("192.0.2.1:55123"),
        .frontend = "https",
        .backend = "app",
        .server = "10.0.0.2:80",
        .facts = {.version = "TLSv1.3",
                  .cipher = "TLS_AES_128_GCM_SHA256",
                  .group = "x25519",
                  .verify = "none",
                  .sni = sample_bytes("www.example.com"),
                  .alpn = sample_bytes("h2")},
        .handshake_ns = 4199999,
        .wait_ns = 999999,
        .connect_ns = 700000,
        .duration_ns = UINT64_C(15023999999),
        .bytes_in = 1834,
        .bytes_out = 99120,
        .reason = END_CLIENT_CLOSE,
        .tls_reason = "-",
        .offered = {.versions = "-"},
    };
}

struct session_summary sample_failure(void)
{
    struct session_summary summary = sample_session();

    summary.backend = "-";
    summary.server = "-";
    summary.facts =
        (struct tls_facts){.version = "-", .cipher = "-", .group = "-", .verify = "none"};
    summary.handshake_ns = SUMMARY_NEVER;
    summary.connect_ns = SUMMARY_NEVER;
    summary.duration_ns = 12345678;
    summary.bytes_in = 0;
    summary.bytes_out = 0;
    summary.reason = END_HS_FAILED;
    summary.has_tls_failure = true;
    summary.tls_failure = TLS_FAILURE_HANDSHAKE;
    summary.tls_reason = "no shared cipher";
    summary.alert =
        (struct tls_alert){.by = TLS_ALERT_SENT, .description = 40, .name = "handshake_failure"};
    summary.offered = (struct tls_offered){.sni = sample_bytes("www.example.com"),
                                           .alpn = sample_bytes("h2,http/1.1"),
                                           .versions = "TLSv1.3,TLSv1.2"};
    return summary;
}
