/* SPDX-License-Identifier: MIT */
/* Compares weir with the recorded answers of the real library.
 *
 * usage: parity DIR…    each with NAME.pkl or NAME.joblib beside NAME.ref
 *
 * For each model: the spec says what the library says (version, column names, labels); every output
 * of every row, for float64 and float32 rows, within the tolerance of its family; rows that the
 * library refuses are refused, and no others; and each row has the same bits alone, in every
 * position of a block, among rows that are refused, and in blocks of several sizes.
 *
 * Tolerances (design: what "equal" means), in allowed():
 *   labels, trees, forests, scalers  bit for bit
 *   linear scores                    |a − b| <= 1e-12 (|b| + Σ|x w|): the library's own bits change
 *                                    with its batch size; in float32 n · 2^-24 of the same sum
 *   what passes exp                  2 ulp above what that leaves after p (1 − p)
 *
 * Prints TAP: one line for each folder and family, and a table of the largest differences. */
#include "model/model.h"
#include "ref.h"
#include <weir/format.h>

#include <dirent.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 1024, FAMILIES_MAX = 256, MODELS_MAX = 4096, SPLITS = 5 };

/* What was measured for one folder and family. */
struct family {
    char folder[64];
    char name[32];
    size_t n_models;
    size_t n_values;
    size_t n_failed;
    double diff[2];  /* largest |a − b| of float64 and of float32 answers */
    double share[2]; /* largest |a − b| ÷ what is allowed, likewise; 0 where both are 0 */
};

static struct family families[FAMILIES_MAX];
static size_t n_families;

/* The model at hand. */
struct check {
    const char *path;
    struct weir_model *model;
    const struct weir_spec *spec;
    const struct ref *ref;
    struct family *family;
    bool has_failed;
};

static void __attribute__((format(printf, 2, 3))) fail(struct check *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    printf("# %s: ", c->path);
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
    c->has_failed = true;
}

static void *alloc(size_t n, size_t size)
{
    void *p = aligned_alloc(64, (n * size + 127) & ~(size_t)63);
    if (!p)
        exit(1);
    return p;
}

/* --- running --- */

/* Rows and what a run made of them. */
struct answers {
    size_t n_rows;
    enum weir_dtype dtype; /* of the batch */
    void *x;               /* n_rows × n_features of dtype */
    void *out[WEIR_OUTPUT_N];
    struct weir_row_fault *faults;
};

static size_t value_bytes(const struct weir_spec *spec, size_t o)
{
    return spec->outputs[o].storage == WEIR_STORAGE_LABEL ? sizeof(int32_t) : sizeof(double);
}

/* Makes a batch of doubles that a request in `request` type would make. */
static struct answers batch_new(const struct check *c, const double *x, size_t n_rows,
                                enum weir_dtype request)
{
    struct answers a = {.n_rows = n_rows, .dtype = weir_spec_batch_dtype(c->spec, request)};
    size_t n = n_rows * c->spec->n_features;
    a.x = alloc(n, sizeof(double));
    for (size_t i = 0; i < n; i++) {
        if (a.dtype == WEIR_F32)
            ((float *)a.x)[i] = (float)x[i];
        else
            ((double *)a.x)[i] = x[i];
    }
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++)
        if (c->spec->outputs[o].is_given)
            a.out[o] = alloc(n_rows * c->spec->outputs[o].n_columns, value_bytes(c->spec, o));
    a.faults = alloc(n_rows, sizeof *a.faults);
    return a;
}

static void batch_free(struct answers *a)
{
    free(a->x);
    free(a->faults);
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++)
        free(a->out[o]);
}

/* Runs a batch in blocks of at most `step` rows; the scratch memory begins as noise. */
static void batch_run(const struct check *c, struct answers *a, size_t step)
{
    size_t n_blocks = (a->n_rows + step - 1) / step;
    struct weir_rows *blocks = alloc(n_blocks, sizeof *blocks);
    size_t item = weir_dtype_size(a->dtype) * c->spec->n_features;
    for (size_t i = 0; i < n_blocks; i++) {
        size_t left = a->n_rows - i * step;
        blocks[i] = (struct weir_rows){(char *)a->x + i * step * item, left < step ? left : step};
    }
    size_t n_scratch = weir_model_scratch_bytes(c->model);
    struct weir_run run = {.dtype = a->dtype,
                           .blocks = blocks,
                           .n_blocks = n_blocks,
                           .faults = a->faults,
                           .scratch = alloc(n_scratch, 1)};
    memset(run.scratch, 0xa5, n_scratch);
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++) {
        run.out[o] = a->out[o];
        run.wanted |= a->out[o] ? 1u << o : 0;
    }
    weir_model_run(c->model, &run);
    free(run.scratch);
    free(blocks);
}

