/* SPDX-License-Identifier: BSD-2-Clause */
/* CFBL-Address and the signatures over it (RFC 9477), as far as they show without keys. */
#include "config.h"

#include "mime/linter.h"

#include "mime/address.h"
#include "mime/field.h"

/* The value of @tag in a DKIM-Signature; absent when there is none (RFC 6376 section 3.2). */
static DsnSpan
tag_of(DsnSpan signature, const char *tag)
{
    while (signature.len > 0) {
        const char *end = memchr(signature.data, ';', signature.len);
        size_t len = end == NULL ? signature.len : (size_t)(end - signature.data);
        const char *equals = memchr(signature.data, '=', len);

        if (equals != NULL) {
            DsnSpan name = {signature.data, (size_t)(equals - signature.data)};
            DsnSpan value = {equals + 1, len - name.len - 1};

            if (dsn_span_equal(dsn_span_trim(name), dsn_span(tag)))
                return dsn_span_trim(value);
        }
        signature = dsn_span_from(signature, end == NULL ? len : len + 1);
    }
    return DSN_SPAN_ABSENT;
}

/* True if "h=" of @signature lists the field @name. */
static bool
covers(DsnSpan signature, const char *name)
{
    DsnSpan list = tag_of(signature, "h");

    while (list.len > 0) {
        const char *colon = memchr(list.data, ':', list.len);
        size_t len = colon == NULL ? list.len : (size_t)(colon - list.data);

        if (dsn_span_is(dsn_span_trim((DsnSpan){list.data, len}), name))
            return true;
        list = dsn_span_from(list, colon == NULL ? len : len + 1);
    }
    return false;
}

/* The value of the next DKIM-Signature in *@header; absent at the end. */
static DsnSpan
next_signature(DsnSpan *header)
{
    DsnHeaderField field;

    while (dsn_header_next(header, &field))
        if (dsn_span_is(field.name, "DKIM-Signature"))
            return field.value;
    return DSN_SPAN_ABSENT;
}

/* True if a signature of @domain, or of one above or below it, covers the field @name when that is
 * not NULL. */
static bool
is_signed(DsnSpan header, DsnSpan domain, const char *name)
{
    DsnSpan signature;

    while (dsn_span_present(signature = next_signature(&header)))
        if (dsn_lint_is_related(tag_of(signature, "d"), domain) &&
            (name == NULL || covers(signature, name)))
            return true;
    return false;
}

static DsnSpan
author_domain(DsnSpan header)
{
    return dsn_lint_domain_of(dsn_lint_address(dsn_header_find(header, "From")));
}

/* The address in "address; report=arf"; absent when it is no such thing (RFC 9477 section 5.1). */
static DsnSpan
complaint_address(DsnSpan value)
{
    const char *semicolon = value.len == 0 ? NULL : memchr(value.data, ';', value.len);
    DsnSpan address = value;

    if (semicolon != NULL) {
        size_t at = (size_t)(semicolon - value.data);
        DsnSpan format = dsn_span_trim(dsn_span_from(value, at + 1));

        if (!dsn_span_is(format, "report=arf") && !dsn_span_is(format, "report=xarf"))
            return DSN_SPAN_ABSENT;
        address.len = at;
    }
    address = dsn_field_strip_comments(address);
    return dsn_address_is_mailbox(address) ? address : DSN_SPAN_ABSENT;
}

void
dsn_lint_complaint_address(DsnLinter *linter, DsnSpan header)
{
    DsnSpan value = dsn_header_find(header, "CFBL-Address");
    bool numbered = dsn_span_present(dsn_header_find(header, "CFBL-Feedback-ID"));
    DsnSpan domain, author = author_domain(header);

    if (!dsn_span_present(value))
        return;
    domain = dsn_lint_domain_of(complaint_address(value));
    if (!dsn_span_present(domain)) {
        dsn_linter_must(linter, "CFBL-01", "the value is not one address and a format", value);
        return;
    }
    if (!is_signed(header, author, NULL) || !is_signed(header, domain, NULL))
        dsn_linter_must(linter, "CFBL-02", "no signature is of the domain of the address", value);
    else if (!is_signed(header, author, "CFBL-Address") ||
             (numbered && !is_signed(header, author, "CFBL-Feedback-ID")))
        dsn_linter_must(linter, "CFBL-03", "the signature leaves the field out", value);
}

void
dsn_lint_complaint_report(DsnLinter *linter, DsnSpan header, DsnSpan original)
{
    DsnSpan address = dsn_header_find(original, "CFBL-Address");

    if (!dsn_span_present(address) &&
        !dsn_span_present(dsn_header_find(original, "CFBL-Feedback-ID")))
        return; /* the report was not asked for in this way */
    if (!is_signed(header, author_domain(header), NULL))
        dsn_linter_must(linter, "CFBL-05", "the report has no signature of its author's domain",
                        DSN_SPAN_LITERAL("DKIM-Signature"));
    if (!dsn_span_present(dsn_header_find(original, "Message-ID")))
        dsn_linter_must(linter, "CFBL-06", "the Message-ID of the message is missing",
                        DSN_SPAN_LITERAL("Message-ID"));
}
