/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"

void
dsn_outlet_free(DsnOutlet *outlet)
{
    g_free(outlet->name);
    g_free(outlet->note);
    g_free(outlet);
}

static DsnOutlet *
new_outlet(const char *name, int64_t position, const char *note)
{
    DsnOutlet *outlet = g_new0(DsnOutlet, 1);

    outlet->name = g_strdup(name);
    outlet->position = position;
    outlet->note = g_strdup(note);
    return outlet;
}

DsnOutlet *
dsn_spool_outlet(DsnSpool *spool, const char *name)
{
    for (guint i = 0; i < spool->outlets->len; i++) {
        DsnOutlet *outlet = spool->outlets->pdata[i];

        if (g_str_equal(outlet->name, name))
            return outlet;
    }
    return NULL;
}

GPtrArray *
dsn_spool_outlets_before(DsnSpool *spool, int64_t position)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

    g_mutex_lock(&spool->lock);
    for (guint i = 0; i < spool->outlets->len; i++) {
        const DsnOutlet *outlet = spool->outlets->pdata[i];

        if (outlet->position < position)
            g_ptr_array_add(names, g_strdup(outlet->name));
    }
    g_mutex_unlock(&spool->lock);
    return names;
}

int64_t
dsn_spool_all_past(DsnSpool *spool)
{
    int64_t past = spool->last_record;

    for (guint i = 0; i < spool->outlets->len; i++)
        past = MIN(past, ((DsnOutlet *)spool->outlets->pdata[i])->position);
    return past;
}

bool
dsn_spool_load_outlets(DsnSpool *spool, DsnDb *db, GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(DsnQuery) query = dsn_db_query(db, DSN_SQL_OUTLETS, NULL, 0);

    while (dsn_query_next(db, query, &failure))
        g_ptr_array_add(spool->outlets, new_outlet((const char *)sqlite3_column_text(query, 0),
                                                   sqlite3_column_int64(query, 1),
                                                   (const char *)sqlite3_column_text(query, 2)));
    if (failure != NULL) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    return dsn_db_number(db, DSN_SQL_LAST_RECORD, 0, &spool->last_record, error) &&
           dsn_db_number(db, DSN_SQL_FIRST_RECORD, spool->last_record + 1, &spool->first_record,
                         error);
}

bool
dsn_spool_trim_records(DsnSpool *spool, int64_t *ret_first, GError **error)
{
    g_mutex_lock(&spool->lock);
    int64_t last = MIN(dsn_spool_all_past(spool), spool->first_record + DSN_TRIM_RECORDS - 1);
    g_mutex_unlock(&spool->lock);

    *ret_first = last + 1;
    return dsn_db_run(spool->writer, DSN_SQL_REMOVE_RECORDS, DSN_VALUES(dsn_int(last)), error);
}

/* ---- which outlets there are ---- */

typedef struct OutletsJob {
    DsnJob job;
    const char *const *names;
    int64_t last; /* record: where new ones start */
    guint64 dropped;
    unsigned buried; /* letters of those that are gone */
} OutletsJob;

static bool
run_outlets(DsnSpool *spool, DsnJob *job, GError **error)
{
    OutletsJob *outlets = (OutletsJob *)job;

    /* from the database: lines of this transaction may be before this job */
    if (!dsn_db_number(spool->writer, DSN_SQL_LAST_RECORD, 0, &outlets->last, error))
        return false;
    for (guint i = 0; i < spool->outlets->len; i++) {
        const DsnOutlet *outlet = spool->outlets->pdata[i];

        if (g_strv_contains(outlets->names, outlet->name))
            continue;
        outlets->dropped += (guint64)(outlets->last - outlet->position);
        if (!dsn_db_run(spool->writer, DSN_SQL_REMOVE_OUTLET, DSN_VALUES(dsn_text(outlet->name)),
                        error))
            return false;
    }
    for (const char *const *name = outlets->names; *name != NULL; name++)
        if (dsn_spool_outlet(spool, *name) == NULL &&
            !dsn_db_run(spool->writer, DSN_SQL_ADD_OUTLET,
                        DSN_VALUES(dsn_text(*name), dsn_int(outlets->last)), error))
            return false;
    return dsn_spool_bury_letters(spool, outlets->names, &outlets->buried, error);
}

