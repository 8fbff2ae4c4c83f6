/* SPDX-License-Identifier: MIT */
#include "cli/args.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

static const struct weir_cli_option options[] = {
    {"output", 'o', "FILE", "where to"},
    {"json", 0, NULL, "as JSON"},
    {"connections", 'c', "N", "how many"},
};

static const struct weir_cli_command command = {
    .name = "test", .options = options, .n_options = WEIR_ARRAY_LEN(options)};

enum { STEPS_MAX = 6 };

/* A command line and what it is walked as: "index=value" for options, "value" for operands. */
struct row {
    const char *label;
    const char *argv[8];
    const char *steps[STEPS_MAX];
    const char *error; /* NULL: it is fine */
};

static const struct row rows[] = {
    {"nothing", {"test"}, {NULL}, NULL},
    {"separate_value", {"test", "--output", "x"}, {"0=x"}, NULL},
    {"joined_value", {"test", "--output=x=y"}, {"0=x=y"}, NULL},
    {"empty_joined_value", {"test", "--output="}, {"0="}, NULL},
    {"letter", {"test", "-o", "x"}, {"0=x"}, NULL},
    {"letter_joined", {"test", "-ox"}, {"0=x"}, NULL},
    {"switch", {"test", "--json"}, {"1="}, NULL},
    {"operands_between", {"test", "a", "--json", "b"}, {"a", "1=", "b"}, NULL},
    {"dash_is_an_operand", {"test", "-", "-o", "-"}, {"-", "0=-"}, NULL},
    {"after_two_dashes", {"test", "--", "--json", "--"}, {"--json", "--"}, NULL},
    {"value_that_begins_with_a_dash", {"test", "-o", "--json"}, {"0=--json"}, NULL},
    {"no_value",
     {"test", "a", "--output"},
     {"a"},
     "option \"--output\" needs a value: --output FILE"},
    {"value_for_a_switch", {"test", "--json=1"}, {NULL}, "option \"--json\" takes no value"},
    {"unknown", {"test", "--zebra"}, {NULL}, "unknown option \"--zebra\""},
    {"near",
     {"test", "--conections=3"},
     {NULL},
     "unknown option \"--conections\"; did you mean \"--connections\"?"},
    {"swapped_letters",
     {"test", "--josn"},
     {NULL},
     "unknown option \"--josn\"; did you mean \"--json\"?"},
    {"no_abbreviation", {"test", "--out", "x"}, {NULL}, "unknown option \"--out\""},
    {"unknown_letter", {"test", "-x"}, {NULL}, "unknown option \"-x\""},
};

ParameterizedTestParameters(cli_args, walks)
{
    static size_t index[WEIR_ARRAY_LEN(rows)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *index, cli_args, walks)
{
    const struct row *row = &rows[*index];
    char copies[8][64] = {{0}};
    char *argv[8];
    int argc = 0;
    for (; argc < 8 && row->argv[argc]; argc++) {
        (void)snprintf(copies[argc], sizeof copies[argc], "%s", row->argv[argc]);
        argv[argc] = copies[argc];
    }
    struct weir_cli_args a;
    weir_cli_args_init(&a, &command, argc, argv);
    for (size_t i = 0;; i++) {
        char got[80];
        size_t option = 99;
        enum weir_cli_arg kind = weir_cli_args_next(&a, &option);
        if (kind == WEIR_CLI_ARG_END || kind == WEIR_CLI_ARG_BAD) {
            cr_assert_eq(kind == WEIR_CLI_ARG_BAD, row->error != NULL, "%s", row->label);
            cr_assert(i == STEPS_MAX || !row->steps[i], "%s: ended early", row->label);
            break;
        }
        if (kind == WEIR_CLI_ARG_OPTION)
            (void)snprintf(got, sizeof got, "%zu=%s", option, a.value ? a.value : "");
        else
            (void)snprintf(got, sizeof got, "%s", a.value);
        cr_assert(i < STEPS_MAX && row->steps[i], "%s: more than expected: %s", row->label, got);
        cr_assert_str_eq(got, row->steps[i], "%s", row->label);
    }
    if (row->error)
        cr_assert_str_eq(a.err.msg, row->error, "%s", row->label);
}

Test(cli_args, help_is_found_before_two_dashes_only)
{
    char *with[] = {(char[]){"test"}, (char[]){"x"}, (char[]){"-h"}};
    char *without[] = {(char[]){"test"}, (char[]){"--"}, (char[]){"--help"}};
    cr_assert(weir_cli_args_wants_help(3, with));
    cr_assert_not(weir_cli_args_wants_help(3, without));
}

struct duration_row {
    const char *text;
    uint64_t ns; /* 0: refused */
};

static const struct duration_row durations[] = {
    {"10s", 10000000000u},
    {"300ms", 300000000},
    {"1.5s", 1500000000},
    {"250us", 250000},
    {"7ns", 7},
    {"2m", 120000000000},
    {"1h", 3600000000000},
    {"", 0},
    {"10", 0},
    {"-1s", 0},
    {"s", 0},
    {"1 s", 0},
    {"0s", 0},
    {"1e99s", 0},
    {"0x1s", 0},
    {"infs", 0},
    {"nans", 0},
    {"1sx", 0},
};

Test(cli_args, durations_have_units)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(durations); i++) {
        uint64_t ns = 0;
        struct weir_error err = WEIR_ERROR_INIT;
        enum weir_status status = weir_cli_args_duration("every", durations[i].text, &ns, &err);
        cr_assert_eq(status == WEIR_OK, durations[i].ns != 0, "%s", durations[i].text);
        cr_assert_eq(ns, durations[i].ns, "%s", durations[i].text);
        if (status != WEIR_OK)
            cr_assert(strncmp(err.msg, "--every: expected a duration", 28) == 0, "%s", err.msg);
    }
}

Test(cli_args, numbers_keep_their_bounds)
{
    uint64_t v = 77;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_cli_args_u64("n", "8", 1, 8, &v, &err), WEIR_OK);
    cr_assert_eq(v, 8);
    const char *const bad[] = {"0", "9", "-1", "1.0", "", " 1", "99999999999999999999999"};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        cr_assert_eq(weir_cli_args_u64("n", bad[i], 1, 8, &v, &err), WEIR_ERR_INVALID, "%s",
                     bad[i]);
    cr_assert_eq(v, 8);
    cr_assert_str_eq(err.msg, "--n: expected a whole number from 1 to 8, got "
                              "\"99999999999999999999999\"");
}
