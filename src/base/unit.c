/* SPDX-License-Identifier: MIT */
#include "base/unit.h"

#include "base/clock.h"
#include "base/macros.h"

/* Units, largest first, so that writing finds the largest that divides. */
struct unit {
    const char *name;
    uint64_t factor;
    bool is_written; /* used for writing too */
};

static const struct unit duration_units[] = {
    {"d", 86400 * WEIR_NS_PER_S, false},
    {"h", 3600 * WEIR_NS_PER_S, true},
    {"m", 60 * WEIR_NS_PER_S, true},
    {"s", WEIR_NS_PER_S, true},
    {"ms", WEIR_NS_PER_MS, true},
    {"us", WEIR_NS_PER_US, true},
    {"ns", 1, true},
};

static const struct unit size_units[] = {
    {"TiB", UINT64_C(1) << 40, true},
    {"GiB", UINT64_C(1) << 30, true},
    {"MiB", UINT64_C(1) << 20, true},
    {"KiB", UINT64_C(1) << 10, true},
    {"TB", UINT64_C(1000000000000), false},
    {"GB", UINT64_C(1000000000), false},
    {"MB", UINT64_C(1000000), false},
    {"KB", UINT64_C(1000), false},
    {"kB", UINT64_C(1000), false},
    {"B", 1, false},
    {"", 1, true},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Computes whole.fraction × factor; false: it overflows or is no whole number. */
static bool scale(struct weir_str whole, struct weir_str fraction, uint64_t factor, uint64_t *out)
{
    uint64_t v;
    uint64_t part = 0;
    uint64_t power = 1;
    if (!weir_str_to_u64(whole, UINT64_MAX, &v) || __builtin_mul_overflow(v, factor, &v))
        return false;
    for (size_t i = 0; i < fraction.n; i++) {
        part = part * 10 + (uint64_t)(fraction.at[i] - '0');
        power *= 10;
    }
    if (__builtin_mul_overflow(part, factor, &part) || part % power != 0 ||
        __builtin_add_overflow(v, part / power, &v))
        return false;
    *out = v;
    return true;
}

static bool parse_scaled(struct weir_str text, const struct unit *units, size_t n_units,
                         bool needs_unit, uint64_t *out)
{
    size_t n = 0;
    while (n < text.n && is_digit(text.at[n]))
        n++;
    struct weir_str whole = weir_str_make(text.at, n);
    struct weir_str fraction = {NULL, 0};
    if (n < text.n && text.at[n] == '.') {
        size_t from = ++n;
        while (n < text.n && is_digit(text.at[n]))
            n++;
        fraction = weir_str_make(text.at + from, n - from);
        if (fraction.n == 0 || fraction.n > 9)
            return false;
    }
    struct weir_str unit = weir_str_trim(weir_str_make(text.at + n, text.n - n));
    if (unit.n == 0 && needs_unit)
        return fraction.n == 0 && weir_str_eq_c(whole, "0") ? (*out = 0, true) : false;
    for (size_t i = 0; i < n_units; i++) {
        if (weir_str_eq_c(unit, units[i].name))
            return scale(whole, fraction, units[i].factor, out);
    }
    return false;
}

static void write_scaled(const struct unit *units, size_t n, uint64_t v, struct weir_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (!units[i].is_written || (v % units[i].factor != 0 && units[i].factor != 1))
            continue;
        weir_buf_append_u64(out, v / units[i].factor);
        weir_buf_append_c(out, units[i].name);
        return;
    }
}

bool weir_unit_read_duration(struct weir_str text, uint64_t *out_ns)
{
    return parse_scaled(text, duration_units, WEIR_ARRAY_LEN(duration_units), true, out_ns);
}

bool weir_unit_read_size(struct weir_str text, uint64_t *out)
{
    return parse_scaled(text, size_units, WEIR_ARRAY_LEN(size_units), false, out);
}

void weir_unit_write_duration(uint64_t ns, struct weir_buf *out)
{
    if (ns == 0)
        weir_buf_append_c(out, "0s");
    else
        write_scaled(duration_units, WEIR_ARRAY_LEN(duration_units), ns, out);
}

void weir_unit_write_size(uint64_t bytes, struct weir_buf *out)
{
    if (bytes == 0)
        weir_buf_append_c(out, "0");
    else
        write_scaled(size_units, WEIR_ARRAY_LEN(size_units), bytes, out);
}
