/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/http-turns.h"

/* Posters that are remembered, at least, before those who have nothing left are forgotten. */
#define POSTERS_LEAST 64

struct DsnHttpTurns {
    GMutex lock;
    guint64 now;      /* the greatest number that was served */
    GHashTable *last; /* of guint64: the last number of a poster, by name */
    guint forget_at;  /* so many of them */
};

DsnHttpTurns *
dsn_http_turns_new(void)
{
    DsnHttpTurns *turns = g_new0(DsnHttpTurns, 1);

    g_mutex_init(&turns->lock);
    turns->last = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    turns->forget_at = POSTERS_LEAST;
    return turns;
}

void
dsn_http_turns_free(DsnHttpTurns *turns)
{
    if (turns == NULL)
        return;
    g_hash_table_unref(turns->last);
    g_mutex_clear(&turns->lock);
    g_free(turns);
}

static gboolean
is_past(gpointer poster, gpointer last, gpointer user)
{
    (void)poster;
    return *(const guint64 *)last <= ((const DsnHttpTurns *)user)->now;
}

/* A poster whose last request was served is as one who never had any. */
static guint64 *
last_of(DsnHttpTurns *turns, const char *poster)
{
    guint64 *last = g_hash_table_lookup(turns->last, poster);

    if (last != NULL)
        return last;
    if (g_hash_table_size(turns->last) >= turns->forget_at) {
        (void)g_hash_table_foreach_remove(turns->last, is_past, turns); /* however many */
        turns->forget_at = MAX(2 * g_hash_table_size(turns->last), POSTERS_LEAST);
    }
    last = g_new0(guint64, 1);
    (void)g_hash_table_insert(turns->last, g_strdup(poster), last); /* it was not there */
    return last;
}

guint64
dsn_http_turns_enter(DsnHttpTurns *turns, const char *poster)
{
    g_mutex_lock(&turns->lock);
    guint64 *last = last_of(turns, poster);
    const guint64 turn = MAX(*last, turns->now) + 1;
    *last = turn;
    g_mutex_unlock(&turns->lock);
    return turn;
}

void
dsn_http_turns_serve(DsnHttpTurns *turns, guint64 turn)
{
    g_mutex_lock(&turns->lock);
    turns->now = MAX(turns->now, turn);
    g_mutex_unlock(&turns->lock);
}

guint
dsn_http_turns_count(DsnHttpTurns *turns)
{
    g_mutex_lock(&turns->lock);
    guint count = g_hash_table_size(turns->last);
    g_mutex_unlock(&turns->lock);
    return count;
}
