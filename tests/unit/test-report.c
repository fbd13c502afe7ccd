/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/report.h"
#include "tests/support/unit.h"

START_TEST(tokens_are_the_fields_words)
{
    ck_assert_str_eq(dsn_report_kind_to_string(DSN_REPORT_NONE), "none");
    ck_assert_str_eq(dsn_report_kind_to_string(DSN_REPORT_FEEDBACK), "feedback-report");
    ck_assert_str_eq(dsn_report_kind_to_string(DSN_REPORT_DELIVERY_STATUS), "delivery-status");
    ck_assert_str_eq(dsn_report_kind_to_string(DSN_REPORT_DISPOSITION_NOTIFICATION),
                     "disposition-notification");
    ck_assert_ptr_null(dsn_action_to_string(DSN_ACTION_NONE));
    ck_assert_str_eq(dsn_action_to_string(DSN_ACTION_FAILED), "failed");
    ck_assert_str_eq(dsn_action_to_string(DSN_ACTION_DELAYED), "delayed");
    ck_assert_str_eq(dsn_action_to_string(DSN_ACTION_DELIVERED), "delivered");
    ck_assert_str_eq(dsn_action_to_string(DSN_ACTION_RELAYED), "relayed");
    ck_assert_str_eq(dsn_action_to_string(DSN_ACTION_EXPANDED), "expanded");
}
END_TEST

static void
assert_empty(const DsnReport *report)
{
    ck_assert_int_eq(report->kind, DSN_REPORT_NONE);
    ck_assert(!report->global);
    ck_assert(report->envelope.date == DSN_TIME_NONE);
    ck_assert(!dsn_span_present(report->envelope.return_path));
    ck_assert_uint_eq(report->fields->len, 0);
    ck_assert_uint_eq(report->groups->len, 0);
    ck_assert(report->per_message.arrival_date == DSN_TIME_NONE);
    ck_assert(!dsn_span_present(report->per_message.reporting_mta.value));
    ck_assert_uint_eq(report->per_message.extensions->len, 0);
    ck_assert_uint_eq(report->per_recipient->len, 0);
    ck_assert(report->feedback.arrival_date == DSN_TIME_NONE);
    ck_assert(report->feedback.incidents == -1);
    ck_assert(!dsn_span_present(report->feedback.feedback_type));
    ck_assert_uint_eq(report->feedback.authentication_results->len, 0);
    ck_assert_uint_eq(report->feedback.original_rcpt_to->len, 0);
    ck_assert_uint_eq(report->feedback.reported_domain->len, 0);
    ck_assert_uint_eq(report->feedback.reported_uri->len, 0);
    ck_assert_uint_eq(report->feedback.extensions->len, 0);
    ck_assert_int_eq(report->returned.kind, DSN_RETURNED_NOTHING);
    ck_assert(!dsn_span_present(report->returned.bytes));
    ck_assert_uint_eq(report->returned.traces->len, 0);
    ck_assert_uint_eq(report->defects->len, 0);
    ck_assert_uint_eq(report->defects_unseen, 0);
}

START_TEST(clear_empties_everything)
{
    g_autoptr(DsnReport) report = dsn_report_new();
    DsnField field = {DSN_SPAN_LITERAL("X"), DSN_SPAN_LITERAL("1")};
    DsnSpan span = DSN_SPAN_LITERAL("a@b.example");
    DsnFieldGroup group = {0, 1};

    assert_empty(report);
    report->kind = DSN_REPORT_FEEDBACK;
    report->global = true;
    report->envelope = (DsnEnvelopeHeader){.return_path = span, .date = 1, .auto_submitted = true};
    g_array_append_val(report->fields, field);
    g_array_append_val(report->groups, group);
    report->per_message.arrival_date = 1;
    report->per_message.reporting_mta.value = span;
    g_array_append_val(report->per_message.extensions, field);
    g_array_append_val(dsn_report_add_recipient(report)->extensions, field);
    report->feedback.arrival_date = 1;
    report->feedback.incidents = 7;
    report->feedback.feedback_type = span;
    g_array_append_val(report->feedback.authentication_results, span);
    g_array_append_val(report->feedback.original_rcpt_to, span);
    g_array_append_val(report->feedback.reported_domain, span);
    g_array_append_val(report->feedback.reported_uri, span);
    g_array_append_val(report->feedback.extensions, field);
    report->returned.kind = DSN_RETURNED_MESSAGE;
    report->returned.bytes = dsn_report_keep(report, span);
    g_array_append_val(report->returned.traces, field);
    dsn_report_add_defect(report, &(DsnLimits){.defects = 0}, DSN_DEFECT_LIMIT, span, span, "x");
    dsn_report_add_defect(report, &DSN_LIMITS_DEFAULT, DSN_DEFECT_LIMIT, span, span, "x");

    dsn_report_clear(report);
    assert_empty(report);
}
END_TEST

START_TEST(a_recipient_starts_empty)
{
    g_autoptr(DsnReport) report = dsn_report_new();

    for (guint i = 1; i <= 3; i++) {
        const DsnPerRecipient *recipient = dsn_report_add_recipient(report);

        ck_assert_uint_eq(report->per_recipient->len, i);
        ck_assert(!dsn_span_present(recipient->final_recipient.value));
        ck_assert_int_eq(recipient->action, DSN_ACTION_NONE);
        ck_assert_uint_eq(recipient->status.class_, 0);
        ck_assert(recipient->last_attempt_date == DSN_TIME_NONE);
        ck_assert(recipient->will_retry_until == DSN_TIME_NONE);
        ck_assert_uint_eq(recipient->extensions->len, 0);
    }
}
END_TEST

START_TEST(keep_copies_bytes)
{
    g_autoptr(DsnReport) report = dsn_report_new();
    char text[] = "a\0b";
    DsnSpan kept = dsn_report_keep(report, (DsnSpan){text, 3});
    DsnSpan empty = dsn_report_keep(report, DSN_SPAN_LITERAL(""));

    memset(text, 'x', sizeof(text) - 1);
    dsn_assert_bytes(kept.data, kept.len, "a\0b", 3);
    ck_assert(dsn_span_present(empty) && empty.len == 0);
    ck_assert(!dsn_span_present(dsn_report_keep(report, DSN_SPAN_ABSENT)));
}
END_TEST

START_TEST(defects_are_capped_and_counted)
{
    g_autoptr(DsnReport) report = dsn_report_new();
    DsnLimits limits = {.defects = 2};

    for (int i = 0; i < 5; i++)
        dsn_report_add_defect(report, &limits, DSN_DEFECT_BAD_DATE, DSN_SPAN_LITERAL("Date"),
                              DSN_SPAN_ABSENT, "weekday");
    ck_assert_uint_eq(report->defects->len, 2);
    ck_assert_uint_eq(report->defects_unseen, 3);

    const DsnDefect *last = &g_array_index(report->defects, DsnDefect, 1);
    ck_assert_int_eq(last->kind, DSN_DEFECT_BAD_DATE);
    dsn_assert_span(last->field, "Date", "field");
    ck_assert(!dsn_span_present(last->value));
    ck_assert_str_eq(last->detail, "weekday");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("report");
    TCase *tcase = tcase_create("value");

    tcase_add_test(tcase, tokens_are_the_fields_words);
    tcase_add_test(tcase, clear_empties_everything);
    tcase_add_test(tcase, a_recipient_starts_empty);
    tcase_add_test(tcase, keep_copies_bytes);
    tcase_add_test(tcase, defects_are_capped_and_counted);
    suite_add_tcase(suite, tcase);
    return suite;
}
