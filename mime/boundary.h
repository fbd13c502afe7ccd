/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * boundary.h - what parts are told apart by
 *
 * Purpose:   make boundaries, write them, and look whether they stand only where they were put.
 * RFC:       2046 section 5.1.1; rules MIME-16, MIME-17.
 * Ownership: text is appended to the caller's buffer.
 * Errors:    none.
 * Threads:   reentrant.
 */
#ifndef DSN_MIME_BOUNDARY_H
#define DSN_MIME_BOUNDARY_H

#include "mime/span.h"

#define DSN_BOUNDARY_MADE 34 /* bytes of a boundary that was made: "=_" and hexadecimal digits */

/* May be proposed to us. */
bool dsn_boundary_is_good(DsnSpan text);

/* A boundary made of the digest of @bytes: nobody can have written it into them. "=_" occurs in no
 * quoted-printable or base64 text. It stands in @ret_made. */
DsnSpan dsn_boundary_make(DsnSpan bytes, char ret_made[static DSN_BOUNDARY_MADE]);

/* True if @boundary stands @wanted times in @body: nowhere but where it was put. Any other place
 * counts, not only the start of a line: careless readers look there too. */
bool dsn_boundary_stands(DsnSpan boundary, size_t wanted, DsnSpan body);

/* The parameter of Content-Type, on a line of its own. */
void dsn_boundary_append_parameter(DsnSpan boundary, GString *ret_header);

/* The line end before a boundary line, which belongs to it, and the line up to @end, "\r\n" or
 * "--". */
void dsn_boundary_append(DsnSpan boundary, const char *end, GString *ret_body);

#endif
