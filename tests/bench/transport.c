#include "transport.h"

#include "names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool     set_address(struct target *target, const struct target_options *options);
static SSL_CTX *new_tls(const struct target_options *options, struct target *target);
static bool     set_offer(SSL_CTX *tls, const struct target_options *options);
static bool     ask_for_next_name(struct transport *transport, const struct target *target);
static int      on_ticket(SSL *ssl, SSL_SESSION *session);
static enum transport_result from_openssl(const struct transport *transport, int result);
static enum transport_result from_system(ssize_t result);

bool target_init(struct target *target, const struct target_options *options)
{
    *target = (struct target){.names_count = options->names_count};
    if (!set_address(target, options)) {
        fprintf(stderr, "load: %s is not an IPv4 address\n", options->host);
        return false;
    }
    if (options->plain) {
        return true;
    }
    target->tls = new_tls(options, target);
    if (target->tls == NULL) {
        fprintf(stderr, "load: OpenSSL refuses the version, ciphers or groups asked for\n");
        return false;
    }
    return true;
}

void target_fini(struct target *target)
{
    SSL_SESSION_free(target->session);
    SSL_CTX_free(target->tls);
    target->session = NULL;
    target->tls = NULL;
}

bool target_take_session(struct target *target, int wait_ms)
{
    struct transport transport;
    struct pollfd    ready = {.events = POLLIN};
    uint8_t          nothing[16];
    size_t           got;

    if (!transport_open(&transport, target)) {
        return false;
    }
    ready.fd = transport.fd;
    for (int i = 0; i < wait_ms && target->session == NULL; i++) {
        if (!SSL_is_init_finished(transport.ssl)) {
            (void)transport_handshake(&transport);
        } else {
            (void)transport_read(&transport, nothing, sizeof(nothing), &got);
        }
        if (SSL_SESSION_is_resumable(SSL_get0_session(transport.ssl))) {
            target->session = SSL_get1_session(transport.ssl);
        }
        (void)poll(&ready, 1, 1);
    }
    transport_say_goodbye(&transport);
    transport_close(&transport);
    /* A client that caches sessions would use this one once and then forget it. */
    (void)SSL_CTX_set_session_cache_mode(target->tls, SSL_SESS_CACHE_OFF);
    return target->session != NULL;
}

