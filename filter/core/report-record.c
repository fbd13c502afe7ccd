/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/report-record.h"

#include "filter/core/auth-failure.h"
#include "filter/core/json-writer.h"
#include "filter/core/report-pieces.h"
#include "filter/core/trace-json.h"
#include "mime/feedback-report.h"
#include "mime/text.h"
#include "mime/smtp-reply.h"

#define ID_DIGITS 32
#define NIL_UUID "00000000-0000-0000-0000-000000000000"
#define DEFAULT_CODE 550
#define ACCEPTED_CODE 250
#define NAME_MAX_BYTES 255

/* A last attempt that was earlier, or later, than this before the arrival is not believed. */
#define ATTEMPT_EARLIEST (G_GINT64_CONSTANT(30) * 24 * 60 * 60)
#define ATTEMPT_LATEST (G_GINT64_CONSTANT(24) * 60 * 60)

/* What all records of one report share. */
typedef struct Source {
    const DsnReport *report;
    const DsnArrival *arrival;
    char *id;
    char *queue;
    DsnSpan sender; /* of the report; absent when not known */
    int64_t time;
    uint32_t nanoseconds;
    DsnResolution resolution;
    DsnEvidence evidence;
    GString *resolved; /* both as JSON, which all records of the report share */
    bool replaced;     /* octets were, in there */
} Source;

/* What is of the one record. */
typedef struct Event {
    DsnRecordType type;
    DsnSpan sender;
    DsnSpan recipient; /* absent when not known */
    size_t size;
    uint16_t code;
    DsnStatusCode enhanced;
    DsnSpan content;
    DsnSpan peer_name;
    int64_t time;
    uint32_t nanoseconds;
} Event;

static char *
dup_digest(DsnSpan message)
{
    char *digest =
        g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)message.data, message.len);

    digest[ID_DIGITS] = '\0';
    return digest;
}

/* A queue without tenant and campaign is named after the domain of the recipient. */
static char *
dup_queue(DsnSpan recipient)
{
    const char *at =
        recipient.len == 0 ? NULL : g_strrstr_len(recipient.data, (gssize)recipient.len, "@");

    if (at == NULL)
        return g_strdup("");
    return g_ascii_strdown(at + 1, recipient.data + recipient.len - (at + 1));
}

/* Without a session, the Date of the message tells more than the time of a file that may have been
 * copied. */
static void
set_time(Source *source)
{
    int64_t date = source->report->envelope.date;

    source->time = source->arrival->time;
    source->nanoseconds = source->arrival->nanoseconds;
    if (!dsn_span_present(source->arrival->recipient) && date != DSN_TIME_NONE &&
        date <= source->time) {
        source->time = date;
        source->nanoseconds = 0;
    }
}

void
dsn_arrival_resolve(const DsnArrival *arrival, const DsnReport *report,
                    DsnResolution *ret_resolution)
{
    DsnResolveOptions options = dsn_evidence_resolve_options(arrival->rules);

    options.envelope_recipient = arrival->recipient;
    options.now = arrival->time;
    dsn_resolution_init(ret_resolution, report, &options);
}

static void
source_init(Source *source, const DsnReport *report, const DsnArrival *arrival)
{
    *source = (Source){
        .report = report,
        .arrival = arrival,
        .id = dsn_span_present(arrival->id) ? dsn_span_dup(arrival->id)
                                            : dup_digest(arrival->message),
        .queue = dup_queue(arrival->recipient),
        .sender =
            dsn_span_present(arrival->sender) ? arrival->sender : report->envelope.return_path,
        .resolved = g_string_new(NULL),
    };
    DsnPieces pieces = {.json = source->resolved};
    /* By LMTP a host of ours hands over what others have sent. */
    DsnSpan client =
        dsn_span_is(arrival->reception_protocol, "LMTP") ? DSN_SPAN_ABSENT : arrival->peer_addr;

    set_time(source);
    dsn_arrival_resolve(arrival, report, &source->resolution);
    dsn_evidence_init(&source->evidence, arrival->rules, report, &source->resolution, client);
    dsn_pieces_trace(&pieces, "trace", &source->resolution);
    dsn_pieces_resolved(&pieces, "resolved", &source->resolution);
    source->replaced = pieces.replaced;
}

static void
source_clear(Source *source)
{
    g_free(source->id);
    g_free(source->queue);
    dsn_evidence_clear(&source->evidence);
    dsn_resolution_clear(&source->resolution);
    (void)g_string_free(source->resolved, TRUE);
}

