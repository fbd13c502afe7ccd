/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/maildir.h"

#include "filter/core/write-file.h"
#include "filter/intake/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define INFO ":2,"       /* before the flags of a message in cur/ */
#define BASE_MAX 200     /* bytes of a name that are kept where it has to become longer */
#define CONFLICTS_MAX 99 /* names that are tried */
#define CHUNK ((size_t)64 << 10)

/* Opens @path/@name. */
static int
open_directory(const char *path, const char *name, GError **error)
{
    g_autofree char *full = g_build_filename(path, name, NULL);
    int fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0 && faccessat(fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) == 0)
        return fd;
    dsn_file_error(error);
    g_prefix_error(error, "%s: ", full);
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

bool
dsn_maildir_open(const char *path, DsnMaildir *ret_maildir, GError **error)
{
    *ret_maildir = DSN_MAILDIR_CLOSED;
    if ((ret_maildir->tmp_fd = open_directory(path, "tmp", error)) >= 0 &&
        (ret_maildir->new_fd = open_directory(path, "new", error)) >= 0 &&
        (ret_maildir->cur_fd = open_directory(path, "cur", error)) >= 0)
        return true;
    dsn_maildir_close(ret_maildir);
    return false;
}

void
dsn_maildir_close(DsnMaildir *maildir)
{
    int fds[] = {maildir->tmp_fd, maildir->new_fd, maildir->cur_fd};

    for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
        if (fds[i] >= 0)
            (void)close(fds[i]);
    }
    *maildir = DSN_MAILDIR_CLOSED;
}

