/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/notice.h"

#include "mime/lint.h"
#include "mime/report-parse.h"
#include "tests/support/unit.h"

#define SHOWN_MAX ((size_t)4000) /* bytes of a notice; check has a limit of its own */

static int
compare_rules(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *
join_rules(const GArray *findings)
{
    g_autoptr(GPtrArray) rules = g_ptr_array_new();

    for (guint i = 0; i < findings->len; i++) {
        const DsnFinding *finding = &g_array_index(findings, DsnFinding, i);

        ck_assert_ptr_nonnull(finding->text);
        if (!g_ptr_array_find_with_equal_func(rules, finding->rule, g_str_equal, NULL))
            g_ptr_array_add(rules, (gpointer)finding->rule);
    }
    g_ptr_array_sort(rules, compare_rules);
    g_ptr_array_add(rules, NULL);
    return g_strjoinv(" ", (char **)rules->pdata);
}

char *
dsn_test_lint(DsnSpan notice, bool *ret_good)
{
    g_autoptr(GArray) findings = g_array_new(FALSE, FALSE, sizeof(DsnFinding));

    *ret_good = dsn_lint_notice(notice, &DSN_LIMITS_DEFAULT, findings);
    return join_rules(findings);
}

char *
dsn_test_lint_as(DsnSpan message, DsnReportKind kind, bool *ret_good)
{
    g_autoptr(GArray) findings = g_array_new(FALSE, FALSE, sizeof(DsnFinding));

    *ret_good = dsn_lint_message(message, kind, &DSN_LIMITS_DEFAULT, findings);
    return join_rules(findings);
}

static void
compare_span(DsnSpan actual, DsnSpan expected, const char *label, const char *field)
{
    g_autofree char *name = g_strdup_printf("%s: %s", label, field);

    ck_assert_msg(dsn_span_present(actual) == dsn_span_present(expected), "%s", name);
    if (dsn_span_present(expected))
        dsn_test_compare(__FILE__, __LINE__, actual.data, actual.len, expected.data, expected.len,
                         name);
}

static void
compare_typed(DsnTyped actual, DsnTyped expected, const char *label, const char *field)
{
    compare_span(actual.type, expected.type, label, field);
    compare_span(actual.value, expected.value, label, field);
}

static void
compare_extensions(const GArray *actual, const GArray *expected, const char *label)
{
    ck_assert_msg(actual->len == expected->len, "%s: extensions", label);
    for (guint i = 0; i < actual->len; i++) {
        const DsnField *a = &g_array_index(actual, DsnField, i);
        const DsnField *b = &g_array_index(expected, DsnField, i);

        compare_span(a->name, b->name, label, "extension name");
        compare_span(a->value, b->value, label, "extension value");
    }
}

static void
compare_recipient(const DsnPerRecipient *a, const DsnPerRecipient *b, const char *label)
{
    compare_typed(a->original_recipient, b->original_recipient, label, "Original-Recipient");
    compare_typed(a->final_recipient, b->final_recipient, label, "Final-Recipient");
    ck_assert_msg(a->action == b->action, "%s: Action", label);
    ck_assert_msg(a->status.class_ == b->status.class_ && a->status.subject == b->status.subject &&
                      a->status.detail == b->status.detail,
                  "%s: Status", label);
    compare_span(a->status_comment, b->status_comment, label, "text after Status");
    compare_typed(a->remote_mta, b->remote_mta, label, "Remote-MTA");
    compare_typed(a->diagnostic_code, b->diagnostic_code, label, "Diagnostic-Code");
    ck_assert_msg(a->last_attempt_date == b->last_attempt_date, "%s: Last-Attempt-Date", label);
    compare_span(a->final_log_id, b->final_log_id, label, "Final-Log-ID");
    ck_assert_msg(a->will_retry_until == b->will_retry_until, "%s: Will-Retry-Until", label);
    compare_extensions(a->extensions, b->extensions, label);
}

static void
compare_reports(const DsnReport *a, const DsnReport *b, const char *label)
{
    ck_assert_msg(a->global == b->global, "%s: family of the second part", label);
    compare_span(a->per_message.original_envelope_id, b->per_message.original_envelope_id, label,
                 "Original-Envelope-Id");
    compare_typed(a->per_message.reporting_mta, b->per_message.reporting_mta, label,
                  "Reporting-MTA");
    compare_typed(a->per_message.received_from_mta, b->per_message.received_from_mta, label,
                  "Received-From-MTA");
    ck_assert_msg(a->per_message.arrival_date == b->per_message.arrival_date, "%s: Arrival-Date",
                  label);
    compare_extensions(a->per_message.extensions, b->per_message.extensions, label);
    ck_assert_msg(a->per_recipient->len == b->per_recipient->len, "%s: %u recipients", label,
                  a->per_recipient->len);
    for (guint i = 0; i < a->per_recipient->len; i++)
        compare_recipient(&g_array_index(a->per_recipient, DsnPerRecipient, i),
                          &g_array_index(b->per_recipient, DsnPerRecipient, i), label);
}

/* For tests/golden/check-notices, which reads them with other eyes than ours. */
static void
keep_notice(DsnSpan notice)
{
    const char *folder = g_getenv("DSNARF_NOTICES");
    if (folder == NULL)
        return;

    g_autofree char *name =
        g_compute_checksum_for_data(G_CHECKSUM_SHA1, (const guchar *)notice.data, notice.len);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    ck_assert(g_file_set_contents(path, notice.data, (gssize)notice.len, NULL));
}

/* Whether any notice should have been made is not the builder's business. */
static bool
is_about_a_report(const char *rule)
{
    return strcmp(rule, "ENV-07") == 0 || strcmp(rule, "MDN-04") == 0 ||
           strcmp(rule, "LOOP-15") == 0;
}

void
dsn_test_check_notice(DsnSpan notice, const DsnReport *report, const char *label)
{
    bool good;
    g_autofree char *rules = dsn_test_lint(notice, &good);

    ck_assert_msg(good && *rules == '\0', "%s: broken: %s\n%.*s", label, rules,
                  (int)MIN(notice.len, SHOWN_MAX), notice.data);
    dsn_test_check_notice_about_anything(notice, report, label);
}

void
dsn_test_check_notice_about_anything(DsnSpan notice, const DsnReport *report, const char *label)
{
    bool good;
    g_autofree char *rules = dsn_test_lint(notice, &good);
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);
    g_autoptr(DsnReport) read = dsn_report_new();

    ck_assert_msg(*rules == '\0' || is_about_a_report(rules), "%s: broken: %s\n%.*s", label, rules,
                  (int)MIN(notice.len, SHOWN_MAX), notice.data);
    keep_notice(notice);
    dsn_report_parse(parser, notice, read);
    ck_assert_msg(read->kind == DSN_REPORT_DELIVERY_STATUS, "%s: kind", label);
    for (guint i = 0; i < read->defects->len; i++) {
        const DsnDefect *defect = &g_array_index(read->defects, DsnDefect, i);

        if (defect->kind == DSN_DEFECT_BAD_ADDRESS &&
            (report == NULL || dsn_span_is(defect->field, "Return-Path")))
            continue; /* addresses are copied as they are */
        ck_abort_msg("%s: %s %.*s %s", label, dsn_defect_kind_to_string(defect->kind),
                     (int)defect->field.len, defect->field.data, defect->detail);
    }
    if (report != NULL)
        compare_reports(read, report, label);
}
