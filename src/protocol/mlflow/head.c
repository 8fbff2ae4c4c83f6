/* SPDX-License-Identifier: MIT */
/* Content-Type and Accept: here, and on no other route, they choose the form of body and answer. */
#include "base/macros.h"
#include "protocol/mlflow/mlflow_priv.h"
#include "protocol/v2/v2.h"

/* Takes the next part before a separator, without white space around it. */
static struct weir_str next_part(struct weir_str *rest, char separator)
{
    return weir_str_trim(weir_str_split(rest, separator));
}

static int refuse_type(struct weir_error *err, const char *what, struct weir_str echoed)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    weir_str_echo(echoed, echo, sizeof echo);
    (void)weir_error_set(err, WEIR_ERR_UNSUPPORTED, "%s\"%s\"", what, echo);
    return 415;
}

/* Reads the parameters of a media type; 0, or 415. */
static int read_parameters(struct weir_str rest, struct weir_protocol_head *head,
                           struct weir_error *err)
{
    while (rest.at) {
        struct weir_str value = next_part(&rest, ';');
        if (value.n == 0)
            continue;
        struct weir_str name = weir_str_trim(weir_str_split(&value, '='));
        value = value.at ? weir_str_trim(value) : WEIR_STR("");
        if (value.n >= 2 && value.at[0] == '"' && value.at[value.n - 1] == '"')
            value = weir_str_make(value.at + 1, value.n - 2);
        bool is_csv = head->media >= WEIR_PROTOCOL_MLFLOW_CSV;
        if (weir_str_eq_nocase(name, WEIR_STR("charset"))) {
            if (!weir_str_eq_nocase(value, WEIR_STR("utf-8")))
                return refuse_type(err, "only UTF-8 is understood, not ", value);
        } else if (is_csv && weir_str_eq_nocase(name, WEIR_STR("header")) &&
                   (weir_str_eq_nocase(value, WEIR_STR("present")) ||
                    weir_str_eq_nocase(value, WEIR_STR("absent")))) {
            head->media =
                value.n == 7 ? WEIR_PROTOCOL_MLFLOW_CSV_HEADER : WEIR_PROTOCOL_MLFLOW_CSV_HEADLESS;
        } else if (!is_csv || !weir_str_eq_nocase(name, WEIR_STR("label_size")) ||
                   !weir_str_eq_c(value, "0")) {
            return refuse_type(err, "unrecognized content type parameter ", name);
        }
    }
    return 0;
}

static const struct {
    struct weir_str type;
    uint8_t media;
} types[] = {
    {{"application/json", 16}, WEIR_PROTOCOL_MLFLOW_JSON},
    {{"text/csv", 8}, WEIR_PROTOCOL_MLFLOW_CSV},
    {{"application/jsonlines", 21}, WEIR_PROTOCOL_MLFLOW_LINES},
    {{"application/jsonlines+json", 26}, WEIR_PROTOCOL_MLFLOW_LINES},
};

static int read_content_type(struct weir_str rest, struct weir_protocol_head *head,
                             struct weir_error *err)
{
    struct weir_str whole = rest;
    if (weir_protocol_v2_media_length(rest, &head->json_bytes)) {
        head->media = WEIR_PROTOCOL_MLFLOW_TRITON;
        return 0;
    }
    struct weir_str type = next_part(&rest, ';');
    for (size_t i = 0; i < WEIR_ARRAY_LEN(types); i++) {
        if (weir_str_eq_nocase(type, types[i].type)) {
            head->media = types[i].media;
            return read_parameters(rest, head, err);
        }
    }
    return refuse_type(err,
                       "this route takes text/csv, application/json and application/jsonlines, "
                       "not ",
                       whole);
}

/* Reads the weight of a media range in thousandths (RFC 9110, 12.4.2). */
static unsigned read_weight(struct weir_str rest)
{
    while (rest.at) {
        struct weir_str value = next_part(&rest, ';');
        if (value.n < 2 || (value.at[0] | 0x20) != 'q' || value.at[1] != '=')
            continue;
        unsigned weight = 0;
        unsigned scale = 1000;
        for (size_t i = 2; i < value.n; i++) {
            if (value.at[i] == '.')
                continue;
            weight += (unsigned)(value.at[i] - '0') % 10 * scale;
            scale /= 10;
        }
        return weight;
    }
    return 1000;
}

/* Chooses the form of the answer: of those that are understood the one with the highest weight, the
 * first of equals. What asks for none of them is answered as if it asked for nothing, as MLflow
 * does. */
static uint8_t read_accept(struct weir_str rest)
{
    uint8_t found = WEIR_PROTOCOL_MLFLOW_JSON;
    unsigned best = 0;
    while (rest.at) {
        struct weir_str range = next_part(&rest, ',');
        struct weir_str type = next_part(&range, ';');
        unsigned weight = range.at ? read_weight(range) : 1000;
        bool is_any = weir_str_eq_c(type, "*/*") || weir_str_eq_c(type, "application/*");
        if (weight <= best)
            continue;
        if (is_any) {
            found = WEIR_PROTOCOL_MLFLOW_JSON;
            best = weight;
        }
        for (size_t i = 0; i < WEIR_ARRAY_LEN(types); i++) {
            if (weir_str_eq_nocase(type, types[i].type)) {
                found = types[i].media;
                best = weight;
            }
        }
    }
    return found;
}

int weir_protocol_mlflow_head(const struct weir_protocol_fields *fields,
                              struct weir_protocol_head *head, struct weir_error *err)
{
    /* Without a type the body is taken for JSON: what is none is refused as such. */
    int code = fields->content_type.n > 0 ? read_content_type(fields->content_type, head, err) : 0;
    if (code == 0)
        head->accept = read_accept(fields->accept);
    return code;
}
