/* What the PROXY protocol is used for: on the way in at a frontend, on the way out to a backend. */
#ifndef SALLYPORT_CONFIG_PROXY_H
#define SALLYPORT_CONFIG_PROXY_H

enum config_accept_proxy {
    CONFIG_ACCEPT_PROXY_OFF,
    CONFIG_ACCEPT_PROXY_OPTIONAL,
    CONFIG_ACCEPT_PROXY_REQUIRED
};
enum config_send_proxy { CONFIG_SEND_PROXY_OFF, CONFIG_SEND_PROXY_V1, CONFIG_SEND_PROXY_V2 };

/* Bits: what proxy-v2-options names. */
enum config_proxy_option {
    CONFIG_PROXY_SSL = 1,
    CONFIG_PROXY_CERT_CN = 2,
    CONFIG_PROXY_AUTHORITY = 4,
    CONFIG_PROXY_ALPN = 8,
    CONFIG_PROXY_CRC32C = 16,
    CONFIG_PROXY_UNIQUE_ID = 32,
};

#endif
