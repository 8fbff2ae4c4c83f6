/* SPDX-License-Identifier: MIT */
/* Arrays that lie about themselves, inside plain pickles and as joblib writes them. The streams are
 * put together from small parts. */
#include "format/format.h"
#include "format/pickle.h"
#include "test_value.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdio.h>

/* Parts of streams, protocol 2. D: the element type f8. S1 … S5: state of an array. */
#define HEAD            "\x80\x02"
#define DTYPE           "cnumpy\ndtype\n"
#define D_CODE(n, code) DTYPE "U" n code "K\x00K\x01\x87R"
#define D_STATE(order, names, fields, size) \
    "(K\x03U\x01" order "N" names fields "J" size "J\xff\xff\xff\xffK\x00tb"
#define NEG1     "\xff\xff\xff\xff"
#define F8       D_CODE("\x02", "f8") D_STATE("<", "N", "N", NEG1)
#define I4       D_CODE("\x02", "i4") D_STATE("<", "N", "N", NEG1)
#define O8       D_CODE("\x02", "O8") D_STATE("|", "N", "N", NEG1)
#define U2(size) D_CODE("\x02", "U2") D_STATE("<", "N", "N", size)
#define NDARRAY  "cnumpy\nndarray\n"
#define EMPTY                                                         \
    "cnumpy.core.multiarray\n_reconstruct\n" NDARRAY "K\x00\x85U\x01" \
    "b\x87R"
#define ARRAY(shape, dtype, fortran, payload) EMPTY "(K\x01" shape dtype fortran payload "tb"
#define BYTES16 \
    "C\x10"     \
    "0123456789abcdef"
#define STRUCT(fields, names, size) D_CODE("\x03", "V16") D_STATE("|", names, fields, size)
#define FIELD(name, dtype, offset)  "U\x01" name dtype "K" offset "\x86s"
#define NAMES_AB \
    "U\x01"      \
    "aU\x01"     \
    "b\x86"
#define SIZE16 "\x10\x00\x00\x00"
#define WRAPPER(subclass, shape, order, dtype, more)                                            \
    "cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(U\x08subclass" subclass "U\x05shape" shape \
    "U\x05order" order "U\x05"                                                                  \
    "dtype" dtype "U\x0a"                                                                       \
    "allow_mmap\x88" more "ub"
#define ALIGNED "U\x1bnumpy_array_alignment_bytesK\x10"

#define BYTES(literal)               \
    {                                \
        literal, sizeof(literal) - 1 \
    }

