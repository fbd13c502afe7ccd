/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ingest-link.h - what "dsnarf ingest" and the owner of a spool say to each other
 *
 * Purpose:   frames over a socket: a line of JSON, and the bytes that it announces.
 * Source:    dsnarf(1), "ingest"; ingest-server.h has requests and answers.
 * Ownership: the link owns the socket.
 * Errors:    G_FILE_ERROR.
 * Threads:   one thread at a time.
 */
#ifndef DSN_DAEMON_INGEST_LINK_H
#define DSN_DAEMON_INGEST_LINK_H

#include "mime/span.h"

#include <jansson.h>

/* Bytes of a line, and of what comes after it. */
#define DSN_INGEST_LINE_MAX ((size_t)1024 * 1024)
#define DSN_INGEST_BODY_MAX ((size_t)1024 * 1024 * 1024)

/* Messages of a request. */
#define DSN_INGEST_MESSAGES_MAX 1000U

typedef struct DsnIngestLink {
    int fd;
    int stop;    /* when this can be read, everything ends; -1: nothing of that kind */
    GString *in; /* what came and was not taken yet */
} DsnIngestLink;

/* Takes over @fd, and borrows @stop. */
DsnIngestLink *dsn_ingest_link_new(int fd, int stop);
void dsn_ingest_link_free(DsnIngestLink *link);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnIngestLink, dsn_ingest_link_free)

/* The next line, an object (transfer full). NULL without an error: the other side has gone, as it
 * may between frames. */
json_t *dsn_ingest_link_read(DsnIngestLink *link, GError **error);

/* The @len bytes that were announced, replacing what is in @body. */
bool dsn_ingest_link_read_body(DsnIngestLink *link, size_t len, GString *body, GError **error);

/* Sends @line, which ends in a line feed, and @body. */
bool dsn_ingest_link_write(DsnIngestLink *link, const GString *line, DsnSpan body, GError **error);

#endif
