/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment-reader.h - the lines of one log segment, while it is being written
 *
 * Purpose:   read a zstd file of lines as far as it goes, and go on when there is more; what is
 *            damaged or too long costs itself only.
 * Source:    RFC 8878; kumo.configure_local_logs: a segment is finished when no write bit is set.
 * Ownership: a line is borrowed until the next call.
 * Errors:    G_FILE_ERROR when the file cannot be read; damage is no error but an event.
 * Threads:   one reader is used by one thread at a time.
 */
#ifndef DSN_INTAKE_SEGMENT_READER_H
#define DSN_INTAKE_SEGMENT_READER_H

#include "mime/span.h"

#include <stdint.h>

typedef struct DsnSegmentReader DsnSegmentReader;

typedef enum DsnSegmentEvent {
    DSN_SEGMENT_LINE,
    DSN_SEGMENT_TAIL,     /* what stands behind the last line end of a finished file */
    DSN_SEGMENT_TOO_LONG, /* a line of more than the maximum, or such a tail, has been passed */
    DSN_SEGMENT_DAMAGED,  /* from here on up to the next frame, or the end, nothing can be read */
    DSN_SEGMENT_WAIT,     /* that is all for now */
    DSN_SEGMENT_END,
    DSN_SEGMENT_FAILED
} DsnSegmentEvent;

/* Opens @path; a line may have @line_max bytes. Returns a new reader (transfer full) or NULL. */
DsnSegmentReader *dsn_segment_reader_open(const char *path, size_t line_max, GError **error);
void dsn_segment_reader_free(DsnSegmentReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnSegmentReader, dsn_segment_reader_free)

/* The next thing in the file. *@ret_line is the line without its end, for the first two events.
 * After DSN_SEGMENT_WAIT it can be asked again. */
DsnSegmentEvent dsn_segment_reader_next(DsnSegmentReader *reader, DsnSpan *ret_line,
                                        GError **error);

/* Nobody writes to the file any more, whatever its mode says. */
void dsn_segment_reader_finish(DsnSegmentReader *reader);

/* How many line ends have been passed: the number of lines before the next one. Those that were too
 * long count, those lost in damage do not. */
uint64_t dsn_segment_reader_lines(const DsnSegmentReader *reader);

/* Where in the file it has got to, in bytes; with DSN_SEGMENT_DAMAGED where the damage shows. */
uint64_t dsn_segment_reader_offset(const DsnSegmentReader *reader);

/* The bytes of memory that it holds. */
size_t dsn_segment_reader_memory(const DsnSegmentReader *reader);

#endif
