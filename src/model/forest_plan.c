/* SPDX-License-Identifier: MIT */
/* Planning: which columns a forest reads, what their elements are, and so what every node compares.
 * forest_layout.c then lays the trees out. */
#include "model/forest_plan.h"

#include <math.h>
#include <stdlib.h>

enum {
    RULES = WEIR_MODEL_FOREST_ZERO_LEFT + 1,
    KEYS8_MAX = 255,          /* ranks 0 … 255 fit a byte */
    COLUMNS_MAX = UINT16_MAX, /* columns of an op, the dead one included */
    COLUMNS_FIRST = 64,
    LARGE_BYTES = 512 << 10, /* of nodes and leaves: half an L2 cache */
    ROWS_BYTES = 512 << 10,  /* of a run's elements and sums */
    ROWS_MOST = 4096,
    NODES_FOR_RANKS = 4 /* inner nodes for each column, below which ranks do not pay */
};

/* --- kernels --- */

static const struct weir_model_forest_isa *const kernels[] = {
#if defined(__x86_64__)
    &weir_model_forest_avx512,
    &weir_model_forest_avx2,
#endif
    &weir_model_forest_portable,
};

static const struct weir_model_forest_isa *forced;
static bool is_forced_plain;

bool weir_model_forest_force(const char *name)
{
    is_forced_plain = name && strcmp(name, "plain") == 0;
    forced = NULL;
    if (!name || is_forced_plain)
        return true;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(kernels); i++)
        if (strcmp(kernels[i]->name, name) == 0 && kernels[i]->is_here())
            forced = kernels[i];
    return forced != NULL;
}

static const struct weir_model_forest_isa *choose_kernels(void)
{
    if (forced)
        return forced;
    size_t i = 0;
    while (!kernels[i]->is_here())
        i++;
    return kernels[i];
}

/* --- keys --- */

/* Returns the key that a node compares with: x goes right when its key is greater. */
static int64_t node_key(enum weir_dtype input, const struct weir_model_forest_plain *node,
                        bool for_f32)
{
    double t = node->threshold;
    bool is_lt = node->test == WEIR_MODEL_FOREST_LT;
    if (input == WEIR_F64 && !for_f32)
        return weir_model_forest_key64(t) - is_lt;
    /* x <= t as x <= the float below or at t; x < t as x < the float above or at it. */
    float f = (float)t;
    int32_t key = weir_model_forest_key32(f);
    if (!is_lt && (double)f > t)
        key -= 1 + (key == 0); /* −1 is no float's key */
    if (is_lt && (double)f < t)
        key += 1 + (key == -2);
    return (int64_t)key - is_lt;
}

/* --- columns --- */

static bool is_comparison(const struct weir_model_forest_plain *node)
{
    return node->test == WEIR_MODEL_FOREST_LE || node->test == WEIR_MODEL_FOREST_LT;
}

/* The rule that matters: where NaN never comes, it does not. */
static uint8_t rule_of(const struct weir_model_forest *f,
                       const struct weir_model_forest_plain *node)
{
    bool is_about_nan =
        node->missing == WEIR_MODEL_FOREST_NAN_LEFT || node->missing == WEIR_MODEL_FOREST_NAN_ZERO;
    return !f->node.allows_nan && is_about_nan ? (uint8_t)WEIR_MODEL_FOREST_NAN_RIGHT
                                               : node->missing;
}

/* Adds a column; false: no memory, or too many. */
static bool add_column(struct weir_model_forest_plan *p, struct weir_model_forest_column column)
{
    if (p->n_columns == p->n_columns_max) {
        size_t n = p->n_columns_max == 0 ? COLUMNS_FIRST : 2 * p->n_columns_max;
        struct weir_model_forest_column *more = weir_arena_array(p->temp, n, sizeof *more);
        struct weir_model_forest_keys *keys = weir_arena_zarray(p->temp, n, sizeof *keys);
        if (!more || !keys)
            return false;
        if (p->n_columns > 0) {
            memcpy(more, p->columns, p->n_columns * sizeof *more);
            memcpy(keys, p->keys, p->n_columns * sizeof *keys);
        }
        p->columns = more;
        p->keys = keys;
        p->n_columns_max = n;
    }
    p->columns[p->n_columns++] = column;
    return true;
}

uint32_t weir_model_forest_plan_column(struct weir_model_forest_plan *p,
                                       const struct weir_model_forest_plain *node)
{
    if (!is_comparison(node))
        return p->first_test + p->n_tests_seen++;
    return p->column_of[(size_t)node->feature * RULES + rule_of(p->forest, node)] - 1;
}

