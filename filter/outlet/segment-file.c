/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/segment-file.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define FILE_MODE 0644 /* less the umask, as all logs */
#define FOLDER_MODE 0755
#define DEPTH_MAX 16 /* of folders below the one for the logs */

struct DsnSegmentFile {
    const DsnSegmentOptions *options;
    ZSTD_CCtx *context;
    GString *frame;
    char *name; /* below log_dir; NULL: none is open */
    int fd;
    int64_t started; /* unix microseconds */
    int64_t length;
    uint64_t plain; /* bytes before compression, without the header */
};

static bool
fail(GError **error, const char *folder, const char *name, const char *what)
{
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno), "%s/%s: %s: %s", folder,
                name, what, g_strerror(errno));
    return false;
}

DsnSegmentFile *
dsn_segment_file_new(const DsnSegmentOptions *options)
{
    DsnSegmentFile *file = g_new0(DsnSegmentFile, 1);

    file->options = options;
    file->context = ZSTD_createCCtx();
    (void)ZSTD_CCtx_setParameter(file->context, ZSTD_c_compressionLevel, options->level);
    (void)ZSTD_CCtx_setParameter(file->context, ZSTD_c_checksumFlag, 1);
    file->frame = g_string_new(NULL);
    file->fd = -1;
    return file;
}

static void
forget(DsnSegmentFile *file)
{
    if (file->fd >= 0)
        (void)close(file->fd);
    file->fd = -1;
    g_clear_pointer(&file->name, g_free);
}

void
dsn_segment_file_free(DsnSegmentFile *file)
{
    if (file == NULL)
        return;
    forget(file);
    (void)ZSTD_freeCCtx(file->context);
    (void)g_string_free(file->frame, TRUE);
    g_free(file);
}

/* ---- a new file ---- */

/* Nine, six or three digits, or none if they would be zeros: @now has six. */
static char *
make_name(const DsnSegmentOptions *options, int64_t now)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(now / G_USEC_PER_SEC);
    g_autofree char *second = g_date_time_format(time, "%Y%m%d-%H%M%S");
    unsigned part = (unsigned)(now % G_USEC_PER_SEC);

    if (part == 0)
        return g_strconcat(second, options->suffix, NULL);
    return part % 1000 == 0 ? g_strdup_printf("%s.%03u%s", second, part / 1000, options->suffix)
                            : g_strdup_printf("%s.%06u%s", second, part, options->suffix);
}

/* The entry of a new file is on the disk only with its folder. */
static bool
sync_folder(const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;

    if (!good)
        (void)fail(error, folder, "", "cannot be written to the disk");
    if (fd >= 0)
        (void)close(fd);
    return good;
}

/* Where a file is before anything is in it: nobody is to see one that is empty (transfer full). */
static char *
hidden_path(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path), *name = g_path_get_basename(path);
    g_autofree char *hidden = g_strconcat(".", name, NULL);

    return g_build_filename(folder, hidden, NULL);
}

