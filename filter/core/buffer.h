/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * buffer.h - a buffer for one thing after another
 *
 * Purpose:   use the same memory again, but not that of the largest thing for ever.
 * Source:    none.
 * Ownership: the buffer is the caller's.
 * Errors:    none.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_BUFFER_H
#define DSN_CORE_BUFFER_H

#include <glib.h>
#include <stddef.h>

/* Empties *@buffer, and replaces it when it has grown beyond @kept bytes. */
void dsn_buffer_empty(GString **buffer, size_t kept);

#endif
