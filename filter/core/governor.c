/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/governor.h"

#include <string.h>

/*
 * A bucket is the time at which it will be full again, in nanoseconds: a notice moves that time by
 * an hour's share, and it may not lie more than an hour ahead. So a bucket needs no filling, and a
 * changed rate takes effect at once. In nanoseconds an hour's share is exact enough for a million
 * notices an hour.
 */
#define HOUR (G_GINT64_CONSTANT(3600) * 1000 * 1000 * 1000)
#define NANOSECONDS 1000 /* in a microsecond */

/* Of senders and domains; most are full again soon after their one notice. */
#define MAX_BUCKETS 65536

/* A bucket's name is one of these letters, and whose it is. */
#define OVERALL 'o'
#define SENDER 's'
#define DOMAIN 'd'
#define POSTER 'p'

typedef struct Bucket {
    int64_t full;
    bool changed;
} Bucket;

struct DsnGovernor {
    GMutex lock;
    GHashTable *many;   /* name -> Bucket: senders and domains */
    GHashTable *few;    /* the others; no more than are configured */
    GPtrArray *changed; /* of char *: names of those that have changed */
    int64_t told;       /* when they were asked for, monotonic */
};

/* The buckets of one notice; NULL for one without a limit, which is neither looked at nor made. */
typedef struct Names {
    char *overall;
    char *sender;
    char *domain;
    char *poster;
} Names;

static void
names_clear(Names *names)
{
    g_free(names->overall);
    g_free(names->sender);
    g_free(names->domain);
    g_free(names->poster);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Names, names_clear)

void
dsn_bucket_clear(DsnBucket *bucket)
{
    g_clear_pointer(&bucket->name, g_free);
}

DsnGovernor *
dsn_governor_new(void)
{
    DsnGovernor *governor = g_new0(DsnGovernor, 1);

    g_mutex_init(&governor->lock);
    governor->many = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    governor->few = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    governor->changed = g_ptr_array_new_with_free_func(g_free);
    return governor;
}

void
dsn_governor_free(DsnGovernor *governor)
{
    if (governor == NULL)
        return;
    g_hash_table_unref(governor->many);
    g_hash_table_unref(governor->few);
    g_ptr_array_unref(governor->changed);
    g_mutex_clear(&governor->lock);
    g_free(governor);
}

/* ---- buckets ---- */

