/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * down-convert.h - a notice, or a message in it, for a path that is not 8-bit clean
 *
 * Purpose:   the same in 7 bits: the inner parts are encoded again, and what of a notice cannot be
 *            is returned as headers.
 * RFC:       6522 section 3, 2045 sections 6.2 and 6.4, 6533 sections 4.5 and 6.4; rules MIME-11,
 *            MIME-12, MIME-15, MIME-34, I18N-08, I18N-10, I18N-15.
 * Ownership: the result is appended to the caller's buffer.
 * Errors:    false when it cannot be done, and the buffer is as it was.
 * Threads:   reentrant. GMime must have been initialised.
 */
#ifndef DSN_MIME_DOWN_CONVERT_H
#define DSN_MIME_DOWN_CONVERT_H

#include "mime/limits.h"
#include "mime/span.h"

/* @notice is one that dsn_report_build() has written. The same notice always gives the same bytes.
 * False for one whose own header is not ASCII. */
bool dsn_notice_down_convert(DsnSpan notice, const DsnLimits *limits, GString *ret_notice);

/* @message is any message whose lines end in CRLF. Each leaf part that has 8-bit octets, NUL or
 * lines of more than 998 octets is encoded in quoted-printable or base64; its octets stay, and so
 * does all else, the fields of the message's own header too: what they hold is for the caller to
 * see. False when such a part is signed or encrypted, or of a type that may not be encoded, or
 * when octets of that kind stand in the header of a part or between parts. */
bool dsn_message_down_convert(DsnSpan message, const DsnLimits *limits, GString *ret_message);

#endif
