#include "proxy/end_reason.h"

#include "base/require.h"

static const struct {
    const char *word;
    const char *ts;
} reasons[] = {
    [END_NONE] = {"none", "--"},
#define REASON(name, word, ts) [END_##name] = {word, ts},
#include "proxy/end_reason.def"
#undef REASON
};

const char *end_reason_word(enum end_reason reason)
{
    require(reason < END_REASONS_COUNT);
    return reasons[reason].word;
}

const char *end_reason_ts(enum end_reason reason)
{
    require(reason < END_REASONS_COUNT);
    return reasons[reason].ts;
}
