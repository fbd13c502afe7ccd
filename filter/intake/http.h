/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http.h - the HTTP intake
 *
 * Purpose:   take posted records, make notices for those who send them, and show how things stand.
 * RFC:       9110, 9112; dsnarf(8), "HTTP".
 * Ownership: borrows pipeline and pages.
 * Errors:    G_FILE_ERROR when the socket cannot be opened or the server cannot start.
 * Threads:   its own: one for the connections, one for what waits, a pool for the work.
 */
#ifndef DSN_INTAKE_HTTP_H
#define DSN_INTAKE_HTTP_H

#include "filter/pipeline/pipeline.h"

/* What /readyz and /metrics show. Both are called by the thread of the connections: they must not
 * wait. */
typedef struct DsnHttpPages {
    char *(*unready)(gpointer user); /* why nothing is taken in (transfer full), NULL: it is */
    void (*metrics)(gpointer user, GString *text);
    gpointer user;
} DsnHttpPages;

typedef struct DsnHttp DsnHttp;

/* Listens where the policy in force says (http.listen, which must be set). */
DsnHttp *dsn_http_start(DsnPipeline *pipeline, const DsnHttpPages *pages, GError **error);

/* Takes no more requests, answers those that are complete, gives those that are not a few seconds,
 * and frees. */
void dsn_http_stop(DsnHttp *http);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnHttp, dsn_http_stop)

#endif
