/* SPDX-License-Identifier: MIT */
/* Reflection: clients ask for the descriptors of our services. They are compiled from the files in
 * proto/ at build time and embedded as one FileDescriptorSet, which is searched as it is: calls are
 * rare. Names are those of google/protobuf/descriptor.proto. */
#include "base/macros.h"
#include "protocol/grpc/descriptors.h"
#include "protocol/grpc/pages.h"

/* Field numbers. */
enum {
    SET_FILE = 1,
    FILE_NAME = 1,
    FILE_PACKAGE = 2,
    FILE_MESSAGE = 4,
    FILE_ENUM = 5,
    FILE_SERVICE = 6,
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    MESSAGE_ENUM = 4,
    SERVICE_METHOD = 2,
    ANY_NAME = 1, /* of messages, enums, services, methods, fields */
    REQUEST_HOST = 1,
    REQUEST_BY_FILENAME = 3,
    REQUEST_BY_SYMBOL = 4,
    REQUEST_BY_EXTENSION = 5,
    REQUEST_EXTENSIONS = 6,
    REQUEST_LIST = 7,
    RESPONSE_HOST = 1,
    RESPONSE_REQUEST = 2,
    RESPONSE_FILES = 4,
    RESPONSE_SERVICES = 6,
    RESPONSE_ERROR = 7,
    FILES_FILE = 1,
    SERVICES_SERVICE = 1,
    ERROR_CODE = 1,
    ERROR_MESSAGE = 2,
    CODE_NOT_FOUND = 5,
};

static struct weir_codec_protobuf set(void)
{
    return weir_codec_protobuf_of(weir_str_make((const char *)weir_protocol_grpc_descriptors,
                                                weir_protocol_grpc_descriptors_bytes));
}

/* Takes the next field of a number from a descriptor. */
static bool next(struct weir_codec_protobuf *reader, uint32_t number, struct weir_str *out)
{
    struct weir_codec_protobuf_field f;
    while (weir_codec_protobuf_next(reader, &f)) {
        if (f.number == number && f.type == WEIR_CODEC_PROTOBUF_BYTES) {
            *out = f.bytes;
            return true;
        }
    }
    return false;
}

static struct weir_str text_of(struct weir_str descriptor, uint32_t number)
{
    struct weir_str text;
    bool is_fine = weir_protocol_grpc_pages_find_text(descriptor, number, &text);
    weir_assert(is_fine); /* It is ours. */
    return text;
}

/* Takes a prefix and a dot from the beginning of a name; false: it does not begin so. */
static bool take_scope(struct weir_str *name, struct weir_str scope)
{
    if (scope.n == 0)
        return true;
    if (!weir_str_starts(*name, scope) || (name->n > scope.n && name->at[scope.n] != '.'))
        return false;
    size_t n = name->n > scope.n ? scope.n + 1 : scope.n;
    *name = weir_str_make(name->at + n, name->n - n);
    return true;
}

/* Finds whether what is left of a name is a child of a descriptor, of a kind (field number) whose
 * children are leaves. */
static bool has_leaf(struct weir_str descriptor, uint32_t kind, struct weir_str name)
{
    struct weir_codec_protobuf reader = weir_codec_protobuf_of(descriptor);
    struct weir_str child;
    while (next(&reader, kind, &child)) {
        if (weir_str_eq(text_of(child, ANY_NAME), name))
            return true;
    }
    return false;
}

/* Finds a message, or what is in it. Our messages are nested once at most. */
static bool is_in_message(struct weir_str message, struct weir_str name, int depth)
{
    if (!take_scope(&name, text_of(message, ANY_NAME)))
        return false;
    if (name.n == 0 || has_leaf(message, MESSAGE_FIELD, name) ||
        has_leaf(message, MESSAGE_ENUM, name))
        return true;
    struct weir_codec_protobuf reader = weir_codec_protobuf_of(message);
    struct weir_str nested;
    while (depth > 0 && next(&reader, MESSAGE_NESTED, &nested)) {
        if (is_in_message(nested, name, depth - 1))
            return true;
    }
    return false;
}

static bool is_in_service(struct weir_str service, struct weir_str name)
{
    return take_scope(&name, text_of(service, ANY_NAME)) &&
           (name.n == 0 || has_leaf(service, SERVICE_METHOD, name));
}

