/* SPDX-License-Identifier: MIT */
/* The request line, and the alphabets of a head (RFC 9110 §5.6.2, RFC 3986 §3). */
#include "base/macros.h"
#include "http/head_priv.h"

enum {
    TOKEN = 1,  /* tchar */
    PATH = 2,   /* pchar, '/' and '%' */
    QUERY = 4,  /* visible ASCII but '#' */
    HOST = 8,   /* reg-name and IPv4address, without ',' */
    DIGIT = 16, /* 0-9 */
    HEX = 32,   /* 0-9 a-f A-F */
};

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

bool weir_http_head_is_authority(struct weir_str s)
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

bool weir_http_head_method(struct weir_str s, enum weir_http_method *out)
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
        if (!weir_http_head_is_authority(weir_str_make(target->at + n, end - n)))
            return false;
        *target = weir_str_make(target->at + end, target->n - end);
        return true;
    }
    return false;
}

struct weir_http_span weir_http_head_span(const char *bytes, struct weir_str s)
{
    return (struct weir_http_span){(uint32_t)(s.at - bytes), (uint32_t)s.n};
}

enum weir_http_refusal weir_http_head_target(struct weir_http_head *head, const char *bytes,
                                             struct weir_str target)
{
    head->target = weir_http_head_span(bytes, target);
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
    head->path = weir_http_head_span(bytes, path);
    head->query = query.n > 0 ? weir_http_head_span(bytes, query) : (struct weir_http_span){0};
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

enum weir_http_refusal weir_http_head_request_line(struct weir_http_head *head, const char *bytes,
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
    if (!weir_http_head_method(method, &head->method))
        return WEIR_HTTP_REFUSAL_METHOD;
    if (head->method == WEIR_HTTP_CONNECT)
        return WEIR_HTTP_REFUSAL_CONNECT;
    return weir_http_head_target(head, bytes, target);
}
