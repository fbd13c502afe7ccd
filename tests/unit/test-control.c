/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/daemon/control-client.h"
#include "filter/daemon/control.h"
#include "tests/support/spool.h"
#include "tests/support/unit.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static DsnTestSpool test;
static DsnQueue queue;
static gint retried;

static void
count_retry(gpointer user)
{
    (void)user;
    g_atomic_int_inc(&retried);
}

static void
add_status(gpointer user, GString *json)
{
    (void)user;
    g_string_append(json, ",\"pid\":7");
}

/* Two notices that wait, one that is dead, and something that was rejected: entries 1 to 4. */
static void
set_up(void)
{
    dsn_test_spool_init(&test);
    for (guint64 i = 1; i <= 3; i++) {
        DsnSpoolNotice *notice = dsn_test_notice("Subject: x\r\n\r\ntext\r\n", i, 1);

        if (i == 2) {
            g_free(notice->recipient);
            notice->recipient = g_strdup("other@example.com");
        }
        ck_assert_int_eq(dsn_test_store_event(test.spool, i, notice), DSN_ITEM_STORED);
        if (i == 1) {
            g_autoptr(DsnWaitingNotice) taken = dsn_test_take(test.spool);
            dsn_spool_settle(test.spool, taken->entry, DSN_SETTLED_DEAD, 0, "550 5.1.1 \"no\"");
        }
    }
    DsnDeposit *deposit = dsn_deposit_new(false);
    dsn_test_add_rejected(deposit, "{\"a\":", "line 1: no JSON");
    dsn_test_store(test.spool, deposit);
    queue = (DsnQueue){.spool = test.spool, .retried = count_retry, .status = add_status};
}

static void
tear_down(void)
{
    dsn_test_spool_clear(&test);
}

static bool
append(gpointer user, DsnSpan lines)
{
    g_string_append_len(user, lines.data, (gssize)lines.len);
    return true;
}

/* The answer with times as 0 (transfer full). */
static char *
timeless(const GString *answer)
{
    g_autoptr(GRegex) times =
        g_regex_new("(\"(?:taken_in|next_attempt|oldest|time)\":)(?:\\d+|\"[^\"]*\")", 0, 0, NULL);

    return g_regex_replace(times, answer->str, -1, 0, "\\g<1>0", 0, NULL);
}

static char *
answer_to(const char *request)
{
    g_autoptr(GString) answer = g_string_new(NULL);

    dsn_queue_run(&queue, dsn_span(request), append, answer);
    return timeless(answer);
}

#define NOTICE(number, state, recipient, reason, attempts, next)                                   \
    "{\"entry\":" number ",\"kind\":\"notice\",\"state\":\"" state                                 \
    "\",\"record_id\":\"record-" number "\",\"record_type\":\"Bounce\",\"recipient\":\"" recipient \
    "\",\"tenant\":null,\"relay\":\"default\",\"reason\":" reason                                  \
    ",\"size\":20,\"attempts\":" attempts ",\"taken_in\":0,\"next_attempt\":" next "}\n"
#define DEAD NOTICE("1", "dead", "to@example.com", "\"550 5.1.1 \\\"no\\\"\"", "1", "null")
#define SECOND NOTICE("2", "waiting", "other@example.com", "null", "0", "null")
#define THIRD NOTICE("3", "waiting", "to@example.com", "null", "0", "null")
#define REJECTED                                                                                \
    "{\"entry\":4,\"kind\":\"rejected\",\"state\":\"dead\",\"record_id\":null,\"record_type\":" \
    "null,"                                                                                     \
    "\"recipient\":null,\"tenant\":null,\"relay\":\"default\",\"reason\":\"line 1: no "         \
    "JSON\",\"size\":5,\"attempts\":0,\"taken_in\":0,"                                          \
    "\"next_attempt\":null}\n"

#define SETTLED                                                                                  \
    "{\"time\":0,\"subject\":\"record-1\",\"event\":\"dead\",\"entry\":1,\"relay\":\"default\"," \
    "\"attempts\":1,\"reply\":\"550 5.1.1 \\\"no\\\"\"}\n"

