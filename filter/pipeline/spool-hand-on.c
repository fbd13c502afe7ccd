/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"

#include "filter/core/json-writer.h"

/* From the first record of a row of handed_on to its last, less one: bounds where a look-up has to
 * look. */
#define SPAN_MAX 16384
/* Rows that one transaction removes. */
#define EXPIRE_CHUNK 1000
/* Of the reason of a letter as it is kept. */
#define MAX_REASON 1000

typedef struct AdvanceJob {
    DsnJob job;
    const char *name;
    const DsnAdvance *advance;
    GPtrArray *files; /* paths of large letters: one or NULL for each; NULL when there are none */
    bool known;       /* there is such an outlet */
    int64_t position; /* afterwards */
    int64_t first_record;
    int64_t large;         /* so many bytes more */
    guint64 waiting, dead; /* letters that are new */
} AdvanceJob;

/* ---- letters ---- */

/* Before the commit that refers to them. */
static bool
write_letters(DsnSpool *spool, AdvanceJob *job, GError **error)
{
    const GArray *letters = job->advance->letters;
    bool any = false;

    if (letters == NULL || letters->len == 0)
        return true;
    job->files = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < letters->len; i++) {
        char *path;
        bool good =
            dsn_large_write(spool, g_array_index(letters, DsnSpoolLetter, i).json, &path, error);

        g_ptr_array_add(job->files, path);
        any = any || path != NULL;
        if (!good)
            return false;
    }
    return !any || dsn_sync_directory(spool->large_path, error);
}

/* So that the record leads to its letter. */
static bool
remember_letter(DsnSpool *spool, const DsnSpoolLetter *letter, const char *outlet, int64_t entry,
                GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (letter->record_id == NULL)
        return true;
    dsn_json_key(text, "event");
    (void)dsn_json_string(text, dsn_span(letter->retry_at == 0 ? "dead" : "retry"));
    dsn_json_key(text, "entry");
    dsn_json_int(text, entry);
    dsn_json_key(text, "outlet");
    (void)dsn_json_string(text, dsn_span(outlet)); /* what is not UTF-8 is replaced */
    if (letter->retry_at > 0) {
        dsn_json_key(text, "attempts");
        dsn_json_int(text, 1);
        dsn_json_key(text, "next_attempt");
        dsn_json_int(text, letter->retry_at / G_USEC_PER_SEC);
    }
    dsn_json_key(text, "reply");
    (void)dsn_json_string(text, dsn_span(letter->reason)); /* the same */
    return dsn_history_add(spool, dsn_subject_key(letter->record_id), text->str, error);
}

static bool
add_entry(DsnSpool *spool, const AdvanceJob *job, const DsnSpoolLetter *letter, const char *file,
          int64_t *ret_entry, GError **error)
{
    g_autofree char *reason = g_strndup(letter->reason, MAX_REASON);
    gsize size;
    const void *data = g_bytes_get_data(letter->json, &size);

    if (!dsn_db_run(spool->writer, DSN_SQL_ADD_ENTRY,
                    DSN_VALUES(dsn_int(DSN_ENTRY_RECORD), dsn_int(letter->retry_at == 0),
                               dsn_int(dsn_spool_now(spool) / G_USEC_PER_SEC), dsn_int(0),
                               dsn_int(0), dsn_int(0), dsn_int(0), dsn_int((int64_t)size),
                               dsn_text(letter->record_id), dsn_text(letter->record_type),
                               dsn_text(NULL), dsn_text(reason), dsn_text(file),
                               dsn_text(job->name), dsn_text(NULL), dsn_text(NULL), dsn_int(0),
                               dsn_int(0)),
                    error))
        return false;
    *ret_entry = sqlite3_last_insert_rowid(spool->writer->handle);
    return (file != NULL ||
            dsn_db_run(spool->writer, DSN_SQL_SET_CONTENT,
                       DSN_VALUES(dsn_int(*ret_entry), dsn_blob(data == NULL ? "" : data, size),
                                  dsn_blob(NULL, 0)),
                       error)) &&
           (letter->retry_at == 0 ||
            dsn_db_run(spool->writer, DSN_SQL_RETRY_LATER,
                       DSN_VALUES(dsn_int(*ret_entry), dsn_int(letter->retry_at), dsn_text(reason)),
                       error));
}

