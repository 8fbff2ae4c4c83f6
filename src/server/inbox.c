/* SPDX-License-Identifier: MIT */
#include "server/inbox.h"

#include "base/macros.h"

enum weir_status weir_server_inbox_init(struct weir_server_inbox *inbox, struct weir_loop *loop,
                                        weir_loop_fn *fn, void *arg)
{
    weir_assert(inbox);
    enum weir_status status = weir_wake_init(&inbox->wake, loop, fn, arg);
    if (status != WEIR_OK)
        return status;
    inbox->shared.first = 0;
    inbox->shared.n = 0;
    weir_assert(pthread_mutex_init(&inbox->shared.mu, NULL) == 0);
    return WEIR_OK;
}

bool weir_server_inbox_try_push(struct weir_server_inbox *inbox, struct weir_server_message message)
{
    weir_assert(pthread_mutex_lock(&inbox->shared.mu) == 0);
    bool fits = inbox->shared.n < WEIR_SERVER_INBOX_MESSAGES_MAX;
    if (fits) {
        uint32_t at = (inbox->shared.first + inbox->shared.n) % WEIR_SERVER_INBOX_MESSAGES_MAX;
        inbox->shared.messages[at] = message;
        inbox->shared.n++;
    }
    weir_assert(pthread_mutex_unlock(&inbox->shared.mu) == 0);
    if (fits)
        weir_wake_send(&inbox->wake);
    return fits;
}

void weir_server_inbox_push(struct weir_server_inbox *inbox, struct weir_server_message message)
{
    bool is_queued = weir_server_inbox_try_push(inbox, message);
    weir_assert(is_queued);
}

bool weir_server_inbox_take(struct weir_server_inbox *inbox, struct weir_server_message *out)
{
    weir_assert(pthread_mutex_lock(&inbox->shared.mu) == 0);
    bool is_there = inbox->shared.n > 0;
    if (is_there) {
        *out = inbox->shared.messages[inbox->shared.first];
        inbox->shared.first = (inbox->shared.first + 1) % WEIR_SERVER_INBOX_MESSAGES_MAX;
        inbox->shared.n--;
    }
    weir_assert(pthread_mutex_unlock(&inbox->shared.mu) == 0);
    return is_there;
}
