/* SPDX-License-Identifier: MIT */
/* Thresholds in the state directory: what is kept comes back bit for bit, what is not the model's
 * does not. */
#include "base/macros.h"
#include "repo/thresholds.h"
#include "test_tmp.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <math.h>
#include <stdio.h>

static const struct weir_str texts[] = {{"no", 2}, {"yes", 3}};
static const struct weir_str jsons[] = {{"\"no\"", 4}, {"\"yes\"", 5}};
static const struct weir_labels two = {.dtype = WEIR_BYTES, .n = 2, .text = texts, .json = jsons};
static const struct weir_spec spec = {
    .form = WEIR_INPUT_MATRIX,
    .n_targets = 1,
    .targets = &two,
    .outputs = {
        [WEIR_OUTPUT_PREDICT] = {.is_given = true, .storage = WEIR_STORAGE_LABEL, .n_columns = 1},
        [WEIR_OUTPUT_PREDICT_PROBA] = {.is_given = true, .n_columns = 2},
        [WEIR_OUTPUT_DECISION_FUNCTION] = {.is_given = true, .n_columns = 1},
    }};

struct fixture {
    struct weir_test_tmp tmp;
    struct weir_repo_state_dir state;
    struct weir_repo_verdicts verdicts;
};

static void begin(struct fixture *f)
{
    char path[512];
    weir_test_tmp_init(&f->tmp);
    weir_test_tmp_path(&f->tmp, ".", path, sizeof path);
    f->state = (struct weir_repo_state_dir){open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), -1};
    cr_assert_geq(f->state.fd, 0);
    cr_assert_eq(weir_repo_verdicts_open(&f->verdicts, &f->state, NULL), WEIR_OK);
}

static void end(struct fixture *f)
{
    weir_repo_verdicts_close(&f->verdicts);
    weir_repo_state_dir_close(&f->state);
    weir_test_tmp_deinit(&f->tmp);
}

static const char *digest_of(unsigned i)
{
    static char hex[WEIR_REPO_DIGEST_HEX + 1];
    (void)snprintf(hex, sizeof hex, "%064x", i);
    return hex;
}

static void put(const struct fixture *f, unsigned i, double value, enum weir_output score,
                uint32_t positive)
{
    const struct weir_tensor_threshold t = {
        .is_set = true, .value = value, .score = score, .positive = positive};
    cr_assert_eq(weir_repo_thresholds_put(&f->verdicts, WEIR_STR("churn"), digest_of(i), &t, NULL),
                 WEIR_OK);
}

static enum weir_status find(const struct fixture *f, const char *model, unsigned i,
                             struct weir_tensor_threshold *out)
{
    return weir_repo_thresholds_find(&f->verdicts, weir_str_c(model), digest_of(i), &spec, out,
                                     NULL);
}

Test(repo_thresholds, what_is_kept_comes_back)
{
    static const double values[] = {.37, -0.1, 1. / 3, 5e-324, 0, 1e300};
    struct fixture f;
    struct weir_tensor_threshold t = {.is_set = false};
    begin(&f);
    cr_assert_eq(find(&f, "churn", 0, &t), WEIR_ERR_NOT_FOUND);
    for (unsigned i = 0; i < WEIR_ARRAY_LEN(values); i++)
        put(&f, i, values[i], i % 2 ? WEIR_OUTPUT_PREDICT_PROBA : WEIR_OUTPUT_DECISION_FUNCTION,
            i / 2 % 2);
    for (unsigned i = 0; i < WEIR_ARRAY_LEN(values); i++) {
        cr_assert_eq(find(&f, "churn", i, &t), WEIR_OK);
        cr_expect_eq(memcmp(&t.value, &values[i], sizeof t.value), 0, "%a", t.value);
        cr_expect_eq(t.score, i % 2 ? WEIR_OUTPUT_PREDICT_PROBA : WEIR_OUTPUT_DECISION_FUNCTION);
        cr_expect_eq(t.positive, i / 2 % 2);
        cr_expect_str_eq(t.origin, "gate");
    }
    put(&f, 0, (double)INFINITY, WEIR_OUTPUT_PREDICT_PROBA, 1);
    cr_assert_eq(find(&f, "churn", 0, &t), WEIR_OK);
    cr_assert(isinf(t.value) && t.value > 0);
    cr_assert_eq(find(&f, "other", 0, &t), WEIR_ERR_NOT_FOUND);
    end(&f);
}

