/* SPDX-License-Identifier: MIT */
/* Floating-point numbers of 16 bits. Threads: any. */
#ifndef WEIR_CODEC_HALF_H
#define WEIR_CODEC_HALF_H

#include <stdint.h>

/* Rounds to IEEE 754 binary16, ties to even; from 65520 on infinity. NaN is 0x7e00. */
uint16_t weir_codec_half_of(double v);

/* Returns the value of a binary16, exactly. */
float weir_codec_half_value(uint16_t half);

/* Rounds to bfloat16, the upper half of a float, ties to even. NaN is 0x7fc0. */
uint16_t weir_codec_half_brain_of(double v);

/* Returns the value of a bfloat16, exactly. */
float weir_codec_half_brain_value(uint16_t brain);

#endif
