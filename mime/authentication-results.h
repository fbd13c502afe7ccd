/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * authentication-results.h - what a host says about who sent a message
 *
 * Purpose:   read the value of one Authentication-Results field, result by result.
 * RFC:       8601 section 2.2; rules ENV-23, OOB-17, ARF-23, CFBL-05.
 * Ownership: spans point into the value, or into the caller's string chunk.
 * Errors:    what is no result is passed over; after a quote or comment without end comes nothing.
 * Threads:   reentrant.
 *
 * Whether the field may be believed is for the caller to know: anybody can write one.
 */
#ifndef DSN_MIME_AUTHENTICATION_RESULTS_H
#define DSN_MIME_AUTHENTICATION_RESULTS_H

#include "mime/span.h"

#define DSN_AUTH_PROPERTIES_MAX 16

/* "header.d=example.com": type, name and value, quotes undone. */
typedef struct DsnAuthProperty {
    DsnSpan type;
    DsnSpan name;
    DsnSpan value;
} DsnAuthProperty;

/* "dkim=pass header.d=example.com"; properties beyond the cap are left out. */
typedef struct DsnAuthResult {
    DsnSpan method; /* without version */
    DsnSpan result;
    size_t n_properties;
    DsnAuthProperty properties[DSN_AUTH_PROPERTIES_MAX];
} DsnAuthResult;

typedef struct DsnAuthReader {
    DsnSpan rest;
    GStringChunk *strings;
} DsnAuthReader;

/* Begins to read @value, unfolded. False when it does not begin with the name of a host, or when it
 * is of a version that is not known; no result of it means anything then. */
bool dsn_auth_reader_open(DsnAuthReader *reader, DsnSpan value, GStringChunk *strings,
                          DsnSpan *ret_authserv_id);

/* The next result; false at the end. */
bool dsn_auth_reader_next(DsnAuthReader *reader, DsnAuthResult *ret_result);

/* The value of the first property @type.@name, absent when there is none. */
DsnSpan dsn_auth_result_property(const DsnAuthResult *result, const char *type, const char *name);

#endif
