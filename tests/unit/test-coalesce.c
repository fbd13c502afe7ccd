/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/draft.h"
#include "tests/support/pipeline.h"
#include "tests/support/report.h"
#include "tests/support/unit.h"

#define NEWS "news@shop.example:"

static DsnTestPipeline test;

static void
set_up(void)
{
    dsn_test_pipeline_init(&test, "", "");
}

static void
tear_down(void)
{
    dsn_test_pipeline_clear(&test);
}

static void
take(const char *changes, const char *tally)
{
    g_autofree char *body = dsn_test_records(&test, changes);
    g_autofree char *result = dsn_test_take_records(&test, dsn_span(body));

    ck_assert_msg(strcmp(result, tally) == 0, "%s: %s", changes, result);
}

static void
check_notices(const char *expected)
{
    g_autoptr(GPtrArray) notices = dsn_test_take_notices(&test);
    g_autofree char *text = dsn_test_describe(notices);

    ck_assert_str_eq(text, expected);
}

/* The only notice that is due, as text (transfer full). */
static char *
take_only(void)
{
    g_autoptr(GPtrArray) notices = dsn_test_take_notices(&test);
    gsize len;

    ck_assert_uint_eq(notices->len, 1);
    const char *bytes = g_bytes_get_data(((DsnWaitingNotice *)notices->pdata[0])->bytes, &len);
    return g_strndup(bytes, len);
}

static guint64
count(DsnCounter counter)
{
    return dsn_metrics_get(&test.spool.metrics, counter);
}

/* ---- which records share a notice ---- */

/* One original, several of its recipients (ENV-21). */
static const struct {
    const char *more;
    const char *bodies[4];
    const char *tallies[4];
    const char *notices;
} rows[] = {
    {"",
     {"[{\"recipient\": \"a@x.example\"}, {\"recipient\": \"b@x.example\"}]"},
     {"accepted 2"},
     NEWS " a@x.example b@x.example; "},
    {"",
     {"[{\"recipient\": \"a@x.example\"}]", "[{\"recipient\": \"b@x.example\"}]",
      "[{\"recipient\": [\"c@x.example\", \"a@x.example\"]}]",
      "[{\"recipient\": \"b@x.example\"}]"},
     {"accepted 1", "accepted 1", "accepted 1", "repeated 1"},
     NEWS " a@x.example b@x.example c@x.example; "},
    /* another type of record, but the same that is said */
    {"enable = [\"Bounce\", \"AdminBounce\"]",
     {"[{\"recipient\": \"a@x.example\"}]",
      "[{\"recipient\": \"b@x.example\", \"type\": \"AdminBounce\"}]"},
     {"accepted 1", "accepted 1"},
     NEWS " a@x.example b@x.example; "},
    /* other originals, other senders */
    {"",
     {"[{\"recipient\": \"a@x.example\"}, {\"recipient\": \"b@x.example\", \"id\": \"2\"}]"},
     {"accepted 2"},
     NEWS " a@x.example; " NEWS " b@x.example; "},
    {"",
     {"[{\"recipient\": \"a@x.example\"},"
      " {\"recipient\": \"b@x.example\", \"sender\": \"x@shop.example\"}]"},
     {"accepted 2"},
     NEWS " a@x.example; x@shop.example: b@x.example; "},
    /* the governor is asked once */
    {"hourly_rate = 1",
     {"[{\"recipient\": \"a@x.example\"}, {\"recipient\": \"b@x.example\"}]",
      "[{\"recipient\": \"c@x.example\"}, {\"id\": \"2\"}]"},
     {"accepted 2", "accepted 2, rate-limited 1"},
     NEWS " a@x.example b@x.example c@x.example; "},
};

START_TEST(one_notice_for_several_recipients)
{
    dsn_test_configure(&test, "", rows[_i].more);
    for (size_t i = 0; i < G_N_ELEMENTS(rows[_i].bodies) && rows[_i].bodies[i] != NULL; i++)
        take(rows[_i].bodies[i], rows[_i].tallies[i]);
    check_notices(rows[_i].notices);
}
END_TEST

