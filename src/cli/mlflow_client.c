/* SPDX-License-Identifier: MIT */
#include "cli/mlflow_client.h"

#include "base/clock.h"
#include "base/macros.h"
#include "codec/base64.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    TRIES = 3,
    HOST_BYTES_MAX = 253,
    STATUS_BUSY = 429,
    STATUS_UNAVAILABLE = 503,
    MESSAGE_BYTES = 120
};

static const uint64_t TIMEOUT_NS = 60 * WEIR_NS_PER_S;
static const uint64_t PAUSES_NS[TRIES - 1] = {200 * WEIR_NS_PER_MS, WEIR_NS_PER_S};

/* --- the address ------------------------------------------------------------------------------ */

/* Parts "host:port", "[::1]:port", either without a port. */
static enum weir_status split_host(struct weir_str text, struct weir_str *host,
                                   struct weir_str *port, struct weir_error *err)
{
    bool is_quoted = text.n > 0 && text.at[0] == '[';
    const char *end = is_quoted ? memchr(text.at, ']', text.n) : NULL;
    size_t n_host = end ? (size_t)(end - text.at) + 1 : 0;
    struct weir_str rest = weir_str_make(text.at + n_host, text.n - n_host);
    struct weir_str before = weir_str_split(&rest, ':');
    *host = end ? weir_str_make(text.at + 1, n_host - 2) : before;
    *port = rest.at ? rest : WEIR_STR("80");
    uint64_t number;
    if (host->n == 0 || host->n > HOST_BYTES_MAX || (is_quoted && (!end || before.n > 0)) ||
        memchr(host->at, '@', host->n) || !weir_str_to_u64(*port, 65535, &number) || number == 0)
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "expected http://HOST[:PORT][/PREFIX]; credentials are taken from "
                              "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD or "
                              "MLFLOW_TRACKING_TOKEN");
    return WEIR_OK;
}

static enum weir_status look_up(struct weir_cli_mlflow_client *m, struct weir_str host,
                                struct weir_str port, struct weir_error *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char name[HOST_BYTES_MAX + 1];
    char service[8];
    (void)snprintf(name, sizeof name, "%.*s", WEIR_STR_ARG(host));
    (void)snprintf(service, sizeof service, "%.*s", WEIR_STR_ARG(port));
    int code = getaddrinfo(name, service, &hints, &found);
    if (code != 0)
        return weir_error_set(err, WEIR_ERR_NOT_FOUND, "%s: %s", name, gai_strerror(code));
    for (struct addrinfo *a = found; a && m->n_addresses < WEIR_CLI_MLFLOW_ADDRESSES_MAX;
         a = a->ai_next) {
        if (a->ai_family == AF_INET || a->ai_family == AF_INET6)
            weir_addr_from_sockaddr(&m->addresses[m->n_addresses++].addr, a->ai_addr,
                                    a->ai_addrlen);
    }
    freeaddrinfo(found);
    return m->n_addresses > 0
               ? WEIR_OK
               : weir_error_set(err, WEIR_ERR_NOT_FOUND, "%s: it has no address", name);
}

static bool is_printable(struct weir_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.at[i] <= ' ' || text.at[i] == 0x7f)
            return false;
    }
    return true;
}

static enum weir_status read_credentials(struct weir_cli_mlflow_client *m, struct weir_error *err)
{
    const char *user = getenv("MLFLOW_TRACKING_USERNAME");
    const char *password = getenv("MLFLOW_TRACKING_PASSWORD");
    const char *token = getenv("MLFLOW_TRACKING_TOKEN");
    if (user && user[0] && password && password[0]) {
        struct weir_buf both = WEIR_BUF_INIT;
        weir_buf_printf(&both, "%s:%s", user, password);
        weir_buf_append_c(&m->authorization, "Authorization: Basic ");
        weir_codec_base64_encode(weir_buf_str(&both), &m->authorization);
        weir_buf_append_c(&m->authorization, "\r\n");
        m->authorization.failed |= both.failed;
        weir_buf_deinit(&both);
    } else if (token && token[0]) {
        if (!is_printable(weir_str_c(token)))
            return weir_error_set(err, WEIR_ERR_INVALID,
                                  "MLFLOW_TRACKING_TOKEN has a space or a control character");
        weir_buf_printf(&m->authorization, "Authorization: Bearer %s\r\n", token);
    }
    return WEIR_OK;
}

