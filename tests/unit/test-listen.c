/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/listen.h"
#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char *top;   /* a directory for one test, which is a process of its own */
static char *where; /* "unix:TOP/s" */
static const char *path;

static void
set_up(void)
{
    top = g_dir_make_tmp("dsnarf-listen-XXXXXX", NULL);
    ck_assert_ptr_nonnull(top);
    where = g_strdup_printf("unix:%s/s", top);
    path = where + strlen("unix:");
}

static void
tear_down(void)
{
    (void)g_unlink(path);
    ck_assert_int_eq(g_rmdir(top), 0); /* and so nothing else may be left */
    g_free(top);
    g_free(where);
}

/* Connects to the unix socket; false if nobody answers. */
static bool
can_connect(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    bool good = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    (void)close(fd);
    return good;
}

START_TEST(says_what_is_expected)
{
    g_autoptr(GError) error = NULL;

    ck_assert_int_eq(dsn_listen_open("localhost:25", 0660, NULL, &error), -1);
    ck_assert(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_INVAL));
    ck_assert_msg(g_str_has_prefix(error->message, "localhost:25: expected \"127.0.0.1:8025\""),
                  "%s", error->message);
}
END_TEST

static const struct {
    const char *where, *to;
    int family;
} reached[] = {
    {"127.0.0.1:0", "127.0.0.1", AF_INET},
    {"[::1]:0", "::1", AF_INET6},
    {"[::]:0", "127.0.0.1", AF_INET},
};

START_TEST(listens_at_a_port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    bool is_v4 = reached[_i].family == AF_INET;
    guint64 port;

    g_autoptr(GError) error = NULL;
    int fd = dsn_listen_open(reached[_i].where, 0660, NULL, &error);
    if (fd < 0 && !g_file_test("/proc/net/if_inet6", G_FILE_TEST_EXISTS))
        return; /* a system without IPv6 */
    ck_assert_msg(fd >= 0, "%s", error == NULL ? "" : error->message);
    ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);

    g_autofree char *name = dsn_listen_name(reached[_i].where, fd);
    ck_assert(g_ascii_string_to_unsigned(strrchr(name, ':') + 1, 10, 1, 65535, &port, NULL));
    ck_assert_msg(strncmp(name, reached[_i].where, strlen(reached[_i].where) - 1) == 0, "%s", name);

    v4.sin_port = v6.sin6_port = htons((guint16)port);
    ck_assert_int_eq(inet_pton(reached[_i].family, reached[_i].to,
                               is_v4 ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr),
                     1);
    int client = socket(reached[_i].family, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(client, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
                             is_v4 ? sizeof(v4) : sizeof(v6)),
                     0);
    (void)close(client);
    dsn_listen_close(reached[_i].where, fd);
}
END_TEST

