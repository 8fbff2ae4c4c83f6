/* SPDX-License-Identifier: MIT */
/* The fields that are looked at, and no others: files of every MLflow since 1.0 have them. */
#include "format/mlflow/mlmodel.h"

#include "base/buf.h"
#include "base/macros.h"
#include "codec/yaml.h"

#include <yyjson.h>

enum { COLUMNS_MAX = 1 << 20 };

/* A flavour, and under which keys it names its data file and the model's class. */
static const struct {
    const char *name;
    const char *data_key;
    const char *class_key;
} flavors[] = {
    {"sklearn", "pickled_model", "model_class"},
    {"xgboost", "data", "model_class"},
    {"lightgbm", "data", "model_class"},
    {"catboost", "data", "model_type"},
    {"onnx", "data", "model_class"},
};

static enum weir_status invalid(struct weir_error *err, const char *what)
{
    return weir_error_set(err, WEIR_ERR_INVALID, "MLmodel: %s", what);
}

static struct weir_yaml *find(const struct weir_yaml *map, const char *key)
{
    return map && map->kind == WEIR_YAML_MAP ? weir_codec_yaml_find(map, weir_str_c(key)) : NULL;
}

/* Returns a text member; at == NULL: there is none. */
static struct weir_str text_of(const struct weir_yaml *map, const char *key)
{
    const struct weir_yaml *v = find(map, key);
    return v && v->kind == WEIR_YAML_SCALAR ? v->text : (struct weir_str){NULL, 0};
}

/* A path stays in the folder when it is relative and no part of it is "..", "." or empty. */
static bool is_inside(struct weir_str path)
{
    if (path.n == 0 || path.n > 1024 || memchr(path.at, '\0', path.n))
        return false;
    struct weir_str rest = path;
    while (rest.at) {
        struct weir_str part = weir_str_split(&rest, '/');
        if (part.n == 0 || weir_str_eq_c(part, ".") || weir_str_eq_c(part, ".."))
            return false;
    }
    return true;
}

static enum weir_status refuse_flavors(const struct weir_yaml *map, struct weir_error *err)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf names = WEIR_BUF_INIT;
    for (size_t i = 0; i + 1 < map->n_children && names.n < 120; i += 2) {
        char echo[WEIR_ECHO_BUF_BYTES];
        const struct weir_yaml *key = map->children[i];
        if (key->kind == WEIR_YAML_SCALAR && !weir_str_eq_c(key->text, "python_function"))
            weir_buf_printf(&names, "%s%s", names.n ? ", " : "",
                            weir_str_echo(key->text, echo, sizeof echo));
    }
    const char *text = weir_buf_c(&names);
    return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                          "MLmodel: flavour %s is not served; sklearn, xgboost, lightgbm, catboost "
                          "and onnx are",
                          text && *text ? text : "python_function alone");
}

/* Takes the flavour and the path of its data. Before 1.23 some flavours named it in
 * python_function only. */
static enum weir_status read_flavor(struct weir_format_mlmodel *m, const struct weir_yaml *root,
                                    struct weir_error *err)
{
    const struct weir_yaml *map = find(root, "flavors");
    const struct weir_yaml *function = find(map, "python_function");
    if (!map || map->kind != WEIR_YAML_MAP)
        return invalid(err, "has no flavors");
    for (size_t i = 0; i < WEIR_ARRAY_LEN(flavors) && !m->flavor.at; i++) {
        const struct weir_yaml *flavor = find(map, flavors[i].name);
        if (!flavor)
            continue;
        m->flavor = weir_str_c(flavors[i].name);
        m->data = text_of(flavor, flavors[i].data_key);
        m->model_class = text_of(flavor, flavors[i].class_key);
    }
    if (!m->flavor.at)
        return refuse_flavors(map, err);
    m->predict_fn = text_of(function, "predict_fn");
    if (!m->data.at)
        m->data = text_of(function, "model_path");
    if (!m->data.at)
        m->data = text_of(function, "data");
    if (!m->data.at)
        return invalid(err, "does not say where the model's data is");
    return is_inside(m->data) ? WEIR_OK : invalid(err, "names a data file outside its folder");
}

