/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/governor.h"
#include "tests/support/unit.h"

#define HOUR (G_GINT64_CONSTANT(3600) * G_USEC_PER_SEC)
#define START (G_GINT64_CONSTANT(1000) * G_USEC_PER_SEC) /* soon after the host was started */

static bool
admit(DsnGovernor *governor, const DsnRates *rates, const char *sender, const char *poster,
      int64_t now)
{
    return dsn_governor_admit(governor, rates, dsn_span(sender), poster, now) == NULL;
}

/* How many are admitted at @now. */
static size_t
drain(DsnGovernor *governor, const DsnRates *rates, const char *sender, const char *poster,
      int64_t now)
{
    size_t count = 0;

    while (count < 10000 && admit(governor, rates, sender, poster, now))
        count++;
    return count;
}

/* ENV-22. */
static const struct {
    const char *label;
    DsnRates rates;
    size_t admitted;
} limits[] = {
    {"none", {.overall = 0}, 10000},
    {"overall", {.overall = 100}, 100},
    {"sender", {.sender = 7}, 7},
    {"poster", {.poster = 1}, 1},
    {"the least", {.overall = 5, .sender = 4, .poster = 6}, 4},
    {"the least", {.overall = 3, .sender = 4, .poster = 6}, 3},
    {"the least", {.overall = 5, .sender = 4, .poster = 2}, 2},
    {"odd", {.sender = 7919}, 7919},
    {"huge", {G_MAXSIZE, G_MAXSIZE, G_MAXSIZE, G_MAXSIZE}, 10000},
    {"domain", {.sender = 9, .domain = 8}, 8},
};

START_TEST(holds_an_hours_worth)
{
    g_autoptr(DsnGovernor) governor = dsn_governor_new();
    const DsnRates *rates = &limits[_i].rates;

    ck_assert_msg(drain(governor, rates, "a@x.example", "p", START) == limits[_i].admitted, "%s",
                  limits[_i].label);
    ck_assert_uint_eq(drain(governor, rates, "a@x.example", "p", START + 3 * HOUR),
                      limits[_i].admitted);
}
END_TEST

START_TEST(fills_evenly)
{
    g_autoptr(DsnGovernor) governor = dsn_governor_new();
    const DsnRates rates = {.overall = 60};
    int64_t now = START;

    ck_assert_uint_eq(drain(governor, &rates, "a@x.example", NULL, now), 60);
    ck_assert(!admit(governor, &rates, "b@x.example", NULL, now + HOUR / 60 - 1));
    for (int i = 1; i <= 30; i++)
        ck_assert_uint_eq(drain(governor, &rates, "b@x.example", NULL, now + i * (HOUR / 60)), 1);
    ck_assert_uint_eq(drain(governor, &rates, "b@x.example", NULL, now + HOUR), 30);
}
END_TEST

START_TEST(counts_each_by_itself)
{
    g_autoptr(DsnGovernor) governor = dsn_governor_new();
    const DsnRates rates = {.sender = 2, .poster = 3};

    ck_assert_uint_eq(drain(governor, &rates, "a@x.example", "p", START), 2);
    ck_assert(!admit(governor, &rates, "A@X.example", "q", START)); /* the same mailbox */
    ck_assert_uint_eq(drain(governor, &rates, "b@x.example", "p", START), 1);
    ck_assert_uint_eq(drain(governor, &rates, "b@x.example", "q", START), 1);
    ck_assert_uint_eq(drain(governor, &rates, "c@x.example", NULL, START), 2);
    ck_assert_uint_eq(drain(governor, &rates, "d@x.example", "q", START), 2);
}
END_TEST

/* When one bucket is empty, nothing is taken out of the others. */
START_TEST(takes_all_or_nothing)
{
    g_autoptr(DsnGovernor) governor = dsn_governor_new();
    const DsnRates rates = {.overall = 4, .sender = 1, .poster = 3};

    ck_assert(admit(governor, &rates, "a@x.example", "p", START));
    for (int i = 0; i < 10; i++)
        ck_assert(!admit(governor, &rates, "a@x.example", "p", START));
    ck_assert(admit(governor, &rates, "b@x.example", "p", START));
    ck_assert(admit(governor, &rates, "c@x.example", "p", START));
    ck_assert(!admit(governor, &rates, "d@x.example", "p", START));
    ck_assert(admit(governor, &rates, "d@x.example", NULL, START));
    ck_assert(!admit(governor, &rates, "e@x.example", NULL, START));
}
END_TEST

