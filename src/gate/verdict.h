/* SPDX-License-Identifier: MIT */
/* A verdict as a JSON document, "schema": "gate/1".
 *
 *     {"schema":"gate/1","model":"churn","verdict":"fail","code":"rule_failed","reason":"…",
 *      "candidate":{"digest":…,"version":…,"file":…},"live":{…}|null,
 *      "holdout":{"file","digest","rows","uses"}|absent,"rules":[{"text","name","severity",
 *      "result","candidate","live","ci","why"}],"threshold":{…}|absent,"evaluation":{eval/1},
 *      "live_evaluation":{eval/1}|absent,"delta":{"roc_auc":{"value","ci","p","paired":true}},
 *      "disagreements":{"count","rows":[…]},"latency":[{"batch":1,"n":1000,"candidate":{…},"live":{…}}],"seconds":{"score","metrics",…},
 *      "begun":"2026-01-05T10:00:00.123Z","command":"weir check …"} */
#ifndef WEIR_GATE_VERDICT_H
#define WEIR_GATE_VERDICT_H

#include "gate/judge_priv.h"

/* Appends the document of a decided case. Look at weir_buf_ok afterwards. */
void weir_gate_verdict_append(struct weir_buf *buf, const struct weir_gate_case *c);

/* Shows a decided case with a measured candidate: appends the HTML report where one is wanted, and
 * gives it to whoever else wants to see. Look at weir_buf_ok afterwards. */
void weir_gate_verdict_report(struct weir_buf *buf, const struct weir_gate_case *c);

#endif
