/* SPDX-License-Identifier: MIT */
/* Texts as counts: preparing, cutting by patterns, hashing, runs of words and characters. What is
 * expected was given by Python 3.11 (str, re.findall) and scikit-learn 1.4.2 (murmurhash3_32,
 * CountVectorizer); tests/parity compares every character. */
#include "model/text.h"
#include "tensor/cell.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- preparing --- */

static const struct {
    const char *text;
    bool is_lower;
    enum weir_model_text_strip strip;
    const char *expected;
} prepared[] = {
    {"ΣΊΣΥΦΟΣ ΟΔΟΣ. Σ", true, WEIR_MODEL_TEXT_STRIP_NONE, "σίσυφος οδος. σ"},
    {"ΑΣ\u0301 ΑΣ\u0301Β", true, WEIR_MODEL_TEXT_STRIP_NONE, "ας\u0301 ασ\u0301β"},
    {"\u0130I", true, WEIR_MODEL_TEXT_STRIP_NONE, "i\u0307i"},
    {"ẞǅK\u212a", true, WEIR_MODEL_TEXT_STRIP_NONE, "ßǆkk"},
    {"ẞǅK", false, WEIR_MODEL_TEXT_STRIP_NONE, "ẞǅK"},
    {"ﬁne ①½", false, WEIR_MODEL_TEXT_STRIP_UNICODE, "fine 11\u20442"},
    {"ﬁne ①½", false, WEIR_MODEL_TEXT_STRIP_ASCII, "fine 112"},
    {"Z\u030cé각힣", false, WEIR_MODEL_TEXT_STRIP_UNICODE,
     "Ze\u1100\u1161\u11a8\u1112\u1175\u11c2"},
    {"\ufdfa", false, WEIR_MODEL_TEXT_STRIP_UNICODE, "صلى الله عليه وسلم"},
    {"\xed\xa0\x80x", true, WEIR_MODEL_TEXT_STRIP_UNICODE, "\xed\xa0\x80x"}, /* half a pair */
    {"\xff\xc3", false, WEIR_MODEL_TEXT_STRIP_NONE, "\ufffd\ufffd"},
};

Test(model_text, texts_are_prepared_as_python_does)
{
    for (size_t i = 0; i < sizeof prepared / sizeof prepared[0]; i++) {
        char out[128];
        size_t n = weir_model_text_prepare(weir_str_c(prepared[i].text), prepared[i].is_lower,
                                           prepared[i].strip, out, sizeof out);
        cr_assert(weir_str_eq_c(weir_str_make(out, n), prepared[i].expected), "%s: %.*s",
                  prepared[i].text, (int)n, out);
    }
}

Test(model_text, what_does_not_fit_is_told)
{
    char out[4];
    struct weir_str text = WEIR_STR("aéb");
    cr_assert_eq(weir_model_text_prepare(text, true, WEIR_MODEL_TEXT_STRIP_NONE, out, 4), 4);
    cr_assert_eq(weir_model_text_prepare(text, true, WEIR_MODEL_TEXT_STRIP_NONE, out, 3), SIZE_MAX);
    cr_assert_eq(weir_model_text_prepare(text, true, WEIR_MODEL_TEXT_STRIP_NONE, out, 2), SIZE_MAX);
}

/* --- patterns --- */

static const char sentence[] = "I'm running a well-known aaab x² naïve été 3.14 -5 東京_1 xxz z";

static const struct {
    const char *pattern;
    const char *expected; /* matches in the sentence, by bars */
} patterns[] = {
    {"(?u)\\b\\w\\w+\\b", "running|well|known|aaab|x²|naïve|été|14|東京_1|xxz|"},
    {"\\b(\\w+)-\\w+", "well|"},
    {"[^\\W\\d_]+", "I|m|running|a|well|known|aaab|x²|naïve|été|東京|xxz|z|"},
    {"\\S+", "I'm|running|a|well-known|aaab|x²|naïve|été|3.14|-5|東京_1|xxz|z|"},
    {"[\\w'-]+", "I'm|running|a|well-known|aaab|x²|naïve|été|3|14|-5|東京_1|xxz|z|"},
    {"\\w+ing\\b", "running|"},
    {"a{2,3}b*", "aaab|"},
    {"[+-]?\\d+", "3|14|-5|1|"},
    {"\\Bx", "x|"},
    {"é.", "ét|é |"},
    {"[à-ï]+", "ï|é|é|"},
    {"(\\w*)z", "xx||"},
};