/* Each on a spool of its own. */
static const struct {
    const char *request, *answer;
} requests[] = {
    {"{\"command\":\"list\"}", DEAD SECOND THIRD REJECTED "{\"done\":{\"count\":4}}\n"},
    {"{\"command\":\"list\",\"dead\":true}", DEAD REJECTED "{\"done\":{\"count\":2}}\n"},
    {"{\"command\":\"list\",\"waiting\":true}", SECOND THIRD "{\"done\":{\"count\":2}}\n"},
    {"{\"command\":\"list\",\"recipient\":\"to@example.com\"}",
     DEAD THIRD "{\"done\":{\"count\":2}}\n"},
    {"{\"command\":\"list\",\"recipient\":\"nobody@example.com\"}", "{\"done\":{\"count\":0}}\n"},
    {"{\"command\":\"show\",\"entry\":4}",
     REJECTED "{\"content\":\"eyJhIjo=\"}\n{\"done\":{\"count\":1}}\n"},
    {"{\"command\":\"show\",\"entry\":5}", "{\"done\":{\"count\":0}}\n"},
    {"{\"command\":\"show\"}", "{\"error\":\"show takes the number of an entry\"}\n"},
    {"{\"command\":\"show\",\"entry\":-1}", "{\"error\":\"show takes the number of an entry\"}\n"},
    {"{\"command\":\"why\",\"id\":\"record-1\"}", SETTLED DEAD "{\"done\":{\"count\":2}}\n"},
    {"{\"command\":\"why\",\"id\":\" <record-1> \"}", SETTLED DEAD "{\"done\":{\"count\":2}}\n"},
    /* nothing has happened to it, but it is there */
    {"{\"command\":\"why\",\"id\":\"record-2\"}", SECOND "{\"done\":{\"count\":1}}\n"},
    {"{\"command\":\"why\",\"id\":\"record-9\"}", "{\"done\":{\"count\":0}}\n"},
    {"{\"command\":\"why\",\"id\":\"\"}", "{\"error\":\"why takes an id\"}\n"},
    {"{\"command\":\"why\"}", "{\"error\":\"why takes an id\"}\n"},
    {"{\"command\":\"retry\",\"entries\":[1,3,9]}",
     "{\"done\":{\"unknown\":[9],\"unchanged\":[],\"needs_daemon\":false,\"count\":2}}\n"},
    {"{\"command\":\"retry\",\"entries\":[4]}",
     "{\"done\":{\"unknown\":[],\"unchanged\":[4],\"needs_daemon\":true,\"count\":0}}\n"},
    {"{\"command\":\"retry\"}", "{\"done\":{\"needs_daemon\":true,\"count\":3}}\n"},
    {"{\"command\":\"retry\",\"waiting\":true}",
     "{\"done\":{\"needs_daemon\":false,\"count\":2}}\n"},
    {"{\"command\":\"retry\",\"entries\":[1,\"x\"]}",
     "{\"error\":\"an entry is a number from 1\"}\n"},
    {"{\"command\":\"drop\",\"entries\":[1,4,9]}",
     "{\"done\":{\"unknown\":[9],\"unchanged\":[],\"count\":2}}\n"},
    {"{\"command\":\"drop\",\"recipient\":\"to@example.com\"}", "{\"done\":{\"count\":2}}\n"},
    {"{\"command\":\"drop\",\"recipient\":\"\"}",
     "{\"error\":\"drop takes entries, a recipient or a sender\"}\n"},
    {"{\"command\":\"drop\"}", "{\"error\":\"drop takes entries, a recipient or a sender\"}\n"},
    {"{\"command\":\"drop\",\"dead\":true}",
     "{\"error\":\"drop takes entries, a recipient or a sender\"}\n"},
    {"{\"command\":\"purge\"}", "{\"done\":{\"count\":2}}\n"},
    {"{\"command\":\"purge\",\"older_than\":60}", "{\"done\":{\"count\":0}}\n"},
    {"{\"command\":\"purge\",\"older_than\":-60}",
     "{\"error\":\"older_than is a number of seconds\"}\n"},
    {"{\"command\":\"shutdown\"}",
     "{\"error\":\"this is no request that this version of dsnarf knows\"}\n"},
    {"{\"command\":1}", "{\"error\":\"this is no request that this version of dsnarf knows\"}\n"},
    {"[]", "{\"error\":\"this is no request that this version of dsnarf knows\"}\n"},
    {"", "{\"error\":\"this is no request that this version of dsnarf knows\"}\n"},
    {"{\"command\":\"list\"",
     "{\"error\":\"this is no request that this version of dsnarf knows\"}\n"},
};

