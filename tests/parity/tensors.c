/* SPDX-License-Identifier: MIT */
/* Models that take and give named tensors: requests (in.K.NAME) and what the framework or ONNX
 * Runtime answers (out.K.NAME). A model that weir computes itself, from the same file, is asked by
 * the same names and must give the same bits. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool find_dtype(char type, enum weir_dtype *out)
{
    static const struct {
        char type;
        enum weir_dtype dtype;
    } rows[] = {{'d', WEIR_F64},  {'f', WEIR_F32}, {'e', WEIR_F16}, {'b', WEIR_I8},
                {'h', WEIR_I16},  {'i', WEIR_I32}, {'l', WEIR_I64}, {'B', WEIR_U8},
                {'H', WEIR_U16},  {'I', WEIR_U32}, {'L', WEIR_U64}, {'?', WEIR_BOOL},
                {'s', WEIR_BYTES}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].type == type) {
            *out = rows[i].dtype;
            return true;
        }
    }
    return false;
}

/* Makes a tensor of an array; texts are the caller's to free. */
static struct weir_tensor tensor_of(const struct ref_array *a, struct weir_text **texts)
{
    struct weir_tensor t = {.n_dims = a->n_dims, .data = a->bytes};
    *texts = NULL;
    if (!find_dtype(a->type, &t.dtype))
        exit(1);
    for (uint32_t d = 0; d < a->n_dims; d++)
        t.dims[d] = a->dim[d];
    if (t.dtype == WEIR_BYTES) {
        *texts = check_alloc(a->n + 1, sizeof **texts);
        for (size_t i = 0; i < a->n; i++)
            (*texts)[i] = (struct weir_text){a->text[i], strlen(a->text[i])};
        t.data = *texts;
    }
    return t;
}

/* Returns IEEE binary16 as a double. */
static double half_value(uint16_t h)
{
    int exponent = h >> 10 & 31;
    double f = (double)(h & 1023);
    double v = exponent == 0    ? ldexp(f, -24)
               : exponent == 31 ? (f > 0 ? (double)NAN : (double)INFINITY)
                                : ldexp(1024 + f, exponent - 25);
    return h & 0x8000 ? -v : v;
}

static double float_at(enum weir_dtype dtype, const void *data, size_t i)
{
    if (dtype == WEIR_F16)
        return half_value(((const uint16_t *)data)[i]);
    return dtype == WEIR_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

/* Returns the tolerance of the model. */
static double rel_of(const struct check *c)
{
    const struct ref_array *rel = ref_find(c->ref, "rel");
    return rel ? rel->f64[0] : 0.0;
}

/* Compares n floating-point values of one row. */
static bool same_floats(struct check *c, enum weir_dtype dtype, const void *got, const void *ref,
                        size_t n)
{
    double largest = 0.0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(float_at(dtype, ref, i)))
            largest = fmax(largest, fabs(float_at(dtype, ref, i)));
    double room = largest * rel_of(c);
    for (size_t i = 0; i < n; i++) {
        double a = float_at(dtype, got, i), b = float_at(dtype, ref, i);
        if ((isnan(a) && isnan(b)) || a == b)
            continue;
        double diff = fabs(a - b);
        c->measure->diff = fmax(c->measure->diff, diff);
        if (room > 0.0)
            c->measure->share = fmax(c->measure->share, diff / room);
        if (!(diff <= room))
            return false;
    }
    return true;
}

/* Compares n_rows rows of an output with rows first … of the reference's. */
static void compare(struct check *c, const char *name, const struct weir_tensor *got,
                    const struct ref_array *ref, size_t first, size_t n_rows)
{
    size_t rows = ref->n_dims > 0 && ref->dim[0] > 0 ? ref->dim[0] : 1;
    size_t per_row = ref->n / rows;
    enum weir_dtype dtype;
    bool is_all = n_rows == rows;
    if (!find_dtype(ref->type, &dtype) || got->dtype != dtype) {
        check_fail(c, "%s: has type %s, not '%c'", name, weir_dtype_name(got->dtype), ref->type);
        return;
    }
    if (weir_tensor_n_items(got) != n_rows * per_row) {
        check_fail(c, "%s: has %llu elements, not %zu", name,
                   (unsigned long long)weir_tensor_n_items(got), n_rows * per_row);
        return;
    }
    for (uint32_t d = is_all ? 0 : 1; d < ref->n_dims; d++)
        /* A recorded scalar has one dimension of one. */
        if (got->n_dims != 0 && (got->n_dims != ref->n_dims || got->dims[d] != ref->dim[d])) {
            check_fail(c, "%s: has another shape", name);
            return;
        }
    c->measure->n_values += n_rows * per_row;
    size_t item = dtype == WEIR_BYTES ? 0 : weir_dtype_size(dtype);
    for (size_t r = 0; r < n_rows; r++) {
        const char *a = (const char *)got->data + r * per_row * item;
        const char *b = (const char *)ref->bytes + (first + r) * per_row * item;
        bool ok = true;
        if (dtype == WEIR_BYTES)
            for (size_t i = 0; i < per_row; i++)
                ok = ok && strcmp(((const struct weir_text *)got->data)[r * per_row + i].at,
                                  ref->text[(first + r) * per_row + i]) == 0;
        else if (dtype == WEIR_F16 || dtype == WEIR_F32 || dtype == WEIR_F64)
            ok = same_floats(c, dtype, a, b, per_row);
        else
            ok = per_row == 0 || memcmp(a, b, per_row * item) == 0;
        if (!ok) {
            check_fail(c, "%s: row %zu differs", name, first + r);
            return;
        }
    }
}

