/* SPDX-License-Identifier: MIT */
#include "repo/verdicts.h"

#include "base/macros.h"
#include "base/mem.h"
#include "codec/digest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char head[] = "weir-verdict 1\n";
static const char tail_word[] = "sha256 ";

enum {
    TAIL_BYTES = sizeof tail_word - 1 + WEIR_REPO_DIGEST_HEX + 1,
    KEY_CHARS = 4 * 16 + 3,
    PART_CHARS = 16,
    USE_BYTES = PART_CHARS + 1 + PART_CHARS + 1, /* a line of uses */
    HISTORY_BYTES_MAX = 1 << 20,
};

/* --- files with a digest of themselves --- */

static enum weir_status write_sealed(const struct weir_repo_verdicts *v, const char *name,
                                     struct weir_buf *text, struct weir_error *err)
{
    uint8_t digest[WEIR_CODEC_DIGEST_BYTES];
    char hex[WEIR_CODEC_DIGEST_HEX_BYTES];
    if (!weir_buf_ok(text) || weir_codec_digest_sha256(text->at, text->n, digest) != WEIR_OK)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    weir_codec_digest_hex(digest, hex);
    weir_buf_printf(text, "%s%s\n", tail_word, hex);
    if (!weir_buf_ok(text))
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    return weir_repo_state_dir_replace(&v->dir, name, text->at, text->n, err);
}

/* Reads such a file; what is appended to out is without its digest. */
static enum weir_status read_sealed(const struct weir_repo_verdicts *v, const char *name,
                                    struct weir_buf *out, size_t bytes_max, struct weir_error *err)
{
    uint8_t digest[WEIR_CODEC_DIGEST_BYTES];
    char hex[WEIR_CODEC_DIGEST_HEX_BYTES];
    if (v->dir.fd < 0)
        return weir_error_set(err, WEIR_ERR_NOT_FOUND, "there is no state directory");
    int fd = openat(v->dir.fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return weir_error_set(err, errno == ENOENT ? WEIR_ERR_NOT_FOUND : WEIR_ERR_IO, "%s: %s",
                              name, strerror(errno));
    enum weir_status st = weir_repo_state_dir_read(fd, out, bytes_max);
    (void)close(fd); /* Only read from. */
    if (st == WEIR_ERR_NO_MEMORY)
        return weir_error_set(err, st, "out of memory");
    if (st != WEIR_OK)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "%s: cannot be read", name);
    bool is_whole = out->n >= TAIL_BYTES && out->at[out->n - 1] == '\n' &&
                    memcmp(out->at + out->n - TAIL_BYTES, tail_word, sizeof tail_word - 1) == 0;
    if (!is_whole)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "%s: cut", name);
    out->n -= TAIL_BYTES;
    if (weir_codec_digest_sha256(out->at, out->n, digest) != WEIR_OK)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    weir_codec_digest_hex(digest, hex);
    if (memcmp(hex, out->at + out->n + sizeof tail_word - 1, WEIR_REPO_DIGEST_HEX) != 0)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "%s: damaged", name);
    return WEIR_OK;
}

/* --- the directory --- */

static bool is_key(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++) {
        bool is_dash = i % (PART_CHARS + 1) == PART_CHARS;
        bool is_hex = (name[i] >= '0' && name[i] <= '9') || (name[i] >= 'a' && name[i] <= 'f');
        if (is_dash ? name[i] != '-' : !is_hex)
            return false;
    }
    return n == KEY_CHARS;
}

/* Calls fn for each file of the directory. */
static void each_file(const struct weir_repo_verdicts *v, void (*fn)(void *ctx, const char *name),
                      void *ctx)
{
    int fd = openat(v->dir.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0)
            (void)close(fd); /* Nothing was read. */
        return;
    }
    for (const struct dirent *e = readdir(d); e; e = readdir(d))
        fn(ctx, e->d_name);
    (void)closedir(d);
}

static void remove_temporary(void *ctx, const char *name)
{
    const struct weir_repo_verdicts *v = ctx;
    if (weir_str_ends(weir_str_c(name), WEIR_STR(".tmp")))
        (void)unlinkat(v->dir.fd, name, 0); /* The next start tries again. */
}

