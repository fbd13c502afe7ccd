/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/lines.h"
#include "mime/report-build.h"
#include "mime/report-parse.h"
#include "tests/support/notice.h"
#include "tests/support/unit.h"

#define ORIGINAL                                                                             \
    "From: Shop <news@shop.example>\r\nTo: jane@customer.example\r\nSubject: Your order\r\n" \
    "Date: Fri, 20 Nov 2026 09:14:58 +0000\r\nMessage-ID: <4711@shop.example>\r\n\r\nDear "  \
    "Jane\r\n"

#define TIMES_8(text) text text text text text text text text
#define TIMES_64(text) TIMES_8(TIMES_8(text))

/* A report and a frame that can be changed before they are built. */
typedef struct Fixture {
    DsnReport *report;
    DsnPerRecipient *recipient;
    DsnFrame frame;
    DsnWords words[3];
    DsnReturnRequest request;
    DsnReturnedPlan plan;
    GString *notice;
    DsnBuilt built;
} Fixture;

static Fixture fixture;

static void
set_up(void)
{
    fixture = (Fixture){.report = dsn_report_new(), .notice = g_string_new(NULL)};
    fixture.report->kind = DSN_REPORT_DELIVERY_STATUS;
    fixture.report->per_message.reporting_mta =
        (DsnTyped){DSN_SPAN_LITERAL("dns"), DSN_SPAN_LITERAL("mta1.example.com")};
    fixture.report->per_message.arrival_date = 1057049557;
    fixture.recipient = dsn_report_add_recipient(fixture.report);
    fixture.recipient->final_recipient =
        (DsnTyped){DSN_SPAN_LITERAL("rfc822"), DSN_SPAN_LITERAL("jane@customer.example")};
    fixture.recipient->action = DSN_ACTION_FAILED;
    fixture.recipient->status = (DsnStatusCode){5, 1, 1};
    fixture.recipient->remote_mta =
        (DsnTyped){DSN_SPAN_LITERAL("dns"), DSN_SPAN_LITERAL("mx.customer.example")};
    fixture.recipient->diagnostic_code =
        (DsnTyped){DSN_SPAN_LITERAL("smtp"), DSN_SPAN_LITERAL("550 5.1.1 no such user")};
    fixture.recipient->last_attempt_date = 1057056757;
    fixture.recipient->final_log_id = DSN_SPAN_LITERAL("d23f0824");
    fixture.frame = (DsnFrame){
        .from_display = DSN_SPAN_LITERAL("Mail Delivery System"),
        .from = DSN_SPAN_LITERAL("mailer-daemon@mta1.example.com"),
        .to = DSN_SPAN_LITERAL("news@shop.example"),
        .subject = DSN_SPAN_LITERAL("Your message could not be delivered"),
        .message_id = DSN_SPAN_LITERAL("<1@mta1.example.com>"),
        .date = 1057056757,
        .boundary = DSN_SPAN_LITERAL("b1"),
        .words = fixture.words,
        .n_words = 1,
        .returned = &fixture.plan,
    };
    fixture.words[0].text = DSN_SPAN_LITERAL("Your message was not delivered.\n");
    fixture.request = (DsnReturnRequest){.original = DSN_SPAN_LITERAL(ORIGINAL),
                                         .wanted = DSN_RETURN_FULL,
                                         .limit = 100000,
                                         .failed = true};
}

static void
tear_down(void)
{
    dsn_report_free(fixture.report);
    g_string_free(fixture.notice, TRUE);
}

static void
build(void)
{
    g_autoptr(GError) error = NULL;

    dsn_returned_plan(&fixture.request, &fixture.plan);
    ck_assert_msg(
        dsn_report_build(fixture.report, &fixture.frame, fixture.notice, &fixture.built, &error),
        "%s", error == NULL ? "" : error->message);
}

static DsnSpan
notice(void)
{
    return (DsnSpan){fixture.notice->str, fixture.notice->len};
}

static void
build_and_check(const char *label)
{
    build();
    dsn_test_check_notice(notice(), fixture.report, label);
}

static void
expect_error(DsnBuildError code, const char *name, const char *label)
{
    g_autoptr(GError) error = NULL;

    dsn_returned_plan(&fixture.request, &fixture.plan);
    g_string_assign(fixture.notice, "before");
    ck_assert_msg(
        !dsn_report_build(fixture.report, &fixture.frame, fixture.notice, &fixture.built, &error),
        "%s: was built", label);
    ck_assert_msg(g_error_matches(error, DSN_BUILD_ERROR, (int)code), "%s: %s", label,
                  error->message);
    ck_assert_msg(g_str_has_prefix(error->message, name), "%s: %s", label, error->message);
    ck_assert_str_eq(fixture.notice->str, "before");
}

/* Frame and fields at their best (rules MIME-01 to MIME-03, MIME-14, MIME-18, DSN-01, DSN-03,
 * DSN-08, DSN-12 to DSN-14, RCPT-23, LOOP-04, LOOP-06). */
