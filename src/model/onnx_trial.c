/* SPDX-License-Identifier: MIT */
/* Trials at load: what shapes the outputs have, and whether rows may be run together.
 *
 * A trial is a set of inputs for ROWS rows. It is run whole, as its first two rows, and row by row;
 * the answers of a row must agree. Rows have magnitudes of their own. The sizes of dimensions other
 * than the first that vary are tried from small to large until the model accepts one. */
#include "base/clock.h"
#include "base/macros.h"
#include "model/onnx_priv.h"

#include <math.h>

enum {
    ROWS = 3,
    SETS = 4,             /* trials of different random values */
    ITEMS_MAX = 16 << 20, /* elements of a trial's input */
    TEXTS_MAX = 16,
    NUMBERS_MAX = 16, /* of the model's own that are drawn from */
};

static const int64_t sizes[] = {4, 1, 16, 32, 64, 128, 224};
static const double tolerance = 1e-4;                  /* of the row's largest value */
static const uint64_t time_ns_max = 3 * WEIR_NS_PER_S; /* no new set after this */

/* A trial. */
struct trial {
    struct weir_model_onnx *m;
    const struct weir_model_onnx_opts *opts;
    struct weir_arena arena; /* of the inputs */
    uint64_t random;
    bool is_small; /* whole numbers are 0 and 1 only */
    int64_t size;  /* of the dimensions that vary */
    struct weir_tensor inputs[WEIR_TENSORS_MAX];
    struct weir_tensor rows[WEIR_TENSORS_MAX]; /* some of their rows */
};

static uint64_t draw(struct trial *t)
{
    t->random ^= t->random << 13; /* xorshift64, Marsaglia 2003 */
    t->random ^= t->random >> 7;
    t->random ^= t->random << 17;
    return t->random;
}

/* Draws from −1 to 1. */
static double draw_unit(struct trial *t)
{
    return (double)(draw(t) >> 11) * 0x1p-52 - 1;
}

static int64_t draw_whole(struct trial *t)
{
    size_t n = weir_min_size(t->opts->n_numbers, NUMBERS_MAX);
    if (n > 0)
        return t->opts->numbers[draw(t) % n];
    return (int64_t)(draw(t) % (t->is_small ? 2 : 8));
}

/* Writes one element; scale: the row's magnitude. */
static void put_item(struct trial *t, enum weir_dtype dtype, void *at, size_t i, double scale)
{
    static const struct weir_text empty = {"", 0};
    double number = draw_unit(t) * scale;
    int64_t whole = draw_whole(t);
    switch (dtype) {
    case WEIR_F32:
        ((float *)at)[i] = (float)number;
        break;
    case WEIR_F64:
        ((double *)at)[i] = number;
        break;
    case WEIR_F16: /* 2^−3 … 2^0, either sign */
        ((uint16_t *)at)[i] = (uint16_t)((draw(t) & 0x83ff) | (0x3000 + (draw(t) % 4 << 10)));
        break;
    case WEIR_BF16: {
        float narrow = (float)number;
        uint32_t bits;
        memcpy(&bits, &narrow, sizeof bits);
        ((uint16_t *)at)[i] = (uint16_t)(bits >> 16);
        break;
    }
    case WEIR_BOOL:
    case WEIR_U8:
    case WEIR_I8:
        ((uint8_t *)at)[i] = (uint8_t)(dtype == WEIR_BOOL ? whole & 1 : whole);
        break;
    case WEIR_U16:
    case WEIR_I16:
        ((uint16_t *)at)[i] = (uint16_t)whole;
        break;
    case WEIR_U32:
    case WEIR_I32:
        ((uint32_t *)at)[i] = (uint32_t)whole;
        break;
    case WEIR_U64:
    case WEIR_I64:
        ((int64_t *)at)[i] = whole;
        break;
    case WEIR_BYTES: {
        size_t n = weir_min_size(t->opts->n_texts, TEXTS_MAX);
        const struct weir_str *text = n > 0 ? &t->opts->texts[draw(t) % n] : NULL;
        ((struct weir_text *)at)[i] = text ? (struct weir_text){text->at, text->n} : empty;
        break;
    }
    }
}

