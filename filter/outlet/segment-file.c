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
#define TIME_LEN 15 /* of "YYYYMMDD-HHMMSS" */

/* A clock that was set back by more than this is believed, whatever names there are. */
#define BACK_MAX G_TIME_SPAN_DAY

struct DsnSegmentFile {
    const DsnSegmentOptions *options;
    ZSTD_CCtx *context;
    GString *frame;
    const char *header;
    char *name;   /* below log_dir; NULL: none is open */
    int64_t last; /* the time in the latest name */
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

/* KumoMTA leaves zeros at the end of a fraction out, after which names with a suffix are not in the
 * order of time. */
static char *
make_name(const DsnSegmentOptions *options, int64_t now)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(now / G_USEC_PER_SEC);
    g_autofree char *second = g_date_time_format(time, "%Y%m%d-%H%M%S");

    return g_strdup_printf("%s.%06u%s", second, (unsigned)(now % G_USEC_PER_SEC), options->suffix);
}

/* Reads the time at the start of a name, also one of KumoMTA's. Returns its length, or 0. */
static size_t
read_time(const char *name, int64_t *ret_time)
{
    int parts[6], values[] = {4, 2, 2, 2, 2, 2};
    const char *c = name;
    int64_t fraction = 0, unit = G_USEC_PER_SEC;

    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        parts[i] = 0;
        if (i == 3 && *c++ != '-')
            return 0;
        for (int digit = 0; digit < values[i]; digit++, c++) {
            if (!g_ascii_isdigit(*c))
                return 0;
            parts[i] = 10 * parts[i] + *c - '0';
        }
    }
    if (*c == '.' && g_ascii_isdigit(c[1])) {
        for (c++; g_ascii_isdigit(*c) && c - name <= TIME_LEN + 9; c++, unit /= 10)
            fraction += (*c - '0') * (unit / 10);
    }
    g_autoptr(GDateTime) time =
        g_date_time_new_utc(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]);
    if (time == NULL)
        return 0;
    *ret_time = g_date_time_to_unix(time) * G_USEC_PER_SEC + fraction;
    return (size_t)(c - name);
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

/* Makes @path and what is above it, each on the disk: else files could be gone after a crash that
 * are known to be full. */
static bool
make_folder(const char *path, GError **error)
{
    g_autofree char *above = g_path_get_dirname(path), *name = g_path_get_basename(path);

    if (g_file_test(path, G_FILE_TEST_IS_DIR))
        return true;
    if (strcmp(above, path) != 0 && !make_folder(above, error))
        return false;
    if (g_mkdir(path, FOLDER_MODE) != 0 && errno != EEXIST)
        return fail(error, above, name, "the folder cannot be made");
    return sync_folder(path, error);
}

/* Where a file is before anything is in it: nobody is to see one that is empty (transfer full). */
static char *
hidden_path(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path), *name = g_path_get_basename(path);
    g_autofree char *hidden = g_strconcat(".", name, NULL);

    return g_build_filename(folder, hidden, NULL);
}

