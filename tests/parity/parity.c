/* SPDX-License-Identifier: MIT */
/* Compares weir with the recorded answers of the real libraries.
 *
 * usage: parity [--failures] [--runtime-optional] DIR…
 * each with models beside their NAME.ref, at any depth
 *
 * For each model: the spec says what the library says (version, column names, labels); every output
 * of every row, for float64 and float32 rows or rows of mixed cells, within the stated tolerance
 * (compare.c); rows that the library refuses are refused, and no others; and each row has the same
 * bits in batches of every size up to 70, at every position, and among rows that are refused
 * (runs.c).
 *
 * Prints TAP: a line for each folder; and as comments a row for each model and type of input with
 * its rows, values, largest difference, what part of the tolerance that is, and the tolerance.
 * --failures leaves the rows out that are right; --runtime-optional takes models that are refused
 * because there is no ONNX Runtime on this machine for neither right nor wrong. */
#include "check.h"
#include "model/onnx.h"
#include <weir/format.h>

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FOLDERS_MAX = 1024, MESSAGES_MAX = 6 };

/* What was found in one folder. */
struct folder {
    char *path;
    size_t n_models;
    size_t n_failed;
    size_t n_refused; /* for want of ONNX Runtime */
};

static struct folder folders[FOLDERS_MAX];
static size_t n_folders;
static size_t n_rows_printed;
static size_t n_values;
static size_t n_messages; /* of the model at hand */
static bool only_failures;
static bool is_runtime_optional;

void check_fail(struct check *c, const char *fmt, ...)
{
    c->has_failed = true;
    if (n_messages++ >= MESSAGES_MAX)
        return;
    va_list args;
    va_start(args, fmt);
    printf("# %s: ", c->path);
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
}

/* --- one model --- */

/* Rows of a reference as doubles or cells; the caller frees them. */
static double *wide_rows(const struct ref_array *x, enum weir_dtype request)
{
    double *wide = check_alloc(x->n, sizeof *wide);
    for (size_t i = 0; i < x->n; i++) {
        wide[i] = ref_number(x, i);
        if (request == WEIR_F32 && x->type != 'o')
            wide[i] = (double)(float)wide[i];
    }
    return wide;
}

static bool has_right_width(struct check *c, const struct ref_array *x)
{
    if (x->n_dims == 2 && x->dim[1] == c->spec->n_features)
        return true;
    check_fail(c, "has %zu features", c->spec->n_features);
    return false;
}

static void check_bad(struct check *c, const char *type, enum weir_dtype request)
{
    const struct ref_array *x = ref_find(c->ref, "%s.bad.X", type);
    const struct ref_array *refused = ref_find(c->ref, "%s.bad.refused", type);
    if (!x || !has_right_width(c, x))
        return;
    enum weir_output output = weir_spec_default_output(c->spec);
    const struct ref_array *expected =
        ref_find(c->ref, "%s.bad.%s", type, weir_output_name(output));
    double *wide = wide_rows(x, request);
    struct answers a = check_batch_new(c, wide, x->dim[0], request);
    check_batch_run(c, &a, a.n_rows);
    size_t n_kept = 0;
    for (size_t row = 0; row < a.n_rows; row++) {
        bool is_refused = a.faults[row].kind != WEIR_FAULT_NONE;
        if (is_refused != (refused->b[row] != 0)) {
            char text[256] = "";
            if (is_refused)
                weir_model_fault_text(c->model, a.faults[row], row, text, sizeof text);
            check_fail(c, "%s: bad row %zu: the library %s it (%s)", type, row,
                       refused->b[row] ? "refuses" : "takes", text);
        } else if (!is_refused && expected) {
            check_bad_answer(c, type, &a, row, expected, n_kept, output);
        }
        n_kept += refused->b[row] == 0;
    }
    c->measure->n_rows += a.n_rows;
    check_batch_free(&a);
    free(wide);
}

