/* SPDX-License-Identifier: MIT */
#include "codec/archive.h"

#include "base/macros.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

static const uint64_t BYTES_MAX_DEFAULT = UINT64_C(64) << 20;
static const uint64_t RATIO_FREE_BYTES = UINT64_C(1) << 20;

enum { MEMBERS_MAX = 1 << 20, STEP_BYTES = 1 << 20 };

bool weir_codec_archive_probe(struct weir_str bytes)
{
    return weir_str_starts(bytes, WEIR_STR("PK\x03\x04")) ||
           weir_str_starts(bytes, WEIR_STR("PK\x05\x06"));
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum weir_status check_names(zip_t *zip, struct weir_error *err)
{
    zip_int64_t n = zip_get_num_entries(zip, 0);
    if (n < 0 || n > MEMBERS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "the archive has more than %d members",
                              MEMBERS_MAX);
    size_t n_names = (size_t)n;
    const char **names =
        weir_mem_array(weir_mem_default(), weir_max_size(n_names, 1), sizeof *names);
    if (!names)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for an archive");
    enum weir_status status = WEIR_OK;
    for (size_t i = 0; i < n_names && status == WEIR_OK; i++) {
        names[i] = zip_get_name(zip, i, ZIP_FL_ENC_RAW);
        if (!names[i])
            status = weir_error_set(err, WEIR_ERR_CORRUPT, "a member of the archive has no name");
    }
    if (status == WEIR_OK)
        qsort(names, n_names, sizeof *names, compare_names);
    for (size_t i = 1; i < n_names && status == WEIR_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0) {
            char echo[WEIR_ECHO_BUF_BYTES];
            status =
                weir_error_set(err, WEIR_ERR_CORRUPT, "the archive has two members named \"%s\"",
                               weir_str_echo(weir_str_c(names[i]), echo, sizeof echo));
        }
    weir_mem_free(weir_mem_default(), names);
    return status;
}

enum weir_status weir_codec_archive_open(struct weir_codec_archive *a, struct weir_str bytes,
                                         struct weir_codec_inflate_limits limits,
                                         struct weir_error *err)
{
    *a = (struct weir_codec_archive){.n_in = bytes.n, .limits = limits};
    if (a->limits.bytes_max == 0)
        a->limits.bytes_max = BYTES_MAX_DEFAULT;
    zip_error_t reason;
    zip_error_init(&reason);
    zip_source_t *source = zip_source_buffer_create(bytes.at, bytes.n, 0, &reason);
    if (!source)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for an archive");
    zip_t *zip = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &reason);
    if (!zip) {
        zip_source_free(source);
        bool is_memory = zip_error_code_zip(&reason) == ZIP_ER_MEMORY;
        enum weir_status status =
            weir_error_set(err, is_memory ? WEIR_ERR_NO_MEMORY : WEIR_ERR_CORRUPT,
                           "zip archive: %s", zip_error_strerror(&reason));
        zip_error_fini(&reason);
        return status;
    }
    zip_error_fini(&reason);
    a->zip = zip;
    enum weir_status status = check_names(zip, err);
    if (status != WEIR_OK)
        weir_codec_archive_close(a);
    return status;
}

void weir_codec_archive_close(struct weir_codec_archive *a)
{
    if (a->zip)
        zip_discard(a->zip);
    a->zip = NULL;
}

bool weir_codec_archive_has(const struct weir_codec_archive *a, const char *name)
{
    return zip_name_locate(a->zip, name, ZIP_FL_ENC_RAW) >= 0;
}

/* Refuses a member that would pass the caps, before anything of it is read. */
static enum weir_status check_size(const struct weir_codec_archive *a, const char *name,
                                   uint64_t size, struct weir_error *err)
{
    if (size > a->limits.bytes_max || a->n_out > a->limits.bytes_max - size)
        return weir_error_set(err, WEIR_ERR_LIMIT, "%s: decompresses to more than %llu bytes", name,
                              (unsigned long long)a->limits.bytes_max);
    uint64_t n_out = a->n_out + size;
    if (a->limits.ratio_max > 0 && n_out > RATIO_FREE_BYTES &&
        n_out / a->limits.ratio_max > a->n_in)
        return weir_error_set(err, WEIR_ERR_LIMIT,
                              "%s: the archive decompresses to more than %llu times its size", name,
                              (unsigned long long)a->limits.ratio_max);
    return WEIR_OK;
}

/* Reads exactly n bytes and the end behind them, at which libzip compares the checksum. */
static bool read_exactly(zip_file_t *file, char *at, size_t n)
{
    size_t done = 0;
    while (done < n) {
        zip_int64_t got = zip_fread(file, at + done, weir_min_size(n - done, STEP_BYTES));
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    char more;
    return zip_fread(file, &more, 1) == 0;
}

enum weir_status weir_codec_archive_read(struct weir_codec_archive *a, const char *name,
                                         struct weir_arena *arena, struct weir_str *out,
                                         struct weir_error *err)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    weir_str_echo(weir_str_c(name), echo, sizeof echo);
    zip_stat_t st;
    zip_int64_t index = zip_name_locate(a->zip, name, ZIP_FL_ENC_RAW);
    if (index < 0)
        return weir_error_set(err, WEIR_ERR_NOT_FOUND, "the archive has no member \"%s\"", echo);
    if (zip_stat_index(a->zip, (zip_uint64_t)index, 0, &st) != 0 || !(st.valid & ZIP_STAT_SIZE))
        return weir_error_set(err, WEIR_ERR_CORRUPT, "%s: has no size", echo);
    enum weir_status status = check_size(a, echo, st.size, err);
    if (status != WEIR_OK)
        return status;
    char *at = weir_arena_alloc(arena, weir_max_size((size_t)st.size, 1));
    if (!at)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "%s: no memory for %llu bytes", echo,
                              (unsigned long long)st.size);
    zip_file_t *file = zip_fopen_index(a->zip, (zip_uint64_t)index, 0);
    if (!file) {
        int code = zip_error_code_zip(zip_get_error(a->zip));
        status =
            code == ZIP_ER_MEMORY ? WEIR_ERR_NO_MEMORY
            : code == ZIP_ER_COMPNOTSUPP || code == ZIP_ER_NOPASSWD || code == ZIP_ER_ENCRNOTSUPP
                ? WEIR_ERR_UNSUPPORTED
                : WEIR_ERR_CORRUPT;
        return weir_error_set(err, status, "%s: %s", echo, zip_strerror(a->zip));
    }
    bool is_whole = read_exactly(file, at, (size_t)st.size);
    (void)zip_fclose(file); /* reading said all there is to say */
    if (!is_whole)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "%s: cut short, or its checksum is wrong",
                              echo);
    a->n_out += st.size;
    *out = weir_str_make(at, (size_t)st.size);
    return WEIR_OK;
}
