/* SPDX-License-Identifier: MIT */
/* .skops files: schemas that lie or ask for too much. What is right is compared with the library in
 * tests/parity. */
#include "format/format.h"
#include "format/skops/skops.h"
#include "test_value.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <zip.h>

/* Writes a .skops file of a schema and one more member; the caller frees the bytes. */
static struct weir_str write_skops(const char *schema, const char *name, struct weir_str member)
{
    zip_error_t error;
    zip_source_t *to = zip_source_buffer_create(NULL, 0, 0, &error);
    zip_source_keep(to);
    zip_t *zip = zip_open_from_source(to, ZIP_TRUNCATE, &error);
    cr_assert_not_null(zip);
    zip_file_add(zip, "schema.json", zip_source_buffer(zip, schema, strlen(schema), 0), 0);
    if (name)
        zip_file_add(zip, name, zip_source_buffer(zip, member.at, member.n, 0), 0);
    cr_assert_eq(zip_close(zip), 0);
    zip_stat_t st;
    cr_assert_eq(zip_source_stat(to, &st), 0);
    char *out = malloc(st.size);
    cr_assert_eq(zip_source_open(to), 0);
    cr_assert_eq(zip_source_read(to, out, st.size), (zip_int64_t)st.size);
    zip_source_close(to);
    zip_source_free(to);
    return weir_str_make(out, st.size);
}

static enum weir_status parse(const char *schema, const char *name, struct weir_str member,
                              struct weir_buf *dump, struct weir_error *err)
{
    struct weir_str bytes = write_skops(schema, name, member);
    const struct weir_format_opts opts = weir_format_opts_fill(NULL);
    struct weir_arena arena;
    struct weir_format_pickle tree;
    weir_arena_init(&arena, NULL, 0);
    cr_assert(weir_format_skops_probe(bytes));
    enum weir_status status = weir_format_skops_parse(&tree, bytes, &opts, &arena, err);
    if (status == WEIR_OK && dump)
        test_value_dump(dump, tree.root);
    weir_arena_deinit(&arena);
    free((char *)(uintptr_t)bytes.at);
    return status;
}

#define PLAIN(loader, cls, rest) \
    "{\"__loader__\":\"" loader "\",\"__module__\":\"builtins\",\"__class__\":\"" cls "\"," rest "}"
#define JSON(text) PLAIN("JsonNode", "str", "\"content\":\"" text "\"")

