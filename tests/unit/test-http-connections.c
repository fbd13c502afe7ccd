/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/http-connections.h"
#include "tests/support/unit.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static DsnMetrics metrics;
static DsnHttpRefusals *refusals;
static DsnHttpConnections *connections;

/* Our end of connection i is ends[i][0], the other end [1]. */
static int ends[12][2];
static DsnHttpConnection *open_ones[12];

static void
set_up(void)
{
    refusals = dsn_http_refusals_new(&metrics);
    connections = dsn_http_connections_new(refusals);
}

static void
tear_down(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(open_ones); i++) {
        if (open_ones[i] != NULL) {
            dsn_http_connections_remove(connections, open_ones[i]);
            (void)close(ends[i][0]);
            (void)close(ends[i][1]);
        }
    }
    dsn_http_connections_free(connections);
    dsn_http_refusals_free(refusals);
}

static void
open_from(size_t i, uint32_t host, int64_t until, size_t most)
{
    const struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends[i]), 0);
    open_ones[i] = dsn_http_connections_add(connections, ends[i][0], (const struct sockaddr *)&peer,
                                            until, most);
    ck_assert_int_eq(dsn_http_connection_peer(open_ones[i])->sa_family, AF_INET);
}

static void
open_one(size_t i, int64_t until, size_t most)
{
    open_from(i, 0xc0000201U, until, most);
}

/* True if the other end sees the end of the stream. */
static bool
is_ended(size_t i)
{
    char byte;

    return recv(ends[i][1], &byte, 1, MSG_DONTWAIT) == 0;
}

START_TEST(ends_what_is_late)
{
    static const DsnHttpPhase phases[] = {DSN_HTTP_IDLE, DSN_HTTP_RECEIVING, DSN_HTTP_ANSWERING,
                                          DSN_HTTP_WAITING};

    for (size_t i = 0; i < G_N_ELEMENTS(phases); i++) {
        open_one(i, 1000, 100);
        ck_assert(dsn_http_connections_enter(connections, open_ones[i], phases[i],
                                             phases[i] == DSN_HTTP_WAITING ? 0 : 2000));
    }
    ck_assert_uint_eq(dsn_http_connections_count(connections), 4);
    dsn_http_connections_sweep(connections, 1999);
    for (size_t i = 0; i < G_N_ELEMENTS(phases); i++)
        ck_assert(!is_ended(i));
    dsn_http_connections_sweep(connections, 2000);
    dsn_http_connections_sweep(connections, 3000);
    for (size_t i = 0; i < G_N_ELEMENTS(phases); i++)
        ck_assert_msg(is_ended(i) == (phases[i] != DSN_HTTP_WAITING), "phase %d", (int)phases[i]);
    ck_assert_uint_eq(dsn_metrics_get(&metrics, DSN_COUNT_HTTP_DEADLINE), 2);
}
END_TEST

START_TEST(ends_the_longest_idle)
{
    open_one(0, 0, 2);
    open_one(1, 0, 2);
    (void)dsn_http_connections_enter(connections, open_ones[0], DSN_HTTP_RECEIVING, 0);
    open_one(2, 0, 2);
    ck_assert(!is_ended(0));
    ck_assert(is_ended(1));
    ck_assert_uint_eq(dsn_http_connections_count(connections), 2);
    /* Its end is on its way; the next one has to go. */
    open_one(3, 0, 2);
    ck_assert(!is_ended(0));
    ck_assert(is_ended(2));
    ck_assert(!is_ended(3));
}
END_TEST

/* Who has most of the connections is refused one more, and nobody else. */
START_TEST(has_room_for_others)
{
    for (size_t i = 0; i < 8; i++)
        open_one(i, 0, 8);
    ck_assert(dsn_http_connections_has_room(connections, open_ones[7], 8));
    open_from(8, 0xc0000202U, 0, 100);
    ck_assert(dsn_http_connections_has_room(connections, open_ones[8], 8));
    ck_assert(!dsn_http_connections_has_room(connections, open_ones[7], 8));
    open_from(9, 0xc0000202U, 0, 100);
    ck_assert(dsn_http_connections_has_room(connections, open_ones[9], 8));
    open_from(10, 0xc0000202U, 0, 100);
    ck_assert(!dsn_http_connections_has_room(connections, open_ones[10], 8));
    ck_assert(dsn_http_connections_has_room(connections, open_ones[10], 100));
}
END_TEST

static gpointer
answer(gpointer user)
{
    (void)user;
    g_usleep(50000);
    (void)dsn_http_connections_enter(connections, open_ones[1], DSN_HTTP_ANSWERING, 0);
    g_usleep(50000);
    (void)dsn_http_connections_enter(connections, open_ones[1], DSN_HTTP_IDLE, 0);
    return NULL;
}

START_TEST(finishes)
{
    int64_t begun = g_get_monotonic_time();

    open_one(0, 0, 100);
    open_one(1, 0, 100);
    ck_assert(dsn_http_connections_enter(connections, open_ones[1], DSN_HTTP_WAITING, 0));
    GThread *thread = g_thread_new("answer", answer, NULL);
    dsn_http_connections_finish(connections, begun + 60 * G_TIME_SPAN_SECOND);
    ck_assert_int_ge(g_get_monotonic_time() - begun, 100000);
    (void)g_thread_join(thread);
    ck_assert(is_ended(0));
    ck_assert(!dsn_http_connections_enter(connections, open_ones[1], DSN_HTTP_WAITING, 0));
    ck_assert(dsn_http_connections_enter(connections, open_ones[1], DSN_HTTP_ANSWERING, 0));
}
END_TEST

START_TEST(waits_for_no_slow_one)
{
    open_one(0, 0, 100);
    (void)dsn_http_connections_enter(connections, open_ones[0], DSN_HTTP_RECEIVING, 0);
    dsn_http_connections_finish(connections, g_get_monotonic_time() + 20000);
    ck_assert(!is_ended(0));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("http-connections");
    TCase *tcase = tcase_create("http-connections");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, ends_what_is_late);
    tcase_add_test(tcase, ends_the_longest_idle);
    tcase_add_test(tcase, has_room_for_others);
    tcase_add_test(tcase, finishes);
    tcase_add_test(tcase, waits_for_no_slow_one);
    suite_add_tcase(suite, tcase);
    return suite;
}
