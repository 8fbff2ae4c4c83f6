/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "config/value_priv.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

static const struct value {
    const char *option;
    const char *text;
    bool ok;
    uint64_t value;
    const char *written; /* NULL: as text */
} values[] = {
    {"settle", "250ms", true, 250000000, NULL},
    {"settle", "1.5s", true, 1500000000, "1500ms"},
    {"settle", "90s", true, 90 * WEIR_NS_PER_S, NULL},
    {"settle", "120s", true, 120 * WEIR_NS_PER_S, "2m"},
    {"settle", "0", true, 0, "0s"},
    {"settle", "1 s", true, WEIR_NS_PER_S, "1s"},
    {"settle", "5", false, 0, NULL},
    {"settle", "-1s", false, 0, NULL},
    {"settle", "1.s", false, 0, NULL},
    {"settle", "99999999999999999999s", false, 0, NULL},
    {"settle", "0.0000000001s", false, 0, NULL},
    {"settle", "2h", false, 0, NULL},
    {"body_bytes_max", "16MiB", true, 16777216, NULL},
    {"body_bytes_max", "0.5GiB", true, 536870912, "512MiB"},
    {"body_bytes_max", "1GB", true, 1000000000, "1000000000"},
    {"body_bytes_max", "1024", true, 1024, "1KiB"},
    {"body_bytes_max", "16EiB", false, 0, NULL},
    {"body_bytes_max", "0", false, 0, NULL},
    {"max_batch_size", "1", true, 1, NULL},
    {"max_batch_size", "65536", true, 65536, NULL},
    {"max_batch_size", "0", false, 0, NULL},
    {"max_batch_size", "65537", false, 0, NULL},
    {"max_batch_size", "1e3", false, 0, NULL},
    {"max_batch_size", "", false, 0, NULL},
    {"inline", "never", true, 1, NULL},
    {"inline", "Never", false, 0, NULL},
    {"inline", "", false, 0, NULL},
    {"events", "off", true, 0, "false"},
    {"events", "YES", true, 1, "true"},
    {"events", "2", false, 0, NULL},
};

ParameterizedTestParameters(config_value, text_to_number_and_back)
{
    static size_t rows[WEIR_ARRAY_LEN(values)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(values); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(values));
}

ParameterizedTest(size_t *row, config_value, text_to_number_and_back)
{
    const struct value *v = &values[*row];
    struct weir_error err = WEIR_ERROR_INIT;
    uint64_t out = 77;
    size_t option = weir_config_value_find(weir_str_c(v->option));
    cr_assert_lt(option, (size_t)WEIR_CONFIG_OPTION_N);
    const struct weir_config_row *r = &weir_config_value_rows[option];
    enum weir_status st = weir_config_value_parse(r, weir_str_c(v->text), &out, &err);
    cr_assert_eq(st == WEIR_OK, v->ok, "%s %s: %s", v->option, v->text, err.msg);
    if (!v->ok) {
        cr_assert_eq(out, 77, "a refused value must not be written");
        cr_assert_gt(strlen(err.msg), 0);
        return;
    }
    cr_assert_eq(out, v->value);
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf b = WEIR_BUF_INIT;
    weir_config_value_write(r, out, &b);
    cr_assert_str_eq(weir_buf_c(&b), v->written ? v->written : v->text);
}

Test(config_value, what_is_written_reads_back_the_same)
{
    for (size_t i = 0; i < WEIR_CONFIG_OPTION_N; i++) {
        const struct weir_config_row *r = &weir_config_value_rows[i];
        if (r->kind == WEIR_CONFIG_TEXT || r->kind == WEIR_CONFIG_LIST)
            continue;
        const uint64_t tries[] = {r->min, r->max, r->min + (r->max - r->min) / 3};
        for (size_t j = 0; j < WEIR_ARRAY_LEN(tries); j++) {
            WEIR_CLEANUP(weir_buf_deinit) struct weir_buf b = WEIR_BUF_INIT;
            struct weir_error err = WEIR_ERROR_INIT;
            uint64_t back = 0;
            weir_config_value_write(r, tries[j], &b);
            cr_assert_eq(weir_config_value_parse(r, weir_buf_str(&b), &back, &err), WEIR_OK,
                         "%s %s: %s", r->name, weir_buf_c(&b), err.msg);
            cr_assert_eq(back, tries[j], "%s", r->name);
        }
    }
}

Test(config_value, the_table_is_in_order)
{
    for (size_t i = 0; i < WEIR_CONFIG_OPTION_N; i++) {
        const struct weir_config_row *r = &weir_config_value_rows[i];
        cr_assert_not_null(r->name);
        cr_assert_leq(r->min, r->max, "%s", r->name);
        cr_assert_eq(weir_config_value_find(weir_str_c(r->name)), i, "%s is there twice", r->name);
        cr_assert_eq(r->help[strlen(r->help) - 1], '.', "%s", r->name);
        cr_assert_eq(strpbrk(r->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ- "), NULL, "%s", r->name);
    }
}

Test(config_value, the_nearest_name_is_found)
{
    cr_assert_str_eq(weir_config_value_nearest(WEIR_STR("max_bach_size"), NULL, 0),
                     "max_batch_size");
    cr_assert_str_eq(weir_config_value_nearest(WEIR_STR("wrokers"), NULL, 0), "workers");
    cr_assert_null(weir_config_value_nearest(WEIR_STR("zzzzzzzzzzzz"), NULL, 0));
}

static const struct address {
    const char *text;
    bool ok;
} addresses[] = {
    {"127.0.0.1:8080", true},   {"0.0.0.0:0", true},
    {"[::1]:8080", true},       {"[::]:80", true},
    {"localhost:80", true},     {"unix:/run/weir.sock", true},
    {"unix:", false},           {":8080", true},
    {"127.0.0.1", false},       {"127.0.0.1:", false},
    {"127.0.0.1:65536", false}, {"::1:8080", false},
    {"[::1:8080", false},       {"example.org:80", false},
    {"256.0.0.1:80", false},
};

Test(config_value, addresses_are_checked)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(addresses); i++) {
        struct weir_error err = WEIR_ERROR_INIT;
        enum weir_status st = weir_config_value_check_text(WEIR_CONFIG_OPTION_listen,
                                                           weir_str_c(addresses[i].text), &err);
        cr_assert_eq(st == WEIR_OK, addresses[i].ok, "%s: %s", addresses[i].text, err.msg);
    }
}
