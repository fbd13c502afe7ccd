/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/daemon/ready.h"

#include <glib.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A path, or "@" for an abstract name. */
static bool
read_address(const char *name, struct sockaddr_un *ret_address, socklen_t *ret_length)
{
    size_t len = name == NULL ? 0 : strlen(name);

    if (len < 2 || len >= sizeof(ret_address->sun_path) || (*name != '/' && *name != '@'))
        return false;
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret_address->sun_path, name, len);
    if (*name == '@')
        ret_address->sun_path[0] = '\0';
    *ret_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return true;
}

static char *
message_of(DsnReady state, const char *status)
{
    switch (state) {
    case DSN_READY:
        return g_strdup_printf("READY=1\nSTATUS=%s\n", status);
    case DSN_RELOADING:
        return g_strdup_printf("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT "\nSTATUS=%s\n",
                               g_get_monotonic_time(), status);
    case DSN_STOPPING:
        return g_strdup_printf("STOPPING=1\nSTATUS=%s\n", status);
    }
    g_assert_not_reached();
}

bool
dsn_ready_notify(DsnReady state, const char *status)
{
    struct sockaddr_un address;
    socklen_t len;

    if (!read_address(g_getenv("NOTIFY_SOCKET"), &address, &len))
        return false;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    g_autofree char *message = message_of(state, status);
    bool sent = sendto(fd, message, strlen(message), MSG_NOSIGNAL,
                       (const struct sockaddr *)&address, len) >= 0;
    (void)close(fd);
    return sent;
}
