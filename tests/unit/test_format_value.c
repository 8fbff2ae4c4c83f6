/* SPDX-License-Identifier: MIT */
/* Reading a tree through places: files of known contents (tests/data/pickle/make.py says what is in
 * them). */
#include "format/format.h"
#include "format/pickle.h"
#include "format/value.h"
#include "tensor/cell.h"
#include "test_file.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <math.h>

/* A file, its tree, and a place to copy to. */
static struct {
    struct weir_str bytes;
    struct weir_arena arena;
    struct weir_arena out;
    struct weir_format_pickle pickle;
    struct weir_value_walk walk;
    struct weir_error err;
} f;

static struct weir_value_at open_file(const char *path)
{
    const struct weir_format_opts opts = weir_format_opts_fill(NULL);
    f.bytes = test_file_read(path);
    weir_arena_init(&f.arena, NULL, 0);
    weir_arena_init(&f.out, NULL, 0);
    cr_assert_eq(weir_format_pickle_parse(&f.pickle, f.bytes, &opts, &f.arena, &f.err), WEIR_OK,
                 "%s", f.err.msg);
    weir_value_walk_init(&f.walk, f.pickle.n_nodes);
    return weir_value_root(f.pickle.root, &f.walk);
}

static void close_file(void)
{
    weir_arena_deinit(&f.arena);
    weir_arena_deinit(&f.out);
    test_file_free(f.bytes);
}

static struct weir_value_at key(const struct weir_value_at *at, const char *name)
{
    struct weir_value_at out;
    cr_assert_eq(weir_value_key(at, name, &out, &f.err), WEIR_OK, "%s", f.err.msg);
    return out;
}

static struct weir_value_at item(const struct weir_value_at *at, size_t i)
{
    struct weir_value_at out;
    cr_assert_eq(weir_value_item(at, i, &out, &f.err), WEIR_OK, "%s", f.err.msg);
    return out;
}

static struct weir_value_at attr(const struct weir_value_at *at, const char *name)
{
    struct weir_value_at out;
    cr_assert_eq(weir_value_attr(at, name, &out, &f.err), WEIR_OK, "%s", f.err.msg);
    return out;
}

static const char *const all_files[] = {
    "tests/data/pickle/all.p0.pkl",    "tests/data/pickle/all.p2.pkl",
    "tests/data/pickle/all.p4.pkl",    "tests/data/pickle/all.p5.pkl",
    "tests/data/pickle/all.p2.joblib", "tests/data/pickle/all.p5.joblib",
};
enum { N_ALL_FILES = sizeof all_files / sizeof all_files[0] };

ParameterizedTestParameters(format_value, arrays_of_every_layout_come_out_row_major)
{
    static size_t index[N_ALL_FILES];
    for (size_t i = 0; i < N_ALL_FILES; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, N_ALL_FILES);
}

ParameterizedTest(size_t *row, format_value, arrays_of_every_layout_come_out_row_major)
{
    struct weir_value_at root = open_file(all_files[*row]);
    struct weir_value_at arrays = key(&root, "arrays");
    static const char *const names[] = {"c_order", "fortran", "big_endian", "f4"};
    for (size_t i = 0; i < 4; i++) {
        struct weir_value_at at = key(&arrays, names[i]);
        struct weir_value_f64s x;
        struct weir_value_f32s y;
        struct weir_value_i64s z;
        struct weir_value_i32s w;
        cr_assert_eq(weir_value_f64s(&at, &f.out, &x, &f.err), WEIR_OK, "%s", f.err.msg);
        cr_assert_eq(weir_value_f32s(&at, &f.out, &y, &f.err), WEIR_OK, "%s", f.err.msg);
        cr_assert_eq(weir_value_i64s(&at, &f.out, &z, &f.err), WEIR_OK, "%s", f.err.msg);
        cr_assert_eq(weir_value_i32s(&at, &f.out, &w, &f.err), WEIR_OK, "%s", f.err.msg);
        cr_assert_eq(x.shape.n_dims, 2);
        cr_assert_eq(x.shape.dim[0], 2);
        cr_assert_eq(x.shape.dim[1], 3);
        for (int k = 0; k < 6; k++) {
            cr_assert_eq(x.at[k], k, "%s", names[i]);
            cr_assert_eq(y.at[k], (float)k, "%s", names[i]);
            cr_assert_eq(z.at[k], k, "%s", names[i]);
            cr_assert_eq(w.at[k], k, "%s", names[i]);
        }
    }
    struct weir_value_at strided = key(&arrays, "strided");
    struct weir_value_f64s s;
    cr_assert_eq(weir_value_f64s(&strided, &f.out, &s, &f.err), WEIR_OK);
    for (int k = 0; k < 6; k++)
        cr_assert_eq(s.at[k], 2 * k);
    close_file();
}

