/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report-pieces.h - parts of a report as JSON members
 *
 * Purpose:   the objects that both the output of "parse" and the log records are made of.
 * Source:    dsnarf-records(5); KumoMTA's feedback_report and parse_rfc3464; rules QRK-01, SEC-02.
 * Ownership: everything is appended to the buffer of DsnPieces.
 * Errors:    none: what is absent becomes null, octets that are not UTF-8 become U+FFFD.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_REPORT_PIECES_H
#define DSN_CORE_REPORT_PIECES_H

#include "mime/report.h"

#include <jansson.h>

typedef struct DsnPieces {
    GString *json;
    bool replaced; /* octets were replaced since the start */
} DsnPieces;

/* Each run of white space becomes one space, as where KumoMTA reads a field. */
void dsn_pieces_collapse_space(GString *text);

/* Members of one value. */
void dsn_pieces_text(DsnPieces *pieces, const char *key, DsnSpan text);
/* @text has nothing to escape. */
void dsn_pieces_constant(DsnPieces *pieces, const char *key, const char *text);
void dsn_pieces_date(DsnPieces *pieces, const char *key, int64_t time);

/* The same without a NUL; of an address, without brackets that stayed around what is none. */
void dsn_pieces_name(DsnPieces *pieces, const char *key, DsnSpan name);
void dsn_pieces_address(DsnPieces *pieces, const char *key, DsnSpan address);

/* A text that stands in many records at once: cut at a character, ending in "...", when it is long.
 */
void dsn_pieces_short_text(DsnPieces *pieces, const char *key, DsnSpan text);

/* {"<type_key>":...,"<value_key>":...}, or null. */
void dsn_pieces_typed(DsnPieces *pieces, const char *key, DsnTyped typed, const char *type_key,
                      const char *value_key);

/* KumoMTA's feedback_report object, all keys present. @trace may be NULL. */
void dsn_pieces_feedback_report(DsnPieces *pieces, const char *key, const DsnReport *report,
                                const json_t *trace);

/* The per-message and per-recipient objects of a DSN. */
void dsn_pieces_per_message(DsnPieces *pieces, const DsnPerMessage *message);
void dsn_pieces_per_recipient(DsnPieces *pieces, const DsnPerRecipient *recipient);

/* {"message_id":...}: what the header of the returned content says. */
void dsn_pieces_original(DsnPieces *pieces, const char *key, const DsnReturned *returned);

/* The list is open between the first and the last of these three. */
void dsn_pieces_open_defects(DsnPieces *pieces, const DsnReport *report);
void dsn_pieces_defect(DsnPieces *pieces, const DsnDefect *defect);
void dsn_pieces_close_defects(DsnPieces *pieces, const DsnReport *report);

#endif
