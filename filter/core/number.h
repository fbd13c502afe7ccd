/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * number.h - a number in digits
 *
 * Purpose:   read what has to be digits and nothing else.
 * Source:    as g_ascii_string_to_unsigned() of GLib, which asks errno whether it worked and so
 *            refuses a number where its first calls wait for each other.
 * Ownership: nothing is kept.
 * Errors:    false; nothing is stored then.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_NUMBER_H
#define DSN_CORE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* One digit or more of @base (2 to 10), a number from @least to @most. No sign, no blank. */
bool dsn_number_read(const char *text, unsigned base, uint64_t least, uint64_t most,
                     uint64_t *ret_number);

#endif