Test(format_value, integers_of_every_width_keep_their_sign)
{
    struct weir_value_at root = open_file("tests/data/pickle/all.p4.pkl");
    struct weir_value_at arrays = key(&root, "arrays");
    struct weir_value_at widths = key(&arrays, "widths"), unsigned_ = key(&arrays, "unsigned");
    for (size_t i = 0; i < 4; i++) {
        struct weir_value_at at = item(&widths, i), u = item(&unsigned_, i);
        struct weir_value_i32s x;
        struct weir_value_f64s y;
        cr_assert_eq(weir_value_i32s(&at, &f.out, &x, &f.err), WEIR_OK);
        cr_assert_eq(x.at[0], -1);
        cr_assert_eq(x.at[2], 1);
        cr_assert_eq(weir_value_f64s(&u, &f.out, &y, &f.err), WEIR_OK);
        cr_assert_eq(y.at[1], 250);
    }
    close_file();
}

Test(format_value, an_axis_order_that_is_neither_c_nor_fortran)
{
    struct weir_value_at root = open_file("tests/data/pickle/k_order.pkl");
    struct weir_value_at k = key(&root, "k"), c = key(&root, "c");
    struct weir_value_f64s x, y;
    cr_assert_not(k.v->array->is_row_major);
    cr_assert_eq(weir_value_f64s(&k, &f.out, &x, &f.err), WEIR_OK, "%s", f.err.msg);
    cr_assert_eq(weir_value_f64s(&c, &f.out, &y, &f.err), WEIR_OK, "%s", f.err.msg);
    cr_assert_eq(x.shape.n, 24);
    cr_assert_eq(x.shape.dim[0], 3);
    cr_assert_arr_eq(x.at, y.at, 24 * sizeof(double));
    struct weir_value v;
    for (size_t i = 0; i < 24; i++) {
        cr_assert_eq(weir_value_element(&k, i, &f.out, &v, &f.err), WEIR_OK);
        cr_assert_eq(v.f64, y.at[i]);
    }
    close_file();
}

Test(format_value, fields_of_structs_are_found_by_name)
{
    struct weir_value_at root = open_file("tests/data/pickle/all.p5.pkl");
    struct weir_value_at arrays = key(&root, "arrays"), s = key(&arrays, "struct");
    struct weir_value_i64s left;
    struct weir_value_f64s value;
    struct weir_value_i32s flag;
    cr_assert(weir_value_has_field(s.v, "flag"));
    cr_assert_not(weir_value_has_field(s.v, "right"));
    cr_assert_eq(weir_value_field_i64s(&s, "left", &f.out, &left, &f.err), WEIR_OK);
    cr_assert_eq(weir_value_field_f64s(&s, "value", &f.out, &value, &f.err), WEIR_OK);
    cr_assert_eq(weir_value_field_i32s(&s, "flag", &f.out, &flag, &f.err), WEIR_OK);
    cr_assert_eq(left.at[1], 4);
    cr_assert_eq(value.at[1], -5.5);
    cr_assert_eq(flag.at[0], 3);
    cr_assert_eq(weir_value_field_f64s(&s, "right", &f.out, &value, &f.err), WEIR_ERR_INVALID);
    cr_assert_str_eq(f.err.msg, "arrays.struct: has no field right");
    cr_assert_eq(weir_value_f64s(&s, &f.out, &value, &f.err), WEIR_ERR_INVALID);
    close_file();
}

Test(format_value, texts_of_arrays_and_lists)
{
    struct weir_value_at root = open_file("tests/data/pickle/all.p4.pkl");
    struct weir_value_at arrays = key(&root, "arrays");
    struct weir_value_at u = key(&arrays, "texts"), s = key(&arrays, "bytes");
    struct weir_value_at list = key(&root, "texts"), o = key(&arrays, "objects");
    struct weir_value_strs t;
    cr_assert_eq(weir_value_strs(&u, &f.out, &t, &f.err), WEIR_OK, "%s", f.err.msg);
    cr_assert_str_eq(t.at[0].at, "no");
    cr_assert_str_eq(t.at[2].at, "\u20ac");
    cr_assert_eq(weir_value_strs(&s, &f.out, &t, &f.err), WEIR_OK);
    cr_assert_str_eq(t.at[1].at, "bcd");
    cr_assert_eq(weir_value_strs(&list, &f.out, &t, &f.err), WEIR_OK);
    cr_assert_str_eq(t.at[3].at, "back\\slash\nnewline");
    cr_assert_eq(weir_value_strs(&o, &f.out, &t, &f.err), WEIR_ERR_INVALID);
    cr_assert_str_eq(f.err.msg, "arrays.objects: element 1: expected text, found integer");
    cr_assert_eq(weir_value_element_kind(u.v), 'U');
    cr_assert_eq(weir_value_element_kind(o.v), 'O');
    close_file();
}

