/* SPDX-License-Identifier: MIT */
/* Times the counting of texts: two texts (plain English, and one in which every third word is not
 * ASCII) by the patterns that vectorisers are often given, and by characters; megabytes a second
 * are those of the text. */
#include "measure.h"
#include "model/builder.h"
#include "model/text.h"
#include "tensor/cell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 64, WORDS = 200 };

static const char *const plain[] = {"the",
                                    "quick",
                                    "brown",
                                    "fox",
                                    "jumps",
                                    "over",
                                    "a",
                                    "lazy",
                                    "dog",
                                    "running",
                                    "state-of-the-art",
                                    "don't",
                                    "100",
                                    "Price"};
static const char *const other[] = {"Straße", "naïve", "résumé", "Привет", "МИР", "東京", "ΟΔΟΣ"};

static const struct {
    const char *name;
    const char *pattern; /* NULL: characters */
    enum weir_model_text_strip strip;
} cases[] = {
    {"default", "(?u)\\b\\w\\w+\\b", WEIR_MODEL_TEXT_STRIP_NONE},
    {"default_unicode", "(?u)\\b\\w\\w+\\b", WEIR_MODEL_TEXT_STRIP_UNICODE},
    {"letters", "[a-zA-Z]+", WEIR_MODEL_TEXT_STRIP_NONE},
    {"group", "(?u)\\b(\\w\\w+)\\b", WEIR_MODEL_TEXT_STRIP_NONE},
    {"dashes", "[\\w'-]+", WEIR_MODEL_TEXT_STRIP_NONE},
    {"back", "\\w+ing\\b", WEIR_MODEL_TEXT_STRIP_NONE},
    {"negated", "[^\\s.,!?]{2,}", WEIR_MODEL_TEXT_STRIP_NONE},
    {"chars", NULL, WEIR_MODEL_TEXT_STRIP_NONE},
};

struct work {
    struct weir_model *model;
    struct weir_run run;
    struct weir_rows rows;
    double cell;
};

static uint64_t count(void *arg)
{
    struct work *w = arg;
    weir_model_run(w->model, &w->run);
    return ((const uint64_t *)w->run.out[WEIR_OUTPUT_TRANSFORM])[1];
}

static void *room(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 64) & ~(size_t)63);
    if (!p)
        exit(1);
    return p;
}

static struct weir_model *make(size_t i)
{
    static struct weir_model_text_pattern pattern;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_model_builder b;
    const struct weir_model_node *node;
    struct weir_model *model = NULL;
    struct weir_model_text_opts opts = {.name = WEIR_STR("HashingVectorizer"),
                                        .is_lower = true,
                                        .strip = cases[i].strip,
                                        .terms = cases[i].pattern ? WEIR_MODEL_TEXT_WORDS
                                                                  : WEIR_MODEL_TEXT_CHARS,
                                        .min = 1,
                                        .max = 1,
                                        .pattern = &pattern,
                                        .n_columns = COLUMNS};
    if (weir_model_builder_init(&b, NULL, 0, &err) != WEIR_OK ||
        (cases[i].pattern &&
         weir_model_text_pattern_read(&pattern, b.arena, weir_str_c(cases[i].pattern), &err) !=
             WEIR_OK) ||
        weir_model_text_new(&b, &opts, &node, &err) != WEIR_OK ||
        weir_model_builder_finish(&b, node, &model, &err) != WEIR_OK)
        fprintf(stderr, "%s: %s\n", cases[i].name, err.msg);
    return model;
}

static void measure(size_t i, bool is_plain)
{
    static union {
        struct weir_cell_text text;
        char bytes[16384];
    } text;
    char name[64];
    struct weir_row_fault fault = {0};
    struct work w = {.model = make(i)};
    if (!w.model)
        exit(1);
    text.text.n = 0;
    for (size_t k = 0; k < WORDS; k++) {
        const char *word = !is_plain && k % 3 == 0 ? other[k % 7] : plain[k * 5 % 14];
        text.text.n += (uint32_t)snprintf(text.text.at + text.text.n, 64, "%s%s", word,
                                          k % 11 == 0 ? ", " : " ");
    }
    w.cell = weir_cell_from_text(&text.text);
    w.rows = (struct weir_rows){&w.cell, 1};
    w.run = (struct weir_run){.dtype = WEIR_F64,
                              .blocks = &w.rows,
                              .n_blocks = 1,
                              .wanted = 1u << WEIR_OUTPUT_TRANSFORM,
                              .faults = &fault,
                              .scratch = room(weir_model_scratch_bytes(w.model))};
    w.run.out[WEIR_OUTPUT_TRANSFORM] = room(COLUMNS * sizeof(double));
    snprintf(name, sizeof name, "model_text_%s_%s", cases[i].name, is_plain ? "plain" : "mixed");
    weir_bench_measure(name, count, &w, text.text.n);
    free(w.run.out[WEIR_OUTPUT_TRANSFORM]);
    free(w.run.scratch);
    weir_model_free(w.model);
}

int main(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        measure(i, true);
        measure(i, false);
    }
    return 0;
}
