/* SPDX-License-Identifier: MIT */
/* Live quality of a model: what its counts say against what all predictions and labels say. */
#include "base/macros.h"
#include "eval/delong.h"
#include "eval/roc.h"
#include "live/measure.h"
#include "live/model.h"
#include "live/reference.h"
#include "tensor/cell.h"
#include "test_mem.h"
#include "test_random.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 6000, WINDOW_S = 24 * 60, START_S = 1700000000 };

static const struct weir_live_secret secret = {{1, 2}};
static const struct weir_str two[] = {{"0", 1}, {"1", 1}};
static const struct weir_str three[] = {{"\"a\"", 3}, {"\"b\"", 3}, {"\"c\"", 3}};

static void tear_down(void)
{
    cr_assert_eq(test_mem_n_live(), 0);
}

TestSuite(live_model, .fini = tear_down);

static struct weir_live_shape binary(void)
{
    return (struct weir_live_shape){.task = WEIR_LIVE_BINARY,
                                    .n_classes = 2,
                                    .n_columns = 1,
                                    .n_bins = WEIR_LIVE_BINS_BINARY,
                                    .space = WEIR_EVAL_BINNED_PROBABILITY,
                                    .score = WEIR_OUTPUT_PREDICT_PROBA,
                                    .has_score = true};
}

static struct weir_live_model *model_of(uint32_t capacity, uint32_t ttl_s, uint32_t n_columns,
                                        bool keeps_first)
{
    struct weir_live_model *model;
    struct weir_live_model_opts opts = {capacity, ttl_s, WINDOW_S, keeps_first};
    cr_assert_eq(weir_live_model_new(&model, &opts, n_columns, test_mem()), WEIR_OK);
    return model;
}

static struct weir_live_key request_of(uint32_t id)
{
    char text[16];
    int n = snprintf(text, sizeof text, "r%u", id);
    return weir_live_key_hash(&secret, text, (size_t)n);
}

static void record(struct weir_live_model *model, int slot, uint32_t id, double score,
                   uint32_t decided, uint64_t now_s)
{
    struct weir_live_seen seen = {
        score, decided,
        weir_eval_binned_bin(score, WEIR_EVAL_BINNED_PROBABILITY, WEIR_LIVE_BINS_BINARY)};
    struct weir_live_observation o = {.n_rows = 1, .rows = &seen};
    (void)weir_live_model_record(model, slot, request_of(id), &o, now_s);
}

static struct weir_live_joined label(struct weir_live_model *model, uint32_t id, const char *text,
                                     uint64_t now_s)
{
    char room[16];
    struct weir_live_label l = {.text = weir_str_c(text)};
    int n = snprintf(room, sizeof room, "r%u", id);
    l.names = weir_live_key_names(&secret, weir_str_make(room, (size_t)n));
    l.is_number = sscanf(text, "%lf", &l.number) == 1;
    return weir_live_model_label(model, &l, now_s);
}

struct row {
    uint32_t version;
    uint64_t at_s;
    double score;
    uint32_t decided;
    int truth; /* −1: none */
};

/* The exact numbers of the rows of a version since a time. */
static void expect(const struct row *rows, size_t n, uint32_t version, uint64_t since_s,
                   const struct weir_live_sum *sum)
{
    static double scores[ROWS];
    static uint8_t y[ROWS];
    uint64_t confusion[4] = {0};
    uint64_t n_rows = 0;
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].version != version || rows[i].at_s < since_s)
            continue;
        n_rows++;
        if (rows[i].truth < 0)
            continue;
        scores[k] = rows[i].score;
        y[k++] = rows[i].truth == 1;
        confusion[rows[i].truth * 2 + (int)rows[i].decided]++;
    }
    struct weir_live_measures m;
    cr_assert_eq(sum->n_rows, n_rows);
    cr_assert_eq(sum->n_labelled, k);
    cr_assert_arr_eq(sum->counts + sum->layout.confusion, confusion, sizeof confusion);
    cr_assert_eq(weir_live_measure_make(&m, sum, test_mem()), WEIR_OK);
    struct weir_eval_binary all = {.n = k, .scores = scores, .is_positive = y};
    struct weir_eval_sweep sweep;
    double auc;
    cr_assert_eq(weir_eval_sweep_init(&sweep, &all, test_mem(), NULL), WEIR_OK);
    cr_assert(weir_eval_roc_auc(&sweep, &auc));
    const struct weir_live_metric *got = weir_live_measure_find(&m, "roc_auc");
    cr_assert(got->has_bounds);
    cr_assert(got->low - 1e-12 <= auc && auc <= got->high + 1e-12, "%g: %g %g", auc, got->low,
              got->high);
    cr_assert_leq(got->high - got->low, 2e-3);
    cr_assert(got->has_interval);
    double brier = 0;
    for (size_t i = 0; i < k; i++)
        brier += (scores[i] - y[i]) * (scores[i] - y[i]) / (double)k;
    cr_assert_leq(fabs(weir_live_measure_find(&m, "brier")->value - brier), 1e-12);
    weir_eval_sweep_deinit(&sweep);
    weir_live_measure_deinit(&m);
}

