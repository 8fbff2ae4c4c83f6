/* SPDX-License-Identifier: MIT */
/* Small models for tests of what uses models. */
#ifndef WEIR_TESTS_LIB_TEST_LINEAR_H
#define WEIR_TESTS_LIB_TEST_LINEAR_H

#include "model/model.h"

/* Returns a logistic regression on n <= 4 features x0, x1, …, without intercept, of the classes
 * first_class and the next number. The caller's (weir_model_free). Ends the program without memory.
 */
struct weir_model *weir_test_linear_model(uint32_t n, const double *weights, int64_t first_class);

#endif