Test(repo_thresholds, one_that_is_not_set_is_forgotten)
{
    static const struct weir_tensor_threshold none = {.is_set = false};
    struct fixture f;
    struct weir_tensor_threshold t;
    begin(&f);
    cr_assert_eq(
        weir_repo_thresholds_put(&f.verdicts, WEIR_STR("churn"), digest_of(1), &none, NULL),
        WEIR_OK);
    put(&f, 1, 1, WEIR_OUTPUT_PREDICT_PROBA, 1);
    put(&f, 2, 2, WEIR_OUTPUT_PREDICT_PROBA, 1);
    cr_assert_eq(
        weir_repo_thresholds_put(&f.verdicts, WEIR_STR("churn"), digest_of(1), &none, NULL),
        WEIR_OK);
    cr_assert_eq(find(&f, "churn", 1, &t), WEIR_ERR_NOT_FOUND);
    cr_assert_eq(find(&f, "churn", 2, &t), WEIR_OK);
    end(&f);
}

Test(repo_thresholds, the_oldest_go)
{
    struct fixture f;
    struct weir_tensor_threshold t;
    begin(&f);
    for (unsigned i = 0; i <= WEIR_REPO_THRESHOLDS_MAX; i++)
        put(&f, i, -0x1.fffffffffffffp-1022, WEIR_OUTPUT_DECISION_FUNCTION, 1);
    cr_assert_eq(find(&f, "churn", 0, &t), WEIR_ERR_NOT_FOUND);
    for (unsigned i = 1; i <= WEIR_REPO_THRESHOLDS_MAX; i++)
        cr_assert_eq(find(&f, "churn", i, &t), WEIR_OK, "%u", i);
    end(&f);
}

Test(repo_thresholds, a_damaged_file_and_another_model_are_told)
{
    struct weir_spec other = spec;
    struct fixture f;
    struct weir_tensor_threshold t;
    begin(&f);
    put(&f, 1, .5, WEIR_OUTPUT_DECISION_FUNCTION, 1);
    other.outputs[WEIR_OUTPUT_DECISION_FUNCTION].is_given = false;
    cr_assert_eq(
        weir_repo_thresholds_find(&f.verdicts, WEIR_STR("churn"), digest_of(1), &other, &t, NULL),
        WEIR_ERR_CORRUPT);
    weir_test_tmp_write(&f.tmp, "verdicts/churn.thresholds", "x\n", 2);
    cr_assert_eq(find(&f, "churn", 1, &t), WEIR_ERR_CORRUPT);
    put(&f, 1, .5, WEIR_OUTPUT_DECISION_FUNCTION, 1); /* Written anew. */
    cr_assert_eq(find(&f, "churn", 1, &t), WEIR_OK);
    end(&f);
}

Test(repo_thresholds, without_a_state_directory_nothing_is_kept)
{
    const struct weir_repo_verdicts verdicts = {{-1, -1}};
    const struct weir_tensor_threshold set = {.is_set = true};
    struct weir_tensor_threshold t;
    cr_assert_eq(weir_repo_thresholds_put(&verdicts, WEIR_STR("churn"), digest_of(1), &set, NULL),
                 WEIR_OK);
    cr_assert_eq(
        weir_repo_thresholds_find(&verdicts, WEIR_STR("churn"), digest_of(1), &spec, &t, NULL),
        WEIR_ERR_NOT_FOUND);
}
