/* SPDX-License-Identifier: MIT */
/* A path of OpenAPI has all methods of a pattern, so rows of one pattern are gathered. What every
 * request may be answered with (the limits of HTTP, memory) stands at every route by reference. */
#include "server/openapi.h"

#include "base/macros.h"
#include "codec/json.h"
#include "metric/text.h"
#include "protocol/schema.h"

#include <string.h>

#ifndef WEIR_VERSION
#define WEIR_VERSION "unknown"
#endif

#define JSON_ERROR "\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/Error\"}}"

/* The codes of every route, of those with a body, of predictions, of orders. */
static const uint16_t codes_all[] = {400, 408, 414, 429, 431, 503, 0};
static const uint16_t codes_body[] = {411, 413, 417, 0};
static const uint16_t codes_predict[] = {404, 415, 504, 0};
static const uint16_t codes_model[] = {404, 0};
static const uint16_t codes_order[] = {403, 404, 409, 504, 0};

static const struct {
    uint16_t code;
    const char *text;
} texts[] = {
    {400, "The request is wrong; the text says where"},
    {403, "Calls from web pages are refused"},
    {404, "No such model, version or label"},
    {406, "Nothing that the client accepts can be sent"},
    {408, "The request came too slowly"},
    {409, "The model is not in the state for it"},
    {411, "No length of the body"},
    {413, "More bytes, rows, values or answer bytes than allowed"},
    {414, "Request line too long"},
    {415, "The body's type or coding is not read here"},
    {417, "Only Expect: 100-continue is supported"},
    {422, "The body cannot be used"},
    {429, "Too many connections from this address"},
    {431, "Headers too long"},
    {500, "The server's own fault"},
    {501, "Asks for something that is not served"},
    {503, "Not ready, or queues or memory are full"},
    {504, "The deadline has passed or cannot be met"},
};

static const char *code_text(uint16_t code)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(texts); i++) {
        if (texts[i].code == code)
            return texts[i].text;
    }
    return "";
}

/* --- answers -------------------------------------------------------------------------------- */

/* A set of codes in ascending order; there are few. */
struct codes {
    uint16_t codes[32];
    size_t n;
};

static void add_code(struct codes *set, uint16_t code)
{
    size_t i = 0;
    while (i < set->n && set->codes[i] < code)
        i++;
    if (i < set->n && set->codes[i] == code)
        return;
    weir_assert(set->n < WEIR_ARRAY_LEN(set->codes));
    memmove(&set->codes[i + 1], &set->codes[i], (set->n - i) * sizeof set->codes[0]);
    set->codes[i] = code;
    set->n++;
}

static void add_codes(struct codes *set, const uint16_t *codes)
{
    for (; *codes != 0; codes++)
        add_code(set, *codes);
}

static bool is_order(const struct weir_protocol_route *route)
{
    return (route->flags & WEIR_PROTOCOL_POST) && route->act != WEIR_PROTOCOL_PREDICT &&
           (route->flags & (WEIR_PROTOCOL_ADMIN | WEIR_PROTOCOL_REPOSITORY));
}

static void put_answers(struct weir_buf *out, const struct weir_protocol_route *route,
                        const struct weir_protocol_description *d)
{
    struct codes set = {.n = 0};
    add_codes(&set, codes_all);
    if (route->flags & WEIR_PROTOCOL_POST)
        add_codes(&set, codes_body);
    if (route->act == WEIR_PROTOCOL_PREDICT)
        add_codes(&set, codes_predict);
    if (strchr(route->pattern, '{'))
        add_codes(&set, codes_model);
    if (is_order(route))
        add_codes(&set, codes_order);
    for (size_t i = 0; i < WEIR_PROTOCOL_CODES_MAX && d->codes[i] != 0; i++)
        add_code(&set, d->codes[i]);
    weir_buf_append_c(out, "\"responses\":{\"200\":{\"description\":\"Done\"");
    if (!d->is_bodiless) {
        weir_buf_append_c(out, ",\"content\":{");
        weir_buf_append_c(out, d->answer->n > 0 ? "" : "\"application/json\":{}");
        weir_buf_append_str(out, weir_buf_str(d->answer));
        weir_buf_append_byte(out, '}');
    }
    weir_buf_append_byte(out, '}');
    for (size_t i = 0; i < set.n; i++) {
        if (set.codes[i] == 415 && d->error_415)
            weir_buf_printf(out, ",\"415\":{\"description\":\"%s\",\"content\":{%s}}",
                            code_text(415), d->error_415);
        else
            weir_buf_printf(out, ",\"%u\":{\"$ref\":\"#/components/responses/E%u\"}", set.codes[i],
                            set.codes[i]);
    }
    weir_buf_append_byte(out, '}');
}

/* --- paths ---------------------------------------------------------------------------------- */

/* The names of captures as a person would write them. */
static struct weir_str capture_name(struct weir_str name)
{
    if (name.n > 0 && name.at[name.n - 1] == '#')
        name.n--;
    return weir_str_eq(name, WEIR_STR("m"))   ? WEIR_STR("model")
           : weir_str_eq(name, WEIR_STR("v")) ? WEIR_STR("version")
           : weir_str_eq(name, WEIR_STR("l")) ? WEIR_STR("label")
                                              : name;
}

