/* SPDX-License-Identifier: MIT */
/* The attribute scikit_learn: JSON text inside a model file, written by XGBClassifier.save_model
 * and its like. To 1.7 it holds the wrapper's whole state, later only its kind. Of it count:
 * whether it is a classifier, `missing`, and the labels of the encoder that there was to 1.5. */
#include "base/macros.h"
#include "format/xgboost/booster.h"

#include <math.h>

#define OF(member) offsetof(struct weir_format_xgboost_meta, member)

static enum weir_status read_kind(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    struct weir_format_xgboost_meta *meta = out;
    struct weir_str kind;
    if (!weir_format_doc_is_text(doc))
        return weir_format_doc_skip(doc, NULL, err);
    enum weir_status status = weir_format_doc_text(doc, &kind, err);
    if (status == WEIR_OK)
        meta->is_classifier = meta->is_classifier || weir_str_eq_c(kind, "classifier") ||
                              weir_str_ends(kind, WEIR_STR("Classifier"));
    return status;
}

static enum weir_status read_missing(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    if (weir_format_doc_is_null(doc))
        return weir_format_doc_skip(doc, NULL, err);
    return weir_format_doc_f64(doc, out, err);
}

static enum weir_status read_encoder(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    static const struct weir_format_doc_field fields[] = {
        {"classes_", weir_format_doc_labels, OF(labels), true}};
    return weir_format_doc_object(doc, fields, WEIR_ARRAY_LEN(fields), out, err);
}

static const struct weir_format_doc_field fields[] = {
    {"_estimator_type", read_kind, 0, false},
    {"type", read_kind, 0, false},
    {"missing", read_missing, OF(missing), false},
    {"_le", read_encoder, 0, false},
};

enum weir_status weir_format_xgboost_meta_read(struct weir_format_xgboost_meta *out,
                                               struct weir_str text, struct weir_arena *arena,
                                               struct weir_error *err)
{
    WEIR_CLEANUP(weir_format_doc_deinit) struct weir_format_doc doc = {.at = NULL};
    struct weir_error reason = WEIR_ERROR_INIT;
    *out = (struct weir_format_xgboost_meta){.is_there = true, .missing = (double)NAN};
    enum weir_status status = weir_format_doc_init(&doc, text, false, arena, 0, &reason);
    if (status == WEIR_OK)
        status = weir_format_doc_object(&doc, fields, WEIR_ARRAY_LEN(fields), out, &reason);
    if (status != WEIR_OK)
        return weir_error_set(err, status, "learner.attributes.scikit_learn: %s", reason.msg);
    return WEIR_OK;
}
