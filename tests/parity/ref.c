/* SPDX-License-Identifier: MIT */
#include "ref.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where reading stands. The files are ours, so a bad one ends the program. */
struct cursor {
    const char *path;
    FILE *file;
};

static void fail(const struct cursor *c, const char *what)
{
    fprintf(stderr, "%s: %s\n", c->path, what);
    exit(1);
}

static void take(struct cursor *c, void *out, size_t n)
{
    if (n > 0 && fread(out, 1, n, c->file) != n)
        fail(c, "is cut short");
}

static void *alloc(struct cursor *c, size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);
    if (!p)
        fail(c, "no memory");
    return p;
}

static void load_texts(struct cursor *c, struct ref_array *a)
{
    a->text = alloc(c, a->n, sizeof *a->text);
    for (size_t i = 0; i < a->n; i++) {
        uint16_t n;
        take(c, &n, sizeof n);
        a->text[i] = alloc(c, (size_t)n + 1, 1);
        take(c, a->text[i], n);
    }
}

/* Reads one cell: a byte that tells what it is, then a number or a text. */
static double load_cell(struct cursor *c)
{
    uint8_t kind;
    uint16_t n;
    double number;
    take(c, &kind, 1);
    if (kind == 0)
        return weir_cell_none();
    if (kind == 1) {
        take(c, &number, sizeof number);
        return weir_cell_number(number);
    }
    if (kind != 2)
        fail(c, "a cell is of an unknown kind");
    take(c, &n, sizeof n);
    struct weir_cell_text *text = alloc(c, sizeof *text + (size_t)n + 1, 1);
    text->n = n;
    take(c, text->at, n);
    return weir_cell_from_text(text);
}

static void load_array(struct cursor *c, struct ref_array *a)
{
    uint8_t n_name, n_dims;
    take(c, &n_name, 1);
    if (n_name >= REF_NAME_MAX)
        fail(c, "a name is too long");
    take(c, a->name, n_name);
    take(c, &a->type, 1);
    take(c, &n_dims, 1);
    if (n_dims < 1 || n_dims > REF_DIMS_MAX)
        fail(c, "too many dimensions");
    a->n_dims = n_dims;
    take(c, a->dim, n_dims * sizeof a->dim[0]);
    a->n = 1;
    for (size_t i = 0; i < n_dims; i++)
        a->n *= a->dim[i];
    if (a->type == 's') {
        load_texts(c, a);
        return;
    }
    size_t size = ref_item_bytes(a->type);
    if (size == 0)
        fail(c, "an array is of an unknown type");
    a->bytes = alloc(c, a->n, size);
    if (a->type != 'o') {
        take(c, a->bytes, a->n * size);
        return;
    }
    for (size_t i = 0; i < a->n; i++)
        a->f64[i] = load_cell(c);
}

size_t ref_item_bytes(char type)
{
    switch (type) {
    case 'd':
    case 'l':
    case 'L':
    case 'o':
        return 8;
    case 'f':
    case 'i':
    case 'I':
        return 4;
    case 'e':
    case 'h':
    case 'H':
        return 2;
    case '?':
    case 'b':
    case 'B':
        return 1;
    case 's':
        return sizeof(char *);
    }
    return 0;
}

struct ref ref_load(const char *path)
{
    struct cursor c = {.path = path, .file = fopen(path, "rb")};
    if (!c.file)
        fail(&c, "cannot be opened");
    char magic[8];
    uint32_t n;
    take(&c, magic, sizeof magic);
    take(&c, &n, sizeof n);
    if (memcmp(magic, "WEIRREF1", sizeof magic) != 0)
        fail(&c, "is not a .ref file");
    struct ref ref = {.arrays = alloc(&c, n, sizeof *ref.arrays), .n = n};
    for (size_t i = 0; i < n; i++)
        load_array(&c, &ref.arrays[i]);
    fclose(c.file);
    return ref;
}

void ref_free(struct ref *ref)
{
    for (size_t i = 0; i < ref->n; i++) {
        struct ref_array *a = &ref->arrays[i];
        for (size_t k = 0; a->type == 's' && k < a->n; k++)
            free(a->text[k]);
        for (size_t k = 0; a->type == 'o' && k < a->n; k++)
            if (weir_cell_is_text(a->f64[k]))
                free((void *)(uintptr_t)(weir_cell_bits(a->f64[k]) & UINT64_C(0xffffffffffff)));
        free(a->bytes);
    }
    free(ref->arrays);
    *ref = (struct ref){NULL, 0};
}

const struct ref_array *ref_find(const struct ref *ref, const char *fmt, ...)
{
    char name[REF_NAME_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(name, sizeof name, fmt, args);
    va_end(args);
    for (size_t i = 0; i < ref->n; i++)
        if (strcmp(ref->arrays[i].name, name) == 0)
            return &ref->arrays[i];
    return NULL;
}

double ref_number(const struct ref_array *a, size_t i)
{
    const char *at = (const char *)a->bytes + i * ref_item_bytes(a->type);
    switch (a->type) {
    case 'd':
    case 'o':
        return a->f64[i];
    case 'f':
        return (double)a->f32[i];
    case 'l':
        return (double)a->i64[i];
    case 'L':
        return (double)*(const uint64_t *)(const void *)at;
    case 'i':
        return *(const int32_t *)(const void *)at;
    case 'I':
        return *(const uint32_t *)(const void *)at;
    case 'h':
        return *(const int16_t *)(const void *)at;
    case 'H':
        return *(const uint16_t *)(const void *)at;
    case 'b':
        return *(const int8_t *)at;
    case 'B':
    case '?':
        return *(const uint8_t *)at;
    }
    return 0.0;
}
