/* SPDX-License-Identifier: MIT */
#include "metric/rules.h"

#include "base/macros.h"

#include <ctype.h>
#include <string.h>

static bool is_name(const char *s, bool is_label)
{
    if (!s || !(isalpha((unsigned char)*s) || *s == '_' || (*s == ':' && !is_label)))
        return false;
    while (*++s) {
        if (!(isalnum((unsigned char)*s) || *s == '_' || (*s == ':' && !is_label)))
            return false;
    }
    return true;
}

static bool ends(const char *name, const char *suffix)
{
    return weir_str_ends(weir_str_c(name), weir_str_c(suffix));
}

static const char *find_fault(const struct weir_metric_family *f)
{
    if (!is_name(f->name, false))
        return "not a metric name";
    if (!f->help || !*f->help)
        return "no help";
    if (ends(f->name, "_total") != (f->type == WEIR_METRIC_COUNTER))
        return "counters, and only they, end with _total";
    if (f->type != WEIR_METRIC_COUNTER &&
        (ends(f->name, "_count") || ends(f->name, "_sum") || ends(f->name, "_bucket")))
        return "ends like a sample of a histogram";
    if (f->unit == WEIR_METRIC_UNIT_SECONDS && !strstr(f->name, "_seconds"))
        return "its unit, seconds, is not in its name";
    if (f->unit == WEIR_METRIC_UNIT_BYTES && !strstr(f->name, "_bytes"))
        return "its unit, bytes, is not in its name";
    uint32_t n = weir_metric_text_n_labels(f);
    for (uint32_t i = 0; i < n; i++) {
        if (!is_name(f->labels[i], true) || strncmp(f->labels[i], "__", 2) == 0 ||
            strcmp(f->labels[i], "le") == 0)
            return "not a label name";
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(f->labels[i], f->labels[j]) == 0)
                return "a label twice";
        }
    }
    return NULL;
}

enum weir_status weir_metric_rules_check(const struct weir_metric_family *families, size_t n,
                                         struct weir_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const char *fault = find_fault(&families[i]);
        for (size_t j = 0; j < i && !fault; j++) {
            if (strcmp(families[i].name, families[j].name) == 0)
                fault = "there twice";
        }
        if (fault)
            return weir_error_set(err, WEIR_ERR_INVALID, "metric %zu, \"%s\": %s", i,
                                  families[i].name ? families[i].name : "", fault);
    }
    return WEIR_OK;
}

/* Returns the length of the valid UTF-8 sequence at s, 0 if there is none (RFC 3629). */
static size_t utf8_length(const unsigned char *s, size_t n)
{
    if (s[0] < 0x80)
        return 1;
    size_t length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || length > n)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return length;
}

size_t weir_metric_rules_clean_label(struct weir_str s, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n;) {
        size_t length = utf8_length((const unsigned char *)s.at + i, s.n - i);
        if (n + (length ? length : 1) > WEIR_METRIC_LABEL_BYTES_MAX)
            break;
        if (length > 0)
            memcpy(out + n, s.at + i, length);
        else
            out[n] = '?';
        n += length ? length : 1;
        i += length ? length : 1;
    }
    return n;
}
