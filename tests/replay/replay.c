/* SPDX-License-Identifier: MIT */
/* Replays what clients sent against a real `weir serve` over the models of
 * tests/clients/models.txt, and compares what comes back: each script whole and in pieces, each
 * time with a new server.
 *
 * usage: replay SCRIPT…           writes TAP
 *        replay --write SCRIPT…   asks twice and writes the answers into the scripts
 *
 * WEIR_PROGRAM is the server, WEIR_TEST_SOURCE_ROOT the project. README.md says how a script is
 * written. */
#include "peer.h"
#include "test_server.h"
#include "test_tmp.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { PEERS_MAX = 64, ARGS_MAX = 16, PATH_BYTES = 1024, NEAR_MAX = 8, REASON_BYTES = 4096 };

struct run {
    struct replay_script *script;
    enum replay_mode mode;
    int pass; /* which of a step's answers is filled */
    struct weir_test_server server;
    struct replay_peer peers[PEERS_MAX]; /* by the script's number of a connection */
    struct replay_peer *peer;            /* the one that is meant now */
    const char *call;                    /* what the client was doing */
    char reason[REASON_BYTES];
    struct weir_buf report; /* all that went wrong */
};

/* --- the models --- */

static void copy_file(struct weir_test_tmp *tmp, const char *name, const char *from)
{
    size_t n;
    char *bytes = weir_test_tmp_read(from, &n);
    weir_test_tmp_write(tmp, name, bytes, n);
    free(bytes);
}

/* Copies a file, or the files of a folder. */
static void copy_model(struct weir_test_tmp *tmp, const char *name, const char *from)
{
    DIR *folder = opendir(from);
    if (!folder) {
        copy_file(tmp, name, from);
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder));) {
        char to[2 * PATH_BYTES];
        char path[2 * PATH_BYTES];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(to, sizeof to, "%s/%s", name, entry->d_name);
        (void)snprintf(path, sizeof path, "%s/%s", from, entry->d_name);
        copy_file(tmp, to, path);
    }
    (void)closedir(folder);
}

/* Copies the models of the list to below "models"; appends the names of those marked near. */
static void lay_out(struct weir_test_tmp *tmp, const char *root, struct weir_buf *near)
{
    char line[PATH_BYTES];
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/tests/clients/models.txt", root);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        char name[256];
        char source[256];
        char to[PATH_BYTES];
        char mark[16] = "";
        if (*line == '#' || sscanf(line, "%255s %255s %15s", name, source, mark) < 2)
            continue;
        if (strcmp(mark, "near") == 0)
            weir_buf_append(near++, name, strcspn(name, "./"));
        (void)snprintf(to, sizeof to, "models/%s", name);
        (void)snprintf(path, sizeof path, "%s/tests/%s", root, source);
        copy_model(tmp, to, path);
    }
    if (file)
        (void)fclose(file);
}

/* --- one run --- */

static void start_server(struct run *r, const struct weir_test_tmp *tmp, const char *root)
{
    char config[PATH_BYTES];
    char models[PATH_BYTES];
    char words[PATH_BYTES] = "";
    char *rest = words;
    const char *args[ARGS_MAX] = {"--config", config, models};
    (void)snprintf(config, sizeof config, "%s/tests/clients/weir.yaml", root);
    weir_test_tmp_path(tmp, "models", models, sizeof models);
    if (r->script->args.n > 0)
        (void)snprintf(words, sizeof words, "%s", weir_buf_c(&r->script->args));
    for (size_t n = 3; n + 1 < ARGS_MAX && (args[n] = strsep(&rest, " ")); n++)
        n -= *args[n] == '\0';
    for (size_t i = 0; i < r->script->n_env; i++) {
        char *name = strdup(weir_buf_c(&r->script->env[i]));
        char *value = strchr(name, '=');
        *value = '\0';
        (void)setenv(name, value + 1, 1);
        free(name);
    }
    weir_test_server_start(&r->server, args);
    weir_test_server_wait_ready(&r->server);
    for (size_t i = 0; i < r->script->n_env; i++) {
        char *name = strdup(weir_buf_c(&r->script->env[i]));
        *strchr(name, '=') = '\0';
        (void)unsetenv(name);
        free(name);
    }
}

static bool select_peer(struct run *r, const struct replay_step *step)
{
    if (step->number >= PEERS_MAX) {
        (void)snprintf(r->reason, sizeof r->reason, "connection %u: too many", step->number);
        return false;
    }
    r->peer = &r->peers[step->number];
    return r->peer->fd >= 0 ||
           replay_peer_connect(r->peer, step->is_admin ? r->server.admin_port : r->server.port);
}

/* Plays one step and keeps what came back. */
static bool play_step(struct run *r, struct replay_step *step)
{
    struct replay_answer *got = &step->got[r->pass];
    switch (step->kind) {
    case REPLAY_CALL:
        r->call = weir_buf_c(&step->text);
        return true;
    case REPLAY_ON:
        return select_peer(r, step);
    case REPLAY_SEND:
        replay_peer_send(r->peer, &step->text, r->mode);
        return true;
    case REPLAY_CONTINUE:
        return replay_peer_continue(r->peer, r->reason, sizeof r->reason);
    case REPLAY_CLOSED:
        return replay_peer_closed(r->peer, r->reason, sizeof r->reason);
    case REPLAY_ANSWER:
        return replay_peer_answer(r->peer, got, r->reason, sizeof r->reason);
    case REPLAY_STREAM:
        return replay_peer_stream(r->peer, step->number, got, r->reason, sizeof r->reason);
    }
    return false;
}

