/* SPDX-License-Identifier: MIT */
/* The option table as people read it: --help, conf/options.md, and a configuration as YAML. */
#include "base/macros.h"
#include "codec/json.h"
#include "codec/number.h"
#include "codec/yaml.h"
#include "config/value_priv.h"

enum { HELP_COLUMNS = 100, HELP_INDENT = 8 };

/* Decodes the UTF-8 character at s, which is not empty; returns its bytes, 1 for a byte that is
 * none.
 */
static size_t decode(struct weir_str s, uint32_t *out)
{
    unsigned char c = (unsigned char)s.at[0];
    size_t n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
    *out = c;
    if (n == 1 || n > s.n)
        return 1;
    uint32_t v = c & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)s.at[i] & 0xc0) != 0x80)
            return 1;
        v = v << 6 | ((unsigned char)s.at[i] & 0x3f);
    }
    *out = v;
    return n;
}

/* Texts are written in double quotes, everything but plain ASCII with YAML's escapes: characters
 * such as U+0085 would be line breaks or be refused when read. */
static void put_text(struct weir_str s, struct weir_buf *out)
{
    weir_buf_append_byte(out, '"');
    while (s.n > 0) {
        uint32_t c;
        size_t n = decode(s, &c);
        s = weir_str_make(s.at + n, s.n - n);
        if (c > 0xffff)
            weir_buf_printf(out, "\\U%08x", (unsigned)c);
        else if (c > 0x7e)
            weir_buf_printf(out, "\\u%04x", (unsigned)c);
        else if (c < 0x20)
            weir_buf_printf(out, "\\x%02x", (unsigned)c);
        else if (c == '"' || c == '\\')
            weir_buf_printf(out, "\\%c", (int)c);
        else
            weir_buf_append_byte(out, (char)c);
    }
    weir_buf_append_byte(out, '"');
}

static void put_list(const struct weir_config_list *list, struct weir_buf *out)
{
    weir_buf_append_c(out, "[");
    for (size_t i = 0; i < list->n; i++) {
        weir_buf_append_c(out, i ? ", " : "");
        put_text(list->at[i], out);
    }
    weir_buf_append_c(out, "]");
}

void weir_config_help_value(const struct weir_config *config, enum weir_config_option option,
                            struct weir_buf *out)
{
    const struct weir_config_row *row = &weir_config_value_rows[option];
    const void *at = (const char *)config + row->offset;
    switch (row->kind) {
    case WEIR_CONFIG_BOOL:
        weir_config_value_write(row, *(const bool *)at, out);
        return;
    case WEIR_CONFIG_COUNT:
    case WEIR_CONFIG_SIZE:
    case WEIR_CONFIG_DURATION:
    case WEIR_CONFIG_CHOICE:
        weir_config_value_write(row, *(const uint64_t *)at, out);
        return;
    case WEIR_CONFIG_TEXT:
        put_text(*(const struct weir_str *)at, out);
        return;
    case WEIR_CONFIG_LIST:
        put_list(at, out);
        return;
    }
}

static const char *kind_text(const struct weir_config_row *row)
{
    switch (row->kind) {
    case WEIR_CONFIG_BOOL:
        return "true|false";
    case WEIR_CONFIG_COUNT:
        return "N";
    case WEIR_CONFIG_SIZE:
        return "SIZE";
    case WEIR_CONFIG_DURATION:
        return "TIME";
    case WEIR_CONFIG_CHOICE:
        return row->unit;
    case WEIR_CONFIG_TEXT:
        return "TEXT";
    case WEIR_CONFIG_LIST:
        return "TEXT …";
    }
    return "";
}

/* Writes words within HELP_COLUMNS, each line begun with the indent. */
static void put_wrapped(struct weir_str text, struct weir_buf *out)
{
    size_t column = 0; /* 0: no line was begun */
    while (text.at) {
        struct weir_str word = weir_str_split(&text, ' ');
        if (column == 0 || column + 1 + word.n > HELP_COLUMNS) {
            weir_buf_printf(out, "%s%*s", column ? "\n" : "", (int)HELP_INDENT, "");
            column = HELP_INDENT;
        } else {
            weir_buf_append_byte(out, ' ');
            column++;
        }
        weir_buf_append_str(out, word);
        column += word.n;
    }
    weir_buf_append_byte(out, '\n');
}

static void put_flag(const struct weir_config_row *row, struct weir_buf *out)
{
    weir_buf_append_c(out, "  --");
    for (const char *c = row->name; *c; c++)
        weir_buf_append_byte(out, *c == '_' ? '-' : *c);
    if (row->kind == WEIR_CONFIG_LIST)
        weir_buf_append_c(out, " TEXT (repeatable)");
    else if (row->kind != WEIR_CONFIG_BOOL)
        weir_buf_printf(out, " %s", kind_text(row));
    if (row->text[0] != '\0' && strcmp(row->text, "false") != 0)
        weir_buf_printf(out, "  (default %s)", row->text);
    weir_buf_append_byte(out, '\n');
}

