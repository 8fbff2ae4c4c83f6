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
        return weir_http_head_request_line(head, bytes, line);
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
        (void)weir_http_head_request_line(
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