enum weir_status weir_cli_mlflow_client_open(struct weir_cli_mlflow_client *m, const char *url,
                                             struct weir_error *err)
{
    static const struct weir_str scheme = {"http://", 7};
    struct weir_str rest = weir_str_c(url);
    struct weir_str port;
    struct weir_str name;
    *m = (struct weir_cli_mlflow_client){.has_loop = false};
    weir_codec_json_init(&m->json, NULL, NULL);
    if (weir_str_starts(rest, WEIR_STR("https://")))
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                              "https is not supported: weir opens no TLS connections; give the "
                              "http:// address of the server, or of a proxy on this machine");
    if (!weir_str_starts(rest, scheme) || !is_printable(rest))
        return weir_error_set(err, WEIR_ERR_INVALID, "expected http://HOST[:PORT][/PREFIX]");
    rest = weir_str_make(rest.at + scheme.n, rest.n - scheme.n);
    struct weir_str host = weir_str_split(&rest, '/');
    enum weir_status status = split_host(host, &name, &port, err);
    if (status == WEIR_OK)
        status = look_up(m, name, port, err);
    if (status == WEIR_OK)
        status = read_credentials(m, err);
    if (status == WEIR_OK)
        status = weir_loop_init(&m->loop, NULL, err);
    m->has_loop = status == WEIR_OK;
    while (rest.n > 0 && rest.at[rest.n - 1] == '/')
        rest.n--;
    weir_buf_append_str(&m->host, host);
    weir_buf_printf(&m->base, "%s%.*s", rest.n > 0 ? "/" : "", WEIR_STR_ARG(rest));
    if (status == WEIR_OK &&
        (!weir_buf_ok(&m->host) || !weir_buf_ok(&m->base) || !weir_buf_ok(&m->authorization)))
        status = weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    return status;
}

void weir_cli_mlflow_client_close(struct weir_cli_mlflow_client *m)
{
    if (m->has_loop)
        weir_loop_deinit(&m->loop);
    weir_buf_deinit(&m->host);
    weir_buf_deinit(&m->base);
    weir_buf_deinit(&m->authorization);
    weir_buf_deinit(&m->request);
    weir_buf_deinit(&m->answer.body);
    weir_codec_json_deinit(&m->json);
    m->has_loop = false;
}

/* --- calls ------------------------------------------------------------------------------------ */

static void pause_ns(uint64_t ns)
{
    struct timespec t = {.tv_sec = (time_t)(ns / WEIR_NS_PER_S),
                         .tv_nsec = (long)(ns % WEIR_NS_PER_S)};
    (void)nanosleep(&t, NULL); /* A shorter pause is fine. */
}

/* Asks the addresses in turn, beginning with the one that answered last. */
static enum weir_status ask(struct weir_cli_mlflow_client *m, struct weir_error *err)
{
    enum weir_status status = WEIR_ERR_IO;
    for (size_t i = 0; i < m->n_addresses; i++) {
        status = weir_cli_fetch(&m->loop, &m->addresses[m->address], weir_buf_str(&m->request),
                                TIMEOUT_NS, &m->answer, err);
        if (status == WEIR_OK || !m->answer.is_unsent)
            break;
        m->address = (m->address + 1) % m->n_addresses;
    }
    return status;
}

bool weir_cli_mlflow_client_get(const struct weir_cli_mlflow_client *m, const char *const *names,
                                size_t n, struct weir_buf *out)
{
    const char *value = m->json.root;
    size_t before = out->n;
    for (size_t i = 0; i < n; i++)
        value = weir_cli_fetch_member(&m->json, value, names[i]);
    if (value && weir_codec_json_kind(value) == WEIR_CODEC_JSON_STRING)
        weir_codec_json_unescape(weir_codec_json_string(value), out);
    else if (value && weir_codec_json_kind(value) == WEIR_CODEC_JSON_NUMBER)
        weir_buf_append_str(out, weir_codec_json_token(value, m->json.end));
    return out->n > before;
}

