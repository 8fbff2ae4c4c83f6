/* SPDX-License-Identifier: MIT */
/* A dialect: one protocol that clients speak. Each has a folder of its own below src/protocol that
 * exports one struct weir_protocol_ops; the table of them is weir_protocol_ops_of. The server knows
 * dialects only by what is here, and a dialect knows the server only by its catalog.
 *
 *     route ─▶ read_head ─▶ target ─▶ decode ─▶ (batch, run) ─▶ encode        act PREDICT
 *     route ─▶ page                                                           act PAGE
 *     route ─▶ order ─▶ (it is done) ─▶ page                                  acts LOAD …
 *     any of them ─▶ error
 *
 * The HTTP status is the common currency of outcomes: dialects with statuses of their own translate
 * it. */
#ifndef WEIR_PROTOCOL_DIALECT_H
#define WEIR_PROTOCOL_DIALECT_H

#include "protocol/protocol.h"
#include "tensor/threshold.h"

/* --- routes ---------------------------------------------------------------------------------- */

/* What is done with a request of a route. */
enum weir_protocol_act {
    WEIR_PROTOCOL_PREDICT, /* rows in, answers out */
    WEIR_PROTOCOL_PAGE,    /* a document written from the catalog */
    WEIR_PROTOCOL_LOAD,    /* an order: `page` is asked for the answer when it is done */
    WEIR_PROTOCOL_UNLOAD,  /* an order */
    WEIR_PROTOCOL_LOG,     /* an order: change what is logged */
    WEIR_PROTOCOL_WATCH,   /* a document that is sent again whenever it changes: streams only */
    WEIR_PROTOCOL_HOST,    /* the server's own; no dialect has such routes */
};

enum weir_protocol_route_flags {
    WEIR_PROTOCOL_ADMIN = 1,      /* on the admin listener only */
    WEIR_PROTOCOL_EMPTY_BODY = 2, /* a POST may come without a body and without a length */
    WEIR_PROTOCOL_POST = 4,       /* POST; else GET */
    WEIR_PROTOCOL_REPOSITORY = 8, /* on the admin listener, on others if repository_api says so;
                                     pages of the web are refused: for orders */
    WEIR_PROTOCOL_NO_CASE = 16,   /* literals of the path match in any case, captures have no ':' */
    WEIR_PROTOCOL_STREAM = 32,    /* gRPC: messages are answered while the call goes on */
    WEIR_PROTOCOL_LABELS = 64,    /* on the admin listener, on others if labels_api says so */
};

/* A row of a dialect's table of routes. */
struct weir_protocol_route {
    const char *pattern; /* as http/router.h; the first capture is the model, the second the
                            version or label, unless the dialect has a `target` */
    uint8_t act;         /* enum weir_protocol_act */
    uint8_t action;      /* the dialect's own number of what is asked */
    uint8_t flags;       /* enum weir_protocol_route_flags */
    const char *summary; /* one line for the description of the interface; NULL: not described */
};

/* --- heads ----------------------------------------------------------------------------------- */

/* What a request's head says, as sent; views, valid during the call; empty where there is nothing.
 */
struct weir_protocol_fields {
    struct weir_str content_type;
    struct weir_str accept;
    struct weir_str inference_length; /* Inference-Header-Content-Length */
    struct weir_str query;
};

/* What a dialect makes of it; plain data, goes to the decoder on whichever thread. */
struct weir_protocol_head {
    enum weir_protocol_dialect dialect;
    uint8_t action;      /* of the route */
    uint8_t media;       /* the dialect's own: how the body is written */
    uint8_t accept;      /* the dialect's own: how the answer is to be written */
    uint64_t json_bytes; /* v2: how much of the body is JSON; UINT64_MAX: all of it */
};

/* The model that a request is for; views into path or body. */
struct weir_protocol_target {
    struct weir_str model;   /* empty: the default model */
    struct weir_str version; /* a number or a label; empty: the newest */
    char room[24];           /* for a dialect in whose bodies versions are no texts */
};

/* --- the catalog: what the server tells about models ------------------------------------------ */

/* A model that was found, whether or not a version of it serves. */
struct weir_protocol_model {
    struct weir_str name;
    size_t n_versions; /* known ones, each asked for by weir_protocol_catalog_ops.version */
    size_t n_serving;  /* those that serve come first, in ascending order */
    const void *entry; /* the server's own */
};