START_TEST(a_whole_notice)
{
    static const char expected[] =
        "Date: Tue, 1 Jul 2003 10:52:37 +0000\r\n"
        "From: Mail Delivery System <mailer-daemon@mta1.example.com>\r\n"
        "To: news@shop.example\r\n"
        "Subject: Your message could not be delivered\r\n"
        "Message-ID: <1@mta1.example.com>\r\n"
        "In-Reply-To: <4711@shop.example>\r\n"
        "References: <4711@shop.example>\r\n"
        "Auto-Submitted: auto-replied\r\n"
        "X-Dsnarf-Notice: delivery-status\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status;\r\n"
        "\tboundary=\"b1\"\r\n"
        "\r\n"
        "--b1\r\n"
        "Content-Type: text/plain; charset=us-ascii\r\n"
        "Content-Language: en\r\n"
        "\r\n"
        "Your message was not delivered.\r\n"
        "\r\n"
        "--b1\r\n"
        "Content-Type: message/delivery-status\r\n"
        "\r\n"
        "Original-Envelope-Id: order 4711\r\n"
        "Reporting-MTA: dns; mta1.example.com\r\n"
        "Received-From-MTA: dns; app.shop.example (192.0.2.7)\r\n"
        "Arrival-Date: Tue, 1 Jul 2003 08:52:37 +0000\r\n"
        "X-Dsnarf-Tenant: shop\r\n"
        "\r\n"
        "Original-Recipient: rfc822; Jane@customer.example\r\n"
        "Final-Recipient: rfc822; jane@customer.example\r\n"
        "Action: failed\r\n"
        "Status: 5.1.1\r\n"
        "Remote-MTA: dns; mx.customer.example\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
        "Last-Attempt-Date: Tue, 1 Jul 2003 10:52:37 +0000\r\n"
        "Final-Log-ID: d23f0824\r\n"
        "X-Dsnarf-Class: InvalidRecipient\r\n"
        "\r\n"
        "--b1\r\n"
        "Content-Type: message/rfc822\r\n"
        "\r\n" ORIGINAL "\r\n"
        "--b1--\r\n";
    DsnField tenant = {DSN_SPAN_LITERAL("X-Dsnarf-Tenant"), DSN_SPAN_LITERAL("shop")};
    DsnField class_ = {DSN_SPAN_LITERAL("X-Dsnarf-Class"), DSN_SPAN_LITERAL("InvalidRecipient")};

    fixture.words[0].language = DSN_SPAN_LITERAL("en");
    fixture.report->per_message.original_envelope_id = DSN_SPAN_LITERAL("order 4711");
    fixture.report->per_message.received_from_mta =
        (DsnTyped){DSN_SPAN_LITERAL("dns"), DSN_SPAN_LITERAL("app.shop.example (192.0.2.7)")};
    fixture.recipient->original_recipient =
        (DsnTyped){DSN_SPAN_LITERAL("rfc822"), DSN_SPAN_LITERAL("Jane@customer.example")};
    g_array_append_val(fixture.report->per_message.extensions, tenant);
    g_array_append_val(fixture.recipient->extensions, class_);
    build_and_check("whole");
    dsn_assert_bytes(fixture.notice->str, fixture.notice->len, expected, sizeof(expected) - 1);
    ck_assert_int_eq(fixture.built.returned, DSN_RETURN_FULL);
    ck_assert_ptr_null(fixture.built.reduced);
    ck_assert(!fixture.built.eight_bit && !fixture.built.utf8);
}
END_TEST

START_TEST(the_notice_is_appended)
{
    g_string_append(fixture.notice, "before");
    build();
    ck_assert_int_eq(strncmp(fixture.notice->str, "beforeDate: ", 12), 0);
}
END_TEST

START_TEST(several_recipients_each_with_their_own)
{
    static const char *const names[] = {"joe@customer.example", "Joe@customer.example",
                                        "j@x.example"};

    for (unsigned i = 0; i < 3; i++) {
        DsnPerRecipient *recipient = dsn_report_add_recipient(fixture.report);

        recipient->final_recipient = (DsnTyped){DSN_SPAN_LITERAL("rfc822"), dsn_span(names[i])};
        recipient->action = i == 0 ? DSN_ACTION_DELAYED : DSN_ACTION_FAILED;
        recipient->status = (DsnStatusCode){(uint16_t)(i == 2 ? 5 : 4), 2, (uint16_t)i};
        if (i == 0)
            recipient->will_retry_until = 1057156757;
    }
    build_and_check("several");
}
END_TEST

START_TEST(will_retry_until_only_when_delayed)
{
    fixture.recipient->will_retry_until = 1057156757;
    build();
    ck_assert_ptr_null(strstr(fixture.notice->str, "Will-Retry-Until")); /* rule RCPT-22 */
}
END_TEST

/* What stands in the notice for a value of Diagnostic-Code, and what is read back if not that. */
static const struct {
    const char *label, *value, *written, *read;
} diagnostics[] = {
    {"several lines (RCPT-17)", "550-5.1.1 one\n550-5.1.1 two\n550 5.1.1 three",
     "smtp; 550-5.1.1 one\r\n 550-5.1.1 two\r\n 550 5.1.1 three\r\n", NULL},
    {"long line (DSN-04)",
     "550 5.7.1 aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd eeeeeeeeee ffffffffff",
     "smtp; 550 5.7.1 aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd\r\n"
     " eeeeeeeeee ffffffffff\r\n",
     NULL},
    {"no fold where a reply would seem to begin",
     "550 5.7.1 aaaaaaaaaa bbbbbbbbbb cccccccccc ddddddddd 550 said",
     " cccccccccc\r\n ddddddddd 550 said\r\n", NULL},
    {"runs of spaces stay in a line (RCPT-18)",
     "550 5.7.1 aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddd  eeee",
     " cccccccccc\r\n dddddddd  eeee\r\n", NULL},
    {"no line has a code alone (RCPT-17)", "550-5.1.1 one\n550 " TIMES_8("0123456789abcdef"),
     "smtp; 550-5.1.1 one\r\n 550 0123456789abcdef", NULL},
    {"a long first word", "550-" TIMES_8("0123456789abcdef") "\n550 x",
     "Diagnostic-Code: smtp;\r\n 550-0123456789abcdef", NULL},
    {"CR LF inside", "550 5.1.1 no\r\nX-Injected: yes", "550 5.1.1 no\r\n X-Injected: yes\r\n",
     "550 5.1.1 no X-Injected: yes"},
    {"empty line inside", "550 no\r\n\r\nX-Injected: yes", "550 no\r\n X-Injected: yes\r\n",
     "550 no X-Injected: yes"},
    {"controls",
     "550 a\tb\x01"
     "c\x7f",
     "smtp; 550 a b c\r\n", "550 a b c"},
    {"balanced parentheses", "550 a (b (c) d) e", "smtp; 550 a (b (c) d) e\r\n", NULL},
    {"lone open (DSN-04)", "550 sorry :( (x)", "smtp; 550 sorry :\\( (x)\r\n",
     "550 sorry :\\( (x)"},
    {"lone close (DSN-04)", "550 1) (two)", "smtp; 550 1\\) (two)\r\n", "550 1\\) (two)"},
    {"quoted parenthesis", "550 a\\(b)", "smtp; 550 a\\(b\\)\r\n", "550 a\\(b\\)"},
    {"no fold between a backslash and what it quotes (DSN-04)",
     "550 aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd e\\ \\ \\ (ffffff\\ \\(ggggg) h",
     " dddddddddd\r\n e\\ \\ \\ (ffffff\\ \\(ggggg) h\r\n", NULL},
    {"not ASCII (RCPT-18)", "550 usu\xc3\xa1rio", "smtp; 550 usu\\x{E1}rio\r\n",
     "550 usu\\x{E1}rio"},
    {"not UTF-8", "550 usu\xe1rio", "smtp; 550 usu\\x{FFFD}rio\r\n", "550 usu\\x{FFFD}rio"},
};

