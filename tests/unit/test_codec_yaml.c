/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "codec/yaml.h"
#include "test_mem.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

static const struct weir_yaml_limits limits = WEIR_YAML_LIMITS_DEFAULT;

static enum weir_status parse(const char *text, struct weir_arena *arena, struct weir_yaml **out,
                              struct weir_error *err)
{
    return weir_codec_yaml_parse(out, arena, weir_str_c(text), &limits, err);
}

Test(codec_yaml, values_know_their_place)
{
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena arena = WEIR_ARENA_INIT;
    struct weir_yaml *root = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(parse("a: 1\nb:\n  - x\n  - 'y'\nc: ~\n", &arena, &root, &err), WEIR_OK, "%s",
                 err.msg);
    cr_assert_eq(root->kind, WEIR_YAML_MAP);
    struct weir_yaml *b = weir_codec_yaml_find(root, WEIR_STR("b"));
    cr_assert_not_null(b);
    cr_assert_eq(b->kind, WEIR_YAML_LIST);
    cr_assert_eq(b->n_children, 2);
    cr_assert_eq(b->children[1]->line, 4);
    cr_assert_eq(b->children[1]->column, 5);
    cr_assert(b->children[1]->is_quoted);
    cr_assert_not(b->children[0]->is_quoted);
    cr_assert_eq(weir_codec_yaml_find(root, WEIR_STR("c"))->kind, WEIR_YAML_NULL);
    cr_assert_null(weir_codec_yaml_find(root, WEIR_STR("d")));
    cr_assert_eq(root->n_values, 9);
}

Test(codec_yaml, a_tree_on_one_line_is_the_same_tree)
{
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena arena = WEIR_ARENA_INIT;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf text = WEIR_BUF_INIT;
    struct weir_yaml *root = NULL;
    struct weir_yaml *again = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(parse("a: x.csv\nb:\n  - 'y: {1}'\n  - - -1\nc: ~\nd: {}\n", &arena, &root, &err),
                 WEIR_OK, "%s", err.msg);
    weir_codec_yaml_append(&text, root);
    cr_assert_str_eq(weir_buf_c(&text), "{a: x.csv, b: [\"y: {1}\", [\"-1\"]], c: ~, d: {}}");
    cr_assert_eq(parse(weir_buf_c(&text), &arena, &again, &err), WEIR_OK, "%s", err.msg);
    cr_assert(weir_codec_yaml_is_same(root, again));
    cr_assert_not(weir_codec_yaml_is_same(root, again->children[3]));
    cr_assert_not(weir_codec_yaml_is_same(root, NULL));
    cr_assert(weir_codec_yaml_is_same(NULL, NULL));
}

Test(codec_yaml, an_alias_is_the_same_value)
{
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena arena = WEIR_ARENA_INIT;
    struct weir_yaml *root = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(parse("a: &x {k: 1}\nb: *x\n", &arena, &root, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(weir_codec_yaml_find(root, WEIR_STR("a")),
                 weir_codec_yaml_find(root, WEIR_STR("b")));
}

static const struct bad {
    const char *label;
    const char *text;
    enum weir_status status;
    const char *message; /* how it begins */
} bads[] = {
    {"a key twice", "a: 1\nb: 2\na: 3\n", WEIR_ERR_INVALID,
     "3:1: key \"a\" was given before, in line 1"},
    {"two documents", "a: 1\n---\nb: 2\n", WEIR_ERR_INVALID, "2:1: more than one document"},
    {"a tag", "a: !!python/object x\n", WEIR_ERR_INVALID, "1:4: tags are not supported"},
    {"a list as key", "? [a]\n: 1\n", WEIR_ERR_INVALID, "1:3: a key must be a plain text"},
    {"an alias into itself", "a: &x\n  b: *x\n", WEIR_ERR_INVALID, "2:6: alias of an unknown"},
    {"an unknown alias", "a: *x\n", WEIR_ERR_INVALID, "1:4: alias of an unknown"},
    {"an open bracket", "a: [1, 2\n", WEIR_ERR_INVALID, "2:1: "},
    {"a tab", "a:\n\tb: 1\n", WEIR_ERR_INVALID, "2:1: "},
    {"bytes that are no text", "a: \xff\n", WEIR_ERR_INVALID, "1:"},
    {"33 levels", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
     WEIR_ERR_LIMIT, "1:33: nested too deeply"},
    {"aliases that multiply",
     "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
     "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
     "e: [*d,*d]\n",
     WEIR_ERR_LIMIT, "5:5: too many values"},
};

ParameterizedTestParameters(codec_yaml, refuses_with_the_place)
{
    static size_t rows[WEIR_ARRAY_LEN(bads)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bads); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(bads));
}

ParameterizedTest(size_t *row, codec_yaml, refuses_with_the_place)
{
    const struct bad *b = &bads[*row];
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena arena = WEIR_ARENA_INIT;
    struct weir_yaml *root = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(parse(b->text, &arena, &root, &err), b->status, "%s: %s", b->label, err.msg);
    cr_assert_eq(strncmp(err.msg, b->message, strlen(b->message)), 0, "%s: %s", b->label, err.msg);
    cr_assert_null(root);
}

/* The YAML library allocates by itself; here only our own allocations are made to fail. */
Test(codec_yaml, every_failing_allocation_is_a_clean_refusal)
{
    test_mem_install();
    for (uint64_t n = 1;; n++) {
        struct weir_arena arena;
        struct weir_yaml *root = NULL;
        struct weir_error err = WEIR_ERROR_INIT;
        weir_arena_init(&arena, weir_mem_default(), 0);
        test_mem_fail_at(n, false);
        enum weir_status st = parse("a: &x [1, 2, {b: c}]\nd: *x\n", &arena, &root, &err);
        bool failed = test_mem_has_failed();
        test_mem_fail_at(0, false);
        weir_arena_deinit(&arena);
        cr_assert_eq(test_mem_n_live(), 0, "call %lu leaks", (unsigned long)n);
        cr_assert_eq(st, failed ? WEIR_ERR_NO_MEMORY : WEIR_OK, "call %lu", (unsigned long)n);
        if (!failed)
            break;
        cr_assert_lt(n, 1000);
    }
}
