/* SPDX-License-Identifier: MIT */
#include "gate/labels.h"

#include "base/macros.h"
#include "codec/number.h"

#include <stdlib.h>
#include <string.h>

enum { CAP_FIRST = 16 };

/* A label's text without the quotes that it has in JSON. */
static struct weir_str text_of(const struct weir_labels *known, size_t i)
{
    return known->dtype == WEIR_BYTES ? known->text[i] : known->json[i];
}

enum weir_status weir_gate_labels_init(struct weir_gate_labels *labels,
                                       const struct weir_labels *known, struct weir_arena *arena)
{
    weir_assert(labels);
    *labels = (struct weir_gate_labels){.known = known, .arena = arena};
    labels->cap = known ? known->n : CAP_FIRST;
    labels->texts = weir_arena_array(arena, labels->cap, sizeof *labels->texts);
    if (!labels->texts)
        return WEIR_ERR_NO_MEMORY;
    for (size_t i = 0; known && i < known->n; i++)
        labels->texts[labels->n++] = text_of(known, i);
    return WEIR_OK;
}

/* A label as a number: true and false are 1 and 0. */
static bool number_of(struct weir_str text, double *out)
{
    if (weir_str_eq_nocase(text, WEIR_STR("true")) || weir_str_eq_nocase(text, WEIR_STR("false"))) {
        *out = text.n == 4;
        return true;
    }
    return weir_codec_number_read_f64(text, out);
}

bool weir_gate_labels_alike(struct weir_str a, struct weir_str b)
{
    double x;
    double y;
    return weir_str_eq(a, b) || (number_of(a, &x) && number_of(b, &y) && x == y);
}

static bool is_class(const struct weir_gate_labels *labels, size_t i, struct weir_str text)
{
    bool are_numbers = labels->known && labels->known->dtype != WEIR_BYTES;
    return are_numbers ? weir_gate_labels_alike(labels->texts[i], text)
                       : weir_str_eq(labels->texts[i], text);
}

static enum weir_status add(struct weir_gate_labels *labels, struct weir_str text)
{
    if (labels->n == WEIR_GATE_LABELS_MAX)
        return WEIR_ERR_LIMIT;
    if (labels->n == labels->cap) {
        struct weir_str *more =
            weir_arena_array(labels->arena, 2 * labels->cap, sizeof *labels->texts);
        if (!more)
            return WEIR_ERR_NO_MEMORY;
        memcpy(more, labels->texts, labels->n * sizeof *more);
        labels->texts = more;
        labels->cap *= 2;
    }
    struct weir_str copy = weir_arena_str(labels->arena, text);
    if (!copy.at)
        return WEIR_ERR_NO_MEMORY;
    labels->texts[labels->n++] = copy;
    return WEIR_OK;
}

enum weir_status weir_gate_labels_find(struct weir_gate_labels *labels, struct weir_str text,
                                       uint32_t *out)
{
    weir_assert(labels);
    if (labels->last >= labels->n || !is_class(labels, labels->last, text)) {
        size_t i = 0;
        while (i < labels->n && !is_class(labels, i, text))
            i++;
        if (i == labels->n) {
            enum weir_status status = labels->known ? WEIR_ERR_NOT_FOUND : add(labels, text);
            if (status != WEIR_OK)
                return status;
        }
        labels->last = i;
    }
    *out = (uint32_t)labels->last;
    return WEIR_OK;
}

/* A label that is put in order. */
struct ordered {
    struct weir_str text;
    double number;
    uint32_t place;
};

static int by_number(const void *a, const void *b)
{
    const struct ordered *x = a;
    const struct ordered *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static int by_bytes(const void *a, const void *b)
{
    const struct ordered *x = a;
    const struct ordered *y = b;
    return weir_str_cmp(x->text, y->text);
}

/* Brings the positive class of two to the second place. */
static enum weir_status put_positive(struct ordered *o, size_t n, const char *positive,
                                     struct weir_error *err)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    if (!positive)
        return WEIR_OK;
    if (n == 2 && weir_str_eq_c(o[0].text, positive)) {
        struct ordered first = o[0];
        o[0] = o[1];
        o[1] = first;
    }
    if (n == 2 && weir_str_eq_c(o[1].text, positive))
        return WEIR_OK;
    return weir_error_set(err, WEIR_ERR_INVALID, "\"%s\" is none of two classes",
                          weir_str_echo(weir_str_c(positive), echo, sizeof echo));
}

enum weir_status weir_gate_labels_order(struct weir_gate_labels *labels, const char *positive,
                                        uint32_t **places, struct weir_error *err)
{
    weir_assert(labels);
    size_t n = labels->n;
    bool are_numbers = true;
    struct ordered *o = weir_arena_array(labels->arena, n ? n : 1, sizeof *o);
    *places = weir_arena_array(labels->arena, n ? n : 1, sizeof **places);
    if (!o || !*places)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++) {
        o[i] = (struct ordered){labels->texts[i], 0, (uint32_t)i};
        are_numbers = number_of(o[i].text, &o[i].number) && are_numbers;
    }
    if (!labels->known)
        qsort(o, n, sizeof *o, are_numbers ? by_number : by_bytes);
    enum weir_status status = put_positive(o, n, positive, err);
    for (size_t i = 0; i < n && status == WEIR_OK; i++) {
        labels->texts[i] = o[i].text;
        (*places)[o[i].place] = (uint32_t)i;
    }
    return status;
}
