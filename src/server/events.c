/* SPDX-License-Identifier: MIT */
#include "server/events.h"

#include "base/clock.h"
#include "base/macros.h"
#include "codec/json.h"

#include <string.h>
#include <time.h>

enum { TIME_BYTES = 40 };

void weir_server_events_deinit(struct weir_server_events *events)
{
    weir_assert(events);
    for (size_t i = 0; i < WEIR_SERVER_EVENTS_MAX; i++)
        weir_mem_free(events->mem, events->rows[i].text);
    *events = (struct weir_server_events){.mem = events->mem};
}

/* Copies a view to *at and moves both on. */
static void keep(struct weir_str *view, char **at)
{
    if (view->n > 0)
        memcpy(*at, view->at, view->n);
    view->at = *at;
    *at += view->n;
}

void weir_server_events_add(struct weir_server_events *events, const struct weir_repo_event *event,
                            uint64_t wall_ns)
{
    weir_assert(events);
    weir_assert(event);
    size_t n = event->model.n + event->digest.n + event->file.n + event->reason.n;
    char *text = weir_mem_alloc(events->mem, weir_max_size(n, 1));
    if (!text)
        return;
    struct weir_server_events_row *row = &events->rows[++events->n % WEIR_SERVER_EVENTS_MAX];
    weir_mem_free(events->mem, row->text);
    *row = (struct weir_server_events_row){.wall_ns = wall_ns, .event = *event, .text = text};
    keep(&row->event.model, &text);
    keep(&row->event.digest, &text);
    keep(&row->event.file, &text);
    keep(&row->event.reason, &text);
}

static void put_text(struct weir_buf *out, const char *key, struct weir_str text)
{
    if (text.n == 0)
        return;
    weir_buf_printf(out, ",\"%s\":", key);
    weir_codec_json_append_text(out, text);
}

static void put_number(struct weir_buf *out, const char *key, uint64_t number)
{
    if (number > 0)
        weir_buf_printf(out, ",\"%s\":%llu", key, (unsigned long long)number);
}

static void write_row(const struct weir_server_events_row *row, uint64_t number,
                      struct weir_buf *out)
{
    const struct weir_repo_event *e = &row->event;
    time_t s = (time_t)(row->wall_ns / WEIR_NS_PER_S);
    char at[TIME_BYTES];
    struct tm tm;
    (void)gmtime_r(&s, &tm); /* Cannot fail for the present. */
    size_t n = strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S", &tm);
    weir_buf_printf(out, "{\"number\":%llu,\"at\":\"%.*s.%03uZ\",\"event\":\"%s\"",
                    (unsigned long long)number, (int)n, at,
                    (unsigned)(row->wall_ns % WEIR_NS_PER_S / WEIR_NS_PER_MS),
                    weir_repo_event_text(e->kind));
    weir_buf_append_c(out, e->is_problem ? ",\"problem\":true" : "");
    put_text(out, "model", e->model);
    put_number(out, "version", e->number);
    put_number(out, "before", e->number_before);
    put_text(out, "file", e->file);
    put_text(out, "digest", e->digest);
    put_text(out, "reason", e->reason);
    if (e->ns > 0)
        weir_buf_printf(out, ",\"ms\":%.3f", (double)e->ns / 1e6);
    weir_buf_append_byte(out, '}');
}

void weir_server_events_write(const struct weir_server_events *events, struct weir_str model,
                              uint64_t after, struct weir_buf *out)
{
    weir_assert(events);
    uint64_t first = events->n > WEIR_SERVER_EVENTS_MAX ? events->n - WEIR_SERVER_EVENTS_MAX : 0;
    bool is_first = true;
    weir_buf_printf(out, "{\"newest\":%llu,\"events\":[", (unsigned long long)events->n);
    for (uint64_t i = after > first ? after : first; i < events->n; i++) {
        const struct weir_server_events_row *row = &events->rows[(i + 1) % WEIR_SERVER_EVENTS_MAX];
        if (model.n > 0 && !weir_str_eq(row->event.model, model))
            continue;
        weir_buf_append_c(out, is_first ? "" : ",");
        write_row(row, i + 1, out);
        is_first = false;
    }
    weir_buf_append_c(out, "]}");
}
