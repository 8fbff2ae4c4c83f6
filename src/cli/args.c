/* SPDX-License-Identifier: MIT */
#include "cli/args.h"

#include "base/clock.h"

#include <math.h>
#include <stdlib.h>

enum { NEAREST_BYTES_MAX = 40 };

void weir_cli_args_init(struct weir_cli_args *a, const struct weir_cli_command *command, int argc,
                        char **argv)
{
    *a = (struct weir_cli_args){.command = command, .argc = argc, .argv = argv, .at = 1};
}

bool weir_cli_args_wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

/* Optimal string alignment: insert, delete, replace, swap of neighbours cost one each. */
static size_t distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
    size_t d[NEAREST_BYTES_MAX + 1][NEAREST_BYTES_MAX + 1];
    for (size_t i = 0; i <= n_a; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= n_b; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        for (size_t j = 1; j <= n_b; j++) {
            size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
            size_t least = weir_min_size(d[i - 1][j] + 1, d[i][j - 1] + 1);
            least = weir_min_size(least, d[i - 1][j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                least = weir_min_size(least, d[i - 2][j - 2] + 1);
            d[i][j] = least;
        }
    }
    return d[n_a][n_b];
}

const char *weir_cli_args_nearest(const char *typed, const char *const *texts, size_t n)
{
    size_t n_typed = strlen(typed);
    if (n_typed < 2 || n_typed > NEAREST_BYTES_MAX)
        return NULL;
    const char *best = NULL;
    size_t best_distance = weir_max_size(n_typed / 3, 1) + 1;
    for (size_t i = 0; i < n; i++) {
        size_t n_text = strlen(texts[i]);
        if (n_text > NEAREST_BYTES_MAX)
            continue;
        size_t at = distance(typed, n_typed, texts[i], n_text);
        if (at < best_distance) {
            best = texts[i];
            best_distance = at;
        }
    }
    return best;
}

static enum weir_cli_arg unknown(struct weir_cli_args *a, struct weir_str name)
{
    const char *names[64];
    size_t n = 0;
    for (size_t i = 0; i < a->command->n_options && n < WEIR_ARRAY_LEN(names) - 1; i++)
        names[n++] = a->command->options[i].name;
    names[n++] = "help";
    char typed[NEAREST_BYTES_MAX + 1] = {0};
    memcpy(typed, name.at, weir_min_size(name.n, NEAREST_BYTES_MAX));
    const char *near = name.n <= NEAREST_BYTES_MAX ? weir_cli_args_nearest(typed, names, n) : NULL;
    char echo[WEIR_ECHO_BUF_BYTES];
    weir_str_echo(name, echo, sizeof echo);
    if (near)
        (void)weir_error_set(&a->err, WEIR_ERR_INVALID,
                             "unknown option \"--%s\"; did you mean \"--%s\"?", echo, near);
    else
        (void)weir_error_set(&a->err, WEIR_ERR_INVALID, "unknown option \"--%s\"", echo);
    return WEIR_CLI_ARG_BAD;
}

/* The value of option i: given with it (at most one of "=value" and "-ovalue"), or the next
 * argument. */
static enum weir_cli_arg give(struct weir_cli_args *a, size_t i, const char *attached,
                              size_t *index)
{
    const struct weir_cli_option *o = &a->command->options[i];
    if (!o->value && attached) {
        (void)weir_error_set(&a->err, WEIR_ERR_INVALID, "option \"--%s\" takes no value", o->name);
        return WEIR_CLI_ARG_BAD;
    }
    if (o->value && !attached) {
        if (a->at >= a->argc) {
            (void)weir_error_set(&a->err, WEIR_ERR_INVALID,
                                 "option \"--%s\" needs a value: --%s %s", o->name, o->name,
                                 o->value);
            return WEIR_CLI_ARG_BAD;
        }
        attached = a->argv[a->at++];
    }
    a->value = attached;
    *index = i;
    return WEIR_CLI_ARG_OPTION;
}

static enum weir_cli_arg next_long(struct weir_cli_args *a, const char *arg, size_t *index)
{
    const char *equals = strchr(arg, '=');
    struct weir_str name = weir_str_make(arg, equals ? (size_t)(equals - arg) : strlen(arg));
    for (size_t i = 0; i < a->command->n_options; i++) {
        if (weir_str_eq_c(name, a->command->options[i].name))
            return give(a, i, equals ? equals + 1 : NULL, index);
    }
    return unknown(a, name);
}

static enum weir_cli_arg next_letter(struct weir_cli_args *a, const char *arg, size_t *index)
{
    for (size_t i = 0; i < a->command->n_options; i++) {
        if (a->command->options[i].letter == arg[0])
            return give(a, i, arg[1] ? arg + 1 : NULL, index);
    }
    char echo[WEIR_ECHO_BUF_BYTES];
    weir_str_echo(weir_str_c(arg), echo, sizeof echo);
    (void)weir_error_set(&a->err, WEIR_ERR_INVALID, "unknown option \"-%s\"", echo);
    return WEIR_CLI_ARG_BAD;
}

enum weir_cli_arg weir_cli_args_next(struct weir_cli_args *a, size_t *index)
{
    weir_assert(a->command);
    a->value = NULL;
    if (a->at < a->argc && !a->is_operands_only && strcmp(a->argv[a->at], "--") == 0) {
        a->is_operands_only = true;
        a->at++;
    }
    if (a->at >= a->argc)
        return WEIR_CLI_ARG_END;
    const char *arg = a->argv[a->at++];
    if (a->is_operands_only || arg[0] != '-' || arg[1] == '\0') {
        a->value = arg;
        return WEIR_CLI_ARG_OPERAND;
    }
    return arg[1] == '-' ? next_long(a, arg + 2, index) : next_letter(a, arg + 1, index);
}

const char *weir_cli_args_more(struct weir_cli_args *a)
{
    return a->at < a->argc ? a->argv[a->at++] : NULL;
}

int weir_cli_args_take(const struct weir_cli_command *command, int argc, char **argv,
                       const struct weir_cli_args_taker *taker, void *ctx)
{
    struct weir_cli_args args;
    struct weir_error err = WEIR_ERROR_INIT;
    size_t index;
    weir_cli_args_init(&args, command, argc, argv);
    for (;;) {
        enum weir_status status = WEIR_OK;
        switch (weir_cli_args_next(&args, &index)) {
        case WEIR_CLI_ARG_END:
            return WEIR_CLI_EXIT_OK;
        case WEIR_CLI_ARG_BAD:
            return weir_cli_usage(command, "%s", args.err.msg);
        case WEIR_CLI_ARG_OPTION:
            status = taker->option(ctx, &args, index, &err);
            break;
        case WEIR_CLI_ARG_OPERAND:
            status = taker->operand(ctx, args.value, &err);
            break;
        }
        if (status != WEIR_OK)
            return weir_cli_usage(command, "%s", err.msg);
    }
}

enum weir_status weir_cli_args_word(const char *name, const char *text, const char *no,
                                    const char *yes, bool *out, struct weir_error *err)
{
    bool is_yes = strcmp(text, yes) == 0;
    if (!is_yes && strcmp(text, no) != 0)
        return weir_error_set(err, WEIR_ERR_INVALID, "--%s: expected %s or %s", name, no, yes);
    *out = is_yes;
    return WEIR_OK;
}

enum weir_status weir_cli_args_u64(const char *name, const char *text, uint64_t min, uint64_t max,
                                   uint64_t *out, struct weir_error *err)
{
    uint64_t v;
    if (!weir_str_to_u64(weir_str_c(text), max, &v) || v < min) {
        char echo[WEIR_ECHO_BUF_BYTES];
        weir_str_echo(weir_str_c(text), echo, sizeof echo);
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "--%s: expected a whole number from %llu to %llu, got \"%s\"", name,
                              (unsigned long long)min, (unsigned long long)max, echo);
    }
    *out = v;
    return WEIR_OK;
}

