/* Version 1 of the PROXY protocol: one line of text, read once it is whole. */
#ifndef SALLYPORT_PROXY_PROXY_LINE_H
#define SALLYPORT_PROXY_PROXY_LINE_H

#include "proxy/proxy_decoder.h"

/* The line, which begins with PROXY_LINE_START, without its CRLF. */
enum proxy_fault proxy_line_read(struct bytes_const line, struct proxy_header *header);

#endif
