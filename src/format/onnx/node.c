/* SPDX-License-Identifier: MIT */
/* Repeated fields are counted in one walk and filled in a second: nothing grows, and tree ensembles
 * with millions of values in an attribute cost one array. */
#include "format/onnx/node.h"

#include "base/macros.h"
#include "format/onnx/proto.h"

enum { /* AttributeProto's fields */
       ATTR_NAME = 1,
       ATTR_F = 2,
       ATTR_I = 3,
       ATTR_S = 4,
       ATTR_T = 5,
       ATTR_G = 6,
       ATTR_FLOATS = 7,
       ATTR_INTS = 8,
       ATTR_STRINGS = 9,
       ATTR_TYPE = 20,
};

enum { /* NodeProto's fields */
       NODE_INPUT = 1,
       NODE_OUTPUT = 2,
       NODE_NAME = 3,
       NODE_OP = 4,
       NODE_ATTR = 5,
       NODE_DOMAIN = 7,
};

static enum weir_status no_memory(struct weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_LIMIT, "no memory for what the file says");
}

/* The values that a field of floats or integers holds: one, or several packed. */
static size_t count_values(const struct weir_format_onnx_field *f)
{
    if (f->wire != WEIR_FORMAT_ONNX_WIRE_BYTES)
        return 1;
    if (f->number == ATTR_FLOATS)
        return f->bytes.n / 4;
    size_t n = 0; /* a varint ends with the byte that has no top bit */
    for (size_t i = 0; i < f->bytes.n; i++)
        n += !((unsigned char)f->bytes.at[i] & 0x80);
    return n;
}

static bool fill_floats(const struct weir_format_onnx_field *f, float *out)
{
    if (f->wire != WEIR_FORMAT_ONNX_WIRE_BYTES) {
        *out = weir_format_onnx_proto_float(f->value);
        return f->wire == WEIR_FORMAT_ONNX_WIRE_4;
    }
    for (size_t i = 0; i < f->bytes.n / 4; i++) {
        uint64_t bits = 0;
        for (size_t k = 0; k < 4; k++)
            bits |= (uint64_t)(unsigned char)f->bytes.at[4 * i + k] << (8 * k);
        out[i] = weir_format_onnx_proto_float(bits);
    }
    return f->bytes.n % 4 == 0;
}

static bool fill_ints(const struct weir_format_onnx_field *f, int64_t *out)
{
    struct weir_str rest = f->bytes;
    if (f->wire != WEIR_FORMAT_ONNX_WIRE_BYTES) {
        *out = (int64_t)f->value;
        return f->wire == WEIR_FORMAT_ONNX_WIRE_VARINT;
    }
    for (uint64_t value; rest.n > 0; *out++ = (int64_t)value)
        if (!weir_format_onnx_proto_varint(&rest, &value))
            return false;
    return true;
}

/* How many values of each list an attribute has. */
struct counts {
    size_t floats, ints, strings;
};

static bool count_lists(struct weir_str bytes, struct counts *out)
{
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(bytes);
    struct weir_format_onnx_field f;
    while (weir_format_onnx_proto_next(&p, &f)) {
        if (f.number == ATTR_FLOATS)
            out->floats += count_values(&f);
        else if (f.number == ATTR_INTS)
            out->ints += count_values(&f);
        else if (f.number == ATTR_STRINGS)
            out->strings++;
    }
    return !p.is_bad;
}

/* The kind of an attribute that says its type, or (before IR version 2) of what it holds. */
static enum weir_format_onnx_attr_kind kind_of(uint64_t type, const struct counts *counts)
{
    static const enum weir_format_onnx_attr_kind kinds[] = {
        [1] = WEIR_FORMAT_ONNX_ATTR_FLOAT,   [2] = WEIR_FORMAT_ONNX_ATTR_INT,
        [3] = WEIR_FORMAT_ONNX_ATTR_STRING,  [4] = WEIR_FORMAT_ONNX_ATTR_TENSOR,
        [6] = WEIR_FORMAT_ONNX_ATTR_FLOATS,  [7] = WEIR_FORMAT_ONNX_ATTR_INTS,
        [8] = WEIR_FORMAT_ONNX_ATTR_STRINGS,
    };
    if (type != 0)
        return type < WEIR_ARRAY_LEN(kinds) ? kinds[type] : WEIR_FORMAT_ONNX_ATTR_OTHER;
    if (counts->floats > 0)
        return WEIR_FORMAT_ONNX_ATTR_FLOATS;
    if (counts->ints > 0)
        return WEIR_FORMAT_ONNX_ATTR_INTS;
    return counts->strings > 0 ? WEIR_FORMAT_ONNX_ATTR_STRINGS : WEIR_FORMAT_ONNX_ATTR_OTHER;
}

/* Where the next value of each list goes. */
struct lists {
    float *floats;
    int64_t *ints;
    struct weir_str *strings;
};

/* Takes one field of an attribute. */
static enum weir_status take_attr_field(struct weir_format_onnx_attr *a,
                                        const struct weir_format_onnx_field *f, struct lists *at,
                                        uint64_t *type, struct weir_arena *arena,
                                        struct weir_error *err)
{
    bool ok = true;
    switch (f->number) {
    case ATTR_NAME:
        a->name = f->bytes;
        break;
    case ATTR_F:
        a->f = weir_format_onnx_proto_float(f->value);
        break;
    case ATTR_I:
        a->i = (int64_t)f->value;
        break;
    case ATTR_S:
        a->s = f->bytes;
        break;
    case ATTR_TYPE:
        *type = f->value;
        break;
    case ATTR_T:
        a->tensor = weir_arena_zalloc(arena, sizeof *a->tensor);
        return a->tensor ? weir_format_onnx_tensor_parse(a->tensor, f->bytes, arena, err)
                         : no_memory(err);
    case ATTR_FLOATS:
        ok = fill_floats(f, at->floats);
        at->floats += count_values(f);
        break;
    case ATTR_INTS:
        ok = fill_ints(f, at->ints);
        at->ints += count_values(f);
        break;
    case ATTR_STRINGS:
        *at->strings++ = f->bytes;
        break;
    default:
        break;
    }
    return ok ? WEIR_OK : weir_error_set(err, WEIR_ERR_CORRUPT, "an attribute's values are cut");
}

