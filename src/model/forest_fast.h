/* SPDX-License-Identifier: MIT */
/* The fast form of a forest, for src/model/forest_*.c and their tests.
 *
 * **Columns.** Every test of a node is turned into `element > k` on small integers, whatever the
 * library's comparison and its rule for missing values: a column is one feature read under one
 * missing rule, so that NaN and zero cost nothing in the trees. There are two kinds of elements.
 * *Ranks* (uint8_t, or int32_t): the number of the column's distinct tests, in ascending order of
 * threshold, that send the value right; exact for doubles too. *Keys* (int32_t, float32 forests
 * with too many thresholds for bytes): the float's bits made to sort as integers. A test that is no
 * comparison (a category set, equality) gets a column of its own, filled by the plain rule: 1 goes
 * right.
 *
 * **Tiles.** A batch is worked on in tiles of 64 rows, column after column, so that one vector
 * holds one column of 16 to 64 rows. The top of a tree, or all of it when it is small, is a list
 * of *ops*, children first: each compares a column with k and blends the exit numbers that its
 * children have found, for all rows at once, without a branch or a gather. What is below, if
 * anything, is *walked*: 8-byte nodes, many rows side by side. Leaves are walked on the spot, so
 * that no row asks whether it has arrived.
 *
 * **Rows.** Few rows are walked one by one through many trees side by side, or, where the CPU has
 * byte permutes, by comparing all nodes of a tree at once and following the bits.
 *
 * In each way a row's additions happen in the trees' order, so all give the same bits. */
#ifndef WEIR_MODEL_FOREST_FAST_H
#define WEIR_MODEL_FOREST_FAST_H

#include "model/forest_priv.h"

#include <string.h>

enum {
    WEIR_MODEL_FOREST_TILE = 64,       /* rows of a tile */
    WEIR_MODEL_FOREST_EXITS_MAX = 256, /* exits of the ops of one tree: a byte */
    WEIR_MODEL_FOREST_TEMPS_MAX = 128, /* results of ops that wait for their parent: at most half
                                          the exits */
    WEIR_MODEL_FOREST_SLOTS_MAX = WEIR_MODEL_FOREST_EXITS_MAX + WEIR_MODEL_FOREST_TEMPS_MAX,
    WEIR_MODEL_FOREST_BITS_COLUMNS = 64, /* of the one-row kernels, the dead one included */
    WEIR_MODEL_FOREST_PATHS = 32,
    WEIR_MODEL_FOREST_HEAP_LEVELS = 6,
    WEIR_MODEL_FOREST_HEAP_NODES = 64,
    WEIR_MODEL_FOREST_OP_COLUMNS = 8191, /* columns of ops */
    WEIR_MODEL_FOREST_WALK_COST = 190,   /* about cycles; see op_cost_u8 */
};

enum weir_model_forest_element {
    WEIR_MODEL_FOREST_RANK8,
    WEIR_MODEL_FOREST_RANK32,
    WEIR_MODEL_FOREST_KEY32,
};

/* A feature under one missing rule, or one test that is no comparison. */
struct weir_model_forest_column {
    uint32_t feature;
    uint8_t missing;
    uint32_t n_keys;
    const int32_t *keys32; /* ranks: ascending thresholds for float rows, laid out for the search:
                              RANK8: 16 separators, then 16 × 16; RANK32: n_keys */
    const int64_t *keys64; /* the same for double rows; NULL in float32 forests; n_keys ascending */
    const struct weir_model_forest_plain *test; /* not NULL: a test */
    const struct weir_model_forest_member *test_tree;
};

/* One inner node of the top of a tree: where element > k the result is right's, else left's. All
 * places are in units of 8, as addresses are: 8 × the column, 8 × the slot. Slots below EXITS_MAX
 * hold the constant exit number, the others results. */
struct weir_model_forest_op {
    uint16_t column;
    uint16_t left;
    uint16_t right;
    uint16_t out;
    int32_t k;
};

