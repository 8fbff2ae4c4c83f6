/* SPDX-License-Identifier: MIT */
/* The pickle machine: what each opcode comes to, and that every hostile stream fails with the
 * reason named. The hostile streams are written by hand, after the published tricks against pickle
 * scanners. */
#include "format/format.h"
#include "format/pickle.h"
#include "test_file.h"
#include "test_mem.h"
#include "test_value.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdio.h>

/* Parses and, on success, appends the tree's text to out (may be NULL). */
static enum weir_status parse(struct weir_str bytes, const struct weir_format_opts *opts,
                              struct weir_buf *out, struct weir_error *err)
{
    struct weir_format_opts filled = weir_format_opts_fill(opts);
    struct weir_arena arena;
    weir_arena_init(&arena, NULL, (size_t)filled.tree_bytes_max);
    struct weir_format_pickle pickle;
    enum weir_status status = weir_format_pickle_parse(&pickle, bytes, &filled, &arena, err);
    if (status == WEIR_OK && out)
        test_value_dump(out, pickle.root);
    weir_arena_deinit(&arena);
    return status;
}

#define BYTES(literal)               \
    {                                \
        literal, sizeof(literal) - 1 \
    }

/* --- genuine forms --- */

static const struct {
    const char *label;
    struct weir_str bytes;
    const char *text;
} good_rows[] = {
    {"protocol 0 bools and ints", BYTES("(lp0\nI00\naI01\naI-12\naL34L\na."),
     "list[False True -12 34 ]"},
    {"protocol 0 floats", BYTES("(F1.5\nF-inf\nFinf\nt."), "tuple[0x1.8p+0 -inf inf ]"},
    {"protocol 0 text", BYTES("(Va\\u20acb\\U0001f600\\x\xe9\nt."),
     "tuple['a\u20acb\U0001f600\\x\u00e9' ]"},
    {"protocol 0 dict", BYTES("(dVk\nI1\ns."), "dict{'k'=1\n}"},
    {"string of Python 2 in ASCII", BYTES("(S'abc'\nS\"d\"\nt."), "tuple['abc' 'd' ]"},
    {"a number of twenty digits", BYTES("(L-18446744073709551616L\nt."),
     "tuple[int'0000000000000000ff ]"},
    {"LONG1 from 0 to 8 bytes",
     BYTES(
         "\x80\x02(\x8a\x00\x8a\x01\xff\x8a\x02\x00\x80\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7ft."),
     "tuple[0 -1 -32768 9223372036854775807 ]"},
    {"BININT has a sign, BININT2 none", BYTES("\x80\x02(J\xff\xff\xff\xffM\xff\xffK\xfft."),
     "tuple[-1 65535 255 ]"},
    {"bytes as latin1 text",
     BYTES("\x80\x02"
           "c_codecs\nencode\nX\x04\x00\x00\x00"
           "a\xc3\xbf"
           "bX\x06\x00\x00\x00latin1\x86R."),
     "b'61ff62"},
    {"empty bytes by a call",
     BYTES("\x80\x02"
           "c__builtin__\nbytes\n)R."),
     "b'"},
    {"a set of a list",
     BYTES("\x80\x02"
           "c__builtin__\nset\n]K\x01"
           "a\x85R."),
     "set[1 ]"},
    {"EMPTY_SET and ADDITEMS", BYTES("\x80\x04\x8f(K\x01K\x02\x90."), "set[1 2 ]"},
    {"an object and its state",
     BYTES("\x80\x02"
           "csklearn.x\nC\n)\x81}U\x01"
           "aK\x01sb."),
     "sklearn.x.C(){\n'a'=1\n}"},
    {"a state with slots",
     BYTES("\x80\x02"
           "csklearn.x\nC\n)\x81}U\x01"
           "aK\x01s}U\x01"
           "bK\x02s\x86"
           "b."),
     "sklearn.x.C(){\n'a'=1\n'b'=2\n}"},
    {"a state that is a tuple",
     BYTES("\x80\x02"
           "csklearn.x\nf\nK\x01\x85RK\x02K\x03\x86"
           "b."),
     "sklearn.x.f!(1 ){\ntuple[2 3 ]}"},
    {"an instance of protocol 1",
     BYTES("ccopy_reg\n_reconstructor\n(csklearn.x\nC\nc__builtin__\nobject\nNtR}b."),
     "sklearn.x.C(){\n}"},
    {"the memo shares",
     BYTES("\x80\x02]q\x00K\x01"
           "ah\x00\x86."),
     "tuple[list[1 ] list[1 ] ]"},
    {"POP drops a value or a mark",
     BYTES("\x80\x02(K\x01"
           "00K\x02."),
     "2"},
    {"a numpy function by name",
     BYTES("\x80\x02"
           "cnumpy.core\n_ufunc_reconstruct\nU\x1cnumpy.core._multiarray_umathU\x05log1p\x86R."),
     "<numpy.core._multiarray_umath.log1p>"},
    {"items of an object",
     BYTES("\x80\x02"
           "csklearn.utils\nBunch\n)\x81U\x01kK\x01s."),
     "sklearn.utils.Bunch(){\n'k'=1\n}"},
};

