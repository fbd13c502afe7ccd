/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program-child.h - a process that is given lines and answers them
 *
 * Purpose:   start a program with pipes at its standard input, output and error, talk to it without
 *            waiting longer than told, log its complaints, and end it with all that it started.
 * Source:    POSIX.1-2017, posix_spawn(), setpgid(), waitid().
 * Ownership: a child owns its process and the pipes.
 * Errors:    G_FILE_ERROR when it cannot be started.
 * Threads:   one at a time; nobody else may wait for any process. SIGPIPE must be ignored.
 */
#ifndef DSN_OUTLET_PROGRAM_CHILD_H
#define DSN_OUTLET_PROGRAM_CHILD_H

#include "mime/span.h"

#include <glib.h>

typedef struct DsnChild DsnChild;

/* Starts @command, of which the first is the path of the program: in a process group of its own, in
 * the root directory, with no open descriptors but the pipes, all signals as at login, and an
 * environment of PATH, LANG and DSNARF_PROGRAM, which is @name. */
DsnChild *dsn_child_start(const char *name, const GPtrArray *command, GError **error);

int dsn_child_pid(const DsnChild *child);

/* Waits up to @wait until the child has said something, can be given more (if @write), has closed
 * its output, or @wake_fd is readable. What it has said on standard error is logged meanwhile. */
void dsn_child_wait(DsnChild *child, bool write, int wake_fd, GTimeSpan wait);

/* Gives it some of @bytes: as many as it takes now, which is returned; -1 when it takes nothing any
 * more. */
gssize dsn_child_give(DsnChild *child, DsnSpan bytes);

/* Reads what it has said into @buffer: the number of bytes; 0 when there is nothing now, -1 at the
 * end of its output. */
gssize dsn_child_take(DsnChild *child, char *buffer, size_t size);

/* Closes its standard input. */
void dsn_child_close_input(DsnChild *child);

/* Whether it has ended by itself, or does so within @wait. What it has started may live on until
 * dsn_child_end(). */
bool dsn_child_has_ended(const DsnChild *child);
bool dsn_child_wait_for_end(DsnChild *child, GTimeSpan wait);

/* Ends the process, if it has not ended, and all of its group: SIGTERM, and SIGKILL after @grace.
 * Frees the child and returns how it ended, such as "ended with status 1", "was ended by signal 9
 * (Killed)" (transfer full). */
char *dsn_child_end(DsnChild *child, GTimeSpan grace);

#endif
