/*
 * Intrusive doubly linked list. The link lives inside the element, so that being on a list costs
 * no allocation; an element is on at most one list per link.
 */
#ifndef SALLYPORT_BASE_LIST_H
#define SALLYPORT_BASE_LIST_H

#include "base/require.h"

#include <stdbool.h>
#include <stddef.h>

#define container_of(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct list_link {
    struct list_link *next;
    struct list_link *previous;
};

/* The head is a link that belongs to no element: an empty list points at itself. */
struct list {
    struct list_link head;
};

static inline void list_init(struct list *list)
{
    list->head.next = &list->head;
    list->head.previous = &list->head;
}

/* A link that was zeroed or removed is on no list. */
static inline bool list_is_linked(const struct list_link *link)
{
    return link->next != NULL;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->head.next == &list->head;
}

static inline void list_append(struct list *list, struct list_link *link)
{
    require(!list_is_linked(link));
    link->previous = list->head.previous;
    link->next = &list->head;
    list->head.previous->next = link;
    list->head.previous = link;
}

static inline void list_prepend(struct list *list, struct list_link *link)
{
    require(!list_is_linked(link));
    link->next = list->head.next;
    link->previous = &list->head;
    list->head.next->previous = link;
    list->head.next = link;
}

static inline void list_remove(struct list_link *link)
{
    require(list_is_linked(link));
    link->next->previous = link->previous;
    link->previous->next = link->next;
    link->next = NULL;
    link->previous = NULL;
}

/* The first link, or NULL when the list is empty. */
static inline struct list_link *list_first(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->head.next;
}

/* The link after this one, or NULL at the end. */
static inline struct list_link *list_after(const struct list *list, const struct list_link *link)
{
    return link->next == &list->head ? NULL : link->next;
}

/* Takes the first link off the list; NULL when the list is empty. */
static inline struct list_link *list_take_first(struct list *list)
{
    struct list_link *first = list_first(list);

    if (first != NULL) {
        list_remove(first);
    }
    return first;
}

/* Moves every link of `from` to the end of `to`, in order. */
static inline void list_append_all(struct list *to, struct list *from)
{
    if (list_is_empty(from)) {
        return;
    }
    from->head.next->previous = to->head.previous;
    to->head.previous->next = from->head.next;
    from->head.previous->next = &to->head;
    to->head.previous = from->head.previous;
    list_init(from);
}

#endif
