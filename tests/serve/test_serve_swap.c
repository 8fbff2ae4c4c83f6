/* SPDX-License-Identifier: MIT */
/* Every format swapped under load: two committed models of each take turns while clients ask
 * without a pause. No request may fail, and each answer is one model's or the other's, byte for
 * byte, which are the recorded ones of the library. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/macros.h"
#include "ref.h"
#include "test_server.h"
#include "test_tmp.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A format, and how its two models are put in each other's place. */
static const struct row {
    const char *name; /* of the model */
    const char *file; /* below models/, replaced by rename; ends in "/": a folder */
    const char *paths[2];
    const char *output;
    size_t at; /* the row of X that is asked, the same in both */
    bool is_numbered;
    bool is_graph;       /* X and the answers are those of named tensors */
    bool is_for_runtime; /* needs ONNX Runtime */
} rows[] = {
    {"pickle",
     "pickle.pkl",
     {"sklearn/1.6.1/encodings/enc_lr_pickle5.pkl", "sklearn/1.6.1/encodings/enc_rf_pickle5.pkl"},
     "predict_proba",
     0,
     false,
     false,
     false},
    {"zlib",
     "zlib.joblib",
     {"sklearn/1.6.1/encodings/enc_lr_joblib_zlib.joblib",
      "sklearn/1.1.3/encodings/enc_lr_joblib_gzip.joblib"},
     "predict_proba",
     0,
     false,
     false,
     false},
    {"xz",
     "xz.joblib",
     {"sklearn/1.6.1/encodings/enc_lr_joblib_xz.joblib",
      "sklearn/1.1.3/encodings/enc_lr_joblib_lz4.joblib"},
     "predict_proba",
     0,
     false,
     false,
     false},
    {"skops",
     "skops.skops",
     {"skops/0.16.0/estimators/composed_p_ss_lr_bc.skops",
      "skops/0.16.0/estimators/trees_dtc_bc.skops"},
     "predict_proba",
     0,
     false,
     false,
     false},
    {"xgb-json",
     "xgb-json.json",
     {"xgboost/3.4.1/boosters/dart_diabetes_json.json",
      "xgboost/3.4.1/objectives/reg_squarederror_json.json"},
     "predict",
     0,
     false,
     false,
     false},
    {"xgb-ubj",
     "xgb-ubj.ubj",
     {"xgboost/3.4.1/objectives/reg_logistic_ubj.ubj",
      "xgboost/3.4.1/objectives/reg_squarederror_base_ubj.ubj"},
     "predict",
     0,
     false,
     false,
     false},
    {"xgb-pickle",
     "xgb-pickle.pkl",
     {"xgboost/3.4.1/wrappers/binary_pickle4.pkl", "xgboost/3.4.1/wrappers/rf_binary_pickle4.pkl"},
     "predict_proba",
     0,
     false,
     false,
     false},
    {"lightgbm",
     "lightgbm.txt",
     {"lightgbm/4.6.0/objectives/binary.txt", "lightgbm/4.6.0/objectives/binary_sigmoid.txt"},
     "predict_proba",
     0,
     false,
     false,
     false},
    {"cbm",
     "cbm.cbm",
     {"catboost/1.2.10/models/binary_Lossguide_cbm.cbm", "catboost/1.2.10/models/binary_cbm.cbm"},
     "predict_proba",
     0,
     false,
     false,
     false},
    {"catboost-json",
     "catboost-json.json",
     {"catboost/1.2.10/models/binary_json.json",
      "catboost/1.2.10/models/binary_Depthwise_json.json"},
     "predict_proba",
     0,
     false,
     false,
     false},
    {"onnx",
     "onnx.onnx",
     {"skl2onnx/1.20.0/trees/forest_2.onnx", "skl2onnx/1.20.0/trees/boosting_2.onnx"},
     "output_probability",
     30,
     false,
     true,
     false},
    {"runtime",
     "runtime.onnx",
     {"skl2onnx/1.20.0/pipelines/quantised_static.onnx",
      "skl2onnx/1.20.0/pipelines/quantised_dynamic.onnx"},
     "y",
     0,
     false,
     true,
     true},
    {"mlflow",
     "mlflow/",
     {"mlflow/3.17.2/boosters/lgbr", "mlflow/3.17.2/boosters/xgbr"},
     "predict",
     0,
     false,
     false,
     false},
    {"numbered",
     "numbered/",
     {"lightgbm/4.6.0/objectives/binary.txt", "lightgbm/4.6.0/objectives/binary_sigmoid.txt"},
     "predict_proba",
     0,
     true,
     false,
     false},
};

