/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/pipeline.h"
#include "tests/support/unit.h"

#define BOTH "\"Feedback\", \"OOB\""

static DsnTestPipeline test;

static void
set_up(void)
{
    dsn_test_pipeline_init(&test, BOTH, "");
}

static void
tear_down(void)
{
    dsn_test_pipeline_clear(&test);
}

static DsnMessageResult
take_as(const char *path, const DsnSession *session, DsnMessageTaken *taken)
{
    g_autoptr(GError) error = NULL;
    size_t len;
    g_autofree char *text = dsn_test_read(path, &len);
    g_autofree char *exact = g_memdup2(text, len);
    DsnMessageResult result = dsn_pipeline_take_message(
        test.pipeline, test.policy, (DsnSpan){exact, len}, session, NULL, NULL, taken, &error);

    ck_assert_msg(error == NULL, "%s: %s", path, error == NULL ? "" : error->message);
    return result;
}

static DsnMessageResult
take(const char *path, DsnMessageTaken *taken)
{
    const DsnSession session = {.queue_id = "4bX1Z20abc",
                                .sender = "",
                                .recipient = "fbl@example.com",
                                .peer_name = "isp.example",
                                .peer_addr = "192.0.2.1",
                                .protocol = "ESMTP"};

    return take_as(path, &session, taken);
}

static const struct {
    const char *path;
    const char *outlet_types;
    DsnMessageResult result;
    DsnReportKind kind;
    DsnReason reason;
    unsigned records;
} rows[] = {
    {"data/parse/feedback-abuse.eml", BOTH, DSN_MESSAGE_RECORDED, DSN_REPORT_FEEDBACK,
     DSN_REASON_NONE, 1},
    {"data/parse/feedback-abuse.eml", "\"Feedback\"", DSN_MESSAGE_RECORDED, DSN_REPORT_FEEDBACK,
     DSN_REASON_NONE, 1},
    {"data/parse/feedback-abuse.eml", "\"OOB\"", DSN_MESSAGE_UNTOUCHED, DSN_REPORT_FEEDBACK,
     DSN_REASON_TYPE_NOT_ENABLED, 0},
    {"data/parse/dsn-failed.eml", BOTH, DSN_MESSAGE_RECORDED, DSN_REPORT_DELIVERY_STATUS,
     DSN_REASON_NONE, 1},
    {"data/parse/dsn-failed.eml", "\"Feedback\"", DSN_MESSAGE_UNTOUCHED, DSN_REPORT_DELIVERY_STATUS,
     DSN_REASON_TYPE_NOT_ENABLED, 0},
    {"data/parse/dsn-many.eml", BOTH, DSN_MESSAGE_RECORDED, DSN_REPORT_DELIVERY_STATUS,
     DSN_REASON_NONE, 3},
    {"data/reports/dsn-delayed.eml", BOTH, DSN_MESSAGE_UNTOUCHED, DSN_REPORT_DELIVERY_STATUS,
     DSN_REASON_NO_RECORD, 0},
    {"data/reports/dsn-delayed.eml", "", DSN_MESSAGE_UNTOUCHED, DSN_REPORT_DELIVERY_STATUS,
     DSN_REASON_NO_RECORD, 0},
    {"data/parse/mdn.eml", BOTH, DSN_MESSAGE_UNTOUCHED, DSN_REPORT_DISPOSITION_NOTIFICATION,
     DSN_REASON_NOT_A_REPORT, 0},
    {"data/parse/ordinary.eml", BOTH, DSN_MESSAGE_UNTOUCHED, DSN_REPORT_NONE,
     DSN_REASON_NOT_A_REPORT, 0},
};

static unsigned
count_lines(const char *lines, const char *id)
{
    g_auto(GStrv) each = g_strsplit(lines, "\n", -1);
    unsigned count = 0;

    for (char **line = each; *line != NULL && **line != '\0'; line++, count++) {
        json_auto_t *json = json_loads(*line, 0, NULL);

        ck_assert_ptr_nonnull(json);
        ck_assert_str_eq(json_string_value(json_object_get(json, "id")), id);
        ck_assert_str_eq(json_string_value(json_object_get(json, "nodeid")),
                         "00000000-0000-0000-0000-000000000000");
    }
    return count;
}

START_TEST(a_message_and_what_it_leaves)
{
    DsnMetrics *metrics = dsn_pipeline_metrics(test.pipeline);
    DsnMessageTaken taken, again;

    dsn_test_configure(&test, rows[_i].outlet_types, "");
    DsnMessageResult result = take(rows[_i].path, &taken);
    ck_assert_msg(result == rows[_i].result && taken.reason == rows[_i].reason &&
                      taken.kind == rows[_i].kind && taken.records == rows[_i].records,
                  "%s: %d, %s", rows[_i].path, result, dsn_reason_to_string(taken.reason));
    ck_assert_uint_eq(strlen(taken.id), 32);
    g_autofree char *lines = dsn_test_read_lines(&test);
    ck_assert_uint_eq(count_lines(lines, taken.id), rows[_i].records);
    ck_assert_uint_eq(dsn_metrics_get(metrics, DSN_COUNT_REPORTS_FEEDBACK) +
                          dsn_metrics_get(metrics, DSN_COUNT_REPORTS_OOB),
                      rows[_i].records);

    /* The client sends it once more: the verdict is the same, and there is no second record. */
    ck_assert_int_eq(take(rows[_i].path, &again), result);
    ck_assert_str_eq(again.id, taken.id);
    ck_assert_int_eq(again.kind, taken.kind);
    ck_assert_int_eq(again.reason,
                     result == DSN_MESSAGE_RECORDED ? DSN_REASON_DUPLICATE : rows[_i].reason);
    ck_assert_uint_eq(again.records, 0);
    g_autofree char *more = dsn_test_read_lines(&test);
    ck_assert_str_eq(more, "");

    g_autoptr(GPtrArray) notices = dsn_test_take_notices(&test);
    ck_assert_uint_eq(notices->len, 0); /* reports never start a notice */
}
END_TEST

