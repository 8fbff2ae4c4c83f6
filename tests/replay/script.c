/* SPDX-License-Identifier: MIT */
#include "script.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_BYTES = 64 * 1024,
    TEXT_COLUMNS = 100,
    HEX_BYTES = 50,
    TEXT_RUN_MIN = 6,
    LARGE_BYTES = 1000
};

/* Appends the argument of a line: text in double quotes with C's escapes, or hex. */
static bool read_bytes(struct weir_buf *out, const char *at)
{
    if (*at != '"') {
        for (unsigned byte = 0; *at; at += 2) {
            if (sscanf(at, "%2x", &byte) != 1 || !isxdigit((unsigned char)at[1]))
                return false;
            weir_buf_append_byte(out, (char)byte);
        }
        return true;
    }
    for (at++; *at && *at != '"'; at++) {
        char c = *at;
        if (c == '\\') {
            c = *++at;
            c = c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c;
        }
        weir_buf_append_byte(out, c);
    }
    return at[0] == '"' && at[1] == '\0';
}

static const char *after(const char *line, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(line, word, n) != 0 || (line[n] != ' ' && line[n] != '\0'))
        return NULL;
    return line + n + (line[n] == ' ');
}

static struct replay_step *add_step(struct replay_script *script, enum replay_kind kind,
                                    unsigned line)
{
    script->steps = realloc(script->steps, (script->n + 1) * sizeof *script->steps);
    if (!script->steps)
        abort();
    struct replay_step *step = &script->steps[script->n++];
    memset(step, 0, sizeof *step);
    step->kind = kind;
    step->line = line;
    return step;
}

/* The word before a body, by how it is compared. */
static const struct {
    char word;
    enum replay_how how;
} hows[] = {{'=', REPLAY_BODY_EXACT}, {'~', REPLAY_BODY_NEAR}, {'?', REPLAY_BODY_LIKE}};

/* Reads a line that belongs to the step before it. */
static bool read_expectation(struct replay_step *step, const char *line)
{
    if (!step || (step->kind != REPLAY_ANSWER && step->kind != REPLAY_STREAM))
        return false;
    struct replay_answer *want = &step->want;
    const char *at;
    if ((at = after(line, "<"))) {
        weir_buf_printf(&want->head, "%s\n", at);
        return true;
    }
    for (size_t i = 0; i < sizeof hows / sizeof *hows; i++)
        if (line[0] == hows[i].word && line[1] == ' ') {
            want->how = hows[i].how;
            bool is_read = read_bytes(&want->body, line + 2);
            (void)weir_buf_c(&want->body); /* which numbers are read from */
            return is_read;
        }
    return false;
}

static bool read_step(struct replay_script *script, const char *line, unsigned number)
{
    static const struct {
        const char *word;
        enum replay_kind kind;
    } plain[] = {
        {"continue", REPLAY_CONTINUE}, {"answer", REPLAY_ANSWER}, {"closed", REPLAY_CLOSED}};
    const char *at;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if ((at = after(line, plain[i].word)) && *at == '\0') {
            (void)add_step(script, plain[i].kind, number);
            return true;
        }
    if ((at = after(line, "call"))) {
        weir_buf_append_c(&add_step(script, REPLAY_CALL, number)->text, at);
        return true;
    }
    if ((at = after(line, "stream"))) {
        add_step(script, REPLAY_STREAM, number)->number = (uint32_t)strtoul(at, NULL, 10);
        return true;
    }
    if ((at = after(line, "on"))) {
        struct replay_step *step = add_step(script, REPLAY_ON, number);
        step->number = (uint32_t)strtoul(at, NULL, 10);
        step->is_admin = strstr(at, " admin") != NULL;
        return true;
    }
    struct replay_step *last = script->n > 0 ? &script->steps[script->n - 1] : NULL;
    if ((at = after(line, ">"))) {
        if (!last || last->kind != REPLAY_SEND)
            last = add_step(script, REPLAY_SEND, number);
        return read_bytes(&last->text, at);
    }
    return read_expectation(last, line);
}

/* Reads a line that may stand before the first step only. */
static bool read_setting(struct replay_script *script, const char *line)
{
    const char *at;
    if ((at = after(line, "needs"))) {
        script->needs_onnx = strcmp(at, "onnx") == 0;
        return script->needs_onnx;
    }
    if ((at = after(line, "args"))) {
        weir_buf_append_c(&script->args, at);
        return true;
    }
    if ((at = after(line, "env")) && script->n_env < REPLAY_SETTINGS_MAX) {
        weir_buf_append_c(&script->env[script->n_env++], at);
        return true;
    }
    return *line == '#' || *line == '\0';
}

/* Puts the size of the body where a request says `Content-Length: ?`. */
static void fill_length(struct weir_buf *text)
{
    static const char mark[] = "Content-Length: ?\r\n";
    char *at = memmem(text->at, text->n, mark, sizeof mark - 1);
    char *body = memmem(text->at, text->n, "\r\n\r\n", 4);
    if (!at || !body)
        return;
    struct weir_buf filled = WEIR_BUF_INIT;
    size_t n = (size_t)(at - text->at) + sizeof mark - 4;
    weir_buf_append(&filled, text->at, n);
    weir_buf_printf(&filled, "%zu", text->n - (size_t)(body + 4 - text->at));
    weir_buf_append(&filled, text->at + n + 1, text->n - n - 1);
    weir_buf_deinit(text);
    *text = filled;
}

