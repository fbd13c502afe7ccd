/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups of fields to values, in single steps. Whole messages are in test-report-parse.c.
 */
#include "config.h"

#include "mime/delivery-status.h"
#include "tests/support/report.h"
#include "tests/support/unit.h"

/* The report whose machine-readable part is @fields. It is the message itself, so that the first
 * defect is about that; it is taken away. */
static DsnReport *
read_fields(const char *fields, GString *message)
{
    g_string_printf(message, "Content-Type: message/delivery-status\n\n%s", fields);

    DsnReport *report = dsn_test_parse((DsnSpan){message->str, message->len});
    if (report->defects->len > 0)
        g_array_remove_index(report->defects, 0);
    return report;
}

/* "final original action status" of each recipient, '-' for what is absent. */
static char *
describe(const DsnReport *report)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < report->per_recipient->len; i++) {
        const DsnPerRecipient *recipient =
            &g_array_index(report->per_recipient, DsnPerRecipient, i);
        DsnSpan final = recipient->final_recipient.value;
        DsnSpan original = recipient->original_recipient.value;
        const char *action = dsn_action_to_string(recipient->action);
        char status[DSN_STATUS_CODE_MAX] = "-";

        if (recipient->status.class_ != 0)
            (void)dsn_status_code_to_string(recipient->status, status); /* in the buffer */
        g_string_append_printf(
            text, "%s%.*s %.*s %s %s", i == 0 ? "" : ", ", final.data == NULL ? 1 : (int) final.len,
            final.data == NULL ? "-" : final.data, original.data == NULL ? 1 : (int)original.len,
            original.data == NULL ? "-" : original.data, action == NULL ? "-" : action, status);
    }
    return g_string_free(text, FALSE);
}

#define MTA "Reporting-MTA: dns; mx.example\n\n"
#define RECIPIENT(name) "Final-Recipient: rfc822; " name "@b.example\n"
#define FAILED "Action: failed\nStatus: 5.1.1\n"