/* Makes the inputs of n_rows rows where the first dimension varies. false: too large, no memory. */
static bool fill(struct trial *t, uint64_t n_rows)
{
    static const double scales[ROWS] = {1, 0.03, 30};
    weir_arena_reset(&t->arena);
    for (size_t i = 0; i < t->m->spec.n_inputs; i++) {
        const struct weir_tensor_info *info = &t->m->spec.inputs[i];
        struct weir_tensor *x = &t->inputs[i];
        *x = (struct weir_tensor){.dtype = info->dtype,
                                  .n_dims = info->n_dims < 0 ? 1 : (uint32_t)info->n_dims};
        for (uint32_t d = 0; d < x->n_dims; d++) {
            bool varies = info->n_dims < 0 || info->dims[d] < 0;
            uint64_t size = d == 0 ? n_rows : (uint64_t)t->size;
            x->dims[d] = varies ? size : (uint64_t)info->dims[d];
        }
        uint64_t n = weir_tensor_n_items(x);
        if (n > ITEMS_MAX)
            return false;
        void *data = weir_arena_array(&t->arena, weir_max_size((size_t)n, 1),
                                      weir_tensor_item_bytes(x->dtype));
        if (!data)
            return false;
        size_t per_row = x->n_dims > 0 && x->dims[0] > 0 ? (size_t)(n / x->dims[0]) : 1;
        for (size_t k = 0; k < n; k++)
            put_item(t, x->dtype, data, k, scales[k / weir_max_size(per_row, 1) % ROWS]);
        x->data = data;
    }
    return true;
}

/* Runs rows first … first + n − 1 (all inputs as they are where n is 0). */
static enum weir_status run_rows(struct trial *t, uint64_t first, uint64_t n,
                                 struct weir_tensors_run *run)
{
    for (size_t i = 0; i < t->m->spec.n_inputs; i++) {
        struct weir_tensor x = t->inputs[i];
        if (n > 0) {
            size_t per_row = (size_t)(weir_tensor_n_items(&x) / x.dims[0]);
            x.data = (const char *)x.data + first * per_row * weir_tensor_item_bytes(x.dtype);
            x.dims[0] = n;
        }
        t->rows[i] = x;
    }
    uint64_t all =
        t->m->spec.n_outputs == 64 ? UINT64_MAX : (UINT64_C(1) << t->m->spec.n_outputs) - 1;
    *run = (struct weir_tensors_run){
        .n_blocks = 1, .n_rows = n > 0 ? (size_t)n : 1, .blocks = t->rows, .wanted = all};
    return weir_model_onnx_run(t->m, run, NULL);
}

/* --- comparing --- */

static double f16_value(uint16_t h)
{
    int exponent = h >> 10 & 31;
    double fraction = (double)(h & 1023);
    double v = exponent == 0    ? ldexp(fraction, -24)
               : exponent == 31 ? (fraction > 0 ? (double)NAN : (double)INFINITY)
                                : ldexp(1024 + fraction, exponent - 25);
    return h & 0x8000 ? -v : v;
}

/* A floating-point element as a double. */
static double number_at(const struct weir_tensor *x, size_t i)
{
    if (x->dtype == WEIR_F32)
        return (double)((const float *)x->data)[i];
    if (x->dtype == WEIR_F64)
        return ((const double *)x->data)[i];
    uint16_t bits = ((const uint16_t *)x->data)[i];
    if (x->dtype == WEIR_F16)
        return f16_value(bits);
    uint32_t wide = (uint32_t)bits << 16;
    float v;
    memcpy(&v, &wide, sizeof v);
    return (double)v;
}

static bool same_number(double a, double b, double room)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b);
    /* Not a >= comparison: infinities are only equal to themselves. */
    return a == b || fabs(a - b) <= room;
}

/* Finds whether row j of all is row k of part. */
static bool same_row(const struct weir_tensor *all, size_t j, const struct weir_tensor *part,
                     size_t k)
{
    size_t n = (size_t)(weir_tensor_n_items(all) / all->dims[0]);
    size_t item = weir_tensor_item_bytes(all->dtype);
    if (all->dtype == WEIR_BYTES) {
        const struct weir_text *a = (const struct weir_text *)all->data + j * n;
        const struct weir_text *b = (const struct weir_text *)part->data + k * n;
        for (size_t i = 0; i < n; i++)
            if (!weir_str_eq(weir_str_make(a[i].at, a[i].n), weir_str_make(b[i].at, b[i].n)))
                return false;
        return true;
    }
    bool is_float = all->dtype == WEIR_F32 || all->dtype == WEIR_F64 || all->dtype == WEIR_F16 ||
                    all->dtype == WEIR_BF16;
    if (!is_float)
        return n == 0 || memcmp((const char *)all->data + j * n * item,
                                (const char *)part->data + k * n * item, n * item) == 0;
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(number_at(all, j * n + i)))
            largest = fmax(largest, fabs(number_at(all, j * n + i)));
    double room = largest * (item == 2 ? 0.02 : tolerance);
    for (size_t i = 0; i < n; i++)
        if (!same_number(number_at(all, j * n + i), number_at(part, k * n + i), room))
            return false;
    return true;
}

/* Finds whether outputs of n rows have n rows, and as many dimensions and the same others as all.
 */
static bool has_rows(const struct weir_tensor *all, const struct weir_tensor *part, uint64_t n)
{
    if (part->n_dims == 0 || part->n_dims != all->n_dims || part->dims[0] != n)
        return false;
    for (uint32_t d = 1; d < part->n_dims; d++)
        if (part->dims[d] != all->dims[d])
            return false;
    return true;
}

