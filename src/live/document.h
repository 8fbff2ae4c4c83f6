/* SPDX-License-Identifier: MIT */
/* Live quality as a JSON document: "schema": "eval/1" as of a holdout (gate/document.h), from
 * counts, with what only holds of live predictions beside it.
 *
 *     {"schema":"eval/1","model":{…},"window":{…},"data":{…},"task":"binary","classes":[…],
 *      "positive":"1","score_space":"predict_proba","metrics":{"roc_auc":{"value":…,"ci":[…],
 *      "bounds":[…]},…},"auc_bounds":[…],"confusion":{…},"per_class":[…],"curves":{"roc":{…},
 *      "calibration":{…}},"coverage":{…},"label_delay":{…},"drift":{…},"store":{…}}
 *
 * What is undefined is null with a "why" beside it. Members that do not apply are left out. */
#ifndef WEIR_LIVE_DOCUMENT_H
#define WEIR_LIVE_DOCUMENT_H

#include "base/buf.h"
#include "live/measure.h"
#include "live/reference.h"

/* What a loop keeps; the sum over all loops. */
struct weir_live_store_state {
    uint64_t n_waiting;
    uint64_t capacity;
    uint64_t bytes;
    double share; /* of the keys that is kept: the least of all loops */
    struct weir_live_store_counters counters;
};

/* What the sum is of. */
struct weir_live_source {
    struct weir_str model;
    struct weir_str version;              /* empty: all */
    struct weir_str digest;               /* 64 hex digits; empty: not known */
    const struct weir_str *classes;       /* n_classes labels as JSON */
    const struct weir_str *feature_names; /* of the reference's features; NULL: they have none */
    uint64_t window_s;
    uint64_t now_s; /* since 1970 */
    double psi_limit;
    struct weir_live_store_state store;
};

/* Appends the document. WEIR_ERR_NO_MEMORY; look at weir_buf_ok too. */
WEIR_MUST_USE enum weir_status weir_live_document_append(struct weir_buf *buf,
                                                         const struct weir_live_sum *sum,
                                                         const struct weir_live_source *source,
                                                         struct weir_mem *mem);

/* Tells whether a feature has drifted: more than the limit, and more than chance makes likely. */
static inline bool weir_live_document_is_alarm(const struct weir_live_drift *drift,
                                               double psi_limit)
{
    return drift->psi > psi_limit && drift->psi > drift->guard;
}

#endif
