/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milter-message.h - one message as the MTA shows it
 *
 * Purpose:   collect sender, recipients of ours, header and body, within bounds.
 * RFC:       5321 section 4.1.1.2 (paths), 5322 section 2.1.
 * Ownership: the message owns what it collected and a reference to the policy.
 * Errors:    what is too much is remembered as such: "crowded", "no_room".
 * Threads:   one at a time for each message; the room is shared by all.
 */
#ifndef DSN_INTAKE_MILTER_MESSAGE_H
#define DSN_INTAKE_MILTER_MESSAGE_H

#include "filter/pipeline/capture.h"
#include "filter/pipeline/policy.h"

/* All messages together hold no more than this many times limits.message. */
#define DSN_MILTER_ROOM 16

/* The header field that says that a message was recorded. */
#define DSN_MILTER_TAG "X-Dsnarf-Report"

/* What a message is to us once its recipients are known. */
typedef enum DsnMilterPurpose {
    DSN_MILTER_PASSING,  /* mail of others */
    DSN_MILTER_REPORTED, /* a role reads it */
    DSN_MILTER_NOTICE,   /* it may be a notice of Postfix's own */
    DSN_MILTER_LEAVING   /* mail of a sender of ours, for others alone */
} DsnMilterPurpose;

/* A recipient whose mail a role reads. */
typedef struct DsnMilterRecipient {
    char *given; /* as the MTA gave it, mostly in angle brackets */
    const DsnRole *role;
} DsnMilterRecipient;

typedef struct DsnMilterMessage {
    gsize *held;         /* bytes that all messages hold, changed atomically */
    DsnPolicy *policy;   /* in force at MAIL, NULL outside of a message */
    GString *sender;     /* without brackets, "" is the null sender */
    GArray *recipients;  /* of DsnMilterRecipient */
    size_t address_size; /* bytes of them */
    size_t others;       /* recipients whose mail no role reads */
    char *first_other;   /* of them, without brackets; of mail that is internal or outgoing */
    bool internal;       /* the MTA itself may have made it */
    bool outgoing;       /* the others get it with a trace */
    bool crowded;        /* more recipients of ours than we keep */
    bool no_room;        /* dropped, because all messages together are too large */
    bool cut;            /* of mail that leaves: the header has more fields than are kept */
    size_t tags;         /* DSN_MILTER_TAG fields that it came with */
    DsnReportKind kind;  /* once it was read */
    GString *bytes; /* of a report or a notice header and body, up to limits.message + 1; of mail
                       that leaves the fields of its header, up to limits.header; NULL: nothing */
    DsnCapture *capture; /* what of it will be remembered, NULL: nothing */
} DsnMilterMessage;

void dsn_milter_message_init(DsnMilterMessage *message, gsize *held);

/* Forgets all; what follows starts with dsn_milter_message_begin(). */
void dsn_milter_message_clear(DsnMilterMessage *message);
void dsn_milter_message_free_members(DsnMilterMessage *message);

/* The first of others if there is no second one, else NULL. */
const char *dsn_milter_message_only(const DsnMilterMessage *message);

/* Takes over @policy. @internal tells that the MTA itself may be the sender. */
void dsn_milter_message_begin(DsnMilterMessage *message, DsnPolicy *policy, const char *sender,
                              bool internal);

/* @daemon is the {daemon_name} of the connection, NULL if not known. */
void dsn_milter_message_add_recipient(DsnMilterMessage *message, const char *given,
                                      const char *daemon);

/* Whether mail of that daemon leaves with a trace. */
bool dsn_milter_is_outgoing(const DsnPolicy *policy, const char *daemon);

/* What goes to a role, too, is nothing else. */
DsnMilterPurpose dsn_milter_message_purpose(const DsnMilterMessage *message);

/* False when all messages together leave no room for another one. */
bool dsn_milter_message_has_room(const DsnMilterMessage *message);

/* Does nothing for mail of others. @value may have line feeds where it is folded. */
void dsn_milter_message_add_field(DsnMilterMessage *message, const char *name, const char *value);

/* What follows the fields: of mail that is neither a report nor a notice, only what will be
 * remembered of it. */
void dsn_milter_message_add(DsnMilterMessage *message, DsnSpan bytes);

/* The whole fields of the header (empty, but present, if there are none yet). */
DsnSpan dsn_milter_message_header(const DsnMilterMessage *message);

/* A path without its angle brackets. */
DsnSpan dsn_milter_address(const char *path);

#endif
