/* SPDX-License-Identifier: MIT */
/* Reading .ref files: recorded answers of the real library (refs.py writes them). */
#ifndef WEIR_TESTS_PARITY_REF_H
#define WEIR_TESTS_PARITY_REF_H

#include <stddef.h>
#include <stdint.h>

enum { REF_DIMS_MAX = 4, REF_NAME_MAX = 64 };

/* One named array, row-major. */
struct ref_array {
    char name[REF_NAME_MAX];
    char type; /* d double, f float, l int64_t, ? and s as below */
    uint32_t n_dims;
    uint32_t dim[REF_DIMS_MAX];
    size_t n; /* elements */
    union {
        double *f64;
        float *f32;
        int64_t *i64;
        uint8_t *b;
        char **text;
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

/* Returns element i as a double; 0 for texts. */
double ref_number(const struct ref_array *a, size_t i);

#endif
