/* SPDX-License-Identifier: MIT */
#include "test_catalog.h"

#include "base/macros.h"

#include <string.h>

static const struct test_catalog *of(const struct weir_protocol_catalog *catalog)
{
    return (const struct test_catalog *)(const void *)catalog; /* It is the first member. */
}

static bool is_ready(const struct weir_protocol_catalog *catalog, struct weir_str *reason)
{
    *reason = weir_str_c(of(catalog)->unready ? of(catalog)->unready : "");
    return !of(catalog)->unready;
}

static size_t n_models(const struct weir_protocol_catalog *catalog)
{
    return of(catalog)->n_models;
}

static void model(const struct weir_protocol_catalog *catalog, size_t i,
                  struct weir_protocol_model *out)
{
    const struct test_catalog_model *m = &of(catalog)->models[i];
    *out = (struct weir_protocol_model){
        .name = m->name, .n_versions = m->n_versions, .n_serving = m->n_serving, .entry = m};
}

static void version(const struct weir_protocol_catalog *catalog,
                    const struct weir_protocol_model *m, size_t i,
                    struct weir_protocol_version *out)
{
    (void)catalog;
    *out = ((const struct test_catalog_model *)m->entry)->versions[i];
}

static bool is_number(struct weir_str text, uint64_t number)
{
    uint64_t n;
    return weir_str_to_u64(text, UINT64_MAX, &n) && n == number;
}

static enum weir_status find(const struct weir_protocol_catalog *catalog,
                             const struct weir_protocol_target *target,
                             struct weir_protocol_model *m, struct weir_protocol_version *v,
                             struct weir_error *err)
{
    const struct test_catalog *c = of(catalog);
    *v = (struct weir_protocol_version){0};
    for (size_t i = 0; i < c->n_models; i++) {
        const struct test_catalog_model *found = &c->models[i];
        if (target->model.n > 0 && !weir_str_eq(found->name, target->model))
            continue;
        model(catalog, i, m);
        if (found->n_serving == 0) {
            *v = found->versions[0];
            return weir_error_set(err, WEIR_ERR_BUSY, "not served");
        }
        *v = found->versions[found->n_serving - 1];
        for (size_t k = 0; target->version.n > 0 && k < found->n_serving; k++) {
            *v = found->versions[k];
            if (is_number(target->version, v->number))
                return WEIR_OK;
        }
        return target->version.n > 0 ? weir_error_set(err, WEIR_ERR_NOT_FOUND, "no such version")
                                     : WEIR_OK;
    }
    return weir_error_set(err, WEIR_ERR_NOT_FOUND, "no such model");
}

static void statistics(const struct weir_protocol_catalog *catalog,
                       const struct weir_protocol_version *v, struct weir_protocol_statistics *out)
{
    (void)v;
    *out = of(catalog)->statistics;
}

static const struct weir_protocol_catalog_ops ops_of_test = {
    .is_ready = is_ready,
    .n_models = n_models,
    .model = model,
    .version = version,
    .find = find,
    .statistics = statistics,
};

void test_catalog_init(struct test_catalog *catalog)
{
    catalog->catalog.ops = &ops_of_test;
}

struct test_catalog test_catalog_of(const struct weir_spec *spec)
{
    struct test_catalog c = {.n_models = 1};
    test_catalog_init(&c);
    c.models[0] = (struct test_catalog_model){
        .name = WEIR_STR("m"),
        .n_versions = 1,
        .n_serving = 1,
        .versions = {{.number = 1, .state = WEIR_STR("ready"), .spec = spec}},
    };
    return c;
}

enum weir_status test_catalog_page(const struct test_catalog *catalog,
                                   const struct weir_protocol_ops *ops, const char *pattern,
                                   const char *model_name, const char *version_text,
                                   struct weir_buf *buf, struct weir_error *err)
{
    struct weir_protocol_question question = {.route = NULL};
    for (size_t i = 0; i < ops->n_routes && !question.route; i++) {
        if (strcmp(ops->routes[i].pattern, pattern) == 0)
            question.route = &ops->routes[i];
    }
    weir_assert(question.route);
    if (model_name)
        question.target.model = weir_str_c(model_name);
    if (version_text)
        question.target.version = weir_str_c(version_text);
    struct weir_protocol_page page = {.status = 200, .body = buf};
    return ops->page(&question, &catalog->catalog, &page, err);
}
