/* SPDX-License-Identifier: MIT */
#include "repo/reference.h"

#include "base/macros.h"
#include "codec/yaml.h"
#include "gate/gate_file.h"

#include <stdio.h>

enum weir_status weir_repo_reference_init(struct weir_repo_reference *reference,
                                          const struct weir_config_model *options)
{
    *reference = (struct weir_repo_reference){0};
    if (options->quality == WEIR_CONFIG_QUALITY_OFF)
        return WEIR_OK;
    reference->is_wanted = true;
    if (options->drift_reference.n > 0) {
        reference->file = weir_mem_strndup(weir_mem_default(), options->drift_reference.at,
                                           options->drift_reference.n);
        return reference->file ? WEIR_OK : WEIR_ERR_NO_MEMORY;
    }
    if (options->gate)
        weir_codec_yaml_append(&reference->gate, options->gate);
    return weir_buf_ok(&reference->gate) ? WEIR_OK : WEIR_ERR_NO_MEMORY;
}

void weir_repo_reference_deinit(struct weir_repo_reference *reference)
{
    weir_mem_free(weir_mem_default(), reference->file);
    weir_buf_deinit(&reference->gate);
    *reference = (struct weir_repo_reference){0};
}

static enum weir_status read_file(const char *path, const struct weir_live_reference_opts *opts,
                                  struct weir_version *version, struct weir_error *err)
{
    struct weir_live_reference *made = NULL;
    enum weir_status status =
        weir_live_reference_read(&made, path, version->model, opts, weir_mem_default(), err);
    version->reference = made;
    return status;
}

/* Finds the holdout of the gate, and reads it without the columns that are no features. */
static enum weir_status read_holdout(const struct weir_repo_reference *reference,
                                     const char *folder, struct weir_live_reference_opts *opts,
                                     struct weir_version *version, struct weir_error *err)
{
    static const struct weir_yaml_limits limits = WEIR_YAML_LIMITS_DEFAULT;
    struct weir_arena arena;
    struct weir_yaml *yaml = NULL;
    struct weir_gate_file *gate = NULL;
    enum weir_status status = WEIR_OK;
    weir_arena_init(&arena, NULL, 0);
    if (reference->gate.n > 0)
        status = weir_codec_yaml_parse(&yaml, &arena, weir_buf_str(&reference->gate), &limits, err);
    struct weir_gate_file_place place = {
        .folder = folder, .model = version->name.at, .yaml = yaml, .yaml_name = "model_options"};
    if (status == WEIR_OK)
        status = weir_gate_file_read(&gate, &place, err);
    if (status == WEIR_OK && gate && gate->holdout.n > 0) {
        opts->others[0] = gate->label.n > 0 ? gate->label.at : NULL;
        opts->others[1] = gate->weight.n > 0 ? gate->weight.at : NULL;
        if (!weir_gate_file_allows(gate, gate->holdout.at))
            status = weir_error_set(err, WEIR_ERR_INVALID, "%s lies outside of the model's folder",
                                    gate->holdout.at);
        else
            status = read_file(gate->holdout.at, opts, version, err);
    }
    weir_gate_file_free(gate);
    weir_arena_deinit(&arena);
    return status;
}

void weir_repo_reference_read(const struct weir_repo_reference *reference, const char *folder,
                              bool (*is_over)(void *ctx), void *ctx, struct weir_version *version)
{
    weir_assert(version);
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_live_reference_opts opts = {.is_over = is_over, .ctx = ctx};
    enum weir_status status = WEIR_OK;
    if (!reference->is_wanted)
        return;
    if (reference->file) {
        WEIR_CLEANUP(weir_buf_deinit) struct weir_buf path = WEIR_BUF_INIT;
        if (reference->file[0] != '/')
            weir_buf_printf(&path, "%s/", folder);
        weir_buf_append_c(&path, reference->file);
        const char *name = weir_buf_c(&path);
        status = name ? read_file(name, &opts, version, &err)
                      : weir_error_set(&err, WEIR_ERR_NO_MEMORY, "out of memory");
    } else {
        status = read_holdout(reference, folder, &opts, version, &err);
    }
    if (status != WEIR_OK)
        (void)snprintf(version->reference_why, sizeof version->reference_why, "%s",
                       err.msg[0] ? err.msg : weir_status_text(status)); /* It may be cut. */
}
