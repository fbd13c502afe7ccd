/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay-schedule.h - when what failed is tried again
 *
 * Purpose:   spread further attempts, farther apart with each.
 * RFC:       5321 section 4.5.4.1.
 * Ownership: plain values.
 * Errors:    none.
 * Threads:   reentrant.
 */
#ifndef DSN_OUTLET_RELAY_SCHEDULE_H
#define DSN_OUTLET_RELAY_SCHEDULE_H

#include <glib.h>

/* How long to wait after attempt @attempt (from 1) failed: somewhere, as @random in [0, 1) says,
 * between @least and @least doubled @attempt times, which ends at @most. */
GTimeSpan dsn_relay_delay(GTimeSpan least, GTimeSpan most, unsigned attempt, double random);

#endif
