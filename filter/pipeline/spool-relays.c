/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"

/* Entries that one transaction moves. */
#define MOVE_CHUNK 1000

/* ---- lines ---- */

DsnRelayLine *
dsn_spool_line(DsnSpool *spool, const char *relay)
{
    const char *name = relay == NULL ? DSN_DEFAULT_RELAY : relay;
    DsnRelayLine *line = g_hash_table_lookup(spool->lines, name);

    if (line != NULL)
        return line;
    line = g_new0(DsnRelayLine, 1);
    line->spool = spool;
    line->name = g_strdup(name);
    dsn_turns_init(&line->fresh);
    dsn_turns_init(&line->retries);
    g_cond_init(&line->due);
    (void)g_hash_table_insert(spool->lines, line->name, line); /* it was not there */
    return line;
}

void
dsn_relay_line_free(DsnRelayLine *line)
{
    dsn_turns_clear(&line->fresh);
    dsn_turns_clear(&line->retries);
    g_cond_clear(&line->due);
    g_free(line->name);
    g_free(line);
}

void
dsn_spool_tell_all_due(DsnSpool *spool)
{
    GHashTableIter iter;
    gpointer line;

    g_hash_table_iter_init(&iter, spool->lines);
    while (g_hash_table_iter_next(&iter, NULL, &line))
        dsn_spool_tell_due(line, G_MAXUINT64);
}

/* ---- which relays there are ---- */

static bool
is_relay(const char *const *relays, const char *name)
{
    return relays == NULL || g_str_equal(name, DSN_DEFAULT_RELAY) || g_strv_contains(relays, name);
}

const char *
dsn_spool_relay_of(DsnSpool *spool, const char *relay)
{
    return relay != NULL && is_relay((const char *const *)spool->relays, relay) ? relay
                                                                                : DSN_DEFAULT_RELAY;
}

typedef struct RelaysJob {
    DsnJob job;
    const char *const *names;
    int moved;
} RelaysJob;

/* Moves some of what waits for @relay. */
static bool
move_some(DsnSpool *spool, RelaysJob *relays, const char *relay, GError **error)
{
    if (!dsn_db_run(spool->writer, DSN_SQL_MOVE_RELAY,
                    DSN_VALUES(dsn_text(relay), dsn_int(MOVE_CHUNK - relays->moved)), error))
        return false;
    relays->moved += sqlite3_changes(spool->writer->handle);
    return true;
}

/* The next name behind *@relay for which something waits. */
static bool
next_relay(DsnSpool *spool, char **relay, GError **error)
{
    g_autoptr(DsnQuery) query =
        dsn_db_query(spool->writer, DSN_SQL_NEXT_RELAY, DSN_VALUES(dsn_text(*relay)));

    if (!dsn_query_next(spool->writer, query, error))
        return false;
    char *next = g_strdup((const char *)sqlite3_column_text(query, 0));
    g_free(*relay);
    *relay = next;
    return true;
}

static bool
run_relays(DsnSpool *spool, DsnJob *job, GError **error)
{
    RelaysJob *relays = (RelaysJob *)job;
    g_autofree char *relay = g_strdup("");
    g_autoptr(GError) failure = NULL;

    g_strfreev(spool->relays);
    spool->relays = g_strdupv((char **)relays->names);
    while (relays->moved < MOVE_CHUNK && next_relay(spool, &relay, &failure))
        if (!is_relay(relays->names, relay) && !move_some(spool, relays, relay, &failure))
            break;
    if (failure == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

/* Those who take for "default" look at all that waits there once more. */
static void
relays_committed(DsnSpool *spool, DsnJob *job)
{
    const RelaysJob *relays = (RelaysJob *)job;
    DsnRelayLine *line = dsn_spool_line(spool, NULL);

    for (const char *const *name = relays->names; *name != NULL; name++)
        dsn_spool_line(spool, *name)->is_relay = true;
    if (relays->moved == 0)
        return;
    dsn_turns_forget(&line->fresh);
    line->known = false;
    dsn_spool_tell_due(line, (guint64)relays->moved);
}

bool
dsn_spool_set_relays(DsnSpool *spool, const char *const *names, guint64 *ret_moved, GError **error)
{
    RelaysJob relays;

    *ret_moved = 0;
    do {
        relays = (RelaysJob){
            .job = {.run = run_relays, .committed = relays_committed, .items = MOVE_CHUNK},
            .names = names};
        if (!dsn_spool_run_job(spool, DSN_LANE_WORK, &relays.job, error))
            return false;
        *ret_moved += (guint64)relays.moved;
    } while (relays.moved == MOVE_CHUNK);
    return true;
}
