/* SPDX-License-Identifier: MIT */
/* The reader of ONNX files: the wire form, what a graph says, and hostile bytes. Models with
 * recorded answers are in tests/parity. */
#include "base/arena.h"
#include "format/format.h"
#include "format/onnx/external.h"
#include "format/onnx/graph.h"
#include "format/onnx/native.h"
#include "format/onnx/onnx.h"
#include "format/onnx/proto.h"
#include "test_file.h"
#include "test_random.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const fixtures[] = {
    "skl2onnx/1.20.0/trees/forest_3_words.onnx",
    "skl2onnx/1.20.0/trees/xgboost_2.onnx",
    "skl2onnx/1.20.0/trees/scaled_logistic_2.onnx",
    "skl2onnx/1.20.0/machines/small_svc_3.onnx",
    "skl2onnx/1.20.0/machines/small_svc_3_shares.onnx",
    "skl2onnx/1.20.0/pipelines/frame.onnx",
    "torch/2.15.0/networks/mlp.onnx",
};

static struct weir_str read_fixture(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "tests/data/%s", name);
    return test_file_read(path);
}

#define BYTES(literal) (literal), sizeof(literal) - 1

/* --- the wire form --- */

Test(format_onnx_proto, varints_read_back)
{
    static const uint64_t values[] = {0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct weir_buf b = WEIR_BUF_INIT;
        uint64_t got;
        weir_format_onnx_proto_put_varint(&b, values[i]);
        struct weir_str rest = weir_buf_str(&b);
        cr_assert(weir_format_onnx_proto_varint(&rest, &got));
        cr_assert_eq(got, values[i]);
        cr_assert_eq(rest.n, 0);
        weir_buf_deinit(&b);
    }
}

