/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/group.h"

#include <errno.h>
#include <grp.h>
#include <unistd.h>

bool
dsn_group_find(const char *name, gid_t *ret_group, GError **error)
{
    enum { MOST = 1 << 20 }; /* bytes of a group's members */
    struct group group, *found = NULL;
    int code = ERANGE;

    for (size_t size = 4096; code == ERANGE && size <= MOST; size *= 4) {
        g_autofree char *buffer = g_malloc(size);

        code = getgrnam_r(name, &group, buffer, size, &found);
    }
    if (found != NULL)
        *ret_group = group.gr_gid;
    else if (code != 0)
        g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), "group \"%s\": %s",
                    name, g_strerror(code));
    else
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "there is no group \"%s\"", name);
    return found != NULL;
}

bool
dsn_group_give(const char *path, const char *name, GError **error)
{
    gid_t group;

    if (!dsn_group_find(name, &group, error))
        return false;
    if (lchown(path, (uid_t)-1, group) == 0)
        return true;
    int code = errno;
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), "group \"%s\": %s%s",
                name, g_strerror(code), code == EPERM ? ", the daemon's user has to be in it" : "");
    return false;
}
