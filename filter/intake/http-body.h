/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http-body.h - the body of a request
 *
 * Purpose:   collect what is sent, undo its content coding, and stay within the caps.
 * RFC:       9110 sections 8.4 and 15.5.14, 1952 (gzip), 8878 and 9659 (zstd).
 * Ownership: the body owns its bytes.
 * Errors:    enums: what is wrong with a body is said to its sender.
 * Threads:   one at a time.
 */
#ifndef DSN_INTAKE_HTTP_BODY_H
#define DSN_INTAKE_HTTP_BODY_H

#include "filter/intake/http-budget.h"
#include "mime/span.h"

#include <stdint.h>

typedef enum DsnHttpCoding { DSN_HTTP_IDENTITY, DSN_HTTP_GZIP, DSN_HTTP_ZSTD } DsnHttpCoding;

/* Reads Content-Encoding; NULL is identity. False for a coding, or a list of codings, that is not
 * supported. */
bool dsn_http_coding_parse(const char *text, DsnHttpCoding *ret_coding);

/* The most memory that a body may take on its way, for dsn_http_budget_set(): at most @sent bytes
 * come in, and at most @inflated come out. */
size_t dsn_http_body_largest(size_t sent, size_t inflated);

typedef enum DsnHttpBodyResult {
    DSN_HTTP_BODY_GOOD,
    DSN_HTTP_BODY_TOO_LARGE,
    DSN_HTTP_BODY_BROKEN,   /* not what its coding says, or cut off */
    DSN_HTTP_BODY_NO_MEMORY /* all bodies together have too much */
} DsnHttpBodyResult;

typedef struct DsnHttpBody {
    DsnHttpLease lease;
    char *data;
    size_t len, size;
    size_t max; /* bytes as sent */
} DsnHttpBody;

/* Starts a body of at most @max bytes, of which @length are announced (-1: unknown); false while
 * there is no memory for it, to be tried again. */
bool dsn_http_body_start(DsnHttpBody *body, DsnHttpBudget *budget, size_t max, int64_t length);

/* Adds bytes as they were sent; false if they are more than @max. */
bool dsn_http_body_add(DsnHttpBody *body, DsnSpan bytes);

/* All was sent: gives back memory that was kept for more. */
void dsn_http_body_end(DsnHttpBody *body);

/* Replaces the bytes by what they are without @coding, at most @max bytes. May wait for memory
 * until @until. The bytes are of use only if that was GOOD. */
DsnHttpBodyResult dsn_http_body_decode(DsnHttpBody *body, DsnHttpCoding coding, size_t max,
                                       int64_t until);

void dsn_http_body_clear(DsnHttpBody *body);

#endif