static enum weir_status parse_attr(struct weir_format_onnx_attr *out, struct weir_str bytes,
                                   struct weir_arena *arena, struct weir_error *err)
{
    struct counts n = {0, 0, 0};
    if (!count_lists(bytes, &n))
        return weir_error_set(err, WEIR_ERR_CORRUPT, "an attribute is cut");
    struct lists at = {
        .floats = weir_arena_zarray(arena, n.floats + 1, sizeof *at.floats),
        .ints = weir_arena_zarray(arena, n.ints + 1, sizeof *at.ints),
        .strings = weir_arena_zarray(arena, n.strings + 1, sizeof *at.strings),
    };
    if (!at.floats || !at.ints || !at.strings)
        return no_memory(err);
    struct weir_format_onnx_attr a = {.floats = at.floats, .ints = at.ints, .strings = at.strings};
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(bytes);
    struct weir_format_onnx_field f;
    uint64_t type = 0;
    while (weir_format_onnx_proto_next(&p, &f)) {
        enum weir_status status = take_attr_field(&a, &f, &at, &type, arena, err);
        if (status != WEIR_OK)
            return status;
    }
    a.kind = kind_of(type, &n);
    if (a.kind == WEIR_FORMAT_ONNX_ATTR_TENSOR && !a.tensor)
        a.kind = WEIR_FORMAT_ONNX_ATTR_OTHER;
    a.n = a.kind == WEIR_FORMAT_ONNX_ATTR_FLOATS    ? n.floats
          : a.kind == WEIR_FORMAT_ONNX_ATTR_INTS    ? n.ints
          : a.kind == WEIR_FORMAT_ONNX_ATTR_STRINGS ? n.strings
                                                    : 0;
    *out = a;
    return WEIR_OK;
}

static bool count_fields(struct weir_str bytes, struct weir_format_onnx_node *out)
{
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(bytes);
    struct weir_format_onnx_field f;
    while (weir_format_onnx_proto_next(&p, &f)) {
        out->n_inputs += f.number == NODE_INPUT;
        out->n_outputs += f.number == NODE_OUTPUT;
        out->n_attrs += f.number == NODE_ATTR;
    }
    return !p.is_bad;
}

enum weir_status weir_format_onnx_node_parse(struct weir_format_onnx_node *out,
                                             struct weir_str bytes, struct weir_arena *arena,
                                             struct weir_error *err)
{
    struct weir_format_onnx_node node = {.whole = out->whole};
    if (!count_fields(bytes, &node))
        return weir_error_set(err, WEIR_ERR_CORRUPT, "a node is cut");
    struct weir_str *inputs = weir_arena_zarray(arena, node.n_inputs + 1, sizeof *inputs);
    struct weir_str *outputs = weir_arena_zarray(arena, node.n_outputs + 1, sizeof *outputs);
    struct weir_format_onnx_attr *attrs = weir_arena_zarray(arena, node.n_attrs + 1, sizeof *attrs);
    if (!inputs || !outputs || !attrs)
        return no_memory(err);
    node.inputs = inputs;
    node.outputs = outputs;
    node.attrs = attrs;
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(bytes);
    struct weir_format_onnx_field f;
    while (weir_format_onnx_proto_next(&p, &f)) {
        enum weir_status status = WEIR_OK;
        if (f.number == NODE_INPUT)
            *inputs++ = f.bytes;
        else if (f.number == NODE_OUTPUT)
            *outputs++ = f.bytes;
        else if (f.number == NODE_NAME)
            node.name = f.bytes;
        else if (f.number == NODE_OP)
            node.op = f.bytes;
        else if (f.number == NODE_DOMAIN)
            node.domain = f.bytes;
        else if (f.number == NODE_ATTR)
            status = parse_attr(attrs++, f.bytes, arena, err);
        if (status != WEIR_OK)
            return status;
    }
    *out = node;
    return WEIR_OK;
}

bool weir_format_onnx_node_is(const struct weir_format_onnx_node *node, const char *domain,
                              const char *op)
{
    if (!weir_str_eq_c(node->op, op))
        return false;
    bool is_default = node->domain.n == 0 || weir_str_eq_c(node->domain, "ai.onnx");
    return *domain ? weir_str_eq_c(node->domain, domain) : is_default;
}

const struct weir_format_onnx_attr *
weir_format_onnx_node_attr(const struct weir_format_onnx_node *node, const char *name)
{
    for (size_t i = 0; i < node->n_attrs; i++)
        if (weir_str_eq_c(node->attrs[i].name, name))
            return &node->attrs[i];
    return NULL;
}

int64_t weir_format_onnx_node_int(const struct weir_format_onnx_node *node, const char *name,
                                  int64_t missing)
{
    const struct weir_format_onnx_attr *a = weir_format_onnx_node_attr(node, name);
    return a && a->kind == WEIR_FORMAT_ONNX_ATTR_INT ? a->i : missing;
}

struct weir_str weir_format_onnx_node_text(const struct weir_format_onnx_node *node,
                                           const char *name, const char *missing)
{
    const struct weir_format_onnx_attr *a = weir_format_onnx_node_attr(node, name);
    return a && a->kind == WEIR_FORMAT_ONNX_ATTR_STRING ? a->s : weir_str_c(missing);
}
