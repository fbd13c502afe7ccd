/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/captures-db.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "filter/pipeline/spool-private.h"

/* Somebody with sqlite3(1) can be in the way; nobody waits for the writer but those behind it. */
#define BUSY_MS 1000
#define SCHEMA 1

/* Rows that one step removes, and looks at to erase. */
#define TRIM_ROWS "500"
#define ERASE_ROWS 256

/* Rows with one key that are looked at. */
#define FIND_ROWS "100"

/* A commit waits for no disk: what a crash of the machine takes with it are wishes, and the file
 * stays sound all the same. */
static const char WRITER_PRAGMAS[] = "PRAGMA page_size = 4096;"
                                     "PRAGMA auto_vacuum = INCREMENTAL;"
                                     "PRAGMA journal_mode = WAL;"
                                     "PRAGMA synchronous = NORMAL;"
                                     "PRAGMA secure_delete = FAST;"
                                     "PRAGMA journal_size_limit = 8388608;"
                                     "PRAGMA cache_size = -4096;"
                                     "PRAGMA temp_store = MEMORY;";
static const char READER_PRAGMAS[] = "PRAGMA query_only = 1;"
                                     "PRAGMA cache_size = -1024;";

/* The comments are for whoever opens the file with sqlite3(1); SQLite keeps them. */
static const char TABLES[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE capture(\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, -- the oldest has the least\n"
    "  time INTEGER NOT NULL,         -- unix seconds\n"
    "  queue_key INTEGER NOT NULL,    -- digest of sender and queue id\n"
    "  message_key INTEGER NOT NULL,  -- digest of sender, Message-ID, and the only recipient\n"
    "  whole INTEGER NOT NULL,        -- the content is all of the message, not its header\n"
    "  about TEXT NOT NULL,           -- a JSON object\n"
    "  content BLOB                   -- NULL: none was kept\n"
    ");\n"
    "CREATE INDEX capture_queue ON capture(queue_key);\n"
    "CREATE INDEX capture_message ON capture(message_key);\n"
    "PRAGMA user_version = " G_STRINGIFY(SCHEMA) ";"
                                                 "COMMIT;";

typedef enum Sql {
    SQL_PUT,
    SQL_TRIM_OLD,
    SQL_TRIM_SIZE,
    SQL_PAGES,
    SQL_FREE_PAGES,
    SQL_OLDEST,
    SQL_BEHIND,
    SQL_ERASE,
    SQL_BY_QUEUE,
    SQL_BY_MESSAGE,
    N_SQL
} Sql;

#define FIND(column)                                                                   \
    "SELECT about, content, whole FROM capture WHERE " column " = ?1 ORDER BY id DESC" \
    " LIMIT " FIND_ROWS
/* Rows are as large as their content, roughly. Those are removed, oldest first, behind which there
 * is still something to remove; with a limit, so that nobody waits long for the writer. */
#define OLDEST "SELECT id, content FROM capture ORDER BY id LIMIT " TRIM_ROWS
#define OLDEST_AND_SIZE                                                            \
    "SELECT id, sum(ifnull(length(content), 0) + 500)"                             \
    " OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS done" \
    " FROM (" OLDEST ")"

static const char *const STATEMENTS[N_SQL] = {
    [SQL_PUT] = "INSERT INTO capture(time, queue_key, message_key, whole, about, content)"
                " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [SQL_TRIM_OLD] = "DELETE FROM capture WHERE id IN (SELECT id FROM (" OLDEST "))"
                     " AND (time < ?1 OR time > ?2)",
    [SQL_TRIM_SIZE] = "DELETE FROM capture WHERE id IN"
                      " (SELECT id FROM (" OLDEST_AND_SIZE ") WHERE ifnull(done, 0) < ?1)",
    [SQL_PAGES] = "PRAGMA page_count",
    [SQL_FREE_PAGES] = "PRAGMA freelist_count",
    [SQL_OLDEST] = "SELECT time FROM capture ORDER BY id LIMIT 1",
    [SQL_BEHIND] = "SELECT id, about, content FROM capture WHERE id > ?1 ORDER BY id LIMIT ?2",
    [SQL_ERASE] = "DELETE FROM capture WHERE id = ?1",
    [SQL_BY_QUEUE] = FIND("queue_key"),
    [SQL_BY_MESSAGE] = FIND("message_key"),
};

struct DsnCapturesDb {
    sqlite3 *handle;
    sqlite3_stmt *statements[N_SQL];
};

G_DEFINE_QUARK(dsn - captures - error - quark, dsn_captures_error)

static bool
fail(DsnCapturesDb *db, GError **error)
{
    int code = sqlite3_errcode(db->handle) & 0xff; /* without the details */
    bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;

    g_set_error(error, DSN_CAPTURES_ERROR,
                damaged ? DSN_CAPTURES_ERROR_DAMAGED : DSN_CAPTURES_ERROR_DISK,
                "captures.db: %s (SQLite error %d)", sqlite3_errmsg(db->handle),
                sqlite3_extended_errcode(db->handle));
    return false;
}

static bool
exec(DsnCapturesDb *db, const char *sql, GError **error)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK || fail(db, error);
}

/* ---- statements ---- */

/* Ready to be bound; NULL when it cannot be prepared. */
static sqlite3_stmt *
prepare(DsnCapturesDb *db, Sql sql)
{
    if (db->statements[sql] == NULL)
        (void)sqlite3_prepare_v3(db->handle, STATEMENTS[sql], -1, SQLITE_PREPARE_PERSISTENT,
                                 &db->statements[sql], NULL); /* NULL then */
    return db->statements[sql];
}

/* Runs @statement to its end, and resets it. */
static bool
run(DsnCapturesDb *db, sqlite3_stmt *statement, GError **error)
{
    bool good = statement != NULL && sqlite3_step(statement) == SQLITE_DONE;

    if (!good)
        (void)fail(db, error);
    if (statement != NULL)
        (void)sqlite3_reset(statement); /* repeats the error of the step */
    return good;
}

/* The number in the first row, @fallback if there is none. */
static bool
read_number(DsnCapturesDb *db, Sql sql, int64_t fallback, int64_t *ret_number, GError **error)
{
    sqlite3_stmt *statement = prepare(db, sql);
    int result = statement == NULL ? SQLITE_ERROR : sqlite3_step(statement);

    if (result == SQLITE_ROW || result == SQLITE_DONE)
        *ret_number = result == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : fallback;
    else
        (void)fail(db, error);
    if (statement != NULL)
        (void)sqlite3_reset(statement); /* repeats the error of the step */
    return result == SQLITE_ROW || result == SQLITE_DONE;
}

static DsnSpan
column_span(sqlite3_stmt *statement, int column)
{
    const char *bytes = sqlite3_column_blob(statement, column);

    return bytes == NULL ? DSN_SPAN_ABSENT
                         : (DsnSpan){bytes, (size_t)sqlite3_column_bytes(statement, column)};
}

/* Ends the transaction that was begun; nothing of it stays unless @good. */
static bool
end(DsnCapturesDb *db, bool good, GError **error)
{
    if (good && exec(db, "COMMIT", error))
        return true;
    if (sqlite3_get_autocommit(db->handle) == 0)
        (void)exec(db, "ROLLBACK", NULL); /* fails only where none is needed */
    return false;
}

/* ---- life ---- */

/* SQLite gives its other files the rights of this one. */
static bool
make_file(const char *path, GError **error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        g_set_error(error, DSN_CAPTURES_ERROR, DSN_CAPTURES_ERROR_DISK, "%s: %s", path,
                    g_strerror(errno));
        return false;
    }
    (void)close(fd); /* nothing was written */
    return true;
}

