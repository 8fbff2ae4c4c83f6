/* SPDX-License-Identifier: MIT */
/* Numbers with units as people write them in files: times ("250ms", "1.5h") and sizes ("16MiB"). */
#ifndef WEIR_BASE_UNIT_H
#define WEIR_BASE_UNIT_H

#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Reads a time with its unit (d, h, m, s, ms, us, ns; 0 needs none) as nanoseconds. false: it is
 * none, no whole number of nanoseconds, or too large; *out_ns is then unchanged. */
bool weir_unit_read_duration(struct weir_str text, uint64_t *out_ns);

/* Reads a size with its unit (KiB … TiB, KB … TB, B or none) as bytes. false: as above. */
bool weir_unit_read_size(struct weir_str text, uint64_t *out);

/* Write in the largest unit that gives a whole number: "250ms", "16MiB". */
void weir_unit_write_duration(uint64_t ns, struct weir_buf *out);
void weir_unit_write_size(uint64_t bytes, struct weir_buf *out);

#endif
