/* SPDX-License-Identifier: MIT */
/* libyaml's events make the tree; a stack of open lists and maps stands for the recursion, its
 * depth is a limit. An anchor names a finished value; an alias is a second pointer to it. The
 * tree is then a graph without cycles, and n_values, which counts every alias in full, bounds the
 * work of whoever walks it. */
#include "codec/yaml.h"

#include "base/macros.h"
#include "base/mem.h"
#include "codec/json.h"

#include <yaml.h>

/* Children of an open list or map, gathered in a growing array before they go into the arena. */
struct open {
    struct weir_yaml *value;
    struct weir_yaml **items; /* n of cap, owned */
    size_t n;
    size_t cap;
    struct weir_str anchor;
};

struct anchor {
    struct weir_str name;
    struct weir_yaml *value;
};

struct reader {
    yaml_parser_t parser;
    struct weir_arena *arena;
    const struct weir_yaml_limits *limits;
    struct weir_error *err;
    struct weir_yaml *root;
    struct open stack[WEIR_YAML_DEPTH_MAX];
    size_t depth;
    struct anchor *anchors; /* n_anchors of cap_anchors, owned */
    size_t n_anchors;
    size_t cap_anchors;
    size_t n_aliases;
    size_t n_values;
    size_t n_documents;
};

static enum weir_status fail_at(struct reader *r, const yaml_mark_t *at, enum weir_status code,
                                const char *what)
{
    return weir_error_set(r->err, code, "%zu:%zu: %s", at->line + 1, at->column + 1, what);
}

static enum weir_status fail_memory(struct reader *r)
{
    return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
}

/* Returns at, or a larger block in its place, with room for item n; NULL: no memory, at is kept. */
static void *grow(void *at, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return at;
    size_t more = *cap ? *cap * 2 : 8;
    void *p = weir_mem_resize(weir_mem_default(), at, more, size);
    if (p)
        *cap = more;
    return p;
}

static enum weir_status check_key(struct reader *r, const struct open *o,
                                  const struct weir_yaml *key, const yaml_mark_t *at)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    if (key->kind != WEIR_YAML_SCALAR)
        return fail_at(r, at, WEIR_ERR_INVALID, "a key must be a plain text");
    for (size_t i = 0; i < o->n; i += 2) {
        if (weir_str_eq(o->items[i]->text, key->text))
            return weir_error_set(r->err, WEIR_ERR_INVALID,
                                  "%zu:%zu: key \"%s\" was given before, in line %u", at->line + 1,
                                  at->column + 1, weir_str_echo(key->text, echo, sizeof echo),
                                  o->items[i]->line);
    }
    return WEIR_OK;
}

/* Puts a finished or just opened value where it belongs. */
static enum weir_status attach(struct reader *r, struct weir_yaml *v, const yaml_mark_t *at)
{
    if (r->depth == 0) {
        r->root = v;
        return WEIR_OK;
    }
    struct open *o = &r->stack[r->depth - 1];
    if (o->value->kind == WEIR_YAML_MAP && o->n % 2 == 0) {
        enum weir_status st = check_key(r, o, v, at);
        if (st != WEIR_OK)
            return st;
    }
    struct weir_yaml **items = grow(o->items, o->n, &o->cap, sizeof *o->items);
    if (!items)
        return fail_memory(r);
    o->items = items;
    o->items[o->n++] = v;
    return WEIR_OK;
}

static enum weir_status remember(struct reader *r, struct weir_str name, struct weir_yaml *v)
{
    if (name.n == 0)
        return WEIR_OK;
    struct anchor *anchors = grow(r->anchors, r->n_anchors, &r->cap_anchors, sizeof *r->anchors);
    if (!anchors)
        return fail_memory(r);
    r->anchors = anchors;
    r->anchors[r->n_anchors++] = (struct anchor){name, v};
    return WEIR_OK;
}

static enum weir_status count_values(struct reader *r, size_t n, const yaml_mark_t *at)
{
    if (n > r->limits->values_max - r->n_values)
        return fail_at(r, at, WEIR_ERR_LIMIT, "too many values");
    r->n_values += n;
    return WEIR_OK;
}

static struct weir_yaml *make(struct reader *r, enum weir_yaml_kind kind, const yaml_mark_t *at)
{
    struct weir_yaml *v = weir_arena_zalloc(r->arena, sizeof *v);
    if (!v)
        return NULL;
    v->kind = kind;
    v->line = (uint32_t)at->line + 1;
    v->column = (uint32_t)at->column + 1;
    v->n_values = 1;
    return v;
}

static struct weir_str copy(struct reader *r, const void *at, size_t n)
{
    return weir_arena_str(r->arena, weir_str_make(at, n));
}

/* The tags that say what is so anyway. */
static bool is_plain_tag(const yaml_char_t *tag)
{
    static const char *const plain[] = {YAML_NULL_TAG,  YAML_BOOL_TAG, YAML_STR_TAG, YAML_INT_TAG,
                                        YAML_FLOAT_TAG, YAML_SEQ_TAG,  YAML_MAP_TAG};
    for (size_t i = 0; tag && i < WEIR_ARRAY_LEN(plain); i++) {
        if (strcmp((const char *)tag, plain[i]) == 0)
            return true;
    }
    return tag == NULL;
}

