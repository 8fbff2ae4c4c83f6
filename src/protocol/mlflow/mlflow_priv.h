/* SPDX-License-Identifier: MIT */
/* Inside the MLflow dialect. */
#ifndef WEIR_PROTOCOL_MLFLOW_MLFLOW_PRIV_H
#define WEIR_PROTOCOL_MLFLOW_MLFLOW_PRIV_H

#include "codec/csv.h"
#include "protocol/mlflow/mlflow.h"
#include "protocol/protocol_priv.h"
#include "protocol/tensors_priv.h"

/* How a body is written (head.media), and how an answer is to be (head.accept, call.media). */
enum weir_protocol_mlflow_media {
    WEIR_PROTOCOL_MLFLOW_JSON,         /* an object; the answer is {"predictions": …} */
    WEIR_PROTOCOL_MLFLOW_LIST,         /* answers only: a list by itself */
    WEIR_PROTOCOL_MLFLOW_LINES,        /* a JSON value in each line */
    WEIR_PROTOCOL_MLFLOW_TRITON,       /* v2's JSON with binary tensors behind it */
    WEIR_PROTOCOL_MLFLOW_CSV,          /* with a header unless the first line is all numbers */
    WEIR_PROTOCOL_MLFLOW_CSV_HEADER,   /* requests only: "text/csv; header=present" (RFC 4180) */
    WEIR_PROTOCOL_MLFLOW_CSV_HEADLESS, /* requests only: "text/csv; header=absent" */
};

/* A request while it is decoded. */
struct weir_protocol_mlflow_request {
    struct weir_protocol_fill fill;
    struct weir_protocol_call *call;
    struct weir_sink *sink;
    /* Of tables, by position: the model's column, WEIR_PROTOCOL_COLUMN_NONE. NULL: columns are the
     * model's in their order. */
    const int32_t *map;
    const char *names; /* the record whose members name the columns of a model without names */
    size_t n_given;    /* columns of the table */
    bool has_absent;   /* some columns of the model are not in it, and may be missing */
};

/* Reads Content-Type and Accept into the head (ops->read_head). */
int weir_protocol_mlflow_head(const struct weir_protocol_fields *fields,
                              struct weir_protocol_head *head, struct weir_error *err);

/* Checks the number of rows against the limits and reserves room for them, with room for the texts
 * of JSON from `json` on (NULL: none) and for text_bytes. */
WEIR_MUST_USE enum weir_status
weir_protocol_mlflow_frame_reserve(struct weir_protocol_mlflow_request *r, uint64_t n_rows,
                                   const char *json, size_t text_bytes);

/* Commits if is_filled, else rolls back; returns the status of the whole. */
enum weir_status weir_protocol_mlflow_frame_finish(struct weir_protocol_mlflow_request *r,
                                                   bool is_filled);

/* Decoders of a value of each form for models of rows, named in r->fill.key: reserve, fill, commit.
 */
/* {"columns": […], "index": […], "data": [[…], …]} */
WEIR_MUST_USE enum weir_status
weir_protocol_mlflow_frame_split(struct weir_protocol_mlflow_request *r, const char *value);
/* A list of rows: lists, objects by column name (a column that some rows lack is missing there), or
 * for a model of one column values. */
WEIR_MUST_USE enum weir_status
weir_protocol_mlflow_frame_rows(struct weir_protocol_mlflow_request *r, const char *value);
/* An object of columns: a list of values each, or one value. */
WEIR_MUST_USE enum weir_status
weir_protocol_mlflow_frame_columns(struct weir_protocol_mlflow_request *r, const char *value);

/* Decodes a CSV body for a model of rows. */
WEIR_MUST_USE enum weir_status weir_protocol_mlflow_csv(struct weir_protocol_mlflow_request *r,
                                                        struct weir_str body,
                                                        enum weir_protocol_mlflow_media media);

/* --- tables with names, in map.c --- */

/* Begins a table of n columns; *map has room for them. WEIR_ERR_NO_MEMORY, WEIR_ERR_INVALID. */
WEIR_MUST_USE enum weir_status
weir_protocol_mlflow_map_begin(struct weir_protocol_mlflow_request *r, size_t n, int32_t **map);

/* Takes a table of n columns by position. More than the model's are dropped where an MLflow
 * signature without names says how many there are, as its server does; else WEIR_ERR_INVALID.
 * WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status
weir_protocol_mlflow_map_positions(struct weir_protocol_mlflow_request *r, size_t n);

/* Enters the i-th name, as JSON writes it; a name that the model does not know is counted as
 * ignored. WEIR_ERR_INVALID: it was there before; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_protocol_mlflow_map_add(struct weir_protocol_mlflow_request *r,
                                                            int32_t *map, size_t i,
                                                            struct weir_str written);

/* The same for a name as it is meant. */
WEIR_MUST_USE enum weir_status
weir_protocol_mlflow_map_add_plain(struct weir_protocol_mlflow_request *r, int32_t *map, size_t i,
                                   struct weir_str name);

/* Ends it: r->map is set unless it is the model's order. WEIR_ERR_INVALID: a column is missing that
 * must be there. */
WEIR_MUST_USE enum weir_status weir_protocol_mlflow_map_end(struct weir_protocol_mlflow_request *r,
                                                            int32_t *map);

/* Writes the columns of a row that the table does not have; false: failed. */
bool weir_protocol_mlflow_map_fill(struct weir_protocol_mlflow_request *r, size_t row);

/* Finds whether the signature says that a column may be missing. */
bool weir_protocol_mlflow_map_is_optional(const struct weir_spec *spec, size_t column);

/* Writes the answer (ops->encode). */
void weir_protocol_mlflow_encode(const struct weir_protocol_call *call,
                                 const struct weir_protocol_source *source,
                                 const struct weir_result *result,
                                 struct weir_protocol_answer *answer);

/* ops->describe. */
void weir_protocol_mlflow_describe(const struct weir_protocol_route *route,
                                   struct weir_protocol_description *d);

#endif