/* What is not consumed has left no trace, and can be recorded when somebody wants it. */
START_TEST(untouched_is_not_remembered)
{
    DsnMessageTaken taken;

    dsn_test_configure(&test, "", "");
    ck_assert_int_eq(take("data/parse/feedback-abuse.eml", &taken), DSN_MESSAGE_UNTOUCHED);
    dsn_test_configure(&test, BOTH, "");
    ck_assert_int_eq(take("data/parse/feedback-abuse.eml", &taken), DSN_MESSAGE_RECORDED);
    ck_assert_int_eq(taken.reason, DSN_REASON_NONE);
}
END_TEST

START_TEST(the_session_is_in_the_record)
{
    DsnMessageTaken taken;

    (void)take("data/parse/feedback-abuse.eml", &taken); /* read below */
    g_autofree char *lines = dsn_test_read_lines(&test);
    ck_assert_ptr_nonnull(strstr(lines, "\"peer_address\":{\"name\":\"isp.example\","
                                        "\"addr\":\"192.0.2.1\"}"));
    ck_assert_ptr_nonnull(strstr(lines, "\"sender\":\"\",\"recipient\":\"fbl@example.com\""));
    ck_assert_ptr_nonnull(strstr(lines, "\"reception_protocol\":\"ESMTP\""));
}
END_TEST

static void
check_verified(const char *protocol, bool verified)
{
    const DsnSession session = {
        .queue_id = protocol,
        .sender = "",
        .recipient = "fbl@example.com",
        .peer_name = "isp.example",
        .peer_addr = "192.0.2.1",
        .protocol = protocol,
    };
    DsnMessageTaken taken;

    ck_assert_int_eq(take_as("data/parse/feedback-abuse.eml", &session, &taken),
                     DSN_MESSAGE_RECORDED);
    g_autofree char *lines = dsn_test_read_lines(&test);
    const char *by = verified ? "\"verified\":true,\"verified_by\":[\"client:192.0.2.0/24\"],"
                                "\"suppress\":\"jane@customer.example\""
                              : "\"verified\":false,\"verified_by\":[],\"suppress\":null";
    ck_assert_msg(strstr(lines, by) != NULL, "%s: %s", protocol, lines);
}

/* Rule ARF-23: who has sent it proves it; by LMTP that is a host of ours, whoever has sent it. */
START_TEST(a_listed_client_proves_a_report)
{
    dsn_test_configure(&test, BOTH, "[authentication]\nclients = [\"192.0.2.0/24\"]\n");
    check_verified("ESMTP", true);
}
END_TEST

START_TEST(by_LMTP_nobody_knows_who_has_sent_it)
{
    dsn_test_configure(&test, BOTH, "[authentication]\nclients = [\"192.0.2.0/24\"]\n");
    check_verified("LMTP", false);
}
END_TEST

START_TEST(there_need_be_no_session)
{
    const DsnSession none = {.sender = NULL};
    DsnMessageTaken taken;

    ck_assert_int_eq(take_as("data/parse/dsn-failed.eml", &none, &taken), DSN_MESSAGE_RECORDED);
    g_autofree char *lines = dsn_test_read_lines(&test);
    ck_assert_ptr_nonnull(strstr(lines, "\"peer_address\":null"));
    ck_assert_ptr_nonnull(strstr(lines, "\"reception_protocol\":null"));
}
END_TEST

static gpointer
take_in_thread(gpointer data)
{
    DsnMessageTaken taken;

    (void)data;
    DsnMessageResult result = take("data/parse/feedback-abuse.eml", &taken);
    return GINT_TO_POINTER(result == DSN_MESSAGE_RECORDED ? (int)taken.records : -100);
}

START_TEST(one_record_from_many_threads)
{
    GThread *threads[4];
    int records = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("take", take_in_thread, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        records += GPOINTER_TO_INT(g_thread_join(threads[i]));
    ck_assert_int_eq(records, 1);
}
END_TEST

START_TEST(a_full_spool_takes_nothing)
{
    const DsnSession session = {.sender = ""};
    size_t len;
    g_autofree char *text = dsn_test_read("data/parse/dsn-failed.eml", &len);
    g_autoptr(GError) error = NULL;
    DsnMessageTaken taken;

    test.spool.options.max_size = 1;
    dsn_pipeline_free(test.pipeline);
    dsn_test_spool_reopen(&test.spool);
    test.pipeline = dsn_pipeline_new(test.spool.spool, &test.spool.metrics, test.policy);
    ck_assert_int_eq(dsn_pipeline_take_message(test.pipeline, test.policy, (DsnSpan){text, len},
                                               &session, NULL, NULL, &taken, &error),
                     DSN_MESSAGE_FAILED);
    ck_assert(g_error_matches(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_FULL));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("take-message");
    TCase *tcase = tcase_create("messages");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_message_and_what_it_leaves, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, untouched_is_not_remembered);
    tcase_add_test(tcase, the_session_is_in_the_record);
    tcase_add_test(tcase, a_listed_client_proves_a_report);
    tcase_add_test(tcase, by_LMTP_nobody_knows_who_has_sent_it);
    tcase_add_test(tcase, there_need_be_no_session);
    tcase_add_test(tcase, one_record_from_many_threads);
    tcase_add_test(tcase, a_full_spool_takes_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
