/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a message: what is taken for a notice of Postfix's own lies in it, names its sender
 * in To, and makes a record for each recipient, which is JSON.
 */
#include "config.h"

#include "filter/core/postfix-record.h"
#include "mime/header.h"
#include "mime/report-parse.h"

#include <gmime/gmime.h>
#include <stdint.h>

#define NOW 1795300000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_inside(DsnSpan whole, DsnSpan part)
{
    g_assert(part.data >= whole.data && part.len <= whole.len &&
             part.data + part.len <= whole.data + whole.len);
}

static void
check_records(const DsnPostfixNotice *notice, const DsnReport *report)
{
    const DsnMetaKeys keys = {
        .notify = (char *)"notify",
        .envid = (char *)"envid",
        .orcpt = (char *)"orcpt",
        .action = (char *)"action",
        .authenticated = (char *)"login",
        .client = (char *)"client",
    };
    const DsnPostfixRecordOptions options = {.keys = &keys, .nodeid = "node", .now = NOW};
    g_autoptr(GPtrArray) records = dsn_postfix_notice_records(notice, report, &options);

    g_assert(records->len == report->per_recipient->len && records->len > 0);
    for (guint i = 0; i < records->len; i++) {
        g_autofree char *text = json_dumps(records->pdata[i], JSON_COMPACT);

        g_assert(text != NULL);
        g_assert(json_integer_value(json_object_get(records->pdata[i], "timestamp")) <= NOW);
        g_assert(json_object_size(records->pdata[i]) == 24);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static gsize initialised = 0;
    DsnSpan message = {(const char *)data, size};
    DsnPostfixNotice notice;

    if (g_once_init_enter(&initialised)) {
        g_mime_init();
        g_once_init_leave(&initialised, 1);
    }
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);
    g_autoptr(DsnReport) report = dsn_report_new();
    dsn_report_parse(parser, message, report);
    if (!dsn_postfix_notice_read(message, report, &notice))
        return 0;
    check_inside(message, notice.text);
    check_inside(message, notice.host);
    check_inside(message, notice.queue_id);
    check_inside(message, notice.sender);
    if (dsn_span_present(notice.original))
        check_inside(message, notice.original);
    g_assert(notice.action == DSN_ACTION_FAILED || notice.action == DSN_ACTION_DELAYED ||
             notice.action == DSN_ACTION_DELIVERED);
    check_records(&notice, report);
    return 0;
}
