/* SPDX-License-Identifier: MIT */
/* What the two grammars give to the common part of a document. */
#ifndef WEIR_FORMAT_DOC_PRIV_H
#define WEIR_FORMAT_DOC_PRIV_H

#include "format/doc.h"

/* What becomes of the numbers of an array. */
enum weir_format_doc_element {
    WEIR_FORMAT_DOC_F32,
    WEIR_FORMAT_DOC_F64,
    WEIR_FORMAT_DOC_I64,
    WEIR_FORMAT_DOC_I32,
    WEIR_FORMAT_DOC_FLAG,
};

/* Bytes of an element. */
size_t weir_format_doc_element_bytes(enum weir_format_doc_element element);

/* Says that the bytes at hand are not what was expected ("an object", "whole numbers"). */
enum weir_status weir_format_doc_expected(struct weir_format_doc *doc, const char *what,
                                          struct weir_error *err);

/* Steps into a member or element for messages; WEIR_ERR_LIMIT: too deep. */
WEIR_MUST_USE enum weir_status weir_format_doc_enter(struct weir_format_doc *doc,
                                                     struct weir_error *err);

/* Keeps a number of the array at hand in doc->scratch. false: out of the element's range. */
bool weir_format_doc_put_i64(struct weir_format_doc *doc, enum weir_format_doc_element element,
                             int64_t v);

/* --- JSON --- */
WEIR_MUST_USE enum weir_status weir_format_doc_json_skip(struct weir_format_doc *doc,
                                                         struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_format_doc_json_text(struct weir_format_doc *doc,
                                                         struct weir_str *out,
                                                         struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_format_doc_json_number(struct weir_format_doc *doc,
                                                           bool is_whole, int64_t *i, double *f,
                                                           struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_format_doc_json_numbers(struct weir_format_doc *doc,
                                                            enum weir_format_doc_element element,
                                                            struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_format_doc_json_members(struct weir_format_doc *doc,
                                                            weir_format_doc_member_fn *fn,
                                                            void *ctx, struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_format_doc_json_array(struct weir_format_doc *doc,
                                                          weir_format_doc_element_fn *fn, void *ctx,
                                                          struct weir_error *err);

/* --- UBJSON --- */
WEIR_MUST_USE enum weir_status weir_format_doc_ubjson_skip(struct weir_format_doc *doc,
                                                           struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_format_doc_ubjson_text(struct weir_format_doc *doc,
                                                           struct weir_str *out,
                                                           struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_format_doc_ubjson_number(struct weir_format_doc *doc,
                                                             bool is_whole, int64_t *i, double *f,
                                                             struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_format_doc_ubjson_numbers(struct weir_format_doc *doc,
                                                              enum weir_format_doc_element element,
                                                              struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_format_doc_ubjson_members(struct weir_format_doc *doc,
                                                              weir_format_doc_member_fn *fn,
                                                              void *ctx, struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_format_doc_ubjson_array(struct weir_format_doc *doc,
                                                            weir_format_doc_element_fn *fn,
                                                            void *ctx, struct weir_error *err);

#endif
