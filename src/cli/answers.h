/* SPDX-License-Identifier: MIT */
/* Predictions as text: a CSV record or a JSON object for each row. */
#ifndef WEIR_CLI_ANSWERS_H
#define WEIR_CLI_ANSWERS_H

#include "base/buf.h"
#include "tensor/result.h"

/* The outputs that are written, in order. */
struct weir_cli_answers {
    const struct weir_spec *spec;
    enum weir_output outputs[WEIR_OUTPUT_N];
    size_t n_outputs;
};

/* Reads names parted by commas ("predict,predict_proba"); NULL: what the model answers when not
 * asked. WEIR_ERR_UNSUPPORTED: the model does not give one of them, and the message lists what it
 * gives. */
WEIR_MUST_USE enum weir_status weir_cli_answers_init(struct weir_cli_answers *a,
                                                     const struct weir_spec *spec,
                                                     const char *names, struct weir_error *err);

/* Returns the set of 1u << enum weir_output. */
uint32_t weir_cli_answers_wanted(const struct weir_cli_answers *a);

/* Appends the first CSV record: "prediction", "probability_setosa", …; numbered where there is no
 * label. */
void weir_cli_answers_put_header(const struct weir_cli_answers *a, struct weir_buf *out);

/* Appends one row as a CSV record. Numbers in their shortest exact form, labels as they are; a NaN
 * is "nan". */
void weir_cli_answers_put_csv(const struct weir_cli_answers *a, const struct weir_result *result,
                              size_t row, struct weir_buf *out);

/* Appends one row as a JSON object on a line of its own, with the keys of the server's answers; a
 * NaN is null. */
void weir_cli_answers_put_json(const struct weir_cli_answers *a, const struct weir_result *result,
                               size_t row, struct weir_buf *out);

#endif
