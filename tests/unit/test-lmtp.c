/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/lmtp.h"
#include "tests/support/pipeline.h"
#include "tests/support/unit.h"

#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ID "Recorded as ????????????????????????????????"

static DsnTestPipeline test;
static DsnLmtp *lmtp;
static char *socket_path;

static void
make_maildir(const char *path)
{
    static const char *const parts[] = {"tmp", "new", "cur"};

    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *part = g_build_filename(path, parts[i], NULL);
        ck_assert_int_eq(g_mkdir_with_parents(part, 0700), 0);
    }
}

/* @more is TOML of [lmtp] and what follows. */
static void
configure(const char *more)
{
    g_autofree char *text = g_strdup_printf("[lmtp]\nlisten = \"unix:%s\"\n"
                                            "reports = [\"fbl@example.com\", \"b*@example.com\"]\n"
                                            "connections = 3\n%s",
                                            socket_path, more);

    dsn_test_configure(&test, "\"Feedback\", \"OOB\"", text);
}

static void
start(void)
{
    g_autoptr(GError) error = NULL;

    lmtp = dsn_lmtp_start(test.pipeline, &error);
    ck_assert_msg(lmtp != NULL, "%s", error == NULL ? "" : error->message);
}

static void
set_up(void)
{
    dsn_test_pipeline_init(&test, "\"Feedback\", \"OOB\"", "");
    socket_path = g_build_filename(test.spool.top, "lmtp.sock", NULL);
    configure("");
}

static void
tear_down(void)
{
    dsn_lmtp_stop(lmtp);
    dsn_test_pipeline_clear(&test);
    g_free(socket_path);
}

/* ---- a client ---- */

static int
connect_client(void)
{
    const struct timeval patience = {.tv_sec = 60};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_uint_lt(g_strlcpy(address.sun_path, socket_path, sizeof(address.sun_path)),
                      sizeof(address.sun_path));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    return fd;
}

