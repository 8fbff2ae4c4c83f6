/* SPDX-License-Identifier: MIT */
/* Labels as they are sent. */
#include "base/macros.h"
#include "live/labels.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static const struct weir_live_secret secret = {{1, 2}};

static void tear_down(void)
{
    cr_assert_eq(test_mem_n_live(), 0);
}

TestSuite(live_labels, .fini = tear_down);

static const struct {
    const char *label;
    const char *body;
    size_t n, n_invalid;
    const char *code; /* of the first that is none */
    uint32_t row;
} good[] = {
    {"an object with a list",
     "{\"labels\":[{\"id\":\"a\",\"label\":1},{\"id\":\"b#2\",\"label\":\"x\"}]}", 2, 0, NULL, 0},
    {"a list", " [{\"label\":true,\"id\":\"a\",\"observed_at\":\"2026-01-05T10:00:00Z\"}] ", 1, 0,
     NULL, 0},
    {"one", "{\"id\":\"a\",\"label\":1.5}", 1, 0, NULL, 0},
    {"lines",
     "{\"id\":\"a\",\"label\":1}\n{\"id\":\"b\",\"label\":0}\r\n\n{\"id\":\"c\",\"label\":0}", 3, 0,
     NULL, 0},
    {"a line that is none", "{\"id\":\"a\",\"label\":1}\n{\"id\":\n{\"id\":\"c\",\"label\":0}\n", 2,
     1, "not_json", 1},
    {"an empty list", "{\"labels\":[]}", 0, 0, NULL, 0},
    {"no id", "[{\"label\":1},{\"id\":\"a\",\"label\":1}]", 1, 1, "no_id", 0},
    {"an id that is no text", "[{\"id\":7,\"label\":1}]", 0, 1, "no_id", 0},
    {"an empty id", "[{\"id\":\"\",\"label\":1}]", 0, 1, "bad_id", 0},
    {"no label", "[{\"id\":\"a\"}]", 0, 1, "no_label", 0},
    {"null", "[{\"id\":\"a\",\"label\":null}]", 0, 1, "bad_label", 0},
    {"a list as label", "[{\"id\":\"a\",\"label\":[1]}]", 0, 1, "bad_label", 0},
    {"a number too large", "[{\"id\":\"a\",\"label\":1e999}]", 0, 1, "bad_label", 0},
    {"weight 1", "[{\"id\":\"a\",\"label\":1,\"weight\":1.0}]", 1, 0, NULL, 0},
    {"another weight", "[{\"id\":\"a\",\"label\":1,\"weight\":2}]", 0, 1, "weight_unsupported", 0},
    {"no objects", "[1,\"a\"]", 0, 2, "not_an_object", 0},
};

Test(live_labels, every_form_is_read)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(good); i++) {
        struct weir_live_labels l;
        struct weir_error err = WEIR_ERROR_INIT;
        cr_assert_eq(weir_live_labels_read(&l, &secret, weir_str_c(good[i].body), test_mem(), &err),
                     WEIR_OK, "%s: %s", good[i].label, err.msg);
        cr_assert_eq(l.n, good[i].n, "%s: %zu", good[i].label, l.n);
        cr_assert_eq(l.n_invalid, good[i].n_invalid, "%s", good[i].label);
        cr_assert_eq(l.n_errors, good[i].n_invalid, "%s", good[i].label);
        if (good[i].code) {
            cr_assert_str_eq(l.errors[0].code, good[i].code, "%s", good[i].label);
            cr_assert_eq(l.errors[0].row, good[i].row, "%s", good[i].label);
        }
        weir_live_labels_deinit(&l);
    }
}

Test(live_labels, values_are_texts_and_numbers)
{
    static const char body[] =
        "[{\"id\":\"\\u0061\",\"label\":\"1\"},{\"id\":\"b\",\"label\":true},"
        "{\"id\":\"c\",\"label\":-2.5e1},{\"id\":\"d\",\"label\":\"\\u00e4\"}]";
    struct weir_live_labels l;
    cr_assert_eq(weir_live_labels_read(&l, &secret, weir_str_c(body), test_mem(), NULL), WEIR_OK);
    cr_assert_eq(l.n, 4);
    cr_assert(weir_live_key_eq(l.at[0].names.keys[0], weir_live_key_hash(&secret, "a", 1)));
    cr_assert(l.at[0].is_number && l.at[0].number == 1);
    cr_assert(l.at[1].is_number && l.at[1].number == 1 && weir_str_eq_c(l.at[1].text, "true"));
    cr_assert(l.at[2].is_number && l.at[2].number == -25);
    cr_assert(!l.at[3].is_number && weir_str_eq_c(l.at[3].text, "\xc3\xa4"));
    weir_live_labels_deinit(&l);
}

Test(live_labels, what_is_none_of_the_forms_is_refused)
{
    static const char *const bad[] = {"",
                                      "7",
                                      "{}",
                                      "{\"labels\":7}",
                                      "{\"labels\":[",
                                      "nonsense",
                                      "{\"id\":\"a\",\"id\":\"b\",\"label\":1}"};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        struct weir_live_labels l;
        struct weir_error err = WEIR_ERROR_INIT;
        cr_assert_eq(weir_live_labels_read(&l, &secret, weir_str_c(bad[i]), test_mem(), &err),
                     WEIR_ERR_INVALID, "%s", bad[i]);
        cr_assert_neq(err.msg[0], 0);
    }
}

/* 10,000 labels and one more, in a list and in lines. */
Test(live_labels, there_is_a_limit)
{
    static char body[(WEIR_LIVE_LABELS_MAX + 2) * 32];
    for (int form = 0; form < 2; form++) {
        for (int more = 0; more < 2; more++) {
            size_t n = 0;
            struct weir_live_labels l;
            if (form == 0)
                body[n++] = '[';
            for (int i = 0; i < WEIR_LIVE_LABELS_MAX + more; i++)
                n += (size_t)snprintf(body + n, sizeof body - n, "%s{\"id\":\"%05d\",\"label\":1}",
                                      i == 0      ? ""
                                      : form == 0 ? ","
                                                  : "\n",
                                      i);
            if (form == 0)
                body[n++] = ']';
            enum weir_status status =
                weir_live_labels_read(&l, &secret, weir_str_make(body, n), test_mem(), NULL);
            cr_assert_eq(status, more ? WEIR_ERR_LIMIT : WEIR_OK);
            if (status == WEIR_OK) {
                cr_assert_eq(l.n, WEIR_LIVE_LABELS_MAX);
                cr_assert_eq(l.rows[WEIR_LIVE_LABELS_MAX - 1], WEIR_LIVE_LABELS_MAX - 1);
                weir_live_labels_deinit(&l);
            }
        }
    }
}