static const struct {
    const char *label;
    struct weir_str bytes;
    enum weir_status status;
    const char *expected; /* the tree's text, or part of the message */
} rows[] = {
    {"honest", BYTES(HEAD ARRAY("K\x02\x85", F8, "\x89", BYTES16) "."), WEIR_OK,
     "array f8 2: 3031323334353637 3839616263646566"},
    {"two dimensions, column-major", BYTES(HEAD ARRAY("K\x02K\x02\x86", I4, "\x88", BYTES16) "."),
     WEIR_OK, "array i4 2 2: 30313233 38396162 34353637 63646566"},
    {"no dimensions",
     BYTES(HEAD ARRAY(")", F8, "\x89",
                      "C\x08"
                      "01234567") "."),
     WEIR_OK, "array f8: 3031323334353637"},
    {"no elements", BYTES(HEAD ARRAY("K\x00K\x05\x86", F8, "\x88", "C\x00") "."), WEIR_OK,
     "array f8 0 5:"},
    {"no elements of a huge shape",
     BYTES(
         HEAD ARRAY("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\x00\x86", F8, "\x89", "C\x00") "."),
     WEIR_OK, "array f8 9223372036854775807 0:"},
    {"objects in column-major order stay in row-major order",
     BYTES(HEAD ARRAY("K\x02K\x01\x86", O8, "\x88",
                      "](NK\x01"
                      "e") "."),
     WEIR_OK, "array O8 2 1: None 1"},
    {"a struct",
     BYTES(HEAD ARRAY("K\x01\x85",
                      STRUCT("}" FIELD("a", F8, "\x08") FIELD("b", I4, "\x00"), NAMES_AB, SIZE16),
                      "\x89", BYTES16) "."),
     WEIR_OK, "array V16,a@8:f8,b@0:i4 1: 30313233343536373839616263646566"},
    {"a scalar", BYTES(HEAD "cnumpy.core.multiarray\nscalar\n" I4 "C\x04\x07\x00\x00\x00\x86R."),
     WEIR_OK, "i4:7"},
    {"an array over bytes",
     BYTES(HEAD "cnumpy._core.numeric\n_frombuffer\n(" BYTES16 F8 "K\x02\x85U\x01"
                "CtR."),
     WEIR_OK, "array f8 2: 3031323334353637 3839616263646566"},
    {"an array over bytes in another order",
     BYTES(HEAD "cnumpy._core.numeric\n_frombuffer\n(" BYTES16 I4
                "K\x02K\x02\x86U\x01KK\x01K\x00\x86tR."),
     WEIR_OK, "array i4 2 2: 30313233 38396162 34353637 63646566"},

    {"2^40 x 2^40 elements",
     BYTES(HEAD ARRAY("\x8a\x06\x00\x00\x00\x00\x00\x01\x8a\x06\x00\x00\x00\x00\x00\x01\x86", F8,
                      "\x89", BYTES16) "."),
     WEIR_ERR_CORRUPT, "more elements than memory"},
    {"2^61 elements",
     BYTES(HEAD ARRAY("\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x20\x85", F8, "\x89", "C\x00") "."),
     WEIR_ERR_CORRUPT, "elements of 8 bytes has 0 bytes"},
    {"a negative dimension", BYTES(HEAD ARRAY("J" NEG1 "\x85", F8, "\x89", BYTES16) "."),
     WEIR_ERR_CORRUPT, "not a number of elements"},
    {"a dimension of text",
     BYTES(HEAD ARRAY("U\x01"
                      "2\x85",
                      F8, "\x89", BYTES16) "."),
     WEIR_ERR_CORRUPT, "not a number of elements"},
    {"a shape that is a list", BYTES(HEAD ARRAY("]", F8, "\x89", BYTES16) "."), WEIR_ERR_CORRUPT,
     "not a tuple of at most 32"},
    {"short data", BYTES(HEAD ARRAY("K\x03\x85", F8, "\x89", BYTES16) "."), WEIR_ERR_CORRUPT,
     "an array of 3 elements of 8 bytes has 16 bytes"},
    {"long data", BYTES(HEAD ARRAY("K\x01\x85", F8, "\x89", BYTES16) "."), WEIR_ERR_CORRUPT,
     "an array of 1 elements of 8 bytes has 16 bytes"},
    {"data that is text",
     BYTES(HEAD ARRAY("K\x02\x85", F8, "\x89",
                      "U\x10"
                      "0123456789abcdef") "."),
     WEIR_ERR_CORRUPT, "not bytes"},
    {"too few objects",
     BYTES(HEAD ARRAY("K\x02\x85", O8, "\x89",
                      "]N"
                      "a") "."),
     WEIR_ERR_CORRUPT, "an array of 2 objects has a list of 1"},
    {"objects in bytes", BYTES(HEAD ARRAY("K\x02\x85", O8, "\x89", BYTES16) "."), WEIR_ERR_CORRUPT,
     "an array of 2 objects has a bytes"},
    {"an order of 2", BYTES(HEAD ARRAY("K\x02\x85", F8, "K\x02", BYTES16) "."), WEIR_ERR_CORRUPT,
     "neither true nor false"},
    {"a second state", BYTES(HEAD ARRAY("K\x02\x85", F8, "\x89", BYTES16) "Nb."), WEIR_ERR_CORRUPT,
     "second state"},
    {"an array of an unknown class",
     BYTES(HEAD "cnumpy.core.multiarray\n_reconstruct\ncsklearn.x\nC\nK\x00\x85U\x01"
                "b\x87R."),
     WEIR_ERR_CORRUPT, "unknown class"},
    {"no element type", BYTES(HEAD ARRAY("K\x02\x85", "N", "\x89", BYTES16) "."), WEIR_ERR_CORRUPT,
     "no usable element type"},
    {"an unknown element type", BYTES(HEAD D_CODE("\x02", "q8") "."), WEIR_ERR_UNSUPPORTED,
     "element type \"q8\""},
    {"an element type of a wrong size", BYTES(HEAD D_CODE("\x02", "i3") "."), WEIR_ERR_UNSUPPORTED,
     "element type \"i3\""},
    {"elements without bytes",
     BYTES(HEAD ARRAY("K\x02\x85", D_CODE("\x02", "S0") D_STATE("|", "N", "N", "\x00\x00\x00\x00"),
                      "\x89", "C\x00") "."),
     WEIR_ERR_CORRUPT, "no usable element type"},
    {"a size that contradicts the code", BYTES(HEAD U2("\x07\x00\x00\x00") "."), WEIR_ERR_CORRUPT,
     "contradicts its code"},
    {"a size of f8", BYTES(HEAD D_CODE("\x02", "f8") D_STATE("<", "N", "N", SIZE16) "."),
     WEIR_ERR_CORRUPT, "contradicts its code"},
    {"an unknown byte order", BYTES(HEAD D_CODE("\x02", "f8") D_STATE("x", "N", "N", NEG1) "."),
     WEIR_ERR_CORRUPT, "byte order"},
    {"a field outside",
     BYTES(HEAD STRUCT("}" FIELD("a", F8, "\x09") FIELD("b", I4, "\x00"), NAMES_AB, SIZE16) "."),
     WEIR_ERR_CORRUPT, "outside its element"},
    {"fields that overlap",
     BYTES(HEAD STRUCT("}" FIELD("a", F8, "\x00") FIELD("b", I4, "\x07"), NAMES_AB, SIZE16) "."),
     WEIR_ERR_CORRUPT, "overlap"},
    {"a field that is not described",
     BYTES(HEAD STRUCT("}" FIELD("a", F8, "\x00"), NAMES_AB, SIZE16) "."), WEIR_ERR_CORRUPT,
     "not described"},
    {"a field of objects",
     BYTES(HEAD STRUCT("}" FIELD("a", O8, "\x00") FIELD("b", I4, "\x08"), NAMES_AB, SIZE16) "."),
     WEIR_ERR_CORRUPT, "no usable element type"},
    {"fields of a plain type",
     BYTES(HEAD D_CODE("\x02", "f8") D_STATE("<", NAMES_AB, "}", NEG1) "."), WEIR_ERR_CORRUPT,
     "fields that are not described"},
    {"an element type inside itself",
     BYTES(HEAD D_CODE("\x03", "V16") "q\x00(K\x03U\x01|N"
                                      "U\x01"
                                      "a\x85}U\x01"
                                      "ah\x00K\x00\x86s"
                                      "J" SIZE16 "J" NEG1 "K\x00tb."),
     WEIR_ERR_CORRUPT, "a field of itself"},
    {"an element type that changes after its use",
     BYTES(HEAD D_CODE("\x02", "f8") "q\x00"
                                     "0" ARRAY("K\x02\x85", "h\x00", "\x89",
                                               BYTES16) "h\x00" D_STATE(">", "N", "N", NEG1) "0."),
     WEIR_ERR_CORRUPT, "changes after its use"},
    {"objects over bytes",
     BYTES(HEAD "cnumpy._core.numeric\n_frombuffer\n(" BYTES16 O8 "K\x02\x85U\x01"
                "CtR."),
     WEIR_ERR_CORRUPT, "objects lies over bytes"},
    {"an order of axes that names one twice",
     BYTES(HEAD "cnumpy._core.numeric\n_frombuffer\n(" BYTES16 I4
                "K\x02K\x02\x86U\x01KK\x00K\x00\x86tR."),
     WEIR_ERR_CORRUPT, "is not an order"},
    {"an order of too few axes",
     BYTES(HEAD "cnumpy._core.numeric\n_frombuffer\n(" BYTES16 I4
                "K\x02K\x02\x86U\x01KK\x00\x85tR."),
     WEIR_ERR_CORRUPT, "does not fit"},
    {"a scalar of two elements",
     BYTES(HEAD "cnumpy.core.multiarray\nscalar\n" I4 "C\x08"
                "01234567\x86R."),
     WEIR_ERR_CORRUPT, "1 elements of 4 bytes has 8 bytes"},

    {"joblib, honest",
     BYTES(HEAD WRAPPER(NDARRAY, "K\x02\x85",
                        "U\x01"
                        "C",
                        F8, "") "0123456789abcdef."),
     WEIR_OK, "array f8 2: 3031323334353637 3839616263646566"},
    {"joblib, honest and aligned",
     BYTES(HEAD WRAPPER(NDARRAY, "K\x01\x85",
                        "U\x01"
                        "F",
                        F8, ALIGNED) "\x03\xff\xff\xff"
                                     "01234567."),
     WEIR_OK, "array f8 1: 3031323334353637"},
    {"joblib, honest objects",
     BYTES(HEAD WRAPPER(NDARRAY, "K\x01\x85",
                        "U\x01"
                        "C",
                        O8, ALIGNED) HEAD ARRAY("K\x01\x85", O8, "\x89",
                                                "]N"
                                                "a") ".."),
     WEIR_OK, "array O8 1: None"},
    {"joblib, padding beyond the end",
     BYTES(HEAD WRAPPER(NDARRAY, "K\x01\x85",
                        "U\x01"
                        "C",
                        F8, ALIGNED) "\xff"
                                     "01234567."),
     WEIR_ERR_CORRUPT, "255 bytes are announced"},
    {"joblib, missing data",
     BYTES(HEAD WRAPPER(NDARRAY, "K\x09\x85",
                        "U\x01"
                        "C",
                        F8, "") "01234567."),
     WEIR_ERR_CORRUPT, "72 bytes are announced"},
    {"joblib, order Q",
     BYTES(HEAD WRAPPER(NDARRAY, "K\x01\x85",
                        "U\x01"
                        "Q",
                        F8, "") "01234567."),
     WEIR_ERR_CORRUPT, "unknown order"},
    {"joblib, another class",
     BYTES(HEAD WRAPPER("csklearn.x\nC\n", "K\x01\x85",
                        "U\x01"
                        "C",
                        F8, "") "01234567."),
     WEIR_ERR_CORRUPT, "unknown class"},
    {"joblib, a nested pickle with a forbidden name",
     BYTES(HEAD WRAPPER(NDARRAY, "K\x01\x85",
                        "U\x01"
                        "C",
                        O8, "") HEAD "cos\nsystem\n.."),
     WEIR_ERR_UNSUPPORTED, "refers to \"os.system\""},
    {"joblib, a nested pickle in a nested pickle",
     BYTES(HEAD WRAPPER(NDARRAY, "K\x01\x85",
                        "U\x01"
                        "C",
                        O8, "") HEAD WRAPPER(NDARRAY, "K\x01\x85",
                                             "U\x01"
                                             "C",
                                             O8, "") HEAD ARRAY("K\x01\x85", O8, "\x89",
                                                                "]N"
                                                                "a") "..."),
     WEIR_ERR_CORRUPT, "a nested pickle holds another one"},
    {"joblib, a nested pickle without an array",
     BYTES(HEAD WRAPPER(NDARRAY, "K\x01\x85",
                        "U\x01"
                        "C",
                        O8, "") HEAD "N.."),
     WEIR_ERR_CORRUPT, "holds no array"},
    {"joblib, no shape", BYTES(HEAD "cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}b."),
     WEIR_ERR_CORRUPT, "no subclass, shape"},
};

ParameterizedTestParameters(format_numpy, arrays_are_what_they_say_or_refused)
{
    static size_t index[sizeof rows / sizeof rows[0]];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(size_t *row, format_numpy, arrays_are_what_they_say_or_refused)
{
    const struct weir_format_opts opts = weir_format_opts_fill(NULL);
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_buf out = WEIR_BUF_INIT;
    struct weir_arena arena;
    struct weir_format_pickle pickle;
    weir_arena_init(&arena, NULL, 0);
    enum weir_status status =
        weir_format_pickle_parse(&pickle, rows[*row].bytes, &opts, &arena, &err);
    cr_assert_eq(status, rows[*row].status, "%s: %s: %s", rows[*row].label,
                 weir_status_name(status), err.msg);
    if (status == WEIR_OK) {
        test_value_dump(&out, pickle.root);
        cr_assert_str_eq(weir_buf_c(&out), rows[*row].expected, "%s", rows[*row].label);
    } else {
        cr_assert_not_null(strstr(err.msg, rows[*row].expected), "%s: %s", rows[*row].label,
                           err.msg);
    }
    weir_buf_deinit(&out);
    weir_arena_deinit(&arena);
}
