/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mbox.h - the messages of an mbox, one after another
 *
 * Purpose:   find where messages begin and end, and undo the quoting of "From " lines.
 * RFC:       4155 for the "From " line, read liberally; the mboxo and mboxrd forms.
 * Ownership: the message is appended to the caller's buffer.
 * Errors:    G_FILE_ERROR.
 * Threads:   one thread at a time.
 *
 * A message begins at a line "From " that names a time of day (12:34), at the start of the file or
 * after an empty line. That empty line belongs to the mbox. Of a line that is one or more ">"
 * before "From ", one ">" is taken away: right for mboxrd, and for mboxo in all but lines that were
 * quoted before they were stored.
 */
#ifndef DSN_INTAKE_MBOX_H
#define DSN_INTAKE_MBOX_H

#include "filter/intake/window.h"

/* Bytes of a "From " line in which its time of day is looked for. */
#define DSN_MBOX_LOOK ((size_t)1000)

/* True if @start, the first bytes of a file, is the beginning of an mbox. */
bool dsn_mbox_begins(DsnSpan start);

/* Appends the next message without its "From " line, and takes it from @window. A message of more
 * than @max bytes yields its first @max + 1, quoting and all. False: there are no more messages, or
 * @error is set. */
bool dsn_mbox_next(DsnWindow *window, size_t max, GString *buffer, GError **error);

#endif
