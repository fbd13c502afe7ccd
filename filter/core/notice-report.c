/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/notice-report.h"

#include "mime/lines.h"
#include "mime/text.h"

#define DIAGNOSTIC_MAX 2000 /* bytes of a reply that are passed on */
#define NAME_MAX_BYTES 255  /* of a host, RFC 1035 section 2.3.4 */
#define LOG_ID_MAX 200

/* RFC 5322 section 3.3 knows no year before 1900. */
#define DATE_FIRST G_GINT64_CONSTANT(-2208988800)

static int64_t
usable_date(int64_t time)
{
    return time >= DATE_FIRST && time <= DSN_TIME_MAX ? time : DSN_TIME_NONE;
}

/* One clean line of no more than @max bytes. */
static DsnSpan
keep_line(DsnReport *report, DsnSpan text, size_t max)
{
    g_autoptr(GString) line = g_string_new(NULL);

    dsn_text_append_line(text, max, line);
    return dsn_report_keep(report, (DsnSpan){line->str, line->len});
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 section 4.1.3) from "192.0.2.1:25",
 * "[2001:db8::1]:25" or without the port; NULL for anything else (transfer full). */
static char *
dup_address_literal(const char *address)
{
    g_autofree char *host = g_strdup(address);

    if (!g_hostname_is_ip_address(host)) {
        char *colon = strrchr(host, ':');

        if (colon == NULL)
            return NULL;
        *colon = '\0';
        if (host[0] == '[' && colon > host + 2 && colon[-1] == ']') {
            colon[-1] = '\0';
            memmove(host, host + 1, strlen(host));
        }
        if (!g_hostname_is_ip_address(host))
            return NULL;
    }
    return g_strdup_printf(strchr(host, ':') == NULL ? "[%s]" : "[IPv6:%s]", host);
}

/* True if an attempt to deliver is what @record reports. */
static bool
is_attempt(const DsnRecord *record)
{
    return record->delivery_protocol != NULL &&
           (record->type == DSN_RECORD_BOUNCE || record->type == DSN_RECORD_DELIVERY ||
            record->type == DSN_RECORD_TRANSIENT_FAILURE);
}

/* True if a peer has answered in SMTP or LMTP (rules RCPT-13 to RCPT-16). */
static bool
has_peer(const DsnRecord *record)
{
    DsnSpan protocol = dsn_span(record->delivery_protocol);

    return is_attempt(record) && record->peer_name != NULL &&
           (dsn_span_is(protocol, "ESMTP") || dsn_span_is(protocol, "LMTP"));
}

/* The peer's name; else its address; else whatever was logged, as no name of the DNS. Absent when
 * there was none. */
DsnTyped
dsn_notice_remote_mta(DsnReport *report, const DsnRecord *record)
{
    DsnSpan name = dsn_span(record->peer_name);
    g_autofree char *literal = NULL;

    if (!has_peer(record))
        return (DsnTyped){DSN_SPAN_ABSENT, DSN_SPAN_ABSENT};
    if (dsn_text_is_ascii(name) && dsn_address_is_domain(name))
        return (DsnTyped){DSN_SPAN_LITERAL("dns"), name};
    if (record->peer_addr != NULL)
        literal = dup_address_literal(record->peer_addr);
    if (literal != NULL)
        return (DsnTyped){DSN_SPAN_LITERAL("dns"), dsn_report_keep(report, dsn_span(literal))};
    name = keep_line(report, name, NAME_MAX_BYTES);
    if (name.len == 0)
        name = DSN_SPAN_LITERAL("unknown");
    return (DsnTyped){DSN_SPAN_LITERAL("x-local-hostname"), name};
}

/* The class that the status has: the reply's where that can be (rule STAT-02). */
static unsigned
class_of(DsnAction action, const DsnRecord *attempt)
{
    unsigned reply = attempt->code / 100;

    if (action == DSN_ACTION_DELAYED)
        return 4;
    if (action != DSN_ACTION_FAILED)
        return 2;
    return reply == 4 || (reply != 5 && attempt->enhanced.class_ == 4) ? 4 : 5;
}

/* The enhanced code of @attempt, in the class that fits; else what is known without one: that time
 * ran out when @record is not that attempt, or nothing at all (rules RCPT-11, RCPT-12). If a
 * reply's own classes differ the basic one counts, and the other stays to be read in the
 * diagnostic. */
