/* SPDX-License-Identifier: MIT */
/* What the wire formats share: filling rows, checking sizes, writing values. */
#ifndef WEIR_PROTOCOL_PROTOCOL_PRIV_H
#define WEIR_PROTOCOL_PROTOCOL_PRIV_H

#include "base/macros.h"
#include "codec/json_rows.h"
#include "codec/number.h"
#include "protocol/protocol.h"

struct weir_protocol_catalog;

/* Rows that are being written: where from, where to, and what to say when it fails. */
struct weir_protocol_fill {
    struct weir_protocol_decoder *decoder;
    const struct weir_spec *spec;
    struct weir_sink *sink; /* where rows and texts go */
    struct weir_sink_span span;
    enum weir_codec_json_element element;
    enum weir_dtype datatype; /* as the client declared it; F64 where nothing is declared */
    bool takes_bools;         /* true and false are 1 and 0 */
    bool takes_number_texts;  /* a text that is a number is one, where a column takes numbers */
    bool takes_b64;           /* {"b64": "…"} is a text, where a column may hold one */
    bool takes_unit_lists;    /* a list of one value is that value, in rows by name */
    bool takes_missing;       /* what a row by name does not have is a missing value */
    const char *key;          /* the place, "features"; NULL: "inputs[<input>].data" */
    size_t input;
    uint32_t n_ignored;    /* extra names in named rows */
    bool is_out_of_memory; /* why a row could not be written, if not because it is wrong */
    struct weir_error *err;
};

/* Chooses how numbers become elements of the span's type. */
void weir_protocol_fill_choose(struct weir_protocol_fill *fill, enum weir_dtype request);

/* Checks the size of n_rows rows of the call, puts their number into it and reserves them of the
 * call's request type, in fill->sink into fill->span; of no rows the sink hears nothing. The room
 * for texts is text_bytes and what JSON from `json` on may need; NULL: nothing. */
WEIR_MUST_USE enum weir_status weir_protocol_fill_reserve(struct weir_protocol_fill *fill,
                                                          struct weir_protocol_call *call,
                                                          uint64_t n_rows, const char *json,
                                                          size_t text_bytes);

/* Writes a number, or a cell, into the element of a row and column. */
void weir_protocol_fill_store(const struct weir_protocol_fill *fill, size_t row, size_t column,
                              double v);

/* Returns the number there. */
double weir_protocol_fill_load(const struct weir_protocol_fill *fill, size_t row, size_t column);

/* Fails at a row; at a row and column. Both return err's code, WEIR_ERR_INVALID. */
enum weir_status weir_protocol_fill_row_error(const struct weir_protocol_fill *fill, size_t row,
                                              const char *fmt, ...) WEIR_PRINTF(3, 4);
enum weir_status weir_protocol_fill_cell_error(const struct weir_protocol_fill *fill, size_t row,
                                               size_t column, const char *fmt, ...)
    WEIR_PRINTF(4, 5);

/* Writes one element that weir_codec_json_rows_read left: null, a token, a bool, a number that
 * overflows. Returns the place of the next element; NULL: failed, err is set. */
const char *weir_protocol_fill_cell(struct weir_protocol_fill *fill, const char *at, size_t row,
                                    size_t column);

/* Reads a whole number of the type into *out where it has a sign, else into *out_unsigned. */
enum weir_codec_number_int weir_protocol_fill_read_whole(struct weir_str token,
                                                         enum weir_dtype datatype, int64_t *out,
                                                         uint64_t *out_unsigned);

/* Writes one element of a whole-number datatype or BOOL (fill->datatype): no fraction, in range.
 * Returns and fails as weir_protocol_fill_cell. */
const char *weir_protocol_fill_whole(struct weir_protocol_fill *fill, const char *at, size_t row,
                                     size_t column);

/* Writes one element of a frame into a cell, as its column takes it: text, a number, null. Returns
 * and fails as above. */
const char *weir_protocol_cells_fill(struct weir_protocol_fill *fill, const char *at, size_t row,
                                     size_t column);

/* As weir_protocol_fill_row, for a frame. */
const char *weir_protocol_cells_fill_row(struct weir_protocol_fill *fill, const char *array,
                                         size_t row);

/* Returns the room for texts that n_rows rows of a frame may need which are written in the JSON
 * from `at` on; 0 for a matrix. */