START_TEST(refuses_a_port_that_is_taken)
{
    g_autoptr(GError) error = NULL;
    int fd = dsn_listen_open("127.0.0.1:0", 0, NULL, NULL);
    g_autofree char *name = dsn_listen_name("127.0.0.1:0", fd);

    ck_assert_int_eq(dsn_listen_open(name, 0, NULL, &error), -1);
    ck_assert_msg(g_str_has_prefix(error->message, name), "%s", error->message);
    ck_assert_ptr_nonnull(strstr(error->message, "Address already in use"));
    dsn_listen_close(name, fd);

    fd = dsn_listen_open(name, 0, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    dsn_listen_close(name, fd);
}
END_TEST

START_TEST(makes_a_unix_socket)
{
    struct stat status;

    (void)umask(0077);
    int fd = dsn_listen_open(where, 0666, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(lstat(path, &status), 0);
    ck_assert(S_ISSOCK(status.st_mode));
    ck_assert_int_eq(status.st_mode & 0777, 0666);
    ck_assert(can_connect());

    g_autofree char *name = dsn_listen_name(where, fd);
    ck_assert_str_eq(name, where);
    dsn_listen_close(where, fd);
    ck_assert_int_ne(lstat(path, &status), 0);
}
END_TEST

/* A group that we are in needs no privileges; root may give any. */
START_TEST(gives_it_to_the_group)
{
    gid_t groups[1000];
    int n_groups = getgroups(G_N_ELEMENTS(groups), groups);
    gid_t wanted = getuid() == 0 || n_groups < 1 ? 1 : groups[n_groups - 1];
    const struct group *group = getgrgid(getuid() == 0 || n_groups > 0 ? wanted : getgid());
    struct stat status;

    ck_assert_ptr_nonnull(group);
    int fd = dsn_listen_open(where, 0660, group->gr_name, NULL);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(lstat(path, &status), 0);
    ck_assert_int_eq((int)status.st_gid, (int)group->gr_gid);
    ck_assert_int_eq(status.st_mode & 0777, 0660);
    dsn_listen_close(where, fd);
}
END_TEST

START_TEST(refuses_a_group_that_is_none)
{
    g_autoptr(GError) error = NULL;

    ck_assert_int_eq(dsn_listen_open(where, 0660, "no-such-group", &error), -1);
    ck_assert_ptr_nonnull(strstr(error->message, "there is no group \"no-such-group\""));
    ck_assert_int_ne(g_access(path, F_OK), 0);
}
END_TEST

/* What is left of a daemon that was killed. */
START_TEST(replaces_a_stale_socket)
{
    int fd = dsn_listen_open(where, 0600, NULL, NULL);

    (void)close(fd);
    ck_assert_int_eq(g_access(path, F_OK), 0);
    ck_assert(!can_connect());

    fd = dsn_listen_open(where, 0600, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    ck_assert(can_connect());
    dsn_listen_close(where, fd);
}
END_TEST

START_TEST(leaves_a_living_one_alone)
{
    g_autoptr(GError) error = NULL;
    int fd = dsn_listen_open(where, 0600, NULL, NULL);

    ck_assert_int_eq(dsn_listen_open(where, 0600, NULL, &error), -1);
    ck_assert_ptr_nonnull(strstr(error->message, "another process listens here"));
    ck_assert(can_connect());
    dsn_listen_close(where, fd);
}
END_TEST

/* With a full backlog nobody answers in time, but somebody is there. */
START_TEST(leaves_a_busy_one_alone)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_autoptr(GError) error = NULL;
    int clients[4];

    (void)g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(server, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(server, 0), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(clients); i++) {
        clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(clients[i], (struct sockaddr *)&address, sizeof(address));
    }
    ck_assert_int_eq(dsn_listen_open(where, 0600, NULL, &error), -1);
    ck_assert_ptr_nonnull(strstr(error->message, "another process listens here"));
    ck_assert_int_eq(g_access(path, F_OK), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(clients); i++)
        (void)close(clients[i]);
    (void)close(server);
}
END_TEST

START_TEST(leaves_a_file_alone)
{
    g_autoptr(GError) error = NULL;

    ck_assert(g_file_set_contents(path, "x", 1, NULL));
    ck_assert_int_eq(dsn_listen_open(where, 0600, NULL, &error), -1);
    ck_assert(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_EXIST));
    ck_assert_int_eq(g_access(path, F_OK), 0);
}
END_TEST

START_TEST(needs_its_directory)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *none = g_strdup_printf("unix:%s/none/s", top);

    ck_assert_int_eq(dsn_listen_open(none, 0600, NULL, &error), -1);
    ck_assert(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT));
    ck_assert_msg(g_str_has_prefix(error->message, none), "%s", error->message);
}
END_TEST

/* The next run may have begun before the last has ended. */
START_TEST(removes_only_its_own)
{
    int old = dsn_listen_open(where, 0600, NULL, NULL);

    ck_assert_int_eq(g_unlink(path), 0);
    int new = dsn_listen_open(where, 0600, NULL, NULL);
    ck_assert_int_ge(new, 0);
    dsn_listen_close(where, old);
    ck_assert(can_connect());
    dsn_listen_close(where, new);
}
END_TEST

static gpointer
wait_for_clients(gpointer user)
{
    struct pollfd listener = {.fd = GPOINTER_TO_INT(user), .events = POLLIN};

    return GINT_TO_POINTER(poll(&listener, 1, 60000));
}

/* The kernel keeps a socket alive that somebody polls. */
START_TEST(closes_what_is_being_polled)
{
    int fd = dsn_listen_open(where, 0600, NULL, NULL);
    GThread *thread = g_thread_new("poll", wait_for_clients, GINT_TO_POINTER(fd));

    g_usleep(20000); /* sooner or later, the result must be the same */
    dsn_listen_close(where, fd);
    ck_assert_int_ne(g_access(path, F_OK), 0);
    ck_assert_int_eq(GPOINTER_TO_INT(g_thread_join(thread)), 1);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("listen");
    TCase *tcase = tcase_create("listen");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, says_what_is_expected);
    tcase_add_loop_test(tcase, listens_at_a_port, 0, G_N_ELEMENTS(reached));
    tcase_add_test(tcase, refuses_a_port_that_is_taken);
    tcase_add_test(tcase, makes_a_unix_socket);
    tcase_add_test(tcase, gives_it_to_the_group);
    tcase_add_test(tcase, refuses_a_group_that_is_none);
    tcase_add_test(tcase, replaces_a_stale_socket);
    tcase_add_test(tcase, leaves_a_living_one_alone);
    tcase_add_test(tcase, leaves_a_busy_one_alone);
    tcase_add_test(tcase, leaves_a_file_alone);
    tcase_add_test(tcase, needs_its_directory);
    tcase_add_test(tcase, removes_only_its_own);
    tcase_add_test(tcase, closes_what_is_being_polled);
    suite_add_tcase(suite, tcase);
    return suite;
}
