/* SPDX-License-Identifier: MIT */
/* The allow-list: which names of classes and functions a pickle may hold, and what each is to us.
 * Names are compared whole; a name that is in no row is refused. */
#ifndef WEIR_FORMAT_PICKLE_NAMES_H
#define WEIR_FORMAT_PICKLE_NAMES_H

#include "base/str.h"

/* What a name is to the reader. */
enum weir_format_pickle_role {
    WEIR_FORMAT_PICKLE_REFUSED,       /* on no row */
    WEIR_FORMAT_PICKLE_REFUSED_OLD,   /* joblib before 0.10: arrays in companion files */
    WEIR_FORMAT_PICKLE_VALUE,         /* only a name: may not be called */
    WEIR_FORMAT_PICKLE_NDARRAY,       /* numpy.ndarray and its like, as an argument */
    WEIR_FORMAT_PICKLE_RECORD,        /* a class or function: what was asked is kept, unread */
    WEIR_FORMAT_PICKLE_DTYPE,         /* numpy.dtype */
    WEIR_FORMAT_PICKLE_RECONSTRUCT,   /* an array whose state follows */
    WEIR_FORMAT_PICKLE_SCALAR,        /* a numpy scalar */
    WEIR_FORMAT_PICKLE_FROMBUFFER,    /* an array over bytes */
    WEIR_FORMAT_PICKLE_UFUNC,         /* a numpy function by module and name */
    WEIR_FORMAT_PICKLE_WRAPPER,       /* joblib: an array's bytes follow */
    WEIR_FORMAT_PICKLE_ENCODE,        /* text to bytes */
    WEIR_FORMAT_PICKLE_RECONSTRUCTOR, /* an empty instance of a class */
    WEIR_FORMAT_PICKLE_BYTES,         /* bytes and bytearray */
    WEIR_FORMAT_PICKLE_SET,           /* set and frozenset */
    WEIR_FORMAT_PICKLE_DICT,          /* dictionaries that keep an order or have a default */
};
enum { WEIR_FORMAT_PICKLE_N_ROLES = 16 };

/* Looks a name up; module as written by Python 3. O(log rows) time. */
enum weir_format_pickle_role weir_format_pickle_names_find(struct weir_str module,
                                                           struct weir_str name);

/* Turns a name as protocols 0 to 2 write it (Python 2's modules: __builtin__, copy_reg) into Python
 * 3's. */
void weir_format_pickle_names_modern(struct weir_str *module, struct weir_str *name);

#endif