static bool
add_letter(DsnSpool *spool, AdvanceJob *job, guint index, GError **error)
{
    const DsnSpoolLetter *letter = &g_array_index(job->advance->letters, DsnSpoolLetter, index);
    const char *file = dsn_large_name(job->files->pdata[index]);
    int64_t entry;

    if (!add_entry(spool, job, letter, file, &entry, error))
        return false;
    job->large += file == NULL ? 0 : (int64_t)g_bytes_get_size(letter->json);
    job->dead += letter->retry_at == 0;
    job->waiting += letter->retry_at != 0;
    return remember_letter(spool, letter, job->name, entry, error);
}

/* ---- letters of outlets that are gone ---- */

#define FORLORN "the outlet that it waited for is not configured any more"

typedef struct Letter {
    int64_t entry;
    char *outlet;
    char *record_id;
} Letter;

static void
clear_letter(gpointer data)
{
    Letter *letter = data;

    g_free(letter->outlet);
    g_free(letter->record_id);
}

/* Those that wait for an outlet which is not among @names, and that nobody has taken. */
static bool
find_forlorn(DsnSpool *spool, const char *const *names, GArray *letters, GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(DsnQuery) query = dsn_db_query(spool->writer, DSN_SQL_LETTERS, NULL, 0);

    while (letters->len < DSN_BURY_CHUNK && dsn_query_next(spool->writer, query, &failure)) {
        const char *outlet = (const char *)sqlite3_column_text(query, 1);
        int64_t entry = sqlite3_column_int64(query, 0);

        g_mutex_lock(&spool->lock);
        bool taken = g_hash_table_contains(spool->taken, &entry);
        g_mutex_unlock(&spool->lock);
        if (taken || g_strv_contains(names, outlet))
            continue;
        const Letter letter = {entry, g_strdup(outlet),
                               g_strdup((const char *)sqlite3_column_text(query, 2))};
        g_array_append_val(letters, letter);
    }
    if (failure == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

bool
dsn_spool_bury_letters(DsnSpool *spool, const char *const *names, unsigned *ret_count,
                       GError **error)
{
    g_autoptr(GArray) letters = g_array_new(FALSE, FALSE, sizeof(Letter));

    g_array_set_clear_func(letters, clear_letter);
    if (!find_forlorn(spool, names, letters, error))
        return false;
    for (guint i = 0; i < letters->len; i++) {
        const Letter *letter = &g_array_index(letters, Letter, i);
        const DsnSpoolLetter dead = {.record_id = letter->record_id, .reason = FORLORN};

        if (!dsn_db_run(spool->writer, DSN_SQL_BURY_LETTER,
                        DSN_VALUES(dsn_int(letter->entry), dsn_text(dead.reason)), error) ||
            !remember_letter(spool, &dead, letter->outlet, letter->entry, error))
            return false;
    }
    *ret_count = letters->len;
    return true;
}

/* ---- what was handed on ---- */

static void
append_number(GByteArray *bytes, guint64 number)
{
    do {
        const guint8 byte = (guint8)((number & 0x7f) | (number > 0x7f ? 0x80 : 0));

        g_byte_array_append(bytes, &byte, 1);
        number >>= 7;
    } while (number > 0);
}

/* One row, of @positions that are close enough together. */
static bool
add_row(DsnSpool *spool, const char *outlet, const DsnHandedOn *row, GError **error)
{
    const int64_t *positions = row->positions;
    const int64_t first = positions[0], last = positions[row->n_positions - 1];
    g_autoptr(GByteArray) gaps = g_byte_array_new();
    bool dense = last - first + 1 == (int64_t)row->n_positions;

    for (size_t i = 1; i < row->n_positions && !dense; i++)
        append_number(gaps, (guint64)(positions[i] - positions[i - 1]));
    return dsn_db_run(
        spool->writer, DSN_SQL_ADD_HANDED_ON,
        DSN_VALUES(dsn_int(dsn_spool_now(spool)), dsn_text(outlet), dsn_int(first), dsn_int(last),
                   dsn_blob(gaps->len == 0 ? NULL : gaps->data, gaps->len), dsn_text(row->text)),
        error);
}

static bool
add_handed_on(DsnSpool *spool, const char *outlet, const DsnHandedOn *all, GError **error)
{
    size_t start = 0;

    while (start < all->n_positions) {
        size_t end = start + 1;

        while (end < all->n_positions && all->positions[end] - all->positions[start] < SPAN_MAX)
            end++;
        if (!add_row(spool, outlet,
                     &(const DsnHandedOn){all->positions + start, end - start, all->text}, error))
            return false;
        start = end;
    }
    return true;
}

bool
dsn_handed_on_expire(DsnSpool *spool, int64_t before, bool *ret_done, GError **error)
{
    bool good = dsn_db_run(spool->writer, DSN_SQL_EXPIRE_HANDED_ON,
                           DSN_VALUES(dsn_int(EXPIRE_CHUNK), dsn_int(before * G_USEC_PER_SEC),
                                      dsn_int(dsn_spool_now(spool) + G_TIME_SPAN_DAY)),
                           error);

    *ret_done = sqlite3_changes(spool->writer->handle) < EXPIRE_CHUNK;
    return good;
}

/* Whether @gaps behind @position lead to @wanted. */
static bool
leads_to(const guint8 *gaps, size_t len, int64_t position, int64_t wanted)
{
    guint64 gap = 0;
    unsigned shift = 0;

    for (size_t i = 0; i < len && position < wanted; i++) {
        gap |= (guint64)(gaps[i] & 0x7f) << MIN(shift, 63);
        shift += 7;
        if ((gaps[i] & 0x80) != 0)
            continue;
        position += (int64_t)MIN(gap, SPAN_MAX);
        gap = shift = 0;
    }
    return position == wanted;
}

bool
dsn_spool_handed_on(DsnSpool *spool, int64_t position, GArray *lines, GError **error)
{
    g_autoptr(GError) failure = NULL;
    DsnDb *db = dsn_spool_reader(spool, error);

    if (db == NULL)
        return false;
    DsnQuery *query =
        dsn_db_query(db, DSN_SQL_HANDED_ON, DSN_VALUES(dsn_int(position), dsn_int(SPAN_MAX)));
    while (dsn_query_next(db, query, &failure)) {
        const void *gaps = sqlite3_column_blob(query, 4);
        g_autoptr(GString) text = g_string_new(NULL);

        if (gaps != NULL && !leads_to(gaps, (size_t)sqlite3_column_bytes(query, 4),
                                      sqlite3_column_int64(query, 2), position))
            continue;
        dsn_json_key(text, "outlet");
        (void)dsn_json_string(text, dsn_span((const char *)sqlite3_column_text(query, 1)));
        g_string_append_printf(text, ",%s", (const char *)sqlite3_column_text(query, 5));
        const DsnHistoryLine line = {sqlite3_column_int64(query, 0),
                                     g_string_free(g_steal_pointer(&text), FALSE)};
        g_array_append_val(lines, line);
    }
    dsn_query_end(query);
    dsn_spool_reader_done(spool, db, failure);
    if (failure == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

/* ---- advancing ---- */

/* Where the others are is known up to the last commit: what they leave in this one goes later. */
static bool
move_outlet(DsnSpool *spool, AdvanceJob *job, const DsnOutlet *own, GError **error)
{
    /* Never back: what it is past may be gone. Only here it is sure where the stream ends: a reader
     * sees what was committed before the other threads know. */
    job->position = CLAMP(job->advance->position, own->position, spool->last_record);
    int64_t past = job->position;
    for (guint i = 0; i < spool->outlets->len; i++) {
        const DsnOutlet *outlet = spool->outlets->pdata[i];

        if (outlet != own)
            past = MIN(past, outlet->position);
    }
    past = MIN(past, spool->first_record + DSN_TRIM_RECORDS - 1);
    job->first_record = past + 1;
    return dsn_db_run(spool->writer, DSN_SQL_ADVANCE_OUTLET,
                      DSN_VALUES(dsn_text(job->name), dsn_int(job->position),
                                 dsn_text(job->advance->note)),
                      error) &&
           dsn_db_run(spool->writer, DSN_SQL_REMOVE_RECORDS, DSN_VALUES(dsn_int(past)), error);
}

static bool
run_advance(DsnSpool *spool, DsnJob *job, GError **error)
{
    AdvanceJob *own = (AdvanceJob *)job;
    const DsnAdvance *advance = own->advance;
    const DsnOutlet *outlet = dsn_spool_outlet(spool, own->name);

    own->known = outlet != NULL;
    if (!own->known)
        return true;
    if (!move_outlet(spool, own, outlet, error))
        return false;
    for (guint i = 0; advance->letters != NULL && i < advance->letters->len; i++)
        if (!add_letter(spool, own, i, error))
            return false;
    for (guint i = 0;
         advance->handed_on != NULL && spool->history_keep > 0 && i < advance->handed_on->len; i++)
        if (!add_handed_on(spool, own->name, &g_array_index(advance->handed_on, DsnHandedOn, i),
                           error))
            return false;
    return true;
}

static void
advance_committed(DsnSpool *spool, DsnJob *job)
{
    AdvanceJob *own = (AdvanceJob *)job;
    DsnOutlet *outlet = dsn_spool_outlet(spool, own->name);

    if (!own->known)
        return;
    spool->first_record = MAX(spool->first_record, own->first_record);
    spool->dead += own->dead;
    spool->waiting += own->waiting;
    if (own->waiting > 0) {
        DsnRelayLine *line = dsn_spool_line(spool, own->name);

        dsn_turn_ready(dsn_turn(&line->retries, NULL));
        dsn_spool_tell_due(line, own->waiting);
    }
    spool->large_bytes += own->large;
    g_clear_pointer(&own->files, g_ptr_array_unref); /* they are the spool's */
    if (outlet == NULL)                              /* gone in the same transaction */
        return;
    outlet->position = own->position;
    g_free(outlet->note);
    outlet->note = g_strdup(own->advance->note);
}

/* The commit that failed may still have reached the disk, and a crash now would find it. */
static void
advance_failed(DsnSpool *spool, DsnJob *job)
{
    AdvanceJob *own = (AdvanceJob *)job;

    for (guint i = 0; own->files != NULL && i < own->files->len; i++)
        if (own->files->pdata[i] != NULL)
            g_ptr_array_add(spool->doubtful, g_steal_pointer(&own->files->pdata[i]));
}

static void
remove_files(AdvanceJob *job)
{
    for (guint i = 0; job->files != NULL && i < job->files->len; i++)
        if (job->files->pdata[i] != NULL)
            (void)unlink(job->files->pdata[i]); /* what stays is swept at the next start */
    g_clear_pointer(&job->files, g_ptr_array_unref);
}

bool
dsn_spool_hand_on(DsnSpool *spool, const char *name, const DsnAdvance *advance, GError **error)
{
    AdvanceJob job = {
        .job = {.run = run_advance,
                .committed = advance_committed,
                .failed = advance_failed,
                .items = 1 + (advance->letters == NULL ? 0 : advance->letters->len)},
        .name = name,
        .advance = advance,
    };
    bool good = write_letters(spool, &job, error) &&
                dsn_spool_run_job(spool, DSN_LANE_WORK, &job.job, error);

    remove_files(&job); /* that no commit has, or could have, referred to */
    if (!good || job.known)
        return good;
    g_set_error(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_NONE, "there is no outlet \"%s\"", name);
    return false;
}

bool
dsn_spool_advance(DsnSpool *spool, const char *name, int64_t position, const char *note,
                  GError **error)
{
    return dsn_spool_hand_on(spool, name, &(const DsnAdvance){.position = position, .note = note},
                             error);
}