/* --- models that take tensors --- */

/* Runs rows first … first + n − 1 (n 0: all) in blocks of `step` rows, and compares. */
static void run_and_compare(struct check *c, size_t k, const struct weir_tensor *inputs,
                            size_t first, size_t n, size_t step)
{
    const struct weir_tensors_spec *spec = c->spec->tensors;
    size_t n_blocks = n > 0 ? (n + step - 1) / step : 1;
    struct weir_tensor *blocks = check_alloc(spec->n_inputs * n_blocks, sizeof *blocks);
    for (size_t i = 0; i < spec->n_inputs; i++)
        for (size_t b = 0; b < n_blocks; b++) {
            struct weir_tensor t = inputs[i];
            if (n > 0) {
                size_t row = (size_t)(weir_tensor_n_items(&t) / t.dims[0]);
                size_t at = first + b * step;
                t.dims[0] = at + step <= first + n ? step : first + n - at;
                t.data = (const char *)t.data + at * row * weir_tensor_item_bytes(t.dtype);
            }
            blocks[i * n_blocks + b] = t;
        }
    struct weir_tensors_run run = {.n_blocks = n_blocks,
                                   .n_rows = n > 0 ? n : 1,
                                   .blocks = blocks,
                                   .wanted = (UINT64_C(2) << (spec->n_outputs - 1)) - 1};
    struct weir_error err = WEIR_ERROR_INIT;
    if (weir_model_run_tensors(c->model, &run, &err) != WEIR_OK) {
        check_fail(c, "request %zu: %s", k, err.msg);
        free(blocks);
        return;
    }
    for (size_t o = 0; o < spec->n_outputs && !c->has_failed; o++) {
        const struct ref_array *ref = ref_find(c->ref, "out.%zu.%s", k, spec->outputs[o].name);
        if (ref)
            compare(c, spec->outputs[o].name, &run.out[o], ref, first, n > 0 ? n : ref->dim[0]);
        else
            check_fail(c, "output %s has no reference", spec->outputs[o].name);
    }
    weir_model_release_tensors(c->model, &run);
    free(blocks);
}

static void check_request(struct check *c, size_t k)
{
    const struct weir_tensors_spec *spec = c->spec->tensors;
    struct weir_tensor *inputs = check_alloc(spec->n_inputs, sizeof *inputs);
    struct weir_text **texts = check_alloc(spec->n_inputs, sizeof *texts);
    for (size_t i = 0; i < spec->n_inputs && !c->has_failed; i++) {
        const struct ref_array *a = ref_find(c->ref, "in.%zu.%s", k, spec->inputs[i].name);
        struct weir_error err = WEIR_ERROR_INIT;
        struct weir_tensors_shape shape = {.n_dims = a ? a->n_dims : 0};
        if (!a) {
            check_fail(c, "input %s has no reference", spec->inputs[i].name);
            continue;
        }
        for (uint32_t d = 0; d < a->n_dims; d++)
            shape.dims[d] = a->dim[d];
        inputs[i] = tensor_of(a, &texts[i]);
        if (spec->inputs[i].n_dims == 0 && a->n == 1)
            inputs[i].n_dims = shape.n_dims = 0;
        if (inputs[i].dtype != spec->inputs[i].dtype ||
            weir_tensors_check_shape(spec, i, &shape, &err) != WEIR_OK)
            check_fail(c, "request %zu: input %s is refused: %s", k, spec->inputs[i].name, err.msg);
    }
    size_t n = spec->is_batched ? (size_t)inputs[0].dims[0] : 0;
    if (!c->has_failed)
        run_and_compare(c, k, inputs, 0, n, n > 0 ? n : 1);
    for (size_t step = 1; n > 1 && step <= 3 && !c->has_failed; step++) /* many blocks */
        run_and_compare(c, k, inputs, 0, n, step);
    for (size_t i = 0; i < n && i < 8 && !c->has_failed; i++) /* alone */
        run_and_compare(c, k, inputs, i, 1, 1);
    c->measure->n_rows += n > 0 ? n : 1;
    for (size_t i = 0; i < spec->n_inputs; i++)
        free(texts[i]);
    free(texts);
    free(inputs);
}

/* --- models that weir computes itself --- */

