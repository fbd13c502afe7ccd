/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ready.h - what the service manager is told
 *
 * Purpose:   say when the daemon is ready, reads its configuration again, and stops.
 * Source:    sd_notify(3), its protocol: one datagram to the socket in $NOTIFY_SOCKET.
 * Ownership: texts are borrowed.
 * Errors:    none: who is not listening does not need to know.
 * Threads:   any.
 */
#ifndef DSN_DAEMON_READY_H
#define DSN_DAEMON_READY_H

#include <stdbool.h>

typedef enum DsnReady {
    DSN_READY,     /* takes in mail and records */
    DSN_RELOADING, /* DSN_READY follows */
    DSN_STOPPING
} DsnReady;

/* Tells the state with one line of @status for people. False if there is nobody to tell. */
bool dsn_ready_notify(DsnReady state, const char *status);

#endif
