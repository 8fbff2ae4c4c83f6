/* SPDX-License-Identifier: MIT */
#include "repo/thresholds.h"

#include "base/macros.h"

#include <stdio.h>
#include <stdlib.h>

/* A line is shorter than this: digest, "-0x1.fffffffffffffp-1022", the name of an output, 0 or 1.
 */
enum { LINE_BYTES_MAX = WEIR_REPO_DIGEST_HEX + 64 };

static void file_name(struct weir_str model, char out[WEIR_REPO_STATE_DIR_NAME_BYTES])
{
    (void)snprintf(out, WEIR_REPO_STATE_DIR_NAME_BYTES, "%.*s.thresholds", WEIR_STR_ARG(model));
}

static bool is_of(struct weir_str line, const char *digest)
{
    return line.n > WEIR_REPO_DIGEST_HEX && memcmp(line.at, digest, WEIR_REPO_DIGEST_HEX) == 0;
}

/* Reads what is kept; nothing where nothing is, or where it is damaged: it is then written anew. */
static enum weir_status read_lines(const struct weir_repo_verdicts *verdicts, struct weir_str model,
                                   struct weir_buf *out, struct weir_error *err)
{
    char name[WEIR_REPO_STATE_DIR_NAME_BYTES];
    if (verdicts->dir.fd < 0)
        return WEIR_ERR_NOT_FOUND;
    file_name(model, name);
    return weir_repo_verdicts_text_read(verdicts, name, out,
                                        (WEIR_REPO_THRESHOLDS_MAX + 1) * LINE_BYTES_MAX, err);
}

enum weir_status weir_repo_thresholds_put(const struct weir_repo_verdicts *verdicts,
                                          struct weir_str model, const char *digest,
                                          const struct weir_tensor_threshold *threshold,
                                          struct weir_error *err)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf old = WEIR_BUF_INIT;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf text = WEIR_BUF_INIT;
    char name[WEIR_REPO_STATE_DIR_NAME_BYTES];
    size_t n = 0;
    weir_assert(strlen(digest) == WEIR_REPO_DIGEST_HEX);
    if (verdicts->dir.fd < 0)
        return WEIR_OK;
    enum weir_status st = read_lines(verdicts, model, &old, err);
    if (st != WEIR_OK && !threshold->is_set)
        return st == WEIR_ERR_NO_MEMORY ? st : WEIR_OK; /* There is nothing to forget. */
    if (threshold->is_set) {
        weir_buf_printf(&text, "%s %a %s %u\n", digest, threshold->value,
                        weir_output_name(threshold->score), threshold->positive);
        n++;
    }
    struct weir_str rest = st == WEIR_OK ? weir_buf_str(&old) : weir_str_make(NULL, 0);
    while (rest.n > 0 && n < WEIR_REPO_THRESHOLDS_MAX) {
        struct weir_str line = weir_str_split(&rest, '\n');
        if (line.n == 0 || is_of(line, digest))
            continue;
        weir_buf_append_str(&text, line);
        weir_buf_append_byte(&text, '\n');
        n++;
    }
    file_name(model, name);
    return weir_repo_verdicts_text_write(verdicts, name, &text, err);
}

/* Reads what follows the digest: " 0x1.8p-2 predict_proba 1". */
static enum weir_status take_line(struct weir_str line, const struct weir_spec *spec,
                                  struct weir_tensor_threshold *out, struct weir_error *err)
{
    char text[LINE_BYTES_MAX + 1];
    char *end;
    line = weir_str_trim(line);
    if (line.n > LINE_BYTES_MAX || spec->n_targets == 0 || spec->targets[0].n != 2)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "the kept threshold is not the model's");
    memcpy(text, line.at, line.n);
    text[line.n] = '\0';
    double value = strtod(text, &end);
    struct weir_str rest = weir_str_trim(weir_str_c(end));
    struct weir_str score = weir_str_split(&rest, ' ');
    if (end == text || score.n == 0 || rest.n != 1 || (rest.at[0] != '0' && rest.at[0] != '1'))
        return weir_error_set(err, WEIR_ERR_CORRUPT, "the kept threshold is damaged");
    struct weir_str positive = spec->targets[0].json[rest.at[0] - '0'];
    enum weir_status st = weir_tensor_threshold_set(out, spec, value, score, positive, "gate", err);
    return st == WEIR_OK ? WEIR_OK : WEIR_ERR_CORRUPT;
}

enum weir_status weir_repo_thresholds_find(const struct weir_repo_verdicts *verdicts,
                                           struct weir_str model, const char *digest,
                                           const struct weir_spec *spec,
                                           struct weir_tensor_threshold *out,
                                           struct weir_error *err)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf text = WEIR_BUF_INIT;
    enum weir_status st = read_lines(verdicts, model, &text, err);
    if (st != WEIR_OK)
        return st;
    struct weir_str rest = weir_buf_str(&text);
    while (rest.n > 0) {
        struct weir_str line = weir_str_split(&rest, '\n');
        if (is_of(line, digest))
            return take_line(
                weir_str_make(line.at + WEIR_REPO_DIGEST_HEX, line.n - WEIR_REPO_DIGEST_HEX), spec,
                out, err);
    }
    return WEIR_ERR_NOT_FOUND;
}
