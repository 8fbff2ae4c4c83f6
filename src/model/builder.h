/* SPDX-License-Identifier: MIT */
/* Making a model: what format readers call.
 *
 *     struct weir_model_builder b;
 *     weir_model_builder_init(&b, NULL, 0, err);
 *     … nodes through weir_model_linear_new(&b, …), weir_model_forest_…, weir_model_chain_new(&b,
 * …) … b.spec->estimator, feature_names, library: texts in b.arena weir_model_builder_finish(&b,
 * root, &model, err); weir_model_builder_deinit(&b);       // releases all unless finished
 *
 * Everything lives in one arena that the model owns. Not thread-safe. */
#ifndef WEIR_MODEL_BUILDER_H
#define WEIR_MODEL_BUILDER_H

#include "base/arena.h"
#include "model/model.h"
#include "model/node.h"
#include "tensor/tensors.h"

/* How large a model may become; the builder refuses more with WEIR_ERR_LIMIT. */
struct weir_model_builder_limits {
    uint64_t n_nodes_max;    /* tree nodes in all */
    uint64_t depth_max;      /* levels below the root of any tree */
    uint64_t n_features_max; /* input columns */
    uint64_t n_classes_max;  /* of one target */
};

#define WEIR_MODEL_BUILDER_LIMITS_INIT                     \
    {                                                      \
        UINT64_C(64) << 20, 1024, UINT64_C(1) << 20, 65536 \
    }

struct weir_model_builder {
    struct weir_arena *arena; /* the model's; owned until finished */
    struct weir_spec *spec;   /* in the arena; filled by the reader and by finish */
    struct weir_model *model;
    struct weir_model_builder_limits limits; /* the defaults from init on; may be changed then */
    uint64_t n_nodes;                        /* tree nodes so far */
    const uint32_t *features; /* which of the model's features the columns of the nodes being built
                                 are, in the arena, UINT32_MAX for none of them; NULL: all of
                                 them, in order */
};

/* Begins a model. mem: where its memory comes from (NULL: mappings that go back to the system
 * whole); bytes_max: what it may take (0: no bound). WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_model_builder_init(struct weir_model_builder *b,
                                                       struct weir_mem *mem, size_t bytes_max,
                                                       struct weir_error *err);

/* Releases what was built; nothing when finished or zeroed. */
void weir_model_builder_deinit(struct weir_model_builder *b);

/* Reports that the arena gave nothing: WEIR_ERR_NO_MEMORY, or WEIR_ERR_LIMIT past bytes_max. */
enum weir_status weir_model_builder_no_memory(struct weir_model_builder *b, struct weir_error *err);

/* Returns size zeroed bytes in the arena for a node, aligned to 64; NULL: no memory. */
WEIR_MUST_USE void *weir_model_builder_node(struct weir_model_builder *b, size_t size);

/* Gives a node's input check a number for faults. name: the estimator, copied ("StandardScaler");
 * keeps_columns: its columns are the model's own features (those of b->features), so that a fault
 * can name them. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT (more than 65535 steps). */
WEIR_MUST_USE enum weir_status weir_model_builder_step(struct weir_model_builder *b,
                                                       struct weir_str name, bool keeps_columns,
                                                       uint16_t *out, struct weir_error *err);

/* Copies n doubles into the arena; NULL: no memory. */
WEIR_MUST_USE double *weir_model_builder_doubles(struct weir_model_builder *b, const double *values,
                                                 size_t n);

/* Makes the labels of one target in the arena, JSON texts included. values: n of int64_t for dtype
 * I64 and BOOL; double for F64 (written in the shortest form that reads back, whole ones as 2.0);
 * struct weir_str for BYTES (must be UTF-8). WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_model_builder_labels(struct weir_model_builder *b,
                                                         struct weir_labels *out,
                                                         enum weir_dtype dtype, size_t n,
                                                         const void *values,
                                                         struct weir_error *err);

/* How a model of form WEIR_INPUT_TENSORS is run: what stands in the place of a root node. self is
 * what weir_model_builder_finish_tensors was given; all but free may be called by several threads
 * at once. */
struct weir_model_tensors_ops {
    /* Runs: reads run->blocks, n_blocks, n_rows, wanted; fills run->out for every wanted output
     * and run->held. Data of the outputs is aligned to their elements. WEIR_ERR_INVALID: the
     * inputs are at fault; any other status: the model is. The message is the client's. On failure
     * nothing is held. */
    enum weir_status (*run)(void *self, struct weir_tensors_run *run, struct weir_error *err);
    /* Releases what a successful run holds (run->held). */
    void (*release)(void *self, struct weir_tensors_run *run);
    /* Releases what the model holds beside its arena; no run is under way. */
    void (*free)(void *self);
    /* Returns the bytes it holds beside the arena, as far as it knows. */
    size_t (*bytes)(const void *self);
};

/* Ends the building of a model that takes and gives tensors. spec->tensors and the texts were
 * filled by the reader, in the arena; n_features stays 0 and no enum weir_output is given. self:
 * the model's from here on (ops->free); may live in the arena. WEIR_ERR_INVALID: the spec
 * contradicts itself (no inputs, no outputs, more than WEIR_TENSORS_MAX, names twice, is_batched
 * without a dynamic first dimension); the builder keeps everything and self stays the caller's
 * then. */
WEIR_MUST_USE enum weir_status
weir_model_builder_finish_tensors(struct weir_model_builder *b,
                                  const struct weir_model_tensors_ops *ops, void *self,
                                  struct weir_model **out, struct weir_error *err);

/* Ends the building: fills the outputs, input rules and targets of the spec from root, and hands
 * the model over. The reader has filled the texts and n_features' names. On failure the builder
 * keeps everything. */
WEIR_MUST_USE enum weir_status weir_model_builder_finish(struct weir_model_builder *b,
                                                         const struct weir_model_node *root,
                                                         struct weir_model **out,
                                                         struct weir_error *err);

#endif
