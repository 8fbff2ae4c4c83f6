/* SPDX-License-Identifier: MIT */
#include "base/str.h"

#include <criterion/criterion.h>

Test(base_str, numbers_are_digits_only_and_bounded)
{
    uint64_t v = 7;
    cr_assert(weir_str_to_u64(WEIR_STR("18446744073709551615"), UINT64_MAX, &v));
    cr_assert_eq(v, UINT64_MAX);
    cr_assert_not(weir_str_to_u64(WEIR_STR("18446744073709551616"), UINT64_MAX, &v));
    cr_assert_not(weir_str_to_u64(WEIR_STR("+1"), 10, &v));
    cr_assert_not(weir_str_to_u64(WEIR_STR(""), 10, &v));
    cr_assert_not(weir_str_to_u64(WEIR_STR("11"), 10, &v));
    cr_assert_eq(v, UINT64_MAX, "a failed parse must leave the result alone");
}

Test(base_str, echo_shows_at_most_64_escaped_bytes)
{
    char out[WEIR_ECHO_BUF_BYTES];
    char wide[80];
    memset(wide, '\n', sizeof wide);
    weir_str_echo(weir_str_make(wide, sizeof wide), out, sizeof out);
    cr_assert_eq(strlen(out), 64 * 4 + 3);
    cr_assert_str_eq(out + 64 * 4, "...");
    cr_assert_str_eq(weir_str_echo(WEIR_STR("a\"b"), out, sizeof out), "a\\x22b");
}

Test(base_str, echo_shows_letters_and_escapes_what_a_terminal_would_obey)
{
    static const struct {
        const char *in;
        const char *out;
    } rows[] = {
        {"gr\xc3\xb6\xc3\x9f"
         "e",
         "gr\xc3\xb6\xc3\x9f"
         "e"},
        {"\xe4\xbd\xa0\xf0\x9f\x8c\x8a", "\xe4\xbd\xa0\xf0\x9f\x8c\x8a"},
        {"\xc3", "\\xc3"},
        {"\xc3(", "\\xc3("},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
        {"\xc2\x9b"
         "2J",
         "\\xc2\\x9b2J"}, /* a control sequence in one character */
        {"\xe2\x80\xae"
         "abc",
         "\\xe2\\x80\\xaeabc"}, /* written from right to left */
        {"\xe2\x82\xac", "\xe2\x82\xac"},
        {"\x1b[2J", "\\x1b[2J"},
    };
    char out[WEIR_ECHO_BUF_BYTES];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_str_eq(weir_str_echo(weir_str_c(rows[i].in), out, sizeof out), rows[i].out,
                         "row %zu: %s", i, out);
    /* A character is shown whole or not at all. */
    char long_one[64 + 3] = "";
    memset(long_one, 'a', 63);
    memcpy(long_one + 63, "\xc3\xb6", 3);
    weir_str_echo(weir_str_c(long_one), out, sizeof out);
    cr_assert_eq(strlen(out), 66);
    cr_assert_str_eq(out + 63, "...");
}

Test(base_str, names_keep_to_the_alphabet)
{
    cr_assert(weir_str_is_name(WEIR_STR("churn-2.v_1")));
    cr_assert_not(weir_str_is_name(WEIR_STR(".hidden")));
    cr_assert_not(weir_str_is_name(WEIR_STR("a/b")));
    cr_assert_not(weir_str_is_name(WEIR_STR("")));
}

Test(base_str, split_walks_all_parts)
{
    struct weir_str rest = WEIR_STR("a,,b");
    cr_assert(weir_str_eq_c(weir_str_split(&rest, ','), "a"));
    cr_assert(weir_str_eq_c(weir_str_split(&rest, ','), ""));
    cr_assert(weir_str_eq_c(weir_str_split(&rest, ','), "b"));
    cr_assert_null(rest.at);
}

static char plain_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Every pair of bytes, at every place of texts of every length that is compared in its own way. */
Test(base_str, case_is_ignored_for_letters_alone)
{
    for (size_t n = 1; n <= 20; n++) {
        char a[20];
        char b[20];
        memset(a, 'x', sizeof a);
        memset(b, 'X', sizeof b);
        for (size_t at = 0; at < n; at++) {
            for (int x = 0; x < 256; x++) {
                for (int y = 0; y < 256; y++) {
                    a[at] = (char)x;
                    b[at] = (char)y;
                    bool is_same = weir_str_eq_nocase(weir_str_make(a, n), weir_str_make(b, n));
                    if (is_same != (plain_lower((char)x) == plain_lower((char)y)))
                        cr_assert_fail("%d and %d at %zu of %zu", x, y, at, n);
                }
            }
            a[at] = 'x';
            b[at] = 'X';
        }
        cr_assert_not(weir_str_eq_nocase(weir_str_make(a, n), weir_str_make(b, n - 1)));
    }
    cr_assert(weir_str_eq_nocase(WEIR_STR(""), WEIR_STR("")));
}