static DsnSpan
or_empty(DsnSpan text)
{
    return dsn_span_present(text) ? text : DSN_SPAN_LITERAL("");
}

static void
put_raw(DsnPieces *pieces, const char *key, const char *json)
{
    dsn_json_key(pieces->json, key);
    g_string_append(pieces->json, json);
}

static void
put_number(DsnPieces *pieces, const char *key, int64_t number)
{
    dsn_json_key(pieces->json, key);
    dsn_json_int(pieces->json, number);
}

static void
put_response(DsnPieces *pieces, const Event *event)
{
    put_raw(pieces, "response", "{");
    put_number(pieces, "code", event->code);
    if (event->enhanced.class_ == 0) {
        put_raw(pieces, "enhanced_code", "null");
    } else {
        put_raw(pieces, "enhanced_code", "{");
        put_number(pieces, "class", event->enhanced.class_);
        put_number(pieces, "subject", event->enhanced.subject);
        put_number(pieces, "detail", event->enhanced.detail);
        g_string_append_c(pieces->json, '}');
    }
    dsn_pieces_text(pieces, "content", event->content);
    put_raw(pieces, "command", "null}");
}

static void
put_peer(DsnPieces *pieces, DsnSpan name, DsnSpan addr)
{
    if (!dsn_span_present(addr)) {
        put_raw(pieces, "peer_address", "null");
        return;
    }
    put_raw(pieces, "peer_address", "{");
    dsn_pieces_name(pieces, "name", or_empty(name));
    dsn_pieces_text(pieces, "addr", addr);
    g_string_append_c(pieces->json, '}');
}

static void
put_time(DsnPieces *pieces, const char *seconds_key, const char *precise_key, int64_t time,
         uint32_t nanoseconds)
{
    char buffer[DSN_DATE_MAX];

    put_number(pieces, seconds_key, time);
    dsn_pieces_constant(pieces, precise_key, dsn_date_to_rfc3339(time, nanoseconds, buffer));
}

/* All keys before feedback_report. */
static void
open_record(DsnPieces *pieces, const Source *source, const Event *event)
{
    const char *class_ =
        dsn_classification_find(source->arrival->classification, event->type, event->code,
                                event->enhanced, event->content, source->arrival->metrics);

    g_string_append_c(pieces->json, '{');
    dsn_pieces_constant(pieces, "type", dsn_record_type_to_string(event->type));
    dsn_pieces_text(pieces, "id", dsn_span(source->id));
    dsn_pieces_address(pieces, "sender", event->sender);
    if (dsn_span_present(event->recipient))
        dsn_pieces_address(pieces, "recipient", event->recipient);
    else
        put_raw(pieces, "recipient", "[]");
    dsn_pieces_text(pieces, "queue", dsn_span(source->queue));
    dsn_pieces_constant(pieces, "site", "");
    put_number(pieces, "size", (int64_t)event->size);
    put_response(pieces, event);
    put_peer(pieces, event->peer_name, source->arrival->peer_addr);
    put_time(pieces, "timestamp", "event_time", event->time, event->nanoseconds);
    put_time(pieces, "created", "created_time", source->time, source->nanoseconds);
    put_number(pieces, "num_attempts", 0);
    dsn_pieces_text(pieces, "bounce_classification", dsn_span(class_));
    put_raw(pieces, "egress_pool", "null");
    put_raw(pieces, "egress_source", "null");
    put_raw(pieces, "source_address", "null");
}

/* All keys behind feedback_report, and the beginning of our own. @suppress is the address that
 * should get no more mail, or absent. */
static void
open_additions(DsnPieces *pieces, const Source *source, DsnSpan suppress)
{
    put_raw(pieces, "meta", "{}");
    put_raw(pieces, "headers", "{}");
    put_raw(pieces, "delivery_protocol", "null");
    dsn_pieces_text(pieces, "reception_protocol", source->arrival->reception_protocol);
    dsn_pieces_text(pieces, "nodeid",
                    dsn_span_present(source->arrival->nodeid) ? source->arrival->nodeid
                                                              : DSN_SPAN_LITERAL(NIL_UUID));
    put_raw(pieces, "dsnarf", "{");
    dsn_pieces_evidence(pieces, &source->evidence, suppress);
    put_raw(pieces, "null_sender",
            !dsn_span_present(source->sender) ? "null"
            : source->sender.len == 0         ? "true"
                                              : "false");
    dsn_json_next(pieces->json);
    g_string_append_len(pieces->json, source->resolved->str, (gssize)source->resolved->len);
    pieces->replaced |= source->replaced;
    dsn_pieces_original(pieces, "original", &source->report->returned);
}

