/* SPDX-License-Identifier: MIT */
/* Pieces of HTML and SVG that reports and drawings share. */
#ifndef WEIR_GATE_HTML_H
#define WEIR_GATE_HTML_H

#include "base/buf.h"

/* Appends a text, safe in elements and in quoted attributes, also of a file that is XML: markup is
 * escaped, what is not UTF-8 or a control character becomes U+FFFD. */
void weir_gate_html_text(struct weir_buf *buf, struct weir_str text);

/* The same of at most n_max characters; a longer text ends with "…". */
void weir_gate_html_text_cut(struct weir_buf *buf, struct weir_str text, size_t n_max);

/* Appends a number of six digits as people read it; "–" where it is NaN. */
void weir_gate_html_number(struct weir_buf *buf, double v);

/* Append a table's cell with a number; a rate of four decimals; a difference with its sign; an
 * interval, or nothing. */
void weir_gate_html_cell(struct weir_buf *buf, double v);
void weir_gate_html_share(struct weir_buf *buf, double v);
void weir_gate_html_signed(struct weir_buf *buf, double v);
void weir_gate_html_interval(struct weir_buf *buf, bool is_there, double low, double high);

/* Begins a row with its heading. */
void weir_gate_html_row(struct weir_buf *buf, struct weir_str heading);

/* Begins a table that can be scrolled by the keyboard where it is too wide. columns: names of
 * columns separated by '|', as they are; a name after '<' stands on the left, as texts do. */
void weir_gate_html_table(struct weir_buf *buf, const char *caption, const char *columns);
void weir_gate_html_table_end(struct weir_buf *buf);

#endif
