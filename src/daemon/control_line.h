/* Lines out of a stream of bytes, however it was cut. */
#ifndef SALLYPORT_DAEMON_CONTROL_LINE_H
#define SALLYPORT_DAEMON_CONTROL_LINE_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONTROL_LINE_BYTES_MAX = 4096 }; /* its end not counted */

enum control_line_outcome {
    CONTROL_LINE_MORE, /* the bytes are used up, and no line is whole */
    CONTROL_LINE_WHOLE,
    CONTROL_LINE_TOO_LONG, /* for good: nothing that follows is read */
};

/* Zeroed memory has read nothing yet. */
struct control_line {
    /* private */
    uint8_t memory[CONTROL_LINE_BYTES_MAX];
    size_t  len;
    bool    is_whole;
    bool    is_too_long;
};

/* Takes bytes off `from`, up to and with the end of the first line there. */
enum control_line_outcome control_line_feed(struct control_line *line, struct bytes_const *from);

/* The stream has ended: true when it did so behind a line that lacks its end, which counts. */
bool control_line_finish(struct control_line *line);

/* The line that is whole, without its end, LF or CR LF; until the next feed. */
struct bytes_const control_line_bytes(const struct control_line *line);

#endif