static const struct {
    const char *label, *fields, *want, *defects;
} rows[] = {
    {"as it should be", MTA RECIPIENT("a") FAILED, "a@b.example - failed 5.1.1", ""},
    {"two", MTA RECIPIENT("a") FAILED "\n" RECIPIENT("c") "Action: delayed\nStatus: 4.2.2\n",
     "a@b.example - failed 5.1.1, c@b.example - delayed 4.2.2", ""},
    {"all in one group", "Reporting-MTA: dns; x\n" RECIPIENT("a") FAILED,
     "a@b.example - failed 5.1.1", ""},
    {"no blank line between two", MTA RECIPIENT("a") FAILED RECIPIENT("c") FAILED,
     "a@b.example - failed 5.1.1, c@b.example - failed 5.1.1", "duplicate-field:Final-Recipient"},
    {"the same, original first",
     MTA "Original-Recipient: rfc822; o@b.example\n" RECIPIENT("a") FAILED
     "Original-Recipient: rfc822; p@b.example\n" RECIPIENT("c") FAILED,
     "a@b.example o@b.example failed 5.1.1, c@b.example p@b.example failed 5.1.1",
     "duplicate-field:Original-Recipient"},
    {"the same field again is no other recipient", MTA RECIPIENT("a") RECIPIENT("c") FAILED,
     "a@b.example - failed 5.1.1", "duplicate-field:Final-Recipient"},
    {"a blank line inside", MTA RECIPIENT("a") "\n" FAILED, "a@b.example - failed 5.1.1",
     "empty-group:Action"},
    {"a blank line before the name", MTA "Action: failed\n\n" RECIPIENT("a") "Status: 5.1.1\n",
     "a@b.example - failed 5.1.1", "empty-group:Final-Recipient"},
    {"a blank line between two names",
     MTA "Original-Recipient: rfc822; o@b.example\n\n" RECIPIENT("a") FAILED "\n" RECIPIENT("c")
         FAILED,
     "a@b.example o@b.example failed 5.1.1, c@b.example - failed 5.1.1",
     "empty-group:Final-Recipient"},
    {"a group that names nobody", MTA RECIPIENT("a") FAILED "\n" FAILED,
     "a@b.example - failed 5.1.1, - - failed 5.1.1", "missing-field:Final-Recipient"},
    {"original only", MTA "Original-Recipient: <a@b.example>\n" FAILED,
     "- a@b.example failed 5.1.1", "bad-value:Original-Recipient missing-field:Final-Recipient"},
    {"strays among those of the message",
     "Reporting-MTA: dns; x\nAction: failed\n\n" RECIPIENT("a"), "a@b.example - - -",
     "bad-field:Action missing-field:Action missing-field:Status"},
    {"no Reporting-MTA", RECIPIENT("a") FAILED, "a@b.example - failed 5.1.1",
     "missing-field:Reporting-MTA"},
    {"Action in capitals with a comment", MTA RECIPIENT("a") "ACTION:\tFAILED (x)\nStatus: 5.1.1\n",
     "a@b.example - failed 5.1.1", ""},
    {"punctuation after the action", MTA RECIPIENT("a") "Action: failed;\nStatus: 5.1.1\n",
     "a@b.example - failed 5.1.1", "bad-value:Action"},
    {"nothing but punctuation", MTA RECIPIENT("a") "Action: ;\nStatus: 5.1.1\n",
     "a@b.example - - 5.1.1", "bad-value:Action"},
    {"unknown action", MTA RECIPIENT("a") "Action: deliverable\nStatus: 2.1.5\n",
     "a@b.example - - 2.1.5", "bad-value:Action"},
    {"a status that is none", MTA RECIPIENT("a") "Action: failed\nStatus: unknown\n",
     "a@b.example - failed -", "bad-value:Status"},
    {"a status of one number", MTA RECIPIENT("a") "Action: failed\nStatus: 5\n",
     "a@b.example - failed -", "bad-value:Status"},
    {"a status of another class", MTA RECIPIENT("a") "Action: failed\nStatus: 3.0\n",
     "a@b.example - failed -", "bad-value:Status"},
    {"an address in a status", MTA RECIPIENT("a") "Action: failed\nStatus: 192.5.1.1\n",
     "a@b.example - failed -", "bad-value:Status"},
    {"a reply as status", MTA RECIPIENT("a") "Action: failed\nStatus: 550 5.1.1\n",
     "a@b.example - failed 5.1.1", "bad-value:Status"},
    {"a type before the status", MTA RECIPIENT("a") "Action: failed\nStatus: smtp; 5.1.1 (x)\n",
     "a@b.example - failed 5.1.1", "bad-value:Status"},
    {"a dot behind the status", MTA RECIPIENT("a") "Action: failed\nStatus: 5.1.10.\n",
     "a@b.example - failed 5.1.10", "bad-value:Status"},
    {"two numbers as status", MTA RECIPIENT("a") "Action: failed\nStatus: 5.0\n",
     "a@b.example - failed 5.0.0", "bad-value:Status"},
    {"failure", MTA RECIPIENT("a") "Action: Failure\nStatus: 5.1.1\n", "a@b.example - failed 5.1.1",
     "bad-value:Action"},
    {"delay", MTA RECIPIENT("a") "Action: delay\nStatus: 4.1.1\n", "a@b.example - delayed 4.1.1",
     "bad-value:Action"},
    {"a colon behind the type", MTA "Final-Recipient: rfc822: <a@b.example>\n" FAILED,
     "a@b.example - failed 5.1.1", "bad-value:Final-Recipient"},
    {"only a space behind the type", MTA "Final-Recipient: RFC822 a@b.example\n" FAILED,
     "a@b.example - failed 5.1.1", "bad-value:Final-Recipient"},
    {"nothing behind the type", MTA "Final-Recipient: rfc822:\n" FAILED, "rfc822: - failed 5.1.1",
     "bad-value:Final-Recipient bad-address:Final-Recipient"},
    {"a comment behind the address", MTA "Final-Recipient: rfc822; <a@b.example> (gone)\n" FAILED,
     "a@b.example - failed 5.1.1", ""},
    {"a comment that is all", MTA "Final-Recipient: rfc822; (gone)\n" FAILED,
     "(gone) - failed 5.1.1", "bad-address:Final-Recipient"},
    {"parentheses in a quoted name", MTA "Final-Recipient: rfc822; \"a(b)\"@b.example\n" FAILED,
     "\"a(b)\"@b.example - failed 5.1.1", ""},
    {"an empty status", MTA RECIPIENT("a") "Action: failed\nStatus:\n", "a@b.example - failed -",
     "bad-value:Status"},
    {"a comment after the status", MTA RECIPIENT("a") "Action: failed\nStatus: 5.1.1 (x)\n",
     "a@b.example - failed 5.1.1", ""},
    {"text after the status", MTA RECIPIENT("a") "Action: failed\nStatus: 5.1.1 no\n",
     "a@b.example - failed 5.1.1", "bad-value:Status quirk(kumomta-status-text)"},
    {"brackets, capitals", MTA "Final-Recipient: RFC822; <A@B.Example>\n" FAILED,
     "A@b.example - failed 5.1.1", ""},
    {"no address", MTA "Final-Recipient: rfc822; a b\n" FAILED, "a b - failed 5.1.1",
     "bad-address:Final-Recipient"},
    {"another address type", MTA "Final-Recipient: unknown; a b\n" FAILED, "a b - failed 5.1.1",
     ""},
    {"xtext left over", MTA "Original-Recipient: rfc822; a+2Bc@b.example\n" RECIPIENT("a") FAILED,
     "a@b.example a+c@b.example failed 5.1.1", "bad-value:Original-Recipient"},
    {"utf-8-addr-xtext", MTA "Final-Recipient: UTF-8; \\x{FC}@b.example\n" FAILED,
     "\xc3\xbc@b.example - failed 5.1.1", ""},
    {"broken utf-8-addr-xtext", MTA "Final-Recipient: utf-8; \\x{XY}@b.example\n" FAILED,
     "\\x{XY}@b.example - failed 5.1.1", "bad-address:Final-Recipient"},
};

