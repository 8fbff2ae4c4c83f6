/* SPDX-License-Identifier: MIT */
/* Running batches and writing their answers: what happens to a batch between leaving the batcher
 * and coming back.
 *
 * The same code runs on a worker and, for cheap batches, on the loop. A runner is the memory of one
 * such thread: scratch for the model, room for its outputs, a decoder for large bodies. It touches
 * nothing of the loop: a slice carries all that its answer needs. */
#ifndef WEIR_SERVER_RUNNER_H
#define WEIR_SERVER_RUNNER_H

#include "batch/batch.h"
#include "codec/coding.h"
#include "http/http.h"
#include "live/observe.h"
#include "pool/pool.h"
#include "protocol/dialect.h"
#include "repo/version.h"

struct weir_server_shard_version;
struct weir_server_grpc_entry;

enum {
    WEIR_SERVER_REQUEST_ID_BYTES_MAX =
        64, /* X-Request-Id; a longer one, or one outside the name alphabet, is not echoed */
    WEIR_SERVER_GROUP_MAX = 8, /* batches of one group in one run */
};

/* A request in a slice: the user memory of a slice. The loop may answer a timeout from its own
 * fields while a worker still has the others. */
struct weir_server_call {
    struct { /* the loop's; not for the runner */
        struct weir_http_ticket ticket;
        struct weir_server_shard_version *sv;
        uint64_t begun_ns;   /* read event that completed the head */
        uint64_t decoded_ns; /* when its rows were in the batch */
        enum weir_protocol_dialect dialect;
        struct weir_server_grpc_entry *entry; /* of a stream that it is part of; NULL: none */
        bool wants_timing;
        uint8_t request_id_bytes;
        char request_id[WEIR_SERVER_REQUEST_ID_BYTES_MAX];
    } loop;
    /* filled on the loop at commit, or by the runner that decodes; the runner's until the batch is
     * back */
    enum weir_status status;  /* WEIR_OK: the body below */
    size_t body_at;           /* in the batch's replies */
    size_t body_bytes;        /* answer body, or the error text */
    const char *content_type; /* of the answer, a literal; NULL: application/json */
    uint8_t coding;           /* enum weir_codec_coding: as the answer may be, then as it is sent */
    size_t coded_bytes_min;   /* a shorter answer is not compressed; set unless IDENTITY */
    uint64_t json_bytes;      /* of the answer's body where tensors follow; 0: none do */
    const struct weir_live_shape *observe; /* what is to be taken down of its rows; NULL: nothing */
    bool is_observed;                      /* that was done: */
    size_t observed_at;                    /* in the job's observed */
    struct weir_protocol_call protocol;
};

/* A batch on its way: the user memory of a batch. */
struct weir_server_job {
    struct weir_pool_job job;
    struct weir_batch *batch;
    const struct weir_version *version;
    void *shard;              /* the loop's; not for the runner */
    struct weir_buf replies;  /* bodies and error texts of all slices */
    struct weir_buf observed; /* what was seen of the rows of slices that are observed */
    struct weir_buf body;     /* private batches: the request body to be decoded */
    size_t body_at;           /* private batches: where in it what the dialect reads begins */
    size_t body_charged; /* private batches: bytes counted as request memory until it is back */
    uint8_t n_codings;   /* private batches: to be undone in it first, */
    struct weir_codec_inflate_limits inflate_limits; /* within these */
    size_t target_bytes; /* private batches: not 0: so many of the first bytes that come out named
                            the model */
    _Atomic uint64_t *memory;           /* private batches: where that is counted */
    struct weir_protocol_limits limits; /* private batches: those of the loop at the time */
    struct weir_protocol_head head;     /* private batches: how the body is to be read */
    uint64_t decoded_ns;                /* private batches: when the worker had decoded the body */
    uint64_t run_ns; /* time of the model's run, shared among the batches of the run by rows */
    uint64_t encode_ns;
};

struct weir_server_runner {
    struct weir_mem *mem;
    struct weir_protocol_decoder decoder;
    void *scratch; /* of the model, 64-byte aligned */
    size_t scratch_bytes;
    void *values; /* outputs and faults */
    size_t values_bytes;
    struct weir_codec_inflate inflate; /* of compressed bodies */
    struct weir_codec_deflate deflate; /* of answers, */
    struct weir_buf packed;            /* on their way to a batch's replies */
    struct weir_live_sampler sampler;  /* of rows whose features are taken down */
};

/* Makes a runner that holds nothing yet. */
void weir_server_runner_init(struct weir_server_runner *runner,
                             const struct weir_protocol_limits *limits, struct weir_mem *mem);
void weir_server_runner_deinit(struct weir_server_runner *runner);

/* Runs the batches of a list of jobs of one version and signature, and writes the answers of their
 * live slices. Every slice's status and body are set. */
void weir_server_runner_run(struct weir_server_runner *runner, struct weir_pool_job *jobs);

/* Runs a version on rows that nobody waits for, and appends what is seen of its answers (of shape,
 * without a reference) to out; rows that it refuses have WEIR_LIVE_REFUSED for a decision.
 * false: no memory. */
bool weir_server_runner_see(struct weir_server_runner *runner, const struct weir_version *version,
                            const struct weir_live_shape *shape, const struct weir_rows *rows,
                            enum weir_dtype dtype, struct weir_buf *out);

/* Writes the answer of a call of no rows into the job's replies: every output with its type, and no
 * elements; dimensions that a graph leaves open are 0. */
void weir_server_runner_none(struct weir_server_runner *runner, struct weir_server_job *job,
                             struct weir_server_call *call);

/* Finds the job of a batch, and the call of a slice. */
static inline struct weir_server_job *weir_server_runner_job_of(struct weir_batch *batch)
{
    return (struct weir_server_job *)batch->user;
}

static inline struct weir_server_call *weir_server_runner_call_of(struct weir_batch_slice *slice)
{
    return (struct weir_server_call *)slice->user;
}

enum { WEIR_SERVER_OVERDUE_TEXT_BYTES = 96 };

/* Writes what a request is told whose queue timeout passed before its run began. Runs on: the
 * thread that has the batch, or the loop where the batch is not private. */
void weir_server_runner_overdue_text(const struct weir_batch_slice *slice,
                                     char text[WEIR_SERVER_OVERDUE_TEXT_BYTES]);

/* Gives back the memory of unusually large answers, after they were sent. Runs on: the loop. */
void weir_server_runner_job_trim(struct weir_server_job *job);

/* Releases what a job owns; for the batcher's batch_user_deinit. */
void weir_server_runner_job_deinit(void *user);

#endif
