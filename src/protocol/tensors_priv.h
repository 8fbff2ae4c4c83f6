/* SPDX-License-Identifier: MIT */
/* What the dialects share for models that take and give tensors. */
#ifndef WEIR_PROTOCOL_TENSORS_PRIV_H
#define WEIR_PROTOCOL_TENSORS_PRIV_H

#include "protocol/protocol_priv.h"
#include "tensor/tensors.h"

/* A request's tensors while they are read: shapes first, then room, then elements. */
struct weir_protocol_tensors {
    struct weir_protocol_decoder *decoder;
    const struct weir_spec *spec;
    struct weir_protocol_call *call;
    struct weir_sink *sink;
    struct weir_error *err;
    struct weir_tensors_shape shapes[WEIR_TENSORS_MAX]; /* by input */
    uint64_t given;                                     /* set of 1 << input */
    bool takes_none; /* a request of no rows is one; what is reserved for it is none */
    size_t offsets[WEIR_TENSORS_MAX];
    char *base; /* the reserved piece */
    /* How nested lists are read; false by weir_protocol_tensors_init. */
    bool takes_b64;     /* {"b64": "…"} is a text */
    bool is_strict;     /* the lists are nested as the tensors are: one row is a list of one */
    bool ignores_extra; /* names that are no inputs, beside lists of rows */
};

/* Begins; nothing is given yet. */
void weir_protocol_tensors_init(struct weir_protocol_tensors *t,
                                struct weir_protocol_decoder *decoder, const struct weir_spec *spec,
                                struct weir_sink *sink, struct weir_protocol_call *call,
                                struct weir_error *err);

/* Finds the input of a name as written in JSON; false: none. */
bool weir_protocol_tensors_find(const struct weir_protocol_tensors *t, struct weir_str written,
                                size_t *out);

/* Checks that every input was given a shape that the model takes, the limits, and reserves room.
 * json: where the elements begin, for the bound of the texts. raw: set of 1 << input, those that
 * are not in it, and raw_text_bytes the room that their texts need. call->tensors is set; sets
 * call->n_rows. */
WEIR_MUST_USE enum weir_status weir_protocol_tensors_reserve(struct weir_protocol_tensors *t,
                                                             const char *json, uint64_t raw,
                                                             size_t raw_text_bytes);

/* The same for elements that are not JSON: text_bytes is the room that their texts need, and that
 * there are as many as the shapes say was looked at before. */
WEIR_MUST_USE enum weir_status weir_protocol_tensors_reserve_for(struct weir_protocol_tensors *t,
                                                                 size_t text_bytes);

/* Where elements come from and go to. */
struct weir_protocol_tensors_from {
    const char *value;       /* a list, or for no dimensions one element */
    const char *place;       /* for messages: "inputs[0].data" */
    enum weir_dtype request; /* the type that the client names; F64 where none is named */
    /* What the nesting of the lists must be; NULL: any, leaves are counted. */
    const struct weir_tensors_shape *nesting;
    uint64_t n_items;
    enum weir_dtype dtype; /* the model's */
    char *to;              /* n_items elements */
};

/* Writes elements; false: failed, err is set. */
WEIR_MUST_USE bool weir_protocol_tensors_fill(struct weir_protocol_tensors *t,
                                              const struct weir_protocol_tensors_from *from);

/* Appends the elements of a tensor: flat, or nested as its dimensions say. */
void weir_protocol_tensors_write(struct weir_buf *buf, const struct weir_tensor *tensor,
                                 bool is_nested, enum weir_codec_number_nonfinite nonfinite);

/* Reads a Flask-style body's rows for a model of tensors and commits them. key: for messages. */
WEIR_MUST_USE enum weir_status weir_protocol_flask_tensors(struct weir_protocol_tensors *t,
                                                           const char *rows, const char *key);

#endif