START_TEST(reads_recipients)
{
    g_autoptr(GString) message = g_string_new(NULL);
    g_autoptr(DsnReport) report = read_fields(rows[_i].fields, message);
    g_autofree char *got = describe(report);
    g_autofree char *defects = dsn_test_defects(report);

    dsn_assert_span(dsn_span(got), rows[_i].want, rows[_i].label);
    dsn_assert_span(dsn_span(defects), rows[_i].defects, rows[_i].label);
}
END_TEST

static const struct {
    const char *label, *field, *type, *value;
} diagnostics[] = {
    {"one line", "smtp; 550 no such user", "smtp", "550 no such user"},
    {"a fold in the middle", "smtp; 550 no\n    such\r\n user", "smtp", "550 no such user"},
    {"reply lines", "smtp; 550-5.1.1 no\n 550-5.1.1 such\n  at all\n 550 5.1.1 user", "smtp",
     "550-5.1.1 no\n550-5.1.1 such at all\n550 5.1.1 user"},
    {"a number that is no reply code", "smtp; 550 room\n 101 is empty", "smtp",
     "550 room 101 is empty"},
    {"folded after the type", "SMTP;\n 550 no", "SMTP", "550 no"},
    {"no type", "550 no; sorry", NULL, "550 no; sorry"},
};

START_TEST(reads_diagnostics)
{
    g_autoptr(GString) message = g_string_new(NULL);
    g_autofree char *fields =
        g_strconcat(MTA RECIPIENT("a") "Diagnostic-Code: ", diagnostics[_i].field, "\n", NULL);
    g_autoptr(DsnReport) report = read_fields(fields, message);
    const DsnTyped *got = &g_array_index(report->per_recipient, DsnPerRecipient, 0).diagnostic_code;

    ck_assert_msg(dsn_span_present(got->type) == (diagnostics[_i].type != NULL), "%s",
                  diagnostics[_i].label);
    if (diagnostics[_i].type != NULL)
        dsn_assert_span(got->type, diagnostics[_i].type, diagnostics[_i].label);
    dsn_assert_span(got->value, diagnostics[_i].value, diagnostics[_i].label);
}
END_TEST

START_TEST(keeps_the_limit)
{
    g_autoptr(GString) message = g_string_new(NULL);
    g_autoptr(GString) fields = g_string_new(MTA);
    guint limit = (guint)DSN_LIMITS_DEFAULT.groups;

    for (guint i = 0; i < limit + 2; i++)
        g_string_append(fields, RECIPIENT("a") FAILED);
    g_autoptr(DsnReport) report = read_fields(fields->str, message);
    const DsnDefect *last = &g_array_index(report->defects, DsnDefect, report->defects->len - 1);

    ck_assert_uint_eq(report->per_recipient->len, limit);
    ck_assert_uint_eq(report->groups->len, 2);
    ck_assert_int_eq(last->kind, DSN_DEFECT_DUPLICATE_FIELD);
    ck_assert_uint_eq(report->defects_unseen, limit - DSN_LIMITS_DEFAULT.defects + 1);
}
END_TEST

START_TEST(extensions_stay_where_they_stood)
{
    g_autoptr(GString) message = g_string_new(NULL);
    g_autoptr(DsnReport) report = read_fields("Reporting-MTA: dns; x\nX-One: 1\n\nX-Two: 2\n\n"
                                              "X-Three: 3\n" RECIPIENT("a") FAILED "\nX-Four: 4\n",
                                              message);
    const GArray *of_message = report->per_message.extensions;
    const GArray *of_recipient =
        g_array_index(report->per_recipient, DsnPerRecipient, 0).extensions;

    ck_assert_uint_eq(report->per_recipient->len, 1);
    ck_assert_uint_eq(of_message->len, 2);
    dsn_assert_span(g_array_index(of_message, DsnField, 0).name, "X-One", NULL);
    dsn_assert_span(g_array_index(of_message, DsnField, 1).name, "X-Two", NULL);
    ck_assert_uint_eq(of_recipient->len, 2);
    dsn_assert_span(g_array_index(of_recipient, DsnField, 0).name, "X-Three", NULL);
    dsn_assert_span(g_array_index(of_recipient, DsnField, 1).name, "X-Four", NULL);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("delivery-status");
    TCase *tcase = tcase_create("values");

    tcase_add_loop_test(tcase, reads_recipients, 0, G_N_ELEMENTS(rows));
    tcase_add_loop_test(tcase, reads_diagnostics, 0, G_N_ELEMENTS(diagnostics));
    tcase_add_test(tcase, keeps_the_limit);
    tcase_add_test(tcase, extensions_stay_where_they_stood);
    suite_add_tcase(suite, tcase);
    return suite;
}