enum weir_status weir_repo_verdicts_open(struct weir_repo_verdicts *verdicts,
                                         const struct weir_repo_state_dir *state,
                                         struct weir_error *err)
{
    *verdicts = (struct weir_repo_verdicts){{-1, -1}};
    if (state->fd < 0)
        return WEIR_OK;
    if (mkdirat(state->fd, "verdicts", 0700) != 0 && errno != EEXIST)
        return weir_error_set(err, WEIR_ERR_IO, "verdicts: %s", strerror(errno));
    int fd = openat(state->fd, "verdicts", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return weir_error_set(err, WEIR_ERR_IO, "verdicts: %s", strerror(errno));
    verdicts->dir.fd = fd;
    each_file(verdicts, remove_temporary, verdicts);
    return WEIR_OK;
}

void weir_repo_verdicts_close(struct weir_repo_verdicts *verdicts)
{
    weir_repo_state_dir_close(&verdicts->dir);
}

/* --- what is too much --- */

struct aged {
    char name[KEY_CHARS + 1];
    int64_t used_ns; /* wall clock */
    uint64_t bytes;
};

struct aged_list {
    const struct weir_repo_verdicts *verdicts;
    struct aged *at; /* n of cap, owned */
    size_t n, cap;
};

static void add_aged(void *ctx, const char *name)
{
    struct aged_list *list = ctx;
    struct stat st;
    if (!is_key(name) || fstatat(list->verdicts->dir.fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 64;
        struct aged *p = weir_mem_resize(weir_mem_default(), list->at, cap, sizeof *p);
        if (!p)
            return; /* The next time it is counted again. */
        list->at = p;
        list->cap = cap;
    }
    struct aged *a = &list->at[list->n++];
    memcpy(a->name, name, KEY_CHARS + 1);
    a->used_ns = (int64_t)st.st_mtim.tv_sec * (int64_t)WEIR_NS_PER_S + st.st_mtim.tv_nsec;
    a->bytes = (uint64_t)st.st_size;
}

static int newest_first(const void *a, const void *b)
{
    const struct aged *x = a;
    const struct aged *y = b;
    return x->used_ns > y->used_ns ? -1 : x->used_ns < y->used_ns;
}

static void collect(const struct weir_repo_verdicts *verdicts)
{
    struct aged_list list = {.verdicts = verdicts};
    uint64_t sum = 0;
    each_file(verdicts, add_aged, &list);
    if (list.n > 1)
        qsort(list.at, list.n, sizeof *list.at, newest_first);
    for (size_t i = 0; i < list.n; i++) {
        sum += list.at[i].bytes;
        if (i >= WEIR_REPO_VERDICTS_MAX || sum > WEIR_REPO_VERDICTS_BYTES_MAX)
            (void)unlinkat(verdicts->dir.fd, list.at[i].name, 0); /* Tried again the next time. */
    }
    weir_mem_free(weir_mem_default(), list.at);
}

/* --- verdicts --- */

/* Texts of the head of a file are one line each. */
static void put_line(struct weir_buf *out, const char *word, const char *text)
{
    weir_buf_printf(out, "%s ", word);
    for (; *text; text++)
        weir_buf_append_byte(out, *text == '\n' || *text == '\r' ? ' ' : *text);
    weir_buf_append_byte(out, '\n');
}

enum weir_status weir_repo_verdicts_put(const struct weir_repo_verdicts *verdicts, const char *key,
                                        const struct weir_repo_verdicts_entry *e,
                                        struct weir_error *err)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf text = WEIR_BUF_INIT;
    weir_assert(is_key(key));
    if (verdicts->dir.fd < 0)
        return WEIR_OK;
    weir_buf_append_c(&text, head);
    put_line(&text, "verdict", weir_repo_verdict_name(e->verdict));
    put_line(&text, "code", e->code);
    put_line(&text, "reason", e->reason);
    weir_buf_printf(&text, "ns %llu\nuses %llu\n", (unsigned long long)e->ns,
                    (unsigned long long)e->n_uses);
    if (e->has_threshold) {
        weir_buf_printf(&text, "threshold %a\n", e->threshold);
        put_line(&text, "score_space", e->score_space);
        put_line(&text, "positive", e->positive);
    }
    weir_buf_printf(&text, "document %zu\n\n", e->document.n);
    weir_buf_append_str(&text, weir_buf_str(&e->document));
    weir_buf_append_str(&text, weir_buf_str(&e->report));
    if (text.n > WEIR_REPO_VERDICTS_FILE_BYTES_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "a verdict of %zu bytes is too long to be kept",
                              text.n);
    enum weir_status st = write_sealed(verdicts, key, &text, err);
    if (st == WEIR_OK)
        collect(verdicts);
    return st;
}

static bool take_text(struct weir_str value, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%.*s", WEIR_STR_ARG(value)); /* A cut text will do. */
    return true;
}

static bool take_verdict(struct weir_str value, enum weir_repo_verdict *out)
{
    for (int i = 0; i < WEIR_REPO_VERDICT_N; i++) {
        if (weir_str_eq_c(value, weir_repo_verdict_name((enum weir_repo_verdict)i))) {
            *out = (enum weir_repo_verdict)i;
            return true;
        }
    }
    return false;
}

static bool take_double(struct weir_str value, double *out)
{
    char text[64];
    char *end;
    (void)snprintf(text, sizeof text, "%.*s", WEIR_STR_ARG(value)); /* 24 bytes at most. */
    *out = strtod(text, &end);
    return end != text && *end == '\0';
}

static bool take_line(struct weir_str line, struct weir_repo_verdicts_entry *e,
                      uint64_t *n_document)
{
    struct weir_str value = line;
    struct weir_str word = weir_str_split(&value, ' ');
    if (weir_str_eq_c(word, "verdict"))
        return take_verdict(value, &e->verdict);
    if (weir_str_eq_c(word, "code"))
        return take_text(value, e->code, sizeof e->code);
    if (weir_str_eq_c(word, "reason"))
        return take_text(value, e->reason, sizeof e->reason);
    if (weir_str_eq_c(word, "ns"))
        return weir_str_to_u64(value, UINT64_MAX, &e->ns);
    if (weir_str_eq_c(word, "uses"))
        return weir_str_to_u64(value, UINT64_MAX, &e->n_uses);
    if (weir_str_eq_c(word, "threshold")) {
        e->has_threshold = true;
        return take_double(value, &e->threshold);
    }
    if (weir_str_eq_c(word, "score_space"))
        return take_text(value, e->score_space, sizeof e->score_space);
    if (weir_str_eq_c(word, "positive"))
        return take_text(value, e->positive, sizeof e->positive);
    return weir_str_eq_c(word, "document") &&
           weir_str_to_u64(value, WEIR_REPO_VERDICTS_FILE_BYTES_MAX, n_document);
}

static enum weir_status parse(struct weir_str text, struct weir_repo_verdicts_entry *e,
                              const char *name, struct weir_error *err)
{
    uint64_t n_document = UINT64_MAX;
    size_t line = 2;
    if (!weir_str_starts(text, weir_str_c(head)))
        return weir_error_set(err, WEIR_ERR_CORRUPT, "%s: not begun as one of version 1", name);
    struct weir_str rest = weir_str_make(text.at + sizeof head - 1, text.n - (sizeof head - 1));
    for (;; line++) {
        struct weir_str one = weir_str_split(&rest, '\n');
        if (one.n == 0)
            break;
        if (!take_line(one, e, &n_document))
            return weir_error_set(err, WEIR_ERR_CORRUPT, "%s: line %zu is not understood", name,
                                  line);
    }
    if (n_document > rest.n || e->code[0] == '\0')
        return weir_error_set(err, WEIR_ERR_CORRUPT, "%s: something is missing", name);
    weir_buf_append(&e->document, rest.at, (size_t)n_document);
    weir_buf_append(&e->report, rest.at + n_document, rest.n - (size_t)n_document);
    return weir_buf_ok(&e->document) && weir_buf_ok(&e->report)
               ? WEIR_OK
               : weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
}

enum weir_status weir_repo_verdicts_find(const struct weir_repo_verdicts *verdicts, const char *key,
                                         struct weir_repo_verdicts_entry *out,
                                         struct weir_error *err)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf text = WEIR_BUF_INIT;
    struct weir_repo_verdicts_entry e = {.verdict = WEIR_REPO_VERDICT_INCONCLUSIVE};
    if (!is_key(key))
        return weir_error_set(err, WEIR_ERR_NOT_FOUND, "no verdict has such a name");
    enum weir_status st =
        read_sealed(verdicts, key, &text, WEIR_REPO_VERDICTS_FILE_BYTES_MAX + TAIL_BYTES, err);
    if (st == WEIR_OK)
        st = parse(weir_buf_str(&text), &e, key, err);
    if (st != WEIR_OK) {
        weir_repo_verdicts_deinit(&e);
        return st;
    }
    (void)utimensat(verdicts->dir.fd, key, NULL, 0); /* What is used is not the oldest. */
    *out = e;
    return WEIR_OK;
}

