/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole messages: what they are and what they say. The samples are in tests/data/reports.
 */
#include "config.h"

#include "mime/report-parse.h"
#include "mime/trace.h"
#include "tests/support/report.h"
#include "tests/support/unit.h"

#define SAMPLES "data/reports"

static const struct {
    const char *file;
    DsnReportKind kind;
    DsnReturnedKind returned;
    guint recipients;
    const char *defects;
} samples[] = {
    {"arf-abuse", DSN_REPORT_FEEDBACK, DSN_RETURNED_MESSAGE, 0, ""},
    {"arf-abuse-trace-array", DSN_REPORT_FEEDBACK, DSN_RETURNED_MESSAGE, 0, ""},
    {"arf-auth-failure-dkim", DSN_REPORT_FEEDBACK, DSN_RETURNED_HEADERS, 0, ""},
    {"arf-bad-fields", DSN_REPORT_FEEDBACK, DSN_RETURNED_MESSAGE, 0,
     "bad-field duplicate-field:Version bad-value:Incidents bad-address:Original-Mail-From "
     "bad-address:Original-Rcpt-To bad-date:Arrival-Date bad-value:Reporting-MTA "
     "quirk(opendkim-untyped-mta)"},
    {"arf-base64-part", DSN_REPORT_FEEDBACK, DSN_RETURNED_MESSAGE, 0,
     "unexpected-encoding:Content-Transfer-Encoding "
     "unexpected-encoding:Content-Transfer-Encoding"},
    {"arf-both-dates-blank-line", DSN_REPORT_FEEDBACK, DSN_RETURNED_MESSAGE, 0,
     "empty-group:Received-Date bad-date:Arrival-Date bad-address:Original-Rcpt-To "
     "bad-value:Source-IP duplicate-field:Received-Date"},
    {"arf-cfbl", DSN_REPORT_FEEDBACK, DSN_RETURNED_MESSAGE, 0, ""},
    {"arf-fraud-no-report-type", DSN_REPORT_FEEDBACK, DSN_RETURNED_MESSAGE, 0, "inferred-type"},
    {"arf-jmrp-sparse", DSN_REPORT_FEEDBACK, DSN_RETURNED_MESSAGE, 0, "quirk(jmrp-sparse)"},
    {"arf-not-spam", DSN_REPORT_FEEDBACK, DSN_RETURNED_MESSAGE, 0, ""},
    {"arf-nothing-returned", DSN_REPORT_FEEDBACK, DSN_RETURNED_NOTHING, 0,
     "missing-field:User-Agent missing-field:Version missing-part"},
    {"arf-obsolete-dates", DSN_REPORT_FEEDBACK, DSN_RETURNED_MESSAGE, 0,
     "quirk(yahoo-no-date) quirk(ses-date)"},
    {"arf-virus-headers-only", DSN_REPORT_FEEDBACK, DSN_RETURNED_HEADERS, 0, ""},
    {"dsn-bad-fields", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_MESSAGE, 2,
     "bad-date:Arrival-Date bad-value:Received-From-MTA bad-address:Final-Recipient "
     "bad-value:Action bad-value:Status bad-date:Last-Attempt-Date bad-value:Diagnostic-Code "
     "bad-value:Original-Recipient duplicate-field:Action missing-field:Final-Recipient "
     "missing-field:Reporting-MTA"},
    {"dsn-bare", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_NOTHING, 1, "misplaced-part"},
    {"dsn-delayed", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_HEADERS, 1, ""},
    {"dsn-expanded", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_HEADERS, 3, ""},
    {"dsn-failed-trace", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_HEADERS, 1, ""},
    {"dsn-fields-in-part-header", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_MESSAGE, 1,
     "bad-field:Reporting-MTA"},
    {"dsn-global", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_HEADERS, 1, ""},
    {"dsn-in-mixed", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_MESSAGE, 1, ""},
    {"dsn-mixed-line-ends", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_MESSAGE, 1, "line-ends"},
    {"dsn-multiline-diagnostic", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_HEADERS, 1, ""},
    {"dsn-no-recipient", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_HEADERS, 0, ""},
    {"dsn-odd-separators", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_MESSAGE, 2,
     "empty-group:Final-Recipient empty-group:Action"},
    {"dsn-odd-spelling", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_MESSAGE, 1,
     "bad-value:Remote-MTA"},
    {"dsn-one-group", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_MESSAGE, 2,
     "duplicate-field:Final-Recipient"},
    {"dsn-outside-report", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_MESSAGE, 1, "misplaced-part"},
    {"dsn-report-type-lies", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_MESSAGE, 1, "inferred-type"},
    {"dsn-returned-as-text", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_MESSAGE, 1,
     "bad-content-type"},
    {"dsn-status-text-quoted-printable", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_MESSAGE, 1,
     "unexpected-encoding:Content-Transfer-Encoding bad-value:Status quirk(kumomta-status-text) "
     "quirk(kumomta-encoded-status)"},
    {"dsn-truncated", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_MESSAGE, 1,
     "missing-boundary quirk(stalwart-cut-message)"},
    {"dsn-two-recipients", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_MESSAGE, 2, ""},
    {"dsn-two-status-parts", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_MESSAGE, 1, "misplaced-part"},
    {"dsn-utf8-address-ascii", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_HEADERS, 2,
     "bad-address:Final-Recipient"},
    {"dsn-wrong-boundary", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_MESSAGE, 1,
     "boundary-mismatch"},
    {"dsn-xtext-orcpt", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_HEADERS, 1,
     "bad-value:Original-Envelope-Id bad-value:Original-Recipient quirk(exim-xtext-envid)"},
    {"mdn-displayed", DSN_REPORT_DISPOSITION_NOTIFICATION, DSN_RETURNED_HEADERS, 0, ""},
    {"none-forwarded-report", DSN_REPORT_NONE, DSN_RETURNED_NOTHING, 0, ""},
    {"none-vacation", DSN_REPORT_NONE, DSN_RETURNED_NOTHING, 0, ""},
    {"none-without-status-part", DSN_REPORT_NONE, DSN_RETURNED_NOTHING, 0, "missing-part"},
};

