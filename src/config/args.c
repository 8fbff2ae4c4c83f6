/* SPDX-License-Identifier: MIT */
/* The environment and the command line. An unknown flag is an error; an unknown WEIR_ variable only
 * a warning, since other programs set variables too. Container platforms set WEIR_PORT and
 * WEIR_SERVICE_… for a service called weir: those are passed over in silence. */
#include "base/macros.h"
#include "config/read_priv.h"

#include <stdio.h>

static const struct weir_str flag_prefix = {"--", 2};
static const char *const flag_words[] = {"config", "model_options"};

/* Sets an option from a text in which a LIST has its items between commas. */
static enum weir_status set_listed(struct weir_config *config, enum weir_config_option option,
                                   struct weir_str text, struct weir_error *err)
{
    if (weir_config_value_rows[option].kind != WEIR_CONFIG_LIST)
        return weir_config_read_set(config, option, text, WEIR_CONFIG_FROM_ENVIRONMENT, err);
    weir_config_read_clear(config, option, WEIR_CONFIG_FROM_ENVIRONMENT);
    struct weir_str rest = text;
    while (rest.at && rest.n > 0) {
        struct weir_str item = weir_str_trim(weir_str_split(&rest, ','));
        enum weir_status st =
            weir_config_read_set(config, option, item, WEIR_CONFIG_FROM_ENVIRONMENT, err);
        if (st != WEIR_OK)
            return st;
    }
    return WEIR_OK;
}

/* Lowers NAME of WEIR_NAME into out; false: too long to be an option. */
static bool lower_name(struct weir_str name, char *out, size_t cap)
{
    if (name.n >= cap)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.at[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        if (c >= 'a' && c <= 'z')
            return false;
    }
    out[name.n] = '\0';
    return true;
}

static bool is_foreign(struct weir_str name)
{
    return weir_str_eq_c(name, "CONFIG") || weir_str_starts(name, WEIR_STR("SERVICE_")) ||
           weir_str_eq_c(name, "PORT") || weir_str_starts(name, WEIR_STR("PORT_")) ||
           weir_str_starts(name, WEIR_STR("TEST_"));
}

static enum weir_status warn_unknown(struct weir_config *config, struct weir_str name,
                                     const char *nearest, struct weir_error *err)
{
    char text[320];
    char echo[WEIR_ECHO_BUF_BYTES];
    (void)weir_str_echo(name, echo, sizeof echo); /* Always gives a text. */
    int n = nearest ? snprintf(text, sizeof text,
                               "environment variable WEIR_%s is not an option; the nearest is %s",
                               echo, nearest)
                    : snprintf(text, sizeof text, "environment variable WEIR_%s is not an option",
                               echo);
    size_t length = n < 0 ? 0 : weir_min_size((size_t)n, sizeof text - 1);
    if (weir_config_read_warn(config, weir_str_make(text, length)) != WEIR_OK)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    return WEIR_OK;
}

static enum weir_status read_variable(struct weir_config *config, struct weir_str name,
                                      struct weir_str value, struct weir_error *err)
{
    char lower[64];
    if (weir_str_eq_c(name, "MODEL_OPTIONS"))
        return weir_config_file_read_models(config, WEIR_STR("WEIR_MODEL_OPTIONS"), value, err);
    if (is_foreign(name))
        return WEIR_OK;
    size_t option = WEIR_CONFIG_OPTION_N;
    if (lower_name(name, lower, sizeof lower))
        option = weir_config_value_find(weir_str_c(lower));
    if (option == WEIR_CONFIG_OPTION_N)
        return warn_unknown(config, name, weir_config_value_nearest(name, NULL, 0), err);
    enum weir_status st = set_listed(config, (enum weir_config_option)option, value, err);
    if (st != WEIR_OK)
        (void)weir_error_prefix(err, "WEIR_%.*s", WEIR_STR_ARG(name)); /* A known option's name. */
    return st;
}

enum weir_status weir_config_args_read_env(struct weir_config *config, char *const *env,
                                           struct weir_error *err)
{
    for (size_t i = 0; env && env[i]; i++) {
        struct weir_str value = weir_str_c(env[i]);
        if (!weir_str_starts(value, WEIR_STR("WEIR_")))
            continue;
        struct weir_str name = weir_str_split(&value, '=');
        if (!value.at)
            continue;
        enum weir_status st =
            read_variable(config, weir_str_make(name.at + 5, name.n - 5), value, err);
        if (st != WEIR_OK)
            return st;
    }
    return WEIR_OK;
}

/* One argument taken apart. */
struct flag {
    struct weir_str name;  /* without dashes */
    struct weir_str value; /* at NULL: none was given with = */
    bool is_flag;
};

static struct flag take_apart(const char *arg)
{
    struct weir_str all = weir_str_c(arg);
    if (all.n < 2 || all.at[0] != '-')
        return (struct flag){.value = all};
    size_t dashes = weir_str_starts(all, flag_prefix) ? 2 : 1;
    struct flag f = {.is_flag = true};
    f.value = weir_str_make(all.at + dashes, all.n - dashes);
    f.name = weir_str_split(&f.value, '=');
    return f;
}