/* --- comparing --- */

/* Returns the distance of one unit in the last place of v, in the type of the reference. */
static double ulp(double v, char type)
{
    v = fabs(v);
    if (type == 'f')
        return (double)(nextafterf((float)v, INFINITY) - (float)v);
    return nextafter(v, INFINITY) - v;
}

/* Returns how far a value of this output may be from the library's b. scale: |b| + Σ|x w| of the
 * score, or of the largest score of the row. */
static double allowed(const struct check *c, enum weir_output output, const struct ref_array *ref,
                      double b, double scale)
{
    const char *family = c->family->name;
    if (strcmp(family, "linear") != 0 && strcmp(family, "logistic") != 0)
        return 0.0;
    double product = 1e-12 * scale;
    if (ref->type == 'f')
        product = ((double)c->spec->n_features + 2) * 0x1p-24 * scale;
    if (output != WEIR_OUTPUT_PREDICT_PROBA)
        return product;
    /* |dp| <= 2 p (1 − p) |dd| for softmax, half of it for the sigmoid. */
    return 2.0 * b * (1.0 - b) * product + 2.0 * ulp(b, ref->type) +
           2.0 * (ref->type == 'f' ? 0x1p-24 : 0x1p-53);
}

/* Returns the scale of score k of a row; for probabilities the largest of the row. */
static double scale_of(const struct check *c, const char *type, enum weir_output output, size_t row,
                       size_t k, double b)
{
    const struct ref_array *scale = ref_find(c->ref, "%s.scale", type);
    if (!scale)
        return 100.0 * (1.0 + fabs(b)); /* recorded without it: scores of a few units */
    size_t n = scale->n_dims > 1 ? scale->dim[1] : 1;
    if (output != WEIR_OUTPUT_PREDICT_PROBA)
        return ref_number(scale, row * n + (k < n ? k : 0));
    double most = 0.0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, ref_number(scale, row * n + i));
    return most;
}

static bool label_is(const struct weir_labels *l, int32_t index, const struct ref_array *ref,
                     size_t i)
{
    if (index < 0 || (size_t)index >= l->n)
        return false;
    if (l->dtype == WEIR_BYTES)
        return ref->type == 's' && strcmp(l->text[index].at, ref->text[i]) == 0;
    if (l->dtype == WEIR_F64)
        return ref->type == 'd' && l->f64[index] == ref->f64[i];
    if (l->dtype == WEIR_BOOL)
        return ref->type == '?' && l->i64[index] == ref->b[i];
    return l->dtype == WEIR_I64 && ref->type == 'l' && l->i64[index] == ref->i64[i];
}

static void compare_labels(struct check *c, const char *type, const struct ref_array *ref,
                           const int32_t *got)
{
    size_t n_targets = c->spec->n_targets;
    for (size_t i = 0; i < ref->n; i++) {
        if (label_is(&c->spec->targets[i % n_targets], got[i], ref, i))
            continue;
        fail(c, "%s: row %zu has another label: class %d", type, i / n_targets, got[i]);
        return;
    }
    c->family->n_values += ref->n;
}

/* Compares columns first … of an output with a reference of the same rows. */
static void compare_numbers(struct check *c, const char *type, enum weir_output output,
                            const struct ref_array *ref, const double *got, size_t first)
{
    size_t n_columns = c->spec->outputs[output].n_columns;
    size_t width = ref->n_dims > 1 ? ref->dim[1] : 1;
    for (size_t i = 0; i < ref->n; i++) {
        size_t row = i / width;
        double b = ref_number(ref, i);
        double a = got[row * n_columns + first + i % width];
        if ((isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b)))
            continue;
        double diff = fabs(a - b);
        double limit = allowed(c, output, ref, b, scale_of(c, type, output, row, i % width, b));
        if (!(diff <= limit)) {
            fail(c, "%s.%s: row %zu column %zu: %.17g is not %.17g (allowed %.3g, is %.3g)", type,
                 weir_output_name(output), row, i % width, a, b, limit, diff);
            return;
        }
        if (ref->type == 'f' && (double)(float)a != a)
            fail(c, "%s.%s: %.17g is no float", type, weir_output_name(output), a);
        size_t narrow = ref->type == 'f';
        c->family->diff[narrow] = fmax(c->family->diff[narrow], diff);
        if (limit > 0.0)
            c->family->share[narrow] = fmax(c->family->share[narrow], diff / limit);
    }
    c->family->n_values += ref->n;
}

