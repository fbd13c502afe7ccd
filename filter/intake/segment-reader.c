/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/segment-reader.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

/* A block of a frame has no more than 128 KiB on either side (RFC 8878 section 3.1.1.2.4). */
#define INPUT_SIZE ((size_t)256 * 1024)
#define OUTPUT_STEP ((size_t)128 * 1024)
#define FRAME_START 5 /* bytes of a frame that tell how many more its header has */
#define BLOCK_HEADER 3

struct DsnSegmentReader {
    int fd;
    ZSTD_DStream *stream;
    size_t line_max;
    uint64_t lines;
    uint64_t read_offset; /* of what follows the input */
    size_t wanted;        /* bytes that the decoder can do something with: one block */
    bool finished;        /* nothing more is written to it */
    bool in_frame;        /* the frame is not at its end */
    bool at_header;       /* that of a block is what is wanted */
    bool lost;            /* the start of the next frame is being looked for */
    bool overlong;        /* the rest of a line that was too long comes first */
    char *input;
    size_t input_at, input_end;
    char *output;
    size_t output_size, output_at, output_end;
    size_t
        searched; /* of what is between output_at and output_end there is no line end in so much */
};

static void
set_error(GError **error, const char *what)
{
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno), "%s: %s", what,
                g_strerror(errno));
}

DsnSegmentReader *
dsn_segment_reader_open(const char *path, size_t line_max, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        if (fd >= 0 && !S_ISREG(status.st_mode))
            errno = EINVAL;
        set_error(error, "cannot be opened");
        if (fd >= 0)
            (void)close(fd);
        return NULL;
    }
    DsnSegmentReader *reader = g_new0(DsnSegmentReader, 1);
    reader->fd = fd;
    reader->stream = ZSTD_createDStream();
    reader->line_max = line_max;
    reader->input = g_malloc(INPUT_SIZE);
    reader->wanted = FRAME_START;
    reader->output_size = 2 * OUTPUT_STEP;
    reader->output = g_malloc(reader->output_size);
    return reader;
}

void
dsn_segment_reader_free(DsnSegmentReader *reader)
{
    if (reader == NULL)
        return;
    (void)close(reader->fd);
    (void)ZSTD_freeDStream(reader->stream);
    g_free(reader->input);
    g_free(reader->output);
    g_free(reader);
}

void
dsn_segment_reader_finish(DsnSegmentReader *reader)
{
    reader->finished = true;
}

uint64_t
dsn_segment_reader_lines(const DsnSegmentReader *reader)
{
    return reader->lines;
}

uint64_t
dsn_segment_reader_offset(const DsnSegmentReader *reader)
{
    return reader->read_offset - (reader->input_end - reader->input_at);
}

size_t
dsn_segment_reader_memory(const DsnSegmentReader *reader)
{
    return ZSTD_sizeof_DStream(reader->stream) + INPUT_SIZE + reader->output_size;
}

/* ---- bytes in ---- */

typedef enum Fill { FILL_MORE, FILL_WAIT, FILL_END, FILL_FAILED, FILL_DAMAGED } Fill;

/* Whether nobody writes to the file any more must be known before the read that finds no more. */
static Fill
read_input(DsnSegmentReader *reader, GError **error)
{
    struct stat status;
    ssize_t n;

    if (fstat(reader->fd, &status) != 0) {
        set_error(error, "cannot be examined");
        return FILL_FAILED;
    }
    memmove(reader->input, reader->input + reader->input_at, reader->input_end - reader->input_at);
    reader->input_end -= reader->input_at;
    reader->input_at = 0;
    do
        n = read(reader->fd, reader->input + reader->input_end, INPUT_SIZE - reader->input_end);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        set_error(error, "cannot be read");
        return FILL_FAILED;
    }
    reader->input_end += (size_t)n;
    reader->read_offset += (uint64_t)n;
    if (n > 0)
        return FILL_MORE;
    return reader->finished || (status.st_mode & 0222) == 0 ? FILL_END : FILL_WAIT;
}

/* Skips to what looks like the start of a frame: what follows tells whether it is one. False when
 * more input is needed. */
static bool
find_frame(DsnSegmentReader *reader)
{
    static const char magic[] = {'\x28', '\xb5', '\x2f', '\xfd'};
    const char *start = reader->input + reader->input_at;
    size_t len = reader->input_end - reader->input_at;
    const char *found = memmem(start, len, magic, sizeof(magic));

    if (found == NULL) {
        reader->input_at += len - MIN(len, sizeof(magic) - 1);
        return false;
    }
    reader->input_at += (size_t)(found - start);
    reader->lost = false;
    return true;
}

/* Makes room in the output for a block. What a line may have bounds its size. */
static void
make_room(DsnSegmentReader *reader)
{
    size_t kept = reader->output_end - reader->output_at;

    if (reader->output_size - reader->output_end >= OUTPUT_STEP)
        return;
    if (kept > 0)
        memmove(reader->output, reader->output + reader->output_at, kept);
    reader->output_at = 0;
    reader->output_end = kept;
    if (reader->output_size - kept < OUTPUT_STEP) {
        reader->output_size = 2 * kept + 4 * OUTPUT_STEP;
        reader->output = g_realloc(reader->output, reader->output_size);
    }
}

