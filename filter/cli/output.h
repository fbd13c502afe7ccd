/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output.h - standard output, in whole lines
 *
 * Purpose:   write data so that an interrupt from the keyboard does not cut a line in two.
 * Source:    signal(7).
 * Ownership: the output owns a thread; the descriptor stays open.
 * Errors:    G_FILE_ERROR; G_FILE_ERROR_PIPE when the reader has gone and SIGPIPE is ignored.
 * Threads:   dsn_output_write() may be called by any thread that was started later.
 *
 * SIGINT, SIGTERM and SIGHUP are blocked and a thread waits for them. It ends the process by that
 * same signal as soon as no write is under way; a reader that takes nothing delays that by no more
 * than a second. SIGPIPE is left alone: it ends the program as it ends any other.
 */
#ifndef DSN_CLI_OUTPUT_H
#define DSN_CLI_OUTPUT_H

#include <glib.h>
#include <stdbool.h>

typedef struct DsnOutput DsnOutput;

DsnOutput *dsn_output_new(int fd);
void dsn_output_free(DsnOutput *output);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnOutput, dsn_output_free)

/* Writes whole lines. */
bool dsn_output_write(DsnOutput *output, const GString *lines, GError **error);

#endif