/* A file that a newer dsnarf wrote is not touched. */
static bool
read_version(DsnCapturesDb *db, int *ret_version, GError **error)
{
    sqlite3_stmt *query = NULL;
    bool good =
        sqlite3_prepare_v2(db->handle, "PRAGMA user_version", -1, &query, NULL) == SQLITE_OK &&
        sqlite3_step(query) == SQLITE_ROW;

    if (good)
        *ret_version = sqlite3_column_int(query, 0);
    else
        (void)fail(db, error);
    (void)sqlite3_finalize(query); /* repeats the error of the step */
    if (!good || *ret_version <= SCHEMA)
        return good;
    g_set_error(error, DSN_CAPTURES_ERROR, DSN_CAPTURES_ERROR_NEWER,
                "captures.db has schema %d, and this program knows them up to %d: it was written "
                "by a newer dsnarf",
                *ret_version, SCHEMA);
    return false;
}

static bool
set_up_writer(DsnCapturesDb *db, GError **error)
{
    int version;

    return read_version(db, &version, error) && exec(db, WRITER_PRAGMAS, error) &&
           (version == SCHEMA || exec(db, TABLES, error));
}

DsnCapturesDb *
dsn_captures_db_open(const char *path, bool writer, GError **error)
{
    g_autoptr(DsnCapturesDb) db = g_new0(DsnCapturesDb, 1);

    if (writer && !make_file(path, error))
        return NULL;
    if (sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK) {
        (void)fail(db, error);
        return NULL;
    }
    (void)sqlite3_extended_result_codes(db->handle, 1); /* fails for no handle only, as does: */
    (void)sqlite3_busy_timeout(db->handle, writer ? BUSY_MS : 0);
    if (writer ? !set_up_writer(db, error) : !exec(db, READER_PRAGMAS, error))
        return NULL;
    return g_steal_pointer(&db);
}

