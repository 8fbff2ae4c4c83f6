/* SPDX-License-Identifier: MIT */
/* Damaged model files: every file below the given folders, cut at many places, with bits flipped,
 * with counts and indexes edited to extremes. Each must be refused, or be a model that answers rows
 * with the same bits whatever batch they are in; never a crash, a hang or a read out of bounds
 * (built with sanitizers these are seen).
 *
 * usage: hostile [--share N] DIR…; WEIR_PROGRAM is the program weir
 *
 * For each file 200 cuts, 2,000 flips and 400 edits; with --share every N-th of them. What is done
 * to a file depends on its name only, so a report can be repeated. Files are tried in processes of
 * their own; the parent says after which damage one died.
 *
 * Prints TAP, a line for each folder of files. */
#include "../parity/check.h"
#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "format/mlflow/mlflow.h"
#include <weir/format.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CUTS = 200,
    FLIPS = 2000,
    EDITS = 400,
    ROWS = 9,
    SECONDS_MAX = 60, /* for one damaged file, sanitizers and a busy machine included */
    COLUMNS_MAX = 20000,
    FILES_MAX = 65536,
};

enum kind { CUT, FLIP, EDIT, N_KINDS };
static const char *const kind_names[N_KINDS] = {"cut", "flip", "edit"};
static const size_t kind_counts[N_KINDS] = {CUTS, FLIPS, EDITS};

/* What a child tells its parent, also when it dies. */
struct progress {
    enum kind kind;
    size_t number;
    size_t n_refused;
    size_t n_taken;
    bool has_differed;
};

static struct progress *progress; /* shared */
static const char *program;
static uint64_t random_state;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

void check_fail(struct check *c, const char *fmt, ...)
{
    (void)fmt;
    c->has_failed = true;
}

/* --- trying one file --- */

static const union {
    struct weir_cell_text text;
    char room[16];
} a_text = {.room = {3, 0, 0, 0, 'o', 'd', 'd', 0}};

/* Rows of ordinary and of extreme numbers; texts where they may stand. */
static double *make_rows(const struct weir_spec *spec)
{
    static const double values[] = {0.0,    1.0,    -1.0, 0.5, 1e39,     -1e39,     1e300,
                                    -1e300, 5e-324, 3.25, NAN, INFINITY, -INFINITY, 100.0};
    size_t n = spec->n_features;
    double *x = check_alloc(ROWS * n, sizeof *x);
    for (size_t i = 0; i < ROWS * n; i++) {
        x[i] = i % n % 3 ? 0.25 : values[(i * 7 + i / 5) % WEIR_ARRAY_LEN(values)];
        bool takes_text = spec->columns && spec->columns[i % n] != WEIR_COLUMN_NUMBER;
        if (takes_text && (spec->columns[i % n] == WEIR_COLUMN_TEXT || i % 2))
            x[i] = i % 5 ? weir_cell_from_text(&a_text.text) : weir_cell_none();
    }
    return x;
}

/* Runs a model on rows in one block and one by one: the same bits, or it is not what it says. */
static void run(struct weir_model *model)
{
    struct check c = {.model = model, .spec = weir_model_spec(model)};
    if (c.spec->form == WEIR_INPUT_TENSORS || c.spec->n_features == 0 ||
        c.spec->n_features > COLUMNS_MAX)
        return;
    double *x = make_rows(c.spec);
    struct answers whole = check_batch_new(&c, x, ROWS, WEIR_F64);
    struct answers single = check_batch_new(&c, x, ROWS, WEIR_F64);
    check_batch_run(&c, &whole, ROWS);
    check_batch_run(&c, &single, 1);
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++) {
        size_t size = c.spec->outputs[o].storage == WEIR_STORAGE_LABEL ? sizeof(int32_t) : 8;
        size_t n = c.spec->outputs[o].n_columns * size;
        for (size_t i = 0; whole.out[o] && i < ROWS; i++)
            if (whole.faults[i].kind == WEIR_FAULT_NONE &&
                memcmp((char *)whole.out[o] + i * n, (char *)single.out[o] + i * n, n) != 0)
                progress->has_differed = true;
    }
    check_batch_free(&whole);
    check_batch_free(&single);
    free(x);
}

