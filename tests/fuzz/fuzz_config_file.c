/* SPDX-License-Identifier: MIT */
/* Any bytes as the configuration file. What is accepted must be within its bounds, and must read
 * back the same from what weir_config_help_yaml writes. */
#include "base/macros.h"
#include "config/config.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct weir_config *parse(struct weir_str text)
{
    const struct weir_config_sources none = {0};
    struct weir_config *config = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    enum weir_status st =
        weir_config_new_from_text(&config, WEIR_STR("fuzz.yaml"), text, &none, &err);
    weir_assert((st == WEIR_OK) == (config != NULL));
    weir_assert(st == WEIR_OK || err.msg[0] != '\0');
    return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_config *config = parse(weir_str_make((const char *)data, size));
    if (!config)
        return 0;
    weir_assert(config->max_batch_size >= 1);
    weir_assert(config->listen.n >= 1);
    weir_assert(config->drain_delay_ns <= config->drain_timeout_ns);
    memset(config->origins, 0, sizeof config->origins);
    struct weir_buf first = WEIR_BUF_INIT;
    struct weir_buf second = WEIR_BUF_INIT;
    weir_config_help_yaml(config, &first);
    weir_assert(weir_buf_c(&first));
    struct weir_config *again = parse(weir_buf_str(&first));
    weir_assert(again);
    memset(again->origins, 0, sizeof again->origins);
    weir_config_help_yaml(again, &second);
    weir_assert(weir_str_eq(weir_buf_str(&first), weir_buf_str(&second)));
    weir_config_free(again);
    weir_config_free(config);
    weir_buf_deinit(&first);
    weir_buf_deinit(&second);
    return 0;
}
