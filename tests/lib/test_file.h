/* SPDX-License-Identifier: MIT */
/* Files of the source tree, read by tests. */
#ifndef WEIR_TESTS_LIB_TEST_FILE_H
#define WEIR_TESTS_LIB_TEST_FILE_H

#include "base/str.h"

/* Returns the bytes of a file below the source root (WEIR_TEST_SOURCE_ROOT, else the working
 * directory), in a block of exactly their size, so that a sanitizer sees reads past the end; the
 * caller's, for weir_mem_free. Ends the process if there is no such file. */
struct weir_str test_file_read(const char *path);

/* Frees what test_file_read returned. */
void test_file_free(struct weir_str bytes);

#endif
