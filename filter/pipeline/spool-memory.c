/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"

#include "filter/core/json-writer.h"

#include <jansson.h>

/* When the next bucket of history begins. */
#define BUCKET_BYTES ((size_t)2 << 20)
#define BUCKET_TIME (5 * G_TIME_SPAN_MINUTE)
/* Rows of lines in a bucket, and where the last line of a row may begin, see history_text. */
#define BUCKET_ROWS (1 << 20)
#define ROW_BYTES 65535

/* Of the text of a line, and of one string in it when that was too long. */
#define MAX_TEXT 4096
/* Of a line: its time is before the text. */
#define MAX_LINE (MAX_TEXT + 32)
#define MAX_MEMBER 500
/* Of the record of an attempt: without it a notice only says less. */
#define MAX_ATTEMPT 8192
/* That are removed at a time when room is short. */
#define RELIEF_ATTEMPTS 500
/* What one question can have for an answer. */
#define MAX_LINES 1000
/* More than a governor has. */
#define MAX_BUCKETS 200000

#define HOUR ((int64_t)3600 * G_USEC_PER_SEC)

void
dsn_history_clear(DsnHistory *history)
{
    g_clear_pointer(&history->subject, g_free);
    g_clear_pointer(&history->text, g_free);
}

void
dsn_history_line_clear(DsnHistoryLine *line)
{
    g_clear_pointer(&line->text, g_free);
}

guint64
dsn_subject_key(const char *subject)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    guint8 digest[32];
    gsize len = sizeof digest;
    guint64 key;

    g_checksum_update(checksum, (const guchar *)subject, (gssize)strlen(subject));
    g_checksum_get_digest(checksum, digest, &len);
    memcpy(&key, digest, sizeof key);
    return key;
}

/* ---- storing ---- */

/* The same members with long strings cut, or, if that does not help, what happened alone. */
static char *
shorten(const char *text)
{
    g_autofree char *object = g_strconcat("{", text, "}", NULL);
    json_auto_t *json = json_loads(object, 0, NULL);
    g_autoptr(GString) shorter = g_string_new(NULL);
    const char *key;
    json_t *value;

    json_object_foreach(json, key, value)
    {
        const char *string = json_string_value(value);
        const char *end;

        dsn_json_key(shorter, key);
        if (string == NULL || strlen(string) <= MAX_MEMBER) {
            dsn_json_tree(shorter, value);
        } else {
            (void)g_utf8_validate_len(string, MAX_MEMBER, &end); /* the end of what is whole */
            (void)dsn_json_string(shorter, (DsnSpan){string, (size_t)(end - string)});
        }
    }
    if (shorter->len > MAX_TEXT) {
        const char *event = json_string_value(json_object_get(json, "event"));

        g_string_truncate(shorter, 0);
        dsn_json_key(shorter, "event");
        (void)dsn_json_string(shorter, event == NULL || strlen(event) > MAX_MEMBER
                                           ? DSN_SPAN_ABSENT
                                           : dsn_span(event));
    }
    return g_string_free(g_steal_pointer(&shorter), FALSE);
}

bool
dsn_history_flush(DsnSpool *spool, GError **error)
{
    GString *lines = spool->history_lines;

    if (lines->len == 0)
        return true;
    bool good =
        dsn_db_run(spool->writer, DSN_SQL_ADD_HISTORY_TEXT,
                   DSN_VALUES(dsn_int(spool->history_bucket * BUCKET_ROWS + spool->history_number),
                              dsn_blob(lines->str, lines->len)),
                   error);
    g_string_truncate(lines, 0);
    spool->history_number++;
    return good;
}

void
dsn_history_forget(DsnSpool *spool)
{
    g_string_truncate(spool->history_lines, 0);
}

/* Begins a bucket, or a row in it, if it is time to. Lines have their own times: that of the bucket
 * only says when all of it is old. */
