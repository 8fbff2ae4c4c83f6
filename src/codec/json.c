/* SPDX-License-Identifier: MIT */
/* Walking a scanned text. Nothing is checked again: the scanner has seen every byte. */
#include "codec/json.h"

#include "base/macros.h"
#include "codec/json_priv.h"

#include <stdio.h>

void weir_codec_json_init(struct weir_codec_json *json, const struct weir_codec_json_limits *limits,
                          struct weir_mem *mem)
{
    static const struct weir_codec_json_limits defaults = WEIR_CODEC_JSON_LIMITS_INIT;
    weir_assert(json);
    *json = (struct weir_codec_json){
        .limits = limits ? *limits : defaults,
        .mem = mem ? mem : weir_mem_default(),
    };
    /* Nobody outside can tell where this process has put things. */
    json->seed =
        ((uint64_t)(uintptr_t)json ^ (uint64_t)(uintptr_t)&defaults << 20) * 0x9e3779b97f4a7c15u;
}

void weir_codec_json_deinit(struct weir_codec_json *json)
{
    weir_assert(json);
    if (!json->mem)
        return;
    weir_mem_free(json->mem, json->jumps);
    weir_mem_free(json->mem, json->names);
    weir_mem_free(json->mem, json->slots);
    *json = (struct weir_codec_json){0};
}

enum weir_codec_json_kind weir_codec_json_kind(const char *value)
{
    weir_assert(value);
    switch (*value) {
    case '{':
        return WEIR_CODEC_JSON_OBJECT;
    case '[':
        return WEIR_CODEC_JSON_ARRAY;
    case '"':
        return WEIR_CODEC_JSON_STRING;
    case 't':
        return WEIR_CODEC_JSON_TRUE;
    case 'f':
        return WEIR_CODEC_JSON_FALSE;
    case 'n':
        return WEIR_CODEC_JSON_NULL;
    case 'N':
    case 'I':
        return WEIR_CODEC_JSON_NONFINITE;
    case '-':
        return value[1] == 'I' ? WEIR_CODEC_JSON_NONFINITE : WEIR_CODEC_JSON_NUMBER;
    }
    return WEIR_CODEC_JSON_NUMBER;
}

const char *weir_codec_json_kind_text(enum weir_codec_json_kind kind)
{
    switch (kind) {
    case WEIR_CODEC_JSON_OBJECT:
        return "an object";
    case WEIR_CODEC_JSON_ARRAY:
        return "an array";
    case WEIR_CODEC_JSON_STRING:
        return "a string";
    case WEIR_CODEC_JSON_NUMBER:
        return "a number";
    case WEIR_CODEC_JSON_NONFINITE:
        return "a number that is not finite";
    case WEIR_CODEC_JSON_TRUE:
        return "true";
    case WEIR_CODEC_JSON_FALSE:
        return "false";
    case WEIR_CODEC_JSON_NULL:
        return "null";
    }
    return "a value";
}

/* Finds the noted end of the container at value; NULL: none was noted. */
static const struct weir_codec_json_jump *find_jump(const struct weir_codec_json *json,
                                                    const char *value)
{
    uint32_t start = (uint32_t)(value - json->start);
    size_t low = 0;
    size_t high = json->n_jumps;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (json->jumps[middle].start < start)
            low = middle + 1;
        else
            high = middle;
    }
    return low < json->n_jumps && json->jumps[low].start == start ? &json->jumps[low] : NULL;
}

static const char *skip_string(const char *value)
{
    const char *p = value + 1;
    for (; *p != '"'; p++)
        p += *p == '\\';
    return p + 1;
}

static const char *skip_container(const char *value)
{
    size_t depth = 0;
    const char *p = value;
    do {
        switch (*p) {
        case '"':
            p = skip_string(p);
            continue;
        case '[':
        case '{':
            depth++;
            break;
        case ']':
        case '}':
            depth--;
            break;
        }
        p++;
    } while (depth > 0);
    return p;
}

struct weir_str weir_codec_json_token(const char *value, const char *end)
{
    const char *p = value;
    while (p < end && *p != ',' && *p != ']' && *p != '}' && !weir_codec_json_is_space(*p))
        p++;
    return weir_str_make(value, (size_t)(p - value));
}

const char *weir_codec_json_skip(const struct weir_codec_json *json, const char *value)
{
    weir_assert(json);
    weir_assert(value);
    if (*value == '"')
        return skip_string(value);
    if (*value == '[' || *value == '{') {
        const struct weir_codec_json_jump *jump = find_jump(json, value);
        return jump ? json->start + jump->end : skip_container(value);
    }
    struct weir_str token = weir_codec_json_token(value, json->end);
    return token.at + token.n;
}

size_t weir_codec_json_count(const struct weir_codec_json *json, const char *value)
{
    weir_assert(*value == '[' || *value == '{');
    const struct weir_codec_json_jump *jump = find_jump(json, value);
    if (jump)
        return jump->n;
    size_t n = 0;
    struct weir_str name;
    const char *element;
    struct weir_codec_json_iter it = weir_codec_json_iter(json, value);
    if (*value == '[') {
        while (weir_codec_json_next(&it, &element))
            n++;
    } else {
        while (weir_codec_json_next_member(&it, &name, &element))
            n++;
    }
    return n;
}

struct weir_codec_json_iter weir_codec_json_iter(const struct weir_codec_json *json,
                                                 const char *value)
{
    weir_assert(*value == '[' || *value == '{');
    return (struct weir_codec_json_iter){json, weir_codec_json_space(value + 1)};
}

bool weir_codec_json_next(struct weir_codec_json_iter *it, const char **value)
{
    if (*it->at == ']')
        return false;
    *value = it->at;
    it->at = weir_codec_json_after(weir_codec_json_skip(it->json, it->at));
    return true;
}

bool weir_codec_json_next_member(struct weir_codec_json_iter *it, struct weir_str *name,
                                 const char **value)
{
    if (*it->at == '}')
        return false;
    *name = weir_codec_json_string(it->at);
    const char *colon = weir_codec_json_space(name->at + name->n + 1);
    *value = weir_codec_json_space(colon + 1);
    it->at = weir_codec_json_after(weir_codec_json_skip(it->json, *value));
    return true;
}

struct weir_str weir_codec_json_string(const char *value)
{
    weir_assert(*value == '"');
    return weir_str_make(value + 1, (size_t)(skip_string(value) - value) - 2);
}

const char *weir_codec_json_echo(const struct weir_codec_json *json, const char *value, char *out,
                                 size_t cap)
{
    weir_assert(cap >= WEIR_CODEC_JSON_ECHO_BYTES);
    enum weir_codec_json_kind kind = weir_codec_json_kind(value);
    switch (kind) {
    case WEIR_CODEC_JSON_STRING: {
        char text[WEIR_ECHO_BUF_BYTES];
        weir_str_echo(weir_codec_json_string(value), text, sizeof text);
        (void)snprintf(out, cap, "\"%s\"", text);
        break;
    }
    case WEIR_CODEC_JSON_NUMBER:
    case WEIR_CODEC_JSON_NONFINITE:
        (void)weir_str_echo(weir_codec_json_token(value, json->end), out, cap);
        break;
    case WEIR_CODEC_JSON_OBJECT:
    case WEIR_CODEC_JSON_ARRAY:
    case WEIR_CODEC_JSON_TRUE:
    case WEIR_CODEC_JSON_FALSE:
    case WEIR_CODEC_JSON_NULL:
        (void)snprintf(out, cap, "%s", weir_codec_json_kind_text(kind));
        break;
    }
    return out;
}
