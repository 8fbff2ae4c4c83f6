/* SPDX-License-Identifier: MIT */
#include "model/onnx_api.h"

#include "base/log.h"
#include "base/macros.h"
#include "base/mem.h"
#include "model/onnx_find_priv.h"

#include <onnxruntime_c_api.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* The library stays open until the process ends: it has threads and destructors of its own. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct weir_model_onnx_api opened;                   /* under mutex until is_open */
static _Atomic(const struct weir_model_onnx_api *) is_open; /* release store pairs with acquire */

static void ORT_API_CALL on_message(void *ctx, OrtLoggingLevel severity, const char *category,
                                    const char *id, const char *place, const char *message)
{
    (void)ctx;
    (void)severity;
    (void)id;
    weir_log_debug("onnxruntime", WEIR_LOG_C("category", category), WEIR_LOG_C("at", place),
                   WEIR_LOG_C("message", message));
}

enum weir_status weir_model_onnx_api_status(const struct weir_model_onnx_api *api,
                                            struct OrtStatus *status, struct weir_error *err)
{
    if (!status)
        return WEIR_OK;
    enum weir_status code = WEIR_ERR_INTERNAL;
    switch (api->ort->GetErrorCode(status)) {
    case ORT_INVALID_PROTOBUF:
        code = WEIR_ERR_CORRUPT;
        break;
    case ORT_INVALID_ARGUMENT:
    case ORT_INVALID_GRAPH:
    case ORT_NO_MODEL:
    case ORT_FAIL:
        code = WEIR_ERR_INVALID;
        break;
    case ORT_NOT_IMPLEMENTED:
        code = WEIR_ERR_UNSUPPORTED;
        break;
    case ORT_NO_SUCHFILE:
        code = WEIR_ERR_NOT_FOUND;
        break;
    case ORT_OK:
    case ORT_ENGINE_ERROR:
    case ORT_RUNTIME_EXCEPTION:
    case ORT_MODEL_LOADED:
    case ORT_EP_FAIL:
    default: /* newer libraries have more */
        break;
    }
    (void)weir_error_set(err, code, "ONNX Runtime: %s", api->ort->GetErrorMessage(status));
    api->ort->ReleaseStatus(status);
    return code;
}

/* Finds whether a version like "1.23.2" is new enough; what comes after 1 is, too. */
static bool is_new_enough(const char *version)
{
    struct weir_str rest = weir_str_c(version);
    uint64_t major, minor;
    if (!weir_str_to_u64(weir_str_split(&rest, '.'), 1000, &major) ||
        !weir_str_to_u64(weir_str_split(&rest, '.'), 100000, &minor))
        return false;
    return major > 1 || (major == 1 && minor >= WEIR_MODEL_ONNX_API_VERSION);
}

/* The runtime reads it when it begins. */
static void forbid_telemetry(void)
{
    (void)setenv("ORT_DISABLE_TELEMETRY", "1", 1);
}

/* Returns the library's first table of calls; NULL: it is another library, or none. */
static const OrtApiBase *base_of(void *handle)
{
    const OrtApiBase *(*base)(void) = NULL;
    void *symbol = handle ? dlsym(handle, "OrtGetApiBase") : NULL;
    if (!symbol)
        return NULL;
    memcpy(&base, &symbol, sizeof base); /* POSIX: dlsym's pointer holds a function's */
    return base();
}

/* Asks an opened file for its calls. GetApi with a version that it does not have would print: the
 * version is looked at first. */
static enum weir_status ask(void *handle, const char *path, struct weir_model_onnx_api *out,
                            struct weir_error *err)
{
    const OrtApiBase *calls = base_of(handle);
    if (!calls)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "%s is not ONNX Runtime", path);
    const char *version = calls->GetVersionString();
    if (!is_new_enough(version))
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                              "%s is ONNX Runtime %s; 1.%d or newer is needed", path, version,
                              WEIR_MODEL_ONNX_API_VERSION);
    out->ort = calls->GetApi(WEIR_MODEL_ONNX_API_VERSION);
    if (!out->ort)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "%s (ONNX Runtime %s) has no API %d", path,
                              version, WEIR_MODEL_ONNX_API_VERSION);
    out->version = version;
    enum weir_status status = weir_model_onnx_api_status(
        out,
        out->ort->CreateEnvWithCustomLogger(on_message, NULL, ORT_LOGGING_LEVEL_WARNING, "weir",
                                            &out->env),
        err);
    if (status != WEIR_OK)
        return status;
    return weir_model_onnx_api_status(out, out->ort->DisableTelemetryEvents(out->env), err);
}

/* Opens one file. WEIR_ERR_NOT_FOUND: it is not there, or not loadable on this machine. */
static enum weir_status open_file(void *ctx, const char *path, struct weir_error *err)
{
    struct weir_model_onnx_api *out = ctx;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *why = dlerror();
        return weir_error_set(err, WEIR_ERR_NOT_FOUND, "%s", why ? why : path);
    }
    enum weir_status status = ask(handle, path, out, err);
    if (status != WEIR_OK) {
        (void)dlclose(handle); /* It was not used. */
        return status;
    }
    out->path = weir_mem_strndup(weir_mem_default(), path, strlen(path));
    return WEIR_OK;
}

enum weir_status weir_model_onnx_api_open(const struct weir_model_onnx_api **out,
                                          struct weir_str library, struct weir_error *err)
{
    weir_assert(out);
    /* Sees the contents of opened: pairs with the release store below. */
    const struct weir_model_onnx_api *api = atomic_load_explicit(&is_open, memory_order_acquire);
    if (api) {
        *out = api;
        return WEIR_OK;
    }
    (void)pthread_mutex_lock(&mutex);
    enum weir_status status = WEIR_OK;
    if (!atomic_load_explicit(&is_open, memory_order_relaxed)) {
        forbid_telemetry();
        status = weir_model_onnx_find_each(library, open_file, &opened, err);
        if (status == WEIR_OK)
            atomic_store_explicit(&is_open, &opened, memory_order_release);
    }
    (void)pthread_mutex_unlock(&mutex);
    if (status == WEIR_OK)
        *out = &opened;
    return status;
}

/* Asks one file for its version, and leaves it open: it may be the one that is used later. */
static enum weir_status look_at_file(void *ctx, const char *path, struct weir_error *err)
{
    const char **out = ctx;
    const OrtApiBase *calls = base_of(dlopen(path, RTLD_NOW | RTLD_LOCAL));
    if (!calls || !is_new_enough(calls->GetVersionString()))
        return weir_error_set(err, WEIR_ERR_NOT_FOUND, "%s", path);
    *out = calls->GetVersionString();
    return WEIR_OK;
}

const char *weir_model_onnx_api_look(struct weir_str library)
{
    const struct weir_model_onnx_api *api = atomic_load_explicit(&is_open, memory_order_acquire);
    const char *version = NULL;
    if (api)
        return api->version;
    (void)pthread_mutex_lock(&mutex);
    forbid_telemetry();
    enum weir_status status = weir_model_onnx_find_each(library, look_at_file, &version, NULL);
    (void)pthread_mutex_unlock(&mutex);
    return status == WEIR_OK ? version : NULL;
}
