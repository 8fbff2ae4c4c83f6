/* SPDX-License-Identifier: MIT */
/* Names, calls and states. Of what a pickle asks to be called, a handful has a meaning that is
 * known here (arrays, bytes, sets); everything else on the allow-list becomes a record of the name
 * and its arguments. */
#include "codec/utf8.h"
#include "format/joblib.h"
#include "format/numpy.h"
#include "format/pickle_priv.h"

enum { ATTRS_MAX = 4096 }; /* of one object; scikit-learn's have less than a hundred */

typedef enum weir_status call_fn(struct weir_format_pickle_machine *m,
                                 const struct weir_value *callee, const struct weir_value *args,
                                 struct weir_value **out);

static enum weir_status corrupt(struct weir_format_pickle_machine *m, const char *what)
{
    return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "%s", what);
}

/* --- names --- */

static enum weir_status refuse_name(struct weir_format_pickle_machine *m,
                                    enum weir_format_pickle_role role, struct weir_str module,
                                    struct weir_str name)
{
    char echo[2][WEIR_ECHO_BUF_BYTES];
    weir_str_echo(module, echo[0], sizeof echo[0]);
    weir_str_echo(name, echo[1], sizeof echo[1]);
    if (role == WEIR_FORMAT_PICKLE_REFUSED_OLD)
        return weir_error_set(m->err, WEIR_ERR_UNSUPPORTED,
                              "refers to \"%s.%s\": written by joblib before 0.10, which keeps "
                              "arrays in other files; save it again with a current joblib",
                              echo[0], echo[1]);
    /* Without the offset: the name is what a person has to judge. */
    return weir_error_set(m->err, WEIR_ERR_UNSUPPORTED,
                          "refers to \"%s.%s\", which is not on the list of model classes", echo[0],
                          echo[1]);
}

enum weir_status weir_format_pickle_global(struct weir_format_pickle_machine *m,
                                           struct weir_str module, struct weir_str name,
                                           struct weir_value **out)
{
    weir_format_pickle_names_modern(&module, &name);
    enum weir_format_pickle_role role = weir_format_pickle_names_find(module, name);
    if (role == WEIR_FORMAT_PICKLE_REFUSED || role == WEIR_FORMAT_PICKLE_REFUSED_OLD)
        return refuse_name(m, role, module, name);
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_GLOBAL);
    char *text = v ? weir_arena_alloc_aligned(m->arena, module.n + 1 + name.n, 1) : NULL;
    if (!text)
        return weir_format_pickle_fail_memory(m);
    memcpy(text, module.at, module.n);
    text[module.n] = '.';
    memcpy(text + module.n + 1, name.at, name.n);
    v->text = weir_str_make(text, module.n + 1 + name.n);
    v->flags = (uint8_t)(role << WEIR_FORMAT_PICKLE_ROLE_SHIFT);
    *out = v;
    return WEIR_OK;
}

/* --- records --- */

static enum weir_status make_record(struct weir_format_pickle_machine *m,
                                    const struct weir_value *cls, const struct weir_value *args,
                                    bool is_called, struct weir_value **out)
{
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_OBJECT);
    struct weir_value_object *object = v ? weir_arena_zalloc(m->arena, sizeof *object) : NULL;
    if (!object)
        return weir_format_pickle_fail_memory(m);
    struct weir_str name = cls->text;
    size_t n_top = 0;
    while (name.at[n_top] != '.')
        n_top++;
    size_t cls_at = name.n;
    while (name.at[cls_at - 1] != '.')
        cls_at--;
    object->name = name;
    object->cls = weir_str_make(name.at + cls_at, name.n - cls_at);
    object->top = weir_str_make(name.at, n_top);
    object->is_called = is_called;
    object->args = args->items;
    v->object = object;
    v->flags = (uint8_t)(weir_format_pickle_role_of(cls) << WEIR_FORMAT_PICKLE_ROLE_SHIFT);
    *out = v;
    return weir_format_pickle_contain(m, v, args);
}