ParameterizedTestParameters(format_pickle, genuine_forms_give_their_values)
{
    static size_t index[sizeof good_rows / sizeof good_rows[0]];
    for (size_t i = 0; i < sizeof good_rows / sizeof good_rows[0]; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, sizeof good_rows / sizeof good_rows[0]);
}

ParameterizedTest(size_t *row, format_pickle, genuine_forms_give_their_values)
{
    struct weir_buf out = WEIR_BUF_INIT;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(parse(good_rows[*row].bytes, NULL, &out, &err), WEIR_OK, "%s: %s",
                 good_rows[*row].label, err.msg);
    cr_assert_str_eq(weir_buf_c(&out), good_rows[*row].text, "%s", good_rows[*row].label);
    weir_buf_deinit(&out);
}

/* --- hostile streams --- */

#define POSIX_SYSTEM "refers to \"os.system\", which is not on the list of model classes"

static const struct {
    const char *label;
    struct weir_str bytes;
    enum weir_status status;
    const char *reason; /* part of the message */
} bad_rows[] = {
    {"call, protocol 0", BYTES("cos\nsystem\n(S'true'\ntR."), WEIR_ERR_UNSUPPORTED, POSIX_SYSTEM},
    {"call, protocol 4", BYTES("\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."),
     WEIR_ERR_UNSUPPORTED, POSIX_SYSTEM},
    {"call then POP", BYTES("cos\nsystem\n(S'true'\ntR0N."), WEIR_ERR_UNSUPPORTED, POSIX_SYSTEM},
    {"a name that is only dropped", BYTES("cos\nsystem\n0N."), WEIR_ERR_UNSUPPORTED, POSIX_SYSTEM},
    {"INST", BYTES("(S'true'\nios\nsystem\n."), WEIR_ERR_UNSUPPORTED, POSIX_SYSTEM},
    {"INST of a good name", BYTES("(isklearn.x\nC\n."), WEIR_ERR_UNSUPPORTED, "INST"},
    {"OBJ", BYTES("(cos\nsystem\nS'true'\no."), WEIR_ERR_UNSUPPORTED, POSIX_SYSTEM},
    {"OBJ of a good name", BYTES("(csklearn.x\nC\no."), WEIR_ERR_UNSUPPORTED, "OBJ"},
    {"NEWOBJ of a process",
     BYTES("\x80\x02"
           "csubprocess\nPopen\n]\x85\x81."),
     WEIR_ERR_UNSUPPORTED, "\"subprocess.Popen\""},
    {"EXT1", BYTES("\x80\x02\x82\x01."), WEIR_ERR_UNSUPPORTED, "EXT1"},
    {"PERSID", BYTES("Pabc\n."), WEIR_ERR_UNSUPPORTED, "PERSID"},
    {"BINPERSID", BYTES("\x80\x02K\x01Q."), WEIR_ERR_UNSUPPORTED, "BINPERSID"},
    {"NEXT_BUFFER", BYTES("\x80\x05\x97."), WEIR_ERR_UNSUPPORTED, "NEXT_BUFFER"},
    {"DUP", BYTES("]2."), WEIR_ERR_UNSUPPORTED, "DUP"},
    {"getattr",
     BYTES("\x80\x04\x8c\x08"
           "builtins\x8c\x07getattr\x93."),
     WEIR_ERR_UNSUPPORTED, "\"builtins.getattr\""},
    {"a dotted name",
     BYTES("\x80\x04\x8c\x05numpy\x8c\x0e"
           "dtype.__init__\x93."),
     WEIR_ERR_UNSUPPORTED, "\"numpy.dtype.__init__\""},
    {"a name with a family's beginning", BYTES("csklearnx\nC\n."), WEIR_ERR_UNSUPPORTED,
     "\"sklearnx.C\""},
    {"a name in a family with a bad module", BYTES("csklearn..os\nsystem\n."), WEIR_ERR_UNSUPPORTED,
     "\"sklearn..os.system\""},
    {"control bytes in a name", BYTES("ca\x1b[31m\nb\n."), WEIR_ERR_UNSUPPORTED, "a\\x1b[31m"},
    {"a name that is no text", BYTES("\x80\x04K\x01K\x02\x93."), WEIR_ERR_CORRUPT, "not text"},
    {"a value that is called", BYTES("cnumpy\nlog1p\n)R."), WEIR_ERR_UNSUPPORTED,
     "asks to call \"numpy.log1p\""},
    {"an object that is called",
     BYTES("\x80\x02"
           "csklearn.x\nC\n)\x81)R."),
     WEIR_ERR_CORRUPT, "asks to call a object"},
    {"NEWOBJ_EX with arguments by name",
     BYTES("\x80\x04\x8c\x07sklearn\x8c\x01"
           "C\x93)}\x8c\x01kNs\x92."),
     WEIR_ERR_UNSUPPORTED, "NEWOBJ_EX"},
    {"joblib before 0.10", BYTES("cjoblib.numpy_pickle\nNDArrayWrapper\n)\x81."),
     WEIR_ERR_UNSUPPORTED, "joblib before 0.10"},
    {"memo index bomb", BYTES("]r\xff\xff\xff\xff."), WEIR_ERR_CORRUPT, "memo index 4294967295"},
    {"memo index skips one", BYTES("]q\x01."), WEIR_ERR_CORRUPT, "memo index 1 where 0"},
    {"text of 2^63 - 1 bytes", BYTES("\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f."),
     WEIR_ERR_CORRUPT, "9223372036854775807 bytes are announced"},
    {"bytes of 2^64 - 1 bytes", BYTES("\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xff."),
     WEIR_ERR_CORRUPT, "are announced"},
    {"negative LONG4", BYTES("\x80\x02\x8b\xff\xff\xff\xff."), WEIR_ERR_CORRUPT, "negative length"},
    {"frame too long", BYTES("\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7fN."), WEIR_ERR_CORRUPT,
     "a frame of 9223372036854775807 bytes"},
    {"frame in a frame",
     BYTES("\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x95\x02\x00\x00\x00\x00\x00\x00\x00N."),
     WEIR_ERR_CORRUPT, "inside a frame"},
    {"frame ends in a value", BYTES("\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00M\x01\x02."),
     WEIR_ERR_CORRUPT, "crosses the end"},
    {"end inside a frame", BYTES("\x80\x04\x95\x03\x00\x00\x00\x00\x00\x00\x00N.N"),
     WEIR_ERR_CORRUPT, "inside a frame"},
    {"two pickles", BYTES("\x80\x02N.\x80\x02N."), WEIR_ERR_CORRUPT, "4 bytes follow the end"},
    {"a payload behind the end", BYTES("\x80\x02N.cos\nsystem\n."), WEIR_ERR_CORRUPT,
     "follow the end"},
    {"underflow", BYTES("R."), WEIR_ERR_CORRUPT, "the stack is empty"},
    {"a value below the mark", BYTES("]N(a."), WEIR_ERR_CORRUPT, "the stack is empty"},
    {"no mark", BYTES("t."), WEIR_ERR_CORRUPT, "no mark"},
    {"bad GET", BYTES("h\x05."), WEIR_ERR_CORRUPT, "memo entry 5"},
    {"odd SETITEMS", BYTES("}(K\x01u."), WEIR_ERR_CORRUPT, "no value"},
    {"protocol 9", BYTES("\x80\x09N."), WEIR_ERR_UNSUPPORTED, "protocol 9"},
    {"a second PROTO", BYTES("\x80\x02\x80\x02N."), WEIR_ERR_CORRUPT, "second beginning"},
    {"no STOP", BYTES("\x80\x02N"), WEIR_ERR_CORRUPT, "cut short"},
    {"nothing", BYTES(""), WEIR_ERR_CORRUPT, "cut short"},
    {"STOP on nothing", BYTES("\x80\x02."), WEIR_ERR_CORRUPT, "0 values"},
    {"STOP on two values", BYTES("\x80\x02NN."), WEIR_ERR_CORRUPT, "2 values"},
    {"STOP with an open mark", BYTES("\x80\x02(N."), WEIR_ERR_CORRUPT, "values on the stack"},
    {"no opcode", BYTES("\x80\x02\xff."), WEIR_ERR_CORRUPT, "0xff is no pickle opcode"},
    {"a second state",
     BYTES("\x80\x02"
           "csklearn.x\nC\n)\x81}b}b."),
     WEIR_ERR_CORRUPT, "second state"},
    {"a state for a list", BYTES("\x80\x02]}b."), WEIR_ERR_CORRUPT, "gives a list a state"},
    {"SETITEM on a list", BYTES("\x80\x02]K\x01K\x02s."), WEIR_ERR_CORRUPT, "sets items of a list"},
    {"APPEND to a tuple",
     BYTES("\x80\x02)K\x01"
           "a."),
     WEIR_ERR_CORRUPT, "appends to a tuple"},
    {"ADDITEMS on a frozenset", BYTES("\x80\x04(\x91(K\x01\x90."), WEIR_ERR_CORRUPT,
     "adds items to a set"},
    {"a list as a key", BYTES("\x80\x02}]K\x01s."), WEIR_ERR_CORRUPT, "key is a list"},
    {"text that is not UTF-8", BYTES("\x80\x04\x8c\x01\xff."), WEIR_ERR_CORRUPT, "not UTF-8"},
    {"a string of Python 2", BYTES("\x80\x02U\x01\xff."), WEIR_ERR_UNSUPPORTED, "Python 2"},
    {"an escape in a string", BYTES("(S'\\x41'\nt."), WEIR_ERR_UNSUPPORTED, "Python 2"},
    {"a cut unicode escape", BYTES("(V\\u12\nt."), WEIR_ERR_CORRUPT, "cut escape"},
    {"a character that does not exist", BYTES("(V\\U00110000\nt."), WEIR_ERR_CORRUPT,
     "does not exist"},
    {"a hexadecimal float", BYTES("(F0x1p3\nt."), WEIR_ERR_CORRUPT, "not a number"},
    {"a float with a tail", BYTES("(F1.5e\nt."), WEIR_ERR_CORRUPT, "not a number"},
    {"an int of letters", BYTES("(Iabc\nt."), WEIR_ERR_CORRUPT, "other than digits"},
    {"a line without an end", BYTES("(I12"), WEIR_ERR_CORRUPT, "without an end"},
    {"bytes above 255",
     BYTES("\x80\x02"
           "c_codecs\nencode\nX\x03\x00\x00\x00\xe2\x82\xacU\x06latin1\x86R."),
     WEIR_ERR_CORRUPT, "above 255"},
    {"another encoding",
     BYTES("\x80\x02"
           "c_codecs\nencode\nU\x01xU\x04zlib\x86R."),
     WEIR_ERR_CORRUPT, "latin1"},
    {"a numpy function outside the list",
     BYTES("\x80\x02"
           "cnumpy.core\n_ufunc_reconstruct\nU\x02osU\x06system\x86R."),
     WEIR_ERR_UNSUPPORTED, POSIX_SYSTEM},
    {"an instance with a state",
     BYTES("ccopy_reg\n_reconstructor\n(csklearn.x\nC\n"
           "c__builtin__\nobject\nI1\ntR."),
     WEIR_ERR_CORRUPT, "unknown base"},
};

