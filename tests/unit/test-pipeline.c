/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/notice.h"
#include "tests/support/pipeline.h"
#include "tests/support/unit.h"

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

START_TEST(a_policy_lives_while_it_is_used)
{
    g_autoptr(DsnPolicy) held = dsn_pipeline_policy(test.pipeline);

    ck_assert_ptr_eq(held, test.policy);
    dsn_test_configure(&test, "", "senders = []");
    g_autoptr(DsnPolicy) other = dsn_pipeline_policy(test.pipeline);
    ck_assert_ptr_ne(held, other);
    ck_assert(!dsn_patterns_empty(held->senders));
    ck_assert(dsn_patterns_empty(other->senders));
    ck_assert_ptr_eq(dsn_pipeline_spool(test.pipeline), test.spool.spool);
    ck_assert_ptr_eq(dsn_pipeline_metrics(test.pipeline), &test.spool.metrics);
}
END_TEST

/* ---- a notice for a caller who sends it ---- */

static const struct {
    const char *changes; /* NULL: @body as it stands */
    const char *body;
    DsnNoticeResult result;
    DsnReason reason;
    const char *error;
} rows[] = {
    {"[{}]", NULL, DSN_NOTICE_MADE, DSN_REASON_NONE, NULL},
    {"[{\"message\": \"Subject: x\\r\\n\\r\\ny\\r\\n\"}]", NULL, DSN_NOTICE_MADE, DSN_REASON_NONE,
     NULL},
    {"[{\"ahead\": -1300000}]", NULL, DSN_NOTICE_MADE, DSN_REASON_NONE, NULL},
    {"[{\"type\": \"Delivery\"}]", NULL, DSN_NOTICE_NOT_DUE, DSN_REASON_TYPE_NOT_ENABLED, NULL},
    {"[{\"sender\": \"\"}]", NULL, DSN_NOTICE_NOT_DUE, DSN_REASON_NULL_SENDER, NULL},
    {"[{\"sender\": \"x@other.example\"}]", NULL, DSN_NOTICE_NOT_DUE, DSN_REASON_SENDER_NOT_OURS,
     NULL},
    {"[{\"sender\": \"b@shop.example\"}]", NULL, DSN_NOTICE_NOT_DUE, DSN_REASON_SENDER_NOT_BOUND,
     NULL},
    {"[{\"recipient\": []}]", NULL, DSN_NOTICE_FAILED, DSN_REASON_NONE, "recipient"},
    {"[{}, {}]", NULL, DSN_NOTICE_FAILED, DSN_REASON_NONE, "expected one record"},
    {NULL, "", DSN_NOTICE_FAILED, DSN_REASON_NONE, "got nothing"},
    {NULL, "{\"type\"", DSN_NOTICE_FAILED, DSN_REASON_NONE, "column"},
};

static DsnNoticeResult
make(const char *body, GString *bytes, DsnReason *reason, GError **error)
{
    g_autofree char *exact = g_memdup2(body, strlen(body));

    return dsn_pipeline_make_notice(test.pipeline, test.policy, &test.poster,
                                    (DsnSpan){exact, strlen(body)}, bytes, reason, error);
}

START_TEST(makes_one_notice)
{
    g_autofree char *body = rows[_i].changes == NULL ? g_strdup(rows[_i].body)
                                                     : dsn_test_records(&test, rows[_i].changes);
    g_autoptr(GPtrArray) texts = g_ptr_array_new();
    g_autoptr(DsnPatterns) senders = NULL;
    g_autoptr(GString) bytes = g_string_new("before");
    g_autoptr(GError) error = NULL;
    DsnReason reason;

    g_ptr_array_add(texts, (gpointer) "news@shop.example");
    g_ptr_array_add(texts, (gpointer) "other.example");
    senders = dsn_patterns_new(texts, NULL);
    test.poster.senders = senders;
    ck_assert_int_eq(make(body, bytes, &reason, &error), rows[_i].result);
    ck_assert_str_eq(dsn_reason_to_string(reason), dsn_reason_to_string(rows[_i].reason));
    ck_assert_msg((error != NULL) == (rows[_i].error != NULL), "%s", body);
    if (error != NULL)
        ck_assert_msg(strstr(error->message, rows[_i].error) != NULL, "%s", error->message);
    ck_assert_int_eq(strncmp(bytes->str, "before", 6), 0);
    if (rows[_i].result == DSN_NOTICE_MADE)
        dsn_test_check_notice((DsnSpan){bytes->str + 6, bytes->len - 6}, NULL, body);
    else
        ck_assert_str_eq(bytes->str, "before");
}
END_TEST

/* The caller knows best whether he wants it twice; nothing is kept, so that it can be posted too.
 */