START_TEST(each_keeps_its_own_answer)
{
    take("[{\"recipient\": \"a@x.example\"},"
         " {\"recipient\": \"b@x.example\", \"response\": {\"code\": 552, \"content\": \"full\","
         "  \"enhanced_code\": {\"class\": 5, \"subject\": 2, \"detail\": 2}}}]",
         "accepted 2");
    g_autofree char *text = take_only();
    ck_assert_ptr_nonnull(strstr(text, "Status: 5.1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "Status: 5.2.2\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "Diagnostic-Code: smtp; 552 5.2.2 full\r\n"));
}
END_TEST

START_TEST(what_was_handed_out_stays)
{
    take("[{\"recipient\": \"a@x.example\"}]", "accepted 1");
    check_notices(NEWS " a@x.example; ");
    take("[{\"recipient\": \"b@x.example\"}, {\"recipient\": \"a@x.example\", \"ahead\": 1}]",
         "accepted 2, duplicate 1");
    check_notices(NEWS " b@x.example; ");
}
END_TEST

/* What has no room goes into one more, in the same body and in the next. */
START_TEST(a_notice_has_an_end)
{
    g_autoptr(GString) changes = g_string_new("[");

    for (int i = 0; i < 2 * DSN_DRAFT_RECIPIENTS + 2; i++)
        g_string_append_printf(changes, "%s{\"recipient\": \"r%d@x.example\"}", i > 0 ? "," : "",
                               i);
    g_string_append_c(changes, ']');
    take(changes->str, "accepted 202");
    take("[{\"recipient\": \"more@x.example\"}]", "accepted 1");

    g_autoptr(GPtrArray) notices = dsn_test_take_notices(&test);
    g_autofree char *text = dsn_test_describe(notices);
    g_auto(GStrv) words = g_strsplit(text, "@x.example", -1);
    ck_assert_uint_eq(g_strv_length(words), 204); /* nobody is missing, nobody twice */
    ck_assert_uint_eq(notices->len, 3);
}
END_TEST

/* The window is kept on disk. */
START_TEST(a_stop_in_between)
{
    take("[{\"recipient\": \"a@x.example\"}]", "accepted 1");
    dsn_pipeline_free(test.pipeline);
    dsn_test_spool_reopen(&test.spool);
    test.pipeline = dsn_pipeline_new(test.spool.spool, &test.spool.metrics, test.policy);
    take("[{\"recipient\": \"b@x.example\"}]", "accepted 1");
    check_notices(NEWS " a@x.example b@x.example; ");
}
END_TEST

/* So is what one of the originals was sent with (ENV-18), into the notice that is made again. */
START_TEST(requiretls_is_kept)
{
    static const char *const records[] = {
        "[{\"recipient\": \"a@x.example\"}]",
        "[{\"recipient\": \"b@x.example\", \"meta\": {\"requiretls\": true}}]",
        "[{\"recipient\": \"c@x.example\"}]",
    };

    for (int i = 0; i < 3; i++)
        if ((_i & 1 << i) != 0)
            take(records[i], "accepted 1");
    dsn_pipeline_free(test.pipeline);
    dsn_test_spool_reopen(&test.spool);
    test.pipeline = dsn_pipeline_new(test.spool.spool, &test.spool.metrics, test.policy);
    g_autoptr(GPtrArray) notices = dsn_test_take_notices(&test);
    ck_assert_uint_eq(notices->len, 1);
    ck_assert(((DsnWaitingNotice *)notices->pdata[0])->requiretls == ((_i & 2) != 0));
}
END_TEST

START_TEST(a_notice_waits_for_its_time)
{
    dsn_test_configure(&test, "", "coalesce = \"1 second\"");
    take("[{\"recipient\": \"a@x.example\", \"message\": \"Subject: x\\n\\ny\"}]", "accepted 1");
    check_notices("");
    take("[{\"recipient\": \"b@x.example\"}]", "accepted 1");

    g_autoptr(GPtrArray) notices =
        g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))dsn_waiting_notice_free);
    ck_assert(
        dsn_spool_take_notices(test.spool.spool, "default", 10, 10 * G_TIME_SPAN_SECOND, notices));
    g_autofree char *text = dsn_test_describe(notices);
    ck_assert_str_eq(text, NEWS " a@x.example b@x.example; ");
}
END_TEST