START_TEST(names_the_limit)
{
    static const struct {
        DsnRates rates;
        const char *limit;
    } cases[] = {
        {{.overall = 1, .sender = 1, .domain = 1, .poster = 1}, "notice.hourly_rate"},
        {{.sender = 1, .domain = 1, .poster = 1}, "notice.hourly_sender_rate"},
        {{.domain = 1, .poster = 1}, "notice.hourly_domain_rate"},
        {{.poster = 1}, "http.client.hourly_rate"},
    };
    const DsnSpan sender = DSN_SPAN_LITERAL("a@x.example");

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(DsnGovernor) governor = dsn_governor_new();

        ck_assert_ptr_null(dsn_governor_admit(governor, &cases[i].rates, sender, "p", START));
        ck_assert_str_eq(dsn_governor_admit(governor, &cases[i].rates, sender, "p", START),
                         cases[i].limit);
    }
}
END_TEST

START_TEST(takes_back)
{
    g_autoptr(DsnGovernor) governor = dsn_governor_new();
    const DsnRates rates = {.overall = 2, .sender = 1, .poster = 2};

    for (int i = 0; i < 10; i++) {
        ck_assert(admit(governor, &rates, "a@x.example", "p", START));
        dsn_governor_return(governor, &rates, dsn_span("a@x.example"), "p");
    }
    for (int i = 0; i < 10; i++) /* full ones do not overflow */
        dsn_governor_return(governor, &rates, dsn_span("a@x.example"), "p");
    ck_assert_uint_eq(drain(governor, &rates, "a@x.example", "p", START), 1);
    ck_assert_uint_eq(drain(governor, &rates, "b@x.example", "p", START), 1);
    ck_assert_uint_eq(drain(governor, &rates, "c@x.example", "q", START), 0);
}
END_TEST

START_TEST(follows_changed_rates)
{
    g_autoptr(DsnGovernor) governor = dsn_governor_new();
    const DsnRates few = {.sender = 1}, many = {.sender = 10};

    ck_assert_uint_eq(drain(governor, &few, "a@x.example", NULL, START), 1);
    ck_assert_uint_eq(drain(governor, &many, "a@x.example", NULL, START + HOUR / 2), 5);
    ck_assert_uint_eq(drain(governor, &few, "a@x.example", NULL, START + HOUR / 2), 0);
}
END_TEST

/* However many senders there are, the buckets that are emptiest are remembered. */
START_TEST(forgets_the_fullest)
{
    g_autoptr(DsnGovernor) governor = dsn_governor_new();
    const DsnRates rates = {.sender = 10};

    ck_assert_uint_eq(drain(governor, &rates, "heavy@x.example", NULL, START), 10);
    for (int i = 0; i < 300000; i++) {
        g_autofree char *sender = g_strdup_printf("s%d@x.example", i);
        ck_assert(admit(governor, &rates, sender, NULL, START));
    }
    ck_assert(!admit(governor, &rates, "heavy@x.example", NULL, START));
    ck_assert_uint_eq(drain(governor, &rates, "s299999@x.example", NULL, START), 9);
}
END_TEST

static gpointer
admit_in_thread(gpointer data)
{
    const DsnRates rates = {.overall = 10000, .sender = 6000};
    gsize admitted = 0;

    for (int i = 0; i < 5000; i++)
        admitted += admit(data, &rates, i % 2 == 0 ? "a@x.example" : "b@x.example", "p", START);
    return GSIZE_TO_POINTER(admitted);
}

START_TEST(threads_share_one_budget)
{
    g_autoptr(DsnGovernor) governor = dsn_governor_new();
    GThread *threads[4];
    gsize admitted = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("admit", admit_in_thread, governor);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        admitted += GPOINTER_TO_SIZE(g_thread_join(threads[i]));
    ck_assert_uint_eq(admitted, 10000);
}
END_TEST

/* ENV-22. */
START_TEST(limits_each_domain)
{
    g_autoptr(DsnGovernor) governor = dsn_governor_new();
    const DsnRates rates = {.sender = 2, .domain = 3};

    ck_assert_uint_eq(drain(governor, &rates, "a@x.example", NULL, START), 2);
    ck_assert_uint_eq(drain(governor, &rates, "b@X.Example", NULL, START), 1);
    ck_assert_uint_eq(drain(governor, &rates, "c@x.example", NULL, START), 0);
    ck_assert_uint_eq(drain(governor, &rates, "a@y.x.example", NULL, START), 2);
    ck_assert_uint_eq(drain(governor, &rates, "\"a@x.example\"@z.example", NULL, START), 2);
    ck_assert_uint_eq(drain(governor, &rates, "no-domain", NULL, START), 2);
    /* what is given back is given back to all */
    dsn_governor_return(governor, &rates, dsn_span("a@x.example"), NULL);
    ck_assert_uint_eq(drain(governor, &rates, "c@x.example", NULL, START), 1);
}
END_TEST

/* ---- a process after the other ---- */

static const DsnRates all = {.overall = 20, .sender = 4, .domain = 8, .poster = 16};

static int64_t
now(void)
{
    return g_get_monotonic_time();
}

