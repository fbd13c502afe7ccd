/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packets.h - input that arrives in pieces
 *
 * Purpose:   a descriptor from which each read brings a piece of a chosen size, as a pipe may.
 * Source:    pipe(2), O_DIRECT.
 * Ownership: the caller closes the descriptor.
 * Errors:    assertions.
 * Threads:   reentrant.
 */
#ifndef DSN_TESTS_PACKETS_H
#define DSN_TESTS_PACKETS_H

#include "mime/span.h"

/* The smallest piece in which @bytes can be had; a pipe holds only so many. */
size_t dsn_packet_min(size_t len);

/* A pipe that holds @bytes in pieces of @size, and then ends. */
int dsn_packets_open(DsnSpan bytes, size_t size);

#endif
