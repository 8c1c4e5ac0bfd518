#include "proxy/session_summary.h"

#include "proxy/session.h"
#include "proxy/session_send_proxy.h"

#include <string.h>

static void summarize_tls(struct session *session, struct session_summary *summary);

void session_summarize(struct session *session, struct reactor *reactor,
                       struct session_summary *summary)
{
    bool is_established = session->established_ns != 0;

    *summary = (struct session_summary){
        .id_time_us = session->accepted_us,
        .id_reactor = reactor_index(reactor),
        .id_number = session->number,
        .frontend = session->frontend->snapshot->config->name.text,
        .backend = session->pool != NULL ? pool_config(session->pool)->name.text : "-",
        .server = session->target != NULL ? session->target->config->address.text : "-",
        .handshake_ns =
            is_established ? session->established_ns - session->accepted_ns : SUMMARY_NEVER,
        .wait_ns = session->waited_ns,
        .connect_ns = session->connect_ns,
        .duration_ns = reactor_now_ns(reactor) - session->accepted_ns,
        .bytes_in = send_proxy_bytes_up(session),
        .bytes_out = session->down.bytes,
        .reason = session_reason(session),
        .proxy_fault = (enum proxy_fault)session->header_fault,
        .is_probe = !session->has_bytes && (session_reason(session) == END_CLIENT_CLOSE ||
                                            session_reason(session) == END_CLIENT_RESET),
    };
    memcpy(&summary->client.socket, session->client_address, session->client_address_len);
    summary->client.len = session->client_address_len;
    summarize_tls(session, summary);
}

static void summarize_tls(struct session *session, struct session_summary *summary)
{
    static const struct tls_facts no_facts = {
        .version = "-", .cipher = "-", .group = "-", .verify = "none"};
    static const struct tls_offered no_offer = {.versions = "-"};

    summary->facts = no_facts;
    summary->offered = no_offer;
    summary->tls_reason = "-";
    if (!session->has_engine) {
        return;
    }
    tls_engine_facts(&session->engine, &summary->facts);
    tls_engine_offered(&session->engine, &summary->offered);
    summary->tls_failure = tls_engine_failure(&session->engine);
    summary->has_tls_failure = summary->tls_failure != TLS_FAILURE_NONE;
    if (summary->has_tls_failure) {
        summary->tls_reason = tls_engine_reason(&session->engine);
        summary->alert = tls_engine_alert(&session->engine);
    }
}
