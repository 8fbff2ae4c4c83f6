/* SPDX-License-Identifier: MIT */
/* The descriptors of our services: a FileDescriptorSet, made by protoc from the files in proto/. */
#ifndef WEIR_PROTOCOL_GRPC_DESCRIPTORS_H
#define WEIR_PROTOCOL_GRPC_DESCRIPTORS_H

#include <stddef.h>

extern const unsigned char weir_protocol_grpc_descriptors[];
extern const size_t weir_protocol_grpc_descriptors_bytes;

#endif
