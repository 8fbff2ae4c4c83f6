/* SPDX-License-Identifier: MIT */
#include "test_tmp.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void die(const char *what, const char *path)
{
    (void)fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
    abort();
}

void weir_test_tmp_init(struct weir_test_tmp *t)
{
    const char *base = getenv("TMPDIR");
    int n =
        snprintf(t->path, sizeof(t->path), "%s/weir-test-XXXXXX", base && *base ? base : "/tmp");
    if (n < 0 || (size_t)n >= sizeof(t->path) || !mkdtemp(t->path))
        die("mkdtemp", t->path);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)at;
    if (type == FTW_DNR || type == FTW_DP)
        (void)chmod(path, 0700);
    return remove(path);
}

void weir_test_tmp_deinit(struct weir_test_tmp *t)
{
    if (t->path[0])
        (void)nftw(t->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    t->path[0] = '\0';
}

void weir_test_tmp_path(const struct weir_test_tmp *t, const char *name, char *out, size_t size)
{
    int n = snprintf(out, size, "%s/%s", t->path, name);
    if (n < 0 || (size_t)n >= size)
        die("path too long:", name);
}

void weir_test_tmp_write(struct weir_test_tmp *t, const char *name, const void *data, size_t size)
{
    char path[4096];
    weir_test_tmp_path(t, name, path, sizeof(path));
    for (char *slash = path + strlen(t->path) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            die("mkdir", path);
        *slash = '/';
    }
    FILE *f = fopen(path, "wb");
    if (!f)
        die("open", path);
    if (size && fwrite(data, 1, size, f) != size)
        die("write", path);
    if (fclose(f) != 0)
        die("close", path);
}

char *weir_test_tmp_read(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        die("open", path);
    struct stat st;
    if (fstat(fileno(f), &st) != 0)
        die("stat", path);
    size_t n = (size_t)st.st_size;
    char *data = malloc(n + 1);
    if (!data || fread(data, 1, n, f) != n)
        die("read", path);
    data[n] = '\0';
    (void)fclose(f);
    *size = n;
    return data;
}