void weir_repo_verdicts_deinit(struct weir_repo_verdicts_entry *entry)
{
    weir_buf_deinit(&entry->document);
    weir_buf_deinit(&entry->report);
}

/* --- uses --- */

uint64_t weir_repo_verdicts_use(const struct weir_repo_verdicts *verdicts, struct weir_str holdout,
                                struct weir_str candidate)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf text = WEIR_BUF_INIT;
    uint64_t n = 1;
    weir_assert(holdout.n == PART_CHARS);
    weir_assert(candidate.n == PART_CHARS);
    if (verdicts->dir.fd < 0)
        return n;
    if (read_sealed(verdicts, "uses", &text,
                    (size_t)WEIR_REPO_VERDICTS_USES_MAX * USE_BYTES + TAIL_BYTES, NULL) != WEIR_OK)
        weir_buf_clear(&text);
    bool is_known = false;
    for (size_t i = 0; i + USE_BYTES <= text.n; i += USE_BYTES) {
        if (memcmp(text.at + i, holdout.at, PART_CHARS) != 0)
            continue;
        bool is_same = memcmp(text.at + i + PART_CHARS + 1, candidate.at, PART_CHARS) == 0;
        is_known = is_known || is_same;
        n += !is_same;
    }
    if (is_known)
        return n;
    size_t n_lines = text.n / USE_BYTES;
    size_t n_gone = n_lines >= WEIR_REPO_VERDICTS_USES_MAX ? n_lines / 4 : 0;
    if (n_gone > 0) {
        memmove(text.at, text.at + n_gone * USE_BYTES, text.n - n_gone * USE_BYTES);
        text.n -= n_gone * USE_BYTES;
    }
    weir_buf_printf(&text, "%.*s %.*s\n", WEIR_STR_ARG(holdout), WEIR_STR_ARG(candidate));
    (void)write_sealed(verdicts, "uses", &text, NULL); /* Counted again the next time. */
    return n;
}

