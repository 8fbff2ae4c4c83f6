/* SPDX-License-Identifier: MIT */
/* The inside of the repository, for its files: repo.c (scans, loads, tables) and repo_gate.c. */
#ifndef WEIR_REPO_REPO_PRIV_H
#define WEIR_REPO_REPO_PRIV_H

#include "loop/timer.h"
#include "repo/gate_log.h"
#include "repo/loader.h"
#include "repo/repo.h"
#include "repo/table.h"
#include "repo/watch.h"

struct weir_repo {
    struct weir_loop *loop;
    const struct weir_config *config;
    struct weir_repo_callbacks callbacks;
    struct weir_repo_scanner scanner;
    struct weir_repo_watch watch;
    struct weir_repo_step *step;
    struct weir_repo_loader *loader;
    struct weir_repo_state_dir state;
    struct weir_repo_judge *judge;
    struct weir_repo_verdicts verdicts;
    struct weir_repo_gates gates;
    struct weir_repo_gate_log gate_log;
    uint64_t judged_number, judged_live_number; /* of the judging under way */
    struct weir_version *judged;                /* its candidate: not published yet */
    bool is_judging;
    struct weir_timer timer;
    struct weir_repo_table_box *tables; /* newest first; never NULL after new */
    struct weir_repo_counters counters;
    uint64_t scan_began_ns, scan_ended_ns;
    uint64_t n_state_failures;
    uint64_t n_publishes;
    uint32_t n_closing; /* handles whose close callback is still to come */
    bool is_scan_wanted;
    bool is_hangup; /* for the next scan */
    bool is_started, is_stopping, is_closing, is_stopped;
    bool is_pumping, is_pump_wanted;
    bool was_watch_limited, was_state_failing, was_store_failing;
};

/* Does what the machine said, until there is nothing more to do. */
void weir_repo_pump(struct weir_repo *repo);

/* Tells of a problem that has no model. */
void weir_repo_tell_problem(struct weir_repo *repo, enum weir_repo_event_kind kind,
                            const char *reason);

/* Closes what is left once the threads have ended. */
void weir_repo_close_when_ended(struct weir_repo *repo);

/* Opens the store of verdicts and the judge, which is not started yet; after the state directory.
 * WEIR_ERR_IO, WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_repo_gate_open(struct weir_repo *repo);

/* The actions JUDGE, CANCEL and NOTE. */
void weir_repo_gate_act(struct weir_repo *repo, const struct weir_repo_action *action);

#endif
