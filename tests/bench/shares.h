/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shares.h - which library the processor time goes to
 *
 * Purpose:   sample the running thread and tell the share of each shared object.
 * Source:    setitimer(2) with ITIMER_PROF, dladdr(3).
 * Ownership: appended to the caller's buffer.
 * Errors:    none: without samples there are no shares.
 * Threads:   samples whichever thread runs; start and stop from one thread.
 */
#ifndef DSN_BENCH_SHARES_H
#define DSN_BENCH_SHARES_H

#include <glib.h>

void dsn_shares_start(void);

/* Stops and appends "dsnarf 61 %, jansson 22 %, c 17 %", objects under 1 % left out. A library
 * that is called counts for itself: time in libc on behalf of jansson is libc's. */
void dsn_shares_stop(GString *ret_text);

#endif