/* Makes the columns of all comparisons, then one for each other test. */
static bool find_columns(struct weir_model_forest_plan *p)
{
    const struct weir_model_forest *f = p->forest;
    bool has_tests = false;
    for (int pass = 0; pass < 1 + has_tests; pass++) {
        p->first_test = (uint32_t)p->n_columns; /* after all comparisons */
        for (size_t t = 0; t < f->n_trees; t++) {
            const struct weir_model_forest_member *tree = &f->trees[t];
            for (size_t i = 0; i < tree->n_nodes; i++) {
                const struct weir_model_forest_plain *node = &tree->nodes[i];
                if (node->test == WEIR_MODEL_FOREST_LEAF)
                    continue;
                if (is_comparison(node) != (pass == 0)) {
                    has_tests = true;
                    continue;
                }
                struct weir_model_forest_column column = {.feature = node->feature,
                                                          .missing = rule_of(f, node)};
                uint32_t *of = &p->column_of[(size_t)node->feature * RULES + column.missing];
                if (pass == 1) {
                    column.test = node;
                    column.test_tree = tree;
                } else if (*of != 0) {
                    continue;
                }
                if (p->n_columns == COLUMNS_MAX || !add_column(p, column))
                    return false;
                if (pass == 0)
                    *of = (uint32_t)p->n_columns;
            }
            p->n_inner += pass == 0 ? tree->n_nodes - tree->n_leaves : 0;
        }
    }
    return true;
}

/* Inserts a key into an ascending list of at most KEYS8_MAX; false: it is full, or no memory. */
static bool insert_key(struct weir_model_forest_plan *p, struct weir_model_forest_keys *keys,
                       int64_t key)
{
    size_t low = 0;
    size_t high = keys->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (keys->at[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < keys->n && keys->at[low] == key)
        return true;
    if (keys->n == KEYS8_MAX)
        return false;
    if (!keys->at) {
        keys->at = weir_arena_array(p->temp, KEYS8_MAX, sizeof *keys->at);
        if (!keys->at)
            return false;
    }
    memmove(keys->at + low + 1, keys->at + low, (keys->n - low) * sizeof *keys->at);
    keys->at[low] = key;
    keys->n++;
    return true;
}

/* Gathers the keys of all columns; false: a column has too many for a byte. */
static bool gather_few(struct weir_model_forest_plan *p)
{
    const struct weir_model_forest *f = p->forest;
    p->n_tests_seen = 0;
    for (size_t t = 0; t < f->n_trees; t++)
        for (size_t i = 0; i < f->trees[t].n_nodes; i++) {
            const struct weir_model_forest_plain *node = &f->trees[t].nodes[i];
            if (node->test == WEIR_MODEL_FOREST_LEAF || !is_comparison(node))
                continue;
            uint32_t c = weir_model_forest_plan_column(p, node);
            if (!insert_key(p, &p->keys[c], node_key(f->input, node, false)))
                return false;
        }
    return true;
}

static int compare_keys(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The same without a bound: all are listed, then sorted. false: no memory. */
static bool gather_many(struct weir_model_forest_plan *p)
{
    const struct weir_model_forest *f = p->forest;
    size_t *n = weir_arena_zarray(p->temp, p->n_columns + 1, sizeof *n);
    if (!n)
        return false;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t c = 0; pass == 1 && c < p->n_columns; c++) {
            p->keys[c] = (struct weir_model_forest_keys){
                .at = weir_arena_array(p->temp, n[c], sizeof *p->keys[c].at)};
            if (!p->keys[c].at)
                return false;
        }
        for (size_t t = 0; t < f->n_trees; t++)
            for (size_t i = 0; i < f->trees[t].n_nodes; i++) {
                const struct weir_model_forest_plain *node = &f->trees[t].nodes[i];
                if (node->test == WEIR_MODEL_FOREST_LEAF || !is_comparison(node))
                    continue;
                uint32_t c = weir_model_forest_plan_column(p, node);
                struct weir_model_forest_keys *keys = &p->keys[c];
                if (pass == 0)
                    n[c]++;
                else
                    keys->at[keys->n++] = node_key(f->input, node, false);
            }
    }
    for (size_t c = 0; c < p->n_columns; c++) {
        struct weir_model_forest_keys *keys = &p->keys[c];
        qsort(keys->at, keys->n, sizeof *keys->at, compare_keys);
        size_t n_distinct = 0;
        for (size_t i = 0; i < keys->n; i++)
            if (i == 0 || keys->at[i] != keys->at[i - 1])
                keys->at[n_distinct++] = keys->at[i];
        keys->n = n_distinct;
    }
    return true;
}

