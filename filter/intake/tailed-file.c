/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/tailed-file.h"

#include "filter/core/json-load.h"
#include "filter/core/log.h"
#include "filter/core/record.h"

#include <string.h>

DsnTailedFile *
dsn_tailed_file_new(const char *path, const char *tailer, DsnMetrics *metrics)
{
    DsnTailedFile *file = g_new0(DsnTailedFile, 1);

    file->path = g_strdup(path);
    file->tailer = tailer;
    file->metrics = metrics;
    return file;
}

void
dsn_tailed_file_free(DsnTailedFile *file)
{
    if (file == NULL)
        return;
    dsn_tailed_file_close(file);
    g_free(file->path);
    g_free(file);
}

void
dsn_tailed_file_close(DsnTailedFile *file)
{
    g_clear_pointer(&file->reader, dsn_segment_reader_free);
}

/* Passes @lines lines; false if there are not so many, or with @error. */
static bool
pass_lines(DsnTailedFile *file, uint64_t lines, const gint *stopping, GError **error)
{
    DsnSpan line;
    DsnSegmentEvent event = DSN_SEGMENT_LINE;

    while (dsn_segment_reader_lines(file->reader) < lines && event != DSN_SEGMENT_WAIT &&
           event != DSN_SEGMENT_END && event != DSN_SEGMENT_FAILED &&
           g_atomic_int_get(stopping) == 0)
        event = dsn_segment_reader_next(file->reader, &line, error);
    return event != DSN_SEGMENT_WAIT && event != DSN_SEGMENT_END && event != DSN_SEGMENT_FAILED;
}

bool
dsn_tailed_file_open(DsnTailedFile *file, size_t line_max, uint64_t *lines, const gint *stopping,
                     GError **error)
{
    g_autoptr(GError) failure = NULL;

    file->reader = dsn_segment_reader_open(file->path, line_max, error);
    if (file->reader == NULL || pass_lines(file, *lines, stopping, &failure))
        return file->reader != NULL;
    uint64_t there = dsn_segment_reader_lines(file->reader);
    dsn_tailed_file_close(file);
    if (failure != NULL) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    dsn_log_event(DSN_LOG_WARNING,
                  "tailer %s: %s has %" G_GUINT64_FORMAT " lines, but %" G_GUINT64_FORMAT
                  " were read: it is another, and is read from its first line on",
                  file->tailer, file->path, there, *lines);
    *lines = 0;
    file->reader = dsn_segment_reader_open(file->path, line_max, error);
    return file->reader != NULL;
}

uint64_t
dsn_tailed_file_line(const DsnTailedFile *file)
{
    return dsn_segment_reader_lines(file->reader);
}

/* ---- records among lines ---- */

DsnSpan
dsn_tailed_record(DsnSpan line, bool first)
{
    DsnRecordKeys keys;
    size_t start = 0;

    while (start < line.len && dsn_is_space(line.data[start]))
        start++;
    if (start < line.len && line.data[start] == '{')
        return dsn_span_from(line, start);
    const char *brace = first ? memchr(line.data, '{', line.len) : NULL;
    if (brace == NULL)
        return DSN_SPAN_ABSENT;
    DsnSpan rest = dsn_span_from(line, (size_t)(brace - line.data));
    return dsn_record_scan(rest, &keys) && dsn_span_present(keys.type) ? rest : DSN_SPAN_ABSENT;
}

/* ---- what is none ---- */