static gboolean
is_full(gpointer name, gpointer bucket, gpointer now)
{
    (void)name; /* all are treated alike */
    return ((const Bucket *)bucket)->full <= *(const int64_t *)now;
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

static GHashTable *
table_of(DsnGovernor *governor, const char *name)
{
    return name[0] == SENDER || name[0] == DOMAIN ? governor->many : governor->few;
}

/* The bucket of @name (transfer none), NULL when it has none, which means full. */
static Bucket *
find_bucket(DsnGovernor *governor, const char *name)
{
    return name == NULL ? NULL : g_hash_table_lookup(table_of(governor, name), name);
}

static Bucket *
make_bucket(DsnGovernor *governor, const char *name, int64_t now)
{
    GHashTable *buckets = table_of(governor, name);
    Bucket *bucket = g_hash_table_lookup(buckets, name);

    if (bucket != NULL)
        return bucket;
    if (g_hash_table_size(buckets) >= MAX_BUCKETS)
        forget(buckets, now);
    bucket = g_new0(Bucket, 1);
    bucket->full = now;
    (void)g_hash_table_insert(buckets, g_strdup(name), bucket); /* it was not there */
    return bucket;
}

static void
note_change(DsnGovernor *governor, const char *name, Bucket *bucket)
{
    if (bucket->changed)
        return;
    bucket->changed = true;
    g_ptr_array_add(governor->changed, g_strdup(name));
}

/* An hour's share of one notice; 0 without a limit. */
static int64_t
share(size_t rate)
{
    return rate == 0 || (guint64)rate > (guint64)HOUR ? 0 : HOUR / (int64_t)rate;
}

static bool
has_room(DsnGovernor *governor, const char *name, size_t rate, int64_t now)
{
    const Bucket *bucket = find_bucket(governor, name);

    return bucket == NULL || MAX(bucket->full, now) + share(rate) - now <= HOUR;
}

static void
take(DsnGovernor *governor, const char *name, size_t rate, int64_t now)
{
    if (name == NULL)
        return;
    Bucket *bucket = make_bucket(governor, name, now);
    bucket->full = MAX(bucket->full, now) + share(rate);
    note_change(governor, name, bucket);
}

/* A bucket that is full stays full: it does not matter how long it has been. */
static void
give_back(DsnGovernor *governor, const char *name, size_t rate)
{
    Bucket *bucket = find_bucket(governor, name);

    if (bucket == NULL)
        return;
    bucket->full -= share(rate);
    note_change(governor, name, bucket);
}

/* ---- notices ---- */

static char *
name_of(char kind, size_t rate, DsnSpan text)
{
    if (rate == 0)
        return NULL;
    char *name = g_malloc(text.len + 2);
    name[0] = kind;
    for (size_t i = 0; i < text.len; i++)
        name[i + 1] = g_ascii_tolower(text.data[i]);
    name[text.len + 1] = '\0';
    return name;
}

static Names
name_buckets(const DsnRates *rates, DsnSpan sender, const char *poster)
{
    const char *at = sender.len == 0 ? NULL : memrchr(sender.data, '@', sender.len);
    size_t domain = at == NULL ? 0 : (size_t)(at + 1 - sender.data);

    return (Names){
        .overall = name_of(OVERALL, rates->overall, dsn_span("")),
        .sender = name_of(SENDER, rates->sender, sender),
        .domain = at == NULL ? NULL : name_of(DOMAIN, rates->domain, dsn_span_from(sender, domain)),
        /* names of posters differ in the case of letters */
        .poster =
            poster == NULL || rates->poster == 0 ? NULL : g_strdup_printf("%c%s", POSTER, poster),
    };
}

/* The option that leaves no room; NULL if none does. */
static const char *
find_limit(DsnGovernor *governor, const Names *names, const DsnRates *rates, int64_t now)
{
    if (!has_room(governor, names->overall, rates->overall, now))
        return "notice.hourly_rate";
    if (!has_room(governor, names->sender, rates->sender, now))
        return "notice.hourly_sender_rate";
    if (!has_room(governor, names->domain, rates->domain, now))
        return "notice.hourly_domain_rate";
    if (!has_room(governor, names->poster, rates->poster, now))
        return "http.client.hourly_rate";
    return NULL;
}

const char *
dsn_governor_admit(DsnGovernor *governor, const DsnRates *rates, DsnSpan sender, const char *poster,
                   int64_t now)
{
    g_auto(Names) names = name_buckets(rates, sender, poster);
    const int64_t then = now * NANOSECONDS;

    g_mutex_lock(&governor->lock);
    const char *limit = find_limit(governor, &names, rates, then);
    if (limit == NULL) {
        take(governor, names.overall, rates->overall, then);
        take(governor, names.sender, rates->sender, then);
        take(governor, names.domain, rates->domain, then);
        take(governor, names.poster, rates->poster, then);
    }
    g_mutex_unlock(&governor->lock);
    return limit;
}

void
dsn_governor_return(DsnGovernor *governor, const DsnRates *rates, DsnSpan sender,
                    const char *poster)
{
    g_auto(Names) names = name_buckets(rates, sender, poster);

    g_mutex_lock(&governor->lock);
    give_back(governor, names.overall, rates->overall);
    give_back(governor, names.sender, rates->sender);
    give_back(governor, names.domain, rates->domain);
    give_back(governor, names.poster, rates->poster);
    g_mutex_unlock(&governor->lock);
}

/* ---- beyond the life of the process ---- */

static void
clear_bucket(gpointer data)
{
    dsn_bucket_clear(data);
}

/* Of a bucket that will be full at @full when it is @now. */
static double
tokens_of(int64_t full, int64_t now)
{
    return 1 - (double)CLAMP(full - now, 0, HOUR) / (double)HOUR;
}

GArray *
dsn_governor_changed(DsnGovernor *governor, GTimeSpan interval)
{
    const int64_t now = g_get_monotonic_time();
    const int64_t time = g_get_real_time();
    GArray *buckets = NULL;

    g_mutex_lock(&governor->lock);
    if (governor->changed->len > 0 && now - governor->told >= interval) {
        buckets = g_array_sized_new(FALSE, FALSE, sizeof(DsnBucket), governor->changed->len);
        g_array_set_clear_func(buckets, clear_bucket);
        for (guint i = 0; i < governor->changed->len; i++) {
            Bucket *known = find_bucket(governor, governor->changed->pdata[i]);
            DsnBucket bucket = {.tokens = 1, .time = time};

            if (known != NULL) { /* else it was full, and is forgotten */
                known->changed = false;
                bucket.tokens = tokens_of(known->full, now * NANOSECONDS);
            }
            bucket.name = g_steal_pointer(&governor->changed->pdata[i]);
            g_array_append_val(buckets, bucket);
        }
        g_ptr_array_set_size(governor->changed, 0);
        governor->told = now;
    }
    g_mutex_unlock(&governor->lock);
    return buckets;
}

static bool
is_name(const char *name)
{
    return name[0] != '\0' &&
           strchr((const char[]){OVERALL, SENDER, DOMAIN, POSTER, '\0'}, name[0]) != NULL;
}

void
dsn_governor_restore(DsnGovernor *governor, const GArray *buckets)
{
    const int64_t now = g_get_monotonic_time() * NANOSECONDS;
    const int64_t time = g_get_real_time();

    g_mutex_lock(&governor->lock);
    for (guint i = 0; i < buckets->len; i++) {
        const DsnBucket *bucket = &g_array_index(buckets, DsnBucket, i);
        int64_t age = CLAMP(time - MAX(bucket->time, 0), 0, HOUR / NANOSECONDS) * NANOSECONDS;
        int64_t missing = (int64_t)((1 - CLAMP(bucket->tokens, 0, 1)) * (double)HOUR);

        if (missing > age && is_name(bucket->name))
            make_bucket(governor, bucket->name, now)->full = now + missing - age;
    }
    g_mutex_unlock(&governor->lock);
}
