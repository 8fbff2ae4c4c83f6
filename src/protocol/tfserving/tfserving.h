/* SPDX-License-Identifier: MIT */
/* TensorFlow Serving's REST interface and KServe's v1 protocol, which share their paths. */
#ifndef WEIR_PROTOCOL_TFSERVING_TFSERVING_H
#define WEIR_PROTOCOL_TFSERVING_TFSERVING_H

#include "protocol/dialect.h"

extern const struct weir_protocol_ops weir_protocol_tfserving;

#endif
