/* SPDX-License-Identifier: MIT */
/* Replays a fuzz corpus without libFuzzer: every file of the folders (and every file) named on the
 * command line is given to the target whole, and each of its beginnings too, since a cut file is
 * the commonest damage there is. Inputs lie in blocks of their exact size, so that a sanitizer or
 * valgrind sees a read past the end. Exit 1: no input was found. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The target; the return value has no meaning here. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Files up to this size are also replayed cut after each byte, larger ones after every 1/256. */
enum { EVERY_CUT_BYTES_MAX = 1024, CUTS_MAX = 256 };

static size_t n_files;
static size_t n_inputs;

static void run_one(const uint8_t *data, size_t size)
{
    /* A block of its own for each cut: that is what makes an overread visible. */
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        abort();
    if (size)
        memcpy(exact, data, size);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    n_inputs++;
}

static void replay_bytes(const uint8_t *data, size_t size)
{
    size_t step = size <= EVERY_CUT_BYTES_MAX ? 1 : size / CUTS_MAX;
    for (size_t cut = 0; cut < size; cut += step)
        run_one(data, cut);
    run_one(data, size);
    n_files++;
}

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return 1;
    }
    int failed = 1;
    uint8_t *data = NULL;
    struct stat st;
    if (fstat(fileno(f), &st) == 0) {
        size_t size = (size_t)st.st_size;
        data = malloc(size ? size : 1);
        if (data && fread(data, 1, size, f) == size) {
            replay_bytes(data, size);
            failed = 0;
        }
    }
    free(data);
    (void)fclose(f);
    return failed;
}

static int replay(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir)
        return replay_file(path);
    int failed = 0;
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (e->d_name[0] == '.')
            continue;
        char child[4096];
        int n = snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
        failed |= n < 0 || (size_t)n >= sizeof(child) || replay_file(child);
    }
    (void)closedir(dir);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= replay(argv[i]);
    printf("%zu files, %zu inputs\n", n_files, n_inputs);
    return failed || n_files == 0;
}