bool replay_script_read(struct replay_script *script, FILE *file, char *reason, size_t size)
{
    static char line[LINE_BYTES];
    memset(script, 0, sizeof *script);
    for (unsigned number = 1; fgets(line, sizeof line, file); number++) {
        line[strcspn(line, "\n")] = '\0';
        if (script->n == 0 && read_setting(script, line))
            weir_buf_printf(&script->head, *line ? "%s\n" : "%s", line);
        else if (*line != '#' && *line != '\0' && !read_step(script, line, number)) {
            (void)snprintf(reason, size, "line %u is not understood: %.60s", number, line);
            return false;
        }
    }
    for (size_t i = 0; i < script->n; i++)
        if (script->steps[i].kind == REPLAY_SEND)
            fill_length(&script->steps[i].text);
    (void)snprintf(reason, size, "there is nothing in it");
    return script->n > 0;
}

static void answer_deinit(struct replay_answer *answer)
{
    weir_buf_deinit(&answer->head);
    weir_buf_deinit(&answer->body);
}

void replay_script_deinit(struct replay_script *script)
{
    for (size_t i = 0; i < script->n; i++) {
        struct replay_step *step = &script->steps[i];
        weir_buf_deinit(&step->text);
        answer_deinit(&step->want);
        answer_deinit(&step->got[0]);
        answer_deinit(&step->got[1]);
    }
    free(script->steps);
    for (size_t i = 0; i < script->n_env; i++)
        weir_buf_deinit(&script->env[i]);
    weir_buf_deinit(&script->head);
    weir_buf_deinit(&script->args);
    memset(script, 0, sizeof *script);
}

/* --- comparing --- */

static bool is_text(char c)
{
    return (c >= ' ' && c <= '~') || c == '\r' || c == '\n' || c == '\t';
}

static bool is_equal(const struct weir_buf *a, const struct weir_buf *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->at, b->at, a->n) == 0);
}

/* Compares texts, numbers within tolerance of the larger; what follows a byte that is no text in
 * both is compared by its size. */
static bool is_like(const struct weir_buf *a, const struct weir_buf *b, double tolerance)
{
    size_t i = 0;
    size_t k = 0;
    while (i < a->n && k < b->n) {
        if (isdigit((unsigned char)a->at[i]) && isdigit((unsigned char)b->at[k])) {
            char *ends[2];
            double x = strtod(a->at + i, &ends[0]);
            double y = strtod(b->at + k, &ends[1]);
            if (fabs(x - y) > tolerance * fmax(fabs(x), fabs(y)) + tolerance * 1e-3)
                return false;
            i = (size_t)(ends[0] - a->at);
            k = (size_t)(ends[1] - b->at);
            continue;
        }
        if (!is_text(a->at[i]) && !is_text(b->at[k]))
            return a->n - i == b->n - k;
        if (a->at[i++] != b->at[k++])
            return false;
    }
    return i == a->n && k == b->n;
}

static bool bodies_match(enum replay_how how, const struct weir_buf *want,
                         const struct weir_buf *got)
{
    switch (how) {
    case REPLAY_BODY_ANY:
        return true;
    case REPLAY_BODY_EXACT:
        return is_equal(want, got);
    case REPLAY_BODY_NEAR:
        return is_like(want, got, 1e-4);
    case REPLAY_BODY_LIKE:
        return is_like(want, got, HUGE_VAL);
    }
    return false;
}

/* Finds a line, of n bytes without its end, in lines; is_prefix: or one that begins so. */
static bool has_line(const struct weir_buf *lines, const char *line, size_t n, bool is_prefix)
{
    for (size_t i = 0; i < lines->n;) {
        const char *end = memchr(lines->at + i, '\n', lines->n - i);
        size_t size = (size_t)(end - (lines->at + i));
        if ((size == n || (is_prefix && size > n)) && memcmp(lines->at + i, line, n) == 0)
            return true;
        i += size + 1;
    }
    return false;
}

static bool heads_match(const struct replay_answer *want, const struct replay_answer *got,
                        char *reason, size_t size)
{
    for (size_t i = 0; i < want->head.n;) {
        const char *line = want->head.at + i;
        size_t n = (size_t)((const char *)memchr(line, '\n', want->head.n - i) - line);
        bool is_absent = line[0] == '!';
        if (has_line(&got->head, line + is_absent, n - is_absent, is_absent) == is_absent) {
            (void)snprintf(reason, size, "expected \"%.*s\" in the head\n%.*s", (int)n, line,
                           (int)got->head.n, got->head.at);
            return false;
        }
        i += n + 1;
    }
    return true;
}