static enum weir_status fail_unknown(const char *arg, struct weir_str name, struct weir_error *err)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    char dashed[64];
    const char *nearest = weir_config_value_nearest(name, flag_words, WEIR_ARRAY_LEN(flag_words));
    (void)weir_str_echo(weir_str_c(arg), echo, sizeof echo); /* Always gives a text. */
    if (!nearest)
        return weir_error_set(err, WEIR_ERR_INVALID, "unknown flag \"%s\"", echo);
    size_t n = weir_min_size(strlen(nearest), sizeof dashed - 1);
    for (size_t i = 0; i < n; i++)
        dashed[i] = nearest[i] == '_' ? '-' : nearest[i];
    dashed[n] = '\0';
    return weir_error_set(err, WEIR_ERR_INVALID, "unknown flag \"%s\"; did you mean \"--%s\"?",
                          echo, dashed);
}

/* Finds the option of a flag; for --no-x of a BOOL also turns *negated on. */
static size_t find_flag(struct weir_str name, bool *negated)
{
    size_t option = weir_config_value_find(name);
    *negated = false;
    if (option != WEIR_CONFIG_OPTION_N || !weir_str_starts(name, WEIR_STR("no-")))
        return option;
    option = weir_config_value_find(weir_str_make(name.at + 3, name.n - 3));
    if (option != WEIR_CONFIG_OPTION_N && weir_config_value_rows[option].kind != WEIR_CONFIG_BOOL)
        return WEIR_CONFIG_OPTION_N;
    *negated = true;
    return option;
}

static enum weir_status set_flag(struct weir_config *config, size_t option, struct weir_str value,
                                 const char *arg, struct weir_error *err)
{
    enum weir_status st = weir_config_read_set(config, (enum weir_config_option)option, value,
                                               WEIR_CONFIG_FROM_FLAG, err);
    /* weir_config_read_set names the option; a flag shows how it was spelt. */
    if (st != WEIR_OK)
        (void)weir_error_prefix(err, "flag %.*s", (int)strcspn(arg, "="), arg);
    return st;
}

/* Reads the flag at args[*i]; leaves *i at the last argument that belongs to it. */
static enum weir_status read_flag(struct weir_config *config, char *const *args, size_t n_args,
                                  size_t *i, struct weir_error *err)
{
    const char *arg = args[*i];
    struct flag f = take_apart(arg);
    bool negated;
    size_t option = find_flag(f.name, &negated);
    bool is_models = weir_str_eq_c(f.name, "model-options");
    bool is_config = weir_str_eq_c(f.name, "config");
    if (!weir_str_starts(weir_str_c(arg), flag_prefix) ||
        (option == WEIR_CONFIG_OPTION_N && !is_models && !is_config))
        return fail_unknown(arg, f.name, err);
    bool is_bool =
        option != WEIR_CONFIG_OPTION_N && weir_config_value_rows[option].kind == WEIR_CONFIG_BOOL;
    if (is_bool && negated && f.value.at)
        return weir_error_set(err, WEIR_ERR_INVALID, "flag %s: takes no value",
                              "--no-…"); /* The rest of arg may be anything. */
    if (is_bool && !f.value.at)
        f.value = negated ? WEIR_STR("false") : WEIR_STR("true");
    if (!f.value.at) {
        if (*i + 1 >= n_args)
            return weir_error_set(err, WEIR_ERR_INVALID, "flag %s: needs a value", arg);
        f.value = weir_str_c(args[++*i]);
    }
    if (is_config)
        return WEIR_OK;
    if (is_models)
        return weir_config_file_read_models(config, WEIR_STR("--model-options"), f.value, err);
    return set_flag(config, option, f.value, arg, err);
}

enum weir_status weir_config_args_read_flags(struct weir_config *config, char *const *args,
                                             size_t n_args, struct weir_error *err)
{
    bool only_paths = false;
    for (size_t i = 0; i < n_args; i++) {
        enum weir_status st;
        if (!only_paths && strcmp(args[i], "--") == 0) {
            only_paths = true;
            continue;
        }
        if (!only_paths && take_apart(args[i]).is_flag)
            st = read_flag(config, args, n_args, &i, err);
        else
            st = weir_config_read_set(config, WEIR_CONFIG_OPTION_models, weir_str_c(args[i]),
                                      WEIR_CONFIG_FROM_FLAG, err);
        if (st != WEIR_OK)
            return st;
    }
    return WEIR_OK;
}

enum weir_status weir_config_args_find_file(const struct weir_config_sources *sources,
                                            const char **out, struct weir_error *err)
{
    const char *found = sources->file;
    for (size_t i = 0; !found && sources->env && sources->env[i]; i++) {
        if (strncmp(sources->env[i], "WEIR_CONFIG=", 12) == 0 && sources->env[i][12])
            found = sources->env[i] + 12;
    }
    for (size_t i = 0; i < sources->n_args; i++) {
        const char *arg = sources->args[i];
        bool negated;
        if (strcmp(arg, "--") == 0)
            break;
        struct flag f = take_apart(arg);
        if (!f.is_flag)
            continue;
        if (weir_str_eq_c(f.name, "config")) {
            if (!f.value.at && i + 1 >= sources->n_args)
                return weir_error_set(err, WEIR_ERR_INVALID, "flag %s: needs a value", arg);
            found = f.value.at ? f.value.at : sources->args[++i];
            continue;
        }
        /* The value of another flag is not looked at. */
        size_t option = find_flag(f.name, &negated);
        bool is_bool = option != WEIR_CONFIG_OPTION_N &&
                       weir_config_value_rows[option].kind == WEIR_CONFIG_BOOL;
        if (!f.value.at && !is_bool)
            i++;
    }
    *out = found;
    return WEIR_OK;
}