void
dsn_captures_db_close(DsnCapturesDb *db)
{
    if (db == NULL)
        return;
    for (int i = 0; i < N_SQL; i++)
        (void)sqlite3_finalize(db->statements[i]); /* repeats the error of its last step */
    (void)sqlite3_close(db->handle);               /* all is committed, or given up */
    g_free(db);
}

/* ---- writing ---- */

static bool
put(DsnCapturesDb *db, const DsnCapture *capture, GError **error)
{
    const GString *content = capture->content;
    sqlite3_stmt *statement = prepare(db, SQL_PUT);

    if (statement == NULL || sqlite3_bind_int64(statement, 1, capture->time) != SQLITE_OK ||
        sqlite3_bind_int64(statement, 2, capture->queue_key) != SQLITE_OK ||
        sqlite3_bind_int64(statement, 3, capture->message_key) != SQLITE_OK ||
        sqlite3_bind_int(statement, 4, capture->whole) != SQLITE_OK ||
        sqlite3_bind_text64(statement, 5, capture->about->str, capture->about->len, SQLITE_STATIC,
                            SQLITE_UTF8) != SQLITE_OK ||
        (content == NULL ? sqlite3_bind_null(statement, 6)
                         : sqlite3_bind_blob64(statement, 6, content->str, content->len,
                                               SQLITE_STATIC)) != SQLITE_OK)
        return fail(db, error);
    return run(db, statement, error);
}

bool
dsn_captures_db_put(DsnCapturesDb *db, const GQueue *captures, GError **error)
{
    if (!exec(db, "BEGIN IMMEDIATE", error))
        return false;
    bool good = true;
    for (const GList *link = captures->head; link != NULL && good; link = link->next)
        good = put(db, link->data, error);
    return end(db, good, error);
}

static bool
count_bytes(DsnCapturesDb *db, int64_t *ret_bytes, int64_t *ret_free, GError **error)
{
    int64_t pages, free_pages;

    if (!read_number(db, SQL_PAGES, 0, &pages, error) ||
        !read_number(db, SQL_FREE_PAGES, 0, &free_pages, error))
        return false;
    *ret_bytes = (pages - free_pages) * DSN_PAGE_SIZE;
    *ret_free = free_pages;
    return true;
}

/* Pages that are free and not used again soon go back to the file system, some at a time. */
static bool
shorten(DsnCapturesDb *db, int64_t used, int64_t free_pages, GError **error)
{
    return free_pages * DSN_PAGE_SIZE <= used / 4 + (4 << 20) ||
           exec(db, "PRAGMA incremental_vacuum(500)", error);
}

bool
dsn_captures_db_trim(DsnCapturesDb *db, int64_t first, int64_t last, int64_t max_bytes,
                     bool *ret_more, GError **error)
{
    int64_t bytes, free_pages, oldest;

    if (!count_bytes(db, &bytes, &free_pages, error) ||
        !read_number(db, SQL_OLDEST, first, &oldest, error))
        return false;
    *ret_more = false;
    if (bytes <= max_bytes && oldest >= first && oldest <= last)
        return shorten(db, bytes, free_pages, error);
    bool over = bytes > max_bytes;
    sqlite3_stmt *statement = prepare(db, over ? SQL_TRIM_SIZE : SQL_TRIM_OLD);
    if (statement == NULL ||
        sqlite3_bind_int64(statement, 1, over ? bytes - max_bytes : first) != SQLITE_OK ||
        (!over && sqlite3_bind_int64(statement, 2, last) != SQLITE_OK))
        return fail(db, error);
    if (!run(db, statement, error))
        return false;
    *ret_more = sqlite3_changes(db->handle) > 0;
    return true;
}

