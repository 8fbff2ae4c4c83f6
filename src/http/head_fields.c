/* SPDX-License-Identifier: MIT */
/* The header lines of a whole head: llhttp cuts them into fields, what they say together is checked
 * here. */
#include "base/macros.h"
#include "http/head_priv.h"

#include <llhttp.h>

static const uint64_t LENGTH_MAX = INT64_MAX;

/* --- names ------------------------------------------------------------------------------------ */

#define NAME(text)               \
    {                            \
        (text), sizeof(text) - 1 \
    }

static const struct weir_str names[] = {
#define NAME_ROW(name, text) [WEIR_HTTP_FIELD_##name] = NAME(text),
    WEIR_HTTP_FIELDS(NAME_ROW)
#undef NAME_ROW
        [WEIR_HTTP_NAME_LENGTH] = NAME("content-length"),
    [WEIR_HTTP_NAME_CODING] = NAME("transfer-encoding"),
    [WEIR_HTTP_NAME_CONNECTION] = NAME("connection"),
    [WEIR_HTTP_NAME_EXPECT] = NAME("expect"),
};

/* Of the names of one length, the only one it can be. */
static uint32_t candidate(struct weir_str name)
{
    char first = name.n > 0 ? (char)(name.at[0] | 0x20) : '\0';
    switch (name.n) {
    case 2:
        return WEIR_HTTP_FIELD_TE;
    case 4:
        return WEIR_HTTP_FIELD_HOST;
    case 6:
        return first == 'e'   ? WEIR_HTTP_NAME_EXPECT
               : first == 'o' ? WEIR_HTTP_FIELD_ORIGIN
                              : WEIR_HTTP_FIELD_ACCEPT;
    case 10:
        return WEIR_HTTP_NAME_CONNECTION;
    case 12:
        return first == 'c'   ? WEIR_HTTP_FIELD_CONTENT_TYPE
               : first == 'g' ? WEIR_HTTP_FIELD_GRPC_TIMEOUT
                              : WEIR_HTTP_FIELD_X_REQUEST_ID;
    case 13:
        return first == 's'   ? WEIR_HTTP_FIELD_SERVER_TIMING
               : first == 'g' ? WEIR_HTTP_FIELD_GRPC_ENCODING
               : first == 'i' ? WEIR_HTTP_FIELD_IF_NONE_MATCH
                              : WEIR_HTTP_FIELD_AUTHORIZATION;
    case 14:
        return WEIR_HTTP_NAME_LENGTH;
    case 15:
        return WEIR_HTTP_FIELD_ACCEPT_ENCODING;
    case 16:
        return WEIR_HTTP_FIELD_CONTENT_ENCODING;
    case 17:
        return WEIR_HTTP_NAME_CODING;
    case 20:
        return first == 'g' ? WEIR_HTTP_FIELD_GRPC_ACCEPT_ENCODING
                            : WEIR_HTTP_FIELD_X_REQUEST_TIMEOUT_MS;
    case 31:
        return WEIR_HTTP_FIELD_INFERENCE_LENGTH;
    default: /* Not one of ours. */
        return WEIR_HTTP_NAME_OTHER;
    }
}

uint32_t weir_http_head_name(struct weir_str name)
{
    uint32_t i = candidate(name);
    if (i == WEIR_HTTP_NAME_OTHER || !weir_str_eq_nocase(name, names[i]))
        return WEIR_HTTP_NAME_OTHER;
    return i;
}

/* --- lines ------------------------------------------------------------------------------------ */

/* What llhttp's callbacks gather. */
struct reading {
    llhttp_t parser;
    struct weir_http_head *head;
    const char *bytes;
    struct weir_str name;
    struct weir_str value;
    uint32_t n_hosts;
    uint32_t n_lengths;
    uint32_t n_codings; /* Transfer-Encoding lines */
    bool is_whole;
    enum weir_http_refusal refusal;
};

static void refuse(struct reading *r, enum weir_http_refusal refusal)
{
    if (r->refusal == WEIR_HTTP_REFUSAL_NONE)
        r->refusal = refusal;
}

static void read_length(struct reading *r)
{
    uint64_t length;
    if (++r->n_lengths > 1)
        refuse(r, WEIR_HTTP_REFUSAL_LENGTH_TWICE);
    else if (!weir_str_to_u64(r->value, LENGTH_MAX, &length))
        refuse(r, WEIR_HTTP_REFUSAL_LENGTH);
    else
        r->head->length = length;
    r->head->has_length = true;
}

/* Reads one line of a list of codings; over all lines chunked must be there once, at the end. */
static void read_coding(struct reading *r)
{
    static const char *const known[] = {"gzip", "x-gzip", "deflate", "compress", "x-compress"};
    r->n_codings++;
    struct weir_str rest = r->value;
    do {
        struct weir_str coding = weir_str_trim(weir_str_split(&rest, ','));
        if (r->head->is_chunked || coding.n == 0) {
            refuse(r, WEIR_HTTP_REFUSAL_CODING);
        } else if (weir_str_eq_nocase(coding, WEIR_STR("chunked"))) {
            r->head->is_chunked = true;
        } else {
            bool is_known = false;
            for (size_t i = 0; i < WEIR_ARRAY_LEN(known); i++)
                is_known = is_known || weir_str_eq_nocase(coding, weir_str_c(known[i]));
            refuse(r, is_known ? WEIR_HTTP_REFUSAL_CODING_UNKNOWN : WEIR_HTTP_REFUSAL_CODING);
        }
    } while (rest.at);
}

