/* SPDX-License-Identifier: MIT */
#include "model/search.h"

#include <math.h>
#include <string.h>

enum { POINTS_AT_ONCE = 256, DEPTH_MAX = 48 };

struct weir_model_search {
    enum weir_model_search_metric metric;
    enum weir_model_search_tree tree;
    double p;
    uint32_t n_in;
    size_t n_points;
    struct weir_model_dense dense; /* in the tree's order where there is one */
    const double *plain;           /* MINKOWSKI: the points, in the same order */
    const int32_t *order;          /* NULL: the points' own */
    const struct weir_model_search_node *nodes;
    size_t n_nodes;
    const double *low;  /* KD corners; BALL centres */
    const double *high; /* KD */
};

/* --- distances ---
 * Inside, distances are *reduced*: any growing function of the distance that is cheaper. */

static double power(double v, double p)
{
    return p == 1.0 ? v : p == 2.0 ? v * v : pow(v, p);
}

static double reduce(const struct weir_model_search *s, double distance)
{
    return s->metric == WEIR_MODEL_SEARCH_EUCLIDEAN   ? distance * distance
           : s->metric == WEIR_MODEL_SEARCH_MINKOWSKI ? pow(distance, s->p)
                                                      : distance;
}

static double expand(const struct weir_model_search *s, double reduced)
{
    return s->metric == WEIR_MODEL_SEARCH_EUCLIDEAN   ? sqrt(reduced)
           : s->metric == WEIR_MODEL_SEARCH_MINKOWSKI ? pow(reduced, 1.0 / s->p)
                                                      : reduced;
}

/* Fills the reduced distances of rows to the points first … first + n − 1; first is a multiple of
 * the lanes. */
static void measure(const struct weir_model_search *s, const double *x, size_t stride,
                    size_t n_rows, size_t first, size_t n, double *out)
{
    if (s->metric == WEIR_MODEL_SEARCH_MINKOWSKI) {
        for (size_t i = 0; i < n_rows * n; i++) {
            const double *row = x + i / n * stride;
            const double *point = s->plain + (first + i % n) * s->n_in;
            double sum = 0.0;
            for (size_t j = 0; j < s->n_in; j++)
                sum += pow(fabs(row[j] - point[j]), s->p);
            out[i] = sum;
        }
        return;
    }
    weir_model_dense_some(&s->dense, x, stride, n_rows, first, n, out, n);
    if (s->metric != WEIR_MODEL_SEARCH_COSINE)
        return;
    for (size_t i = 0; i < n_rows * n; i++)
        out[i] = fmin(fmax(1.0 - out[i], 0.0), 2.0);
}

/* Returns the rows as they are measured: for cosines divided by their lengths, in scratch. */
static const double *prepare(const struct weir_model_search *s, const double *x, size_t *stride,
                             size_t n_rows, double *scratch)
{
    if (s->metric != WEIR_MODEL_SEARCH_COSINE)
        return x;
    for (size_t row = 0; row < n_rows; row++) {
        const double *from = x + row * *stride;
        double sum = 0.0;
        for (size_t j = 0; j < s->n_in; j++)
            sum += from[j] * from[j];
        double length = sum == 0.0 ? 1.0 : sqrt(sum);
        for (size_t j = 0; j < s->n_in; j++)
            scratch[row * s->n_in + j] = from[j] / length;
    }
    *stride = s->n_in;
    return scratch;
}

/* --- the heap: the largest of the k smallest first --- */

struct heap {
    double *values;
    int32_t *points;
    size_t n;
};

/* Takes v in unless it is no smaller than all that are kept. */
static void heap_push(struct heap *h, double v, int32_t point)
{
    if (!(v < h->values[0]))
        return;
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= h->n)
            break;
        if (child + 1 < h->n && h->values[child + 1] > h->values[child])
            child++;
        if (!(v < h->values[child]))
            break;
        h->values[at] = h->values[child];
        h->points[at] = h->points[child];
        at = child;
    }
    h->values[at] = v;
    h->points[at] = point;
}

/* Sorts in place, the nearest first: the root, which is the farthest, goes to the end again and
 * again. */
static void heap_sort(struct heap *h)
{
    for (struct heap rest = *h; rest.n > 1;) {
        double v = rest.values[0];
        int32_t point = rest.points[0];
        size_t last = rest.n - 1;
        double moved = rest.values[last];
        int32_t moved_point = rest.points[last];
        rest.n = last;
        rest.values[0] = (double)INFINITY;
        if (moved < (double)INFINITY) {
            heap_push(&rest, moved, moved_point);
        } else {
            rest.values[0] = moved;
            rest.points[0] = moved_point;
        }
        h->values[last] = v;
        h->points[last] = point;
    }
}