static char code_of(enum weir_dtype dtype)
{
    return dtype == WEIR_F32 ? 'f' : dtype == WEIR_F64 ? 'd' : dtype == WEIR_BOOL ? '?' : 'l';
}

/* Checks shape and type that the spec promises for an output. */
static void check_form(struct check *c, const char *type, enum weir_output output,
                       const struct ref_array *ref, enum weir_dtype batch)
{
    const struct weir_spec_output *o = &c->spec->outputs[output];
    enum weir_dtype dtype = weir_spec_output_dtype(c->spec, output, batch);
    bool is_right = dtype == WEIR_BYTES ? ref->type == 's' : ref->type == code_of(dtype);
    if (!is_right)
        fail(c, "%s.%s: is of type %s, the library's is %c", type, weir_output_name(output),
             weir_dtype_name(dtype), ref->type);
    bool is_list = output == WEIR_OUTPUT_PREDICT_PROBA && c->spec->n_targets > 1;
    if (o->is_vector != (ref->n_dims == 1) ||
        (!is_list && ref->n_dims > 1 && ref->dim[1] != o->n_columns))
        fail(c, "%s.%s: has another shape: %u columns, is_vector %d", type,
             weir_output_name(output), o->n_columns, o->is_vector);
}

static void compare_output(struct check *c, const char *type, enum weir_output output,
                           const struct answers *a)
{
    const char *name = weir_output_name(output);
    const struct ref_array *ref = ref_find(c->ref, "%s.%s", type, name);
    const struct ref_array *list = ref_find(c->ref, "%s.%s_0", type, name);
    bool is_given = c->spec->outputs[output].is_given;
    if (is_given != (ref || list)) {
        fail(c, "%s.%s: the library %s", type, name, is_given ? "has none" : "has one");
        return;
    }
    if (!is_given)
        return;
    check_form(c, type, output, ref ? ref : list, a->dtype);
    if (c->has_failed)
        return;
    if (c->spec->outputs[output].storage == WEIR_STORAGE_LABEL) {
        compare_labels(c, type, ref, a->out[output]);
    } else if (ref) {
        compare_numbers(c, type, output, ref, a->out[output], 0);
    } else {
        size_t first = 0;
        for (size_t i = 0; (list = ref_find(c->ref, "%s.%s_%zu", type, name, i)) != NULL; i++) {
            compare_numbers(c, type, output, list, a->out[output], first);
            first += list->dim[1];
        }
        if (first != c->spec->outputs[output].n_columns)
            fail(c, "%s.%s: has %u columns, the library %zu", type, name,
                 c->spec->outputs[output].n_columns, first);
    }
}

/* --- reproducible --- */

static bool same_row(const struct check *c, const struct answers *a, size_t i,
                     const struct answers *b, size_t j)
{
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++) {
        size_t bytes = c->spec->outputs[o].n_columns * value_bytes(c->spec, o);
        if (a->out[o] &&
            memcmp((char *)a->out[o] + i * bytes, (char *)b->out[o] + j * bytes, bytes) != 0)
            return false;
    }
    return a->faults[i].kind == b->faults[j].kind;
}

/* Runs the rows again in smaller blocks, and turned around so that every row changes its place,
 * with refused rows in between. */
static void check_reproducible(struct check *c, const double *x, enum weir_dtype request,
                               const struct answers *whole)
{
    static const size_t steps[SPLITS] = {1, 3, 8, 50, 129};
    size_t n = whole->n_rows;
    size_t width = c->spec->n_features;
    struct answers again = batch_new(c, x, n, request);
    for (size_t s = 0; s < SPLITS; s++) {
        batch_run(c, &again, steps[s]);
        for (size_t i = 0; i < n; i++)
            if (!same_row(c, whole, i, &again, i))
                fail(c, "row %zu differs in blocks of %zu", i, steps[s]);
    }
    batch_free(&again);
    size_t shift_max = n < 9 ? n : 9;
    double *turned = alloc(2 * n * width, sizeof *turned);
    for (size_t shift = 0; shift < shift_max; shift++) {
        for (size_t i = 0; i < n; i++) {
            size_t to = 2 * ((n - 1 - i + shift) % n);
            memcpy(turned + to * width, x + i * width, width * sizeof *turned);
            for (size_t j = 0; j < width; j++)
                turned[(to + 1) * width + j] = j % 2 ? INFINITY : NAN;
        }
        again = batch_new(c, turned, 2 * n, request);
        batch_run(c, &again, 2 * n);
        for (size_t i = 0; i < n; i++)
            if (!same_row(c, whole, i, &again, 2 * ((n - 1 - i + shift) % n)))
                fail(c, "row %zu differs at another place", i);
        batch_free(&again);
    }
    free(turned);
}

