/* SPDX-License-Identifier: MIT */
/* Which models may take another's place: specs that differ in one thing. */
#include "base/macros.h"
#include "gate/signature.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <string.h>

static const struct weir_str names[] = {{"a", 1}, {"b", 1}};
static const struct weir_str swapped[] = {{"b", 1}, {"a", 1}};
static const struct weir_str json[] = {{"0", 1}, {"1", 1}};
static const struct weir_str other_json[] = {{"1", 1}, {"2", 1}};
static const struct weir_labels classes = {.dtype = WEIR_I64, .n = 2, .json = json};
static const struct weir_labels other_classes = {.dtype = WEIR_I64, .n = 2, .json = other_json};
static const struct weir_labels one_class = {.dtype = WEIR_I64, .n = 1, .json = json};
static const struct weir_labels number = {.n = 0};
static const uint8_t texts[] = {WEIR_COLUMN_TEXT, WEIR_COLUMN_NUMBER};
static const uint8_t mixed[] = {WEIR_COLUMN_MIXED, WEIR_COLUMN_MIXED};
static const uint8_t numbers[] = {WEIR_COLUMN_NUMBER, WEIR_COLUMN_NUMBER};

/* A classifier of two named numbers. */
static struct weir_spec plain(void)
{
    struct weir_spec s = {.form = WEIR_INPUT_MATRIX,
                          .n_features = 2,
                          .feature_names = names,
                          .n_targets = 1,
                          .targets = &classes};
    s.outputs[WEIR_OUTPUT_PREDICT] = (struct weir_spec_output){.is_given = true, .n_columns = 1};
    s.outputs[WEIR_OUTPUT_PREDICT_PROBA] =
        (struct weir_spec_output){.is_given = true, .n_columns = 2};
    return s;
}

static void same(struct weir_spec *candidate, struct weir_spec *live)
{
    (void)candidate;
    (void)live;
}

static void live_without_names(struct weir_spec *candidate, struct weir_spec *live)
{
    (void)candidate;
    live->feature_names = NULL;
}

static void more_outputs(struct weir_spec *candidate, struct weir_spec *live)
{
    (void)live;
    candidate->outputs[WEIR_OUTPUT_LEAF] =
        (struct weir_spec_output){.is_given = true, .n_columns = 9};
}

static void other_leaves(struct weir_spec *candidate, struct weir_spec *live)
{
    more_outputs(candidate, live);
    more_outputs(live, candidate);
    candidate->outputs[WEIR_OUTPUT_LEAF].n_columns = 3;
}

static void takes_anything(struct weir_spec *candidate, struct weir_spec *live)
{
    candidate->form = live->form = WEIR_INPUT_FRAME;
    candidate->columns = mixed;
    live->columns = texts;
}

static void fewer_features(struct weir_spec *candidate, struct weir_spec *live)
{
    (void)live;
    candidate->n_features = 1;
}

static void other_order(struct weir_spec *candidate, struct weir_spec *live)
{
    (void)live;
    candidate->feature_names = swapped;
}

static void lost_names(struct weir_spec *candidate, struct weir_spec *live)
{
    (void)live;
    candidate->feature_names = NULL;
}

static void other_columns(struct weir_spec *candidate, struct weir_spec *live)
{
    candidate->form = live->form = WEIR_INPUT_FRAME;
    candidate->columns = numbers;
    live->columns = texts;
}

static void a_number(struct weir_spec *candidate, struct weir_spec *live)
{
    (void)live;
    candidate->targets = &number;
}

static void fewer_classes(struct weir_spec *candidate, struct weir_spec *live)
{
    (void)live;
    candidate->targets = &one_class;
}

static void renamed_classes(struct weir_spec *candidate, struct weir_spec *live)
{
    (void)live;
    candidate->targets = &other_classes;
}

static void two_targets(struct weir_spec *candidate, struct weir_spec *live)
{
    (void)live;
    candidate->n_targets = 2;
}

static void no_proba(struct weir_spec *candidate, struct weir_spec *live)
{
    (void)live;
    candidate->outputs[WEIR_OUTPUT_PREDICT_PROBA].is_given = false;
}

static void no_margin(struct weir_spec *candidate, struct weir_spec *live)
{
    (void)candidate;
    live->outputs[WEIR_OUTPUT_DECISION_FUNCTION] =
        (struct weir_spec_output){.is_given = true, .n_columns = 1};
}

static void narrow_proba(struct weir_spec *candidate, struct weir_spec *live)
{
    (void)live;
    candidate->outputs[WEIR_OUTPUT_PREDICT_PROBA].n_columns = 1;
}

static void tensors(struct weir_spec *candidate, struct weir_spec *live)
{
    (void)live;
    candidate->form = WEIR_INPUT_TENSORS;
}