/* Predictions of two versions over a day and a half, labels that are late, twice, corrected, and of
 * nobody; every sum is that of the rows. */
Test(live_model, sums_are_those_of_all_rows)
{
    static struct row rows[ROWS];
    struct weir_test_random r;
    weir_test_random_init(&r, 77);
    struct weir_live_model *model = model_of(ROWS, WINDOW_S, 1, false);
    struct weir_live_shape shape = binary();
    int slots[] = {weir_live_model_attach(model, 1, "aa", &shape, two),
                   weir_live_model_attach(model, 2, "bb", &shape, two)};
    uint64_t now = START_S;
    uint64_t counts[WEIR_LIVE_JOIN_N] = {0};
    size_t n = 0;
    cr_assert_neq(slots[0], slots[1]);
    while (n < ROWS) {
        struct row *row = &rows[n];
        double u = weir_test_random_unit(&r) + weir_test_random_unit(&r);
        *row = (struct row){.version = (uint32_t)weir_test_random_below(&r, 2),
                            .at_s = now,
                            .score = 1 / (1 + exp(-4 * (u - 1))),
                            .truth = -1};
        row->decided = row->score > .5;
        record(model, slots[row->version], (uint32_t)n, row->score, row->decided, now);
        n++;
        now += weir_test_random_below(&r, 2) == 0;
        for (int k = 0; k < 2; k++) {
            uint32_t id = (uint32_t)weir_test_random_below(&r, n + 3);
            int truth = id < n && weir_test_random_unit(&r) < rows[id].score;
            struct weir_live_joined j = label(model, id, truth ? "1" : "0", now);
            counts[j.join]++;
            if (id >= n) {
                cr_assert_eq(j.join, WEIR_LIVE_JOIN_UNKNOWN);
                continue;
            }
            bool is_old =
                now - rows[id].at_s > WINDOW_S || now / 60 - rows[id].at_s / 60 >= WEIR_LIVE_SPANS;
            enum weir_live_join expected = is_old                    ? WEIR_LIVE_JOIN_EXPIRED
                                           : rows[id].truth < 0      ? WEIR_LIVE_JOIN_MATCHED
                                           : rows[id].truth == truth ? WEIR_LIVE_JOIN_DUPLICATE
                                                                     : WEIR_LIVE_JOIN_UPDATED;
            cr_assert_eq(j.join, expected, "%s, expected %s", weir_live_model_join_name(j.join),
                         weir_live_model_join_name(expected));
            if (expected == WEIR_LIVE_JOIN_MATCHED)
                cr_assert_eq(j.delay_s, now - rows[id].at_s);
            if (!is_old)
                rows[id].truth = truth;
        }
        if (n % 500 != 0)
            continue;
        for (uint32_t v = 0; v < 2; v++) {
            struct weir_live_sum all = {0};
            struct weir_live_sum some = {0};
            cr_assert_eq(weir_live_model_sum(model, v + 1, WINDOW_S, now, &all, test_mem()),
                         WEIR_OK);
            expect(rows, n, v, (now / 60 - 23) * 60, &all);
            cr_assert_eq(weir_live_model_sum(model, v + 1, 120, now, &some, test_mem()), WEIR_OK);
            cr_assert_lt(some.n_rows, n > 1500 ? all.n_rows : UINT64_MAX);
            cr_assert_eq(some.from_s % 60, 0);
            weir_live_sum_deinit(&some);
            weir_live_sum_deinit(&all);
        }
    }
    cr_assert(counts[WEIR_LIVE_JOIN_UPDATED] > 100 && counts[WEIR_LIVE_JOIN_DUPLICATE] > 100);
    cr_assert(counts[WEIR_LIVE_JOIN_MATCHED] > 1000 && counts[WEIR_LIVE_JOIN_EXPIRED] > 10);
    weir_live_model_free(model);
}

