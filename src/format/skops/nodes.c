/* SPDX-License-Identifier: MIT */
/* The kinds of nodes. Each is turned into the steps by which a pickle makes the same value: names
 * are checked, containers are counted and objects get their state by the pickle machine's own
 * rules, so that nothing can come in by this way that could not by the other. */
#include "base/clock.h"
#include "base/mem.h"
#include "format/skops/priv.h"

enum { DEADLINE_NODES = 4096 };

typedef enum weir_status node_fn(struct weir_format_skops *s, yyjson_val *node);

/* --- names and objects --- */

enum weir_status weir_format_skops_nodes_push_global(struct weir_format_skops *s, yyjson_val *node)
{
    struct weir_str module = weir_format_skops_plain_text(node, "__module__");
    struct weir_str cls = weir_format_skops_plain_text(node, "__class__");
    if (!module.at || !cls.at)
        return weir_format_skops_fail(s, WEIR_ERR_CORRUPT, "a node without a class");
    struct weir_value *v = NULL;
    enum weir_status status = weir_format_pickle_global(&s->m, module, cls, &v);
    return status == WEIR_OK ? weir_format_pickle_push(&s->m, v) : status;
}

/* Finds whether a container is Python's own and not a class derived from it. */
static bool is_plain(yyjson_val *node)
{
    struct weir_str module = weir_format_skops_plain_text(node, "__module__");
    return weir_str_eq_c(module, "builtins") || weir_str_eq_c(module, "collections");
}

/* An empty instance of the node's class. */
static enum weir_status push_instance(struct weir_format_skops *s, yyjson_val *node)
{
    enum weir_status status = weir_format_skops_nodes_push_global(s, node);
    if (status == WEIR_OK)
        status = weir_format_pickle_push_empty_tuple(&s->m);
    return status == WEIR_OK ? weir_format_pickle_newobj(&s->m, false) : status;
}

/* "content": the node of the state, if there is one */
static enum weir_status read_object(struct weir_format_skops *s, yyjson_val *node)
{
    yyjson_val *content = yyjson_obj_get(node, "content");
    enum weir_status status = push_instance(s, node);
    if (status != WEIR_OK || !content || yyjson_is_null(content))
        return status;
    status = weir_format_skops_nodes_read(s, content);
    if (status != WEIR_OK)
        return status;
    struct weir_value *state;
    status = weir_format_pickle_top(&s->m, &state);
    if (status == WEIR_OK && weir_value_is_none(state))
        return weir_format_pickle_pop(&s->m, &state);
    return status == WEIR_OK ? weir_format_pickle_build(&s->m) : status;
}

/* "content": the node of the constructor's arguments */
static enum weir_status read_call(struct weir_format_skops *s, yyjson_val *node)
{
    enum weir_status status = weir_format_skops_nodes_push_global(s, node);
    if (status == WEIR_OK)
        status = weir_format_skops_nodes_read(s, yyjson_obj_get(node, "content"));
    return status == WEIR_OK ? weir_format_pickle_reduce(&s->m) : status;
}

/* "__reduce__": {"args"}, "content": the state, a dict or a tuple; empty: none */
static enum weir_status read_reduced(struct weir_format_skops *s, yyjson_val *node)
{
    yyjson_val *args = yyjson_obj_get(yyjson_obj_get(node, "__reduce__"), "args");
    struct weir_value *state;
    enum weir_status status = weir_format_skops_nodes_push_global(s, node);
    if (status == WEIR_OK)
        status = weir_format_skops_nodes_read(s, args);
    if (status == WEIR_OK)
        status = weir_format_pickle_reduce(&s->m);
    if (status == WEIR_OK)
        status = weir_format_skops_nodes_read(s, yyjson_obj_get(node, "content"));
    if (status == WEIR_OK)
        status = weir_format_pickle_top(&s->m, &state);
    if (status == WEIR_OK && weir_value_n(state) == 0)
        return weir_format_pickle_pop(&s->m, &state);
    return status == WEIR_OK ? weir_format_pickle_build(&s->m) : status;
}

