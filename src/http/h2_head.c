/* SPDX-License-Identifier: MIT */
/* The header fields of an HTTP/2 request (RFC 9113 §8). nghttp2 has refused what no request may
 * have: upper-case names, fields of a connection, TE other than trailers, pseudo-header fields that
 * are unknown, doubled, missing or late, lengths that are no number. What remains is what HTTP/1.1
 * is held to as well, by the same functions: limits, method, target and host.
 *
 * Only values that mean something here are kept, one behind the other; the rest is counted. */
#include "base/macros.h"
#include "http/h2_priv.h"

enum {
    FIELD_BYTES = 32,      /* counted for each field (RFC 9113 §6.5.2) */
    BLOCK_LIMIT_TIMES = 8, /* a block that many times too large is not read to its end */
};

void weir_http_h2_head_begin(struct weir_http_h2_fields *fields, struct weir_http_server *server,
                             bool is_trailers)
{
    struct weir_buf bytes = fields->bytes;
    if (!bytes.at)
        bytes = weir_http_core_buf_acquire(server);
    weir_buf_clear(&bytes);
    *fields = (struct weir_http_h2_fields){.bytes = bytes, .is_trailers = is_trailers};
    fields->head.minor = 1;
    /* A span at 0 means "absent". */
    weir_buf_append_byte(&fields->bytes, ' ');
}

static void refuse(struct weir_http_h2_fields *fields, enum weir_http_refusal refusal)
{
    if (fields->refusal == WEIR_HTTP_REFUSAL_NONE)
        fields->refusal = refusal;
}

static struct weir_http_span keep(struct weir_http_h2_fields *fields, struct weir_str value)
{
    struct weir_http_span span = {(uint32_t)fields->bytes.n, (uint32_t)value.n};
    weir_buf_append_str(&fields->bytes, value);
    return span;
}

static struct weir_str view(const struct weir_http_h2_fields *fields, struct weir_http_span span)
{
    return weir_str_make(fields->bytes.at + span.at, span.n);
}

static void take_pseudo(struct weir_http_h2_fields *fields, const struct weir_http_options *opts,
                        struct weir_str name, struct weir_str value)
{
    if (value.n > opts->request_line_bytes_max) {
        refuse(fields, WEIR_HTTP_REFUSAL_REQUEST_LINE_LONG);
        return;
    }
    if (weir_str_eq_c(name, ":path"))
        fields->path = keep(fields, value);
    else if (weir_str_eq_c(name, ":method"))
        fields->method = keep(fields, value);
    else if (weir_str_eq_c(name, ":authority"))
        fields->authority = keep(fields, value);
}

static void take_length(struct weir_http_h2_fields *fields, struct weir_str value)
{
    fields->head.has_length = true;
    if (!weir_str_to_u64(value, INT64_MAX, &fields->head.length))
        refuse(fields, WEIR_HTTP_REFUSAL_LENGTH);
}

static void take_expect(struct weir_http_head *head, struct weir_str value)
{
    if (weir_str_eq_nocase(value, WEIR_STR("100-continue")))
        head->expects_continue = true;
    else
        head->expects_other = true;
}

static void take_known(struct weir_http_h2_fields *fields, struct weir_str name,
                       struct weir_str value)
{
    uint32_t i = weir_http_head_name(name);
    if (i == WEIR_HTTP_FIELD_HOST && fields->head.fields[i].at != 0)
        refuse(fields, WEIR_HTTP_REFUSAL_HOST_TWICE);
    else if (i == WEIR_HTTP_FIELD_INFERENCE_LENGTH && fields->head.fields[i].at != 0)
        refuse(fields, WEIR_HTTP_REFUSAL_INFERENCE_TWICE);
    else if (i < WEIR_HTTP_N_FIELDS && fields->head.fields[i].at == 0)
        fields->head.fields[i] = keep(fields, value);
    else if (i == WEIR_HTTP_NAME_LENGTH)
        take_length(fields, value);
    else if (i == WEIR_HTTP_NAME_EXPECT)
        take_expect(&fields->head, value);
}

