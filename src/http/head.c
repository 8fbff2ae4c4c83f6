/* SPDX-License-Identifier: MIT */
/* Heads are read in two steps. The scan looks at every byte once, with no parser: it finds line
 * ends, refuses what can stand nowhere in a head (controls, bare CR, bare LF, folds), applies the
 * limits byte by byte, and reads the request line. Only then llhttp reads the header lines, with
 * every lenient flag off, as a second opinion and as the one that cuts them into fields.
 *
 * What llhttp 9.2.1 lets through and we do not: lists in Transfer-Encoding that are empty in places
 * or name other codings, Transfer-Encoding on HTTP/1.0, HTTP/0.9 and 2.0, a request line without
 * version, fragments and bad escapes in targets, any Host. It also has no limits, and knows
 * neither methods outside its list from malformed ones nor the other way round.
 *
 * Where two rules are broken at once, the one broken by the earlier byte decides; that keeps the
 * outcome independent of how the bytes were cut. */
#include "base/macros.h"
#include "http/head_priv.h"

#include <llhttp.h>

enum {
    TOKEN = 1,  /* tchar */
    PATH = 2,   /* pchar, '/' and '%' */
    QUERY = 4,  /* visible ASCII but '#' */
    HOST = 8,   /* reg-name and IPv4address, without ',' */
    DIGIT = 16, /* 0-9 */
    HEX = 32,   /* 0-9 a-f A-F */
};

static const uint64_t LENGTH_MAX = INT64_MAX;

/* Rows of the table below: neighbours of one class. */
#define FOUR(c, class) \
    [(c)] = (class), [(c) + 1] = (class), [(c) + 2] = (class), [(c) + 3] = (class)
#define UNRESERVED (TOKEN | PATH | QUERY | HOST)
#define SUBDELIM   (TOKEN | PATH | QUERY | HOST)

/* Classes of all bytes; bytes without a row (controls, space, DEL, 8-bit) are of none. */
static const uint8_t classes[256] = {
    ['!'] = SUBDELIM,
    ['"'] = QUERY,
    ['#'] = TOKEN,
    ['$'] = SUBDELIM,
    ['%'] = TOKEN | PATH | QUERY | HOST,
    ['&'] = SUBDELIM,
    ['\''] = SUBDELIM,
    ['('] = PATH | QUERY | HOST,
    [')'] = PATH | QUERY | HOST,
    ['*'] = SUBDELIM,
    ['+'] = SUBDELIM,
    [','] = PATH | QUERY,
    ['-'] = UNRESERVED,
    ['.'] = UNRESERVED,
    ['/'] = PATH | QUERY,
    FOUR('0', UNRESERVED | DIGIT | HEX),
    FOUR('4', UNRESERVED | DIGIT | HEX),
    ['8'] = UNRESERVED | DIGIT | HEX,
    ['9'] = UNRESERVED | DIGIT | HEX,
    [':'] = PATH | QUERY,
    [';'] = PATH | QUERY | HOST,
    ['<'] = QUERY,
    ['='] = PATH | QUERY | HOST,
    ['>'] = QUERY,
    ['?'] = QUERY,
    ['@'] = PATH | QUERY,
    FOUR('A', UNRESERVED | HEX),
    ['E'] = UNRESERVED | HEX,
    ['F'] = UNRESERVED | HEX,
    FOUR('G', UNRESERVED),
    FOUR('K', UNRESERVED),
    FOUR('O', UNRESERVED),
    FOUR('S', UNRESERVED),
    FOUR('W', UNRESERVED),
    ['['] = QUERY,
    ['\\'] = QUERY,
    [']'] = QUERY,
    ['^'] = TOKEN | QUERY,
    ['_'] = UNRESERVED,
    ['`'] = TOKEN | QUERY,
    FOUR('a', UNRESERVED | HEX),
    ['e'] = UNRESERVED | HEX,
    ['f'] = UNRESERVED | HEX,
    FOUR('g', UNRESERVED),
    FOUR('k', UNRESERVED),
    FOUR('o', UNRESERVED),
    FOUR('s', UNRESERVED),
    FOUR('w', UNRESERVED),
    ['{'] = QUERY,
    ['|'] = TOKEN | QUERY,
    ['}'] = QUERY,
    ['~'] = UNRESERVED,
};

static bool is_class(char c, uint8_t class)
{
    return (classes[(unsigned char)c] & class) != 0;
}

bool weir_http_head_is_token(unsigned char c)
{
    return (classes[c] & TOKEN) != 0;
}

static bool all_class(struct weir_str s, uint8_t class)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_class(s.at[i], class))
            return false;
    return true;
}