/* An original that is too long to return is not kept longer than its header. */
START_TEST(a_long_original)
{
    g_autofree char *body = g_strnfill(200000, 'x');
    g_autofree char *changes = g_strdup_printf(
        "[{\"recipient\": \"a@x.example\", \"message\": \"From: a@b.example\\r\\nSubject: "
        "long\\r\\n\\r\\n%s\\r\\n\"}]",
        body);

    dsn_test_configure(&test, "", "coalesce = \"1 second\"\ninclude_original = \"full\"");
    take(changes, "accepted 1");
    take("[{\"recipient\": \"b@x.example\"}]", "accepted 1");
    const DsnQueueFilter all = {.entry = 0};
    ck_assert_int_eq(dsn_spool_retry(test.spool.spool, &all, NULL), 1);
    g_autofree char *text = take_only();
    ck_assert_ptr_nonnull(strstr(text, "text/rfc822-headers"));
    ck_assert_ptr_nonnull(strstr(text, "Subject: long\r\n"));
    ck_assert_uint_lt(strlen(text), 20000);
}
END_TEST

typedef struct Half {
    const char *changes;
} Half;

static gpointer
take_half(gpointer user)
{
    g_autofree char *body = dsn_test_records(&test, ((Half *)user)->changes);

    g_free(dsn_test_take_records(&test, dsn_span(body)));
    return NULL;
}

/* Two posters at the same time: nobody is missing, nobody is told twice. */
START_TEST(two_at_a_time)
{
    static Half halves[] = {
        {"[{\"recipient\": \"a@x.example\"}, {\"recipient\": \"c@x.example\"}]"},
        {"[{\"recipient\": \"b@x.example\"}, {\"recipient\": \"a@x.example\"}]"}};
    GThread *threads[2];

    for (size_t i = 0; i < 2; i++)
        threads[i] = g_thread_new("half", take_half, &halves[i]);
    for (size_t i = 0; i < 2; i++)
        (void)g_thread_join(threads[i]);

    g_autoptr(GPtrArray) notices = dsn_test_take_notices(&test);
    g_autofree char *text = dsn_test_describe(notices);
    g_auto(GStrv) words = g_strsplit(text, "@x.example", -1);
    ck_assert_msg(g_strv_length(words) == 4 && notices->len == 1, "%s", text);
}
END_TEST

/* ---- what the stream tells about a message ---- */

#define FAILURE                                                                               \
    "{\"type\": \"TransientFailure\", \"ahead\": -10, \"num_attempts\": 3, \"response\": "    \
    "{\"code\": 451, \"content\": \"greylisted for now\", \"enhanced_code\": {\"class\": 4, " \
    "\"subject\": 7, \"detail\": 1}}}"
#define EXPIRATION                                                                         \
    "{\"type\": \"Expiration\", \"delivery_protocol\": null, \"peer_address\": null, "     \
    "\"response\": {\"code\": 551, \"content\": \"Next delivery time would be too late\"," \
    " \"enhanced_code\": {\"class\": 5, \"subject\": 4, \"detail\": 7}}}"

static const struct {
    const char *bodies[3];
    bool told;
} expirations[] = {
    {{"[" FAILURE "]", "[" EXPIRATION "]"}, true},
    {{"[" FAILURE ", " EXPIRATION "]"}, true},
    {{"[" EXPIRATION "]"}, false},
};

START_TEST(an_expiration_says_why)
{
    for (size_t i = 0; i < 3 && expirations[_i].bodies[i] != NULL; i++) {
        g_autofree char *body = dsn_test_records(&test, expirations[_i].bodies[i]);
        g_free(dsn_test_take_records(&test, dsn_span(body)));
    }
    g_autofree char *text = take_only();
    ck_assert((strstr(text, "greylisted for now") != NULL) == expirations[_i].told);
}
END_TEST

#define HOUR 3600

/* What happened @hours after a message had come, 30 hours ago (transfer full). */
static char *
dup_delay(const char *type, int hours)
{
    return g_strdup_printf("[{\"type\": \"%s\", \"ahead\": %d, \"created\": %" G_GINT64_FORMAT
                           ", \"created_time\": null, \"num_attempts\": %d, \"response\":"
                           " {\"code\": 451, \"content\": \"later\"}}]",
                           type, (hours - 30) * HOUR, test.now - 30 * HOUR, hours);
}

