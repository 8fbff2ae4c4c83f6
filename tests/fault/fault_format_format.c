/* SPDX-License-Identifier: MIT */
/* Loading while memory runs out: each allocation of a load fails in turn, and the arenas meet every
 * bound on the way up. Each time the load must say so, leave nothing behind and set nothing. */
#include "format/format.h"
#include "test_file.h"
#include "test_mem.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

static const char *const files[] = {
    "tests/data/pickle/model.p0.pkl",
    "tests/data/pickle/model.p5.joblib",
    "tests/data/pickle/model.gzip.joblib",
};
enum { N_FILES = sizeof files / sizeof files[0], CALLS_MAX = 100000 };

static void check_failure(enum weir_status status, const struct weir_model *model,
                          const struct weir_error *err, uint64_t n)
{
    cr_assert(status == WEIR_ERR_NO_MEMORY || status == WEIR_ERR_LIMIT, "%llu: %s: %s",
              (unsigned long long)n, weir_status_name(status), err->msg);
    cr_assert_eq(err->code, status);
    cr_assert_null(model);
}

ParameterizedTestParameters(format_format, every_allocation_may_fail)
{
    static size_t index[N_FILES];
    for (size_t i = 0; i < N_FILES; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, N_FILES);
}

ParameterizedTest(size_t *row, format_format, every_allocation_may_fail)
{
    test_mem_install();
    struct weir_str file = test_file_read(files[*row]);
    const int64_t n_live = test_mem_n_live();
    for (uint64_t n = 1;; n++) {
        struct weir_model *model = NULL;
        struct weir_error err = WEIR_ERROR_INIT;
        cr_assert_lt(n, CALLS_MAX);
        test_mem_fail_at(n, n % 2 == 0);
        enum weir_status status = weir_format_load_bytes(&model, file.at, file.n, NULL, NULL, &err);
        bool has_failed = test_mem_has_failed();
        test_mem_fail_at(0, false);
        if (!has_failed) {
            cr_assert_eq(status, WEIR_OK, "%s", err.msg);
            weir_model_free(model);
            cr_assert_eq(test_mem_n_live(), n_live);
            cr_assert_gt(n, 1, "a load allocates");
            test_file_free(file);
            break;
        }
        check_failure(status, model, &err, n);
        cr_assert_eq(test_mem_n_live(), n_live, "allocation %llu leaks", (unsigned long long)n);
    }
}

ParameterizedTestParameters(format_format, every_description_may_fail)
{
    static size_t index[N_FILES];
    for (size_t i = 0; i < N_FILES; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, N_FILES);
}

ParameterizedTest(size_t *row, format_format, every_description_may_fail)
{
    test_mem_install();
    struct weir_str file = test_file_read(files[*row]);
    const int64_t n_live = test_mem_n_live();
    for (uint64_t n = 1;; n++) {
        struct weir_buf out = WEIR_BUF_INIT;
        struct weir_error err = WEIR_ERROR_INIT;
        cr_assert_lt(n, CALLS_MAX);
        test_mem_fail_at(n, true);
        enum weir_status status = weir_format_describe_bytes(&out, file.at, file.n, NULL,
                                                             WEIR_FORMAT_DESCRIBE_JSON, NULL, &err);
        bool has_failed = test_mem_has_failed();
        test_mem_fail_at(0, false);
        weir_buf_deinit(&out);
        cr_assert_eq(test_mem_n_live(), n_live, "allocation %llu leaks", (unsigned long long)n);
        if (!has_failed) {
            cr_assert_eq(status, WEIR_OK, "%s", err.msg);
            test_file_free(file);
            break;
        }
        cr_assert_eq(status, WEIR_ERR_NO_MEMORY, "%llu: %s", (unsigned long long)n, err.msg);
    }
}

Test(format_format, arenas_may_be_full_at_any_size)
{
    struct weir_str file = test_file_read(files[1]);
    bool is_loaded = false;
    for (uint64_t kib = 4; kib <= 1024; kib *= 2)
        for (uint64_t other = 4; other <= 1024; other *= 2) {
            struct weir_model *model = NULL;
            struct weir_error err = WEIR_ERROR_INIT;
            const struct weir_format_opts opts = {.version = WEIR_FORMAT_OPTS_VERSION,
                                                  .tree_bytes_max = kib * 1024,
                                                  .model_bytes_max = other * 1024};
            enum weir_status status =
                weir_format_load_bytes(&model, file.at, file.n, NULL, &opts, &err);
            if (status != WEIR_OK)
                check_failure(status, model, &err, kib);
            is_loaded = status == WEIR_OK;
            weir_model_free(model);
        }
    cr_assert(is_loaded, "with 1 MiB each it must load");
    test_file_free(file);
}