/* The sample @file with all its lines ended by @newline, or as it is if that is NULL. */
static GString *
read_sample(const char *file, const char *newline)
{
    g_autofree char *path = g_strconcat(SAMPLES "/", file, ".eml", NULL);
    size_t len = 0;
    g_autofree char *text = dsn_test_read(path, &len);
    GString *message = g_string_new_len(text, (gssize)len);

    if (newline != NULL) {
        g_string_replace(message, "\r\n", "\n", 0);
        g_string_replace(message, "\n", newline, 0);
    }
    return message;
}

static void
assert_sample(size_t row, const char *newline, const char *defects)
{
    const char *file = samples[row].file;
    g_autoptr(GString) message = read_sample(file, newline);
    g_autoptr(DsnReport) report = dsn_test_parse((DsnSpan){message->str, message->len});
    g_autofree char *got = dsn_test_defects(report);

    ck_assert_msg(report->kind == samples[row].kind, "%s: %s", file,
                  dsn_report_kind_to_string(report->kind));
    ck_assert_msg(report->returned.kind == samples[row].returned, "%s: returned %d", file,
                  report->returned.kind);
    ck_assert_msg(report->per_recipient->len == samples[row].recipients, "%s: %u recipients", file,
                  report->per_recipient->len);
    dsn_assert_span(dsn_span(got), defects, file);
}

START_TEST(is_what_it_is)
{
    assert_sample((size_t)_i, NULL, samples[_i].defects);
}
END_TEST

START_TEST(is_the_same_with_other_line_ends)
{
    const char *defects = samples[_i].defects;

    if (strcmp(defects, "line-ends") == 0)
        defects = "";
    assert_sample((size_t)_i, "\r\n", defects);
    assert_sample((size_t)_i, "\n", defects);
}
END_TEST

START_TEST(every_sample_is_tested)
{
    g_autofree char *path = g_build_filename(g_getenv("DSNARF_DATA"), SAMPLES, NULL);
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    size_t count = 0;

    ck_assert_msg(directory != NULL, "%s", path);
    while (g_dir_read_name(directory) != NULL)
        count++;
    ck_assert_uint_eq(count, G_N_ELEMENTS(samples));
}
END_TEST

/* Where a value stands: in the report, or in the recipient counted from 1. */
#define IN_REPORT(member) 0, offsetof(DsnReport, member)
#define IN_RECIPIENT(n, member) n, offsetof(DsnPerRecipient, member)

