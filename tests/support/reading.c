/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/reading.h"

#include "filter/core/report-json.h"
#include "filter/core/report-record.h"
#include "tests/support/report.h"
#include "tests/support/unit.h"

#include <jansson.h>

/* The value at @path ("a.0.b") in @json, NULL when there is none (transfer none). */
static const json_t *
find_value(const json_t *json, const char *path)
{
    g_auto(GStrv) keys = g_strsplit(path, ".", -1);

    for (char **key = keys; *key != NULL && json != NULL; key++)
        json = json_is_array(json) ? json_array_get(json, (size_t)g_ascii_strtoull(*key, NULL, 10))
                                   : json_object_get(json, *key);
    return json;
}

/* {"parse":{...},"records":[...]} (transfer full). */
static json_t *
read_all(const DsnReport *report, DsnSpan message)
{
    const DsnArrival arrival = {.message = message, .time = G_GINT64_CONSTANT(1782990000)};
    g_autoptr(GString) line = g_string_new(NULL);
    g_autoptr(GString) lines = g_string_new(NULL);
    json_t *records = json_array();

    dsn_report_write(report, NULL, line);
    (void)dsn_report_write_records(report, &arrival, lines, NULL);
    g_auto(GStrv) texts = g_strsplit(lines->str, "\n", -1);
    for (char **text = texts; *text != NULL && **text != '\0'; text++)
        ck_assert_int_eq(json_array_append_new(records, json_loads(*text, 0, NULL)), 0);
    return json_pack("{s:o,s:o}", "parse", json_loads(line->str, 0, NULL), "records", records);
}

static void
check(const DsnReading *row)
{
    g_autofree char *name = g_strdup_printf("%s %s", row->rule, row->label);
    DsnSpan message = dsn_span(row->message);
    g_autoptr(DsnReport) report = dsn_test_parse(message);
    g_autofree char *defects = dsn_test_defects(report);
    json_auto_t *all = read_all(report, message);

    for (size_t i = 0; i < G_N_ELEMENTS(row->want) && row->want[i].path != NULL; i++) {
        g_autofree char *where = g_strdup_printf("%s: %s", name, row->want[i].path);
        if (strcmp(row->want[i].path, "defects") == 0) {
            dsn_assert_span(dsn_span(defects), row->want[i].json, where);
            continue;
        }
        const json_t *value = find_value(all, row->want[i].path);
        g_autofree char *got =
            value == NULL ? g_strdup("absent") : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        dsn_assert_span(dsn_span(got), row->want[i].json, where);
    }
}

void
dsn_test_reading(const DsnReading *reading)
{
    DsnReading row = *reading;

    check(&row);
    if (strchr(row.message, '\r') != NULL)
        return;
    g_autoptr(GString) message = g_string_new(row.message);
    g_string_replace(message, "\n", "\r\n", 0);
    row.message = message->str;
    check(&row);
}
