/* SPDX-License-Identifier: MIT */
/* The query of /metrics: which part of the page is asked for. Pure. */
#ifndef WEIR_SERVER_SELECTION_H
#define WEIR_SERVER_SELECTION_H

#include "base/buf.h"
#include "metric/selection.h"

/* Reads a percent-encoded query: `name[]=FAMILY`, `sum[]=FAMILY` (as a name, added up over models
 * and versions), `model=MODEL`. Without these it is everything. room takes the decoded texts and
 * lives as long as the selection. WEIR_ERR_INVALID: another key, or too many families;
 * WEIR_ERR_NO_MEMORY.
 */
WEIR_MUST_USE enum weir_status weir_server_selection_read(struct weir_metric_selection *selection,
                                                          struct weir_str query,
                                                          struct weir_buf *room,
                                                          struct weir_error *err);

#endif