/* Takes three notices for a@x.example by "p", and returns the buckets. */
static GArray *
take_three(DsnGovernor *governor)
{
    for (int i = 0; i < 3; i++)
        ck_assert(admit(governor, &all, "a@x.example", "p", now()));
    GArray *buckets = dsn_governor_changed(governor, 0);
    ck_assert_ptr_nonnull(buckets);
    ck_assert_uint_eq(buckets->len, 4);
    return buckets;
}

START_TEST(tells_what_changed)
{
    g_autoptr(DsnGovernor) governor = dsn_governor_new();

    ck_assert_ptr_null(dsn_governor_changed(governor, 0));
    ck_assert(admit(governor, &all, "a@x.example", "p", now()));
    g_autoptr(GArray) first = dsn_governor_changed(governor, 0);
    ck_assert_uint_eq(first->len, 4);
    ck_assert_ptr_null(dsn_governor_changed(governor, 0));
    ck_assert(admit(governor, &all, "b@x.example", NULL, now()));
    ck_assert(admit(governor, &all, "b@x.example", NULL, now()));
    ck_assert_ptr_null(dsn_governor_changed(governor, G_TIME_SPAN_HOUR)); /* not so soon */
    g_autoptr(GArray) second = dsn_governor_changed(governor, 0);
    ck_assert_uint_eq(second->len, 3);
    for (guint i = 0; i < second->len; i++) {
        const DsnBucket *bucket = &g_array_index(second, DsnBucket, i);

        ck_assert_str_ne(bucket->name, "pp");
        ck_assert_int_le(ABS(bucket->time - g_get_real_time()), G_TIME_SPAN_MINUTE);
        if (g_str_equal(bucket->name, "sb@x.example"))
            ck_assert(bucket->tokens > 0.49 && bucket->tokens < 0.51);
    }
}
END_TEST

/* What was taken before the start counts, less what has come back since; the clock may have been
 * set meanwhile. */
static const struct {
    const char *label;
    int64_t ago; /* seconds that the buckets were kept before now */
    size_t left; /* for the sender */
} starts[] = {
    {"at once", 0, 1},
    {"a quarter of an hour later", 900, 2},
    {"half an hour later", 1801, 3},
    {"much later", 86400, 4},
    {"the clock was set back by a day", -86400, 1},
};

START_TEST(goes_on_after_a_start)
{
    g_autoptr(DsnGovernor) before = dsn_governor_new();
    g_autoptr(DsnGovernor) after = dsn_governor_new();
    g_autoptr(GArray) buckets = take_three(before);

    for (guint i = 0; i < buckets->len; i++)
        g_array_index(buckets, DsnBucket, i).time -= starts[_i].ago * G_USEC_PER_SEC;
    dsn_governor_restore(after, buckets);
    ck_assert_msg(drain(after, &all, "A@x.example", NULL, now()) == starts[_i].left, "%s",
                  starts[_i].label);
}
END_TEST

/* What no governor has written is left alone. */
START_TEST(odd_buckets)
{
    g_autoptr(DsnGovernor) governor = dsn_governor_new();
    g_autoptr(GArray) buckets = g_array_new(FALSE, FALSE, sizeof(DsnBucket));
    const DsnBucket odd[] = {
        {(char[]){""}, 0, g_get_real_time()},
        {(char[]){"xa@x.example"}, 0, g_get_real_time()},
        {(char[]){"sa@x.example"}, 17, g_get_real_time()},
        {(char[]){"sb@x.example"}, -17, G_MININT64 / 4},
        {(char[]){"sc@x.example"}, -17, g_get_real_time()},
    };

    g_array_append_vals(buckets, odd, G_N_ELEMENTS(odd));
    dsn_governor_restore(governor, buckets);
    ck_assert_uint_eq(drain(governor, &all, "a@x.example", NULL, now()), 4);
    ck_assert_uint_eq(drain(governor, &all, "b@x.example", NULL, now()), 4);
    ck_assert_uint_eq(drain(governor, &all, "c@x.example", NULL, now()), 0);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("governor");
    TCase *tcase = tcase_create("rates");

    tcase_add_loop_test(tcase, holds_an_hours_worth, 0, G_N_ELEMENTS(limits));
    tcase_add_test(tcase, fills_evenly);
    tcase_add_test(tcase, counts_each_by_itself);
    tcase_add_test(tcase, takes_all_or_nothing);
    tcase_add_test(tcase, names_the_limit);
    tcase_add_test(tcase, takes_back);
    tcase_add_test(tcase, follows_changed_rates);
    tcase_add_test(tcase, forgets_the_fullest);
    tcase_add_test(tcase, threads_share_one_budget);
    tcase_add_test(tcase, limits_each_domain);
    tcase_add_test(tcase, tells_what_changed);
    tcase_add_loop_test(tcase, goes_on_after_a_start, 0, G_N_ELEMENTS(starts));
    tcase_add_test(tcase, odd_buckets);
    suite_add_tcase(suite, tcase);
    return suite;
}