START_TEST(nothing_is_kept_of_it)
{
    g_autofree char *body = dsn_test_record(&test, "{}");
    g_autoptr(GString) first = g_string_new(NULL), second = g_string_new(NULL);
    DsnReason reason;

    ck_assert_int_eq(make(body, first, &reason, NULL), DSN_NOTICE_MADE);
    ck_assert_int_eq(make(body, second, &reason, NULL), DSN_NOTICE_MADE);
    g_autofree char *tally = dsn_test_take_records(&test, dsn_span(body));
    ck_assert_str_eq(tally, "accepted 1");
}
END_TEST

START_TEST(the_governor_is_asked)
{
    g_autofree char *body = dsn_test_record(&test, "{}");
    g_autofree char *bad = dsn_test_record(&test, "{\"recipient\": []}");
    g_autoptr(GString) bytes = g_string_new(NULL);
    DsnReason reason;

    dsn_test_configure(&test, "", "hourly_rate = 1");
    for (int i = 0; i < 3; i++) /* a notice that cannot be made costs nothing */
        ck_assert_int_eq(make(bad, bytes, &reason, NULL), DSN_NOTICE_FAILED);
    ck_assert_int_eq(make(body, bytes, &reason, NULL), DSN_NOTICE_MADE);
    ck_assert_int_eq(make(body, bytes, &reason, NULL), DSN_NOTICE_NOT_DUE);
    ck_assert_int_eq(reason, DSN_REASON_RATE_LIMITED);
}
END_TEST

/* ---- the log ---- */

static GString *logged;

static GLogWriterOutput
collect(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user)
{
    (void)user;
    for (gsize i = 0; i < n_fields; i++) {
        if (strcmp(fields[i].key, "MESSAGE") == 0)
            g_string_append_printf(logged, "%s %.*s\n",
                                   (level & G_LOG_LEVEL_MESSAGE) != 0 ? "warning:" : "info:",
                                   (int)fields[i].length, (const char *)fields[i].value);
    }
    return G_LOG_WRITER_HANDLED;
}

#define LINE(id)                                                              \
    "info: " id ": type=Bounce sender=news@shop.example recipient=jane@custo" \
    "mer.example"

/* ENV-06: also of a notice that is not made since the sender is null. */
START_TEST(one_line_each)
{
    g_autofree char *body = dsn_test_records(
        &test, "[{\"id\": \"1\"}, {\"id\": \"1\"}, {\"id\": \"1\", \"ahead\": 1},"
               " {\"id\": \"2\", \"sender\": \"\"},"
               " {\"type\": \"Delivery\"}, {\"type\": \"OOB\"}, {\"id\": 7},"
               " {\"id\": \"5\", \"event_time\": \"2100-01-01T00:00:00Z\"},"
               " {\"id\": \"3\", \"sender\": \"a b=\\n@x\", \"recipient\": [\"a@x\", \"b@x\"]}]");

    dsn_test_configure(&test, "\"OOB\"", "");
    logged = g_string_new(NULL);
    g_log_set_writer_func(collect, NULL, NULL);
    test.poster.name = "acme";
    g_autofree char *tally = dsn_test_take_records(&test, dsn_span(body));
    ck_assert_str_eq(tally, "accepted 5, repeated 1, ignored 1, rejected 2, type-not-enabled 1,"
                            " null-sender 1, bad-sender 1, duplicate 1");

    /* The Message-ID is a digest of what is different in each run. */
    g_autoptr(GRegex) digest = g_regex_new("<dsn-[0-9a-f]{32}@mta1", 0, 0, NULL);
    g_autofree char *text = g_regex_replace_literal(digest, logged->str, (gssize)logged->len, 0,
                                                    "<dsn-D@mta1", 0, NULL);
    ck_assert_str_eq(
        text,
        LINE("1") " client=acme reason=duplicate\n" LINE(
            "1") " client=acme reason=duplicate\n" LINE("1") " client=acme "
                                                             "message_id=<dsn-D@mta1.example.com> "
                                                             "result=notice\n"
                                                             "info: 2: type=Bounce sender=\"\" "
                                                             "recipient=jane@customer.example "
                                                             "client=acme"
                                                             " reason=null-sender\n"
                                                             "warning: result=rejected client=acme "
                                                             "index=6 "
                                                             "reason=\"id: expected a string "
                                                             "without NUL, got 7\"\n"
                                                             "warning: 5: result=rejected "
                                                             "client=acme index=7 "
                                                             "reason=\"event_time: "
                                                             "2100-01-01T00:00:00Z is more than a "
                                                             "day ahead\"\n"
                                                             "info: 3: type=Bounce sender=\"a "
                                                             "b=\\x0a@x\" recipient=a@x "
                                                             "recipients=2 client=acme"
                                                             " reason=bad-sender\n");
    g_string_free(logged, TRUE);
}
END_TEST

