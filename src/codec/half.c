/* SPDX-License-Identifier: MIT */
#include "codec/half.h"

#include <math.h>
#include <string.h>

uint16_t weir_codec_half_of(double v)
{
    uint16_t sign = signbit(v) ? 0x8000 : 0;
    double a = fabs(v);
    if (isnan(v))
        return 0x7e00;
    if (a >= 65520.0)
        return sign | 0x7c00;
    if (a < 0x1p-14) /* subnormal: units of 2^−24; 1024 of them are the smallest normal number */
        return (uint16_t)(sign | (uint16_t)nearbyint(a * 0x1p24));
    int exponent = ilogb(a);
    uint16_t digits = (uint16_t)nearbyint(ldexp(a, 10 - exponent)); /* 1024 … 2048 */
    return (uint16_t)(sign | (((exponent + 15) << 10) + (digits - 1024)));
}

float weir_codec_half_value(uint16_t half)
{
    uint32_t exponent = half >> 10 & 31;
    uint32_t digits = half & 1023;
    float v = exponent == 0    ? ldexpf((float)digits, -24)
              : exponent == 31 ? (digits ? NAN : INFINITY)
                               : ldexpf((float)(digits + 1024), (int)exponent - 25);
    return half & 0x8000 ? -v : v;
}

uint16_t weir_codec_half_brain_of(double v)
{
    float narrow = (float)v;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    if (isnan(v))
        return 0x7fc0;
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

float weir_codec_half_brain_value(uint16_t brain)
{
    uint32_t bits = (uint32_t)brain << 16;
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}
