/* SPDX-License-Identifier: MIT */
/* Loading: read the file whole into private memory, undo one layer of compression, find the reader
 * by the first bytes, let it make the model. */
#include "format/format.h"

#include "base/macros.h"
#include "base/mem.h"
#include "codec/unpack.h"
#include "format/catboost/catboost.h"
#include "format/lightgbm/lightgbm.h"
#include "format/mlflow/mlflow.h"
#include "format/onnx/onnx.h"
#include "format/pickle_model.h"
#include "format/skops/skops.h"
#include "format/xgboost/xgboost.h"
#include "model/builder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint64_t MIB = UINT64_C(1) << 20;
static const uint64_t GIB = UINT64_C(1) << 30;

/* A row for each format; the first whose probe agrees reads the file. */
static const struct weir_format_reader readers[] = {
    {"mlflow", weir_format_mlflow_probe, weir_format_mlflow_load, weir_format_mlflow_describe},
    {"sklearn_skops", weir_format_skops_probe, weir_format_skops_load, weir_format_skops_describe},
    {"sklearn_pickle", weir_format_pickle_probe, weir_format_pickle_model_load,
     weir_format_pickle_model_describe},
    {"onnx", weir_format_onnx_probe, weir_format_onnx_load, weir_format_onnx_describe},
    {"catboost", weir_format_catboost_probe, weir_format_catboost_load,
     weir_format_catboost_describe},
    {"lightgbm", weir_format_lightgbm_probe, weir_format_lightgbm_load,
     weir_format_lightgbm_describe},
    {"xgboost", weir_format_xgboost_probe, weir_format_xgboost_load, weir_format_xgboost_describe},
};

struct weir_format_opts weir_format_opts_fill(const struct weir_format_opts *opts)
{
    struct weir_format_opts o = WEIR_FORMAT_OPTS_INIT;
    if (opts) {
        weir_assert(opts->version == WEIR_FORMAT_OPTS_VERSION);
        o = *opts;
    }
    const struct {
        uint64_t *field;
        uint64_t value;
    } defaults[] = {
        {&o.file_bytes_max, 2 * GIB},  {&o.inflated_bytes_max, 4 * GIB},
        {&o.inflated_ratio_max, 1100}, {&o.tree_bytes_max, 4 * GIB},
        {&o.model_bytes_max, 4 * GIB}, {&o.n_ops_max, 64 * MIB},
        {&o.n_memo_max, 16 * MIB},     {&o.n_stack_max, 1 * MIB},
        {&o.n_nodes_max, 64 * MIB},    {&o.tree_depth_max, 1024},
        {&o.n_features_max, 1 * MIB},  {&o.n_classes_max, 65536},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(defaults); i++)
        if (*defaults[i].field == 0)
            *defaults[i].field = defaults[i].value;
    if (o.nesting_max == 0)
        o.nesting_max = 256;
    return o;
}

enum weir_status weir_format_builder_init(struct weir_model_builder *b,
                                          const struct weir_format_opts *opts,
                                          struct weir_error *err)
{
    enum weir_status status = weir_model_builder_init(b, NULL, opts->model_bytes_max, err);
    if (status == WEIR_OK)
        b->limits = (struct weir_model_builder_limits){
            .n_nodes_max = opts->n_nodes_max,
            .depth_max = opts->tree_depth_max,
            .n_features_max = opts->n_features_max,
            .n_classes_max = opts->n_classes_max,
        };
    return status;
}

const struct weir_format_reader *weir_format_find(struct weir_str bytes)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(readers); i++)
        if (readers[i].probe(bytes))
            return &readers[i];
    return NULL;
}

/* --- reading the file --- */

struct contents {
    char *at; /* owned */
    size_t n;
};

static void contents_deinit(struct contents *c)
{
    weir_mem_free(weir_mem_default(), c->at);
    c->at = NULL;
}

static enum weir_status fail_io(struct weir_error *err, const char *what)
{
    int e = errno;
    return weir_error_set(err, e == ENOENT || e == ENOTDIR ? WEIR_ERR_NOT_FOUND : WEIR_ERR_IO,
                          "%s: %s", what, strerror(e));
}

