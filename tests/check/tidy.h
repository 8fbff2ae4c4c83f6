/* SPDX-License-Identifier: MIT */
/* Read before every source by tests/check/tidy: tells the analyser what it cannot see across files,
 * that a failure which was set is a failure. */
#ifndef WEIR_TESTS_CHECK_TIDY_H
#define WEIR_TESTS_CHECK_TIDY_H

#include <weir/error.h>

#define weir_error_set(err, code, ...) ((void)(weir_error_set)((err), (code), __VA_ARGS__), (code))

#endif
