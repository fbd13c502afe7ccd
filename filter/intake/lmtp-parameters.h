/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lmtp-parameters.h - paths and parameters of MAIL and RCPT
 *
 * Purpose:   read what stands behind "FROM:" and "TO:".
 * RFC:       5321 section 4.1.2; 1870, 3461 section 4, 6152, 6531 section 3.4.
 * Ownership: spans point into the command; the texts of replies are constant.
 * Errors:    the reply that says what is wrong.
 * Threads:   reentrant.
 */
#ifndef DSN_INTAKE_LMTP_PARAMETERS_H
#define DSN_INTAKE_LMTP_PARAMETERS_H

#include "mime/span.h"

#include <stdint.h>

/* Takes "<...>" off the front of *@text, and the spaces around it; *@ret_path is what stands
 * between the brackets. False if there is none. */
bool dsn_lmtp_take_path(DsnSpan *text, DsnSpan *ret_path);

typedef struct DsnLmtpMail {
    guint64 size; /* SIZE, 0 when not given */
    bool utf8;
} DsnLmtpMail;

/* Reads the parameters of MAIL or RCPT. Returns NULL, or the reply (transfer none). The parameters
 * of DSN (RFC 3461) are checked and not used: what is delivered here ends here. */
const char *dsn_lmtp_read_mail(DsnSpan parameters, DsnLmtpMail *ret_mail);
const char *dsn_lmtp_read_rcpt(DsnSpan parameters);

#endif
