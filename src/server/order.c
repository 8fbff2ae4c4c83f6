/* SPDX-License-Identifier: MIT */
#include "server/order.h"

#include "base/macros.h"
#include "server/keeper_priv.h"

#include <string.h>

/* A load may have to wait for another one, and its file until it is written. */
enum { LOADS_WAITED_FOR = 3 };

static const char *const kind_names[] = {"load", "unload", "rollback", "promote"};

/* Copies a text to *at and moves on. */
static struct weir_str keep(struct weir_str text, char **at)
{
    struct weir_str own = weir_str_make(*at, text.n);
    if (text.n > 0)
        memcpy(*at, text.at, text.n);
    *at += text.n;
    return own;
}

static enum weir_status give(struct weir_server_shard *shard, enum weir_server_order_kind kind,
                             struct weir_str model, struct weir_str reason, struct weir_str by,
                             struct weir_http_ticket ticket, const struct weir_server_route *route,
                             weir_server_order_done_fn *done, struct weir_error *err)
{
    weir_assert(shard);
    weir_assert(done);
    struct weir_server_order *order =
        weir_mem_zalloc(shard->shared->mem, sizeof *order + model.n + reason.n + by.n);
    if (!order)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the request");
    order->kind = kind;
    order->shard = shard;
    order->ticket = ticket;
    order->route = route;
    order->done = done;
    order->err = (struct weir_error)WEIR_ERROR_INIT;
    char *at = order->name;
    order->model = keep(model, &at);
    order->reason = keep(reason, &at);
    order->by = keep(by, &at);
    const struct weir_server_shared *shared = shard->shared;
    struct weir_server_message message = {
        .kind = WEIR_SERVER_ORDER, .from = shard->index, .taken = order};
    weir_server_inbox_push(&shared->shards[shared->n_shards - 1]->inbox, message);
    return WEIR_OK;
}

enum weir_status weir_server_order_give(struct weir_server_shard *shard,
                                        enum weir_server_order_kind kind, struct weir_str model,
                                        struct weir_http_ticket ticket,
                                        const struct weir_server_route *route,
                                        weir_server_order_done_fn *done, struct weir_error *err)
{
    weir_assert(kind != WEIR_SERVER_ORDER_PROMOTE);
    return give(shard, kind, model, WEIR_STR(""), WEIR_STR(""), ticket, route, done, err);
}

enum weir_status weir_server_order_promote(struct weir_server_shard *shard, struct weir_str model,
                                           struct weir_str reason, struct weir_str by,
                                           struct weir_http_ticket ticket,
                                           const struct weir_server_route *route,
                                           weir_server_order_done_fn *done, struct weir_error *err)
{
    return give(shard, WEIR_SERVER_ORDER_PROMOTE, model, reason, by, ticket, route, done, err);
}

void weir_server_order_finish(struct weir_server_order *order)
{
    struct weir_mem *mem = order->shard->shared->mem;
    order->done(order);
    weir_mem_free(mem, order);
}

/* --- the keeper's side ----------------------------------------------------------------------- */

/* Sends an order back; it is no longer the keeper's. */
static void send_back(struct weir_server_keeper *keeper, struct weir_server_order *order, int code)
{
    struct weir_server_message message = {
        .kind = WEIR_SERVER_ORDER_DONE, .from = keeper->shard->index, .taken = order};
    order->code = code;
    weir_server_inbox_push(&order->shard->inbox, message);
}

/* The code of what the repository refuses at once. */
static int refusal_code(enum weir_status status)
{
    switch (status) {
    case WEIR_ERR_NOT_FOUND:
        return 404;
    case WEIR_ERR_BUSY:
    case WEIR_ERR_EXISTS:
        return 409;
    case WEIR_ERR_NO_MEMORY:
        return 503;
    case WEIR_OK:
    case WEIR_ERR_INVALID:
    case WEIR_ERR_UNSUPPORTED:
    case WEIR_ERR_CORRUPT:
    case WEIR_ERR_LIMIT:
    case WEIR_ERR_CANCELED:
    case WEIR_ERR_TIMEOUT:
    case WEIR_ERR_IO:
    case WEIR_ERR_INTERNAL:
        break;
    }
    return 400;
}

static uint64_t serving_number(const struct weir_server_keeper *keeper, struct weir_str model)
{
    const struct weir_repo_entry *entry =
        weir_repo_table_find(weir_repo_table(keeper->repo), model);
    return entry && entry->version ? entry->version->number : 0;
}

