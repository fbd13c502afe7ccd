/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http-turns.h - whose request is next
 *
 * Purpose:   let posters take turns, so that one with many requests does not keep out the others.
 * Source:    dsnarf(8), "Overload"; start-time fair queueing (Goyal, Vin and Cheng 1996).
 * Ownership: texts are borrowed.
 * Errors:    none.
 * Threads:   any.
 *
 * Each request gets a number: that of its poster's last one, or of the one that is served now if
 * that is greater, and one more. Who is served in the order of these numbers has a fair share.
 */
#ifndef DSN_INTAKE_HTTP_TURNS_H
#define DSN_INTAKE_HTTP_TURNS_H

#include <glib.h>

typedef struct DsnHttpTurns DsnHttpTurns;

DsnHttpTurns *dsn_http_turns_new(void);
void dsn_http_turns_free(DsnHttpTurns *turns);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnHttpTurns, dsn_http_turns_free)

/* The number of a new request of @poster. */
guint64 dsn_http_turns_enter(DsnHttpTurns *turns, const char *poster);

/* The request of that number is served now. */
void dsn_http_turns_serve(DsnHttpTurns *turns, guint64 turn);

/* How many posters are remembered. */
guint dsn_http_turns_count(DsnHttpTurns *turns);

#endif
