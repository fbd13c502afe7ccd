/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * address.h - envelope addresses and typed addresses
 *
 * Purpose:   read and check reverse-paths, forward-paths and "type; address" values.
 * RFC:       5321 section 4.1.2, 6531 section 3.3, 3461 section 4 (xtext), 6533 section 3 (utf-8).
 * Ownership: appended text belongs to the caller's buffer.
 * Errors:    false, and the buffer is as it was.
 * Threads:   reentrant, no static state.
 */
#ifndef DSN_MIME_ADDRESS_H
#define DSN_MIME_ADDRESS_H

#include "mime/span.h"

/* "type; value" of RFC 3464 section 2.1.2, both trimmed, as written. */
typedef struct DsnTyped {
    DsnSpan type;  /* absent when the whole field is absent or has no ';' */
    DsnSpan value; /* absent when the whole field is absent */
} DsnTyped;

/* Splits at the first ';'. Without one the whole text is the value and the type is absent. */
DsnTyped dsn_typed_parse(DsnSpan text);

/* Appends the envelope address in @text without angle brackets: "<>" and "" give "", "Postmaster"
 * in any case "Postmaster", a source route is dropped, the domain is folded to lower case and
 * non-ASCII labels are kept; the local part stays as written. @text may have white space around.
 * False when it is not an address (kumomta-compatible rules, RFC 5321 section 4.1.2). */
bool dsn_address_normalise(DsnSpan text, GString *ret_address);

/* True for an address that may stand in MAIL or RCPT and in a header of ours: a mailbox with a
 * domain or address literal, at most 254 octets, UTF-8 allowed (RFC 6531), no controls. */
bool dsn_address_is_mailbox(DsnSpan text);

/* True for a domain name without a final dot, UTF-8 allowed, or an address literal in brackets. */
bool dsn_address_is_domain(DsnSpan text);

/* True if every byte is ASCII. */
bool dsn_text_is_ascii(DsnSpan text);

/* RFC 3461 section 4: appends the decoded text; false on anything that is not xtext. */
bool dsn_xtext_decode(DsnSpan text, GString *ret_text);
void dsn_xtext_encode(DsnSpan text, GString *ret_text);

/* RFC 6533 section 3: any of the three forms of a utf-8 address to plain UTF-8; false when the
 * syntax is broken (the caller then keeps the text unaltered, rule I18N-07). */
bool dsn_utf8_address_decode(DsnSpan text, GString *ret_address);

/* RFC 6533 section 3: plain UTF-8 to utf-8-addr-xtext, which is ASCII (rule I18N-04). */
void dsn_utf8_address_encode_xtext(DsnSpan address, GString *ret_text);

#endif
