/*
 * The name table against a list that is searched from front to back. Lines of input are calls: the
 * first byte says which, the rest is the name.
 */
#include "base/name_table.h"
#include "base/require.h"
#include "fuzz.h"

#include <string.h>
#include <strings.h>

enum { ADDED_MAX = 64 };

struct model {
    struct bytes_const names[ADDED_MAX];
    int                values[ADDED_MAX];
    int                count;
};

static void run_line(struct name_table *table, struct model *model, struct bytes_const line);
static void add(struct name_table *table, struct model *model, struct bytes_const name);
static int  model_find_exact(const struct model *model, struct bytes_const name);
static int  model_find(const struct model *model, struct bytes_const name);
static bool model_is_valid(struct bytes_const name);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct name_table *table = name_table_new();
    struct model       model = {0};
    struct bytes_const tape = {data, size};

    require(table != NULL);
    while (fuzz_has_more(&tape)) {
        const uint8_t *end = memchr(tape.data, '\n', tape.len);

        run_line(table, &model,
                 fuzz_bytes(&tape, end != NULL ? (size_t)(end - tape.data) : tape.len));
        (void)fuzz_byte(&tape);
    }
    name_table_free(&table);
    return 0;
}

static void run_line(struct name_table *table, struct model *model, struct bytes_const line)
{
    switch (fuzz_byte(&line) & 3) {
    case 0:
        add(table, model, line);
        break;
    case 1:
        require(name_table_find(table, line) == model_find(model, line));
        break;
    case 2:
        require(name_table_find_exact(table, line) == model_find_exact(model, line));
        break;
    default:
        require(name_is_valid(line) == model_is_valid(line));
        break;
    }
}

static void add(struct name_table *table, struct model *model, struct bytes_const name)
{
    if (model->count == ADDED_MAX) {
        return;
    }
    require(name_table_add(table, name, model->count) == model_is_valid(name));
    if (model_is_valid(name) && model_find_exact(model, name) == NAME_TABLE_NONE) {
        model->names[model->count] = name;
        model->values[model->count] = model->count;
        model->count++;
    }
    require(name_table_count(table) == (size_t)model->count);
}

static int model_find_exact(const struct model *model, struct bytes_const name)
{
    for (int i = 0; i < model->count; i++) {
        const struct bytes_const *added = &model->names[i];

        if (added->len == name.len &&
            strncasecmp((const char *)added->data, (const char *)name.data, name.len) == 0) {
            return model->values[i];
        }
    }
    return NAME_TABLE_NONE;
}

static int model_find(const struct model *model, struct bytes_const name)
{
    int            value = model_find_exact(model, name);
    const uint8_t *dot = name.len > 0 ? memchr(name.data, '.', name.len) : NULL;
    uint8_t        wildcard[NAME_LEN_MAX + 1] = "*";

    if (value != NAME_TABLE_NONE || dot == NULL || dot == name.data || name.len > NAME_LEN_MAX) {
        return value;
    }
    size_t rest = name.len - (size_t)(dot - name.data);

    memcpy(wildcard + 1, dot, rest);
    return model_find_exact(model, (struct bytes_const){wildcard, rest + 1});
}

/* Label by label. */
static bool model_is_valid(struct bytes_const name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    size_t label = 0;

    if (name.len == 0 || name.len > NAME_LEN_MAX) {
        return false;
    }
    if (name.len > 2 && name.data[0] == '*' && name.data[1] == '.') {
        (void)fuzz_bytes(&name, 2);
    }
    while (fuzz_has_more(&name)) {
        uint8_t byte = fuzz_byte(&name);

        if (byte == '.' && label > 0) {
            label = 0;
        } else if (memchr(letters, byte, sizeof(letters) - 1) != NULL) {
            label++;
        } else {
            return false;
        }
    }
    return label > 0;
}
