/* SPDX-License-Identifier: MIT */
/* Loading model files. What a file is, is told by its contents, never by its name; nothing in a
 * file is ever executed. Threads: any; loads may run at the same time. */
#ifndef WEIR_FORMAT_H
#define WEIR_FORMAT_H

#include <weir/model.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The limits of a load, and how it is done. Zero means the default. */
struct weir_format_opts {
    uint32_t version;                /* WEIR_FORMAT_OPTS_VERSION */
    uint32_t nesting_max;            /* levels of values inside values; 256 */
    uint64_t file_bytes_max;         /* of the file; 2 GiB */
    uint64_t inflated_bytes_max;     /* of a compressed file's contents; 4 GiB */
    uint64_t inflated_ratio_max;     /* contents ÷ file; 1100 (deflate itself ends near 1032) */
    uint64_t tree_bytes_max;         /* memory for what the file says, gone after the load; 4 GiB */
    uint64_t model_bytes_max;        /* memory for the model itself; 4 GiB */
    uint64_t n_ops_max;              /* opcodes of a pickle; 64 M */
    uint64_t n_memo_max;             /* memo entries of a pickle; 16 M */
    uint64_t n_stack_max;            /* stack entries of a pickle; 1 M */
    uint64_t n_nodes_max;            /* tree nodes of a model; 64 M */
    uint64_t tree_depth_max;         /* levels of a tree; 1024 */
    uint64_t n_features_max;         /* input columns of a model; 1 M */
    uint64_t n_classes_max;          /* classes of one target; 65536 */
    uint64_t deadline_ns;            /* CLOCK_MONOTONIC; a load that sees it pass gives
                                        WEIR_ERR_TIMEOUT; 0: none */
    const char *onnxruntime_library; /* ONNX Runtime's file, or the folder that holds it, for ONNX
                                        models; NULL or empty: $WEIR_ONNXRUNTIME_LIBRARY, else it is
                                        searched for. The process's first such load decides */
    uint32_t onnx_threads;           /* threads of one run of an ONNX model; 1 */
    bool onnx_external_data; /* an ONNX model may keep tensors in files of its own folder (only when
                                it is loaded by path) */
    const char *onnx_guard;  /* the file of the program weir of this version, "/usr/bin/weir": an
                                ONNX model is loaded and tried in a process of it first, so that one
                                that ends ONNX Runtime is refused; NULL: it is not tried, and such a
                                model ends the caller's process */
    const char *root_key;    /* which of several estimators in a file's dict, list or tuple is
                                meant: its key or index, of nested ones "models/a"; NULL: the only
                                one */
};

enum { WEIR_FORMAT_OPTS_VERSION = 1 };

#define WEIR_FORMAT_OPTS_INIT                                                   \
    {                                                                           \
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, 0, false, NULL, NULL \
    }

/* Loads a model from a file, which is read whole into private memory. opts may be NULL. *out is the
 * caller's (weir_model_free). WEIR_ERR_NOT_FOUND, WEIR_ERR_IO: the file; WEIR_ERR_UNSUPPORTED: a
 * format or a class that weir does not know; WEIR_ERR_CORRUPT: the file contradicts itself;
 * WEIR_ERR_INVALID: it holds no usable model; WEIR_ERR_LIMIT; WEIR_ERR_TIMEOUT;
 * WEIR_ERR_NO_MEMORY. The message names the place. On failure *out is unchanged. */
WEIR_API WEIR_MUST_USE enum weir_status weir_format_load(struct weir_model **out, const char *path,
                                                         const struct weir_format_opts *opts,
                                                         struct weir_error *err);

/* As weir_format_load, from n bytes that are borrowed during the call. name: for messages only, may
 * be NULL. */
WEIR_API WEIR_MUST_USE enum weir_status
weir_format_load_bytes(struct weir_model **out, const void *bytes, size_t n, const char *name,
                       const struct weir_format_opts *opts, struct weir_error *err);

#ifdef __cplusplus
}
#endif

#endif
