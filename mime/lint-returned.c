/* SPDX-License-Identifier: BSD-2-Clause */
/* The third part of a report, and whom it concerns. */
#include "config.h"

#include "mime/linter.h"

#include "mime/address.h"
#include "mime/text.h"

bool
dsn_lint_is_returned(const DsnContentType *type)
{
    return dsn_content_type_is(type, "message", "rfc822") ||
           dsn_content_type_is(type, "text", "rfc822-headers") ||
           dsn_content_type_is(type, "message", "global") ||
           dsn_content_type_is(type, "message", "global-headers");
}

static void
check_named(DsnLinter *linter, DsnSpan header, const char *name, DsnSpan original)
{
    DsnSpan value = dsn_header_find(header, name);

    if (value.len == 0 || memmem(value.data, value.len, original.data, original.len) == NULL)
        dsn_linter_should(linter, "MIME-30", "a field does not name the original",
                          dsn_span_present(value) ? value : dsn_span(name));
}

/* In-Reply-To and References name the original (rule MIME-30), Original-Envelope-Id does not (rule
 * DSN-06). */
static void
check_identities(DsnLinter *linter, DsnSpan header, DsnSpan original_header)
{
    DsnSpan original = dsn_span_trim(dsn_header_find(original_header, "Message-ID"));
    DsnSpan envelope_id = linter->envelope_id;

    if (!dsn_lint_is_message_id(original))
        return;
    check_named(linter, header, "In-Reply-To", original);
    check_named(linter, header, "References", original);
    if (dsn_span_present(envelope_id) &&
        (dsn_span_equal(envelope_id, original) ||
         dsn_span_equal(envelope_id, (DsnSpan){original.data + 1, original.len - 2})))
        dsn_linter_must(linter, "DSN-06", "the envelope id is the Message-ID", original);
}

/* What kind of report a message with @header is, "delivery-status" and so on; absent when it is
 * none. */
static DsnSpan
report_type_of(DsnLinter *linter, DsnSpan header)
{
    DsnSpan value = dsn_header_find(header, "Content-Type");
    DsnContentType type;

    if (!dsn_span_starts(dsn_span_trim(value), "multipart/report"))
        return DSN_SPAN_ABSENT;

    g_autoptr(GStringChunk) strings = g_string_chunk_new(64);
    dsn_content_type_parse(value, linter->limits, strings, &type);
    static const char *const known[] = {"delivery-status", "global-delivery-status",
                                        "disposition-notification", "feedback-report"};
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (dsn_span_is(type.report_type, known[i]))
            return dsn_span(known[i]);
    return DSN_SPAN_ABSENT;
}

/* What a notice returns with its header. */
static void
check_bounced(DsnLinter *linter, DsnSpan header, DsnSpan original)
{
    DsnSpan report = report_type_of(linter, original);
    DsnSpan where = dsn_header_find(original, "Content-Type");

    /* What a person has passed on is that person's message. */
    if (dsn_span_present(dsn_header_find(original, "Resent-From")))
        report = DSN_SPAN_ABSENT;
    if (dsn_span_is(report, "disposition-notification"))
        dsn_linter_must(linter, "MDN-04", "a notice about a disposition notification", where);
    else if (dsn_span_is(report, "feedback-report"))
        dsn_linter_should(linter, "LOOP-15", "a notice about a feedback report", where);
    else if (dsn_span_present(report))
        dsn_linter_must(linter, "ENV-07", "a notice about a notice", where);
    size_t len = linter->word == NULL || original.len == 0 ? 0 : strlen(linter->word);
    const char *word = len == 0 ? NULL : memmem(original.data, original.len, linter->word, len);
    if (word != NULL)
        dsn_linter_should(linter, "LOOP-12", "the text shows an encoded word of the original",
                          (DsnSpan){word, len});
    check_identities(linter, header, original);
}

/* What a feedback report is about, with its header. */
static void
check_reported(DsnLinter *linter, DsnSpan header, DsnSpan original)
{
    DsnSpan subject = dsn_header_find(header, "Subject");
    DsnSpan reported = dsn_header_find(original, "Subject");
    g_autoptr(GString) ours = g_string_new(NULL), theirs = g_string_new(NULL);

    if (dsn_span_is(report_type_of(linter, original), "feedback-report"))
        dsn_linter_must(linter, "FBL-07", "a report about a report",
                        dsn_header_find(original, "Content-Type"));
    dsn_text_decode_header(subject, linter->limits, ours);
    dsn_text_decode_header(reported, linter->limits, theirs);
    if (dsn_span_present(reported) && !g_str_has_suffix(ours->str, theirs->str))
        dsn_linter_should(linter, "ARF-06", "the Subject is not that of the message", subject);
    dsn_lint_complaint_report(linter, header, original);
}

static bool
begins_with_field(DsnSpan header)
{
    DsnHeaderField field;

    return dsn_header_next(&header, &field) && dsn_span_present(field.name);
}

void
dsn_lint_returned(DsnLinter *linter, DsnSpan header, const DsnPart *part, GString *buffer)
{
    const DsnContentType *type = &part->type;
    bool global = dsn_span_starts(type->subtype, "global");
    bool whole = dsn_content_type_is(type, "message", "rfc822") ||
                 dsn_content_type_is(type, "message", "global");
    DsnSpan content = dsn_lint_decode(linter, part, buffer), original, body;

    if (dsn_content_type_is(type, "message", "rfc822") && part->transfer != DSN_TRANSFER_IDENTITY) {
        dsn_linter_must(linter, "MIME-11", "message/rfc822 is encoded", dsn_lint_shown(part));
        return;
    }
    if (!dsn_span_present(content))
        return;
    original = dsn_header_split(content, &body);
    if (whole && original.len == content.len && begins_with_field(original))
        dsn_linter_should(linter, "MIME-09", "a header alone is labelled as a message",
                          dsn_lint_shown(part));
    if (!whole && dsn_span_trim(body).len > 0)
        dsn_linter_should(linter, "MIME-10", "there is more than a header", body);
    if (whole && !dsn_span_present(dsn_header_find(original, "From")) &&
        !dsn_span_present(dsn_header_find(original, "Subject")) &&
        !dsn_span_present(dsn_header_find(original, "Date")))
        dsn_linter_must(linter, "MIME-35", "the message has no From, Subject or Date",
                        dsn_lint_shown(part));
    if (!dsn_text_is_ascii(original) && part->transfer == DSN_TRANSFER_IDENTITY &&
        (!global || dsn_span_present(dsn_lint_not_utf8(original))))
        dsn_linter_must(linter, "I18N-14", "the returned header is not what its type allows",
                        dsn_lint_shown(part));
    if (linter->kind == DSN_REPORT_FEEDBACK)
        check_reported(linter, header, original);
    else
        check_bounced(linter, header, original);
    if (whole && linter->kind == DSN_REPORT_DELIVERY_STATUS && linter->none_failed)
        dsn_linter_should(linter, "MIME-07", "a whole message although nothing failed",
                          dsn_lint_shown(part));
}
