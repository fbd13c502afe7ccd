/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * common.h - what several benches need
 *
 * Purpose:   read samples, clocks and the heap, print rows, clean up, give up.
 * Source:    clock_gettime(2), mallinfo2(3), nftw(3).
 * Ownership: nothing is kept.
 * Errors:    said on standard error, and end the program.
 * Threads:   one.
 */
#ifndef DSN_BENCH_COMMON_H
#define DSN_BENCH_COMMON_H

#include <glib.h>
#include <time.h>

/* Ends the program with "PROGRAM: @what: ..."; @error may be NULL. */
G_GNUC_NORETURN void dsn_bench_fail(const char *what, const GError *error);

/* The sample input of that name, from the folder that DSNARF_EXAMPLES names (transfer full). */
char *dsn_bench_read_example(const char *name);

/* Seconds. */
double dsn_bench_clock(clockid_t clock);

/* What is in use of the heap. */
double dsn_bench_mebibytes(void);

/* Prints a row: so many a second. */
void dsn_bench_print_rate(const char *name, double rate);

/* Removes @folder and all in it; what cannot be removed stays to be seen. */
void dsn_bench_remove(const char *folder);

#endif
