/* SPDX-License-Identifier: MIT */
#include "gate/html.h"
#include "gate/plot_frame.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <math.h>
#include <string.h>

static const struct {
    const char *label;
    struct weir_str text;
    size_t n_max; /* characters; 0: all */
    const char *expected;
} texts[] = {
    {"markup",
     {"<a href=\"x\">'&'</a>", 19},
     0,
     "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;"},
    {"other scripts", {"größe 数", 11}, 0, "größe 数"},
    {"not UTF-8", {"a\xff\xc3", 3}, 0, "a\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"control characters, which XML has no place for",
     {"a\0\x1b\n", 4},
     0,
     "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"a surrogate", {"\xed\xa0\x80", 3}, 0, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"as long as there is room", {"größe", 7}, 5, "größe"},
    {"cut between characters", {"größer", 8}, 5, "größ…"},
    {"cut where an escape would stand", {"ab&cd", 5}, 3, "ab…"},
    {"nothing", {NULL, 0}, 3, ""},
};

ParameterizedTestParameters(gate_html, texts_are_escaped_and_cut)
{
    static size_t rows[sizeof texts / sizeof texts[0]];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(size_t *row, gate_html, texts_are_escaped_and_cut)
{
    struct weir_buf buf = WEIR_BUF_INIT;
    if (texts[*row].n_max > 0)
        weir_gate_html_text_cut(&buf, texts[*row].text, texts[*row].n_max);
    else
        weir_gate_html_text(&buf, texts[*row].text);
    cr_assert_str_eq(weir_buf_c(&buf), texts[*row].expected, "%s: %s", texts[*row].label, buf.at);
    weir_buf_deinit(&buf);
}

Test(gate_html, numbers_are_written_for_people)
{
    struct weir_buf buf = WEIR_BUF_INIT;
    weir_gate_html_number(&buf, (double)NAN);
    weir_gate_html_number(&buf, -INFINITY);
    weir_gate_html_cell(&buf, -0.12345678);
    weir_gate_html_signed(&buf, 2.5);
    weir_gate_html_signed(&buf, 0);
    weir_gate_html_share(&buf, 1. / 3);
    weir_gate_html_share(&buf, (double)NAN);
    weir_gate_html_interval(&buf, true, -1, 1);
    weir_gate_html_interval(&buf, false, -1, 1);
    cr_assert_str_eq(weir_buf_c(&buf),
                     "–−∞<td>−0.123457</td><td>+2.5</td><td>0</td><td>0.3333</td><td>–</td>"
                     "<td>−1 … 1</td><td></td>");
    weir_buf_deinit(&buf);
}

Test(gate_html, columns_of_texts_stand_on_the_left)
{
    struct weir_buf buf = WEIR_BUF_INIT;
    weir_gate_html_table(&buf, "c", "|value|<why");
    cr_assert(strstr(weir_buf_c(&buf), "<tr><td></td><th scope=\"col\">value</th><th scope=\"col\" "
                                       "class=\"text\">why</th></tr>"));
    weir_buf_deinit(&buf);
}

static size_t count(const char *text, char c)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == c;
    return n;
}

/* A million points, up and down in every column: what is written is bounded by the drawing. */
Test(gate_html, a_line_has_at_most_four_points_in_a_column)
{
    struct weir_buf buf = WEIR_BUF_INIT;
    struct weir_gate_plot_frame f = {.buf = &buf,
                                     .id = "t",
                                     .title = "t",
                                     .x = {.name = "x", .high = 1, .step = .5},
                                     .y = {.name = "y", .high = 1, .step = .5}};
    weir_gate_plot_frame_begin(&f, "%s", "d");
    size_t before = buf.n;
    struct weir_gate_plot_pen pen = weir_gate_plot_frame_pen(&f, 0);
    for (int i = 0; i <= 1000000; i++)
        weir_gate_plot_frame_draw(&pen, i / 1e6, i % 1000 / 999.);
    weir_gate_plot_frame_draw(&pen, (double)NAN, .5);
    weir_gate_plot_frame_lift(&pen);
    size_t n = count(weir_buf_c(&buf) + before, 'L') + 1;
    cr_assert_leq(n, 4 * (WEIR_GATE_PLOT_FRAME_SIDE + 1));
    cr_assert_geq(n, 2 * WEIR_GATE_PLOT_FRAME_SIDE, "the lowest and the highest of each column");
    weir_gate_plot_frame_end(&f);
    weir_buf_deinit(&buf);
}

Test(gate_html, steps_are_round)
{
    cr_assert_float_eq(weir_gate_plot_frame_step(1, 6), .2, 1e-12);
    cr_assert_float_eq(weir_gate_plot_frame_step(318, 6), 100, 1e-9);
    cr_assert_float_eq(weir_gate_plot_frame_step(4.2e-7, 6), 1e-7, 1e-15);
}
