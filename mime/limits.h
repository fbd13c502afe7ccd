/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limits.h - every cap on what comes from outside
 *
 * Purpose:   one place for the sizes that a message, a report or a notice may reach.
 * RFC:       6522 section 7, 5965 section 8.4 (hostile reports); rule OOB-20.
 * Ownership: plain values.
 * Errors:    none here; who meets a cap says so with a defect or an error.
 * Threads:   constant after start.
 */
#ifndef DSN_MIME_LIMITS_H
#define DSN_MIME_LIMITS_H

#include <stddef.h>

typedef struct DsnLimits {
    size_t message;     /* bytes of one message that are read; what follows is not looked at */
    size_t depth;       /* levels of multipart inside multipart */
    size_t parts;       /* MIME parts of one message */
    size_t header;      /* bytes of one header block that are searched */
    size_t parameter;   /* parameters of one Content-Type that are read */
    size_t groups;      /* groups of fields (recipients) in a machine-readable part */
    size_t fields;      /* fields in a machine-readable part */
    size_t field;       /* bytes of one field value; a longer one is cut there */
    size_t occurrences; /* values that are kept of one repeatable field */
    size_t defects;     /* deviations that are listed; more are only counted */
    size_t decoded;     /* bytes that undoing a transfer encoding may yield */
    size_t address;     /* bytes of one address that is looked into */
    size_t encoded;     /* bytes of one header value whose encoded words are decoded */
} DsnLimits;

/* The documented defaults of the [limits] section. */
extern const DsnLimits DSN_LIMITS_DEFAULT;

#endif