/* One version of a model, or one attempt to load one. Texts live as long as the catalog. */
struct weir_protocol_version {
    uint64_t number;        /* 0: none was given yet */
    struct weir_str digest; /* 64 hex digits of its file; empty: not known yet */
    struct weir_str file;   /* its name below the repository, never an absolute path */
    struct weir_str state;  /* "ready", "orphaned", "loading", "failed", … (repo/version.h) */
    struct weir_str reason; /* why it is in this state; empty: none */
    uint64_t since_wall_ns; /* in this state since, of the wall clock */
    const struct weir_spec *spec;                  /* NULL: it does not serve */
    const struct weir_tensor_threshold *threshold; /* by which labels are decided; NULL: none */
    uint32_t max_batch_size;         /* rows gathered at most; 0: the model does not batch */
    uint64_t queue_delay_ns;         /* how long a batch may wait although a worker is idle */
    uint32_t n_priority_levels;      /* 0: none */
    uint32_t default_priority_level; /* of requests that name none */
    uint32_t n_loops;                /* loops that gather batches, */
    uint32_t n_workers;              /* workers that run them */
    const void *version;             /* the server's own; NULL: it does not serve */
};

/* How often, and how long in all. */
struct weir_protocol_duration {
    uint64_t count;
    uint64_t ns;
};

enum { WEIR_PROTOCOL_BATCH_SIZES_MAX = 64 };

/* The runs of batches of one size, and their times in all. */
struct weir_protocol_batch_size {
    uint64_t n_rows;
    uint64_t count;
    uint64_t decode_ns; /* of all requests in them */
    uint64_t run_ns;
    uint64_t encode_ns;
};

/* What a version has done since it was loaded, on all loops. */
struct weir_protocol_statistics {
    uint64_t last_wall_ms;                 /* of the last result, since 1970; 0: none yet */
    uint64_t n_rows;                       /* that were run, */
    uint64_t n_batches;                    /* in so many runs */
    struct weir_protocol_duration success; /* requests with a result: from head to answer */
    struct weir_protocol_duration fail;    /* those answered with an error */
    struct weir_protocol_duration queue;   /* where the time of the successful ones went */
    struct weir_protocol_duration decode;
    struct weir_protocol_duration run;
    struct weir_protocol_duration encode;
    uint64_t model_bytes; /* memory held */
    size_t n_sizes;       /* in ascending order; if there are more, not all of them */
    struct weir_protocol_batch_size sizes[WEIR_PROTOCOL_BATCH_SIZES_MAX];
};

struct weir_protocol_catalog;

struct weir_protocol_catalog_ops {
    /* Finds whether the server is ready; reason is set where it is not. */
    bool (*is_ready)(const struct weir_protocol_catalog *catalog, struct weir_str *reason);
    size_t (*n_models)(const struct weir_protocol_catalog *catalog);
    /* The i-th model by name. */
    void (*model)(const struct weir_protocol_catalog *catalog, size_t i,
                  struct weir_protocol_model *out);
    /* The i-th version of a model, the serving ones first. */
    void (*version)(const struct weir_protocol_catalog *catalog,
                    const struct weir_protocol_model *model, size_t i,
                    struct weir_protocol_version *out);
    /* Finds a serving version. WEIR_ERR_NOT_FOUND: no such model or version; WEIR_ERR_BUSY: known,
     * but not served (*model is set, *version is the attempt if there is one); WEIR_ERR_INVALID: no
     * model is named and there is no default. */
    enum weir_status (*find)(const struct weir_protocol_catalog *catalog,
                             const struct weir_protocol_target *target,
                             struct weir_protocol_model *model,
                             struct weir_protocol_version *version, struct weir_error *err);
    /* Adds up what a version that serves has done. */
    void (*statistics)(const struct weir_protocol_catalog *catalog,
                       const struct weir_protocol_version *version,
                       struct weir_protocol_statistics *out);
};

/* Handed to pages for the time of the call; the server puts it first into a struct of its own. */
struct weir_protocol_catalog {
    const struct weir_protocol_catalog_ops *ops;
};

/* --- pages ----------------------------------------------------------------------------------- */

/* A request that is no prediction. */
struct weir_protocol_question {
    const struct weir_protocol_route *route;
    struct weir_protocol_target target; /* from the path */
    struct weir_str query;
    struct weir_str body;
};

/* What an order asks for. */
struct weir_protocol_order {
    struct weir_str model; /* to be loaded or unloaded; view into path or body */
    int log_level;         /* enum weir_log_level; -1: as it is */
};

/* The answer to it. */
struct weir_protocol_page {
    int status;               /* HTTP; 200 at first */
    const char *content_type; /* a literal; NULL: application/json where there is a body */
    struct weir_buf *body;    /* appended to */
};

/* --- descriptions ---------------------------------------------------------------------------- */

enum { WEIR_PROTOCOL_CODES_MAX = 8 };

/* What a route takes and answers, for the description of the interface (OpenAPI 3.1.0). Texts are
 * insides of its content maps: `"application/json":{"schema":{…}}`. */
