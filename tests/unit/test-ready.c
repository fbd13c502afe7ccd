/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/daemon/ready.h"
#include "tests/support/unit.h"

#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Binds a datagram socket to @name, which begins with "@" when it is abstract. */
static int
listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    memcpy(address.sun_path, name, len);
    if (*name == '@')
        address.sun_path[0] = '\0';
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
                     0);
    return fd;
}

static char *
receive(int fd)
{
    char buffer[1024];
    ssize_t len = recv(fd, buffer, sizeof(buffer), 0);

    ck_assert_int_gt(len, 0);
    return g_strndup(buffer, (gsize)len);
}

START_TEST(tells_a_path)
{
    g_autofree char *folder = g_dir_make_tmp("dsnarf-ready-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "notify", NULL);
    int fd = listen_at(path);

    g_setenv("NOTIFY_SOCKET", path, TRUE);
    ck_assert(dsn_ready_notify(DSN_READY, "all is well"));
    g_autofree char *ready = receive(fd);
    ck_assert_str_eq(ready, "READY=1\nSTATUS=all is well\n");
    ck_assert(dsn_ready_notify(DSN_STOPPING, "bye"));
    g_autofree char *stopping = receive(fd);
    ck_assert_str_eq(stopping, "STOPPING=1\nSTATUS=bye\n");
    close(fd);
    g_unlink(path);
    g_rmdir(folder);
}
END_TEST

START_TEST(tells_an_abstract_name)
{
    g_autofree char *name = g_strdup_printf("@dsnarf-ready-%d", (int)getpid());
    int fd = listen_at(name);
    gint64 before = g_get_monotonic_time();
    long long time = 0;

    g_setenv("NOTIFY_SOCKET", name, TRUE);
    ck_assert(dsn_ready_notify(DSN_RELOADING, "reading"));
    g_autofree char *text = receive(fd);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    ck_assert_str_eq(lines[0], "RELOADING=1");
    ck_assert(g_str_has_prefix(lines[1], "MONOTONIC_USEC="));
    time = g_ascii_strtoll(lines[1] + strlen("MONOTONIC_USEC="), NULL, 10);
    ck_assert_int_ge(time, before);
    ck_assert_int_le(time, g_get_monotonic_time());
    ck_assert_str_eq(lines[2], "STATUS=reading");
    close(fd);
}
END_TEST

START_TEST(does_without)
{
    g_autofree char *long_name = g_strnfill(200, '/');
    const char *const names[] = {"", "/", "relative", "/nobody/is/here", long_name};

    g_unsetenv("NOTIFY_SOCKET");
    ck_assert(!dsn_ready_notify(DSN_READY, ""));
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_setenv("NOTIFY_SOCKET", names[i], TRUE);
        ck_assert(!dsn_ready_notify(DSN_READY, ""));
    }
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("ready");
    TCase *tcase = tcase_create("notify");

    tcase_add_test(tcase, tells_a_path);
    tcase_add_test(tcase, tells_an_abstract_name);
    tcase_add_test(tcase, does_without);
    suite_add_tcase(suite, tcase);
    return suite;
}
