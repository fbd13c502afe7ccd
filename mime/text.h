/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.h - words in headers, and text that is safe to pass on
 *
 * Purpose:   decode encoded words, encode our own, and clean what comes from outside.
 * RFC:       2047, 5322 section 2.2, 3629; rules MIME-22, MIME-27 to MIME-29, SEC-01, I18N-16.
 * Ownership: appended text belongs to the caller's buffer.
 * Errors:    none: what does not decode is kept as readable text.
 * Threads:   reentrant, no static state. GMime must have been initialised.
 */
#ifndef DSN_MIME_TEXT_H
#define DSN_MIME_TEXT_H

#include "mime/limits.h"
#include "mime/span.h"

/* Appends @value as valid UTF-8: unfolded, encoded words decoded, raw 8-bit read as UTF-8, else as
 * windows-1252. No more than @limits->encoded bytes of @value are looked at. */
void dsn_text_decode_header(DsnSpan value, const DsnLimits *limits, GString *ret_text);

/* Appends @text as valid UTF-8: each maximal ill-formed sequence becomes U+FFFD. Returns false if
 * one was replaced. */
bool dsn_text_append_utf8(DsnSpan text, GString *ret_text);

/* Appends @raw, which is in @charset, as valid UTF-8. Where that is absent or not known, or says
 * what is not true: as UTF-8, else as windows-1252. */
void dsn_text_append_charset(DsnSpan raw, DsnSpan charset, GString *ret_text);

/* Appends @text as one line: CR, LF, tabs and other controls each become a space, runs of spaces
 * one, those at both ends none, ill-formed UTF-8 U+FFFD. What is longer than @max bytes is cut at a
 * character and ends in "...", which counts. */
void dsn_text_append_line(DsnSpan text, size_t max, GString *ret_text);

/* Appends "Name: value" CRLF, @value (UTF-8, unstructured) cleaned to one line, encoded as RFC 2047
 * where needed and folded to 76 columns. */
void dsn_text_append_unstructured(const char *name, DsnSpan value, GString *ret_header);

/* Appends "Name: Display Name <address>" CRLF. @display (UTF-8) may be absent; @address must be a
 * mailbox (dsn_address_is_mailbox). Never an encoded word inside the address (rule MIME-28). */
void dsn_text_append_mailbox(const char *name, DsnSpan display, DsnSpan address,
                             GString *ret_header);

#endif
