/* SPDX-License-Identifier: MIT */
/* Answers that are no predictions. Each function reads the question's message and appends the
 * answer's, unframed. WEIR_ERR_INVALID: the message is malformed; others as the catalog says. */
#ifndef WEIR_PROTOCOL_GRPC_PAGES_H
#define WEIR_PROTOCOL_GRPC_PAGES_H

#include "codec/protobuf.h"
#include "protocol/grpc/grpc.h"

/* A question that is answered. */
struct weir_protocol_grpc_page {
    enum weir_protocol_grpc_action action;
    struct weir_str body;
    struct weir_str model; /* of an order that is done */
    const struct weir_protocol_catalog *catalog;
    struct weir_buf *buf;
    struct weir_error *err;
};

/* Takes a field of bytes by its number, the last one if there are several; empty: there is none.
 * false: malformed. */
bool weir_protocol_grpc_pages_find_text(struct weir_str message, uint32_t number,
                                        struct weir_str *out);

/* The same for a number; 0: there is none. */
bool weir_protocol_grpc_pages_find_number(struct weir_str message, uint32_t number, uint64_t *out);

/* Takes an entry of a map apart. false: malformed. */
bool weir_protocol_grpc_pages_read_entry(struct weir_str bytes, struct weir_str *key,
                                         struct weir_str *value);

/* Fails because the message of a question is malformed. Returns WEIR_ERR_INVALID. */
enum weir_status weir_protocol_grpc_pages_fail(const struct weir_protocol_grpc_page *page);

/* Finds the version that fields 1 (name) and 2 (version) of the question name. */
WEIR_MUST_USE enum weir_status weir_protocol_grpc_pages_find_version(
    const struct weir_protocol_grpc_page *page, struct weir_protocol_target *target,
    struct weir_protocol_model *model, struct weir_protocol_version *version);

/* Appends a version's number as a text. */
void weir_protocol_grpc_pages_put_number_text(struct weir_buf *buf, uint32_t field,
                                              uint64_t number);

/* Triton's ModelConfig of the model that is asked for. */
WEIR_MUST_USE enum weir_status
weir_protocol_grpc_config_page(const struct weir_protocol_grpc_page *page);

/* ModelStatistics of the model that is asked for, or of all. */
WEIR_MUST_USE enum weir_status
weir_protocol_grpc_statistics_page(const struct weir_protocol_grpc_page *page);

/* RepositoryIndex; and the answer to a load or an unload that is done. */
WEIR_MUST_USE enum weir_status
weir_protocol_grpc_repository_index_page(const struct weir_protocol_grpc_page *page);
void weir_protocol_grpc_repository_done_page(const struct weir_protocol_grpc_page *page);

/* Reads what is to be loaded or unloaded. WEIR_ERR_UNSUPPORTED: with a configuration or files. */
WEIR_MUST_USE enum weir_status weir_protocol_grpc_repository_order(struct weir_str body,
                                                                   struct weir_protocol_order *out,
                                                                   struct weir_error *err);

/* Log and trace settings: all of them; reads what log settings are to be. */
void weir_protocol_grpc_settings_log_page(const struct weir_protocol_grpc_page *page);
WEIR_MUST_USE enum weir_status
weir_protocol_grpc_settings_trace_page(const struct weir_protocol_grpc_page *page);
WEIR_MUST_USE enum weir_status
weir_protocol_grpc_settings_order_log(struct weir_str body, struct weir_protocol_order *out,
                                      struct weir_error *err);

/* grpc.health.v1: of the server as a whole, or of a service we have. */
WEIR_MUST_USE enum weir_status
weir_protocol_grpc_health_page(const struct weir_protocol_grpc_page *page);

/* grpc.reflection.v1 and v1alpha, which are alike. */
WEIR_MUST_USE enum weir_status
weir_protocol_grpc_reflection_page(const struct weir_protocol_grpc_page *page);

/* Finds whether we have a service of this full name. */
bool weir_protocol_grpc_reflection_has(struct weir_str name);

#endif
