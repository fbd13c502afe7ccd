/* SPDX-License-Identifier: BSD-2-Clause */
/* Whatever the message, its lines are JSON, and its records read and write the same again. */
#include "config.h"

#include "filter/core/record.h"
#include "filter/core/report-json.h"
#include "filter/core/report-record.h"
#include "mime/report-parse.h"

#include <gmime/gmime.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_line(DsnSpan line, bool is_record)
{
    json_auto_t *tree =
        json_loadb(line.data, line.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

    g_assert(json_is_object(tree));
    if (!is_record)
        return;
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnRecord) record = dsn_record_from_json(tree, &error);
    g_assert_no_error(error);
    g_autoptr(GString) again = g_string_new(NULL);
    dsn_record_write(record, again);
    g_assert(dsn_span_equal((DsnSpan){again->str, again->len}, line));
}

static void
check_lines(const GString *lines, bool are_records, unsigned count)
{
    DsnSpan rest = {lines->str, lines->len};

    for (; rest.len > 0; count--) {
        const char *end = memchr(rest.data, '\n', rest.len);
        g_assert(end != NULL && count > 0);
        size_t length = (size_t)(end - rest.data) + 1;
        check_line((DsnSpan){rest.data, length}, are_records);
        rest = dsn_span_from(rest, length);
    }
    g_assert(count == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static gsize initialised = 0;

    if (g_once_init_enter(&initialised)) {
        g_mime_init();
        g_once_init_leave(&initialised, 1);
    }

    DsnSpan message = {(const char *)data, size};
    DsnArrival arrival = {.message = message, .time = 1795170700};
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(GString) line = g_string_new(NULL);
    g_autoptr(GString) records = g_string_new(NULL);

    dsn_report_parse(parser, message, report);
    dsn_report_write(report, "x.eml", line);
    check_lines(line, false, 1);
    unsigned count = dsn_report_write_records(report, &arrival, records, NULL);
    check_lines(records, true, count);
    return 0;
}
