/* SPDX-License-Identifier: MIT */
/* The normal distribution. */
#ifndef WEIR_EVAL_NORMAL_H
#define WEIR_EVAL_NORMAL_H

/* Returns the probability that a standard normal variable is below z. */
double weir_eval_normal_below(double z);

/* Returns the z below which a standard normal variable is with probability p (0 < p < 1), within
 * 1e-14 relative where z is not near 0. */
double weir_eval_normal_quantile(double p);

#endif
