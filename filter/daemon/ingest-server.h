/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ingest-server.h - messages and records that "dsnarf ingest" brings
 *
 * Purpose:   take what comes over a connection through the pipeline, as the intakes do, and answer
 *            when it is durable.
 * Source:    dsnarf(1), "ingest".
 * Ownership: borrows the pipeline.
 * Errors:    answered; of a connection that breaks, logged.
 * Threads:   one for each connection.
 *
 * The daemon does it on its control socket, after the line {"command":"ingest"}. Where none runs, a
 * child of "dsnarf ingest" that has opened the spool does it on a socket pair. It begins with
 * {"ready":true}, or {"error":"..."} and the end. Then each request has its answer:
 *   {"place":"NAME"}                     {"text":"..."}, or {"text":null}
 *   {"messages":[SIZE,...],"place":...}  and the bytes of all: {"tally":{...},"records":N}
 *   {"records":SIZE,"file":"...","line":N,"place":...}
 *                                        and the bytes, a body as for POST /v1/records, of which
 *                                        the lines are those of the file from N on: the same
 * "place" is here {"name":"...","text":"..."}, which is kept in one commit with records, and after
 * messages; it may be left out. An answer can be {"error":"...","full":true}; then nothing was kept
 * (messages), or what was kept is a duplicate when it comes again (records).
 */
#ifndef DSN_DAEMON_INGEST_SERVER_H
#define DSN_DAEMON_INGEST_SERVER_H

#include "filter/pipeline/pipeline.h"

/* Serves @fd (transfer full) until the other side has gone, or @stop can be read. @who is for the
 * log. */
void dsn_ingest_serve(DsnPipeline *pipeline, int fd, int stop, const char *who);

#endif