/* Loads bytes from a block of exactly their size, so that a read beyond the end is seen. */
static void try_bytes(const char *bytes, size_t n)
{
    struct weir_format_opts opts = WEIR_FORMAT_OPTS_INIT;
    opts.inflated_bytes_max = 64 << 20;
    opts.tree_bytes_max = 256 << 20;
    opts.model_bytes_max = 256 << 20;
    opts.n_features_max = COLUMNS_MAX;
    opts.n_classes_max = 4096;
    opts.onnx_guard = program; /* as the server has it: ONNX Runtime dies of some files */
    opts.deadline_ns = weir_clock_ns() + 10 * WEIR_NS_PER_S;
    char *copy = malloc(n ? n : 1);
    if (!copy)
        exit(3);
    memcpy(copy, bytes, n);
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    alarm(SECONDS_MAX);
    if (weir_format_load_bytes(&model, copy, n, "hostile", &opts, &err) == WEIR_OK) {
        progress->n_taken++;
        run(model);
        weir_model_free(model);
    } else {
        progress->n_refused++;
    }
    alarm(0);
    free(copy);
}

/* --- damage --- */

/* Writes an extreme over a run of digits, as texts have them. Returns false where there is none. */
static bool edit_text(char *at, size_t n)
{
    static const char *const extremes[] = {"0", "-1", "9", "99999999", "4294967296", "1e308"};
    size_t from = (size_t)(next_random() % n);
    for (size_t i = 0; i < 4096; i++, from = (from + 1) % n) {
        if (at[from] < '0' || at[from] > '9')
            continue;
        const char *extreme = extremes[next_random() % WEIR_ARRAY_LEN(extremes)];
        size_t k = 0;
        for (; from + k < n && at[from + k] >= '0' && at[from + k] <= '9'; k++)
            at[from + k] = k < strlen(extreme) ? extreme[k] : '0';
        return true;
    }
    return false;
}

/* Writes an extreme integer of 1, 2, 4 or 8 bytes anywhere. */
static void edit_binary(char *at, size_t n)
{
    static const uint64_t extremes[] = {
        0,          1,          UINT64_MAX, INT64_MAX,         UINT64_C(1) << 63,
        0x7fffffff, 0x80000000, 0xffffffff, UINT64_C(1) << 40, 0x7f,
        0x80,       0x7fff,     0x8000};
    uint64_t v = extremes[next_random() % WEIR_ARRAY_LEN(extremes)];
    size_t width = (size_t)1 << next_random() % 4;
    size_t from = (size_t)(next_random() % n);
    bool is_big = next_random() % 4 == 0;
    for (size_t i = 0; i < width && from + i < n; i++)
        at[from + i] = (char)(v >> 8 * (is_big ? width - 1 - i : i));
}

/* Damages a copy of the bytes and tries it. */
static void damage(const char *bytes, size_t n, char *copy, enum kind kind, size_t number)
{
    progress->kind = kind;
    progress->number = number;
    memcpy(copy, bytes, n);
    if (kind == CUT) {
        try_bytes(copy, n * number / CUTS);
        return;
    }
    if (kind == FLIP) {
        uint64_t bit = next_random() % (8 * (uint64_t)n);
        copy[bit / 8] = (char)(copy[bit / 8] ^ (1 << bit % 8));
    } else if (number % 2 == 0 || !edit_text(copy, n)) {
        edit_binary(copy, n);
    }
    try_bytes(copy, n);
}

static void damage_all(const char *bytes, size_t n, size_t share)
{
    char *copy = malloc(n);
    if (!copy)
        exit(3);
    try_bytes(bytes, n);
    for (size_t kind = 0; kind < N_KINDS; kind++)
        for (size_t i = 0; i < kind_counts[kind]; i++) {
            uint64_t skipped = random_state;
            if (i % share == 0)
                damage(bytes, n, copy, (enum kind)kind, i);
            /* A share tries the same damages as the whole does. */
            random_state = skipped;
            next_random();
        }
    free(copy);
}

/* --- files --- */

