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
/* The longest time that an outlet may ask for between two attempts, and something over. */
#define RETRY_MAX (2 * G_TIME_SPAN_DAY)
/* What is due later than this is looked at before, lest a clock that is wrong now has a say in it.
 */
#define LOOK_AHEAD (10 * G_TIME_SPAN_MINUTE)

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
dsn_taken_new(int64_t entry, DsnRelayLine *line, const char *tenant)
{
    DsnTaken *taken = g_new0(DsnTaken, 1);

    taken->entry = entry;
    taken->line = line;
    taken->tenant = dsn_turn_tenant(dsn_turn(&line->fresh, tenant));
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
    if (line->oldest == 0) /* until somebody looks */
        line->oldest = dsn_spool_now(line->spool) / G_USEC_PER_SEC;
    line->changes++;
    /* One sender takes many: there is no need to wake all of them for one notice. */
    if (count > 1)
        g_cond_broadcast(&line->due);
    else
        g_cond_signal(&line->due);
}

/* ---- choosing ---- */

/* For its first attempt or another one. */
static void
give_back(DsnRelayLine *line, const char *tenant, int64_t entry)
{
    dsn_turn_give_back(dsn_turn(&line->fresh, tenant), entry);
    dsn_turn_ready(dsn_turn(&line->retries, tenant));
}

