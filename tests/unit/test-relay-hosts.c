/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/relay-hosts.h"
#include "tests/support/unit.h"

#define A "a.example:25"
#define B "b.example:25"
#define LONG (3600 * G_TIME_SPAN_SECOND)
#define SHORT (20 * G_TIME_SPAN_MILLISECOND)

static DsnRelayHosts *
make_hosts(GTimeSpan pause, const char *first, const char *second)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    DsnRelayHosts *hosts = dsn_relay_hosts_new(NULL);

    if (first != NULL)
        g_ptr_array_add(names, (char *)first);
    if (second != NULL)
        g_ptr_array_add(names, (char *)second);
    dsn_relay_hosts_set(hosts, names, pause, 4 * pause);
    return hosts;
}

/* Without waiting. */
static bool
is_any(DsnRelayHosts *hosts, const char *own)
{
    return dsn_relay_hosts_wait(hosts, own, 0);
}

static bool
wait_for_any(DsnRelayHosts *hosts)
{
    return dsn_relay_hosts_wait(hosts, NULL, g_get_monotonic_time() + LONG);
}

START_TEST(a_fault_pauses_one_host)
{
    g_autoptr(DsnRelayHosts) hosts = make_hosts(LONG, A, B);

    ck_assert(dsn_relay_hosts_claim(hosts, A, NULL));
    dsn_relay_hosts_fails(hosts, A, "554 no");
    ck_assert(!dsn_relay_hosts_claim(hosts, A, NULL));
    ck_assert(dsn_relay_hosts_claim(hosts, B, NULL));
    ck_assert(is_any(hosts, NULL));
    dsn_relay_hosts_fails(hosts, B, "554 no");
    ck_assert(!is_any(hosts, NULL));
    ck_assert(!dsn_relay_hosts_claim(hosts, "c.example:25", NULL));
}
END_TEST

START_TEST(an_open_connection_stays_in_use)
{
    g_autoptr(DsnRelayHosts) hosts = make_hosts(LONG, A, NULL);

    dsn_relay_hosts_fails(hosts, A, "421 too many");
    ck_assert(is_any(hosts, A));
    ck_assert(dsn_relay_hosts_claim(hosts, A, A));
    dsn_relay_hosts_works(hosts, A);
    ck_assert_msg(!is_any(hosts, NULL), "its success ended the pause");
}
END_TEST

START_TEST(one_thread_tries_after_a_pause)
{
    g_autoptr(DsnRelayHosts) hosts = make_hosts(SHORT, A, NULL);

    dsn_relay_hosts_fails(hosts, A, "554 no");
    ck_assert(wait_for_any(hosts));
    ck_assert(dsn_relay_hosts_claim(hosts, A, NULL));
    ck_assert(!dsn_relay_hosts_claim(hosts, A, NULL));
    ck_assert(!is_any(hosts, NULL));

    dsn_relay_hosts_unused(hosts, A); /* it found out nothing: another may */
    ck_assert(dsn_relay_hosts_claim(hosts, A, NULL));
    dsn_relay_hosts_works(hosts, A);
    ck_assert(dsn_relay_hosts_claim(hosts, A, NULL));
    ck_assert(dsn_relay_hosts_claim(hosts, A, NULL));
}
END_TEST

/* How long the next pause of A is. */
static GTimeSpan
measure_pause(DsnRelayHosts *hosts)
{
    gint64 start = g_get_monotonic_time();

    dsn_relay_hosts_fails(hosts, A, "554 no");
    dsn_relay_hosts_fails(hosts, A, "554 no"); /* of another connection: it is paused already */
    ck_assert(wait_for_any(hosts));
    ck_assert(dsn_relay_hosts_claim(hosts, A, NULL));
    return g_get_monotonic_time() - start;
}

START_TEST(pauses_grow_within_bounds_until_it_works)
{
    g_autoptr(DsnRelayHosts) hosts = make_hosts(SHORT, A, NULL);

    for (int i = 0; i < 4; i++) {
        GTimeSpan pause = measure_pause(hosts);

        ck_assert_int_ge(pause, SHORT);
        ck_assert_int_lt(pause, LONG); /* on a busy machine it takes as long as it takes */
    }
    dsn_relay_hosts_works(hosts, A);
    ck_assert_int_ge(measure_pause(hosts), SHORT);
}
END_TEST

START_TEST(forgetting_and_reloading_end_pauses)
{
    g_autoptr(DsnRelayHosts) hosts = make_hosts(LONG, A, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    dsn_relay_hosts_fails(hosts, A, "554 no");
    dsn_relay_hosts_forget(hosts);
    ck_assert(dsn_relay_hosts_claim(hosts, A, NULL));
    dsn_relay_hosts_fails(hosts, A, "554 no");
    g_ptr_array_add(names, (char *)A);
    g_ptr_array_add(names, (char *)B);
    dsn_relay_hosts_set(hosts, names, LONG, LONG);
    ck_assert(dsn_relay_hosts_claim(hosts, A, NULL));
    ck_assert(dsn_relay_hosts_claim(hosts, B, NULL));
}
END_TEST

static gpointer
close_later(gpointer data)
{
    g_usleep(SHORT);
    dsn_relay_hosts_close(data);
    return NULL;
}

START_TEST(the_last_fault_is_known_to_all)
{
    g_autoptr(DsnRelayHosts) hosts = make_hosts(LONG, A, B);
    g_autofree char *none = dsn_relay_hosts_fault(hosts);

    dsn_relay_hosts_fails(hosts, A, "554 no");
    dsn_relay_hosts_fails(hosts, B, "421 later");
    g_autofree char *last = dsn_relay_hosts_fault(hosts);
    ck_assert_str_eq(none, "no host could be used");
    ck_assert_str_eq(last, B ": 421 later");
}
END_TEST

START_TEST(waits_end)
{
    g_autoptr(DsnRelayHosts) hosts = make_hosts(LONG, NULL, NULL);
    gint64 start = g_get_monotonic_time();

    ck_assert(!dsn_relay_hosts_wait(hosts, NULL, start + SHORT));
    ck_assert_int_ge(g_get_monotonic_time() - start, SHORT);
    GThread *thread = g_thread_new("close", close_later, hosts);
    ck_assert(!wait_for_any(hosts));
    (void)g_thread_join(thread); /* it returns nothing */
    ck_assert(!wait_for_any(hosts));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("relay-hosts");
    TCase *tc = tcase_create("relay-hosts");

    tcase_add_test(tc, a_fault_pauses_one_host);
    tcase_add_test(tc, an_open_connection_stays_in_use);
    tcase_add_test(tc, one_thread_tries_after_a_pause);
    tcase_add_test(tc, pauses_grow_within_bounds_until_it_works);
    tcase_add_test(tc, forgetting_and_reloading_end_pauses);
    tcase_add_test(tc, the_last_fault_is_known_to_all);
    tcase_add_test(tc, waits_end);
    suite_add_tcase(suite, tc);
    return suite;
}
