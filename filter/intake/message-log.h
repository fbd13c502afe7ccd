/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * message-log.h - the line about a message that came by LMTP or HTTP, or lay in a Maildir
 *
 * Purpose:   one line a message, the same wherever it came from.
 * Source:    dsnarf(8), "Log lines".
 * Ownership: everything is borrowed.
 * Errors:    none.
 * Threads:   any.
 */
#ifndef DSN_INTAKE_MESSAGE_LOG_H
#define DSN_INTAKE_MESSAGE_LOG_H

#include "filter/core/log.h"
#include "filter/pipeline/pipeline.h"

/* Absent and NULL members are left out. */
typedef struct DsnMessageLog {
    DsnSpan message;     /* whose topmost Received field names the queue id */
    size_t size;         /* of the whole message */
    const char *maildir; /* its name, and the file's */
    const char *file;
    const char *peer; /* who posted it, and the name of its token */
    const char *client;
    const char *sender;
    const char *recipient; /* the first of them */
    guint recipients;      /* how many, if there are several */
    const DsnMessageTaken *taken;
    const char *verdict;
    const char *error;
} DsnMessageLog;

void dsn_message_log(const DsnMessageLog *log, DsnLogLevel level);

#endif