/* Finds whether every '%' is followed by two hex digits. */
static bool escapes_are_whole(struct weir_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.at[i] == '%' &&
            (s.n - i < 3 || !is_class(s.at[i + 1], HEX) || !is_class(s.at[i + 2], HEX)))
            return false;
    return true;
}

/* Finds whether s is host [":" port], not empty and without user information (RFC 3986 §3.2). */
static bool is_authority(struct weir_str s)
{
    size_t host = 0;
    if (s.n > 0 && s.at[0] == '[') {
        size_t n_colons = 0;
        for (host = 1; host < s.n && s.at[host] != ']'; host++) {
            if (!is_class(s.at[host], HEX) && s.at[host] != ':' && s.at[host] != '.')
                return false;
            n_colons += s.at[host] == ':';
        }
        if (host == s.n || n_colons < 2)
            return false;
        host++;
    } else {
        while (host < s.n && is_class(s.at[host], HOST))
            host++;
        if (host == 0 || !escapes_are_whole(weir_str_make(s.at, host)))
            return false;
    }
    if (host == s.n)
        return true;
    uint64_t port;
    struct weir_str rest = weir_str_make(s.at + host + 1, s.n - host - 1);
    return s.at[host] == ':' && (rest.n == 0 || weir_str_to_u64(rest, UINT16_MAX, &port));
}

/* --- the request line ------------------------------------------------------------------------- */

static bool find_method(struct weir_str s, enum weir_http_method *out)
{
    for (int i = 0; i < WEIR_HTTP_N_METHODS; i++)
        if (weir_str_eq_c(s, weir_http_method_name((enum weir_http_method)i))) {
            *out = (enum weir_http_method)i;
            return true;
        }
    return false;
}

/* Cuts "http://authority" off an absolute-form target; false: it is none, or the authority is bad.
 */
static bool cut_authority(struct weir_str *target)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(schemes); i++) {
        size_t n = strlen(schemes[i]);
        if (target->n < n ||
            !weir_str_eq_nocase(weir_str_make(target->at, n), weir_str_c(schemes[i])))
            continue;
        size_t end = n;
        while (end < target->n && target->at[end] != '/' && target->at[end] != '?')
            end++;
        if (!is_authority(weir_str_make(target->at + n, end - n)))
            return false;
        *target = weir_str_make(target->at + end, target->n - end);
        return true;
    }
    return false;
}

static struct weir_http_span span_of(const char *bytes, struct weir_str s)
{
    return (struct weir_http_span){(uint32_t)(s.at - bytes), (uint32_t)s.n};
}

static enum weir_http_refusal read_target(struct weir_http_head *head, const char *bytes,
                                          struct weir_str target)
{
    head->target = span_of(bytes, target);
    if (weir_str_eq_c(target, "*")) {
        head->is_asterisk = true;
        head->path = head->target;
        head->query = (struct weir_http_span){0};
        return head->method == WEIR_HTTP_OPTIONS ? WEIR_HTTP_REFUSAL_NONE
                                                 : WEIR_HTTP_REFUSAL_TARGET;
    }
    if (target.at[0] != '/' && !cut_authority(&target))
        return WEIR_HTTP_REFUSAL_TARGET;
    const char *mark = target.n > 0 ? memchr(target.at, '?', target.n) : NULL;
    size_t n_path = mark ? (size_t)(mark - target.at) : target.n;
    struct weir_str path = weir_str_make(target.at, n_path);
    struct weir_str query = {NULL, 0};
    if (mark)
        query = weir_str_make(mark + 1, target.n - n_path - 1);
    if (!all_class(path, PATH) || !all_class(query, QUERY) || !escapes_are_whole(path) ||
        !escapes_are_whole(query))
        return WEIR_HTTP_REFUSAL_TARGET;
    head->path = span_of(bytes, path);
    head->query = query.n > 0 ? span_of(bytes, query) : (struct weir_http_span){0};
    return WEIR_HTTP_REFUSAL_NONE;
}

static enum weir_http_refusal read_version(struct weir_http_head *head, struct weir_str version)
{
    struct weir_str name = WEIR_STR("HTTP/");
    if (!weir_str_starts(version, name))
        return WEIR_HTTP_REFUSAL_REQUEST_LINE;
    struct weir_str number = weir_str_make(version.at + name.n, version.n - name.n);
    if (weir_str_eq_c(number, "1.1") || weir_str_eq_c(number, "1.0")) {
        head->minor = (uint8_t)(number.at[2] - '0');
        return WEIR_HTTP_REFUSAL_NONE;
    }
    bool is_number = number.n > 0;
    for (size_t i = 0; i < number.n; i++)
        is_number = is_number && (is_class(number.at[i], DIGIT) || number.at[i] == '.');
    return is_number ? WEIR_HTTP_REFUSAL_VERSION : WEIR_HTTP_REFUSAL_REQUEST_LINE;
}

