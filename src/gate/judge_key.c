/* SPDX-License-Identifier: MIT */
/* What a verdict depends on, as four digests. */
#include "base/clock.h"
#include "base/macros.h"
#include "gate/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_BYTES = 256 << 10, HEX_KEPT = 16 };

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads 64 hexadecimal digits; nothing is all zeros. */
static enum weir_status read_hex(struct weir_str text, uint8_t out[WEIR_CODEC_DIGEST_BYTES],
                                 struct weir_error *err)
{
    memset(out, 0, WEIR_CODEC_DIGEST_BYTES);
    bool is_ok = text.n == 0 || text.n == (size_t)2 * WEIR_CODEC_DIGEST_BYTES;
    for (size_t i = 0; i < text.n && is_ok; i++) {
        int d = digit(text.at[i]);
        is_ok = d >= 0;
        out[i / 2] = (uint8_t)(out[i / 2] << 4 | (d & 15));
    }
    return is_ok ? WEIR_OK
                 : weir_error_set(err, WEIR_ERR_INVALID, "a digest has not 64 hexadecimal digits");
}

/* Hashes an open file, within the time that the gate has. */
static enum weir_status hash(const struct weir_gate_job *job, int fd, char *block, uint8_t *out,
                             struct weir_error *err)
{
    struct weir_codec_digest d = WEIR_CODEC_DIGEST_INIT;
    uint64_t deadline_ns = weir_clock_add(weir_clock_ns(), job->gate->timeout_ns);
    enum weir_status status = weir_codec_digest_init(&d);
    for (ssize_t n = 1; status == WEIR_OK && n > 0;) {
        if (job->is_stopped && job->is_stopped(job->ctx))
            status = WEIR_ERR_CANCELED;
        else if (weir_clock_ns() >= deadline_ns)
            status = WEIR_ERR_TIMEOUT;
        else
            n = read(fd, block, BLOCK_BYTES);
        if (n < 0 && errno != EINTR)
            status = WEIR_ERR_IO;
        if (status == WEIR_OK && n > 0)
            status = weir_codec_digest_update(&d, block, (size_t)n);
        n = n < 0 ? 1 : n;
    }
    if (status == WEIR_OK)
        status = weir_codec_digest_finish(&d, out);
    weir_codec_digest_deinit(&d);
    if (status == WEIR_OK)
        return WEIR_OK;
    return weir_error_set(err, status, "%s: %s", job->gate->holdout.at,
                          status == WEIR_ERR_IO ? strerror(errno) : weir_status_text(status));
}

static enum weir_status hash_holdout(const struct weir_gate_job *job, uint8_t *out,
                                     struct weir_error *err)
{
    struct stat st;
    memset(out, 0, WEIR_CODEC_DIGEST_BYTES);
    if (job->gate->holdout.n == 0)
        return WEIR_OK;
    if (!weir_gate_file_allows(job->gate, job->gate->holdout.at))
        return weir_error_set(err, WEIR_ERR_INVALID, "%s lies outside of the model's folder",
                              job->gate->holdout.at);
    int fd = open(job->gate->holdout.at, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return WEIR_OK;
    if (fd < 0)
        return weir_error_set(err, WEIR_ERR_IO, "%s: %s", job->gate->holdout.at, strerror(errno));
    char *block = weir_mem_alloc(weir_mem_default(), BLOCK_BYTES);
    enum weir_status status = WEIR_OK;
    if (!block)
        status = weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    else if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        status = weir_error_set(err, WEIR_ERR_IO, "%s: not a regular file", job->gate->holdout.at);
    if (status == WEIR_OK)
        status = hash(job, fd, block, out, err);
    weir_mem_free(weir_mem_default(), block);
    (void)close(fd); /* It was only read. */
    return status;
}

/* The digest of a model that serves with a threshold is that of both: the same file that decides
 * otherwise is another candidate. */
static enum weir_status read_party(const struct weir_gate_party *party, uint8_t *out,
                                   struct weir_error *err)
{
    char text[2 * WEIR_CODEC_DIGEST_BYTES + 128];
    enum weir_status status = read_hex(party->digest, out, err);
    if (status != WEIR_OK || !party->has_threshold)
        return status;
    int n = snprintf(text, sizeof text, "%.*s %a %.*s", WEIR_STR_ARG(party->digest),
                     party->threshold, (int)weir_min_size(party->score_space.n, 32),
                     party->score_space.n > 0 ? party->score_space.at : "");
    status = weir_codec_digest_sha256(text, (size_t)n, out);
    return status == WEIR_OK ? WEIR_OK : weir_error_set(err, status, "out of memory");
}

enum weir_status weir_gate_judge_key(const struct weir_gate_job *job, struct weir_gate_key *out,
                                     struct weir_error *err)
{
    weir_assert(job);
    weir_assert(job->gate);
    weir_assert(out);
    struct weir_gate_key key;
    enum weir_status status = read_party(&job->candidate, key.candidate, err);
    if (status == WEIR_OK)
        status = read_party(&job->live, key.live, err);
    if (status == WEIR_OK)
        status = hash_holdout(job, key.holdout, err);
    if (status != WEIR_OK)
        return status;
    memcpy(key.gate, job->gate->digest, sizeof key.gate);
    *out = key;
    return WEIR_OK;
}

void weir_gate_judge_key_text(const struct weir_gate_key *key, char out[WEIR_GATE_KEY_TEXT_BYTES])
{
    const uint8_t *const parts[] = {key->candidate, key->holdout, key->gate, key->live};
    char hex[WEIR_CODEC_DIGEST_HEX_BYTES];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(parts); i++) {
        weir_codec_digest_hex(parts[i], hex);
        (void)snprintf(out + i * (HEX_KEPT + 1), HEX_KEPT + 1, "%.*s", HEX_KEPT, hex);
        out[i * (HEX_KEPT + 1) + HEX_KEPT] = i + 1 < WEIR_ARRAY_LEN(parts) ? '-' : '\0';
    }
}