bool transport_open(struct transport *transport, const struct target *target)
{
    int one = 1;

    *transport = (struct transport){.fd = -1};
    transport->fd =
        socket(target->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (transport->fd < 0) {
        return false;
    }
    (void)setsockopt(transport->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(transport->fd, (const struct sockaddr *)&target->address, target->address_bytes) !=
            0 &&
        errno != EINPROGRESS) {
        transport_close(transport);
        return false;
    }
    if (target->tls == NULL) {
        return true;
    }
    transport->ssl = SSL_new(target->tls);
    if (transport->ssl == NULL || SSL_set_fd(transport->ssl, transport->fd) != 1 ||
        (target->session != NULL && SSL_set_session(transport->ssl, target->session) != 1) ||
        !ask_for_next_name(transport, target)) {
        transport_close(transport);
        return false;
    }
    SSL_set_connect_state(transport->ssl);
    return true;
}

/* Not in the order in which a server has read them: it may keep what it used last. */
static bool ask_for_next_name(struct transport *transport, const struct target *target)
{
    enum { STRIDE = 7919 }; /* a prime, so that every name has its turn */
    static unsigned next;
    char            name[NAMES_BYTES];

    if (target->names_count == 0) {
        return true;
    }
    next = (next + STRIDE) % target->names_count;
    names_write(next, name);
    return SSL_set_tlsext_host_name(transport->ssl, name) == 1;
}

enum transport_result transport_handshake(struct transport *transport)
{
    struct sockaddr_storage peer;
    socklen_t               peer_bytes = sizeof(peer);
    int                     result;

    if (transport->ssl != NULL) {
        ERR_clear_error();
        result = SSL_do_handshake(transport->ssl);
        return result == 1 ? TRANSPORT_OK : from_openssl(transport, result);
    }
    if (getpeername(transport->fd, (struct sockaddr *)&peer, &peer_bytes) == 0) {
        return TRANSPORT_OK;
    }
    peer_bytes = sizeof(result);
    if (getsockopt(transport->fd, SOL_SOCKET, SO_ERROR, &result, &peer_bytes) != 0 || result != 0) {
        return TRANSPORT_FAILED;
    }
    return TRANSPORT_AGAIN;
}

bool transport_is_resumed(const struct transport *transport)
{
    return transport->ssl != NULL && SSL_session_reused(transport->ssl) == 1;
}

enum transport_result transport_read(struct transport *transport, uint8_t *into, size_t capacity,
                                     size_t *got)
{
    ssize_t result;

    *got = 0;
    if (transport->ssl != NULL) {
        ERR_clear_error();
        result = SSL_read_ex(transport->ssl, into, capacity, got);
        return result == 1 ? TRANSPORT_OK : from_openssl(transport, (int)result);
    }
    result = recv(transport->fd, into, capacity, 0);
    if (result > 0) {
        *got = (size_t)result;
    }
    return from_system(result);
}

enum transport_result transport_write(struct transport *transport, const uint8_t *from, size_t len,
                                      size_t *put)
{
    ssize_t result;

    *put = 0;
    if (transport->ssl != NULL) {
        ERR_clear_error();
        result = SSL_write_ex(transport->ssl, from, len, put);
        return result == 1 ? TRANSPORT_OK : from_openssl(transport, (int)result);
    }
    result = send(transport->fd, from, len, MSG_NOSIGNAL);
    if (result > 0) {
        *put = (size_t)result;
    }
    return from_system(result);
}

void transport_say_goodbye(struct transport *transport)
{
    if (transport->ssl != NULL) {
        ERR_clear_error();
        (void)SSL_shutdown(transport->ssl);
        ERR_clear_error();
    }
    (void)shutdown(transport->fd, SHUT_WR);
}

void transport_close(struct transport *transport)
{
    SSL_free(transport->ssl);
    transport->ssl = NULL;
    if (transport->fd >= 0) {
        (void)close(transport->fd);
    }
    transport->fd = -1;
}

static bool set_address(struct target *target, const struct target_options *options)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options->port)};

    if (inet_pton(AF_INET, options->host, &address.sin_addr) != 1) {
        return false;
    }
    memcpy(&target->address, &address, sizeof(address));
    target->address_bytes = sizeof(address);
    return true;
}

/*
 * Certificates are not verified against anything: the figures are the server's, and a benchmark's
 * certificate is signed by itself. The handshake's own signature is checked as always.
 */
static SSL_CTX *new_tls(const struct target_options *options, struct target *target)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

    if (tls == NULL || !set_offer(tls, options) || SSL_CTX_set_app_data(tls, target) != 1) {
        SSL_CTX_free(tls);
        return NULL;
    }
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(tls, 1);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(tls, on_ticket);
    return tls;
}

static bool set_offer(SSL_CTX *tls, const struct target_options *options)
{
    bool is_old = strcmp(options->version, "1.2") == 0;
    int  version = is_old ? TLS1_2_VERSION : TLS1_3_VERSION;

    if (!is_old && strcmp(options->version, "1.3") != 0) {
        return false;
    }
    if (SSL_CTX_set_min_proto_version(tls, version) != 1 ||
        SSL_CTX_set_max_proto_version(tls, version) != 1) {
        return false;
    }
    if (options->groups[0] != '\0' && SSL_CTX_set1_groups_list(tls, options->groups) != 1) {
        return false;
    }
    if (options->ciphers[0] == '\0') {
        return true;
    }
    return is_old ? SSL_CTX_set_cipher_list(tls, options->ciphers) == 1
                  : SSL_CTX_set_ciphersuites(tls, options->ciphers) == 1;
}

/* Counted only: full handshakes are compared with tickets off, and this shows that they are. */
static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    struct target *target = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    (void)session;
    target->tickets_count++;
    return 0;
}

static enum transport_result from_openssl(const struct transport *transport, int result)
{
    switch (SSL_get_error(transport->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return TRANSPORT_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return TRANSPORT_ENDED;
    default:
        ERR_clear_error();
        return TRANSPORT_FAILED;
    }
}

static enum transport_result from_system(ssize_t result)
{
    if (result > 0) {
        return TRANSPORT_OK;
    }
    if (result == 0) {
        return TRANSPORT_ENDED;
    }
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? TRANSPORT_AGAIN
                                                                     : TRANSPORT_FAILED;
}
