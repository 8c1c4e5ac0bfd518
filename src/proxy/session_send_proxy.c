#include "proxy/session_send_proxy.h"

#include "base/require.h"
#include "proxy/access_line.h"
#include "proxy/proxy_header.h"
#include "proxy/session.h"
#include "proxy/session_memory.h"
#include "proxy/worker_internal.h"
#include "tls/common_name.h"

#include <string.h>

/* What version 2 is told, with room for what is written nowhere else. */
struct telling {
    struct proxy_facts facts;
    struct proxy_ssl   ssl;
    char               unique_id[ACCESS_ID_BYTES];
    uint8_t            common_name[PROXY_TEXT_BYTES_MAX];
};

static size_t write_header(const struct session *session, enum config_send_proxy version,
                           uint8_t into[static PROXY_HEADER_BYTES_MAX]);
static void   tell_addresses(const struct session *session, struct proxy_header *header);
static void   tell_facts(const struct session *session, unsigned options, struct telling *telling);
static void   tell_ssl(const struct tls_facts *facts, struct telling *telling);
static void   tell_id(const struct session *session, struct telling *telling);
static struct bytes_const bytes_of(const char *text);

bool send_proxy_write(struct session *session)
{
    enum config_send_proxy version = (enum config_send_proxy)pool_config(session->pool)->send_proxy;
    struct side           *backend = &session->backend;
    uint8_t                header[PROXY_HEADER_BYTES_MAX];

    if (version == CONFIG_SEND_PROXY_OFF) {
        return true;
    }
    if (!session_may_take(session, side_lacks_output(backend))) {
        return false;
    }
    size_t len = write_header(session, version, header);

    side_open_output(backend, session_buffers(session));
    require(buffer_append(&backend->out, (struct bytes_const){header, len}) == len);
    session->sent_header_bytes = (uint16_t)len;
    return true;
}

uint64_t send_proxy_bytes_up(const struct session *session)
{
    return session->up.bytes > session->sent_header_bytes
               ? session->up.bytes - session->sent_header_bytes
               : 0;
}

static size_t write_header(const struct session *session, enum config_send_proxy version,
                           uint8_t into[static PROXY_HEADER_BYTES_MAX])
{
    struct proxy_header header = {.is_local = false};
    struct telling      telling;

    tell_addresses(session, &header);
    if (version == CONFIG_SEND_PROXY_V1) {
        return proxy_header_write_line(&header, into);
    }
    tell_facts(session, pool_config(session->pool)->proxy_options, &telling);
    return proxy_header_write(&header, &telling.facts, into);
}

/* Those of the header it came with, or of its own socket. */
static void tell_addresses(const struct session *session, struct proxy_header *header)
{
    session_client_path(session, &header->source);
    if (session->destination_len > 0) {
        memcpy(&header->destination.socket, session->destination, session->destination_len);
        header->destination.len = session->destination_len;
        return;
    }
    io_local(session_loop(session), session->client.fd, &header->destination);
}

static void tell_facts(const struct session *session, unsigned options, struct telling *telling)
{
    struct tls_facts facts;

    *telling = (struct telling){.facts.has_crc32c = (options & CONFIG_PROXY_CRC32C) != 0};
    tls_engine_facts(&session->engine, &facts);
    if ((options & CONFIG_PROXY_ALPN) != 0) {
        telling->facts.alpn = facts.alpn;
    }
    if ((options & CONFIG_PROXY_AUTHORITY) != 0) {
        telling->facts.authority = facts.sni;
    }
    if ((options & CONFIG_PROXY_UNIQUE_ID) != 0) {
        tell_id(session, telling);
    }
    if ((options & (CONFIG_PROXY_SSL | CONFIG_PROXY_CERT_CN)) != 0) {
        tell_ssl(&facts, telling);
    }
    if ((options & CONFIG_PROXY_CERT_CN) != 0) {
        telling->ssl.common_name.data = telling->common_name;
        telling->ssl.common_name.len = common_name_read(
            &session->engine, (struct bytes){telling->common_name, sizeof(telling->common_name)});
    }
}

/* Whoever has a certificate and has come so far has a good one. */
static void tell_ssl(const struct tls_facts *facts, struct telling *telling)
{
    bool has_certificate = strcmp(facts->verify, "none") != 0;

    telling->ssl = (struct proxy_ssl){.client = PROXY_CLIENT_SSL,
                                      .is_verified = has_certificate,
                                      .version = bytes_of(facts->version),
                                      .cipher = bytes_of(facts->cipher)};
    if (has_certificate) {
        telling->ssl.client |= PROXY_CLIENT_CERT_SESS;
    }
    if (has_certificate && !facts->is_resumed) {
        telling->ssl.client |= PROXY_CLIENT_CERT_CONN;
    }
    telling->facts.ssl = &telling->ssl;
}

static void tell_id(const struct session *session, struct telling *telling)
{
    struct session_summary summary = {.id_time_us = session->accepted_us,
                                      .id_reactor = reactor_index(worker_reactor(session->worker)),
                                      .id_number = session->number};

    access_line_id(&summary, telling->unique_id);
    telling->facts.unique_id = bytes_of(telling->unique_id);
}

static struct bytes_const bytes_of(const char *text)
{
    return (struct bytes_const){(const uint8_t *)text, strlen(text)};
}