static enum weir_status call_record(struct weir_format_pickle_machine *m,
                                    const struct weir_value *callee, const struct weir_value *args,
                                    struct weir_value **out)
{
    return make_record(m, callee, args, true, out);
}

static enum weir_status call_value(struct weir_format_pickle_machine *m,
                                   const struct weir_value *callee, const struct weir_value *args,
                                   struct weir_value **out)
{
    (void)args;
    (void)out;
    return weir_format_pickle_fail(m, WEIR_ERR_UNSUPPORTED, "asks to call \"%.*s\"",
                                   WEIR_STR_ARG(callee->text));
}

/* --- numpy --- */

static enum weir_status call_dtype(struct weir_format_pickle_machine *m,
                                   const struct weir_value *callee, const struct weir_value *args,
                                   struct weir_value **out)
{
    (void)callee;
    return weir_format_numpy_dtype(m, args, out);
}

/* An empty array of a class; BUILD turns it into the array it is to be. */
static enum weir_status call_reconstruct(struct weir_format_pickle_machine *m,
                                         const struct weir_value *callee,
                                         const struct weir_value *args, struct weir_value **out)
{
    if (args->items.n != 3 || args->items.at[0]->kind != WEIR_VALUE_GLOBAL ||
        weir_format_pickle_role_of(args->items.at[0]) != WEIR_FORMAT_PICKLE_NDARRAY)
        return corrupt(m, "an array of an unknown class");
    return make_record(m, callee, args, true, out);
}

static enum weir_status call_scalar(struct weir_format_pickle_machine *m,
                                    const struct weir_value *callee, const struct weir_value *args,
                                    struct weir_value **out)
{
    (void)callee;
    return weir_format_numpy_scalar(m, args, out);
}

static enum weir_status call_frombuffer(struct weir_format_pickle_machine *m,
                                        const struct weir_value *callee,
                                        const struct weir_value *args, struct weir_value **out)
{
    (void)callee;
    return weir_format_numpy_frombuffer(m, args, out);
}

/* _ufunc_reconstruct(module, name): a name in two texts, under the same list. */
static enum weir_status call_ufunc(struct weir_format_pickle_machine *m,
                                   const struct weir_value *callee, const struct weir_value *args,
                                   struct weir_value **out)
{
    (void)callee;
    if (args->items.n != 2 || args->items.at[0]->kind != WEIR_VALUE_TEXT ||
        args->items.at[1]->kind != WEIR_VALUE_TEXT)
        return corrupt(m, "a numpy function without a name");
    enum weir_status status =
        weir_format_pickle_global(m, args->items.at[0]->text, args->items.at[1]->text, out);
    if (status == WEIR_OK && weir_format_pickle_role_of(*out) != WEIR_FORMAT_PICKLE_VALUE)
        return corrupt(m, "a numpy function that is none");
    return status;
}

/* --- bytes, sets, dicts --- */

/* Turns text whose characters are all below 256 into one byte each. */
static enum weir_status encode_latin1(struct weir_format_pickle_machine *m, struct weir_str text,
                                      struct weir_str *out)
{
    char *bytes = weir_arena_alloc_aligned(m->arena, text.n + 1, 1);
    if (!bytes)
        return weir_format_pickle_fail_memory(m);
    size_t n = 0;
    while (text.n > 0) {
        uint32_t c;
        size_t n_read = weir_codec_utf8_decode(text, &c);
        if (c > 0xff)
            return corrupt(m, "bytes in a text hold a character above 255");
        bytes[n++] = (char)c;
        text = weir_str_make(text.at + n_read, text.n - n_read);
    }
    *out = weir_str_make(bytes, n);
    return WEIR_OK;
}

static enum weir_status make_bytes(struct weir_format_pickle_machine *m, struct weir_str bytes,
                                   struct weir_value **out)
{
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_BYTES);
    if (!v)
        return weir_format_pickle_fail_memory(m);
    v->text = bytes;
    *out = v;
    return WEIR_OK;
}

