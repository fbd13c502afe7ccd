/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/log.h"
#include "filter/intake/http-refusal.h"
#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#define SECOND G_TIME_SPAN_SECOND

static DsnMetrics metrics;
static DsnHttpRefusals *refusals;
static char *file; /* of what was logged */

static void
set_up(void)
{
    int fd = g_file_open_tmp("dsnarf-refusal-XXXXXX", &file, NULL);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    (void)close(fd);
    dsn_log_open(DSN_LOG_STDERR, DSN_LOG_INFO);
    refusals = dsn_http_refusals_new(&metrics);
}

static void
tear_down(void)
{
    dsn_http_refusals_free(refusals);
    (void)unlink(file);
    g_free(file);
}

/* How many lines have @text in them. */
static size_t
count_lines(const char *text)
{
    g_autofree char *log = NULL;
    size_t count = 0;

    ck_assert(g_file_get_contents(file, &log, NULL, NULL));
    g_auto(GStrv) lines = g_strsplit(log, "\n", -1);
    for (char **line = lines; *line != NULL; line++)
        count += strstr(*line, text) != NULL;
    return count;
}

static void
refuse(DsnCounter cause, guint32 host, int64_t now)
{
    const struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};

    dsn_http_refused(refusals, cause, (const struct sockaddr *)&peer, "some detail", now);
}

#define HOST 0xc0000201U /* 192.0.2.1 */

START_TEST(once_a_minute)
{
    for (int second = 0; second <= 60; second++)
        refuse(DSN_COUNT_HTTP_TOKEN, HOST, second * SECOND);
    ck_assert_uint_eq(dsn_metrics_get(&metrics, DSN_COUNT_HTTP_TOKEN), 61);
    ck_assert_uint_eq(count_lines("warning: http: "), 2);
    ck_assert_uint_eq(
        count_lines("warning: http: refused=token peer=192.0.2.1 detail=\"some detail\""), 2);
    ck_assert_uint_eq(count_lines("detail=\"some detail\" before=59"), 1);
}
END_TEST

START_TEST(each_peer_and_cause)
{
    static const struct {
        DsnCounter cause;
        const char *name;
    } causes[] = {
        {DSN_COUNT_HTTP_TOKEN, "refused=token "},
        {DSN_COUNT_HTTP_NETWORK, "refused=network "},
        {DSN_COUNT_HTTP_TOO_LARGE, "refused=too-large "},
        {DSN_COUNT_HTTP_BAD, "refused=bad-request "},
        {DSN_COUNT_HTTP_OVERLOAD, "refused=overload "},
        {DSN_COUNT_HTTP_DEADLINE, "refused=deadline "},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(causes); i++) {
        for (guint32 host = 0; host < 3; host++)
            refuse(causes[i].cause, HOST + host % 2, 0);
        ck_assert_msg(count_lines(causes[i].name) == 2, "%s", causes[i].name);
        ck_assert_uint_eq(dsn_metrics_get(&metrics, causes[i].cause), 3);
    }
    ck_assert_uint_eq(count_lines("peer=192.0.2.2 "), G_N_ELEMENTS(causes));
}
END_TEST

/* A flood from everywhere costs neither memory nor a full disk, and is still seen. */
START_TEST(remembers_only_so_many)
{
    for (guint32 host = 0; host < 5000; host++)
        refuse(DSN_COUNT_HTTP_NETWORK, HOST + host, host);
    ck_assert_uint_eq(dsn_metrics_get(&metrics, DSN_COUNT_HTTP_NETWORK), 5000);
    ck_assert_uint_eq(count_lines("refused=network"), 1001);
    ck_assert_uint_eq(count_lines("refused=network peer=others "), 1);
    /* A minute later they are forgotten. */
    for (guint32 host = 0; host < 10; host++)
        refuse(DSN_COUNT_HTTP_NETWORK, HOST + 100000 + host, 61 * SECOND);
    ck_assert_uint_eq(count_lines("refused=network"), 1011);
}
END_TEST

static const struct {
    const char *address;
    int family;
    const char *name;
} peers[] = {
    {"192.0.2.7", AF_INET, "192.0.2.7"},
    {"2001:db8::7", AF_INET6, "2001:db8::7"},
    {"::ffff:192.0.2.7", AF_INET6, "192.0.2.7"},
    {NULL, AF_UNIX, "unix"},
};

START_TEST(names_peers)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    const struct sockaddr local = {.sa_family = AF_UNIX}, *peer = &local;

    if (peers[_i].family == AF_INET) {
        ck_assert_int_eq(inet_pton(AF_INET, peers[_i].address, &v4.sin_addr), 1);
        peer = (const struct sockaddr *)&v4;
    } else if (peers[_i].family == AF_INET6) {
        ck_assert_int_eq(inet_pton(AF_INET6, peers[_i].address, &v6.sin6_addr), 1);
        peer = (const struct sockaddr *)&v6;
    }
    g_autofree char *name = dsn_http_peer_name(peer);
    ck_assert_str_eq(name, peers[_i].name);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("http-refusal");
    TCase *tcase = tcase_create("http-refusal");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, once_a_minute);
    tcase_add_test(tcase, each_peer_and_cause);
    tcase_add_test(tcase, remembers_only_so_many);
    tcase_add_loop_test(tcase, names_peers, 0, G_N_ELEMENTS(peers));
    suite_add_tcase(suite, tcase);
    return suite;
}