static const struct {
    const char *label;
    const char *schema;
    enum weir_status status;
    const char *reason;
} refused[] = {
    {"no JSON", "{", WEIR_ERR_CORRUPT, "not valid JSON"},
    {"no node", "[]", WEIR_ERR_CORRUPT, "a node is missing"},
    {"empty", "{}", WEIR_ERR_UNSUPPORTED, "a node of kind"},
    {"protocol", PLAIN("ListNode", "list", "\"content\":[],\"protocol\":3"), WEIR_ERR_UNSUPPORTED,
     "protocol 3"},
    {"loader", PLAIN("EvalNode", "eval", "\"content\":\"1\""), WEIR_ERR_UNSUPPORTED, "EvalNode"},
    {"name", "{\"__loader__\":\"ObjectNode\",\"__module__\":\"posix\",\"__class__\":\"system\"}",
     WEIR_ERR_UNSUPPORTED, "refers to \"posix.system\""},
    {"function", "{\"__loader__\":\"FunctionNode\",\"__module__\":\"os\",\"__class__\":\"system\"}",
     WEIR_ERR_UNSUPPORTED, "refers to \"os.system\""},
    {"operator",
     "{\"__loader__\":\"OperatorFuncNode\",\"__module__\":\"operator\","
     "\"__class__\":\"methodcaller\",\"attrs\":{}}",
     WEIR_ERR_UNSUPPORTED, "operator.methodcaller"},
    {"method", PLAIN("MethodNode", "list", "\"content\":{}"), WEIR_ERR_UNSUPPORTED,
     "a bound method"},
    {"no file", PLAIN("BytesNode", "bytes", "\"file\":\"x\""), WEIR_ERR_CORRUPT, "no member"},
    {"file outside", PLAIN("BytesNode", "bytes", "\"file\":\"../../etc/passwd\""), WEIR_ERR_CORRUPT,
     "no member"},
    {"file with NUL", PLAIN("BytesNode", "bytes", "\"file\":\"m\\u0000\""), WEIR_ERR_CORRUPT,
     "without its file"},
    {"inner JSON", JSON("[1,"), WEIR_ERR_CORRUPT, "not valid JSON"},
    {"number", JSON("1e999"), WEIR_ERR_UNSUPPORTED, "beyond float64"},
    {"key types", PLAIN("DictNode", "dict", "\"content\":{\"a\":1},\"key_types\":{\"content\":[]}"),
     WEIR_ERR_CORRUPT, "types of its keys"},
    {"key type",
     PLAIN("DictNode", "dict",
           "\"content\":{\"a\":1},\"key_types\":{\"content\":[{\"__class__\":\"object\"}]}"),
     WEIR_ERR_UNSUPPORTED, "keys of type object"},
    {"key value",
     PLAIN("DictNode", "dict",
           "\"content\":{\"1.5\":1},\"key_types\":{\"content\":[{\"__class__\":\"int\"}]}"),
     WEIR_ERR_CORRUPT, "not of its type"},
    {"array type", PLAIN("NdArrayNode", "ndarray", "\"type\":\"x\""), WEIR_ERR_CORRUPT,
     "unknown type"},
    {"shape",
     PLAIN("NdArrayNode", "ndarray",
           "\"type\":\"json\",\"content\":[" JSON("1") "],\"shape\":" PLAIN(
               "TupleNode", "tuple", "\"content\":[" JSON("2") "]")),
     WEIR_ERR_CORRUPT, "not its shape"},
    {"huge shape",
     PLAIN("NdArrayNode", "ndarray",
           "\"type\":\"json\",\"content\":[],\"shape\":" PLAIN(
               "TupleNode", "tuple", "\"content\":[" JSON("4611686018427387904") "]")),
     WEIR_ERR_CORRUPT, "shape"},
};

Test(format_skops, schemas_that_lie_are_refused)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct weir_error err = WEIR_ERROR_INIT;
        cr_assert_eq(parse(refused[i].schema, "m", WEIR_STR("member"), NULL, &err),
                     refused[i].status, "%s: %s", refused[i].label, err.msg);
        cr_assert_not_null(strstr(err.msg, refused[i].reason), "%s: %s", refused[i].label, err.msg);
    }
}

Test(format_skops, deep_nesting_meets_a_limit)
{
    enum { DEPTH = 5000 };
    struct weir_buf schema = WEIR_BUF_INIT;
    struct weir_error err = WEIR_ERROR_INIT;
    for (size_t i = 0; i < DEPTH; i++)
        weir_buf_append_c(&schema, "{\"__loader__\":\"ListNode\",\"__module__\":\"builtins\","
                                   "\"__class__\":\"list\",\"content\":[");
    for (size_t i = 0; i < DEPTH; i++)
        weir_buf_append_c(&schema, "]}");
    cr_assert_eq(parse(weir_buf_c(&schema), NULL, WEIR_STR(""), NULL, &err), WEIR_ERR_LIMIT, "%s",
                 err.msg);
    weir_buf_deinit(&schema);
}

static struct weir_str npy_with(const char *header, size_t n_elements, struct weir_buf *out)
{
    weir_buf_append(out, "\x93NUMPY\x01\x00", 8);
    weir_buf_append_byte(out, (char)strlen(header));
    weir_buf_append_byte(out, 0);
    weir_buf_append_c(out, header);
    for (size_t i = 0; i < n_elements; i++)
        weir_buf_append(out, "\0\0\0\0\0\0\xf0\x3f", 8);
    return weir_buf_str(out);
}

