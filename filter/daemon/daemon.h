/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daemon.h - the life of the daemon
 *
 * Purpose:   start, reload and stop on signals, and say how things stand.
 * Source:    dsnarf(8).
 * Ownership: borrows the policy's file name, shares the policy.
 * Errors:    logged; false.
 * Threads:   the main thread; it takes SIGTERM, SIGINT, SIGHUP and SIGUSR1.
 */
#ifndef DSN_DAEMON_DAEMON_H
#define DSN_DAEMON_DAEMON_H

#include "filter/pipeline/policy.h"

/* Runs with @policy, which was read from @file, until SIGTERM or SIGINT, and reads @file again on
 * SIGUSR1 and SIGHUP. False if something could not be started, or ended by itself. */
bool dsn_daemon_run(const char *file, DsnPolicy *policy);

#endif
