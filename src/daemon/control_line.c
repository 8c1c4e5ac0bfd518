#include "daemon/control_line.h"

#include "base/require.h"

#include <string.h>

static void begin_anew(struct control_line *line);

enum control_line_outcome control_line_feed(struct control_line *line, struct bytes_const *from)
{
    const uint8_t *end = from->len > 0 ? memchr(from->data, '\n', from->len) : NULL;
    size_t         len = end != NULL ? (size_t)(end - from->data) : from->len;

    begin_anew(line);
    if (line->is_too_long || len > CONTROL_LINE_BYTES_MAX - line->len) {
        line->is_too_long = true;
        from->len = 0;
        return CONTROL_LINE_TOO_LONG;
    }
    if (len > 0) {
        memcpy(line->memory + line->len, from->data, len);
    }
    line->len += len;
    line->is_whole = end != NULL;
    len += line->is_whole ? 1 : 0;
    from->data += len;
    from->len -= len;
    return line->is_whole ? CONTROL_LINE_WHOLE : CONTROL_LINE_MORE;
}

bool control_line_finish(struct control_line *line)
{
    begin_anew(line);
    line->is_whole = !line->is_too_long && line->len > 0;
    return line->is_whole;
}

struct bytes_const control_line_bytes(const struct control_line *line)
{
    size_t len = line->len;

    require(line->is_whole);
    if (len > 0 && line->memory[len - 1] == '\r') {
        len--;
    }
    return (struct bytes_const){line->memory, len};
}

/* Behind a line that was whole. */
static void begin_anew(struct control_line *line)
{
    if (line->is_whole) {
        line->is_whole = false;
        line->len = 0;
    }
}
