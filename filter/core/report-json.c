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

/* A feedback report, a DSN, or a bounce in no standard form. */
static void
put_report(DsnPieces *pieces, const DsnReport *report, const DsnArrival *arrival)
{
    g_auto(DsnResolution) resolution;

    dsn_arrival_resolve(arrival, report, &resolution);
    if (report->kind == DSN_REPORT_FEEDBACK) {
        dsn_pieces_feedback_report(
            pieces, "feedback_report", report,
            resolution.supplemental == NULL ? NULL : resolution.supplemental->object);
        put_all_fields(pieces, report);
    } else {
        put_delivery_status(pieces, report);
        put_groups(pieces, report);
    }
    dsn_pieces_trace(pieces, "trace", &resolution);
    dsn_pieces_resolved(pieces, "resolved", &resolution);
    dsn_pieces_original(pieces, "original", &report->returned);
}

static void
put_disposition(DsnPieces *pieces, const DsnReport *report)
{
    dsn_json_key(pieces->json, "disposition_notification");
    g_string_append_c(pieces->json, '{');
    put_all_fields(pieces, report);
    g_string_append_c(pieces->json, '}');
}

/* A name with octets that are not UTF-8 is no defect of the message. */
static void
put_file(GString *json, const char *file)
{
    dsn_json_key(json, "file");
    (void)dsn_json_string(json, dsn_span(file));
}

void
dsn_report_write_arrived(const DsnReport *report, const DsnArrival *arrival, const char *file,
                         GString *ret_line)
{
    DsnPieces pieces = {.json = ret_line};

    g_string_append_c(ret_line, '{');
    if (file != NULL)
        put_file(ret_line, file);
    dsn_pieces_constant(&pieces, "kind", dsn_report_kind_to_string(report->kind));
    if (report->other != DSN_OTHER_NOTHING)
        dsn_pieces_constant(&pieces, "other", dsn_other_mail_to_string(report->other));
    if (report->kind == DSN_REPORT_DISPOSITION_NOTIFICATION)
        put_disposition(&pieces, report);
    else if (report->kind != DSN_REPORT_NONE)
        put_report(&pieces, report, arrival);
    dsn_pieces_open_defects(&pieces, report);
    dsn_pieces_close_defects(&pieces, report);
    g_string_append(ret_line, "}\n");
}

void
dsn_report_write(const DsnReport *report, const char *file, GString *ret_line)
{
    const DsnArrival unknown = {.time = 0};

    dsn_report_write_arrived(report, &unknown, file, ret_line);
}