/* --- trees --- */

static double least_distance(const struct weir_model_search *s, size_t node, const double *x)
{
    const double *low = s->low + node * s->n_in;
    if (s->tree == WEIR_MODEL_SEARCH_BALL) {
        double sum = 0.0;
        for (size_t j = 0; j < s->n_in; j++) {
            double d = fabs(x[j] - low[j]);
            if (s->metric == WEIR_MODEL_SEARCH_CHEBYSHEV)
                sum = d > sum ? d : sum;
            else
                sum += s->metric == WEIR_MODEL_SEARCH_EUCLIDEAN   ? d * d
                       : s->metric == WEIR_MODEL_SEARCH_MINKOWSKI ? pow(d, s->p)
                                                                  : d;
        }
        return reduce(s, fmax(0.0, expand(s, sum) - s->nodes[node].radius));
    }
    const double *high = s->high + node * s->n_in;
    double p = s->metric == WEIR_MODEL_SEARCH_EUCLIDEAN   ? 2.0
               : s->metric == WEIR_MODEL_SEARCH_MINKOWSKI ? s->p
                                                          : 1.0;
    double sum = 0.0;
    for (size_t j = 0; j < s->n_in; j++) {
        double below = low[j] - x[j];
        double above = x[j] - high[j];
        double d = 0.5 * ((below + fabs(below)) + (above + fabs(above)));
        if (s->metric == WEIR_MODEL_SEARCH_CHEBYSHEV)
            sum = fmax(sum, d);
        else
            sum += power(d, p);
    }
    return sum;
}

static void visit_leaf(const struct weir_model_search *s, const struct weir_model_search_node *node,
                       const double *x, struct heap *heap, double *distances)
{
    size_t at = node->start / WEIR_MODEL_LANES * WEIR_MODEL_LANES;
    while (at < node->end) {
        size_t n = weir_min_size(POINTS_AT_ONCE, node->end - at);
        measure(s, x, s->n_in, 1, at, n, distances);
        for (size_t i = at < node->start ? node->start - at : 0; i < n; i++)
            heap_push(heap, distances[i], s->order[at + i]);
        at += n;
    }
}

/* Walks down, the nearer child first, leaving out what is farther than all that are kept. */
static void visit(const struct weir_model_search *s, const double *x, struct heap *heap,
                  double *distances)
{
    struct {
        size_t node;
        double least;
    } stack[DEPTH_MAX + 1];
    size_t n = 0;
    stack[n].node = 0;
    stack[n++].least = least_distance(s, 0, x);
    while (n > 0) {
        size_t i = stack[--n].node;
        const struct weir_model_search_node *node = &s->nodes[i];
        if (stack[n].least > heap->values[0])
            continue;
        if (node->is_leaf) {
            visit_leaf(s, node, x, heap, distances);
            continue;
        }
        double left = least_distance(s, 2 * i + 1, x);
        double right = least_distance(s, 2 * i + 2, x);
        size_t far = left <= right ? 2 * i + 2 : 2 * i + 1;
        stack[n].node = far;
        stack[n++].least = left <= right ? right : left;
        stack[n].node = far == 2 * i + 2 ? 2 * i + 1 : 2 * i + 2;
        stack[n++].least = left <= right ? left : right;
    }
}

/* --- finding --- */

size_t weir_model_search_scratch_bytes(const struct weir_model_search *s, size_t k)
{
    (void)k;
    size_t rows = s->metric == WEIR_MODEL_SEARCH_COSINE ? weir_model_node_block_bytes(s->n_in) : 0;
    return rows + weir_model_node_block_bytes(POINTS_AT_ONCE);
}

static double *distances_of(const struct weir_model_search *s, char *scratch)
{
    size_t rows = s->metric == WEIR_MODEL_SEARCH_COSINE ? weir_model_node_block_bytes(s->n_in) : 0;
    return (double *)(void *)(scratch + rows);
}

static int32_t point_of(const struct weir_model_search *s, size_t i)
{
    return s->order ? s->order[i] : (int32_t)i;
}

