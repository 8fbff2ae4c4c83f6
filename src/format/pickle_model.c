/* SPDX-License-Identifier: MIT */
/* From pickle to model: the value tree lives in an arena of its own that goes when the model is
 * made. */
#include "format/pickle_model.h"

#include "base/macros.h"
#include "format/describe.h"
#include "format/sklearn/sklearn.h"

enum weir_status weir_format_pickle_model_load(struct weir_model **out,
                                               const struct weir_format_file *file,
                                               struct weir_error *err)
{
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena arena = WEIR_ARENA_INIT;
    weir_arena_init(&arena, NULL, file->opts->tree_bytes_max);
    struct weir_format_pickle pickle;
    enum weir_status status =
        weir_format_pickle_parse(&pickle, file->bytes, file->opts, &arena, err);
    if (status != WEIR_OK)
        return status;
    return weir_format_sklearn_build(out, &pickle, file->opts, err);
}

enum weir_status weir_format_pickle_model_describe(struct weir_buf *out,
                                                   const struct weir_format_file *file,
                                                   enum weir_format_describe how,
                                                   struct weir_error *err)
{
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena arena = WEIR_ARENA_INIT;
    weir_arena_init(&arena, NULL, file->opts->tree_bytes_max);
    struct weir_format_pickle pickle;
    enum weir_status status =
        weir_format_pickle_parse(&pickle, file->bytes, file->opts, &arena, err);
    if (status != WEIR_OK)
        return status;
    return how == WEIR_FORMAT_DESCRIBE_JSON ? weir_format_describe_json(out, &pickle, err)
                                            : weir_format_describe_text(out, &pickle, err);
}
