/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/report.h"

#include "mime/report-parse.h"

DsnReport *
dsn_test_parse(DsnSpan message)
{
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);
    DsnReport *report = dsn_report_new();

    dsn_report_parse(parser, message, report);
    return report;
}

char *
dsn_test_defects(const DsnReport *report)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < report->defects->len; i++) {
        const DsnDefect *defect = &g_array_index(report->defects, DsnDefect, i);

        g_string_append_printf(text, "%s%s", i == 0 ? "" : " ",
                               dsn_defect_kind_to_string(defect->kind));
        if (dsn_span_present(defect->field))
            g_string_append_printf(text, ":%.*s", (int)defect->field.len, defect->field.data);
        if (defect->kind == DSN_DEFECT_LIMIT || defect->kind == DSN_DEFECT_QUIRK)
            g_string_append_printf(text, "(%s)", defect->detail);
    }
    return g_string_free(text, FALSE);
}
