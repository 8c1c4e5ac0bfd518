#include "base/error.h"

#include "base/require.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static enum error_kind kind_of_errno(int code);

struct error error_make(enum error_kind kind, const char *step)
{
    return (struct error){.kind = (uint8_t)kind, .source = ERROR_FROM_US, .step = step};
}

struct error error_from_errno(int code, const char *step)
{
    require(code > 0);
    return (struct error){.kind = (uint8_t)kind_of_errno(code),
                          .source = ERROR_FROM_SYSTEM,
                          .code = (uint32_t)code,
                          .step = step};
}

static enum error_kind kind_of_errno(int code)
{
    switch (code) {
    case ECONNRESET:
    case ECONNABORTED:
        return ERROR_RESET;
    case EPIPE:
    case ENOTCONN:
        return ERROR_BROKEN;
    case ETIMEDOUT:
        return ERROR_TIMEOUT;
    case ECANCELED:
        return ERROR_CANCELLED;
    case ECONNREFUSED:
    case ENOENT: /* connect(2) to a UNIX socket that does not exist */
        return ERROR_REFUSED;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case EADDRNOTAVAIL:
        return ERROR_UNREACHABLE;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EAGAIN:
        return ERROR_EXHAUSTED;
    case ENOSYS:
    case EPERM:
    case EINVAL:
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
        return ERROR_UNSUPPORTED;
    default:
        return ERROR_INTERNAL;
    }
}

const char *error_kind_text(enum error_kind kind)
{
    switch (kind) {
    case ERROR_NONE:
        return "no error";
    case ERROR_CLOSED:
        return "closed";
    case ERROR_RESET:
        return "reset";
    case ERROR_BROKEN:
        return "broken";
    case ERROR_TIMEOUT:
        return "timed out";
    case ERROR_CANCELLED:
        return "cancelled";
    case ERROR_REFUSED:
        return "refused";
    case ERROR_UNREACHABLE:
        return "unreachable";
    case ERROR_TLS_PROTOCOL:
        return "TLS protocol error";
    case ERROR_TLS_CERTIFICATE:
        return "certificate error";
    case ERROR_EXHAUSTED:
        return "out of resources";
    case ERROR_UNSUPPORTED:
        return "unsupported";
    case ERROR_CONFIG:
        return "configuration error";
    case ERROR_INTERNAL:
        return "internal error";
    }
    return "unknown";
}

const char *error_text(const struct error *error, char *into, size_t into_bytes)
{
    const char *step = error->step != NULL ? error->step : "?";

    if (error->source == ERROR_FROM_SYSTEM) {
        (void)snprintf(into, into_bytes, "%s: %s", step, strerrordesc_np((int)error->code));
    } else if (error->source == ERROR_FROM_OPENSSL) {
        (void)snprintf(into, into_bytes, "%s: OpenSSL error %#x", step, error->code);
    } else {
        (void)snprintf(into, into_bytes, "%s: %s", step, error_kind_text(error_kind(error)));
    }
    return into;
}
