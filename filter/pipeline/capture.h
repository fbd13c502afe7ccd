/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture.h - what is remembered of one message that leaves
 *
 * Purpose:   collect what its sender asked for, who submitted it, and its header or all of it, as
 *            the MTA shows it.
 * RFC:       3461 sections 4 and 5.4, 8689 section 3; dsnarf-milter(7), "What senders ask for is
 *            remembered"; rules ESMTP-38, ENV-18.
 * Ownership: a capture owns its texts, and gives the room back that they took.
 * Errors:    where there is no room the capture is "lost", and empty.
 * Threads:   one at a time for each capture; the room is shared by all.
 */
#ifndef DSN_PIPELINE_CAPTURE_H
#define DSN_PIPELINE_CAPTURE_H

#include "filter/core/configuration.h"
#include "mime/span.h"

/* Bytes of all captures that are in memory; both are read and changed atomically. In a box with an
 * atomic reference count: captures of connections that nobody ends may outlive the store. */
typedef struct DsnCaptureRoom {
    gsize held;
    gsize most;
} DsnCaptureRoom;

typedef struct DsnCapture {
    DsnCaptureRoom *room;
    size_t held;       /* of the room */
    size_t max;        /* bytes of content */
    bool bodies;       /* the body is wanted, too */
    bool cut;          /* it is longer than may be kept */
    bool lost;         /* there was no room */
    unsigned n_others; /* recipients behind the first */
    char *sender;      /* normalised */
    char *recipient;   /* the first, see dsn_capture_recipient(); NULL before it came */
    GString *wishes;   /* members of a JSON object: what was said at MAIL */
    GString *people;   /* the same: recipient -> what was said at RCPT */
    GString *body;     /* what follows the fields of the header */
    int64_t time;      /* these are set when it is finished: unix seconds */
    int64_t queue_key, message_key; /* 0: there is no such id */
    GString *about;                 /* a JSON object */
    GString *content;               /* header, and body if wanted; NULL: too long */
    bool whole;                     /* the content is the message, and not its header alone */
} DsnCapture;

/* Who submitted a message, and its name; NULL is what is not known. */
typedef struct DsnSubmission {
    const char *queue_id;
    const char *login, *login_type; /* of SMTP AUTH */
    const char *client, *client_name;
} DsnSubmission;

/* NULL when no notice could go to @sender, a path as given at MAIL (transfer full). */
DsnCapture *dsn_capture_new(DsnCaptureRoom *room, const DsnCaptureOptions *options, DsnSpan sender);
void dsn_capture_free(DsnCapture *capture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnCapture, dsn_capture_free)

/* The parameters of MAIL, and a recipient with those of its RCPT: texts up to a NULL. */
void dsn_capture_mail(DsnCapture *capture, char *const *parameters);
void dsn_capture_rcpt(DsnCapture *capture, DsnSpan path, char *const *parameters);

/* The next bytes of what follows the fields of the header, as it was on the wire. */
void dsn_capture_body(DsnCapture *capture, DsnSpan bytes);

/* All was collected; @header are the fields, all of them unless @header_cut. False when nothing is
 * to be kept: it is lost. */
bool dsn_capture_finish(DsnCapture *capture, DsnSpan header, bool header_cut,
                        const DsnSubmission *submission, int64_t now);

/* ---- by what it is found again ---- */

/* @sender is normalised. @recipient (lower case, normalised) is that of a message with one alone;
 * absent: the message has more. */
int64_t dsn_capture_queue_key(DsnSpan sender, DsnSpan queue_id);
int64_t dsn_capture_message_key(DsnSpan sender, DsnSpan message_id, DsnSpan recipient);

/* The name of a recipient in "people": its normalised address, or else what it is, in lower case
 * (transfer full). */
char *dsn_capture_recipient(DsnSpan path);

#endif
