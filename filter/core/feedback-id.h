/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * feedback-id.h - the Feedback-ID that mail leaves with
 *
 * Purpose:   write the field of a message by the form that the administrator gave.
 * Source:    "campaign:customer:mail type:sender id" as Gmail reads it; dsnarf.toml(5).
 * Ownership: output goes to the caller's buffer.
 * Errors:    none: what cannot stand in the field is replaced.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_FEEDBACK_ID_H
#define DSN_CORE_FEEDBACK_ID_H

#include <glib.h>
#include <stdbool.h>

/* What the placeholders stand for. */
typedef struct DsnFeedbackIdParts {
    const char *campaign, *tenant; /* NULL: nothing */
    const char *trace;             /* in base64, may be folded */
} DsnFeedbackIdParts;

/* NULL if @form will do, else what is expected (for the option table). */
const char *dsn_feedback_id_check(const char *form);

/* Appends the value that @form, which was checked, is for a message. */
void dsn_feedback_id_write(const char *form, const DsnFeedbackIdParts *parts, GString *ret_value);

#endif
