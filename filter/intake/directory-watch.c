/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/directory-watch.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#define GATHER (50 * G_TIME_SPAN_MILLISECOND)

#define CAME (IN_CREATE | IN_MOVED_TO)
#define CHANGED (IN_MODIFY | IN_ATTRIB | IN_DELETE | IN_MOVED_FROM)
#define EVENTS (CAME | CHANGED | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct DsnDirectoryWatch {
    char *path;
    int inotify_fd; /* -1: there is none */
    int watch;      /* -1 without */
    bool blind;     /* that it is without was told */
    int stop_fd;
};

DsnDirectoryWatch *
dsn_directory_watch_new(const char *path)
{
    DsnDirectoryWatch *watch = g_new0(DsnDirectoryWatch, 1);

    watch->path = g_strdup(path);
    watch->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    watch->watch = -1;
    watch->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return watch;
}

void
dsn_directory_watch_free(DsnDirectoryWatch *watch)
{
    if (watch == NULL)
        return;
    if (watch->inotify_fd >= 0)
        (void)close(watch->inotify_fd);
    if (watch->stop_fd >= 0)
        (void)close(watch->stop_fd);
    g_free(watch->path);
    g_free(watch);
}

bool
dsn_directory_watch_renew(DsnDirectoryWatch *watch)
{
    int known = watch->watch;

    errno = EMFILE; /* that there is no inotify at all has been for this */
    watch->watch =
        watch->inotify_fd < 0 ? -1 : inotify_add_watch(watch->inotify_fd, watch->path, EVENTS);
    int reason = errno;
    bool blind = watch->watch < 0 && reason != ENOENT; /* of that, others speak */
    bool news = blind && !watch->blind;
    watch->blind = blind;
    if (known >= 0 && known != watch->watch)
        (void)inotify_rm_watch(watch->inotify_fd, known); /* the kernel did if it is gone */
    errno = reason;
    return news;
}

static void
tell_events(const DsnDirectoryWatch *watch, const char *bytes, size_t len,
            void (*each)(DsnFileChange change, const char *name, gpointer user), gpointer user)
{
    for (size_t at = 0; at < len;) {
        const struct inotify_event *event = (const void *)(bytes + at);

        if (event->len == 0 || (event->mask & IN_Q_OVERFLOW) != 0)
            each(DSN_FILES_LOST, NULL, user);
        else if (event->wd == watch->watch)
            each((event->mask & CAME) != 0 ? DSN_FILE_CAME : DSN_FILE_CHANGED, event->name, user);
        at += sizeof(*event) + event->len;
    }
}

/* Waits with the first @n_fds of what there is to wait for. False when it was stopped. */
static bool
wait_for(DsnDirectoryWatch *watch, nfds_t n_fds, gint64 due, bool *ret_ready)
{
    struct pollfd fds[] = {{.fd = watch->stop_fd, .events = POLLIN},
                           {.fd = watch->inotify_fd, .events = POLLIN}};
    int ready;

    do {
        gint64 left = MAX(due - g_get_monotonic_time(), 0);
        ready = poll(fds, n_fds, (int)((left + 999) / 1000));
    } while (ready < 0 && errno == EINTR);
    *ret_ready = ready > 0;
    return ready <= 0 || fds[0].revents == 0;
}

bool
dsn_directory_watch_sleep(DsnDirectoryWatch *watch, gint64 due)
{
    bool ready;

    return wait_for(watch, 1, due, &ready);
}

bool
dsn_directory_watch_wait(DsnDirectoryWatch *watch, gint64 due,
                         void (*each)(DsnFileChange change, const char *name, gpointer user),
                         gpointer user)
{
    _Alignas(struct inotify_event) char events[16384];
    bool ready;
    ssize_t len;

    if (!wait_for(watch, 2, due, &ready))
        return false;
    if (!ready)
        return true;
    if (!dsn_directory_watch_sleep(watch, MIN(due, g_get_monotonic_time() + GATHER)))
        return false;
    while ((len = read(watch->inotify_fd, events, sizeof(events))) > 0)
        tell_events(watch, events, (size_t)len, each, user);
    return true;
}

void
dsn_directory_watch_stop(DsnDirectoryWatch *watch)
{
    (void)eventfd_write(watch->stop_fd, 1); /* fails only at 2^64 */
}