void weir_model_search_nearest(const struct weir_model_search *s, const double *x, size_t stride,
                               size_t n_rows, size_t k, struct weir_model_search_found out,
                               char *scratch)
{
    weir_assert(k > 0);
    weir_assert(k <= s->n_points);
    double *distances = distances_of(s, scratch);
    for (size_t i = 0; i < n_rows * k; i++) {
        out.distances[i] = (double)INFINITY;
        out.points[i] = 0;
    }
    x = prepare(s, x, &stride, n_rows, (double *)(void *)scratch);
    if (s->tree != WEIR_MODEL_SEARCH_BRUTE) {
        for (size_t row = 0; row < n_rows; row++) {
            struct heap heap = {out.distances + row * k, out.points + row * k, k};
            visit(s, x + row * stride, &heap, distances);
        }
    } else {
        for (size_t first = 0; first < s->n_points; first += POINTS_AT_ONCE) {
            size_t n = weir_min_size(POINTS_AT_ONCE, s->n_points - first);
            measure(s, x, stride, n_rows, first, n, distances);
            for (size_t row = 0; row < n_rows; row++) {
                struct heap heap = {out.distances + row * k, out.points + row * k, k};
                for (size_t i = 0; i < n; i++)
                    heap_push(&heap, distances[row * n + i], (int32_t)(first + i));
            }
        }
    }
    for (size_t row = 0; row < n_rows; row++) {
        struct heap heap = {out.distances + row * k, out.points + row * k, k};
        heap_sort(&heap);
    }
    for (size_t i = 0; i < n_rows * k; i++)
        out.distances[i] = expand(s, out.distances[i]);
}

void weir_model_search_scan(const struct weir_model_search *s, const double *x, size_t stride,
                            size_t n_rows, double radius,
                            void (*show)(void *ctx, size_t row, int32_t point, double distance),
                            void *ctx, char *scratch)
{
    double *distances = distances_of(s, scratch);
    double most = reduce(s, radius);
    x = prepare(s, x, &stride, n_rows, (double *)(void *)scratch);
    for (size_t first = 0; first < s->n_points; first += POINTS_AT_ONCE) {
        size_t n = weir_min_size(POINTS_AT_ONCE, s->n_points - first);
        measure(s, x, stride, n_rows, first, n, distances);
        for (size_t i = 0; i < n_rows * n; i++)
            if (distances[i] <= most)
                show(ctx, i / n, point_of(s, first + i % n), expand(s, distances[i]));
    }
}

/* --- making --- */

/* Finds whether a node's children share its points, one behind the other. */
static bool is_halved(const struct weir_model_search_node *nodes, size_t i)
{
    const struct weir_model_search_node *left = &nodes[2 * i + 1];
    const struct weir_model_search_node *right = &nodes[2 * i + 2];
    return left->start == nodes[i].start && left->end == right->start && right->end == nodes[i].end;
}

/* Checks that every index is in range and that the leaves hold all points one after the other, each
 * once: a tree whose leaves overlap could make a row as slow as it likes. */
static enum weir_status check_tree(const struct weir_model_search_opts *opts,
                                   struct weir_error *err)
{
    const struct weir_model_search_node *nodes = opts->nodes;
    if (opts->n_nodes == 0 || opts->n_nodes > UINT32_MAX)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "the tree has %zu nodes", opts->n_nodes);
    for (size_t i = 0; i < opts->n_points; i++)
        if (opts->order[i] < 0 || (uint64_t)opts->order[i] >= opts->n_points)
            return weir_error_set(err, WEIR_ERR_CORRUPT, "the tree holds a point out of range");
    for (size_t i = 0; i < opts->n_nodes; i++)
        if (nodes[i].start > nodes[i].end || nodes[i].end > opts->n_points ||
            (!nodes[i].is_leaf && (2 * i + 2 >= opts->n_nodes || !is_halved(nodes, i))) ||
            isnan(nodes[i].radius))
            return weir_error_set(err, WEIR_ERR_CORRUPT, "node %zu of the tree is out of range", i);
    if (nodes[0].start != 0 || nodes[0].end != opts->n_points)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "the tree does not hold all points");
    return WEIR_OK;
}