ParameterizedTestParameters(format_pickle, hostile_streams_fail_with_the_reason)
{
    static size_t index[sizeof bad_rows / sizeof bad_rows[0]];
    for (size_t i = 0; i < sizeof bad_rows / sizeof bad_rows[0]; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, sizeof bad_rows / sizeof bad_rows[0]);
}

ParameterizedTest(size_t *row, format_pickle, hostile_streams_fail_with_the_reason)
{
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(parse(bad_rows[*row].bytes, NULL, NULL, &err), bad_rows[*row].status, "%s: %s",
                 bad_rows[*row].label, err.msg);
    cr_assert_not_null(strstr(err.msg, bad_rows[*row].reason), "%s: %s", bad_rows[*row].label,
                       err.msg);
}

/* The sentence of the refusal is what users search for: nothing before, nothing after. */
Test(format_pickle, a_refused_name_reads_exactly_so)
{
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(parse(WEIR_STR("cposix\nsystem\n(Vtrue\ntR."), NULL, NULL, &err),
                 WEIR_ERR_UNSUPPORTED);
    cr_assert_str_eq(err.msg,
                     "refers to \"posix.system\", which is not on the list of model classes");
}

/* --- shapes of attack that need a loop to write --- */

Test(format_pickle, a_million_nested_lists_are_refused)
{
    struct weir_buf b = WEIR_BUF_INIT;
    struct weir_error err = WEIR_ERROR_INIT;
    for (size_t i = 0; i < 1000000; i++)
        weir_buf_append_byte(&b, ']');
    for (size_t i = 0; i < 999999; i++)
        weir_buf_append_byte(&b, 'a');
    weir_buf_append_byte(&b, '.');
    cr_assert_eq(parse(weir_buf_str(&b), NULL, NULL, &err), WEIR_ERR_LIMIT, "%s", err.msg);
    cr_assert_not_null(strstr(err.msg, "256 levels"), "%s", err.msg);
    weir_buf_deinit(&b);
}

