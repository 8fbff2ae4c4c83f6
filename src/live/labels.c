/* SPDX-License-Identifier: MIT */
#include "live/labels.h"

#include "base/macros.h"
#include "codec/number.h"

#include <math.h>
#include <string.h>

enum { ID_BYTES_MAX = 256, DEPTH_MAX = 8 };

struct reader {
    struct weir_live_labels *out;
    const struct weir_live_secret *secret;
    struct weir_codec_json json;
    struct weir_buf text; /* an id or a label without its escapes */
    size_t cap;
    uint32_t row;
    struct weir_error *err;
};

void weir_live_labels_refuse(struct weir_live_labels *labels, uint32_t row, const char *code)
{
    labels->n_invalid++;
    if (labels->n_errors < WEIR_LIVE_LABELS_ERRORS_MAX)
        labels->errors[labels->n_errors++] = (struct weir_live_labels_error){row, code};
}

void weir_live_labels_deinit(struct weir_live_labels *labels)
{
    weir_assert(labels);
    weir_arena_deinit(&labels->arena);
    *labels = (struct weir_live_labels){0};
}

/* Returns a value of JSON as plain text: a string without its escapes, else its token. */
static struct weir_str plain(struct reader *r, const char *value)
{
    weir_buf_clear(&r->text);
    if (weir_codec_json_kind(value) != WEIR_CODEC_JSON_STRING)
        return weir_codec_json_token(value, r->json.end);
    weir_codec_json_unescape(weir_codec_json_string(value), &r->text);
    return weir_buf_str(&r->text);
}

static bool is_one(const char *value, const char *end)
{
    double v;
    return weir_codec_json_kind(value) == WEIR_CODEC_JSON_NUMBER &&
           weir_codec_number_read_f64(weir_codec_json_token(value, end), &v) && v == 1;
}

/* Reads the label's own value; NULL, or why it is none. */
static const char *read_truth(struct reader *r, const char *value, struct weir_live_label *label)
{
    switch (weir_codec_json_kind(value)) {
    case WEIR_CODEC_JSON_STRING:
    case WEIR_CODEC_JSON_NUMBER:
    case WEIR_CODEC_JSON_TRUE:
    case WEIR_CODEC_JSON_FALSE:
        break;
    case WEIR_CODEC_JSON_OBJECT:
    case WEIR_CODEC_JSON_ARRAY:
    case WEIR_CODEC_JSON_NONFINITE:
    case WEIR_CODEC_JSON_NULL:
        return "bad_label";
    }
    struct weir_str text = plain(r, value);
    label->is_number = weir_codec_number_read_f64(text, &label->number);
    if (weir_str_eq_c(text, "true") || weir_str_eq_c(text, "false")) {
        label->is_number = true;
        label->number = text.n == 4;
    }
    if (label->is_number && !isfinite(label->number))
        return "bad_label";
    label->text = weir_arena_str(&r->out->arena, text);
    return NULL;
}

/* Takes an element in. */
static enum weir_status take(struct reader *r, const char *value)
{
    struct weir_live_labels *out = r->out;
    const char *id = NULL;
    const char *truth = NULL;
    const char *why = NULL;
    struct weir_str name;
    const char *member;
    uint32_t row = r->row++;
    if (row == WEIR_LIVE_LABELS_MAX)
        return weir_error_set(r->err, WEIR_ERR_LIMIT, "more than %d labels", WEIR_LIVE_LABELS_MAX);
    if (weir_codec_json_kind(value) != WEIR_CODEC_JSON_OBJECT) {
        weir_live_labels_refuse(out, row, "not_an_object");
        return WEIR_OK;
    }
    struct weir_codec_json_iter it = weir_codec_json_iter(&r->json, value);
    while (weir_codec_json_next_member(&it, &name, &member)) {
        if (weir_codec_json_string_eq(name, WEIR_STR("id")))
            id = member;
        else if (weir_codec_json_string_eq(name, WEIR_STR("label")))
            truth = member;
        else if (weir_codec_json_string_eq(name, WEIR_STR("weight")) &&
                 !is_one(member, r->json.end))
            why = "weight_unsupported";
    }
    if (!id || weir_codec_json_kind(id) != WEIR_CODEC_JSON_STRING)
        why = "no_id";
    else if (!truth)
        why = "no_label";
    struct weir_live_label label = {.is_number = false};
    if (!why) {
        struct weir_str text = plain(r, id);
        if (text.n == 0 || text.n > ID_BYTES_MAX)
            why = "bad_id";
        else
            label.names = weir_live_key_names(r->secret, text);
    }
    if (!why)
        why = read_truth(r, truth, &label);
    if (why) {
        weir_live_labels_refuse(out, row, why);
        return WEIR_OK;
    }
    if (!label.text.at || !weir_buf_ok(&r->text))
        return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "no memory for the labels");
    out->at[out->n] = label;
    out->rows[out->n++] = row;
    return WEIR_OK;
}