enum { N_ROWS = WEIR_ARRAY_LEN(rows), CLIENTS = 3, ROUNDS = 8, ROUNDS_MIN = 2 };

static const uint64_t swapping_ns_max = 12 * WEIR_NS_PER_S;
static const uint64_t wait_ns_max = 15 * WEIR_NS_PER_S;

/* What is asked of a row's model, and what its two models answer. */
static struct {
    bool is_left_out;
    char body[4096];
    char path[128];
    char *answers[2]; /* from "outputs" on; owned */
    size_t n_swaps;
    atomic_size_t n_seen[2];
} states[N_ROWS];

static struct weir_test_server server;
static struct weir_test_tmp tmp;
static atomic_bool is_over;
static atomic_size_t n_bad;
static char first_bad[1024]; /* written by who counts the first */

static void source_path(const char *path, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%s/tests/data/%s", getenv("WEIR_TEST_SOURCE_ROOT"), path);
}

/* The recorded answers lie beside the model, its extension replaced. */
static struct ref load_ref(const char *path)
{
    char full[1024];
    source_path(path, full, sizeof full - 8);
    char *dot = strrchr(full, '.');
    if (!dot || strchr(dot, '/'))
        dot = full + strlen(full);
    memcpy(dot, ".ref", sizeof ".ref");
    return ref_load(full);
}

/* Finds the input (its name too) and the output of a model's answers. Tensors: the second request,
 * of one row, where the runtime may let rows of a request know of each other. */
static const struct ref_array *find_input(const struct row *r, const struct ref *ref)
{
    if (!r->is_graph)
        return ref_find(ref, "X");
    for (size_t i = 0; i < ref->n; i++)
        if (strncmp(ref->arrays[i].name, r->is_for_runtime ? "in.1." : "in.0.", 5) == 0)
            return &ref->arrays[i];
    return NULL;
}

static const struct ref_array *find_output(const struct row *r, const struct ref *ref)
{
    return r->is_graph ? ref_find(ref, "out.%d.%s", r->is_for_runtime ? 1 : 0, r->output)
                       : ref_find(ref, "f8.%s", r->output);
}

static void write_body(size_t i, const struct ref_array *x)
{
    const struct row *r = &rows[i];
    size_t n = x->n / x->dim[0];
    int at = snprintf(states[i].body, sizeof states[i].body,
                      "{\"inputs\":[{\"name\":\"%s\",\"datatype\":\"%s\",\"shape\":[1,%zu],"
                      "\"data\":[",
                      r->is_graph ? x->name + 5 : "input-0", r->is_graph ? "FP32" : "FP64", n);
    for (size_t j = 0; j < n; j++)
        at += snprintf(states[i].body + at, sizeof states[i].body - (size_t)at, "%s%.17g",
                       j ? "," : "", ref_number(x, r->at * n + j));
    (void)snprintf(states[i].body + at, sizeof states[i].body - (size_t)at,
                   "]}],\"outputs\":[{\"name\":\"%s\"}]}", r->output);
    (void)snprintf(states[i].path, sizeof states[i].path, "/v2/models/%s/infer", r->name);
}

/* --- putting models there --- */

static void copy_file(const char *from, const char *to)
{
    size_t n;
    char *bytes = weir_test_tmp_read(from, &n);
    weir_test_tmp_write(&tmp, to, bytes, n);
    free(bytes);
}

static void copy_folder(const char *from, const char *to)
{
    DIR *dir = opendir(from);
    const struct dirent *e;
    cr_assert_not_null(dir, "%s", from);
    while ((e = readdir(dir)) != NULL) {
        char a[1024], b[512];
        if (e->d_name[0] == '.')
            continue;
        (void)snprintf(a, sizeof a, "%s/%s", from, e->d_name);
        (void)snprintf(b, sizeof b, "%s/%s", to, e->d_name);
        copy_file(a, b);
    }
    (void)closedir(dir);
}

static void rename_in(const char *from, const char *to, unsigned flags)
{
    char a[512], b[512];
    weir_test_tmp_path(&tmp, from, a, sizeof a);
    weir_test_tmp_path(&tmp, to, b, sizeof b);
    cr_assert_eq(renameat2(AT_FDCWD, a, AT_FDCWD, b, flags), 0, "%s to %s", a, b);
}

