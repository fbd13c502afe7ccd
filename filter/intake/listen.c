/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define UNIX_PREFIX "unix:"
#define EXPECTED "\"127.0.0.1:8025\", \"[::1]:8025\" or \"unix:/path\""

/* An address that can be bound. */
typedef struct Address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    };
    socklen_t len;
} Address;

static const char *
unix_path(const char *where)
{
    return g_str_has_prefix(where, UNIX_PREFIX) ? where + strlen(UNIX_PREFIX) : NULL;
}

static const char *
read_unix(const char *path, Address *ret_address)
{
    struct sockaddr_un *local = &ret_address->local;

    if (*path != '/')
        return "a path from the root, as in \"unix:/run/dsnarf/http.sock\"";
    if (strlen(path) >= sizeof(local->sun_path))
        return "a shorter path: a unix socket's may have 107 bytes";
    local->sun_family = AF_UNIX;
    (void)g_strlcpy(local->sun_path, path, sizeof(local->sun_path));
    ret_address->len = sizeof(*local);
    return NULL;
}

/* Reads @where; NULL if that worked, else what is expected. */
static const char *
read_address(const char *where, Address *ret_address)
{
    const char *colon = strrchr(where, ':');
    g_autofree char *host = NULL;
    guint64 port;

    *ret_address = (Address){.len = 0};
    if (unix_path(where) != NULL)
        return read_unix(unix_path(where), ret_address);
    if (colon == NULL || !g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, &port, NULL))
        return EXPECTED;
    if (*where == '[' && colon[-1] == ']') {
        ret_address->v6.sin6_family = AF_INET6;
        ret_address->v6.sin6_port = htons((guint16)port);
        ret_address->len = sizeof(ret_address->v6);
        host = g_strndup(where + 1, (size_t)(colon - where) - 2);
        return inet_pton(AF_INET6, host, &ret_address->v6.sin6_addr) == 1 ? NULL : EXPECTED;
    }
    ret_address->v4.sin_family = AF_INET;
    ret_address->v4.sin_port = htons((guint16)port);
    ret_address->len = sizeof(ret_address->v4);
    host = g_strndup(where, (size_t)(colon - where));
    return inet_pton(AF_INET, host, &ret_address->v4.sin_addr) == 1 ? NULL : EXPECTED;
}

const char *
dsn_listen_check(const char *where)
{
    Address address;

    return read_address(where, &address);
}

static bool
failed(const char *where, const char *what, int code, GError **error)
{
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), "%s: %s%s%s", where, what,
                *what == '\0' ? "" : ": ", g_strerror(code));
    return false;
}

/* True if a server is behind the socket; one that is too busy to answer is. */
static bool
is_answered(const Address *address)
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
remove_stale(const char *where, const Address *address, GError **error)
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

static bool
find_group(const char *where, const char *name, gid_t *ret_group, GError **error)
{
    enum { MOST = 1 << 20 }; /* bytes of a group's members */

    for (size_t size = 4096; size <= MOST; size *= 4) {
        g_autofree char *buffer = g_malloc(size);
        struct group group, *found = NULL;
        int code = getgrnam_r(name, &group, buffer, size, &found);

        if (code == ERANGE && size < MOST)
            continue;
        if (found != NULL) {
            *ret_group = group.gr_gid;
            return true;
        }
        if (code != 0)
            return failed(where, name, code, error);
        break;
    }
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: there is no group \"%s\"", where,
                name);
    return false;
}

/* Nobody can connect between bind() and listen(), which is when the socket gets its rights. */
static bool
set_rights(const char *where, const char *path, unsigned mode, const char *group, GError **error)
{
    gid_t id = (gid_t)-1;

    if (group != NULL && !find_group(where, group, &id, error))
        return false;
    if (group != NULL && lchown(path, (uid_t)-1, id) != 0) {
        g_autofree char *what = g_strdup_printf("group \"%s\"", group);

        return failed(where, what, errno, error);
    }
    return fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW) == 0 ||
           failed(where, "", errno, error);
}

static bool
bind_and_listen(int fd, const char *where, const Address *address, unsigned mode, const char *group,
                GError **error)
{
    const int on = 1, off = 0;
    const char *path = unix_path(where);

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
    Address address;
    const char *expected = read_address(where, &address);

    if (expected != NULL) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: expected %s", where, expected);
        return -1;
    }
    if (address.any.sa_family == AF_UNIX && !remove_stale(where, &address, error))
        return -1;

    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
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
    Address address = {.len = sizeof(struct sockaddr_in6)};
    const char *colon = strrchr(where, ':');

    if (unix_path(where) != NULL || getsockname(fd, &address.any, &address.len) != 0)
        return g_strdup(where);
    return g_strdup_printf(
        "%.*s:%u", (int)(colon - where), where,
        ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port));
}

void
dsn_listen_close(const char *where, int fd)
{
    Address address;

    (void)close(fd);
    /* A socket that another process made in the meantime stays. */
    if (unix_path(where) != NULL && read_address(where, &address) == NULL)
        (void)remove_stale(where, &address, NULL);
}