bool weir_http_h2_head_take(struct weir_http_h2_fields *fields,
                            const struct weir_http_options *opts, struct weir_str name,
                            struct weir_str value)
{
    bool is_pseudo = name.n > 0 && name.at[0] == ':';
    fields->n_fields += !is_pseudo;
    fields->n_bytes += name.n + value.n + FIELD_BYTES;
    if (fields->is_trailers) {
        if (fields->n_fields > opts->trailers_max)
            refuse(fields, WEIR_HTTP_REFUSAL_TRAILERS_MANY);
        else if (fields->n_bytes > opts->trailer_bytes_max)
            refuse(fields, WEIR_HTTP_REFUSAL_TRAILERS_LONG);
        return fields->n_bytes <= opts->trailer_bytes_max * BLOCK_LIMIT_TIMES;
    }
    if (fields->n_fields > opts->headers_max)
        refuse(fields, WEIR_HTTP_REFUSAL_HEADERS_MANY);
    else if (fields->n_bytes > opts->header_bytes_max)
        refuse(fields, WEIR_HTTP_REFUSAL_HEADERS_LONG);
    else if (is_pseudo)
        take_pseudo(fields, opts, name, value);
    else if (name.n + 2 + value.n > opts->header_line_bytes_max)
        refuse(fields, WEIR_HTTP_REFUSAL_HEADER_LINE_LONG);
    else
        take_known(fields, name, value);
    return weir_buf_ok(&fields->bytes) &&
           fields->n_bytes <= opts->header_bytes_max * BLOCK_LIMIT_TIMES;
}

/* The host is :authority; a Host field beside it must say the same (RFC 9113 §8.3.1). */
static enum weir_http_refusal read_host(struct weir_http_h2_fields *fields)
{
    struct weir_http_span *host = &fields->head.fields[WEIR_HTTP_FIELD_HOST];
    if (fields->authority.at != 0) {
        if (host->at != 0 &&
            !weir_str_eq_nocase(view(fields, *host), view(fields, fields->authority)))
            return WEIR_HTTP_REFUSAL_HOST_TWICE;
        *host = fields->authority;
    }
    if (host->at == 0)
        return WEIR_HTTP_REFUSAL_HOST_MISSING;
    return weir_http_head_is_authority(view(fields, *host)) ? WEIR_HTTP_REFUSAL_NONE
                                                            : WEIR_HTTP_REFUSAL_HOST_INVALID;
}

enum weir_http_refusal weir_http_h2_head_read(struct weir_http_h2_fields *fields,
                                              const struct weir_http_options *opts, bool has_body)
{
    static const size_t version_bytes = sizeof " HTTP/1.1" - 1;
    struct weir_http_head *head = &fields->head;
    head->bytes = (uint32_t)weir_min_size((size_t)fields->n_bytes, UINT32_MAX);
    if (!has_body)
        head->length = 0;
    else if (!head->has_length)
        head->is_chunked = true;
    struct weir_str method = view(fields, fields->method);
    bool is_known = fields->method.at != 0 && weir_http_head_method(method, &head->method);
    bool is_connect = is_known && head->method == WEIR_HTTP_CONNECT;
    enum weir_http_refusal target = WEIR_HTTP_REFUSAL_TARGET;
    if (fields->path.n > 0)
        target = weir_http_head_target(head, fields->bytes.at, view(fields, fields->path));
    if (fields->refusal != WEIR_HTTP_REFUSAL_NONE)
        return fields->refusal;
    /* As long as the line that HTTP/1.1 would have had. */
    if (method.n + 1 + fields->path.n + version_bytes > opts->request_line_bytes_max)
        return WEIR_HTTP_REFUSAL_REQUEST_LINE_LONG;
    if (!is_known)
        return WEIR_HTTP_REFUSAL_METHOD;
    if (is_connect)
        return WEIR_HTTP_REFUSAL_CONNECT;
    return target != WEIR_HTTP_REFUSAL_NONE ? target : read_host(fields);
}
