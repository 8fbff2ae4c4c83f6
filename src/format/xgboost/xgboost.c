/* SPDX-License-Identifier: MIT */
/* A file of XGBoost's own: probing, the rules by which it is served, and its description. */
#include "format/xgboost/xgboost.h"

#include "base/macros.h"
#include "codec/json.h"
#include "format/xgboost/booster.h"

#include <math.h>
#include <stdio.h>

enum { PROBE_BYTES = 256 }; /* enough to see the first member's name */

/* Finds whether the first member of a document has one of XGBoost's names. Keys are sorted but in
 * files that went through other hands; then "version" or "learner" comes first. */
static bool is_document(struct weir_str bytes)
{
    static const char *const names[] = {"learner", "version", "Config", "Model"};
    struct weir_str rest = weir_str_make(bytes.at, weir_min_size(bytes.n, PROBE_BYTES));
    if (rest.n < 12 || rest.at[0] != '{')
        return false;
    if (rest.at[1] == 'L') {
        rest = weir_str_make(rest.at + 10, rest.n - 10);
    } else {
        size_t i = 1;
        while (i < rest.n && (rest.at[i] == ' ' || rest.at[i] == '\n' || rest.at[i] == '\r' ||
                              rest.at[i] == '\t'))
            i++;
        if (i == rest.n || rest.at[i] != '"')
            return false;
        rest = weir_str_make(rest.at + i + 1, rest.n - i - 1);
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++)
        if (weir_str_starts(rest, weir_str_c(names[i])))
            return true;
    return false;
}

bool weir_format_xgboost_probe(struct weir_str bytes)
{
    return is_document(bytes) || weir_format_xgboost_binary_probe(bytes);
}

/* --- loading --- */

/* Makes the encoder's labels that the file may hold. */
static enum weir_status read_labels(const struct weir_format_xgboost_meta *meta,
                                    struct weir_model_builder *b, struct weir_labels *labels,
                                    const struct weir_labels **out, struct weir_error *err)
{
    *out = labels;
    switch (meta->labels.kind) {
    case 'i':
        return weir_model_builder_labels(b, labels, WEIR_I64, meta->labels.ints.n,
                                         meta->labels.ints.at, err);
    case 'f':
        for (size_t i = 0; i < meta->labels.floats.n; i++)
            if (!isfinite(meta->labels.floats.at[i]))
                return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "a label is not finite");
        return weir_model_builder_labels(b, labels, WEIR_F64, meta->labels.floats.n,
                                         meta->labels.floats.at, err);
    case 'U':
        return weir_model_builder_labels(b, labels, WEIR_BYTES, meta->labels.texts.n,
                                         meta->labels.texts.at, err);
    }
    *out = NULL;
    return WEIR_OK;
}

static enum weir_status fill_spec(const struct weir_format_xgboost *x, struct weir_model_builder *b,
                                  const char *estimator, struct weir_error *err)
{
    struct weir_spec *spec = b->spec;
    spec->library = weir_arena_str(b->arena, WEIR_STR("xgboost"));
    spec->library_version = weir_arena_str(b->arena, x->version_text);
    spec->platform = weir_arena_str(b->arena, WEIR_STR("xgboost"));
    spec->estimator = weir_arena_str(b->arena, weir_str_c(estimator));
    if (!spec->library.at || !spec->library_version.at || !spec->platform.at || !spec->estimator.at)
        return weir_model_builder_no_memory(b, err);
    return weir_format_xgboost_names(x, b, err);
}

enum weir_status weir_format_xgboost_names(const struct weir_format_xgboost *x,
                                           struct weir_model_builder *b, struct weir_error *err)
{
    size_t n = x->feature_names.n;
    if (n == 0 || b->spec->feature_names)
        return WEIR_OK;
    if (n != (size_t)x->n_features)
        return weir_error_set(err, WEIR_ERR_CORRUPT,
                              "learner.feature_names: %zu names for %lld features", n,
                              (long long)x->n_features);
    struct weir_str *names = weir_arena_array(b->arena, n, sizeof *names);
    for (size_t i = 0; names && i < n; i++) {
        names[i] = weir_arena_str(b->arena, x->feature_names.at[i]);
        if (!names[i].at)
            names = NULL;
    }
    b->spec->feature_names = names;
    return names ? WEIR_OK : weir_model_builder_no_memory(b, err);
}

static enum weir_status build(const struct weir_format_xgboost *x, struct weir_model_builder *b,
                              struct weir_arena *temp, struct weir_model **out,
                              struct weir_error *err)
{
    const char *estimator = !x->meta.is_there       ? "Booster"
                            : x->meta.is_classifier ? "XGBClassifier"
                                                    : "XGBRegressor";
    struct weir_labels labels = {.n = 0};
    struct weir_format_xgboost_rules rules = {
        .is_wrapper = x->meta.is_there,
        .is_classifier = x->meta.is_there && x->meta.is_classifier,
        .best_iteration = -1,
        .missing = x->meta.is_there ? x->meta.missing : (double)NAN,
        .name = weir_str_c(estimator),
        .keeps_columns = true,
    };
    const struct weir_model_node *node = NULL;
    enum weir_status status = read_labels(&x->meta, b, &labels, &rules.labels, err);
    if (status == WEIR_OK)
        status = weir_format_xgboost_build(x, &rules, b, temp, &node, err);
    if (status == WEIR_OK)
        status = fill_spec(x, b, estimator, err);
    return status == WEIR_OK ? weir_model_builder_finish(b, node, out, err) : status;
}

