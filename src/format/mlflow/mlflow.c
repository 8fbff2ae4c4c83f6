/* SPDX-License-Identifier: MIT */
/* From bundle to model: the data file goes to the reader of its own format, which must be one of
 * the flavour's; then the signature is held against what came out. */
#include "format/mlflow/mlflow.h"

#include "base/macros.h"
#include "format/mlflow/bundle.h"
#include "format/mlflow/example.h"
#include "format/mlflow/mlmodel.h"
#include "model/model.h"

#include <string.h>

/* Which readers a flavour's data may be of. */
static const struct {
    const char *flavor;
    const char *readers[4];
} kinds[] = {
    {"sklearn", {"sklearn_pickle", "sklearn_skops"}},
    {"xgboost", {"xgboost", "sklearn_pickle", "sklearn_skops"}},
    {"lightgbm", {"lightgbm", "sklearn_pickle", "sklearn_skops"}},
    {"catboost", {"catboost", "catboost_json", "sklearn_pickle"}},
    {"onnx", {"onnx"}},
};

bool weir_format_mlflow_probe(struct weir_str bytes)
{
    return weir_format_mlflow_bundle_probe(bytes);
}

static enum weir_status check_kind(const struct weir_format_mlmodel *m, const char *reader,
                                   struct weir_error *err)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(kinds); i++)
        for (size_t k = 0; k < WEIR_ARRAY_LEN(kinds[i].readers) && kinds[i].readers[k]; k++)
            if (weir_str_eq_c(m->flavor, kinds[i].flavor) &&
                strcmp(reader, kinds[i].readers[k]) == 0)
                return WEIR_OK;
    return weir_error_set(err, WEIR_ERR_CORRUPT, "%s: is of format %s, not of flavour %s",
                          m->data.at, reader, m->flavor.at);
}

/* Finds whether the model's own rules of answering are those of the class that MLflow would make of
 * it. A plain CatBoost answers raw values where a classifier, or e^raw of counts, is meant. */
static bool is_of_class(struct weir_str flavor, struct weir_str cls, const struct weir_spec *s)
{
    if (weir_str_eq_c(flavor, "xgboost"))
        return weir_str_eq_c(cls, "Booster") == weir_str_eq_c(s->estimator, "Booster");
    bool is_classifier = weir_str_eq_c(s->estimator, "CatBoostClassifier");
    if (weir_str_eq_c(cls, "CatBoost") || weir_str_eq_c(cls, "CatBoostRanker"))
        return !is_classifier && !s->outputs[WEIR_OUTPUT_DECISION_FUNCTION].is_given;
    return weir_str_eq_c(cls, "CatBoostClassifier") == is_classifier;
}

/* A file that holds one class's rules and is said to be of another would be answered by other rules
 * than MLflow's. */
static enum weir_status check_class(const struct weir_format_mlmodel *m, const struct weir_spec *s,
                                    struct weir_error *err)
{
    if (!m->model_class.at ||
        !(weir_str_eq_c(m->flavor, "xgboost") || weir_str_eq_c(m->flavor, "catboost")))
        return WEIR_OK;
    struct weir_str cls = m->model_class;
    for (size_t i = 0; i < cls.n; i++)
        if (cls.at[cls.n - 1 - i] == '.') {
            cls = weir_str_make(cls.at + cls.n - i, i);
            break;
        }
    if (is_of_class(m->flavor, cls, s))
        return WEIR_OK;
    char echo[WEIR_ECHO_BUF_BYTES];
    return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "MLmodel says %s, the file holds %s",
                          weir_str_echo(m->model_class, echo, sizeof echo), s->estimator.at);
}

/* --- the signature --- */

static enum weir_status check_column(const struct weir_format_mlmodel_column *c,
                                     const struct weir_spec *spec, size_t i, struct weir_error *err)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    bool takes_text = spec->columns && spec->columns[i] != WEIR_COLUMN_NUMBER;
    if (spec->feature_names && c->name.at && !weir_str_eq(spec->feature_names[i], c->name))
        return weir_error_set(
            err, WEIR_ERR_CORRUPT,
            "MLmodel: column %zu of the signature is \"%s\", the model's is \"%s\"", i,
            weir_str_echo(c->name, echo, sizeof echo), spec->feature_names[i].at);
    if (c->is_text && !takes_text)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                              "MLmodel: column %zu of the signature is text, the model takes "
                              "numbers",
                              i);
    return WEIR_OK;
}

/* Columns are named and ordered by the signature; a model with names of its own must agree. */
static enum weir_status apply_signature(const struct weir_format_mlmodel *m,
                                        struct weir_model *model, struct weir_arena *arena,
                                        struct weir_error *err)
{
    const struct weir_spec *spec = weir_model_spec(model);
    if (!m->columns || spec->form == WEIR_INPUT_TENSORS)
        return WEIR_OK;
    if (m->n_columns != spec->n_features)
        return weir_error_set(err, WEIR_ERR_CORRUPT,
                              "MLmodel: the signature has %zu columns, the model takes %zu",
                              m->n_columns, spec->n_features);
    struct weir_str *names = weir_arena_array(arena, m->n_columns, sizeof *names);
    if (!names)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory");
    bool has_names = true;
    for (size_t i = 0; i < m->n_columns; i++) {
        enum weir_status status = check_column(&m->columns[i], spec, i, err);
        if (status != WEIR_OK)
            return status;
        names[i] = m->columns[i].name;
        has_names &= names[i].at != NULL;
    }
    if (spec->feature_names || !has_names)
        return WEIR_OK;
    return weir_model_name_features(model, names, m->n_columns, err);
}

