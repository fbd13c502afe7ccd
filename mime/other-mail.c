/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/other-mail.h"

#include "mime/field.h"
#include "mime/header.h"
#include "mime/text.h"

/* Subjects are compared as far as this. */
#define SUBJECT_MAX_BYTES 998
/* The name of a file is looked for as far as this. */
#define PARAMETERS_MAX_BYTES 2000

/* How the subjects of automatic answers begin, as Outlook, Lotus, GroupWise, Gmail and the big
 * providers write them; in lower case. */
static const char *const answers[] = {
    "auto:",
    "auto reply:",
    "auto-reply:",
    "autoreply:",
    "auto response:",
    "auto-response:",
    "autoresponse:",
    "autorespons:",
    "autorespond:",
    "autoresponder:",
    "automatic reply:",
    "automatic response:",
    "automated reply:",
    "automated response:",
    "automatische antwort",
    "automatisch antwoord",
    "automatiskt svar",
    "automatisk svar",
    "automaattinen vastaus",
    "automatyczna odpowied\xc5\xba",
    "[automatyczna odpowied\xc5\xba]",
    "abwesenheitsnotiz",
    "abwesend:",
    "out of office",
    "out-of-office",
    "out of the office",
    "r\xc3\xa9ponse automatique",
    "r\xc3\xa9p. auto",
    "risposta automatica",
    "respuesta autom\xc3\xa1tica",
    "resposta autom\xc3\xa1tica",
    "vacation:",
    "vacation reply",
    "\xe8\x87\xaa\xe5\x8b\x95\xe5\xbf\x9c\xe7\xad\x94", /* "automatic answer" in Japanese */
    "\xe8\x87\xaa\xe5\x8b\x95\xe8\xbf\x94\xe4\xbf\xa1", /* "automatic reply" in Japanese */
    "\xe8\x87\xaa\xe5\x8a\xa8\xe7\xad\x94\xe5\xa4\x8d", /* the same in Chinese */
    "\xe8\x87\xaa\xe5\x8a\xa8\xe5\x9b\x9e\xe5\xa4\x8d",
};

/* Decoded and in lower case, however long it is (transfer full). */
static char *
dup_subject(DsnSpan value, const DsnLimits *limits)
{
    g_autoptr(GString) text = g_string_new(NULL);

    value = dsn_span_trim(value);
    value.len = MIN(value.len, SUBJECT_MAX_BYTES);
    if (value.len > 0)
        dsn_text_decode_header(value, limits, text);
    return g_utf8_strdown(text->str, (gssize)strlen(text->str));
}

static bool
is_answer_by_subject(const char *subject)
{
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        if (g_str_has_prefix(subject, answers[i]))
            return true;
    }
    return g_str_has_suffix(subject, "(automatic response)");
}

static bool
is_precedence(const DsnMailHeader *header, const char *value)
{
    return dsn_span_present(header->precedence) &&
           dsn_span_is(dsn_span_trim(header->precedence), value);
}

static bool
has_null_sender(const DsnMailHeader *header)
{
    return dsn_span_present(header->return_path) &&
           dsn_span_is(dsn_field_strip_comments(header->return_path), "<>");
}

/* RFC 3834 section 5: "auto-replied"; or what was used before. The null sender alone says nothing,
 * together with a low precedence nobody but an answering program has it. */
static bool
is_auto_reply(const DsnMailHeader *header, const char *subject)
{
    if (header->unsubscription)
        return false;
    return (dsn_span_present(header->auto_submitted) &&
            dsn_span_starts(dsn_field_strip_comments(header->auto_submitted), "auto-replied")) ||
           header->responder || is_precedence(header, "auto_reply") ||
           (has_null_sender(header) &&
            (is_precedence(header, "bulk") || is_precedence(header, "junk"))) ||
           is_answer_by_subject(subject);
}

/* RFC 8460 section 5.3: multipart/report; report-type="tlsrpt" with an application/tlsrpt+gzip or
 * +json in it. */
static bool
is_tls_report(const DsnMailHeader *header, const DsnStructure *structure)
{
    const DsnPart *top = &g_array_index(structure->parts, DsnPart, 0);

    if (header->tls_report ||
        (dsn_span_present(top->type.report_type) && dsn_span_is(top->type.report_type, "tlsrpt")))
        return true;
    for (guint i = 0; i < structure->parts->len; i++) {
        const DsnPart *part = &g_array_index(structure->parts, DsnPart, i);

        if (dsn_span_is(part->type.type, "application") &&
            dsn_span_starts(part->type.subtype, "tlsrpt+"))
            return true;
    }
    return false;
}

/* What carries an aggregate report: RFC 7489 section 7.2.1.1 says gzip, but zip was first. */
static bool
may_hold_dmarc_report(const DsnPart *part)
{
    static const char *const subtypes[] = {
        "gzip", "x-gzip", "zip", "x-zip", "x-zip-compressed", "xml", "octet-stream"};

    if (dsn_content_type_is(&part->type, "text", "xml"))
        return true;
    if (!dsn_span_is(part->type.type, "application"))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(subtypes); i++) {
        if (dsn_span_is(part->type.subtype, subtypes[i]))
            return true;
    }
    return false;
}

/* True if "receiver!policy-domain!begin!end" stands in @text (RFC 7489 section 7.2.1.1). */
static bool
has_dmarc_filename(DsnSpan text)
{
    if (text.len == 0)
        return false;
    g_autoptr(GRegex) name = g_regex_new("![^!\\s\"]+![0-9]+![0-9]+", G_REGEX_RAW, 0, NULL);
    return g_regex_match_full(name, text.data, (gssize)MIN(text.len, PARAMETERS_MAX_BYTES), 0, 0,
                              NULL, NULL);
}

/* RFC 7489 section 7.2.1.1: "Report Domain: <domain> Submitter: <domain> Report-ID: <id>". */
static bool
is_dmarc_subject(const char *subject)
{
    const char *domain = strstr(subject, "report domain:");
    const char *submitter = domain == NULL ? NULL : strstr(domain, "submitter:");

    return submitter != NULL && strstr(submitter, "report-id:") != NULL;
}

static bool
is_dmarc_report(const char *subject, const DsnStructure *structure)
{
    bool named = is_dmarc_subject(subject);

    for (guint i = 0; i < structure->parts->len; i++) {
        const DsnPart *part = &g_array_index(structure->parts, DsnPart, i);

        if (!may_hold_dmarc_report(part))
            continue;
        DsnSpan disposition = dsn_header_find(part->header, "Content-Disposition");
        if (named || has_dmarc_filename(disposition) ||
            has_dmarc_filename(dsn_header_find(part->header, "Content-Type")))
            return true;
    }
    return false;
}

DsnOtherMail
dsn_other_mail_find(const DsnMailHeader *header, const DsnStructure *structure,
                    const DsnLimits *limits)
{
    g_autofree char *subject = dup_subject(header->subject, limits);

    if (is_tls_report(header, structure))
        return DSN_OTHER_TLS_REPORT;
    if (is_dmarc_report(subject, structure))
        return DSN_OTHER_DMARC_REPORT;
    return is_auto_reply(header, subject) ? DSN_OTHER_AUTO_REPLY : DSN_OTHER_NOTHING;
}