static void
meet_flaw(DsnTailedFile *file, DsnFlaw flaw)
{
    static const DsnCounter counters[DSN_N_FLAWS] = {
        [DSN_FLAW_NO_RECORD] = DSN_COUNT_TAILER_NO_RECORD,
        [DSN_FLAW_TOO_LONG] = DSN_COUNT_TAILER_TOO_LONG,
        [DSN_FLAW_CUT_OFF] = DSN_COUNT_TAILER_CUT_OFF,
        [DSN_FLAW_DAMAGED] = DSN_COUNT_TAILER_DAMAGED,
    };
    uint64_t line = dsn_tailed_file_line(file);

    dsn_metrics_add(file->metrics, counters[flaw], 1);
    if (file->flaws[flaw]++ > 0)
        return;
    if (flaw == DSN_FLAW_NO_RECORD)
        file->no_record = line;
    else if (flaw == DSN_FLAW_TOO_LONG)
        dsn_log_event(DSN_LOG_WARNING,
                      "tailer %s: %s line %" G_GUINT64_FORMAT
                      " is longer than line_max, and was left out",
                      file->tailer, file->path, line);
    else if (flaw == DSN_FLAW_CUT_OFF)
        dsn_log_event(DSN_LOG_WARNING,
                      "tailer %s: %s ends in the middle of line %" G_GUINT64_FORMAT
                      ", as after a crash of its writer: that line is lost",
                      file->tailer, file->path, line + 1);
    else
        dsn_log_event(DSN_LOG_WARNING,
                      "tailer %s: %s is damaged or cut off at byte %" G_GUINT64_FORMAT
                      ", behind line %" G_GUINT64_FORMAT
                      ": what comes before the next frame of it is lost",
                      file->tailer, file->path, dsn_segment_reader_offset(file->reader), line);
}

/* Once for a file. */
static void
tell_no_record(DsnTailedFile *file)
{
    guint64 n = file->flaws[DSN_FLAW_NO_RECORD];

    if (n == 0 || file->told)
        return;
    file->told = true;
    dsn_log_event(DSN_LOG_INFO,
                  "tailer %s: %s: %" G_GUINT64_FORMAT " %s no record, as a template or a header "
                  "makes them, and %s left alone; the first is line %" G_GUINT64_FORMAT,
                  file->tailer, file->path, n, n == 1 ? "line is" : "lines are",
                  n == 1 ? "was" : "were", file->no_record);
}

static void
tell_at_end(const DsnTailedFile *file)
{
    guint64 too_long = file->flaws[DSN_FLAW_TOO_LONG], damaged = file->flaws[DSN_FLAW_DAMAGED];

    if (too_long > 1 || damaged > 1)
        dsn_log_event(DSN_LOG_WARNING,
                      "tailer %s: %s had %" G_GUINT64_FORMAT
                      " damaged places and %" G_GUINT64_FORMAT " lines longer than line_max",
                      file->tailer, file->path, damaged, too_long);
}

static bool
is_whole(DsnSpan record)
{
    json_auto_t *value = dsn_json_load(record, NULL);

    return json_is_object(value);
}

DsnSegmentEvent
dsn_tailed_file_next(DsnTailedFile *file, DsnSpan *ret_record, GError **error)
{
    DsnSpan line;
    DsnSegmentEvent event = dsn_segment_reader_next(file->reader, &line, error);

    *ret_record = DSN_SPAN_ABSENT;
    switch (event) {
    case DSN_SEGMENT_LINE:
    case DSN_SEGMENT_TAIL: {
        bool tail = event == DSN_SEGMENT_TAIL;
        uint64_t first = tail ? 0 : 1;

        *ret_record = dsn_tailed_record(line, dsn_tailed_file_line(file) == first);
        if (!dsn_span_present(*ret_record)) {
            meet_flaw(file, DSN_FLAW_NO_RECORD);
        } else if (tail && !is_whole(*ret_record)) {
            meet_flaw(file, DSN_FLAW_CUT_OFF);
            *ret_record = DSN_SPAN_ABSENT;
        } else {
            dsn_metrics_add(file->metrics, DSN_COUNT_TAILER_RECORD, 1);
        }
        break;
    }
    case DSN_SEGMENT_TOO_LONG:
        meet_flaw(file, DSN_FLAW_TOO_LONG);
        break;
    case DSN_SEGMENT_DAMAGED:
        meet_flaw(file, DSN_FLAW_DAMAGED);
        break;
    case DSN_SEGMENT_WAIT:
        tell_no_record(file);
        break;
    case DSN_SEGMENT_END:
        tell_no_record(file);
        tell_at_end(file);
        break;
    case DSN_SEGMENT_FAILED:
        break;
    }
    return event;
}
