/* SPDX-License-Identifier: MIT */
/* A catalog of made-up models, and a way to ask a dialect for a page. */
#ifndef TEST_CATALOG_H
#define TEST_CATALOG_H

#include "protocol/dialect.h"

struct test_catalog_model {
    struct weir_str name;
    struct weir_protocol_version versions[4];
    size_t n_versions;
    size_t n_serving; /* the first of them */
};

struct test_catalog {
    struct weir_protocol_catalog catalog; /* set by test_catalog_init */
    struct test_catalog_model models[4];
    size_t n_models;
    struct weir_protocol_statistics statistics; /* of every version */
    const char *unready;                        /* why the server is not ready; NULL: it is */
};

/* Sets the operations; the rest is the test's. */
void test_catalog_init(struct test_catalog *catalog);

/* Makes a catalog of the model "m" with version 1 of this spec. */
struct test_catalog test_catalog_of(const struct weir_spec *spec);

/* Asks the dialect's route of this pattern (the first one) for its page of a model, whose body is
 * appended to buf. model and version may be NULL. */
enum weir_status test_catalog_page(const struct test_catalog *catalog,
                                   const struct weir_protocol_ops *ops, const char *pattern,
                                   const char *model, const char *version, struct weir_buf *buf,
                                   struct weir_error *err);

#endif