START_TEST(diagnostics_are_copied_as_far_as_the_form_allows)
{
    DsnSpan value = dsn_span(diagnostics[_i].value);

    fixture.recipient->diagnostic_code.value = value;
    build();
    ck_assert_msg(strstr(fixture.notice->str, diagnostics[_i].written) != NULL, "%s:\n%s",
                  diagnostics[_i].label, fixture.notice->str);
    if (diagnostics[_i].read != NULL)
        fixture.recipient->diagnostic_code.value = dsn_span(diagnostics[_i].read);
    dsn_test_check_notice(notice(), fixture.report, diagnostics[_i].label);
}
END_TEST

START_TEST(words_that_fit_no_line_are_broken)
{
    fixture.recipient->diagnostic_code.value =
        dsn_span("550 " TIMES_64("0123456789abcdef0123456789"));
    fixture.recipient->final_log_id = dsn_span(TIMES_64("\xc3\xa9" TIMES_8(" x  ")));
    build();
    dsn_test_check_notice(notice(), NULL, "long words"); /* rule MIME-23 */
}
END_TEST

/* Rules I18N-04, I18N-06, I18N-13. */
START_TEST(addresses_that_are_not_ascii)
{
    fixture.recipient->final_recipient =
        (DsnTyped){DSN_SPAN_LITERAL("utf-8"), dsn_span("jos\xc3\xa9+a@customer.example")};
    build_and_check("7-bit form");
    ck_assert_ptr_nonnull(strstr(fixture.notice->str, "Content-Type: message/delivery-status\r\n"));
    ck_assert_ptr_nonnull(strstr(
        fixture.notice->str, "Final-Recipient: utf-8; jos\\x{E9}\\x{2B}a@customer.example\r\n"));
    ck_assert(!fixture.built.eight_bit && !fixture.built.utf8);
}
END_TEST

/* Rules I18N-08, I18N-09, I18N-14. */
START_TEST(the_global_form)
{
    fixture.report->global = true;
    fixture.frame.to = dsn_span("n\xc3\xa9ws@shop.example");
    fixture.recipient->final_recipient =
        (DsnTyped){DSN_SPAN_LITERAL("utf-8"), dsn_span("jos\xc3\xa9@customer.example")};
    fixture.recipient->diagnostic_code.value = dsn_span("550 usu\xc3\xa1rio desconhecido");
    build();
    ck_assert_ptr_nonnull(strstr(fixture.notice->str, "report-type=global-delivery-status"));
    ck_assert_ptr_nonnull(strstr(fixture.notice->str,
                                 "Content-Type: message/global-delivery-status\r\n"
                                 "Content-Transfer-Encoding: 8bit\r\n\r\n"));
    ck_assert_ptr_nonnull(strstr(fixture.notice->str, "550 usu\xc3\xa1rio desconhecido\r\n"));
    ck_assert(fixture.built.eight_bit && fixture.built.utf8);
    dsn_test_check_notice(notice(), fixture.report, "global");
}
END_TEST

/* An address of type utf-8, and what stands in the global form (rules I18N-06, I18N-07). */
static const struct {
    const char *label, *value, *written;
    bool address;
} global_addresses[] = {
    {"plain (I18N-06)", "jos\xc3\xa9+a=b@customer.example", "jos\xc3\xa9+a=b@customer.example",
     true},
    {"a quoted x and a brace", "\"jos\xc3\xa9\\x{41}\"@customer.example",
     "\"jos\\x{E9}\\x{5C}x{41}\"@customer.example", true},
    {"broken syntax (I18N-07)", "jos\\x{D800}@customer.example", "jos\\x{D800}@customer.example",
     false},
    {"no address (I18N-07)", "\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac", false},
};

START_TEST(addresses_in_the_global_form)
{
    g_autofree char *line =
        g_strdup_printf("Original-Recipient: utf-8; %s\r\n", global_addresses[_i].written);

    fixture.report->global = true;
    fixture.recipient->original_recipient =
        (DsnTyped){DSN_SPAN_LITERAL("utf-8"), dsn_span(global_addresses[_i].value)};
    build();
    ck_assert_msg(strstr(fixture.notice->str, line) != NULL, "%s:\n%s", global_addresses[_i].label,
                  fixture.notice->str);
    dsn_test_check_notice(notice(), global_addresses[_i].address ? fixture.report : NULL,
                          global_addresses[_i].label);
}
END_TEST

/* Rule I18N-11: in the global form, each language once, directly behind the diagnostic. */
START_TEST(diagnostics_in_other_languages)
{
    DsnField fields[] = {
        {DSN_SPAN_LITERAL("Localized-Diagnostic"),
         DSN_SPAN_LITERAL("pt-BR; usu\xc3\xa1rio desconhecido")},
        {DSN_SPAN_LITERAL("Localized-Diagnostic"), DSN_SPAN_LITERAL("de; unbekannt")},
        {DSN_SPAN_LITERAL("X-Dsnarf-Class"), DSN_SPAN_LITERAL("x")},
    };

    g_array_append_vals(fixture.recipient->extensions, fields, G_N_ELEMENTS(fields));
    build();
    ck_assert_ptr_null(strstr(fixture.notice->str, "Localized"));
    g_string_truncate(fixture.notice, 0);
    fixture.report->global = true;
    build_and_check("localized");
    ck_assert_ptr_nonnull(strstr(fixture.notice->str,
                                 "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
                                 "Localized-Diagnostic: pt-BR; usu\xc3\xa1rio desconhecido\r\n"
                                 "Localized-Diagnostic: de; unbekannt\r\n"
                                 "Last-Attempt-Date: "));

    DsnSpan *second = &g_array_index(fixture.recipient->extensions, DsnField, 1).value;
    *second = DSN_SPAN_LITERAL("PT-br; outra vez");
    expect_error(DSN_BUILD_ERROR_REPORT, "Localized-Diagnostic", "a language twice");
    *second = DSN_SPAN_LITERAL("no tag");
    expect_error(DSN_BUILD_ERROR_REPORT, "Localized-Diagnostic", "no tag");
}
END_TEST