/* Copies what a server says as one line of a message. */
static const char *tame(struct weir_str text, char out[MESSAGE_BYTES])
{
    size_t n = weir_min_size(text.n, MESSAGE_BYTES - 1);
    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)text.at[i] < ' ' || text.at[i] == 0x7f ? ' ' : text.at[i];
    out[n] = '\0';
    return out;
}

/* Reads what an answer that is no success says. */
static enum weir_status refuse(struct weir_cli_mlflow_client *m, const char *method,
                               const char *path, struct weir_error *err)
{
    static const char *const code_name[] = {"error_code"};
    static const char *const message_name[] = {"message"};
    struct weir_buf code = WEIR_BUF_INIT;
    struct weir_buf message = WEIR_BUF_INIT;
    char line[MESSAGE_BYTES];
    int n_path = (int)strcspn(path, "?");
    enum weir_status status = WEIR_ERR_IO;
    bool is_told = weir_cli_mlflow_client_get(m, message_name, 1, &message);
    (void)weir_cli_mlflow_client_get(m, code_name, 1, &code); /* Old servers have none. */
    if (weir_str_eq(weir_buf_str(&code), WEIR_STR("RESOURCE_DOES_NOT_EXIST")))
        status = WEIR_ERR_NOT_FOUND;
    if (weir_str_eq(weir_buf_str(&code), WEIR_STR("RESOURCE_ALREADY_EXISTS")))
        status = WEIR_ERR_EXISTS;
    status = weir_error_set(
        err, status, "%s %.*s: status %d: %s%s", method, n_path, path, m->answer.status,
        tame(is_told ? weir_buf_str(&message) : weir_buf_str(&m->answer.body), line),
        m->answer.status == 401 || m->answer.status == 403
            ? " (set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
              "MLFLOW_TRACKING_TOKEN)"
            : "");
    weir_buf_deinit(&code);
    weir_buf_deinit(&message);
    return status;
}

enum weir_status weir_cli_mlflow_client_call(struct weir_cli_mlflow_client *m, const char *method,
                                             const char *path, const char *type,
                                             struct weir_str body, struct weir_error *err)
{
    enum weir_status status = WEIR_ERR_IO;
    weir_buf_clear(&m->request);
    weir_buf_printf(&m->request, "%s %s%s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: weir\r\n", method,
                    weir_buf_c(&m->base), path, WEIR_STR_ARG(weir_buf_str(&m->host)));
    weir_buf_append_str(&m->request, weir_buf_str(&m->authorization));
    if (strcmp(method, "GET") != 0)
        weir_buf_printf(&m->request, "Content-Type: %s\r\nContent-Length: %zu\r\n",
                        type ? type : "application/json", body.n);
    weir_buf_append_c(&m->request, "\r\n");
    weir_buf_append_str(&m->request, body);
    if (!weir_buf_ok(&m->request))
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    for (int i = 0; i < TRIES; i++) {
        if (i > 0)
            pause_ns(PAUSES_NS[i - 1]);
        m->answer.status = 0;
        status = ask(m, err);
        bool is_busy = m->answer.status == STATUS_BUSY || m->answer.status == STATUS_UNAVAILABLE;
        if (status == WEIR_OK ? !is_busy : !m->answer.is_unsent)
            break;
    }
    if (status != WEIR_OK)
        return status;
    m->json.root = NULL;
    bool is_good = m->answer.status >= 200 && m->answer.status < 300;
    status = weir_codec_json_scan(&m->json, weir_buf_str(&m->answer.body), is_good ? err : NULL);
    if (!is_good)
        return refuse(m, method, path, err);
    return status == WEIR_OK || m->answer.body.n == 0
               ? WEIR_OK
               : weir_error_prefix(err, "%s %s", method, path);
}