size_t weir_protocol_cells_text_bytes(const struct weir_protocol_decoder *decoder,
                                      const struct weir_spec *spec, uint64_t n_rows,
                                      const char *at);

/* Writes a text where a number belongs, if it is one and fill->takes_number_texts. */
WEIR_MUST_USE enum weir_status weir_protocol_fill_number_text(struct weir_protocol_fill *fill,
                                                              const char *at, size_t row,
                                                              size_t column);

/* Writes a missing value: NaN, or None where a column holds text. WEIR_ERR_INVALID: the model
 * refuses NaN. */
WEIR_MUST_USE enum weir_status weir_protocol_cells_missing(struct weir_protocol_fill *fill,
                                                           size_t row, size_t column);

/* Stores a number that is no finite one, if the model takes it: NaN for null, a token, a number
 * that overflows. */
WEIR_MUST_USE enum weir_status weir_protocol_fill_special(struct weir_protocol_fill *fill,
                                                          const char *at, size_t row,
                                                          size_t column);

/* Copies a text, as written in JSON, into the sink's room; NULL: failed, fill->is_out_of_memory. */
struct weir_cell_text *weir_protocol_cells_text(struct weir_protocol_fill *fill,
                                                struct weir_str written);

/* Writes one row from an array of exactly n_features elements. Returns the array's ']'; NULL:
 * failed. */
const char *weir_protocol_fill_row(struct weir_protocol_fill *fill, const char *array, size_t row);

/* Prepares for rows by name: weir_protocol_fill_named. WEIR_ERR_INVALID: the model has no feature
 * names. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_protocol_columns_start(struct weir_protocol_decoder *decoder,
                                                           const struct weir_spec *spec,
                                                           struct weir_error *err);

enum { WEIR_PROTOCOL_COLUMN_NONE = -1, WEIR_PROTOCOL_COLUMN_NO_MEMORY = -2 };

/* Finds the column of a name as written in JSON; position: its place among its neighbours, a hint.
 * WEIR_PROTOCOL_COLUMN_NONE: the model has no such feature. WEIR_PROTOCOL_COLUMN_NO_MEMORY. */
int64_t weir_protocol_columns_find(struct weir_protocol_decoder *decoder,
                                   const struct weir_spec *spec, struct weir_str written,
                                   size_t position);

/* The same for a name without escapes; always has memory. */
int64_t weir_protocol_columns_find_plain(struct weir_protocol_decoder *decoder,
                                         const struct weir_spec *spec, struct weir_str name,
                                         size_t position);

/* Returns the decoder's room for the columns of a table of n; NULL: no memory. */
int32_t *weir_protocol_columns_map(struct weir_protocol_decoder *decoder, size_t n);

/* Writes one row from an object. Returns its '}'; NULL: failed. */
const char *weir_protocol_columns_fill(struct weir_protocol_fill *fill, const char *object,
                                       size_t row);

/* The same in steps, for a row whose values stand in several objects; of two that give the same
 * column the later one holds. *n_given counts the columns that were given, from 0. The check after
 * the last object, false: a column is missing, err is set. */
const char *weir_protocol_columns_members(struct weir_protocol_fill *fill, const char *object,
                                          size_t row, size_t *n_given);
WEIR_MUST_USE bool weir_protocol_columns_check(struct weir_protocol_fill *fill, size_t row,
                                               size_t n_given);

/* Writes the value of one cell, matrix or frame. Returns the place of the next element; NULL:
 * failed. */
const char *weir_protocol_columns_cell(struct weir_protocol_fill *fill, const char *value,
                                       size_t row, size_t column);

/* Finds the text of {"b64": "…"}, an object with this one member, as written; false: the value is
 * something else. */
bool weir_protocol_cells_is_b64(const struct weir_codec_json *json, const char *value,
                                struct weir_str *written);

/* Copies the bytes that a text of base64 stands for into the sink's room; NULL: it is none, or
 * fill->is_out_of_memory. */
struct weir_cell_text *weir_protocol_cells_b64(struct weir_protocol_fill *fill,
                                               struct weir_str written);

/* Marks a column as given in round (> 0); false: it was already. */
bool weir_protocol_columns_mark(struct weir_protocol_decoder *decoder, size_t column,
                                uint32_t round);

/* Finds whether a column was given in round; 0: in none since weir_protocol_columns_start. */
bool weir_protocol_columns_is_marked(const struct weir_protocol_decoder *decoder, size_t column,
                                     uint32_t round);