/* Once for each threshold (ESMTP-27). */
START_TEST(delays_are_told_once)
{
    static const struct {
        const char *type;
        int hours;
        const char *tally;
        const char *notices;
    } steps[] = {
        {"TransientFailure", 1, "accepted 1, not-yet 1", ""},
        {"TransientFailure", 5, "accepted 1", NEWS " jane@customer.example; "},
        {"TransientFailure", 5, "repeated 1", ""},
        {"TransientFailure", 6, "accepted 1, duplicate 1", ""},
        {"Delayed", 7, "accepted 1, duplicate 1", ""},
        {"Delayed", 25, "accepted 1", NEWS " jane@customer.example; "},
        {"TransientFailure", 26, "accepted 1, duplicate 1", ""},
    };

    dsn_test_configure(&test, "",
                       "enable = [\"TransientFailure\", \"Delayed\"]\n"
                       "delay_after = [\"4 hours\", \"1 day\"]");
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autofree char *changes = dup_delay(steps[i].type, steps[i].hours);

        take(changes, steps[i].tally);
        check_notices(steps[i].notices);
    }
}
END_TEST

START_TEST(a_delay_says_how_long)
{
    g_autofree char *changes = dup_delay("TransientFailure", 5);

    dsn_test_configure(&test, "", "enable = [\"TransientFailure\"]");
    take(changes, "accepted 1");
    g_autofree char *text = take_only();
    ck_assert_ptr_nonnull(strstr(text, "Action: delayed\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "Will-Retry-Until: "));
}
END_TEST

/* Delivered after a notice of delay, and only then. */
START_TEST(delivered_after_all)
{
    g_autofree char *created = g_strdup_printf(
        "\"created\": %" G_GINT64_FORMAT ", \"created_time\": null", test.now - 5 * HOUR);
    g_autofree char *failure = g_strdup_printf(
        "[{\"type\": \"TransientFailure\", %s, \"response\": {\"code\": 451, \"content\": \"\"}}]",
        created);
    g_autofree char *delivery = g_strdup_printf(
        "[{\"type\": \"Delivery\", %s, \"response\": {\"code\": 250, \"content\": \"ok\"}}]",
        created);
    g_autofree char *other = g_strdup_printf("[{\"id\": \"2\", %s", delivery + 2);

    dsn_test_configure(&test, "",
                       "enable = [\"TransientFailure\", \"Delivery\"]\ndelivered_late = true");
    take("[{\"type\": \"Delivery\", \"response\": {\"code\": 250, \"content\": \"ok\"}}]",
         "accepted 1, not-asked 1");
    take(other, "accepted 1, not-delayed 1");
    take(failure, "accepted 1");
    check_notices(NEWS " jane@customer.example; ");
    take(delivery, "accepted 1");
    g_autofree char *text = take_only();
    ck_assert_ptr_nonnull(strstr(text, "Action: relayed\r\n"));
    take(delivery, "repeated 1");
}
END_TEST

/* ---- what is remembered ---- */

static void
clear_line(gpointer data)
{
    dsn_history_line_clear(data);
}

static char *
story(const char *subject)
{
    g_autoptr(GArray) lines = g_array_new(FALSE, FALSE, sizeof(DsnHistoryLine));
    GString *text = g_string_new(NULL);

    g_array_set_clear_func(lines, clear_line);
    ck_assert(dsn_spool_history(test.spool.spool, subject, lines, NULL));
    for (guint i = 0; i < lines->len; i++)
        g_string_append_printf(text, "%s\n", g_array_index(lines, DsnHistoryLine, i).text);
    return g_string_free(text, FALSE);
}

START_TEST(a_notice_and_its_names)
{
    take("[{\"message\": \"Message-ID: <original@shop.example>\\n\\nx\"}]", "accepted 1");
    g_autofree char *text = take_only();
    const char *id = strstr(text, "Message-ID: <") + strlen("Message-ID: <");
    g_autofree char *message_id = g_strndup(id, (gsize)(strchr(id, '>') - id));
    g_autofree char *by_record = story("1d98076abbbc11ed940250ebf67f93bd");
    g_autofree char *by_notice = story(message_id);
    g_autofree char *by_original = story("original@shop.example");

    ck_assert_ptr_nonnull(strstr(by_record, "\"event\":\"Bounce\""));
    ck_assert_ptr_nonnull(strstr(by_record, "\"recipients\":[\"jane@customer.example\"]"));
    ck_assert_ptr_nonnull(strstr(by_record, "\"result\":\"notice\""));
    ck_assert_ptr_nonnull(strstr(by_record, message_id));
    ck_assert_ptr_nonnull(strstr(by_notice, "\"see\":\"1d98076abbbc11ed940250ebf67f93bd\""));
    ck_assert_str_eq(by_original, by_notice);
}
END_TEST

static const struct {
    const char *more;
    const char *changes;
    const char *tally;
    const char *history; /* NULL: too common to be kept */
} reasons[] = {
    {"", "[{\"sender\": \"\"}]", "accepted 1, null-sender 1", "\"reason\":\"null-sender\""},
    {"dry_run = true", "[{}]", "accepted 1, dry-run 1", "\"reason\":\"dry-run\""},
    {"hourly_rate = 1", "[{\"id\": \"2\"}, {}]", "accepted 2, rate-limited 1",
     "\"reason\":\"rate-limited\""},
    {"", "[{\"sender\": \"x@other.example\"}]", "accepted 1, sender-not-ours 1",
     "\"reason\":\"sender-not-ours\""},
    {"trust = [\"dkim\"]", "[{}]", "accepted 1, sender-not-trusted 1",
     "\"reason\":\"sender-not-trusted\""},
    {"trust = [\"authenticated\"]", "[{\"meta\": {\"authn_id\": \"jo\"}}]", "accepted 1",
     "\"result\":\"notice\""},
    {"enable = [\"TransientFailure\"]", "[{\"type\": \"TransientFailure\"}]",
     "accepted 1, not-yet 1", NULL},
};

/* ENV-06, ENV-22, ENV-23: each is counted, and can be asked for. */
START_TEST(a_reason_is_remembered)
{
    dsn_test_configure(&test, "", reasons[_i].more);
    take(reasons[_i].changes, reasons[_i].tally);
    g_autofree char *text = story("1d98076abbbc11ed940250ebf67f93bd");
    if (reasons[_i].history == NULL)
        ck_assert_str_eq(text, "");
    else
        ck_assert_msg(strstr(text, reasons[_i].history) != NULL, "%s", text);
}
END_TEST

/* What a dry run held back can be posted again. */
START_TEST(after_a_dry_run)
{
    dsn_test_configure(&test, "", "dry_run = true");
    take("[{}]", "accepted 1, dry-run 1");
    check_notices("");
    dsn_test_configure(&test, "", "");
    take("[{}]", "accepted 1");
    check_notices(NEWS " jane@customer.example; ");
}
END_TEST

/* The governor's buckets survive a restart (ENV-22). */
START_TEST(rates_survive_a_restart)
{
    dsn_test_configure(&test, "", "hourly_sender_rate = 2");
    take("[{\"id\": \"1\"}, {\"id\": \"2\"}]", "accepted 2");
    dsn_pipeline_free(test.pipeline);
    dsn_test_spool_reopen(&test.spool);
    test.pipeline = dsn_pipeline_new(test.spool.spool, &test.spool.metrics, test.policy);
    take("[{\"id\": \"3\"}]", "accepted 1, rate-limited 1");
    ck_assert_uint_eq(count(DSN_COUNT_NOTICES_MADE), 2);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("coalesce");
    TCase *tcase = tcase_create("records");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, one_notice_for_several_recipients, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, each_keeps_its_own_answer);
    tcase_add_test(tcase, what_was_handed_out_stays);
    tcase_add_test(tcase, a_notice_has_an_end);
    tcase_add_test(tcase, a_stop_in_between);
    tcase_add_loop_test(tcase, requiretls_is_kept, 1, 8); /* any of the three */
    tcase_add_test(tcase, a_notice_waits_for_its_time);
    tcase_add_test(tcase, a_long_original);
    tcase_add_test(tcase, two_at_a_time);
    tcase_add_loop_test(tcase, an_expiration_says_why, 0, G_N_ELEMENTS(expirations));
    tcase_add_test(tcase, delays_are_told_once);
    tcase_add_test(tcase, a_delay_says_how_long);
    tcase_add_test(tcase, delivered_after_all);
    tcase_add_test(tcase, a_notice_and_its_names);
    tcase_add_loop_test(tcase, a_reason_is_remembered, 0, G_N_ELEMENTS(reasons));
    tcase_add_test(tcase, after_a_dry_run);
    tcase_add_test(tcase, rates_survive_a_restart);
    suite_add_tcase(suite, tcase);
    return suite;
}