/* "content": {"func", "args", "kwds", "namespace"}, as functools.partial is pickled */
static enum weir_status read_partial(struct weir_format_skops *s, yyjson_val *node)
{
    static const char *const parts[] = {"func", "args", "kwds", "namespace"};
    yyjson_val *content = yyjson_obj_get(node, "content");
    struct weir_value *func;
    enum weir_status status = weir_format_skops_nodes_push_global(s, node);
    if (status == WEIR_OK)
        status = weir_format_skops_nodes_read(s, yyjson_obj_get(content, "func"));
    if (status == WEIR_OK)
        status = weir_format_pickle_top(&s->m, &func);
    if (status == WEIR_OK)
        status = weir_format_pickle_push_tuple(&s->m, 1);
    if (status == WEIR_OK)
        status = weir_format_pickle_reduce(&s->m);
    if (status == WEIR_OK)
        status = weir_format_pickle_mark(&s->m);
    if (status == WEIR_OK)
        status = weir_format_pickle_push(&s->m, func);
    for (size_t i = 1; i < WEIR_ARRAY_LEN(parts) && status == WEIR_OK; i++)
        status = weir_format_skops_nodes_read(s, yyjson_obj_get(content, parts[i]));
    if (status == WEIR_OK)
        status = weir_format_pickle_push_marked(&s->m, WEIR_VALUE_TUPLE);
    return status == WEIR_OK ? weir_format_pickle_build(&s->m) : status;
}

/* "content": {"start", "stop", "step"}, numbers or null */
static enum weir_status read_slice(struct weir_format_skops *s, yyjson_val *node)
{
    static const char *const parts[] = {"start", "stop", "step"};
    yyjson_val *content = yyjson_obj_get(node, "content");
    enum weir_status status = weir_format_skops_nodes_push_global(s, node);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(parts) && status == WEIR_OK; i++)
        status = weir_format_skops_plain_push_json(s, yyjson_obj_get(content, parts[i]));
    if (status == WEIR_OK)
        status = weir_format_pickle_push_tuple(&s->m, 3);
    return status == WEIR_OK ? weir_format_pickle_reduce(&s->m) : status;
}

/* "content": {"data", "mask"} */
static enum weir_status read_masked(struct weir_format_skops *s, yyjson_val *node)
{
    yyjson_val *content = yyjson_obj_get(node, "content");
    enum weir_status status = weir_format_skops_nodes_push_global(s, node);
    if (status == WEIR_OK)
        status = weir_format_skops_nodes_read(s, yyjson_obj_get(content, "data"));
    if (status == WEIR_OK)
        status = weir_format_skops_nodes_read(s, yyjson_obj_get(content, "mask"));
    if (status == WEIR_OK)
        status = weir_format_pickle_push_tuple(&s->m, 2);
    return status == WEIR_OK ? weir_format_pickle_reduce(&s->m) : status;
}

/* Random generators: nothing of them is used to predict, so the name is all that is kept. */
static enum weir_status refuse_method(struct weir_format_skops *s, yyjson_val *node)
{
    (void)node;
    return weir_format_skops_fail(s, WEIR_ERR_UNSUPPORTED, "a bound method of an object");
}

/* --- containers --- */