/* Reads "METHOD SP target SP HTTP/1.x". Malformed before unknown, version before method. */
static enum weir_http_refusal read_request_line(struct weir_http_head *head, const char *bytes,
                                                struct weir_str line)
{
    struct weir_str rest = line;
    struct weir_str method = weir_str_split(&rest, ' ');
    if (method.n == 0 || !all_class(method, TOKEN) || !rest.at)
        return WEIR_HTTP_REFUSAL_REQUEST_LINE;
    struct weir_str target = weir_str_split(&rest, ' ');
    if (target.n == 0)
        return WEIR_HTTP_REFUSAL_REQUEST_LINE;
    if (!rest.at)
        return WEIR_HTTP_REFUSAL_NO_VERSION;
    enum weir_http_refusal refusal = read_version(head, rest);
    if (refusal != WEIR_HTTP_REFUSAL_NONE)
        return refusal;
    if (!find_method(method, &head->method))
        return WEIR_HTTP_REFUSAL_METHOD;
    if (head->method == WEIR_HTTP_CONNECT)
        return WEIR_HTTP_REFUSAL_CONNECT;
    return read_target(head, bytes, target);
}

/* --- the scan --------------------------------------------------------------------------------- */

/* Returns the index of the first control byte (below 0x20, or 0x7f) in bytes[i, n), n if none. */
static size_t next_control(const char *bytes, size_t i, size_t n)
{
    static const uint64_t ones = 0x0101010101010101U;
    while (n - i >= 8) {
        uint64_t x;
        memcpy(&x, bytes + i, 8);
        uint64_t del = x ^ (ones * 0x7f);
        uint64_t hit = (((x - ones * 0x20) & ~x) | ((del - ones) & ~del)) & (ones * 0x80);
        if (hit)
            break;
        i += 8;
    }
    while (i < n && (unsigned char)bytes[i] >= 0x20 && bytes[i] != 0x7f)
        i++;
    return i;
}

/* Applies the limits to a line of which the bytes before `end` are there. */
static enum weir_http_refusal check_limits(struct weir_http_scan *scan,
                                           const struct weir_http_options *opts, size_t end)
{
    if (scan->headers == 0)
        return end - scan->line > opts->request_line_bytes_max ? WEIR_HTTP_REFUSAL_REQUEST_LINE_LONG
                                                               : WEIR_HTTP_REFUSAL_NONE;
    if (end == scan->line)
        return WEIR_HTTP_REFUSAL_NONE;
    if (!scan->is_line_begun) {
        scan->is_line_begun = true;
        if (++scan->n_headers > opts->headers_max)
            return WEIR_HTTP_REFUSAL_HEADERS_MANY;
    }
    uint64_t line_end = scan->line + opts->header_line_bytes_max;
    uint64_t headers_end = scan->headers + opts->header_bytes_max;
    if (end > line_end && line_end <= headers_end)
        return WEIR_HTTP_REFUSAL_HEADER_LINE_LONG;
    return end > headers_end ? WEIR_HTTP_REFUSAL_HEADERS_LONG : WEIR_HTTP_REFUSAL_NONE;
}

/* Takes the line whose CR is at `end`. *is_last: it was the empty line after the headers. */
static enum weir_http_refusal take_line(struct weir_http_scan *scan,
                                        const struct weir_http_options *opts, const char *bytes,
                                        uint32_t end, struct weir_http_head *head, bool *is_last)
{
    struct weir_str line = weir_str_make(bytes + scan->line, end - scan->line);
    scan->line = end + 2;
    scan->is_line_begun = false;
    if (scan->headers == 0 && line.n == 0)
        return scan->line > opts->leading_crlf_bytes_max ? WEIR_HTTP_REFUSAL_LEADING_CRLF
                                                         : WEIR_HTTP_REFUSAL_NONE;
    if (scan->headers == 0) {
        scan->request = (uint32_t)(line.at - bytes);
        scan->headers = scan->line;
        return read_request_line(head, bytes, line);
    }
    if (line.n == 0) {
        *is_last = true;
        return WEIR_HTTP_REFUSAL_NONE;
    }
    if (line.at[0] == ' ' || line.at[0] == '\t')
        return WEIR_HTTP_REFUSAL_HEADER_FOLDED;
    return scan->line - scan->headers > opts->header_bytes_max ? WEIR_HTTP_REFUSAL_HEADERS_LONG
                                                               : WEIR_HTTP_REFUSAL_NONE;
}

