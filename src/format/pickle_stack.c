/* SPDX-License-Identifier: MIT */
/* The pickle machine's input, stack, marks and memo.
 *
 * What always holds: every read is checked against the bytes left and the frame; a value pushed is
 * never NULL; the stack below the last mark is out of reach; memo indexes are dense. */
#include "format/pickle_priv.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    ARENA_BLOCK_BYTES_MAX = 32 << 20, /* what an arena may ask for at once */
    MARKS_MAX = 65536,                /* no pickler nests more; the nesting limit comes first */
    LINE_BYTES_MAX = 16 << 20,        /* of protocol 0 */
};

enum weir_status weir_format_pickle_fail(struct weir_format_pickle_machine *m,
                                         enum weir_status code, const char *fmt, ...)
{
    char reason[WEIR_ERROR_MSG_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(reason, sizeof reason, fmt, args); /* a cut message is still a message */
    va_end(args);
    if (m->place)
        return weir_error_set(m->err, code, "%s: %s", m->place, reason);
    return weir_error_set(m->err, code, "offset %zu: %s", (size_t)(m->op - m->begin), reason);
}

enum weir_status weir_format_pickle_fail_memory(struct weir_format_pickle_machine *m)
{
    /* An arena does not say whether its bound or the system refused; near the bound it was the
     * bound. */
    size_t max = m->arena->bytes_max;
    if (max > 0 && max - weir_min_size(max, m->arena->bytes_held) < ARENA_BLOCK_BYTES_MAX)
        return weir_format_pickle_fail(
            m, WEIR_ERR_LIMIT, "the file's contents need more than %zu bytes of memory", max);
    return weir_format_pickle_fail(m, WEIR_ERR_NO_MEMORY, "no memory");
}

struct weir_value *weir_format_pickle_node(struct weir_format_pickle_machine *m,
                                           enum weir_value_kind kind)
{
    struct weir_value *v = weir_arena_alloc(m->arena, sizeof *v);
    if (!v) {
        (void)weir_format_pickle_fail_memory(m);
        return NULL;
    }
    *v = (struct weir_value){.kind = kind};
    m->n_nodes++;
    return v;
}

/* --- input --- */

enum weir_status weir_format_pickle_bytes(struct weir_format_pickle_machine *m, uint64_t n,
                                          struct weir_str *out)
{
    if (n > (uint64_t)(m->end - m->at))
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT,
                                       "%llu bytes are announced, %zu are left",
                                       (unsigned long long)n, (size_t)(m->end - m->at));
    if (m->frame_end && n > (uint64_t)(m->frame_end - m->at))
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a value crosses the end of its frame");
    *out = weir_str_make(m->at, (size_t)n);
    m->at += n;
    if (m->at == m->frame_end)
        m->frame_end = NULL;
    return WEIR_OK;
}

enum weir_status weir_format_pickle_line(struct weir_format_pickle_machine *m, struct weir_str *out)
{
    size_t n = weir_min_size((size_t)(m->end - m->at), LINE_BYTES_MAX);
    const char *newline = memchr(m->at, '\n', n);
    if (!newline)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a line without an end");
    struct weir_str line;
    enum weir_status status = weir_format_pickle_bytes(m, (uint64_t)(newline - m->at) + 1, &line);
    if (status != WEIR_OK)
        return status;
    *out = weir_str_make(line.at, line.n - 1);
    return WEIR_OK;
}

/* Reads a little-endian unsigned number of 1, 2, 4 or 8 bytes. */
enum weir_status weir_format_pickle_number(struct weir_format_pickle_machine *m, size_t n,
                                           uint64_t *out)
{
    struct weir_str bytes = {0};
    enum weir_status status = weir_format_pickle_bytes(m, n, &bytes);
    if (status != WEIR_OK)
        return status;
    uint64_t x = 0;
    for (size_t i = 0; i < n; i++)
        x |= (uint64_t)(unsigned char)bytes.at[i] << (8 * i);
    *out = x;
    return WEIR_OK;
}

/* Reads a length of n_size bytes and as many bytes after it. */
enum weir_status weir_format_pickle_counted(struct weir_format_pickle_machine *m, size_t n_size,
                                            struct weir_str *out)
{
    uint64_t n;
    enum weir_status status = weir_format_pickle_number(m, n_size, &n);
    return status == WEIR_OK ? weir_format_pickle_bytes(m, n, out) : status;
}

/* --- stack, marks, memo --- */