/* No two files start in the same microsecond, and none in front of another. */
static bool
create(DsnSegmentFile *file, int64_t now, GError **error)
{
    const char *folder = file->options->log_dir;
    bool back = now <= file->last && file->last - now < BACK_MAX;

    for (int64_t time = back ? file->last + 1 : now;; time++) {
        g_autofree char *name = make_name(file->options, time);
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autofree char *parent = g_path_get_dirname(path), *hidden = hidden_path(path);

        if (!make_folder(parent, error))
            return false;
        if (g_file_test(path, G_FILE_TEST_EXISTS))
            continue;
        file->fd = open(hidden, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
        if (file->fd < 0 && errno == EEXIST)
            continue;
        if (file->fd < 0)
            return fail(error, folder, name, "cannot be created");
        file->name = g_steal_pointer(&name);
        file->last = time;
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
dsn_segment_file_open(DsnSegmentFile *file, int64_t now, const char *header, GError **error)
{
    if (file->fd >= 0)
        return true;
    file->header = header;
    if (create(file, now, error))
        return true;
    forget(file);
    return false;
}

bool
dsn_segment_file_append(DsnSegmentFile *file, DsnSpan lines, GError **error)
{
    DsnSpan header = DSN_SPAN_LITERAL("");

    if (file->length == 0 && file->header != NULL)
        header = dsn_span(file->header);
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

/* The same for one that is not open. */
static bool
finish(const char *path, const struct stat *status)
{
    return (status->st_mode & 0222) == 0 ||
           g_chmod(path, (int)(status->st_mode & 07777 & ~(mode_t)0222)) == 0;
}

int64_t
dsn_segment_file_due(const DsnSegmentFile *file)
{
    return file->fd < 0 || file->options->max_duration == 0
               ? INT64_MAX
               : file->started + file->options->max_duration;
}

uint64_t
dsn_segment_file_room(const DsnSegmentFile *file)
{
    uint64_t max = file->options->max_file_size, plain = file->fd < 0 ? 0 : file->plain;

    return max - MIN(plain, max);
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

/* Cuts the regular file at @path back to @length. One that was finished is opened for writing
 * first: its owner may not write to it. */
static bool
cut_back(const char *path, const struct stat *status, int64_t length)
{
    int fd = -1;

    if ((status->st_mode & S_IWUSR) == 0 &&
        g_chmod(path, (int)(status->st_mode & 07777) | S_IWUSR) != 0)
        return false;
    fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool good = fd >= 0 && ftruncate(fd, length) == 0 && mark_finished(fd) && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return good;
}

bool
dsn_segment_file_settle(const char *log_dir, const char *name, int64_t length, GError **error)
{
    g_autofree char *path = g_build_filename(log_dir, name, NULL), *hidden = hidden_path(path);
    struct stat status;

    if (length == 0) {
        if (unlink(hidden) != 0 && errno != ENOENT)
            return fail(error, log_dir, name, "cannot be removed");
        if (unlink(path) == 0) /* what was in it goes to another file now */
            return sync_folder(path, error);
        return errno == ENOENT || fail(error, log_dir, name, "cannot be removed");
    }
    if (lstat(path, &status) != 0)
        return errno == ENOENT || fail(error, log_dir, name, "cannot be looked at");
    if (!S_ISREG(status.st_mode)) {
        errno = EINVAL;
        return fail(error, log_dir, name, "is no file any more");
    }
    if (status.st_size > length ? !cut_back(path, &status, length) : !finish(path, &status))
        return fail(error, log_dir, name, "cannot be finished");
    return true;
}

/* Finishes what was left of the file whose name begins with @start, a time; the rest of that is
 * @rest. */
static bool
recover_one(const DsnSegmentOptions *options, const char *start, const char *rest, GError **error)
{
    size_t folder = strcspn(options->suffix, "/");
    struct stat status;

    if (strlen(rest) != folder || memcmp(rest, options->suffix, folder) != 0)
        return true;
    g_autofree char *path =
        g_strconcat(options->log_dir, "/", start, options->suffix + folder, NULL);
    g_autofree char *hidden = hidden_path(path);
    if (unlink(hidden) != 0 && errno != ENOENT && errno != ENOTDIR)
        return fail(error, options->log_dir, start, "cannot be removed");
    if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode) || finish(path, &status))
        return true;
    return fail(error, options->log_dir, start, "cannot be marked as finished");
}

bool
dsn_segment_file_recover(DsnSegmentFile *file, GError **error)
{
    const DsnSegmentOptions *options = file->options;
    g_autoptr(GDir) folder = g_dir_open(options->log_dir, 0, NULL);
    const char *name;
    int64_t time;
    bool good = true;

    forget(file);
    if (folder == NULL)
        return true; /* nothing was written there yet */
    while (good && (name = g_dir_read_name(folder)) != NULL) {
        const char *start = name + (name[0] == '.');
        size_t len = read_time(start, &time);

        if (len == 0)
            continue;
        file->last = MAX(file->last, time);
        good = recover_one(options, start, start + len, error);
    }
    return good;
}