/* A tree of at most 6 levels for vector kernels: node i asks column[i] ÷ 8 > k[i], node 1 is the
 * root, 2i and 2i + 1 follow i; above a leaf that is less deep nothing is greater than k. */
struct weir_model_forest_heap {
    uint16_t column[WEIR_MODEL_FOREST_HEAP_NODES];
    uint8_t k[WEIR_MODEL_FOREST_HEAP_NODES];
};

/* A node for walking. place: low bits the column, high bits the left child in the tree (right is
 * the next). A leaf asks the dead column, whose element is below all k, and is its own left child;
 * its k is the leaf's number. */
struct weir_model_forest_step {
    int32_t k;
    uint32_t place;
};

struct weir_model_forest_fast_tree {
    size_t ops_at;
    size_t steps_at;
    size_t values_at;
    size_t exits_at; /* n_exits indices of steps, where levels are left to walk */
    uint32_t n_ops;
    uint32_t root;         /* slot of the result */
    uint32_t heap_levels;  /* 0: not a heap; else 3 … 6 */
    size_t heap_values_at; /* the values of 2^heap_levels leaves in the heap's order */
    uint32_t n_exits;
    uint32_t n_left; /* levels to walk below the exits; 0: exits are leaves */
    uint32_t n_levels;
    uint32_t n_steps;
    uint32_t first;
};

/* A tree for the one-row kernels, which ask all nodes at once: node i is column[i] > k[i]. Heap:
 * node 1 is the root, 2i + bit follows i, and after 6 levels leaf[i − 64] is the leaf's number. */
struct weir_model_forest_bits {
    uint8_t column[WEIR_MODEL_FOREST_HEAP_NODES];
    uint8_t k[WEIR_MODEL_FOREST_HEAP_NODES];
    uint8_t leaf[WEIR_MODEL_FOREST_HEAP_NODES];
};

/* Paths, for at most 32 leaves of any depth: leaf i is the row's when the nodes' bits equal want[i]
 * on the nodes that are set in path[i]. */
struct weir_model_forest_paths {
    uint8_t column[WEIR_MODEL_FOREST_PATHS];
    uint8_t k[WEIR_MODEL_FOREST_PATHS];
    uint32_t want[WEIR_MODEL_FOREST_PATHS];
    uint32_t path[WEIR_MODEL_FOREST_PATHS];
};

struct weir_model_forest_isa;

struct weir_model_forest_fast {
    const struct weir_model_forest_isa *isa;
    enum weir_model_forest_element element;
    uint32_t n_columns; /* the dead one at n_columns is not counted */
    uint32_t column_bits;
    struct weir_model_forest_column *columns;
    struct weir_model_forest_fast_tree *trees;
    size_t n_trees;
    struct weir_model_forest_op *ops;
    struct weir_model_forest_step *steps;
    uint32_t *exits;
    float *values_f32; /* one of the two, by the forest's sum; for width 1 each tree's are followed
                          by room up to a multiple of 16 */
    double *values_f64;
    struct weir_model_forest_heap *heaps;  /* by tree; NULL: none */
    struct weir_model_forest_bits *bits;   /* by tree; NULL: none */
    struct weir_model_forest_paths *paths; /* by tree; NULL: none */
    uint32_t n_slots;                      /* exits of the widest ops */
    uint32_t width;
    uint32_t n_sums;
    uint32_t rows_max; /* up to so many rows go one by one */
    size_t row_bytes;  /* of one row of elements, whole cache lines */
    size_t rows_run;   /* rows of a run at most, whole tiles */
    /* Scratch, offsets from the run's. */
    size_t tile_at; /* tiles of (n_columns + 1) × 64 elements: tile_bytes each; or rows */
    size_t tile_bytes;
    size_t sums_at; /* for each tile 64 × n_sums float or double: width 1: sum after sum, else row
                       after row */
    size_t sums_bytes; /* of one tile */
    size_t slots_at;   /* SLOTS_MAX × 64 bytes */
    size_t scratch_bytes;
};

