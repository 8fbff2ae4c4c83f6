/* SPDX-License-Identifier: MIT */
#include "model/dense.h"
#include "test_random.h"

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

enum { ROWS = 21, IN_MAX = 37, POINTS_MAX = 75 };

static double x[ROWS * IN_MAX];
static double w[POINTS_MAX * IN_MAX];
static struct weir_model_builder b;
static struct weir_error err = WEIR_ERROR_INIT;

static void start(void)
{
    struct weir_test_random r;
    weir_test_random_init(&r, 11);
    for (size_t i = 0; i < ROWS * IN_MAX; i++)
        x[i] = weir_test_random_unit(&r) * 2.0 - 1.0;
    for (size_t i = 0; i < POINTS_MAX * IN_MAX; i++)
        w[i] = weir_test_random_unit(&r) * 2.0 - 1.0;
    cr_assert_eq(weir_model_builder_init(&b, NULL, 0, &err), WEIR_OK);
}

static void stop(void)
{
    weir_model_builder_deinit(&b);
}

static long double expected(enum weir_model_lanes_sum kind, const double *row, const double *point,
                            size_t n)
{
    long double sum = 0.0L;
    for (size_t j = 0; j < n; j++) {
        long double d = (long double)row[j] - (long double)point[j];
        switch (kind) {
        case WEIR_MODEL_LANES_DOT:
            sum += (long double)row[j] * (long double)point[j];
            break;
        case WEIR_MODEL_LANES_SQUARES:
            sum += d * d;
            break;
        case WEIR_MODEL_LANES_ABS:
            sum += fabsl(d);
            break;
        case WEIR_MODEL_LANES_MAX:
            sum = fmaxl(sum, fabsl(d));
            break;
        }
    }
    return sum;
}

/* Every version, kind and shape: right, the same bits in blocks of every size, and the same bits in
 * all versions that fuse. */
Test(model_dense, sums_are_right_and_the_same_everywhere, .init = start, .fini = stop)
{
    static const size_t ins[] = {1, 7, 8, 9, IN_MAX};
    static const size_t points[] = {1, 3, 7, 8, 9, 30, POINTS_MAX};
    for (size_t kind = 0; kind < WEIR_MODEL_LANES_N_SUMS; kind++)
        for (size_t s = 0; s < WEIR_ARRAY_LEN(ins) * WEIR_ARRAY_LEN(points); s++) {
            size_t n_in = ins[s % WEIR_ARRAY_LEN(ins)];
            size_t n = points[s / WEIR_ARRAY_LEN(ins)];
            struct weir_model_dense d;
            cr_assert_eq(weir_model_dense_rows(&d, &b, (enum weir_model_lanes_sum)kind,
                                               (uint32_t)n_in, n, w, &err),
                         WEIR_OK);
            double first[ROWS * POINTS_MAX];
            for (size_t v = 0; weir_model_lanes_list(v); v++) {
                d.lanes = weir_model_lanes_list(v);
                double all[ROWS * POINTS_MAX];
                weir_model_dense_run(&d, x, IN_MAX, ROWS, all, n);
                if (v == 0)
                    memcpy(first, all, sizeof all);
                if (strcmp(d.lanes->name, "portable") != 0)
                    cr_assert_eq(memcmp(first, all, ROWS * n * sizeof *all), 0, "%s",
                                 d.lanes->name);
                for (size_t i = 0; i < ROWS * n; i++)
                    cr_assert_leq(fabsl((long double)all[i] -
                                        expected((enum weir_model_lanes_sum)kind,
                                                 x + i / n * IN_MAX, w + i % n * n_in, n_in)),
                                  1e-15L * 4.0L * (long double)n_in);
                for (size_t step = 1; step <= ROWS; step++) {
                    double again[ROWS * POINTS_MAX];
                    for (size_t row = 0; row < ROWS; row += step)
                        weir_model_dense_run(&d, x + row * IN_MAX, IN_MAX,
                                             weir_min_size(step, ROWS - row), again + row * n, n);
                    cr_assert_eq(memcmp(again, all, ROWS * n * sizeof *all), 0, "%s step %zu",
                                 d.lanes->name, step);
                }
            }
        }
}

/* Returns |got − right| in units of the last place of right. */
static double ulps(double got, long double right)
{
    double near = (double)right;
    if (isinf(near) || isnan(near) || near == 0.0)
        return got == near || (isnan(got) && isnan(near)) ? 0.0 : (double)INFINITY;
    return (double)(fabsl((long double)got - right) /
                    (long double)(nextafter(fabs(near), INFINITY) - fabs(near)));
}

Test(model_dense, exp_and_tanh_are_accurate)
{
    enum { N = 20001 };
    static double in[N], e[N], t[N], first_e[N], first_t[N];
    struct weir_test_random r;
    weir_test_random_init(&r, 5);
    static const double corners[] = {0.0,     -0.0,   NAN,   INFINITY, -INFINITY, 1e-300,
                                     -1e-300, 709.7,  710.0, -708.0,   -745.0,    -746.0,
                                     700.0,   -700.0, 22.0,  1e300};
    for (size_t i = 0; i < N; i++)
        in[i] = i < WEIR_ARRAY_LEN(corners) ? corners[i]
                : i % 3 == 0                ? weir_test_random_unit(&r) * 1400.0 - 700.0
                : i % 3 == 1                ? weir_test_random_unit(&r) * 4.0 - 2.0
                                            : (weir_test_random_unit(&r) - 0.5) * 1e-3;
    for (size_t v = 0; weir_model_lanes_list(v); v++) {
        const struct weir_model_lanes *lanes = weir_model_lanes_list(v);
        memcpy(e, in, sizeof in);
        memcpy(t, in, sizeof in);
        lanes->exp(e, N);
        lanes->tanh(t, N);
        if (v == 0) {
            memcpy(first_e, e, sizeof e);
            memcpy(first_t, t, sizeof t);
        }
        if (strcmp(lanes->name, "portable") != 0) {
            cr_assert_eq(memcmp(first_e, e, sizeof e), 0, "%s", lanes->name);
            cr_assert_eq(memcmp(first_t, t, sizeof t), 0, "%s", lanes->name);
        }
        for (size_t i = 0; i < N; i++) {
            cr_assert_leq(ulps(e[i], expl((long double)in[i])), 1.0, "%s: exp(%.17g) is %.17g",
                          lanes->name, in[i], e[i]);
            cr_assert_leq(ulps(t[i], tanhl((long double)in[i])), 2.5, "%s: tanh(%.17g) is %.17g",
                          lanes->name, in[i], t[i]);
            double alone = in[i];
            lanes->exp(&alone, 1);
            cr_assert_eq(memcmp(&alone, &e[i], sizeof alone), 0);
        }
    }
}

/* One NaN or infinity anywhere in rows of every length is seen. */
Test(model_dense, what_is_not_finite_is_seen)
{
    for (size_t v = 0; weir_model_lanes_list(v); v++)
        for (size_t n = 1; n <= 33; n++) {
            double row[33];
            for (size_t i = 0; i < n; i++)
                row[i] = i % 2 ? 1.7976931348623157e308 : -5e-324;
            cr_assert(weir_model_lanes_list(v)->are_finite(row, n));
            static const double bad[] = {NAN, INFINITY, -INFINITY};
            for (size_t i = 0; i < 3 * n; i++) {
                double kept = row[i / 3];
                row[i / 3] = bad[i % 3];
                cr_assert_not(weir_model_lanes_list(v)->are_finite(row, n));
                row[i / 3] = kept;
            }
        }
}