static const struct {
    const char *file;
    guint recipient;
    size_t offset;    /* of a DsnSpan */
    const char *want; /* NULL: absent */
} texts[] = {
    {"arf-abuse", IN_REPORT(envelope.return_path), "fbl-bounces@isp.example"},
    {"arf-abuse", IN_REPORT(envelope.message_id), "<fbl.20260702.0001@isp.example>"},
    {"arf-abuse", IN_REPORT(feedback.feedback_type), "abuse"},
    {"arf-abuse", IN_REPORT(feedback.user_agent), "ExampleFBL/2.4"},
    {"arf-abuse", IN_REPORT(feedback.version), "1"},
    {"arf-abuse", IN_REPORT(feedback.original_mail_from), "bounce+7f3a@news.sender.example"},
    {"arf-abuse", IN_REPORT(feedback.original_envelope_id), NULL},
    {"arf-abuse", IN_REPORT(feedback.reporting_mta.type), "dns"},
    {"arf-abuse", IN_REPORT(feedback.reporting_mta.value), "mx.isp.example"},
    {"arf-abuse", IN_REPORT(feedback.source_ip), "203.0.113.7"},
    {"arf-abuse", IN_REPORT(returned.message_id), "<20260702090110.7f3a@news.sender.example>"},
    {"arf-abuse", IN_REPORT(returned.return_path), "bounce+7f3a@news.sender.example"},
    {"arf-abuse", IN_REPORT(returned.subject), "Your July offers"},
    {"arf-abuse", IN_REPORT(returned.list_id), "Offers <offers.news.sender.example>"},
    {"arf-abuse", IN_REPORT(returned.feedback_id), "july:offers:retail:sender"},
    {"arf-abuse", IN_REPORT(returned.cfbl_feedback_id), NULL},
    {"arf-abuse-trace-array", IN_REPORT(feedback.original_mail_from), ""},
    {"arf-auth-failure-dkim", IN_REPORT(feedback.original_envelope_id), "7f3a-62a1c9"},
    {"arf-bad-fields", IN_REPORT(feedback.feedback_type), "Abuse"},
    {"arf-bad-fields", IN_REPORT(feedback.user_agent), "ExampleFBL/1.0 (broken)"},
    {"arf-bad-fields", IN_REPORT(feedback.original_mail_from), "bounce at news.sender.example"},
    {"arf-bad-fields", IN_REPORT(feedback.reporting_mta.type), NULL},
    {"arf-bad-fields", IN_REPORT(feedback.reporting_mta.value), "mx.isp.example"},
    {"arf-base64-part", IN_REPORT(feedback.source_ip), "203.0.113.7"},
    {"arf-base64-part", IN_REPORT(returned.message_id),
     "<20260702090110.7f3a@news.sender.example>"},
    {"arf-both-dates-blank-line", IN_REPORT(feedback.source_ip), "x.x.x.x"},
    {"arf-both-dates-blank-line", IN_REPORT(returned.subject),
     "Angebote im Juli \xe2\x80\x93 nur heute"},
    {"arf-both-dates-blank-line", IN_REPORT(returned.message_id),
     "20260702090110.7f3a@news.sender.example"},
    {"arf-cfbl", IN_REPORT(feedback.version), "0.1"},
    {"arf-cfbl", IN_REPORT(returned.cfbl_feedback_id), "111:222:333:4f0c"},
    {"arf-fraud-no-report-type", IN_REPORT(feedback.source_ip), "203.0.113.7"},
    {"arf-jmrp-sparse", IN_REPORT(feedback.source_ip), NULL},
    {"arf-obsolete-dates", IN_REPORT(feedback.source_ip), "2001:db8::7"},
    {"dsn-bad-fields", IN_RECIPIENT(1, final_recipient.value), "maria at isp.example"},
    {"dsn-bad-fields", IN_RECIPIENT(1, action_text), "bounced"},
    {"dsn-bad-fields", IN_RECIPIENT(1, diagnostic_code.type), NULL},
    {"dsn-bad-fields", IN_RECIPIENT(1, diagnostic_code.value), "550 no such user; sorry"},
    {"dsn-bad-fields", IN_RECIPIENT(2, original_recipient.value), "jonas@isp.example"},
    {"dsn-bad-fields", IN_RECIPIENT(2, action_text), "failed"},
    {"dsn-delayed", IN_RECIPIENT(1, status_comment), "(no answer from host)"},
    {"dsn-expanded", IN_RECIPIENT(3, remote_mta.value), "mx.other.example"},
    {"dsn-failed-trace", IN_REPORT(envelope.return_path), ""},
    {"dsn-failed-trace", IN_REPORT(per_message.original_envelope_id), "7f3a-62a1c9"},
    {"dsn-failed-trace", IN_REPORT(per_message.reporting_mta.value), "mx.isp.example"},
    {"dsn-failed-trace", IN_REPORT(per_message.received_from_mta.value),
     "mta1.sender.example (203.0.113.7)"},
    {"dsn-failed-trace", IN_RECIPIENT(1, original_recipient.value), "maria@isp.example"},
    {"dsn-failed-trace", IN_RECIPIENT(1, final_recipient.value), "maria@store3.isp.example"},
    {"dsn-failed-trace", IN_RECIPIENT(1, status_comment), NULL},
    {"dsn-failed-trace", IN_RECIPIENT(1, remote_mta.value), "store3.isp.example"},
    {"dsn-failed-trace", IN_RECIPIENT(1, diagnostic_code.type), "smtp"},
    {"dsn-failed-trace", IN_RECIPIENT(1, diagnostic_code.value),
     "550 5.1.1 <maria@store3.isp.example>: no such user"},
    {"dsn-failed-trace", IN_RECIPIENT(1, final_log_id), "62a1c9.1"},
    {"dsn-fields-in-part-header", IN_REPORT(per_message.reporting_mta.value), "mx.isp.example"},
    {"dsn-global", IN_REPORT(per_message.reporting_mta.value),
     "mx.b\xc3\xbc"
     "cher.example"},
    {"dsn-global", IN_RECIPIENT(1, final_recipient.value),
     "j\xc3\xbcrgen@b\xc3\xbc"
     "cher.example"},
    {"dsn-global", IN_REPORT(returned.subject),
     "B\xc3\xbc"
     "cher im Juli"},
    {"dsn-multiline-diagnostic", IN_RECIPIENT(1, diagnostic_code.value),
     "550-5.7.1 The message was refused because its content looks like unsolicited bulk mail.\n"
     "550-5.7.1 See https://postmaster.isp.example/refused\n"
     "550 5.7.1 for what to do."},
    {"dsn-odd-spelling", IN_REPORT(per_message.reporting_mta.value), "mx.isp.example"},
    {"dsn-odd-spelling", IN_RECIPIENT(1, action_text), "FAILED (gave up)"},
    {"dsn-odd-spelling", IN_RECIPIENT(1, remote_mta.value), "192.0.2.77"},
    {"dsn-odd-spelling", IN_RECIPIENT(1, diagnostic_code.value),
     "550-5.1.1 no such user; try again later"},
    {"dsn-status-text-quoted-printable", IN_RECIPIENT(1, status_comment),
     "no mailbox by that name is currently available, and none is expected"},
    {"dsn-truncated", IN_REPORT(returned.message_id), "<20260702090110.7f3a@news.sender.example>"},
    {"dsn-utf8-address-ascii", IN_RECIPIENT(1, final_recipient.value),
     "j\xc3\xbcrgen@b\xc3\xbc"
     "cher.example"},
    {"dsn-utf8-address-ascii", IN_RECIPIENT(2, final_recipient.value), "j\\x{ZZ}rgen@bad.example"},
    {"dsn-xtext-orcpt", IN_REPORT(per_message.original_envelope_id), "QQ314159+retail"},
    {"dsn-xtext-orcpt", IN_RECIPIENT(1, original_recipient.value), "maria+news@isp.example"},
    {"dsn-xtext-orcpt", IN_RECIPIENT(1, final_recipient.value), "maria+news@isp.example"},
    {"mdn-displayed", IN_REPORT(returned.message_id), "<20260702090110.7f3a@news.sender.example>"},
};

