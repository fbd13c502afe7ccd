/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.h - KumoMTA's log record
 *
 * Purpose:   read every historical form of the record, and find its deciding keys fast.
 * Source:    KumoMTA's JsonLogRecord from 2023.05.10 on; see dsnarf-records(5).
 * Ownership: a record owns its JSON tree and the name of the peer; other texts are borrowed from
 *            the tree.
 * Errors:    DSN_RECORD_ERROR with a text that names the key, or line and column.
 * Threads:   one thread at a time.
 */
#ifndef DSN_CORE_RECORD_H
#define DSN_CORE_RECORD_H

#include "mime/date.h"
#include "mime/status-code.h"

#include <jansson.h>

typedef enum DsnRecordType {
    DSN_RECORD_RECEPTION,
    DSN_RECORD_DELIVERY,
    DSN_RECORD_BOUNCE,
    DSN_RECORD_TRANSIENT_FAILURE,
    DSN_RECORD_EXPIRATION,
    DSN_RECORD_ADMIN_BOUNCE,
    DSN_RECORD_OOB,
    DSN_RECORD_FEEDBACK,
    DSN_RECORD_REJECTION,
    DSN_RECORD_ADMIN_REBIND,
    DSN_RECORD_DEFERRED_INJECTION_REBIND,
    DSN_RECORD_DELAYED,
    DSN_RECORD_XFER_OUT,
    DSN_RECORD_XFER_IN,
    DSN_RECORD_OTHER, /* a type that is not known here: carried through, never acted upon */
    DSN_N_RECORD_TYPES
} DsnRecordType;

/* "Bounce"; NULL for DSN_RECORD_OTHER (transfer none). */
const char *dsn_record_type_to_string(DsnRecordType type);

/* Exact spelling only; DSN_RECORD_OTHER for anything else. */
DsnRecordType dsn_record_type_from_string(DsnSpan name);

typedef enum DsnRecordError {
    DSN_RECORD_ERROR_JSON, /* not JSON: with line and column */
    DSN_RECORD_ERROR_KEY   /* a key that is missing, of a wrong type, or out of range */
} DsnRecordError;

#define DSN_RECORD_ERROR dsn_record_error_quark()
GQuark dsn_record_error_quark(void);

/* NULL texts were null or absent. Text is UTF-8 and may hold CR, LF and other controls. */
typedef struct DsnRecord {
    json_t *json; /* the whole record, repaired: {} for lists became [], times were completed */
    DsnRecordType type;
    const char *type_name;
    const char *id;
    const char *sender;
    size_t n_recipients;
    const char **recipients;
    uint16_t code; /* response */
    DsnStatusCode enhanced;
    DsnSpan content;
    char *peer_name; /* without the trailing dot, NULL when no peer took part */
    const char *peer_addr;
    int64_t event_time;
    uint32_t event_nanoseconds;
    int64_t created;
    uint32_t created_nanoseconds;
    unsigned num_attempts;
    const char *delivery_protocol;
    const char *reception_protocol;
    const char *nodeid;
} DsnRecord;

/* Reads one record from @text (a JSON object, no more than @max bytes). Returns a new record
 * (transfer full), or NULL and @error. */
DsnRecord *dsn_record_parse(DsnSpan text, size_t max, GError **error);

/* The same from a tree, of which the record keeps a reference and which it may repair. */
DsnRecord *dsn_record_from_json(json_t *json, GError **error);

void dsn_record_free(DsnRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnRecord, dsn_record_free)

/* A header of the message that the relay was told to log, the first of that name in any case of
 * letters; absent when there is none (transfer none). */
DsnSpan dsn_record_header(const DsnRecord *record, const char *name);

/* Takes the recipients out for which @keep, one flag for each, is false. */
void dsn_record_keep_recipients(DsnRecord *record, const bool *keep);

/* Appends the record as one line of JSON in KumoMTA's key order (newest form), with a line feed. */
void dsn_record_write(const DsnRecord *record, GString *ret_line);

/* What a look at the keys of the outer object tells, without parsing the rest. */
typedef struct DsnRecordKeys {
    DsnSpan type; /* the raw bytes between the quotes; absent when not found or not plain */
    DsnSpan id;
} DsnRecordKeys;

/* Scans one JSON object at depth 1. False on anything odd: let jansson decide then. */
bool dsn_record_scan(DsnSpan line, DsnRecordKeys *ret_keys);

/* One element of what is handed in: a bare record, or {"log_record": {...}, "message": "...",
 * "message_base64": "..."} (dsnarf-records(5)). */
typedef struct DsnElement {
    DsnRecord *record;
    bool has_original;
    bool only_header;  /* of the original is at hand */
    GString *original; /* NULL unless has_original */
} DsnElement;

bool dsn_element_parse(DsnSpan text, size_t max, DsnElement *ret_element, GError **error);
void dsn_element_clear(DsnElement *element);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnElement, dsn_element_clear)

#endif
