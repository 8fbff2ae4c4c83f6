/* SPDX-License-Identifier: MIT */
/* A connection's life:
 *
 *     closed ──open──▶ opening ──ready──▶ idle ──send──▶ busy ──answer──▶ idle
 *        ▲                │                 │              │
 *        └────────────────┴───── failed, last answer ◀─────┘   (closing in between)
 *
 * A connection that could not be made is tried again at the next tick, one that the server closed
 * at once. Idle ones queue up, so that all take turns and a server's loops share the work. */
#include "cli/bench_load.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/macros.h"

#include <string.h>

enum { TALLY_SUB_BITS = WEIR_METRIC_HISTOGRAM_EXACT };

static const uint64_t TICK_NS = 20 * WEIR_NS_PER_MS;
static const uint64_t TALLY_NS_MAX = 120 * WEIR_NS_PER_S;

enum conn_state { CONN_CLOSED, CONN_OPENING, CONN_IDLE, CONN_BUSY, CONN_CLOSING };

struct conn {
    struct weir_http_client client;
    struct weir_cli_bench_load *load;
    struct weir_list link; /* in load->idle */
    enum conn_state state;
    bool is_prompt;       /* open again as soon as it is closed */
    size_t request;       /* which one is under way */
    uint64_t intended_ns; /* when it was meant to be sent */
    uint64_t sent_ns;
};

struct weir_cli_bench_load {
    struct weir_loop *loop;
    struct weir_cli_bench_target target;
    struct weir_cli_bench_load_opts opts;
    struct conn *conns; /* n_connections */
    struct weir_list idle;
    uint64_t *waiting; /* ring of intended times, of requests without a connection */
    size_t waiting_at;
    size_t n_waiting;
    size_t n_busy;
    size_t n_open; /* connections in any state but closed */
    size_t next_request;
    struct weir_cli_bench_arrivals arrivals;
    struct weir_timer due;
    struct weir_timer tick;
    bool is_running;
    uint64_t n_reconnects; /* since the last run */
    bool is_ending;        /* being freed: nothing is opened any more */
    int error;             /* of the last connection that could not be made */
    uint64_t record_ns;
    uint64_t end_ns;
    struct weir_cli_bench_tally *tally; /* NULL: not running */
};

static const struct {
    const char *name;
    const char *text;
} outcomes[] = {
#define OUTCOME_ROW(code, name, text) {name, text},
    WEIR_CLI_BENCH_OUTCOME_MAP(OUTCOME_ROW)
#undef OUTCOME_ROW
};

_Static_assert(WEIR_ARRAY_LEN(outcomes) == WEIR_CLI_BENCH_OUTCOME_N, "one row for each");

const char *weir_cli_bench_outcome_name(enum weir_cli_bench_outcome outcome)
{
    return outcomes[outcome].name;
}

const char *weir_cli_bench_outcome_text(enum weir_cli_bench_outcome outcome)
{
    return outcomes[outcome].text;
}

/* --- tally --- */

enum weir_status weir_cli_bench_tally_init(struct weir_cli_bench_tally *t, struct weir_error *err)
{
    *t = (struct weir_cli_bench_tally){0};
    struct weir_mem *mem = weir_mem_default();
    if (weir_metric_histogram_init(&t->latency, TALLY_SUB_BITS, TALLY_NS_MAX, mem) == WEIR_OK &&
        weir_metric_histogram_init(&t->service, TALLY_SUB_BITS, TALLY_NS_MAX, mem) == WEIR_OK)
        return WEIR_OK;
    weir_cli_bench_tally_deinit(t);
    return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
}

void weir_cli_bench_tally_deinit(struct weir_cli_bench_tally *t)
{
    weir_metric_histogram_deinit(&t->latency);
    weir_metric_histogram_deinit(&t->service);
}

void weir_cli_bench_tally_merge(struct weir_cli_bench_tally *into,
                                const struct weir_cli_bench_tally *from)
{
    weir_metric_histogram_merge(&into->latency, &from->latency);
    weir_metric_histogram_merge(&into->service, &from->service);
    for (size_t i = 0; i < WEIR_CLI_BENCH_OUTCOME_N; i++)
        into->n[i] += from->n[i];
    into->n_reconnects += from->n_reconnects;
    into->bytes += from->bytes;
    into->elapsed_ns += from->elapsed_ns;
}

uint64_t weir_cli_bench_tally_total(const struct weir_cli_bench_tally *t)
{
    uint64_t total = 0;
    for (size_t i = 0; i < WEIR_CLI_BENCH_OUTCOME_N; i++)
        total += t->n[i];
    return total;
}

uint64_t weir_cli_bench_tally_failed(const struct weir_cli_bench_tally *t)
{
    return weir_cli_bench_tally_total(t) - t->n[WEIR_CLI_BENCH_OK];
}

