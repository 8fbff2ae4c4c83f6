/* SPDX-License-Identifier: MIT */
/* joblib's NumpyArrayWrapper: its state holds subclass, shape, order, dtype, allow_mmap and, since
 * 1.2, numpy_array_alignment_bytes. With the last one a byte k comes first, then k bytes of
 * padding. Then come the elements, or for objects a nested pickle. */
#include "format/joblib.h"

#include "format/numpy.h"

static enum weir_status corrupt(struct weir_format_pickle_machine *m, const char *what)
{
    return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "%s", what);
}

/* Reads the pickle that holds an array of objects; it ends before the stream goes on. */
static enum weir_status read_nested(struct weir_format_pickle_machine *m, struct weir_value **out)
{
    if (m->is_nested)
        return corrupt(m, "a nested pickle holds another one");
    WEIR_CLEANUP(weir_format_pickle_machine_deinit)
    struct weir_format_pickle_machine nested = {
        .begin = m->begin,
        .at = m->at,
        .op = m->at,
        .end = m->end,
        .opts = m->opts,
        .arena = m->arena,
        .err = m->err,
        .n_nodes = m->n_nodes,
        .is_nested = true,
    };
    enum weir_status status = weir_format_pickle_run(&nested);
    if (status != WEIR_OK)
        return status;
    m->at = nested.at;
    m->n_nodes = nested.n_nodes;
    m->n_ops += nested.n_ops;
    struct weir_value *v = nested.stack[0];
    if (v->kind != WEIR_VALUE_ARRAY)
        return corrupt(m, "a nested pickle holds no array");
    *out = v;
    return WEIR_OK;
}

static enum weir_status skip_padding(struct weir_format_pickle_machine *m,
                                     const struct weir_value *wrapper)
{
    const struct weir_value *alignment = weir_value_find(wrapper, "numpy_array_alignment_bytes");
    if (!alignment || weir_value_is_none(alignment))
        return WEIR_OK;
    struct weir_str n, padding;
    enum weir_status status = weir_format_pickle_bytes(m, 1, &n);
    return status == WEIR_OK ? weir_format_pickle_bytes(m, (unsigned char)n.at[0], &padding)
                             : status;
}

static enum weir_status read_elements(struct weir_format_pickle_machine *m,
                                      struct weir_value_array *array)
{
    size_t n_bytes;
    struct weir_str data;
    if (!weir_size_mul(array->n, array->dtype->itemsize, &n_bytes))
        return corrupt(m, "an array has more bytes than memory");
    enum weir_status status = weir_format_pickle_bytes(m, n_bytes, &data);
    if (status == WEIR_OK)
        array->data = data.at;
    return status;
}

enum weir_status weir_format_joblib_array(struct weir_format_pickle_machine *m,
                                          const struct weir_value *wrapper, struct weir_value **out)
{
    const struct weir_value *subclass = weir_value_find(wrapper, "subclass");
    const struct weir_value *shape = weir_value_find(wrapper, "shape");
    const struct weir_value *order = weir_value_find(wrapper, "order");
    const struct weir_value *dtype = weir_value_find(wrapper, "dtype");
    if (!subclass || !shape || !order || !dtype)
        return corrupt(m, "an array of joblib's has no subclass, shape, order or dtype");
    if (subclass->kind != WEIR_VALUE_GLOBAL ||
        weir_format_pickle_role_of(subclass) != WEIR_FORMAT_PICKLE_NDARRAY)
        return corrupt(m, "an array of joblib's is of an unknown class");
    bool is_fortran = weir_value_is_text(order, "F");
    if (!is_fortran && !weir_value_is_text(order, "C"))
        return corrupt(m, "an array of joblib's has an unknown order");
    if (dtype->kind != WEIR_VALUE_DTYPE)
        return corrupt(m, "an array of joblib's has no element type");
    if (m->frame_end)
        return corrupt(m, "an array of joblib's begins inside a frame");
    m->is_joblib = true;
    if (dtype->element->kind == 'O')
        return read_nested(m, out);
    const struct weir_format_numpy_layout layout = {.shape = shape, .is_fortran = is_fortran};
    struct weir_value_array *array = NULL;
    enum weir_status status =
        weir_format_numpy_layout_array(m, (struct weir_value *)(uintptr_t)dtype, &layout, &array);
    if (status == WEIR_OK)
        status = skip_padding(m, wrapper);
    if (status == WEIR_OK)
        status = read_elements(m, array);
    if (status != WEIR_OK)
        return status;
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_ARRAY);
    if (!v)
        return weir_format_pickle_fail_memory(m);
    v->array = array;
    *out = v;
    return WEIR_OK;
}
