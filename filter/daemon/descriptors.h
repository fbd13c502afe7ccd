/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * descriptors.h - how many files and connections the daemon may have open
 *
 * Purpose:   raise the limit, and see whether what is configured fits into it.
 * Source:    getrlimit(2), RLIMIT_NOFILE; dsnarf(8), "Connections and files".
 * Ownership: nothing is kept.
 * Errors:    none: a limit that cannot be raised is as it was.
 * Threads:   start of the daemon.
 */
#ifndef DSN_DAEMON_DESCRIPTORS_H
#define DSN_DAEMON_DESCRIPTORS_H

#include "filter/core/configuration.h"

/* Lets the process have as many as it may. */
void dsn_descriptors_raise(void);

/* How many it may have. */
size_t dsn_descriptors_limit(void);

/* The connections of the milter have lower ones: the rest is enough for the others, so that those
 * cannot lack any because of the milter. */
int dsn_descriptors_of_milter(const DsnConfiguration *configuration);

/* What to say when @limit is too low for @configuration (transfer full); NULL: all fits. */
char *dsn_descriptors_warning(const DsnConfiguration *configuration, size_t limit);

#endif
