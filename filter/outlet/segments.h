/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segments.h - records as log segments
 *
 * Purpose:   follow the spool's stream of records, and write those that are wanted into segments,
 *            by type, as kumo.configure_local_logs does.
 * Source:    dsnarf.toml(5), [segments.NAME].
 * Ownership: the outlet borrows spool and metrics until it is stopped; options are copied.
 * Errors:    at the start: what does not compile; all others are logged once, and tried again until
 *            they are gone.
 * Threads:   one.
 *
 * Each record is in one segment once, even when the program is killed or the disk is full in
 * between: the places in all open files are kept in the spool, in one commit with the place in the
 * stream, and what lies behind them is cut off before it is written again.
 */
#ifndef DSN_OUTLET_SEGMENTS_H
#define DSN_OUTLET_SEGMENTS_H

#include "filter/core/configuration.h"
#include "filter/pipeline/spool.h"

typedef struct DsnSegments DsnSegments;

/* The name that the spool knows the outlet by: "segments:NAME" (transfer full). */
char *dsn_segments_outlet_name(const DsnSegmentsOptions *options);

/* The spool has to know the outlet (dsn_spool_set_outlets()). */
DsnSegments *dsn_segments_start(DsnSpool *spool, DsnMetrics *metrics,
                                const DsnSegmentsOptions *options, GError **error);

/* Finishes what is being written, and the files; what is in the stream behind it stays there. */
void dsn_segments_stop(DsnSegments *segments);

#endif
