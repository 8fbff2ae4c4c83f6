/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "repo/read.h"
#include "repo/scan.h"
#include "test_tmp.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct name {
    const char *name;
    const char *stem; /* NULL: no model's */
} names[] = {
    {"churn.joblib", "churn"},
    {"churn.pkl", "churn"},
    {"churn.pickle", "churn"},
    {"churn.v2.pkl", "churn.v2"},
    {"churn.joblib.gz", "churn"},
    {"churn.pkl.z", "churn"},
    {"churn.gz", NULL},
    {"churn", NULL},
    {".pkl", NULL},
    {"churn.txt", NULL},
    {"churn.PKL", NULL},
    {"churn.pkl.txt", NULL},
};

Test(repo_scan, names_of_models)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++) {
        struct weir_str stem = {NULL, 0};
        bool is_model = weir_repo_scan_stem(weir_str_c(names[i].name), &stem);
        cr_assert_eq(is_model, names[i].stem != NULL, "%s", names[i].name);
        if (is_model)
            cr_assert(weir_str_eq_c(stem, names[i].stem), "%s: %.*s", names[i].name,
                      WEIR_STR_ARG(stem));
    }
}

Test(repo_scan, names_that_are_passed_over)
{
    static const char *const over[] = {
        ".a.pkl",      "..data",        "a.pkl~",       "a.pkl.tmp",    "a.pkl.part", "#a.pkl#",
        "a.gate.yaml", "a.holdout.csv", "a.pkl.sha256", "a.smoke.json", "a.pkl.swp"};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(over); i++)
        cr_assert(weir_repo_scan_is_passed_over(weir_str_c(over[i])), "%s", over[i]);
    cr_assert_not(weir_repo_scan_is_passed_over(WEIR_STR("a.pkl")));
    cr_assert_not(weir_repo_scan_is_passed_over(WEIR_STR("1")));
}

Test(repo_scan, digests_beside_files_are_read_in_their_usual_forms)
{
    uint8_t out[WEIR_REPO_DIGEST_BYTES];
    static const char hex[] = "00FFab0000000000000000000000000000000000000000000000000000000001";
    char text[128];
    cr_assert(weir_repo_read_sidecar(weir_str_c(hex), out));
    cr_assert_eq(out[0], 0x00);
    cr_assert_eq(out[1], 0xff);
    cr_assert_eq(out[2], 0xab);
    cr_assert_eq(out[31], 0x01);
    (void)snprintf(text, sizeof text, "%s  m.pkl\n", hex);
    cr_assert(weir_repo_read_sidecar(weir_str_c(text), out));
    (void)snprintf(text, sizeof text, "%s0", hex);
    cr_assert_not(weir_repo_read_sidecar(weir_str_c(text), out), "65 digits");
    cr_assert_not(weir_repo_read_sidecar(weir_str_make(hex, 63), out));
    cr_assert_not(weir_repo_read_sidecar(WEIR_STR(""), out));
    (void)snprintf(text, sizeof text, "g%s", hex + 1);
    cr_assert_not(weir_repo_read_sidecar(weir_str_c(text), out));
}

Test(repo_scan, models_of_other_libraries_are_found_and_complained_about)
{
    struct weir_test_tmp tmp;
    char path[512];
    weir_test_tmp_init(&tmp);
    weir_test_tmp_write(&tmp, "net.pt", "x", 1);
    weir_test_tmp_write(&tmp, "notes.txt", "x", 1);
    weir_test_tmp_write(&tmp, "metrics.json", "{}", 2);
    weir_test_tmp_path(&tmp, "", path, sizeof path);
    struct weir_str root = weir_str_c(path);
    const struct weir_config_list roots = {.at = &root, .n = 1};
    struct weir_repo_scanner scanner;
    struct weir_repo_scan scan = {0};
    cr_assert_eq(weir_repo_scan_init(&scanner, &roots, NULL), WEIR_OK);
    cr_assert_eq(weir_repo_scan_run(&scanner, NULL, &scan), WEIR_OK);
    cr_assert_eq(scan.n_found, 1);
    cr_assert(weir_str_eq_c(scan.found[0].model, "net"));
    cr_assert(weir_str_starts(scan.found[0].complaint, WEIR_STR("files of this kind")));
    weir_repo_scan_deinit(&scanner);
    weir_test_tmp_deinit(&tmp);
}