/* Compares an output of a run on rows with the graph's. */
static void compare_rows(struct check *c, const struct answers *a, enum weir_output o,
                         const struct ref_array *ref)
{
    const struct weir_spec_output *out = &c->spec->outputs[o];
    bool is_float = ref->type == 'f';
    if (ref->n != a->n_rows * out->n_columns) {
        check_fail(c, "%s: has %zu elements, not %zu", weir_output_name(o),
                   a->n_rows * out->n_columns, ref->n);
        return;
    }
    if ((out->is_vector ? 1 : 2) != (int)ref->n_dims)
        check_fail(c, "%s: has another number of dimensions", weir_output_name(o));
    c->measure->n_values += ref->n;
    double largest = 0.0;
    for (size_t i = 0; i < ref->n; i++)
        if (isfinite(ref_number(ref, i)))
            largest = fmax(largest, fabs(ref_number(ref, i)));
    for (size_t i = 0; i < ref->n && !c->has_failed; i++) {
        if (out->storage == WEIR_STORAGE_LABEL) {
            const struct weir_labels *l = &c->spec->targets[i % c->spec->n_targets];
            if (!check_label_is(l, ((const int32_t *)a->out[o])[i], ref, i))
                check_fail(c, "%s: row %zu has another label", weir_output_name(o), i);
            continue;
        }
        double got = ((const double *)a->out[o])[i];
        if (is_float && (double)(float)got != got && !isnan(got))
            check_fail(c, "%s: row %zu is no float", weir_output_name(o), i / out->n_columns);
        double want = ref_number(ref, i);
        double diff = fabs(got - want);
        if (got == want || (isnan(got) && isnan(want)))
            continue;
        c->measure->diff = fmax(c->measure->diff, diff);
        double room = rel_of(c) * largest;
        if (room > 0.0)
            c->measure->share = fmax(c->measure->share, diff / room);
        if (!(diff <= room))
            check_fail(c, "%s: row %zu: %.9g, not %.9g", weir_output_name(o), i / out->n_columns,
                       got, want);
    }
}

static void check_rows_request(struct check *c, size_t k)
{
    const struct ref_array *x =
        ref_find(c->ref, "in.%zu.%.*s", k, WEIR_STR_ARG(c->spec->input_name));
    if (!x || x->n_dims != 2 || x->dim[1] != c->spec->n_features) {
        check_fail(c, "request %zu: the input is not %.*s [n, %zu]", k,
                   WEIR_STR_ARG(c->spec->input_name), c->spec->n_features);
        return;
    }
    enum weir_dtype request = x->type == 'f' ? WEIR_F32 : WEIR_F64;
    double *wide = check_alloc(x->n, sizeof *wide);
    for (size_t i = 0; i < x->n; i++)
        wide[i] = ref_number(x, i);
    struct answers a = check_batch_new(c, wide, x->dim[0], request);
    check_batch_run(c, &a, a.n_rows);
    for (size_t row = 0; row < a.n_rows; row++)
        if (a.faults[row].kind != WEIR_FAULT_NONE)
            check_fail(c, "request %zu: row %zu is refused", k, row);
    size_t n_compared = 0;
    for (int o = 0; o < WEIR_OUTPUT_N && !c->has_failed; o++) {
        struct weir_str alias = c->spec->outputs[o].alias;
        const struct ref_array *ref =
            alias.n > 0 ? ref_find(c->ref, "out.%zu.%.*s", k, WEIR_STR_ARG(alias)) : NULL;
        if (ref)
            compare_rows(c, &a, (enum weir_output)o, ref);
        n_compared += ref != NULL;
    }
    if (n_compared == 0)
        check_fail(c, "request %zu: no output has the name of one of the graph's", k);
    c->measure->n_rows += a.n_rows;
    check_batch_free(&a);
    if (!c->has_failed && k == 0) {
        struct answers whole = check_batch_new(c, wide, x->dim[0], request);
        check_batch_run(c, &whole, whole.n_rows);
        check_reproducible(c, wide, request, &whole);
        check_batch_free(&whole);
    }
    free(wide);
}

bool check_tensors_has(const struct check *c)
{
    for (size_t i = 0; i < c->ref->n; i++)
        if (strncmp(c->ref->arrays[i].name, "in.0.", 5) == 0)
            return true;
    return false;
}

static bool has_request(const struct check *c, size_t k)
{
    char prefix[32];
    size_t n = (size_t)snprintf(prefix, sizeof prefix, "in.%zu.", k);
    for (size_t i = 0; i < c->ref->n; i++)
        if (strncmp(c->ref->arrays[i].name, prefix, n) == 0)
            return true;
    return false;
}

void check_tensors(struct check *c)
{
    bool is_tensors = c->spec->form == WEIR_INPUT_TENSORS;
    const struct ref_array *batched = ref_find(c->ref, "batched");
    const struct ref_array *native = ref_find(c->ref, "native");
    snprintf(c->measure->tolerance, sizeof c->measure->tolerance, "rel:%g%s", rel_of(c),
             is_tensors ? "" : " (own)");
    if (batched && is_tensors && (batched->b[0] != 0) != c->spec->tensors->is_batched)
        check_fail(c, "is %sbatched", c->spec->tensors->is_batched ? "" : "not ");
    if (native && (native->b[0] != 0) == is_tensors)
        check_fail(c, "is %scomputed by weir itself", is_tensors ? "not " : "");
    for (size_t k = 0; has_request(c, k) && !c->has_failed; k++) {
        if (is_tensors)
            check_request(c, k);
        else
            check_rows_request(c, k);
    }
}