/* --- one model --- */

/* Compares the answer to a bad row that the library accepts: labels and trees exactly, numbers that
 * may be huge by their leading digits. */
static void compare_bad(struct check *c, const struct answers *a, size_t row,
                        const struct ref_array *ref, size_t i)
{
    const struct weir_spec_output *o = &c->spec->outputs[WEIR_OUTPUT_PREDICT];
    size_t width = o->n_columns;
    for (size_t k = 0; k < width; k++) {
        if (o->storage == WEIR_STORAGE_LABEL) {
            int32_t got = ((int32_t *)a->out[WEIR_OUTPUT_PREDICT])[row * width + k];
            if (!label_is(&c->spec->targets[k], got, ref, i * width + k))
                fail(c, "bad row %zu: has another label", row);
            continue;
        }
        double got = ((double *)a->out[WEIR_OUTPUT_PREDICT])[row * width + k];
        double b = ref_number(ref, i * width + k);
        bool is_linear = strcmp(c->family->name, "linear") == 0;
        if (!(got == b || (isnan(got) && isnan(b)) ||
              (is_linear && fabs(got - b) <= 1e-5 * fabs(b))))
            fail(c, "bad row %zu: %.17g is not %.17g", row, got, b);
    }
}

static void check_bad(struct check *c, const char *type, enum weir_dtype request)
{
    const struct ref_array *x = ref_find(c->ref, "%s.bad.X", type);
    const struct ref_array *refused = ref_find(c->ref, "%s.bad.refused", type);
    const struct ref_array *predict = ref_find(c->ref, "%s.bad.predict", type);
    if (!x)
        return;
    double *wide = alloc(x->n, sizeof *wide);
    for (size_t i = 0; i < x->n; i++)
        wide[i] = ref_number(x, i);
    struct answers a = batch_new(c, wide, x->dim[0], request);
    batch_run(c, &a, a.n_rows);
    size_t n_kept = 0;
    for (size_t row = 0; row < a.n_rows; row++) {
        bool is_refused = a.faults[row].kind != WEIR_FAULT_NONE;
        if (is_refused != (refused->b[row] != 0)) {
            char text[256];
            weir_model_fault_text(c->model, a.faults[row], row, text, sizeof text);
            fail(c, "%s: bad row %zu: the library %s it (%s)", type, row,
                 refused->b[row] ? "refuses" : "takes", text);
        } else if (!is_refused && predict) {
            compare_bad(c, &a, row, predict, n_kept);
        }
        n_kept += refused->b[row] == 0;
    }
    batch_free(&a);
    free(wide);
}

static void check_spec(struct check *c)
{
    const struct ref_array *version = ref_find(c->ref, "version");
    const struct ref_array *names = ref_find(c->ref, "features");
    if (strcmp(weir_spec_library_version(c->spec), version->text[0]) != 0)
        fail(c, "version %s is not %s", weir_spec_library_version(c->spec), version->text[0]);
    const struct ref_array *known = ref_find(c->ref, "f8.bad.X");
    if (known && (names != NULL) != (c->spec->feature_names != NULL))
        fail(c, "has %s names", names ? "no" : "unexpected");
    for (size_t i = 0; names && c->spec->feature_names && i < names->n; i++)
        if (strcmp(names->text[i], weir_spec_feature_name(c->spec, i)) != 0)
            fail(c, "column %zu is not named %s", i, names->text[i]);
    for (size_t t = 0; t < c->spec->n_targets; t++) {
        const struct ref_array *classes = ref_find(c->ref, "classes_%zu", t);
        if (known && c->spec->targets[t].n != (classes ? classes->n : 0))
            fail(c, "target %zu has %zu classes", t, c->spec->targets[t].n);
        for (size_t i = 0; classes && i < classes->n; i++)
            if (!label_is(&c->spec->targets[t], (int32_t)i, classes, i))
                fail(c, "target %zu: class %zu has another label", t, i);
    }
}