/* Two files that start in the same microsecond would be one: the later one then is a bit later. */
static bool
create(DsnSegmentFile *file, int64_t now, GError **error)
{
    const char *folder = file->options->log_dir;

    for (;; now++) {
        g_autofree char *name = make_name(file->options, now);
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autofree char *parent = g_path_get_dirname(path), *hidden = hidden_path(path);

        if (g_mkdir_with_parents(parent, FOLDER_MODE) != 0)
            return fail(error, folder, name, "its folder cannot be made");
        if (g_file_test(path, G_FILE_TEST_EXISTS))
            continue;
        file->fd = open(hidden, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
        if (file->fd < 0 && errno == EEXIST)
            continue;
        if (file->fd < 0)
            return fail(error, folder, name, "cannot be created");
        file->name = g_steal_pointer(&name);
        file->started = now;
        file->length = 0;
        file->plain = 0;
        return true;
    }
}

/* Gives the file, which has its first frame, its name. */
static bool
reveal(const DsnSegmentFile *file, GError **error)
{
    g_autofree char *path = g_build_filename(file->options->log_dir, file->name, NULL);
    g_autofree char *hidden = hidden_path(path);

    if (g_rename(hidden, path) != 0)
        return fail(error, file->options->log_dir, file->name, "cannot be renamed");
    return sync_folder(path, error);
}

/* ---- appending ---- */

static void
make_frame(DsnSegmentFile *file, DsnSpan header, DsnSpan lines)
{
    ZSTD_inBuffer in[] = {{header.data, header.len, 0}, {lines.data, lines.len, 0}};
    size_t room = ZSTD_compressBound(header.len + lines.len);

    (void)ZSTD_CCtx_reset(file->context, ZSTD_reset_session_only);
    g_string_set_size(file->frame, room);
    ZSTD_outBuffer out = {file->frame->str, room, 0};
    (void)ZSTD_CCtx_setPledgedSrcSize(file->context, header.len + lines.len);
    size_t left = ZSTD_compressStream2(file->context, &out, &in[0], ZSTD_e_continue);
    if (!ZSTD_isError(left))
        left = ZSTD_compressStream2(file->context, &out, &in[1], ZSTD_e_end);
    g_assert(left == 0); /* there was room for all of it */
    g_string_truncate(file->frame, out.pos);
}

static bool
write_frame(DsnSegmentFile *file, GError **error)
{
    size_t done = 0;

    while (done < file->frame->len) {
        ssize_t n = write(file->fd, file->frame->str + done, file->frame->len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(error, file->options->log_dir, file->name, "cannot be written");
        done += (size_t)n;
    }
    if (fdatasync(file->fd) != 0)
        return fail(error, file->options->log_dir, file->name, "cannot be written to the disk");
    return true;
}

/* After a failure part of a frame may be there, with which nothing could be read. */
static void
cut_off(DsnSegmentFile *file)
{
    if (ftruncate(file->fd, file->length) != 0)
        forget(file); /* its owner returns to the place when it starts again */
}

bool
dsn_segment_file_open(DsnSegmentFile *file, int64_t now, GError **error)
{
    if (file->fd >= 0)
        return true;
    if (create(file, now, error))
        return true;
    forget(file);
    return false;
}

bool
dsn_segment_file_append(DsnSegmentFile *file, DsnSpan lines, GError **error)
{
    DsnSpan header = DSN_SPAN_LITERAL("");

    if (file->length == 0 && file->options->header != NULL)
        header = dsn_span(file->options->header);
    make_frame(file, header, lines);
    if (!write_frame(file, error) || (file->length == 0 && !reveal(file, error))) {
        cut_off(file);
        return false;
    }
    file->length += (int64_t)file->frame->len;
    file->plain += lines.len;
    return true;
}

/* ---- finishing ---- */

static bool
mark_finished(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && fchmod(fd, status.st_mode & 07777 & ~(mode_t)0222) == 0;
}

int64_t
dsn_segment_file_due(const DsnSegmentFile *file)
{
    return file->fd < 0 || file->options->max_duration == 0
               ? INT64_MAX
               : file->started + file->options->max_duration;
}

bool
dsn_segment_file_turn(DsnSegmentFile *file, int64_t now, bool anyway, GError **error)
{
    if (file->fd < 0 ||
        (!anyway && file->plain < file->options->max_file_size &&
         now < dsn_segment_file_due(file) && now >= file->started)) /* or the clock was set back */
        return true;
    if (!mark_finished(file->fd))
        return fail(error, file->options->log_dir, file->name, "cannot be marked as finished");
    forget(file);
    return true;
}

const char *
dsn_segment_file_place(const DsnSegmentFile *file, int64_t *ret_length)
{
    *ret_length = file->length;
    return file->name;
}

bool
dsn_segment_file_settle(const char *log_dir, const char *name, int64_t length, GError **error)
{
    g_autofree char *path = g_build_filename(log_dir, name, NULL), *hidden = hidden_path(path);
    struct stat status;

    if (length == 0 && unlink(hidden) != 0 && errno != ENOENT)
        return fail(error, log_dir, name, "cannot be removed");
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0)
        return errno == ENOENT || fail(error, log_dir, name, "cannot be opened");
    bool good = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                (status.st_size <= length || ftruncate(fd, length) == 0) && mark_finished(fd) &&
                fsync(fd) == 0 && (length > 0 || unlink(path) == 0);
    if (!good)
        (void)fail(error, log_dir, name, "cannot be finished");
    (void)close(fd);
    return good;
}

static bool
finish_one(const char *path, const GStatBuf *status)
{
    if ((status->st_mode & 0222) == 0)
        return true;
    return status->st_size == 0
               ? g_unlink(path) == 0
               : g_chmod(path, (int)(status->st_mode & 07777 & ~(mode_t)0222)) == 0;
}

static bool
finish_below(const char *log_dir, unsigned depth, GError **error)
{
    g_autoptr(GDir) folder = g_dir_open(log_dir, 0, NULL);
    const char *name;
    bool good = true;

    if (folder == NULL || depth > DEPTH_MAX)
        return true; /* nothing was written there yet */
    while (good && (name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *path = g_build_filename(log_dir, name, NULL);
        GStatBuf status;

        if (name[0] == '.' || g_lstat(path, &status) != 0)
            continue;
        if (S_ISDIR(status.st_mode))
            good = finish_below(path, depth + 1, error);
        else if (S_ISREG(status.st_mode) && !finish_one(path, &status))
            good = fail(error, log_dir, name, "cannot be marked as finished");
    }
    return good;
}

bool
dsn_segment_finish_all(const char *log_dir, GError **error)
{
    return finish_below(log_dir, 0, error);
}