/* What is said behind the status is a comment, whatever it was (rules RCPT-09, RCPT-10). */
static const struct {
    const char *comment, *written;
} comments[] = {
    {NULL, "Status: 5.1.1\r\n"},
    {"(bad mailbox (really))", "Status: 5.1.1 (bad mailbox (really))\r\n"},
    {"bad mailbox", "Status: 5.1.1 (bad mailbox)\r\n"},
    {"(a) (b)", "Status: 5.1.1 (\\(a\\) \\(b\\))\r\n"},
    {"(a", "Status: 5.1.1 (\\(a)\r\n"},
    {"(a\\)", "Status: 5.1.1 (\\(a\\\\\\))\r\n"},
    {"a\r\nAction: delivered", "Status: 5.1.1 (a  Action: delivered)\r\n"},
    {" \r\n", "Status: 5.1.1\r\n"},
};

START_TEST(text_behind_the_status)
{
    fixture.recipient->status_comment = dsn_span(comments[_i].comment);
    build();
    ck_assert_msg(strstr(fixture.notice->str, comments[_i].written) != NULL, "%s",
                  fixture.notice->str);
    dsn_test_check_notice(notice(), NULL, comments[_i].written);
}
END_TEST

/* All that a report can say, in the order of the grammar, whichever way its action goes (rules
 * DSN-02, DSN-05, DSN-07, DSN-11, DSN-15, RCPT-01, RCPT-06, RCPT-22). */
static const struct {
    DsnAction action;
    uint16_t class_;
    const char *fields;
} actions[] = {
    {DSN_ACTION_FAILED, 5, "Action: failed\r\nStatus: 5.0.0\r\n"},
    {DSN_ACTION_DELAYED, 4, "Action: delayed\r\nStatus: 4.0.0\r\n"},
    {DSN_ACTION_DELIVERED, 2, "Action: delivered\r\nStatus: 2.0.0\r\n"},
    {DSN_ACTION_RELAYED, 2, "Action: relayed\r\nStatus: 2.0.0\r\n"},
    {DSN_ACTION_EXPANDED, 2, "Action: expanded\r\nStatus: 2.0.0\r\n"},
};

START_TEST(every_field_in_its_place)
{
    DsnField extension = {DSN_SPAN_LITERAL("X-Dsnarf-Class"), DSN_SPAN_LITERAL("x")};
    g_autofree char *expected = g_strconcat(
        "Original-Envelope-Id: QQ314159+a=B\r\nReporting-MTA: dns; mta1.example.com\r\n"
        "Received-From-MTA: dns; App.shop.example ([192.0.2.1])\r\n"
        "Arrival-Date: Tue, 1 Jul 2003 08:52:37 +0000\r\nX-Dsnarf-Class: x\r\n\r\n"
        "Original-Recipient: X400; /C=US/A= /P=x/\r\nFinal-Recipient: rfc822; "
        "jane@customer.example\r\n",
        actions[_i].fields,
        "Remote-MTA: dns; mx.customer.example\r\nDiagnostic-Code: smtp; 599 5.1.1 no such user\r\n"
        "Last-Attempt-Date: Tue, 1 Jul 2003 10:52:37 +0000\r\nFinal-Log-ID: d23f0824\r\n",
        actions[_i].action == DSN_ACTION_DELAYED
            ? "Will-Retry-Until: Wed, 2 Jul 2003 14:39:17 +0000\r\n"
            : "",
        "X-Dsnarf-Class: x\r\n\r\n--b1", NULL);
    char code[] = "599 5.1.1 no such user";

    *strstr(expected, "599") = code[0] = (char)('0' + actions[_i].class_);
    fixture.request.failed = actions[_i].action == DSN_ACTION_FAILED;
    fixture.report->per_message.original_envelope_id = DSN_SPAN_LITERAL("QQ314159+a=B");
    fixture.report->per_message.received_from_mta =
        (DsnTyped){DSN_SPAN_LITERAL("dns"), DSN_SPAN_LITERAL("App.shop.example ([192.0.2.1])")};
    fixture.report->per_message.dsn_gateway =
        (DsnTyped){DSN_SPAN_LITERAL("dns"), DSN_SPAN_LITERAL("gateway.example")};
    g_array_append_val(fixture.report->per_message.extensions, extension);
    fixture.recipient->original_recipient =
        (DsnTyped){DSN_SPAN_LITERAL("X400"), DSN_SPAN_LITERAL("/C=US/A= /P=x/")};
    fixture.recipient->action = actions[_i].action;
    fixture.recipient->status = (DsnStatusCode){actions[_i].class_, 0, 0};
    fixture.recipient->diagnostic_code.value = dsn_span(code);
    fixture.recipient->will_retry_until = 1057156757;
    g_array_append_val(fixture.recipient->extensions, extension);
    build();
    ck_assert_msg(strstr(fixture.notice->str, expected) != NULL, "%s\n%s", fixture.notice->str,
                  expected);
    if (actions[_i].action != DSN_ACTION_DELAYED)
        fixture.recipient->will_retry_until = DSN_TIME_NONE;
    dsn_test_check_notice(notice(), fixture.report, actions[_i].fields);
}
END_TEST

/* Part 1: the text, and what stands of it in the notice (rules MIME-22 to MIME-25, MIME-31). */
static const struct {
    const char *label, *text, *header, *body;
} texts[] = {
    {"ASCII", "Hello\nworld", "charset=us-ascii\r\n\r\n", "Hello\r\nworld\r\n"},
    {"nothing", "", "charset=us-ascii\r\n\r\n", ""},
    {"not ASCII",
     "Gr\xc3\xbc\xc3\x9f"
     "e\n",
     "charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", "Gr=C3=BC=C3=9Fe\r\n"},
    {"long line",
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbb cccccccccccccccccccc",
     "charset=us-ascii\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbb cccccccccccccc=\r\ncccccc\r\n"},
    {"controls and CR",
     "a\x01"
     "b\rc\x7f\n",
     "charset=us-ascii\r\n\r\n", "a b\r\nc \r\n"},
    {"not UTF-8", "a\xff\n", "charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
     "a=EF=BF=BD\r\n"},
};

START_TEST(the_text_for_people)
{
    g_autofree char *expected = g_strconcat(texts[_i].header, texts[_i].body, "\r\n--b1\r\n", NULL);

    fixture.words[0].text = dsn_span(texts[_i].text);
    build_and_check(texts[_i].label);
    ck_assert_msg(strstr(fixture.notice->str, expected) != NULL, "%s:\n%s", texts[_i].label,
                  fixture.notice->str);
}
END_TEST

