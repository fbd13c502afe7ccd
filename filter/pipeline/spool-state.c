/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"

#include "filter/core/log.h"

#include <sys/statvfs.h>

/* How often the writer looks. */
#define LOOK_INTERVAL G_TIME_SPAN_SECOND
/* A clock that is off by less is as good as right. */
#define CLOCK_SLACK (2 * G_TIME_SPAN_SECOND)

/* ---- in the writer's thread ---- */

/* What waits for longest at one relay. */
typedef struct Oldest {
    char *relay;
    int64_t time;
} Oldest;

static void
clear_oldest(gpointer data)
{
    g_free(((Oldest *)data)->relay);
}

/* Of each relay, or outlet, that something waits for. */
static bool
find_oldest_entries(DsnSpool *spool, GArray *all, GError **error)
{
    g_autoptr(GError) failure = NULL;
    const char *relay = "";
    bool row;

    do {
        g_autoptr(DsnQuery) query =
            dsn_db_query(spool->writer, DSN_SQL_NEXT_OLDEST, DSN_VALUES(dsn_text(relay)));

        row = dsn_query_next(spool->writer, query, &failure);
        if (row) {
            const Oldest oldest = {g_strdup((const char *)sqlite3_column_text(query, 0)),
                                   sqlite3_column_int64(query, 1)};

            g_array_append_val(all, oldest);
            relay = oldest.relay;
        }
    } while (row);
    if (failure == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

static bool
find_oldest_record(DsnSpool *spool, int64_t position, int64_t *ret_time, GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(DsnQuery) query =
        dsn_db_query(spool->writer, DSN_SQL_RECORD_TIME, DSN_VALUES(dsn_int(position)));

    *ret_time = dsn_query_next(spool->writer, query, &failure) ? sqlite3_column_int64(query, 0) : 0;
    if (failure == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

static bool
look_at_relays(DsnSpool *spool, GError **error)
{
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(Oldest));
    GHashTableIter iter;
    gpointer line;

    g_array_set_clear_func(all, clear_oldest);
    if (!find_oldest_entries(spool, all, error))
        return false;
    g_mutex_lock(&spool->lock);
    g_hash_table_iter_init(&iter, spool->lines);
    while (g_hash_table_iter_next(&iter, NULL, &line)) {
        ((DsnRelayLine *)line)->oldest = 0;
        ((DsnRelayLine *)line)->is_relay = false;
    }
    dsn_spool_line(spool, NULL)->is_relay = true;
    for (char **relay = spool->relays; relay != NULL && *relay != NULL; relay++)
        dsn_spool_line(spool, *relay)->is_relay = true;
    for (guint i = 0; i < all->len; i++) {
        const Oldest *oldest = &g_array_index(all, Oldest, i);

        dsn_spool_line(spool, oldest->relay)->oldest = oldest->time;
    }
    g_mutex_unlock(&spool->lock);
    return true;
}

static bool
look_at_outlets(DsnSpool *spool, GError **error)
{
    for (guint i = 0; i < spool->outlets->len; i++) { /* only this thread changes them */
        DsnOutlet *outlet = spool->outlets->pdata[i];
        int64_t oldest = 0;

        if (outlet->position < spool->last_record &&
            !find_oldest_record(spool, outlet->position, &oldest, error))
            return false;
        g_mutex_lock(&spool->lock);
        outlet->oldest = oldest;
        g_mutex_unlock(&spool->lock);
    }
    return true;
}

/* Follows a wall clock that is brought into line, and after a while also one that was set. */
static void
follow_clock(DsnSpool *spool, int64_t now)
{
    const int64_t off = g_get_real_time() - dsn_spool_now(spool);
    const bool small = ABS(off) < CLOCK_SLACK;

    if (!small && (spool->clock_set == 0 || ABS(off - spool->clock_off) >= CLOCK_SLACK)) {
        spool->clock_set = now;
        spool->clock_off = off;
        dsn_log_event(DSN_LOG_WARNING,
                      "spool: the clock was set by %" G_GINT64_FORMAT " seconds: nothing becomes "
                      "due or old by that, unless it stays so for an hour",
                      off / G_USEC_PER_SEC);
        return;
    }
    if (!small && now - spool->clock_set < spool->settle_after)
        return;
    spool->clock_set = 0;
    __atomic_store_n(&spool->epoch, spool->epoch + off, __ATOMIC_RELAXED);
}

bool
dsn_spool_look(DsnSpool *spool, GError **error)
{
    int64_t now = g_get_monotonic_time();
    struct statvfs status;

    if (spool->looked != 0 && now - spool->looked < LOOK_INTERVAL)
        return true;
    spool->looked = now;
    follow_clock(spool, now);
    bool good = statvfs(spool->directory, &status) == 0; /* else the disk speaks up by itself */
    g_mutex_lock(&spool->lock);
    spool->free_bytes = good ? (guint64)status.f_bavail * status.f_frsize : 0;
    g_mutex_unlock(&spool->lock);
    return look_at_relays(spool, error) && look_at_outlets(spool, error);
}

/* ---- for others ---- */

/* Of all that something waits for. */
static int64_t
oldest_of_all(DsnSpool *spool)
{
    GHashTableIter iter;
    gpointer value;
    int64_t oldest = 0;

    g_hash_table_iter_init(&iter, spool->lines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const DsnRelayLine *line = value;

        if (line->oldest > 0 && (oldest == 0 || line->oldest < oldest))
            oldest = line->oldest;
    }
    return spool->waiting == 0 ? 0 : oldest;
}

void
dsn_spool_state(DsnSpool *spool, DsnSpoolState *ret_state)
{
    g_mutex_lock(&spool->lock);
    *ret_state = (DsnSpoolState){
        .waiting = spool->waiting,
        .dead = spool->dead,
        .records = (guint64)(spool->last_record - dsn_spool_all_past(spool)),
        .oldest = oldest_of_all(spool),
        .bytes = (guint64)(spool->database_bytes + spool->large_bytes),
        .free = spool->free_bytes,
        .max_size = spool->max_size,
        .min_free = spool->min_free,
    };
    g_mutex_unlock(&spool->lock);
}

void
dsn_spool_each_relay(DsnSpool *spool, DsnSpoolEach each, gpointer user)
{
    GHashTableIter iter;
    gpointer value;

    g_mutex_lock(&spool->lock);
    g_hash_table_iter_init(&iter, spool->lines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const DsnRelayLine *line = value;

        if (line->is_relay)
            each(line->name, 0, line->oldest, user);
    }
    g_mutex_unlock(&spool->lock);
}

void
dsn_spool_each_outlet(DsnSpool *spool, DsnSpoolEach each, gpointer user)
{
    g_mutex_lock(&spool->lock);
    for (guint i = 0; i < spool->outlets->len; i++) {
        const DsnOutlet *outlet = spool->outlets->pdata[i];
        guint64 left = (guint64)(spool->last_record - MIN(outlet->position, spool->last_record));

        each(outlet->name, left, left == 0 ? 0 : outlet->oldest, user);
    }
    g_mutex_unlock(&spool->lock);
}

/* ---- whether it takes anything in ---- */

static int64_t
busy_for(const DsnSpool *spool)
{
    return spool->busy_since == 0 ? 0 : g_get_monotonic_time() - spool->busy_since;
}

bool
dsn_spool_is_ready(DsnSpool *spool)
{
    g_mutex_lock(&spool->lock);
    bool ready =
        !spool->broken && !dsn_spool_is_full(spool) && busy_for(spool) < spool->stuck_after;
    g_mutex_unlock(&spool->lock);
    return ready;
}

char *
dsn_spool_unready(DsnSpool *spool)
{
    char *why = NULL;

    g_mutex_lock(&spool->lock);
    if (spool->broken)
        why = g_strdup_printf("spool: %s", spool->broken_text);
    else if (dsn_spool_is_full(spool))
        why = g_strdup_printf("spool: full: %s", spool->full_why);
    else if (busy_for(spool) >= spool->stuck_after)
        why = g_strdup_printf("spool: the disk has been busy with one commit for %" G_GINT64_FORMAT
                              " seconds",
                              busy_for(spool) / G_TIME_SPAN_SECOND);
    g_mutex_unlock(&spool->lock);
    return why;
}
