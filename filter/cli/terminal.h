/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * terminal.h - what people read: diagnostics, numbers, colours
 *
 * Purpose:   write to standard error so that nothing from outside can forge a line or drive the
 *            terminal (rule SEC-01).
 * Source:    no-color.org for NO_COLOR.
 * Ownership: texts are borrowed or appended to the caller's buffer.
 * Errors:    none: what cannot be said is lost.
 * Threads:   reentrant; a line is written as a whole.
 */
#ifndef DSN_CLI_TERMINAL_H
#define DSN_CLI_TERMINAL_H

#include <glib.h>
#include <stdbool.h>

/* Appends "dsnarf: ", the text cleaned, and a line feed. */
void dsn_append_complaint(GString *lines, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The same to standard error. */
void dsn_complain(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* The same for each line of @text. */
void dsn_complain_lines(const char *text);

/* How diagnostics name the input @path: "standard input" for "-" (transfer none). */
const char *dsn_input_name(const char *path);

/* Writes whole lines to standard error as they are. */
void dsn_say(const GString *lines);

/* Appends "1,234,567". */
void dsn_append_count(GString *text, guint64 count);

bool dsn_is_terminal(int fd);

/* True if @fd is a terminal that shows colours and the user has not declined them. */
bool dsn_wants_colour(int fd);

/* Columns of the terminal @fd, 80 when it does not say. */
unsigned dsn_terminal_width(int fd);

#endif