/* Rules MIME-04, MIME-15 to MIME-17, MIME-32: the preferred text is the last one that a reader
 * knows, each says its language, and the nested boundary is another one. */
START_TEST(several_languages_and_html_are_alternatives)
{
    static const char expected[] = "--b1\r\n"
                                   "Content-Type: multipart/alternative;\r\n"
                                   "\tboundary=\"=_7dc96f776c8423e57a2785489a3f9c43\"\r\n"
                                   "\r\n"
                                   "--=_7dc96f776c8423e57a2785489a3f9c43\r\n"
                                   "Content-Type: text/plain; charset=utf-8\r\n"
                                   "Content-Language: ja\r\n"
                                   "Content-Transfer-Encoding: base64\r\n"
                                   "\r\n"
                                   "5pel5pys6KqeDQo=\r\n"
                                   "\r\n"
                                   "--=_7dc96f776c8423e57a2785489a3f9c43\r\n"
                                   "Content-Type: text/plain; charset=us-ascii\r\n"
                                   "Content-Language: en\r\n"
                                   "\r\n"
                                   "Sorry.\r\n"
                                   "\r\n"
                                   "--=_7dc96f776c8423e57a2785489a3f9c43\r\n"
                                   "Content-Type: text/html; charset=us-ascii\r\n"
                                   "Content-Language: en\r\n"
                                   "\r\n"
                                   "<p>Sorry.\r\n"
                                   "\r\n"
                                   "--=_7dc96f776c8423e57a2785489a3f9c43\r\n"
                                   "Content-Type: text/plain; charset=utf-8\r\n"
                                   "Content-Language: de-CH\r\n"
                                   "Content-Transfer-Encoding: quoted-printable\r\n"
                                   "\r\n"
                                   "Bedaure, Gr=C3=BC=C3=9Fe.\r\n"
                                   "\r\n"
                                   "--=_7dc96f776c8423e57a2785489a3f9c43--\r\n"
                                   "--b1\r\n"
                                   "Content-Type: message/delivery-status\r\n";

    fixture.words[0] = (DsnWords){.language = DSN_SPAN_LITERAL("de-CH"),
                                  .text = DSN_SPAN_LITERAL("Bedaure, Gr\xc3\xbc\xc3\x9f"
                                                           "e.")};
    fixture.words[1] = (DsnWords){.language = DSN_SPAN_LITERAL("en"),
                                  .text = DSN_SPAN_LITERAL("Sorry."),
                                  .html = DSN_SPAN_LITERAL("<p>Sorry.")};
    fixture.words[2] = (DsnWords){.language = DSN_SPAN_LITERAL("ja"),
                                  .text = DSN_SPAN_LITERAL("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e")};
    fixture.frame.n_words = 3;
    build_and_check("alternatives");
    dsn_test_compare(__FILE__, __LINE__, strstr(fixture.notice->str, "--b1\r\n"),
                     sizeof(expected) - 1, expected, sizeof(expected) - 1, "part 1");
    ck_assert(!fixture.built.eight_bit);
}
END_TEST

/* Rule MIME-16, for the nested one too: it may stand in no part, not even in another text. */
START_TEST(the_nested_boundary_stands_nowhere_else)
{
    fixture.words[0].html = DSN_SPAN_LITERAL("<p>--=_7dc96f776c8423e57a2785489a3f9c43");
    build_and_check("nested");
    ck_assert_ptr_null(strstr(fixture.notice->str, "boundary=\"b1\""));
    ck_assert_ptr_null(strstr(fixture.notice->str, "boundary=\"=_7dc96f77"));
}
END_TEST

START_TEST(a_language_that_is_none_is_refused)
{
    fixture.words[1] =
        (DsnWords){.language = DSN_SPAN_LITERAL("en\r\nX: y"), .text = DSN_SPAN_LITERAL("x")};
    fixture.frame.n_words = 2;
    expect_error(DSN_BUILD_ERROR_REPORT, "Content-Language", "a line break");
    fixture.words[1].language = DSN_SPAN_LITERAL("");
    expect_error(DSN_BUILD_ERROR_REPORT, "Content-Language", "empty");
}
END_TEST

/* Header fields of the original, and the threading that follows from them (rule MIME-30). */
static const struct {
    const char *label, *header, *threading;
} threads[] = {
    {"its id", "Message-ID: <1@a.example>\r\n",
     "In-Reply-To: <1@a.example>\r\nReferences: <1@a.example>\r\n"},
    {"its references",
     "References: <1@a.example>\r\n\t<2@a.example>\r\nMessage-ID: <3@a.example>\r\n",
     "In-Reply-To: <3@a.example>\r\n"
     "References: <1@a.example>\r\n <2@a.example>\r\n <3@a.example>\r\n"},
    {"one parent", "In-Reply-To: <1@a.example> (x)\r\nMessage-ID: <2@a.example>\r\n",
     "References: <1@a.example>\r\n <2@a.example>\r\n"},
    {"two parents", "In-Reply-To: <1@a.example> <2@a.example>\r\nMessage-ID: <3@a.example>\r\n",
     "References: <3@a.example>\r\n"},
    {"rubbish among them",
     "References: <a b@x> <1@a.example> <@> <x@> <\xe9@x> <un@closed\r\nMessage-ID: "
     "<3@a.example>\r\n",
     "References: <1@a.example>\r\n <3@a.example>\r\n"},
    {"no id", "References: <1@a.example>\r\nSubject: x\r\n", NULL},
    {"id with a space", "Message-ID: <1 2@a.example>\r\n", NULL},
    {"id without brackets", "Message-ID: 1@a.example\r\n", NULL},
    {"id that is folded", "Message-ID: <1\r\n @a.example>\r\n", NULL},
    {"two ids", "Message-ID: <1@a.example> <2@a.example>\r\n", NULL},
};

START_TEST(notices_join_the_thread)
{
    g_autofree char *original = g_strconcat(threads[_i].header, "\r\nbody\r\n", NULL);

    fixture.request.original = dsn_span(original);
    fixture.request.wanted = DSN_RETURN_NOTHING;
    build_and_check(threads[_i].label);
    if (threads[_i].threading == NULL)
        ck_assert_msg(strstr(fixture.notice->str, "In-Reply-To") == NULL &&
                          strstr(fixture.notice->str, "References") == NULL,
                      "%s:\n%s", threads[_i].label, fixture.notice->str);
    else
        ck_assert_msg(strstr(fixture.notice->str, threads[_i].threading) != NULL, "%s:\n%s",
                      threads[_i].label, fixture.notice->str);
}
END_TEST

