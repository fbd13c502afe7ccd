/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h - lines for the administrator
 *
 * Purpose:   one line a message or event: queue id first, then key=value in the field's words.
 * RFC:       rule SEC-01: nothing from outside can forge a line.
 * Ownership: texts are borrowed; a line owns its buffer until it is written.
 * Errors:    none: what cannot be logged is lost.
 * Threads:   any; a line is written as a whole. dsn_log_open() comes before other threads.
 *
 * Lines go through GLib's log, so that those of GLib and GMime come out in the same place, and a
 * program that never calls dsn_log_open() keeps GLib's own writer.
 */
#ifndef DSN_CORE_LOG_H
#define DSN_CORE_LOG_H

#include "mime/span.h"

#include <stdint.h>

typedef enum DsnLogTarget {
    DSN_LOG_STDERR, /* with the time, unless the journal reads it and adds its own */
    DSN_LOG_SYSLOG  /* facility mail */
} DsnLogTarget;

typedef enum DsnLogLevel {
    DSN_LOG_ERROR,   /* somebody has to act */
    DSN_LOG_WARNING, /* something went wrong and is dealt with */
    DSN_LOG_INFO,    /* what happened to a message */
    DSN_LOG_DEBUG
} DsnLogLevel;

/* Bytes of one value; more are cut with "...". */
#define DSN_LOG_VALUE_MAX ((size_t)300)

/* From now on, lines up to @level go to @target. Can be called again, by one thread at a time. */
void dsn_log_open(DsnLogTarget target, DsnLogLevel level);

/* True if a line of @level would be written: saves making it. */
bool dsn_log_wanted(DsnLogLevel level);

/* A line under construction. */
typedef struct DsnLogLine {
    GString *text;
} DsnLogLine;

/* Starts a line with "@id: "; @id is a queue or record id, NULL or empty for none. */
void dsn_log_begin(DsnLogLine *line, const char *id);

/* Adds " key=value": cleaned, cut, and quoted when it is empty or has a space, '"' or '='. An
 * absent value adds nothing. */
void dsn_log_span(DsnLogLine *line, const char *key, DsnSpan value);
void dsn_log_text(DsnLogLine *line, const char *key, const char *value);
void dsn_log_number(DsnLogLine *line, const char *key, int64_t value);

/* Writes the line, and frees it. */
void dsn_log_end(DsnLogLine *line, DsnLogLevel level);

/* A line of plain words about the program itself: "spool: ...". Control characters in it are
 * escaped as in a value. */
void dsn_log_event(DsnLogLevel level, const char *format, ...) G_GNUC_PRINTF(2, 3);

#endif
