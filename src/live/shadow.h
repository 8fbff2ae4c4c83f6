/* SPDX-License-Identifier: MIT */
/* A version compared with another on the same rows, pair by pair, without labels: how often they
 * decide differently, how far apart their scores are, and how far the two sets of scores.
 *
 * All counts are integers or exact sums (eval/exact.h): parts of loops add up to what one loop
 * would have counted. One thread for each; nothing is allocated while adding. */
#ifndef WEIR_LIVE_SHADOW_H
#define WEIR_LIVE_SHADOW_H

#include "base/buf.h"
#include "live/observe.h"

enum { WEIR_LIVE_SHADOW_BINS = 256, WEIR_LIVE_SHADOW_PSI_BINS = 10 };

/* Counts of pairs; zeroed is empty. Scores are those of struct weir_live_seen: of the positive
 * class; of more classes each version's of the class that it decides for; numbers. */
struct weir_live_shadow {
    uint64_t n_rows;                      /* compared */
    uint64_t n_disagreements;             /* decided differently; 0 of numbers */
    uint64_t n_refused;                   /* rows that the shadow refuses; not compared */
    uint64_t n_dropped;                   /* rows that it was never given: it was busy */
    uint64_t n_scores;                    /* rows where both have a score */
    struct weir_eval_exact gap;           /* sum of |difference| of these */
    uint64_t live[WEIR_LIVE_SHADOW_BINS]; /* their scores, in the bins of eval/binned.h; none of
                                             numbers */
    uint64_t shadow[WEIR_LIVE_SHADOW_BINS];
};

/* Finds whether answers of the two can be compared: rows of the same numbers, the same classes,
 * scores of the same kind. live is the shape of the live version's answers, *shape becomes that of
 * the shadow's. NULL: they can be; else why not, borrowed for ever. */
const char *weir_live_shadow_fit(const struct weir_live_shape *live,
                                 const struct weir_spec *live_spec,
                                 const struct weir_spec *shadow_spec,
                                 struct weir_live_shape *shape);

/* Adds n rows as both saw them; rows that the shadow refuses are WEIR_LIVE_REFUSED. */
void weir_live_shadow_add(struct weir_live_shadow *sum, const struct weir_live_shape *shape,
                          const struct weir_live_seen *live, const struct weir_live_seen *shadow,
                          size_t n);

/* Adds what another holds. */
void weir_live_shadow_merge(struct weir_live_shadow *sum, const struct weir_live_shadow *other);

/* The population stability index of the shadow's scores against the live ones, in at most
 * WEIR_LIVE_SHADOW_PSI_BINS bins of about equally many live scores. */
struct weir_live_shadow_psi {
    double value;
    double guard; /* what it stays below with 99 % if nothing differs (eval/drift.h); the rows are
                     the same, so that in truth it stays below less */
    uint32_t n_bins; /* fewer than 2: the live scores are too few or all alike to tell it */
};

struct weir_live_shadow_psi weir_live_shadow_psi(const struct weir_live_shadow *sum);

/* Appends the members of a JSON object that tell of the counts, without braces:
 *     "rows":…,"refused":…,"dropped":…,"disagreements":{"count":…,"rate":…,"ci":[…]}|null,
 *     "score_gap":{"mean":…,"rows":…}|null,"psi":{"value":…,"guard":…,"bins":…}|null
 * The interval is Wilson's, 95 %. What there is nothing to tell of is null. */
void weir_live_shadow_append(const struct weir_live_shadow *sum,
                             const struct weir_live_shape *shape, struct weir_buf *out);

#endif