/* Pushes the values of a list of nodes. */
static enum weir_status push_all(struct weir_format_skops *s, yyjson_val *list)
{
    size_t i, n;
    yyjson_val *item;
    if (!yyjson_is_arr(list))
        return weir_format_skops_fail(s, WEIR_ERR_CORRUPT, "a container without content");
    yyjson_arr_foreach(list, i, n, item)
    {
        enum weir_status status = weir_format_skops_nodes_read(s, item);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

static enum weir_status read_list(struct weir_format_skops *s, yyjson_val *node)
{
    bool is_derived = !is_plain(node);
    enum weir_status status = is_derived ? push_instance(s, node) : WEIR_OK;
    if (status == WEIR_OK)
        status = weir_format_pickle_mark(&s->m);
    if (status == WEIR_OK)
        status = push_all(s, yyjson_obj_get(node, "content"));
    if (status != WEIR_OK)
        return status;
    return is_derived ? weir_format_pickle_append_marked(&s->m)
                      : weir_format_pickle_push_marked(&s->m, WEIR_VALUE_LIST);
}

/* A class derived from tuple is made of its items. */
static enum weir_status read_tuple(struct weir_format_skops *s, yyjson_val *node)
{
    bool is_derived = !is_plain(node);
    enum weir_status status = is_derived ? weir_format_skops_nodes_push_global(s, node) : WEIR_OK;
    if (status == WEIR_OK)
        status = weir_format_pickle_mark(&s->m);
    if (status == WEIR_OK)
        status = push_all(s, yyjson_obj_get(node, "content"));
    if (status == WEIR_OK)
        status = weir_format_pickle_push_marked(&s->m, WEIR_VALUE_TUPLE);
    return status == WEIR_OK && is_derived ? weir_format_pickle_newobj(&s->m, false) : status;
}

static enum weir_status read_set(struct weir_format_skops *s, yyjson_val *node)
{
    enum weir_status status = weir_format_pickle_mark(&s->m);
    if (status == WEIR_OK)
        status = push_all(s, yyjson_obj_get(node, "content"));
    return status == WEIR_OK ? weir_format_pickle_push_marked(&s->m, WEIR_VALUE_SET) : status;
}

/* JSON's keys are texts; key_types says of each what it was. */
static enum weir_status push_key(struct weir_format_skops *s, yyjson_val *key, yyjson_val *type)
{
    struct weir_str text = weir_str_make(yyjson_get_str(key), yyjson_get_len(key));
    struct weir_str cls = weir_format_skops_plain_text(type, "__class__");
    if (weir_str_eq_c(cls, "str") || weir_str_eq_c(cls, "str_"))
        return weir_format_skops_plain_push_json(s, key);
    bool is_whole = weir_str_starts(cls, WEIR_STR("int")) || weir_str_starts(cls, WEIR_STR("uint"));
    if (!is_whole && !weir_str_starts(cls, WEIR_STR("float"))) {
        char echo[WEIR_ECHO_BUF_BYTES];
        return weir_format_skops_fail(s, WEIR_ERR_UNSUPPORTED, "a dict with keys of type %s",
                                      weir_str_echo(cls, echo, sizeof echo));
    }
    yyjson_doc *doc = NULL;
    enum weir_status status = weir_format_skops_plain_parse_json(s, text, &doc);
    if (status != WEIR_OK)
        return status;
    yyjson_val *number = yyjson_doc_get_root(doc);
    if (yyjson_is_real(number) == is_whole || !yyjson_is_num(number))
        status = weir_format_skops_fail(s, WEIR_ERR_CORRUPT, "a key that is not of its type");
    else
        status = weir_format_skops_plain_push_json(s, number);
    yyjson_doc_free(doc);
    return status;
}

static enum weir_status push_pairs(struct weir_format_skops *s, yyjson_val *node)
{
    yyjson_val *content = yyjson_obj_get(node, "content"), *key, *value;
    yyjson_val *types = yyjson_obj_get(yyjson_obj_get(node, "key_types"), "content");
    size_t i, n;
    if (!yyjson_is_obj(content) || yyjson_arr_size(types) != yyjson_obj_size(content))
        return weir_format_skops_fail(s, WEIR_ERR_CORRUPT, "a dict without the types of its keys");
    yyjson_val *type = yyjson_arr_get_first(types);
    yyjson_obj_foreach(content, i, n, key, value)
    {
        enum weir_status status = push_key(s, key, type);
        if (status == WEIR_OK)
            status = weir_format_skops_nodes_read(s, value);
        if (status != WEIR_OK)
            return status;
        type = unsafe_yyjson_get_next(type);
    }
    return WEIR_OK;
}

static enum weir_status read_dict(struct weir_format_skops *s, yyjson_val *node)
{
    bool is_derived = !is_plain(node);
    enum weir_status status = is_derived ? push_instance(s, node) : WEIR_OK;
    if (status == WEIR_OK)
        status = weir_format_pickle_mark(&s->m);
    if (status == WEIR_OK)
        status = push_pairs(s, node);
    if (status != WEIR_OK)
        return status;
    return is_derived ? weir_format_pickle_set_marked(&s->m)
                      : weir_format_pickle_push_marked(&s->m, WEIR_VALUE_DICT);
}

/* "content": {"main": the dict, …} */
static enum weir_status read_main(struct weir_format_skops *s, yyjson_val *node)
{
    return weir_format_skops_nodes_read(s, yyjson_obj_get(yyjson_obj_get(node, "content"), "main"));
}

/* --- the table --- */

static const struct {
    const char *loader;
    node_fn *read;
} kinds[] = {
    {"BytearrayNode", weir_format_skops_plain_bytes},
    {"BytesNode", weir_format_skops_plain_bytes},
    {"ConstructorFromReduceNode", read_call},
    {"DTypeNode", weir_format_skops_plain_dtype},
    {"DefaultDictNode", read_main},
    {"DictNode", read_dict},
    {"FunctionNode", weir_format_skops_nodes_push_global},
    {"JsonNode", weir_format_skops_plain_json},
    {"ListNode", read_list},
    {"LossNode", read_reduced},
    {"MaskedArrayNode", read_masked},
    {"MethodNode", refuse_method},
    {"NdArrayNode", weir_format_skops_plain_array},
    {"ObjectNode", read_object},
    {"OperatorFuncNode", weir_format_skops_nodes_push_global},
    {"PartialNode", read_partial},
    {"RandomGeneratorNode", push_instance},
    {"RandomStateNode", push_instance},
    {"SetNode", read_set},
    {"SliceNode", read_slice},
    {"SparseMatrixNode", weir_format_skops_plain_sparse},
    {"TreeNode", read_reduced},
    {"TupleNode", read_tuple},
    {"TypeNode", weir_format_skops_nodes_push_global},
    {"_DictWithDeprecatedKeysNode", read_main},
};

static enum weir_status read_kind(struct weir_format_skops *s, yyjson_val *node)
{
    struct weir_str loader = weir_format_skops_plain_text(node, "__loader__");
    for (size_t i = 0; i < WEIR_ARRAY_LEN(kinds); i++)
        if (loader.at && weir_str_eq_c(loader, kinds[i].loader))
            return kinds[i].read(s, node);
    char echo[WEIR_ECHO_BUF_BYTES];
    return weir_format_skops_fail(s, WEIR_ERR_UNSUPPORTED, "a node of kind \"%s\"",
                                  weir_str_echo(loader, echo, sizeof echo));
}

/* --- ids --- */

/* Returns the entry of an id, or the free one where it belongs. */
static struct weir_format_skops_seen *find_seen(struct weir_format_skops_seen *seen, size_t cap,
                                                uint64_t id)
{
    size_t at = (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (cap - 1);
    while (seen[at].v && seen[at].id != id)
        at = (at + 1) & (cap - 1);
    return &seen[at];
}

static enum weir_status grow_seen(struct weir_format_skops *s)
{
    if (2 * s->n_seen < s->cap_seen)
        return WEIR_OK;
    size_t cap = weir_max_size(256, 2 * s->cap_seen);
    if (s->n_seen >= s->m.opts->n_memo_max)
        return weir_format_skops_fail(s, WEIR_ERR_LIMIT, "more than %zu objects", s->n_seen);
    struct weir_format_skops_seen *seen = weir_mem_zarray(weir_mem_default(), cap, sizeof *seen);
    if (!seen)
        return weir_format_pickle_fail_memory(&s->m);
    for (size_t i = 0; i < s->cap_seen; i++)
        if (s->seen[i].v)
            *find_seen(seen, cap, s->seen[i].id) = s->seen[i];
    weir_mem_free(weir_mem_default(), s->seen);
    s->seen = seen;
    s->cap_seen = cap;
    return WEIR_OK;
}

/* An object that is met again is written out again, but the first one counts. */
static enum weir_status read_with_id(struct weir_format_skops *s, yyjson_val *node, uint64_t id)
{
    enum weir_status status = grow_seen(s);
    if (status != WEIR_OK)
        return status;
    struct weir_format_skops_seen *seen = find_seen(s->seen, s->cap_seen, id);
    if (seen->v)
        return weir_format_pickle_push(&s->m, seen->v);
    struct weir_value *v;
    status = read_kind(s, node);
    if (status == WEIR_OK)
        status = weir_format_pickle_top(&s->m, &v);
    if (status == WEIR_OK)
        status = grow_seen(s); /* the nodes inside may have filled it */
    if (status != WEIR_OK)
        return status;
    seen = find_seen(s->seen, s->cap_seen, id);
    s->n_seen += seen->v == NULL;
    *seen = (struct weir_format_skops_seen){id, v};
    return WEIR_OK;
}

enum weir_status weir_format_skops_nodes_read(struct weir_format_skops *s, yyjson_val *node)
{
    if (!yyjson_is_obj(node))
        return weir_format_skops_fail(s, WEIR_ERR_CORRUPT, "a node is missing");
    if (s->depth >= s->m.opts->nesting_max)
        return weir_format_skops_fail(s, WEIR_ERR_LIMIT, "nested deeper than %u",
                                      s->m.opts->nesting_max);
    if (++s->m.n_ops > s->m.opts->n_ops_max)
        return weir_format_skops_fail(s, WEIR_ERR_LIMIT, "more than %llu nodes",
                                      (unsigned long long)s->m.opts->n_ops_max);
    if (s->m.n_ops % DEADLINE_NODES == 0 && s->m.opts->deadline_ns != 0 &&
        weir_clock_ns() >= s->m.opts->deadline_ns)
        return weir_format_skops_fail(s, WEIR_ERR_TIMEOUT, "the load takes too long");
    yyjson_val *id = yyjson_obj_get(node, "__id__");
    s->depth++;
    enum weir_status status =
        yyjson_is_uint(id) ? read_with_id(s, node, yyjson_get_uint(id)) : read_kind(s, node);
    s->depth--;
    return status;
}