static bool read_model(const char *path, struct weir_buf *out)
{
    struct weir_error err = WEIR_ERROR_INIT;
    int dir = weir_format_mlflow_folder_open(path);
    if (dir >= 0) {
        enum weir_status status =
            weir_format_mlflow_folder_pack(dir, 1 << 30, NULL, NULL, out, &err);
        close(dir);
        return status == WEIR_OK;
    }
    FILE *f = fopen(path, "rb");
    char block[65536];
    for (size_t n = 1; f && n > 0;) {
        n = fread(block, 1, sizeof block, f);
        weir_buf_append(out, block, n);
    }
    if (f)
        fclose(f);
    return f && weir_buf_ok(out) && out->n > 0;
}

/* Tries all damages of a file in a process of its own. */
static bool try_file(const char *path, size_t share)
{
    struct weir_buf bytes = WEIR_BUF_INIT;
    if (!read_model(path, &bytes)) {
        printf("# %s: cannot be read\n", path);
        weir_buf_deinit(&bytes);
        return false;
    }
    *progress = (struct progress){.kind = CUT};
    random_state = 88172645463325252u;
    const char *slash = strrchr(path, '/');
    for (const char *c = slash ? slash : path; *c; c++)
        random_state = random_state * 31 + (unsigned char)*c;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        damage_all(bytes.at, bytes.n, share);
        weir_buf_deinit(&bytes);
        exit(0);
    }
    int status = 1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    weir_buf_deinit(&bytes);
    bool is_fine = pid > 0 && status == 0 && !progress->has_differed;
    if (!is_fine)
        printf("# %s: %s at %s %zu (status 0x%x)\n", path,
               progress->has_differed ? "answers that depend on the batch" : "died",
               kind_names[progress->kind], progress->number, (unsigned)status);
    return is_fine;
}

/* --- folders --- */

struct total {
    size_t n_files, n_failed, n_taken, n_refused;
};

static size_t n_lines;

static bool is_skipped(const char *name)
{
    size_t n = strlen(name);
    return name[0] == '.' || (n > 4 && strcmp(name + n - 4, ".ref") == 0) ||
           (n > 3 && (strcmp(name + n - 3, ".md") == 0 || strcmp(name + n - 3, ".py") == 0)) ||
           strcmp(name, "expected.txt") == 0;
}

static void try_folder(const char *dir, size_t share, struct total *all)
{
    struct dirent **entries;
    struct total here = {0, 0, 0, 0};
    int n = scandir(dir, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char path[PATH_BYTES];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", dir, entries[i]->d_name);
        if (is_skipped(entries[i]->d_name) || stat(path, &st) != 0) {
            free(entries[i]);
            continue;
        }
        int folder = S_ISDIR(st.st_mode) ? weir_format_mlflow_folder_open(path) : -1;
        if (S_ISDIR(st.st_mode) && folder < 0) {
            try_folder(path, share, all);
        } else {
            here.n_files++;
            here.n_failed += !try_file(path, share);
            here.n_taken += progress->n_taken;
            here.n_refused += progress->n_refused;
        }
        if (folder >= 0)
            close(folder);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    if (here.n_files == 0)
        return;
    printf("%s %zu - %s: %zu files, %zu damaged ones refused, %zu taken\n",
           here.n_failed ? "not ok" : "ok", ++n_lines, dir, here.n_files, here.n_refused,
           here.n_taken);
    all->n_files += here.n_files;
    all->n_failed += here.n_failed;
    all->n_taken += here.n_taken;
    all->n_refused += here.n_refused;
}

int main(int argc, char **argv)
{
    size_t share = 1;
    int first = 1;
    if (argc > 2 && strcmp(argv[1], "--share") == 0) {
        share = strtoul(argv[2], NULL, 10);
        first = 3;
    }
    program = getenv("WEIR_PROGRAM");
    if (argc <= first || share == 0 || !program) {
        fprintf(stderr, "usage: WEIR_PROGRAM=... hostile [--share N] DIR...\n");
        return 2;
    }
    progress =
        mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (progress == MAP_FAILED)
        return 3;
    struct total all = {0, 0, 0, 0};
    for (int i = first; i < argc; i++)
        try_folder(argv[i], share, &all);
    printf("1..%zu\n", n_lines);
    printf("# %zu files, %zu damaged ones refused, %zu taken; %zu files failed\n", all.n_files,
           all.n_refused, all.n_taken, all.n_failed);
    return all.n_failed > 0 || all.n_files == 0;
}
