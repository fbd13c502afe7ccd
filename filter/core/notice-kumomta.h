/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notice-kumomta.h - the notice that KumoMTA itself would make, byte for byte
 *
 * Purpose:   compare and migrate; not the correct form (see notice.h for that).
 * Source:    kumo.generate_rfc3464_message of release 2025.10.06 and later; rule QRK-13.
 * Ownership: appended to the caller's buffer.
 * Errors:    as KumoMTA: an 8-bit original, a sender that is no address.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_NOTICE_KUMOMTA_H
#define DSN_CORE_NOTICE_KUMOMTA_H

#include "filter/core/notice.h"

/* Makes the notice for @record in KumoMTA's form, if one is due; @original is absent when not at
 * hand. Of @options only enable, include_original, reporting_mta and stable count. */
DsnNoticeResult dsn_notice_make_kumomta(const DsnNoticeOptions *options, const DsnRecord *record,
                                        DsnSpan original, GString *ret_bytes, DsnReason *ret_reason,
                                        GError **error);

#endif
