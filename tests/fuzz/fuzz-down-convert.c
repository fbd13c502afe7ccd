/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz-down-convert.c - what is converted is in 7 bits, and says the same
 *
 * The input is a message; it is converted as such, and as what a notice returns. The first byte
 * chooses how the notice is made.
 */
#include "config.h"

#include "mime/down-convert.h"
#include "mime/header.h"
#include "mime/lines.h"
#include "mime/lint.h"
#include "mime/report-build.h"
#include "mime/report-parse.h"
#include "mime/structure.h"

#include <gmime/gmime.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
assert_seven_bit(DsnSpan text)
{
    DsnLinesSurvey found = dsn_lines_survey(text);

    g_assert(!found.eight_bit && !found.nul && found.longest <= DSN_LINE_MAX);
}

/* The octets of @part without its transfer encoding (transfer full). */
static GString *
decode(const DsnPart *part)
{
    GString *decoded = g_string_new(NULL);

    (void)dsn_transfer_decode(part->body, part->transfer, &DSN_LIMITS_DEFAULT, decoded);
    return decoded;
}

/* Parts that are not messages hold the same octets as before. */
static void
compare_parts(DsnSpan before, DsnSpan after)
{
    g_autoptr(DsnStructure) a = dsn_structure_new();
    g_autoptr(DsnStructure) b = dsn_structure_new();

    dsn_structure_scan(a, before, &DSN_LIMITS_DEFAULT);
    dsn_structure_scan(b, after, &DSN_LIMITS_DEFAULT);
    g_assert(a->parts->len == b->parts->len);
    for (guint i = 0; i < a->parts->len; i++) {
        const DsnPart *from = &g_array_index(a->parts, DsnPart, i);
        const DsnPart *to = &g_array_index(b->parts, DsnPart, i);
        g_autoptr(GString) x = decode(from);
        g_autoptr(GString) y = decode(to);

        g_assert(from->parent == to->parent);
        if (!dsn_content_type_is(&from->type, "multipart", NULL) &&
            !dsn_content_type_is(&from->type, "message", "rfc822"))
            g_assert(g_string_equal(x, y));
    }
}

static void
convert_message(DsnSpan message)
{
    g_autoptr(GString) result = g_string_new("before");
    g_autoptr(GString) again = g_string_new(NULL);

    if (!dsn_message_down_convert(message, &DSN_LIMITS_DEFAULT, result)) {
        g_assert_cmpstr(result->str, ==, "before");
        return;
    }

    DsnSpan converted = {result->str + strlen("before"), result->len - strlen("before")}, body;
    (void)dsn_header_split(converted, &body);
    assert_seven_bit(body);
    compare_parts(message, converted);
    g_assert(dsn_message_down_convert(converted, &DSN_LIMITS_DEFAULT, again));
    g_assert(dsn_span_equal(converted, (DsnSpan){again->str, again->len}));
}

static void
check_notice(DsnSpan notice, guint findings_allowed)
{
    g_autoptr(GArray) findings = g_array_new(FALSE, FALSE, sizeof(DsnFinding));
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);
    g_autoptr(DsnReport) read = dsn_report_new();

    assert_seven_bit(notice);
    (void)dsn_lint_notice(notice, &DSN_LIMITS_DEFAULT, findings);
    for (guint i = 0; i < findings->len; i++) {
        const DsnFinding *finding = &g_array_index(findings, DsnFinding, i);

        if (finding->level == DSN_LINT_MUST && findings->len > findings_allowed)
            g_assert_cmpstr(finding->rule, ==, NULL);
    }
    dsn_report_parse(parser, notice, read);
    g_assert(read->kind == DSN_REPORT_DELIVERY_STATUS && read->per_recipient->len == 1);
}

static void
convert_notice(DsnSpan original, uint8_t choice)
{
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(GArray) findings = g_array_new(FALSE, FALSE, sizeof(DsnFinding));
    g_autoptr(GString) notice = g_string_new(NULL);
    g_autoptr(GString) result = g_string_new(NULL);
    DsnPerRecipient *recipient = dsn_report_add_recipient(report);
    DsnReturnedPlan plan;
    DsnBuilt built;
    const DsnWords words = {.text = DSN_SPAN_LITERAL("Sorry.")};
    const DsnFrame frame = {
        .from = DSN_SPAN_LITERAL("mailer-daemon@mta1.example.com"),
        .to = DSN_SPAN_LITERAL("news@shop.example"),
        .message_id = DSN_SPAN_LITERAL("<1@mta1.example.com>"),
        .boundary = DSN_SPAN_LITERAL("b"),
        .words = &words,
        .n_words = 1,
        .returned = &plan,
    };

    report->global = choice % 2 == 1;
    report->per_message.reporting_mta =
        (DsnTyped){DSN_SPAN_LITERAL("dns"), DSN_SPAN_LITERAL("mta1.example.com")};
    recipient->final_recipient =
        (DsnTyped){DSN_SPAN_LITERAL("utf-8"), DSN_SPAN_LITERAL("jos\xc3\xa9@customer.example")};
    recipient->action = DSN_ACTION_FAILED;
    recipient->status = (DsnStatusCode){5, 0, 0};
    dsn_returned_plan(&(DsnReturnRequest){.original = original,
                                          .wanted = (DsnReturn)(choice / 2 % 3),
                                          .limit = 1000000,
                                          .failed = true,
                                          .utf8_path = choice / 8 % 2 == 1},
                      &plan);
    g_assert(dsn_report_build(report, &frame, notice, &built, NULL));

    DsnSpan bytes = {notice->str, notice->len};
    (void)dsn_lint_notice(bytes, &DSN_LIMITS_DEFAULT, findings);
    g_assert(dsn_notice_down_convert(bytes, &DSN_LIMITS_DEFAULT, result));
    check_notice((DsnSpan){result->str, result->len}, findings->len);
    if (!built.eight_bit)
        g_assert(dsn_span_equal(bytes, (DsnSpan){result->str, result->len}));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static gsize initialised;
    g_autoptr(GString) repaired = g_string_new(NULL);

    if (g_once_init_enter(&initialised)) {
        g_mime_init();
        g_once_init_leave(&initialised, 1);
    }
    if (size < 1)
        return 0;

    DsnSpan message = {(const char *)data + 1, size - 1};
    dsn_lines_append_repaired(message, repaired);
    convert_message((DsnSpan){repaired->str, repaired->len});
    convert_notice(message, data[0]);
    return 0;
}
