/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quirk.h - known peculiarities of programs that make reports, by name
 *
 * Purpose:   say in the defects of a report which of them it has; the program is named that the
 *            peculiarity is known of, others may have it too.
 * RFC:       none; rules ARF-28, QRK-06 to QRK-13.
 * Ownership: nothing is kept.
 * Errors:    none.
 * Threads:   reentrant.
 */
#ifndef DSN_MIME_QUIRK_H
#define DSN_MIME_QUIRK_H

#include "mime/report.h"
#include "mime/structure.h"

/* Adds a defect of kind DSN_DEFECT_QUIRK for each peculiarity of @report, whose machine-readable
 * part is @machine. What it says does not change how anything is read. */
void dsn_quirk_find(DsnReport *report, const DsnLimits *limits, const DsnStructure *structure,
                    const DsnPart *machine);

#endif
