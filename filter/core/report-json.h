/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report-json.h - what was read of a message, as one line of JSON
 *
 * Purpose:   the output of "parse".
 * Source:    dsnarf-records(5).
 * Ownership: appended to the caller's buffer.
 * Errors:    none.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_REPORT_JSON_H
#define DSN_CORE_REPORT_JSON_H

#include "filter/core/report-record.h"

/* Appends the object and a line feed. @file may be NULL: the key is then left out. */
void dsn_report_write_arrived(const DsnReport *report, const DsnArrival *arrival, const char *file,
                              GString *ret_line);

/* The same for a report of which nothing but its bytes is known. */
void dsn_report_write(const DsnReport *report, const char *file, GString *ret_line);

#endif
