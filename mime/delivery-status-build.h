/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * delivery-status-build.h - the second part of a notice: the fields that programs read
 *
 * Purpose:   write the body of message/delivery-status or message/global-delivery-status.
 * RFC:       3464 section 2, 3461 sections 6.3 and 9, 6533 section 4; rules DSN-*, RCPT-*, I18N-04.
 * Ownership: appended to the caller's buffer.
 * Errors:    DSN_BUILD_ERROR_REPORT with the name of the field, and the buffer is as it was.
 * Threads:   reentrant.
 */
#ifndef DSN_MIME_DELIVERY_STATUS_BUILD_H
#define DSN_MIME_DELIVERY_STATUS_BUILD_H

#include "mime/report-build.h"

/* Writes the fields of @report; the global form, which is UTF-8, if report->global, else ASCII. */
bool dsn_delivery_status_build(const DsnReport *report, GString *ret_part, GError **error);

#endif
