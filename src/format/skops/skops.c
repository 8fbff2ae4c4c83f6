/* SPDX-License-Identifier: MIT */
/* From the archive to the tree, the model and the description. */
#include "format/skops/skops.h"

#include "base/mem.h"
#include "format/describe.h"
#include "format/sklearn/sklearn.h"
#include "format/skops/priv.h"

#include <stdarg.h>
#include <stdio.h>

enum { PROTOCOL_MAX = 2 };

static const char SCHEMA[] = "schema.json";

enum weir_status weir_format_skops_fail(struct weir_format_skops *s, enum weir_status code,
                                        const char *fmt, ...)
{
    char reason[WEIR_ERROR_MSG_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(reason, sizeof reason, fmt, args); /* a cut message is still a message */
    va_end(args);
    return weir_error_set(s->m.err, code, "%s: %s", SCHEMA, reason);
}

bool weir_format_skops_probe(struct weir_str bytes)
{
    if (!weir_codec_archive_probe(bytes))
        return false;
    WEIR_CLEANUP(weir_codec_archive_close) struct weir_codec_archive a = WEIR_CODEC_ARCHIVE_INIT;
    const struct weir_codec_inflate_limits limits = {0, 0};
    return weir_codec_archive_open(&a, bytes, limits, NULL) == WEIR_OK &&
           weir_codec_archive_has(&a, SCHEMA);
}

static enum weir_status read_root(struct weir_format_skops *s, yyjson_val *root)
{
    yyjson_val *protocol = yyjson_obj_get(root, "protocol");
    /* The first releases did not write it. */
    uint64_t n = protocol ? yyjson_get_uint(protocol) : 0;
    if (n > PROTOCOL_MAX || (protocol && !yyjson_is_uint(protocol)))
        return weir_format_skops_fail(s, WEIR_ERR_UNSUPPORTED, "protocol %llu of skops",
                                      (unsigned long long)n);
    s->m.protocol = (uint32_t)n;
    return weir_format_skops_nodes_read(s, root);
}

static enum weir_status read_schema(struct weir_format_skops *s)
{
    struct weir_str schema;
    enum weir_status status =
        weir_codec_archive_read(&s->archive, SCHEMA, s->m.arena, &schema, s->m.err);
    if (status != WEIR_OK)
        return status == WEIR_ERR_NOT_FOUND ? WEIR_ERR_UNSUPPORTED : status;
    yyjson_doc *doc = NULL;
    status = weir_format_skops_plain_parse_json(s, schema, &doc);
    if (status != WEIR_OK)
        return status;
    status = read_root(s, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    return status;
}

static void skops_deinit(struct weir_format_skops *s)
{
    weir_format_pickle_machine_deinit(&s->m);
    weir_codec_archive_close(&s->archive);
    weir_mem_free(weir_mem_default(), s->seen);
}

enum weir_status weir_format_skops_parse(struct weir_format_pickle *out, struct weir_str bytes,
                                         const struct weir_format_opts *opts,
                                         struct weir_arena *arena, struct weir_error *err)
{
    WEIR_CLEANUP(skops_deinit)
    struct weir_format_skops s = {.m = {.begin = bytes.at,
                                        .at = bytes.at,
                                        .op = bytes.at,
                                        .end = bytes.at + bytes.n,
                                        .opts = opts,
                                        .arena = arena,
                                        .place = SCHEMA,
                                        .err = err}};
    const struct weir_codec_inflate_limits limits = {.bytes_max = opts->inflated_bytes_max,
                                                     .ratio_max = opts->inflated_ratio_max};
    enum weir_status status = weir_codec_archive_open(&s.archive, bytes, limits, err);
    if (status == WEIR_OK)
        status = read_schema(&s);
    if (status != WEIR_OK)
        return status;
    weir_assert(s.m.n_stack == 1);
    *out = (struct weir_format_pickle){
        .root = s.m.stack[0],
        .n_nodes = s.m.n_nodes,
        .n_ops = s.m.n_ops,
        .protocol = s.m.protocol,
        .container = "skops",
    };
    return WEIR_OK;
}

enum weir_status weir_format_skops_load(struct weir_model **out,
                                        const struct weir_format_file *file, struct weir_error *err)
{
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena arena = WEIR_ARENA_INIT;
    weir_arena_init(&arena, NULL, file->opts->tree_bytes_max);
    struct weir_format_pickle tree;
    enum weir_status status = weir_format_skops_parse(&tree, file->bytes, file->opts, &arena, err);
    return status == WEIR_OK ? weir_format_sklearn_build(out, &tree, file->opts, err) : status;
}

enum weir_status weir_format_skops_describe(struct weir_buf *out,
                                            const struct weir_format_file *file,
                                            enum weir_format_describe how, struct weir_error *err)
{
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena arena = WEIR_ARENA_INIT;
    weir_arena_init(&arena, NULL, file->opts->tree_bytes_max);
    struct weir_format_pickle tree;
    enum weir_status status = weir_format_skops_parse(&tree, file->bytes, file->opts, &arena, err);
    if (status != WEIR_OK)
        return status;
    return how == WEIR_FORMAT_DESCRIBE_JSON ? weir_format_describe_json(out, &tree, err)
                                            : weir_format_describe_text(out, &tree, err);
}
