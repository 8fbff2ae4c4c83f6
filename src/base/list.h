/* SPDX-License-Identifier: MIT */
/* Intrusive doubly linked lists: the link lives in the element, WEIR_CONTAINER_OF leads back to it.
 * Not thread-safe. */
#ifndef WEIR_BASE_LIST_H
#define WEIR_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* A link, and also the head of a list. A zeroed link is in no list; a head must be initialised. */
struct weir_list {
    struct weir_list *next;
    struct weir_list *prev;
};

static inline void weir_list_init(struct weir_list *head)
{
    head->next = head;
    head->prev = head;
}

static inline bool weir_list_is_empty(const struct weir_list *head)
{
    return head->next == head;
}

static inline bool weir_list_is_linked(const struct weir_list *link)
{
    return link->next != NULL;
}

/* Puts link at the end (push) or the beginning (push_front) of a list; it must be in no list. */
static inline void weir_list_push(struct weir_list *head, struct weir_list *link)
{
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

static inline void weir_list_push_front(struct weir_list *head, struct weir_list *link)
{
    link->next = head->next;
    link->prev = head;
    head->next->prev = link;
    head->next = link;
}

/* Takes link out of its list; a link in no list is left as it is. */
static inline void weir_list_remove(struct weir_list *link)
{
    if (!link->next)
        return;
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->next = NULL;
    link->prev = NULL;
}

/* Takes the first link out; NULL: the list is empty. */
static inline struct weir_list *weir_list_take(struct weir_list *head)
{
    if (weir_list_is_empty(head))
        return NULL;
    struct weir_list *link = head->next;
    weir_list_remove(link);
    return link;
}

#define WEIR_LIST_FOREACH(it, head) \
    for (struct weir_list *it = (head)->next; it != (head); it = it->next)

#endif