/* Reads exactly n bytes and sees that the file ends there. */
static enum weir_status read_all(int fd, char *at, size_t n, struct weir_error *err)
{
    size_t done = 0;
    while (done < n) {
        ssize_t got = read(fd, at + done, n - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_io(err, "cannot read");
        if (got == 0)
            return weir_error_set(err, WEIR_ERR_IO, "became shorter while it was read");
        done += (size_t)got;
    }
    char more;
    if (read(fd, &more, 1) > 0)
        return weir_error_set(err, WEIR_ERR_IO, "became longer while it was read");
    return WEIR_OK;
}

static enum weir_status read_open(int fd, const struct weir_format_opts *opts, struct contents *out,
                                  struct weir_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail_io(err, "cannot be looked at");
    if (!S_ISREG(st.st_mode))
        return weir_error_set(err, WEIR_ERR_INVALID, "not a regular file");
    if ((uint64_t)st.st_size > opts->file_bytes_max)
        return weir_error_set(err, WEIR_ERR_LIMIT, "has %lld bytes, at most %llu are allowed",
                              (long long)st.st_size, (unsigned long long)opts->file_bytes_max);
    size_t n = (size_t)st.st_size;
    out->at = weir_mem_alloc(weir_mem_default(), weir_max_size(n, 1));
    if (!out->at)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for a file of %zu bytes", n);
    out->n = n;
    return read_all(fd, out->at, n, err);
}

static enum weir_status read_file(const char *path, const struct weir_format_opts *opts,
                                  struct contents *out, struct weir_error *err)
{
    /* Not blocking: a named pipe must not hold the loader up. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return fail_io(err, "cannot open");
    enum weir_status status = read_open(fd, opts, out, err);
    (void)close(fd); /* nothing was written */
    return status;
}

/* --- what it is --- */

static enum weir_status refuse_unknown(struct weir_str bytes, struct weir_error *err)
{
    if (bytes.n == 0)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "the file is empty");
    if (weir_str_starts(bytes, WEIR_STR("PK\x03\x04")))
        return weir_error_set(
            err, WEIR_ERR_UNSUPPORTED,
            "a zip archive that is no skops file (npz, torch or keras?), which is not "
            "supported");
    if (weir_str_starts(bytes, WEIR_STR("ZF")))
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                              "written by joblib before 0.10, whose files are not read");
    char echo[WEIR_ECHO_BUF_BYTES];
    weir_str_echo(weir_str_make(bytes.at, weir_min_size(bytes.n, 8)), echo, sizeof echo);
    return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                          "not a model file that weir knows (it begins with \"%s\")", echo);
}

/* Undoes one layer of compression: *bytes is then a view of *plain. */
static enum weir_status uncompress(struct weir_str *bytes, const struct weir_format_opts *opts,
                                   struct weir_buf *plain, struct weir_error *err)
{
    if (weir_codec_unpack_detect(*bytes) == WEIR_CODEC_UNPACK_NONE)
        return WEIR_OK;
    const struct weir_codec_inflate_limits limits = {.bytes_max = opts->inflated_bytes_max,
                                                     .ratio_max = opts->inflated_ratio_max};
    enum weir_status status = weir_codec_unpack_all(*bytes, limits, plain, err);
    if (status != WEIR_OK)
        return status;
    *bytes = weir_buf_str(plain);
    if (weir_codec_unpack_detect(*bytes) != WEIR_CODEC_UNPACK_NONE)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "compressed twice");
    return WEIR_OK;
}

/* What is to be done with a file: one of the two is not NULL. */
struct goal {
    struct weir_model **model;
    struct weir_buf *description;
    enum weir_format_describe how;
};

enum weir_status weir_format_open(struct weir_str *bytes, const struct weir_format_opts *opts,
                                  struct weir_buf *plain, const struct weir_format_reader **out,
                                  struct weir_error *err)
{
    enum weir_status status = uncompress(bytes, opts, plain, err);
    if (status != WEIR_OK)
        return status;
    *out = weir_format_find(*bytes);
    return *out ? WEIR_OK : refuse_unknown(*bytes, err);
}

