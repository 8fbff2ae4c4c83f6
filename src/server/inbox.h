/* SPDX-License-Identifier: MIT */
/* Messages between the keeper and the loops: a bounded queue and a wake-up, one for each thread.
 *
 * Control messages are few (a table, a configuration, the steps of the end), but for the versions
 * that a loop lets go: as many as a directory held models. So the queue grows for them, up to a
 * bound at which its receiver must be stuck. Descriptors handed to another loop do not make it
 * grow; for them a full queue is an answer. */
#ifndef WEIR_SERVER_INBOX_H
#define WEIR_SERVER_INBOX_H

#include "loop/addr.h"
#include "loop/wake.h"

#include <pthread.h>
#include <stdbool.h>

enum {
    WEIR_SERVER_INBOX_MESSAGES_MAX = 1024,       /* without growing */
    WEIR_SERVER_INBOX_CONTROL_MAX = 1024 * 1024, /* control messages: beyond, the process ends */
};

enum weir_server_message_kind {
    /* keeper → loop */
    WEIR_SERVER_TABLE,     /* adopt the table in ptr */
    WEIR_SERVER_CONFIG,    /* adopt the configuration in ptr */
    WEIR_SERVER_NOT_READY, /* readiness is off from now on */
    WEIR_SERVER_DRAIN,     /* take the backlog, close the listeners, end with the last connection */
    WEIR_SERVER_STOP,      /* end at once */
    /* loop → loop */
    WEIR_SERVER_ADOPT_FD,   /* serve the connected descriptor in number */
    WEIR_SERVER_ORDER_DONE, /* answer the order in taken */
    WEIR_SERVER_LIVE,       /* do the part in taken of a task of live quality */
    WEIR_SERVER_LIVE_DONE,  /* the part in taken is done */
    /* loop → keeper */
    WEIR_SERVER_ORDER,            /* carry out the order in taken */
    WEIR_SERVER_TABLE_ADOPTED,    /* the loop answers from the table in ptr */
    WEIR_SERVER_CONFIG_ADOPTED,   /* the loop uses the configuration in ptr */
    WEIR_SERVER_VERSION_RELEASED, /* the loop has nothing in flight of the version in ptr */
    WEIR_SERVER_DRAINED,          /* the loop's last connection is closed */
    WEIR_SERVER_STOPPED,          /* the loop has ended */
};

struct weir_server_message {
    enum weir_server_message_kind kind;
    uint32_t from; /* index of the sending shard */
    const void *ptr;
    void *taken; /* goes with the message; NULL: nothing does */
    int64_t number;
};

struct weir_server_inbox {
    struct weir_wake wake; /* belongs to the receiving loop */
    struct {               /* under mu */
        pthread_mutex_t mu;
        struct weir_server_message *messages; /* a ring of cap: room, or owned */
        uint32_t cap;
        uint32_t first;
        uint32_t n;
        struct weir_server_message room[WEIR_SERVER_INBOX_MESSAGES_MAX];
    } shared;
};

/* Makes an empty inbox whose messages wake fn(arg) on loop. WEIR_ERR_IO: no descriptor. */
WEIR_MUST_USE enum weir_status weir_server_inbox_init(struct weir_server_inbox *inbox,
                                                      struct weir_loop *loop, weir_loop_fn *fn,
                                                      void *arg);

/* Releases what a queue that has grown holds; its wake-up is closed by its owner. */
void weir_server_inbox_deinit(struct weir_server_inbox *inbox);

/* Queues a message and wakes the receiver; false: the queue is full. Runs on: any thread. */
WEIR_MUST_USE bool weir_server_inbox_try_push(struct weir_server_inbox *inbox,
                                              struct weir_server_message message);

/* As above for control messages, for which the queue grows: WEIR_SERVER_INBOX_CONTROL_MAX of them,
 * or no memory, end the process. Runs on: any thread. */
void weir_server_inbox_push(struct weir_server_inbox *inbox, struct weir_server_message message);

/* Takes the oldest message; false: none. Runs on: the receiver. */
bool weir_server_inbox_take(struct weir_server_inbox *inbox, struct weir_server_message *out);

#endif