static enum weir_status take_list(struct reader *r, const char *list)
{
    struct weir_codec_json_iter it = weir_codec_json_iter(&r->json, list);
    const char *value;
    enum weir_status status = WEIR_OK;
    while (status == WEIR_OK && weir_codec_json_next(&it, &value))
        status = take(r, value);
    return status;
}

/* Finds the list of {"labels": […]}; NULL: it is none. */
static const char *find_list(struct reader *r, const char *root)
{
    struct weir_codec_json_iter it = weir_codec_json_iter(&r->json, root);
    struct weir_str name;
    const char *value;
    while (weir_codec_json_next_member(&it, &name, &value)) {
        if (weir_codec_json_string_eq(name, WEIR_STR("labels")))
            return weir_codec_json_kind(value) == WEIR_CODEC_JSON_ARRAY ? value : NULL;
    }
    return NULL;
}

/* One object a line; empty lines mean nothing. */
static enum weir_status read_lines(struct reader *r, struct weir_str body)
{
    enum weir_status status = WEIR_OK;
    while (body.n > 0 && status == WEIR_OK) {
        struct weir_str line = weir_str_split(&body, '\n');
        if (line.n > 0 && line.at[line.n - 1] == '\r')
            line.n--;
        line = weir_str_trim(line);
        if (line.n == 0)
            continue;
        status = weir_codec_json_scan(&r->json, line, r->err);
        if (status == WEIR_ERR_INVALID) {
            weir_live_labels_refuse(r->out, r->row++, "not_json");
            status = r->row > WEIR_LIVE_LABELS_MAX
                         ? weir_error_set(r->err, WEIR_ERR_LIMIT, "more than %d labels",
                                          WEIR_LIVE_LABELS_MAX)
                         : WEIR_OK;
        } else if (status == WEIR_OK) {
            status = take(r, r->json.root);
        }
    }
    return status;
}

/* Several values, one a line: the first line is an object by itself. */
static bool is_lines(struct weir_str body)
{
    const char *end = memchr(body.at, '\n', body.n);
    struct weir_str first =
        weir_str_trim(weir_str_make(body.at, end ? (size_t)(end - body.at) : body.n));
    if (first.n > 0 && first.at[first.n - 1] == '\r')
        first.n--;
    return end && first.n > 1 && first.at[0] == '{' && first.at[first.n - 1] == '}';
}

static enum weir_status read_body(struct reader *r, struct weir_str body)
{
    if (body.n > 0 && is_lines(body))
        return read_lines(r, body);
    enum weir_status status = weir_codec_json_scan(&r->json, body, r->err);
    if (status != WEIR_OK)
        return status;
    const char *root = r->json.root;
    if (weir_codec_json_kind(root) == WEIR_CODEC_JSON_ARRAY)
        return take_list(r, root);
    if (weir_codec_json_kind(root) == WEIR_CODEC_JSON_OBJECT) {
        const char *list = find_list(r, root);
        struct weir_codec_json_iter it = weir_codec_json_iter(&r->json, root);
        struct weir_str name;
        const char *value;
        bool has_id = false;
        while (weir_codec_json_next_member(&it, &name, &value))
            has_id = has_id || weir_codec_json_string_eq(name, WEIR_STR("id"));
        if (list)
            return take_list(r, list);
        if (has_id)
            return take(r, root);
    }
    return weir_error_set(r->err, WEIR_ERR_INVALID,
                          "expected {\"labels\": [{\"id\": …, \"label\": …}, …]}, or one such "
                          "object a line");
}

enum weir_status weir_live_labels_read(struct weir_live_labels *labels,
                                       const struct weir_live_secret *secret, struct weir_str body,
                                       struct weir_mem *mem, struct weir_error *err)
{
    weir_assert(labels);
    struct weir_codec_json_limits limits = WEIR_CODEC_JSON_LIMITS_INIT;
    struct weir_error own = WEIR_ERROR_INIT;
    struct reader r = {.out = labels, .secret = secret, .err = err ? err : &own};
    limits.depth_max = DEPTH_MAX;
    *labels = (struct weir_live_labels){0};
    r.text.mem = mem;
    weir_arena_init(&labels->arena, mem, 0);
    weir_codec_json_init(&r.json, &limits, mem);
    labels->at = weir_arena_array(&labels->arena, WEIR_LIVE_LABELS_MAX, sizeof *labels->at);
    labels->rows = weir_arena_array(&labels->arena, WEIR_LIVE_LABELS_MAX, sizeof *labels->rows);
    enum weir_status status = labels->at && labels->rows
                                  ? read_body(&r, body)
                                  : weir_error_set(r.err, WEIR_ERR_NO_MEMORY, "no memory");
    weir_codec_json_deinit(&r.json);
    weir_buf_deinit(&r.text);
    if (status != WEIR_OK)
        weir_live_labels_deinit(labels);
    return status;
}
