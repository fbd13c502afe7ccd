/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/messages.h"

#include <dirent.h>
#include <unistd.h>

#include "filter/intake/files.h"
#include "filter/intake/mbox.h"

/* What kind of directory decides which of its entries matter. */
typedef enum FolderKind {
    FOLDER_PLAIN,    /* every file and directory that is not hidden */
    FOLDER_MAILDIR,  /* cur, new, and other Maildirs, which are its subfolders */
    FOLDER_MESSAGES, /* cur or new: files */
} FolderKind;

typedef struct Folder {
    char *path;
    FolderKind kind;
    struct dirent **entries; /* sorted */
    size_t n_entries;
    size_t next;
} Folder;

struct DsnMessages {
    const char *const *paths;
    size_t n_paths;
    size_t next;
    size_t max;
    GArray *folders; /* of Folder: from the path on the command line down to where we are */
    DsnWindow window;
    int fd;       /* of the mbox that is being read, else -1 */
    char *file;   /* its name */
    guint number; /* messages read of it */
    guint64 base; /* where in it the window began */
    bool other;   /* it is none of mail, and somebody else reads it */
    DsnMessagesUser user;
    struct timespec time;
};

void
dsn_incoming_clear(DsnIncoming *incoming)
{
    g_clear_pointer(&incoming->file, g_free);
    g_clear_error(&incoming->error);
}

static void
set_time(DsnIncoming *incoming, struct timespec time)
{
    incoming->time = time.tv_sec;
    incoming->nanoseconds = (uint32_t)time.tv_nsec;
}

void
dsn_incoming_read(DsnIncoming *incoming, size_t max, GString *buffer)
{
    struct stat status;

    incoming->start = 0;
    incoming->len = 0;
    if (dsn_file_read(incoming->file, max + 1, buffer, &status, &incoming->error)) {
        incoming->len = buffer->len;
        set_time(incoming, status.st_mtim);
    }
}

static void
clear_folder(gpointer data)
{
    Folder *folder = data;

    /* scandir(3) gives what free(3) takes, which is what g_free() calls. */
    for (size_t i = folder->next; i < folder->n_entries; i++)
        g_free(folder->entries[i]);
    g_free(folder->entries);
    g_free(folder->path);
}

DsnMessages *
dsn_messages_new(const char *const *paths, size_t max)
{
    DsnMessages *messages = g_new0(DsnMessages, 1);

    messages->paths = paths;
    while (paths[messages->n_paths] != NULL)
        messages->n_paths++;
    messages->max = max;
    messages->folders = g_array_new(FALSE, FALSE, sizeof(Folder));
    g_array_set_clear_func(messages->folders, clear_folder);
    messages->fd = -1;
    return messages;
}

static void
close_file(DsnMessages *messages)
{
    if (messages->fd > STDIN_FILENO)
        (void)close(messages->fd); /* read only: nothing can be lost */
    messages->fd = -1;
    messages->other = false;
    g_clear_pointer(&messages->file, g_free);
}

void
dsn_messages_set_user(DsnMessages *messages, const DsnMessagesUser *user)
{
    messages->user = *user;
}

DsnWindow *
dsn_messages_window(DsnMessages *messages)
{
    return &messages->window;
}

void
dsn_messages_free(DsnMessages *messages)
{
    if (messages == NULL)
        return;
    close_file(messages);
    dsn_window_clear(&messages->window);
    g_array_unref(messages->folders);
    g_free(messages);
}

