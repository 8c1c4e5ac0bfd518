/* Values as people read them; the other way round is in config.h. */
#ifndef SALLYPORT_CONFIG_VALUE_H
#define SALLYPORT_CONFIG_VALUE_H

#include "base/text.h"
#include "config/schema.h"

#include <stdint.h>

/* "10m": the largest unit that divides it. */
void value_duration_text(uint64_t ns, struct text *into);
void value_size_text(uint64_t bytes, struct text *into);

/* "a whole number from 1 to 1024 or "auto"": what an option takes, for messages and the manual. */
void value_wanted_text(const struct schema_option *option, struct text *into);

#endif
