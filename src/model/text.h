/* SPDX-License-Identifier: MIT */
/* Text as counts of what is in it (CountVectorizer, TfidfVectorizer, HashingVectorizer).
 *
 * A text is prepared (small letters, accents stripped), cut into terms (words, or characters), and
 * each run of min to max terms counts for one column: that of its entry in a vocabulary, or that of
 * its hash. All rules are Python's: what a letter is, what is small, what a pattern matches. */
#ifndef WEIR_MODEL_TEXT_H
#define WEIR_MODEL_TEXT_H

#include "model/builder.h"
#include "model/lookup.h"

enum {
    WEIR_MODEL_TEXT_BYTES_MAX = 4 << 20, /* of a prepared text; a longer one is a fault */
    WEIR_MODEL_TEXT_RUN_MAX = 32,        /* terms in a run */
    WEIR_MODEL_TEXT_ITEMS_MAX = 32,      /* items of a pattern */
};

enum weir_model_text_strip {
    WEIR_MODEL_TEXT_STRIP_NONE,
    WEIR_MODEL_TEXT_STRIP_ASCII,   /* NFKD, then only ASCII */
    WEIR_MODEL_TEXT_STRIP_UNICODE, /* NFKD without combining marks */
};

enum weir_model_text_terms {
    WEIR_MODEL_TEXT_WORDS,    /* what a pattern matches, joined by blanks */
    WEIR_MODEL_TEXT_CHARS,    /* characters; runs of white space are one blank */
    WEIR_MODEL_TEXT_CHARS_WB, /* characters of each word with a blank on both sides */
};

/* How runs are weighed, after counting: sublinear, idf, norm, in this order. */
struct weir_model_text_weights {
    bool is_sublinear; /* 1 + ln count */
    const double *idf; /* one for each column; NULL: none; copied */
    char norm;         /* '1', '2', or 0 */
    bool sums_back;    /* the norm's sum begins at the last column */
    bool is_f32;       /* each step is rounded to float */
};

/* --- patterns --- */

/* A set of characters. */
struct weir_model_text_class {
    uint64_t ascii[2];      /* those below 128 */
    uint8_t above;          /* of those above: set of enum weir_model_text_kind */
    const uint32_t *ranges; /* n_ranges pairs (first, last) above 127 */
    uint32_t n_ranges;
    bool is_negated; /* of `above` and ranges; ascii is turned already */
};

enum weir_model_text_kind {
    WEIR_MODEL_TEXT_WORD = 1,
    WEIR_MODEL_TEXT_NO_WORD = 2,
    WEIR_MODEL_TEXT_DIGIT = 4,
    WEIR_MODEL_TEXT_NO_DIGIT = 8,
    WEIR_MODEL_TEXT_SPACE = 16,
    WEIR_MODEL_TEXT_NO_SPACE = 32,
};

struct weir_model_text_item {
    char what; /* 'c': characters of the class; 'b' a border of a word, 'B' none */
    struct weir_model_text_class class;
    uint32_t min;
    uint32_t max; /* UINT32_MAX: no bound */
};

struct weir_model_text_pattern {
    struct weir_model_text_item items[WEIR_MODEL_TEXT_ITEMS_MAX];
    uint32_t n_items;
    uint32_t group_first; /* what is given: the match of these items */
    uint32_t group_end;
    uint32_t word_min; /* > 0: matches are just the runs of at least so many word characters */
};

/* Reads a pattern of Python's re made of characters, classes, \\w \\d \\s and their opposites, .,
 * \\b,
 * \\B, greedy repeats, at most one group, and a leading (?u). WEIR_ERR_UNSUPPORTED: anything else,
 * or it matches nothing; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_model_text_pattern_read(struct weir_model_text_pattern *out,
                                                            struct weir_arena *arena,
                                                            struct weir_str source,
                                                            struct weir_error *err);

/* Finds the next match at or after *at; on success sets *at behind it and gives its group. false:
 * none. steps: how many steps may still be taken; 0 is left where they did not suffice. */
bool weir_model_text_pattern_next(const struct weir_model_text_pattern *p, struct weir_str text,
                                  size_t *at, struct weir_str *out, uint64_t *steps);

/* --- preparing --- */

/* Writes a text in small letters and stripped into out, of cap bytes. SIZE_MAX: it does not fit. */
size_t weir_model_text_prepare(struct weir_str text, bool is_lower,
                               enum weir_model_text_strip strip, char *out, size_t cap);

/* Returns the character at the beginning of a text that is not empty, and how many bytes it has. A
 * byte that is no character is U+FFFD. */
uint32_t weir_model_text_char(struct weir_str text, size_t *n_bytes);

/* Finds whether str.isalnum or an underscore; str.isdecimal; str.isspace. */
bool weir_model_text_is_word(uint32_t c);
bool weir_model_text_is_decimal(uint32_t c);
bool weir_model_text_is_space(uint32_t c);

/* --- the nodes --- */

struct weir_model_text_opts {
    struct weir_str name; /* for faults */
    bool is_lower;
    enum weir_model_text_strip strip;
    enum weir_model_text_terms terms;
    uint32_t min; /* 1 … WEIR_MODEL_TEXT_RUN_MAX: terms in a run */
    uint32_t max;
    const struct weir_model_text_pattern *pattern; /* WORDS; copied */
    const struct weir_str *stop;                   /* n_stop words that are left out; copied */
    size_t n_stop;
    const struct weir_str *vocabulary; /* n_columns texts; copied. NULL: by hash */
    uint32_t n_columns;                /* at least 1 */
    bool alternates;                   /* by hash: a negative one counts −1 */
    bool is_binary;                    /* what is there counts 1 */
    struct weir_model_text_weights weights;
    bool keeps_columns;
};

/* Makes a node that takes one column of text and gives `transform`, and gives sparse rows. Anything
 * but a text is a fault. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT; WEIR_ERR_INVALID: a text is twice in
 * the vocabulary. */
WEIR_MUST_USE enum weir_status weir_model_text_new(struct weir_model_builder *b,
                                                   const struct weir_model_text_opts *opts,
                                                   const struct weir_model_node **out,
                                                   struct weir_error *err);

/* Makes a node that weighs n_columns counts (TfidfTransformer), of matrices and of sparse rows.
 * Refuses NaN and infinities. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status
weir_model_text_weigh_new(struct weir_model_builder *b, struct weir_str name, uint32_t n_columns,
                          const struct weir_model_text_weights *weights, bool keeps_columns,
                          const struct weir_model_node **out, struct weir_error *err);

#endif
