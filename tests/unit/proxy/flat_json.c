#include "flat_json.h"

#include <stddef.h>
#include <string.h>

static const char *after_pair(const char *at);
static const char *after_string(const char *at);
static const char *after_value(const char *at);
static const char *after_number(const char *at);
static const char *after_digits(const char *at);

/* Each reader returns where it ended, or NULL. */
bool flat_json_is_valid(const char *line)
{
    const char *at = line[0] == '{' ? line : NULL;

    do {
        at = at != NULL ? after_pair(at + 1) : NULL;
    } while (at != NULL && *at == ',');
    return at != NULL && strcmp(at, "}") == 0;
}

static const char *after_pair(const char *at)
{
    const char *colon = after_string(at);

    return colon != NULL && *colon == ':' ? after_value(colon + 1) : NULL;
}

static const char *after_string(const char *at)
{
    if (*at++ != '"') {
        return NULL;
    }
    while (*at != '"') {
        if (*at < 0x20 || *at > 0x7e) {
            return NULL;
        }
        if (*at == '\\' && at[1] == 'u') {
            if (strspn(at + 2, "0123456789abcdef") < 4) {
                return NULL;
            }
            at += 6;
        } else if (*at == '\\') {
            if (at[1] == '\0' || strchr("\"\\/bfnrt", at[1]) == NULL) {
                return NULL;
            }
            at += 2;
        } else {
            at++;
        }
    }
    return at + 1;
}

static const char *after_value(const char *at)
{
    if (*at == '"') {
        return after_string(at);
    }
    return strncmp(at, "null", 4) == 0 ? at + 4 : after_number(at);
}

static const char *after_number(const char *at)
{
    bool has_zero_in_front = at[0] == '0' && at[1] >= '0' && at[1] <= '9';

    at = has_zero_in_front ? NULL : after_digits(at);
    return at != NULL && *at == '.' ? after_digits(at + 1) : at;
}

static const char *after_digits(const char *at)
{
    size_t digits = strspn(at, "0123456789");

    return digits > 0 ? at + digits : NULL;
}
