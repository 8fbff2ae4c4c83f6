/* SPDX-License-Identifier: MIT */
/* Comparing answers with the library's. How far a number may be from it is a formula that the case
 * states (cases/__init__.py), or the default of its family; labels are always identical. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- tolerance --- */

/* Where a number is compared: all that a formula may refer to. */
struct place {
    const char *type; /* "f8" */
    enum weir_output output;
    bool is_narrow; /* the library's answer is a float32 */
    size_t row;
    size_t column;
    double b; /* the library's answer */
};

/* Returns the distance of one unit in the last place of v. */
static double ulp(double v, bool is_narrow)
{
    v = fabs(v);
    if (is_narrow)
        return (double)(nextafterf((float)v, INFINITY) - (float)v);
    return nextafter(v, INFINITY) - v;
}

/* Returns the formula in force: of the type and output, of the output, of the type, of the model,
 * of the family. */
static const char *formula_of(const struct check *c, const char *type, enum weir_output output)
{
    const char *name = weir_output_name(output);
    const struct ref_array *tol = ref_find(c->ref, "tol.%s.%s", type, name);
    if (!tol)
        tol = ref_find(c->ref, "tol.%s", name);
    if (!tol)
        tol = ref_find(c->ref, "tol.%s", type);
    if (!tol)
        tol = ref_find(c->ref, "tol");
    if (tol)
        return tol->text[0];
    if (strcmp(c->family, "linear") == 0)
        return "linear";
    return strcmp(c->family, "logistic") == 0 ? "logistic" : "exact";
}

/* Returns the scale of a score of a row, |b| + Σ|x w|; for probabilities the largest of the row. */
static double scale_of(const struct check *c, const struct place *p)
{
    const struct ref_array *scale = ref_find(c->ref, "%s.scale", p->type);
    if (!scale)
        return 100.0 * (1.0 + fabs(p->b)); /* recorded without it: scores of a few units */
    size_t n = scale->n_dims > 1 ? scale->dim[1] : 1;
    if (p->output != WEIR_OUTPUT_PREDICT_PROBA)
        return ref_number(scale, p->row * n + (p->column < n ? p->column : 0));
    double most = 0.0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, ref_number(scale, p->row * n + i));
    return most;
}

static double linear_of(const struct check *c, const struct place *p)
{
    double unit = p->is_narrow ? ((double)c->spec->n_features + 2) * 0x1p-24 : 1e-12;
    return unit * scale_of(c, p);
}

/* |dp| <= 2 p (1 − p) |dd| for softmax, half of it for the sigmoid. */
static double logistic_of(const struct check *c, const struct place *p)
{
    if (p->output != WEIR_OUTPUT_PREDICT_PROBA)
        return linear_of(c, p);
    return 2.0 * p->b * (1.0 - p->b) * linear_of(c, p) + 2.0 * ulp(p->b, p->is_narrow) +
           2.0 * (p->is_narrow ? 0x1p-24 : 0x1p-53);
}

/* Returns what one term of a formula allows; -1: there is no such term. */
static double term_of(const struct check *c, struct weir_str term, const struct place *p)
{
    if (weir_str_eq_c(term, "exact"))
        return 0.0;
    if (weir_str_eq_c(term, "linear"))
        return linear_of(c, p);
    if (weir_str_eq_c(term, "logistic"))
        return logistic_of(c, p);
    struct weir_str number = term;
    struct weir_str unit = weir_str_split(&number, ':');
    double factor = strtod(number.at, NULL); /* ends at the blank or the NUL */
    if (weir_str_eq_c(unit, "ulp"))
        return factor * ulp(p->b, p->is_narrow);
    if (weir_str_eq_c(unit, "rel"))
        return factor * fabs(p->b);
    if (weir_str_eq_c(unit, "abs"))
        return factor;
    return weir_str_eq_c(unit, "scale") ? factor * scale_of(c, p) : -1.0;
}

