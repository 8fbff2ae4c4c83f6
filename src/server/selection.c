/* SPDX-License-Identifier: MIT */
#include "server/selection.h"

#include "base/macros.h"
#include "http/router.h"

/* Decodes a part of the query into room, which has all the memory that it needs. */
static struct weir_str decode(struct weir_str part, struct weir_buf *room)
{
    char *at = room->at + room->n;
    size_t n = weir_http_percent_decode(part, at, room->cap - room->n);
    room->n += n;
    return weir_str_make(at, n);
}

enum weir_status weir_server_selection_read(struct weir_metric_selection *selection,
                                            struct weir_str query, struct weir_buf *room,
                                            struct weir_error *err)
{
    weir_assert(selection);
    *selection = (struct weir_metric_selection){.n_names = 0};
    if (query.n == 0)
        return WEIR_OK;
    if (weir_buf_reserve(room, query.n) != WEIR_OK)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the query");
    while (query.n > 0) {
        struct weir_str value = weir_str_split(&query, '&');
        struct weir_str key = decode(weir_str_split(&value, '='), room);
        bool is_sum = weir_str_eq_c(key, "sum[]");
        value = decode(value, room);
        if (weir_str_eq_c(key, "model")) {
            selection->model = value;
        } else if (!is_sum && !weir_str_eq_c(key, "name[]")) {
            char echo[WEIR_ECHO_BUF_BYTES];
            return weir_error_set(err, WEIR_ERR_INVALID,
                                  "%s: only name[], sum[] and model can be asked for",
                                  weir_str_echo(key, echo, sizeof echo));
        } else if (selection->n_names == WEIR_METRIC_SELECTION_NAMES_MAX) {
            return weir_error_set(err, WEIR_ERR_INVALID, "more than %d families",
                                  WEIR_METRIC_SELECTION_NAMES_MAX);
        } else {
            selection->names[selection->n_names] = value;
            selection->is_summed[selection->n_names++] = is_sum;
        }
    }
    return WEIR_OK;
}