Test(model_text, patterns_match_what_python_matches)
{
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct weir_arena arena;
        struct weir_model_text_pattern p;
        struct weir_error err = WEIR_ERROR_INIT;
        struct weir_str term;
        char found[256];
        size_t n = 0;
        uint64_t steps = 100000;
        weir_arena_init(&arena, NULL, 0);
        cr_assert_eq(
            weir_model_text_pattern_read(&p, &arena, weir_str_c(patterns[i].pattern), &err),
            WEIR_OK, "%s: %s", patterns[i].pattern, err.msg);
        for (size_t at = 0;
             weir_model_text_pattern_next(&p, weir_str_c(sentence), &at, &term, &steps);) {
            n += (size_t)snprintf(found + n, sizeof found - n, "%.*s|", WEIR_STR_ARG(term));
        }
        cr_assert_str_eq(found, patterns[i].expected, "%s", patterns[i].pattern);
        weir_arena_deinit(&arena);
    }
}

Test(model_text, patterns_of_other_kinds_are_refused_by_name)
{
    static const char *const others[] = {
        "a|b", "(a)(b)", "(?:ab)+", "a+?",     "a*", "(?i)a", "(?=a)b", "\\Aab",   "\\x41",
        "^a",  "a$",     "[]a]",    "[[:x:]]", "(a", "[a",    "a{3,2}", "(?P<n>a)"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct weir_arena arena;
        struct weir_model_text_pattern p;
        struct weir_error err = WEIR_ERROR_INIT;
        weir_arena_init(&arena, NULL, 0);
        cr_assert_eq(weir_model_text_pattern_read(&p, &arena, weir_str_c(others[i]), &err),
                     WEIR_ERR_UNSUPPORTED, "%s", others[i]);
        cr_assert_not_null(strstr(err.msg, "the pattern \""), "%s: %s", others[i], err.msg);
        weir_arena_deinit(&arena);
    }
}

Test(model_text, a_search_that_takes_too_long_ends)
{
    static char text[65536];
    struct weir_arena arena;
    struct weir_model_text_pattern p;
    struct weir_str term;
    uint64_t steps = 1000000;
    size_t at = 0;
    weir_arena_init(&arena, NULL, 0);
    cr_assert_eq(weir_model_text_pattern_read(&p, &arena, WEIR_STR("\\w+ing"), NULL), WEIR_OK);
    memset(text, 'a', sizeof text);
    cr_assert(
        !weir_model_text_pattern_next(&p, weir_str_make(text, sizeof text), &at, &term, &steps));
    cr_assert_eq(steps, 0);
    weir_arena_deinit(&arena);
}

/* --- counting --- */

