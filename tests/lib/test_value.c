/* SPDX-License-Identifier: MIT */
#include "test_value.h"

#include "format/value_priv.h"

enum { DEPTH_MAX = 64 };

static void dump(struct weir_buf *out, const struct weir_value *v, unsigned depth);

static void dump_hex(struct weir_buf *out, const char *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        weir_buf_printf(out, "%02x", (unsigned char)at[i]);
}

static void dump_items(struct weir_buf *out, struct weir_value_items items, unsigned depth)
{
    for (size_t i = 0; i < items.n; i++) {
        dump(out, items.at[i], depth);
        weir_buf_append_byte(out, ' ');
    }
}

static void dump_pairs(struct weir_buf *out, struct weir_value_dict dict, unsigned depth)
{
    for (size_t i = 0; i < dict.n; i++) {
        dump(out, dict.at[i].key, depth);
        weir_buf_append_c(out, "=");
        dump(out, dict.at[i].value, depth);
        weir_buf_append_byte(out, '\n');
    }
}

static void dump_dtype(struct weir_buf *out, const struct weir_value_dtype *dtype)
{
    if (!dtype) {
        weir_buf_append_c(out, "?");
        return;
    }
    weir_buf_printf(out, "%c%u%s", dtype->kind, dtype->itemsize, dtype->is_big_endian ? ">" : "");
    for (uint32_t i = 0; i < dtype->n_fields; i++) {
        weir_buf_printf(out, ",%.*s@%zu:", WEIR_STR_ARG(dtype->fields[i].name),
                        dtype->fields[i].offset);
        dump_dtype(out, dtype->fields[i].dtype);
    }
}

static void dump_array(struct weir_buf *out, const struct weir_value_array *array, unsigned depth)
{
    weir_buf_append_c(out, "array ");
    dump_dtype(out, array->dtype);
    for (uint32_t d = 0; d < array->n_dims; d++)
        weir_buf_printf(out, " %zu", array->shape[d]);
    weir_buf_append_byte(out, ':');
    struct weir_value_cursor cursor;
    if (array->n > 0)
        weir_value_cursor_init(&cursor, array);
    for (size_t i = 0; i < array->n; i++) {
        weir_buf_append_byte(out, ' ');
        if (array->objects)
            dump(out, array->objects[i], depth);
        else
            dump_hex(out, array->data + cursor.offset * array->dtype->itemsize,
                     array->dtype->itemsize);
        weir_value_cursor_next(&cursor);
    }
}

static void dump_object(struct weir_buf *out, const struct weir_value_object *object,
                        unsigned depth)
{
    weir_buf_printf(out, "%.*s%s(", WEIR_STR_ARG(object->name), object->is_called ? "!" : "");
    dump_items(out, object->args, depth);
    weir_buf_append_c(out, "){\n");
    dump_pairs(out, object->attrs, depth);
    if (object->state)
        dump(out, object->state, depth);
    dump_items(out, object->items, depth);
    dump_pairs(out, object->pairs, depth);
    weir_buf_append_c(out, "}");
}

static void dump(struct weir_buf *out, const struct weir_value *v, unsigned depth)
{
    if (depth >= DEPTH_MAX) {
        weir_buf_append_c(out, "...");
        return;
    }
    if (v->kind != WEIR_VALUE_DTYPE && v->dtype) {
        dump_dtype(out, v->dtype);
        weir_buf_append_byte(out, ':');
    }
    switch (v->kind) {
    case WEIR_VALUE_NONE:
        weir_buf_append_c(out, "None");
        break;
    case WEIR_VALUE_BOOL:
        weir_buf_append_c(out, v->b ? "True" : "False");
        break;
    case WEIR_VALUE_I64:
        weir_buf_append_i64(out, v->i64);
        break;
    case WEIR_VALUE_F64:
        weir_buf_printf(out, "%a", v->f64);
        break;
    case WEIR_VALUE_TEXT:
        weir_buf_printf(out, "'%.*s'", WEIR_STR_ARG(v->text));
        break;
    case WEIR_VALUE_GLOBAL:
        weir_buf_printf(out, "<%.*s>", WEIR_STR_ARG(v->text));
        break;
    case WEIR_VALUE_BIGINT:
    case WEIR_VALUE_BYTES:
        weir_buf_append_c(out, v->kind == WEIR_VALUE_BYTES ? "b'" : "int'");
        dump_hex(out, v->text.at, v->text.n);
        break;
    case WEIR_VALUE_LIST:
    case WEIR_VALUE_TUPLE:
    case WEIR_VALUE_SET:
        weir_buf_printf(out, "%s[", weir_value_kind_name(v->kind));
        dump_items(out, v->items, depth + 1);
        weir_buf_append_byte(out, ']');
        break;
    case WEIR_VALUE_DICT:
        weir_buf_append_c(out, "dict{");
        dump_pairs(out, v->dict, depth + 1);
        weir_buf_append_byte(out, '}');
        break;
    case WEIR_VALUE_OBJECT:
        dump_object(out, v->object, depth + 1);
        break;
    case WEIR_VALUE_ARRAY:
        dump_array(out, v->array, depth + 1);
        break;
    case WEIR_VALUE_DTYPE:
        weir_buf_append_c(out, "dtype ");
        dump_dtype(out, v->element);
        break;
    }
}

void test_value_dump(struct weir_buf *out, const struct weir_value *v)
{
    dump(out, v, 0);
}