/* --- connections --- */

static void send_on(struct conn *c, uint64_t intended_ns)
{
    struct weir_cli_bench_load *l = c->load;
    c->state = CONN_BUSY;
    c->request = l->next_request;
    c->intended_ns = intended_ns;
    c->sent_ns = weir_clock_ns();
    l->next_request = l->next_request + 1 < l->target.n_requests ? l->next_request + 1 : 0;
    l->n_busy++;
    weir_http_client_send(&c->client, l->target.requests[c->request]);
}

/* Gives a connection its next request, or lets it wait for one. */
static void use(struct conn *c, uint64_t now_ns)
{
    struct weir_cli_bench_load *l = c->load;
    if (l->n_waiting > 0) {
        uint64_t intended_ns = l->waiting[l->waiting_at];
        l->waiting_at = (l->waiting_at + 1) % WEIR_CLI_BENCH_WAITING_MAX;
        l->n_waiting--;
        send_on(c, intended_ns);
    } else if (l->is_running && l->opts.rate <= 0 && now_ns < l->end_ns) {
        send_on(c, now_ns);
    } else {
        c->state = CONN_IDLE;
        weir_list_push(&l->idle, &c->link);
    }
}

static void close_conn(struct conn *c, bool is_prompt)
{
    weir_list_remove(&c->link);
    c->state = CONN_CLOSING;
    c->is_prompt = is_prompt;
    weir_http_client_close(&c->client);
}

/* A surplus answer may come before what it seems to answer was sent. */
static uint64_t since(uint64_t now_ns, uint64_t then_ns)
{
    return now_ns > then_ns ? now_ns - then_ns : 0;
}

/* Counts what became of the request under way. */
static void finish(struct conn *c, enum weir_cli_bench_outcome outcome, uint64_t now_ns)
{
    struct weir_cli_bench_load *l = c->load;
    weir_assert(c->state == CONN_BUSY);
    l->n_busy--;
    bool is_measured = c->intended_ns >= l->record_ns;
    if (outcome != WEIR_CLI_BENCH_OK || is_measured)
        l->tally->n[outcome]++;
    if (outcome == WEIR_CLI_BENCH_OK && is_measured) {
        weir_metric_histogram_add(&l->tally->latency, since(now_ns, c->intended_ns));
        weir_metric_histogram_add(&l->tally->service, since(now_ns, c->sent_ns));
    }
}

static struct conn *conn_of(struct weir_http_client *client)
{
    return WEIR_CONTAINER_OF(client, struct conn, client);
}

static void on_ready(struct weir_http_client *client)
{
    struct conn *c = conn_of(client);
    use(c, weir_loop_now_ns(c->load->loop));
}

static enum weir_cli_bench_outcome judge(const struct conn *c,
                                         const struct weir_http_client_answer *answer)
{
    const struct weir_cli_bench_target *target = &c->load->target;
    if (answer->status >= 500)
        return WEIR_CLI_BENCH_STATUS_5XX;
    if (answer->status >= 400)
        return WEIR_CLI_BENCH_STATUS_4XX;
    if (answer->status >= 300)
        return WEIR_CLI_BENCH_STATUS_3XX;
    return target->judge ? target->judge(target->judge_ctx, c->request, &c->client, answer)
                         : WEIR_CLI_BENCH_OK;
}

static void on_answer(struct weir_http_client *client, const struct weir_http_client_answer *answer)
{
    struct conn *c = conn_of(client);
    uint64_t now_ns = weir_loop_now_ns(c->load->loop);
    c->load->tally->bytes += answer->body.n;
    finish(c, judge(c, answer), now_ns);
    if (answer->is_last)
        close_conn(c, true);
    else
        use(c, now_ns);
}

static enum weir_cli_bench_outcome outcome_of(enum weir_http_client_failure why)
{
    switch (why) {
    case WEIR_HTTP_CLIENT_CONNECT:
        return WEIR_CLI_BENCH_CONNECT;
    case WEIR_HTTP_CLIENT_IDLE:
    case WEIR_HTTP_CLIENT_CLOSED:
        return WEIR_CLI_BENCH_CLOSED;
    case WEIR_HTTP_CLIENT_RESET:
        return WEIR_CLI_BENCH_RESET;
    case WEIR_HTTP_CLIENT_MALFORMED:
    case WEIR_HTTP_CLIENT_TOO_LARGE:
        return WEIR_CLI_BENCH_MALFORMED;
    }
    return WEIR_CLI_BENCH_MALFORMED;
}

