/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/maildir-store.h"

#include "filter/core/write-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Digits of the hash that stand in a name. */
#define HASH_DIGITS 32

typedef struct Folders {
    int tmp, new;
} Folders;

static bool
fail(GError **error, const char *path, const char *name)
{
    int code = errno;

    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), "%s%s%s: %s", path,
                *name == '\0' ? "" : "/", name, g_strerror(code));
    return false;
}

/* ---- names ---- */

/* What may stand in the name of a file, without the colon that begins the flags. */
static char *
host_part(void)
{
    char *host = g_strdup(g_get_host_name());

    return g_strcanon(host, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-.", '_');
}

char *
dsn_maildir_store_name(int64_t time, int64_t entry, const char *id, const char *recipient,
                       DsnSpan message)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree char *head = g_strdup_printf("%" G_GINT64_FORMAT "\n%s\n%s\n", entry, id, recipient);
    g_autofree char *host = host_part();

    g_checksum_update(checksum, (const guchar *)head, (gssize)strlen(head));
    g_checksum_update(checksum, (const guchar *)message.data, (gssize)message.len);
    return g_strdup_printf("%" G_GINT64_FORMAT ".D%.*s.%s", time, HASH_DIGITS,
                           g_checksum_get_string(checksum), host);
}

/* ---- directories ---- */

static bool
make_directory(int at, const char *name, const char *path, GError **error)
{
    if (mkdirat(at, name, 0700) == 0 || errno == EEXIST)
        return true;
    return fail(error, path, at == AT_FDCWD ? "" : name);
}

static int
open_directory(int at, const char *name, const char *path, GError **error)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        (void)fail(error, path, at == AT_FDCWD ? "" : name);
    return fd;
}

static void
close_folders(Folders *folders)
{
    if (folders->tmp >= 0)
        (void)close(folders->tmp);
    if (folders->new >= 0)
        (void)close(folders->new);
}

static bool
open_folders(const char *path, Folders *ret_folders, GError **error)
{
    int fd = make_directory(AT_FDCWD, path, path, error)
                 ? open_directory(AT_FDCWD, path, path, error)
                 : -1;

    *ret_folders = (Folders){-1, -1};
    if (fd < 0)
        return false;
    bool good = make_directory(fd, "tmp", path, error) && make_directory(fd, "new", path, error) &&
                make_directory(fd, "cur", path, error) &&
                (ret_folders->tmp = open_directory(fd, "tmp", path, error)) >= 0 &&
                (ret_folders->new = open_directory(fd, "new", path, error)) >= 0;
    (void)close(fd);
    if (!good)
        close_folders(ret_folders);
    return good;
}

/* ---- messages ---- */

/* As delivery agents write it: with lines that end in LF. */
static GString *
make_content(const char *recipient, DsnSpan message)
{
    GString *content = g_string_sized_new(message.len + 128);

    g_string_append_printf(content, "Return-Path: <>\nDelivered-To: %s\n", recipient);
    while (message.len > 0) {
        const char *hit = memmem(message.data, message.len, "\r\n", 2);
        size_t len = hit == NULL ? message.len : (size_t)(hit - message.data);

        g_string_append_len(content, message.data, (gssize)len);
        if (hit == NULL)
            break;
        g_string_append_c(content, '\n');
        message = dsn_span_from(message, len + 2);
    }
    return content;
}

/* What a crash left under this name is written anew. */
static bool
write_file(int tmp, const char *name, const GString *content, const char *path, GError **error)
{
    g_autofree char *shown = g_strconcat("tmp/", name, NULL);
    int fd = openat(tmp, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return fail(error, path, shown);
    bool good = dsn_write_all(fd, (DsnSpan){content->str, content->len}, error);
    if (!good)
        g_prefix_error(error, "%s/%s: ", path, shown);
    if (good && fsync(fd) != 0)
        good = fail(error, path, shown);
    if (close(fd) != 0 && good)
        good = fail(error, path, shown);
    if (!good)
        (void)unlinkat(tmp, name, 0); /* the first error is the one that matters */
    return good;
}

static bool
store(const Folders *folders, const char *name, const GString *content, const char *path,
      GError **error)
{
    bool there = faccessat(folders->new, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;

    if (!there && !write_file(folders->tmp, name, content, path, error))
        return false;
    if (!there && renameat(folders->tmp, name, folders->new, name) != 0) {
        (void)fail(error, path, "new");
        (void)unlinkat(folders->tmp, name, 0);
        return false;
    }
    return fsync(folders->new) == 0 || fail(error, path, "new");
}

bool
dsn_maildir_store(const char *path, const char *name, const char *recipient, DsnSpan message,
                  GError **error)
{
    g_autoptr(GString) content = make_content(recipient, message);
    Folders folders;

    if (!open_folders(path, &folders, error))
        return false;
    bool good = store(&folders, name, content, path, error);
    close_folders(&folders);
    return good;
}