Test(format_value, one_routine_reads_every_kind_of_number)
{
    struct weir_value_at root = open_file("tests/data/pickle/all.p4.pkl");
    struct weir_value_at arrays = key(&root, "arrays"), scalars = key(&root, "scalars");
    struct weir_value_at zero_d = key(&arrays, "zero_d"), ints = key(&root, "ints");
    struct weir_value_at big = item(&scalars, 5), f4 = item(&scalars, 1), i1 = item(&scalars, 2);
    struct weir_value_at huge = item(&ints, 12), u64 = item(&ints, 11), truth = item(&scalars, 3);
    double x;
    int64_t i = 7;
    bool b;
    cr_assert_eq(weir_value_f64(&zero_d, &x, &f.err), WEIR_OK);
    cr_assert_eq(x, 3.5);
    cr_assert_eq(weir_value_i64(&zero_d, &i, &f.err), WEIR_ERR_INVALID);
    cr_assert_str_eq(f.err.msg, "arrays.zero_d: expected a whole number, found 3.5");
    cr_assert_eq(weir_value_f64(&f4, &x, &f.err), WEIR_OK);
    cr_assert_eq(x, (double)0.1f);
    cr_assert_eq(weir_value_i64(&i1, &i, &f.err), WEIR_OK);
    cr_assert_eq(i, -7);
    cr_assert_eq(weir_value_f64(&big, &x, &f.err), WEIR_OK);
    cr_assert_eq(x, 0x1p63);
    cr_assert_eq(weir_value_i64(&big, &i, &f.err), WEIR_ERR_INVALID);
    cr_assert_eq(i, -7, "a failure leaves the result alone");
    cr_assert_eq(weir_value_f64(&u64, &x, &f.err), WEIR_OK);
    cr_assert_eq(x, 0x1p64);
    cr_assert_eq(weir_value_f64(&huge, &x, &f.err), WEIR_ERR_INVALID);
    cr_assert_eq(weir_value_bool(&truth, &b, &f.err), WEIR_OK);
    cr_assert(b);
    cr_assert_eq(weir_value_i64_in(&i1, 0, 10, &i, &f.err), WEIR_ERR_INVALID);
    cr_assert_str_eq(f.err.msg, "scalars[2]: expected a number from 0 to 10, found -7");
    close_file();
}

Test(format_value, messages_name_the_place)
{
    struct weir_value_at root = open_file("tests/data/pickle/model.p4.pkl");
    struct weir_value_at steps = attr(&root, "steps"), step = item(&steps, 1);
    struct weir_value_at model = item(&step, 1);
    double *coef;
    cr_assert_eq(weir_value_attr_matrix(&model, "coef_", 1, 2, &f.out, &coef, &f.err), WEIR_OK,
                 "%s", f.err.msg);
    cr_assert_eq(weir_value_attr_matrix(&model, "coef_", 1, 3, &f.out, &coef, &f.err),
                 WEIR_ERR_INVALID);
    cr_assert_str_eq(f.err.msg,
                     "Pipeline.steps[1].LogisticRegression.coef_: expected 3 columns, found 2");
    struct weir_value_at none;
    cr_assert_eq(weir_value_attr(&model, "coef", &none, &f.err), WEIR_ERR_INVALID);
    cr_assert_str_eq(f.err.msg, "Pipeline.steps[1].LogisticRegression: has no attribute coef");
    cr_assert_eq(weir_value_attr_opt(&model, "coef", &none, &f.err), WEIR_OK);
    cr_assert_null(none.v);
    cr_assert_eq(weir_value_attr_opt(&model, "class_weight", &none, &f.err), WEIR_OK);
    cr_assert_null(none.v, "None counts as absent");
    int64_t max_iter;
    cr_assert_eq(weir_value_attr_i64_or(&model, "max_iter", 5, &max_iter, &f.err), WEIR_OK);
    cr_assert_eq(max_iter, 100);
    cr_assert_eq(weir_value_attr_i64_or(&model, "nothing", 5, &max_iter, &f.err), WEIR_OK);
    cr_assert_eq(max_iter, 5);
    cr_assert_eq(weir_value_attr_i64_or(&model, "solver", 5, &max_iter, &f.err), WEIR_ERR_INVALID);
    cr_assert_str_eq(f.err.msg,
                     "Pipeline.steps[1].LogisticRegression.solver: expected a number, found text");
    close_file();
}