START_TEST(references_are_capped)
{
    g_autoptr(GString) original = g_string_new("References:");
    unsigned count = 0;

    for (unsigned i = 0; i < 100; i++)
        g_string_append_printf(original, " <%u@a.example>", i);
    g_string_append(original, "\r\nMessage-ID: <me@a.example>\r\nSubject: x\r\n\r\n");
    fixture.request.original = (DsnSpan){original->str, original->len};
    fixture.request.wanted = DSN_RETURN_NOTHING;
    build_and_check("references");
    ck_assert_ptr_nonnull(strstr(fixture.notice->str, "References: <0@a.example>\r\n <82@a."));
    for (const char *at = fixture.notice->str; (at = strstr(at, "@a.example>")) != NULL; at++)
        count++;
    ck_assert_uint_eq(count, 20 + 1); /* and In-Reply-To */
}
END_TEST

/* Where the proposed boundary must not be used (rules MIME-16, MIME-17, SEC-01). */
static const struct {
    const char *label, *boundary, *text, *original;
} boundaries[] = {
    {"in the original", "b1", "x", "Subject: x\r\n\r\n--b1\r\nX: y\r\n--b1--\r\n"},
    {"longer one in the original", "b1", "x", "Subject: x\r\n\r\n--b123\r\n"},
    {"not at the start of a line", "b1", "x", "Subject: x\r\n\r\nsee --b1\r\n"},
    {"after a lone CR", "b1", "x", "Subject: x\r\n\r\na\r--b1\r\n"},
    {"in the text", "b1", "--b1--", "Subject: x\r\n\r\n"},
    {"put together by cleaning", "b1",
     "--b\xc2\x85"
     "1 --b1",
     "Subject: x\r\n\r\n"},
    {"in a field", "customer.example", "x", "Subject: x\r\n\r\n"},
    {"line break", "b\r\n1", "x", "Subject: x\r\n\r\n"},
    {"quote", "b\"1", "x", "Subject: x\r\n\r\n"},
    {"space", "b 1", "x", "Subject: x\r\n\r\n"},
    {"not ASCII", "b\xc3\xa9", "x", "Subject: x\r\n\r\n"},
    {"empty", "", "x", "Subject: x\r\n\r\n"},
    {"too long", TIMES_8("0123456789"), "x", "Subject: x\r\n\r\n"},
};

START_TEST(a_boundary_that_cannot_be_used_is_replaced)
{
    g_autofree char *used = g_strdup_printf("boundary=\"%s\"", boundaries[_i].boundary);
    g_autofree char *first = NULL;

    fixture.frame.boundary = dsn_span(boundaries[_i].boundary);
    fixture.words[0].text = dsn_span(boundaries[_i].text);
    fixture.request.original = dsn_span(boundaries[_i].original);
    build_and_check(boundaries[_i].label);
    ck_assert_msg(strstr(fixture.notice->str, used) == NULL, "%s", boundaries[_i].label);
    ck_assert_msg(strstr(fixture.notice->str, "boundary=\"=_") != NULL, "%s", boundaries[_i].label);

    first = g_strdup(fixture.notice->str);
    g_string_truncate(fixture.notice, 0);
    build();
    ck_assert_str_eq(fixture.notice->str, first); /* made again, it is the same */
}
END_TEST

/* What cannot be written, and the field that the error names. */
static const struct {
    const char *label;
    size_t offset; /* of a DsnSpan in Fixture.frame */
    const char *value;
    const char *message;
} frame_faults[] = {
    {"From with a line break", offsetof(DsnFrame, from), "a@b.example\r\nBcc: x@y.example", "From"},
    {"From with a list", offsetof(DsnFrame, from), "a@b.example, c@d.example", "From"},
    {"To empty", offsetof(DsnFrame, to), "", "To"},
    {"To with a bracket", offsetof(DsnFrame, to), "<a@b.example>", "To"},
    {"To not UTF-8", offsetof(DsnFrame, to), "\xe9@b.example", "To"},
    {"Message-ID with a line break", offsetof(DsnFrame, message_id), "<1@\r\nx>", "Message-ID"},
    {"Message-ID bare", offsetof(DsnFrame, message_id), "1@x", "Message-ID"},
};

START_TEST(a_frame_that_cannot_be_written)
{
    bool address = strcmp(frame_faults[_i].message, "From") == 0 ||
                   strcmp(frame_faults[_i].message, "To") == 0;

    *(DsnSpan *)((char *)&fixture.frame + frame_faults[_i].offset) =
        dsn_span(frame_faults[_i].value);
    expect_error(address ? DSN_BUILD_ERROR_ADDRESS : DSN_BUILD_ERROR_REPORT,
                 frame_faults[_i].message, frame_faults[_i].label);
}
END_TEST

static const struct {
    const char *label;
    size_t offset; /* of a DsnTyped in DsnPerRecipient */
    const char *type, *value, *message;
} typed_faults[] = {
    {"no recipient", offsetof(DsnPerRecipient, final_recipient), "rfc822", NULL, "Final-Recipient"},
    {"empty recipient", offsetof(DsnPerRecipient, final_recipient), "rfc822", "\r\n",
     "Final-Recipient"},
    {"recipient of another mail system", offsetof(DsnPerRecipient, final_recipient), "x400",
     "/C=xx/", "Final-Recipient"},
    {"UTF-8 recipient as rfc822", offsetof(DsnPerRecipient, final_recipient), "rfc822",
     "\xc3\xa9@x.example", "Final-Recipient"},
    {"recipient that is not UTF-8", offsetof(DsnPerRecipient, final_recipient), "utf-8",
     "\xe9@x.example", "Final-Recipient"},
    {"utf-8 that is no address", offsetof(DsnPerRecipient, final_recipient), "utf-8",
     "\xc3\xa9\\@x.example", "Final-Recipient"},
    {"recipient too long", offsetof(DsnPerRecipient, final_recipient), "rfc822",
     TIMES_64("0123456789abcdef") "@x.example", "Final-Recipient"},
    {"type with a line break", offsetof(DsnPerRecipient, final_recipient), "rfc\r\n822",
     "a@b.example", "Final-Recipient"},
    {"no type", offsetof(DsnPerRecipient, remote_mta), NULL, "x", "Remote-MTA"},
    {"no name", offsetof(DsnPerRecipient, remote_mta), "dns", " ", "Remote-MTA"},
    {"no domain name", offsetof(DsnPerRecipient, remote_mta), "dns", "mx.example.", "Remote-MTA"},
    {"type with a space", offsetof(DsnPerRecipient, diagnostic_code), "x y", "x",
     "Diagnostic-Code"},
    {"no diagnostic", offsetof(DsnPerRecipient, diagnostic_code), "smtp", "\n\n",
     "Diagnostic-Code"},
    {"original recipient", offsetof(DsnPerRecipient, original_recipient), "rfc822", "",
     "Original-Recipient"},
};