START_TEST(answers)
{
    g_autofree char *answer = answer_to(requests[_i].request);

    ck_assert_str_eq(answer, requests[_i].answer);
}
END_TEST

START_TEST(does_what_it_says)
{
    g_free(answer_to("{\"command\":\"retry\",\"entries\":[1]}"));
    ck_assert_int_eq(retried, 1);
    g_free(answer_to("{\"command\":\"drop\",\"entries\":[2,3,4]}"));
    g_autofree char *list = answer_to("{\"command\":\"list\"}");
    g_autofree char *want =
        g_strconcat(NOTICE("1", "waiting", "to@example.com", "\"550 5.1.1 \\\"no\\\"\"", "0", "0"),
                    "{\"done\":{\"count\":1}}\n", NULL);
    ck_assert_str_eq(list, want);

    g_autofree char *status = answer_to("{\"command\":\"status\"}");
    ck_assert_ptr_nonnull(strstr(status, "{\"done\":{\"ready\":true,\"waiting\":1,\"dead\":0,"
                                         "\"records\":0,\"oldest\":0,\"bytes\":"));
    ck_assert_ptr_nonnull(strstr(status, ",\"pid\":7,\"count\":0}}"));
}
END_TEST

START_TEST(leaves_alone_what_is_being_sent)
{
    g_autoptr(DsnWaitingNotice) taken = dsn_test_take(test.spool);
    g_autofree char *request =
        g_strdup_printf("{\"command\":\"drop\",\"entries\":[%" G_GINT64_FORMAT "]}", taken->entry);
    g_autofree char *want = g_strdup_printf(
        "{\"done\":{\"unknown\":[],\"unchanged\":[%" G_GINT64_FORMAT "],\"count\":0}}\n",
        taken->entry);
    g_autofree char *answer = answer_to(request);

    ck_assert_str_eq(answer, want);
}
END_TEST

/* ---- over the socket ---- */

/* The answer of dsn_control_request() (transfer full), NULL and @error. */
static char *
request_of(const char *request, GError **error)
{
    g_autoptr(GString) answer = g_string_new(NULL);
    int fd = dsn_control_request(test.directory, request, error);
    char buffer[4096];
    ssize_t n;

    if (fd < 0)
        return NULL;
    while ((n = read(fd, buffer, sizeof(buffer))) > 0)
        g_string_append_len(answer, buffer, n);
    close(fd);
    return timeless(answer);
}

START_TEST(answers_over_the_socket)
{
    DsnControl *control = dsn_control_start(test.directory, &queue, NULL);
    g_autofree char *socket = g_build_filename(test.directory, "control", NULL);
    struct stat status;

    ck_assert_ptr_nonnull(control);
    ck_assert_int_eq(lstat(socket, &status), 0);
    ck_assert_int_eq(status.st_mode, S_IFSOCK | 0600);
    for (int i = 0; i < 3; i++) {
        g_autofree char *answer = request_of("{\"command\":\"list\",\"dead\":true}\n", NULL);
        ck_assert_str_eq(answer, DEAD REJECTED "{\"done\":{\"count\":2}}\n");
    }
    dsn_control_stop(control);
    ck_assert_int_ne(lstat(socket, &status), 0);
}
END_TEST

START_TEST(answers_without_the_daemon)
{
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(request_of("{\"command\":\"list\",\"dead\":true}\n", &error));
    ck_assert_ptr_nonnull(strstr(error->message, "the spool is in use"));
    g_clear_error(&error);

    g_clear_pointer(&test.spool, dsn_spool_close);
    g_autofree char *answer = request_of("{\"command\":\"list\",\"dead\":true}\n", &error);
    ck_assert_str_eq(answer, DEAD REJECTED "{\"done\":{\"count\":2}}\n");
    dsn_test_spool_reopen(&test);
}
END_TEST

START_TEST(makes_no_spool)
{
    g_autofree char *nowhere = g_build_filename(test.top, "nowhere", NULL);
    g_autofree char *empty = g_build_filename(test.top, "empty", NULL);
    g_autoptr(GError) error = NULL;

    ck_assert_int_lt(dsn_control_request(nowhere, "{}\n", &error), 0);
    ck_assert_ptr_nonnull(strstr(error->message, "No such file or directory"));
    ck_assert(!g_file_test(nowhere, G_FILE_TEST_EXISTS));
    g_clear_error(&error);
    ck_assert_int_eq(g_mkdir(empty, 0700), 0);
    ck_assert_int_lt(dsn_control_request(empty, "{}\n", &error), 0);
    ck_assert_ptr_nonnull(strstr(error->message, "there is no spool here"));
    ck_assert_int_eq(g_rmdir(empty), 0);
}
END_TEST