static double allowed(struct check *c, const char *formula, const struct place *p)
{
    double sum = 0.0;
    struct weir_str rest = weir_str_c(formula);
    while (rest.n > 0) {
        double t = term_of(c, weir_str_split(&rest, ' '), p);
        if (t < 0.0)
            check_fail(c, "the tolerance \"%s\" has an unknown term", formula);
        sum += t;
    }
    return sum;
}

/* --- labels --- */

bool check_label_is(const struct weir_labels *l, int32_t index, const struct ref_array *ref,
                    size_t i)
{
    if (index < 0 || (size_t)index >= l->n)
        return false;
    switch ((int)l->dtype) {
    case WEIR_BYTES:
        return ref->type == 's' && strcmp(l->text[index].at, ref->text[i]) == 0;
    case WEIR_F64:
        return strchr("df", ref->type) && l->f64[index] == ref_number(ref, i);
    case WEIR_BOOL:
        return ref->type == '?' && l->i64[index] == ref->b[i];
    case WEIR_I64:
        return strchr("bhilBHIL", ref->type) && (double)l->i64[index] == ref_number(ref, i);
    }
    return false;
}

static void compare_labels(struct check *c, const char *type, const struct ref_array *ref,
                           const int32_t *got)
{
    size_t n_targets = c->spec->n_targets;
    for (size_t i = 0; i < ref->n; i++) {
        if (check_label_is(&c->spec->targets[i % n_targets], got[i], ref, i))
            continue;
        if (ref->type == 's')
            check_fail(c, "%s: row %zu has another label: class %d, not \"%s\"", type,
                       i / n_targets, got[i], ref->text[i]);
        else
            check_fail(c, "%s: row %zu has another label: class %d, not %g", type, i / n_targets,
                       got[i], ref_number(ref, i));
        return;
    }
    c->measure->n_values += ref->n;
}

/* --- numbers --- */

static bool is_same(double a, double b)
{
    return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b));
}

/* Compares columns first … of an output with a reference of the same rows. */
static void compare_numbers(struct check *c, const char *type, enum weir_output output,
                            const struct ref_array *ref, const double *got, size_t first)
{
    const char *formula = formula_of(c, type, output);
    const char *name = weir_output_name(output);
    size_t n_columns = c->spec->outputs[output].n_columns;
    size_t width = ref->n_dims > 1 ? ref->dim[1] : 1;
    bool is_narrow = ref->type == 'f';
    if (strcmp(formula, "exact") != 0 || !c->measure->tolerance[0])
        snprintf(c->measure->tolerance, sizeof c->measure->tolerance, "%.63s", formula);
    for (size_t i = 0; i < ref->n; i++) {
        struct place p = {type, output, is_narrow, i / width, i % width, ref_number(ref, i)};
        double a = got[p.row * n_columns + first + p.column];
        if (is_narrow && !isnan(a) && (double)(float)a != a)
            check_fail(c, "%s.%s: %.17g is no float", type, name, a);
        if (is_same(a, p.b))
            continue;
        double diff = a == p.b ? 0.0 : fabs(a - p.b);
        double limit = allowed(c, formula, &p);
        /* Zeros of unlike sign are equal only where the order of additions is free. */
        if (!(diff <= limit) || (diff == 0.0 && strcmp(formula, "exact") == 0)) {
            check_fail(c, "%s.%s: row %zu column %zu: %.17g is not %.17g (allowed %.3g, is %.3g)",
                       type, name, p.row, p.column, a, p.b, limit, diff);
            return;
        }
        c->measure->diff = fmax(c->measure->diff, diff);
        if (limit > 0.0)
            c->measure->share = fmax(c->measure->share, diff / limit);
    }
    c->measure->n_values += ref->n;
}

