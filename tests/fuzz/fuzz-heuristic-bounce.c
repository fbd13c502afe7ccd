/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any text as that of a message from a mail system, with the default limits and with small ones:
 * each recipient that is found in it is an address, is named once and has an action.
 */
#include "config.h"

#include "mime/report-parse.h"

#include <gmime/gmime.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char header[] = "Return-Path: <>\nDate: Thu, 2 Jul 2026 09:15:01 +0000\n\n";

static bool
is_by_profile(const DsnReport *report)
{
    for (guint i = 0; i < report->defects->len; i++) {
        const DsnDefect *defect = &g_array_index(report->defects, DsnDefect, i);

        if (defect->kind == DSN_DEFECT_QUIRK && g_str_has_prefix(defect->detail, "heuristic:"))
            return strcmp(defect->detail, "heuristic:status-fields") != 0;
    }
    return false;
}

static void
check_recipients(const DsnReport *report, const DsnLimits *limits)
{
    const GArray *recipients = report->per_recipient;

    g_assert(recipients->len > 0 && recipients->len <= limits->groups);
    for (guint i = 0; i < recipients->len; i++) {
        const DsnPerRecipient *recipient = &g_array_index(recipients, DsnPerRecipient, i);
        DsnSpan address = recipient->final_recipient.value;

        g_assert(dsn_address_is_mailbox(address));
        g_assert(recipient->action == DSN_ACTION_FAILED || recipient->action == DSN_ACTION_DELAYED);
        g_assert(recipient->diagnostic_code.value.len <= MAX(limits->field, 4096));
        g_assert(recipient->status.class_ != 3);
        for (guint j = 0; j < i; j++)
            g_assert(!dsn_span_equal(
                address, g_array_index(recipients, DsnPerRecipient, j).final_recipient.value));
    }
}

static void
check(DsnSpan message, const DsnLimits *limits)
{
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(limits);
    g_autoptr(DsnReport) report = dsn_report_new();

    dsn_report_parse(parser, message, report);
    g_assert(report->kind == DSN_REPORT_NONE || report->kind == DSN_REPORT_HEURISTIC_BOUNCE);
    if (report->kind == DSN_REPORT_NONE)
        g_assert(report->per_recipient->len == 0 && report->fields->len == 0);
    else if (is_by_profile(report))
        check_recipients(report, limits);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static gsize initialised = 0;
    DsnLimits small_limits = DSN_LIMITS_DEFAULT;

    if (g_once_init_enter(&initialised)) {
        g_mime_init();
        g_once_init_leave(&initialised, 1);
    }
    small_limits.groups = 2;
    small_limits.field = 30;
    small_limits.fields = 5;

    g_autoptr(GString) text = g_string_new(header);
    g_string_append_len(text, (const char *)data, (gssize)size);
    check((DsnSpan){text->str, text->len}, &DSN_LIMITS_DEFAULT);
    check((DsnSpan){text->str, text->len}, &small_limits);
    return 0;
}
