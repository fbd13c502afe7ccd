/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment-file.h - log segments, as KumoMTA's tailers and zstdcat read them
 *
 * Purpose:   append lines to a zstd file that is whole after each append, and change to the next
 *            one by size and time.
 * Source:    kumo.configure_local_logs; RFC 8878.
 * Ownership: a file owns its names and descriptor; lines are borrowed.
 * Errors:    G_FILE_ERROR with the path. Nothing is lost: return to the place that was kept, and
 *            append again.
 * Threads:   one thread at a time.
 *
 * A name is the time at which the file was started, in UTC with six digits of a second, and a
 * suffix that may begin with sub-folders. A later file has a name that comes behind in the order of
 * bytes, also when the clock was set back by less than a day. A finished file has no write bit.
 * Each append is one frame with a checksum, so that the file can be read to its end at any time.
 * The place, name and length, is kept by the owner: what lies behind it was not done with, and is
 * cut off after a crash, before the same lines are appended again.
 */
#ifndef DSN_OUTLET_SEGMENT_FILE_H
#define DSN_OUTLET_SEGMENT_FILE_H

#include "mime/span.h"

#include <glib.h>
#include <stdint.h>

typedef struct DsnSegmentOptions {
    char *log_dir;
    char *suffix;
    uint64_t max_file_size; /* bytes before compression after which a file is finished */
    GTimeSpan max_duration; /* after which it is, too; 0: never */
    int level;              /* of compression; 0: zstd's own */
} DsnSegmentOptions;

typedef struct DsnSegmentFile DsnSegmentFile;

/* @options are borrowed. Nothing is opened yet. */
DsnSegmentFile *dsn_segment_file_new(const DsnSegmentOptions *options);

/* Leaves the file as it is, unfinished. */
void dsn_segment_file_free(DsnSegmentFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnSegmentFile, dsn_segment_file_free)

/* Starts a new file, if none is open; @now in unix microseconds. Its place is to be kept before the
 * first append. It begins with @header as it is (NULL: nothing; borrowed until then). */
bool dsn_segment_file_open(DsnSegmentFile *file, int64_t now, const char *header, GError **error);

/* Appends @lines, which all end in a line feed, to the open file in a frame of their own; they are
 * on the disk then. */
bool dsn_segment_file_append(DsnSegmentFile *file, DsnSpan lines, GError **error);

/* Bytes until the file, or a new one, is large enough. */
uint64_t dsn_segment_file_room(const DsnSegmentFile *file);

/* Finishes the file if it is large or old enough, or in any case if @anyway. */
bool dsn_segment_file_turn(DsnSegmentFile *file, int64_t now, bool anyway, GError **error);

/* When it will be old enough, in unix microseconds; INT64_MAX: not by time. */
int64_t dsn_segment_file_due(const DsnSegmentFile *file);

/* Where the next frame goes: the path below log_dir, NULL when none is open (transfer none), and
 * its length in bytes. */
const char *dsn_segment_file_place(const DsnSegmentFile *file, int64_t *ret_length);

/* Cuts the file @name below @log_dir back to @length, if it is longer, and marks it finished, or
 * removes it if nothing is left; one that is gone is no error. */
bool dsn_segment_file_settle(const char *log_dir, const char *name, int64_t length, GError **error);

/* Leaves the file that is open as it is, and marks all those finished that have names as it could
 * have had, in this folder and with this suffix. What never got its first frame is removed. */
bool dsn_segment_file_recover(DsnSegmentFile *file, GError **error);

#endif
