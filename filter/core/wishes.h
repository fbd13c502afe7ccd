/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wishes.h - what the sender has asked for
 *
 * Purpose:   NOTIFY, RET, ENVID and ORCPT of the original's transaction, as far as they are known.
 * RFC:       3461 sections 4 and 5, 6533 section 3, 8689 section 5; rules ESMTP-01 to ESMTP-10,
 *            ENV-18, I18N-01 to I18N-07.
 * Ownership: wishes own their texts.
 * Errors:    none: a wish that breaks its syntax is as if it had not been made, and is counted.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_WISHES_H
#define DSN_CORE_WISHES_H

#include "filter/core/configuration.h"
#include "filter/core/record.h"

/* Characters of an envelope id (RFC 3461 section 4.4). */
#define DSN_ENVID_MAX 100

/* Of NOTIFY, one bit each; NEVER stands alone. */
typedef enum DsnNotify {
    DSN_NOTIFY_SUCCESS = 1 << 0,
    DSN_NOTIFY_FAILURE = 1 << 1,
    DSN_NOTIFY_DELAY = 1 << 2,
    DSN_NOTIFY_NEVER = 1 << 3
} DsnNotify;

typedef struct DsnRecipientWishes {
    unsigned notify;  /* bits of DsnNotify; 0: nothing was said */
    char *orcpt_type; /* "rfc822", "utf-8"; NULL: no ORCPT was given */
    char *orcpt;      /* decoded; of a broken utf-8 address the text as it was (rule I18N-07) */
} DsnRecipientWishes;

typedef struct DsnWishes {
    bool has_ret;
    DsnReturn ret; /* FULL or HEADERS, when has_ret */
    char *envid;   /* decoded; NULL: none was given */
    bool requiretls;
    GArray *recipients; /* of DsnRecipientWishes, one for each of the record's recipients */
    unsigned broken;    /* wishes that break their syntax */
} DsnWishes;

void dsn_wishes_clear(DsnWishes *wishes);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnWishes, dsn_wishes_clear)

/* What @record's meta says under @keys; @ret_wishes need not be initialised. */
void dsn_wishes_read(const DsnRecord *record, const DsnMetaKeys *keys, DsnWishes *ret_wishes);

/* One parameter at a time; false when it breaks its syntax (rules ESMTP-01 to ESMTP-10). */
bool dsn_notify_parse(DsnSpan value, unsigned *ret_notify);
bool dsn_ret_parse(DsnSpan value, DsnReturn *ret_return);
bool dsn_envid_parse(DsnSpan value, GString *ret_envid);
bool dsn_orcpt_parse(DsnSpan value, GString *ret_type, GString *ret_address);

#endif
