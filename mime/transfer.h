/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * transfer.h - transfer encodings, undone and made
 *
 * Purpose:   decode quoted-printable and base64 leniently, encode text parts.
 * RFC:       2045 sections 6.7 and 6.8; rules OOB-22, MIME-25, MIME-26.
 * Ownership: output goes to the caller's buffer.
 * Errors:    false when something did not decode; the rest is there all the same.
 * Threads:   reentrant.
 */
#ifndef DSN_MIME_TRANSFER_H
#define DSN_MIME_TRANSFER_H

#include "mime/limits.h"
#include "mime/span.h"

typedef enum DsnTransfer {
    DSN_TRANSFER_IDENTITY, /* none, 7bit, 8bit, binary */
    DSN_TRANSFER_QUOTED_PRINTABLE,
    DSN_TRANSFER_BASE64,
    DSN_TRANSFER_UNKNOWN /* a name that is none of RFC 2045; treated as identity */
} DsnTransfer;

/* From the raw value of Content-Transfer-Encoding, comments and spaces allowed. */
DsnTransfer dsn_transfer_parse(DsnSpan value);

/* Appends the decoded bytes, no more than @limits->decoded. False on a fault or at the cap. */
bool dsn_transfer_decode(DsnSpan encoded, DsnTransfer transfer, const DsnLimits *limits,
                         GString *ret_bytes);

/* The name as it stands in Content-Transfer-Encoding, "quoted-printable"; "7bit" for the identity
 * (transfer none). */
const char *dsn_transfer_to_string(DsnTransfer transfer);

/* Quoted-printable for what people can still read in it, base64 for the rest. */
DsnTransfer dsn_transfer_choose(DsnSpan text);

/* Appends @text as quoted-printable or base64; any other @transfer leaves it as it is. */
void dsn_transfer_encode(DsnSpan text, DsnTransfer transfer, GString *ret_encoded);

/* Appends @text (lines end in CRLF) as quoted-printable, lines of 76 or fewer. No line begins with
 * "--" that did not before: it might be a boundary (rule MIME-16). */
void dsn_transfer_encode_quoted_printable(DsnSpan text, GString *ret_encoded);

/* Appends @bytes as base64, lines of 76 ended by CRLF. */
void dsn_transfer_encode_base64(DsnSpan bytes, GString *ret_encoded);

#endif