static const struct difference {
    const char *label;
    void (*change)(struct weir_spec *candidate, struct weir_spec *live);
    const char *message; /* NULL: fine */
} differences[] = {
    {"none", same, NULL},
    {"names where there were none", live_without_names, NULL},
    {"more outputs", more_outputs, NULL},
    {"other leaves", other_leaves, NULL},
    {"columns that take more", takes_anything, NULL},
    {"fewer features", fewer_features, "it takes 1 features, the live version 2"},
    {"another order", other_order, "feature 1 is \"b\", that of the live version \"a\""},
    {"no names", lost_names, "its features have no names, those of the live version have"},
    {"other columns", other_columns,
     "column 1 holds only numbers, that of the live version does "
     "not"},
    {"a number", a_number, "it predicts numbers, the live version classes"},
    {"fewer classes", fewer_classes, "it knows 1 classes, the live version 2"},
    {"renamed classes", renamed_classes, "class 1 is 1, that of the live version 0"},
    {"two targets", two_targets, "it predicts 2 targets, the live version 1"},
    {"no margin", no_margin, "it has no decision_function, the live version has"},
    {"no probabilities", no_proba, "it has no predict_proba, the live version has"},
    {"other probabilities", narrow_proba,
     "predict_proba has 1 columns, that of the live version 2"},
    {"tensors", tensors, "it takes tensors, the live version rows"},
};

ParameterizedTestParameters(signature, differences_are_told)
{
    static size_t rows[WEIR_ARRAY_LEN(differences)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, signature, differences_are_told)
{
    const struct difference *d = &differences[*row];
    struct weir_spec candidate = plain();
    struct weir_spec live = plain();
    struct weir_error err = WEIR_ERROR_INIT;
    d->change(&candidate, &live);
    enum weir_status status = weir_gate_signature_check(&candidate, &live, WEIR_GATE_SAME, &err);
    cr_assert_eq(status, d->message ? WEIR_ERR_INVALID : WEIR_OK, "%s: %s", d->label, err.msg);
    cr_assert(!d->message || strcmp(err.msg, d->message) == 0, "%s: %s", d->label, err.msg);
}

Test(signature, other_kinds_of_estimators_are_compatible)
{
    struct weir_spec candidate = plain();
    struct weir_spec live = plain();
    struct weir_error err = WEIR_ERROR_INIT;
    no_margin(&candidate, &live);
    cr_assert_eq(weir_gate_signature_check(&candidate, &live, WEIR_GATE_COMPATIBLE, &err), WEIR_OK,
                 "%s", err.msg);
    no_proba(&candidate, &live);
    cr_assert_eq(weir_gate_signature_check(&candidate, &live, WEIR_GATE_COMPATIBLE, &err),
                 WEIR_ERR_INVALID);
    cr_assert_str_eq(err.msg, "it has no predict_proba, the live version has");
    live.outputs[WEIR_OUTPUT_PREDICT].is_given = false;
    live.outputs[WEIR_OUTPUT_PREDICT_PROBA].is_given = false;
    cr_assert_eq(weir_gate_signature_check(&candidate, &live, WEIR_GATE_COMPATIBLE, &err),
                 WEIR_ERR_INVALID, "what only scores must go on scoring");
}

static const struct weir_tensor_info x = {"x", WEIR_F32, 2, {-1, 3}, {NULL}};
static const struct weir_tensor_info x_any = {"x", WEIR_F32, -1, {0}, {NULL}};
static const struct weir_tensor_info x_wide = {"x", WEIR_F32, 2, {-1, 4}, {NULL}};
static const struct weir_tensor_info x_f64 = {"x", WEIR_F64, 2, {-1, 3}, {NULL}};
static const struct weir_tensor_info z = {"z", WEIR_F32, 2, {-1, 3}, {NULL}};

Test(signature, tensors_are_found_by_name_type_and_shape)
{
    static const struct {
        const struct weir_tensor_info *input;
        const char *message;
    } cases[] = {{&x, NULL},
                 {&x_any, NULL},
                 {&x_wide, "input \"x\" has another type or shape than in the live version"},
                 {&x_f64, "input \"x\" has another type or shape than in the live version"},
                 {&z, "it has no input \"x\", the live version has"}};
    const struct weir_tensors_spec live_tensors = {
        .n_inputs = 1, .inputs = &x, .n_outputs = 1, .outputs = &z};
    struct weir_spec live = {.form = WEIR_INPUT_TENSORS, .tensors = &live_tensors};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct weir_error err = WEIR_ERROR_INIT;
        const struct weir_tensors_spec own = {
            .n_inputs = 1, .inputs = cases[i].input, .n_outputs = 1, .outputs = &z};
        struct weir_spec candidate = {.form = WEIR_INPUT_TENSORS, .tensors = &own};
        enum weir_status status =
            weir_gate_signature_check(&candidate, &live, WEIR_GATE_SAME, &err);
        cr_assert_eq(status, cases[i].message ? WEIR_ERR_INVALID : WEIR_OK, "%s", err.msg);
        cr_assert(!cases[i].message || strcmp(err.msg, cases[i].message) == 0, "%s", err.msg);
    }
}
