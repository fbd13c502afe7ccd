/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record-plain.h - records whose text needs no tree
 *
 * Purpose:   know a record that is written just as dsn_record_write() would write it, so that an
 *            outlet can have its bytes, and what identifies its event, in a tenth of the time.
 * Source:    record-shape.h; most records of a newer KumoMTA are such.
 * Ownership: texts are copied into the record's own buffer.
 * Errors:    none: what is not plain is left to dsn_record_parse().
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_RECORD_PLAIN_H
#define DSN_CORE_RECORD_PLAIN_H

#include "filter/core/record.h"

typedef struct DsnPlainRecord {
    DsnSpan text;     /* from brace to brace */
    DsnRecord record; /* without tree; of its members only type, id, sender, recipients, times,
                         attempts and nodeid */
    GString *buffer;
    GPtrArray *recipients; /* of const char * */
} DsnPlainRecord;

void dsn_plain_record_init(DsnPlainRecord *plain);
void dsn_plain_record_clear(DsnPlainRecord *plain);

/* True if @text is a record of no more than @max bytes, and dsn_record_parse() would make one of it
 * that dsn_record_write() writes with the same bytes. False also when that is merely not known.
 * @plain was initialised, and can be used again. */
bool dsn_plain_record_read(DsnSpan text, size_t max, DsnPlainRecord *plain);

#endif
