/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"

#include "filter/core/log.h"

/* A look takes microseconds: more connections than this would only use memory. */
#define MAX_READERS 8
/* One page that cannot be read fails again and again, among others that can: one line for all. */
#define READ_LOG_INTERVAL G_TIME_SPAN_MINUTE
/* Only somebody with sqlite3(1), or a backup, can be in the way. */
#define BUSY_MS 10000

/* WAL with synchronous=FULL: a commit is on disk when it returns. The writer runs its checkpoints
 * itself, after it has told those who wait for the commit. What is removed is overwritten where
 * that writes nothing more; Debian's default would write each content a second time, as zeros. */
static const char WRITER_PRAGMAS[] = "PRAGMA page_size = 4096;"
                                     "PRAGMA auto_vacuum = INCREMENTAL;"
                                     "PRAGMA journal_mode = WAL;"
                                     "PRAGMA synchronous = FULL;"
                                     "PRAGMA secure_delete = FAST;"
                                     "PRAGMA journal_size_limit = 33554432;"
                                     "PRAGMA cache_size = -8192;"
                                     "PRAGMA temp_store = MEMORY;";
static const char READER_PRAGMAS[] = "PRAGMA query_only = 1;"
                                     "PRAGMA cache_size = -512;"
                                     "PRAGMA temp_store = MEMORY;";

/* In the order of ids, without sorting: an index by anything else is not to be used. */
#define LIST_COLUMNS                                                                        \
    "id, kind, state, record_id, record_type, recipient, reason, size, attempts, taken_in," \
    " next_attempt, relay, tenant, due"
#define LIST_REST                                                                 \
    " AND id > ?1 AND id <= ?2 AND (?4 IS NULL OR recipient = ?4 COLLATE NOCASE)" \
    " AND +taken_in <= ?5 ORDER BY id LIMIT ?6"