/* A label that is corrected and corrected back leaves no trace. */
Test(live_model, a_label_taken_back_restores_every_count)
{
    struct weir_live_model *model = model_of(64, 100, 1, false);
    struct weir_live_shape shape = binary();
    int slot = weir_live_model_attach(model, 1, "aa", &shape, two);
    struct weir_live_sum sums[3] = {{.n_rows = 0}};
    for (uint32_t i = 0; i < 20; i++) {
        record(model, slot, i, 1. / (3 + i), i % 2, START_S);
        cr_assert_eq(label(model, i, i % 3 ? "0" : "1", START_S).join, WEIR_LIVE_JOIN_MATCHED);
    }
    for (int k = 0; k < 3; k++) {
        cr_assert_eq(weir_live_model_sum(model, 1, 60, START_S, &sums[k], test_mem()), WEIR_OK);
        for (uint32_t i = 0; i < 20 && k < 2; i++)
            cr_assert_eq(label(model, i, (i % 3 == 0) == (k == 0) ? "0" : "1", START_S).join,
                         WEIR_LIVE_JOIN_UPDATED);
    }
    cr_assert_arr_neq(sums[0].counts, sums[1].counts, sums[0].layout.n * sizeof(uint64_t));
    cr_assert_arr_eq(sums[0].counts, sums[2].counts, sums[0].layout.n * sizeof(uint64_t));
    cr_assert_eq(weir_eval_exact_get(&sums[0].calibration->squares),
                 weir_eval_exact_get(&sums[2].calibration->squares));
    cr_assert_neq(weir_eval_exact_get(&sums[0].calibration->squares),
                  weir_eval_exact_get(&sums[1].calibration->squares));
    for (int k = 0; k < 3; k++)
        weir_live_sum_deinit(&sums[k]);
    weir_live_model_free(model);
}

Test(live_model, the_first_label_may_be_the_one_that_counts)
{
    struct weir_live_model *model = model_of(64, 100, 1, true);
    struct weir_live_shape shape = binary();
    int slot = weir_live_model_attach(model, 1, "aa", &shape, two);
    record(model, slot, 5, .7, 1, START_S);
    cr_assert_eq(label(model, 5, "1", START_S).join, WEIR_LIVE_JOIN_MATCHED);
    cr_assert_eq(label(model, 5, "0", START_S).join, WEIR_LIVE_JOIN_KEPT);
    cr_assert_eq(label(model, 5, "1.0", START_S).join, WEIR_LIVE_JOIN_DUPLICATE);
    cr_assert_eq(label(model, 5, "2", START_S).join, WEIR_LIVE_JOIN_UNKNOWN_CLASS);
    cr_assert_eq(label(model, 5, "yes", START_S).join, WEIR_LIVE_JOIN_UNKNOWN_CLASS);
    weir_live_model_free(model);
}