static enum weir_status make_tree(struct weir_model_search *s, struct weir_model_builder *b,
                                  const struct weir_model_search_opts *opts, struct weir_error *err)
{
    size_t n_bounds = opts->n_nodes * opts->n_in;
    bool is_kd = opts->tree == WEIR_MODEL_SEARCH_KD;
    enum weir_status status = check_tree(opts, err);
    if (status != WEIR_OK)
        return status;
    int32_t *order = weir_arena_array(b->arena, opts->n_points, sizeof *order);
    uint8_t *seen = weir_arena_zarray(b->arena, opts->n_points / 8 + 1, sizeof *seen);
    struct weir_model_search_node *nodes = weir_arena_array(b->arena, opts->n_nodes, sizeof *nodes);
    s->low = weir_model_builder_doubles(b, opts->bounds, n_bounds);
    s->high = is_kd ? weir_model_builder_doubles(b, opts->bounds + n_bounds, n_bounds) : NULL;
    if (!order || !seen || !nodes || !s->low || (is_kd && !s->high))
        return weir_model_builder_no_memory(b, err);
    for (size_t i = 0; i < opts->n_points; i++) {
        size_t point = (size_t)opts->order[i];
        if (seen[point / 8] & 1 << point % 8)
            return weir_error_set(err, WEIR_ERR_CORRUPT, "the tree holds point %zu twice", point);
        seen[point / 8] = (uint8_t)(seen[point / 8] | 1 << point % 8);
        order[i] = (int32_t)point;
    }
    memcpy(nodes, opts->nodes, opts->n_nodes * sizeof *nodes);
    s->order = order;
    s->nodes = nodes;
    s->n_nodes = opts->n_nodes;
    return WEIR_OK;
}

/* Lays the points out in the order in which they are measured. */
static enum weir_status make_points(struct weir_model_search *s, struct weir_model_builder *b,
                                    const struct weir_model_search_opts *opts,
                                    struct weir_error *err)
{
    static const enum weir_model_lanes_sum sums[] = {
        [WEIR_MODEL_SEARCH_EUCLIDEAN] = WEIR_MODEL_LANES_SQUARES,
        [WEIR_MODEL_SEARCH_MANHATTAN] = WEIR_MODEL_LANES_ABS,
        [WEIR_MODEL_SEARCH_CHEBYSHEV] = WEIR_MODEL_LANES_MAX,
        [WEIR_MODEL_SEARCH_MINKOWSKI] = WEIR_MODEL_LANES_ABS,
        [WEIR_MODEL_SEARCH_COSINE] = WEIR_MODEL_LANES_DOT};
    size_t n_in = opts->n_in;
    size_t n = opts->n_points;
    /* Never the narrow form: there are at least as many points as lanes, the rest are zeros. */
    size_t n_padded = weir_max_size(n, WEIR_MODEL_LANES);
    double *sorted = weir_arena_zarray(b->arena, n_padded * n_in, sizeof *sorted);
    if (!sorted)
        return weir_model_builder_no_memory(b, err);
    size_t one = 1;
    for (size_t i = 0; i < n; i++)
        memcpy(sorted + i * n_in, opts->points + (size_t)point_of(s, i) * n_in,
               n_in * sizeof *sorted);
    s->plain = sorted;
    if (opts->metric == WEIR_MODEL_SEARCH_MINKOWSKI)
        return WEIR_OK;
    for (size_t i = 0; opts->metric == WEIR_MODEL_SEARCH_COSINE && i < n; i++) {
        size_t stride = n_in;
        (void)prepare(s, sorted + i * n_in, &stride, one, sorted + i * n_in);
    }
    return weir_model_dense_rows(&s->dense, b, sums[opts->metric], opts->n_in, n_padded, sorted,
                                 err);
}

enum weir_status weir_model_search_new(struct weir_model_builder *b,
                                       const struct weir_model_search_opts *opts,
                                       struct weir_model_search **out, struct weir_error *err)
{
    weir_assert(opts->n_in > 0);
    weir_assert(opts->n_points > 0);
    size_t n_values;
    if (opts->n_points > INT32_MAX || opts->n_in > WEIR_MODEL_COLUMNS_MAX ||
        !weir_size_mul(opts->n_points + WEIR_MODEL_LANES, opts->n_in, &n_values))
        return weir_error_set(err, WEIR_ERR_LIMIT, "too many points");
    struct weir_model_search *s = weir_arena_zalloc(b->arena, sizeof *s);
    if (!s)
        return weir_model_builder_no_memory(b, err);
    s->metric = opts->metric;
    s->tree = opts->tree;
    s->p = opts->p;
    s->n_in = opts->n_in;
    s->n_points = opts->n_points;
    enum weir_status status = WEIR_OK;
    if (opts->tree != WEIR_MODEL_SEARCH_BRUTE)
        status = make_tree(s, b, opts, err);
    if (status == WEIR_OK)
        status = make_points(s, b, opts, err);
    if (status == WEIR_OK)
        *out = s;
    return status;
}
