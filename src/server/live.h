/* SPDX-License-Identifier: MIT */
/* Live quality in the server: predictions are filed as they are answered, labels are brought to
 * them, and what they were worth is told.
 *
 * Each shard has for each model with `quality: on` a model of its own (live/model.h), which only it
 * touches; runners write down what they saw into the batch's job (live/observe.h), the loop files
 * it. A call about labels or quality is a task: every shard does its part of it, a few hundred
 * labels between two iterations, and sends it back to the shard that was asked, which merges the
 * parts and answers. The keeper does the same for the metrics now and then.
 *
 *     shard: give ── LIVE ─▶ every shard: its part ── LIVE_DONE ─▶ shard: merge, answer
 *
 * Runs on: the shard, unless said. */
#ifndef WEIR_SERVER_LIVE_H
#define WEIR_SERVER_LIVE_H

#include "live/model.h"
#include "server/predict.h"
#include "server/shard.h"

struct weir_server_live_part;

/* A model's live quality on a shard. */
struct weir_server_live_model {
    struct weir_list link; /* in shard->loop.live.models */
    struct weir_live_model *model;
    struct weir_live_model_opts opts; /* it was made with */
    size_t n_name;
    char name[];
};

/* What a version on a shard needs for it; NULL where quality is off. */
struct weir_server_live_version {
    struct weir_live_shape shape;        /* workers read it as long as the version lives */
    struct weir_server_live_model *live; /* NULL: switched off since */
    int slot;
};

/* Switches quality on or off for a version as the configuration says; after the version was added,
 * and after the configuration changed. */
void weir_server_live_attach(struct weir_server_shard *shard, struct weir_server_shard_version *sv);

/* Lets go of a version that is released. */
void weir_server_live_detach(struct weir_server_shard *shard, struct weir_server_shard_version *sv);

/* Forgets models that no version has quality on for, after the configuration changed. */
void weir_server_live_forget(struct weir_server_shard *shard);

/* Frees all; the shard has ended. */
void weir_server_live_deinit(struct weir_server_shard *shard);

/* Files a prediction that is answered with a result, and gives it an id if it has none. */
void weir_server_live_record(struct weir_server_shard *shard, struct weir_server_job *job,
                             struct weir_server_call *call);

/* Answers POST …/labels and GET …/quality. */
void weir_server_live_labels(struct weir_server_shard *shard, struct weir_http_req *req);
void weir_server_live_quality(struct weir_server_shard *shard, struct weir_http_req *req);

/* Handles the messages LIVE and LIVE_DONE. */
void weir_server_live_receive(struct weir_server_shard *shard, struct weir_server_live_part *part);
void weir_server_live_finish(struct weir_server_shard *shard, struct weir_server_live_part *part);

/* Brings what the metrics tell up to date, every few seconds. Runs on: the keeper. */
void weir_server_live_tick(struct weir_server_shard *shard, uint64_t now_ns);

/* Appends the families of metrics. Runs on: the keeper. */
void weir_server_live_expose(const struct weir_server_shard *shard, struct weir_buf *out);

#endif