enum weir_status weir_format_xgboost_load(struct weir_model **out,
                                          const struct weir_format_file *file,
                                          struct weir_error *err)
{
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena temp = WEIR_ARENA_INIT;
    weir_arena_init(&temp, NULL, file->opts->tree_bytes_max);
    WEIR_CLEANUP(weir_model_builder_deinit) struct weir_model_builder b = {.arena = NULL};
    struct weir_format_xgboost x;
    enum weir_status status =
        weir_format_xgboost_read(&x, file->bytes, &temp, file->opts->deadline_ns, err);
    if (status == WEIR_OK)
        status = weir_format_builder_init(&b, file->opts, err);
    if (status != WEIR_OK)
        return status;
    return build(&x, &b, &temp, out, err);
}

/* --- describing --- */

static uint64_t count_nodes(const struct weir_format_xgboost *x)
{
    uint64_t n = 0;
    for (size_t i = 0; i < x->n_trees; i++)
        n += x->trees[i].left.n;
    return n;
}

static void put_text(struct weir_buf *out, const struct weir_format_xgboost *x)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    weir_buf_printf(out, "XGBoost %s%s\n",
                    x->version_text.n ? x->version_text.at : "of unknown version",
                    x->is_binary ? ", binary" : "");
    weir_buf_printf(out, "%s\n",
                    x->meta.is_there ? x->meta.is_classifier ? "XGBClassifier" : "XGBRegressor"
                                     : "Booster");
    weir_buf_printf(out, "  booster = %s\n",
                    x->kind == WEIR_FORMAT_XGBOOST_LINEAR ? "\"gblinear\""
                    : x->weight_drop.n > 0                ? "\"dart\""
                                                          : "\"gbtree\"");
    weir_buf_printf(out, "  objective = \"%s\"\n", weir_str_echo(x->objective, echo, sizeof echo));
    weir_buf_printf(out, "  num_feature = %lld\n", (long long)x->n_features);
    weir_buf_printf(out, "  num_class = %lld\n", (long long)x->n_classes);
    if (x->n_targets > 1)
        weir_buf_printf(out, "  num_target = %lld\n", (long long)x->n_targets);
    if (!x->is_binary)
        weir_buf_printf(out, "  base_score = \"%s\"\n",
                        weir_str_echo(x->base_score, echo, sizeof echo));
    if (x->best_iteration >= 0)
        weir_buf_printf(out, "  best_iteration = %lld\n", (long long)x->best_iteration);
    if (x->kind == WEIR_FORMAT_XGBOOST_TREES)
        weir_buf_printf(out, "  trees = %zu of %llu nodes\n", x->n_trees,
                        (unsigned long long)count_nodes(x));
}

static void put_json(struct weir_buf *out, const struct weir_format_xgboost *x)
{
    weir_buf_append_c(out, "{\"format\":\"xgboost\",\"library\":\"xgboost\",\"library_version\":");
    if (x->version_text.n > 0)
        weir_codec_json_append_text(out, x->version_text);
    else
        weir_buf_append_c(out, "null");
    weir_buf_append_c(out, ",\"roots\":[{\"name\":\"\",\"label\":\"\",\"class\":");
    weir_codec_json_append_text(out, x->meta.is_there ? x->meta.is_classifier
                                                            ? WEIR_STR("XGBClassifier")
                                                            : WEIR_STR("XGBRegressor")
                                                      : WEIR_STR("Booster"));
    weir_buf_append_c(out, ",\"module\":\"xgboost\",\"count\":1,\"params\":{\"objective\":");
    weir_codec_json_append_text(out, x->objective);
    weir_buf_printf(out, ",\"booster\":\"%s\"",
                    x->kind == WEIR_FORMAT_XGBOOST_LINEAR ? "gblinear"
                    : x->weight_drop.n > 0                ? "dart"
                                                          : "gbtree");
    weir_buf_printf(out, ",\"num_feature\":%lld,\"num_class\":%lld,\"num_target\":%lld",
                    (long long)x->n_features, (long long)x->n_classes, (long long)x->n_targets);
    weir_buf_printf(out, "},\"attributes\":{\"trees\":%zu,\"nodes\":%llu", x->n_trees,
                    (unsigned long long)count_nodes(x));
    if (x->best_iteration >= 0)
        weir_buf_printf(out, ",\"best_iteration\":%lld", (long long)x->best_iteration);
    weir_buf_append_c(out, "},\"children\":[]}]}");
}

enum weir_status weir_format_xgboost_describe(struct weir_buf *out,
                                              const struct weir_format_file *file,
                                              enum weir_format_describe how, struct weir_error *err)
{
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena temp = WEIR_ARENA_INIT;
    weir_arena_init(&temp, NULL, file->opts->tree_bytes_max);
    struct weir_format_xgboost x;
    enum weir_status status =
        weir_format_xgboost_read(&x, file->bytes, &temp, file->opts->deadline_ns, err);
    if (status != WEIR_OK)
        return status;
    if (how == WEIR_FORMAT_DESCRIBE_JSON)
        put_json(out, &x);
    else
        put_text(out, &x);
    return weir_buf_ok(out)
               ? WEIR_OK
               : weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the description");
}
