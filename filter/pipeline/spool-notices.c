/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"

#include "filter/core/json-writer.h"
#include "filter/core/log.h"

/* Of a last reply as it is kept. */
#define MAX_REASON 1000
/* Of notices that are handed out at a time, and the one that passes it. */
#define MAX_BYTES ((size_t)32 << 20)
/* When a content that could not be read now is tried again. */
#define UNREADABLE_DELAY (5 * G_TIME_SPAN_MINUTE)

void
dsn_waiting_notice_free(DsnWaitingNotice *notice)
{
    if (notice == NULL)
        return;
    g_free(notice->record_id);
    g_free(notice->record_type);
    g_free(notice->recipient);
    g_clear_pointer(&notice->bytes, g_bytes_unref);
    g_free(notice);
}

DsnTaken *
dsn_taken_new(int64_t entry, DsnRelayLine *line, bool fresh)
{
    DsnTaken *taken = g_new0(DsnTaken, 1);

    taken->entry = entry;
    taken->line = line;
    taken->fresh = fresh;
    return taken;
}

void
dsn_taken_free(DsnTaken *taken)
{
    g_free(taken->file);
    g_free(taken);
}

void
dsn_spool_tell_due(DsnRelayLine *line, guint64 count)
{
    line->changes++;
    /* One sender takes many: there is no need to wake all of them for one notice. */
    if (count > 1)
        g_cond_broadcast(&line->due);
    else
        g_cond_signal(&line->due);
}

/* ---- choosing ---- */

void
dsn_spool_release(DsnSpool *spool, int64_t entry)
{
    const DsnTaken *taken = g_hash_table_lookup(spool->taken, &entry);
    DsnRelayLine *other = dsn_spool_line(spool, NULL); /* it may be its line by now */

    if (taken != NULL && taken->fresh) {
        taken->line->given_back = MIN(taken->line->given_back, entry - 1);
        other->given_back = MIN(other->given_back, entry - 1);
    }
    (void)g_hash_table_remove(spool->taken, &entry);
}

/* Gives back @chosen from the index @first on. */
static void
release_from(DsnSpool *spool, DsnRelayLine *line, const GArray *chosen, guint first)
{
    if (first >= chosen->len)
        return;
    g_mutex_lock(&spool->lock);
    for (guint i = first; i < chosen->len; i++)
        dsn_spool_release(spool, g_array_index(chosen, int64_t, i));
    dsn_spool_tell_due(line, chosen->len - first);
    g_mutex_unlock(&spool->lock);
}

/* Who takes, and what is in it for them. */
typedef struct Choice {
    DsnSpool *spool;
    DsnDb *db;
    DsnRelayLine *line;
    unsigned max;
    GArray *chosen; /* of int64_t */
    int64_t newest; /* of those that wait for their first attempt */
    int64_t next;   /* when the next one becomes due, unix microseconds; 0: none */
} Choice;

/* A time that is too far ahead is from a clock that was set back since. */
static bool
is_held(int64_t due, int64_t now)
{
    return due > now && due <= now + DSN_HOLD_MAX;
}

/* Takes the entry, unless it is taken already. */
static void
choose_entry(Choice *choice, int64_t entry, bool fresh)
{
    DsnSpool *spool = choice->spool;

    g_mutex_lock(&spool->lock);
    if (fresh)
        choice->line->fresh_after = MAX(choice->line->fresh_after, entry);
    if (!g_hash_table_contains(spool->taken, &entry)) {
        DsnTaken *taken = dsn_taken_new(entry, choice->line, fresh);

        (void)g_hash_table_insert(spool->taken, &taken->entry, taken);
        g_array_append_val(choice->chosen, entry);
        choice->newest = MAX(choice->newest, fresh ? entry : 0);
    }
    g_mutex_unlock(&spool->lock);
}

static void
choose_retries(Choice *choice, unsigned max, GError **error)
{
    g_autoptr(DsnQuery) query =
        dsn_db_query(choice->db, DSN_SQL_DUE,
                     DSN_VALUES(dsn_text(choice->line->name), dsn_int(g_get_real_time())));

    while (choice->chosen->len < max && dsn_query_next(choice->db, query, error))
        choose_entry(choice, sqlite3_column_int64(query, 0), false);
}

/* In the order of their entries, up to one that is held. What is given back meanwhile is found by
 * the next look. */