static void
outlets_committed(DsnSpool *spool, DsnJob *job)
{
    const OutletsJob *outlets = (OutletsJob *)job;

    for (guint i = spool->outlets->len; i > 0; i--) {
        const DsnOutlet *outlet = spool->outlets->pdata[i - 1];

        if (!g_strv_contains(outlets->names, outlet->name))
            g_ptr_array_remove_index(spool->outlets, i - 1);
    }
    for (const char *const *name = outlets->names; *name != NULL; name++)
        if (dsn_spool_outlet(spool, *name) == NULL)
            g_ptr_array_add(spool->outlets, new_outlet(*name, outlets->last, NULL));
    spool->waiting -= outlets->buried;
    spool->dead += outlets->buried;
}

bool
dsn_spool_set_outlets(DsnSpool *spool, const char *const *names, guint64 *ret_dropped,
                      GError **error)
{
    OutletsJob job;

    *ret_dropped = 0;
    do {
        job = (OutletsJob){
            .job = {.run = run_outlets, .committed = outlets_committed, .items = 1},
            .names = names,
        };
        if (!dsn_spool_run_job(spool, DSN_LANE_WORK, &job.job, error))
            return false;
        *ret_dropped += job.dropped;
    } while (job.buried == DSN_BURY_CHUNK);
    return true;
}

/* ---- reading ---- */

void
dsn_stream_record_clear(DsnStreamRecord *record)
{
    g_clear_pointer(&record->json, g_bytes_unref);
}

/* Waits until there is something behind *@position, or where @name stands if that is farther. */
static bool
wait_for_records(DsnSpool *spool, const char *name, GTimeSpan wait, bool *ret_some,
                 int64_t *position)
{
    const int64_t until = g_get_monotonic_time() + wait;
    const DsnOutlet *outlet;

    g_mutex_lock(&spool->lock);
    for (;;) {
        outlet = dsn_spool_outlet(spool, name);
        *position = MAX(*position, outlet == NULL ? 0 : outlet->position);
        *ret_some = outlet != NULL && !spool->broken && *position < spool->last_record;
        if (*ret_some || spool->woken || !g_cond_wait_until(&spool->arrived, &spool->lock, until))
            break;
    }
    bool good = outlet != NULL && !spool->broken;
    g_mutex_unlock(&spool->lock);
    return good;
}

bool
dsn_spool_read_records(DsnSpool *spool, const char *name, unsigned max, size_t max_bytes,
                       GTimeSpan wait, GArray *records)
{
    return dsn_spool_read_records_after(spool, name, 0, max, max_bytes, wait, records);
}

bool
dsn_spool_read_records_after(DsnSpool *spool, const char *name, int64_t position, unsigned max,
                             size_t max_bytes, GTimeSpan wait, GArray *records)
{
    g_autoptr(GError) error = NULL;
    size_t bytes = 0;
    bool some;

    if (!wait_for_records(spool, name, wait, &some, &position))
        return false;
    DsnDb *db = some ? dsn_spool_reader(spool, NULL) : NULL; /* a failure is logged there */
    if (db == NULL)
        return !some;
    DsnQuery *query =
        dsn_db_query(db, DSN_SQL_READ_RECORDS, DSN_VALUES(dsn_int(position), dsn_int(max)));
    while (dsn_query_next(db, query, &error)) {
        const char *type = (const char *)sqlite3_column_text(query, 1);
        size_t size = (size_t)sqlite3_column_bytes(query, 2);

        if (bytes > 0 && bytes + size > max_bytes)
            break;
        bytes += size;
        DsnStreamRecord record = {
            .position = sqlite3_column_int64(query, 0),
            .type = type == NULL ? DSN_RECORD_OTHER
                                 : dsn_record_type_from_string((DsnSpan){type, strlen(type)}),
            .taken_in = sqlite3_column_int64(query, 3),
            .json = g_bytes_new(sqlite3_column_blob(query, 2), size),
        };
        g_array_append_val(records, record);
    }
    dsn_query_end(query);
    dsn_spool_reader_done(spool, db, error);
    return error == NULL;
}

char *
dsn_spool_outlet_note(DsnSpool *spool, const char *name)
{
    g_mutex_lock(&spool->lock);
    const DsnOutlet *outlet = dsn_spool_outlet(spool, name);
    char *note = outlet == NULL ? NULL : g_strdup(outlet->note);
    g_mutex_unlock(&spool->lock);
    return note;
}
