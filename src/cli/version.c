/* SPDX-License-Identifier: MIT */
#include "codec/version.h"

#include "cli/args.h"
#include "cli/cli.h"
#include "http/version.h"
#include "loop/version.h"
#include "model/onnx.h"

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

static void put_text(const struct weir_codec_version *libraries, size_t n)
{
    printf("weir %s\n", WEIR_VERSION);
    for (size_t i = 0; i < n; i++)
        printf("%s %s\n", libraries[i].library, libraries[i].text ? libraries[i].text : "(none)");
    printf("compiled by %s\n", COMPILER);
}

static void put_json(const struct weir_codec_version *libraries, size_t n)
{
    printf("{\"weir\":\"%s\",\"libraries\":{", WEIR_VERSION);
    for (size_t i = 0; i < n; i++) {
        const char *quote = libraries[i].text ? "\"" : "";
        printf("%s\"%s\":%s%s%s", i ? "," : "", libraries[i].library, quote,
               libraries[i].text ? libraries[i].text : "null", quote);
    }
    puts("}}");
}

static enum weir_status take_option(void *ctx, struct weir_cli_args *args, size_t index,
                                    struct weir_error *err)
{
    (void)args, (void)index, (void)err;
    *(bool *)ctx = true; /* --json is the only one. */
    return WEIR_OK;
}

static enum weir_status take_operand(void *ctx, const char *value, struct weir_error *err)
{
    (void)ctx, (void)value;
    return weir_error_set(err, WEIR_ERR_INVALID, "takes no argument");
}

static int run(const struct weir_cli_command *self, int argc, char **argv)
{
    static const struct weir_cli_args_taker taker = {take_option, take_operand};
    bool is_json = false;
    int code = weir_cli_args_take(self, argc, argv, &taker, &is_json);
    if (code != WEIR_CLI_EXIT_OK)
        return code;
    struct weir_codec_version libraries[16] = {{"libuv", weir_loop_version_text()},
                                               {"llhttp", weir_http_version_text()},
                                               {"nghttp2", weir_http_version_h2_text()}};
    size_t n = 3 + weir_codec_version_list(libraries + 3, WEIR_ARRAY_LEN(libraries) - 4);
    libraries[n++] =
        (struct weir_codec_version){"ONNX Runtime", weir_model_onnx_version(weir_str_c(NULL))};
    if (is_json)
        put_json(libraries, n);
    else
        put_text(libraries, n);
    return WEIR_CLI_EXIT_OK;
}

static const struct weir_cli_option options[] = {
    {"json", 0, NULL, "print one JSON object"},
};

const struct weir_cli_command weir_cli_version = {
    .name = "version",
    .summary = "print the versions of weir and of the libraries it runs with",
    .usage = "[--json]",
    .text = "\"weir --version\" is the same.",
    .examples = "weir --version\nweir version --json",
    .options = options,
    .n_options = WEIR_ARRAY_LEN(options),
    .run = run,
};
