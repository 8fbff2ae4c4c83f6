/* SPDX-License-Identifier: MIT */
/* The text format of LightGBM: lines of key=value, a header, then a block for each tree. Keys that
 * do not matter to predictions are passed over, and so is most of what follows "end of trees". */
#include "base/clock.h"
#include "base/macros.h"
#include "codec/number.h"
#include "format/lightgbm/booster.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { DEADLINE_TREES = 64 }; /* between two looks at the clock */

struct reader {
    struct weir_str rest; /* of the text */
    struct weir_arena *arena;
    size_t tree; /* number of the tree at hand; SIZE_MAX: the header */
    struct weir_error *err;
};

enum kind { KIND_I64, KIND_I64S, KIND_F64S };

/* A line that matters. */
struct field {
    const char *key;
    enum kind kind;
    size_t offset;
};

#define OF(type, member) offsetof(struct type, member)

static const struct field header_fields[] = {
    {"num_class", KIND_I64, OF(weir_format_lightgbm, n_classes)},
    {"num_tree_per_iteration", KIND_I64, OF(weir_format_lightgbm, n_per_round)},
};

static const struct field tree_fields[] = {
    {"num_leaves", KIND_I64, OF(weir_format_lightgbm_tree, n_leaves)},
    {"num_cat", KIND_I64, OF(weir_format_lightgbm_tree, n_cat)},
    {"split_feature", KIND_I64S, OF(weir_format_lightgbm_tree, feature)},
    {"threshold", KIND_F64S, OF(weir_format_lightgbm_tree, threshold)},
    {"decision_type", KIND_I64S, OF(weir_format_lightgbm_tree, decision)},
    {"left_child", KIND_I64S, OF(weir_format_lightgbm_tree, left)},
    {"right_child", KIND_I64S, OF(weir_format_lightgbm_tree, right)},
    {"leaf_value", KIND_F64S, OF(weir_format_lightgbm_tree, value)},
    {"cat_boundaries", KIND_I64S, OF(weir_format_lightgbm_tree, cat_ends)},
    {"cat_threshold", KIND_I64S, OF(weir_format_lightgbm_tree, cat_words)},
    {"is_linear", KIND_I64, OF(weir_format_lightgbm_tree, is_linear)},
    {"leaf_const", KIND_F64S, OF(weir_format_lightgbm_tree, constant)},
    {"num_features", KIND_I64S, OF(weir_format_lightgbm_tree, n_coefs)},
    {"leaf_features", KIND_I64S, OF(weir_format_lightgbm_tree, coef_features)},
    {"leaf_coeff", KIND_F64S, OF(weir_format_lightgbm_tree, coefs)},
};

static enum weir_status fails(struct reader *r, const char *key, const char *what)
{
    if (r->tree == SIZE_MAX)
        return weir_error_set(r->err, WEIR_ERR_CORRUPT, "%s: %s", key, what);
    return weir_error_set(r->err, WEIR_ERR_CORRUPT, "Tree=%zu: %s: %s", r->tree, key, what);
}

static enum weir_status no_memory(struct reader *r)
{
    return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "no memory for the load");
}

/* Takes the next line, without its end. */
static struct weir_str take_line(struct reader *r)
{
    struct weir_str line = weir_str_split(&r->rest, '\n');
    if (line.n > 0 && line.at[line.n - 1] == '\r')
        line.n--;
    return line;
}

/* Takes the next word; false: there is none. */
static bool take_word(struct weir_str *rest, struct weir_str *word)
{
    const char *at = rest->at;
    const char *end = rest->at + rest->n;
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    const char *first = at;
    while (at < end && *at != ' ' && *at != '\t')
        at++;
    *word = weir_str_make(first, (size_t)(at - first));
    *rest = weir_str_make(at, (size_t)(end - at));
    return word->n > 0;
}

static size_t count_words(struct weir_str text)
{
    struct weir_str word;
    size_t n = 0;
    while (text.n > 0 && take_word(&text, &word))
        n++;
    return n;
}

