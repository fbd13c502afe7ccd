/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notice-rewrite.h - somebody else's notice in the tenant's words
 *
 * Purpose:   change a notice that another mail system has made, so that it speaks in the tenant's
 *            name and language and says the same.
 * RFC:       3464 section 2, 3834 section 3, 6522 section 3; rules LOOP-05, MIME-*, SEC-06.
 * Ownership: what came of it owns its texts.
 * Errors:    a GError where the words cannot be made, or what came of it would break a rule that
 *            the notice did not break before: it is to be passed on as it is.
 * Threads:   reentrant.
 *
 * Nothing is changed but the first part and the fields From, Subject, In-Reply-To, References and,
 * if it says anything else, Auto-Submitted: they become what they are in a notice of ours. All else
 * stays byte for byte. The first part is ASCII, whatever the frame allows. The words tell what the
 * second part says, even where the records know more. From stays when the tenant's address is not
 * ASCII, but the notice travels without SMTPUTF8.
 */
#ifndef DSN_CORE_NOTICE_REWRITE_H
#define DSN_CORE_NOTICE_REWRITE_H

#include "filter/core/notice.h"

/* A header field that is replaced where it stands, or added behind the others. */
typedef struct DsnFieldChange {
    char *name;
    char *value; /* as a filter hands it on: with the blank that it begins with, folded with LF */
} DsnFieldChange;

typedef struct DsnRewritten {
    GArray *fields;       /* of DsnFieldChange */
    GString *message;     /* the notice with all changes, lines end in CRLF */
    size_t body;          /* where its body begins in it */
    bool minimal;         /* the full words broke a rule, minimal ones were used instead */
    const char *broken;   /* then: the id of the rule, or NULL */
    const char *language; /* the preferred one of its words, a tag that the catalog owns */
    char *template_fault; /* an administrator's template failed and the shipped one was used: why */
} DsnRewritten;

void dsn_rewritten_clear(DsnRewritten *rewritten);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnRewritten, dsn_rewritten_clear)

/* @message is the notice as it came, @report what was read of it, which may get texts to keep, and
 * @text its first part, header included, without the line end that belongs to the next boundary.
 * @request is what a notice of ours would be made of; of its action only the report counts, and of
 * the original what the notice returns. @ret_rewritten need not be initialised, and is to be
 * cleared in any case. */
bool dsn_notice_rewrite(const DsnNoticeRequest *request, DsnReport *report, DsnSpan message,
                        DsnSpan text, DsnRewritten *ret_rewritten, GError **error);

#endif
