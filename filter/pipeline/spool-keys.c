/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"

/* Keys that one step looks at, how far apart the steps are, and how long after its start a sweep
 * starts again: a part of the time that keys are kept, within these bounds. */
#define CHUNK 1000
#define STEP_INTERVAL (20 * G_TIME_SPAN_MILLISECOND)
#define SWEEPS_PER_KEEP 32
#define MIN_INTERVAL G_TIME_SPAN_SECOND
#define MAX_INTERVAL (6 * G_TIME_SPAN_HOUR)

/* ---- looking ---- */

static DsnSeen
look(DsnSpool *spool, DsnSql sql, const DsnValue *values, size_t n_values)
{
    g_autoptr(GError) error = NULL;
    DsnDb *db = dsn_spool_reader(spool, NULL); /* a failure is logged there */
    DsnSeen seen = DSN_SEEN_NOT;
    int64_t open_entry = 0;

    if (db == NULL)
        return DSN_SEEN_NOT;
    DsnQuery *query = dsn_db_query(db, sql, values, n_values);
    if (dsn_query_next(db, query, &error)) {
        seen = DSN_SEEN_BEFORE;
        if (sql == DSN_SQL_LOOK_NOTICE)
            open_entry = sqlite3_column_int64(query, 0);
    }
    dsn_query_end(query);
    dsn_spool_reader_done(spool, db, error);
    if (open_entry == 0)
        return seen;
    g_mutex_lock(&spool->lock);
    if (open_entry > spool->watermark)
        seen = DSN_SEEN_OPEN;
    g_mutex_unlock(&spool->lock);
    return seen;
}

DsnSeen
dsn_spool_look_event(DsnSpool *spool, const DsnKey *event)
{
    return look(spool, DSN_SQL_HAS_EVENT,
                DSN_VALUES(dsn_int(dsn_key_bucket(event)), dsn_blob(event->digest, 16)));
}

DsnSeen
dsn_spool_look_notice(DsnSpool *spool, const DsnKey *notice)
{
    return look(spool, DSN_SQL_LOOK_NOTICE, DSN_VALUES(dsn_blob(notice->digest, 16)));
}

DsnSeen
dsn_spool_look_message(DsnSpool *spool, const DsnKey *message)
{
    return look(spool, DSN_SQL_HAS_MESSAGE, DSN_VALUES(dsn_blob(message->digest, 16)));
}

/* ---- expiry ---- */

/* Old events are a range at the start of their table. */
static bool
expire_events(DsnSpool *spool, int64_t before, bool *ret_done, GError **error)
{
    const int64_t bucket = before / DSN_KEY_BUCKET;
    g_autoptr(GError) failure = NULL;
    g_autoptr(DsnQuery) query = dsn_db_query(spool->writer, DSN_SQL_EVENT_CHUNK,
                                             DSN_VALUES(dsn_int(bucket), dsn_int(CHUNK)));
    guint8 digest[16];

    if (dsn_query_next(spool->writer, query, &failure) && sqlite3_column_bytes(query, 1) == 16) {
        int64_t end = sqlite3_column_int64(query, 0);

        memcpy(digest, sqlite3_column_blob(query, 1), sizeof digest);
        dsn_query_end(query);
        *ret_done = false;
        return dsn_db_run(spool->writer, DSN_SQL_EXPIRE_EVENTS_BEFORE,
                          DSN_VALUES(dsn_int(end), dsn_blob(digest, sizeof digest)), error);
    }
    if (failure != NULL) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    *ret_done = true;
    return dsn_db_run(spool->writer, DSN_SQL_EXPIRE_EVENTS, DSN_VALUES(dsn_int(bucket)), error);
}

/* The other tables are gone through by digest. An index by time would cost a second tree at each
 * insert, and its deletes would go to as many pages as there are keys; this way those of a step lie
 * on the same few pages. */
static bool
expire_digests(DsnSpool *spool, DsnSql chunk, DsnSql expire, int64_t before, bool *ret_done,
               GError **error)
{
    DsnSweep *sweep = &spool->sweep;
    guint8 start[16];
    guint8 end[16];
    const size_t start_len = sweep->cursor_len;

    memcpy(start, sweep->cursor, sizeof start);
    memset(end, 0xff, sizeof end);
    {
        g_autoptr(GError) failure = NULL;
        g_autoptr(DsnQuery) query = dsn_db_query(
            spool->writer, chunk, DSN_VALUES(dsn_blob(start, start_len), dsn_int(CHUNK)));

        *ret_done = !dsn_query_next(spool->writer, query, &failure);
        if (failure != NULL) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return false;
        }
        if (!*ret_done)
            memcpy(end, sqlite3_column_blob(query, 0),
                   MIN(sizeof end, (size_t)sqlite3_column_bytes(query, 0)));
    }
    memcpy(sweep->cursor, end, sizeof end);
    sweep->cursor_len = sizeof end;
    return dsn_db_run(
        spool->writer, expire,
        DSN_VALUES(dsn_blob(start, start_len), dsn_blob(end, sizeof end), dsn_int(before)), error);
}

bool
dsn_spool_sweep(DsnSpool *spool, GError **error)
{
    DsnSweep *sweep = &spool->sweep;
    const int64_t before = g_get_real_time() / G_USEC_PER_SEC - spool->keep;
    int64_t now = g_get_monotonic_time();
    bool done = true;
    bool good;

    if (now < sweep->next)
        return true;
    if (sweep->table == 0)
        good = expire_events(spool, before, &done, error);
    else if (sweep->table == 1)
        good = expire_digests(spool, DSN_SQL_NOTICE_CHUNK, DSN_SQL_EXPIRE_NOTICES, before, &done,
                              error);
    else
        good = expire_digests(spool, DSN_SQL_MESSAGE_CHUNK, DSN_SQL_EXPIRE_MESSAGES, before, &done,
                              error);
    sweep->next = now + STEP_INTERVAL;
    if (good && done) {
        sweep->cursor_len = 0;
        sweep->table++;
    }
    if (sweep->table == 3) {
        sweep->table = 0;
        sweep->next =
            now + CLAMP(spool->keep * G_USEC_PER_SEC / SWEEPS_PER_KEEP, MIN_INTERVAL, MAX_INTERVAL);
    }
    return good;
}
