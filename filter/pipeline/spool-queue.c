/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"

#include "filter/core/json-writer.h"

/* Entries that are read at a time: no transaction stays open while the caller looks at them. */
#define LIST_CHUNK 256
/* Entries that one transaction changes. */
#define CHANGE_CHUNK 500

/* ---- listing ---- */

static void
clear_entry(gpointer data)
{
    DsnQueueEntry *entry = data;

    g_free((char *)entry->record_id);
    g_free((char *)entry->record_type);
    g_free((char *)entry->recipient);
    g_free((char *)entry->relay);
    g_free((char *)entry->tenant);
    g_free((char *)entry->reason);
}

static char *
dup_column(DsnQuery *query, int column)
{
    return g_strdup((const char *)sqlite3_column_text(query, column));
}

static DsnQueueEntry
read_entry(DsnQuery *query)
{
    static const char *const kinds[] = {
        [DSN_ENTRY_NOTICE] = "notice",
        [DSN_ENTRY_REJECTED] = "rejected",
        [DSN_ENTRY_RECORD] = "record",
    };
    const size_t kind = (size_t)sqlite3_column_int64(query, 1);
    bool dead = sqlite3_column_int(query, 2) != 0;
    /* before the first attempt: when that may be, unless somebody has wanted it at once */
    int64_t attempt = sqlite3_column_int64(query, 10);
    int64_t next = attempt > 0 ? attempt : sqlite3_column_int64(query, 13);

    return (DsnQueueEntry){
        .entry = sqlite3_column_int64(query, 0),
        .kind = kinds[MIN(kind, G_N_ELEMENTS(kinds) - 1)],
        .state = dead ? "dead" : "waiting",
        .record_id = dup_column(query, 3),
        .record_type = dup_column(query, 4),
        .recipient = dup_column(query, 5),
        .reason = dup_column(query, 6),
        .size = (size_t)sqlite3_column_int64(query, 7),
        .attempts = (unsigned)sqlite3_column_int(query, 8),
        .taken_in = sqlite3_column_int64(query, 9),
        .next_attempt = dead ? 0 : next / G_USEC_PER_SEC,
        .relay = dup_column(query, 11),
        .tenant = dup_column(query, 12),
    };
}