static bool
make_room(DsnSpool *spool, int64_t now, GError **error)
{
    int64_t ticks = g_get_monotonic_time();
    int64_t last = spool->history_bucket;

    if (last != 0 && spool->history_bytes < BUCKET_BYTES &&
        spool->history_number < BUCKET_ROWS - 1 && ticks - spool->history_started < BUCKET_TIME)
        return spool->history_lines->len <= ROW_BYTES || dsn_history_flush(spool, error);
    if (!dsn_history_flush(spool, error) ||
        (last == 0 && !dsn_db_number(spool->writer, DSN_SQL_LAST_HISTORY, 0, &last, error)))
        return false;
    spool->history_bucket = MAX(now / 1000, last + 1); /* the clock may have been set back */
    spool->history_started = ticks;
    spool->history_bytes = 0;
    spool->history_number = 0;
    return true;
}

bool
dsn_history_add(DsnSpool *spool, guint64 subject, const char *text, GError **error)
{
    GString *lines = spool->history_lines;
    g_autofree char *shorter = strlen(text) > MAX_TEXT ? shorten(text) : NULL;
    int64_t now = g_get_real_time();

    if (spool->history_keep == 0)
        return true;
    if (now <= spool->history_time && spool->history_time - now < G_TIME_SPAN_SECOND)
        now = spool->history_time + 1; /* so that they have an order */
    spool->history_time = now;
    if (!make_room(spool, dsn_spool_now(spool), error))
        return false;
    const size_t start = lines->len;
    const int64_t place = spool->history_number * (ROW_BYTES + 1) + (int64_t)start;
    dsn_json_int(lines, now);
    g_string_append_c(lines, ' ');
    g_string_append(lines, shorter == NULL ? text : shorter);
    g_string_append_c(lines, '\n');
    spool->history_bytes += lines->len - start;
    return dsn_db_run(spool->writer, DSN_SQL_ADD_HISTORY,
                      DSN_VALUES(dsn_int(spool->history_bucket), dsn_blob(&subject, sizeof subject),
                                 dsn_int(place)),
                      error);
}

bool
dsn_attempt_store(DsnSpool *spool, const DsnKey *message, GBytes *record, int64_t now,
                  GError **error)
{
    gsize size;
    const void *data = g_bytes_get_data(record, &size);

    return size == 0 || size > MAX_ATTEMPT ||
           dsn_db_run(spool->writer, DSN_SQL_SET_ATTEMPT,
                      DSN_VALUES(dsn_blob(message->digest, 16), dsn_int(now),
                                 dsn_int(message->time), dsn_blob(data, size)),
                      error);
}

bool
dsn_buckets_store(DsnSpool *spool, const GArray *buckets, GError **error)
{
    for (guint i = 0; buckets != NULL && i < buckets->len; i++) {
        const DsnBucket *bucket = &g_array_index(buckets, DsnBucket, i);

        if (!dsn_db_run(
                spool->writer, DSN_SQL_SET_BUCKET,
                DSN_VALUES(dsn_text(bucket->name), dsn_real(bucket->tokens), dsn_int(bucket->time)),
                error))
            return false;
    }
    return true;
}

/* ---- expiry ---- */

/* The lines go last: as long as they are there, so is what says that there is something to do. */
bool
dsn_history_expire(DsnSpool *spool, int64_t before, bool *ret_done, GError **error)
{
    int64_t first;

    if (!dsn_db_number(spool->writer, DSN_SQL_FIRST_HISTORY, 0, &first, error))
        return false;
    *ret_done = first == 0 || first >= before * 1000 - BUCKET_TIME / 1000;
    return *ret_done ||
           (dsn_db_run(spool->writer, DSN_SQL_EXPIRE_HISTORY, DSN_VALUES(dsn_int(first)), error) &&
            dsn_db_run(spool->writer, DSN_SQL_EXPIRE_HISTORY_TEXT, DSN_VALUES(dsn_int(first)),
                       error));
}

bool
dsn_buckets_expire(DsnSpool *spool, GError **error)
{
    return dsn_db_run(spool->writer, DSN_SQL_EXPIRE_BUCKETS,
                      DSN_VALUES(dsn_int(HOUR), dsn_int(dsn_spool_safe_now(spool))), error);
}

