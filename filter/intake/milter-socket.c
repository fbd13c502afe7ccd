/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/milter-socket.h"

#include <errno.h>
#include <netdb.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "filter/core/group.h"
#include "filter/intake/handed-over.h"

/* Connections that wait to be taken; the kernel may allow fewer. */
#define BACKLOG 1024

static bool
fail(GError **error, const char *where, int code, const char *what)
{
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), "milter: %s: %s: %s",
                where, what, g_strerror(code));
    return false;
}

/* "inet:port@host", "inet6:port@host", "inet:port". */
static bool
find_host(DsnMilterSocket *milter, GError **error)
{
    const char *where = milter->where;
    const struct addrinfo hints = {
        .ai_family = g_str_has_prefix(where, "inet6:") ? AF_INET6 : AF_INET,
        .ai_socktype = SOCK_STREAM,
    };
    g_auto(GStrv) parts = g_strsplit(strchr(where, ':') + 1, "@", 2);
    g_autofree char *host = parts[1] == NULL ? NULL : g_strdup(parts[1]);
    struct addrinfo *found = NULL;

    if (host != NULL && host[0] == '[' && g_str_has_suffix(host, "]")) {
        host[strlen(host) - 1] = '\0';
        memmove(host, host + 1, strlen(host));
    }
    int code = getaddrinfo(host, parts[0], &hints, &found);
    if (code != 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "milter: %s: %s", where,
                    code == EAI_SYSTEM ? g_strerror(errno) : gai_strerror(code));
        return false;
    }
    memcpy(&milter->address, found->ai_addr, found->ai_addrlen);
    milter->length = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static bool
find_path(DsnMilterSocket *milter, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    milter->path = strchr(milter->where, ':') + 1;
    if (strlen(milter->path) >= sizeof(address.sun_path))
        return fail(error, milter->where, ENAMETOOLONG, "cannot listen");
    memcpy(address.sun_path, milter->path, strlen(milter->path));
    memcpy(&milter->address, &address, sizeof(address));
    milter->length = sizeof(address);
    return true;
}

/* How connect(2) or bind(2) ends there: 0, or errno. */
static int
try_address(const DsnMilterSocket *milter, int (*how)(int, const struct sockaddr *, socklen_t))
{
    const struct sockaddr *address = (const struct sockaddr *)(const void *)&milter->address;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int code = fd < 0 || how(fd, address, milter->length) != 0 ? errno : 0;

    if (fd >= 0)
        (void)close(fd); /* nothing was written */
    return code == EINPROGRESS || code == EAGAIN ? 0 : code;
}

/* libmilter says why only to the system log, so we try what it did. */
static bool
explain(const DsnMilterSocket *milter, GError **error)
{
    int code = try_address(milter, bind);

    if (code == 0 && milter->path != NULL)
        (void)unlink(milter->path); /* what we have just made */
    if (code != 0)
        return fail(error, milter->where, code, "cannot listen");
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                "milter: %s: cannot listen, the system log has libmilter's reason", milter->where);
    return false;
}

static bool
set_rights(DsnMilterSocket *milter, unsigned mode, const char *group, GError **error)
{
    if (stat(milter->path, &milter->made) != 0)
        return fail(error, milter->where, errno, "cannot find the socket again");
    if (group != NULL && !dsn_group_give(milter->path, group, error)) {
        g_prefix_error(error, "milter: %s: ", milter->where);
        return false;
    }
    if (chmod(milter->path, (mode_t)mode) != 0)
        return fail(error, milter->where, errno, "cannot set the mode of the socket");
    return true;
}

static bool
open_path(DsnMilterSocket *milter, unsigned mode, const char *group, GError **error)
{
    struct stat status;

    if (lstat(milter->path, &status) == 0 && !S_ISSOCK(status.st_mode))
        return fail(error, milter->where, ENOTSOCK, "cannot replace what is there");
    if (try_address(milter, connect) == 0)
        return fail(error, milter->where, EADDRINUSE, "another process listens there");

    mode_t before = umask(0077);
    bool done = smfi_opensocket(true) == MI_SUCCESS;
    (void)umask(before); /* cannot fail */
    return done ? set_rights(milter, mode, group, error) : explain(milter, error);
}

/* Nobody but Debian's libmilter can. */
static bool
use_handed_over(const DsnMilterSocket *milter, int fd, GError **error)
{
    g_autofree char *name = g_strdup_printf("fd:%d", fd);

    if (smfi_setconn(name) == MI_SUCCESS && smfi_opensocket(false) == MI_SUCCESS)
        return true;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                "milter: %s: this libmilter cannot use the service manager's socket",
                milter->where);
    return false;
}

static bool
open_own(DsnMilterSocket *milter, unsigned mode, const char *group, GError **error)
{
    if (smfi_setconn(milter->where) != MI_SUCCESS)
        return fail(error, milter->where, EINVAL, "libmilter cannot use it");
    if (milter->path != NULL)
        return open_path(milter, mode, group, error);
    return smfi_opensocket(false) == MI_SUCCESS || explain(milter, error);
}

bool
dsn_milter_socket_open(DsnMilterSocket *ret_socket, const char *where, unsigned mode,
                       const char *group, GError **error)
{
    DsnMilterSocket milter = {.where = g_strdup(where)};
    bool is_path = !g_str_has_prefix(where, "inet");
    bool done = is_path ? find_path(&milter, error) : find_host(&milter, error);

    if (done && smfi_setbacklog(BACKLOG) != MI_SUCCESS)
        done = fail(error, where, EINVAL, "libmilter cannot use it");
    if (done) {
        int fd = dsn_handed_over_take((const struct sockaddr *)(const void *)&milter.address);

        done =
            fd >= 0 ? use_handed_over(&milter, fd, error) : open_own(&milter, mode, group, error);
    }
    if (done) {
        *ret_socket = milter;
    } else {
        dsn_milter_socket_remove(&milter);
        dsn_milter_socket_clear(&milter);
    }
    return done;
}

bool
dsn_milter_socket_answers(const DsnMilterSocket *milter, GTimeSpan time)
{
    const struct sockaddr *address = (const struct sockaddr *)(const void *)&milter->address;
    const struct timeval limit = {time / G_TIME_SPAN_SECOND, time % G_TIME_SPAN_SECOND};
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char byte;
    bool answers = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
                   connect(fd, address, milter->length) == 0 && shutdown(fd, SHUT_WR) == 0 &&
                   read(fd, &byte, 1) == 0;

    if (fd >= 0)
        (void)close(fd); /* nothing was written */
    return answers;
}

void
dsn_milter_socket_wake(const DsnMilterSocket *milter, int max_descriptor)
{
    const struct sockaddr *address = (const struct sockaddr *)(const void *)&milter->address;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && fd + 1 < max_descriptor)         /* the other end gets the next one */
        (void)connect(fd, address, milter->length); /* it may be closed already */
    if (fd >= 0)
        (void)close(fd); /* nothing was written */
}

void
dsn_milter_socket_remove(const DsnMilterSocket *milter)
{
    struct stat now;

    if (milter->path != NULL && milter->made.st_ino != 0 && lstat(milter->path, &now) == 0 &&
        now.st_dev == milter->made.st_dev && now.st_ino == milter->made.st_ino)
        (void)unlink(milter->path); /* else the next start replaces it */
}

void
dsn_milter_socket_clear(DsnMilterSocket *milter)
{
    g_clear_pointer(&milter->where, g_free);
    milter->path = NULL;
}
