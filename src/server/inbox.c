/* SPDX-License-Identifier: MIT */
#include "server/inbox.h"

#include "base/macros.h"
#include "base/mem.h"

enum weir_status weir_server_inbox_init(struct weir_server_inbox *inbox, struct weir_loop *loop,
                                        weir_loop_fn *fn, void *arg)
{
    weir_assert(inbox);
    enum weir_status status = weir_wake_init(&inbox->wake, loop, fn, arg);
    if (status != WEIR_OK)
        return status;
    inbox->shared.messages = inbox->shared.room;
    inbox->shared.cap = WEIR_SERVER_INBOX_MESSAGES_MAX;
    inbox->shared.first = 0;
    inbox->shared.n = 0;
    weir_assert(pthread_mutex_init(&inbox->shared.mu, NULL) == 0);
    return WEIR_OK;
}

void weir_server_inbox_deinit(struct weir_server_inbox *inbox)
{
    weir_assert(inbox);
    if (inbox->shared.messages != inbox->shared.room)
        weir_mem_free(weir_mem_default(), inbox->shared.messages);
    inbox->shared.messages = inbox->shared.room;
    inbox->shared.cap = 0;
}

/* Makes the ring twice as large; false: no memory, or it is as large as it may be. Under mu. */
static bool grow(struct weir_server_inbox *inbox)
{
    uint32_t cap = inbox->shared.cap;
    if (cap >= WEIR_SERVER_INBOX_CONTROL_MAX)
        return false;
    struct weir_server_message *messages =
        weir_mem_array(weir_mem_default(), (size_t)cap * 2, sizeof *messages);
    if (!messages)
        return false;
    for (uint32_t i = 0; i < inbox->shared.n; i++)
        messages[i] = inbox->shared.messages[(inbox->shared.first + i) % cap];
    if (inbox->shared.messages != inbox->shared.room)
        weir_mem_free(weir_mem_default(), inbox->shared.messages);
    inbox->shared.messages = messages;
    inbox->shared.cap = cap * 2;
    inbox->shared.first = 0;
    return true;
}

/* Queues a message if there is room, or can be. */
static bool push(struct weir_server_inbox *inbox, struct weir_server_message message, bool may_grow)
{
    weir_assert(pthread_mutex_lock(&inbox->shared.mu) == 0);
    bool fits = may_grow ? inbox->shared.n < inbox->shared.cap || grow(inbox)
                         : inbox->shared.n < WEIR_SERVER_INBOX_MESSAGES_MAX;
    if (fits) {
        uint32_t at = (inbox->shared.first + inbox->shared.n) % inbox->shared.cap;
        inbox->shared.messages[at] = message;
        inbox->shared.n++;
    }
    weir_assert(pthread_mutex_unlock(&inbox->shared.mu) == 0);
    if (fits)
        weir_wake_send(&inbox->wake);
    return fits;
}

bool weir_server_inbox_try_push(struct weir_server_inbox *inbox, struct weir_server_message message)
{
    return push(inbox, message, false);
}

void weir_server_inbox_push(struct weir_server_inbox *inbox, struct weir_server_message message)
{
    bool is_queued = push(inbox, message, true);
    weir_assert(is_queued);
}

bool weir_server_inbox_take(struct weir_server_inbox *inbox, struct weir_server_message *out)
{
    weir_assert(pthread_mutex_lock(&inbox->shared.mu) == 0);
    bool is_there = inbox->shared.n > 0;
    if (is_there) {
        *out = inbox->shared.messages[inbox->shared.first];
        inbox->shared.first = (inbox->shared.first + 1) % inbox->shared.cap;
        inbox->shared.n--;
    }
    weir_assert(pthread_mutex_unlock(&inbox->shared.mu) == 0);
    return is_there;
}
