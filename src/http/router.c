/* SPDX-License-Identifier: MIT */
/* Patterns are cut into segments once; a path is cut the same way and compared with the rows of its
 * length. Some forty rows, most of them told apart by length and first segment: a tree would not
 * be faster. */
#include "http/router.h"

#include "base/macros.h"

struct segment {
    struct weir_str text; /* a literal segment, or the literal tail after a capture */
    bool is_capture;
    bool is_digits; /* of a capture */
};

struct weir_http_compiled {
    uint32_t n_segments;
    uint32_t n_captures;
    struct segment segments[WEIR_HTTP_SEGMENTS_MAX];
};

static const char *const method_names[] = {
#define METHOD_NAME(name) #name,
    WEIR_HTTP_METHODS(METHOD_NAME)
#undef METHOD_NAME
};

const char *weir_http_method_name(enum weir_http_method method)
{
    weir_assert((size_t)method < WEIR_ARRAY_LEN(method_names));
    return method_names[method];
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t weir_http_percent_decode(struct weir_str in, char *out, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < in.n && n < cap; i++) {
        char c = in.at[i];
        if (c == '%' && in.n - i > 2) {
            int high = hex_value(in.at[i + 1]);
            int low = hex_value(in.at[i + 2]);
            if (high >= 0 && low >= 0) {
                c = (char)(high << 4 | low);
                i += 2;
            }
        }
        out[n++] = c;
    }
    return n;
}

/* Cuts a path or pattern that begins with '/' into segments, without the empty one after a trailing
 * '/'. Returns their number; WEIR_HTTP_SEGMENTS_MAX + 1: too many. */
static uint32_t cut(struct weir_str path, struct weir_str *segments)
{
    struct weir_str rest = weir_str_make(path.at + 1, path.n - 1);
    uint32_t n = 0;
    while (rest.at && (rest.n > 0 || n == 0)) {
        if (n == WEIR_HTTP_SEGMENTS_MAX)
            return WEIR_HTTP_SEGMENTS_MAX + 1;
        segments[n++] = weir_str_split(&rest, '/');
    }
    return n;
}

static bool compile(struct weir_http_compiled *out, const char *pattern)
{
    struct weir_str segments[WEIR_HTTP_SEGMENTS_MAX];
    if (pattern[0] != '/')
        return false;
    uint32_t n = cut(weir_str_c(pattern), segments);
    if (n > WEIR_HTTP_SEGMENTS_MAX)
        return false;
    out->n_segments = n;
    for (uint32_t i = 0; i < n; i++) {
        struct segment *s = &out->segments[i];
        s->text = segments[i];
        s->is_capture = s->text.n > 0 && s->text.at[0] == '{';
        if (!s->is_capture)
            continue;
        const char *end = memchr(s->text.at, '}', s->text.n);
        if (!end || ++out->n_captures > WEIR_HTTP_CAPTURES_MAX)
            return false;
        s->is_digits = end[-1] == '#';
        s->text = weir_str_make(end + 1, s->text.n - (size_t)(end + 1 - s->text.at));
    }
    return true;
}

enum weir_status weir_http_router_init(struct weir_http_router *router,
                                       const struct weir_http_route *routes, uint32_t n_routes,
                                       struct weir_mem *mem, struct weir_error *err)
{
    weir_assert(n_routes > 0);
    *router = (struct weir_http_router){.routes = routes, .n_routes = n_routes, .mem = mem};
    router->compiled = weir_mem_zarray(mem, n_routes, sizeof *router->compiled);
    if (!router->compiled) {
        *router = (struct weir_http_router){0};
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "routes: out of memory");
    }
    for (uint32_t i = 0; i < n_routes; i++)
        if (!compile(&router->compiled[i], routes[i].pattern)) {
            weir_http_router_deinit(router);
            return weir_error_set(err, WEIR_ERR_INVALID, "route \"%s\": bad pattern",
                                  routes[i].pattern);
        }
    return WEIR_OK;
}

void weir_http_router_deinit(struct weir_http_router *router)
{
    if (router->compiled)
        weir_mem_free(router->mem, router->compiled);
    *router = (struct weir_http_router){0};
}

static bool equals(struct weir_str a, struct weir_str b, uint32_t flags)
{
    return flags & WEIR_HTTP_ROUTE_NO_CASE ? weir_str_eq_nocase(a, b) : weir_str_eq(a, b);
}

