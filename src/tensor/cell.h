/* SPDX-License-Identifier: MIT */
/* Cells: how a row of mixed columns, numbers and text, is one row of doubles.
 *
 * A frame (WEIR_INPUT_FRAME) is batched as an n × f matrix of 8-byte cells. A number is itself. A
 * text, and the None of an object column, is a quiet NaN whose payload says so: sixteen tag bits
 * (IEEE 754-2019 §3.4 leaves payloads to us; arithmetic never makes these two, its NaNs are
 * 0x7ff8… and 0xfff8…), and for a text the address of its bytes in the lower 48 (user addresses of
 * x86-64 and AArch64 Linux have 47 and 48 bits). So numeric columns of a frame are read by the same
 * code as those of a matrix, and one layout, one batch and one stride serve both.
 *
 * Whoever fills cells from outside passes every number through weir_cell_number: no client can
 * forge an address. A node that takes text says so per column (node.columns); text never flows into
 * another node, where it would look like NaN. */
#ifndef WEIR_TENSOR_CELL_H
#define WEIR_TENSOR_CELL_H

#include "base/str.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A text that cells point to: it lives as long as the batch (or the model) that holds it. */
struct weir_cell_text {
    uint32_t n; /* bytes, without the NUL behind them */
    char at[];  /* UTF-8 */
};

#define WEIR_CELL_TAG_TEXT UINT64_C(0xfffa)
#define WEIR_CELL_TAG_NONE UINT64_C(0xfffb)

static inline uint64_t weir_cell_bits(double cell)
{
    uint64_t bits;
    memcpy(&bits, &cell, sizeof bits);
    return bits;
}

static inline double weir_cell_from_bits(uint64_t bits)
{
    double cell;
    memcpy(&cell, &bits, sizeof cell);
    return cell;
}

/* Returns a number as a cell; every NaN becomes the plain one. */
static inline double weir_cell_number(double v)
{
    return isnan(v) ? (double)NAN : v;
}

/* Returns the cell of a text; text is borrowed by the cell. */
static inline double weir_cell_from_text(const struct weir_cell_text *text)
{
    return weir_cell_from_bits(WEIR_CELL_TAG_TEXT << 48 | (uint64_t)(uintptr_t)text);
}

/* Returns the cell of None (JSON's null in a text column). */
static inline double weir_cell_none(void)
{
    return weir_cell_from_bits(WEIR_CELL_TAG_NONE << 48);
}

static inline bool weir_cell_is_text(double cell)
{
    return weir_cell_bits(cell) >> 48 == WEIR_CELL_TAG_TEXT;
}

static inline bool weir_cell_is_none(double cell)
{
    return weir_cell_bits(cell) >> 48 == WEIR_CELL_TAG_NONE;
}

/* Finds whether a cell is a number, NaN included. */
static inline bool weir_cell_is_number(double cell)
{
    return !weir_cell_is_text(cell) && !weir_cell_is_none(cell);
}

/* Returns the text of a text cell, NUL-terminated, borrowed. */
static inline struct weir_str weir_cell_text(double cell)
{
    uintptr_t address = (uintptr_t)(weir_cell_bits(cell) & UINT64_C(0xffffffffffff));
    const struct weir_cell_text *text = (const struct weir_cell_text *)address;
    return weir_str_make(text->at, text->n);
}

#endif