/* Reads digits, a point and an exponent only: no sign, space, hexadecimal, "inf" or "nan". */
static bool parse_positive(const char *text, double *out, const char **end)
{
    if (text[0] < '0' || text[0] > '9' || (text[0] == '0' && (text[1] | 0x20) == 'x'))
        return false;
    char *stop;
    double v = strtod(text, &stop);
    if (!isfinite(v) || v <= 0)
        return false;
    *out = v;
    *end = stop;
    return true;
}

enum weir_status weir_cli_args_positive(const char *name, const char *text, double *out,
                                        struct weir_error *err)
{
    double v;
    const char *end;
    if (!parse_positive(text, &v, &end) || *end) {
        char echo[WEIR_ECHO_BUF_BYTES];
        weir_str_echo(weir_str_c(text), echo, sizeof echo);
        return weir_error_set(err, WEIR_ERR_INVALID, "--%s: expected a positive number, got \"%s\"",
                              name, echo);
    }
    *out = v;
    return WEIR_OK;
}

enum weir_status weir_cli_args_duration(const char *name, const char *text, uint64_t *out_ns,
                                        struct weir_error *err)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
    double v;
    const char *end;
    if (parse_positive(text, &v, &end)) {
        for (size_t i = 0; i < WEIR_ARRAY_LEN(units); i++) {
            double ns = v * units[i].ns;
            if (strcmp(end, units[i].unit) == 0 && ns >= 1 && ns < 1e18) {
                *out_ns = (uint64_t)ns;
                return WEIR_OK;
            }
        }
    }
    char echo[WEIR_ECHO_BUF_BYTES];
    weir_str_echo(weir_str_c(text), echo, sizeof echo);
    return weir_error_set(err, WEIR_ERR_INVALID,
                          "--%s: expected a duration such as 10s, 300ms or 2m, got \"%s\"", name,
                          echo);
}
