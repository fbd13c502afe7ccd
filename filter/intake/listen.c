/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter/core/group.h"
#include "filter/core/socket-address.h"
#include "filter/intake/handed-over.h"

static bool
failed(const char *where, const char *what, int code, GError **error)
{
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), "%s: %s%s%s", where, what,
                *what == '\0' ? "" : ": ", g_strerror(code));
    return false;
}

/* True if a server is behind the socket; one that is too busy to answer is. */
static bool
is_answered(const DsnSocketAddress *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answered = fd < 0 || connect(fd, &address->any, address->len) == 0 ||
                    (errno != ECONNREFUSED && errno != ENOENT);

    if (fd >= 0)
        (void)close(fd);
    return answered;
}

/* Removes what a daemon left that was killed. */
static bool
remove_stale(const char *where, const DsnSocketAddress *address, GError **error)
{
    const char *path = address->local.sun_path;
    struct stat status;

    if (lstat(path, &status) != 0)
        return errno == ENOENT || failed(where, "", errno, error);
    if (!S_ISSOCK(status.st_mode))
        return failed(where, "this is no socket", EEXIST, error);
    if (is_answered(address))
        return failed(where, "another process listens here", EADDRINUSE, error);
    return g_unlink(path) == 0 || errno == ENOENT || failed(where, "", errno, error);
}

/* Nobody can connect between bind() and listen(), which is when the socket gets its rights. */
static bool
set_rights(const char *where, const char *path, unsigned mode, const char *group, GError **error)
{
    if (group != NULL && !dsn_group_give(path, group, error)) {
        g_prefix_error(error, "%s: ", where);
        return false;
    }
    return fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW) == 0 ||
           failed(where, "", errno, error);
}

static bool
bind_and_listen(int fd, const char *where, const DsnSocketAddress *address, unsigned mode,
                const char *group, GError **error)
{
    const int on = 1, off = 0;
    const char *path = address->any.sa_family == AF_UNIX ? address->local.sun_path : NULL;

    /* After a restart, connections of the last run may linger. "[::]" is for IPv4 as well, whatever
     * the system's default. */
    if (path == NULL)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->any.sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));

    if (bind(fd, &address->any, address->len) != 0)
        return failed(where, "", errno, error);
    if ((path == NULL || set_rights(where, path, mode, group, error)) &&
        (listen(fd, SOMAXCONN) == 0 || failed(where, "", errno, error)))
        return true;
    if (path != NULL)
        (void)g_unlink(path);
    return false;
}

int
dsn_listen_open(const char *where, unsigned mode, const char *group, GError **error)
{
    DsnSocketAddress address;
    const char *expected = dsn_socket_address_read(where, &address);

    if (expected != NULL) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: expected %s", where, expected);
        return -1;
    }

    int fd = dsn_handed_over_take(&address.any);
    if (fd >= 0)
        return fd;
    if (address.any.sa_family == AF_UNIX && !remove_stale(where, &address, error))
        return -1;
    fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        (void)failed(where, "", errno, error);
        return -1;
    }
    if (!bind_and_listen(fd, where, &address, mode, group, error)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

char *
dsn_listen_name(const char *where, int fd)
{
    DsnSocketAddress address = {.len = sizeof(address.v6)};
    const char *colon = strrchr(where, ':');

    if (getsockname(fd, &address.any, &address.len) != 0 || address.any.sa_family == AF_UNIX)
        return g_strdup(where);
    return g_strdup_printf(
        "%.*s:%u", (int)(colon - where), where,
        ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port));
}

void
dsn_listen_close(const char *where, int fd)
{
    DsnSocketAddress address;

    if (dsn_handed_over_is(fd)) {
        (void)close(fd);
        return;
    }
    /* Closed alone it would go on listening for as long as another thread polls it. */
    (void)shutdown(fd, SHUT_RDWR);
    (void)close(fd);
    /* A socket that another process made in the meantime stays. */
    if (dsn_socket_address_read(where, &address) == NULL && address.any.sa_family == AF_UNIX)
        (void)remove_stale(where, &address, NULL);
}