static bool is_latin1_call(const struct weir_value *args)
{
    return args->items.n == 2 && args->items.at[0]->kind == WEIR_VALUE_TEXT &&
           (weir_value_is_text(args->items.at[1], "latin1") ||
            weir_value_is_text(args->items.at[1], "latin-1"));
}

static enum weir_status call_encode(struct weir_format_pickle_machine *m,
                                    const struct weir_value *callee, const struct weir_value *args,
                                    struct weir_value **out)
{
    (void)callee;
    struct weir_str bytes = {0};
    if (!is_latin1_call(args))
        return corrupt(m, "bytes in a text are not in latin1");
    enum weir_status status = encode_latin1(m, args->items.at[0]->text, &bytes);
    return status == WEIR_OK ? make_bytes(m, bytes, out) : status;
}

/* bytes(), bytearray(), bytearray(bytes), bytearray(text, 'latin-1') */
static enum weir_status call_bytes(struct weir_format_pickle_machine *m,
                                   const struct weir_value *callee, const struct weir_value *args,
                                   struct weir_value **out)
{
    if (args->items.n == 0)
        return make_bytes(m, WEIR_STR(""), out);
    if (args->items.n == 1 && args->items.at[0]->kind == WEIR_VALUE_BYTES)
        return make_bytes(m, args->items.at[0]->text, out);
    if (is_latin1_call(args))
        return call_encode(m, callee, args, out);
    return corrupt(m, "bytes are made of something unknown");
}

static enum weir_status call_set(struct weir_format_pickle_machine *m,
                                 const struct weir_value *callee, const struct weir_value *args,
                                 struct weir_value **out)
{
    (void)callee;
    bool is_empty = args->items.n == 0;
    if (!is_empty && (args->items.n != 1 || args->items.at[0]->kind != WEIR_VALUE_LIST))
        return corrupt(m, "a set is not made of a list");
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_SET);
    if (!v)
        return weir_format_pickle_fail_memory(m);
    *out = v;
    /* It shares the list's items and so may not grow itself. */
    v->flags |= WEIR_FORMAT_PICKLE_FROZEN;
    if (is_empty)
        return WEIR_OK;
    v->items = args->items.at[0]->items;
    return weir_format_pickle_contain(m, v, args);
}

/* OrderedDict() and defaultdict(factory): plain dicts to us; items follow. */
static enum weir_status call_dict(struct weir_format_pickle_machine *m,
                                  const struct weir_value *callee, const struct weir_value *args,
                                  struct weir_value **out)
{
    (void)callee;
    bool is_known = args->items.n == 0 ||
                    (args->items.n == 1 && (args->items.at[0]->kind == WEIR_VALUE_GLOBAL ||
                                            weir_value_is_none(args->items.at[0])));
    if (!is_known)
        return corrupt(m, "a dict is made of something unknown");
    *out = weir_format_pickle_node(m, WEIR_VALUE_DICT);
    return *out ? WEIR_OK : weir_format_pickle_fail_memory(m);
}

/* _reconstructor(class, base, state): protocols 0 and 1 write it where later ones have NEWOBJ. */
static enum weir_status call_reconstructor(struct weir_format_pickle_machine *m,
                                           const struct weir_value *callee,
                                           const struct weir_value *args, struct weir_value **out)
{
    (void)callee;
    if (args->items.n != 3 || args->items.at[0]->kind != WEIR_VALUE_GLOBAL ||
        args->items.at[1]->kind != WEIR_VALUE_GLOBAL)
        return corrupt(m, "an instance of something that is no class");
    const struct weir_value *cls = args->items.at[0];
    const struct weir_value *state = args->items.at[2];
    enum weir_format_pickle_role role = weir_format_pickle_role_of(cls);
    if (role != WEIR_FORMAT_PICKLE_RECORD && role != WEIR_FORMAT_PICKLE_WRAPPER)
        return call_value(m, cls, args, out);
    const struct weir_value no_args = {.kind = WEIR_VALUE_TUPLE};
    enum weir_status status = make_record(m, cls, &no_args, false, out);
    if (status != WEIR_OK)
        return status;
    struct weir_str base = args->items.at[1]->text;
    if (weir_str_eq_c(base, "builtins.dict") && state->kind == WEIR_VALUE_DICT)
        (*out)->object->pairs = state->dict;
    else if (weir_str_eq_c(base, "builtins.list") && state->kind == WEIR_VALUE_LIST)
        (*out)->object->items = state->items;
    else if (!weir_str_eq_c(base, "builtins.object") || !weir_value_is_none(state))
        return corrupt(m, "an instance with an unknown base");
    return weir_format_pickle_contain(m, *out, state);
}