/* What is remembered must not keep work out: it goes first. */
bool
dsn_memory_relieve(DsnSpool *spool, bool *ret_done, GError **error)
{
    if (!dsn_history_expire(spool, G_MAXINT64 / 1000, ret_done, error))
        return false;
    if (*ret_done && !dsn_handed_on_expire(spool, G_MAXINT64 / G_USEC_PER_SEC, ret_done, error))
        return false;
    if (!*ret_done)
        return true;
    if (!dsn_db_run(spool->writer, DSN_SQL_REMOVE_ATTEMPTS, DSN_VALUES(dsn_int(RELIEF_ATTEMPTS)),
                    error))
        return false;
    *ret_done = sqlite3_changes(spool->writer->handle) == 0;
    return true;
}

/* ---- looking ---- */

/* The first bucket behind *@bucket, or false. */
static bool
next_bucket(DsnDb *db, int64_t *bucket, GError **error)
{
    g_autoptr(DsnQuery) query =
        dsn_db_query(db, DSN_SQL_NEXT_HISTORY, DSN_VALUES(dsn_int(*bucket)));

    if (!dsn_query_next(db, query, error))
        return false;
    *bucket = sqlite3_column_int64(query, 0);
    return true;
}

/* "TIME TEXT" up to a line feed, at the start of what is @len long. */
static DsnHistoryLine
parse_line(const char *start, size_t len)
{
    const char *end = memchr(start, '\n', len);
    g_autofree char *line = g_strndup(start, end == NULL ? len : (size_t)(end - start));
    char *text;
    int64_t time = g_ascii_strtoll(line, &text, 10);

    return (DsnHistoryLine){time, g_strdup(*text == ' ' ? text + 1 : text)};
}

bool
dsn_spool_history(DsnSpool *spool, const char *subject, GArray *lines, GError **error)
{
    g_autoptr(GError) failure = NULL;
    const guint64 key = dsn_subject_key(subject);
    const guint before = lines->len;
    int64_t bucket = 0;
    DsnDb *db = dsn_spool_reader(spool, error);

    if (db == NULL)
        return false;
    while (lines->len - before < MAX_LINES && next_bucket(db, &bucket, &failure)) {
        g_autoptr(DsnQuery) query = dsn_db_query(
            db, DSN_SQL_HISTORY,
            DSN_VALUES(dsn_int(bucket), dsn_blob(&key, sizeof key), dsn_int(MAX_LINE)));

        while (lines->len - before < MAX_LINES && dsn_query_next(db, query, &failure)) {
            const DsnHistoryLine line =
                parse_line(sqlite3_column_blob(query, 0), (size_t)sqlite3_column_bytes(query, 0));
            g_array_append_val(lines, line);
        }
        if (failure != NULL)
            break;
    }
    dsn_spool_reader_done(spool, db, failure);
    if (failure == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

int64_t
dsn_spool_history_keep(DsnSpool *spool)
{
    return spool->history_keep;
}

char *
dsn_spool_last_attempt(DsnSpool *spool, const DsnKey *message)
{
    g_autoptr(GError) failure = NULL;
    char *record = NULL;
    DsnDb *db = dsn_spool_reader(spool, NULL); /* a failure is logged there */

    if (db == NULL)
        return NULL;
    DsnQuery *query = dsn_db_query(db, DSN_SQL_ATTEMPT, DSN_VALUES(dsn_blob(message->digest, 16)));
    if (dsn_query_next(db, query, &failure))
        record = g_strndup(sqlite3_column_blob(query, 0), (gsize)sqlite3_column_bytes(query, 0));
    dsn_query_end(query);
    dsn_spool_reader_done(spool, db, failure);
    return record;
}

bool
dsn_spool_load_buckets(DsnSpool *spool, GArray *buckets, GError **error)
{
    g_autoptr(GError) failure = NULL;
    DsnDb *db = dsn_spool_reader(spool, error);

    if (db == NULL)
        return false;
    DsnQuery *query = dsn_db_query(db, DSN_SQL_BUCKETS, DSN_VALUES(dsn_int(MAX_BUCKETS)));
    while (dsn_query_next(db, query, &failure)) {
        const DsnBucket bucket = {.name = g_strdup((const char *)sqlite3_column_text(query, 0)),
                                  .tokens = sqlite3_column_double(query, 1),
                                  .time = sqlite3_column_int64(query, 2)};
        g_array_append_val(buckets, bucket);
    }
    dsn_query_end(query);
    dsn_spool_reader_done(spool, db, failure);
    if (failure == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}
