/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"

typedef enum Place {
    PLACE_NONE,  /* nothing of it is known to wait */
    PLACE_READY, /* in the ring */
    PLACE_LATER  /* at a time */
} Place;

struct DsnTurn {
    char *tenant;
    DsnTurns *turns;
    Place place;
    GList link;               /* in the ring */
    GSequenceIter *appointed; /* while it is at a time */
    int64_t at;               /* that time, monotonic */
    int64_t after;            /* no untaken entry up to this one, */
    int64_t given_back;       /* but for those behind this one, given back since somebody looked */
};

static void
free_turn(gpointer data)
{
    DsnTurn *turn = data;

    g_free(turn->tenant);
    g_free(turn);
}

void
dsn_turns_init(DsnTurns *turns)
{
    turns->all = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_turn);
    turns->later = g_sequence_new(NULL);
    g_queue_init(&turns->ring);
}

void
dsn_turns_clear(DsnTurns *turns)
{
    g_sequence_free(turns->later);
    g_hash_table_unref(turns->all); /* with the links of the ring */
}

DsnTurn *
dsn_turn(DsnTurns *turns, const char *tenant)
{
    const char *name = tenant == NULL ? "" : tenant;
    DsnTurn *turn = g_hash_table_lookup(turns->all, name);

    if (turn != NULL)
        return turn;
    turn = g_new0(DsnTurn, 1);
    turn->tenant = g_strdup(name);
    turn->turns = turns;
    turn->given_back = G_MAXINT64;
    turn->link.data = turn;
    (void)g_hash_table_insert(turns->all, turn->tenant, turn); /* it was not there */
    return turn;
}

const char *
dsn_turn_tenant(const DsnTurn *turn)
{
    return turn->tenant;
}

/* ---- when ---- */

static void
leave(DsnTurn *turn)
{
    if (turn->place == PLACE_READY)
        g_queue_unlink(&turn->turns->ring, &turn->link);
    if (turn->place == PLACE_LATER)
        g_sequence_remove(turn->appointed);
    turn->place = PLACE_NONE;
}

void
dsn_turn_ready(DsnTurn *turn)
{
    if (turn->place == PLACE_READY)
        return;
    leave(turn);
    turn->place = PLACE_READY;
    g_queue_push_tail_link(&turn->turns->ring, &turn->link);
}

static int
compare_turns(gconstpointer a, gconstpointer b, gpointer user)
{
    int64_t first = ((const DsnTurn *)a)->at;
    int64_t second = ((const DsnTurn *)b)->at;

    (void)user; /* nothing else counts */
    return first < second ? -1 : first > second;
}

void
dsn_turn_later(DsnTurn *turn, int64_t at)
{
    if (turn->place == PLACE_READY || (turn->place == PLACE_LATER && turn->at <= at))
        return;
    leave(turn);
    turn->place = PLACE_LATER;
    turn->at = at;
    turn->appointed = g_sequence_insert_sorted(turn->turns->later, turn, compare_turns, NULL);
}

int64_t
dsn_turns_next_time(const DsnTurns *turns)
{
    if (turns->ring.length > 0)
        return 0;
    if (g_sequence_is_empty(turns->later))
        return G_MAXINT64;
    return ((const DsnTurn *)g_sequence_get(g_sequence_get_begin_iter(turns->later)))->at;
}

guint
dsn_turns_ready(DsnTurns *turns, int64_t now)
{
    while (!g_sequence_is_empty(turns->later)) {
        DsnTurn *first = g_sequence_get(g_sequence_get_begin_iter(turns->later));

        if (first->at > now)
            break;
        dsn_turn_ready(first);
    }
    return turns->ring.length;
}

DsnTurn *
dsn_turns_next(DsnTurns *turns)
{
    DsnTurn *turn = g_queue_peek_head(&turns->ring);

    if (turn != NULL)
        leave(turn);
    return turn;
}

/* ---- where ---- */

int64_t
dsn_turn_begin(DsnTurn *turn)
{
    turn->after = MIN(turn->after, turn->given_back);
    turn->given_back = G_MAXINT64;
    return turn->after;
}

void
dsn_turn_pass(DsnTurn *turn, int64_t entry)
{
    turn->after = MAX(turn->after, entry);
}

void
dsn_turn_give_back(DsnTurn *turn, int64_t entry)
{
    turn->given_back = MIN(turn->given_back, entry - 1);
    dsn_turn_ready(turn);
}

void
dsn_turns_forget(DsnTurns *turns)
{
    GHashTableIter iter;
    gpointer turn;

    g_hash_table_iter_init(&iter, turns->all);
    while (g_hash_table_iter_next(&iter, NULL, &turn))
        ((DsnTurn *)turn)->given_back = 0;
}