/* ---- reading ---- */

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool
dsn_maildir_list(const DsnMaildir *maildir, guint max,
                 bool (*wanted)(const char *name, gpointer user), gpointer user,
                 GPtrArray *ret_names, bool *ret_more, GError **error)
{
    int fd = openat(maildir->new_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    *ret_more = false;
    if (directory == NULL) {
        dsn_file_error(error);
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    while (errno = 0, (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.' || !wanted(entry->d_name, user))
            continue;
        g_ptr_array_add(ret_names, g_strdup(entry->d_name));
        if (ret_names->len >= 2 * max) { /* so that a name costs no more than log(max) */
            g_ptr_array_sort(ret_names, compare_names);
            g_ptr_array_set_size(ret_names, (gint)max);
            *ret_more = true;
        }
    }
    bool good = errno == 0;
    if (!good)
        dsn_file_error(error);
    (void)closedir(directory);
    g_ptr_array_sort(ret_names, compare_names);
    if (ret_names->len > max) {
        g_ptr_array_set_size(ret_names, (gint)max);
        *ret_more = true;
    }
    return good;
}

static bool
is_file(const struct stat *status, GError **error)
{
    if (S_ISREG(status->st_mode))
        return true;
    g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                        S_ISLNK(status->st_mode)   ? "is a symbolic link"
                        : S_ISDIR(status->st_mode) ? "is a directory"
                                                   : "is no regular file");
    return false;
}

bool
dsn_maildir_read(const DsnMaildir *maildir, const char *name, size_t max, GString *buffer,
                 GError **error)
{
    struct stat status;

    /* Looked at before it is opened, because opening a device can act on it, and again after. */
    if (fstatat(maildir->new_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        dsn_file_error(error);
        return false;
    }
    if (!is_file(&status, error))
        return false;
    int fd =
        openat(maildir->new_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0) {
        dsn_file_error(error);
        return false;
    }
    bool good = true;
    if (fstat(fd, &status) != 0) {
        dsn_file_error(error);
        good = false;
    }
    good = good && is_file(&status, error) &&
           dsn_fd_read_all(fd, (size_t)status.st_size, max, buffer, error);
    (void)close(fd); /* read only: nothing can be lost */
    return good;
}

/* ---- settling ---- */

bool
dsn_maildir_remove(const DsnMaildir *maildir, const char *name, GError **error)
{
    if (unlinkat(maildir->new_fd, name, 0) == 0 || errno == ENOENT)
        return true;
    dsn_file_error(error);
    return false;
}

/* True if both are names of one file: a move was cut short between link and unlink. */
static bool
is_same_file(int from_fd, const char *from, int to_fd, const char *to)
{
    struct stat a, b;

    return fstatat(from_fd, from, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstatat(to_fd, to, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* Renames without replacing anything; as -1 and errno. Not every file system can do that at once;
 * all but the simplest can link. */
static int
rename_new(int from_fd, const char *from, int to_fd, const char *to)
{
    int result = renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE);

    if (result != 0 && (errno == EINVAL || errno == ENOSYS)) {
        result = linkat(from_fd, from, to_fd, to, 0);
        if (result == 0)
            result = unlinkat(from_fd, from, 0);
    }
    if (result != 0 && errno == EEXIST && is_same_file(from_fd, from, to_fd, to))
        result = unlinkat(from_fd, from, 0);
    return result;
}

/* Flags stand in the order of their letters. */
static char *
flags_with_seen(const char *flags)
{
    size_t before = 0;

    if (strchr(flags, 'S') != NULL)
        return g_strdup(flags);
    while (flags[before] != '\0' && flags[before] < 'S')
        before++;
    return g_strdup_printf("%.*sS%s", (int)before, flags, flags + before);
}

bool
dsn_maildir_move(const DsnMaildir *maildir, const char *name, bool seen, GError **error)
{
    const char *colon = strchr(name, ':');
    size_t base = colon == NULL ? strlen(name) : (size_t)(colon - name);
    const char *had = colon != NULL && g_str_has_prefix(colon, INFO) ? colon + strlen(INFO) : "";
    g_autofree char *flags = seen ? flags_with_seen(had) : g_strdup(had);
    int result = -1;

    for (unsigned i = 0; i <= CONFLICTS_MAX && result != 0; i++) {
        char number[8] = "";
        if (i > 0)
            (void)g_snprintf(number, sizeof(number), "-%u", i);
        g_autofree char *to =
            g_strdup_printf("%.*s%s" INFO "%s", (int)MIN(base, BASE_MAX), name, number, flags);

        result = rename_new(maildir->new_fd, name, maildir->cur_fd, to);
        if (result != 0 && errno != EEXIST)
            break;
    }
    if (result != 0)
        dsn_file_error(error);
    return result == 0;
}

/* ---- delivery ---- */

/* "time.MmicrosecondsPpidRrandom.host", as the Maildir page has it. */
static char *
unique_name(void)
{
    gint64 now = g_get_real_time();
    g_autoptr(GString) host = g_string_new(g_get_host_name());

    (void)g_string_replace(host, "/", "\\057", 0);
    (void)g_string_replace(host, ":", "\\072", 0);
    return g_strdup_printf("%" G_GINT64_FORMAT ".M%" G_GINT64_FORMAT "P%ldR%08x%08x.%s",
                           now / G_USEC_PER_SEC, now % G_USEC_PER_SEC, (long)getpid(),
                           g_random_int(), g_random_int(), host->str);
}

static bool
write_lines(int fd, DsnSpan text, GError **error)
{
    g_autoptr(GString) chunk = g_string_sized_new(CHUNK + 1024);

    while (text.len > 0) {
        const char *cr = memchr(text.data, '\r', MIN(text.len, CHUNK));
        size_t len = cr == NULL ? MIN(text.len, CHUNK) : (size_t)(cr - text.data);
        bool end = cr != NULL && len + 1 < text.len && cr[1] == '\n';

        g_string_append_len(chunk, text.data, (gssize)len);
        if (cr != NULL && !end)
            g_string_append_c(chunk, '\r');
        text = dsn_span_from(text, cr == NULL ? len : len + 1);
        if (chunk->len >= CHUNK || text.len == 0) {
            if (!dsn_write_all(fd, (DsnSpan){chunk->str, chunk->len}, error))
                return false;
            g_string_truncate(chunk, 0);
        }
    }
    return true;
}

/* Writes a new file, all of it to the disk. */
static bool
write_file(int directory, const char *name, DsnSpan top, DsnSpan message, GError **error)
{
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        dsn_file_error(error);
        return false;
    }
    bool good = write_lines(fd, top, error) && write_lines(fd, message, error);
    if (good && fsync(fd) != 0) {
        dsn_file_error(error);
        good = false;
    }
    if (close(fd) != 0 && good) { /* NFS and quotas speak up only here */
        dsn_file_error(error);
        good = false;
    }
    if (!good)
        (void)unlinkat(directory, name, 0); /* the first error is the one that matters */
    return good;
}

bool
dsn_maildir_deliver(const DsnMaildir *maildir, DsnSpan top, DsnSpan message, GError **error)
{
    g_autofree char *name = unique_name();

    if (!write_file(maildir->tmp_fd, name, top, message, error))
        return false;
    if (rename_new(maildir->tmp_fd, name, maildir->new_fd, name) == 0 &&
        fsync(maildir->new_fd) == 0)
        return true;
    dsn_file_error(error);
    (void)unlinkat(maildir->tmp_fd, name, 0); /* the first error is the one that matters */
    return false;
}
