/* Reads a line of JSON that is one object of strings, numbers and nulls: what the access log
 * writes. */
#ifndef SALLYPORT_TESTS_FLAT_JSON_H
#define SALLYPORT_TESTS_FLAT_JSON_H

#include <stdbool.h>

/* True when the whole line is such an object (RFC 8259), without control characters or bytes above
 * 0x7e. */
bool flat_json_is_valid(const char *line);

#endif