/* Finds the first column not marked in round; SIZE_MAX: none. */
size_t weir_protocol_columns_missing(const struct weir_protocol_decoder *decoder,
                                     const struct weir_spec *spec, uint32_t round);

/* The same of those that may not be left out: a signature of MLflow's requires them, or the model
 * refuses missing values. Of no column at all the first is lacking. */
size_t weir_protocol_columns_lacking(const struct weir_protocol_decoder *decoder,
                                     const struct weir_spec *spec, uint32_t round);

/* Checks that inputs that are columns, marked in round 1, lack none. WEIR_ERR_INVALID: err names
 * it. */
WEIR_MUST_USE enum weir_status
weir_protocol_columns_complete(const struct weir_protocol_decoder *decoder,
                               const struct weir_spec *spec, struct weir_error *err);

/* Finds whether a column (SIZE_MAX: any of all) may be text, and whether it must be. */
void weir_protocol_columns_texts(const struct weir_spec *spec, size_t column, bool *may,
                                 bool *must);

/* Writes missing values into n_rows rows from `row` on of every column not marked in round; none of
 * them may be lacking. */
void weir_protocol_columns_leave_out(struct weir_protocol_fill *fill, size_t row, size_t n_rows,
                                     uint32_t round);

void weir_protocol_columns_free(struct weir_protocol_decoder *decoder);

/* Checks rows, cells and the answer's bound against the limits; call->outputs must be set. */
WEIR_MUST_USE enum weir_status weir_protocol_check_size(const struct weir_protocol_decoder *decoder,
                                                        const struct weir_spec *spec,
                                                        const struct weir_protocol_call *call,
                                                        uint64_t n_rows, struct weir_error *err);

/* Fails because the model does not give an output of this name; lists those it gives. */
enum weir_status weir_protocol_no_output(const struct weir_spec *spec, struct weir_str place,
                                         struct weir_str name, struct weir_error *err);

/* The calls of a sink, for requests that may be of no rows: those leave it alone, and are answered
 * without a run. */
WEIR_MUST_USE static inline enum weir_status
weir_protocol_sink_reserve(struct weir_sink *sink, const struct weir_sink_want *want,
                           struct weir_sink_span *out, struct weir_error *err)
{
    if (want->n_rows > 0)
        return weir_sink_reserve(sink, want, out, err);
    *out = (struct weir_sink_span){.dtype = want->dtype};
    return WEIR_OK;
}

static inline void weir_protocol_sink_commit(struct weir_sink *sink,
                                             const struct weir_protocol_call *call)
{
    if (call->n_rows > 0)
        weir_sink_commit(sink, call->wanted);
}

static inline void weir_protocol_sink_rollback(struct weir_sink *sink,
                                               const struct weir_protocol_call *call)
{
    if (call->n_rows > 0)
        weir_sink_rollback(sink);
}

/* Puts an output into the call's answer unless it is there already. */
void weir_protocol_add_output(struct weir_protocol_call *call, enum weir_output output);

/* The same for a tensor of a graph. */
void weir_protocol_add_tensor(struct weir_protocol_call *call, size_t output);

/* Puts what is answered when nothing is asked for into the call: every output of a graph (for rows
 * those that have its names), else the default. */
void weir_protocol_add_defaults(struct weir_protocol_call *call, const struct weir_spec *spec);

/* Puts the output of a plain name, or alias, into the call; *out (may be NULL): which it is, enum
 * weir_output or a tensor. false: the model has none of this name. */
bool weir_protocol_add_named(struct weir_protocol_call *call, const struct weir_spec *spec,
                             struct weir_str name, size_t *out);

/* Returns the set of outputs among these that are computed only when asked for. */
uint32_t weir_protocol_costly(const struct weir_spec *spec, uint32_t wanted);

/* Appends the value of (row, column) of an output, in the output's answer type. */
void weir_protocol_write_value(struct weir_buf *buf, const struct weir_result *result,
                               enum weir_output output, size_t row, size_t column,
                               enum weir_codec_number_nonfinite nonfinite, bool quotes_labels);

/* Appends the labels of a target as a JSON list. */
void weir_protocol_write_labels(struct weir_buf *buf, const struct weir_labels *labels);

/* Appends {"models":[…]}, the names of the models that serve: the list of KServe's protocols. */
void weir_protocol_write_models(struct weir_buf *buf, const struct weir_protocol_catalog *catalog);

#endif