/* Asks the repository to do it. */
static enum weir_status begin(struct weir_server_keeper *keeper, struct weir_server_order *order)
{
    WEIR_LIST_FOREACH (it, &keeper->orders) {
        const struct weir_server_order *other =
            WEIR_CONTAINER_OF(it, struct weir_server_order, keeper.link);
        if (weir_str_eq(other->model, order->model) &&
            (other->kind != order->kind || order->kind == WEIR_SERVER_ORDER_ROLLBACK ||
             order->kind == WEIR_SERVER_ORDER_PROMOTE))
            return weir_error_set(&order->err, WEIR_ERR_BUSY,
                                  "another operation on the model is under way: %s",
                                  kind_names[other->kind]);
    }
    switch (order->kind) {
    case WEIR_SERVER_ORDER_LOAD: /* A file may have come since the last scan. */
        weir_repo_rescan(keeper->repo);
        return weir_repo_load(keeper->repo, order->model, &order->err);
    case WEIR_SERVER_ORDER_UNLOAD:
        return weir_repo_unload(keeper->repo, order->model, &order->err);
    case WEIR_SERVER_ORDER_ROLLBACK:
        return weir_repo_rollback(keeper->repo, order->model, &order->err);
    case WEIR_SERVER_ORDER_PROMOTE:
        return weir_repo_promote(keeper->repo, order->model, order->reason, order->by, &order->err);
    }
    return WEIR_ERR_INTERNAL;
}

void weir_server_order_receive(struct weir_server_keeper *keeper, struct weir_server_order *order)
{
    weir_assert(order);
    if (keeper->phase >= WEIR_SERVER_STOPPING) { /* The shard may have ended. */
        weir_mem_free(keeper->shared.mem, order);
        return;
    }
    order->keeper.begun_wall_ns = weir_clock_wall_ns();
    order->keeper.deadline_ns =
        weir_clock_add(weir_clock_ns(), LOADS_WAITED_FOR * keeper->config->load_timeout_ns);
    order->keeper.number_before = serving_number(keeper, order->model);
    enum weir_status status = begin(keeper, order);
    if (status != WEIR_OK) {
        send_back(keeper, order, refusal_code(status));
        return;
    }
    weir_list_push(&keeper->orders, &order->keeper.link);
    weir_server_order_check(keeper);
}

/* Finds whether an order needs nothing more than a table to be adopted; else it may have failed:
 * *code is set, which is 0 as long as it is under way. */
static bool is_carried_out(struct weir_server_keeper *keeper, struct weir_server_order *order,
                           int *code)
{
    char reason[sizeof order->err.msg] = "";
    *code = 0;
    if (order->kind == WEIR_SERVER_ORDER_UNLOAD)
        return true;
    switch (weir_repo_progress(keeper->repo, order->model, order->keeper.begun_wall_ns, reason,
                               sizeof reason)) {
    case WEIR_REPO_PROGRESS_BUSY:
        if (weir_clock_ns() < order->keeper.deadline_ns)
            return false;
        *code = 504;
        (void)weir_error_set(&order->err, WEIR_ERR_TIMEOUT, "the load is still under way%s%s",
                             reason[0] ? ": " : "", reason);
        return false;
    case WEIR_REPO_PROGRESS_SERVING:
        if (order->kind == WEIR_SERVER_ORDER_LOAD ||
            serving_number(keeper, order->model) != order->keeper.number_before)
            return true;
        break;
    case WEIR_REPO_PROGRESS_FAILED:
    case WEIR_REPO_PROGRESS_NONE:
        if (order->kind >= WEIR_SERVER_ORDER_ROLLBACK &&
            serving_number(keeper, order->model) != order->keeper.number_before)
            return true;
        break;
    }
    *code = 500;
    (void)weir_error_set(&order->err, WEIR_ERR_CORRUPT, "%s failed: %s", kind_names[order->kind],
                         reason[0] ? reason : "no version of the model serves");
    return false;
}

void weir_server_order_check(struct weir_server_keeper *keeper)
{
    struct weir_list *next;
    for (struct weir_list *it = keeper->orders.next; it != &keeper->orders; it = next) {
        struct weir_server_order *order =
            WEIR_CONTAINER_OF(it, struct weir_server_order, keeper.link);
        int code = 0;
        next = it->next;
        if (order->keeper.serial == 0 && is_carried_out(keeper, order, &code))
            order->keeper.serial = weir_repo_table(keeper->repo)->serial;
        if (order->keeper.serial > 0 && keeper->serial_adopted >= order->keeper.serial)
            code = 200;
        if (code == 0)
            continue;
        weir_list_remove(it);
        send_back(keeper, order, code);
    }
}

void weir_server_order_cancel_all(struct weir_server_keeper *keeper)
{
    struct weir_list *link;
    while ((link = weir_list_take(&keeper->orders)) != NULL) {
        struct weir_server_order *order =
            WEIR_CONTAINER_OF(link, struct weir_server_order, keeper.link);
        (void)weir_error_set(&order->err, WEIR_ERR_BUSY, "the server is stopping");
        send_back(keeper, order, 503);
    }
}
