/* SPDX-License-Identifier: MIT */
#include "gate/html.h"

#include <math.h>

static const char *escape(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return (unsigned char)c < ' ' || c == 0x7f ? "\xEF\xBF\xBD" : NULL;
    }
}

void weir_gate_html_text_cut(struct weir_buf *buf, struct weir_str text, size_t n_max)
{
    for (size_t i = 0; text.n > 0; i++) {
        size_t n = weir_str_char_bytes(text, false);
        const char *instead = n == 0 ? "\xEF\xBF\xBD" : escape(text.at[0]);
        n = n == 0 ? 1 : n;
        if (i + 1 == n_max && n < text.n) {
            weir_buf_append_c(buf, "…");
            return;
        }
        if (instead)
            weir_buf_append_c(buf, instead);
        else
            weir_buf_append(buf, text.at, n);
        text = weir_str_make(text.at + n, text.n - n);
    }
}

void weir_gate_html_text(struct weir_buf *buf, struct weir_str text)
{
    weir_gate_html_text_cut(buf, text, SIZE_MAX);
}

void weir_gate_html_number(struct weir_buf *buf, double v)
{
    if (isnan(v))
        weir_buf_append_c(buf, "–");
    else if (isinf(v))
        weir_buf_append_c(buf, v > 0 ? "∞" : "−∞");
    else
        weir_buf_printf(buf, "%s%.6g", v < 0 ? "−" : "", fabs(v));
}

void weir_gate_html_cell(struct weir_buf *buf, double v)
{
    weir_buf_append_c(buf, "<td>");
    weir_gate_html_number(buf, v);
    weir_buf_append_c(buf, "</td>");
}

void weir_gate_html_share(struct weir_buf *buf, double v)
{
    if (isnan(v))
        weir_gate_html_cell(buf, v);
    else
        weir_buf_printf(buf, "<td>%.4f</td>", v);
}

void weir_gate_html_signed(struct weir_buf *buf, double v)
{
    weir_buf_append_c(buf, v > 0 ? "<td>+" : "<td>");
    weir_gate_html_number(buf, v);
    weir_buf_append_c(buf, "</td>");
}

void weir_gate_html_interval(struct weir_buf *buf, bool is_there, double low, double high)
{
    weir_buf_append_c(buf, "<td>");
    if (is_there) {
        weir_gate_html_number(buf, low);
        weir_buf_append_c(buf, " … ");
        weir_gate_html_number(buf, high);
    }
    weir_buf_append_c(buf, "</td>");
}

void weir_gate_html_row(struct weir_buf *buf, struct weir_str heading)
{
    weir_buf_append_c(buf, "<tr><th scope=\"row\">");
    weir_gate_html_text(buf, heading);
    weir_buf_append_c(buf, "</th>");
}

void weir_gate_html_table(struct weir_buf *buf, const char *caption, const char *columns)
{
    struct weir_str rest = weir_str_c(columns);
    weir_buf_printf(buf,
                    "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Table: "
                    "%s\"><table><caption>%s</caption><thead><tr>",
                    caption, caption);
    while (rest.n > 0) {
        struct weir_str column = weir_str_split(&rest, '|');
        bool is_text = column.n > 0 && column.at[0] == '<';
        if (column.n == 0)
            weir_buf_append_c(buf, "<td></td>");
        else
            weir_buf_printf(buf, "<th scope=\"col\"%s>%.*s</th>", is_text ? " class=\"text\"" : "",
                            (int)column.n - is_text, column.at + is_text);
    }
    weir_buf_append_c(buf, "</tr></thead><tbody>");
}

void weir_gate_html_table_end(struct weir_buf *buf)
{
    weir_buf_append_c(buf, "</tbody></table></div>");
}
