/* SPDX-License-Identifier: MIT */
#include "cli/answers.h"

#include "base/macros.h"
#include "codec/csv.h"
#include "codec/number.h"

#include <math.h>
#include <stdio.h>

/* What an output is called in a column's name and as a JSON key, by enum weir_output. */
static const struct {
    const char *column;
    const char *key;
} names_of[] = {
    [WEIR_OUTPUT_PREDICT] = {"prediction", "prediction"},
    [WEIR_OUTPUT_PREDICT_PROBA] = {"probability", "probabilities"},
    [WEIR_OUTPUT_DECISION_FUNCTION] = {"decision", "decision"},
    [WEIR_OUTPUT_TRANSFORM] = {"transform", "transform"},
    [WEIR_OUTPUT_SCORE_SAMPLES] = {"score", "score"},
    [WEIR_OUTPUT_LEAF] = {"leaf", "leaf"},
};

_Static_assert(WEIR_ARRAY_LEN(names_of) == WEIR_OUTPUT_N, "a name for every output");

static enum weir_status refuse(const struct weir_spec *spec, struct weir_str name,
                               struct weir_error *err)
{
    char given[128] = "";
    char echo[WEIR_ECHO_BUF_BYTES];
    size_t n = 0;
    for (int i = 0; i < WEIR_OUTPUT_N; i++) {
        if (spec->outputs[i].is_given)
            n += (size_t)snprintf(given + n, sizeof given - n, "%s%s", n ? ", " : "",
                                  weir_output_name((enum weir_output)i));
    }
    return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "no output \"%s\"; %.*s gives: %s",
                          weir_str_echo(name, echo, sizeof echo), WEIR_STR_ARG(spec->estimator),
                          given);
}

enum weir_status weir_cli_answers_init(struct weir_cli_answers *a, const struct weir_spec *spec,
                                       const char *names, struct weir_error *err)
{
    struct weir_cli_answers made = {.spec = spec};
    if (!names)
        made.outputs[made.n_outputs++] = weir_spec_default_output(spec);
    struct weir_str rest = weir_str_c(names);
    while (rest.n > 0) {
        struct weir_str name = weir_str_trim(weir_str_split(&rest, ','));
        enum weir_output output;
        if (!weir_spec_find_output(spec, name, &output))
            return refuse(spec, name, err);
        if (weir_cli_answers_wanted(&made) & 1u << output)
            continue;
        made.outputs[made.n_outputs++] = output;
    }
    if (made.n_outputs == 0)
        return refuse(spec, weir_str_c(names), err);
    *a = made;
    return WEIR_OK;
}

uint32_t weir_cli_answers_wanted(const struct weir_cli_answers *a)
{
    uint32_t wanted = 0;
    for (size_t i = 0; i < a->n_outputs; i++)
        wanted |= 1u << a->outputs[i];
    return wanted;
}

/* A label without the quotes that JSON needs. */
static struct weir_str label_text(const struct weir_labels *labels, size_t i)
{
    return labels->dtype == WEIR_BYTES ? labels->text[i] : labels->json[i];
}

static size_t n_classes(const struct weir_spec *spec)
{
    size_t n = 0;
    for (size_t t = 0; t < spec->n_targets; t++)
        n += spec->targets[t].n;
    return n;
}

/* Appends what tells column i of an output from its others: "_setosa", "_1_setosa" (target 1),
 * "_3"; nothing for the only column. */
static void put_suffix(const struct weir_spec *spec, enum weir_output output, size_t i,
                       struct weir_buf *out)
{
    size_t n_columns = spec->outputs[output].n_columns;
    bool is_by_class = output == WEIR_OUTPUT_PREDICT_PROBA ||
                       (output == WEIR_OUTPUT_DECISION_FUNCTION && n_columns > 1);
    if (is_by_class && n_columns == n_classes(spec)) {
        size_t target = 0;
        while (i >= spec->targets[target].n)
            i -= spec->targets[target++].n;
        if (spec->n_targets > 1)
            weir_buf_printf(out, "_%zu", target);
        weir_buf_append_byte(out, '_');
        weir_buf_append_str(out, label_text(&spec->targets[target], i));
    } else if (n_columns > 1) {
        weir_buf_printf(out, "_%zu", i);
    }
}