/* Steps to the next piece of a pattern: text, or a capture's name without its brackets; false: no
 * more. */
static bool next_piece(const char **at, struct weir_str *piece, bool *is_capture)
{
    const char *p = *at;
    if (*p == 0)
        return false;
    *is_capture = *p == '{';
    size_t n = strcspn(p, *is_capture ? "}" : "{");
    *piece = *is_capture ? weir_str_make(p + 1, n - 1) : weir_str_make(p, n);
    *at = p + n + *is_capture;
    return true;
}

/* Appends a pattern as OpenAPI writes it; model: put in the place of the first capture, empty: none
 * is. */
static void put_path(struct weir_buf *out, const char *pattern, struct weir_str model)
{
    struct weir_str piece;
    bool is_capture;
    while (next_piece(&pattern, &piece, &is_capture)) {
        if (!is_capture) {
            weir_buf_append_str(out, piece);
        } else if (model.n > 0) {
            weir_buf_append_str(out, model);
        } else {
            weir_buf_append_byte(out, '{');
            weir_buf_append_str(out, capture_name(piece));
            weir_buf_append_byte(out, '}');
        }
    }
}

static void put_parameters(struct weir_buf *out, const char *pattern)
{
    struct weir_str piece;
    bool is_capture;
    bool is_first = true;
    while (next_piece(&pattern, &piece, &is_capture)) {
        if (!is_capture)
            continue;
        weir_buf_append_c(out, is_first ? "\"parameters\":[{\"name\":\"" : ",{\"name\":\"");
        weir_buf_append_str(out, capture_name(piece));
        weir_buf_append_c(out, "\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":"
                               "\"string\",\"minLength\":1");
        if (piece.at[piece.n - 1] == '#')
            weir_buf_append_c(out, ",\"pattern\":\"^[0-9]+$\"");
        weir_buf_append_c(out, "}}");
        is_first = false;
    }
    if (!is_first)
        weir_buf_append_c(out, "],");
}

/* Appends "tfserving_post_v1_models_model_predict", unique since patterns are. */
static void put_operation_id(struct weir_buf *out, const struct weir_server_route *row)
{
    const char *at = row->route->pattern;
    struct weir_str piece;
    bool is_capture;
    weir_buf_append_c(out, row->ops ? row->ops->name : "weir");
    weir_buf_append_c(out, row->route->flags & WEIR_PROTOCOL_POST ? "_post" : "_get");
    while (next_piece(&at, &piece, &is_capture)) {
        if (is_capture)
            piece = capture_name(piece);
        for (size_t i = 0; i < piece.n; i++) {
            char c = piece.at[i];
            bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
            weir_buf_append_byte(out, is_word ? c : '_');
        }
    }
}

static bool is_described(const struct weir_server_route *row)
{
    return row->route->summary != NULL;
}

/* What the server's own routes answer. */
static void describe_own(const struct weir_protocol_route *route,
                         struct weir_protocol_description *d)
{
    if (route->action == WEIR_SERVER_OWN_PAGE)
        weir_buf_append_c(d->answer, "\"text/html\":{}");
    else if (route->action == WEIR_SERVER_OWN_METRICS)
        weir_buf_append_c(d->answer, "\"text/plain\":{\"schema\":{\"type\":\"string\"}}");
    else if (route->action == WEIR_SERVER_OWN_HEALTH)
        weir_buf_append_c(d->answer, "\"application/json\":{\"schema\":{\"const\":{\"status\":"
                                     "\"ok\"}}}");
}

/* Where the document goes, and room for its parts. */
struct writing {
    struct weir_buf *out;
    const struct weir_server_routes *routes;
    struct weir_buf request;
    struct weir_buf answer;
    size_t n_paths;
};

/* Asks the dialect. */
static struct weir_protocol_description describe(struct writing *w,
                                                 const struct weir_server_route *row,
                                                 struct weir_str model,
                                                 const struct weir_spec *spec)
{
    struct weir_protocol_description d = {
        .model = model, .spec = spec, .request = &w->request, .answer = &w->answer};
    weir_buf_clear(d.request);
    weir_buf_clear(d.answer);
    if (!row->ops)
        describe_own(row->route, &d);
    else if (row->ops->describe)
        row->ops->describe(row->route, &d);
    return d;
}