void weir_config_help_flags(struct weir_buf *out)
{
    const char *group = "";
    for (size_t i = 0; i < WEIR_CONFIG_OPTION_N; i++) {
        const struct weir_config_row *row = &weir_config_value_rows[i];
        if (strcmp(row->group, group) != 0)
            weir_buf_printf(out, "%s%s:\n", i ? "\n" : "", row->group);
        group = row->group;
        put_flag(row, out);
        put_wrapped(weir_str_c(row->help), out);
    }
    weir_buf_append_c(out, "\nPer model:\n  --model-options 'churn: {max_batch_size: 64}'\n");
    put_wrapped(WEIR_STR("A YAML map of models; the options that options.md marks, version_policy, "
                         "labels, shadow, gate, threshold, drift_reference and root_key."),
                out);
}

static const char *scope_text(enum weir_config_scope scope)
{
    switch (scope) {
    case WEIR_CONFIG_RESTART:
        return "restart";
    case WEIR_CONFIG_LIVE:
        return "reload";
    case WEIR_CONFIG_MODEL:
        return "reload, per model";
    }
    return "";
}

/* A bar would end the cell. */
static void put_cell(const char *text, struct weir_buf *out)
{
    for (const char *c = text; *c; c++) {
        if (*c == '|')
            weir_buf_append_byte(out, '\\');
        weir_buf_append_byte(out, *c);
    }
}

static void put_markdown_row(const struct weir_config_row *row, struct weir_buf *out)
{
    bool has_bounds = row->kind == WEIR_CONFIG_COUNT || row->kind == WEIR_CONFIG_SIZE ||
                      row->kind == WEIR_CONFIG_DURATION;
    weir_buf_printf(out, "| `%s` | ", row->name);
    put_cell(kind_text(row), out);
    if (row->unit[0] != '\0' && row->kind != WEIR_CONFIG_CHOICE)
        weir_buf_printf(out, " (%s)", row->unit);
    weir_buf_printf(out, " | %s%s%s | ", row->text[0] ? "`" : "", row->text,
                    row->text[0] ? "`" : "");
    if (has_bounds) {
        weir_config_value_write(row, row->min, out);
        weir_buf_append_c(out, " … ");
        weir_config_value_write(row, row->max, out);
    }
    weir_buf_printf(out, " | %s | %s |\n", scope_text(row->scope), row->help);
}

void weir_config_help_markdown(struct weir_buf *out)
{
    const char *group = "";
    weir_buf_append_c(
        out,
        "# Options\n\n"
        "Made from the table in `src/config/options.h`; a test compares the two.\n\n"
        "Every option `some_name` is the key `some_name` of the YAML file, the environment\n"
        "variable `WEIR_SOME_NAME`, and the flag `--some-name`. Later places win: defaults, file,\n"
        "environment, flags. Times need a unit (`250ms`, `10s`, `1h`), sizes may have one "
        "(`16MiB`,\n"
        "`1GB`). Lists are YAML lists, have commas in the environment, and repeat the flag.\n\n"
        "*Changed by* says whether SIGHUP is enough, and whether `model_options` may set the "
        "option\n"
        "for one model.\n");
    for (size_t i = 0; i < WEIR_CONFIG_OPTION_N; i++) {
        const struct weir_config_row *row = &weir_config_value_rows[i];
        if (strcmp(row->group, group) != 0)
            weir_buf_printf(out,
                            "\n## %s\n\n| option | value | default | bounds | changed by | "
                            "meaning |\n|---|---|---|---|---|---|\n",
                            row->group);
        group = row->group;
        put_markdown_row(row, out);
    }
    weir_buf_append_c(
        out,
        "\n## Per model\n\n"
        "`model_options` is a map from model names to maps with any option marked *per model*\n"
        "and:\n\n"
        "| option | value | default | meaning |\n|---|---|---|---|\n"
        "| `version_policy` | `latest`, `all` or a list of version numbers | `latest` | Which "
        "versions serve. |\n"
        "| `labels` | a map from names to version numbers | | Names that may be used instead "
        "of a number. |\n"
        "| `shadow` | a version number | | The numbered folder whose version is run on the same "
        "rows as the one that answers, and compared with it; it never answers, whatever "
        "`version_policy` says, and no gate judges it. |\n"
        "| `gate` | a map of keys, the path of a file, or `off` | NAME.gate.yaml beside the model "
        "| What a new version must do before it serves; README has the keys. |\n"
        "| `drift_reference` | TEXT | | With `quality: on`, the CSV file of rows that drift is "
        "measured "
        "against; relative to the model's directory. Counts from the next load. |\n"
        "| `root_key` | TEXT | | Which of several estimators in the model's file is served: its "
        "key in the dict or its index in the list, nested ones a/b. Counts from the next load. "
        "|\n"
        "| `threshold` | a number, or a map of `value`, `score` (`predict_proba` or "
        "`decision_function`) and `positive` (a class) | | Of two classes the positive one is "
        "answered when its score is at least this, instead of what the model decides. The score is "
        "decision_function where the model has it, and the second class the positive one, unless "
        "said otherwise; `weir evaluate --threshold-policy` tells what to write. Counts from the "
        "next load. |\n");
}