static bool
is_directory(const char *path, const char *name)
{
    g_autofree char *full = g_build_filename(path, name, NULL);
    struct stat status;

    return stat(full, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool
is_maildir(const char *path)
{
    return is_directory(path, "cur") && is_directory(path, "new");
}

static int
compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int
is_no_link_of_the_tree(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* DT_REG, DT_DIR or DT_UNKNOWN for all else. Links to directories are not followed, so that no tree
 * is endless or read twice; links to files are. */
static unsigned char
entry_type(const struct dirent *entry, const char *path)
{
    struct stat status;

    if (entry->d_type == DT_REG || entry->d_type == DT_DIR)
        return entry->d_type;
    if (entry->d_type == DT_UNKNOWN && lstat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return DT_DIR;
    if ((entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN) &&
        (stat(path, &status) != 0 || S_ISREG(status.st_mode)))
        return DT_REG; /* a link to nowhere, too: reading it will say what is wrong */
    return DT_UNKNOWN;
}

static DsnIncoming
failed_item(const char *file, GError *error)
{
    return (DsnIncoming){.file = g_strdup(file), .error = error};
}

/* Enters the directory @path. True when it cannot be read, and an item says so. */
static bool
begin_folder(DsnMessages *messages, const char *path, FolderKind kind, DsnIncoming *ret_incoming)
{
    struct dirent **entries = NULL;

    int count = scandir(path, &entries, is_no_link_of_the_tree, compare_names);
    if (count < 0) {
        GError *error = NULL;
        dsn_file_error(&error);
        *ret_incoming = failed_item(path, error);
        return true;
    }
    Folder folder = {
        .path = g_strdup(path), .kind = kind, .entries = entries, .n_entries = (size_t)count};
    g_array_append_val(messages->folders, folder);
    return false;
}

/* Takes the next message of the open mbox. False: it has no more, and is closed. */
static bool
next_of_mbox(DsnMessages *messages, GString *buffer, DsnIncoming *ret_incoming)
{
    size_t start = buffer->len;
    GError *error = NULL;

    if (dsn_mbox_next(&messages->window, messages->max, buffer, &error)) {
        *ret_incoming = (DsnIncoming){
            .file = g_strdup_printf("%s#%u", messages->file, ++messages->number),
            .start = start,
            .len = buffer->len - start,
            .end = messages->base + messages->window.read - dsn_window_view(&messages->window).len,
            .number = messages->number,
        };
        set_time(ret_incoming, messages->time);
        return true;
    }
    if (error != NULL)
        *ret_incoming = failed_item(messages->file, error);
    close_file(messages);
    return error != NULL;
}

/* Reads as much as it takes to tell an mbox; a pipe may bring less at a time. */
static bool
see_beginning(DsnWindow *window, GError **error)
{
    DsnSpan view;

    do {
        if (!dsn_window_more(window, error))
            return false;
        view = dsn_window_view(window);
    } while (!window->ended && view.len < DSN_MBOX_LOOK &&
             memchr(view.data, '\n', view.len) == NULL);
    return true;
}

/* Reads all of the file in the window, which is one message. */
static bool
read_message(DsnMessages *messages, GString *buffer, GError **error)
{
    DsnSpan view = dsn_window_view(&messages->window);
    size_t most = messages->max + 1;

    g_string_append_len(buffer, view.data, (gssize)MIN(view.len, most));
    if (messages->window.ended || view.len >= most)
        return true;

    guint64 rest = messages->window.size - MIN(messages->window.size, view.len);
    return dsn_fd_read_all(messages->fd, (size_t)rest, most - view.len, buffer, error);
}

/* Begins with the open mbox, or with the part of it that its user wants. */
static bool
begin_mbox(DsnMessages *messages, GString *buffer, DsnIncoming *ret_incoming)
{
    guint64 begin = 0;

    if (messages->user.begin != NULL && messages->window.size > 0)
        begin = messages->user.begin(messages->user.user, messages->file, messages->fd,
                                     &messages->number);
    if (begin > 0 && lseek(messages->fd, (off_t)begin, SEEK_SET) == (off_t)begin) {
        messages->base = begin;
        dsn_window_reset(&messages->window, messages->fd,
                         messages->window.size - MIN(messages->window.size, begin));
    } else if (begin > 0) {
        messages->number = 0;
    }
    return next_of_mbox(messages, buffer, ret_incoming);
}

static bool
begin_other(DsnMessages *messages, DsnIncoming *ret_incoming)
{
    messages->other = true;
    *ret_incoming = (DsnIncoming){.file = g_strdup(messages->file), .other = true};
    set_time(ret_incoming, messages->time);
    return true;
}

/* Begins with the file @fd (taken over unless it is standard input): hands out the message that it
 * is, or leaves the mbox open and the messages to next_of_mbox(). */
static bool
begin_file(DsnMessages *messages, const char *file, int fd, const struct stat *status,
           GString *buffer, DsnIncoming *ret_incoming)
{
    bool regular = S_ISREG(status->st_mode);
    size_t start = buffer->len;
    GError *error = NULL;

    messages->fd = fd;
    messages->file = g_strdup(file);
    messages->number = 0;
    messages->base = 0;
    messages->time = status->st_mtim;
    if (!regular)
        clock_gettime(CLOCK_REALTIME, &messages->time);
    dsn_window_reset(&messages->window, fd, regular ? (guint64)status->st_size : 0);

    bool good = see_beginning(&messages->window, &error);
    DsnSpan view = dsn_window_view(&messages->window);
    if (good && messages->user.is_other != NULL &&
        messages->user.is_other(messages->user.user, view))
        return begin_other(messages, ret_incoming);
    good = good && dsn_file_is_plain(view, &error);
    if (good && dsn_mbox_begins(view))
        return begin_mbox(messages, buffer, ret_incoming);
    if (good && read_message(messages, buffer, &error)) {
        *ret_incoming = (DsnIncoming){
            .file = g_strdup(file),
            .start = start,
            .len = buffer->len - start,
        };
        set_time(ret_incoming, messages->time);
    } else {
        g_string_truncate(buffer, start);
        *ret_incoming = failed_item(file, error);
    }
    close_file(messages);
    return true;
}

/* Reads the file or pipe @path, which may be an mbox. */
static bool
begin_named_file(DsnMessages *messages, const char *path, GString *buffer,
                 DsnIncoming *ret_incoming)
{
    struct stat status;
    GError *error = NULL;

    int fd = dsn_file_open(path, &status, &error);
    if (fd >= 0)
        return begin_file(messages, path, fd, &status, buffer, ret_incoming);
    *ret_incoming = failed_item(path, error);
    return true;
}

/* Begins with a path from the command line. */
static bool
begin_path(DsnMessages *messages, const char *path, GString *buffer, DsnIncoming *ret_incoming)
{
    struct stat status;

    if (strcmp(path, "-") == 0) {
        if (fstat(STDIN_FILENO, &status) == 0)
            return begin_file(messages, path, STDIN_FILENO, &status, buffer, ret_incoming);
        GError *error = NULL;
        dsn_file_error(&error);
        *ret_incoming = failed_item(path, error);
        return true;
    }
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return begin_folder(messages, path, is_maildir(path) ? FOLDER_MAILDIR : FOLDER_PLAIN,
                            ret_incoming);
    return begin_named_file(messages, path, buffer, ret_incoming);
}

/* cur and new may be links: what lies in them is not walked any deeper. */
static bool
begin_maildir_entry(DsnMessages *messages, const char *path, const char *name, unsigned char type,
                    DsnIncoming *ret_incoming)
{
    if (strcmp(name, "cur") == 0 || strcmp(name, "new") == 0)
        return begin_folder(messages, path, FOLDER_MESSAGES, ret_incoming);
    return type == DT_DIR && is_maildir(path) &&
           begin_folder(messages, path, FOLDER_MAILDIR, ret_incoming);
}

/* Begins with the next entry of the innermost folder, or leaves the folder. */
static bool
next_of_folder(DsnMessages *messages, GString *buffer, DsnIncoming *ret_incoming)
{
    Folder *folder = &g_array_index(messages->folders, Folder, messages->folders->len - 1);

    if (folder->next == folder->n_entries) {
        g_array_set_size(messages->folders, messages->folders->len - 1);
        return false;
    }

    g_autofree struct dirent *entry = folder->entries[folder->next++];
    g_autofree char *path = g_build_filename(folder->path, entry->d_name, NULL);
    unsigned char type = entry_type(entry, path);
    if (folder->kind == FOLDER_MAILDIR)
        return begin_maildir_entry(messages, path, entry->d_name, type, ret_incoming);
    if (entry->d_name[0] == '.')
        return false;
    if (folder->kind == FOLDER_MESSAGES && type == DT_REG) {
        *ret_incoming = (DsnIncoming){.file = g_steal_pointer(&path), .unread = true};
        return true;
    }
    if (folder->kind == FOLDER_PLAIN && type == DT_DIR)
        return begin_folder(messages, path, is_maildir(path) ? FOLDER_MAILDIR : FOLDER_PLAIN,
                            ret_incoming);
    return folder->kind == FOLDER_PLAIN && type == DT_REG &&
           begin_named_file(messages, path, buffer, ret_incoming);
}

bool
dsn_messages_next(DsnMessages *messages, GString *buffer, DsnIncoming *ret_incoming)
{
    if (messages->other)
        close_file(messages);
    for (;;) {
        if (messages->fd >= 0) {
            if (next_of_mbox(messages, buffer, ret_incoming))
                return true;
        } else if (messages->folders->len > 0) {
            if (next_of_folder(messages, buffer, ret_incoming))
                return true;
        } else if (messages->next < messages->n_paths) {
            if (begin_path(messages, messages->paths[messages->next++], buffer, ret_incoming))
                return true;
        } else {
            return false;
        }
    }
}

/* @next of @n entries are begun; of the last one, if it is still open, @inner is done. */
static double
fraction(size_t next, size_t n, bool open, double inner)
{
    double done = open ? (double)next - 1 + inner : (double)next;

    return n == 0 ? 1 : done / (double)n;
}

double
dsn_messages_fraction(const DsnMessages *messages)
{
    bool open = messages->fd >= 0;
    double done = open ? dsn_window_fraction(&messages->window) : 0;

    for (guint i = messages->folders->len; i > 0; i--) {
        const Folder *folder = &g_array_index(messages->folders, Folder, i - 1);

        done = fraction(folder->next, folder->n_entries, open, done);
        open = true;
    }
    return fraction(messages->next, messages->n_paths, open, done);
}