START_TEST(says_what_it_says)
{
    g_autoptr(GString) message = read_sample(texts[_i].file, NULL);
    g_autoptr(DsnReport) report = dsn_test_parse((DsnSpan){message->str, message->len});
    const char *base = (const char *)report;

    if (texts[_i].recipient > 0) {
        ck_assert_uint_ge(report->per_recipient->len, texts[_i].recipient);
        base = (const char *)&g_array_index(report->per_recipient, DsnPerRecipient,
                                            texts[_i].recipient - 1);
    }

    const DsnSpan *got = (const DsnSpan *)(const void *)(base + texts[_i].offset);
    if (texts[_i].want == NULL)
        ck_assert_msg(!dsn_span_present(*got), "%s: row %d is present", texts[_i].file, _i);
    else
        dsn_assert_span(*got, texts[_i].want, texts[_i].file);
}
END_TEST

static const struct {
    const char *file;
    guint recipient;
    size_t offset; /* of an int64_t */
    const char *want;
} dates[] = {
    {"arf-abuse", IN_REPORT(envelope.date), "2026-07-02T09:15:01Z"},
    {"arf-abuse", IN_REPORT(feedback.arrival_date), "2026-07-02T09:01:12Z"},
    {"arf-both-dates-blank-line", IN_REPORT(feedback.arrival_date), "2026-07-02T09:01:12Z"},
    {"arf-obsolete-dates", IN_REPORT(envelope.date), NULL},
    {"arf-obsolete-dates", IN_REPORT(feedback.arrival_date), "2026-07-02T18:55:38Z"},
    {"arf-bad-fields", IN_REPORT(feedback.arrival_date), NULL},
    {"dsn-failed-trace", IN_REPORT(per_message.arrival_date), "2026-07-02T09:01:12Z"},
    {"dsn-failed-trace", IN_RECIPIENT(1, last_attempt_date), "2026-07-02T09:02:00Z"},
    {"dsn-failed-trace", IN_RECIPIENT(1, will_retry_until), NULL},
    {"dsn-bad-fields", IN_REPORT(per_message.arrival_date), "2026-07-02T09:01:12Z"},
    {"dsn-delayed", IN_RECIPIENT(1, will_retry_until), "2026-07-07T09:01:12Z"},
};

START_TEST(says_when)
{
    g_autoptr(GString) message = read_sample(dates[_i].file, NULL);
    g_autoptr(DsnReport) report = dsn_test_parse((DsnSpan){message->str, message->len});
    const char *base = (const char *)report;
    char text[DSN_DATE_MAX];

    if (dates[_i].recipient > 0)
        base = (const char *)&g_array_index(report->per_recipient, DsnPerRecipient,
                                            dates[_i].recipient - 1);

    const int64_t *got = (const int64_t *)(const void *)(base + dates[_i].offset);
    ck_assert_msg((*got == DSN_TIME_NONE) == (dates[_i].want == NULL), "%s: row %d", dates[_i].file,
                  _i);
    if (dates[_i].want != NULL)
        ck_assert_str_eq(dsn_date_to_rfc3339(*got, 0, text), dates[_i].want);
}
END_TEST