enum weir_http_scan_result weir_http_head_scan(struct weir_http_scan *scan,
                                               const struct weir_http_options *opts,
                                               const char *bytes, size_t n,
                                               struct weir_http_head *head,
                                               enum weir_http_refusal *refusal)
{
    weir_assert(n <= UINT32_MAX);
    size_t i = scan->at;
    if (scan->headers != 0) {
        /* Read in an earlier call, and fine then; head is not kept between calls. */
        (void)read_request_line(
            head, bytes, weir_str_make(bytes + scan->request, scan->headers - 2 - scan->request));
    }
    for (;;) {
        i = next_control(bytes, i, n);
        *refusal = check_limits(scan, opts, i);
        if (*refusal != WEIR_HTTP_REFUSAL_NONE)
            return WEIR_HTTP_SCAN_REFUSED;
        if (i == n || (bytes[i] == '\r' && i + 1 == n)) {
            scan->at = (uint32_t)i;
            return WEIR_HTTP_SCAN_MORE;
        }
        bool is_last = false;
        if (bytes[i] == '\r' && bytes[i + 1] == '\n') {
            *refusal = take_line(scan, opts, bytes, (uint32_t)i, head, &is_last);
            i += 2;
        } else if (bytes[i] == '\t' && scan->headers != 0) {
            i++;
        } else {
            *refusal =
                scan->headers == 0 ? WEIR_HTTP_REFUSAL_REQUEST_LINE : WEIR_HTTP_REFUSAL_HEADER;
        }
        if (*refusal != WEIR_HTTP_REFUSAL_NONE)
            return WEIR_HTTP_SCAN_REFUSED;
        if (is_last) {
            scan->at = (uint32_t)i;
            head->bytes = (uint32_t)i;
            return WEIR_HTTP_SCAN_WHOLE;
        }
    }
}

/* --- header lines ----------------------------------------------------------------------------- */

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
    else if (!is_authority(r->value))
        refuse(r, WEIR_HTTP_REFUSAL_HOST_INVALID);
}

static void read_expect(struct reading *r)
{
    if (weir_str_eq_nocase(r->value, WEIR_STR("100-continue")))
        r->head->expects_continue = true;
    else
        r->head->expects_other = true;
}

/* Keeps the value of a field that handlers may ask for. */
static void keep(struct reading *r, enum weir_http_field field, const char *name)
{
    struct weir_http_span *span = &r->head->fields[field];
    if (span->at == 0 && weir_str_eq_nocase(r->name, weir_str_c(name)))
        *span = span_of(r->bytes, r->value);
}

/* Finds the few fields that mean something here by their length, which nearly decides it. */
static void read_field(struct reading *r)
{
    struct weir_str name = r->name;
    switch (name.n) {
    case 4:
        if (weir_str_eq_nocase(name, WEIR_STR("host"))) {
            read_host(r);
            keep(r, WEIR_HTTP_FIELD_HOST, "host");
        }
        break;
    case 6:
        if (weir_str_eq_nocase(name, WEIR_STR("expect")))
            read_expect(r);
        else
            keep(r, WEIR_HTTP_FIELD_ACCEPT, "accept");
        break;
    case 10:
        if (weir_str_eq_nocase(name, WEIR_STR("connection")))
            read_connection(r);
        break;
    case 12:
        if ((name.at[0] | 0x20) == 'c')
            keep(r, WEIR_HTTP_FIELD_CONTENT_TYPE, "content-type");
        else
            keep(r, WEIR_HTTP_FIELD_X_REQUEST_ID, "x-request-id");
        break;
    case 13:
        if ((name.at[0] | 0x20) == 's')
            keep(r, WEIR_HTTP_FIELD_SERVER_TIMING, "server-timing");
        else
            keep(r, WEIR_HTTP_FIELD_AUTHORIZATION, "authorization");
        break;
    case 14:
        if (weir_str_eq_nocase(name, WEIR_STR("content-length")))
            read_length(r);
        break;
    case 15:
        keep(r, WEIR_HTTP_FIELD_ACCEPT_ENCODING, "accept-encoding");
        break;
    case 16:
        keep(r, WEIR_HTTP_FIELD_CONTENT_ENCODING, "content-encoding");
        break;
    case 17:
        if (weir_str_eq_nocase(name, WEIR_STR("transfer-encoding")))
            read_coding(r);
        break;
    case 20:
        keep(r, WEIR_HTTP_FIELD_X_REQUEST_TIMEOUT_MS, "x-request-timeout-ms");
        break;
    case 31:
        keep(r, WEIR_HTTP_FIELD_INFERENCE_LENGTH, "inference-header-content-length");
        break;
    default: /* Not one of ours. */
        break;
    }
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