/* Puts model `which` in its place: the first time, or for the other one. */
static void put(size_t i, size_t which)
{
    const struct row *r = &rows[i];
    char from[1024], stage[300], to[300];
    source_path(r->paths[which], from, sizeof from);
    (void)snprintf(stage, sizeof stage, "stage/%s", r->name);
    (void)snprintf(to, sizeof to, "models/%s", r->file);
    if (r->is_numbered) {
        char file[320];
        (void)snprintf(file, sizeof file, "%s/model.txt", stage);
        copy_file(from, file);
        if (states[i].n_swaps == 0)
            weir_test_tmp_write(&tmp, "models/numbered/.keep", "", 0);
        (void)snprintf(to, sizeof to, "models/%s%zu", r->file, states[i].n_swaps + 1);
        rename_in(stage, to, 0);
    } else if (r->file[strlen(r->file) - 1] == '/') {
        to[strlen(to) - 1] = '\0';
        if (states[i].n_swaps == 0) {
            copy_folder(from, to);
            source_path(r->paths[1 - which], from, sizeof from);
            copy_folder(from, stage);
        } else {
            rename_in(stage, to, RENAME_EXCHANGE);
        }
    } else {
        copy_file(from, stage);
        rename_in(stage, to, 0);
    }
    states[i].n_swaps++;
}

/* --- asking --- */

/* Returns what follows the version in an answer; NULL: it is none. */
static const char *outputs_of(const struct weir_test_answer *answer)
{
    return answer->status == 200 ? strstr(answer->body, "\"outputs\"") : NULL;
}

/* Asks until the model answers something else than `before`; returns that, to be freed. */
static char *await_other(size_t i, const char *before)
{
    uint64_t until_ns = weir_clock_ns() + wait_ns_max;
    for (;;) {
        struct weir_test_answer answer = {0};
        weir_test_server_request(server.port, "POST", states[i].path, NULL, states[i].body,
                                 &answer);
        const char *outputs = outputs_of(&answer);
        char *got = outputs && (!before || strcmp(outputs, before) != 0) ? strdup(outputs) : NULL;
        bool is_late = weir_clock_ns() > until_ns;
        cr_assert(got || !is_late, "%s: %d %s", rows[i].name, answer.status, answer.body);
        weir_test_answer_deinit(&answer);
        if (got)
            return got;
        (void)poll(NULL, 0, 5);
    }
}

/* Checks an answer's numbers against the library's. */
static void check_recorded(const struct row *r, const char *outputs, const struct ref_array *y)
{
    size_t n = y->n / y->dim[0];
    const char *at = strstr(outputs, "\"data\":[");
    cr_assert_not_null(at, "%s", outputs);
    at += strlen("\"data\":[");
    double tolerance = r->is_for_runtime ? 2e-2 : 1e-6; /* integers of networks may round apart */
    for (size_t j = 0; j < n; j++) {
        char *end;
        double v = strtod(at, &end), w = ref_number(y, r->at * n + j);
        cr_assert(end != at && fabs(v - w) <= tolerance * fmax(1, fabs(w)), "%s: %s: not %.17g",
                  r->name, outputs, w);
        at = end + 1;
    }
}

static void *run_client(void *arg)
{
    size_t i = (size_t)(uintptr_t)arg;
    int fd = weir_test_server_connect(server.port);
    while (!atomic_load(&is_over)) {
        struct weir_test_answer answer = {0};
        char head[256];
        i = (i + 1) % N_ROWS;
        if (states[i].is_left_out)
            continue;
        (void)snprintf(head, sizeof head,
                       "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", states[i].path,
                       strlen(states[i].body));
        weir_test_server_send(fd, head, strlen(head));
        weir_test_server_send(fd, states[i].body, strlen(states[i].body));
        bool is_whole = weir_test_server_receive(fd, &answer);
        const char *outputs = is_whole ? outputs_of(&answer) : NULL;
        bool is_known = false;
        for (size_t k = 0; outputs && k < 2; k++) {
            bool is_this = strcmp(outputs, states[i].answers[k]) == 0;
            is_known = is_known || is_this;
            atomic_fetch_add(&states[i].n_seen[k], is_this ? 1 : 0);
        }
        if (!is_known && atomic_fetch_add(&n_bad, 1) == 0)
            (void)snprintf(first_bad, sizeof first_bad, "%s: %d %s", rows[i].name, answer.status,
                           is_whole ? answer.body : "the connection ended");
        weir_test_answer_deinit(&answer);
        if (!is_whole)
            break;
    }
    (void)close(fd);
    return NULL;
}

