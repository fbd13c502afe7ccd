/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz-build.c - whatever is put into a notice, it is correct or refused
 *
 * The first byte chooses how much is returned, the second the form; then come the texts of the
 * frame and of the report, separated by 0xFE, and last the original.
 */
#include "config.h"

#include "mime/lint.h"
#include "mime/report-build.h"
#include "mime/report-parse.h"

#include <gmime/gmime.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static DsnSpan
take_piece(DsnSpan *input)
{
    const char *end = input->len == 0 ? NULL : memchr(input->data, 0xfe, input->len);
    DsnSpan piece = {input->data, end == NULL ? input->len : (size_t)(end - input->data)};

    *input = dsn_span_from(*input, MIN(piece.len + 1, input->len));
    return piece;
}

static void
fill(DsnReport *report, DsnSpan *input)
{
    DsnPerRecipient *recipient = dsn_report_add_recipient(report);
    DsnField extension = {DSN_SPAN_LITERAL("X-Dsnarf-Fuzz"), take_piece(input)};

    report->per_message.reporting_mta =
        (DsnTyped){DSN_SPAN_LITERAL("dns"), DSN_SPAN_LITERAL("mta1.example.com")};
    report->per_message.original_envelope_id = take_piece(input);
    report->per_message.received_from_mta =
        (DsnTyped){DSN_SPAN_LITERAL("x-fuzz"), take_piece(input)};
    recipient->final_recipient = (DsnTyped){take_piece(input), take_piece(input)};
    recipient->action = DSN_ACTION_FAILED;
    recipient->status = (DsnStatusCode){5, 0, 0};
    recipient->remote_mta = (DsnTyped){DSN_SPAN_LITERAL("dns"), take_piece(input)};
    recipient->diagnostic_code = (DsnTyped){take_piece(input), take_piece(input)};
    recipient->final_log_id = take_piece(input);
    g_array_append_val(recipient->extensions, extension);
}

/* The rules, and what the reader makes of it. */
static void
check(DsnSpan notice, const DsnBuilt *built)
{
    static const DsnReturnedKind kinds[] = {
        [DSN_RETURN_NOTHING] = DSN_RETURNED_NOTHING,
        [DSN_RETURN_HEADERS] = DSN_RETURNED_HEADERS,
        [DSN_RETURN_FULL] = DSN_RETURNED_MESSAGE,
    };
    g_autoptr(GArray) findings = g_array_new(FALSE, FALSE, sizeof(DsnFinding));
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);
    g_autoptr(DsnReport) read = dsn_report_new();

    /* A reply of several lines is copied as it came, whole or not; all else is our doing. */
    (void)dsn_lint_notice(notice, &DSN_LIMITS_DEFAULT, findings);
    for (guint i = 0; i < findings->len; i++) {
        const DsnFinding *finding = &g_array_index(findings, DsnFinding, i);

        if (finding->level == DSN_LINT_MUST && strcmp(finding->rule, "RCPT-17") != 0)
            g_assert_cmpstr(finding->rule, ==, NULL);
    }
    dsn_report_parse(parser, notice, read);
    g_assert(read->kind == DSN_REPORT_DELIVERY_STATUS && read->per_recipient->len == 1);
    g_assert(read->returned.kind == kinds[built->returned]);
    g_assert(built->eight_bit || dsn_text_is_ascii(notice));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static gsize initialised;
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(GString) notice = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    DsnSpan input = {(const char *)data, size};
    DsnReturnedPlan plan;
    DsnWords words[2];
    DsnBuilt built;

    if (g_once_init_enter(&initialised)) {
        g_mime_init();
        g_once_init_leave(&initialised, 1);
    }
    if (size < 2)
        return 0;
    input = dsn_span_from(input, 2);

    DsnFrame frame = {
        .from_display = take_piece(&input),
        .from = DSN_SPAN_LITERAL("mailer-daemon@mta1.example.com"),
        .to = take_piece(&input),
        .subject = take_piece(&input),
        .message_id = DSN_SPAN_LITERAL("<1@mta1.example.com>"),
        .boundary = take_piece(&input),
        .words = words,
        .n_words = 1 + data[1] / 128,
        .returned = &plan,
    };
    for (size_t i = 0; i < frame.n_words; i++)
        words[i] = (DsnWords){.text = take_piece(&input), .html = take_piece(&input)};
    if (data[1] % 4 == 0)
        words[0].html = DSN_SPAN_ABSENT;
    report->global = data[1] % 2 == 1;
    fill(report, &input);
    dsn_returned_plan(&(DsnReturnRequest){.original = input,
                                          .wanted = (DsnReturn)(data[0] % 3),
                                          .limit = 2000,
                                          .failed = true,
                                          .utf8_path = data[1] % 3 == 1},
                      &plan);
    if (dsn_report_build(report, &frame, notice, &built, &error))
        check((DsnSpan){notice->str, notice->len}, &built);
    else
        g_assert(notice->len == 0 && strchr(error->message, ':') != NULL);
    return 0;
}