static enum weir_status on_scalar(struct reader *r, const yaml_event_t *e)
{
    bool quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    struct weir_str text = weir_str_make((const char *)e->data.scalar.value, e->data.scalar.length);
    if (!is_plain_tag(e->data.scalar.tag))
        return fail_at(r, &e->start_mark, WEIR_ERR_INVALID, "tags are not supported");
    if (memchr(text.at, 0, text.n))
        return fail_at(r, &e->start_mark, WEIR_ERR_INVALID, "a text holds a NUL byte");
    bool is_null = !quoted && (text.n == 0 || weir_str_eq_c(text, "~") ||
                               weir_str_eq_nocase(text, WEIR_STR("null")));
    struct weir_yaml *v = make(r, is_null ? WEIR_YAML_NULL : WEIR_YAML_SCALAR, &e->start_mark);
    if (!v)
        return fail_memory(r);
    v->is_quoted = quoted;
    v->text = copy(r, text.at, text.n);
    if (!v->text.at)
        return fail_memory(r);
    enum weir_status st = count_values(r, 1, &e->start_mark);
    if (st == WEIR_OK)
        st = attach(r, v, &e->start_mark);
    if (st != WEIR_OK || !e->data.scalar.anchor)
        return st;
    const char *anchor = (const char *)e->data.scalar.anchor;
    struct weir_str name = copy(r, anchor, strlen(anchor));
    return name.at ? remember(r, name, v) : fail_memory(r);
}

static enum weir_status on_open(struct reader *r, enum weir_yaml_kind kind,
                                const yaml_char_t *anchor, const yaml_char_t *tag,
                                const yaml_event_t *e)
{
    if (!is_plain_tag(tag))
        return fail_at(r, &e->start_mark, WEIR_ERR_INVALID, "tags are not supported");
    if (r->depth >= r->limits->depth_max)
        return fail_at(r, &e->start_mark, WEIR_ERR_LIMIT, "nested too deeply");
    struct weir_yaml *v = make(r, kind, &e->start_mark);
    if (!v)
        return fail_memory(r);
    enum weir_status st = count_values(r, 1, &e->start_mark);
    if (st == WEIR_OK)
        st = attach(r, v, &e->start_mark);
    if (st != WEIR_OK)
        return st;
    struct open *o = &r->stack[r->depth++];
    *o = (struct open){.value = v};
    if (anchor) {
        o->anchor = copy(r, anchor, strlen((const char *)anchor));
        if (!o->anchor.at)
            return fail_memory(r);
    }
    return WEIR_OK;
}

static enum weir_status on_close(struct reader *r)
{
    weir_assert(r->depth > 0);
    struct open *o = &r->stack[--r->depth];
    struct weir_yaml *v = o->value;
    v->children = weir_arena_array(r->arena, o->n ? o->n : 1, sizeof *v->children);
    if (!v->children) {
        weir_mem_free(weir_mem_default(), WEIR_TAKE(o->items));
        return fail_memory(r);
    }
    if (o->n)
        memcpy(v->children, o->items, o->n * sizeof *v->children);
    v->n_children = o->n;
    for (size_t i = 0; i < o->n; i++)
        v->n_values += o->items[i]->n_values;
    weir_mem_free(weir_mem_default(), WEIR_TAKE(o->items));
    return remember(r, o->anchor, v);
}

static enum weir_status on_alias(struct reader *r, const yaml_event_t *e)
{
    struct weir_str name = weir_str_c((const char *)e->data.alias.anchor);
    if (++r->n_aliases > r->limits->aliases_max)
        return fail_at(r, &e->start_mark, WEIR_ERR_LIMIT, "too many aliases");
    /* From the end: the newest anchor of a name is meant. */
    for (size_t i = r->n_anchors; i-- > 0;) {
        struct anchor *a = &r->anchors[i];
        if (!weir_str_eq(a->name, name))
            continue;
        enum weir_status st = count_values(r, a->value->n_values, &e->start_mark);
        return st == WEIR_OK ? attach(r, a->value, &e->start_mark) : st;
    }
    return fail_at(r, &e->start_mark, WEIR_ERR_INVALID, "alias of an unknown or unfinished anchor");
}

static enum weir_status on_event(struct reader *r, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++r->n_documents > 1)
            return fail_at(r, &e->start_mark, WEIR_ERR_INVALID, "more than one document");
        return WEIR_OK;
    case YAML_SCALAR_EVENT:
        return on_scalar(r, e);
    case YAML_SEQUENCE_START_EVENT:
        return on_open(r, WEIR_YAML_LIST, e->data.sequence_start.anchor, e->data.sequence_start.tag,
                       e);
    case YAML_MAPPING_START_EVENT:
        return on_open(r, WEIR_YAML_MAP, e->data.mapping_start.anchor, e->data.mapping_start.tag,
                       e);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_close(r);
    case YAML_ALIAS_EVENT:
        return on_alias(r, e);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return WEIR_OK;
    }
    return weir_error_set(r->err, WEIR_ERR_INTERNAL, "unknown event of the YAML library");
}