/* What was decoded stays up to its last line end. */
static void
lose_frame(DsnSegmentReader *reader)
{
    (void)ZSTD_DCtx_reset(reader->stream, ZSTD_reset_session_only);
    if (!reader->in_frame && reader->input_at < reader->input_end)
        reader->input_at++; /* no frame begins here */
    reader->wanted = FRAME_START;
    reader->in_frame = reader->at_header = false;
    reader->lost = true;
    reader->overlong = false;
    reader->output_at = reader->output_end;
    reader->searched = 0;
}

/* Decodes a block, so that one that is damaged takes no other with it, and its input is still there
 * to look for the next frame in: its length may be what is wrong. The decoder would like to have
 * the header of the block behind it at once, which may be long in coming. */
static Fill
decode(DsnSegmentReader *reader)
{
    size_t len = MIN(reader->wanted, reader->input_end - reader->input_at);
    ZSTD_inBuffer in = {reader->input, reader->input_at + len, reader->input_at};
    bool start = !reader->in_frame, header = reader->at_header;
    bool last = header && (reader->input[reader->input_at] & 1) != 0;

    make_room(reader);
    ZSTD_outBuffer out = {reader->output, reader->output_size, reader->output_end};
    size_t left = ZSTD_decompressStream(reader->stream, &out, &in);
    if (ZSTD_isError(left))
        return FILL_DAMAGED;
    reader->input_at = in.pos;
    reader->output_end = out.pos;
    reader->in_frame = left != 0;
    if (left > BLOCK_HEADER && (start || (header && !last)))
        left -= BLOCK_HEADER;
    reader->at_header = left == BLOCK_HEADER && !start && !header;
    reader->wanted = left == 0 ? FRAME_START : MIN(left, INPUT_SIZE);
    return FILL_MORE;
}

/* Gets more output, if there is more. */
static Fill
fill(DsnSegmentReader *reader, GError **error)
{
    size_t before = reader->output_end - reader->output_at;
    Fill result = FILL_MORE;

    while (result == FILL_MORE && reader->output_end - reader->output_at == before) {
        if (reader->lost && !find_frame(reader))
            result = read_input(reader, error);
        else if (reader->input_end - reader->input_at < reader->wanted)
            result = read_input(reader, error);
        else
            result = decode(reader);
    }
    return result;
}

/* ---- lines out ---- */

/* The next line that is whole, or the end of one that was too long; false if there is none. */
static bool
take_line(DsnSegmentReader *reader, DsnSpan *ret_line, DsnSegmentEvent *ret_event)
{
    const char *start = reader->output + reader->output_at;
    size_t len = reader->output_end - reader->output_at;
    const char *end = len == reader->searched
                          ? NULL
                          : memchr(start + reader->searched, '\n', len - reader->searched);
    size_t found = end == NULL ? len : (size_t)(end - start);

    reader->searched = len;
    if (end == NULL) {
        reader->overlong = reader->overlong || len > reader->line_max;
        if (reader->overlong) { /* no more of it is kept */
            reader->output_at = reader->output_end;
            reader->searched = 0;
        }
        return false;
    }
    bool overlong = reader->overlong || found > reader->line_max;
    reader->overlong = false;
    reader->output_at += found + 1;
    reader->searched = 0;
    reader->lines++;
    *ret_line = overlong ? DSN_SPAN_ABSENT : (DsnSpan){start, found};
    *ret_event = overlong ? DSN_SEGMENT_TOO_LONG : DSN_SEGMENT_LINE;
    return true;
}

/* At the end of a finished file: one that was cut off, as by a crash, ends inside a frame; or a
 * damaged block seems to be longer than it is, and frames follow. */
static DsnSegmentEvent
take_end(DsnSegmentReader *reader, DsnSpan *ret_line)
{
    size_t len = reader->output_end - reader->output_at;
    bool cut = reader->in_frame || reader->input_at < reader->input_end;

    if (reader->overlong) {
        reader->overlong = false;
        return DSN_SEGMENT_TOO_LONG;
    }
    if (len > 0) {
        *ret_line = (DsnSpan){reader->output + reader->output_at, len};
        reader->output_at = reader->output_end;
        reader->searched = 0;
        return DSN_SEGMENT_TAIL;
    }
    if (cut && !reader->lost) {
        lose_frame(reader);
        return DSN_SEGMENT_DAMAGED;
    }
    return DSN_SEGMENT_END;
}

DsnSegmentEvent
dsn_segment_reader_next(DsnSegmentReader *reader, DsnSpan *ret_line, GError **error)
{
    DsnSegmentEvent event;

    *ret_line = DSN_SPAN_ABSENT;
    while (!take_line(reader, ret_line, &event)) {
        switch (fill(reader, error)) {
        case FILL_MORE:
            break;
        case FILL_WAIT:
            return DSN_SEGMENT_WAIT;
        case FILL_END:
            return take_end(reader, ret_line);
        case FILL_FAILED:
            return DSN_SEGMENT_FAILED;
        case FILL_DAMAGED:
            lose_frame(reader);
            return DSN_SEGMENT_DAMAGED;
        }
    }
    return event;
}