bool replay_answer_matches(const struct replay_answer *want, const struct replay_answer *got,
                           char *reason, size_t size)
{
    if (!heads_match(want, got, reason, size))
        return false;
    if (bodies_match(want->how, &want->body, &got->body))
        return true;
    size_t at = 0;
    while (at < want->body.n && at < got->body.n && want->body.at[at] == got->body.at[at])
        at++;
    size_t from = at < 40 ? 0 : at - 40;
    (void)snprintf(reason, size,
                   "bodies of %zu and %zu bytes differ at %zu: expected\n%.*s\ngot\n%.*s",
                   want->body.n, got->body.n, at, (int)(want->body.n - from),
                   want->body.n ? want->body.at + from : "", (int)(got->body.n - from),
                   got->body.n ? got->body.at + from : "");
    return false;
}

/* --- writing --- */

static size_t write_text(FILE *file, const char *at, size_t n)
{
    size_t i = 0;
    (void)fputc('"', file);
    for (; i < n && i < TEXT_COLUMNS && is_text(at[i]) && (i < TEXT_RUN_MIN || at[i - 1] != '\n');
         i++) {
        const char *escape = strchr("\rr\nn\tt\"\"\\\\", at[i]);
        if (at[i] == '\r' || at[i] == '\n' || at[i] == '\t' || at[i] == '"' || at[i] == '\\')
            (void)fprintf(file, "\\%c", escape[1]);
        else
            (void)fputc(at[i], file);
    }
    (void)fputc('"', file);
    return i;
}

/* Finds whether a text begins here that is long enough to be written as such. */
static bool begins_text(const char *at, size_t n)
{
    for (size_t i = 0; i < TEXT_RUN_MIN; i++)
        if (i == n || !is_text(at[i]))
            return i == n && n > 0;
    return true;
}

/* Writes lines of a word and bytes: runs of text in quotes, the rest in hex. */
static void write_bytes(FILE *file, char word, const struct weir_buf *bytes)
{
    if (bytes->n == 0)
        (void)fprintf(file, "%c \"\"\n", word);
    for (size_t i = 0; i < bytes->n; (void)fputc('\n', file)) {
        (void)fprintf(file, "%c ", word);
        if (begins_text(bytes->at + i, bytes->n - i)) {
            i += write_text(file, bytes->at + i, bytes->n - i);
            continue;
        }
        for (size_t k = 0; k < HEX_BYTES && i < bytes->n; k++) {
            (void)fprintf(file, "%02x", (unsigned char)bytes->at[i++]);
            if (begins_text(bytes->at + i, bytes->n - i))
                break;
        }
    }
}

static void write_answer(FILE *file, const struct replay_answer *a, const struct replay_answer *b,
                         bool is_near)
{
    size_t how = is_near ? 1 : 0;
    while (how < sizeof hows / sizeof *hows && !bodies_match(hows[how].how, &a->body, &b->body))
        how++;
    for (size_t i = 0; i < a->head.n;) {
        const char *line = a->head.at + i;
        size_t n = (size_t)((const char *)memchr(line, '\n', a->head.n - i) - line);
        /* Where numbers may be others, the text may be longer. */
        bool is_length = n > 16 && memcmp(line, "content-length: ", 16) == 0;
        if (has_line(&b->head, line, n, false) && (how == 0 || !is_length))
            (void)fprintf(file, "< %.*s\n", (int)n, line);
        i += n + 1;
    }
    /* Large answers are compressed, but only where that is asked for. */
    if (a->body.n >= LARGE_BYTES && !has_line(&a->head, "content-encoding: ", 18, true))
        (void)fputs("< !content-encoding\n", file);
    if (how < sizeof hows / sizeof *hows)
        write_bytes(file, hows[how].word, &a->body);
}

/* Finds whether bytes contain one of the texts. */
static bool has_one_of(const struct weir_buf *bytes, const struct weir_buf *texts)
{
    for (; texts->n > 0; texts++)
        if (bytes->n > 0 && memmem(bytes->at, bytes->n, texts->at, texts->n))
            return true;
    return false;
}

void replay_script_write(const struct replay_script *script, const struct weir_buf *near,
                         FILE *file)
{
    bool is_near = false;
    (void)fwrite(script->head.at, 1, script->head.n, file);
    for (size_t i = 0; i < script->n; i++) {
        const struct replay_step *step = &script->steps[i];
        switch (step->kind) {
        case REPLAY_CALL:
            is_near = false;
            (void)fprintf(file, "\ncall %.*s\n", (int)step->text.n, step->text.at);
            break;
        case REPLAY_ON:
            (void)fprintf(file, "on %u %s\n", step->number, step->is_admin ? "admin" : "main");
            break;
        case REPLAY_SEND:
            is_near = is_near || has_one_of(&step->text, near);
            write_bytes(file, '>', &step->text);
            break;
        case REPLAY_CONTINUE:
            (void)fputs("continue\n", file);
            break;
        case REPLAY_CLOSED:
            (void)fputs("closed\n", file);
            break;
        case REPLAY_ANSWER:
        case REPLAY_STREAM:
            if (step->kind == REPLAY_ANSWER)
                (void)fputs("answer\n", file);
            else
                (void)fprintf(file, "stream %u\n", step->number);
            write_answer(file, &step->got[0], &step->got[1], is_near);
            break;
        }
    }
}