static void on_failed(struct weir_http_client *client, enum weir_http_client_failure why, int error)
{
    struct conn *c = conn_of(client);
    struct weir_cli_bench_load *l = c->load;
    if (c->state == CONN_BUSY)
        finish(c, outcome_of(why), weir_loop_now_ns(l->loop));
    else if (why == WEIR_HTTP_CLIENT_CONNECT && l->is_running)
        l->tally->n[WEIR_CLI_BENCH_CONNECT]++;
    if (why == WEIR_HTTP_CLIENT_CONNECT)
        l->error = error;
    close_conn(c, why != WEIR_HTTP_CLIENT_CONNECT);
}

static void open_conn(struct conn *c);

static void on_closed(struct weir_http_client *client)
{
    struct conn *c = conn_of(client);
    c->state = CONN_CLOSED;
    c->load->n_open--;
    if (c->is_prompt && !c->load->is_ending) {
        c->load->n_reconnects++;
        open_conn(c);
    }
}

static const struct weir_http_client_events client_events = {
    .ready = on_ready, .answer = on_answer, .failed = on_failed, .closed = on_closed};

static void open_conn(struct conn *c)
{
    struct weir_cli_bench_load *l = c->load;
    if (weir_http_client_open(&c->client, l->loop, &l->target.addr, &client_events, NULL) !=
        WEIR_OK) {
        if (l->is_running)
            l->tally->n[WEIR_CLI_BENCH_CONNECT]++; /* Tried again at the next tick. */
        return;
    }
    c->state = CONN_OPENING;
    l->n_open++;
}

/* --- time --- */

/* A request is due: it goes out now, or waits for a connection. */
static void arrive(struct weir_cli_bench_load *l, uint64_t intended_ns)
{
    struct weir_list *link = weir_list_take(&l->idle);
    if (link) {
        send_on(WEIR_CONTAINER_OF(link, struct conn, link), intended_ns);
    } else if (l->n_waiting < WEIR_CLI_BENCH_WAITING_MAX) {
        l->waiting[(l->waiting_at + l->n_waiting++) % WEIR_CLI_BENCH_WAITING_MAX] = intended_ns;
    } else {
        l->tally->n[WEIR_CLI_BENCH_UNSENT]++;
    }
}

static void on_due(struct weir_timer *timer, void *arg)
{
    struct weir_cli_bench_load *l = arg;
    uint64_t now_ns = weir_loop_now_ns(l->loop);
    uint64_t due_ns = weir_cli_bench_arrivals_due(&l->arrivals);
    while (due_ns <= now_ns && due_ns < l->end_ns) {
        arrive(l, due_ns);
        weir_cli_bench_arrivals_step(&l->arrivals);
        due_ns = weir_cli_bench_arrivals_due(&l->arrivals);
    }
    if (due_ns < l->end_ns)
        weir_timer_start(timer, due_ns);
}

/* Gives up what takes too long and opens what is closed. */
static void on_tick(struct weir_timer *timer, void *arg)
{
    struct weir_cli_bench_load *l = arg;
    uint64_t now_ns = weir_loop_now_ns(l->loop);
    while (l->n_waiting > 0 && since(now_ns, l->waiting[l->waiting_at]) > l->opts.timeout_ns) {
        l->waiting_at = (l->waiting_at + 1) % WEIR_CLI_BENCH_WAITING_MAX;
        l->n_waiting--;
        l->tally->n[WEIR_CLI_BENCH_TIMEOUT]++;
    }
    for (size_t i = 0; i < l->opts.n_connections; i++) {
        struct conn *c = &l->conns[i];
        if (c->state == CONN_BUSY && since(now_ns, c->intended_ns) > l->opts.timeout_ns) {
            finish(c, WEIR_CLI_BENCH_TIMEOUT, now_ns);
            close_conn(c, true);
        } else if (c->state == CONN_CLOSED) {
            open_conn(c);
        }
    }
    weir_timer_start(timer, now_ns + TICK_NS);
}

/* --- the whole --- */

enum weir_status weir_cli_bench_load_new(struct weir_cli_bench_load **out, struct weir_loop *loop,
                                         const struct weir_cli_bench_target *target,
                                         const struct weir_cli_bench_load_opts *opts,
                                         struct weir_error *err)
{
    struct weir_mem *mem = weir_mem_default();
    weir_assert(opts->n_connections > 0);
    weir_assert(opts->n_connections <= WEIR_CLI_BENCH_CONNECTIONS_MAX);
    struct weir_cli_bench_load *l = weir_mem_zalloc(mem, sizeof *l);
    if (!l)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    l->loop = loop;
    l->target = *target;
    l->opts = *opts;
    weir_list_init(&l->idle);
    l->conns = weir_mem_zarray(mem, opts->n_connections, sizeof *l->conns);
    l->waiting = weir_mem_array(mem, WEIR_CLI_BENCH_WAITING_MAX, sizeof *l->waiting);
    if (!l->conns || !l->waiting) {
        weir_cli_bench_load_free(l);
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < opts->n_connections; i++)
        l->conns[i].load = l;
    if (weir_timer_init(&l->due, loop, WEIR_TIMER_PRECISE, on_due, l) != WEIR_OK ||
        weir_timer_init(&l->tick, loop, WEIR_TIMER_COARSE, on_tick, l) != WEIR_OK) {
        weir_cli_bench_load_free(l);
        return weir_error_set(err, WEIR_ERR_IO, "no descriptor for a timer");
    }
    *out = l;
    return WEIR_OK;
}

