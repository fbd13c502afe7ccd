/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ingest-client.h - how "dsnarf ingest" brings what it reads
 *
 * Purpose:   hand messages and records to the daemon, or to a process that has the spool while
 *            none runs.
 * Source:    ingest-server.h.
 * Ownership: said at each function.
 * Errors:    G_FILE_ERROR with a text for people. After one, the same seat gives errors only.
 * Threads:   a seat is used by one thread at a time; seats are independent of each other.
 */
#ifndef DSN_DAEMON_INGEST_CLIENT_H
#define DSN_DAEMON_INGEST_CLIENT_H

#include "filter/pipeline/pipeline.h"

typedef struct DsnIngestClient DsnIngestClient;

/* What became of what was brought. */
typedef struct DsnIngested {
    DsnTally tally;
    guint64 records; /* that messages made */
} DsnIngested;

void dsn_ingested_init(DsnIngested *ingested);
void dsn_ingested_clear(DsnIngested *ingested);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnIngested, dsn_ingested_clear)

/* Finds the daemon that has the spool of @policy, or opens it with @n_seats connections. With
 * @scratch all of it is done in an empty spool that is thrown away. Must be called while the
 * process has one thread. NULL with @error. */
DsnIngestClient *dsn_ingest_client_open(DsnPolicy *policy, bool scratch, unsigned n_seats,
                                        GError **error);

/* While the spool is full, and the daemon may make room in it, @wait is called before each new try,
 * by any thread; false gives up. Until this is called nothing is tried again. */
void dsn_ingest_client_set_wait(DsnIngestClient *client, bool (*wait)(gpointer user),
                                gpointer user);

/* False with @error when what was brought may not be safe. */
bool dsn_ingest_client_close(DsnIngestClient *client, GError **error);

/* True if the daemon has the spool. */
bool dsn_ingest_client_has_daemon(const DsnIngestClient *client);

/* What was kept under @name, NULL also when there is nothing (transfer full). */
char *dsn_ingest_client_place(DsnIngestClient *client, unsigned seat, const char *name,
                              GError **error);

/* Brings messages that lie behind each other in @bytes, of the @sizes (of size_t); at most
 * DSN_INGEST_MESSAGES_MAX. @place may be NULL. The outcome is added to @ingested. */
bool dsn_ingest_client_messages(DsnIngestClient *client, unsigned seat, const GArray *sizes,
                                DsnSpan bytes, const DsnPlace *place, DsnIngested *ingested,
                                GError **error);

/* Elements, and where they come from. */
typedef struct DsnIngestPiece {
    DsnSpan body;
    const char *file; /* for people */
    guint64 line;     /* of the file, with which the body begins; each of its lines is one of it */
    DsnPlace place;   /* behind them; its name NULL: none is kept */
} DsnIngestPiece;

/* Brings elements. The reasons of what is rejected say where it stands. */
bool dsn_ingest_client_records(DsnIngestClient *client, unsigned seat, const DsnIngestPiece *piece,
                               DsnIngested *ingested, GError **error);

#endif