bool weir_format_is_model_head(struct weir_str head)
{
    const struct weir_format_reader *reader = weir_format_find(head);
    return reader && strcmp(reader->name, "sklearn_pickle") != 0;
}

static enum weir_status read_bytes(const struct goal *goal, struct weir_str bytes,
                                   struct weir_str name, const struct weir_format_opts *opts,
                                   struct weir_error *err)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf plain = WEIR_BUF_INIT;
    const struct weir_format_reader *reader;
    if (bytes.n > opts->file_bytes_max)
        return weir_error_set(err, WEIR_ERR_LIMIT, "has %zu bytes, at most %llu are allowed",
                              bytes.n, (unsigned long long)opts->file_bytes_max);
    enum weir_status status = weir_format_open(&bytes, opts, &plain, &reader, err);
    if (status != WEIR_OK)
        return status;
    const struct weir_format_file file = {.bytes = bytes, .name = name, .opts = opts};
    return goal->model ? reader->load(goal->model, &file, err)
                       : reader->describe(goal->description, &file, goal->how, err);
}

/* Reads an MLflow folder. */
static enum weir_status read_folder(const struct goal *goal, int dir, const char *path,
                                    const struct weir_format_opts *opts, struct weir_error *err)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf bundle = WEIR_BUF_INIT;
    enum weir_status status =
        weir_format_mlflow_folder_pack(dir, opts->file_bytes_max, NULL, NULL, &bundle, err);
    return status == WEIR_OK ? read_bytes(goal, weir_buf_str(&bundle), weir_str_c(path), opts, err)
                             : status;
}

static enum weir_status read_path(const struct goal *goal, const char *path,
                                  const struct weir_format_opts *opts, struct weir_error *err)
{
    weir_assert(path);
    const struct weir_format_opts filled = weir_format_opts_fill(opts);
    WEIR_CLEANUP(contents_deinit) struct contents contents = {NULL, 0};
    int dir = weir_format_mlflow_folder_open(path);
    if (dir >= 0) {
        enum weir_status status = read_folder(goal, dir, path, &filled, err);
        (void)close(dir); /* only read from */
        return status;
    }
    enum weir_status status = read_file(path, &filled, &contents, err);
    if (status != WEIR_OK)
        return status;
    return read_bytes(goal, weir_str_make(contents.at, contents.n), weir_str_c(path), &filled, err);
}

enum weir_status weir_format_load(struct weir_model **out, const char *path,
                                  const struct weir_format_opts *opts, struct weir_error *err)
{
    weir_assert(out);
    return read_path(&(struct goal){.model = out}, path, opts, err);
}

enum weir_status weir_format_load_bytes(struct weir_model **out, const void *bytes, size_t n,
                                        const char *name, const struct weir_format_opts *opts,
                                        struct weir_error *err)
{
    weir_assert(out);
    weir_assert(bytes || n == 0);
    const struct weir_format_opts filled = weir_format_opts_fill(opts);
    return read_bytes(&(struct goal){.model = out}, weir_str_make(bytes, n), weir_str_c(name),
                      &filled, err);
}

enum weir_status weir_format_describe(struct weir_buf *out, const char *path,
                                      enum weir_format_describe how,
                                      const struct weir_format_opts *opts, struct weir_error *err)
{
    weir_assert(out);
    return read_path(&(struct goal){.description = out, .how = how}, path, opts, err);
}

enum weir_status weir_format_describe_bytes(struct weir_buf *out, const void *bytes, size_t n,
                                            const char *name, enum weir_format_describe how,
                                            const struct weir_format_opts *opts,
                                            struct weir_error *err)
{
    weir_assert(out);
    weir_assert(bytes || n == 0);
    const struct weir_format_opts filled = weir_format_opts_fill(opts);
    return read_bytes(&(struct goal){.description = out, .how = how}, weir_str_make(bytes, n),
                      weir_str_c(name), &filled, err);
}