static void check_spec(struct check *c)
{
    const struct ref_array *version = ref_find(c->ref, "version");
    const struct ref_array *names = ref_find(c->ref, "features");
    bool is_known = !ref_find(c->ref, "is_partial");
    if (version && strcmp(weir_spec_library_version(c->spec), version->text[0]) != 0)
        check_fail(c, "version %s is not %s", weir_spec_library_version(c->spec), version->text[0]);
    if (is_known && (names != NULL) != (c->spec->feature_names != NULL))
        check_fail(c, "has %s names", names ? "no" : "unexpected");
    for (size_t i = 0; names && c->spec->feature_names && i < names->n; i++)
        if (i >= c->spec->n_features ||
            strcmp(names->text[i], weir_spec_feature_name(c->spec, i)) != 0)
            check_fail(c, "column %zu is not named %s", i, names->text[i]);
    for (size_t t = 0; t < c->spec->n_targets; t++) {
        const struct ref_array *classes = ref_find(c->ref, "classes_%zu", t);
        if (is_known && classes && c->spec->targets[t].n != classes->n)
            check_fail(c, "target %zu has %zu classes", t, c->spec->targets[t].n);
        for (size_t i = 0; classes && i < classes->n; i++)
            if (!check_label_is(&c->spec->targets[t], (int32_t)i, classes, i))
                check_fail(c, "target %zu: class %zu has another label", t, i);
    }
}

static void check_rows(struct check *c, const char *type, enum weir_dtype request)
{
    const struct ref_array *x = ref_find(c->ref, "X");
    if (!has_right_width(c, x))
        return;
    double *wide = wide_rows(x, request);
    struct answers a = check_batch_new(c, wide, x->dim[0], request);
    check_batch_run(c, &a, a.n_rows);
    for (size_t row = 0; row < a.n_rows; row++)
        if (a.faults[row].kind != WEIR_FAULT_NONE) {
            char text[256];
            weir_model_fault_text(c->model, a.faults[row], row, text, sizeof text);
            check_fail(c, "%s: row %zu is refused: %s", type, row, text);
        }
    c->measure->n_rows = a.n_rows;
    if (!c->has_failed)
        check_outputs(c, type, &a);
    if (!c->has_failed)
        check_reproducible(c, wide, request, &a);
    check_batch_free(&a);
    free(wide);
}

/* Finds whether the library was asked with rows of a type. */
static bool has_type(const struct ref *ref, const char *type)
{
    size_t n = strlen(type);
    for (size_t i = 0; i < ref->n; i++)
        if (strncmp(ref->arrays[i].name, type, n) == 0 && ref->arrays[i].name[n] == '.')
            return true;
    return false;
}

/* Prints what was measured for a type of input. */
static void print_row(const struct check *c, const char *type)
{
    const struct measure *m = c->measure;
    n_rows_printed++;
    n_values += m->n_values;
    if (!only_failures || c->has_failed)
        printf("# %-60s %s %6zu rows %8zu values  %9.3g  %5.1f%% of %s%s\n", c->path, type,
               m->n_rows, m->n_values, m->diff, 100.0 * m->share,
               m->tolerance[0] ? m->tolerance : "exact", c->has_failed ? "  DIFFERS" : "");
}

static void check_type(struct check *c, const char *type, enum weir_dtype request)
{
    if (!has_type(c->ref, type))
        return;
    struct measure m = {.n_rows = 0};
    c->measure = &m;
    bool had_failed = c->has_failed;
    c->has_failed = false;
    check_rows(c, type, request);
    check_bad(c, type, request);
    print_row(c, type);
    c->has_failed |= had_failed;
}

/* Checks requests of named tensors. */
static void check_requests(struct check *c)
{
    struct measure m = {.n_rows = 0};
    if (!check_tensors_has(c))
        return;
    c->measure = &m;
    check_tensors(c);
    print_row(c, "tn");
}

/* Finds whether a model was refused for nothing else than that there is no ONNX Runtime. */
static bool is_for_want_of_runtime(enum weir_status status, const struct weir_error *err)
{
    struct weir_str anywhere = {.n = 0};
    return status == WEIR_ERR_UNSUPPORTED && strstr(err->msg, "needs ONNX Runtime") &&
           !weir_model_onnx_version(anywhere);
}

