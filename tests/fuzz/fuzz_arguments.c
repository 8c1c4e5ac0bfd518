/* Any words are a command line that makes sense, or are refused. Words end with a line end. */
#include "base/require.h"
#include "daemon/arguments.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 64 };

static void check(const struct arguments *arguments);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char             program[] = "sallyport";
    char            *words[WORDS_MAX + 2] = {program};
    char            *text = strndup((const char *)data, size);
    char            *rest = text;
    int              count = 1;
    struct arguments arguments;

    require(text != NULL);
    while (rest != NULL && *rest != '\0' && count <= WORDS_MAX) {
        words[count++] = strsep(&rest, "\n");
    }
    if (arguments_read(count, words, &arguments)) {
        check(&arguments);
    }
    free(text);
    return 0;
}

static void check(const struct arguments *arguments)
{
    struct config config = {.workers = 3, .user = {.text = ""}};

    require(arguments->mode <= ARGUMENTS_HELP);
    require(arguments->configs_count >= 1 && arguments->configs_count <= ARGUMENTS_CONFIGS_MAX);
    for (size_t i = 0; i < arguments->configs_count; i++) {
        require(arguments->configs[i] != NULL);
    }
    require(arguments->workers >= ARGUMENTS_UNSET && arguments->workers <= 1024);
    require(arguments->log_level >= ARGUMENTS_UNSET && arguments->log_level <= CONFIG_LEVEL_DEBUG);
    arguments_apply(arguments, &config);
    require(config.workers <= 1024 && config.user.text != NULL);
}