/* Loops have a model each; their sums, merged, are those of one. */
Test(live_model, sums_of_loops_are_merged)
{
    struct weir_live_model *parts[] = {model_of(256, 100, 1, false), model_of(256, 100, 1, false),
                                       model_of(512, 100, 1, false)};
    struct weir_live_shape shape = binary();
    struct weir_live_sum sums[3] = {{.n_rows = 0}};
    for (int k = 0; k < 3; k++)
        (void)weir_live_model_attach(parts[k], 1, "aa", &shape, two);
    for (uint32_t i = 0; i < 300; i++) {
        int of[] = {(int)(i % 2), 2};
        for (int k = 0; k < 2; k++) {
            record(parts[of[k]], 0, i, (double)(i % 37) / 36, i % 37 > 18, START_S);
            (void)label(parts[of[k]], i, (i * 7) % 37 > 18 ? "1" : "0", START_S);
        }
    }
    for (int k = 0; k < 3; k++)
        cr_assert_eq(weir_live_model_sum(parts[k], 1, 60, START_S, &sums[k], test_mem()), WEIR_OK);
    weir_live_sum_merge(&sums[0], &sums[1]);
    cr_assert_arr_eq(sums[0].counts, sums[2].counts, sums[0].layout.n * sizeof(uint64_t));
    cr_assert_arr_eq(sums[0].is_mixed, sums[2].is_mixed, shape.n_bins);
    struct weir_live_measures m;
    cr_assert_eq(weir_live_measure_make(&m, &sums[0], test_mem()), WEIR_OK);
    const struct weir_live_metric *auc = weir_live_measure_find(&m, "roc_auc");
    cr_assert_leq(auc->high - auc->low, 1e-12); /* 37 scores, each alone in its bin */
    weir_live_measure_deinit(&m);
    for (int k = 0; k < 3; k++) {
        weir_live_sum_deinit(&sums[k]);
        weir_live_model_free(parts[k]);
    }
}

/* Versions come and go; the oldest of more than four is forgotten, and its predictions with it. */
Test(live_model, versions_are_few)
{
    struct weir_live_model *model = model_of(64, 100, 1, false);
    struct weir_live_shape shape = binary();
    struct weir_live_sum sum = {0};
    for (uint32_t v = 1; v <= 5; v++) {
        int slot = weir_live_model_attach(model, v, "aa", &shape, two);
        record(model, slot, v, .5, 1, START_S);
    }
    cr_assert_eq(label(model, 1, "1", START_S).join, WEIR_LIVE_JOIN_EXPIRED);
    cr_assert_eq(label(model, 2, "1", START_S).join, WEIR_LIVE_JOIN_MATCHED);
    cr_assert_eq(label(model, 5, "1", START_S).version, 5);
    cr_assert_eq(weir_live_model_attach(model, 3, "aa", &shape, two), 2);
    cr_assert_eq(label(model, 3, "1", START_S).join, WEIR_LIVE_JOIN_MATCHED);
    cr_assert_eq(weir_live_model_sum(model, 1, 60, START_S, &sum, test_mem()), WEIR_ERR_NOT_FOUND);
    cr_assert_eq(weir_live_model_sum(model, 0, 60, START_S, &sum, test_mem()), WEIR_OK);
    cr_assert_eq(sum.n_rows, 4);
    cr_assert_eq(sum.n_labelled, 3);
    weir_live_sum_deinit(&sum);
    weir_live_model_free(model);
}

Test(live_model, more_classes_are_ranked_against_the_rest)
{
    struct weir_live_shape shape = {.task = WEIR_LIVE_MULTICLASS,
                                    .n_classes = 3,
                                    .n_columns = 3,
                                    .n_bins = WEIR_LIVE_BINS_CLASS,
                                    .space = WEIR_EVAL_BINNED_PROBABILITY,
                                    .has_score = true};
    struct weir_live_model *model = model_of(512, 100, 3, false);
    int slot = weir_live_model_attach(model, 1, "aa", &shape, three);
    static uint16_t bins[300][3];
    for (uint32_t i = 0; i < 300; i++) { /* Class a is told apart, b and c are not. */
        uint32_t truth = i % 3;
        double p[] = {truth == 0 ? .8 : .1, .45 - (i % 7) * .01, .45 + (i % 7) * .01};
        for (int k = 0; k < 3; k++)
            bins[i][k] = (uint16_t)weir_eval_binned_bin(p[k], shape.space, shape.n_bins);
        struct weir_live_seen seen = {.score = p[0], .decided = truth == 0 ? 0 : 2};
        struct weir_live_observation o = {.n_rows = 1, .rows = &seen, .bins = bins[i]};
        cr_assert_eq(weir_live_model_record(model, slot, request_of(i), &o, START_S), 1);
        cr_assert_eq(label(model, i,
                           truth == 0   ? "a"
                           : truth == 1 ? "b"
                                        : "c",
                           START_S)
                         .join,
                     WEIR_LIVE_JOIN_MATCHED);
    }
    struct weir_live_sum sum = {0};
    struct weir_live_measures m;
    cr_assert_eq(weir_live_model_sum(model, 1, 60, START_S, &sum, test_mem()), WEIR_OK);
    cr_assert_eq(weir_live_measure_make(&m, &sum, test_mem()), WEIR_OK);
    cr_assert_eq(m.class_auc[0], 1);
    cr_assert(fabs(m.class_auc[1] - .5) < .1);
    cr_assert_leq(fabs(weir_live_measure_find(&m, "accuracy")->value - 2. / 3), 1e-12);
    cr_assert_eq(m.confusion.cells[1 * 3 + 2], 100);
    weir_live_measure_deinit(&m);
    weir_live_sum_deinit(&sum);
    weir_live_model_free(model);
}