static const struct {
    const char *file;
    guint recipient;
    DsnAction action;
    DsnStatusCode status;
} outcomes[] = {
    {"dsn-failed-trace", 0, DSN_ACTION_FAILED, {5, 1, 1}},
    {"dsn-two-recipients", 0, DSN_ACTION_FAILED, {5, 2, 2}},
    {"dsn-two-recipients", 1, DSN_ACTION_DELAYED, {4, 4, 1}},
    {"dsn-expanded", 0, DSN_ACTION_EXPANDED, {2, 0, 0}},
    {"dsn-expanded", 1, DSN_ACTION_DELIVERED, {2, 1, 5}},
    {"dsn-expanded", 2, DSN_ACTION_RELAYED, {2, 0, 0}},
    {"dsn-odd-spelling", 0, DSN_ACTION_FAILED, {5, 1, 1}},
    {"dsn-odd-separators", 0, DSN_ACTION_FAILED, {5, 1, 1}},
    {"dsn-one-group", 1, DSN_ACTION_FAILED, {5, 1, 2}},
    {"dsn-bad-fields", 0, DSN_ACTION_NONE, {0, 0, 0}},
};

START_TEST(says_what_became_of_it)
{
    g_autoptr(GString) message = read_sample(outcomes[_i].file, NULL);
    g_autoptr(DsnReport) report = dsn_test_parse((DsnSpan){message->str, message->len});
    const DsnPerRecipient *got =
        &g_array_index(report->per_recipient, DsnPerRecipient, outcomes[_i].recipient);

    ck_assert_int_eq(got->action, outcomes[_i].action);
    ck_assert_uint_eq(got->status.class_, outcomes[_i].status.class_);
    ck_assert_uint_eq(got->status.subject, outcomes[_i].status.subject);
    ck_assert_uint_eq(got->status.detail, outcomes[_i].status.detail);
}
END_TEST

static const struct {
    const char *file, *name, *want;
} traces[] = {
    {"arf-abuse", "X-KumoRef", "{\"_@_\":\"\\\\_/\",\"recipient\":\"maria@isp.example\"}"},
    {"arf-abuse-trace-array", "X-KumoRef",
     "{\"Customer\":{\"id\":4711},\"_@_\":\"\\\\_/\",\"campaign\":\"july-offers\","
     "\"recipient\":[\"maria@isp.example\",\"jonas@isp.example\"],\"tenant\":\"retail\"}"},
    {"arf-base64-part", "X-KumoRef", "{\"_@_\":\"\\\\_/\",\"recipient\":\"maria@isp.example\"}"},
    {"dsn-failed-trace", "X-KumoRef", "{\"_@_\":\"\\\\_/\",\"recipient\":\"maria@isp.example\"}"},
    {"dsn-two-recipients", "X-KumoRef",
     "{\"_@_\":\"\\\\_/\",\"recipient\":[\"maria@isp.example\",\"jonas@isp.example\"],"
     "\"tenant\":\"retail\"}"},
};

START_TEST(carries_a_trace)
{
    g_autoptr(GString) message = read_sample(traces[_i].file, NULL);
    g_autoptr(DsnReport) report = dsn_test_parse((DsnSpan){message->str, message->len});
    g_autoptr(GString) json = g_string_new(NULL);

    ck_assert_uint_eq(report->returned.traces->len, 1);
    const DsnField *trace = &g_array_index(report->returned.traces, DsnField, 0);
    dsn_assert_span(trace->name, traces[_i].name, traces[_i].file);
    ck_assert_msg(dsn_trace_decode(trace->value, json), "%s", traces[_i].file);
    dsn_assert_span(((DsnSpan){json->str, json->len}), traces[_i].want, traces[_i].file);
}
END_TEST

START_TEST(an_authentication_failure_report_keeps_every_field)
{
    static const char *const names[] = {
        "Source-Port",
        "Auth-Failure",
        "Delivery-Result",
        "Identity-Alignment",
        "DKIM-Domain",
        "DKIM-Identity",
        "DKIM-Selector",
        "DKIM-Canonicalized-Header",
        "DKIM-Canonicalized-Body",
        "DKIM-ADSP-DNS",
        "SPF-DNS",
        "SPF-DNS",
    };
    g_autoptr(GString) message = read_sample("arf-auth-failure-dkim", NULL);
    g_autoptr(DsnReport) report = dsn_test_parse((DsnSpan){message->str, message->len});
    const DsnFeedback *feedback = &report->feedback;

    ck_assert_uint_eq(feedback->extensions->len, G_N_ELEMENTS(names));
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        dsn_assert_span(g_array_index(feedback->extensions, DsnField, i).name, names[i], NULL);
    ck_assert_uint_eq(feedback->authentication_results->len, 1);
    dsn_assert_span(g_array_index(feedback->authentication_results, DsnSpan, 0),
                    "mx.isp.example; dkim=fail (body hash mismatch) header.d=sender.example", NULL);
    ck_assert_uint_eq(feedback->reported_domain->len, 1);
    ck_assert_uint_eq(feedback->reported_uri->len, 0);
}
END_TEST