/* By role: what a call means. */
static call_fn *const calls[WEIR_FORMAT_PICKLE_N_ROLES] = {
    [WEIR_FORMAT_PICKLE_REFUSED] = call_value,
    [WEIR_FORMAT_PICKLE_REFUSED_OLD] = call_value,
    [WEIR_FORMAT_PICKLE_VALUE] = call_value,
    [WEIR_FORMAT_PICKLE_NDARRAY] = call_value,
    [WEIR_FORMAT_PICKLE_RECORD] = call_record,
    [WEIR_FORMAT_PICKLE_DTYPE] = call_dtype,
    [WEIR_FORMAT_PICKLE_RECONSTRUCT] = call_reconstruct,
    [WEIR_FORMAT_PICKLE_SCALAR] = call_scalar,
    [WEIR_FORMAT_PICKLE_FROMBUFFER] = call_frombuffer,
    [WEIR_FORMAT_PICKLE_UFUNC] = call_ufunc,
    [WEIR_FORMAT_PICKLE_WRAPPER] = call_value,
    [WEIR_FORMAT_PICKLE_ENCODE] = call_encode,
    [WEIR_FORMAT_PICKLE_RECONSTRUCTOR] = call_reconstructor,
    [WEIR_FORMAT_PICKLE_BYTES] = call_bytes,
    [WEIR_FORMAT_PICKLE_SET] = call_set,
    [WEIR_FORMAT_PICKLE_DICT] = call_dict,
};

/* Takes the arguments and the name below them off the stack. */
static enum weir_status pop_call(struct weir_format_pickle_machine *m, struct weir_value **callee,
                                 struct weir_value **args)
{
    enum weir_status status = weir_format_pickle_pop(m, args);
    if (status == WEIR_OK)
        status = weir_format_pickle_pop(m, callee);
    if (status != WEIR_OK)
        return status;
    if ((*args)->kind != WEIR_VALUE_TUPLE)
        return corrupt(m, "arguments are not a tuple");
    if ((*callee)->kind != WEIR_VALUE_GLOBAL)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "asks to call a %s",
                                       weir_value_kind_name((*callee)->kind));
    return WEIR_OK;
}

enum weir_status weir_format_pickle_reduce(struct weir_format_pickle_machine *m)
{
    struct weir_value *callee, *args, *result = NULL;
    enum weir_status status = pop_call(m, &callee, &args);
    if (status == WEIR_OK)
        status = calls[weir_format_pickle_role_of(callee)](m, callee, args, &result);
    return status == WEIR_OK ? weir_format_pickle_push(m, result) : status;
}

enum weir_status weir_format_pickle_newobj(struct weir_format_pickle_machine *m, bool with_kwargs)
{
    struct weir_value *cls, *args, *result = NULL;
    if (with_kwargs) {
        struct weir_value *kwargs;
        enum weir_status status = weir_format_pickle_pop(m, &kwargs);
        if (status != WEIR_OK)
            return status;
        if (kwargs->kind != WEIR_VALUE_DICT || kwargs->dict.n > 0)
            return weir_format_pickle_fail(m, WEIR_ERR_UNSUPPORTED,
                                           "opcode NEWOBJ_EX with arguments by name");
    }
    enum weir_status status = pop_call(m, &cls, &args);
    if (status != WEIR_OK)
        return status;
    enum weir_format_pickle_role role = weir_format_pickle_role_of(cls);
    if (role != WEIR_FORMAT_PICKLE_RECORD && role != WEIR_FORMAT_PICKLE_WRAPPER)
        return call_value(m, cls, args, &result);
    status = make_record(m, cls, args, false, &result);
    return status == WEIR_OK ? weir_format_pickle_push(m, result) : status;
}

