/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ask.h - a request about the spool, and its answer
 *
 * Purpose:   have a request carried out by the daemon, or on the spool where none runs, and print
 *            the answer; what "dsnarf queue" and "dsnarf why" share.
 * Source:    filter/daemon/queue-commands.h has requests and answers.
 * Ownership: said at each function.
 * Errors:    reported to standard error, with the exit status that follows.
 * Threads:   one.
 */
#ifndef DSN_CLI_ASK_H
#define DSN_CLI_ASK_H

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct DsnAsk {
    const char *command; /* "queue" */
    const char *config;  /* as given, or NULL */
    const char *spool;   /* the directory as given, or NULL */
    bool json;           /* lines are printed as they come */
} DsnAsk;

/* Appends what people read of one line of an answer. */
typedef void (*DsnPrintLine)(const json_t *line, GString *text);

/* Has @request carried out and prints the answer but its last line, through @print (may be NULL)
 * unless @ask says as it comes. Returns what is done (transfer full), or NULL with *@ret_status
 * after a complaint. */
json_t *dsn_ask(const DsnAsk *ask, const json_t *request, DsnPrintLine print, int *ret_status);

/* Members of a line; NULL and 0 when they are not there. */
const char *dsn_ask_text(const json_t *object, const char *key);
gint64 dsn_ask_number(const json_t *object, const char *key);

/* Appends "2026-11-21 10:05:00", the local time. */
void dsn_append_time(GString *text, gint64 seconds);

#endif