/* --- whole outputs --- */

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
    bool is_whole = strchr("bhilBHIL", ref->type) != NULL;
    bool is_right = dtype == WEIR_BYTES                            ? ref->type == 's'
                    : o->storage == WEIR_STORAGE_LABEL && is_whole ? dtype == WEIR_I64
                    : o->storage == WEIR_STORAGE_LABEL && ref->type == 'f'
                        ? dtype == WEIR_F64
                        : (is_whole ? 'l' : ref->type) == code_of(dtype);
    if (output == WEIR_OUTPUT_LEAF)
        is_right = true; /* indexes; libraries give them in all types */
    if (!is_right)
        check_fail(c, "%s.%s: is of type %s, the library's is %c", type, weir_output_name(output),
                   weir_dtype_name(dtype), ref->type);
    bool is_list = output == WEIR_OUTPUT_PREDICT_PROBA && c->spec->n_targets > 1;
    if (o->is_vector != (ref->n_dims == 1) ||
        (!is_list && ref->n_dims > 1 && ref->dim[1] != o->n_columns))
        check_fail(c, "%s.%s: has another shape: %u columns, is_vector %d", type,
                   weir_output_name(output), o->n_columns, o->is_vector);
}

/* Compares an output that the library gives as a list with one array for each target. */
static void compare_list(struct check *c, const char *type, enum weir_output output,
                         const struct answers *a)
{
    const char *name = weir_output_name(output);
    const struct ref_array *part;
    size_t first = 0;
    for (size_t i = 0; (part = ref_find(c->ref, "%s.%s_%zu", type, name, i)) != NULL; i++) {
        compare_numbers(c, type, output, part, a->out[output], first);
        first += part->dim[1];
    }
    if (first != c->spec->outputs[output].n_columns)
        check_fail(c, "%s.%s: has %u columns, the library %zu", type, name,
                   c->spec->outputs[output].n_columns, first);
}

static void compare_output(struct check *c, const char *type, enum weir_output output,
                           const struct answers *a)
{
    const char *name = weir_output_name(output);
    const struct ref_array *ref = ref_find(c->ref, "%s.%s", type, name);
    const struct ref_array *list = ref_find(c->ref, "%s.%s_0", type, name);
    bool is_given = c->spec->outputs[output].is_given;
    if (output == WEIR_OUTPUT_LEAF && !ref)
        return; /* not recorded */
    if (is_given && !ref && !list && ref_find(c->ref, "is_partial"))
        return; /* recorded by hand, without the methods that were not thought of */
    if (is_given != (ref || list)) {
        check_fail(c, "%s.%s: the library has %s, weir %s", type, name, is_given ? "none" : "one",
                   is_given ? "one" : "none");
        return;
    }
    if (!is_given)
        return;
    bool had_failed = c->has_failed;
    c->has_failed = false;
    check_form(c, type, output, ref ? ref : list, a->dtype);
    if (!c->has_failed) {
        if (c->spec->outputs[output].storage == WEIR_STORAGE_LABEL)
            compare_labels(c, type, ref, a->out[output]);
        else if (ref)
            compare_numbers(c, type, output, ref, a->out[output], 0);
        else
            compare_list(c, type, output, a);
    }
    c->has_failed |= had_failed;
}

void check_outputs(struct check *c, const char *type, const struct answers *a)
{
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++)
        compare_output(c, type, (enum weir_output)o, a);
}

void check_bad_answer(struct check *c, const char *type, const struct answers *a, size_t row,
                      const struct ref_array *ref, size_t i, enum weir_output output)
{
    const struct weir_spec_output *o = &c->spec->outputs[output];
    bool is_exact = strcmp(formula_of(c, type, output), "exact") == 0;
    size_t width = o->n_columns;
    for (size_t k = 0; k < width; k++) {
        if (o->storage == WEIR_STORAGE_LABEL) {
            int32_t got = ((int32_t *)a->out[output])[row * width + k];
            if (!check_label_is(&c->spec->targets[k], got, ref, i * width + k))
                check_fail(c, "%s: bad row %zu: has another label", type, row);
            continue;
        }
        double got = ((double *)a->out[output])[row * width + k];
        double b = ref_number(ref, i * width + k);
        /* Numbers that may be huge, by their leading digits. */
        if (!is_same(got, b) && got != b && !(!is_exact && fabs(got - b) <= 1e-5 * fabs(b)))
            check_fail(c, "%s: bad row %zu: %.17g is not %.17g", type, row, got, b);
    }
}