static void read_connection(struct reading *r)
{
    struct weir_str rest = r->value;
    do {
        struct weir_str option = weir_str_trim(weir_str_split(&rest, ','));
        if (weir_str_eq_nocase(option, WEIR_STR("close")))
            r->head->wants_close = true;
        else if (weir_str_eq_nocase(option, WEIR_STR("keep-alive")))
            r->head->wants_keep_alive = true;
    } while (rest.at);
}

static void read_host(struct reading *r)
{
    if (++r->n_hosts > 1)
        refuse(r, WEIR_HTTP_REFUSAL_HOST_TWICE);
    else if (!weir_http_head_is_authority(r->value))
        refuse(r, WEIR_HTTP_REFUSAL_HOST_INVALID);
}

static void read_expect(struct reading *r)
{
    if (weir_str_eq_nocase(r->value, WEIR_STR("100-continue")))
        r->head->expects_continue = true;
    else
        r->head->expects_other = true;
}

/* Reads a field that means something here; of one that handlers may ask for the first is kept, but
 * there may be only one length. */
static void read_field(struct reading *r)
{
    uint32_t name = weir_http_head_name(r->name);
    if (name == WEIR_HTTP_NAME_OTHER)
        return;
    if (name == WEIR_HTTP_FIELD_HOST)
        read_host(r);
    if (name < WEIR_HTTP_N_FIELDS) {
        struct weir_http_span *span = &r->head->fields[name];
        if (span->at == 0)
            *span = weir_http_head_span(r->bytes, r->value);
        else if (name == WEIR_HTTP_FIELD_INFERENCE_LENGTH)
            refuse(r, WEIR_HTTP_REFUSAL_INFERENCE_TWICE);
        return;
    }
    if (name == WEIR_HTTP_NAME_LENGTH)
        read_length(r);
    else if (name == WEIR_HTTP_NAME_CODING)
        read_coding(r);
    else if (name == WEIR_HTTP_NAME_CONNECTION)
        read_connection(r);
    else
        read_expect(r);
}

static struct reading *reading_of(llhttp_t *parser)
{
    return WEIR_CONTAINER_OF(parser, struct reading, parser);
}

/* Spans of one field come in pieces now and then; all pieces are neighbours. */
static void extend(struct weir_str *s, const char *at, size_t n)
{
    if (!s->at)
        s->at = at;
    s->n = (size_t)(at + n - s->at);
}

static int on_field(llhttp_t *parser, const char *at, size_t n)
{
    extend(&reading_of(parser)->name, at, n);
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t n)
{
    extend(&reading_of(parser)->value, at, n);
    return 0;
}

static int on_value_complete(llhttp_t *parser)
{
    struct reading *r = reading_of(parser);
    r->value = weir_str_trim(r->value);
    if (!r->value.at)
        r->value = weir_str_make(r->name.at + r->name.n, 0);
    read_field(r);
    r->name = (struct weir_str){NULL, 0};
    r->value = (struct weir_str){NULL, 0};
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    reading_of(parser)->is_whole = true;
    return 0;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
};

/* The rules over the whole head; those that need all header lines apply only if llhttp saw all. */
static enum weir_http_refusal check_head(const struct reading *r)
{
    const struct weir_http_head *head = r->head;
    if (r->n_codings > 0 && head->has_length)
        return WEIR_HTTP_REFUSAL_LENGTH_AND_CODING;
    if (r->n_codings > 0 && head->minor == 0)
        return WEIR_HTTP_REFUSAL_CODING_OLD;
    if (r->refusal == WEIR_HTTP_REFUSAL_CODING_UNKNOWN && !head->is_chunked)
        return WEIR_HTTP_REFUSAL_CODING; /* A known coding, but chunked is not the last. */
    if (r->refusal == WEIR_HTTP_REFUSAL_NONE && r->is_whole && r->n_hosts == 0 && head->minor == 1)
        return WEIR_HTTP_REFUSAL_HOST_MISSING;
    return r->refusal;
}

/* Tells what llhttp's refusal of the header lines was about. */
static enum weir_http_refusal refusal_of(llhttp_errno_t error, const struct weir_http_head *head)
{
    if (error == HPE_UNEXPECTED_CONTENT_LENGTH || error == HPE_INVALID_CONTENT_LENGTH)
        return WEIR_HTTP_REFUSAL_LENGTH;
    if (error == HPE_INVALID_TRANSFER_ENCODING)
        return head->has_length ? WEIR_HTTP_REFUSAL_LENGTH_AND_CODING : WEIR_HTTP_REFUSAL_CODING;
    if (error == HPE_INVALID_URL)
        return WEIR_HTTP_REFUSAL_TARGET;
    return WEIR_HTTP_REFUSAL_HEADER;
}

enum weir_http_refusal weir_http_head_read(struct weir_http_head *head,
                                           const struct weir_http_scan *scan, const char *bytes)
{
    struct reading r = {.head = head, .bytes = bytes};
    llhttp_init(&r.parser, HTTP_REQUEST, &settings);
    weir_assert(r.parser.lenient_flags == 0);
    llhttp_errno_t error =
        llhttp_execute(&r.parser, bytes + scan->request, head->bytes - scan->request);
    enum weir_http_refusal refusal = check_head(&r);
    if (refusal != WEIR_HTTP_REFUSAL_NONE)
        return refusal;
    /* It pauses after a head that offers an upgrade, which we ignore. */
    if ((error != HPE_OK && error != HPE_PAUSED_UPGRADE) || !r.is_whole)
        return refusal_of(error, head);
    return WEIR_HTTP_REFUSAL_NONE;
}