static int
connect_control(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_lt(
        g_snprintf(address.sun_path, sizeof(address.sun_path), "%s/control", test.directory),
        (int)sizeof(address.sun_path));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* None of these keeps the next one from its answer. */
START_TEST(survives_bad_peers)
{
    DsnControl *control = dsn_control_start(test.directory, &queue, NULL);
    g_autofree char *much = g_strnfill(2 * DSN_QUEUE_REQUEST_MAX, 'x');
    char buffer[64];
    int fd = connect_control();

    close(fd); /* says nothing */
    fd = connect_control();
    ck_assert_int_gt(send(fd, "{\"comm", 6, MSG_NOSIGNAL), 0);
    close(fd); /* half a request */
    fd = connect_control();
    (void)!send(fd, much, strlen(much), MSG_NOSIGNAL); /* it may be cut off meanwhile */
    ck_assert_int_le(recv(fd, buffer, sizeof(buffer), 0), 0);
    close(fd);
    fd = connect_control();
    ck_assert_int_gt(send(fd, "{\"command\":\"list\"}\n", 19, MSG_NOSIGNAL), 0);
    close(fd); /* does not wait for the answer */
    g_autofree char *answer = request_of("{\"command\":\"purge\"}\n", NULL);
    ck_assert_str_eq(answer, "{\"done\":{\"count\":2}}\n");
    dsn_control_stop(control);
}
END_TEST

START_TEST(stops_at_once)
{
    DsnControl *control = dsn_control_start(test.directory, &queue, NULL);
    gint64 begun = g_get_monotonic_time();
    int fd = connect_control(); /* says nothing and stays */

    dsn_control_stop(control);
    ck_assert_int_lt(g_get_monotonic_time() - begun, G_TIME_SPAN_MINUTE);
    close(fd);
}
END_TEST

START_TEST(takes_over_a_stale_socket)
{
    g_autofree char *where = g_build_filename(test.directory, "control", NULL);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    g_strlcpy(address.sun_path, where, sizeof(address.sun_path));
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    DsnControl *control = dsn_control_start(test.directory, &queue, NULL);
    ck_assert_ptr_nonnull(control);
    g_autofree char *answer = request_of("{\"command\":\"purge\"}\n", NULL);
    ck_assert_str_eq(answer, "{\"done\":{\"count\":2}}\n");
    dsn_control_stop(control);
}
END_TEST

START_TEST(sends_long_answers)
{
    DsnDeposit *deposit = dsn_deposit_new(false);
    g_autofree char *content = g_strnfill(1000000, 'y');
    DsnControl *control = dsn_control_start(test.directory, &queue, NULL);
    guint pieces = 0;
    gsize length = 0;

    dsn_test_add_rejected(deposit, content, "long");
    dsn_test_store(test.spool, deposit);
    g_autofree char *answer = request_of("{\"command\":\"show\",\"entry\":5}\n", NULL);
    g_auto(GStrv) lines = g_strsplit(answer, "\n", -1);
    for (char **line = lines + 1; g_str_has_prefix(*line, "{\"content\":\""); line++) {
        g_autofree char *base64 = g_strndup(*line + 12, strlen(*line) - 14);
        gsize piece;

        g_free(g_base64_decode(base64, &piece));
        length += piece;
        pieces++;
    }
    ck_assert_uint_eq(length, 1000000);
    ck_assert_uint_gt(pieces, 1);
    dsn_control_stop(control);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("control");
    TCase *tcase = tcase_create("commands");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, answers, 0, G_N_ELEMENTS(requests));
    tcase_add_test(tcase, does_what_it_says);
    tcase_add_test(tcase, leaves_alone_what_is_being_sent);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("socket");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, answers_over_the_socket);
    tcase_add_test(tcase, answers_without_the_daemon);
    tcase_add_test(tcase, makes_no_spool);
    tcase_add_test(tcase, survives_bad_peers);
    tcase_add_test(tcase, stops_at_once);
    tcase_add_test(tcase, takes_over_a_stale_socket);
    tcase_add_test(tcase, sends_long_answers);
    suite_add_tcase(suite, tcase);
    return suite;
}
