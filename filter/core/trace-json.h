/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace-json.h - what identifies the original, as JSON
 *
 * Purpose:   the members "trace" and "resolved" of what is read and of records.
 * Source:    dsnarf-records(5); KumoMTA's supplemental trace header; rules QRK-03, SEC-03, OOB-13.
 * Ownership: appended to the caller's buffer.
 * Errors:    none.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_TRACE_JSON_H
#define DSN_CORE_TRACE_JSON_H

#include "filter/core/report-pieces.h"
#include "filter/core/trace-resolve.h"

/* {"supplemental_trace":...,"state":"unsigned","source":"header:X-KumoRef"}, of a signed one also
 * "key", "time" and "reason"; without a trace, null. */
void dsn_pieces_trace(DsnPieces *pieces, const char *key, const DsnResolution *resolution);

/* {"recipient":{"value":...,"source":...,"state":...},...,"differ":[...],"clues":[...]}; without a
 * clue, null. */
void dsn_pieces_resolved(DsnPieces *pieces, const char *key, const DsnResolution *resolution);

#endif
