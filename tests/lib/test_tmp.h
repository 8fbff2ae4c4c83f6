/* SPDX-License-Identifier: MIT */
/* Temporary folders for tests. A failure here ends the test program with a message. */
#ifndef WEIR_TESTS_LIB_TEST_TMP_H
#define WEIR_TESTS_LIB_TEST_TMP_H

#include <stddef.h>

/* A folder of its own below $TMPDIR (or /tmp), gone with everything in it at deinit. */
struct weir_test_tmp {
    char path[256]; /* absolute */
};

void weir_test_tmp_init(struct weir_test_tmp *t);
void weir_test_tmp_deinit(struct weir_test_tmp *t);

/* Writes a file below the folder, its parent folders made as needed. name: relative; bytes are
 * written in place, not by rename. */
void weir_test_tmp_write(struct weir_test_tmp *t, const char *name, const void *data, size_t size);

/* Writes the path of name below the folder into out. */
void weir_test_tmp_path(const struct weir_test_tmp *t, const char *name, char *out, size_t size);

/* Reads a whole file (any path). Returns a block to be freed with free(), *size its bytes without
 * the NUL that follows them. */
char *weir_test_tmp_read(const char *path, size_t *size);

#endif