static void on_timer_closed(struct weir_timer *timer, void *arg)
{
    (void)timer;
    ((struct weir_cli_bench_load *)arg)->n_open--;
}

void weir_cli_bench_load_free(struct weir_cli_bench_load *l)
{
    if (!l)
        return;
    l->is_ending = true;
    for (size_t i = 0; l->conns && i < l->opts.n_connections; i++) {
        if (l->conns[i].state != CONN_CLOSED && l->conns[i].state != CONN_CLOSING)
            close_conn(&l->conns[i], false);
    }
    l->n_open += (size_t)l->due.is_open + (size_t)l->tick.is_open;
    weir_timer_close(&l->due, on_timer_closed);
    weir_timer_close(&l->tick, on_timer_closed);
    while (l->n_open > 0)
        (void)weir_loop_run_once(l->loop, true);
    weir_mem_free(weir_mem_default(), l->conns);
    weir_mem_free(weir_mem_default(), l->waiting);
    weir_mem_free(weir_mem_default(), l);
}

/* Opens all connections, or at least one when some cannot be had. */
static enum weir_status connect_all(struct weir_cli_bench_load *l, struct weir_error *err)
{
    uint64_t until_ns = weir_clock_ns() + l->opts.timeout_ns;
    for (size_t i = 0; i < l->opts.n_connections; i++) {
        if (l->conns[i].state == CONN_CLOSED)
            open_conn(&l->conns[i]);
    }
    for (;;) {
        size_t n_pending = 0;
        size_t n_idle = 0;
        for (size_t i = 0; i < l->opts.n_connections; i++) {
            n_pending += l->conns[i].state == CONN_OPENING || l->conns[i].state == CONN_CLOSING;
            n_idle += l->conns[i].state == CONN_IDLE;
        }
        if (n_idle == l->opts.n_connections || (n_pending == 0 && n_idle > 0))
            return WEIR_OK;
        if (n_pending == 0 || weir_clock_ns() > until_ns) {
            char text[WEIR_ADDR_TEXT_BYTES];
            return weir_error_set(err, WEIR_ERR_IO, "cannot connect to %s: %s",
                                  weir_addr_text(&l->target.addr.addr, l->target.addr.path, text),
                                  l->error ? strerror(l->error) : "no answer");
        }
        (void)weir_loop_run_once(l->loop, true);
    }
}

enum weir_status weir_cli_bench_load_run(struct weir_cli_bench_load *l, uint64_t lead_ns,
                                         uint64_t duration_ns, struct weir_cli_bench_tally *tally,
                                         struct weir_error *err)
{
    l->tally = tally;
    enum weir_status status = connect_all(l, err);
    if (status != WEIR_OK)
        return status;
    uint64_t now_ns = weir_loop_update_now(l->loop);
    l->record_ns = now_ns + lead_ns;
    l->end_ns = l->record_ns + duration_ns;
    l->is_running = true;
    weir_timer_start(&l->tick, now_ns + TICK_NS);
    if (l->opts.rate > 0) {
        weir_cli_bench_arrivals_init(&l->arrivals, l->opts.rate, l->opts.is_poisson, ++l->opts.seed,
                                     now_ns);
        weir_timer_start(&l->due, weir_cli_bench_arrivals_due(&l->arrivals));
    } else {
        /* Each idle connection begins; those that become idle later go on by themselves. */
        size_t n = l->opts.n_connections;
        struct weir_list *link;
        while (n-- > 0 && (link = weir_list_take(&l->idle)))
            use(WEIR_CONTAINER_OF(link, struct conn, link), now_ns);
    }
    do {
        (void)weir_loop_run_once(l->loop, true);
        now_ns = weir_loop_now_ns(l->loop);
    } while (now_ns < l->end_ns || l->n_busy > 0 || l->n_waiting > 0);
    l->is_running = false;
    weir_timer_stop(&l->due);
    weir_timer_stop(&l->tick);
    tally->elapsed_ns += duration_ns;
    tally->n_reconnects += l->n_reconnects;
    l->n_reconnects = 0;
    l->tally = NULL;
    return WEIR_OK;
}