/* Sharing is free while reading but exponential for whoever walks: the budget of steps ends it. */
Test(format_pickle, laughs_are_read_but_a_walk_over_them_ends)
{
    struct weir_buf b = WEIR_BUF_INIT;
    struct weir_buf out = WEIR_BUF_INIT;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_buf_append(&b, "\x80\x04", 2);
    weir_buf_append_c(&b, "csklearn.x\nC\n\x94)\x81\x94"); /* memo 0: class, memo 1: object */
    for (unsigned char i = 1; i <= 20; i++) {
        const char head[] = {'0', 'h', 0, ')', '\x81', '}', 'U', 11};
        const char get[] = {'h', (char)i};
        weir_buf_append(&b, head, sizeof head);
        weir_buf_append_c(&b, "estimators_](");
        for (unsigned k = 0; k < 10; k++)
            weir_buf_append(&b, get, sizeof get);
        weir_buf_append_c(&b, "esb\x94"); /* memo i + 1 */
    }
    weir_buf_append_byte(&b, '.');
    cr_assert_eq(parse(weir_buf_str(&b), NULL, NULL, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(
        weir_format_describe_bytes(&out, b.at, b.n, NULL, WEIR_FORMAT_DESCRIBE_JSON, NULL, &err),
        WEIR_OK, "ten alike are shown as one: %s", err.msg);
    weir_buf_deinit(&b);
    weir_buf_deinit(&out);
}

Test(format_pickle, a_list_in_itself_is_read_and_stays_harmless)
{
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_model *model = NULL;
    const char bytes[] = "\x80\x02]q\x00h\x00"
                         "a.";
    cr_assert_eq(parse(weir_str_make(bytes, sizeof bytes - 1), NULL, NULL, &err), WEIR_OK);
    cr_assert_neq(weir_format_load_bytes(&model, bytes, sizeof bytes - 1, NULL, NULL, &err),
                  WEIR_OK);
    cr_assert_null(model);
}

Test(format_pickle, an_object_has_a_bounded_number_of_attributes)
{
    struct weir_buf b = WEIR_BUF_INIT;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_buf_append_c(&b, "\x80\x02"
                          "csklearn.x\nC\n)\x81}(");
    for (unsigned i = 0; i < 4097; i++)
        weir_buf_printf(&b, "U\x05%05uN", i);
    weir_buf_append_c(&b, "ub.");
    cr_assert_eq(parse(weir_buf_str(&b), NULL, NULL, &err), WEIR_ERR_LIMIT, "%s", err.msg);
    cr_assert_not_null(strstr(err.msg, "4097 attributes"), "%s", err.msg);
    weir_buf_deinit(&b);
}

/* --- limits --- */

static const struct {
    const char *label;
    struct weir_str bytes;
    struct weir_format_opts opts;
    const char *reason;
} limit_rows[] = {
    {"opcodes", BYTES("\x80\x02NNN000N."), {.version = 1, .n_ops_max = 5}, "more than 5 opcodes"},
    {"memo",
     BYTES("\x80\x02]q\x00q\x01q\x02."),
     {.version = 1, .n_memo_max = 2},
     "more than 2 memo entries"},
    {"stack",
     BYTES("\x80\x02(NNNNt."),
     {.version = 1, .n_stack_max = 3},
     "more than 3 values on the stack"},
    {"nesting", BYTES("\x80\x02]]]]aaa."), {.version = 1, .nesting_max = 2}, "2 levels"},
    {"memory", BYTES("\x80\x02]."), {.version = 1, .tree_bytes_max = 16}, "bytes of memory"},
};

ParameterizedTestParameters(format_pickle, every_limit_is_kept)
{
    static size_t index[sizeof limit_rows / sizeof limit_rows[0]];
    for (size_t i = 0; i < sizeof limit_rows / sizeof limit_rows[0]; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, sizeof limit_rows / sizeof limit_rows[0]);
}

ParameterizedTest(size_t *row, format_pickle, every_limit_is_kept)
{
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(parse(limit_rows[*row].bytes, NULL, NULL, &err), WEIR_OK, "%s: %s",
                 limit_rows[*row].label, err.msg);
    cr_assert_eq(parse(limit_rows[*row].bytes, &limit_rows[*row].opts, NULL, &err), WEIR_ERR_LIMIT,
                 "%s: %s", limit_rows[*row].label, err.msg);
    cr_assert_not_null(strstr(err.msg, limit_rows[*row].reason), "%s: %s", limit_rows[*row].label,
                       err.msg);
}

Test(format_pickle, a_load_past_its_deadline_ends)
{
    struct weir_buf b = WEIR_BUF_INIT;
    struct weir_error err = WEIR_ERROR_INIT;
    const struct weir_format_opts opts = {.version = 1, .deadline_ns = 1};
    weir_buf_append_c(&b, "\x80\x02");
    for (size_t i = 0; i < 100000; i++)
        weir_buf_append_c(&b, "N0");
    weir_buf_append_c(&b, "N.");
    cr_assert_eq(parse(weir_buf_str(&b), &opts, NULL, &err), WEIR_ERR_TIMEOUT, "%s", err.msg);
    weir_buf_deinit(&b);
}

/* --- genuine files, cut and bent --- */

static const char *const small_files[] = {
    "tests/data/pickle/model.p0.pkl",    "tests/data/pickle/model.p2.pkl",
    "tests/data/pickle/model.p4.pkl",    "tests/data/pickle/model.p5.pkl",
    "tests/data/pickle/model.p2.joblib", "tests/data/pickle/model.p4.joblib",
    "tests/data/pickle/all.p1.pkl",      "tests/data/pickle/all.p5.joblib",
};
enum { N_SMALL_FILES = sizeof small_files / sizeof small_files[0] };

ParameterizedTestParameters(format_pickle, every_beginning_of_a_file_fails)
{
    static size_t index[N_SMALL_FILES];
    for (size_t i = 0; i < N_SMALL_FILES; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, N_SMALL_FILES);
}

ParameterizedTest(size_t *row, format_pickle, every_beginning_of_a_file_fails)
{
    struct weir_str whole = test_file_read(small_files[*row]);
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(parse(whole, NULL, NULL, &err), WEIR_OK, "%s: %s", small_files[*row], err.msg);
    for (size_t n = 0; n < whole.n; n++)
        cr_assert_neq(parse(weir_str_make(whole.at, n), NULL, NULL, &err), WEIR_OK,
                      "%s: %zu of %zu bytes", small_files[*row], n, whole.n);
    test_file_free(whole);
}

ParameterizedTestParameters(format_pickle, no_changed_byte_crashes_a_load)
{
    static size_t index[N_SMALL_FILES];
    for (size_t i = 0; i < N_SMALL_FILES; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, N_SMALL_FILES);
}

ParameterizedTest(size_t *row, format_pickle, no_changed_byte_crashes_a_load)
{
    static const unsigned char masks[] = {0x01, 0x80, 0x25};
    struct weir_str whole = test_file_read(small_files[*row]);
    char *bytes = (char *)(uintptr_t)whole.at;
    size_t n_loaded = 0;
    for (size_t i = 0; i < whole.n; i++)
        for (size_t k = 0; k < sizeof masks; k++) {
            struct weir_model *model = NULL;
            bytes[i] = (char)(bytes[i] ^ masks[k]);
            n_loaded += weir_format_load_bytes(&model, bytes, whole.n, NULL, NULL, NULL) == WEIR_OK;
            weir_model_free(model);
            bytes[i] = (char)(bytes[i] ^ masks[k]);
        }
    /* Some bytes are data: changing those gives another model, not a broken file. */
    cr_log_info("%s: %zu of %zu changes still load", small_files[*row], n_loaded,
                whole.n * sizeof masks);
    test_file_free(whole);
}