static DsnStatusCode
status_of(DsnAction action, const DsnRecord *attempt, const DsnRecord *record)
{
    DsnStatusCode code = attempt->enhanced;
    uint16_t wanted = (uint16_t)class_of(action, attempt);

    if (code.class_ == wanted || (wanted != 2 && (code.class_ == 4 || code.class_ == 5)))
        return (DsnStatusCode){wanted, code.subject, code.detail};
    if (action == DSN_ACTION_FAILED && attempt != record)
        return (DsnStatusCode){wanted, 4, 7};
    return (DsnStatusCode){wanted, 0, 0};
}

/* How much of @text to keep: no more than @max bytes, and no part of a character. */
static size_t
cut(DsnSpan text, size_t max)
{
    size_t len = MIN(text.len, max);

    while (len > 0 && len < text.len && ((unsigned char)text.data[len] & 0xc0) == 0x80)
        len--;
    return len;
}

/* The reply as it was on the wire, line by line (RFC 3461 section 9.2, rule RCPT-17); without the
 * text its codes. */
static DsnSpan
reply_of(DsnReport *report, const DsnRecord *record, bool with_text)
{
    g_autoptr(GString) reply = g_string_new(NULL);
    DsnLines lines = DSN_LINES(with_text ? dsn_span_trim(record->content) : DSN_SPAN_ABSENT);
    DsnStatusCode code = record->enhanced;
    DsnSpan line = DSN_SPAN_ABSENT;
    size_t separator;

    (void)dsn_lines_next(&lines, &line); /* without text, the codes are all there is to say */
    do {
        if (reply->len > 0)
            g_string_append_c(reply, '\n');
        g_string_append_printf(reply, "%03u-", record->code);
        separator = reply->len - 1;
        if (code.class_ != 0)
            g_string_append_printf(reply, "%u.%u.%u ", code.class_, code.subject, code.detail);
        g_string_append_len(reply, line.data, (gssize)cut(line, DIAGNOSTIC_MAX));
    } while (reply->len < DIAGNOSTIC_MAX && dsn_lines_next(&lines, &line));
    reply->str[separator] = ' ';
    return dsn_report_keep(report, (DsnSpan){reply->str, reply->len});
}

DsnTyped
dsn_notice_diagnostic(DsnReport *report, const DsnRecord *record, bool confidential)
{
    return (DsnTyped){has_peer(record) ? DSN_SPAN_LITERAL("smtp") : DSN_SPAN_LITERAL("x-dsnarf"),
                      reply_of(report, record, !confidential)};
}

const DsnRecord *
dsn_notice_attempt(const DsnNoticeRequest *request, const DsnRecord *record)
{
    bool none = record->type == DSN_RECORD_EXPIRATION || record->type == DSN_RECORD_DELAYED;

    return none && request->last_failure != NULL ? request->last_failure : record;
}

/* The relay that made the attempt (rules DSN-08, DSN-09). */
DsnTyped
dsn_notice_reporting_mta(const DsnNoticeOptions *options, const DsnRecord *record)
{
    const char *host = NULL;

    if (options->nodes != NULL && record->nodeid != NULL)
        host = g_hash_table_lookup(options->nodes, record->nodeid);
    return host == NULL ? options->reporting_mta
                        : (DsnTyped){DSN_SPAN_LITERAL("dns"), dsn_span(host)};
}

/* Until when the relay tries, if that is still to come (rule RCPT-22). */
static int64_t
retry_until(const DsnNoticeRequest *request, const DsnRecord *record)
{
    int64_t until;

    if (request->action != DSN_ACTION_DELAYED || request->options->lifetime <= 0 ||
        usable_date(record->created) == DSN_TIME_NONE ||
        __builtin_add_overflow(record->created, request->options->lifetime, &until) ||
        until <= request->now)
        return DSN_TIME_NONE;
    return usable_date(until);
}

/* What is said of all recipients of one record. */
static DsnPerRecipient
common_fields(DsnReport *report, const DsnNoticeRequest *request, const DsnRecord *record)
{
    const DsnRecord *attempt = dsn_notice_attempt(request, record);
    bool confidential = request->options->confidential;
    DsnSpan log_id = keep_line(report, dsn_span(record->id), LOG_ID_MAX);
    DsnPerRecipient fields = {
        .action = request->action,
        .status = status_of(request->action, attempt, record),
        .diagnostic_code = dsn_notice_diagnostic(report, attempt, confidential),
        .last_attempt_date = is_attempt(attempt) ? usable_date(attempt->event_time) : DSN_TIME_NONE,
        .final_log_id = log_id.len > 0 ? log_id : DSN_SPAN_ABSENT,
        .will_retry_until = retry_until(request, record),
    };

    if (!confidential)
        fields.remote_mta = dsn_notice_remote_mta(report, attempt);
    return fields;
}