START_TEST(a_recipient_that_cannot_be_written)
{
    *(DsnTyped *)((char *)fixture.recipient + typed_faults[_i].offset) =
        (DsnTyped){dsn_span(typed_faults[_i].type), dsn_span(typed_faults[_i].value)};
    expect_error(DSN_BUILD_ERROR_REPORT, typed_faults[_i].message, typed_faults[_i].label);
}
END_TEST

START_TEST(values_that_cannot_be_written)
{
    DsnField foreign = {DSN_SPAN_LITERAL("Status"), DSN_SPAN_LITERAL("2.0.0")};
    DsnField split = {DSN_SPAN_LITERAL("X-A\r\nB"), DSN_SPAN_LITERAL("x")};

    fixture.recipient->status = (DsnStatusCode){3, 0, 0};
    expect_error(DSN_BUILD_ERROR_REPORT, "Status", "class 3");
    fixture.recipient->status = (DsnStatusCode){5, 1000, 0};
    expect_error(DSN_BUILD_ERROR_REPORT, "Status", "subject 1000");
    fixture.recipient->status = (DsnStatusCode){5, 0, 0};
    fixture.recipient->action = DSN_ACTION_NONE;
    expect_error(DSN_BUILD_ERROR_REPORT, "Action", "no action");
    fixture.recipient->action = DSN_ACTION_FAILED;
    fixture.recipient->last_attempt_date = DSN_TIME_MAX + 1;
    expect_error(DSN_BUILD_ERROR_REPORT, "Last-Attempt-Date", "year 10000");
    fixture.recipient->last_attempt_date = DSN_TIME_NONE;
    g_array_append_val(fixture.recipient->extensions, foreign);
    expect_error(DSN_BUILD_ERROR_REPORT, "Status", "a field of the grammar as an extension");
    g_array_index(fixture.recipient->extensions, DsnField, 0) = split;
    expect_error(DSN_BUILD_ERROR_REPORT, "X-A", "a line break in a name");
    g_array_set_size(fixture.recipient->extensions, 0);
    fixture.frame.date = DSN_TIME_NONE;
    expect_error(DSN_BUILD_ERROR_REPORT, "Date", "no date");
    fixture.frame.date = 0;
    fixture.report->per_message.reporting_mta.value = DSN_SPAN_ABSENT;
    expect_error(DSN_BUILD_ERROR_REPORT, "Reporting-MTA", "no reporting MTA");
    fixture.report->per_message.reporting_mta.value = DSN_SPAN_LITERAL("x");
    g_array_set_size(fixture.report->per_recipient, 0);
    expect_error(DSN_BUILD_ERROR_REPORT, "Final-Recipient", "no recipients");
}
END_TEST

/* Rule SEC-01: every text of frame and report, each with every hostile value, for every wish. */
static const char *const hostile[] = {
    "\r\nX-Injected: yes\r\n",
    "\nX-Injected: yes",
    "x\r\n\r\n--b1\r\nX-Injected: yes",
    "a\rX-Injected: yes",
    "\xe9\xff\xc3\x28\r\nX-Injected: yes",
    "\xe2\x80\xa8X-Injected: yes\xc2\x85X-Injected: yes",
    "=?utf-8?q?=0D=0AX-Injected:_yes?=",
    TIMES_64("0123456789abcdef\r\n"),
    "(((((\"\"\"\\\r\nX-Injected: yes",
};

static void
expect_nothing_injected(const char *label)
{
    g_autoptr(GError) error = NULL;

    dsn_returned_plan(&fixture.request, &fixture.plan);
    g_string_truncate(fixture.notice, 0);
    if (!dsn_report_build(fixture.report, &fixture.frame, fixture.notice, &fixture.built, &error)) {
        ck_assert_msg(strchr(error->message, ':') != NULL, "%s: %s", label, error->message);
        return;
    }
    dsn_test_check_notice(notice(), NULL, label);
    for (const char *at = fixture.notice->str; (at = strstr(at, "\nX-Injected")) != NULL; at++)
        ck_assert_msg(strstr(at, "\r\n--") == NULL || at < strstr(fixture.notice->str, "message/"),
                      "%s: injected:\n%s", label, fixture.notice->str);
}