/* Adds where and how a step differs to the report, as lines of a comment. */
static void report(struct run *r, const struct replay_step *step)
{
    char *at = r->reason;
    weir_buf_printf(&r->report, "# line %u, \"%s\":\n", step->line, r->call);
    for (char *line; (line = strsep(&at, "\n"));)
        weir_buf_printf(&r->report, "#   %.400s\n", line);
}

/* Plays all steps; goes on after an answer that is not the wanted one, but not where none came. */
static bool play_steps(struct run *r, bool is_compared)
{
    for (size_t i = 0; i < r->script->n; i++) {
        struct replay_step *step = &r->script->steps[i];
        bool has_answer = step->kind == REPLAY_ANSWER || step->kind == REPLAY_STREAM;
        if (!play_step(r, step)) {
            report(r, step);
            break;
        }
        if (is_compared && has_answer &&
            !replay_answer_matches(&step->want, &step->got[r->pass], r->reason, sizeof r->reason))
            report(r, step);
    }
    return r->report.n == 0;
}

enum result { PASSED, FAILED, SKIPPED };

/* Whether the model is there that no machine without ONNX Runtime has. */
static bool has_onnx(const struct run *r)
{
    struct weir_test_answer answer;
    weir_test_server_request(r->server.port, "GET", "/v2/models/every_type/ready", NULL, NULL,
                             &answer);
    bool is_ready = answer.status == 200;
    weir_test_answer_deinit(&answer);
    return is_ready;
}

static enum result play(struct run *r, const struct weir_test_tmp *tmp, const char *root,
                        bool is_compared)
{
    enum result result = SKIPPED;
    r->call = "the first call";
    for (size_t i = 0; i < PEERS_MAX; i++)
        r->peers[i].fd = -1;
    start_server(r, tmp, root);
    if (!r->script->needs_onnx || has_onnx(r))
        result = play_steps(r, is_compared) ? PASSED : FAILED;
    for (size_t i = 0; i < PEERS_MAX; i++)
        if (r->peers[i].fd >= 0)
            replay_peer_close(&r->peers[i]);
    int status = weir_test_server_stop(&r->server, SIGTERM);
    if (status != 0 && result != FAILED) {
        weir_buf_printf(&r->report, "# the server ended with status %d\n", status);
        return FAILED;
    }
    return result;
}

/* --- scripts --- */

static bool read_script(const char *path, struct replay_script *script, char *reason, size_t size)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        (void)snprintf(reason, size, "cannot open: %s", strerror(errno));
        return false;
    }
    bool is_fine = replay_script_read(script, file, reason, size);
    (void)fclose(file);
    return is_fine;
}

static bool check_script(const char *path, enum replay_mode mode, int number,
                         const struct weir_test_tmp *tmp, const char *root)
{
    static struct run r;
    struct replay_script script;
    memset(&r, 0, sizeof r);
    r.script = &script;
    r.mode = mode;
    enum result result = FAILED;
    if (read_script(path, &script, r.reason, sizeof r.reason))
        result = play(&r, tmp, root, true);
    else
        weir_buf_printf(&r.report, "# %s\n", r.reason);
    replay_script_deinit(&script);
    const char *slash = strrchr(path, '/');
    (void)printf("%s %d - %s, %s%s\n", result == FAILED ? "not ok" : "ok", number,
                 slash ? slash + 1 : path, mode == REPLAY_WHOLE ? "whole" : "in pieces",
                 result == SKIPPED ? " # SKIP no ONNX Runtime" : "");
    if (r.report.n > 0)
        (void)fwrite(r.report.at, 1, r.report.n, stdout);
    (void)fflush(stdout);
    weir_buf_deinit(&r.report);
    return result != FAILED;
}

static bool write_script(const char *path, const struct weir_test_tmp *tmp, const char *root,
                         const struct weir_buf *near)
{
    static struct run r;
    struct replay_script script;
    memset(&r, 0, sizeof r);
    r.script = &script;
    bool is_fine = read_script(path, &script, r.reason, sizeof r.reason);
    for (r.pass = 0; is_fine && r.pass < 2; r.pass++)
        is_fine = play(&r, tmp, root, false) == PASSED;
    FILE *file = is_fine ? fopen(path, "w") : NULL;
    if (file) {
        replay_script_write(&script, near, file);
        is_fine = fclose(file) == 0;
    }
    if (!is_fine)
        (void)fprintf(stderr, "%s: %s\n%s", path, r.reason, weir_buf_c(&r.report));
    weir_buf_deinit(&r.report);
    replay_script_deinit(&script);
    return is_fine;
}

int main(int argc, char **argv)
{
    const char *root = getenv("WEIR_TEST_SOURCE_ROOT");
    bool is_write = argc > 1 && strcmp(argv[1], "--write") == 0;
    int first = 1 + is_write;
    if (!root || argc <= first) {
        (void)fprintf(stderr, "usage: replay [--write] SCRIPT…\n");
        return 2;
    }
    static struct weir_buf near[NEAR_MAX + 1];
    struct weir_test_tmp tmp;
    weir_test_tmp_init(&tmp);
    lay_out(&tmp, root, near);
    int n_failed = 0;
    if (!is_write)
        (void)printf("1..%d\n", (argc - 1) * 2);
    for (int i = first; i < argc; i++) {
        if (is_write)
            n_failed += !write_script(argv[i], &tmp, root, near);
        else
            for (enum replay_mode mode = REPLAY_WHOLE; mode <= REPLAY_PIECES; mode++)
                n_failed += !check_script(argv[i], mode, (i - 1) * 2 + (int)mode + 1, &tmp, root);
    }
    for (size_t i = 0; i < NEAR_MAX; i++)
        weir_buf_deinit(&near[i]);
    weir_test_tmp_deinit(&tmp);
    return n_failed > 0;
}
