/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * messages.h - all messages under some paths
 *
 * Purpose:   walk files, directories, Maildirs, mboxes and standard input in a fixed order.
 * Source:    dsnarf(1), "parse".
 * Ownership: the walk owns its open file; see DsnIncoming for what it hands out.
 * Errors:    a path that cannot be read is an item with an error, and the walk goes on.
 * Threads:   one thread at a time.
 */
#ifndef DSN_INTAKE_MESSAGES_H
#define DSN_INTAKE_MESSAGES_H

#include "filter/intake/window.h"

#include <stdint.h>

typedef struct DsnMessages DsnMessages;

/* One message, or one path that gave none. */
typedef struct DsnIncoming {
    char *file;    /* "path", "path#2" in an mbox, "-" for standard input */
    GError *error; /* why there is no message */
    bool unread;   /* not read yet: dsn_incoming_read() does */
    bool other;    /* of DsnMessagesUser: it is in the window */
    guint64 end;   /* of a message in an mbox: where in the file what follows begins */
    guint number;  /* the same: messages up to here; 0 for all else */
    size_t start;  /* where in the buffer its bytes lie */
    size_t len;
    int64_t time; /* the file's time of modification; of a pipe, when it was opened */
    uint32_t nanoseconds;
} DsnIncoming;

void dsn_incoming_clear(DsnIncoming *incoming);

/* Reads an unread file, which any thread may do while the walk goes on; @buffer holds nothing else
 * then. On failure the item has an error. @max as for dsn_messages_new(). */
void dsn_incoming_read(DsnIncoming *incoming, size_t max, GString *buffer);

/* @paths (ended by NULL; "-" is standard input) must outlive the walk. Of a message of more than
 * @max bytes only @max + 1 are read, so that whoever has the same limit sees that it was met. */
DsnMessages *dsn_messages_new(const char *const *paths, size_t max);
void dsn_messages_free(DsnMessages *messages);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnMessages, dsn_messages_free)

/* Somebody who reads mboxes on, and other files than mail. */
typedef struct DsnMessagesUser {
    /* Where in the mbox @file to begin; as many messages as *@ret_number lie before. */
    guint64 (*begin)(gpointer user, const char *file, int fd, guint *ret_number);
    /* True: the file that begins with @start is none of mail. */
    bool (*is_other)(gpointer user, DsnSpan start);
    gpointer user;
} DsnMessagesUser;

void dsn_messages_set_user(DsnMessages *messages, const DsnMessagesUser *user);

/* The file of an item that is `other`, from its start; until the next item is asked for (transfer
 * none). Standard input is as far as the window read. */
DsnWindow *dsn_messages_window(DsnMessages *messages);

/* Finds the next item and appends its bytes to @buffer, or leaves the file unread. False when there
 * are no more. */
bool dsn_messages_next(DsnMessages *messages, GString *buffer, DsnIncoming *ret_incoming);

/* How far the walk is, from 0 to 1. */
double dsn_messages_fraction(const DsnMessages *messages);

#endif