/* Appends one method of a path. */
static void put_operation(struct writing *w, const struct weir_server_route *row,
                          struct weir_str model, const struct weir_spec *spec)
{
    struct weir_buf *out = w->out;
    const struct weir_protocol_route *route = row->route;
    struct weir_protocol_description d = describe(w, row, model, spec);
    weir_buf_append_c(out, route->flags & WEIR_PROTOCOL_POST ? "\"post\":{" : "\"get\":{");
    weir_buf_printf(out, "\"tags\":[\"%s\"],\"summary\":\"%s\",",
                    row->ops ? row->ops->name : "weir", route->summary);
    if (model.n == 0) {
        weir_buf_append_c(out, "\"operationId\":\"");
        put_operation_id(out, row);
        weir_buf_append_c(out, "\",");
        put_parameters(out, route->pattern);
    }
    bool may_be_empty = (route->flags & WEIR_PROTOCOL_EMPTY_BODY) != 0;
    if (route->flags & WEIR_PROTOCOL_POST && (d.request->n > 0 || !may_be_empty)) {
        weir_buf_printf(out, "\"requestBody\":{\"required\":%s,\"content\":{",
                        may_be_empty ? "false" : "true");
        if (d.request->n > 0)
            weir_buf_append_str(out, weir_buf_str(d.request));
        else
            weir_buf_append_c(out, "\"application/json\":{}");
        weir_buf_append_c(out, "}},");
    }
    put_answers(out, route, &d);
    weir_buf_append_byte(out, '}');
    if (!weir_buf_ok(d.request) || !weir_buf_ok(d.answer))
        out->failed = true;
}

/* Appends the paths of all routes, or those of one model's predictions. */
static void put_paths(struct writing *w, struct weir_str model, const struct weir_spec *spec)
{
    const struct weir_server_routes *routes = w->routes;
    for (uint32_t i = 0; i < routes->n; i++) {
        const char *pattern = routes->rows[i].route->pattern;
        bool is_known = !is_described(&routes->rows[i]);
        for (uint32_t k = 0; !is_known && k < i; k++)
            is_known = is_described(&routes->rows[k]) &&
                       strcmp(routes->rows[k].route->pattern, pattern) == 0;
        const char *capture = strchr(pattern, '{');
        if (is_known || (spec && (routes->rows[i].route->act != WEIR_PROTOCOL_PREDICT || !capture ||
                                  strchr(capture + 1, '{') ||
                                  describe(w, &routes->rows[i], model, spec).is_unfit)))
            continue;
        weir_buf_append_c(w->out, w->n_paths++ > 0 ? ",\"" : "\"");
        put_path(w->out, pattern, model);
        weir_buf_append_c(w->out, "\":{");
        bool is_first = true;
        for (uint32_t k = i; k < routes->n; k++) {
            const struct weir_server_route *row = &routes->rows[k];
            if (!is_described(row) || strcmp(row->route->pattern, pattern) != 0)
                continue;
            if (!is_first)
                weir_buf_append_byte(w->out, ',');
            is_first = false;
            put_operation(w, row, model, spec);
        }
        weir_buf_append_byte(w->out, '}');
    }
}

/* --- the document --------------------------------------------------------------------------- */

/* Calls what is to be done with each model that serves, up to the limit. */
static void for_models(struct writing *w, const struct weir_protocol_catalog *catalog,
                       bool is_components)
{
    size_t n = 0;
    for (size_t i = 0; i < catalog->ops->n_models(catalog); i++) {
        struct weir_protocol_model model;
        struct weir_protocol_version version;
        struct weir_protocol_target target = {.model = {NULL, 0}};
        catalog->ops->model(catalog, i, &model);
        target.model = model.name;
        if (catalog->ops->find(catalog, &target, &model, &version, NULL) != WEIR_OK)
            continue;
        if (n++ == WEIR_SERVER_OPENAPI_MODELS_MAX)
            return;
        if (is_components)
            weir_protocol_schema_components(w->out, model.name, version.spec);
        else
            put_paths(w, model.name, version.spec);
    }
}

void weir_server_openapi_write(struct weir_buf *out, const struct weir_server_routes *routes,
                               const struct weir_protocol_catalog *catalog)
{
    struct writing w = {.out = out, .routes = routes};
    w.request.mem = out->mem;
    w.answer.mem = out->mem;
    weir_buf_append_c(
        out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"weir\",\"version\":\"" WEIR_VERSION
             "\",\"description\":\"Predictions in several dialects. NaN "
             "and infinities are null in Flask style, bare tokens elsewhere.\"},"
             "\"paths\":{");
    put_paths(&w, WEIR_STR(""), NULL);
    for_models(&w, catalog, false);
    weir_buf_append_c(out, "},\"components\":{\"schemas\":{");
    for_models(&w, catalog, true);
    for (size_t d = 0; d < WEIR_PROTOCOL_N; d++) {
        const struct weir_protocol_ops *ops = weir_protocol_ops_of((enum weir_protocol_dialect)d);
        if (ops->schemas)
            weir_buf_append_c(out, ops->schemas);
    }
    weir_buf_append_c(out, "\"Error\":{\"type\":\"object\",\"required\":[\"error\"],"
                           "\"properties\":{\"error\":{\"type\":\"string\"}}}},\"responses\":{");
    for (size_t i = 0; i < WEIR_ARRAY_LEN(texts); i++)
        weir_buf_printf(out, "%s\"E%u\":{\"description\":\"%s\",\"content\":{" JSON_ERROR "}}",
                        i > 0 ? "," : "", texts[i].code, texts[i].text);
    weir_buf_append_c(out, "}}}");
    weir_buf_deinit(&w.request);
    weir_buf_deinit(&w.answer);
}
