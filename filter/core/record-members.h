/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record-members.h - the table of a log record's keys
 *
 * Purpose:   what those share that read records as trees and those that read them as text.
 * Source:    KumoMTA's JsonLogRecord, see record-shape.h.
 * Ownership: constant.
 * Errors:    none.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_RECORD_MEMBERS_H
#define DSN_CORE_RECORD_MEMBERS_H

#include "mime/span.h"

#include <jansson.h>
#include <stdint.h>

typedef struct DsnMember DsnMember;

/* A text that is being read, see record-plain.h. */
typedef struct DsnPlainReader {
    const char *at, *end;
    unsigned depth;
} DsnPlainReader;

/* A type of value. @read returns the value in its newest form (transfer full), or NULL if it is of
 * another type. @skip reads over a value that is in the newest form, written as we write it, or
 * returns false. */
typedef struct DsnMemberForm {
    const char *expected; /* "a string" */
    json_t *(*read)(const DsnMember *member, json_t *value);
    bool (*skip)(const DsnMember *member, DsnPlainReader *reader);
} DsnMemberForm;

/* What becomes of a key that is absent or null. */
typedef enum DsnNeed {
    DSN_NEED_REQUIRED, /* an error */
    DSN_NEED_NULL,     /* written as null */
    DSN_NEED_OMITTED,  /* left out, also when it is false */
    DSN_NEED_LIST,     /* written as [] */
    DSN_NEED_OBJECT    /* written as {} */
} DsnNeed;

struct DsnMember {
    const char *key; /* NULL ends a table */
    const DsnMemberForm *form;
    DsnNeed need;
    int64_t min; /* of numbers */
    int64_t max;
    const DsnMember *members; /* of objects; NULL: any */
};

/* Those of a record, in KumoMTA's order. */
extern const DsnMember DSN_RECORD_MEMBERS[];

/* ---- record-plain.c: for the table ---- */

bool dsn_plain_skip_any(const DsnMember *member, DsnPlainReader *reader);
bool dsn_plain_skip_text(const DsnMember *member, DsnPlainReader *reader);
bool dsn_plain_skip_name(const DsnMember *member, DsnPlainReader *reader);
bool dsn_plain_skip_address(const DsnMember *member, DsnPlainReader *reader);
bool dsn_plain_skip_texts(const DsnMember *member, DsnPlainReader *reader);
bool dsn_plain_skip_addresses(const DsnMember *member, DsnPlainReader *reader);
bool dsn_plain_skip_recipients(const DsnMember *member, DsnPlainReader *reader);
bool dsn_plain_skip_number(const DsnMember *member, DsnPlainReader *reader);
bool dsn_plain_skip_bool(const DsnMember *member, DsnPlainReader *reader);
bool dsn_plain_skip_time(const DsnMember *member, DsnPlainReader *reader);
bool dsn_plain_skip_extensions(const DsnMember *member, DsnPlainReader *reader);
bool dsn_plain_skip_object(const DsnMember *member, DsnPlainReader *reader);

#endif