/* Finds whether a file declares a symbol of this full name. */
static bool declares(struct weir_str file, struct weir_str name)
{
    struct weir_codec_protobuf reader = weir_codec_protobuf_of(file);
    struct weir_codec_protobuf_field f;
    if (!take_scope(&name, text_of(file, FILE_PACKAGE)) || name.n == 0)
        return false;
    while (weir_codec_protobuf_next(&reader, &f)) {
        if (f.type != WEIR_CODEC_PROTOBUF_BYTES)
            continue;
        if ((f.number == FILE_MESSAGE && is_in_message(f.bytes, name, 4)) ||
            (f.number == FILE_SERVICE && is_in_service(f.bytes, name)) ||
            (f.number == FILE_ENUM && weir_str_eq(text_of(f.bytes, ANY_NAME), name)))
            return true;
    }
    return false;
}

/* Tells of all services by their full names, until fn returns true. */
static bool each_service(bool (*fn)(void *ctx, struct weir_str package, struct weir_str name),
                         void *ctx)
{
    struct weir_codec_protobuf files = set();
    struct weir_str file;
    while (next(&files, SET_FILE, &file)) {
        struct weir_codec_protobuf reader = weir_codec_protobuf_of(file);
        struct weir_str package = text_of(file, FILE_PACKAGE);
        struct weir_str service;
        while (next(&reader, FILE_SERVICE, &service)) {
            if (fn(ctx, package, text_of(service, ANY_NAME)))
                return true;
        }
    }
    return false;
}

static bool is_service(void *ctx, struct weir_str package, struct weir_str name)
{
    struct weir_str rest = *(const struct weir_str *)ctx;
    return take_scope(&rest, package) && weir_str_eq(rest, name);
}

bool weir_protocol_grpc_reflection_has(struct weir_str name)
{
    return each_service(is_service, &name);
}

static bool put_service(void *ctx, struct weir_str package, struct weir_str name)
{
    struct weir_buf *buf = ctx;
    size_t service = weir_codec_protobuf_begin(buf, SERVICES_SERVICE);
    weir_codec_protobuf_put_head(buf, ANY_NAME, package.n + 1 + name.n);
    weir_buf_append_str(buf, package);
    weir_buf_append_byte(buf, '.');
    weir_buf_append_str(buf, name);
    weir_codec_protobuf_end(buf, service);
    return false;
}

/* Appends the file of a name, or the one that declares a symbol; false: there is none. */
static bool put_file(struct weir_buf *buf, struct weir_str name, bool is_symbol)
{
    struct weir_codec_protobuf files = set();
    struct weir_str file;
    while (next(&files, SET_FILE, &file)) {
        if (is_symbol ? !declares(file, name) : !weir_str_eq(text_of(file, FILE_NAME), name))
            continue;
        size_t place = weir_codec_protobuf_begin(buf, RESPONSE_FILES);
        weir_codec_protobuf_put_text(buf, FILES_FILE, file);
        weir_codec_protobuf_end(buf, place);
        return true;
    }
    return false;
}

enum weir_status weir_protocol_grpc_reflection_page(const struct weir_protocol_grpc_page *page)
{
    struct weir_codec_protobuf request = weir_codec_protobuf_of(page->body);
    struct weir_codec_protobuf_field f;
    struct weir_codec_protobuf_field asked = {.number = 0};
    struct weir_str host = {NULL, 0};
    struct weir_buf *buf = page->buf;
    bool is_found = false;
    while (weir_codec_protobuf_next(&request, &f)) {
        if (f.type == WEIR_CODEC_PROTOBUF_BYTES && f.number == REQUEST_HOST)
            host = f.bytes;
        else if (f.type == WEIR_CODEC_PROTOBUF_BYTES && f.number <= REQUEST_LIST)
            asked = f;
    }
    if (request.is_malformed)
        return weir_protocol_grpc_pages_fail(page);
    weir_codec_protobuf_put_text(buf, RESPONSE_HOST, host);
    weir_codec_protobuf_put_text_always(buf, RESPONSE_REQUEST, page->body);
    if (asked.number == REQUEST_LIST) {
        size_t services = weir_codec_protobuf_begin(buf, RESPONSE_SERVICES);
        is_found = !each_service(put_service, buf);
        weir_codec_protobuf_end(buf, services);
    } else if (asked.number == REQUEST_BY_FILENAME || asked.number == REQUEST_BY_SYMBOL) {
        is_found = put_file(buf, asked.bytes, asked.number == REQUEST_BY_SYMBOL);
    }
    if (!is_found) { /* We have no extensions. */
        size_t error = weir_codec_protobuf_begin(buf, RESPONSE_ERROR);
        weir_codec_protobuf_put_u64(buf, ERROR_CODE, CODE_NOT_FOUND);
        weir_codec_protobuf_put_text(buf, ERROR_MESSAGE, WEIR_STR("not found"));
        weir_codec_protobuf_end(buf, error);
    }
    return WEIR_OK;
}