START_TEST(marks_what_is_not_of_a_person)
{
    static const struct {
        const char *file;
        bool want_auto_submitted, want_global;
    } rows[] = {
        {"arf-abuse", false, false},    {"dsn-delayed", true, false},   {"dsn-global", true, true},
        {"mdn-displayed", true, false}, {"none-vacation", true, false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) message = read_sample(rows[i].file, NULL);
        g_autoptr(DsnReport) report = dsn_test_parse((DsnSpan){message->str, message->len});

        ck_assert_msg(report->envelope.auto_submitted == rows[i].want_auto_submitted, "%s",
                      rows[i].file);
        ck_assert_msg(report->global == rows[i].want_global, "%s", rows[i].file);
    }
}
END_TEST

#define DATE "Date: Thu, 2 Jul 2026 09:15:01 +0000\n"
#define REPORT(type) DATE "Content-Type: multipart/report; report-type=" type "; boundary=b\n\n"
#define TEXT_PART "--b\n\ntext\n"
#define ARF_PART                                     \
    "--b\nContent-Type: message/feedback-report\n\n" \
    "Feedback-Type: abuse\nUser-Agent: X/1\nVersion: 1\nSource-IP: 192.0.2.1\n"
#define DSN_PART                                     \
    "--b\nContent-Type: message/delivery-status\n\n" \
    "Reporting-MTA: dns; x\n\n"                      \
    "Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n"
#define MESSAGE_PART(id) "--b\nContent-Type: message/rfc822\n\nMessage-ID: " id "\n\nText.\n"
#define END "--b--\n"