/* Makes a model of one column of text; its words are runs of \\w. */
static struct weir_model *make(struct weir_model_text_opts opts)
{
    static struct weir_model_text_pattern pattern;
    struct weir_model_builder b;
    struct weir_model *model;
    struct weir_error err = WEIR_ERROR_INIT;
    const struct weir_model_node *node;
    opts.name = WEIR_STR("CountVectorizer");
    opts.is_lower = true;
    opts.pattern = &pattern;
    cr_assert_eq(weir_model_builder_init(&b, NULL, 0, NULL), WEIR_OK);
    cr_assert_eq(weir_model_text_pattern_read(&pattern, b.arena, WEIR_STR("(?u)\\b\\w+\\b"), NULL),
                 WEIR_OK);
    cr_assert_eq(weir_model_text_new(&b, &opts, &node, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(weir_model_builder_finish(&b, node, &model, &err), WEIR_OK, "%s", err.msg);
    return model;
}

/* Returns the counts of a text, owned. */
static double *count(const struct weir_model *model, const char *text)
{
    static union {
        struct weir_cell_text text;
        char bytes[256];
    } room;
    room.text.n = (uint32_t)strlen(text);
    memcpy(room.text.at, text, strlen(text) + 1);
    double cell = weir_cell_from_text(&room.text);
    struct weir_rows rows = {&cell, 1};
    struct weir_row_fault fault = {0};
    struct weir_run run = {.dtype = WEIR_F64,
                           .blocks = &rows,
                           .n_blocks = 1,
                           .wanted = 1u << WEIR_OUTPUT_TRANSFORM,
                           .faults = &fault,
                           .scratch = aligned_alloc(64, weir_model_scratch_bytes(model))};
    size_t n = weir_model_spec(model)->outputs[WEIR_OUTPUT_TRANSFORM].n_columns;
    double *out = calloc(n, sizeof *out);
    run.out[WEIR_OUTPUT_TRANSFORM] = out;
    cr_assert_eq(weir_model_run(model, &run), 0, "%s", text);
    free(run.scratch);
    return out;
}

/* Of whole blocks of four bytes, and with each length of rest. */
static const struct {
    const char *text;
    int32_t hash;
} hashes[] = {
    {"a", 1009084850},      {"ab", -1681926305},      {"abc", -1277324294},
    {"foo", -156908512},    {"hello", 613153351},     {"the quick", -112969417},
    {"straße", 2095602437}, {"東京 大学", 990285981},
};

Test(model_text, terms_are_hashed_as_scikit_learn_does)
{
    enum { N = 1 << 20 };
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        uint32_t n_words = strchr(hashes[i].text, ' ') ? 2 : 1;
        struct weir_model *model = make((struct weir_model_text_opts){
            .min = n_words, .max = n_words, .n_columns = N, .alternates = true});
        double *out = count(model, hashes[i].text);
        size_t column = (size_t)llabs(hashes[i].hash) % N;
        cr_assert_eq(out[column], hashes[i].hash < 0 ? -1.0 : 1.0, "%s", hashes[i].text);
        out[column] = 0.0;
        for (size_t k = 0; k < N; k++)
            cr_assert_eq(out[k], 0.0, "%s: column %zu", hashes[i].text, k);
        free(out);
        weir_model_free(model);
    }
}

static const struct {
    const char *label;
    enum weir_model_text_terms terms;
    uint32_t min, max;
    const char *stop;     /* one word, or NULL */
    const char *words[9]; /* the vocabulary */
    const char *text;
    double expected[9];
} runs[] = {
    {"words",
     WEIR_MODEL_TEXT_WORDS,
     1,
     2,
     NULL,
     {"fox", "fox jumps", "the fox", "brown fox", "quick fox"},
     "The quick fox jumps, fox jumps",
     {2, 2, 0, 0, 1}},
    {"stop words",
     WEIR_MODEL_TEXT_WORDS,
     1,
     2,
     "the",
     {"fox", "fox jumps", "the fox", "brown fox", "quick fox"},
     "the brown fox the jumps",
     {1, 1, 0, 1, 0}},
    {"characters",
     WEIR_MODEL_TEXT_CHARS,
     1,
     2,
     NULL,
     {"a", "b", "ab", "b ", "  ", " ", " a", "東", "京 "},
     "ab  b\tab 東京 ",
     {2, 3, 2, 2, 0, 3, 0, 1, 1}},
    {"characters of words",
     WEIR_MODEL_TEXT_CHARS_WB,
     1,
     4,
     NULL,
     {"a", "ab", "b ", " ab", "ab ", " ab ", "b"},
     "ab  b\tab",
     {2, 2, 3, 2, 2, 2, 3}},
    {"short words",
     WEIR_MODEL_TEXT_CHARS_WB,
     5,
     6,
     NULL,
     {" ab ", "ab", "abc"},
     "ab abc",
     {1, 0, 0}},
};

Test(model_text, runs_are_counted_as_scikit_learn_does)
{
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        struct weir_str words[9], stop;
        uint32_t n = 0;
        for (; n < 9 && runs[i].words[n]; n++)
            words[n] = weir_str_c(runs[i].words[n]);
        stop = weir_str_c(runs[i].stop ? runs[i].stop : "");
        struct weir_model *model =
            make((struct weir_model_text_opts){.terms = runs[i].terms,
                                               .min = runs[i].min,
                                               .max = runs[i].max,
                                               .stop = &stop,
                                               .n_stop = runs[i].stop != NULL,
                                               .vocabulary = words,
                                               .n_columns = n});
        double *out = count(model, runs[i].text);
        for (uint32_t k = 0; k < n; k++)
            cr_assert_eq(out[k], runs[i].expected[k], "%s: \"%s\" is %g", runs[i].label,
                         runs[i].words[k], out[k]);
        free(out);
        weir_model_free(model);
    }
}

Test(model_text, norms_are_summed_from_either_end)
{
    /* 1 + 2^-53 is 1, and 2^-53 + 2^-53 is enough to make it more. */
    static const double idf[3] = {1.0, 0x1p-53, 0x1p-53};
    static const double sums[2] = {1.0, 1.0 + 0x1p-52};
    struct weir_str words[3] = {WEIR_STR("a"), WEIR_STR("b"), WEIR_STR("c")};
    for (int back = 0; back < 2; back++) {
        struct weir_model *model = make((struct weir_model_text_opts){
            .min = 1,
            .max = 1,
            .vocabulary = words,
            .n_columns = 3,
            .weights = {.idf = idf, .norm = '1', .sums_back = back != 0}});
        double *out = count(model, "a b c");
        cr_assert_eq(out[0], 1.0 / sums[back]);
        cr_assert_eq(out[1], 0x1p-53 / sums[back]);
        free(out);
        weir_model_free(model);
    }
}