/* Reads a number as C prints it. */
static bool read_f64(struct weir_str word, double *out)
{
    if (weir_codec_number_read_f64(word, out))
        return true;
    bool is_negative = word.n > 0 && word.at[0] == '-';
    struct weir_str rest = weir_str_make(word.at + is_negative, word.n - is_negative);
    if (weir_str_eq_nocase(rest, WEIR_STR("inf")) || weir_str_eq_nocase(rest, WEIR_STR("infinity")))
        *out = (double)(is_negative ? -INFINITY : INFINITY);
    else if (weir_str_eq_nocase(rest, WEIR_STR("nan")))
        *out = (double)NAN;
    else
        return false;
    return true;
}

static bool read_i64(struct weir_str word, int64_t *out)
{
    uint64_t v;
    bool is_negative = word.n > 0 && word.at[0] == '-';
    if (!weir_str_to_u64(weir_str_make(word.at + is_negative, word.n - is_negative), INT64_MAX, &v))
        return false;
    *out = is_negative ? -(int64_t)v : (int64_t)v;
    return true;
}

static enum weir_status read_f64s(struct reader *r, const char *key, struct weir_str text,
                                  struct weir_format_lightgbm_f64s *out)
{
    size_t n = count_words(text);
    struct weir_str word;
    out->at = weir_arena_array(r->arena, weir_max_size(n, 1), sizeof *out->at);
    out->n = n;
    if (!out->at)
        return no_memory(r);
    for (size_t i = 0; i < n && take_word(&text, &word); i++)
        if (!read_f64(word, &out->at[i]))
            return fails(r, key, "expected numbers");
    return WEIR_OK;
}

static enum weir_status read_i64s(struct reader *r, const char *key, struct weir_str text,
                                  struct weir_format_lightgbm_i64s *out)
{
    size_t n = count_words(text);
    struct weir_str word;
    out->at = weir_arena_array(r->arena, weir_max_size(n, 1), sizeof *out->at);
    out->n = n;
    if (!out->at)
        return no_memory(r);
    for (size_t i = 0; i < n && take_word(&text, &word); i++)
        if (!read_i64(word, &out->at[i]))
            return fails(r, key, "expected whole numbers");
    return WEIR_OK;
}

/* Reads a line by a table of fields; lines of other keys are passed over. */
static enum weir_status read_field(struct reader *r, const struct field *fields, size_t n,
                                   struct weir_str key, struct weir_str value, void *target)
{
    for (size_t i = 0; i < n; i++) {
        if (!weir_str_eq_c(key, fields[i].key))
            continue;
        void *to = (char *)target + fields[i].offset;
        switch (fields[i].kind) {
        case KIND_I64:
            return read_i64(weir_str_trim(value), to)
                       ? WEIR_OK
                       : fails(r, fields[i].key, "expected a whole number");
        case KIND_I64S:
            return read_i64s(r, fields[i].key, value, to);
        case KIND_F64S:
            return read_f64s(r, fields[i].key, value, to);
        }
    }
    return WEIR_OK;
}

/* --- header --- */

static enum weir_status read_names(struct reader *r, struct weir_str value,
                                   struct weir_format_lightgbm *out)
{
    size_t n = count_words(value);
    struct weir_str *names = weir_arena_array(r->arena, weir_max_size(n, 1), sizeof *names);
    if (!names)
        return no_memory(r);
    for (size_t i = 0; i < n; i++)
        (void)take_word(&value, &names[i]);
    out->feature_names = names;
    out->n_feature_names = n;
    return WEIR_OK;
}

static enum weir_status read_header_line(struct reader *r, struct weir_str line,
                                         struct weir_format_lightgbm *out)
{
    struct weir_str value = line;
    struct weir_str key = weir_str_split(&value, '=');
    if (weir_str_eq_c(line, "average_output")) {
        out->is_average = true;
        return WEIR_OK;
    }
    if (!value.at)
        return WEIR_OK;
    if (weir_str_eq_c(key, "version"))
        out->format = value;
    else if (weir_str_eq_c(key, "objective"))
        out->objective = value;
    else if (weir_str_eq_c(key, "feature_infos"))
        out->feature_infos = value;
    else if (weir_str_eq_c(key, "feature_names"))
        return read_names(r, value, out);
    else if (weir_str_eq_c(key, "max_feature_idx")) {
        int64_t last;
        if (!read_i64(weir_str_trim(value), &last) || last < 0 || last >= INT32_MAX)
            return fails(r, "max_feature_idx", "is out of range");
        out->n_features = last + 1;
    } else {
        return read_field(r, header_fields, WEIR_ARRAY_LEN(header_fields), key, value, out);
    }
    return WEIR_OK;
}

