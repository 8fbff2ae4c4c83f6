/* SPDX-License-Identifier: MIT */
#include "gate/verdict.h"

#include "base/clock.h"
#include "base/macros.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "gate/document.h"
#include "gate/report.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

enum { POINTS_MAX = 2000 }; /* of a curve: documents are kept and sent */

/* --- pieces ----------------------------------------------------------------------------------- */

static void put_text(struct weir_buf *buf, const char *name, struct weir_str text)
{
    if (text.n > 0)
        weir_codec_json_write_text(buf, name, text);
}

/* --- parts ------------------------------------------------------------------------------------ */

static void put_party(struct weir_buf *buf, const char *name, const struct weir_gate_party *party)
{
    weir_codec_json_write_open(buf, name, '{');
    put_text(buf, "digest", party->digest);
    put_text(buf, "version", party->version);
    put_text(buf, "file", party->file);
    weir_buf_append_byte(buf, '}');
}

static void put_holdout(struct weir_buf *buf, const struct weir_gate_case *c)
{
    const struct weir_gate_file *gate = c->job->gate;
    const struct weir_gate_holdout *h = &c->holdouts[WEIR_GATE_CANDIDATE];
    if (!gate || gate->holdout.n == 0)
        return;
    weir_codec_json_write_open(buf, "holdout", '{');
    put_text(buf, "file", gate->holdout);
    if (c->has_holdout[WEIR_GATE_CANDIDATE]) {
        put_text(buf, "digest", weir_str_c(h->digest));
        weir_codec_json_write_u64(buf, "rows", h->n);
    }
    if (c->job->n_uses > 0)
        weir_codec_json_write_u64(buf, "uses", c->job->n_uses);
    weir_buf_append_byte(buf, '}');
}

static void put_threshold(struct weir_buf *buf, const struct weir_gate_case *c)
{
    const struct weir_gate_verdict *v = c->out;
    if (!v->has_threshold)
        return;
    weir_codec_json_write_open(buf, "threshold", '{');
    put_text(buf, "policy", c->job->gate->threshold_text);
    weir_codec_json_write_f64(buf, "value", v->threshold);
    put_text(buf, "score_space", v->score_space);
    put_text(buf, "positive", v->positive);
    weir_buf_append_c(buf, ",\"apparent\":true}"); /* chosen on the rows it is measured on */
}

/* Tells where a side's numbers come from. */
static struct weir_gate_source source_of(const struct weir_gate_case *c, int side)
{
    const struct weir_gate_party *party = weir_gate_case_party(c, side);
    return (struct weir_gate_source){.model = party->file,
                                     .digest = party->digest,
                                     .data = c->job->gate->holdout,
                                     .policy = c->job->gate->threshold_text,
                                     .n_points_max = POINTS_MAX};
}

static void put_evaluation(struct weir_buf *buf, const char *name, const struct weir_gate_case *c,
                           int side)
{
    if (!c->has_evaluation[side])
        return;
    struct weir_gate_source source = source_of(c, side);
    weir_codec_json_write_key(buf, name);
    weir_gate_document_append(buf, &c->evaluations[side], &source, false);
}

static void put_delta(struct weir_buf *buf, const struct weir_gate_delta *d)
{
    weir_codec_json_write_open(buf, d->name, '{');
    weir_codec_json_write_f64(buf, "value", d->value);
    if (d->why)
        put_text(buf, "why", weir_str_c(d->why));
    if (d->has_interval) {
        weir_codec_json_write_pair(buf, "ci", d->low, d->high);
        weir_codec_json_write_f64(buf, "p", d->p);
        put_text(buf, "method", weir_str_c(d->method));
    }
    weir_buf_append_c(buf, ",\"paired\":true}");
}

static void put_compare(struct weir_buf *buf, const struct weir_gate_compare *compare)
{
    weir_codec_json_write_open(buf, "delta", '{');
    for (size_t i = 0; i < compare->n_deltas; i++)
        put_delta(buf, &compare->deltas[i]);
    weir_buf_append_byte(buf, '}');
    if (!compare->has_decisions)
        return;
    weir_codec_json_write_open(buf, "disagreements", '{');
    weir_codec_json_write_u64(buf, "count", compare->n_disagreements);
    weir_codec_json_write_u64(buf, "gained", compare->n_gained);
    weir_codec_json_write_u64(buf, "lost", compare->n_lost);
    weir_codec_json_write_f64(buf, "p", compare->p);
    weir_codec_json_write_key(buf, "rows"); /* lines of the holdout's file */
    for (size_t i = 0; i < compare->n_lines; i++)
        weir_buf_printf(buf, "%c%llu", i ? ',' : '[', (unsigned long long)compare->lines[i]);
    weir_buf_append_c(buf, compare->n_lines ? "]}" : "[]}");
}