static const char *origin_text(enum weir_config_origin origin)
{
    switch (origin) {
    case WEIR_CONFIG_FROM_DEFAULT:
        return "";
    case WEIR_CONFIG_FROM_PLATFORM:
        return "  # platform";
    case WEIR_CONFIG_FROM_FILE:
        return "  # file";
    case WEIR_CONFIG_FROM_ENVIRONMENT:
        return "  # environment";
    case WEIR_CONFIG_FROM_FLAG:
        return "  # flag";
    }
    return "";
}

static void put_threshold(const struct weir_config_model *m, struct weir_buf *out)
{
    weir_buf_append_c(out, "    threshold: {value: ");
    weir_codec_number_append_f64(out, m->threshold, WEIR_CODEC_NUMBER_NONFINITE_NULL);
    if (m->threshold_score.n > 0) {
        weir_buf_append_c(out, ", score: ");
        weir_codec_json_append_text(out, m->threshold_score);
    }
    if (m->threshold_positive.n > 0) {
        weir_buf_append_c(out, ", positive: ");
        weir_codec_json_append_text(out, m->threshold_positive);
    }
    weir_buf_append_c(out, "}\n");
}

static void put_model(const struct weir_config_model *m, struct weir_buf *out)
{
    weir_buf_printf(out, "  \"%s\":\n    version_policy: ", m->name.at);
    if (m->policy == WEIR_CONFIG_POLICY_NAMED) {
        for (size_t i = 0; i < m->n_versions; i++)
            weir_buf_printf(out, "%s%llu", i ? ", " : "[", (unsigned long long)m->versions[i]);
        weir_buf_append_c(out, "]");
    } else {
        weir_buf_append_c(out, m->policy == WEIR_CONFIG_POLICY_ALL ? "all" : "latest");
    }
    weir_buf_append_c(out, "\n    labels: {");
    for (size_t i = 0; i < m->n_labels; i++)
        weir_buf_printf(out, "%s\"%s\": %llu", i ? ", " : "", m->labels[i].name.at,
                        (unsigned long long)m->labels[i].version);
    weir_buf_append_c(out, "}\n");
    if (m->shadow > 0)
        weir_buf_printf(out, "    shadow: %llu\n", (unsigned long long)m->shadow);
    if (m->root_key.n > 0) {
        weir_buf_append_c(out, "    root_key: ");
        weir_codec_json_append_text(out, m->root_key);
        weir_buf_append_byte(out, '\n');
    }
    if (m->drift_reference.n > 0) {
        weir_buf_append_c(out, "    drift_reference: ");
        weir_codec_json_append_text(out, m->drift_reference);
        weir_buf_append_byte(out, '\n');
    }
    if (m->has_threshold)
        put_threshold(m, out);
    if (m->gate) {
        weir_buf_append_c(out, "    gate: ");
        weir_codec_yaml_append(out, m->gate);
        weir_buf_append_byte(out, '\n');
    }
    for (size_t i = 0; i < WEIR_CONFIG_MODEL_ROW_N; i++) {
        const struct weir_config_model_row *model_row = &weir_config_value_model_rows[i];
        const struct weir_config_row *row = &weir_config_value_rows[model_row->option];
        uint64_t v;
        memcpy(&v, (const char *)m + model_row->offset, sizeof v);
        weir_buf_printf(out, "    %s: ", row->name);
        weir_config_value_write(row, v, out);
        weir_buf_append_byte(out, '\n');
    }
}

void weir_config_help_yaml(const struct weir_config *config, struct weir_buf *out)
{
    for (size_t i = 0; i < WEIR_CONFIG_OPTION_N; i++) {
        weir_buf_printf(out, "%s: ", weir_config_value_rows[i].name);
        weir_config_help_value(config, (enum weir_config_option)i, out);
        weir_buf_printf(out, "%s\n", origin_text((enum weir_config_origin)config->origins[i]));
    }
    if (config->n_by_model)
        weir_buf_append_c(out, "model_options:\n");
    for (size_t i = 0; i < config->n_by_model; i++)
        put_model(&config->by_model[i], out);
}