static const char *const STATEMENTS[DSN_N_SQL] = {
    [DSN_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [DSN_SQL_BEGIN_READ] = "BEGIN",
    [DSN_SQL_COMMIT] = "COMMIT",
    [DSN_SQL_PAGES] = "PRAGMA page_count",
    [DSN_SQL_FREE_PAGES] = "PRAGMA freelist_count",
    [DSN_SQL_PROBE] = "UPDATE watermark SET probes = probes + 1",

    [DSN_SQL_HAS_EVENT] = "SELECT 1 FROM event_key WHERE bucket = ?1 AND digest = ?2",
    [DSN_SQL_ADD_EVENT] = "INSERT OR IGNORE INTO event_key(bucket, digest) VALUES(?1, ?2)",
    [DSN_SQL_EVENT_CHUNK] = "SELECT bucket, digest FROM event_key WHERE bucket < ?1"
                            " ORDER BY bucket, digest LIMIT 1 OFFSET ?2",
    [DSN_SQL_EXPIRE_EVENTS_BEFORE] = "DELETE FROM event_key WHERE (bucket, digest) < (?1, ?2)",
    [DSN_SQL_EXPIRE_EVENTS] = "DELETE FROM event_key WHERE bucket < ?1",
    [DSN_SQL_HAS_NOTICE] = "SELECT entry FROM notice_key WHERE digest = ?1",
    [DSN_SQL_ADD_NOTICE] = "INSERT INTO notice_key(digest, stored, entry) VALUES(?1, ?2, ?3)",
    [DSN_SQL_NOTICE_CHUNK] = "SELECT digest FROM notice_key WHERE digest > ?1"
                             " ORDER BY digest LIMIT 1 OFFSET ?2",
    [DSN_SQL_EXPIRE_NOTICES] = "DELETE FROM notice_key"
                               " WHERE digest > ?1 AND digest <= ?2 AND stored < ?3",
    [DSN_SQL_HAS_MESSAGE] = "SELECT 1 FROM message_key WHERE digest = ?1",
    [DSN_SQL_ADD_MESSAGE] = "INSERT INTO message_key(digest, stored) VALUES(?1, ?2)",
    [DSN_SQL_MESSAGE_CHUNK] = "SELECT digest FROM message_key WHERE digest > ?1"
                              " ORDER BY digest LIMIT 1 OFFSET ?2",
    [DSN_SQL_EXPIRE_MESSAGES] = "DELETE FROM message_key"
                                " WHERE digest > ?1 AND digest <= ?2 AND stored < ?3",

    [DSN_SQL_OPEN_OF_GROUP] = "SELECT id, tenant FROM entry WHERE grouping = ?1 AND state = 0"
                              " AND next_attempt = 0 ORDER BY id DESC LIMIT 1",
    [DSN_SQL_LOOK_OPEN] = "SELECT id, version, has_original, sources, tenant FROM entry"
                          " JOIN content ON content.entry = entry.id"
                          " WHERE grouping = ?1 AND state = 0 AND next_attempt = 0"
                          " ORDER BY id DESC LIMIT 1",
    [DSN_SQL_OPEN_VERSION] = "SELECT keys, size, file, record_id, tenant FROM entry WHERE id = ?1"
                             " AND kind = 0 AND state = 0 AND next_attempt = 0 AND version = ?2",
    [DSN_SQL_REPLACE_ENTRY] = "UPDATE entry SET eight_bit = ?2, utf8 = ?3, has_original = ?4,"
                              " size = ?5, file = ?6, keys = ?7, grouping = ?8,"
                              " requiretls = ?9, version = version + 1 WHERE id = ?1",
    [DSN_SQL_ADD_ENTRY] = "INSERT INTO entry(kind, state, taken_in, next_attempt, keys, eight_bit,"
                          " utf8, has_original, size, record_id, record_type, recipient, reason,"
                          " file, relay, tenant, grouping, due, requiretls) VALUES(?1, ?2, ?3, 0,"
                          " ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
    [DSN_SQL_SET_CONTENT] = "INSERT OR REPLACE INTO content(entry, bytes, sources)"
                            " VALUES(?1, ?2, ?3)",
    [DSN_SQL_REMOVE_SOURCES] = "UPDATE content SET sources = NULL"
                               " WHERE entry = ?1 AND sources IS NOT NULL",
    [DSN_SQL_REMOVE_ENTRY] = "DELETE FROM entry WHERE id = ?1",
    [DSN_SQL_REMOVE_CONTENT] = "DELETE FROM content WHERE entry = ?1",
    [DSN_SQL_RETRY_LATER] = "UPDATE entry SET attempts = attempts + 1, next_attempt = ?2,"
                            " reason = ?3 WHERE id = ?1",
    [DSN_SQL_MAKE_DEAD] = "UPDATE entry SET state = 1, attempts = attempts + 1, reason = ?2"
                          " WHERE id = ?1",
    /* 1: one that waits for its first attempt is due too, and open no more */
    [DSN_SQL_RETRY_WAITING] = "UPDATE entry SET next_attempt = max(min(next_attempt, ?2), 1)"
                              " WHERE id = ?1 AND kind <> 1 AND state = 0",
    [DSN_SQL_RETRY_DEAD] = "UPDATE entry SET state = 0, attempts = 0, next_attempt = ?2,"
                           " taken_in = ?3, relay = ?4 WHERE id = ?1 AND kind <> 1 AND state = 1",
    [DSN_SQL_NEXT_RELAY] = "SELECT relay FROM entry WHERE state = 0 AND relay > ?1"
                           " ORDER BY relay LIMIT 1",
    [DSN_SQL_MOVE_RELAY] = "UPDATE entry SET relay = 'default' WHERE id IN"
                           " (SELECT id FROM entry WHERE state = 0 AND relay = ?1 AND kind = 0"
                           " LIMIT ?2)",
    [DSN_SQL_LETTERS] = "SELECT id, relay, record_id FROM entry INDEXED BY entry_letter"
                        " WHERE kind = 2 AND state = 0",
    [DSN_SQL_BURY_LETTER] = "UPDATE entry SET state = 1, reason = ?2 WHERE id = ?1",
    [DSN_SQL_SET_WATERMARK] = "INSERT INTO handed_out(tenant, entry) VALUES(?1, ?2)"
                              " ON CONFLICT(tenant) DO UPDATE SET entry = excluded.entry"
                              " WHERE excluded.entry > entry",
    [DSN_SQL_WATERMARK] = "SELECT entry FROM watermark",
    [DSN_SQL_WATERMARKS] = "SELECT tenant, entry FROM handed_out",

    [DSN_SQL_FRESH] = "SELECT id, due FROM entry WHERE state = 0 AND next_attempt = 0"
                      " AND relay = ?1 AND ifnull(tenant, '') = ?2 AND id > ?3 ORDER BY id",
    [DSN_SQL_RETRIES] = "SELECT id, next_attempt FROM entry WHERE state = 0 AND next_attempt > 0"
                        " AND relay = ?1 AND ifnull(tenant, '') = ?2 AND next_attempt > ?3"
                        " ORDER BY next_attempt, id",
    [DSN_SQL_NEXT_FRESH] = "SELECT ifnull(tenant, '') FROM entry WHERE state = 0"
                           " AND next_attempt = 0 AND relay = ?1 AND ifnull(tenant, '') > ?2"
                           " ORDER BY ifnull(tenant, '') LIMIT 1",
    [DSN_SQL_NEXT_RETRIES] = "SELECT ifnull(tenant, '') FROM entry WHERE state = 0"
                             " AND next_attempt > 0 AND relay = ?1 AND ifnull(tenant, '') > ?2"
                             " ORDER BY ifnull(tenant, '') LIMIT 1",
    [DSN_SQL_TAKE] =
        "SELECT record_id, recipient, eight_bit, utf8, attempts, taken_in, size, file,"
        " bytes, requiretls, sources IS NOT NULL, kind, record_type FROM entry"
        " LEFT JOIN content ON content.entry = entry.id"
        " WHERE id = ?1 AND kind <> 1 AND state = 0 AND (next_attempt <= ?2 OR next_attempt > ?3)",
    [DSN_SQL_CONTENT] = "SELECT size, file, bytes FROM entry"
                        " LEFT JOIN content ON content.entry = entry.id WHERE id = ?1",
    [DSN_SQL_STATE] = "SELECT state, size, file FROM entry WHERE id = ?1",
    [DSN_SQL_LIST] =
        "SELECT " LIST_COLUMNS " FROM entry WHERE (?3 IS NULL OR state = ?3)" LIST_REST,
    [DSN_SQL_LIST_DEAD] =
        "SELECT " LIST_COLUMNS " FROM entry INDEXED BY entry_dead WHERE state = 1" LIST_REST,
    [DSN_SQL_COUNT_WAITING] = "SELECT count(*) FROM entry WHERE state = 0",
    [DSN_SQL_COUNT_DEAD] = "SELECT count(*) FROM entry WHERE state = 1",
    [DSN_SQL_NEXT_OLDEST] = "SELECT relay, taken_in FROM entry WHERE state = 0 AND relay > ?1"
                            " ORDER BY relay, taken_in LIMIT 1",
    [DSN_SQL_HAS_FILE] = "SELECT 1 FROM entry WHERE file = ?1",

    [DSN_SQL_RECORDS_BEHIND] = "SELECT position, json FROM record WHERE position > ?1"
                               " ORDER BY position LIMIT ?2",
    [DSN_SQL_ERASE_RECORD] = "DELETE FROM record WHERE position = ?1",
    [DSN_SQL_ATTEMPTS_BEHIND] = "SELECT digest, record FROM attempt WHERE digest > ?1"
                                " ORDER BY digest LIMIT ?2",
    [DSN_SQL_ERASE_ATTEMPT] = "DELETE FROM attempt WHERE digest = ?1",
    [DSN_SQL_HISTORY_BEHIND] = "SELECT id, lines FROM history_text WHERE id > ?1"
                               " ORDER BY id LIMIT ?2",
    [DSN_SQL_ERASE_HISTORY] = "UPDATE history_text SET lines = ?2 WHERE id = ?1",
    [DSN_SQL_ADD_RECORD] = "INSERT INTO record(type, json, taken_in) VALUES(?1, ?2, ?3)",
    [DSN_SQL_RECORD_TIME] = "SELECT taken_in FROM record WHERE position > ?1"
                            " ORDER BY position LIMIT 1",
    [DSN_SQL_READ_RECORDS] = "SELECT position, type, json, taken_in FROM record"
                             " WHERE position > ?1 ORDER BY position LIMIT ?2",
    [DSN_SQL_REMOVE_RECORDS] = "DELETE FROM record WHERE position <= ?1",
    [DSN_SQL_FIRST_RECORD] = "SELECT min(position) FROM record",
    [DSN_SQL_LAST_RECORD] = "SELECT seq FROM sqlite_sequence WHERE name = 'record'",
    [DSN_SQL_OUTLETS] = "SELECT name, position, note FROM outlet",
    [DSN_SQL_ADD_OUTLET] = "INSERT OR IGNORE INTO outlet(name, position) VALUES(?1, ?2)",
    [DSN_SQL_ADVANCE_OUTLET] = "UPDATE outlet SET position = ?2, note = ?3 WHERE name = ?1",
    [DSN_SQL_REMOVE_OUTLET] = "DELETE FROM outlet WHERE name = ?1",

    [DSN_SQL_ADD_HANDED_ON] = "INSERT INTO handed_on(time, outlet, first, last, positions, text)"
                              " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [DSN_SQL_HANDED_ON] = "SELECT time, outlet, first, last, positions, text FROM handed_on"
                          " WHERE last BETWEEN ?1 AND ?1 + ?2 AND first <= ?1 ORDER BY id",
    [DSN_SQL_EXPIRE_HANDED_ON] = "DELETE FROM handed_on WHERE id IN"
                                 " (SELECT id FROM handed_on ORDER BY id LIMIT ?1)"
                                 " AND time NOT BETWEEN ?2 AND ?3",

    [DSN_SQL_ADD_HISTORY] = "INSERT INTO history_line(bucket, subject, place) VALUES(?1, ?2, ?3)",
    [DSN_SQL_ADD_HISTORY_TEXT] = "INSERT INTO history_text(id, lines) VALUES(?1, ?2)",
    [DSN_SQL_FIRST_HISTORY] = "SELECT min(id) >> 20 FROM history_text",
    [DSN_SQL_LAST_HISTORY] = "SELECT max(id) >> 20 FROM history_text",
    [DSN_SQL_NEXT_HISTORY] = "SELECT bucket FROM history_line WHERE bucket > ?1"
                             " ORDER BY bucket LIMIT 1",
    [DSN_SQL_HISTORY] = "SELECT substr(lines, (place & 65535) + 1, ?3) FROM history_line"
                        " JOIN history_text ON id = (bucket << 20) + (place >> 16)"
                        " WHERE bucket = ?1 AND subject = ?2 ORDER BY place",
    [DSN_SQL_EXPIRE_HISTORY] = "DELETE FROM history_line WHERE bucket = ?1",
    [DSN_SQL_EXPIRE_HISTORY_TEXT] = "DELETE FROM history_text WHERE id < (?1 + 1) << 20",
    [DSN_SQL_SET_ATTEMPT] = "INSERT INTO attempt(digest, stored, time, record)"
                            " VALUES(?1, ?2, ?3, ?4) ON CONFLICT(digest) DO UPDATE SET"
                            " stored = excluded.stored, time = excluded.time,"
                            " record = excluded.record WHERE excluded.time >= time",
    [DSN_SQL_ATTEMPT] = "SELECT record FROM attempt WHERE digest = ?1",
    [DSN_SQL_ATTEMPT_CHUNK] = "SELECT digest FROM attempt WHERE digest > ?1"
                              " ORDER BY digest LIMIT 1 OFFSET ?2",
    [DSN_SQL_EXPIRE_ATTEMPTS] = "DELETE FROM attempt"
                                " WHERE digest > ?1 AND digest <= ?2 AND stored < ?3",
    [DSN_SQL_REMOVE_ATTEMPTS] = "DELETE FROM attempt WHERE digest IN"
                                " (SELECT digest FROM attempt LIMIT ?1)",
    [DSN_SQL_SET_BUCKET] = "INSERT OR REPLACE INTO bucket(name, tokens, time) VALUES(?1, ?2, ?3)",
    [DSN_SQL_BUCKETS] = "SELECT name, tokens, time FROM bucket ORDER BY time DESC LIMIT ?1",
    [DSN_SQL_EXPIRE_BUCKETS] = "DELETE FROM bucket WHERE time + (1 - tokens) * ?1 < ?2",
    [DSN_SQL_SET_PLACE] = "INSERT OR REPLACE INTO place(name, text) VALUES(?1, ?2)",
    [DSN_SQL_PLACE] = "SELECT text FROM place WHERE name = ?1",
};

G_DEFINE_QUARK(dsn - spool - error - quark, dsn_spool_error)

void
dsn_db_set_error(DsnDb *db, GError **error)
{
    const char *path = db->handle == NULL ? NULL : sqlite3_db_filename(db->handle, "main");

    g_set_error(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_DISK, "%s: %s (SQLite error %d)",
                path == NULL ? "spool.db" : path, sqlite3_errmsg(db->handle),
                sqlite3_extended_errcode(db->handle));
}

bool
dsn_db_exec(DsnDb *db, const char *sql, GError **error)
{
    if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    dsn_db_set_error(db, error);
    return false;
}

/* Instead of SQLite's own checkpoint after a commit. */
static int
note_log_pages(gpointer data, sqlite3 *handle, const char *name, int pages)
{
    (void)handle; /* that of the connection */
    (void)name;   /* there is one database */
    ((DsnDb *)data)->log_pages = pages;
    return SQLITE_OK;
}

/* SQLite does not call it an error when it cannot. */
static bool
check_mode(DsnDb *db, GError **error)
{
    sqlite3_stmt *query = NULL;
    bool good =
        sqlite3_prepare_v2(db->handle, "PRAGMA journal_mode", -1, &query, NULL) == SQLITE_OK &&
        sqlite3_step(query) == SQLITE_ROW &&
        g_strcmp0((const char *)sqlite3_column_text(query, 0), "wal") == 0;

    if (!good)
        g_set_error(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_DISK,
                    "%s: no write-ahead log is possible here: %s",
                    sqlite3_db_filename(db->handle, "main"), sqlite3_errmsg(db->handle));
    (void)sqlite3_finalize(query); /* repeats the error of the step */
    return good;
}

DsnDb *
dsn_db_open(const char *path, bool writer, GError **error)
{
    g_autoptr(DsnDb) db = g_new0(DsnDb, 1);
    /* A connection is used by one thread at a time: it needs no mutex. */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;

    if (sqlite3_open_v2(path, &db->handle, flags, NULL) != SQLITE_OK) {
        dsn_db_set_error(db, error);
        return NULL;
    }
    (void)sqlite3_extended_result_codes(db->handle, 1); /* fails for no handle only, as does: */
    (void)sqlite3_busy_timeout(db->handle, BUSY_MS);
    if (!dsn_db_exec(db, writer ? WRITER_PRAGMAS : READER_PRAGMAS, error))
        return NULL;
    if (writer) {
        (void)sqlite3_wal_hook(db->handle, note_log_pages, db); /* the former hook: SQLite's */
        if (!check_mode(db, error))
            return NULL;
    }
    return g_steal_pointer(&db);
}

void
dsn_db_close(DsnDb *db)
{
    if (db == NULL)
        return;
    for (int i = 0; i < DSN_N_SQL; i++)
        (void)sqlite3_finalize(db->statements[i]); /* repeats the error of its last step */
    (void)sqlite3_close(db->handle);               /* what is not on disk now is still in the log */
    g_free(db);
}

void
dsn_query_end(DsnQuery *query)
{
    (void)sqlite3_reset(query); /* repeats the error of the last step */
}

static int
bind_value(sqlite3_stmt *statement, int index, const DsnValue *value)
{
    switch (value->kind) {
    case DSN_VALUE_INT:
        return sqlite3_bind_int64(statement, index, value->number);
    case DSN_VALUE_REAL:
        return sqlite3_bind_double(statement, index, value->real);
    case DSN_VALUE_TEXT:
        return sqlite3_bind_text(statement, index, value->data, -1, SQLITE_STATIC);
    case DSN_VALUE_BLOB:
    default:
        return sqlite3_bind_blob64(statement, index, value->data, value->len, SQLITE_STATIC);
    }
}

DsnQuery *
dsn_db_query(DsnDb *db, DsnSql sql, const DsnValue *values, size_t n_values)
{
    if (db->statements[sql] == NULL &&
        sqlite3_prepare_v3(db->handle, STATEMENTS[sql], -1, SQLITE_PREPARE_PERSISTENT,
                           &db->statements[sql], NULL) != SQLITE_OK)
        return NULL;
    for (size_t i = 0; i < n_values; i++)
        if (bind_value(db->statements[sql], (int)i + 1, &values[i]) != SQLITE_OK)
            return NULL;
    return db->statements[sql];
}

bool
dsn_query_next(DsnDb *db, DsnQuery *query, GError **error)
{
    int result = query == NULL ? SQLITE_ERROR : sqlite3_step(query);

    if (result != SQLITE_ROW && result != SQLITE_DONE)
        dsn_db_set_error(db, error);
    return result == SQLITE_ROW;
}

bool
dsn_db_run(DsnDb *db, DsnSql sql, const DsnValue *values, size_t n_values, GError **error)
{
    g_autoptr(DsnQuery) query = dsn_db_query(db, sql, values, n_values);

    if (query != NULL && sqlite3_step(query) == SQLITE_DONE)
        return true;
    dsn_db_set_error(db, error);
    return false;
}

bool
dsn_db_number(DsnDb *db, DsnSql sql, int64_t fallback, int64_t *ret_number, GError **error)
{
    g_autoptr(DsnQuery) query = dsn_db_query(db, sql, NULL, 0);
    g_autoptr(GError) failure = NULL;
    bool row = dsn_query_next(db, query, &failure);

    if (failure != NULL) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    *ret_number = row && sqlite3_column_type(query, 0) != SQLITE_NULL
                      ? sqlite3_column_int64(query, 0)
                      : fallback;
    return true;
}

bool
dsn_db_has(DsnDb *db, DsnSql sql, const DsnValue *values, size_t n_values, bool *ret_has,
           GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(DsnQuery) query = dsn_db_query(db, sql, values, n_values);

    *ret_has = dsn_query_next(db, query, &failure);
    if (failure == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

DsnDb *
dsn_spool_reader(DsnSpool *spool, GError **error)
{
    g_mutex_lock(&spool->readers_lock);
    while (spool->readers->len == 0 && spool->n_readers >= MAX_READERS)
        g_cond_wait(&spool->reader_free, &spool->readers_lock);
    DsnDb *db = spool->readers->len == 0
                    ? NULL
                    : g_ptr_array_steal_index_fast(spool->readers, spool->readers->len - 1);
    if (db == NULL)
        spool->n_readers++;
    g_mutex_unlock(&spool->readers_lock);

    g_autoptr(GError) failure = NULL;
    if (db == NULL)
        db = dsn_db_open(spool->path, false, &failure);
    if (db == NULL) {
        dsn_spool_reader_done(spool, NULL, failure);
        g_propagate_error(error, g_steal_pointer(&failure));
    }
    return db;
}

void
dsn_spool_reader_done(DsnSpool *spool, DsnDb *db, const GError *failure)
{
    int64_t now = g_get_monotonic_time();
    bool log = false;

    g_mutex_lock(&spool->readers_lock);
    if (failure == NULL) {
        g_ptr_array_add(spool->readers, db);
    } else {
        spool->n_readers--;
        log = spool->read_failure == 0 || now - spool->read_failure >= READ_LOG_INTERVAL;
        spool->read_failure = log ? now : spool->read_failure;
    }
    g_cond_signal(&spool->reader_free);
    g_mutex_unlock(&spool->readers_lock);
    if (failure == NULL)
        return;
    dsn_db_close(db);
    dsn_metrics_add(spool->metrics, DSN_COUNT_SPOOL_ERRORS, 1);
    if (log)
        dsn_log_event(DSN_LOG_ERROR, "spool: cannot be read: %s", failure->message);
}