static void
close_record(DsnPieces *pieces, const Source *source)
{
    dsn_pieces_close_defects(pieces, source->report);
    g_string_append(pieces->json, "}}\n");
}

/* Whether somebody complains: rules ARF-22 and AUTHF-10. Null for a type that is not known. */
static void
put_complaint(DsnPieces *pieces, const DsnFeedback *feedback)
{
    static const struct {
        const char *type;
        const char *complaint;
    } rows[] = {
        {"abuse", "true"},     {"fraud", "true"},         {"virus", "true"},
        {"other", "true"},     {"opt-out", "true"},       {"opt-out-list", "true"},
        {"not-spam", "false"}, {"auth-failure", "false"}, {"dkim", "false"},
    };
    const char *complaint = "null";

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (dsn_span_is(feedback->feedback_type, rows[i].type))
            complaint = rows[i].complaint;
    }
    put_raw(pieces, "complaint", complaint);
}

static void
put_source_port(DsnPieces *pieces, const DsnFeedback *feedback)
{
    uint16_t port = 0;

    if (dsn_feedback_port(feedback, &port))
        put_number(pieces, "source_port", port);
    else
        put_raw(pieces, "source_port", "null");
}

static void
write_feedback(const Source *source, GString *lines)
{
    DsnPieces pieces = {.json = lines};
    const DsnArrival *arrival = source->arrival;
    Event event = {
        .type = DSN_RECORD_FEEDBACK,
        .sender = or_empty(source->sender),
        .recipient = arrival->recipient,
        .size = arrival->message.len,
        .code = ACCEPTED_CODE,
        .content = DSN_SPAN_LITERAL(""),
        .peer_name = arrival->peer_name,
        .time = source->time,
        .nanoseconds = source->nanoseconds,
    };

    open_record(&pieces, source, &event);
    dsn_pieces_feedback_report(
        &pieces, "feedback_report", source->report,
        source->resolution.supplemental == NULL ? NULL : source->resolution.supplemental->object);
    open_additions(&pieces, source, dsn_evidence_suppress(&source->evidence, NULL, event.enhanced));
    put_complaint(&pieces, &source->report->feedback);
    put_source_port(&pieces, &source->report->feedback);
    dsn_auth_failure_write(&pieces, "authentication_failure", &source->report->feedback);
    dsn_pieces_open_defects(&pieces, source->report);
    close_record(&pieces, source);
}

/* Exim always says 5.0.0 or 4.0.0: the code in the reply is then the better one (rule QRK-10). */
static DsnStatusCode
better_code(DsnStatusCode status, DsnStatusCode reply)
{
    bool vague = status.subject == 0 && status.detail == 0 &&
                 (status.class_ == 0 || status.class_ == reply.class_);

    return vague && reply.class_ != 0 ? reply : status;
}

/* What the failed host answered; 550 where nothing says so, as KumoMTA has it. */
static void
set_response(Event *event, const DsnPerRecipient *recipient, GString *text)
{
    DsnSpan diagnostic = or_empty(recipient->diagnostic_code.value);
    g_autoptr(GString) decoded = NULL;

    if (diagnostic.len <= DSN_LIMITS_DEFAULT.encoded &&
        memmem(diagnostic.data, diagnostic.len, "=?", 2) != NULL) {
        decoded = g_string_sized_new(diagnostic.len);
        dsn_text_decode_header(diagnostic, &DSN_LIMITS_DEFAULT, decoded);
        diagnostic = (DsnSpan){decoded->str, decoded->len};
    }
    g_string_truncate(text, 0);
    DsnSmtpReply reply = dsn_smtp_reply_parse(diagnostic, text);
    /* KumoMTA writes each line break of a response as a space. */
    dsn_pieces_collapse_space(text);
    event->code = reply.code == 0 ? DEFAULT_CODE : reply.code;
    event->enhanced = better_code(recipient->status, reply.enhanced);
    event->content = (DsnSpan){text->str, text->len};
}

/* A recipient without an action, or with one that RFC 3464 does not know, failed when its status
 * says so; "expired" is what SendGrid calls it. */
static bool
is_failed(const DsnPerRecipient *recipient)
{
    return recipient->action == DSN_ACTION_FAILED ||
           (recipient->action == DSN_ACTION_NONE &&
            (recipient->status.class_ == 5 || dsn_span_is(recipient->action_text, "expired")));
}