static const struct {
    const char *label, *text;
    DsnReportKind kind;
    const char *message_id, *defects; /* @message_id NULL: absent */
} messages[] = {
    {"report-type decides between two parts",
     REPORT("delivery-status") TEXT_PART ARF_PART DSN_PART END, DSN_REPORT_DELIVERY_STATUS, NULL,
     "misplaced-part misplaced-part"},
    {"the first part, if report-type says nothing",
     REPORT("other") TEXT_PART ARF_PART DSN_PART MESSAGE_PART("<1@x>") END, DSN_REPORT_FEEDBACK,
     "<1@x>", "misplaced-part inferred-type"},
    {"parts out of order", REPORT("feedback-report") MESSAGE_PART("<1@x>") TEXT_PART ARF_PART END,
     DSN_REPORT_FEEDBACK, "<1@x>", "misplaced-part"},
    {"the last returned message counts",
     REPORT("feedback-report") TEXT_PART ARF_PART MESSAGE_PART("<1@x>") MESSAGE_PART("<2@x>") END,
     DSN_REPORT_FEEDBACK, "<2@x>", ""},
    {"a broken Content-Type",
     "Content-Type: multipart/report; report-type=feedback-report; =;\n"
     " boundary=b\n\n" TEXT_PART ARF_PART MESSAGE_PART("<1@x>") END,
     DSN_REPORT_FEEDBACK, "<1@x>", "bad-content-type:Content-Type quirk(yahoo-no-date)"},
    {"a part without a field",
     REPORT("feedback-report") TEXT_PART
     "--b\nContent-Type: message/feedback-report\n\nSee below.\n" MESSAGE_PART("<1@x>") END,
     DSN_REPORT_NONE, NULL, "missing-part"},
    {"an empty part",
     REPORT("delivery-status") TEXT_PART "--b\nContent-Type: message/delivery-status\n" END,
     DSN_REPORT_NONE, NULL, "missing-part"},
    {"fields in a part that is called text",
     REPORT("delivery-status") TEXT_PART
     "--b\nContent-Type: text/plain; name=details.txt\n\nReporting-MTA: dns; x\n\n"
     "Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n" MESSAGE_PART("<1@x>")
         END,
     DSN_REPORT_DELIVERY_STATUS, "<1@x>", "bad-content-type"},
    {"fields in a part that is called a file",
     REPORT("feedback-report") TEXT_PART
     "--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n"
     "RmVlZGJhY2stVHlwZTogYWJ1c2UKVXNlci1BZ2VudDogWC8xClZlcnNpb246IDEK\n" MESSAGE_PART("<1@x>") END,
     DSN_REPORT_FEEDBACK, "<1@x>",
     "bad-content-type unexpected-encoding:Content-Transfer-Encoding quirk(jmrp-sparse)"},
    {"fields in the text for people",
     REPORT("delivery-status") "--b\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\n"
                               "--b\n\nSee above.\n\nAction: failed\n" END,
     DSN_REPORT_NONE, NULL, "missing-part"},
    {"fields in a text of an ordinary message",
     "Content-Type: multipart/mixed; boundary=b\n\n" TEXT_PART
     "--b\nContent-Type: text/plain; name=details.txt\n\nReporting-MTA: dns; x\n\n"
     "Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n" END,
     DSN_REPORT_NONE, NULL, ""},
    {"the original as a file",
     REPORT("feedback-report") TEXT_PART ARF_PART
     "--b\nContent-Type: application/octet-stream; name=original.eml\n"
     "Content-Transfer-Encoding: base64\n\nTWVzc2FnZS1JRDogPDFAeD4K\n" END,
     DSN_REPORT_FEEDBACK, "<1@x>", "bad-content-type"},
    {"the header of the original as text of another kind",
     REPORT("feedback-report") TEXT_PART ARF_PART
     "--b\nContent-Type: text/headers\n\nMessage-ID: <1@x>\n" END,
     DSN_REPORT_FEEDBACK, "<1@x>", "bad-content-type"},
    {"a file that is no message",
     REPORT("feedback-report") TEXT_PART ARF_PART
     "--b\nContent-Type: application/octet-stream\n\nIncident: 1\n" END,
     DSN_REPORT_FEEDBACK, NULL, "missing-part"},
    {"lines that end in CR CR LF",
     "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\r\n\r\r\n"
     "--b\r\r\n\r\r\ntext\r\r\n"
     "--b\r\r\nContent-Type: message/delivery-status\r\r\n\r\r\n"
     "Reporting-MTA: dns; x\r\r\n\r\r\n"
     "Final-Recipient: rfc822; a@b.example\r\r\nAction: failed\r\r\nStatus: 5.1.1\r\r\n"
     "--b\r\r\nContent-Type: message/rfc822\r\r\n\r\r\nMessage-ID: <1@x>\r\r\n"
     "--b--\r\r\n",
     DSN_REPORT_DELIVERY_STATUS, "<1@x>", "line-ends quirk(stalwart-cut-message)"},
    {"an unknown transfer encoding",
     REPORT("feedback-report") TEXT_PART
     "--b\nContent-Type: message/feedback-report\nContent-Transfer-Encoding: x-none\n\n"
     "Feedback-Type: abuse\nUser-Agent: X/1\nVersion: 1\n" MESSAGE_PART("<1@x>") END,
     DSN_REPORT_FEEDBACK, "<1@x>", "bad-encoding:Content-Transfer-Encoding quirk(jmrp-sparse)"},
    {"base64 that is none",
     REPORT("feedback-report") TEXT_PART ARF_PART
     "--b\nContent-Type: text/rfc822-headers\nContent-Transfer-Encoding: base64\n\n"
     "TWVzc2FnZS1JRDogPDFAeD4K!\n" END,
     DSN_REPORT_FEEDBACK, "<1@x>", "bad-encoding:Content-Transfer-Encoding"},
    {"fields in the part's header, feedback",
     REPORT("feedback-report") TEXT_PART
     "--b\nContent-Type: message/feedback-report\nFeedback-Type: abuse\nUser-Agent: X/1\n"
     "Version: 1\n" MESSAGE_PART("<1@x>") END,
     DSN_REPORT_FEEDBACK, "<1@x>", "bad-field:Feedback-Type quirk(jmrp-sparse)"},
    {"another kind of report",
     REPORT("tlsrpt") TEXT_PART "--b\nContent-Type: application/gzip\n" END, DSN_REPORT_NONE, NULL,
     ""},
    {"a lone CR", REPORT("feedback-report") "--b\n\nte\rxt\n" ARF_PART MESSAGE_PART("<1@x>") END,
     DSN_REPORT_FEEDBACK, "<1@x>", "line-ends"},
    {"no boundary",
     "Content-Type: multipart/report; report-type=delivery-status\n\n" TEXT_PART DSN_PART END,
     DSN_REPORT_DELIVERY_STATUS, NULL, "boundary-mismatch"},
    {"a multipart without a boundary inside",
     REPORT("feedback-report") "--b\nContent-Type: multipart/alternative\n\ntext\n" ARF_PART
         MESSAGE_PART("<1@x>") END,
     DSN_REPORT_FEEDBACK, "<1@x>", "missing-boundary"},
    {"an empty value",
     REPORT("feedback-report") TEXT_PART
     "--b\nContent-Type: message/feedback-report\n\n"
     "Feedback-Type: (abuse)\nUser-Agent: X/1\nVersion: 1\n" MESSAGE_PART("<1@x>") END,
     DSN_REPORT_FEEDBACK, "<1@x>", "bad-value:Feedback-Type quirk(jmrp-sparse)"},
    {"an MDN of the global family",
     REPORT("disposition-notification") TEXT_PART
     "--b\nContent-Type: message/global-disposition-notification\n\nDisposition: x; "
     "displayed\n" END,
     DSN_REPORT_DISPOSITION_NOTIFICATION, NULL, ""},
    {"empty", "", DSN_REPORT_NONE, NULL, ""},
};