START_TEST(counts_what_it_did)
{
    const DsnMetrics *metrics = &test.spool.metrics;
    g_autofree char *body = dsn_test_records(
        &test,
        "[{}, {}, {\"type\": \"Delivery\"}, {\"id\": 7}, {\"id\": \"2\", \"sender\": \"\"}]");
    g_autofree char *tally = dsn_test_take_records(&test, dsn_span(body));

    ck_assert_str_eq(tally, "accepted 2, repeated 1, ignored 1, rejected 1, null-sender 1");
    ck_assert_uint_eq(dsn_metrics_get(metrics, DSN_COUNT_RECORDS_ACCEPTED), 2);
    ck_assert_uint_eq(dsn_metrics_get(metrics, DSN_COUNT_RECORDS_DUPLICATE), 1);
    ck_assert_uint_eq(dsn_metrics_get(metrics, DSN_COUNT_RECORDS_IGNORED), 1);
    ck_assert_uint_eq(dsn_metrics_get(metrics, DSN_COUNT_RECORDS_REJECTED), 1);
    ck_assert_uint_eq(dsn_metrics_get(metrics, DSN_COUNT_NOTICES_MADE), 1);
    ck_assert_uint_eq(metrics->reasons[DSN_REASON_DUPLICATE], 1);
    ck_assert_uint_eq(metrics->reasons[DSN_REASON_NULL_SENDER], 1);
}
END_TEST

/* Rule SEC-06: what goes instead of a notice that is no good is said and counted; here since our
 * own reader may not look at as many parts as it has. */
START_TEST(a_minimal_notice)
{
    g_autofree char *log = g_build_filename(test.spool.top, "log", NULL);
    g_autofree char *body = dsn_test_records(
        &test, "[{\"message\": \"From: a@b.example\\nMessage-ID: <1@b.example>\\n\\nx\"}]");
    g_autofree char *text = NULL;

    dsn_test_configure(&test, "", "include_original = \"full\"\n[limits]\nparts = 3");
    dsn_log_open(DSN_LOG_STDERR, DSN_LOG_WARNING);
    ck_assert_ptr_nonnull(freopen(log, "w", stderr));
    g_autofree char *tally = dsn_test_take_records(&test, dsn_span(body));
    ck_assert_str_eq(tally, "accepted 1");
    ck_assert_uint_eq(dsn_metrics_get(&test.spool.metrics, DSN_COUNT_NOTICES_MINIMAL), 1);
    g_autoptr(GPtrArray) notices = dsn_test_take_notices(&test);
    g_autofree char *described = dsn_test_describe(notices);
    ck_assert_str_eq(described, "news@shop.example: jane@customer.example; ");
    ck_assert(g_file_get_contents(log, &text, NULL, NULL));
    ck_assert_msg(strstr(text, "warning: ") != NULL && strstr(text, " minimal=") != NULL, "%s",
                  text);
}
END_TEST

/* A template that fails is said and counted; the notice goes out in the shipped words. */
START_TEST(a_template_that_fails)
{
    g_autofree char *folder = g_build_filename(test.spool.top, "templates", NULL);
    g_autofree char *file = g_build_filename(folder, "failed.en.txt", NULL);
    g_autofree char *log = g_build_filename(test.spool.top, "log", NULL);
    g_autofree char *more = g_strdup_printf("templates = \"%s\"", folder);
    g_autofree char *body = dsn_test_record(&test, "{\"recipient\": [\"a@x\", \"b@x\", \"c@x\"]}");

    ck_assert_int_eq(g_mkdir_with_parents(folder, 0700), 0);
    ck_assert(g_file_set_contents(file, "Subject: x\n\n{{ 1 // (recipients | length - 3) }}\n", -1,
                                  NULL));
    dsn_test_configure(&test, "", more);
    dsn_log_open(DSN_LOG_STDERR, DSN_LOG_WARNING); /* where a notice alone is not worth a line */
    ck_assert_ptr_nonnull(freopen(log, "w", stderr));
    g_autofree char *tally = dsn_test_take_records(&test, dsn_span(body));
    ck_assert_str_eq(tally, "accepted 1");
    ck_assert_uint_eq(dsn_metrics_get(&test.spool.metrics, DSN_COUNT_NOTICES_TEMPLATE_FAULT), 1);
    g_autofree char *text = NULL;
    ck_assert(g_file_get_contents(log, &text, NULL, NULL));
    ck_assert_msg(strstr(text, "warning: ") != NULL && strstr(text, "template_fault=") != NULL &&
                      strstr(text, "result=notice") != NULL,
                  "%s", text);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("pipeline");
    TCase *tcase = tcase_create("notices");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_policy_lives_while_it_is_used);
    tcase_add_loop_test(tcase, makes_one_notice, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, nothing_is_kept_of_it);
    tcase_add_test(tcase, the_governor_is_asked);
    tcase_add_test(tcase, one_line_each);
    tcase_add_test(tcase, counts_what_it_did);
    tcase_add_test(tcase, a_minimal_notice);
    tcase_add_test(tcase, a_template_that_fails);
    suite_add_tcase(suite, tcase);
    return suite;
}
