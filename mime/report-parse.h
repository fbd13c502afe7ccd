/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report-parse.h - from a message to a report
 *
 * Purpose:   decide by the parts found whether a message is a report, and read it.
 * RFC:       6522, 3464, 6533, 5965, 6591, 8098; rules OOB-*, ARF-*, QRK-*, MDN-01.
 * Ownership: the report borrows the message's bytes.
 * Errors:    never fails: a message that is no report has kind DSN_REPORT_NONE.
 * Threads:   a parser and its report are used by one thread at a time. GMime must have been
 *            initialised.
 */
#ifndef DSN_MIME_REPORT_PARSE_H
#define DSN_MIME_REPORT_PARSE_H

#include "mime/report.h"
#include "mime/structure.h"

/* What can be used again from message to message. */
typedef struct DsnReportParser DsnReportParser;

/* @limits must outlive the parser. */
DsnReportParser *dsn_report_parser_new(const DsnLimits *limits);
void dsn_report_parser_free(DsnReportParser *parser);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnReportParser, dsn_report_parser_free)

/* Clears @report and reads @message into it. @message must outlive what is in @report. */
void dsn_report_parse(DsnReportParser *parser, DsnSpan message, DsnReport *report);

/* The parts of @message, which was read last (transfer none); NULL if it was not read as it is. */
const DsnStructure *dsn_report_parser_structure(const DsnReportParser *parser, DsnSpan message);

#endif
