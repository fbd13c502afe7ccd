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

/* What is swept, in turn. */
enum {
    SWEEP_EVENTS,
    SWEEP_NOTICES,
    SWEEP_MESSAGES,
    SWEEP_ATTEMPTS,
    SWEEP_HISTORY,
    SWEEP_HANDED_ON,
    SWEEP_BUCKETS,
    N_SWEEPS
};

/* ---- looking ---- */

static DsnSeen
look(DsnSpool *spool, DsnSql sql, const DsnValue *values, size_t n_values)
{
    g_autoptr(GError) error = NULL;
    DsnDb *db = dsn_spool_reader(spool, NULL); /* a failure is logged there */
    bool seen;

    if (db == NULL)
        return DSN_SEEN_NOT;
    (void)dsn_db_has(db, sql, values, n_values, &seen, &error); /* see the error */
    dsn_spool_reader_done(spool, db, error);
    return seen ? DSN_SEEN_BEFORE : DSN_SEEN_NOT;
}

bool
dsn_spool_look_open(DsnSpool *spool, const DsnKey *group, DsnOpenNotice *ret_open)
{
    g_autoptr(GError) error = NULL;
    DsnDb *db = dsn_spool_reader(spool, NULL); /* a failure is logged there */

    *ret_open = (DsnOpenNotice){.entry = 0};
    if (db == NULL)
        return false;
    g_autofree char *tenant = NULL;
    DsnQuery *query = dsn_db_query(db, DSN_SQL_LOOK_OPEN, DSN_VALUES(dsn_blob(group->digest, 16)));
    if (dsn_query_next(db, query, &error)) {
        ret_open->entry = sqlite3_column_int64(query, 0);
        ret_open->version = sqlite3_column_int64(query, 1);
        ret_open->has_original = sqlite3_column_int(query, 2) != 0;
        ret_open->sources =
            g_bytes_new(sqlite3_column_blob(query, 3), (gsize)sqlite3_column_bytes(query, 3));
        tenant = g_strdup((const char *)sqlite3_column_text(query, 4));
    }
    dsn_query_end(query);
    dsn_spool_reader_done(spool, db, error);
    g_mutex_lock(&spool->lock);
    bool open = ret_open->entry > dsn_spool_watermark(spool, tenant);
    g_mutex_unlock(&spool->lock);
    if (!open)
        dsn_open_notice_clear(ret_open);
    return open;
}

void
dsn_open_notice_clear(DsnOpenNotice *open)
{
    g_clear_pointer(&open->sources, g_bytes_unref);
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
    return look(spool, DSN_SQL_HAS_NOTICE, DSN_VALUES(dsn_blob(notice->digest, 16)));
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

/* One step in the table whose turn it is. */
static bool
sweep_step(DsnSpool *spool, bool *ret_done, GError **error)
{
    const int64_t now = dsn_spool_safe_now(spool) / G_USEC_PER_SEC;
    const int64_t before = now - spool->keep;

    switch (spool->sweep.table) {
    case SWEEP_EVENTS:
        return expire_events(spool, before, ret_done, error);
    case SWEEP_NOTICES:
        return expire_digests(spool, DSN_SQL_NOTICE_CHUNK, DSN_SQL_EXPIRE_NOTICES, before, ret_done,
                              error);
    case SWEEP_MESSAGES:
        return expire_digests(spool, DSN_SQL_MESSAGE_CHUNK, DSN_SQL_EXPIRE_MESSAGES, before,
                              ret_done, error);
    case SWEEP_ATTEMPTS:
        return expire_digests(spool, DSN_SQL_ATTEMPT_CHUNK, DSN_SQL_EXPIRE_ATTEMPTS, before,
                              ret_done, error);
    case SWEEP_HISTORY:
        return dsn_history_expire(spool, now - spool->history_keep, ret_done, error);
    case SWEEP_HANDED_ON:
        return dsn_handed_on_expire(spool, now - spool->history_keep, ret_done, error);
    case SWEEP_BUCKETS:
    default:
        *ret_done = true;
        return dsn_buckets_expire(spool, error);
    }
}

bool
dsn_spool_sweep(DsnSpool *spool, GError **error)
{
    DsnSweep *sweep = &spool->sweep;
    int64_t now = g_get_monotonic_time();
    bool done = true;

    if (now < sweep->next)
        return true;
    bool good = sweep_step(spool, &done, error);
    sweep->next = now + STEP_INTERVAL;
    if (good && done) {
        sweep->cursor_len = 0;
        sweep->table++;
    }
    if (sweep->table == N_SWEEPS) {
        sweep->table = 0;
        sweep->next =
            now + CLAMP(spool->keep * G_USEC_PER_SEC / SWEEPS_PER_KEEP, MIN_INTERVAL, MAX_INTERVAL);
    }
    return good;
}