/* Tells the model what the folder says of serving it. A method that the model does not have is left
 * for requests to fail on. */
static enum weir_status apply_serving(const struct weir_format_mlmodel *m, struct weir_model *model,
                                      struct weir_arena *arena, struct weir_error *err)
{
    const struct weir_spec *spec = weir_model_spec(model);
    struct weir_spec_mlflow serving = {.version = m->version.at ? m->version : WEIR_STR(""),
                                       .output = WEIR_OUTPUT_PREDICT};
    for (size_t i = 0; m->predict_fn.at && i < WEIR_OUTPUT_N; i++)
        if (weir_str_eq_c(m->predict_fn, weir_output_name((enum weir_output)i)))
            serving.output = (enum weir_output)i;
    if (m->columns && spec->form != WEIR_INPUT_TENSORS) {
        uint8_t *columns = weir_arena_zarray(arena, m->n_columns, sizeof *columns);
        if (!columns)
            return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory");
        for (size_t i = 0; i < m->n_columns; i++)
            columns[i] = (uint8_t)((m->columns[i].is_required ? 0 : WEIR_SPEC_MLFLOW_OPTIONAL) |
                                   (m->columns[i].is_float ? WEIR_SPEC_MLFLOW_F32 : 0) |
                                   (m->columns[i].is_whole ? WEIR_SPEC_MLFLOW_WHOLE : 0));
        serving.columns = columns;
    }
    return weir_model_set_mlflow(model, &serving, err);
}

/* --- bundles --- */

/* A bundle's parts. */
struct parts {
    struct weir_format_mlmodel m;
    struct weir_format_file data;
    struct weir_buf plain; /* owned: the data uncompressed, if it was compressed */
    const struct weir_format_reader *reader;
};

static void parts_deinit(struct parts *p)
{
    weir_buf_deinit(&p->plain);
}

static enum weir_status open_parts(struct parts *p, const struct weir_format_file *file,
                                   struct weir_arena *arena, struct weir_error *err)
{
    struct weir_str text;
    if (!weir_format_mlflow_bundle_find(file->bytes, WEIR_STR("MLmodel"), &text))
        return weir_error_set(err, WEIR_ERR_CORRUPT, "has no MLmodel file");
    enum weir_status status = weir_format_mlflow_mlmodel_parse(&p->m, text, arena, err);
    if (status != WEIR_OK)
        return status;
    p->data =
        (struct weir_format_file){.name = p->m.data, .opts = file->opts, .siblings = file->bytes};
    if (!weir_format_mlflow_bundle_find(file->bytes, p->m.data, &p->data.bytes))
        return weir_error_set(err, WEIR_ERR_CORRUPT, "has no data file");
    status = weir_format_open(&p->data.bytes, file->opts, &p->plain, &p->reader, err);
    if (status == WEIR_OK && p->reader->load == weir_format_mlflow_load)
        status = weir_error_set(err, WEIR_ERR_UNSUPPORTED, "a folder within a folder");
    return status == WEIR_OK ? check_kind(&p->m, p->reader->name, err) : status;
}

enum weir_status weir_format_mlflow_load(struct weir_model **out,
                                         const struct weir_format_file *file,
                                         struct weir_error *err)
{
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena arena = WEIR_ARENA_INIT;
    weir_arena_init(&arena, NULL, file->opts->tree_bytes_max);
    WEIR_CLEANUP(parts_deinit) struct parts p = {.plain = WEIR_BUF_INIT};
    struct weir_model *model = NULL;
    enum weir_status status = open_parts(&p, file, &arena, err);
    if (status == WEIR_OK)
        status = p.reader->load(&model, &p.data, err);
    if (status != WEIR_OK)
        return status;
    status = check_class(&p.m, weir_model_spec(model), err);
    if (status == WEIR_OK)
        status = apply_signature(&p.m, model, &arena, err);
    if (status == WEIR_OK)
        status = apply_serving(&p.m, model, &arena, err);
    struct weir_str example;
    if (status == WEIR_OK && p.m.example.at &&
        weir_format_mlflow_bundle_find(file->bytes, p.m.example, &example))
        status = weir_format_mlflow_example_apply(model, example, &arena, err);
    if (status != WEIR_OK) {
        weir_model_free(model);
        return status;
    }
    *out = model;
    return WEIR_OK;
}

enum weir_status weir_format_mlflow_describe(struct weir_buf *out,
                                             const struct weir_format_file *file,
                                             enum weir_format_describe how, struct weir_error *err)
{
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena arena = WEIR_ARENA_INIT;
    weir_arena_init(&arena, NULL, file->opts->tree_bytes_max);
    WEIR_CLEANUP(parts_deinit) struct parts p = {.plain = WEIR_BUF_INIT};
    enum weir_status status = open_parts(&p, file, &arena, err);
    if (status != WEIR_OK)
        return status;
    char echo[WEIR_ECHO_BUF_BYTES], version[WEIR_ECHO_BUF_BYTES] = "of unknown version";
    if (p.m.version.at)
        weir_str_echo(p.m.version, version, sizeof version);
    if (how == WEIR_FORMAT_DESCRIBE_TEXT)
        weir_buf_printf(out, "MLflow %s, flavour %s, data in %s\n", version, p.m.flavor.at,
                        weir_str_echo(p.m.data, echo, sizeof echo));
    return p.reader->describe(out, &p.data, how, err);
}