/* Reads up to @max entries behind @after into @entries. */
static bool
read_chunk(DsnSpool *spool, const DsnQueueFilter *filter, int64_t after, unsigned max,
           GArray *entries, GError **error)
{
    g_autoptr(GError) failure = NULL;
    bool only_dead = filter->dead && !filter->waiting;
    bool only_waiting = filter->waiting && !filter->dead;
    int64_t before = dsn_spool_safe_now(spool) / G_USEC_PER_SEC - filter->older_than;
    DsnDb *db = dsn_spool_reader(spool, error);

    if (db == NULL)
        return false;
    DsnQuery *query = dsn_db_query(
        db, only_dead ? DSN_SQL_LIST_DEAD : DSN_SQL_LIST,
        DSN_VALUES(dsn_int(MAX(after, filter->entry - 1)),
                   dsn_int(filter->entry == 0 ? G_MAXINT64 : filter->entry),
                   only_waiting ? dsn_int(0) : dsn_text(NULL), dsn_text(filter->recipient),
                   dsn_int(filter->older_than == 0 ? G_MAXINT64 : before), dsn_int(max)));
    while (dsn_query_next(db, query, &failure)) {
        DsnQueueEntry entry = read_entry(query);

        g_array_append_val(entries, entry);
    }
    dsn_query_end(query);
    dsn_spool_reader_done(spool, db, failure);
    if (failure == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

/* Calls @each with chunks of up to @max entries, until it says false. */
static bool
for_each_chunk(DsnSpool *spool, const DsnQueueFilter *filter, unsigned max,
               bool (*each)(const GArray *entries, gpointer user, GError **error), gpointer user,
               GError **error)
{
    g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(DsnQueueEntry));
    int64_t after = 0;

    g_array_set_clear_func(entries, clear_entry);
    do {
        g_array_set_size(entries, 0);
        if (!read_chunk(spool, filter, after, max, entries, error))
            return false;
        if (entries->len > 0) {
            after = g_array_index(entries, DsnQueueEntry, entries->len - 1).entry;
            if (!each(entries, user, error))
                return false;
        }
    } while (entries->len == max);
    return true;
}

typedef struct Listing {
    bool (*each)(const DsnQueueEntry *entry, gpointer user);
    gpointer user;
    bool stopped;
} Listing;

static bool
list_chunk(const GArray *entries, gpointer user, GError **error)
{
    Listing *listing = user;

    (void)error; /* nothing fails here */
    for (guint i = 0; i < entries->len && !listing->stopped; i++)
        listing->stopped = !listing->each(&g_array_index(entries, DsnQueueEntry, i), listing->user);
    return !listing->stopped;
}

bool
dsn_spool_list(DsnSpool *spool, const DsnQueueFilter *filter,
               bool (*each)(const DsnQueueEntry *entry, gpointer user), gpointer user,
               GError **error)
{
    Listing listing = {.each = each, .user = user};

    return for_each_chunk(spool, filter, LIST_CHUNK, list_chunk, &listing, error) ||
           listing.stopped;
}

GBytes *
dsn_spool_content(DsnSpool *spool, int64_t entry, GError **error)
{
    g_autoptr(GError) failure = NULL;
    GBytes *content = NULL;
    DsnDb *db = dsn_spool_reader(spool, error);

    if (db == NULL)
        return NULL;
    DsnQuery *query = dsn_db_query(db, DSN_SQL_CONTENT, DSN_VALUES(dsn_int(entry)));
    if (dsn_query_next(db, query, &failure))
        content = dsn_content_read(spool, query, 0, error);
    else if (failure == NULL)
        g_set_error(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_NONE,
                    "there is no entry %" G_GINT64_FORMAT, entry);
    dsn_query_end(query);
    dsn_spool_reader_done(spool, db, failure);
    if (failure != NULL)
        g_propagate_error(error, g_steal_pointer(&failure));
    return content;
}

/* ---- changing ---- */

typedef struct ChangeJob {
    DsnJob job;
    const GArray *entries; /* as they were read */
    GArray *held;          /* of int64_t: entries that nobody takes until the commit */
    int64_t count;
    int64_t waiting, dead; /* so many more */
    int64_t large;         /* so many bytes more */
    GPtrArray *files;      /* paths that no entry refers to any more */
} ChangeJob;

/* False for a notice that is being sent right now; no other is from now on. */
static bool
hold(DsnSpool *spool, ChangeJob *change, const DsnQueueEntry *entry)
{
    g_mutex_lock(&spool->lock);
    bool taken = g_hash_table_contains(spool->taken, &entry->entry);
    if (!taken) {
        DsnTaken *held =
            dsn_taken_new(entry->entry, dsn_spool_line(spool, entry->relay), entry->tenant);

        (void)g_hash_table_insert(spool->taken, &held->entry, held);
        g_array_append_val(change->held, entry->entry);
    }
    g_mutex_unlock(&spool->lock);
    return !taken;
}

static void
change_over(DsnSpool *spool, DsnJob *job)
{
    const ChangeJob *change = (ChangeJob *)job;

    for (guint i = 0; i < change->held->len; i++)
        dsn_spool_release(spool, g_array_index(change->held, int64_t, i));
    dsn_spool_tell_all_due(spool);
}

static void
change_committed(DsnSpool *spool, DsnJob *job)
{
    ChangeJob *change = (ChangeJob *)job;

    spool->waiting += (guint64)change->waiting;
    spool->dead += (guint64)change->dead;
    spool->large_bytes += change->large;
    g_ptr_array_extend_and_steal(spool->to_remove, g_steal_pointer(&change->files));
    change_over(spool, job);
}

/* What an administrator has done to a notice. */
static bool
remember(DsnSpool *spool, const DsnQueueEntry *entry, const char *event, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (entry->record_id == NULL)
        return true;
    dsn_json_key(text, "event");
    (void)dsn_json_string(text, dsn_span(event)); /* what is not UTF-8 is replaced */
    dsn_json_key(text, "entry");
    dsn_json_int(text, entry->entry);
    return dsn_history_add(spool, dsn_subject_key(entry->record_id), text->str, error);
}

/* A record waits for the outlet that it is of, if that is there. */
static bool
retry_entry(DsnSpool *spool, ChangeJob *change, const DsnQueueEntry *entry, GError **error)
{
    bool record = g_str_equal(entry->kind, "record");
    const char *relay = record ? entry->relay : dsn_spool_relay_of(spool, entry->relay);
    int64_t now = dsn_spool_now(spool);

    if (record && dsn_spool_outlet(spool, relay) == NULL)
        return true;

    if (!dsn_db_run(spool->writer, DSN_SQL_RETRY_WAITING,
                    DSN_VALUES(dsn_int(entry->entry), dsn_int(now)), error))
        return false;
    int waiting = sqlite3_changes(spool->writer->handle);
    if (!dsn_db_run(spool->writer, DSN_SQL_RETRY_DEAD,
                    DSN_VALUES(dsn_int(entry->entry), dsn_int(now), dsn_int(now / G_USEC_PER_SEC),
                               dsn_text(relay)),
                    error))
        return false;
    int revived = sqlite3_changes(spool->writer->handle);
    change->count += waiting + revived;
    change->waiting += revived;
    change->dead -= revived;
    return waiting + revived == 0 || remember(spool, entry, "retried", error);
}

static bool
drop_entry(DsnSpool *spool, ChangeJob *change, const DsnQueueEntry *entry, GError **error)
{
    g_autoptr(GError) failure = NULL;
    {
        g_autoptr(DsnQuery) query =
            dsn_db_query(spool->writer, DSN_SQL_STATE, DSN_VALUES(dsn_int(entry->entry)));
        bool row = dsn_query_next(spool->writer, query, &failure);

        if (failure != NULL) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return false;
        }
        bool dead = row && sqlite3_column_int(query, 0) != 0;
        if (!row || dead != g_str_equal(entry->state, "dead"))
            return true; /* it is not any more what was meant */
        const char *file = (const char *)sqlite3_column_text(query, 2);
        change->count++;
        change->dead -= dead;
        change->waiting -= !dead;
        if (file != NULL) {
            change->large -= sqlite3_column_int64(query, 1);
            g_ptr_array_add(change->files, dsn_large_path(spool, file));
        }
    }
    return dsn_db_run(spool->writer, DSN_SQL_REMOVE_ENTRY, DSN_VALUES(dsn_int(entry->entry)),
                      error) &&
           dsn_db_run(spool->writer, DSN_SQL_REMOVE_CONTENT, DSN_VALUES(dsn_int(entry->entry)),
                      error) &&
           remember(spool, entry, "dropped", error);
}