struct weir_protocol_description {
    struct weir_str model;        /* whose path it is; empty: any model's */
    const struct weir_spec *spec; /* that model's; NULL: any */
    /* The dialect's to fill in, all empty at first. */
    struct weir_buf *request; /* appended to; empty: JSON that is not described, or, where a body
                                 may be left out, none */
    struct weir_buf *answer;  /* with 200; empty: JSON that is not described */
    bool is_bodiless;         /* 200 has no body */
    const char *error_415;    /* the content map of 415, a literal; NULL: as other codes have it */
    uint16_t codes[WEIR_PROTOCOL_CODES_MAX]; /* HTTP, beside those that the act has; 0: none more */
    bool is_unfit; /* the model cannot be asked this: it is not described */
};

/* --- the dialect ----------------------------------------------------------------------------- */

struct weir_protocol_ops {
    const char *name; /* label value in metrics: "v2" */
    const struct weir_protocol_route *routes;
    size_t n_routes;

    /* Reads what the head of a prediction says into *head, whose dialect and action are set and the
     * rest zero but for json_bytes (UINT64_MAX). Returns 0, or the HTTP status with which the
     * request is refused before its body is read; err says why. NULL: nothing is read. */
    int (*read_head)(const struct weir_protocol_fields *fields, struct weir_protocol_head *head,
                     struct weir_error *err);
    /* Finds the model that a body names; *target is what the path says. NULL: the path says it all.
     */
    enum weir_status (*target)(const struct weir_protocol_head *head, struct weir_str body,
                               struct weir_protocol_target *target, struct weir_error *err);
    /* Reads a whole body into the sink and commits it; see protocol.h for the statuses. On failure
     * nothing stays in the sink and *call is undefined. */
    enum weir_status (*decode)(struct weir_protocol_decoder *decoder,
                               const struct weir_protocol_head *head, const struct weir_spec *spec,
                               struct weir_str body, struct weir_sink *sink,
                               struct weir_protocol_call *call, struct weir_error *err);
    /* Adds to a bound of the answer's bytes what this dialect writes beside the values. NULL:
     * nothing but names and brackets. */
    uint64_t (*answer_bytes)(const struct weir_protocol_call *call, const struct weir_spec *spec,
                             uint64_t bytes);
    /* The same for tensors, when they have been computed. WEIR_ERR_INVALID: they cannot be answered
     * in the form that was asked for. NULL: they always can. */
    enum weir_status (*check_tensors)(const struct weir_protocol_call *call,
                                      const struct weir_result *result, uint64_t *bytes,
                                      struct weir_error *err);
    /* Appends the answer; see weir_protocol_encode. */
    void (*encode)(const struct weir_protocol_call *call, const struct weir_protocol_source *source,
                   const struct weir_result *result, struct weir_protocol_answer *answer);
    /* Appends the body of an error; returns its content type, a literal, NULL: application/json.
     * NULL: {"error": text}. */
    const char *(*error)(struct weir_buf *body, int status, struct weir_str text);
    /* Tells what a prediction by a version or label that a known model does not have comes to.
     * NULL: WEIR_ERR_NOT_FOUND. */
    enum weir_status (*no_version)(struct weir_str version);
    /* Describes a route; spec and model are those of its capture. NULL: nothing is known. */
    void (*describe)(const struct weir_protocol_route *route,
                     struct weir_protocol_description *description);
    const char *schemas; /* members of OpenAPI's components/schemas, a literal that ends with a
                            comma; NULL: none */
    /* Words what is refused because no route has the path (404) or none the method (405): appends
     * the body and returns the status, or 0 for a path that is not the dialect's. path: as sent,
     * without query. NULL: never. */
    int (*refuse)(struct weir_str method, struct weir_str path, int status, struct weir_str text,
                  struct weir_buf *body);
    /* Reads an order; *out is what the path says. NULL: the path says it all. */
    enum weir_status (*order)(const struct weir_protocol_question *question,
                              struct weir_protocol_order *out, struct weir_error *err);
    /* Writes a document; of a question that was an order, which is done, only route and
     * target.model are there. Returns WEIR_OK, or a status that is
     * answered as an error with err's text. */
    enum weir_status (*page)(const struct weir_protocol_question *question,
                             const struct weir_protocol_catalog *catalog,
                             struct weir_protocol_page *page, struct weir_error *err);
};

/* Returns the dialect's operations, borrowed for ever. */
const struct weir_protocol_ops *weir_protocol_ops_of(enum weir_protocol_dialect dialect);

/* Reads a body with the dialect that the head names; as ops->decode. */
WEIR_MUST_USE enum weir_status
weir_protocol_decode(struct weir_protocol_decoder *decoder, const struct weir_protocol_head *head,
                     const struct weir_spec *spec, struct weir_str body, struct weir_sink *sink,
                     struct weir_protocol_call *call, struct weir_error *err);

#endif