/* What a kernel set works on: tiles, or some rows. */
struct weir_model_forest_job {
    const struct weir_model_forest_fast *f;
    const char *elements; /* tiles: column-major, 64 rows, tile_bytes apart; rows: row-major,
                             row_bytes apart */
    char *sums;           /* as sums_at says, sums_bytes apart; for rows one tile of them */
    uint8_t *slots;       /* tiles only */
    size_t n_tiles;       /* computed whole */
    size_t n_rows;        /* rows only; at most 64 */
};

/* The kernels for one kind of CPU. */
struct weir_model_forest_isa {
    const char *name;
    bool (*is_here)(void); /* this CPU can run it */
    /* Cost of one op on a tile; walking all rows of a tile one level costs WALK_COST. */
    uint32_t op_cost_u8;
    uint32_t op_cost_i32;
    uint32_t heap_cost_u8; /* of a node of a heap; 0: no heaps */
    uint32_t rows_max;     /* up to so many rows, walking them one by one is faster than a tile */
    uint32_t rows_max_paths;
    uint32_t rows_max_bits; /* up to so many rows, the one-row kernel is faster than a tile */
    void (*run_tile)(const struct weir_model_forest_job *job);
    void (*run_rows)(const struct weir_model_forest_job *job);
    void (*run_bits)(const struct weir_model_forest_job *job);  /* NULL: none */
    void (*run_paths)(const struct weir_model_forest_job *job); /* NULL: none */
    /* Ranks of n keys, for RANK8. out: n bytes. */
    void (*rank32)(const struct weir_model_forest_column *c, const int32_t *keys, size_t n,
                   uint8_t *out);
    void (*rank64)(const struct weir_model_forest_column *c, const int64_t *keys, size_t n,
                   uint8_t *out);
};

extern const struct weir_model_forest_isa weir_model_forest_portable;
#if defined(__x86_64__)
extern const struct weir_model_forest_isa weir_model_forest_avx2;
extern const struct weir_model_forest_isa weir_model_forest_avx512;
#endif

/* Names the kernels that forests made from now on must use ("portable", "avx2", "avx512", "plain":
 * the plain walk); NULL: the best that the CPU has. false: not here. For tests and benchmarks; not
 * thread-safe. */
bool weir_model_forest_force(const char *name);

/* Makes the fast form of a finished plain one; *out is NULL where none fits: then the plain walk
 * runs. scratch_at: where its scratch begins. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_model_forest_plan(struct weir_model_builder *b,
                                                      const struct weir_model_forest *forest,
                                                      size_t scratch_at,
                                                      const struct weir_model_forest_fast **out,
                                                      struct weir_error *err);

/* Compares the fast form with the plain walk on some rows; drops it when a bit differs (the forest
 * is otherwise complete). WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_model_forest_check(struct weir_model_builder *b,
                                                       struct weir_model_forest *forest,
                                                       struct weir_error *err);

/* Adds all trees to the sums of a run's rows (n_rows × n_sums doubles). */
void weir_model_forest_fast_run(const struct weir_model_forest *forest,
                                const struct weir_model_node_run *run, double *sums);

/* --- keys: integers that sort as the numbers do, −0 with +0 --- */

static inline int32_t weir_model_forest_key32(float x)
{
    uint32_t bits;
    x += 0.0f; /* −0 becomes +0 */
    memcpy(&bits, &x, sizeof bits);
    return (int32_t)(bits ^ ((uint32_t)((int32_t)bits >> 31) >> 1));
}

static inline int64_t weir_model_forest_key64(double x)
{
    uint64_t bits;
    x += 0.0;
    memcpy(&bits, &x, sizeof bits);
    return (int64_t)(bits ^ ((uint64_t)((int64_t)bits >> 63) >> 1));
}

#endif
