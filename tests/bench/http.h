/* A request and its answer, for servers and clients that only play at HTTP: what h2load sends, give
 * or take its port and version, so that it and our own load generator can do the same work. */
#ifndef SALLYPORT_TESTS_BENCH_HTTP_H
#define SALLYPORT_TESTS_BENCH_HTTP_H

#define HTTP_REQUEST                                                                               \
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:20000\r\nUser-Agent: h2load nghttp2/1.52.0\r\n\r\n"
#define HTTP_HEAD_END "\r\n\r\n"
#define HTTP_ANSWER                                                                                \
    "HTTP/1.1 200 OK\r\nContent-Length: 47\r\n\r\n"                                                \
    "Forty-seven bytes, as many as an echo sends us\n"

#endif
