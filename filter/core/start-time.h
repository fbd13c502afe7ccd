/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * start-time.h - since when something is wanted that was there before
 *
 * Purpose:   read "now", "beginning" and times.
 * Source:    RFC 3339 for times; dsnarf.toml(5), tailer.NAME.start.
 * Ownership: plain values.
 * Errors:    said at each function.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_START_TIME_H
#define DSN_CORE_START_TIME_H

#include <stdint.h>

/* NULL if @text can be read; otherwise what is expected. */
const char *dsn_start_check(const char *text);

/* Unix seconds; 0 for the beginning, and for what cannot be read. */
int64_t dsn_start_time(const char *text, int64_t now);

#endif