bool
dsn_captures_db_measure(DsnCapturesDb *db, int64_t *ret_bytes, int64_t *ret_oldest, GError **error)
{
    int64_t free_pages;

    return count_bytes(db, ret_bytes, &free_pages, error) &&
           read_number(db, SQL_OLDEST, 0, ret_oldest, error);
}

/* ---- erasing ---- */

static bool
find_named(DsnCapturesDb *db, const char *address, int64_t *cursor, GArray *victims, int *ret_rows,
           GError **error)
{
    sqlite3_stmt *statement = prepare(db, SQL_BEHIND);
    int result = SQLITE_ERROR;

    if (statement != NULL && sqlite3_bind_int64(statement, 1, *cursor) == SQLITE_OK &&
        sqlite3_bind_int(statement, 2, ERASE_ROWS) == SQLITE_OK) {
        for (*ret_rows = 0; (result = sqlite3_step(statement)) == SQLITE_ROW; ++*ret_rows) {
            *cursor = sqlite3_column_int64(statement, 0);
            if (dsn_erase_names(column_span(statement, 1), address) ||
                dsn_erase_names(column_span(statement, 2), address))
                g_array_append_val(victims, *cursor);
        }
    }
    if (result != SQLITE_DONE)
        (void)fail(db, error);
    if (statement != NULL)
        (void)sqlite3_reset(statement); /* repeats the error of the step */
    return result == SQLITE_DONE;
}

static bool
erase_row(DsnCapturesDb *db, int64_t id, GError **error)
{
    sqlite3_stmt *statement = prepare(db, SQL_ERASE);

    if (statement == NULL || sqlite3_bind_int64(statement, 1, id) != SQLITE_OK)
        return fail(db, error);
    return run(db, statement, error);
}

bool
dsn_captures_db_erase(DsnCapturesDb *db, const char *address, int64_t *cursor, guint64 *ret_count,
                      bool *ret_more, GError **error)
{
    g_autoptr(GArray) victims = g_array_new(FALSE, FALSE, sizeof(int64_t));
    int rows = 0;

    if (!find_named(db, address, cursor, victims, &rows, error))
        return false;
    *ret_more = rows == ERASE_ROWS;
    if (victims->len == 0)
        return true;
    if (!exec(db, "PRAGMA secure_delete = ON; BEGIN IMMEDIATE", error))
        return false;
    bool good = true;
    for (guint i = 0; i < victims->len && good; i++)
        good = erase_row(db, g_array_index(victims, int64_t, i), error);
    good = end(db, good, error);
    if (good)
        *ret_count += victims->len;
    return exec(db, "PRAGMA secure_delete = FAST", good ? error : NULL) && good;
}

bool
dsn_captures_db_shrink(DsnCapturesDb *db, GError **error)
{
    return exec(db, "PRAGMA incremental_vacuum", error);
}

/* The pragma of that name would not tell that a reader is in the way. */
bool
dsn_captures_db_empty_log(DsnCapturesDb *db, GError **error)
{
    return sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
               SQLITE_OK ||
           fail(db, error);
}

/* ---- finding ---- */

bool
dsn_captures_db_find(DsnCapturesDb *db, DsnCaptureKey kind, int64_t key, DsnKeptLook look,
                     gpointer user, bool *ret_found, GError **error)
{
    sqlite3_stmt *statement =
        prepare(db, kind == DSN_CAPTURE_QUEUE ? SQL_BY_QUEUE : SQL_BY_MESSAGE);
    int result = SQLITE_ERROR;

    *ret_found = false;
    if (statement != NULL && sqlite3_bind_int64(statement, 1, key) == SQLITE_OK) {
        while (!*ret_found && (result = sqlite3_step(statement)) == SQLITE_ROW) {
            const DsnKept kept = {column_span(statement, 0), column_span(statement, 1),
                                  sqlite3_column_int(statement, 2) != 0};

            *ret_found = look(&kept, user);
        }
    }
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        (void)fail(db, error);
    if (statement != NULL)
        (void)sqlite3_reset(statement); /* repeats the error of the step */
    return result == SQLITE_ROW || result == SQLITE_DONE;
}