/* Makes room for one more element of an array that the heap holds. */
static enum weir_status grow(struct weir_format_pickle_machine *m, void **at, size_t n, size_t *cap,
                             size_t size, uint64_t max, const char *what)
{
    if (n < *cap)
        return WEIR_OK;
    if (n >= max)
        return weir_format_pickle_fail(m, WEIR_ERR_LIMIT, "more than %llu %s",
                                       (unsigned long long)max, what);
    size_t cap_new = weir_max_size(64, *cap * 2);
    if (cap_new > max)
        cap_new = (size_t)max;
    void *p = weir_mem_resize(weir_mem_default(), *at, cap_new, size);
    if (!p)
        return weir_format_pickle_fail(m, WEIR_ERR_NO_MEMORY, "no memory");
    *at = p;
    *cap = cap_new;
    return WEIR_OK;
}

enum weir_status weir_format_pickle_push(struct weir_format_pickle_machine *m, struct weir_value *v)
{
    if (!v)
        return weir_format_pickle_fail_memory(m);
    void *stack = m->stack;
    enum weir_status status = grow(m, &stack, m->n_stack, &m->cap_stack, sizeof(void *),
                                   m->opts->n_stack_max, "values on the stack");
    m->stack = stack;
    if (status != WEIR_OK)
        return status;
    m->stack[m->n_stack++] = v;
    return WEIR_OK;
}

static size_t stack_floor(const struct weir_format_pickle_machine *m)
{
    return m->n_marks > 0 ? m->marks[m->n_marks - 1] : 0;
}

enum weir_status weir_format_pickle_top(struct weir_format_pickle_machine *m,
                                        struct weir_value **out)
{
    if (m->n_stack <= stack_floor(m))
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "the stack is empty");
    *out = m->stack[m->n_stack - 1];
    return WEIR_OK;
}

enum weir_status weir_format_pickle_pop(struct weir_format_pickle_machine *m,
                                        struct weir_value **out)
{
    enum weir_status status = weir_format_pickle_top(m, out);
    if (status == WEIR_OK)
        m->n_stack--;
    return status;
}

enum weir_status weir_format_pickle_mark(struct weir_format_pickle_machine *m)
{
    void *marks = m->marks;
    enum weir_status status =
        grow(m, &marks, m->n_marks, &m->cap_marks, sizeof(size_t), MARKS_MAX, "open marks");
    m->marks = marks;
    if (status == WEIR_OK)
        m->marks[m->n_marks++] = m->n_stack;
    return status;
}

/* Takes the last mark and all values above it off; they stay readable until the next push. */
enum weir_status weir_format_pickle_pop_to_mark(struct weir_format_pickle_machine *m,
                                                struct weir_value *const **items, size_t *n)
{
    if (m->n_marks == 0)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "there is no mark");
    size_t height = m->marks[--m->n_marks];
    *n = m->n_stack - height;
    *items = *n ? m->stack + height : NULL;
    m->n_stack = height;
    return WEIR_OK;
}

enum weir_status weir_format_pickle_drop(struct weir_format_pickle_machine *m)
{
    if (m->n_marks > 0 && m->n_stack == stack_floor(m)) {
        m->n_marks--;
        return WEIR_OK;
    }
    struct weir_value *v = NULL;
    return weir_format_pickle_pop(m, &v);
}

/* Stores the top value at the next free index, which must be the one given. */
enum weir_status weir_format_pickle_memo_put(struct weir_format_pickle_machine *m, uint64_t index)
{
    struct weir_value *v = NULL;
    enum weir_status status = weir_format_pickle_top(m, &v);
    if (status != WEIR_OK)
        return status;
    if (index != m->n_memo)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "memo index %llu where %zu is the next",
                                       (unsigned long long)index, m->n_memo);
    void *memo = m->memo;
    status = grow(m, &memo, m->n_memo, &m->cap_memo, sizeof(void *), m->opts->n_memo_max,
                  "memo entries");
    m->memo = memo;
    if (status == WEIR_OK)
        m->memo[m->n_memo++] = v;
    return status;
}

enum weir_status weir_format_pickle_memo_get(struct weir_format_pickle_machine *m, uint64_t index)
{
    if (index >= m->n_memo)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "memo entry %llu is not there",
                                       (unsigned long long)index);
    return weir_format_pickle_push(m, m->memo[index]);
}

/* Takes n values off, bottom first; they stay readable until the next push. */
enum weir_status weir_format_pickle_pop_n(struct weir_format_pickle_machine *m, size_t n,
                                          struct weir_value *const **items)
{
    if (m->n_stack - stack_floor(m) < n)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "the stack is empty");
    m->n_stack -= n;
    *items = m->stack + m->n_stack;
    return WEIR_OK;
}

void weir_format_pickle_machine_deinit(struct weir_format_pickle_machine *m)
{
    weir_mem_free(weir_mem_default(), m->stack);
    weir_mem_free(weir_mem_default(), m->marks);
    weir_mem_free(weir_mem_default(), m->memo);
    m->stack = NULL;
    m->marks = NULL;
    m->memo = NULL;
}