/* Appends the times of batches of one size. */
static void put_times(struct weir_buf *buf, const struct weir_gate_latency *latency, size_t batch)
{
    static const char *const names[] = {"p50_ms", "p90_ms", "p95_ms", "p99_ms", "mean_ms"};
    static const char *const sides[] = {"candidate", "live"};
    char name[40];
    weir_codec_json_write_u64(buf, "batch", weir_gate_latency_batches[batch]);
    weir_codec_json_write_u64(buf, "n", latency->times[batch][0].n);
    for (size_t side = 0; side < (latency->has_live ? 2u : 1u); side++) {
        weir_codec_json_write_open(buf, sides[side], '{');
        for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++) {
            struct weir_gate_latency_number number_of;
            (void)snprintf(name, sizeof name, "latency.%s%s", batch ? "batch32." : "", names[i]);
            if (!weir_gate_latency_find(latency, weir_str_c(name), side == 1, .05, &number_of))
                continue;
            weir_codec_json_write_open(buf, names[i], '{');
            weir_codec_json_write_f64(buf, "value", number_of.value);
            if (number_of.why)
                put_text(buf, "why", weir_str_c(number_of.why));
            weir_codec_json_write_open(buf, "ci", '[');
            weir_codec_json_write_number(buf, number_of.low);
            weir_buf_append_byte(buf, ',');
            weir_codec_json_write_number(buf, number_of.high);
            weir_buf_append_c(buf, "]}");
        }
        weir_buf_append_byte(buf, '}');
    }
}

static void put_latency(struct weir_buf *buf, const struct weir_gate_case *c)
{
    bool is_first = true;
    if (!c->has_latency)
        return;
    weir_codec_json_write_open(buf, "latency", '[');
    for (size_t b = 0; b < WEIR_GATE_LATENCY_BATCHES; b++) {
        if (!c->latency.times[b][0].ms)
            continue;
        weir_buf_append_c(buf, is_first ? "{" : ",{");
        put_times(buf, &c->latency, b);
        weir_buf_append_byte(buf, '}');
        is_first = false;
    }
    weir_buf_append_byte(buf, ']');
}

static void put_seconds(struct weir_buf *buf, const struct weir_gate_case *c)
{
    weir_codec_json_write_open(buf, "seconds", '{');
    weir_codec_json_write_f64(buf, "score", (double)c->score_ns / (double)WEIR_NS_PER_S);
    weir_codec_json_write_f64(buf, "metrics", (double)c->metrics_ns / (double)WEIR_NS_PER_S);
    weir_codec_json_write_f64(buf, "latency", (double)c->latency_ns / (double)WEIR_NS_PER_S);
    weir_codec_json_write_f64(buf, "all",
                              (double)(weir_clock_ns() - c->begun_ns) / (double)WEIR_NS_PER_S);
    weir_buf_append_byte(buf, '}');
}

/* Writes a time as RFC 3339 has it, in UTC. */
static void append_time(struct weir_buf *buf, uint64_t wall_ns)
{
    char text[40];
    struct tm tm;
    time_t seconds = (time_t)(wall_ns / WEIR_NS_PER_S);
    if (gmtime_r(&seconds, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm) > 0)
        weir_buf_printf(buf, "%s.%03uZ", text,
                        (unsigned)(wall_ns % WEIR_NS_PER_S / WEIR_NS_PER_MS));
}

/* Appends a word for a shell, in quotes where it needs them. */
static void put_word(struct weir_buf *buf, struct weir_str text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./:+,=@";
    bool is_plain = text.n > 0;
    for (size_t i = 0; i < text.n; i++)
        is_plain = is_plain && text.at[i] && strchr(plain, text.at[i]);
    weir_buf_append_byte(buf, ' ');
    if (is_plain) {
        weir_buf_append_str(buf, text);
        return;
    }
    weir_buf_append_byte(buf, '\'');
    for (size_t i = 0; i < text.n; i++) {
        if (text.at[i] == '\'')
            weir_buf_append_c(buf, "'\\''");
        else
            weir_buf_append_byte(buf, text.at[i]);
    }
    weir_buf_append_byte(buf, '\'');
}