/* --- history --- */

enum weir_status weir_repo_verdicts_text_write(const struct weir_repo_verdicts *verdicts,
                                               const char *name, struct weir_buf *text,
                                               struct weir_error *err)
{
    return write_sealed(verdicts, name, text, err);
}

enum weir_status weir_repo_verdicts_text_read(const struct weir_repo_verdicts *verdicts,
                                              const char *name, struct weir_buf *out,
                                              size_t bytes_max, struct weir_error *err)
{
    return read_sealed(verdicts, name, out, bytes_max, err);
}

static void history_name(struct weir_str model, char out[WEIR_REPO_STATE_DIR_NAME_BYTES])
{
    (void)snprintf(out, WEIR_REPO_STATE_DIR_NAME_BYTES, "%.*s.history", WEIR_STR_ARG(model));
}

enum weir_status weir_repo_verdicts_history_write(const struct weir_repo_verdicts *verdicts,
                                                  struct weir_str model, struct weir_str text,
                                                  struct weir_error *err)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf sealed = WEIR_BUF_INIT;
    char name[WEIR_REPO_STATE_DIR_NAME_BYTES];
    if (verdicts->dir.fd < 0)
        return WEIR_OK;
    history_name(model, name);
    weir_buf_append_str(&sealed, text);
    return write_sealed(verdicts, name, &sealed, err);
}

enum weir_status weir_repo_verdicts_history_read(const struct weir_repo_verdicts *verdicts,
                                                 struct weir_str model, struct weir_buf *out,
                                                 struct weir_error *err)
{
    char name[WEIR_REPO_STATE_DIR_NAME_BYTES];
    history_name(model, name);
    return read_sealed(verdicts, name, out, HISTORY_BYTES_MAX, err);
}
