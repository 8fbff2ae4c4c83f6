/* SPDX-License-Identifier: MIT */
/* Any bytes as a gate, or behind a '!' as smoke rows. A gate that is refused names its place; one
 * that is taken has bounds, rules that parse, paths below its folder, and is the same when it is
 * read again. Smoke rows are held against a model of two features. */
#include "base/macros.h"
#include "gate/gate_file.h"
#include "gate/smoke.h"
#include "test_linear.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_smoke(struct weir_str text)
{
    static const double weights[] = {1, 2};
    static struct weir_model *model; /* for all inputs */
    struct weir_error err = WEIR_ERROR_INIT;
    if (!model)
        model = weir_test_linear_model(2, weights, 0);
    enum weir_status scanned = weir_gate_smoke_scan(text, &err);
    weir_assert(scanned == WEIR_OK || err.msg[0]);
    enum weir_status status = weir_gate_smoke_check(model, text, &err);
    weir_assert(scanned == WEIR_OK || status == scanned);
    weir_assert(status == WEIR_OK || status == WEIR_ERR_INVALID || status == WEIR_ERR_LIMIT);
}

static bool is_below(struct weir_str path)
{
    return path.n == 0 ||
           (weir_str_starts(path, WEIR_STR("nowhere/")) && !memmem(path.at, path.n, "/../", 4) &&
            !weir_str_ends(path, WEIR_STR("/..")));
}

static void check_gate(struct weir_str text)
{
    struct weir_gate_file *once = NULL;
    struct weir_gate_file *twice = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    enum weir_status status = weir_gate_file_parse(&once, text, "g", "nowhere", false, &err);
    weir_assert((status == WEIR_OK) == (once != NULL));
    weir_assert(once || strncmp(err.msg, "g:", 2) == 0);
    if (!once)
        return;
    weir_assert(weir_gate_file_parse(&twice, text, "g", "nowhere", false, &err) == WEIR_OK);
    weir_assert(memcmp(once->digest, twice->digest, sizeof once->digest) == 0);
    weir_assert(once->timeout_ns > 0 && once->rows_max > 0 && once->memory_max > 0);
    weir_assert(once->alpha > 0 && once->alpha < 1);
    weir_assert((once->holdout.n > 0) == (once->label.n > 0));
    weir_assert((once->rules.n > 0) == (once->list.n_rules > 0));
    weir_assert(is_below(once->holdout) && is_below(once->report));
    weir_gate_file_free(once);
    weir_gate_file_free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] == '!')
        check_smoke(weir_str_make((const char *)data + 1, size - 1));
    else
        check_gate(weir_str_make((const char *)data, size));
    return 0;
}
