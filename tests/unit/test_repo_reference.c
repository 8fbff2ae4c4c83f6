/* SPDX-License-Identifier: MIT */
/* Reading what drift is told from, where a gate beside the model names it: nothing that such a gate
 * can name holds the loader up, or shows files from elsewhere. */
#include "base/macros.h"
#include "live/reference.h"
#include "repo/reference.h"
#include "test_linear.h"
#include "test_tmp.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const double weights[] = {1, -1};

static bool goes_on(void *ctx)
{
    (void)ctx;
    return false;
}

struct fixture {
    struct weir_test_tmp tmp;
    char holdout[512];
    struct weir_version version;
};

static void begin(struct fixture *f)
{
    static const char gate[] = "{holdout: h.csv, label: y}";
    *f = (struct fixture){.version = {.name = WEIR_STR("m")}};
    weir_test_tmp_init(&f->tmp);
    weir_test_tmp_write(&f->tmp, "m.gate.yaml", gate, sizeof gate - 1);
    weir_test_tmp_path(&f->tmp, "h.csv", f->holdout, sizeof f->holdout);
    f->version.model = weir_test_linear_model(2, weights, 0);
}

static void read_it(struct fixture *f)
{
    static const struct weir_repo_reference wanted = {.is_wanted = true};
    weir_repo_reference_read(&wanted, f->tmp.path, goes_on, NULL, &f->version);
}

static void end(struct fixture *f)
{
    weir_live_reference_free((struct weir_live_reference *)(uintptr_t)f->version.reference);
    weir_model_free((struct weir_model *)(uintptr_t)f->version.model);
    weir_test_tmp_deinit(&f->tmp);
}

#define FIXTURE WEIR_CLEANUP(end) struct fixture

Test(repo_reference, a_holdout_is_read, .timeout = 20)
{
    static const char rows[] = "x0,x1,y\n1,2,0\n3,1,1\n2,2,0\n";
    FIXTURE f;
    begin(&f);
    weir_test_tmp_write(&f.tmp, "h.csv", rows, sizeof rows - 1);
    read_it(&f);
    cr_assert_not_null(f.version.reference, "%s", f.version.reference_why);
}

Test(repo_reference, a_pipe_does_not_hold_the_loader_up, .timeout = 20)
{
    FIXTURE f;
    begin(&f);
    cr_assert_eq(mkfifo(f.holdout, 0600), 0);
    read_it(&f);
    cr_assert_null(f.version.reference);
    cr_assert_not_null(strstr(f.version.reference_why, "not a regular file"), "%s",
                       f.version.reference_why);
}

Test(repo_reference, a_link_out_of_the_folder_is_not_followed, .timeout = 20)
{
    static const char rows[] = "x0,x1,y\n1,2,0\n3,1,1\n2,2,0\n";
    struct weir_test_tmp elsewhere;
    char path[512];
    FIXTURE f;
    begin(&f);
    weir_test_tmp_init(&elsewhere);
    weir_test_tmp_write(&elsewhere, "h.csv", rows, sizeof rows - 1);
    weir_test_tmp_path(&elsewhere, "h.csv", path, sizeof path);
    cr_assert_eq(symlink(path, f.holdout), 0);
    read_it(&f);
    cr_assert_null(f.version.reference);
    cr_assert_not_null(strstr(f.version.reference_why, "outside"), "%s", f.version.reference_why);
    weir_test_tmp_deinit(&elsewhere);
}