/* The last attempt is the event, if it can be true. Returns false if it cannot. */
static bool
set_event_time(Event *event, const Source *source, int64_t attempt)
{
    event->time = source->time;
    event->nanoseconds = source->nanoseconds;
    if (attempt == DSN_TIME_NONE)
        return true;
    if (attempt < source->time - ATTEMPT_EARLIEST || attempt > source->time + ATTEMPT_LATEST)
        return false;
    event->time = attempt;
    event->nanoseconds = 0;
    return true;
}

static void
put_attempt_defect(DsnPieces *pieces, int64_t attempt)
{
    char buffer[DSN_DATE_MAX];

    dsn_pieces_defect(pieces,
                      &(DsnDefect){
                          .kind = DSN_DEFECT_BAD_DATE,
                          .field = DSN_SPAN_LITERAL("Last-Attempt-Date"),
                          .value = dsn_span(dsn_date_to_rfc3339(attempt, 0, buffer)),
                          .detail = "too far from the arrival, which stands as the event's time",
                      });
}

/* Names have at most 255 octets (RFC 1035 section 2.3.4); what is longer would stand in every
 * record of the report. */
static DsnSpan
cut_name(DsnSpan name)
{
    return (DsnSpan){name.data, MIN(name.len, NAME_MAX_BYTES)};
}

static void
write_bounce(const Source *source, const DsnPerRecipient *recipient, GString *text, GString *lines)
{
    DsnPieces pieces = {.json = lines};
    const DsnArrival *arrival = source->arrival;
    const DsnPerMessage *message = &source->report->per_message;
    DsnTyped mta = {cut_name(message->reporting_mta.type), cut_name(message->reporting_mta.value)};
    Event event = {
        .type = DSN_RECORD_OOB,
        /* The return path of the original, to which the report was sent. */
        .sender =
            or_empty(dsn_span_present(arrival->recipient) ? arrival->recipient : source->sender),
        .recipient = dsn_span_present(recipient->original_recipient.value)
                         ? recipient->original_recipient.value
                         : recipient->final_recipient.value,
        .peer_name = mta.value,
    };
    bool believed = set_event_time(&event, source, recipient->last_attempt_date);

    set_response(&event, recipient, text);
    open_record(&pieces, source, &event);
    put_raw(&pieces, "feedback_report", "null");
    open_additions(&pieces, source,
                   dsn_evidence_suppress(&source->evidence, recipient, event.enhanced));
    dsn_pieces_short_text(&pieces, "original_envelope_id", message->original_envelope_id);
    dsn_pieces_typed(&pieces, "reporting_mta", mta, "mta_type", "name");
    dsn_pieces_date(&pieces, "arrival_date", message->arrival_date);
    dsn_json_key(lines, "per_recipient");
    dsn_pieces_per_recipient(&pieces, recipient);
    dsn_pieces_open_defects(&pieces, source->report);
    if (!believed)
        put_attempt_defect(&pieces, recipient->last_attempt_date);
    close_record(&pieces, source);
}

static unsigned
write_bounces(const Source *source, GString *lines)
{
    const GArray *recipients = source->report->per_recipient;
    g_autoptr(GString) text = g_string_new(NULL);
    unsigned count = 0;

    for (guint i = 0; i < recipients->len; i++) {
        const DsnPerRecipient *recipient = &g_array_index(recipients, DsnPerRecipient, i);

        if (is_failed(recipient)) {
            write_bounce(source, recipient, text, lines);
            count++;
        }
    }
    return count;
}

unsigned
dsn_report_write_records(const DsnReport *report, const DsnArrival *arrival, GString *ret_lines,
                         DsnTraceState *ret_trace)
{
    DsnTraceState trace = DSN_TRACE_UNSIGNED;
    unsigned count = 0;
    Source source;

    if (ret_trace != NULL)
        *ret_trace = trace;
    if (report->kind != DSN_REPORT_FEEDBACK && report->kind != DSN_REPORT_DELIVERY_STATUS)
        return 0;
    source_init(&source, report, arrival);
    if (report->kind == DSN_REPORT_FEEDBACK) {
        write_feedback(&source, ret_lines);
        count = 1;
    } else {
        count = write_bounces(&source, ret_lines);
    }
    if (source.resolution.supplemental != NULL)
        trace = source.resolution.supplemental->seal.state;
    if (source.evidence.trace != NULL) /* it may stand in CFBL-Feedback-ID */
        trace = DSN_TRACE_VERIFIED;
    if (ret_trace != NULL)
        *ret_trace = trace;
    source_clear(&source);
    return count;
}