/* Visits everything below a place; how many visits it took, or the status that ended it. */
static enum weir_status visit(const struct weir_value_at *at, uint64_t *n, struct weir_error *err)
{
    ++*n;
    for (size_t i = 0; i < weir_value_n(at->v); i++) {
        struct weir_value_at child;
        enum weir_status status = weir_value_item(at, i, &child, err);
        if (status == WEIR_OK)
            status = visit(&child, n, err);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

/* Thirty levels, each a list with the level below ten times: 10^30 visits if nothing counted. */
Test(format_value, a_walk_over_shared_parts_ends)
{
    struct weir_value leaf = {.kind = WEIR_VALUE_NONE};
    struct weir_value level[30];
    const struct weir_value *items[30][10];
    struct weir_value_walk walk;
    struct weir_error err = WEIR_ERROR_INIT;
    for (size_t i = 0; i < 30; i++) {
        for (size_t k = 0; k < 10; k++)
            items[i][k] = i ? &level[i - 1] : &leaf;
        level[i] = (struct weir_value){.kind = WEIR_VALUE_LIST, .items = {items[i], 10}};
    }
    weir_value_walk_init(&walk, 31);
    struct weir_value_at root = weir_value_root(&level[29], &walk);
    uint64_t n = 0;
    cr_assert_eq(visit(&root, &n, &err), WEIR_ERR_LIMIT);
    cr_assert_not_null(strstr(err.msg, "too often"), "%s", err.msg);
    cr_assert_lt(n, 1000000);
}

Test(format_value, a_walk_into_itself_ends)
{
    struct weir_value list;
    const struct weir_value *items[1] = {&list};
    struct weir_value_walk walk;
    struct weir_error err = WEIR_ERROR_INIT;
    list = (struct weir_value){.kind = WEIR_VALUE_LIST, .items = {items, 1}};
    weir_value_walk_init(&walk, 1);
    struct weir_value_at root = weir_value_root(&list, &walk);
    uint64_t n = 0;
    cr_assert_eq(visit(&root, &n, &err), WEIR_ERR_LIMIT);
    cr_assert_not_null(strstr(err.msg, "inside itself"), "%s", err.msg);
    cr_assert_eq(strncmp(err.msg, "...", 3), 0, "a long place loses its beginning: %s", err.msg);
    cr_assert_eq(n, WEIR_VALUE_DEPTH_MAX + 1);
}

/* A NaN of a file may say anything in its payload, a cell's tag and an address too. */
Test(format_value, every_nan_of_a_file_is_the_plain_one)
{
    static const uint64_t wide[] = {0xfffa414141414140, 0xfffb000000000000, 0x7ff8000000000001};
    static const uint64_t turned[] = {0x404141414141faff, 0xfbff, 0x010000000000f87f};
    static const uint32_t narrow[] = {0xffd41414, 0xffd80000, 0x7fc00001};
    static const size_t shape[] = {3}, stride[] = {1};
    const struct weir_value_dtype types[] = {{.kind = 'f', .itemsize = 8},
                                             {.kind = 'f', .itemsize = 8, .is_big_endian = true},
                                             {.kind = 'f', .itemsize = 4}};
    const void *const data[] = {wide, turned, narrow};
    weir_arena_init(&f.out, NULL, 0);
    for (size_t i = 0; i < 3; i++) {
        const struct weir_value_array array = {.dtype = &types[i],
                                               .n_dims = 1,
                                               .is_row_major = true,
                                               .shape = shape,
                                               .stride = stride,
                                               .n = 3,
                                               .data = data[i]};
        const struct weir_value v = {.kind = WEIR_VALUE_ARRAY, .array = &array};
        weir_value_walk_init(&f.walk, 1);
        struct weir_value_at at = weir_value_root(&v, &f.walk);
        struct weir_value_f64s x;
        struct weir_value_f32s y;
        cr_assert_eq(weir_value_f64s(&at, &f.out, &x, &f.err), WEIR_OK, "%s", f.err.msg);
        cr_assert_eq(weir_value_f32s(&at, &f.out, &y, &f.err), WEIR_OK, "%s", f.err.msg);
        for (size_t k = 0; k < 3; k++) {
            cr_assert(isnan(x.at[k]), "%zu.%zu", i, k);
            cr_assert_eq(weir_cell_bits(x.at[k]), weir_cell_bits((double)NAN), "%zu.%zu", i, k);
            cr_assert_eq(weir_cell_bits((double)y.at[k]), weir_cell_bits((double)NAN));
        }
    }
    const struct weir_value scalar = {.kind = WEIR_VALUE_F64, .f64 = weir_cell_from_bits(wide[0])};
    struct weir_value_at at = weir_value_root(&scalar, &f.walk);
    double v;
    cr_assert_eq(weir_value_f64(&at, &v, &f.err), WEIR_OK, "%s", f.err.msg);
    cr_assert_eq(weir_cell_bits(v), weir_cell_bits((double)NAN));
    weir_arena_deinit(&f.out);
}
