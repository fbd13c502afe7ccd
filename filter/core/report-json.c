/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/report-json.h"

#include "filter/core/json-writer.h"
#include "filter/core/report-pieces.h"
#include "filter/core/trace-json.h"

/* [["Name","value"],...]: fields as they stand. */
static void
put_fields(DsnPieces *pieces, const DsnReport *report, const DsnFieldGroup *group)
{
    g_string_append_c(pieces->json, '[');
    for (guint i = group->first; i < group->first + group->count; i++) {
        const DsnField *field = &g_array_index(report->fields, DsnField, i);

        dsn_json_next(pieces->json);
        g_string_append_c(pieces->json, '[');
        pieces->replaced |= !dsn_json_string(pieces->json, field->name);
        dsn_json_next(pieces->json);
        pieces->replaced |= !dsn_json_string(pieces->json, field->value);
        g_string_append_c(pieces->json, ']');
    }
    g_string_append_c(pieces->json, ']');
}

static void
put_all_fields(DsnPieces *pieces, const DsnReport *report)
{
    dsn_json_key(pieces->json, "fields");
    put_fields(pieces, report, &(DsnFieldGroup){.first = 0, .count = report->fields->len});
}

static void
put_groups(DsnPieces *pieces, const DsnReport *report)
{
    dsn_json_key(pieces->json, "groups");
    g_string_append_c(pieces->json, '[');
    for (guint i = 0; i < report->groups->len; i++) {
        dsn_json_next(pieces->json);
        put_fields(pieces, report, &g_array_index(report->groups, DsnFieldGroup, i));
    }
    g_string_append_c(pieces->json, ']');
}

static void
put_delivery_status(DsnPieces *pieces, const DsnReport *report)
{
    dsn_json_key(pieces->json, "delivery_status");
    g_string_append_c(pieces->json, '{');
    dsn_json_key(pieces->json, "per_message");
    dsn_pieces_per_message(pieces, &report->per_message);
    dsn_json_key(pieces->json, "per_recipient");
    g_string_append_c(pieces->json, '[');
    for (guint i = 0; i < report->per_recipient->len; i++) {
        dsn_json_next(pieces->json);
        dsn_pieces_per_recipient(pieces, &g_array_index(report->per_recipient, DsnPerRecipient, i));
    }
    g_string_append_c(pieces->json, ']');
    dsn_json_key(pieces->json, "original_message");
    dsn_json_message_text(pieces->json, report->returned.bytes);
    g_string_append_c(pieces->json, '}');
}

static void
put_report(DsnPieces *pieces, const DsnReport *report)
{
    DsnSpan header = DSN_SPAN_ABSENT;
    json_auto_t *trace = NULL;

    switch (report->kind) {
    case DSN_REPORT_FEEDBACK:
        trace = dsn_trace_find(report, &header);
        dsn_pieces_feedback_report(pieces, "feedback_report", report, trace);
        put_all_fields(pieces, report);
        break;
    case DSN_REPORT_DELIVERY_STATUS:
    case DSN_REPORT_HEURISTIC_BOUNCE:
        trace = dsn_trace_find(report, &header);
        put_delivery_status(pieces, report);
        put_groups(pieces, report);
        break;
    case DSN_REPORT_DISPOSITION_NOTIFICATION:
        dsn_json_key(pieces->json, "disposition_notification");
        g_string_append_c(pieces->json, '{');
        put_all_fields(pieces, report);
        g_string_append_c(pieces->json, '}');
        return;
    case DSN_REPORT_NONE:
        return;
    }
    dsn_json_key(pieces->json, "trace");
    dsn_trace_write(trace, header, pieces->json);
    dsn_pieces_original(pieces, "original", &report->returned);
}

/* A name with octets that are not UTF-8 is no defect of the message. */
static void
put_file(GString *json, const char *file)
{
    dsn_json_key(json, "file");
    (void)dsn_json_string(json, dsn_span(file));
}

void
dsn_report_write(const DsnReport *report, const char *file, GString *ret_line)
{
    DsnPieces pieces = {.json = ret_line};

    g_string_append_c(ret_line, '{');
    if (file != NULL)
        put_file(ret_line, file);
    dsn_pieces_constant(&pieces, "kind", dsn_report_kind_to_string(report->kind));
    if (report->other != DSN_OTHER_NOTHING)
        dsn_pieces_constant(&pieces, "other", dsn_other_mail_to_string(report->other));
    put_report(&pieces, report);
    dsn_pieces_open_defects(&pieces, report);
    dsn_pieces_close_defects(&pieces, report);
    g_string_append(ret_line, "}\n");
}
