/* SPDX-License-Identifier: MIT */
/* Orders: requests that change what is served. They are given on any loop, carried out by the
 * keeper, and answered on the loop they came to when they are done: a load when every loop answers
 * from the loaded version, an unload when none does any more.
 *
 *     shard: give ── ORDER ─▶ keeper: carry out … settle ── ORDER_DONE ─▶ shard: done
 */
#ifndef WEIR_SERVER_ORDER_H
#define WEIR_SERVER_ORDER_H

#include "base/list.h"
#include "server/routes.h"
#include "server/shard.h"

struct weir_server_keeper;
struct weir_server_order;

enum weir_server_order_kind {
    WEIR_SERVER_ORDER_LOAD,     /* load what is there of a model, also if it failed or is held */
    WEIR_SERVER_ORDER_UNLOAD,   /* take a model from service until its file changes */
    WEIR_SERVER_ORDER_ROLLBACK, /* serve the version before */
    WEIR_SERVER_ORDER_PROMOTE,  /* serve the version that the gate holds */
};

/* Tells that an order is done; it is freed after the call. Runs on: the shard that gave it. */
typedef void weir_server_order_done_fn(const struct weir_server_order *order);

struct weir_server_order {
    enum weir_server_order_kind kind; /* constant after it was given */
    struct weir_server_shard *shard;
    struct weir_http_ticket ticket;
    const struct weir_server_route *route;
    weir_server_order_done_fn *done;
    struct weir_str model;
    struct weir_str reason; /* PROMOTE: why, */
    struct weir_str by;     /* and who asks */

    int code; /* HTTP: 200; 400 it cannot be; 404 no such model; 409 another operation on
                 the model is under way; 500 the load failed; 503; 504 */
    struct weir_error err; /* why, unless 200 */

    struct { /* the keeper's */
        struct weir_list link;
        uint64_t begun_wall_ns;
        uint64_t deadline_ns;
        uint64_t number_before; /* of the version that served; 0: none */
        uint64_t serial;        /* done when all loops have adopted this table; 0: not known yet */
    } keeper;
    char name[]; /* the model's, reason, by */
};

/* Gives an order about a model; done is called later, if the process does not end before.
 * WEIR_ERR_NO_MEMORY. Runs on: the shard. */
WEIR_MUST_USE enum weir_status
weir_server_order_give(struct weir_server_shard *shard, enum weir_server_order_kind kind,
                       struct weir_str model, struct weir_http_ticket ticket,
                       const struct weir_server_route *route, weir_server_order_done_fn *done,
                       struct weir_error *err);

/* The same for PROMOTE, with its reason and who asks. */
WEIR_MUST_USE enum weir_status
weir_server_order_promote(struct weir_server_shard *shard, struct weir_str model,
                          struct weir_str reason, struct weir_str by,
                          struct weir_http_ticket ticket, const struct weir_server_route *route,
                          weir_server_order_done_fn *done, struct weir_error *err);

/* Handles the messages ORDER and ORDER_DONE. Runs on: the keeper; the shard. */
void weir_server_order_receive(struct weir_server_keeper *keeper, struct weir_server_order *order);
void weir_server_order_finish(struct weir_server_order *order);

/* Looks which orders are done: after a table was published or adopted, and now and then. Runs on:
 * the keeper. */
void weir_server_order_check(struct weir_server_keeper *keeper);

/* Ends all orders with 503: the process ends. Runs on: the keeper. */
void weir_server_order_cancel_all(struct weir_server_keeper *keeper);

#endif
