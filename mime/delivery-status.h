/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * delivery-status.h - what a message/delivery-status part says
 *
 * Purpose:   per-message and per-recipient values from groups of fields.
 * RFC:       3464 sections 2.2 and 2.3, 6533 section 3; rules OOB-04 to OOB-12, OOB-16.
 * Ownership: values belong to the report.
 * Errors:    none: a bad field costs that field and adds a defect.
 * Threads:   as the reader.
 */
#ifndef DSN_MIME_DELIVERY_STATUS_H
#define DSN_MIME_DELIVERY_STATUS_H

#include "mime/field.h"

/* Fills per_message and per_recipient from the groups of the reader's report. */
void dsn_delivery_status_read(DsnFieldReader *reader);

/* True when a field of RFC 3464 stands in @text. */
bool dsn_delivery_status_is_in(DsnSpan text);

#endif
