/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milter-session.h - what libmilter calls
 *
 * Purpose:   the callbacks, and what they share.
 * Source:    libmilter's pages xxfi_negotiate, xxfi_abort, xxfi_close; dsnarf-milter(7).
 * Ownership: the shared state stays for the life of the process, see dsn_milter_session_end().
 * Errors:    a failure becomes the answer to the MTA.
 * Threads:   callbacks run on libmilter's threads, those of one connection on several in turn.
 */
#ifndef DSN_INTAKE_MILTER_SESSION_H
#define DSN_INTAKE_MILTER_SESSION_H

#include "filter/pipeline/pipeline.h"

/* From now on @connections can come at once, with descriptors lower than @max_descriptor. Once in a
 * process. False when libmilter refuses. */
bool dsn_milter_session_begin(DsnPipeline *pipeline, size_t connections, int max_descriptor);

/* Connections that are open. At any time, also before and after the milter's life. */
size_t dsn_milter_session_count(void);

/* No connection is taken from now on. */
void dsn_milter_session_shut(void);

/* Turns away what comes from now on, and returns when no callback uses the pipeline any more and
 * the last answer is on its way; false when some still do after @wait. */
bool dsn_milter_session_end(GTimeSpan wait);

#endif
