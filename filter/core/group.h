/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * group.h - groups of the system by name
 *
 * Purpose:   find a group, and give it a socket of ours.
 * Source:    getgrnam_r(3), lchown(2).
 * Ownership: everything is borrowed.
 * Errors:    G_FILE_ERROR, with the name of the group and without that of the socket.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_GROUP_H
#define DSN_CORE_GROUP_H

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

bool dsn_group_find(const char *name, gid_t *ret_group, GError **error);

/* Makes @name the group of the file at @path, which is not followed if it is a link. */
bool dsn_group_give(const char *path, const char *name, GError **error);

#endif