/* --- trees --- */

/* Reads the lines of a tree; *line: the one that ends it. */
static enum weir_status read_tree(struct reader *r, struct weir_format_lightgbm_tree *tree,
                                  struct weir_str *line)
{
    while (r->rest.at) {
        *line = take_line(r);
        if (weir_str_starts(*line, WEIR_STR("Tree=")) || weir_str_eq_c(*line, "end of trees"))
            return WEIR_OK;
        struct weir_str value = *line;
        struct weir_str key = weir_str_split(&value, '=');
        enum weir_status status =
            value.at ? read_field(r, tree_fields, WEIR_ARRAY_LEN(tree_fields), key, value, tree)
                     : WEIR_OK;
        if (status != WEIR_OK)
            return status;
    }
    return weir_error_set(r->err, WEIR_ERR_CORRUPT, "Tree=%zu: the file ends here", r->tree);
}

static enum weir_status read_trees(struct reader *r, struct weir_str line, uint64_t deadline_ns,
                                   struct weir_buf *trees)
{
    for (r->tree = 0; !weir_str_eq_c(line, "end of trees"); r->tree++) {
        struct weir_format_lightgbm_tree tree = {.n_leaves = 0};
        uint64_t number;
        if (!weir_str_to_u64(weir_str_make(line.at + 5, line.n - 5), UINT32_MAX, &number) ||
            number != r->tree)
            return fails(r, "Tree", "is not the next number");
        if (r->tree % DEADLINE_TREES == 0 && deadline_ns != 0 && weir_clock_ns() >= deadline_ns)
            return weir_error_set(r->err, WEIR_ERR_TIMEOUT, "Tree=%zu: the load takes too long",
                                  r->tree);
        enum weir_status status = read_tree(r, &tree, &line);
        if (status != WEIR_OK)
            return status;
        weir_buf_append(trees, &tree, sizeof tree);
    }
    return WEIR_OK;
}

/* Reads what follows the trees: a parameter, and the last line. */
static void read_end(struct reader *r, struct weir_format_lightgbm *out)
{
    const struct weir_str parameter = WEIR_STR("[categorical_feature: ");
    const struct weir_str dictionary = WEIR_STR("pandas_categorical:");
    while (r->rest.at) {
        struct weir_str line = take_line(r);
        if (line.n == 0)
            continue;
        out->dictionary = (struct weir_str){NULL, 0};
        if (weir_str_starts(line, parameter) && line.at[line.n - 1] == ']')
            out->categorical = weir_str_make(line.at + parameter.n, line.n - parameter.n - 1);
        else if (weir_str_starts(line, dictionary))
            out->dictionary = weir_str_make(line.at + dictionary.n, line.n - dictionary.n);
    }
}

enum weir_status weir_format_lightgbm_read(struct weir_format_lightgbm *out, struct weir_str text,
                                           struct weir_arena *arena, uint64_t deadline_ns,
                                           struct weir_error *err)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf trees = WEIR_BUF_INIT;
    struct reader r = {.rest = text, .arena = arena, .tree = SIZE_MAX, .err = err};
    struct weir_str line = take_line(&r);
    *out = (struct weir_format_lightgbm){.format = WEIR_STR("")};
    if (!weir_str_eq_c(line, "tree"))
        return weir_error_set(err, WEIR_ERR_CORRUPT, "does not begin with the line \"tree\"");
    for (;;) {
        if (!r.rest.at)
            return weir_error_set(err, WEIR_ERR_CORRUPT, "the file ends in its header");
        line = take_line(&r);
        if (weir_str_starts(line, WEIR_STR("Tree=")) || weir_str_eq_c(line, "end of trees"))
            break;
        enum weir_status status = read_header_line(&r, line, out);
        if (status != WEIR_OK)
            return status;
    }
    enum weir_status status = read_trees(&r, line, deadline_ns, &trees);
    if (status != WEIR_OK)
        return status;
    read_end(&r, out);
    out->n_trees = trees.n / sizeof *out->trees;
    out->trees = weir_arena_array(arena, weir_max_size(out->n_trees, 1), sizeof *out->trees);
    if (!out->trees || !weir_buf_ok(&trees))
        return no_memory(&r);
    if (trees.n > 0)
        memcpy(out->trees, trees.at, trees.n);
    return WEIR_OK;
}