static void
choose_fresh(Choice *choice, GError **error)
{
    DsnRelayLine *line = choice->line;
    const int64_t now = g_get_real_time();

    g_mutex_lock(&choice->spool->lock);
    int64_t after = MIN(line->fresh_after, line->given_back);
    line->fresh_after = after;
    line->given_back = G_MAXINT64;
    g_mutex_unlock(&choice->spool->lock);

    g_autoptr(DsnQuery) query =
        dsn_db_query(choice->db, DSN_SQL_FRESH, DSN_VALUES(dsn_text(line->name), dsn_int(after)));
    while (choice->chosen->len < choice->max && dsn_query_next(choice->db, query, error)) {
        int64_t due = sqlite3_column_int64(query, 1);

        if (is_held(due, now)) {
            choice->next = due;
            break;
        }
        choose_entry(choice, sqlite3_column_int64(query, 0), true);
    }
}

/* Up to half are retries, so that neither they nor first attempts wait for the other to end; what
 * one leaves the other takes. */
static bool
choose(Choice *choice, GError **error)
{
    g_autoptr(GError) failure = NULL;
    DsnRelayLine *line = choice->line;

    g_mutex_lock(&choice->spool->take_lock);
    choose_retries(choice, (choice->max + (line->retries_first ? 1 : 0)) / 2, &failure);
    line->retries_first = !line->retries_first;
    if (failure == NULL)
        choose_fresh(choice, &failure);
    if (failure == NULL)
        choose_retries(choice, choice->max, &failure);
    g_mutex_unlock(&choice->spool->take_lock);
    if (failure == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

/* ---- the watermark ---- */

typedef struct WatermarkJob {
    DsnJob job;
    int64_t entry;
} WatermarkJob;

static bool
run_watermark(DsnSpool *spool, DsnJob *job, GError **error)
{
    const int64_t entry = ((WatermarkJob *)job)->entry;

    return dsn_db_run(spool->writer, DSN_SQL_SET_WATERMARK, DSN_VALUES(dsn_int(entry)), error);
}

static void
watermark_committed(DsnSpool *spool, DsnJob *job)
{
    spool->watermark = MAX(spool->watermark, ((WatermarkJob *)job)->entry);
}

/* What was chosen cannot change any more: what replaced it before this commit is read below, and
 * what comes after it sees the watermark. A retry could not change before. */
static bool
advance_watermark(DsnSpool *spool, int64_t newest, GError **error)
{
    WatermarkJob job = {.job = {.run = run_watermark, .committed = watermark_committed, .items = 1},
                        .entry = newest};

    g_mutex_lock(&spool->lock);
    bool below = job.entry <= spool->watermark;
    g_mutex_unlock(&spool->lock);
    return below || dsn_spool_run_job(spool, DSN_LANE_URGENT, &job.job, error);
}

/* ---- handing out ---- */

static char *
dup_column(DsnQuery *query, int column)
{
    return g_strdup((const char *)sqlite3_column_text(query, column));
}

/* A content that cannot be read: without a delay it would come again at once, for ever. */
static void
put_aside(DsnSpool *spool, int64_t entry, const GError *failure)
{
    bool lost = g_error_matches(failure, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_NONE);

    dsn_log_event(DSN_LOG_ERROR, "spool: entry %" G_GINT64_FORMAT " %s: %s", entry,
                  lost ? "is dead, its content is lost" : "has to wait", failure->message);
    dsn_spool_settle(spool, entry, lost ? DSN_SETTLED_DEAD : DSN_SETTLED_RETRY,
                     g_get_real_time() + UNREADABLE_DELAY, failure->message);
}

/* Appends one chosen notice. One that was settled before it was chosen, or cannot be read, is none
 * of the chosen any more: *@chosen is 0 then. */
static bool
hand_out(DsnSpool *spool, DsnDb *db, int64_t *chosen, GPtrArray *notices, GError **error)
{
    const int64_t entry = *chosen;
    g_autoptr(GError) failure = NULL;
    g_autoptr(DsnQuery) query =
        dsn_db_query(db, DSN_SQL_TAKE, DSN_VALUES(dsn_int(entry), dsn_int(g_get_real_time())));
    bool row = dsn_query_next(db, query, &failure);

    if (failure != NULL) {
        put_aside(spool, entry, failure);
        *chosen = 0;
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    const char *record_id = row ? (const char *)sqlite3_column_text(query, 0) : NULL;
    guint64 subject = record_id == NULL ? 0 : dsn_subject_key(record_id);
    g_autoptr(GBytes) bytes = row ? dsn_content_read(spool, query, 6, &failure) : NULL;
    g_mutex_lock(&spool->lock);
    DsnTaken *taken = g_hash_table_lookup(spool->taken, &entry);
    if (!row) {
        (void)g_hash_table_remove(spool->taken, &entry);
    } else {
        taken->size = (size_t)sqlite3_column_int64(query, 6);
        taken->file = dup_column(query, 7);
        taken->record = sqlite3_column_int(query, 11) == DSN_ENTRY_RECORD;
        taken->known = record_id != NULL;
        taken->subject = subject;
        taken->sources = bytes != NULL && sqlite3_column_int(query, 10) != 0;
        taken->attempts = (unsigned)sqlite3_column_int(query, 4);
    }
    g_mutex_unlock(&spool->lock);
    if (!row) {
        *chosen = 0;
        return true;
    }
    if (bytes == NULL) {
        put_aside(spool, entry, failure);
        *chosen = 0;
        return true;
    }
    DsnWaitingNotice *notice = g_new0(DsnWaitingNotice, 1);
    notice->entry = entry;
    notice->record_id = g_strdup(record_id);
    notice->record_type = dup_column(query, 12);
    notice->recipient = dup_column(query, 1);
    notice->eight_bit = sqlite3_column_int(query, 2) != 0;
    notice->utf8 = sqlite3_column_int(query, 3) != 0;
    notice->requiretls = sqlite3_column_int(query, 9) != 0;
    notice->attempts = (unsigned)sqlite3_column_int(query, 4);
    notice->taken_in = sqlite3_column_int64(query, 5);
    notice->bytes = g_steal_pointer(&bytes);
    g_ptr_array_add(notices, notice);
    return true;
}

/* Hands out @chosen, or as many as are not too much together; the others can be taken again. */
static bool
hand_out_all(const Choice *choice, DsnDb *db, GPtrArray *notices, GError **error)
{
    DsnSpool *spool = choice->spool;
    GArray *chosen = choice->chosen;
    g_autoptr(GPtrArray) own =
        g_ptr_array_new_with_free_func((GDestroyNotify)dsn_waiting_notice_free);
    size_t bytes = 0;
    bool good = dsn_db_run(db, DSN_SQL_BEGIN_READ, NULL, 0, error);
    guint i;

    for (i = 0; i < chosen->len && bytes < MAX_BYTES && good; i++) {
        guint before = own->len;

        good = hand_out(spool, db, &g_array_index(chosen, int64_t, i), own, error);
        if (own->len > before)
            bytes += g_bytes_get_size(((DsnWaitingNotice *)own->pdata[before])->bytes);
    }
    if (good) /* else it ends with the connection */
        good = dsn_db_run(db, DSN_SQL_COMMIT, NULL, 0, error);
    release_from(spool, choice->line, chosen, i);
    good |= own->len > 0; /* an entry that cannot be read does not keep back those before it */
    g_ptr_array_extend_and_steal(notices, g_steal_pointer(&own));
    return good;
}

/* Chooses, or finds out when the next one becomes due. */
static bool
choose_or_look_ahead(Choice *choice)
{
    g_autoptr(GError) failure = NULL;

    choice->db = dsn_spool_reader(choice->spool, NULL); /* a failure is logged there */
    if (choice->db == NULL)
        return false;
    bool good = choose(choice, &failure);
    if (good && choice->chosen->len == 0) {
        g_autoptr(DsnQuery) query =
            dsn_db_query(choice->db, DSN_SQL_NEXT_DUE,
                         DSN_VALUES(dsn_text(choice->line->name), dsn_int(g_get_real_time())));

        if (dsn_query_next(choice->db, query, &failure)) {
            int64_t retry = sqlite3_column_int64(query, 0);
            choice->next = choice->next == 0 ? retry : MIN(choice->next, retry);
        }
    }
    dsn_spool_reader_done(choice->spool, choice->db, failure);
    return failure == NULL;
}

static bool
take_now(DsnSpool *spool, DsnRelayLine *line, unsigned max, GPtrArray *notices, int64_t *ret_next)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(GArray) chosen = g_array_new(FALSE, FALSE, sizeof(int64_t));
    Choice choice = {.spool = spool, .line = line, .max = max, .chosen = chosen};
    bool good = choose_or_look_ahead(&choice);

    *ret_next = choice.next;
    if (good && chosen->len == 0)
        return true;
    /* the writer logs its failure */
    good = good && advance_watermark(spool, choice.newest, NULL);
    DsnDb *db = good ? dsn_spool_reader(spool, NULL) : NULL;
    if (db == NULL) {
        release_from(spool, line, chosen, 0);
        return false;
    }
    good = hand_out_all(&choice, db, notices, &failure);
    dsn_spool_reader_done(spool, db, failure);
    return good;
}

/* Waits until something may be due; false when it is not worth to look again. */
static bool
wait_for_due(DsnSpool *spool, DsnRelayLine *line, guint64 seen, int64_t next, int64_t until)
{
    int64_t wake = until;

    if (next > 0) /* at least a little later, or a clock that is not exact makes it spin */
        wake = MIN(until, g_get_monotonic_time() + MAX(next - g_get_real_time(), 1000));
    g_mutex_lock(&spool->lock);
    while (!spool->woken && seen == line->changes &&
           g_cond_wait_until(&line->due, &spool->lock, wake))
        ;
    bool again = !spool->woken && (seen != line->changes || g_get_monotonic_time() < until);
    g_mutex_unlock(&spool->lock);
    return again;
}

/* While the disk fails; the next call finds out whether it still does. */
static void
wait_out(DsnSpool *spool, DsnRelayLine *line, int64_t until)
{
    g_mutex_lock(&spool->lock);
    while (!spool->woken && g_cond_wait_until(&line->due, &spool->lock, until))
        ;
    g_mutex_unlock(&spool->lock);
}

bool
dsn_spool_take_notices(DsnSpool *spool, const char *relay, unsigned max, GTimeSpan wait,
                       GPtrArray *notices)
{
    const int64_t until = g_get_monotonic_time() + wait;
    const guint before = notices->len;
    DsnRelayLine *line;
    guint64 seen;
    int64_t next;

    do {
        g_mutex_lock(&spool->lock);
        line = dsn_spool_line(spool, relay);
        seen = line->changes;
        bool good = !spool->broken;
        g_mutex_unlock(&spool->lock);
        if (!good || !take_now(spool, line, max, notices, &next)) {
            wait_out(spool, line, until);
            return false;
        }
    } while (notices->len == before && wait_for_due(spool, line, seen, next, until));
    if (notices->len - before == max) { /* there may be more, for somebody else */
        g_mutex_lock(&spool->lock);
        g_cond_signal(&line->due);
        g_mutex_unlock(&spool->lock);
    }
    return true;
}

void
dsn_spool_wake(DsnSpool *spool)
{
    g_mutex_lock(&spool->lock);
    spool->woken = true;
    dsn_spool_tell_all_due(spool);
    g_cond_broadcast(&spool->arrived);
    g_mutex_unlock(&spool->lock);
}

/* ---- settling ---- */

typedef struct SettleJob {
    DsnJob job;
    int64_t entry;
    DsnSettled how;
    int64_t when;
    char *reply;
    bool sources; /* are to be removed, unless with the entry */
    guint64 subject;
    GString *text; /* what is remembered, NULL for nothing */
} SettleJob;

/* Never of a content that could not be read: that is one entry's trouble, not the writer's. */
static bool
remove_sources(DsnDb *db, const SettleJob *settle, GError **error)
{
    return !settle->sources ||
           dsn_db_run(db, DSN_SQL_REMOVE_SOURCES, DSN_VALUES(dsn_int(settle->entry)), error);
}

static bool
change_entry(DsnSpool *spool, const SettleJob *settle, GError **error)
{
    DsnDb *db = spool->writer;

    switch (settle->how) {
    case DSN_SETTLED_SENT:
        return dsn_db_run(db, DSN_SQL_REMOVE_ENTRY, DSN_VALUES(dsn_int(settle->entry)), error) &&
               dsn_db_run(db, DSN_SQL_REMOVE_CONTENT, DSN_VALUES(dsn_int(settle->entry)), error);
    case DSN_SETTLED_RETRY:
        /* 0 would say that it waits for its first attempt */
        return dsn_db_run(db, DSN_SQL_RETRY_LATER,
                          DSN_VALUES(dsn_int(settle->entry), dsn_int(MAX(settle->when, 1)),
                                     dsn_text(settle->reply)),
                          error) &&
               remove_sources(db, settle, error);
    case DSN_SETTLED_DEAD:
        return dsn_db_run(db, DSN_SQL_MAKE_DEAD,
                          DSN_VALUES(dsn_int(settle->entry), dsn_text(settle->reply)), error) &&
               remove_sources(db, settle, error);
    case DSN_SETTLED_BACK:
    default:
        return true;
    }
}

static bool
run_settle(DsnSpool *spool, DsnJob *job, GError **error)
{
    const SettleJob *settle = (SettleJob *)job;

    return change_entry(spool, settle, error) &&
           (settle->text == NULL ||
            dsn_history_add(spool, settle->subject, settle->text->str, error));
}

static void
settle_committed(DsnSpool *spool, DsnJob *job)
{
    const SettleJob *settle = (SettleJob *)job;
    const DsnTaken *taken = g_hash_table_lookup(spool->taken, &settle->entry);

    g_assert(taken != NULL);
    DsnRelayLine *line = taken->line;
    DsnRelayLine *other = dsn_spool_line(spool, NULL); /* it may be its line by now */
    spool->waiting -= settle->how == DSN_SETTLED_SENT || settle->how == DSN_SETTLED_DEAD;
    spool->dead += settle->how == DSN_SETTLED_DEAD;
    if (settle->how == DSN_SETTLED_SENT && taken->file != NULL) {
        g_ptr_array_add(spool->to_remove, dsn_large_path(spool, taken->file));
        spool->large_bytes -= (int64_t)taken->size;
    }
    if (settle->how == DSN_SETTLED_BACK)
        dsn_spool_release(spool, settle->entry);
    else
        (void)g_hash_table_remove(spool->taken, &settle->entry);
    if (settle->how != DSN_SETTLED_BACK && settle->how != DSN_SETTLED_RETRY)
        return;
    dsn_spool_tell_due(line, 1);
    if (other != line)
        dsn_spool_tell_due(other, 1);
}

static void
free_settle(DsnJob *job)
{
    SettleJob *settle = (SettleJob *)job;

    g_free(settle->reply);
    if (settle->text != NULL)
        (void)g_string_free(settle->text, TRUE);
    g_free(settle);
}

/* What came of an attempt, for the record that the notice was made from (transfer full). */
static GString *
describe(const SettleJob *settle, const DsnTaken *taken)
{
    static const char *const events[] = {
        [DSN_SETTLED_SENT] = "sent",
        [DSN_SETTLED_RETRY] = "retry",
        [DSN_SETTLED_DEAD] = "dead",
    };
    GString *text = g_string_sized_new(256);

    dsn_json_key(text, "event");
    (void)dsn_json_string(text, dsn_span(events[settle->how])); /* what is not UTF-8 is replaced */
    dsn_json_key(text, "entry");
    dsn_json_int(text, settle->entry);
    dsn_json_key(text, taken->record ? "outlet" : "relay");
    (void)dsn_json_string(text, dsn_span(taken->line->name)); /* what is not UTF-8 is replaced */
    dsn_json_key(text, "attempts");
    dsn_json_int(text, (int64_t)taken->attempts + 1);
    if (settle->how == DSN_SETTLED_RETRY) {
        dsn_json_key(text, "next_attempt");
        dsn_json_int(text, settle->when / G_USEC_PER_SEC);
    }
    if (settle->reply != NULL) {
        dsn_json_key(text, "reply");
        (void)dsn_json_string(text, dsn_span(settle->reply)); /* what is not UTF-8 is replaced */
    }
    return text;
}

void
dsn_spool_settle(DsnSpool *spool, int64_t entry, DsnSettled how, int64_t when, const char *reply)
{
    SettleJob *settle = g_new0(SettleJob, 1);

    settle->job =
        (DsnJob){.run = run_settle, .committed = settle_committed, .free = free_settle, .items = 1};
    settle->entry = entry;
    settle->how = how;
    settle->when = when;
    settle->reply = g_strndup(reply, reply == NULL ? 0 : MAX_REASON);
    g_mutex_lock(&spool->lock);
    const DsnTaken *taken = g_hash_table_lookup(spool->taken, &entry);
    g_assert(taken != NULL); /* and it stays until this is done */
    g_mutex_unlock(&spool->lock);
    settle->sources = taken->sources;
    settle->subject = taken->subject;
    if (taken->known && how != DSN_SETTLED_BACK)
        settle->text = describe(settle, taken);
    g_mutex_lock(&spool->lock);
    dsn_spool_push(spool, DSN_LANE_WORK, &settle->job);
    g_mutex_unlock(&spool->lock);
}
