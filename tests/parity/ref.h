/* SPDX-License-Identifier: MIT */
/* Reading .ref files: recorded answers of the real library (refs.py writes them). */
#ifndef WEIR_TESTS_PARITY_REF_H
#define WEIR_TESTS_PARITY_REF_H

#include "tensor/cell.h"

#include <stddef.h>
#include <stdint.h>

enum { REF_DIMS_MAX = 8, REF_NAME_MAX = 128 };

/* One named array, row-major. */
struct ref_array {
    char name[REF_NAME_MAX];
    char type; /* d double, f float, e half, b h i l B H I L whole numbers of 8 to 64 bits, ? bool,
                  s text, o cells of several types */
    uint32_t n_dims;
    uint32_t dim[REF_DIMS_MAX];
    size_t n; /* elements */
    union {
        double *f64; /* of cells too: numbers, texts and None as in tensor/cell.h */
        float *f32;
        int64_t *i64;
        uint8_t *b;
        char **text;
        void *bytes; /* of the other types */
    };
};

struct ref {
    struct ref_array *arrays;
    size_t n;
};

/* Reads a file; ends the program with a message when it cannot. */
struct ref ref_load(const char *path);
void ref_free(struct ref *ref);

/* Returns the array of a name made as by printf; NULL: there is none. */
const struct ref_array *ref_find(const struct ref *ref, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Returns the size in bytes of one element; of texts that of a pointer. */
size_t ref_item_bytes(char type);

/* Returns element i as a double; 0 for texts. */
double ref_number(const struct ref_array *a, size_t i);

#endif