Test(format_onnx_proto, what_is_cut_or_too_long_is_bad)
{
    static const struct {
        const char *label;
        const char *at;
        size_t n;
    } rows[] = {
        {"a cut varint", BYTES("\x08\x80")},
        {"a varint of 11 bytes", BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
        {"a varint beyond 64 bits", BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")},
        {"a length beyond the end", BYTES("\x0a\x05"
                                          "abcd")},
        {"a huge length", BYTES("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
        {"four bytes of three", BYTES("\x0d\x00\x00\x00")},
        {"field 0", BYTES("\x00\x00")},
        {"a group", BYTES("\x0b\x0c")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct weir_format_onnx_proto p =
            weir_format_onnx_proto_of(weir_str_make(rows[i].at, rows[i].n));
        struct weir_format_onnx_field f;
        while (weir_format_onnx_proto_next(&p, &f))
            ;
        cr_assert(p.is_bad, "%s", rows[i].label);
    }
}

/* --- graphs --- */

Test(format_onnx, a_graph_says_what_it_takes_and_gives)
{
    struct weir_arena arena = WEIR_ARENA_INIT;
    struct weir_format_onnx_graph g;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_arena_init(&arena, NULL, 0);
    struct weir_str bytes = read_fixture("skl2onnx/1.20.0/trees/forest_3_words.onnx");
    cr_assert(weir_format_onnx_probe(bytes));
    cr_assert_eq(weir_format_onnx_graph_parse(&g, bytes, &arena, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(g.n_inputs, 1);
    cr_assert(weir_str_eq_c(g.inputs[0].name, "X"));
    cr_assert_eq(g.inputs[0].type, WEIR_FORMAT_ONNX_FLOAT);
    cr_assert_eq(g.inputs[0].dims[0], -1);
    cr_assert_eq(g.inputs[0].dims[1], 9);
    cr_assert_eq(g.n_outputs, 2);
    cr_assert_eq(g.outputs[1].kind, WEIR_FORMAT_ONNX_VALUE_SEQUENCE);
    cr_assert(weir_str_eq_c(g.producer, "skl2onnx"));
    cr_assert_eq(weir_format_onnx_graph_opset(&g, "ai.onnx.ml"), 1);
    const struct weir_format_onnx_attr *labels =
        weir_format_onnx_node_attr(&g.nodes[0], "classlabels_strings");
    cr_assert_not_null(labels);
    cr_assert_eq(labels->n, 3);
    cr_assert(weir_str_eq_c(labels->strings[0], "ja"));
    weir_arena_deinit(&arena);
    test_file_free(bytes);
}

Test(format_onnx, other_files_are_not_taken_for_onnx)
{
    static const struct {
        const char *at;
        size_t n;
    } others[] = {
        {BYTES("")},           {BYTES("{\"learner\": {}}")}, {BYTES("\x80\x04\x95")},
        {BYTES("PK\x03\x04")}, {BYTES("tree\nversion=v4")},  {BYTES("CBM1")},
        {BYTES("binf")},       {BYTES("\x08\x08")},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_assert_not(weir_format_onnx_probe(weir_str_make(others[i].at, others[i].n)), "%zu", i);
}

Test(format_onnx, inspect_needs_no_runtime)
{
    struct weir_buf out = WEIR_BUF_INIT;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_str bytes = read_fixture("torch/2.15.0/networks/mlp.onnx");
    cr_assert_eq(weir_format_describe_bytes(&out, bytes.at, bytes.n, "m.onnx",
                                            WEIR_FORMAT_DESCRIBE_TEXT, NULL, &err),
                 WEIR_OK, "%s", err.msg);
    cr_assert(strstr(weir_buf_c(&out), "input x: float [batch, 12]"), "%s", weir_buf_c(&out));
    cr_assert(strstr(weir_buf_c(&out), "3 × Gemm"), "%s", weir_buf_c(&out));
    weir_buf_deinit(&out);
    test_file_free(bytes);
}

/* --- trees that contradict themselves --- */

/* A graph of one tree of three nodes, two leaves; where: which number is edited. */
struct edit {
    const char *label;
    int64_t yes, no, feature;
    const char *mode;
    enum weir_status status; /* of the native builder; OK: not recognised, or fine */
    bool is_made;
};

static void put_ints(struct weir_buf *node, const char *name, const int64_t *at, size_t n)
{
    struct weir_buf a = WEIR_BUF_INIT;
    weir_format_onnx_proto_put_bytes(&a, 1, weir_str_c(name));
    for (size_t i = 0; i < n; i++)
        weir_format_onnx_proto_put_u64(&a, 8, (uint64_t)at[i]);
    weir_format_onnx_proto_put_u64(&a, 20, 7);
    weir_format_onnx_proto_put_bytes(node, 5, weir_buf_str(&a));
    weir_buf_deinit(&a);
}

static void put_floats(struct weir_buf *node, const char *name, const float *at, size_t n)
{
    struct weir_buf a = WEIR_BUF_INIT;
    weir_format_onnx_proto_put_bytes(&a, 1, weir_str_c(name));
    weir_format_onnx_proto_put_bytes(&a, 7, weir_str_make((const char *)at, n * sizeof *at));
    weir_format_onnx_proto_put_u64(&a, 20, 6);
    weir_format_onnx_proto_put_bytes(node, 5, weir_buf_str(&a));
    weir_buf_deinit(&a);
}

static void put_value(struct weir_buf *graph, uint32_t number, const char *name, uint64_t columns)
{
    struct weir_buf dim = WEIR_BUF_INIT, shape = WEIR_BUF_INIT, tensor = WEIR_BUF_INIT;
    struct weir_buf type = WEIR_BUF_INIT, value = WEIR_BUF_INIT;
    weir_format_onnx_proto_put_u64(&dim, 1, columns);
    weir_format_onnx_proto_put_bytes(&shape, 1, WEIR_STR(""));
    weir_format_onnx_proto_put_bytes(&shape, 1, weir_buf_str(&dim));
    weir_format_onnx_proto_put_u64(&tensor, 1, 1);
    weir_format_onnx_proto_put_bytes(&tensor, 2, weir_buf_str(&shape));
    weir_format_onnx_proto_put_bytes(&type, 1, weir_buf_str(&tensor));
    weir_format_onnx_proto_put_bytes(&value, 1, weir_str_c(name));
    weir_format_onnx_proto_put_bytes(&value, 2, weir_buf_str(&type));
    weir_format_onnx_proto_put_bytes(graph, number, weir_buf_str(&value));
    weir_buf_deinit(&dim);
    weir_buf_deinit(&shape);
    weir_buf_deinit(&tensor);
    weir_buf_deinit(&type);
    weir_buf_deinit(&value);
}

static void put_model(struct weir_buf *model, const struct edit *e)
{
    struct weir_buf node = WEIR_BUF_INIT, graph = WEIR_BUF_INIT, opset = WEIR_BUF_INIT;
    struct weir_buf modes = WEIR_BUF_INIT;
    weir_format_onnx_proto_put_bytes(&node, 1, WEIR_STR("x"));
    weir_format_onnx_proto_put_bytes(&node, 2, WEIR_STR("y"));
    weir_format_onnx_proto_put_bytes(&node, 4, WEIR_STR("TreeEnsembleRegressor"));
    weir_format_onnx_proto_put_bytes(&node, 7, WEIR_STR("ai.onnx.ml"));
    put_ints(&node, "nodes_treeids", (const int64_t[]){0, 0, 0}, 3);
    put_ints(&node, "nodes_nodeids", (const int64_t[]){0, 1, 2}, 3);
    put_ints(&node, "nodes_featureids", (const int64_t[]){e->feature, 0, 0}, 3);
    put_ints(&node, "nodes_truenodeids", (const int64_t[]){e->yes, 0, 0}, 3);
    put_ints(&node, "nodes_falsenodeids", (const int64_t[]){e->no, 0, 0}, 3);
    put_floats(&node, "nodes_values", (const float[]){0.5f, 0, 0}, 3);
    put_ints(&node, "target_treeids", (const int64_t[]){0, 0}, 2);
    put_ints(&node, "target_nodeids", (const int64_t[]){1, 2}, 2);
    put_ints(&node, "target_ids", (const int64_t[]){0, 0}, 2);
    put_floats(&node, "target_weights", (const float[]){10, 20}, 2);
    weir_format_onnx_proto_put_bytes(&modes, 1, WEIR_STR("nodes_modes"));
    weir_format_onnx_proto_put_bytes(&modes, 9, weir_str_c(e->mode));
    weir_format_onnx_proto_put_bytes(&modes, 9, WEIR_STR("LEAF"));
    weir_format_onnx_proto_put_bytes(&modes, 9, WEIR_STR("LEAF"));
    weir_format_onnx_proto_put_u64(&modes, 20, 8);
    weir_format_onnx_proto_put_bytes(&node, 5, weir_buf_str(&modes));
    weir_format_onnx_proto_put_bytes(&graph, 1, weir_buf_str(&node));
    put_value(&graph, 11, "x", 2);
    put_value(&graph, 12, "y", 1);
    weir_format_onnx_proto_put_bytes(&opset, 1, WEIR_STR("ai.onnx.ml"));
    weir_format_onnx_proto_put_u64(&opset, 2, 3);
    weir_format_onnx_proto_put_u64(model, 1, 8);
    weir_format_onnx_proto_put_bytes(model, 7, weir_buf_str(&graph));
    weir_format_onnx_proto_put_bytes(model, 8, weir_buf_str(&opset));
    weir_buf_deinit(&node);
    weir_buf_deinit(&graph);
    weir_buf_deinit(&opset);
    weir_buf_deinit(&modes);
}

Test(format_onnx, a_tree_that_contradicts_itself_is_refused)
{
    static const struct edit rows[] = {
        {"as it should be", 1, 2, 1, "BRANCH_LEQ", WEIR_OK, true},
        {"a cycle", 0, 2, 1, "BRANCH_LEQ", WEIR_ERR_CORRUPT, false},
        {"two parents", 1, 1, 1, "BRANCH_LEQ", WEIR_ERR_CORRUPT, false},
        {"a child out of range", 1, 3, 1, "BRANCH_LEQ", WEIR_ERR_CORRUPT, false},
        {"a negative child", -1, 2, 1, "BRANCH_LEQ", WEIR_ERR_CORRUPT, false},
        {"a feature out of range", 1, 2, 2, "BRANCH_LEQ", WEIR_ERR_CORRUPT, false},
        {"a huge feature", 1, 2, INT64_MAX, "BRANCH_LEQ", WEIR_ERR_CORRUPT, false},
        {"an unknown mode", 1, 2, 1, "BRANCH_ZZZ", WEIR_ERR_CORRUPT, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct weir_buf model = WEIR_BUF_INIT;
        struct weir_arena arena = WEIR_ARENA_INIT;
        struct weir_model_builder b = {.arena = NULL};
        struct weir_format_onnx_graph g;
        struct weir_error err = WEIR_ERROR_INIT;
        const struct weir_model_node *root = NULL;
        weir_arena_init(&arena, NULL, 0);
        put_model(&model, &rows[i]);
        cr_assert_eq(weir_format_onnx_graph_parse(&g, weir_buf_str(&model), &arena, &err), WEIR_OK);
        cr_assert_eq(weir_model_builder_init(&b, NULL, 0, &err), WEIR_OK);
        cr_assert_eq(weir_format_onnx_native_build(&g, &b, &arena, &root, &err), rows[i].status,
                     "%s: %s", rows[i].label, err.msg);
        cr_assert_eq(root != NULL, rows[i].is_made, "%s", rows[i].label);
        weir_model_builder_deinit(&b);
        weir_arena_deinit(&arena);
        weir_buf_deinit(&model);
    }
}

Test(format_onnx, a_tree_answers_as_it_says)
{
    static const struct edit e = {"", 1, 2, 1, "BRANCH_GT", WEIR_OK, true};
    struct weir_buf bytes = WEIR_BUF_INIT;
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    const double x[] = {0, 0.5, 0, 0.75, 0, (double)NAN};
    double y[3];
    put_model(&bytes, &e);
    cr_assert_eq(weir_format_load_bytes(&model, bytes.at, bytes.n, "t.onnx", NULL, &err), WEIR_OK,
                 "%s", err.msg);
    cr_assert_eq(weir_model_predict(model, x, 3, 2, WEIR_OUTPUT_PREDICT, y, &err), WEIR_OK, "%s",
                 err.msg);
    cr_assert_eq(y[0], 20); /* not greater */
    cr_assert_eq(y[1], 10);
    cr_assert_eq(y[2], 20); /* NaN is not greater */
    weir_model_free(model);
    weir_buf_deinit(&bytes);
}

/* As many leaves as the file likes, as many targets as it says: not the product of both. */
Test(format_onnx, many_trees_of_many_targets_are_read_in_no_time, .timeout = 60)
{
    enum { TREES = 50000, TARGETS = 1 << 20 };
    static int64_t numbers[TREES], zeros[TREES];
    static float weights[TREES];
    struct weir_buf node = WEIR_BUF_INIT, graph = WEIR_BUF_INIT, opset = WEIR_BUF_INIT;
    struct weir_buf modes = WEIR_BUF_INIT, targets = WEIR_BUF_INIT, bytes = WEIR_BUF_INIT;
    struct weir_arena arena = WEIR_ARENA_INIT;
    struct weir_model_builder b = {.arena = NULL};
    struct weir_format_onnx_graph g;
    struct weir_error err = WEIR_ERROR_INIT;
    const struct weir_model_node *root = NULL;
    weir_arena_init(&arena, NULL, 0);
    weir_format_onnx_proto_put_bytes(&modes, 1, WEIR_STR("nodes_modes"));
    for (int64_t i = 0; i < TREES; i++) {
        numbers[i] = i;
        weights[i] = 1.0f;
        weir_format_onnx_proto_put_bytes(&modes, 9, WEIR_STR("LEAF"));
    }
    weir_format_onnx_proto_put_u64(&modes, 20, 8);
    weir_format_onnx_proto_put_bytes(&targets, 1, WEIR_STR("n_targets"));
    weir_format_onnx_proto_put_u64(&targets, 3, TARGETS);
    weir_format_onnx_proto_put_u64(&targets, 20, 2);
    weir_format_onnx_proto_put_bytes(&node, 1, WEIR_STR("x"));
    weir_format_onnx_proto_put_bytes(&node, 2, WEIR_STR("y"));
    weir_format_onnx_proto_put_bytes(&node, 4, WEIR_STR("TreeEnsembleRegressor"));
    weir_format_onnx_proto_put_bytes(&node, 7, WEIR_STR("ai.onnx.ml"));
    weir_format_onnx_proto_put_bytes(&node, 5, weir_buf_str(&targets));
    weir_format_onnx_proto_put_bytes(&node, 5, weir_buf_str(&modes));
    put_ints(&node, "nodes_treeids", numbers, TREES);
    static const char *const names[] = {"nodes_nodeids",     "nodes_featureids",
                                        "nodes_truenodeids", "nodes_falsenodeids",
                                        "target_nodeids",    "target_ids"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        put_ints(&node, names[i], zeros, TREES);
    put_ints(&node, "target_treeids", numbers, TREES);
    put_floats(&node, "nodes_values", weights, TREES);
    put_floats(&node, "target_weights", weights, TREES);
    weir_format_onnx_proto_put_bytes(&graph, 1, weir_buf_str(&node));
    put_value(&graph, 11, "x", 2);
    put_value(&graph, 12, "y", TARGETS);
    weir_format_onnx_proto_put_bytes(&opset, 1, WEIR_STR("ai.onnx.ml"));
    weir_format_onnx_proto_put_u64(&opset, 2, 3);
    weir_format_onnx_proto_put_u64(&bytes, 1, 8);
    weir_format_onnx_proto_put_bytes(&bytes, 7, weir_buf_str(&graph));
    weir_format_onnx_proto_put_bytes(&bytes, 8, weir_buf_str(&opset));
    cr_assert_eq(weir_format_onnx_graph_parse(&g, weir_buf_str(&bytes), &arena, &err), WEIR_OK,
                 "%s", err.msg);
    cr_assert_eq(weir_model_builder_init(&b, NULL, 0, &err), WEIR_OK);
    cr_assert_eq(weir_format_onnx_native_build(&g, &b, &arena, &root, &err), WEIR_OK, "%s",
                 err.msg);
    cr_assert_null(root, "one target of many is not ours");
    weir_model_builder_deinit(&b);
    weir_arena_deinit(&arena);
    struct weir_buf *all[] = {&node, &graph, &opset, &modes, &targets, &bytes};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        weir_buf_deinit(all[i]);
}

/* --- external data --- */

static void put_external_model(struct weir_buf *model, const char *location)
{
    struct weir_buf pair = WEIR_BUF_INIT, tensor = WEIR_BUF_INIT, graph = WEIR_BUF_INIT;
    weir_format_onnx_proto_put_bytes(&pair, 1, WEIR_STR("location"));
    weir_format_onnx_proto_put_bytes(&pair, 2, weir_str_c(location));
    weir_format_onnx_proto_put_u64(&tensor, 1, 1);
    weir_format_onnx_proto_put_u64(&tensor, 2, 1);
    weir_format_onnx_proto_put_bytes(&tensor, 8, WEIR_STR("w"));
    weir_format_onnx_proto_put_bytes(&tensor, 13, weir_buf_str(&pair));
    weir_format_onnx_proto_put_u64(&tensor, 14, 1);
    weir_format_onnx_proto_put_bytes(&graph, 5, weir_buf_str(&tensor));
    weir_format_onnx_proto_put_u64(model, 1, 8);
    weir_format_onnx_proto_put_bytes(model, 7, weir_buf_str(&graph));
    weir_buf_deinit(&pair);
    weir_buf_deinit(&tensor);
    weir_buf_deinit(&graph);
}

Test(format_onnx, tensors_in_other_files_are_refused_unless_allowed_and_near)
{
    static const struct {
        const char *location;
        bool is_allowed;
        const char *says;
    } rows[] = {
        {"weights.bin", false, "onnx_external_data"},
        {"weights.bin", true, "is not there"},
        {"../README.md", true, "outside the model's folder"},
        {"/etc/passwd", true, "is not a relative path"},
        {"*/_ORT_MEM_ADDR_/*", true, "is not there"},
        {".", true, "outside the model's folder"},
    };
    char path[512];
    const char *root = getenv("WEIR_TEST_SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/tests/data/none.onnx", root ? root : ".");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct weir_buf bytes = WEIR_BUF_INIT;
        struct weir_model *model = NULL;
        struct weir_error err = WEIR_ERROR_INIT;
        struct weir_format_opts opts = WEIR_FORMAT_OPTS_INIT;
        opts.onnx_external_data = rows[i].is_allowed;
        put_external_model(&bytes, rows[i].location);
        cr_assert_neq(weir_format_load_bytes(&model, bytes.at, bytes.n, path, &opts, &err),
                      WEIR_OK);
        cr_assert(strstr(err.msg, rows[i].says), "%s: %s", rows[i].location, err.msg);
        weir_buf_deinit(&bytes);
    }
}

/* --- hostile bytes: what we read ourselves, without the runtime --- */

static void read_all(struct weir_str bytes)
{
    struct weir_arena arena = WEIR_ARENA_INIT;
    struct weir_model_builder b = {.arena = NULL};
    struct weir_format_onnx_graph g;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_buf out = WEIR_BUF_INIT;
    const struct weir_model_node *root = NULL;
    struct weir_str external;
    weir_arena_init(&arena, NULL, 64 << 20);
    enum weir_status status = weir_format_onnx_external_find(bytes, &external, &err);
    (void)weir_format_onnx_probe(bytes);
    status = weir_format_describe_bytes(&out, bytes.at, bytes.n, "m", WEIR_FORMAT_DESCRIBE_JSON,
                                        NULL, &err);
    if (weir_format_onnx_graph_parse(&g, bytes, &arena, &err) == WEIR_OK &&
        weir_model_builder_init(&b, NULL, 64 << 20, &err) == WEIR_OK)
        status = weir_format_onnx_native_build(&g, &b, &arena, &root, &err);
    (void)status; /* any will do, but for a crash */
    weir_model_builder_deinit(&b);
    weir_arena_deinit(&arena);
    weir_buf_deinit(&out);
}

Test(format_onnx, cut_files_are_read_to_their_end_only)
{
    for (size_t i = 0; i < sizeof fixtures / sizeof fixtures[0]; i++) {
        struct weir_str whole = read_fixture(fixtures[i]);
        for (size_t k = 0; k < 200; k++) {
            size_t n = whole.n * k / 200;
            char *copy = malloc(n + 1); /* exact: the sanitizer sees a byte too many */
            memcpy(copy, whole.at, n);
            read_all(weir_str_make(copy, n));
            free(copy);
        }
        test_file_free(whole);
    }
}

Test(format_onnx, flipped_bits_do_no_harm)
{
    struct weir_test_random random;
    weir_test_random_init(&random, 20);
    for (size_t i = 0; i < sizeof fixtures / sizeof fixtures[0]; i++) {
        struct weir_str whole = read_fixture(fixtures[i]);
        char *copy = malloc(whole.n);
        for (size_t k = 0; k < 400; k++) {
            memcpy(copy, whole.at, whole.n);
            for (size_t f = 0; f < 1 + k % 4; f++)
                copy[weir_test_random_below(&random, whole.n)] ^=
                    (char)(1 << weir_test_random_below(&random, 8));
            read_all(weir_str_make(copy, whole.n));
        }
        free(copy);
        test_file_free(whole);
    }
}