Test(live_model, numbers_have_errors)
{
    struct weir_live_shape shape = {.task = WEIR_LIVE_REGRESSION};
    struct weir_live_model *model = model_of(64, 100, 0, false);
    int slot = weir_live_model_attach(model, 1, "aa", &shape, NULL);
    static const double predictions[] = {1, 2, 3, 4};
    static const char *const truths[] = {"1.5", "2", "2", "1e300"};
    for (uint32_t i = 0; i < 4; i++) {
        struct weir_live_seen seen = {.score = predictions[i], .bin = WEIR_LIVE_NO_BIN};
        struct weir_live_observation o = {.n_rows = 1, .rows = &seen};
        (void)weir_live_model_record(model, slot, request_of(i), &o, START_S);
        cr_assert_eq(label(model, i, truths[i], START_S).join, WEIR_LIVE_JOIN_MATCHED);
    }
    cr_assert_eq(label(model, 3, "6", START_S).join, WEIR_LIVE_JOIN_UPDATED);
    cr_assert_eq(label(model, 3, "six", START_S).join, WEIR_LIVE_JOIN_UNKNOWN_CLASS);
    struct weir_live_sum sum = {0};
    struct weir_live_measures m;
    cr_assert_eq(weir_live_model_sum(model, 1, 60, START_S, &sum, test_mem()), WEIR_OK);
    cr_assert_eq(weir_live_measure_make(&m, &sum, test_mem()), WEIR_OK);
    cr_assert_leq(fabs(weir_live_measure_find(&m, "mse")->value - (.25 + 1 + 4) / 4), 1e-12);
    cr_assert_leq(fabs(weir_live_measure_find(&m, "mae")->value - 3.5 / 4), 1e-12);
    double mean = 11.5 / 4;
    double spread = 1.5 * 1.5 + 4 + 4 + 36 - 4 * mean * mean;
    cr_assert_leq(fabs(weir_live_measure_find(&m, "r2")->value - (1 - 5.25 / spread)), 1e-12);
    weir_live_measure_deinit(&m);
    weir_live_sum_deinit(&sum);
    weir_live_model_free(model);
}

/* --- drift ----------------------------------------------------------------------------------- */

enum { REFERENCE_ROWS = 5000, FEATURES = 3 };

static void draw_rows(struct weir_test_random *r, double shift, size_t n, double *rows,
                      double *scores)
{
    for (size_t i = 0; i < n; i++) {
        double z = 0;
        for (int k = 0; k < 12; k++)
            z += weir_test_random_unit(r);
        rows[i * FEATURES] = z - 6 + shift;
        rows[i * FEATURES + 1] = (double)weir_test_random_below(r, 4);
        rows[i * FEATURES + 2] =
            weir_test_random_below(r, 10) == 0 ? (double)NAN : weir_test_random_unit(r);
        scores[i] = 1 / (1 + exp(-rows[i * FEATURES]));
    }
}