static bool
run_change(DsnSpool *spool, ChangeJob *change,
           bool (*each)(DsnSpool *spool, ChangeJob *change, const DsnQueueEntry *entry,
                        GError **error),
           GError **error)
{
    for (guint i = 0; i < change->entries->len; i++) {
        const DsnQueueEntry *entry = &g_array_index(change->entries, DsnQueueEntry, i);

        if (hold(spool, change, entry) && !each(spool, change, entry, error))
            return false;
    }
    return true;
}

static bool
run_retry(DsnSpool *spool, DsnJob *job, GError **error)
{
    return run_change(spool, (ChangeJob *)job, retry_entry, error);
}

/* Here the administrator wants to be sure that nothing is left: freed pages are overwritten. */
static bool
run_drop(DsnSpool *spool, DsnJob *job, GError **error)
{
    spool->empty_log = true; /* what was there before is in it */
    return dsn_db_exec(spool->writer, "PRAGMA secure_delete = ON", error) &&
           run_change(spool, (ChangeJob *)job, drop_entry, error) &&
           dsn_db_exec(spool->writer, "PRAGMA secure_delete = FAST", error);
}

typedef struct Changing {
    DsnSpool *spool;
    bool (*run)(DsnSpool *spool, DsnJob *job, GError **error);
    int64_t count;
} Changing;

static bool
change_chunk(const GArray *entries, gpointer user, GError **error)
{
    Changing *changing = user;
    ChangeJob job = {
        .job = {.run = changing->run,
                .committed = change_committed,
                .failed = change_over,
                .items = entries->len},
        .entries = entries,
        .held = g_array_new(FALSE, FALSE, sizeof(int64_t)),
        .files = g_ptr_array_new_with_free_func(g_free),
    };
    bool good = dsn_spool_run_job(changing->spool, DSN_LANE_WORK, &job.job, error);

    changing->count += good ? job.count : 0;
    g_array_unref(job.held);
    g_clear_pointer(&job.files, g_ptr_array_unref);
    return good;
}

int64_t
dsn_spool_retry(DsnSpool *spool, const DsnQueueFilter *filter, GError **error)
{
    Changing changing = {.spool = spool, .run = run_retry};

    return for_each_chunk(spool, filter, CHANGE_CHUNK, change_chunk, &changing, error)
               ? changing.count
               : -1;
}

int64_t
dsn_spool_drop(DsnSpool *spool, const DsnQueueFilter *filter, GError **error)
{
    Changing changing = {.spool = spool, .run = run_drop};

    return for_each_chunk(spool, filter, CHANGE_CHUNK, change_chunk, &changing, error)
               ? changing.count
               : -1;
}
