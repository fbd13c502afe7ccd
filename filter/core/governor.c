/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/governor.h"

/*
 * A bucket is the time at which it will be full again, in nanoseconds: a notice moves that time by
 * an hour's share, and it may not lie more than an hour ahead. So a bucket needs no filling, and a
 * changed rate takes effect at once. In nanoseconds an hour's share is exact enough for a million
 * notices an hour.
 */
#define HOUR (G_GINT64_CONSTANT(3600) * 1000 * 1000 * 1000)
#define NANOSECONDS 1000 /* in a microsecond */

/* Of senders; most are full again soon after their one notice. */
#define MAX_BUCKETS 65536

struct DsnGovernor {
    GMutex lock;
    int64_t overall;
    GHashTable *senders; /* address in lower case -> int64_t */
    GHashTable *posters; /* name -> int64_t; no more than are configured */
};

DsnGovernor *
dsn_governor_new(void)
{
    DsnGovernor *governor = g_new0(DsnGovernor, 1);

    g_mutex_init(&governor->lock);
    governor->senders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    governor->posters = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return governor;
}

void
dsn_governor_free(DsnGovernor *governor)
{
    if (governor == NULL)
        return;
    g_hash_table_unref(governor->senders);
    g_hash_table_unref(governor->posters);
    g_mutex_clear(&governor->lock);
    g_free(governor);
}

static gboolean
is_full(gpointer name, gpointer bucket, gpointer now)
{
    (void)name; /* all are treated alike */
    return *(const int64_t *)bucket <= *(const int64_t *)now;
}

/* Forgets the full ones, and if most are not, those that soon will be: what they lose is least. The
 * next time is tens of thousands of new buckets away, so that this costs each of them little. */
static void
forget(GHashTable *buckets, int64_t now)
{
    for (int64_t ahead = 0; g_hash_table_size(buckets) > MAX_BUCKETS / 2;
         ahead = ahead == 0 ? HOUR / 64 : ahead * 2) {
        int64_t then = now + ahead;
        (void)g_hash_table_foreach_remove(buckets, is_full, &then); /* the size tells */
    }
}

/* The bucket of @name (transfer none), NULL when it has none, which means full. */
static int64_t *
find_bucket(GHashTable *buckets, const char *name)
{
    return name == NULL ? NULL : g_hash_table_lookup(buckets, name);
}

static int64_t *
make_bucket(GHashTable *buckets, const char *name, int64_t now)
{
    int64_t *bucket = find_bucket(buckets, name);

    if (bucket != NULL)
        return bucket;
    if (g_hash_table_size(buckets) >= MAX_BUCKETS)
        forget(buckets, now);
    bucket = g_new(int64_t, 1);
    *bucket = now;
    (void)g_hash_table_insert(buckets, g_strdup(name), bucket); /* it was not there */
    return bucket;
}

/* An hour's share of one notice; 0 without a limit. */
static int64_t
share(size_t rate)
{
    return rate == 0 || (guint64)rate > (guint64)HOUR ? 0 : HOUR / (int64_t)rate;
}

static bool
has_room(const int64_t *bucket, size_t rate, int64_t now)
{
    return bucket == NULL || MAX(*bucket, now) + share(rate) - now <= HOUR;
}

static void
take(int64_t *bucket, size_t rate, int64_t now)
{
    *bucket = MAX(*bucket, now) + share(rate);
}

/* Buckets without a limit are neither looked at nor made. */
static char *
dup_sender(const DsnRates *rates, DsnSpan sender)
{
    return rates->sender == 0 ? NULL : g_ascii_strdown(sender.data, (gssize)sender.len);
}

static const char *
limited_poster(const DsnRates *rates, const char *poster)
{
    return rates->poster == 0 ? NULL : poster;
}

/* Under the lock. */
static bool
admit(DsnGovernor *governor, const DsnRates *rates, const char *sender, const char *poster,
      int64_t now)
{
    if (!has_room(&governor->overall, rates->overall, now) ||
        !has_room(find_bucket(governor->senders, sender), rates->sender, now) ||
        !has_room(find_bucket(governor->posters, poster), rates->poster, now))
        return false;
    take(&governor->overall, rates->overall, now);
    if (sender != NULL)
        take(make_bucket(governor->senders, sender, now), rates->sender, now);
    if (poster != NULL)
        take(make_bucket(governor->posters, poster, now), rates->poster, now);
    return true;
}

bool
dsn_governor_admit(DsnGovernor *governor, const DsnRates *rates, DsnSpan sender, const char *poster,
                   int64_t now)
{
    g_autofree char *to = dup_sender(rates, sender);

    g_mutex_lock(&governor->lock);
    bool admitted = admit(governor, rates, to, limited_poster(rates, poster), now * NANOSECONDS);
    g_mutex_unlock(&governor->lock);
    return admitted;
}

/* A bucket that is full stays full: it does not matter how long it has been. */
static void
give_back(int64_t *bucket, size_t rate)
{
    if (bucket != NULL)
        *bucket -= share(rate);
}

void
dsn_governor_return(DsnGovernor *governor, const DsnRates *rates, DsnSpan sender,
                    const char *poster)
{
    g_autofree char *to = dup_sender(rates, sender);

    g_mutex_lock(&governor->lock);
    give_back(&governor->overall, rates->overall);
    give_back(find_bucket(governor->senders, to), rates->sender);
    give_back(find_bucket(governor->posters, limited_poster(rates, poster)), rates->poster);
    g_mutex_unlock(&governor->lock);
}
