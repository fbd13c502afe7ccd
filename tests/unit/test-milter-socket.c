/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/milter-socket.h"

#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <sys/un.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "tests/support/unit.h"

/* A folder for the socket, its path, and the same as it is configured. */
static char *folder, *path, *where;

static void
set_up(void)
{
    folder = g_dir_make_tmp("dsnarf-milter-XXXXXX", NULL);
    ck_assert_ptr_nonnull(folder);
    path = g_build_filename(folder, "s", NULL);
    where = g_strconcat("unix:", path, NULL);
}

static void
tear_down(void)
{
    (void)g_rmdir(folder);
    g_free(where);
    g_free(path);
    g_free(folder);
}

/* Without a filter libmilter opens nothing. */
static void
register_filter(void)
{
    const struct smfiDesc description = {.xxfi_name = (char *)"test", .xxfi_version = SMFI_VERSION};

    ck_assert_int_eq(smfi_register(description), MI_SUCCESS);
}

/* A socket that listens at @name. */
static int
listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)g_strlcpy(address.sun_path, name, sizeof(address.sun_path));
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    return fd;
}

/* Opens @name and fails, saying @wanted. */
static void
refuses(const char *name, const char *group, const char *wanted)
{
    DsnMilterSocket milter;
    g_autoptr(GError) error = NULL;

    register_filter();
    ck_assert(!dsn_milter_socket_open(&milter, name, 0660, group, &error));
    ck_assert_int_eq(error->domain, G_FILE_ERROR);
    ck_assert_msg(strstr(error->message, name) != NULL && strstr(error->message, wanted) != NULL,
                  "%s", error->message);
}

START_TEST(gives_the_rights_that_were_asked_for)
{
    const struct group *group = getgrgid(getgid());
    DsnMilterSocket milter;
    struct stat status;

    register_filter();
    ck_assert_int_eq(close(listen_at(path)), 0); /* stale: nobody answers */
    mode_t mask = umask(027);
    ck_assert(dsn_milter_socket_open(&milter, where, 0662, group->gr_name, NULL));
    ck_assert_uint_eq(umask(mask), 027);
    ck_assert_int_eq(lstat(path, &status), 0);
    ck_assert(S_ISSOCK(status.st_mode));
    ck_assert_uint_eq(status.st_mode & 07777, 0662);
    ck_assert_uint_eq(status.st_gid, getgid());
    /* Nobody takes connections yet. */
    ck_assert(!dsn_milter_socket_answers(&milter, 50 * G_TIME_SPAN_MILLISECOND));
    dsn_milter_socket_wake(&milter, G_MAXINT);

    dsn_milter_socket_remove(&milter);
    dsn_milter_socket_clear(&milter);
    ck_assert_int_ne(lstat(path, &status), 0);
}
END_TEST

START_TEST(removes_only_its_own)
{
    g_autofree char *local = g_strconcat("local:", path, NULL);
    DsnMilterSocket milter;
    struct stat status;

    register_filter();
    ck_assert(dsn_milter_socket_open(&milter, local, 0600, NULL, NULL));
    g_autofree char *old = g_strconcat(path, ".old", NULL);
    ck_assert_int_eq(g_rename(path, old), 0);
    int other = listen_at(path);
    dsn_milter_socket_remove(&milter);
    dsn_milter_socket_clear(&milter);
    ck_assert_int_eq(lstat(path, &status), 0);
    close(other);
    g_unlink(path);
    g_unlink(old);
}
END_TEST

START_TEST(does_not_take_the_socket_of_another)
{
    int other = listen_at(path);

    refuses(where, NULL, "another process listens there");
    close(other);
    g_unlink(path);
}
END_TEST

START_TEST(does_not_replace_a_file)
{
    ck_assert(g_file_set_contents(path, "", 0, NULL));
    refuses(where, NULL, "cannot replace");
    ck_assert(g_file_test(path, G_FILE_TEST_IS_REGULAR));
    g_unlink(path);
}
END_TEST

START_TEST(says_what_is_wrong)
{
    g_autofree char *tail = g_strnfill(200, 'x');
    g_autofree char *long_name = g_strconcat("unix:/tmp/", tail, NULL);

    switch (_i) {
    case 0:
        refuses("unix:/nowhere/at/all", NULL, "No such file or directory");
        break;
    case 1:
        refuses(long_name, NULL, "name too long");
        break;
    case 2:
        refuses("inet:8890@192.0.2.1", NULL, "Cannot assign requested address");
        break;
    default:
        refuses("inet6:8890@[::x]", NULL, "not known");
    }
}
END_TEST

START_TEST(knows_the_group)
{
    refuses(where, "no such group", "there is no group \"no such group\"");
    ck_assert(!g_file_test(path, G_FILE_TEST_EXISTS));
}
END_TEST

/* Which root would be allowed to. */
START_TEST(says_who_has_to_be_in_the_group)
{
    const struct group *group = getgrgid(1);
    g_autofree char *wanted = g_strdup_printf(
        "group \"%s\": Operation not permitted, the daemon's user has to be in it", group->gr_name);

    if (getuid() == 0) {
        ck_assert_int_eq(chown(folder, 65534, (gid_t)-1), 0);
        ck_assert_int_eq(seteuid(65534), 0);
    }
    refuses(where, group->gr_name, wanted);
    ck_assert_int_eq(seteuid(getuid()), 0);
    ck_assert(!g_file_test(path, G_FILE_TEST_EXISTS));
}
END_TEST

START_TEST(says_that_a_port_is_taken)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr *any = (struct sockaddr *)(void *)&address;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(fd, any, length), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_int_eq(getsockname(fd, any, &length), 0);
    g_autofree char *port = g_strdup_printf("inet:%u@127.0.0.1", ntohs(address.sin_port));
    refuses(port, NULL, "Address already in use");
    close(fd);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("milter-socket");
    TCase *tcase = tcase_create("milter-socket");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, gives_the_rights_that_were_asked_for);
    tcase_add_test(tcase, removes_only_its_own);
    tcase_add_test(tcase, does_not_take_the_socket_of_another);
    tcase_add_test(tcase, does_not_replace_a_file);
    tcase_add_loop_test(tcase, says_what_is_wrong, 0, 4);
    tcase_add_test(tcase, knows_the_group);
    tcase_add_test(tcase, says_who_has_to_be_in_the_group);
    tcase_add_test(tcase, says_that_a_port_is_taken);
    suite_add_tcase(suite, tcase);
    return suite;
}
