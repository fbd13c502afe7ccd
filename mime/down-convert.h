/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * down-convert.h - a notice for a path that is not 8-bit clean
 *
 * Purpose:   the same notice in 7 bits: inner parts of what is returned are encoded again, and what
 *            cannot be is returned as headers.
 * RFC:       6522 section 3, 2045 section 6.2, 6533 sections 4.5 and 6.4; rules MIME-11, MIME-12,
 *            MIME-15, I18N-08, I18N-10, I18N-15.
 * Ownership: the result is appended to the caller's buffer.
 * Errors:    false when it cannot be done (an address in its own header is not ASCII), and the
 *            buffer is as it was.
 * Threads:   reentrant. GMime must have been initialised.
 */
#ifndef DSN_MIME_DOWN_CONVERT_H
#define DSN_MIME_DOWN_CONVERT_H

#include "mime/limits.h"
#include "mime/span.h"

/* @notice is one that dsn_report_build() has written. The same notice always gives the same bytes.
 */
bool dsn_notice_down_convert(DsnSpan notice, const DsnLimits *limits, GString *ret_notice);

#endif
