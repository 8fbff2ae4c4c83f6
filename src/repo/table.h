/* SPDX-License-Identifier: MIT */
/* Making tables from the machine's state, and keeping the old ones until every loop has let go.
 * Threads: the keeper makes and frees; anybody reads. */
#ifndef WEIR_REPO_TABLE_H
#define WEIR_REPO_TABLE_H

#include "base/arena.h"
#include "repo/step.h"

/* A version that a table brings into service, for the report that the swap is done. Owned texts, as
 * the version itself may be gone by then. */
struct weir_repo_table_news {
    struct weir_str model;
    struct weir_str file;
    char digest_hex[WEIR_REPO_DIGEST_HEX + 1];
    uint64_t number;
    uint64_t seen_ns;
};

/* A table and its memory. */
struct weir_repo_table_box {
    struct weir_repo_table_box *older;
    struct weir_table table;
    struct weir_arena arena;                 /* everything in the table */
    const struct weir_repo_table_news *news; /* n_news */
    size_t n_news;
    bool is_adopted;
};

/* Makes the table that the machine's state asks for; before (may be NULL) is what it is compared
 * with. NULL: no memory, nothing was changed. */
struct weir_repo_table_box *weir_repo_table_new(struct weir_repo_step *step,
                                                const struct weir_config *config,
                                                struct weir_repo_table_box *before);

/* Frees one table. */
void weir_repo_table_free(struct weir_repo_table_box *box);

#endif