/* --- tables for ranking --- */

/* The key for float rows that a key for double rows stands for. */
static int32_t narrow_key(int64_t key)
{
    if (key == -1) /* below 0 and above all that is less: the place of −0, which is no key */
        return -1;
    uint64_t bits = (uint64_t)key ^ ((uint64_t)(key >> 63) >> 1);
    double t;
    memcpy(&t, &bits, sizeof t);
    if (isnan(t)) /* one below −infinity: everything is above it */
        return (int32_t)node_key(
            WEIR_F32,
            &(struct weir_model_forest_plain){.threshold = -INFINITY, .test = WEIR_MODEL_FOREST_LT},
            true);
    return (int32_t)node_key(
        WEIR_F32, &(struct weir_model_forest_plain){.threshold = t, .test = WEIR_MODEL_FOREST_LE},
        true);
}

/* Copies the keys of one column into the model, for float rows and, where rows are doubles, for
 * those; RANK8: separators first, then padded to 256. */
static bool make_tables(struct weir_model_forest_plan *p, size_t c,
                        enum weir_model_forest_element element)
{
    struct weir_model_forest_column *column = &p->columns[c];
    const struct weir_model_forest_keys *keys = &p->keys[c];
    bool is_8 = element == WEIR_MODEL_FOREST_RANK8;
    size_t n = is_8 ? 256 : keys->n;
    size_t skip = is_8 ? 16 : 0;
    bool is_f64 = p->forest->input == WEIR_F64;
    column->n_keys = (uint32_t)keys->n;
    if (column->test)
        return true;
    int32_t *k32 = weir_arena_alloc_aligned(p->b->arena, (n + skip + 1) * sizeof *k32, 64);
    int64_t *k64 =
        is_f64 ? weir_arena_alloc_aligned(p->b->arena, (n + skip + 1) * sizeof *k64, 64) : NULL;
    if (!k32 || (is_f64 && !k64))
        return false;
    for (size_t i = 0; i < n; i++) {
        bool is_pad = i >= keys->n;
        int32_t narrow = is_f64 && !is_pad ? narrow_key(keys->at[i]) : 0;
        k32[skip + i] = is_pad ? INT32_MAX : is_f64 ? narrow : (int32_t)keys->at[i];
        if (k64)
            k64[skip + i] = is_pad ? INT64_MAX : keys->at[i];
    }
    for (size_t i = 0; i < skip; i++) {
        k32[i] = k32[skip + i * 16 + 15];
        if (k64)
            k64[i] = k64[skip + i * 16 + 15];
    }
    column->keys32 = k32;
    column->keys64 = k64;
    return true;
}

