/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * feedback-report.h - what a message/feedback-report part says
 *
 * Purpose:   the values of abuse, authentication failure and other feedback reports.
 * RFC:       5965 section 3, 6591 section 3; rules ARF-08 to ARF-20, AUTHF-*.
 * Ownership: values belong to the report.
 * Errors:    none: a bad field costs that field and adds a defect.
 * Threads:   as the reader.
 */
#ifndef DSN_MIME_FEEDBACK_REPORT_H
#define DSN_MIME_FEEDBACK_REPORT_H

#include "mime/field.h"

/* Fills feedback from the fields of the reader's report. */
void dsn_feedback_report_read(DsnFieldReader *reader);

/* The Source-Port (RFC 6692); false when there is none, or none that is a port. */
bool dsn_feedback_port(const DsnFeedback *feedback, uint16_t *ret_port);

/* True when a field of RFC 5965 stands in @text. */
bool dsn_feedback_report_is_in(DsnSpan text);

#endif