static void
say(int fd, const char *text)
{
    size_t len = strlen(text);

    ck_assert_int_eq(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Reads a reply, all lines of it, and expects its last line to match @pattern. */
static void
expect_reply(int fd, const char *pattern)
{
    g_autoptr(GString) line = g_string_new(NULL);
    char c;

    for (;;) {
        g_string_truncate(line, 0);
        while (!g_str_has_suffix(line->str, "\r\n")) {
            ck_assert_msg(recv(fd, &c, 1, 0) == 1, "no reply, but %s is due", pattern);
            g_string_append_c(line, c);
        }
        if (line->len < 4 || line->str[3] != '-')
            break;
    }
    g_string_truncate(line, line->len - 2);
    ck_assert_msg(g_pattern_match_simple(pattern, line->str), "%s instead of %s", line->str,
                  pattern);
}

static void
expect_end(int fd)
{
    char c;

    ck_assert_int_eq(recv(fd, &c, 1, 0), 0);
    (void)close(fd);
}

/* A connection that has been greeted. */
static int
open_session(void)
{
    int fd = connect_client();

    expect_reply(fd, "220 mta1.example.com LMTP *");
    say(fd, "LHLO client.example\r\n");
    expect_reply(fd, "250 SIZE *");
    return fd;
}

/* Sends the message in @path, up to the dot. */
static void
send_message(int fd, const char *recipient, const char *path)
{
    g_autofree char *text = dsn_test_read(path, NULL);
    g_autofree char *to = g_strdup_printf("RCPT TO:<%s>\r\n", recipient);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autofree char *joined = g_strjoinv("\r\n", lines);

    say(fd, "MAIL FROM:<abuse@isp.example> BODY=8BITMIME\r\n");
    expect_reply(fd, "250 2.1.0 Ok");
    say(fd, to);
    expect_reply(fd, "250 2.1.5 Ok");
    say(fd, "DATA\r\n");
    expect_reply(fd, "354 *");
    say(fd, joined);
}

/* ---- tests ---- */

START_TEST(records_reports)
{
    start();
    int fd = open_session();
    for (int i = 0; i < 2; i++) { /* again: the same answer, and no second record */
        send_message(fd, "fbl@example.com", "data/parse/feedback-abuse.eml");
        say(fd, "\r\n.\r\n");
        expect_reply(fd, "250 2.0.0 " ID);
        g_autofree char *lines = dsn_test_read_lines(&test);
        ck_assert(g_pattern_match_simple(i == 0 ? "{\"type\":\"Feedback\",*}\n" : "", lines));
    }
    (void)close(fd);
    dsn_lmtp_stop(g_steal_pointer(&lmtp));
    ck_assert_uint_eq(dsn_metrics_get(&test.spool.metrics, DSN_COUNT_LMTP_CONSUMED), 2);
    ck_assert_int_eq(g_access(socket_path, F_OK), -1);
}
END_TEST

START_TEST(answers_each_recipient)
{
    start();
    int fd = open_session();
    say(fd, "MAIL FROM:<>\r\nRCPT TO:<FBL@example.com>\r\nRCPT TO:<x@example.com>\r\n"
            "RCPT TO:<bounce+1@example.com>\r\nDATA\r\n");
    expect_reply(fd, "250 2.1.0 *");
    expect_reply(fd, "250 2.1.5 *");
    expect_reply(fd, "550 5.1.1 *");
    expect_reply(fd, "250 2.1.5 *");
    expect_reply(fd, "354 *");
    say(fd, "Subject: hello\r\n\r\nhello\r\n.\r\nQUIT\r\n");
    expect_reply(fd, "550 5.7.1 Only reports are taken here: not-a-report");
    expect_reply(fd, "550 5.7.1 Only reports are taken here: not-a-report");
    expect_reply(fd, "221 *");
    expect_end(fd);
    ck_assert_uint_eq(dsn_metrics_get(&test.spool.metrics, DSN_COUNT_LMTP_PASSED), 1);
}
END_TEST

START_TEST(delivers_others)
{
    g_autofree char *others = g_build_filename(test.spool.top, "others", NULL);
    g_autofree char *more = g_strdup_printf("others = \"%s\"\n", others);
    g_autofree char *new = g_build_filename(others, "new", NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    configure(more);
    ck_assert_ptr_null(dsn_lmtp_start(test.pipeline, &error));
    ck_assert_msg(g_pattern_match_simple("lmtp.others: */others/tmp: No such file or directory",
                                         error->message),
                  "%s", error->message);
    make_maildir(others);
    start();
    int fd = open_session();
    say(fd, "MAIL FROM:<s@example.net>\r\nRCPT TO:<fbl@example.com>\r\n"
            "RCPT TO:<bounce@example.com>\r\nDATA\r\n");
    expect_reply(fd, "250 *");
    expect_reply(fd, "250 *");
    expect_reply(fd, "250 *");
    expect_reply(fd, "354 *");
    say(fd, "Subject: hello\r\n\r\n..hello\r\n.\r\n");
    expect_reply(fd, "250 2.0.0 Delivered to a mailbox");
    expect_reply(fd, "250 2.0.0 Delivered to a mailbox");
    (void)close(fd);

    g_autoptr(GDir) directory = g_dir_open(new, 0, NULL);
    g_autofree char *path = g_build_filename(new, g_dir_read_name(directory), NULL);
    ck_assert_ptr_null(g_dir_read_name(directory));
    ck_assert(g_file_get_contents(path, &text, NULL, NULL));
    ck_assert_msg(g_pattern_match_simple("Return-Path: <s@example.net>\n"
                                         "Delivered-To: fbl@example.com\n"
                                         "Delivered-To: bounce@example.com\n"
                                         "Received: from client.example\n"
                                         "\tby mta1.example.com (dsnarf) with LMTP;\n"
                                         "\t???, ?? ??? ???? ??:??:?? +0000\n"
                                         "Subject: hello\n\n.hello\n",
                                         text),
                  "%s", text);

    /* A Maildir that went away: the client keeps the message. */
    dsn_test_remove(others);
    fd = open_session();
    send_message(fd, "fbl@example.com", "data/parse/ordinary.eml");
    say(fd, "\r\n.\r\n");
    expect_reply(fd, "451 4.3.0 *");
    (void)close(fd);
}
END_TEST

START_TEST(refuses_what_is_too_large)
{
    g_autofree char *line = g_strnfill(1000, 'x');

    configure("[limits]\nmessage = \"64KiB\"\n");
    start();
    int fd = open_session();
    send_message(fd, "fbl@example.com", "data/parse/ordinary.eml");
    for (int i = 0; i < 100; i++) {
        say(fd, "\r\n");
        say(fd, line);
    }
    say(fd, "\r\n.\r\n");
    expect_reply(fd, "552 5.3.4 *");
    say(fd, "MAIL FROM:<> SIZE=65537\r\n");
    expect_reply(fd, "552 5.3.4 *");
    say(fd, "NOOP\r\n");
    expect_reply(fd, "250 *");
    (void)close(fd);
}
END_TEST

START_TEST(bounds_connections)
{
    start();
    int fds[] = {open_session(), open_session(), open_session()};
    int fd = connect_client();
    expect_reply(fd, "421 4.3.2 Too many connections");
    expect_end(fd);
    (void)close(fds[0]);

    /* One has left, and there is a place, as soon as the server has seen it. */
    for (int i = 0;; i++) {
        char start_of_line[4] = "";

        ck_assert_int_lt(i, 3000);
        fd = connect_client();
        ck_assert_int_eq(recv(fd, start_of_line, 3, MSG_WAITALL), 3);
        if (strcmp(start_of_line, "220") == 0)
            break;
        (void)close(fd);
        g_usleep(10000);
    }
    (void)close(fd);
    (void)close(fds[1]);
    (void)close(fds[2]);
}
END_TEST

/* Those who wait are told to come again; one that is in the middle of a message, too: it has no
 * answer yet. */
START_TEST(stops)
{
    start();
    int idle = open_session();
    int busy = open_session();
    send_message(busy, "fbl@example.com", "data/parse/feedback-abuse.eml");
    dsn_lmtp_stop(g_steal_pointer(&lmtp));
    expect_reply(idle, "421 4.3.2 Shutting down");
    expect_end(idle);
    expect_reply(busy, "421 4.3.2 Shutting down");
    (void)close(busy);
}
END_TEST

/* What a reload changes is in force for the next command. */
START_TEST(follows_the_policy)
{
    start();
    int fd = open_session();
    say(fd, "MAIL FROM:<>\r\nRCPT TO:<new@example.com>\r\n");
    expect_reply(fd, "250 *");
    expect_reply(fd, "550 *");
    g_autofree char *text = g_strdup_printf(
        "[lmtp]\nlisten = \"unix:%s\"\nreports = [\"new@example.com\"]\n", socket_path);
    dsn_test_configure(&test, "\"Feedback\", \"OOB\"", text);
    say(fd, "RCPT TO:<new@example.com>\r\n");
    expect_reply(fd, "250 *");
    (void)close(fd);
}
END_TEST

START_TEST(says_where_it_cannot_listen)
{
    g_autoptr(GError) error = NULL;

    start();
    ck_assert_ptr_null(dsn_lmtp_start(test.pipeline, &error));
    ck_assert_msg(strstr(error->message, socket_path) != NULL, "%s", error->message);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("lmtp");
    TCase *tcase = tcase_create("lmtp");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, records_reports);
    tcase_add_test(tcase, answers_each_recipient);
    tcase_add_test(tcase, delivers_others);
    tcase_add_test(tcase, refuses_what_is_too_large);
    tcase_add_test(tcase, bounds_connections);
    tcase_add_test(tcase, stops);
    tcase_add_test(tcase, follows_the_policy);
    tcase_add_test(tcase, says_where_it_cannot_listen);
    suite_add_tcase(suite, tcase);
    return suite;
}
