/* SPDX-License-Identifier: MIT */
/* Measures of scores that are kept as counts in bins: an area under the ROC curve with its bound,
 * average precision, calibration.
 *
 * Bins ascend with the score and have the same edges wherever they are counted, so counts of
 * threads, windows and versions add up, and a row that was counted can be taken away again. Inside
 * a bin the order of rows is lost; what that can make of a measure is its bound. A bin that only
 * ever held one score loses nothing: its rows are tied. Counts are integers and sums are exact
 * (eval/exact.h): nothing depends on the order of events. */
#ifndef WEIR_EVAL_BINNED_H
#define WEIR_EVAL_BINNED_H

#include "eval/exact.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What scores are. */
enum weir_eval_binned_space {
    WEIR_EVAL_BINNED_PROBABILITY, /* in [0, 1] */
    WEIR_EVAL_BINNED_MARGIN,      /* any number, a few units wide */
};

/* Returns the bin of a score among n_bins (at least 4), never falling with the score. Probabilities
 * are cut equally in tanh(logit / 8), so that bins are 16 / n_bins logits wide near one half and
 * still 0.3 logits for 4,096 bins where p is 1e-9; exactly 0 and 1 have bins of their own. Margins
 * are cut equally in x / (2 + |x|). NaN is not allowed. */
uint32_t weir_eval_binned_bin(double score, enum weir_eval_binned_space space, uint32_t n_bins);

/* Counts of two classes; borrowed. */
struct weir_eval_binned {
    size_t n_bins;
    const uint64_t *positives; /* n_bins, ascending in the score */
    const uint64_t *negatives; /* n_bins */
    const bool *is_mixed;      /* n_bins: whether a bin held several scores; NULL: all did */
};

/* A measure known within a bound. */
struct weir_eval_binned_bounds {
    double value; /* low … high; as if the rows of a bin were tied */
    double low;
    double high;
};

/* Computes the area under the ROC curve: value is the middle of low and high, between which the
 * exact area lies. false: a class has no rows. */
bool weir_eval_binned_auc(const struct weir_eval_binned *binned,
                          struct weir_eval_binned_bounds *out);

/* Computes DeLong's variance of the area's value, bins taken for ties; false: a class has fewer
 * than two rows. */
bool weir_eval_binned_variance(const struct weir_eval_binned *binned, double *out);

/* Computes the average precision, between the bounds of the best and the worst order inside of each
 * bin; false: no positives. O(positives). */
bool weir_eval_binned_average_precision(const struct weir_eval_binned *binned,
                                        struct weir_eval_binned_bounds *out);

/* Decisions. */
struct weir_eval_binned_confusion {
    uint64_t tp, fp, fn, tn;
};

/* Counts the decisions "positive from bin `first` on", exact for the threshold at its lower edge.
 */
struct weir_eval_binned_confusion weir_eval_binned_confusion(const struct weir_eval_binned *binned,
                                                             size_t first);

/* --- probabilities --------------------------------------------------------------------------- */

enum { WEIR_EVAL_BINNED_CALIBRATION_BINS = 10 };

/* Sums over rows of two classes with a probability p of the positive one; zeroed is empty. Bin k of
 * the curve holds k/10 < p <= (k+1)/10, the first p = 0 too. */
struct weir_eval_binned_calibration {
    int64_t n[WEIR_EVAL_BINNED_CALIBRATION_BINS];
    int64_t n_positive[WEIR_EVAL_BINNED_CALIBRATION_BINS];
    struct weir_eval_exact p[WEIR_EVAL_BINNED_CALIBRATION_BINS];
    struct weir_eval_exact squares;    /* (p − y)² */
    struct weir_eval_exact logs;       /* −ln p_y, p cut at the machine epsilon */
    struct weir_eval_exact z_sum;      /* Spiegelhalter 1986: (y − p)(1 − 2p) */
    struct weir_eval_exact z_variance; /* (1 − 2p)² p (1 − p) */
};

/* Adds a row, or takes one away that was added. p in [0, 1]. */
void weir_eval_binned_calibration_add(struct weir_eval_binned_calibration *c, double p,
                                      bool is_positive, bool is_taken_away);
void weir_eval_binned_calibration_merge(struct weir_eval_binned_calibration *c,
                                        const struct weir_eval_binned_calibration *other);

/* What the sums say; all but n undefined without rows. */
struct weir_eval_binned_probability {
    uint64_t n;
    double brier;
    double log_loss;
    double spiegelhalter_z; /* NaN: no variance */
    double ece;             /* mean |mean y − mean p| of the bins, by rows */
    double mce;             /* the largest of them */
};

struct weir_eval_binned_probability
weir_eval_binned_calibration_get(const struct weir_eval_binned_calibration *c);

#endif
