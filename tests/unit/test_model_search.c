/* SPDX-License-Identifier: MIT */
/* Trees over points: what a file says of them is checked before it is walked. */
#include "model/builder.h"
#include "model/search.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>

enum { N = 6 };

static const double points[N] = {5, 1, 4, 2, 9, 3};
static const double bounds[6] = {1, 1, 4, 9, 3, 9};

/* Two leaves of three points below a root; what is at fault is written over this. */
static struct {
    int64_t order[N];
    struct weir_model_search_node nodes[3];
} tree;

static void reset(void)
{
    static const int64_t order[N] = {1, 3, 5, 2, 0, 4};
    for (size_t i = 0; i < N; i++)
        tree.order[i] = order[i];
    tree.nodes[0] = (struct weir_model_search_node){.start = 0, .end = N};
    tree.nodes[1] = (struct weir_model_search_node){.start = 0, .end = 3, .is_leaf = true};
    tree.nodes[2] = (struct weir_model_search_node){.start = 3, .end = N, .is_leaf = true};
}

static enum weir_status make(struct weir_model_builder *b, struct weir_model_search **out)
{
    const struct weir_model_search_opts opts = {.metric = WEIR_MODEL_SEARCH_EUCLIDEAN,
                                                .n_in = 1,
                                                .n_points = N,
                                                .points = points,
                                                .tree = WEIR_MODEL_SEARCH_KD,
                                                .order = tree.order,
                                                .n_nodes = 3,
                                                .nodes = tree.nodes,
                                                .bounds = bounds};
    cr_assert_eq(weir_model_builder_init(b, NULL, 0, NULL), WEIR_OK);
    return weir_model_search_new(b, &opts, out, NULL);
}

static enum weir_status try_tree(void)
{
    struct weir_model_builder b;
    struct weir_model_search *s;
    enum weir_status status = make(&b, &s);
    weir_model_builder_deinit(&b);
    return status;
}

Test(model_search, a_tree_finds_what_is_near)
{
    struct weir_model_builder b;
    struct weir_model_search *s;
    reset();
    cr_assert_eq(make(&b, &s), WEIR_OK);
    char *scratch = aligned_alloc(64, (weir_model_search_scratch_bytes(s, 3) + 63) & ~(size_t)63);
    double x = 3.4, distances[3];
    int32_t found[3];
    weir_model_search_nearest(s, &x, 1, 1, 3, (struct weir_model_search_found){distances, found},
                              scratch);
    cr_assert_eq(found[0], 5);
    cr_assert_eq(found[1], 2);
    cr_assert_eq(found[2], 3);
    free(scratch);
    weir_model_builder_deinit(&b);
}

Test(model_search, a_point_is_in_one_leaf)
{
    reset();
    tree.nodes[1].end = N; /* Both leaves hold the last three. */
    cr_assert_eq(try_tree(), WEIR_ERR_CORRUPT);
    reset();
    tree.nodes[2].start = 4; /* No leaf holds the fourth. */
    cr_assert_eq(try_tree(), WEIR_ERR_CORRUPT);
    reset();
    tree.nodes[0].end = tree.nodes[2].end = 5; /* The root leaves the last out. */
    cr_assert_eq(try_tree(), WEIR_ERR_CORRUPT);
    reset();
    tree.order[0] = tree.order[1];
    cr_assert_eq(try_tree(), WEIR_ERR_CORRUPT);
}

Test(model_search, indexes_out_of_range_are_refused)
{
    reset();
    tree.order[3] = N;
    cr_assert_eq(try_tree(), WEIR_ERR_CORRUPT);
    reset();
    tree.nodes[2].end = N + 1;
    cr_assert_eq(try_tree(), WEIR_ERR_CORRUPT);
    reset();
    tree.nodes[2].is_leaf = false; /* Its children would be nodes 5 and 6. */
    cr_assert_eq(try_tree(), WEIR_ERR_CORRUPT);
    reset();
    tree.nodes[0].radius = (double)NAN;
    cr_assert_eq(try_tree(), WEIR_ERR_CORRUPT);
}
