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

/* The peer's name; else its address; else whatever was logged, as no name of the DNS. */
static DsnTyped
remote_mta(DsnReport *report, const DsnRecord *record)
{
    DsnSpan name = dsn_span(record->peer_name);
    g_autofree char *literal = NULL;

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

static DsnStatusCode
status_of(const DsnRecord *record)
{
    DsnStatusCode code = record->enhanced;

    if (code.class_ != 4 && code.class_ != 5)
        return (DsnStatusCode){record->code / 100 == 4 ? 4 : 5, 0, 0}; /* rule RCPT-11 */
    if (code.subject > 999 || code.detail > 999)
        return (DsnStatusCode){code.class_, 0, 0};
    return code;
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

/* The reply as it was on the wire, line by line (RFC 3461 section 9.2, rule RCPT-17). */
static DsnSpan
diagnostic_of(DsnReport *report, const DsnRecord *record)
{
    g_autoptr(GString) reply = g_string_new(NULL);
    DsnLines lines = DSN_LINES(dsn_span_trim(record->content));
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

void
dsn_notice_report_fill(DsnReport *report, const DsnRecord *record, DsnTyped reporting_mta)
{
    bool attempt = record->delivery_protocol != NULL && record->type != DSN_RECORD_EXPIRATION;
    bool smtp =
        attempt && record->peer_name != NULL && strcmp(record->delivery_protocol, "ESMTP") == 0;
    DsnTyped remote = {DSN_SPAN_ABSENT, DSN_SPAN_ABSENT};
    DsnTyped diagnostic = {smtp ? DSN_SPAN_LITERAL("smtp") : DSN_SPAN_LITERAL("x-dsnarf"),
                           diagnostic_of(report, record)};
    DsnSpan log_id = keep_line(report, dsn_span(record->id), LOG_ID_MAX);

    if (smtp)
        remote = remote_mta(report, record);
    report->kind = DSN_REPORT_DELIVERY_STATUS;
    report->per_message.reporting_mta = reporting_mta;
    report->per_message.arrival_date = usable_date(record->created);
    for (size_t i = 0; i < record->n_recipients; i++) {
        DsnPerRecipient *recipient = dsn_report_add_recipient(report);
        DsnSpan address = dsn_span(record->recipients[i]);
        bool ascii = dsn_text_is_ascii(address);

        report->global |= !ascii && !dsn_text_is_ascii(dsn_span(record->sender));
        recipient->final_recipient =
            (DsnTyped){ascii ? DSN_SPAN_LITERAL("rfc822") : DSN_SPAN_LITERAL("utf-8"), address};
        recipient->action = DSN_ACTION_FAILED;
        recipient->status = status_of(record);
        recipient->remote_mta = remote;
        recipient->diagnostic_code = diagnostic;
        if (attempt)
            recipient->last_attempt_date = usable_date(record->event_time);
        if (log_id.len > 0)
            recipient->final_log_id = log_id;
    }
}