/* Finds whether rows first … first + n − 1 give the same answers by themselves. */
static bool agrees(struct trial *t, const struct weir_tensors_run *all, uint64_t first, uint64_t n)
{
    struct weir_tensors_run part;
    if (run_rows(t, first, n, &part) != WEIR_OK)
        return false;
    bool ok = true;
    for (size_t o = 0; o < t->m->spec.n_outputs && ok; o++) {
        ok = has_rows(&all->out[o], &part.out[o], n) && all->out[o].dims[0] == ROWS;
        for (size_t k = 0; k < n && ok; k++)
            ok = same_row(&all->out[o], (size_t)first + k, &part.out[o], k);
    }
    weir_model_onnx_run_release(t->m, &part);
    return ok;
}

/* Finds whether the rows of one set of inputs agree. */
static bool set_agrees(struct trial *t)
{
    struct weir_tensors_run all;
    if (!fill(t, ROWS) || run_rows(t, 0, ROWS, &all) != WEIR_OK)
        return false;
    bool ok = agrees(t, &all, 0, 2);
    for (uint64_t i = 0; i < ROWS && ok; i++)
        ok = agrees(t, &all, i, 1);
    weir_model_onnx_run_release(t->m, &all);
    return ok;
}

/* --- the trials --- */

static bool all_vary_first(const struct weir_tensors_spec *spec)
{
    for (size_t i = 0; i < spec->n_inputs; i++)
        if (spec->inputs[i].n_dims < 1 || spec->inputs[i].dims[0] >= 0)
            return false;
    return true;
}

/* Corrects what is said of the outputs by what one run gave. */
static void correct(struct weir_tensor_info *outputs, const struct weir_tensors_spec *spec,
                    const struct weir_tensors_run *run)
{
    for (size_t o = 0; o < spec->n_outputs; o++) {
        const struct weir_tensor *got = &run->out[o];
        struct weir_tensor_info *info = &outputs[o];
        if (info->n_dims < 0 && got->n_dims == 0) { /* a scalar, not an unknown shape */
            info->n_dims = 0;
        } else if (info->n_dims < 0) {
            info->n_dims = (int32_t)got->n_dims;
            for (uint32_t d = 0; d < got->n_dims; d++)
                info->dims[d] = -1;
        } else if ((uint32_t)info->n_dims != got->n_dims) {
            info->n_dims = -1;
        }
        for (uint32_t d = 0; info->n_dims > 0 && d < got->n_dims; d++)
            if (info->dims[d] >= 0 && (uint64_t)info->dims[d] != got->dims[d])
                info->dims[d] = -1;
    }
}

/* Finds sizes that the model accepts for one row; fills inputs. */
static bool find_size(struct trial *t, struct weir_tensors_run *run)
{
    for (size_t k = 0; k < 2; k++) {
        t->is_small = k == 1;
        for (size_t i = 0; i < WEIR_ARRAY_LEN(sizes); i++) {
            t->size = sizes[i];
            if (fill(t, 1) && run_rows(t, 0, 0, run) == WEIR_OK)
                return true;
        }
    }
    return false;
}

static bool is_late(const struct trial *t, uint64_t began_ns)
{
    uint64_t now = weir_clock_ns();
    return now - began_ns > time_ns_max || (t->opts->deadline_ns && now >= t->opts->deadline_ns);
}

void weir_model_onnx_trial(struct weir_model_onnx *m, struct weir_tensor_info *outputs,
                           const struct weir_model_onnx_opts *opts)
{
    for (size_t o = 0; o < m->spec.n_outputs; o++)
        if (outputs[o].n_dims > WEIR_TENSOR_DIMS_MAX)
            return;
    for (size_t i = 0; i < m->spec.n_inputs; i++)
        if (m->spec.inputs[i].n_dims > WEIR_TENSOR_DIMS_MAX)
            return;
    struct trial t = {.m = m, .opts = opts, .random = UINT64_C(0x9e3779b97f4a7c15)};
    weir_arena_init(&t.arena, NULL, UINT64_C(1) << 30);
    uint64_t began = weir_clock_ns();
    struct weir_tensors_run run;
    if (find_size(&t, &run)) {
        correct(outputs, &m->spec, &run);
        weir_model_onnx_run_release(m, &run);
        bool ok = all_vary_first(&m->spec);
        for (size_t i = 0; i < SETS && ok && (i == 0 || !is_late(&t, began)); i++)
            ok = set_agrees(&t);
        m->spec.is_batched = ok;
        for (size_t o = 0; o < m->spec.n_outputs && ok; o++)
            outputs[o].dims[0] = -1;
    }
    weir_arena_deinit(&t.arena);
}