START_TEST(nothing_can_be_injected)
{
    static const size_t in_frame[] = {
        offsetof(DsnFrame, from_display), offsetof(DsnFrame, from),
        offsetof(DsnFrame, to),           offsetof(DsnFrame, subject),
        offsetof(DsnFrame, boundary),     offsetof(DsnFrame, message_id),
    };
    static const size_t in_words[] = {offsetof(DsnWords, language), offsetof(DsnWords, text)};
    static const size_t in_recipient[] = {
        offsetof(DsnPerRecipient, original_recipient.type),
        offsetof(DsnPerRecipient, original_recipient.value),
        offsetof(DsnPerRecipient, final_recipient.type),
        offsetof(DsnPerRecipient, final_recipient.value),
        offsetof(DsnPerRecipient, remote_mta.type),
        offsetof(DsnPerRecipient, remote_mta.value),
        offsetof(DsnPerRecipient, diagnostic_code.type),
        offsetof(DsnPerRecipient, diagnostic_code.value),
        offsetof(DsnPerRecipient, final_log_id),
        offsetof(DsnPerRecipient, status_comment),
    };
    static const size_t in_message[] = {
        offsetof(DsnPerMessage, original_envelope_id),
        offsetof(DsnPerMessage, reporting_mta.type),
        offsetof(DsnPerMessage, reporting_mta.value),
        offsetof(DsnPerMessage, received_from_mta.value),
    };
    const struct {
        void *base;
        const size_t *offsets;
        size_t count;
    } places[] = {
        {&fixture.frame, in_frame, G_N_ELEMENTS(in_frame)},
        {fixture.words, in_words, G_N_ELEMENTS(in_words)},
        {fixture.recipient, in_recipient, G_N_ELEMENTS(in_recipient)},
        {&fixture.report->per_message, in_message, G_N_ELEMENTS(in_message)},
    };
    static const DsnReturn wishes[] = {DSN_RETURN_NOTHING, DSN_RETURN_HEADERS, DSN_RETURN_FULL};

    fixture.report->per_message.received_from_mta =
        (DsnTyped){DSN_SPAN_LITERAL("dns"), DSN_SPAN_LITERAL("x.example (192.0.2.7)")};
    fixture.recipient->original_recipient = fixture.recipient->final_recipient;
    fixture.recipient->diagnostic_code.type =
        DSN_SPAN_LITERAL("x400"); /* which has no reply codes */
    fixture.request.wanted = wishes[_i];
    for (size_t p = 0; p < G_N_ELEMENTS(places); p++) {
        for (size_t o = 0; o < places[p].count; o++) {
            DsnSpan *span = (DsnSpan *)((char *)places[p].base + places[p].offsets[o]);
            DsnSpan saved = *span;

            for (size_t h = 0; h < G_N_ELEMENTS(hostile); h++) {
                g_autofree char *label = g_strdup_printf("place %zu.%zu, value %zu", p, o, h);

                *span = dsn_span(hostile[h]);
                expect_nothing_injected(label);
                *span = (DsnSpan){"a\0b\r\nX-Injected: yes", 20};
                expect_nothing_injected(label);
            }
            *span = saved;
        }
    }
}
END_TEST

START_TEST(large_originals_are_copied_once)
{
    size_t size = 8 * 1000 * 1000;
    g_autofree char *original = g_malloc(size);

    for (size_t i = 0; i + 10 <= size; i += 10)
        memcpy(original + i, "12345678\r\n", 10);
    memcpy(original, "Subject: x\r\n\r\n5678\r\n", 20);
    fixture.request.original = (DsnSpan){original, size};
    fixture.request.limit = size;
    build_and_check("large");
    ck_assert_ptr_nonnull(memmem(fixture.notice->str, fixture.notice->len, original, size));
}
END_TEST

/* Whatever real mail is returned, the notice is correct, and what is read back is what was sent. */
static void
return_real_mail(const char *text, size_t len, DsnReturn wanted, const char *label)
{
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);
    g_autoptr(DsnReport) read = dsn_report_new();

    fixture.request.original = (DsnSpan){text, len};
    fixture.request.wanted = wanted;
    g_string_truncate(fixture.notice, 0);
    build();
    dsn_test_check_notice_about_anything(notice(), fixture.report, label);
    dsn_report_parse(parser, notice(), read);

    g_autoptr(GString) expected = g_string_new(NULL);
    dsn_lines_append_repaired(fixture.plan.content, expected);
    dsn_test_compare(__FILE__, __LINE__, read->returned.bytes.data, read->returned.bytes.len,
                     expected->str, expected->len, label);
}

START_TEST(real_mail_comes_back_as_it_was)
{
    const char *corpus = dsn_test_corpus();
    g_autofree char *index = NULL;
    unsigned count = 0;

    if (corpus == NULL)
        return;
    g_autofree char *path = g_build_filename(corpus, "expected.jsonl", NULL);
    ck_assert_msg(g_file_get_contents(path, &index, NULL, NULL), "%s", path);
    for (const char *at = index; (at = strstr(at, "\"file\":")) != NULL; count++) {
        const char *name = strchr(at + strlen("\"file\":"), '"') + 1;
        g_autofree char *file = g_strndup(name, strcspn(name, "\""));
        g_autofree char *full = g_build_filename(corpus, file, NULL);
        g_autofree char *text = NULL;
        gsize len = 0;

        at = name;
        ck_assert_msg(g_file_get_contents(full, &text, &len, NULL), "%s", full);
        return_real_mail(text, len, DSN_RETURN_FULL, file);
        return_real_mail(text, len, DSN_RETURN_HEADERS, file);
    }
    ck_assert_uint_gt(count, 0);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("report-build");
    TCase *tcase = tcase_create("notices");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_whole_notice);
    tcase_add_test(tcase, the_notice_is_appended);
    tcase_add_test(tcase, several_recipients_each_with_their_own);
    tcase_add_test(tcase, will_retry_until_only_when_delayed);
    tcase_add_loop_test(tcase, diagnostics_are_copied_as_far_as_the_form_allows, 0,
                        G_N_ELEMENTS(diagnostics));
    tcase_add_test(tcase, words_that_fit_no_line_are_broken);
    tcase_add_loop_test(tcase, addresses_in_the_global_form, 0, G_N_ELEMENTS(global_addresses));
    tcase_add_test(tcase, diagnostics_in_other_languages);
    tcase_add_loop_test(tcase, text_behind_the_status, 0, G_N_ELEMENTS(comments));
    tcase_add_loop_test(tcase, every_field_in_its_place, 0, G_N_ELEMENTS(actions));
    tcase_add_test(tcase, several_languages_and_html_are_alternatives);
    tcase_add_test(tcase, the_nested_boundary_stands_nowhere_else);
    tcase_add_test(tcase, a_language_that_is_none_is_refused);
    tcase_add_test(tcase, addresses_that_are_not_ascii);
    tcase_add_test(tcase, the_global_form);
    tcase_add_loop_test(tcase, the_text_for_people, 0, G_N_ELEMENTS(texts));
    tcase_add_loop_test(tcase, notices_join_the_thread, 0, G_N_ELEMENTS(threads));
    tcase_add_test(tcase, references_are_capped);
    tcase_add_loop_test(tcase, a_boundary_that_cannot_be_used_is_replaced, 0,
                        G_N_ELEMENTS(boundaries));
    tcase_add_loop_test(tcase, a_frame_that_cannot_be_written, 0, G_N_ELEMENTS(frame_faults));
    tcase_add_loop_test(tcase, a_recipient_that_cannot_be_written, 0, G_N_ELEMENTS(typed_faults));
    tcase_add_test(tcase, values_that_cannot_be_written);
    tcase_add_loop_test(tcase, nothing_can_be_injected, 0, 3);
    tcase_add_test(tcase, large_originals_are_copied_once);
    tcase_add_test(tcase, real_mail_comes_back_as_it_was);
    suite_add_tcase(suite, tcase);
    return suite;
}