/* Writes the command that judges the same again. */
static void append_command(struct weir_buf *buf, const struct weir_gate_job *job)
{
    if (job->candidate.file.n == 0 || !job->gate || !job->gate->is_file)
        return;
    weir_buf_append_c(buf, "weir check");
    put_word(buf, job->candidate.file);
    weir_buf_append_c(buf, " --gate");
    put_word(buf, job->gate->name);
    if (job->live.model && job->live.file.n > 0) {
        weir_buf_append_c(buf, " --live");
        put_word(buf, job->live.file);
    }
}

/* --- the whole -------------------------------------------------------------------------------- */

void weir_gate_verdict_append(struct weir_buf *buf, const struct weir_gate_case *c)
{
    const struct weir_gate_job *job = c->job;
    const struct weir_gate_verdict *v = c->out;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf begun = WEIR_BUF_INIT;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf command = WEIR_BUF_INIT;
    weir_buf_append_c(buf, "{\"schema\":\"gate/1\"");
    put_text(buf, "model", job->model);
    put_text(buf, "verdict", weir_str_c(weir_gate_judge_result_name(v->result)));
    put_text(buf, "code", weir_str_c(weir_gate_judge_code_name(v->code)));
    put_text(buf, "reason", weir_str_c(v->reason));
    put_party(buf, "candidate", &job->candidate);
    if (job->live.model)
        put_party(buf, "live", &job->live);
    else
        weir_buf_append_c(buf, ",\"live\":null");
    put_holdout(buf, c);
    weir_codec_json_write_key(buf, "rules");
    if (c->has_judgement)
        weir_gate_rules_append(&c->judgement, buf);
    else
        weir_buf_append_c(buf, "[]");
    put_threshold(buf, c);
    put_evaluation(buf, "evaluation", c, WEIR_GATE_CANDIDATE);
    put_evaluation(buf, "live_evaluation", c, WEIR_GATE_LIVE);
    if (c->has_compare)
        put_compare(buf, &c->compare);
    put_latency(buf, c);
    put_seconds(buf, c);
    append_time(&begun, c->begun_wall_ns);
    append_command(&command, job);
    put_text(buf, "begun", weir_buf_str(&begun));
    put_text(buf, "command", weir_buf_str(&command));
    buf->failed = buf->failed || !weir_buf_ok(&begun) || !weir_buf_ok(&command);
    weir_buf_append_byte(buf, '}');
}

void weir_gate_verdict_report(struct weir_buf *buf, const struct weir_gate_case *c)
{
    const struct weir_gate_job *job = c->job;
    const struct weir_gate_verdict *v = c->out;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf begun = WEIR_BUF_INIT;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf command = WEIR_BUF_INIT;
    struct weir_gate_source sources[WEIR_GATE_SIDES];
    struct weir_gate_report_number numbers[WEIR_GATE_RULINGS_EXTRAS_MAX];
    append_time(&begun, c->begun_wall_ns);
    append_command(&command, job);
    struct weir_gate_report report = {
        .compare = c->has_compare ? &c->compare : NULL,
        .rules = c->has_judgement ? &c->judgement : NULL,
        .verdict = weir_str_c(weir_gate_judge_result_name(v->result)),
        .code = weir_str_c(weir_gate_judge_code_name(v->code)),
        .reason = weir_str_c(v->reason),
        .numbers = numbers,
        .holdout_uses = job->n_uses,
        .begun = weir_buf_str(&begun),
        .command = weir_buf_str(&command),
    };
    struct weir_gate_report_side *const sides[] = {&report.candidate, &report.live};
    for (int side = 0; side < WEIR_GATE_SIDES; side++) {
        sources[side] = source_of(c, side);
        sides[side]->evaluation = c->has_evaluation[side] ? &c->evaluations[side] : NULL;
        sides[side]->source = c->has_evaluation[side] ? &sources[side] : NULL;
    }
    for (size_t i = 0; c->has_latency && i < c->measured.n_extras; i++) {
        const struct weir_gate_rules_extra *e = &c->extras[i];
        if (weir_gate_latency_batch_of(weir_str_c(e->name)) && !isnan(e->candidate))
            numbers[report.n_numbers++] =
                (struct weir_gate_report_number){e->name, e->candidate, e->live};
    }
    if (job->wants_report)
        weir_gate_report_append(buf, &report);
    if (job->show)
        job->show(job->ctx, &report);
    buf->failed = buf->failed || !weir_buf_ok(&begun) || !weir_buf_ok(&command);
}
