/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record-shape.h - which keys a log record has, in which order and of which type
 *
 * Purpose:   the one table of KumoMTA's record, for checking, repairing and writing.
 * Source:    KumoMTA's JsonLogRecord, all releases from 2023.05.10 on; rules QRK-01 to QRK-05.
 * Ownership: trees are borrowed.
 * Errors:    DSN_RECORD_ERROR_KEY with "path.of.key: expected ..., got ...".
 * Threads:   reentrant; one tree is used by one thread at a time.
 */
#ifndef DSN_CORE_RECORD_SHAPE_H
#define DSN_CORE_RECORD_SHAPE_H

#include "filter/core/record.h"

/* Reads @text, which must be an object, may hold NUL in texts, and must not have a key twice in one
 * object. Returns a new reference, or NULL and DSN_RECORD_ERROR_JSON. */
json_t *dsn_record_load_object(DsnSpan text, size_t max, GError **error);

/* An address as records have it: without the angle brackets around it. */
DsnSpan dsn_record_bare_address(DsnSpan address);

/* Checks every known key of @record and brings older forms of its values to the newest. */
bool dsn_record_shape_repair(json_t *record, GError **error);

/* Appends @record as one JSON object: known keys in KumoMTA's order, then the others as they came.
 */
void dsn_record_shape_write(const json_t *record, GString *json);

#endif