int32_t weir_model_forest_plan_k(const struct weir_model_forest_plan *p, uint32_t column,
                                 const struct weir_model_forest_plain *node)
{
    if (!is_comparison(node))
        return 0;
    int64_t key = node_key(p->forest->input, node, false);
    if (p->fast->element == WEIR_MODEL_FOREST_KEY32)
        return (int32_t)key;
    const struct weir_model_forest_keys *keys = &p->keys[column];
    size_t low = 0;
    size_t high = keys->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (keys->at[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return (int32_t)low;
}

/* --- the plan --- */

/* Whether the trees are of the kinds that the kernels know. */
static bool is_plain_kind(const struct weir_model_forest *f)
{
    for (size_t i = 0; i < f->n_trees; i++) {
        const struct weir_model_forest_member *t = &f->trees[i];
        if (!t->nodes || t->columns || t->linear)
            return false;
    }
    return f->n_trees > 0;
}

/* Chooses the elements; false: no memory. */
static bool choose_elements(struct weir_model_forest_plan *p)
{
    struct weir_model_forest_fast *fast = p->fast;
    bool is_f32 = p->forest->input == WEIR_F32;
    bool pays = p->n_inner >= NODES_FOR_RANKS * p->n_columns;
    if ((pays || !is_f32) && gather_few(p)) {
        fast->element = WEIR_MODEL_FOREST_RANK8;
    } else if (is_f32) {
        fast->element = WEIR_MODEL_FOREST_KEY32;
    } else {
        fast->element = WEIR_MODEL_FOREST_RANK32;
        if (!gather_many(p))
            return false;
    }
    for (size_t c = 0; c < p->n_columns && fast->element != WEIR_MODEL_FOREST_KEY32; c++)
        if (!make_tables(p, c, fast->element))
            return false;
    fast->n_columns = (uint32_t)p->n_columns;
    fast->columns = weir_arena_array(p->b->arena, p->n_columns + 1, sizeof *fast->columns);
    if (!fast->columns)
        return false;
    if (p->n_columns > 0)
        memcpy(fast->columns, p->columns, p->n_columns * sizeof *fast->columns);
    return true;
}

/* Chooses the rows of a run: so many that a forest too large for the caches is not fetched again
 * for each few rows, while their elements and sums stay in L2. */
static size_t choose_rows(const struct weir_model_forest_fast *fast,
                          const struct weir_model_forest *forest, size_t item)
{
    size_t bytes = 0;
    for (size_t t = 0; t < forest->n_trees; t++)
        bytes += forest->trees[t].n_nodes * sizeof *fast->steps +
                 (size_t)forest->trees[t].n_leaves * forest->width * sizeof(double);
    size_t row = (fast->n_columns + 1) * item + fast->n_sums * sizeof(double);
    if (forest->start_node || bytes < LARGE_BYTES)
        return WEIR_MODEL_BLOCK_ROWS;
    size_t n = ROWS_BYTES / row / WEIR_MODEL_FOREST_TILE * WEIR_MODEL_FOREST_TILE;
    return n < WEIR_MODEL_BLOCK_ROWS ? WEIR_MODEL_BLOCK_ROWS : n < ROWS_MOST ? n : ROWS_MOST;
}

/* Cuts the scratch memory. */
static void cut_scratch(struct weir_model_forest_fast *fast, const struct weir_model_forest *forest,
                        size_t scratch_at)
{
    size_t item = fast->element == WEIR_MODEL_FOREST_RANK8 ? 1 : sizeof(int32_t);
    fast->rows_run = choose_rows(fast, forest, item);
    size_t n_tiles = fast->rows_run / WEIR_MODEL_FOREST_TILE;
    fast->row_bytes = weir_model_node_align((fast->n_columns + 1) * item);
    fast->tile_bytes = (size_t)(fast->n_columns + 1) * WEIR_MODEL_FOREST_TILE * item;
    fast->sums_bytes = (size_t)WEIR_MODEL_FOREST_TILE * fast->n_sums * sizeof(double);
    fast->tile_at = scratch_at;
    size_t rows = fast->row_bytes * WEIR_MODEL_FOREST_TILE;
    fast->sums_at = fast->tile_at + weir_max_size(fast->tile_bytes * n_tiles, rows);
    fast->slots_at = fast->sums_at + fast->sums_bytes * n_tiles;
    fast->scratch_bytes =
        fast->slots_at - scratch_at + (size_t)WEIR_MODEL_FOREST_SLOTS_MAX * WEIR_MODEL_FOREST_TILE;
}

enum weir_status weir_model_forest_plan(struct weir_model_builder *b,
                                        const struct weir_model_forest *forest, size_t scratch_at,
                                        const struct weir_model_forest_fast **out,
                                        struct weir_error *err)
{
    *out = NULL;
    if (is_forced_plain || !is_plain_kind(forest))
        return WEIR_OK;
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena temp = WEIR_ARENA_INIT;
    weir_arena_init(&temp, b->arena->mem, 0);
    struct weir_model_forest_plan plan = {.b = b, .forest = forest, .temp = &temp};
    plan.column_of =
        weir_arena_zarray(&temp, (size_t)forest->node.n_in * RULES, sizeof *plan.column_of);
    plan.fast = weir_arena_zalloc(b->arena, sizeof *plan.fast);
    if (!plan.column_of || !plan.fast)
        return weir_model_builder_no_memory(b, err);
    plan.fast->isa = choose_kernels();
    plan.fast->width = forest->width;
    plan.fast->n_sums = forest->n_sums;
    if (!find_columns(&plan))
        return plan.n_columns == COLUMNS_MAX ? WEIR_OK : weir_model_builder_no_memory(b, err);
    if (!choose_elements(&plan))
        return weir_model_builder_no_memory(b, err);
    bool fits;
    enum weir_status status = weir_model_forest_layout(&plan, &fits, err);
    if (status != WEIR_OK || !fits)
        return status;
    cut_scratch(plan.fast, forest, scratch_at);
    *out = plan.fast;
    return WEIR_OK;
}
