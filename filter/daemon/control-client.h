/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control-client.h - how the commands get at a spool
 *
 * Purpose:   have the daemon carry out a request, or do it on the spool where none runs.
 * Source:    queue-commands.h has requests and answers.
 * Ownership: (transfer full).
 * Errors:    G_FILE_ERROR and DSN_SPOOL_ERROR with a text for people.
 * Threads:   one: the user of the process may change.
 *
 * The answer is collected in a temporary file before it is handed on: a pager that waits for a key
 * must not keep the daemon waiting.
 */
#ifndef DSN_DAEMON_CONTROL_CLIENT_H
#define DSN_DAEMON_CONTROL_CLIENT_H

#include <glib.h>
#include <stdbool.h>

/* Carries out @request, one line, with the spool in @directory. Returns a descriptor from which the
 * whole answer can be read, or -1. As root it works on a spool without a daemon as the user who
 * owns it, so that no file in it gets another owner. */
int dsn_control_request(const char *directory, const char *request, GError **error);

/* A connection to the daemon that has the spool in @directory, or -1 and errno. Then, if errno says
 * that none runs, true; else false and @error. */
int dsn_control_connect(const char *directory);
bool dsn_control_has_no_daemon(const char *directory, GError **error);

/* Root becomes the user who owns @directory: what root makes in there, the daemon could not open.
 */
bool dsn_control_become_owner(const char *directory, GError **error);

#endif
