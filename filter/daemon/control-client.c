/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/daemon/control-client.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "filter/core/socket-address.h"
#include "filter/core/write-file.h"
#include "filter/daemon/control.h"

/* For the daemon to say more. A retry of much waits for the disk. */
#define PATIENCE_S 120

/* Longer than any keys are kept: what is too old, the daemon knows better. */
#define KEEP_S (INT64_C(1000) * 86400)

static bool
fail(GError **error, int code, const char *directory, const char *what)
{
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), "%s: %s", directory,
                what == NULL ? g_strerror(code) : what);
    return false;
}

/* A file without a name. */
static int
open_answer(GError **error)
{
    g_autofree char *name = NULL;
    int fd = g_file_open_tmp("dsnarf-queue-XXXXXX", &name, error);

    if (fd >= 0)
        (void)g_unlink(name); /* it only stays longer than it needs to */
    return fd;
}

/* ---- with the daemon ---- */

/* Sends @request and collects the answer in @answer. */
static bool
talk(int fd, const char *directory, const char *request, int answer, GError **error)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    char buffer[65536], last = '\0';
    ssize_t n;

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
        return fail(error, errno, directory, "the daemon does not listen");
    while ((n = recv(fd, buffer, sizeof(buffer), 0)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(error, errno, directory, "the daemon does not answer");
        if (!dsn_write_all(answer, (DsnSpan){buffer, (size_t)n}, error))
            return false;
        last = buffer[n - 1];
    }
    return last == '\n' || fail(error, EIO, directory, "the daemon hung up without an answer");
}

int
dsn_control_connect(const char *directory)
{
    g_autofree char *where = dsn_control_where(directory);
    DsnSocketAddress address;

    if (dsn_socket_address_read(where, &address) != NULL) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, &address.any, address.len) != 0) {
        int code = errno;

        (void)close(fd);
        errno = code;
        fd = -1;
    }
    return fd;
}

bool
dsn_control_has_no_daemon(const char *directory, GError **error)
{
    if (errno == ENOENT || errno == ECONNREFUSED || errno == ENAMETOOLONG)
        return true;
    return fail(error, errno, directory,
                errno == EACCES || errno == EPERM
                    ? "permission denied: only root and the daemon's user may look into the spool"
                    : NULL);
}

/* ---- without ---- */

bool
dsn_control_become_owner(const char *directory, GError **error)
{
    struct stat status;

    if (stat(directory, &status) != 0)
        return fail(error, errno, directory, NULL);
    if (geteuid() != 0 || status.st_uid == 0)
        return true;
    if (setgroups(0, NULL) != 0 || setgid(status.st_gid) != 0 || setuid(status.st_uid) != 0)
        return fail(error, errno, directory, NULL);
    return true;
}

static bool
write_answer(gpointer user, DsnSpan lines)
{
    const int *answer = user;

    return dsn_write_all(*answer, lines, NULL);
}

/* Opening a spool would make one where there is none. */
static bool
work_alone(const char *directory, const char *request, int answer, GError **error)
{
    static const DsnCaptureOptions keep_all = {.keep = KEEP_S * G_TIME_SPAN_SECOND,
                                               .max_size = G_MAXINT64};
    g_autofree char *database = g_build_filename(directory, "spool.db", NULL);
    const DsnSpoolOptions options = {.directory = directory,
                                     .keep = KEEP_S,
                                     .history_keep = KEEP_S,
                                     .max_size = G_MAXINT64,
                                     .large = G_MAXINT32};
    g_autofree DsnMetrics *metrics = g_new0(DsnMetrics, 1);
    g_autoptr(GError) problem = NULL;

    if (!dsn_control_become_owner(directory, error))
        return false;
    if (g_access(database, R_OK | W_OK) != 0)
        return fail(error, errno, directory,
                    errno == ENOENT ? "there is no spool here" : g_strerror(errno));
    g_autoptr(DsnSpool) spool = dsn_spool_open(&options, metrics, &problem);
    if (g_error_matches(problem, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_LOCKED))
        return fail(error, EBUSY, directory,
                    "the spool is in use, and no daemon answers; it may be starting or stopping");
    if (spool == NULL) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    g_autoptr(DsnCaptures) captures = dsn_captures_new(directory, 0, &keep_all, metrics);
    const DsnQueue queue = {.spool = spool, .captures = captures};
    dsn_queue_run(&queue, dsn_span(request), write_answer, &answer);
    return true;
}

int
dsn_control_request(const char *directory, const char *request, GError **error)
{
    int answer = open_answer(error);
    bool done = false;

    if (answer < 0)
        return -1;
    int fd = dsn_control_connect(directory);
    if (fd >= 0)
        done = talk(fd, directory, request, answer, error);
    else if (dsn_control_has_no_daemon(directory, error))
        done = work_alone(directory, request, answer, error);
    if (fd >= 0)
        (void)close(fd);
    if (done && lseek(answer, 0, SEEK_SET) == 0)
        return answer;
    (void)close(answer);
    return -1;
}
