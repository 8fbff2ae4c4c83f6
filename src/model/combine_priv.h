/* SPDX-License-Identifier: MIT */
/* What all nodes made of other nodes share: their members, which columns each of them reads, and
 * the scratch memory in which a member answers.
 *
 * Scratch is cut into the node's own area, a block for gathered columns, and what the hungriest
 * member needs; members run one after the other. */
#ifndef WEIR_MODEL_COMBINE_PRIV_H
#define WEIR_MODEL_COMBINE_PRIV_H

#include "model/combine.h"

/* The head of every combined node; put first into its struct. */
struct weir_model_combine {
    struct weir_model_node node;
    size_t n;
    const struct weir_model_combine_member *members; /* n */
    bool checks;      /* it refuses NaN or infinities itself, before its members see them */
    size_t gather_at; /* offsets into scratch */
    size_t inner_at;
};

/* What weir_model_combine_init is told. */
struct weir_model_combine_base {
    const struct weir_model_combine_opts *opts;
    size_t node_bytes; /* of the struct that begins with the head */
    size_t own_bytes;  /* scratch of its own, at offset 0 */
    bool reads_input;  /* it computes with its rows itself, not only its members do */
    bool grows;        /* member i reads i columns more than the whole */
};

/* Makes a node of base->node_bytes: members copied, input rules, depth, scratch, step. Outputs,
 * targets and run are left to the caller. WEIR_ERR_INVALID: a member reads another number of
 * columns; WEIR_ERR_UNSUPPORTED: members that take text where the whole does not;
 * WEIR_ERR_LIMIT: too deep; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_model_combine_init(struct weir_model_builder *b,
                                                       const struct weir_model_combine_base *base,
                                                       void **out, struct weir_error *err);

/* Does the node's own input check, if it has one. */
void weir_model_combine_check(const struct weir_model_combine *c,
                              const struct weir_model_node_run *run);

/* Runs member i on the rows of run, its columns picked; out: by enum weir_output, as
 * weir_model_node_run. */
void weir_model_combine_member_run(const struct weir_model_combine *c,
                                   const struct weir_model_node_run *run, size_t i,
                                   void *const out[WEIR_OUTPUT_N]);

/* Finds whether member i answers an output in float32 to these rows. */
bool weir_model_combine_is_f32(const struct weir_model_combine *c,
                               const struct weir_model_node_run *run, size_t i,
                               enum weir_output output);

/* Finds whether all members give float values of an output for float rows. */
bool weir_model_combine_follows_f32(const struct weir_model_combine *c, enum weir_output output);

/* Returns the most columns of an output that any member gives. */
size_t weir_model_combine_width(const struct weir_model_combine_opts *opts,
                                enum weir_output output);

#endif
