/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/notice-context.h"

#include "mime/header.h"
#include "mime/text.h"

#define SCREEN 1440 /* three quarters of 24 lines of 80 columns: templates repeat addresses */
#define SUBJECT_MAX 240
#define IDENTITY_MAX 240 /* of a message id or a date */
#define ADDRESS_MAX 254
#define REPLY_MAX 480

/* How many bytes of other people's words may still be said. */
typedef struct Budget {
    size_t left;
    GString *line;
} Budget;

/* @text as one clean line of no more than @max bytes. */
static json_t *
take_line(Budget *budget, DsnSpan text, size_t max)
{
    g_string_truncate(budget->line, 0);
    dsn_text_append_line(text, MIN(max, budget->left), budget->line);
    budget->left -= MIN(budget->left, budget->line->len);
    return json_stringn_nocheck(budget->line->str, budget->line->len);
}

static json_t *
date_text(int64_t date)
{
    char buffer[DSN_DATE_MAX];

    return date < DSN_TIME_MIN || date > DSN_TIME_MAX
               ? json_null()
               : json_string_nocheck(dsn_date_to_rfc5322(date, buffer));
}

static json_t *
original_field(Budget *budget, DsnSpan header, const char *name, size_t max,
               const DsnLimits *limits)
{
    g_autoptr(GString) decoded = g_string_new(NULL);
    DsnSpan value = dsn_header_find(header, name);

    if (!dsn_span_present(value))
        return json_null();
    dsn_text_decode_header(value, limits, decoded);
    return take_line(budget, (DsnSpan){decoded->str, decoded->len}, max);
}

static json_t *
original_context(Budget *budget, DsnSpan header, const DsnLimits *limits)
{
    json_t *original;

    if (header.len == 0)
        return json_null();
    original = json_object();
    json_object_set_new_nocheck(original, "subject",
                                original_field(budget, header, "Subject", SUBJECT_MAX, limits));
    json_object_set_new_nocheck(original, "message_id",
                                original_field(budget, header, "Message-ID", IDENTITY_MAX, limits));
    json_object_set_new_nocheck(original, "date",
                                original_field(budget, header, "Date", IDENTITY_MAX, limits));
    return original;
}

static json_t *
recipient_context(Budget *budget, const DsnPerRecipient *recipient)
{
    char status[DSN_STATUS_CODE_MAX];
    DsnSpan remote = recipient->remote_mta.value;
    json_t *context = json_object();

    json_object_set_new_nocheck(context, "address",
                                take_line(budget, recipient->final_recipient.value, ADDRESS_MAX));
    dsn_status_code_to_string(recipient->status, status);
    json_object_set_new_nocheck(context, "status", json_string_nocheck(status));
    json_object_set_new_nocheck(context, "meaning",
                                json_string_nocheck(dsn_status_code_meaning(recipient->status)));
    json_object_set_new_nocheck(context, "remote_mta",
                                dsn_span_present(remote) ? take_line(budget, remote, ADDRESS_MAX)
                                                         : json_null());
    json_object_set_new_nocheck(context, "diagnostic",
                                take_line(budget, recipient->diagnostic_code.value, REPLY_MAX));
    return context;
}

/* Bytes that the foreign words of @recipient would take whole. */
static size_t
recipient_cost(const DsnPerRecipient *recipient)
{
    return MIN(recipient->final_recipient.value.len, ADDRESS_MAX) +
           MIN(recipient->remote_mta.value.len, ADDRESS_MAX) +
           MIN(recipient->diagnostic_code.value.len, REPLY_MAX);
}

json_t *
dsn_notice_context_new(const DsnNoticeFacts *facts)
{
    static const char *const words[] = {
        [DSN_RETURN_NOTHING] = "no", [DSN_RETURN_HEADERS] = "headers", [DSN_RETURN_FULL] = "full"};
    g_autoptr(GString) line = g_string_new(NULL);
    Budget budget = {.left = SCREEN, .line = line};
    Budget own = {.left = SCREEN, .line = line}; /* what the sender and we are called */
    const DsnReport *report = facts->report;
    const DsnRecord *record = facts->record;
    const GArray *recipients = report->per_recipient;
    json_t *context = json_object(), *list = json_array();
    guint listed = 0;

    json_object_set_new_nocheck(
        context, "hostname", take_line(&own, report->per_message.reporting_mta.value, ADDRESS_MAX));
    json_object_set_new_nocheck(context, "sender", take_line(&own, facts->sender, ADDRESS_MAX));
    json_object_set_new_nocheck(context, "type",
                                json_string_nocheck(dsn_record_type_to_string(record->type)));
    json_object_set_new_nocheck(context, "action",
                                json_string_nocheck(dsn_action_to_string(DSN_ACTION_FAILED)));
    json_object_set_new_nocheck(context, "arrival_date", date_text(record->created));
    json_object_set_new_nocheck(context, "event_date", date_text(record->event_time));
    json_object_set_new_nocheck(context, "original",
                                original_context(&budget, facts->returned->header, facts->limits));
    /* The first one always, the others as long as they are whole. */
    for (; listed < recipients->len; listed++) {
        const DsnPerRecipient *recipient = &g_array_index(recipients, DsnPerRecipient, listed);

        if (listed > 0 && recipient_cost(recipient) > budget.left)
            break;
        json_array_append_new(list, recipient_context(&budget, recipient));
    }
    json_object_set_new_nocheck(context, "recipients", list);
    json_object_set_new_nocheck(context, "more_recipients", json_integer(recipients->len - listed));
    json_object_set_new_nocheck(context, "returned",
                                json_string_nocheck(words[facts->returned->returned]));
    json_object_set_new_nocheck(context, "postmaster",
                                dsn_span_present(facts->postmaster)
                                    ? take_line(&own, facts->postmaster, ADDRESS_MAX)
                                    : json_null());
    return context;
}
