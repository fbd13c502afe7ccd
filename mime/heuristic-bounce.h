/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heuristic-bounce.h - bounces in no standard form
 *
 * Purpose:   tell what qmail, old Exim, Exchange, Sendmail and the big providers write in plain
 *            words from ordinary mail, and find out whom it is about.
 * RFC:       none; rules QRK-11, OOB-15, OOB-19.
 * Ownership: values belong to the report.
 * Errors:    none: what is not recognised is no bounce.
 * Threads:   as the reader.
 */
#ifndef DSN_MIME_HEURISTIC_BOUNCE_H
#define DSN_MIME_HEURISTIC_BOUNCE_H

#include "mime/field.h"
#include "mime/mail-header.h"
#include "mime/structure.h"

/* Fills the reader's report with recipients and the returned content, and notes "heuristic:NAME" as
 * a quirk. False, and nothing is noted, when the message is no such bounce. The header decides
 * first: ordinary mail costs no look at its text. */
bool dsn_heuristic_bounce_read(DsnFieldReader *reader, const DsnMailHeader *header,
                               const DsnStructure *structure);

#endif