void
dsn_spool_release(DsnSpool *spool, int64_t entry)
{
    const DsnTaken *taken = g_hash_table_lookup(spool->taken, &entry);
    DsnRelayLine *other = dsn_spool_line(spool, NULL); /* it may be its line by now */

    if (taken == NULL)
        return;
    give_back(taken->line, taken->tenant, entry);
    if (other != taken->line)
        give_back(other, taken->tenant, entry);
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

/* Notices that a tenant gives in its turn at first. Where few have any it gives more, or each
 * notice would cost a question of its own. */
#define SHARE 4

/* Who takes, and what is in it for them. */
typedef struct Choice {
    DsnSpool *spool;
    DsnDb *db;
    DsnRelayLine *line;
    GArray *chosen;     /* of int64_t */
    GHashTable *newest; /* of int64_t, by tenant: of those that wait for their first attempt */
    int64_t now;        /* unix microseconds */
    int64_t ticks;      /* the same moment, monotonic */
} Choice;

/* A time that is too far ahead is from a clock that was set back since. */
static bool
is_held(int64_t due, int64_t now)
{
    return due > now && due <= now + DSN_HOLD_MAX;
}

/* A time of the wall clock as one that does not jump; what is far is looked at before. */
static int64_t
to_ticks(int64_t time, int64_t now, int64_t ticks)
{
    return ticks + (time <= now ? 0 : MIN(time - now, LOOK_AHEAD));
}

/* Takes the entry, unless it is taken already; under the lock. */
static bool
choose_entry(Choice *choice, const DsnTurn *turn, int64_t entry)
{
    DsnSpool *spool = choice->spool;

    if (g_hash_table_contains(spool->taken, &entry))
        return false;
    DsnTaken *taken = dsn_taken_new(entry, choice->line, dsn_turn_tenant(turn));
    (void)g_hash_table_insert(spool->taken, &taken->entry, taken);
    g_array_append_val(choice->chosen, entry);
    return true;
}

/* Notes that @tenant has handed out what is up to @entry. */
static void
note_newest(Choice *choice, const char *tenant, int64_t entry)
{
    int64_t *newest = g_hash_table_lookup(choice->newest, tenant);

    if (newest == NULL) {
        newest = g_new0(int64_t, 1);
        (void)g_hash_table_insert(choice->newest, (char *)tenant, newest); /* it was not there */
    }
    *newest = MAX(*newest, entry);
}

/* What a tenant gives in its turn: up to @most notices. True if there may be more. */
typedef bool (*GiveFunc)(Choice *choice, DsnTurn *turn, unsigned most, GError **error);

/* Those whose time is behind @after, up to one that is not due. */
static bool
give_retries_after(Choice *choice, DsnTurn *turn, int64_t after, guint end, GError **error)
{
    DsnSpool *spool = choice->spool;
    g_autoptr(DsnQuery) query = dsn_db_query(
        choice->db, DSN_SQL_RETRIES,
        DSN_VALUES(dsn_text(choice->line->name), dsn_text(dsn_turn_tenant(turn)), dsn_int(after)));

    while (choice->chosen->len < end && dsn_query_next(choice->db, query, error)) {
        int64_t due = sqlite3_column_int64(query, 1);
        bool held = due > choice->now && due <= choice->now + RETRY_MAX;

        g_mutex_lock(&spool->lock);
        if (held)
            dsn_turn_later(turn, to_ticks(due, choice->now, choice->ticks));
        else
            (void)choose_entry(choice, turn, sqlite3_column_int64(query, 0)); /* or it is taken */
        g_mutex_unlock(&spool->lock);
        if (held)
            break;
    }
    return choice->chosen->len == end;
}

/* A time that is farther ahead than any that is given is from a clock that was set back since. */
static bool
give_retries(Choice *choice, DsnTurn *turn, unsigned most, GError **error)
{
    GError *failure = NULL;
    const guint end = choice->chosen->len + most;
    bool more = give_retries_after(choice, turn, 0, end, &failure);

    if (!more && failure == NULL)
        more = give_retries_after(choice, turn, choice->now + RETRY_MAX, end, &failure);
    if (failure != NULL)
        g_propagate_error(error, failure);
    return more;
}

/* In the order of their entries, up to one that is held. What is given back meanwhile is found by
 * the next look. */
static bool
give_fresh(Choice *choice, DsnTurn *turn, unsigned most, GError **error)
{
    DsnSpool *spool = choice->spool;
    const char *tenant = dsn_turn_tenant(turn);
    const guint end = choice->chosen->len + most;

    g_mutex_lock(&spool->lock);
    const int64_t after = dsn_turn_begin(turn);
    g_mutex_unlock(&spool->lock);
    g_autoptr(DsnQuery) query =
        dsn_db_query(choice->db, DSN_SQL_FRESH,
                     DSN_VALUES(dsn_text(choice->line->name), dsn_text(tenant), dsn_int(after)));
    while (choice->chosen->len < end && dsn_query_next(choice->db, query, error)) {
        int64_t entry = sqlite3_column_int64(query, 0);
        int64_t due = sqlite3_column_int64(query, 1);
        bool held = is_held(due, choice->now);

        g_mutex_lock(&spool->lock);
        if (held) {
            dsn_turn_later(turn, to_ticks(due, choice->now, choice->ticks));
        } else {
            dsn_turn_pass(turn, entry);
            if (choose_entry(choice, turn, entry))
                note_newest(choice, tenant, entry);
        }
        g_mutex_unlock(&spool->lock);
        if (held)
            return false;
    }
    return choice->chosen->len == end;
}

/* Goes round until @max are chosen or nobody has more. */
static void
go_round(Choice *choice, DsnTurns *turns, GiveFunc give, unsigned max, GError **error)
{
    GMutex *lock = &choice->spool->lock;
    GError *failure = NULL;
    guint n_turns = 1;

    for (unsigned share = SHARE; n_turns > 0 && choice->chosen->len < max; share *= 2) {
        g_mutex_lock(lock);
        n_turns = dsn_turns_ready(turns, choice->ticks);
        g_mutex_unlock(lock);
        for (guint i = 0; i < n_turns && choice->chosen->len < max && failure == NULL; i++) {
            g_mutex_lock(lock);
            DsnTurn *turn = dsn_turns_next(turns); /* only here any leaves */
            g_mutex_unlock(lock);
            bool more = give(choice, turn, MIN(share, max - choice->chosen->len), &failure);
            if (!more && failure == NULL)
                continue;
            g_mutex_lock(lock);
            dsn_turn_ready(turn);
            g_mutex_unlock(lock);
        }
        if (failure != NULL) {
            g_propagate_error(error, failure);
            return;
        }
    }
}

/* Finds the tenants of which something waits, one after another. */
static void
find_tenants(Choice *choice, DsnTurns *turns, DsnSql next, GError **error)
{
    GError *failure = NULL;
    g_autofree char *tenant = g_strdup("");

    do {
        g_mutex_lock(&choice->spool->lock);
        dsn_turn_ready(dsn_turn(turns, tenant));
        g_mutex_unlock(&choice->spool->lock);
        g_autoptr(DsnQuery) query = dsn_db_query(
            choice->db, next, DSN_VALUES(dsn_text(choice->line->name), dsn_text(tenant)));
        char *found = dsn_query_next(choice->db, query, &failure)
                          ? g_strdup((const char *)sqlite3_column_text(query, 0))
                          : NULL;
        g_free(tenant);
        tenant = found;
    } while (tenant != NULL);
    if (failure != NULL)
        g_propagate_error(error, failure);
}

/* What was there before anybody told, as after a start. */
static void
learn_tenants(Choice *choice, GError **error)
{
    GMutex *lock = &choice->spool->lock;
    GError *failure = NULL;

    g_mutex_lock(lock);
    bool known = choice->line->known;
    choice->line->known = true;
    g_mutex_unlock(lock);
    if (known)
        return;
    find_tenants(choice, &choice->line->fresh, DSN_SQL_NEXT_FRESH, &failure);
    if (failure == NULL)
        find_tenants(choice, &choice->line->retries, DSN_SQL_NEXT_RETRIES, &failure);
    if (failure == NULL)
        return;
    g_mutex_lock(lock);
    choice->line->known = false;
    g_mutex_unlock(lock);
    g_propagate_error(error, failure);
}

/* Up to half are retries, so that neither they nor first attempts wait for the other to end; what
 * one leaves the other takes. */
static bool
choose(Choice *choice, unsigned max, GError **error)
{
    g_autoptr(GError) failure = NULL;
    DsnRelayLine *line = choice->line;
    const unsigned half = (max + (line->retries_first ? 1 : 0)) / 2;

    g_mutex_lock(&choice->spool->take_lock);
    learn_tenants(choice, &failure);
    if (failure == NULL)
        go_round(choice, &line->retries, give_retries, half, &failure);
    line->retries_first = !line->retries_first;
    if (failure == NULL)
        go_round(choice, &line->fresh, give_fresh, max, &failure);
    if (failure == NULL)
        go_round(choice, &line->retries, give_retries, max, &failure);
    g_mutex_unlock(&choice->spool->take_lock);
    if (failure == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

/* ---- the watermark ---- */

int64_t
dsn_spool_watermark(DsnSpool *spool, const char *tenant)
{
    const int64_t *own = g_hash_table_lookup(spool->watermarks, tenant == NULL ? "" : tenant);

    return own == NULL ? spool->watermark : MAX(*own, spool->watermark);
}

static void
set_watermark(DsnSpool *spool, const char *tenant, int64_t entry)
{
    int64_t *own = g_hash_table_lookup(spool->watermarks, tenant);

    if (own == NULL) {
        own = g_new0(int64_t, 1);
        (void)g_hash_table_insert(spool->watermarks, g_strdup(tenant), own); /* it was not there */
    }
    *own = MAX(*own, entry);
}

bool
dsn_spool_load_watermarks(DsnSpool *spool, DsnDb *db, GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(DsnQuery) query = dsn_db_query(db, DSN_SQL_WATERMARKS, NULL, 0);

    while (dsn_query_next(db, query, &failure))
        set_watermark(spool, (const char *)sqlite3_column_text(query, 0),
                      sqlite3_column_int64(query, 1));
    if (failure == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

typedef struct WatermarkJob {
    DsnJob job;
    GHashTable *newest; /* of a choice */
} WatermarkJob;

static bool
run_watermark(DsnSpool *spool, DsnJob *job, GError **error)
{
    GHashTableIter iter;
    gpointer tenant;
    gpointer newest;

    g_hash_table_iter_init(&iter, ((WatermarkJob *)job)->newest);
    while (g_hash_table_iter_next(&iter, &tenant, &newest))
        if (!dsn_db_run(spool->writer, DSN_SQL_SET_WATERMARK,
                        DSN_VALUES(dsn_text(tenant), dsn_int(*(const int64_t *)newest)), error))
            return false;
    return true;
}

static void
watermark_committed(DsnSpool *spool, DsnJob *job)
{
    GHashTableIter iter;
    gpointer tenant;
    gpointer newest;

    g_hash_table_iter_init(&iter, ((WatermarkJob *)job)->newest);
    while (g_hash_table_iter_next(&iter, &tenant, &newest))
        set_watermark(spool, tenant, *(const int64_t *)newest);
}

/* What was chosen cannot change any more: what replaced it before this commit is read below, and
 * what comes after it sees the watermarks. A retry could not change before. */
static bool
advance_watermarks(DsnSpool *spool, GHashTable *newest, GError **error)
{
    WatermarkJob job = {.job = {.run = run_watermark, .committed = watermark_committed, .items = 1},
                        .newest = newest};
    GHashTableIter iter;
    gpointer tenant;
    gpointer entry;
    bool below = true;

    g_mutex_lock(&spool->lock);
    g_hash_table_iter_init(&iter, newest);
    while (g_hash_table_iter_next(&iter, &tenant, &entry))
        below &= *(const int64_t *)entry <= dsn_spool_watermark(spool, tenant);
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
                     dsn_spool_now(spool) + UNREADABLE_DELAY, failure->message);
}

/* Appends one chosen notice. One that was settled before it was chosen, or cannot be read, is none
 * of the chosen any more: *@chosen is 0 then. */
static bool
hand_out(DsnSpool *spool, DsnDb *db, int64_t *chosen, GPtrArray *notices, GError **error)
{
    const int64_t entry = *chosen;
    const int64_t now = dsn_spool_now(spool);
    g_autoptr(GError) failure = NULL;
    g_autoptr(DsnQuery) query = dsn_db_query(
        db, DSN_SQL_TAKE, DSN_VALUES(dsn_int(entry), dsn_int(now), dsn_int(now + RETRY_MAX)));
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

static bool
choose_now(Choice *choice, unsigned max)
{
    g_autoptr(GError) failure = NULL;

    choice->db = dsn_spool_reader(choice->spool, NULL); /* a failure is logged there */
    if (choice->db == NULL)
        return false;
    bool good = choose(choice, max, &failure);
    dsn_spool_reader_done(choice->spool, choice->db, failure);
    return good;
}

static bool
take_now(DsnSpool *spool, DsnRelayLine *line, unsigned max, GPtrArray *notices)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(GArray) chosen = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_autoptr(GHashTable) newest = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    Choice choice = {.spool = spool,
                     .line = line,
                     .chosen = chosen,
                     .newest = newest,
                     .now = dsn_spool_now(spool),
                     .ticks = g_get_monotonic_time()};
    bool good = choose_now(&choice, max);

    if (good && chosen->len == 0)
        return true;
    /* the writer logs its failure */
    good = good && advance_watermarks(spool, newest, NULL);
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
wait_for_due(DsnSpool *spool, DsnRelayLine *line, guint64 seen, int64_t until)
{
    const int64_t soon = g_get_monotonic_time() + 1000; /* or clocks that differ make it spin */

    g_mutex_lock(&spool->lock);
    int64_t next = MIN(dsn_turns_next_time(&line->fresh), dsn_turns_next_time(&line->retries));
    int64_t wake = MIN(until, MAX(next, soon));
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

    do {
        g_mutex_lock(&spool->lock);
        line = dsn_spool_line(spool, relay);
        seen = line->changes;
        bool good = !spool->broken;
        g_mutex_unlock(&spool->lock);
        if (!good || !take_now(spool, line, max, notices)) {
            wait_out(spool, line, until);
            return false;
        }
    } while (notices->len == before && wait_for_due(spool, line, seen, until));
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
    if (settle->how == DSN_SETTLED_RETRY) {
        const int64_t at = to_ticks(settle->when, dsn_spool_now(spool), g_get_monotonic_time());
        dsn_turn_later(dsn_turn(&line->retries, taken->tenant), at);
        dsn_turn_later(dsn_turn(&other->retries, taken->tenant), at);
    }
    if (settle->how != DSN_SETTLED_BACK)
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