static enum weir_status fail_parser(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR)
        return fail_memory(r);
    if (p->error == YAML_READER_ERROR)
        return weir_error_set(r->err, WEIR_ERR_INVALID, "%zu:%zu: %s at byte %zu", p->mark.line + 1,
                              p->mark.column + 1, p->problem ? p->problem : "not readable",
                              p->problem_offset);
    return weir_error_set(r->err, WEIR_ERR_INVALID, "%zu:%zu: %s", p->problem_mark.line + 1,
                          p->problem_mark.column + 1, p->problem ? p->problem : "not YAML");
}

static enum weir_status read_events(struct reader *r)
{
    for (;;) {
        yaml_event_t e;
        if (!yaml_parser_parse(&r->parser, &e))
            return fail_parser(r);
        enum weir_status st = on_event(r, &e);
        bool is_end = e.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&e);
        if (st != WEIR_OK || is_end)
            return st;
    }
}

enum weir_status weir_codec_yaml_parse(struct weir_yaml **out, struct weir_arena *arena,
                                       struct weir_str text, const struct weir_yaml_limits *limits,
                                       struct weir_error *err)
{
    weir_assert(out);
    weir_assert(limits->depth_max <= WEIR_YAML_DEPTH_MAX);
    if (text.n > limits->bytes_max)
        return weir_error_set(err, WEIR_ERR_LIMIT, "1:1: larger than %zu bytes", limits->bytes_max);
    struct reader *r = weir_mem_zalloc(weir_mem_default(), sizeof *r);
    if (!r)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    r->arena = arena;
    r->limits = limits;
    r->err = err;
    enum weir_status st = WEIR_OK;
    if (!yaml_parser_initialize(&r->parser)) {
        st = fail_memory(r);
    } else {
        yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&r->parser, (const unsigned char *)(text.n ? text.at : ""),
                                     text.n);
        st = read_events(r);
        yaml_parser_delete(&r->parser);
    }
    if (st == WEIR_OK && !r->root) {
        yaml_mark_t start = {0, 0, 0};
        r->root = make(r, WEIR_YAML_NULL, &start);
        st = r->root ? WEIR_OK : fail_memory(r);
    }
    if (st == WEIR_OK)
        *out = r->root;
    for (size_t i = 0; i < r->depth; i++)
        weir_mem_free(weir_mem_default(), r->stack[i].items);
    weir_mem_free(weir_mem_default(), r->anchors);
    weir_mem_free(weir_mem_default(), r);
    return st;
}

struct weir_yaml *weir_codec_yaml_find(const struct weir_yaml *map, struct weir_str key)
{
    if (!map || map->kind != WEIR_YAML_MAP)
        return NULL;
    for (size_t i = 0; i + 1 < map->n_children; i += 2) {
        if (weir_str_eq(map->children[i]->text, key))
            return map->children[i + 1];
    }
    return NULL;
}

bool weir_codec_yaml_is_same(const struct weir_yaml *a, const struct weir_yaml *b)
{
    if (!a || !b)
        return a == b;
    if (a->kind != b->kind || a->n_children != b->n_children)
        return false;
    if (a->kind == WEIR_YAML_SCALAR && !weir_str_eq(a->text, b->text))
        return false;
    for (size_t i = 0; i < a->n_children; i++) { /* Recursion ends at WEIR_YAML_DEPTH_MAX. */
        if (!weir_codec_yaml_is_same(a->children[i], b->children[i]))
            return false;
    }
    return true;
}

/* Finds whether a text may stand without quotes inside of brackets. */
static bool is_plain(struct weir_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.at[i];
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        bool is_other = (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '/';
        if (!is_letter && !is_other && !(c == '-' && i > 0))
            return false;
    }
    return text.n > 0;
}

void weir_codec_yaml_append(struct weir_buf *buf, const struct weir_yaml *tree)
{
    bool is_map = tree->kind == WEIR_YAML_MAP;
    switch (tree->kind) {
    case WEIR_YAML_NULL:
        weir_buf_append_byte(buf, '~');
        return;
    case WEIR_YAML_SCALAR:
        if (!tree->is_quoted && is_plain(tree->text))
            weir_buf_append_str(buf, tree->text);
        else
            weir_codec_json_append_text(buf, tree->text);
        return;
    case WEIR_YAML_LIST:
    case WEIR_YAML_MAP:
        weir_buf_append_byte(buf, is_map ? '{' : '[');
        for (size_t i = 0; i < tree->n_children; i++) {
            weir_buf_append_c(buf, i == 0 ? "" : is_map && i % 2 ? ": " : ", ");
            weir_codec_yaml_append(buf, tree->children[i]);
        }
        weir_buf_append_byte(buf, is_map ? '}' : ']');
        return;
    }
}