/* Checks the model beside a reference; counts it. */
static void check_model(struct folder *f, const char *path, const char *ref_path)
{
    struct ref ref = ref_load(ref_path);
    struct check c = {.path = path, .ref = &ref, .family = ref_find(&ref, "family")->text[0]};
    struct weir_error err = WEIR_ERROR_INIT;
    n_messages = 0;
    enum weir_status status = weir_format_load(&c.model, path, NULL, &err);
    if (is_runtime_optional && is_for_want_of_runtime(status, &err)) {
        printf("# %s: %s\n", path, err.msg);
        f->n_refused++;
    } else if (status != WEIR_OK) {
        check_fail(&c, "%s", err.msg);
    } else {
        c.spec = weir_model_spec(c.model);
        check_spec(&c);
        check_type(&c, "f8", WEIR_F64);
        check_type(&c, "f4", WEIR_F32);
        check_type(&c, "df", WEIR_F64);
        check_requests(&c);
    }
    weir_model_free(c.model);
    ref_free(&ref);
    f->n_failed += c.has_failed;
}

/* --- folders --- */

static bool is_ref(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".ref") == 0;
}

/* Finds the model of a reference: the one other entry of its name, with an extension or without. */
static bool find_model(const char *dir, struct dirent **entries, int n, const char *ref_name,
                       char *out)
{
    size_t n_stem = strlen(ref_name) - 4;
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        if (is_ref(name) || strncmp(name, ref_name, n_stem) != 0)
            continue;
        if (name[n_stem] == '\0' || (name[n_stem] == '.' && !strchr(name + n_stem + 1, '.'))) {
            snprintf(out, PATH_BYTES, "%s/%s", dir, name);
            return true;
        }
    }
    return false;
}

static struct folder *folder_of(const char *dir)
{
    if (n_folders > 0 && strcmp(folders[n_folders - 1].path, dir) == 0)
        return &folders[n_folders - 1];
    if (n_folders == FOLDERS_MAX)
        exit(1);
    folders[n_folders] = (struct folder){.path = strdup(dir)};
    return &folders[n_folders++];
}

static void check_one(const char *dir, struct dirent **entries, int n, const char *ref_name)
{
    char path[PATH_BYTES], ref_path[PATH_BYTES];
    struct folder *f = folder_of(dir);
    snprintf(ref_path, sizeof ref_path, "%s/%s", dir, ref_name);
    f->n_models++;
    if (find_model(dir, entries, n, ref_name, path)) {
        check_model(f, path, ref_path);
        return;
    }
    printf("# %s: has no model beside it\n", ref_path);
    f->n_failed++;
}

static void check_folder(const char *dir)
{
    struct dirent **entries;
    int n = scandir(dir, &entries, NULL, alphasort);
    if (n < 0) {
        fprintf(stderr, "%s: cannot be read\n", dir);
        exit(1);
    }
    for (int i = 0; i < n; i++)
        if (is_ref(entries[i]->d_name))
            check_one(dir, entries, n, entries[i]->d_name);
    for (int i = 0; i < n; i++) {
        char path[PATH_BYTES];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", dir, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            check_folder(path);
    }
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
}

int main(int argc, char **argv)
{
    int first = 1;
    for (; first < argc && strncmp(argv[first], "--", 2) == 0; first++) {
        only_failures |= strcmp(argv[first], "--failures") == 0;
        is_runtime_optional |= strcmp(argv[first], "--runtime-optional") == 0;
    }
    if (argc <= first) {
        fprintf(stderr, "usage: parity [--failures] [--runtime-optional] DIR...\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = first; i < argc; i++) {
        size_t n = strlen(argv[i]);
        while (n > 1 && argv[i][n - 1] == '/')
            argv[i][--n] = '\0';
        check_folder(argv[i]);
    }
    size_t n_models = 0, n_failed = 0, n_refused = 0;
    printf("1..%zu\n", n_folders);
    for (size_t i = 0; i < n_folders; i++) {
        const struct folder *f = &folders[i];
        printf("%s %zu - %s: %zu of %zu models equal, %zu refused\n", f->n_failed ? "not ok" : "ok",
               i + 1, f->path, f->n_models - f->n_failed - f->n_refused, f->n_models, f->n_refused);
        n_refused += f->n_refused;
        n_models += f->n_models;
        n_failed += f->n_failed;
        free(f->path);
    }
    printf("# %zu rows, %zu models, %zu values: %zu models differ, %zu are refused\n",
           n_rows_printed, n_models, n_values, n_failed, n_refused);
    return n_failed > 0 || n_models == 0;
}