/* A server that is short of descriptors must not take its models for removed: every scan either
 * finds them all or says that the root could not be read. */
Test(repo_scan, what_cannot_be_read_is_not_taken_for_gone)
{
    struct weir_test_tmp tmp;
    weir_test_tmp_init(&tmp);
    char path[512];
    static const char *const folders[] = {"churn", "churn/1", "churn/2"};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(folders); i++) {
        weir_test_tmp_path(&tmp, folders[i], path, sizeof path);
        cr_assert_eq(mkdir(path, 0700), 0);
    }
    weir_test_tmp_write(&tmp, "churn/1/m.pkl", "x", 1);
    weir_test_tmp_write(&tmp, "churn/2/m.pkl", "x", 1);
    weir_test_tmp_write(&tmp, "flat.pkl", "x", 1);
    weir_test_tmp_path(&tmp, "", path, sizeof path);
    struct weir_str root = weir_str_c(path);
    const struct weir_config_list roots = {.at = &root, .n = 1};
    struct weir_repo_scanner scanner;
    struct weir_repo_scan scan = {0};
    cr_assert_eq(weir_repo_scan_init(&scanner, &roots, NULL), WEIR_OK);
    struct rlimit all;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &all), 0);
    int next = dup(0);
    cr_assert_geq(next, 0);
    (void)close(next);
    size_t n_short = 0;
    for (int room = 0; room < 8; room++) {
        struct rlimit less = {.rlim_cur = (rlim_t)(next + room), .rlim_max = all.rlim_max};
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &less), 0);
        enum weir_status status = weir_repo_scan_run(&scanner, NULL, &scan);
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
        cr_assert_eq(status, WEIR_OK);
        cr_assert(!scan.root_ok[0] || scan.n_found == 3, "room for %d: found %zu", room,
                  scan.n_found);
        n_short += !scan.root_ok[0];
    }
    cr_assert_gt(n_short, 0);
    cr_assert(scan.root_ok[0]);
    weir_repo_scan_deinit(&scanner);
    weir_test_tmp_deinit(&tmp);
}

/* A path of the option that is an MLflow folder, or its MLmodel file, is one model. */
Test(repo_scan, a_root_that_is_an_mlflow_folder_is_one_model_of_its_name)
{
    static const char *const ends[] = {"churn", "churn/", "churn/MLmodel"};
    struct weir_test_tmp tmp;
    weir_test_tmp_init(&tmp);
    weir_test_tmp_write(&tmp, "churn/MLmodel", "x", 1);
    weir_test_tmp_write(&tmp, "churn/model.pkl", "x", 1);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(ends); i++) {
        char path[512];
        weir_test_tmp_path(&tmp, ends[i], path, sizeof path);
        struct weir_str root = weir_str_c(path);
        const struct weir_config_list roots = {.at = &root, .n = 1};
        struct weir_repo_scanner scanner;
        struct weir_repo_scan scan = {0};
        cr_assert_eq(weir_repo_scan_init(&scanner, &roots, NULL), WEIR_OK);
        cr_assert_eq(weir_repo_scan_run(&scanner, NULL, &scan), WEIR_OK);
        cr_assert_eq(scan.n_found, 1, "%s", ends[i]);
        cr_assert(weir_str_eq_c(scan.found[0].model, "churn"), "%s", ends[i]);
        cr_assert(weir_str_eq_c(scan.found[0].file, "MLmodel"), "%s", ends[i]);
        cr_assert_eq(scan.found[0].complaint.n, 0, "%s", ends[i]);
        weir_repo_scan_deinit(&scanner);
    }
    weir_test_tmp_deinit(&tmp);
}
