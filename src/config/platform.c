/* SPDX-License-Identifier: MIT */
/* What the container platforms say: SageMaker and Vertex AI start a container without arguments of
 * ours, and tell it by its environment and its folders what to serve and where. What is read here
 * are defaults: file, WEIR_ variables and flags go before them.
 *
 *     Vertex AI   is told by AIP_HTTP_PORT, AIP_PREDICT_ROUTE, AIP_HEALTH_ROUTE or AIP_MODE
 *     SageMaker   is told by any SAGEMAKER_ variable, or by the folder /opt/ml/model (SM_MODEL_DIR
 *                 names another)
 *
 * Vertex AI: "Custom container requirements for prediction", 2026. SageMaker: "Custom Inference
 * Code with Hosting Services", 2026. */
#include "base/macros.h"
#include "config/read_priv.h"

#include <stdio.h>
#include <sys/stat.h>

#define MODEL_FOLDER "/opt/ml/model"

/* The variables of interest; at NULL: not set. An empty one counts as not set. */
struct platform {
    struct weir_str http_port, health_route, predict_route, mode, storage; /* AIP_… */
    struct weir_str bind_port, model_folder;
    bool has_sagemaker; /* any variable of SageMaker's is set */
};

static void read_variable(struct platform *p, struct weir_str name, struct weir_str value)
{
    const struct {
        const char *name;
        struct weir_str *to;
    } rows[] = {
        {"AIP_HTTP_PORT", &p->http_port},         {"AIP_HEALTH_ROUTE", &p->health_route},
        {"AIP_PREDICT_ROUTE", &p->predict_route}, {"AIP_MODE", &p->mode},
        {"AIP_STORAGE_URI", &p->storage},         {"SAGEMAKER_BIND_TO_PORT", &p->bind_port},
        {"SM_MODEL_DIR", &p->model_folder},
    };
    if (value.n == 0)
        return;
    p->has_sagemaker |= weir_str_starts(name, WEIR_STR("SAGEMAKER_"));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        if (weir_str_eq_c(name, rows[i].name))
            *rows[i].to = value;
    }
}

static enum weir_status set(struct weir_config *config, enum weir_config_option option,
                            const char *variable, struct weir_str value, struct weir_error *err)
{
    enum weir_status status =
        weir_config_read_set(config, option, value, WEIR_CONFIG_FROM_PLATFORM, err);
    if (status != WEIR_OK)
        (void)weir_error_prefix(err, "%s", variable);
    return status;
}

/* Listens on all addresses: the platform's network is the container's own. */
static enum weir_status set_listen(struct weir_config *config, const char *variable,
                                   struct weir_str port, struct weir_error *err)
{
    char text[64];
    uint64_t number = 8080;
    if (port.n > 0 && (!weir_str_to_u64(port, 65535, &number) || number == 0))
        return weir_error_set(err, WEIR_ERR_INVALID, "%s: expected a port, 1 to 65535", variable);
    (void)snprintf(text, sizeof text, "0.0.0.0:%u", (unsigned)number);
    return set(config, WEIR_CONFIG_OPTION_listen, variable, weir_str_c(text), err);
}

/* Takes AIP_STORAGE_URI where it is a path of this machine. */
static enum weir_status set_storage(struct weir_config *config, struct weir_str uri,
                                    struct weir_error *err)
{
    if (weir_str_starts(uri, WEIR_STR("file://")))
        uri = weir_str_make(uri.at + 7, uri.n - 7);
    if (uri.n > 0 && uri.at[0] == '/')
        return set(config, WEIR_CONFIG_OPTION_models, "AIP_STORAGE_URI", uri, err);
    return weir_config_read_warn(
        config, WEIR_STR("AIP_STORAGE_URI is no path of this machine: buckets are not read, put "
                         "the models into the image or mount them"));
}

static enum weir_status read_vertex(struct weir_config *config, const struct platform *p,
                                    struct weir_error *err)
{
    enum weir_status status = set_listen(config, "AIP_HTTP_PORT", p->http_port, err);
    if (status == WEIR_OK && p->health_route.n > 0)
        status =
            set(config, WEIR_CONFIG_OPTION_health_route, "AIP_HEALTH_ROUTE", p->health_route, err);
    if (status == WEIR_OK && p->predict_route.n > 0)
        status = set(config, WEIR_CONFIG_OPTION_predict_route, "AIP_PREDICT_ROUTE",
                     p->predict_route, err);
    if (status == WEIR_OK && p->storage.n > 0)
        status = set_storage(config, p->storage, err);
    return status;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static enum weir_status read_sagemaker(struct weir_config *config, const struct platform *p,
                                       struct weir_error *err)
{
    /* Values of the environment end with a NUL. */
    const char *folder = p->model_folder.n > 0 ? p->model_folder.at : MODEL_FOLDER;
    bool has_folder = is_folder(folder);
    if (!has_folder && !p->has_sagemaker)
        return WEIR_OK;
    enum weir_status status = set_listen(config, "SAGEMAKER_BIND_TO_PORT", p->bind_port, err);
    if (status == WEIR_OK && has_folder)
        status = set(config, WEIR_CONFIG_OPTION_models, "SM_MODEL_DIR", weir_str_c(folder), err);
    return status;
}

enum weir_status weir_config_platform_read(struct weir_config *config, char *const *env,
                                           struct weir_error *err)
{
    struct platform p = {.has_sagemaker = false};
    if (!env)
        return WEIR_OK;
    for (size_t i = 0; env[i]; i++) {
        struct weir_str value = weir_str_c(env[i]);
        struct weir_str name = weir_str_split(&value, '=');
        if (value.at)
            read_variable(&p, name, value);
    }
    if (p.http_port.n > 0 || p.health_route.n > 0 || p.predict_route.n > 0 || p.mode.n > 0)
        return read_vertex(config, &p, err);
    return read_sagemaker(config, &p, err);
}