static const struct {
    const char *header;
    size_t n_elements;
    enum weir_status status;
} headers[] = {
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", 2, WEIR_OK},
    {"{\"shape\":(1,2), \"fortran_order\":True, \"descr\":\"<f8\",}\n", 2, WEIR_OK},
    {"{'descr': [('a', '<f8'), ('b', '<i4'), ('', '|V4')], 'fortran_order': False, 'shape': (1,)}",
     2, WEIR_OK},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}", 2, WEIR_ERR_CORRUPT},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", 2, WEIR_ERR_CORRUPT},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (-2,)}", 2, WEIR_ERR_CORRUPT},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': 2}", 2, WEIR_ERR_CORRUPT},
    {"{'descr': '<f8', 'fortran_order': 0, 'shape': (2,)}", 2, WEIR_ERR_CORRUPT},
    {"{'descr': '<f8', 'shape': (2,)}", 2, WEIR_ERR_CORRUPT},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (2,), 'x': 1}", 2, WEIR_ERR_CORRUPT},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (2,)} ; x", 2, WEIR_ERR_CORRUPT},
    {"{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", 2, WEIR_ERR_UNSUPPORTED},
    {"{'descr': '<q8', 'fortran_order': False, 'shape': (2,)}", 2, WEIR_ERR_UNSUPPORTED},
    {"{'descr': '<V0', 'fortran_order': False, 'shape': (2,)}", 0, WEIR_ERR_UNSUPPORTED},
    {"{'descr': [('a', '<f8', (2,))], 'fortran_order': False, 'shape': (1,)}", 2,
     WEIR_ERR_UNSUPPORTED},
    {"{'descr': [('a', '<f8'), ('a', '<f8')], 'fortran_order': False, 'shape': (1,)}", 2,
     WEIR_ERR_CORRUPT},
    {"{'descr': [], 'fortran_order': False, 'shape': (1,)}", 0, WEIR_ERR_CORRUPT},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 2,
     WEIR_ERR_CORRUPT},
};

Test(format_skops, headers_of_arrays_are_checked)
{
    static const char schema[] =
        PLAIN("NdArrayNode", "ndarray", "\"type\":\"numpy\",\"file\":\"m\"");
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct weir_error err = WEIR_ERROR_INIT;
        struct weir_buf npy = WEIR_BUF_INIT;
        struct weir_str bytes = npy_with(headers[i].header, headers[i].n_elements, &npy);
        cr_assert_eq(parse(schema, "m", bytes, NULL, &err), headers[i].status, "%s: %s",
                     headers[i].header, err.msg);
        weir_buf_deinit(&npy);
    }
}

Test(format_skops, values_are_what_their_pickle_gives)
{
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_buf dump = WEIR_BUF_INIT;
    struct weir_buf npy = WEIR_BUF_INIT;
    struct weir_str bytes =
        npy_with("{'descr': '<f8', 'fortran_order': False, 'shape': ()}", 1, &npy);
    const char *schema = PLAIN(
        "TupleNode", "tuple",
        "\"content\":[" JSON("-18446744073709551616") "," JSON("NaN") "," JSON(
            "\\\"x\\\"") "," PLAIN("NdArrayNode", "float64",
                                   "\"__id__\":7,\"type\":\"numpy\",\"file\":"
                                   "\"m\"") ","
                                            "{\"__id__\":7}," PLAIN("DictNode", "dict",
                                                                    "\"content\":{\"3\":" JSON(
                                                                        "true") "},\"key_types\":{"
                                                                                "\"content\":["
                                                                                "{\"__class__\":"
                                                                                "\"int\"}]}") "]");
    cr_assert_eq(parse(schema, "m", bytes, &dump, &err), WEIR_OK, "%s", err.msg);
    const char *text = weir_buf_c(&dump);
    cr_assert_not_null(strstr(text, "nan"), "%s", text);
    cr_assert_not_null(strstr(text, "3"), "%s", text);
    weir_buf_deinit(&dump);
    weir_buf_deinit(&npy);
}