/* --- states --- */

/* (dict or None, dict of slots): both are attributes. */
static bool is_with_slots(const struct weir_value *state)
{
    return state->kind == WEIR_VALUE_TUPLE && state->items.n == 2 &&
           (state->items.at[0]->kind == WEIR_VALUE_DICT ||
            weir_value_is_none(state->items.at[0])) &&
           state->items.at[1]->kind == WEIR_VALUE_DICT;
}

/* Attributes are looked up one by one, and many objects may share one state: a bound keeps that
 * from adding up. */
static enum weir_status check_attrs(struct weir_format_pickle_machine *m,
                                    const struct weir_value_object *object)
{
    if (object->attrs.n > ATTRS_MAX)
        return weir_format_pickle_fail(m, WEIR_ERR_LIMIT, "an object with %zu attributes",
                                       object->attrs.n);
    return WEIR_OK;
}

static enum weir_status set_state(struct weir_format_pickle_machine *m,
                                  struct weir_value_object *object, const struct weir_value *state)
{
    if (state->kind == WEIR_VALUE_DICT) {
        object->attrs = state->dict;
        return check_attrs(m, object);
    }
    if (!is_with_slots(state)) {
        object->state = state;
        return WEIR_OK;
    }
    const struct weir_value *own = state->items.at[0];
    struct weir_value_dict slots = state->items.at[1]->dict;
    size_t n_own = own->kind == WEIR_VALUE_DICT ? own->dict.n : 0;
    struct weir_value_pair *pairs =
        weir_arena_array(m->arena, weir_max_size(n_own + slots.n, 1), sizeof *pairs);
    if (!pairs)
        return weir_format_pickle_fail_memory(m);
    for (size_t i = 0; i < n_own; i++)
        pairs[i] = own->dict.at[i];
    for (size_t i = 0; i < slots.n; i++)
        pairs[n_own + i] = slots.at[i];
    object->attrs = (struct weir_value_dict){pairs, n_own + slots.n};
    return check_attrs(m, object);
}

static enum weir_status build_object(struct weir_format_pickle_machine *m, struct weir_value *v,
                                     const struct weir_value *state)
{
    if (v->flags & WEIR_FORMAT_PICKLE_BUILT)
        return corrupt(m, "a second state for one object");
    v->flags |= WEIR_FORMAT_PICKLE_BUILT;
    if (weir_format_pickle_role_of(v) == WEIR_FORMAT_PICKLE_RECONSTRUCT)
        return weir_format_numpy_array_build(m, v, state);
    enum weir_status status = weir_format_pickle_contain(m, v, state);
    if (status == WEIR_OK)
        status = set_state(m, v->object, state);
    if (status != WEIR_OK)
        return status;
    v->object->has_state = true;
    if (weir_format_pickle_role_of(v) != WEIR_FORMAT_PICKLE_WRAPPER)
        return WEIR_OK;
    /* The array takes the wrapper's place on the stack, but not in the memo: as joblib does. */
    struct weir_value *array = NULL;
    status = weir_format_joblib_array(m, v, &array);
    if (status == WEIR_OK)
        m->stack[m->n_stack - 1] = array;
    return status;
}

enum weir_status weir_format_pickle_build(struct weir_format_pickle_machine *m)
{
    struct weir_value *state, *v;
    enum weir_status status = weir_format_pickle_pop(m, &state);
    if (status == WEIR_OK)
        status = weir_format_pickle_top(m, &v);
    if (status != WEIR_OK)
        return status;
    if (v->kind == WEIR_VALUE_OBJECT)
        return build_object(m, v, state);
    if (v->kind == WEIR_VALUE_DTYPE)
        return weir_format_numpy_dtype_build(m, v, state);
    if (v->kind == WEIR_VALUE_ARRAY)
        return corrupt(m, "a second state for one array");
    return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "gives a %s a state",
                                   weir_value_kind_name(v->kind));
}