/* Waits until clients have had an answer of every row's newest model, beyond those of before. */
static void await_clients(size_t which, const size_t *before)
{
    uint64_t until_ns = weir_clock_ns() + wait_ns_max;
    for (size_t i = 0; i < N_ROWS; i++)
        while (!states[i].is_left_out && atomic_load(&states[i].n_seen[which]) == before[i] &&
               atomic_load(&n_bad) == 0 && weir_clock_ns() < until_ns)
            (void)poll(NULL, 0, 1);
}

/* --- the test --- */

/* Asks both models of every row the same, and holds their answers against the recorded ones. */
static void record_answers(void)
{
    struct ref refs[N_ROWS][2];
    weir_test_tmp_write(&tmp, "models/.keep", "", 0);
    for (size_t i = 0; i < N_ROWS; i++) {
        states[i].is_left_out = rows[i].is_for_runtime && !getenv("WEIR_ONNXRUNTIME_LIBRARY");
        if (states[i].is_left_out)
            continue;
        for (size_t k = 0; k < 2; k++)
            refs[i][k] = load_ref(rows[i].paths[k]);
        const struct ref_array *x = find_input(&rows[i], &refs[i][0]);
        const struct ref_array *other = find_input(&rows[i], &refs[i][1]);
        cr_assert(x && other && x->n / x->dim[0] == other->n / other->dim[0], "%s", rows[i].name);
        for (size_t j = 0, n = x->n / x->dim[0]; j < n; j++)
            cr_assert_float_eq(ref_number(x, rows[i].at * n + j),
                               ref_number(other, rows[i].at * n + j), 0, "%s", rows[i].name);
        write_body(i, x);
        put(i, 0);
    }
    char models[512];
    weir_test_tmp_path(&tmp, "models", models, sizeof models);
    weir_test_server_start(&server, (const char *const[]){models, "--state-dir", "off", NULL});
    weir_test_server_wait_ready(&server);
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < N_ROWS && k == 1; i++)
            if (!states[i].is_left_out)
                put(i, 1);
        for (size_t i = 0; i < N_ROWS; i++) {
            if (states[i].is_left_out)
                continue;
            states[i].answers[k] = await_other(i, k == 0 ? NULL : states[i].answers[0]);
            const struct ref_array *y = find_output(&rows[i], &refs[i][k]);
            cr_assert_not_null(y, "%s", rows[i].name);
            check_recorded(&rows[i], states[i].answers[k], y);
        }
    }
    for (size_t i = 0; i < N_ROWS; i++)
        for (size_t k = 0; k < 2 && !states[i].is_left_out; k++)
            ref_free(&refs[i][k]);
}

Test(serve_swap, models_of_every_format_are_swapped_under_load, .timeout = 120)
{
    pthread_t clients[CLIENTS];
    weir_test_tmp_init(&tmp);
    record_answers();
    for (size_t c = 0; c < CLIENTS; c++)
        cr_assert_eq(pthread_create(&clients[c], NULL, run_client,
                                    (void *)(uintptr_t)(c * N_ROWS / CLIENTS)),
                     0);
    uint64_t until_ns = weir_clock_ns() + swapping_ns_max;
    size_t n_rounds = 0;
    for (; n_rounds < ROUNDS && (n_rounds < ROUNDS_MIN || weir_clock_ns() < until_ns); n_rounds++) {
        size_t which = n_rounds % 2; /* the second one serves at the beginning */
        size_t seen[N_ROWS];
        for (size_t i = 0; i < N_ROWS; i++)
            seen[i] = atomic_load(&states[i].n_seen[which]);
        for (size_t i = 0; i < N_ROWS; i++)
            if (!states[i].is_left_out)
                put(i, which);
        for (size_t i = 0; i < N_ROWS; i++)
            if (!states[i].is_left_out)
                free(await_other(i, states[i].answers[1 - which]));
        await_clients(which, seen);
    }
    atomic_store(&is_over, true);
    for (size_t c = 0; c < CLIENTS; c++)
        (void)pthread_join(clients[c], NULL);
    cr_assert_eq(atomic_load(&n_bad), 0, "%zu answers are neither model's; the first: %s",
                 atomic_load(&n_bad), first_bad);
    for (size_t i = 0; i < N_ROWS; i++) {
        for (size_t k = 0; k < 2 && !states[i].is_left_out; k++) {
            cr_assert_gt(atomic_load(&states[i].n_seen[k]), 0, "%s: model %zu was never asked",
                         rows[i].name, k);
            free(states[i].answers[k]);
        }
    }
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
    weir_test_tmp_deinit(&tmp);
}
