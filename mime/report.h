/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.h - a report as a value
 *
 * Purpose:   what a DSN, a feedback report or an MDN says, whether it was read or is to be made.
 * RFC:       3464, 6533 (DSN), 5965, 6591 (feedback), 8098 (MDN), 6522 (frame).
 * Ownership: the report owns its arrays and @strings; spans point into the message that it was
 *            read from, into @strings, or into constants, and must outlive it.
 * Errors:    none: what could not be read is absent, and a defect says so.
 * Threads:   one thread at a time.
 */
#ifndef DSN_MIME_REPORT_H
#define DSN_MIME_REPORT_H

#include "mime/address.h"
#include "mime/date.h"
#include "mime/defect.h"
#include "mime/limits.h"
#include "mime/status-code.h"

typedef enum DsnReportKind {
    DSN_REPORT_NONE,
    DSN_REPORT_FEEDBACK,
    DSN_REPORT_DELIVERY_STATUS,
    DSN_REPORT_DISPOSITION_NOTIFICATION,
    DSN_REPORT_HEURISTIC_BOUNCE /* a bounce in no standard form; see heuristic-bounce.h */
} DsnReportKind;

/* "none", "feedback-report", "delivery-status", "disposition-notification", "heuristic-bounce"
 * (transfer none). */
const char *dsn_report_kind_to_string(DsnReportKind kind);

/* What a message of kind "none" is, where that is of use; see other-mail.h. */
typedef enum DsnOtherMail {
    DSN_OTHER_NOTHING, /* ordinary mail */
    DSN_OTHER_AUTO_REPLY,
    DSN_OTHER_TLS_REPORT,  /* RFC 8460 */
    DSN_OTHER_DMARC_REPORT /* an aggregate report, RFC 7489 section 7.2 */
} DsnOtherMail;

/* "auto-reply", "tls-report", "dmarc-report"; NULL for DSN_OTHER_NOTHING (transfer none). */
const char *dsn_other_mail_to_string(DsnOtherMail other);

/* One field as it stands: the value unfolded by dropping line breaks, then trimmed. */
typedef struct DsnField {
    DsnSpan name;
    DsnSpan value;
} DsnField;

/* Fields first .. first + count - 1 of the report's @fields. */
typedef struct DsnFieldGroup {
    guint first;
    guint count;
} DsnFieldGroup;

typedef enum DsnAction {
    DSN_ACTION_NONE, /* absent, or none of RFC 3464 section 2.3.3 */
    DSN_ACTION_FAILED,
    DSN_ACTION_DELAYED,
    DSN_ACTION_DELIVERED,
    DSN_ACTION_RELAYED,
    DSN_ACTION_EXPANDED
} DsnAction;

/* "failed", ...; NULL for DSN_ACTION_NONE (transfer none). */
const char *dsn_action_to_string(DsnAction action);

/* RFC 3464 section 2.2. */
typedef struct DsnPerMessage {
    DsnSpan original_envelope_id;
    DsnTyped reporting_mta;
    DsnTyped dsn_gateway;
    DsnTyped received_from_mta;
    int64_t arrival_date; /* DSN_TIME_NONE when not known */
    GArray *extensions;   /* of DsnField */
} DsnPerMessage;

/* RFC 3464 section 2.3. */
typedef struct DsnPerRecipient {
    DsnTyped original_recipient; /* decoded: xtext and utf-8 forms undone */
    DsnTyped final_recipient;
    DsnAction action;
    DsnSpan action_text;    /* as written */
    DsnStatusCode status;   /* class_ 0 when absent or not a code */
    DsnSpan status_comment; /* what follows the code, as written; absent when nothing does */
    DsnTyped remote_mta;
    DsnTyped
        diagnostic_code; /* value as in the field, one line per reply line ('\n') where folded */
    int64_t last_attempt_date;
    DsnSpan final_log_id;
    int64_t will_retry_until;
    GArray *extensions; /* of DsnField */
} DsnPerRecipient;