/* Rows as before raise no alarm, shifted ones do, and only of what has shifted. */
Test(live_model, drift_is_told_of_what_has_moved)
{
    static double rows[REFERENCE_ROWS * FEATURES];
    static double scores[REFERENCE_ROWS];
    struct weir_live_reference *reference;
    struct weir_test_random r;
    weir_test_random_init(&r, 8);
    draw_rows(&r, 0, REFERENCE_ROWS, rows, scores);
    cr_assert_eq(weir_live_reference_new(&reference, rows, scores, REFERENCE_ROWS, FEATURES, NULL,
                                         test_mem()),
                 WEIR_OK);
    for (int k = 0; k < 2; k++) {
        uint64_t counts[FEATURES + 1][WEIR_LIVE_REFERENCE_BINS] = {{0}};
        draw_rows(&r, k, 1000, rows, scores);
        for (size_t i = 0; i < 1000; i++) {
            uint8_t bins[FEATURES + 1];
            weir_live_reference_bins(reference, rows + i * FEATURES, WEIR_F64, scores[i], bins);
            for (size_t f = 0; f <= FEATURES; f++)
                counts[f][bins[f]]++;
        }
        struct weir_live_drift d[FEATURES + 1];
        for (size_t f = 0; f <= FEATURES; f++) {
            d[f] = weir_live_reference_measure(reference, f, counts[f]);
            cr_assert_eq(d[f].m, 1000);
            cr_assert_leq(d[f].ks_high - d[f].ks_low, f == 1 ? .6 : .05);
        }
        cr_assert_eq(d[0].n_bins, 10);
        cr_assert_eq(d[1].n_bins, 4 - 1 + (d[1].n_bins == 4));
        cr_assert_eq(d[2].n_bins, 11); /* ten and the missing ones */
        cr_assert(k == 0 ? d[0].psi < d[0].guard : d[0].psi > .5, "%g %g", d[0].psi, d[0].guard);
        cr_assert(k == 0 ? d[0].ks_p > 1e-3 : d[0].ks_p < 1e-9);
        cr_assert(k == 0 ? d[3].psi < d[3].guard : d[3].psi > .5);
        cr_assert(d[1].psi < .05 && d[2].psi < .05);
    }
    weir_live_reference_free(reference);
}

/* Values at edges, beyond them, missing ones, and categories. */
Test(live_model, reference_bins_hold_what_they_should)
{
    static const char *const names[] = {"red", "green", "blue"};
    struct weir_live_reference *reference;
    double rows[60 * 2];
    double scores[60];
    bool is_text[] = {false, true};
    static _Alignas(8) char room[4][16];
    const struct weir_cell_text *texts[4];
    for (int i = 0; i < 4; i++) {
        struct weir_cell_text *text = (void *)room[i];
        const char *name = i < 3 ? names[i] : "pink";
        text->n = (uint32_t)strlen(name);
        memcpy(text->at, name, strlen(name) + 1);
        texts[i] = text;
    }
    for (int i = 0; i < 60; i++) {
        rows[2 * i] = i / 6; /* ten values of six rows */
        rows[2 * i + 1] = weir_cell_from_text(texts[i % 5 == 0 ? 1 : i % 2 * 2]);
        scores[i] = .5;
    }
    cr_assert_eq(weir_live_reference_new(&reference, rows, scores, 60, 2, is_text, test_mem()),
                 WEIR_OK);
    uint8_t bins[3];
    uint8_t last = 0;
    for (int v = -1; v < 12; v++) {
        double row[] = {v, weir_cell_from_text(texts[0])};
        weir_live_reference_bins(reference, row, WEIR_F64, .5, bins);
        cr_assert_geq(bins[0], last);
        last = bins[0];
        cr_assert_eq(bins[2], 0);
    }
    double missing[] = {(double)NAN, weir_cell_none()};
    weir_live_reference_bins(reference, missing, WEIR_F64, (double)NAN, bins);
    cr_assert_eq(bins[0], last + 1);
    cr_assert_eq(bins[1], 4); /* three, others, missing */
    double pink[] = {0, weir_cell_from_text(texts[3])};
    weir_live_reference_bins(reference, pink, WEIR_F64, .5, bins);
    cr_assert_eq(bins[1], 3);
    weir_live_reference_free(reference);
}