/* --- the signature --- */

static enum weir_status read_column(yyjson_val *v, struct weir_arena *arena,
                                    struct weir_format_mlmodel_column *out, struct weir_error *err)
{
    const char *name = yyjson_get_str(yyjson_obj_get(v, "name"));
    yyjson_val *required = yyjson_obj_get(v, "required");
    *out = (struct weir_format_mlmodel_column){
        .is_text = yyjson_equals_str(yyjson_obj_get(v, "type"), "string"),
        .is_required = !required || yyjson_get_bool(required),
        .is_float = yyjson_equals_str(yyjson_obj_get(v, "type"), "float"),
        .is_whole = yyjson_equals_str(yyjson_obj_get(v, "type"), "long") ||
                    yyjson_equals_str(yyjson_obj_get(v, "type"), "integer"),
    };
    if (name)
        out->name = weir_arena_str(arena, weir_str_c(name));
    return name && !out->name.at ? weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory") : WEIR_OK;
}

/* A list of columns; a tensor has no columns to tell of. */
static enum weir_status read_columns(struct weir_format_mlmodel *m, yyjson_val *list,
                                     struct weir_arena *arena, struct weir_error *err)
{
    size_t n = yyjson_arr_size(list);
    if (!yyjson_is_arr(list) || n == 0 || n > COLUMNS_MAX)
        return invalid(err, "its signature is no list of columns");
    if (yyjson_equals_str(yyjson_obj_get(yyjson_arr_get_first(list), "type"), "tensor"))
        return WEIR_OK;
    struct weir_format_mlmodel_column *columns = weir_arena_zarray(arena, n, sizeof *columns);
    if (!columns)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory");
    size_t i, n_all;
    yyjson_val *v;
    yyjson_arr_foreach(list, i, n_all, v)
    {
        enum weir_status status = read_column(v, arena, &columns[i], err);
        if (status != WEIR_OK)
            return status;
    }
    m->columns = columns;
    m->n_columns = n;
    return WEIR_OK;
}

static enum weir_status read_signature(struct weir_format_mlmodel *m, const struct weir_yaml *root,
                                       struct weir_arena *arena, struct weir_error *err)
{
    struct weir_str text = text_of(find(root, "signature"), "inputs");
    if (!text.at || text.n == 0)
        return WEIR_OK;
    yyjson_doc *doc = yyjson_read(text.at, text.n, 0);
    if (!doc)
        return invalid(err, "its signature is not JSON");
    enum weir_status status = read_columns(m, yyjson_doc_get_root(doc), arena, err);
    yyjson_doc_free(doc);
    return status;
}

enum weir_status weir_format_mlflow_mlmodel_parse(struct weir_format_mlmodel *out,
                                                  struct weir_str text, struct weir_arena *arena,
                                                  struct weir_error *err)
{
    const struct weir_yaml_limits limits = WEIR_YAML_LIMITS_DEFAULT;
    struct weir_yaml *root = NULL;
    struct weir_error reason = WEIR_ERROR_INIT;
    *out = (struct weir_format_mlmodel){.n_columns = 0};
    enum weir_status status = weir_codec_yaml_parse(&root, arena, text, &limits, &reason);
    if (status != WEIR_OK)
        return weir_error_set(err, status, "MLmodel: %s", reason.msg);
    status = read_flavor(out, root, err);
    if (status == WEIR_OK)
        status = read_signature(out, root, arena, err);
    out->version = text_of(root, "mlflow_version");
    struct weir_str example = text_of(find(root, "saved_input_example_info"), "artifact_path");
    if (example.at && is_inside(example))
        out->example = example;
    return status;
}