/* RFC 5965 section 3; several values keep their order. */
typedef struct DsnFeedback {
    DsnSpan feedback_type;
    DsnSpan user_agent;
    DsnSpan version;
    int64_t arrival_date; /* Arrival-Date, else Received-Date */
    int64_t incidents;    /* 0 to 2^32-1, -1 when absent */
    DsnSpan original_envelope_id;
    DsnSpan original_mail_from; /* normalised: no brackets, "" for the null sender */
    DsnTyped reporting_mta;
    DsnSpan source_ip;
    GArray *authentication_results; /* of DsnSpan */
    GArray *original_rcpt_to;       /* of DsnSpan, normalised */
    GArray *reported_domain;        /* of DsnSpan */
    GArray *reported_uri;           /* of DsnSpan */
    GArray *extensions;             /* of DsnField: all other fields, RFC 6591 ones too */
} DsnFeedback;

typedef enum DsnReturnedKind {
    DSN_RETURNED_NOTHING,
    DSN_RETURNED_HEADERS, /* text/rfc822-headers, message/global-headers */
    DSN_RETURNED_MESSAGE  /* message/rfc822, message/global */
} DsnReturnedKind;

/* The third part (RFC 6522 section 3), transfer encoding undone; the last one if several. */
typedef struct DsnReturned {
    DsnReturnedKind kind;
    DsnSpan bytes;  /* the whole part */
    DsnSpan header; /* its header block */
    DsnSpan message_id;
    DsnSpan return_path; /* normalised, or as written with a defect */
    DsnSpan subject;     /* decoded to UTF-8 */
    DsnSpan list_id;
    DsnSpan list_unsubscribe;
    DsnSpan list_unsubscribe_post;
    DsnSpan feedback_id;
    DsnSpan cfbl_address;
    DsnSpan cfbl_feedback_id; /* white space removed (RFC 9477 section 5.2) */
    GArray
        *traces; /* of DsnField, values still folded: X- fields that may be a supplemental trace */
} DsnReturned;

/* Header fields of the report message itself. */
typedef struct DsnEnvelopeHeader {
    DsnSpan block;       /* all of it */
    DsnSpan return_path; /* normalised; absent when there is no such field */
    DsnSpan message_id;
    int64_t date;
    bool auto_submitted; /* Auto-Submitted with a value other than "no" */
} DsnEnvelopeHeader;

typedef struct DsnReport {
    DsnReportKind kind;
    DsnOtherMail other; /* where @kind is DSN_REPORT_NONE */
    bool global;        /* the machine-readable part is of the message/global-* family */
    DsnEnvelopeHeader envelope;
    GArray *fields; /* of DsnField: the machine-readable part, in order */
    GArray *groups; /* of DsnFieldGroup; one group for feedback and disposition reports */
    DsnPerMessage per_message;
    GArray *per_recipient; /* of DsnPerRecipient */
    DsnFeedback feedback;
    DsnReturned returned;
    GArray *defects;      /* of DsnDefect, in the order they were met */
    guint defects_unseen; /* more defects than DsnLimits.defects */
    GStringChunk *strings;
} DsnReport;

DsnReport *dsn_report_new(void);
void dsn_report_free(DsnReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnReport, dsn_report_free)

/* Empties @report for the next use. */
void dsn_report_clear(DsnReport *report);

/* Appends an empty recipient and returns it, valid until the next one is added (transfer none). */
DsnPerRecipient *dsn_report_add_recipient(DsnReport *report);

/* Keeps a copy of @text in the report (transfer none). */
DsnSpan dsn_report_keep(DsnReport *report, DsnSpan text);

/* Notes a deviation; beyond @limits->defects it is only counted. */
void dsn_report_add_defect(DsnReport *report, const DsnLimits *limits, DsnDefectKind kind,
                           DsnSpan field, DsnSpan value, const char *detail);

#endif
