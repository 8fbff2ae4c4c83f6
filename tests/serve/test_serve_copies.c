/* SPDX-License-Identifier: MIT */
/* How often the bytes of a large tensor are copied between the socket and the model. */
#include "base/buf.h"
#include "test_server.h"
#include "test_tmp.h"

#include <criterion/criterion.h>

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { N_VALUES = 3 * 224 * 224, N_BYTES = N_VALUES * 4, N_FEW = 3, N_MORE = 20 };

/* An ONNX graph: float image [n,3,224,224] → GlobalAveragePool → float mean [n,3,1,1]. */
static const char graph[] =
    "\010\010:j\012 \012\005image\022\004mean\042\021GlobalAveragePool\022\001gZ\042\012\005image"
    "\022\031\012\027\010\001\022\023\012\003\022\001n\012\002\010\003\012\003\010\340\001\012\003"
    "\010\340\001b\037\012\004mean\022\027\012\025\010\001\022\021\012\003\022\001n\012\002\010"
    "\003\012\002\010\001\012\002\010\001B\004\012\000\020\015";

static struct weir_test_server server;

/* A request; *head_bytes: where its body begins. It waits for 100 Continue if it expects. */
static struct weir_buf make_request(bool expects, size_t *head_bytes)
{
    static float values[N_VALUES];
    struct weir_buf request = WEIR_BUF_INIT;
    char json[256];
    int n =
        snprintf(json, sizeof json,
                 "{\"inputs\":[{\"name\":\"image\",\"shape\":[1,3,224,224],\"datatype\":\"FP32\","
                 "\"parameters\":{\"binary_data_size\":%d}}]}",
                 N_BYTES);
    for (int i = 0; i < N_VALUES; i++)
        values[i] = (float)(1 + i / (224 * 224));
    weir_buf_printf(&request,
                    "POST /v2/models/image/infer HTTP/1.1\r\nHost: a\r\n%s"
                    "Inference-Header-Content-Length: %d\r\nContent-Length: %d\r\n\r\n%s",
                    expects ? "Expect: 100-continue\r\n" : "", n, n + N_BYTES, json);
    *head_bytes = request.n - (size_t)n;
    weir_buf_append(&request, values, sizeof values);
    cr_assert(weir_buf_ok(&request));
    return request;
}

/* Starts a server with the counter in it, asks n times, and returns what was copied in all. */
static double copied_for(const char *models, bool expects, int n)
{
    size_t head_bytes;
    struct weir_buf request = make_request(expects, &head_bytes);
    char report[PATH_MAX];
    (void)snprintf(report, sizeof report, "%s/.copies", models);
    (void)setenv("COPIES_FILE", report, 1);
    (void)setenv("LD_PRELOAD", getenv("WEIR_COPIES"), 1);
    weir_test_server_start(&server, (const char *const[]){models, "--state-dir", "off", "--workers",
                                                          "1", "--loops", "1", NULL});
    (void)unsetenv("LD_PRELOAD");
    weir_test_server_wait_ready(&server);
    int fd = weir_test_server_connect(server.port);
    for (int i = 0; i < n; i++) {
        struct weir_test_answer answer = {0};
        weir_test_server_send(fd, request.at, head_bytes);
        char interim[64];
        if (expects)
            cr_assert_gt(recv(fd, interim, sizeof interim, 0), 0);
        weir_test_server_send(fd, request.at + head_bytes, request.n - head_bytes);
        cr_assert(weir_test_server_receive(fd, &answer));
        cr_assert_eq(answer.status, 200, "%s", answer.body);
        cr_assert_not_null(strstr(answer.body, "\"shape\":[1,3,1,1]"), "%s", answer.body);
        weir_test_answer_deinit(&answer);
    }
    close(fd);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
    double bytes = -1;
    FILE *f = fopen(report, "r");
    cr_assert(f && fscanf(f, "%lf", &bytes) == 1, "%s", report);
    (void)fclose(f);
    weir_buf_deinit(&request);
    return bytes;
}

Test(serve_copies, a_large_binary_tensor_is_copied_once)
{
    if (!getenv("WEIR_ONNXRUNTIME_LIBRARY"))
        cr_skip_test("ONNX Runtime is not there");
    if (!getenv("WEIR_COPIES"))
        cr_skip_test("nothing can be preloaded beside a sanitizer");
    struct weir_test_tmp tmp;
    weir_test_tmp_init(&tmp);
    weir_test_tmp_write(&tmp, "image.onnx", graph, sizeof graph - 1);
    for (int expects = 0; expects < 2; expects++) {
        double few = copied_for(tmp.path, expects, N_FEW);
        double more = copied_for(tmp.path, expects, N_FEW + N_MORE);
        double each = (more - few) / N_MORE / N_BYTES;
        (void)fprintf(stderr, "each tensor was copied %.3f times\n", each);
        /* What comes in one read with the head, 64 KiB at most, is taken from there once more. */
        cr_assert_leq(each, expects ? 1.03 : 1.03 + 65536.0 / N_BYTES, "%.3f times", each);
        cr_assert_geq(each, 0.9, "the counter does not count: %.3f times", each);
    }
    weir_test_tmp_deinit(&tmp);
}