static void check_rows(struct check *c, const char *type, enum weir_dtype request)
{
    const struct ref_array *x = ref_find(c->ref, "X");
    if (x->n_dims != 2 || x->dim[1] != c->spec->n_features) {
        fail(c, "has %zu features", c->spec->n_features);
        return;
    }
    double *wide = alloc(x->n, sizeof *wide);
    for (size_t i = 0; i < x->n; i++)
        wide[i] = request == WEIR_F32 ? (double)(float)x->f64[i] : x->f64[i];
    struct answers a = batch_new(c, wide, x->dim[0], request);
    batch_run(c, &a, a.n_rows);
    for (size_t row = 0; row < a.n_rows; row++)
        if (a.faults[row].kind != WEIR_FAULT_NONE)
            fail(c, "%s: row %zu is refused", type, row);
    for (size_t o = 0; o < WEIR_OUTPUT_N && !c->has_failed; o++)
        compare_output(c, type, (enum weir_output)o, &a);
    if (!c->has_failed)
        check_reproducible(c, wide, request, &a);
    batch_free(&a);
    free(wide);
}

static struct family *family_of(const char *folder, const char *name)
{
    for (size_t i = 0; i < n_families; i++)
        if (strcmp(families[i].folder, folder) == 0 && strcmp(families[i].name, name) == 0)
            return &families[i];
    if (n_families == FAMILIES_MAX)
        exit(1);
    struct family *f = &families[n_families++];
    snprintf(f->folder, sizeof f->folder, "%.63s", folder);
    snprintf(f->name, sizeof f->name, "%.31s", name);
    return f;
}

static void check_model(const char *dir, const char *folder, const char *file)
{
    char path[2 * PATH_BYTES], ref_path[2 * PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    snprintf(ref_path, sizeof ref_path, "%s/%.*s.ref", dir, (int)(strrchr(file, '.') - file), file);
    struct ref ref = ref_load(ref_path);
    struct check c = {
        .path = path, .ref = &ref, .family = family_of(folder, ref_find(&ref, "family")->text[0])};
    struct weir_error err = WEIR_ERROR_INIT;
    c.family->n_models++;
    if (weir_format_load(&c.model, path, NULL, &err) != WEIR_OK) {
        fail(&c, "%s", err.msg);
    } else {
        c.spec = weir_model_spec(c.model);
        check_spec(&c);
        check_rows(&c, "f8", WEIR_F64);
        check_bad(&c, "f8", WEIR_F64);
        if (ref_find(&ref, "f4.bad.X")) {
            check_rows(&c, "f4", WEIR_F32);
            check_bad(&c, "f4", WEIR_F32);
        }
    }
    c.family->n_failed += c.has_failed;
    weir_model_free(c.model);
    ref_free(&ref);
}

static bool is_model(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && (strcmp(dot, ".pkl") == 0 || strcmp(dot, ".joblib") == 0);
}

static int select_model(const struct dirent *entry)
{
    return is_model(entry);
}

static void check_folder(const char *dir)
{
    char folder[PATH_BYTES];
    snprintf(folder, sizeof folder, "%s", dir);
    while (folder[0] && folder[strlen(folder) - 1] == '/')
        folder[strlen(folder) - 1] = '\0';
    const char *name = strrchr(folder, '/');
    struct dirent **entries;
    int n = scandir(dir, &entries, select_model, alphasort);
    if (n <= 0) {
        fprintf(stderr, "%s: holds no models\n", dir);
        exit(1);
    }
    for (int i = 0; i < n; i++) {
        check_model(dir, name ? name + 1 : folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: parity DIR...\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++)
        check_folder(argv[i]);
    size_t n_failed = 0;
    printf("# largest difference, and its share of what is allowed\n");
    printf("# %-12s %-9s %6s %9s %10s %7s %10s %7s\n", "library", "family", "models", "values",
           "float64", "", "float32", "");
    for (size_t i = 0; i < n_families; i++) {
        const struct family *f = &families[i];
        printf("# %-12s %-9s %6zu %9zu %10.3g %6.1f%% %10.3g %6.1f%%\n", f->folder, f->name,
               f->n_models, f->n_values, f->diff[0], 100.0 * f->share[0], f->diff[1],
               100.0 * f->share[1]);
    }
    printf("1..%zu\n", n_families);
    for (size_t i = 0; i < n_families; i++) {
        const struct family *f = &families[i];
        printf("%s %zu - %s %s: %zu of %zu models equal\n", f->n_failed ? "not ok" : "ok", i + 1,
               f->folder, f->name, f->n_models - f->n_failed, f->n_models);
        n_failed += f->n_failed;
    }
    return n_failed > 0;
}