/* Compares an encoded segment with a literal. */
static bool literal_fits(struct weir_str segment, struct weir_str literal, uint32_t flags)
{
    if (segment.n < literal.n)
        return false;
    if (segment.n == literal.n)
        return equals(segment, literal, flags);
    if (segment.n > 3 * literal.n || !memchr(segment.at, '%', segment.n))
        return false;
    char decoded[WEIR_HTTP_CAPTURE_BYTES_MAX];
    size_t n = weir_http_percent_decode(segment, decoded, sizeof decoded);
    return equals(weir_str_make(decoded, n), literal, flags);
}

static bool is_digits(struct weir_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
    }
    return true;
}

/* Compares an encoded segment with a capture and the literal behind it. */
static bool capture_fits(struct weir_str segment, const struct segment *s, uint32_t flags)
{
    if (segment.n <= s->text.n)
        return false;
    size_t n = segment.n - s->text.n;
    return equals(weir_str_make(segment.at + n, s->text.n), s->text, flags) &&
           !(flags & WEIR_HTTP_ROUTE_NO_COLON && memchr(segment.at, ':', n)) &&
           (!s->is_digits || is_digits(weir_str_make(segment.at, n)));
}

static bool route_fits(const struct weir_http_compiled *c, uint32_t flags,
                       const struct weir_str *segments, uint32_t n_segments)
{
    if (c->n_segments != n_segments)
        return false;
    for (uint32_t i = 0; i < n_segments; i++) {
        const struct segment *s = &c->segments[i];
        if (s->is_capture ? !capture_fits(segments[i], s, flags)
                          : !literal_fits(segments[i], s->text, flags))
            return false;
    }
    return true;
}

/* Fills in the captures: views into the path, or decoded copies where there is an escape. */
static void capture(const struct weir_http_compiled *c, const struct weir_str *segments,
                    struct weir_http_match *match)
{
    for (uint32_t i = 0; i < c->n_segments; i++) {
        if (!c->segments[i].is_capture)
            continue;
        uint32_t k = match->n_captures++;
        struct weir_str raw = weir_str_make(segments[i].at, segments[i].n - c->segments[i].text.n);
        match->captures[k] = raw;
        if (memchr(raw.at, '%', raw.n)) {
            size_t n = weir_http_percent_decode(raw, match->decoded[k], sizeof match->decoded[k]);
            match->captures[k] = weir_str_make(match->decoded[k], n);
        }
    }
}

enum weir_http_match_kind weir_http_router_match(const struct weir_http_router *router,
                                                 enum weir_http_method method, struct weir_str path,
                                                 struct weir_http_match *match)
{
    struct weir_str segments[WEIR_HTTP_SEGMENTS_MAX];
    match->route = NULL;
    match->allow = 0;
    match->n_captures = 0;
    if (path.n == 0 || path.at[0] != '/')
        return WEIR_HTTP_MATCH_NOT_FOUND;
    uint32_t n = cut(path, segments);
    if (n > WEIR_HTTP_SEGMENTS_MAX)
        return WEIR_HTTP_MATCH_NOT_FOUND;
    uint32_t wanted = 1U << (method == WEIR_HTTP_HEAD ? WEIR_HTTP_GET : method);
    for (uint32_t i = 0; i < router->n_routes; i++) {
        if (!route_fits(&router->compiled[i], router->routes[i].flags, segments, n))
            continue;
        match->allow |= router->routes[i].methods;
        if ((router->routes[i].methods & wanted) != 0) {
            match->route = &router->routes[i];
            capture(&router->compiled[i], segments, match);
            return WEIR_HTTP_MATCH_FOUND;
        }
    }
    return match->allow != 0 ? WEIR_HTTP_MATCH_METHOD : WEIR_HTTP_MATCH_NOT_FOUND;
}

void weir_http_allow_append(struct weir_buf *out, uint32_t methods)
{
    if ((methods & WEIR_HTTP_METHOD_BIT(GET)) != 0)
        methods |= WEIR_HTTP_METHOD_BIT(HEAD);
    methods |= WEIR_HTTP_METHOD_BIT(OPTIONS);
    bool is_first = true;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(method_names); i++) {
        if ((methods & 1U << i) == 0)
            continue;
        if (!is_first)
            weir_buf_append_c(out, ", ");
        weir_buf_append_c(out, method_names[i]);
        is_first = false;
    }
}
