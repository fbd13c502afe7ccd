/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace-read.h - a trace out of the field that it stands in
 *
 * Purpose:   decode and verify what a message has already, whether it comes back or leaves.
 * Source:    dsnarf-records(5), "Signed traces"; rules QRK-03, SEC-03.
 * Ownership: the caller owns the tree; the seal borrows from it.
 * Errors:    NULL for what is no trace.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_TRACE_READ_H
#define DSN_CORE_TRACE_READ_H

#include "filter/core/trace-sign.h"

/* Of a field; what KumoMTA writes is well under a kilobyte, and anybody can write more. */
#define DSN_TRACE_MAX ((size_t)16 * 1024)

/* The object in @value, base64 folded or not, without KumoMTA's marker (transfer full). @keys may
 * be NULL; @buffer is overwritten. */
json_t *dsn_trace_read(const DsnTraceKeys *keys, DsnSpan value, int64_t now, GString *buffer,
                       DsnTraceSeal *ret_seal);

/* The text of its member @name, or of the one entry of a list there; absent without one. Of several
 * nobody knows which one is meant. */
DsnSpan dsn_trace_member(const json_t *trace, const char *name);

#endif
