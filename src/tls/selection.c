#include "tls/selection.h"

#include "base/require.h"
#include "tls/tls_internal.h"

#include <stdlib.h>

/* Of one certificate while its names are gone through. */
struct naming {
    struct tls_selection *selection;
    uint32_t              certificate;
};

static bool has_room(struct tls_selection *selection);
static bool on_name(void *owner, struct bytes_const name);
static void set_add(const struct tls_selection *selection, struct certificate_set *set,
                    uint32_t certificate);
static struct certificate_set *sets_append(struct tls_selection *selection);

struct tls_selection *tls_selection_new(void)
{
    struct tls_selection *selection = calloc(1, sizeof(*selection));

    if (selection == NULL) {
        return NULL;
    }
    selection->names = name_table_new();
    if (selection->names == NULL || sets_append(selection) == NULL) {
        tls_selection_free(&selection);
    }
    return selection;
}

void tls_selection_free(struct tls_selection **selection)
{
    struct tls_selection *freed = *selection;

    if (freed == NULL) {
        return;
    }
    for (size_t i = 0; i < freed->count; i++) {
        tls_certificate_free(&freed->certificates[i]);
        tls_staple_free(&freed->staples[i]);
    }
    name_table_free(&freed->names);
    free(freed->certificates);
    free(freed->staples);
    free(freed->sets);
    free(freed);
    *selection = NULL;
}

bool tls_selection_add(struct tls_selection *selection, struct tls_certificate *certificate)
{
    struct naming naming = {.selection = selection, .certificate = (uint32_t)selection->count};

    require(selection->count < UINT32_MAX);
    if (!has_room(selection)) {
        return false;
    }
    selection->staples[selection->count] = NULL;
    selection->certificates[selection->count++] = tls_certificate_hold(certificate);
    if (naming.certificate == 0) {
        set_add(selection, &selection->sets[0], 0);
    }
    return tls_certificate_each_name(certificate, on_name, &naming);
}

void tls_selection_staple(struct tls_selection *selection, struct tls_staple *staple)
{
    require(selection->count > 0);
    tls_staple_free(&selection->staples[selection->count - 1]);
    selection->staples[selection->count - 1] = staple != NULL ? tls_staple_hold(staple) : NULL;
}

size_t tls_selection_count(const struct tls_selection *selection)
{
    return selection->count;
}

size_t tls_selection_names(const struct tls_selection *selection)
{
    return name_table_count(selection->names);
}

const struct tls_certificate *tls_selection_at(const struct tls_selection *selection, size_t index)
{
    require(index < selection->count);
    return selection->certificates[index];
}

bool tls_selection_is_equal(const struct tls_selection *one, const struct tls_selection *other)
{
    bool is_equal = one->count == other->count;

    for (size_t i = 0; is_equal && i < one->count; i++) {
        is_equal =
            one->certificates[i] == other->certificates[i] && one->staples[i] == other->staples[i];
    }
    return is_equal;
}

const struct certificate_set *selection_find(const struct tls_selection *selection,
                                             struct bytes_const          name)
{
    int value = name.len == 0 ? NAME_TABLE_NONE : name_table_find(selection->names, name);

    return &selection->sets[value == NAME_TABLE_NONE ? 0 : value];
}

bool selection_knows(const struct tls_selection *selection, struct bytes_const name)
{
    return name_table_find(selection->names, name) != NAME_TABLE_NONE;
}

static bool has_room(struct tls_selection *selection)
{
    if (selection->count < selection->room) {
        return true;
    }
    size_t                   room = selection->room == 0 ? 4 : selection->room * 2;
    struct tls_staple      **staples = NULL;
    struct tls_certificate **certificates =
        realloc(selection->certificates, room * sizeof(struct tls_certificate *));

    if (certificates == NULL) {
        return false;
    }
    selection->certificates = certificates;
    staples = realloc(selection->staples, room * sizeof(struct tls_staple *));
    if (staples == NULL) {
        return false;
    }
    selection->staples = staples;
    selection->room = room;
    return true;
}

/* Adds the certificate to the set of one of its names. All names of the first certificate share
 * set 0, the default; a further one for any of them joins it when its key is of another kind. */
static bool on_name(void *owner, struct bytes_const name)
{
    struct naming          *naming = owner;
    struct tls_selection   *selection = naming->selection;
    struct certificate_set *set = NULL;
    int                     value = name_table_find_exact(selection->names, name);

    if (value != NAME_TABLE_NONE) {
        set_add(selection, &selection->sets[value], naming->certificate);
        return true;
    }
    if (naming->certificate == 0) {
        return name_table_add(selection->names, name, 0);
    }
    set = sets_append(selection);
    if (set == NULL) {
        return false;
    }
    set_add(selection, set, naming->certificate);
    return name_table_add(selection->names, name, (int)(set - selection->sets));
}

/* When the set has a certificate with that kind of key already, the first one stays. */
static void set_add(const struct tls_selection *selection, struct certificate_set *set,
                    uint32_t certificate)
{
    int kind = selection->certificates[certificate]->key_kind;

    for (uint32_t i = 0; i < set->count; i++) {
        if (selection->certificates[set->members[i]]->key_kind == kind) {
            return;
        }
    }
    if (set->count < CERTIFICATES_PER_NAME_MAX) {
        set->members[set->count++] = certificate;
    }
}

static struct certificate_set *sets_append(struct tls_selection *selection)
{
    if (selection->sets_count == selection->sets_room) {
        size_t                  room = selection->sets_room == 0 ? 4 : selection->sets_room * 2;
        struct certificate_set *grown = realloc(selection->sets, room * sizeof(*grown));

        if (grown == NULL) {
            return NULL;
        }
        selection->sets = grown;
        selection->sets_room = room;
    }
    struct certificate_set *set = &selection->sets[selection->sets_count++];

    *set = (struct certificate_set){0};
    return set;
}