START_TEST(finds_its_way_among_parts)
{
    g_autoptr(DsnReport) report = dsn_test_parse(dsn_span(messages[_i].text));
    g_autofree char *defects = dsn_test_defects(report);

    ck_assert_msg(report->kind == messages[_i].kind, "%s: %s", messages[_i].label,
                  dsn_report_kind_to_string(report->kind));
    dsn_assert_span(dsn_span(defects), messages[_i].defects, messages[_i].label);
    if (messages[_i].message_id == NULL)
        ck_assert_msg(!dsn_span_present(report->returned.message_id), "%s", messages[_i].label);
    else
        dsn_assert_span(report->returned.message_id, messages[_i].message_id, messages[_i].label);
}
END_TEST

/* One limit at a time is lowered, on a sample with both parts in base64. */
static const struct {
    const char *label;
    size_t offset, limit;
    const char *defects;
} limits[] = {
    {"message", offsetof(DsnLimits, message), 1200,
     "limit(message) missing-boundary unexpected-encoding:Content-Transfer-Encoding "
     "unexpected-encoding:Content-Transfer-Encoding bad-encoding:Content-Transfer-Encoding"},
    {"parts", offsetof(DsnLimits, parts), 3,
     "limit(parts) missing-boundary unexpected-encoding:Content-Transfer-Encoding missing-part"},
    {"decoded", offsetof(DsnLimits, decoded), 150,
     "unexpected-encoding:Content-Transfer-Encoding limit:Content-Transfer-Encoding(decoded) "
     "bad-field unexpected-encoding:Content-Transfer-Encoding "
     "limit:Content-Transfer-Encoding(decoded)"},
    {"field", offsetof(DsnLimits, field), 25,
     "limit:Date(field) bad-date:Date limit:Message-ID(field) "
     "unexpected-encoding:Content-Transfer-Encoding limit:Arrival-Date(field) "
     "bad-date:Arrival-Date unexpected-encoding:Content-Transfer-Encoding "
     "limit:Return-Path(field) bad-address:Return-Path limit:Message-ID(field)"},
    {"defects", offsetof(DsnLimits, defects), 1, "unexpected-encoding:Content-Transfer-Encoding"},
};

START_TEST(names_the_limit_that_was_met)
{
    g_autoptr(GString) message = read_sample("arf-base64-part", NULL);
    g_autoptr(DsnReport) report = dsn_report_new();
    DsnLimits lowered = DSN_LIMITS_DEFAULT;

    memcpy((char *)&lowered + limits[_i].offset, &limits[_i].limit, sizeof(size_t));
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&lowered);
    dsn_report_parse(parser, (DsnSpan){message->str, message->len}, report);
    g_autofree char *defects = dsn_test_defects(report);
    dsn_assert_span(dsn_span(defects), limits[_i].defects, limits[_i].label);
    ck_assert_int_eq(report->kind, DSN_REPORT_FEEDBACK);
}
END_TEST

START_TEST(a_parser_serves_many_messages)
{
    g_autoptr(GString) first = read_sample("arf-bad-fields", NULL);
    g_autoptr(GString) second = read_sample("dsn-failed-trace", NULL);
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);
    g_autoptr(DsnReport) report = dsn_report_new();

    for (int round = 0; round < 3; round++) {
        dsn_report_parse(parser, (DsnSpan){first->str, first->len}, report);
        ck_assert_int_eq(report->kind, DSN_REPORT_FEEDBACK);
        ck_assert_uint_eq(report->defects->len, 8);
        dsn_report_parse(parser, (DsnSpan){second->str, second->len}, report);
        ck_assert_int_eq(report->kind, DSN_REPORT_DELIVERY_STATUS);
        ck_assert_uint_eq(report->defects->len, 0);
        ck_assert(!dsn_span_present(report->feedback.feedback_type));
    }
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("report-parse");
    TCase *tcase = tcase_create("messages");

    tcase_add_loop_test(tcase, is_what_it_is, 0, G_N_ELEMENTS(samples));
    tcase_add_loop_test(tcase, is_the_same_with_other_line_ends, 0, G_N_ELEMENTS(samples));
    tcase_add_test(tcase, every_sample_is_tested);
    tcase_add_loop_test(tcase, says_what_it_says, 0, G_N_ELEMENTS(texts));
    tcase_add_loop_test(tcase, says_when, 0, G_N_ELEMENTS(dates));
    tcase_add_loop_test(tcase, says_what_became_of_it, 0, G_N_ELEMENTS(outcomes));
    tcase_add_loop_test(tcase, carries_a_trace, 0, G_N_ELEMENTS(traces));
    tcase_add_test(tcase, an_authentication_failure_report_keeps_every_field);
    tcase_add_test(tcase, marks_what_is_not_of_a_person);
    tcase_add_loop_test(tcase, finds_its_way_among_parts, 0, G_N_ELEMENTS(messages));
    tcase_add_loop_test(tcase, names_the_limit_that_was_met, 0, G_N_ELEMENTS(limits));
    tcase_add_test(tcase, a_parser_serves_many_messages);
    suite_add_tcase(suite, tcase);
    return suite;
}