void weir_cli_answers_put_header(const struct weir_cli_answers *a, struct weir_buf *out)
{
    struct weir_buf name = WEIR_BUF_INIT;
    bool is_first = true;
    for (size_t o = 0; o < a->n_outputs; o++) {
        for (size_t i = 0; i < a->spec->outputs[a->outputs[o]].n_columns; i++) {
            weir_buf_clear(&name);
            weir_buf_append_c(&name, names_of[a->outputs[o]].column);
            put_suffix(a->spec, a->outputs[o], i, &name);
            if (!is_first)
                weir_buf_append_byte(out, ',');
            weir_codec_csv_put(out, weir_buf_str(&name));
            is_first = false;
        }
    }
    weir_buf_append_byte(out, '\n');
    out->failed = out->failed || name.failed;
    weir_buf_deinit(&name);
}

/* Appends a number as the output's type is answered. */
static void put_number(const struct weir_result *result, enum weir_output output, double v,
                       bool is_json, struct weir_buf *out)
{
    enum weir_dtype dtype = weir_spec_output_dtype(result->spec, output, result->batch_dtype);
    bool is_whole = dtype != WEIR_F64 && dtype != WEIR_F32;
    if (!is_json && !isfinite(v)) {
        weir_buf_append_c(out, isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
    } else if (is_whole && isfinite(v) && fabs(v) < 9e18) {
        weir_buf_append_i64(out, (int64_t)v);
    } else if (dtype == WEIR_F32) {
        weir_codec_number_append_f32(out, (float)v, WEIR_CODEC_NUMBER_NONFINITE_NULL);
    } else {
        weir_codec_number_append_f64(out, v, WEIR_CODEC_NUMBER_NONFINITE_NULL);
    }
}

static void put_value(const struct weir_result *result, enum weir_output output, size_t row,
                      size_t column, bool is_json, struct weir_buf *out)
{
    const struct weir_spec_output *o = &result->spec->outputs[output];
    size_t at = row * o->n_columns + column;
    if (o->storage == WEIR_STORAGE_LABEL) {
        const struct weir_labels *labels = &result->spec->targets[column];
        size_t label = (size_t)((const int32_t *)result->out[output])[at];
        weir_assert(label < labels->n);
        if (is_json)
            weir_buf_append_str(out, labels->json[label]);
        else
            weir_codec_csv_put(out, label_text(labels, label));
        return;
    }
    put_number(result, output, ((const double *)result->out[output])[at], is_json, out);
}

void weir_cli_answers_put_csv(const struct weir_cli_answers *a, const struct weir_result *result,
                              size_t row, struct weir_buf *out)
{
    bool is_first = true;
    for (size_t o = 0; o < a->n_outputs; o++) {
        for (size_t i = 0; i < a->spec->outputs[a->outputs[o]].n_columns; i++) {
            if (!is_first)
                weir_buf_append_byte(out, ',');
            put_value(result, a->outputs[o], row, i, false, out);
            is_first = false;
        }
    }
    weir_buf_append_byte(out, '\n');
}

void weir_cli_answers_put_json(const struct weir_cli_answers *a, const struct weir_result *result,
                               size_t row, struct weir_buf *out)
{
    const struct weir_spec *spec = a->spec;
    for (size_t o = 0; o < a->n_outputs; o++) {
        enum weir_output output = a->outputs[o];
        size_t n = spec->outputs[output].n_columns;
        bool is_list = !spec->outputs[output].is_vector;
        bool is_by_target = weir_spec_is_by_target(spec, output);
        weir_buf_printf(out, "%s\"%s\":%s", o ? "," : "{", names_of[output].key,
                        is_by_target ? "[["
                        : is_list    ? "["
                                     : "");
        size_t target = 0;
        size_t in_target = 0;
        for (size_t i = 0; i < n; i++, in_target++) {
            if (is_by_target && in_target == spec->targets[target].n) {
                weir_buf_append_c(out, "],[");
                target++;
                in_target = 0;
            } else if (i > 0) {
                weir_buf_append_byte(out, ',');
            }
            put_value(result, output, row, i, true, out);
        }
        weir_buf_append_c(out, is_by_target ? "]]" : is_list ? "]" : "");
    }
    weir_buf_append_c(out, "}\n");
}