/* The type and address of ORCPT as given (rules RCPT-02, RCPT-03); absent when none was, or when
 * @report cannot hold it. */
static DsnTyped
original_recipient(DsnReport *report, const DsnRecipientWishes *wishes)
{
    DsnSpan type = dsn_span(wishes->orcpt_type), address = dsn_span(wishes->orcpt);

    if (wishes->orcpt == NULL ||
        (dsn_span_is(type, "utf-8") && !report->global && !dsn_address_is_mailbox(address)))
        return (DsnTyped){DSN_SPAN_ABSENT, DSN_SPAN_ABSENT};
    return (DsnTyped){dsn_report_keep(report, type), dsn_report_keep(report, address)};
}

/* The recipient's place in @report, by @seen: address -> index + 1; a new one at its end. Without
 * @seen, there is only one. */
static DsnPerRecipient *
find_recipient(DsnReport *report, GHashTable *seen, const char *address)
{
    guint index = seen == NULL ? 0 : GPOINTER_TO_UINT(g_hash_table_lookup(seen, address));

    if (index > 0)
        return &g_array_index(report->per_recipient, DsnPerRecipient, index - 1);
    DsnPerRecipient *recipient = dsn_report_add_recipient(report);
    if (seen != NULL)
        g_hash_table_insert(seen, (gpointer)address, GUINT_TO_POINTER(report->per_recipient->len));
    return recipient;
}

static void
fill_recipient(DsnReport *report, const char *address, const DsnPerRecipient *fields,
               const DsnRecipientWishes *wishes, DsnPerRecipient *recipient)
{
    GArray *extensions = recipient->extensions;
    DsnSpan span = dsn_span(address);
    bool ascii = dsn_text_is_ascii(span);

    *recipient = *fields;
    recipient->extensions = extensions;
    recipient->original_recipient = original_recipient(report, wishes);
    recipient->final_recipient =
        (DsnTyped){ascii ? DSN_SPAN_LITERAL("rfc822") : DSN_SPAN_LITERAL("utf-8"), span};
}

/* True if the fields hold an address that is not ASCII, and the sender reads UTF-8 anyway. */
static bool
wants_global(const DsnNoticeRequest *request, const DsnWishes *wishes)
{
    bool ascii = true;

    if (dsn_text_is_ascii(dsn_span(request->records[0]->sender)))
        return false;
    for (size_t r = 0; r < request->n_records && ascii; r++) {
        for (size_t i = 0; i < request->records[r]->n_recipients && ascii; i++) {
            const char *orcpt = g_array_index(wishes[r].recipients, DsnRecipientWishes, i).orcpt;

            ascii = dsn_text_is_ascii(dsn_span(request->records[r]->recipients[i])) &&
                    (orcpt == NULL || dsn_text_is_ascii(dsn_span(orcpt)));
        }
    }
    return !ascii;
}

void
dsn_notice_report_fill(DsnReport *report, const DsnNoticeRequest *request, const DsnWishes *wishes)
{
    bool one = request->n_records == 1 && request->records[0]->n_recipients == 1;
    g_autoptr(GHashTable) seen = one ? NULL : g_hash_table_new(g_str_hash, g_str_equal);

    report->kind = DSN_REPORT_DELIVERY_STATUS;
    report->global = wants_global(request, wishes);
    report->per_message.reporting_mta =
        dsn_notice_reporting_mta(request->options, request->records[0]);
    report->per_message.arrival_date = usable_date(request->records[0]->created);
    for (size_t r = 0; r < request->n_records; r++) {
        const DsnRecord *record = request->records[r];
        DsnPerRecipient fields = common_fields(report, request, record);

        if (wishes[r].envid != NULL) /* as given, in letters and all (rules DSN-05 to DSN-07) */
            report->per_message.original_envelope_id =
                dsn_report_keep(report, dsn_span(wishes[r].envid));
        for (size_t i = 0; i < record->n_recipients; i++)
            fill_recipient(report, record->recipients[i], &fields,
                           &g_array_index(wishes[r].recipients, DsnRecipientWishes, i),
                           find_recipient(report, seen, record->recipients[i]));
    }
}
