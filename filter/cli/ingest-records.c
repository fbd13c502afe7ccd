/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/ingest-records.h"

#include <jansson.h>
#include <unistd.h>

#include "filter/cli/terminal.h"
#include "filter/intake/json-lines.h"
#include "filter/intake/segment-reader.h"

/* Bytes of a piece; one line may be longer. */
#define PIECE ((size_t)8 * 1024 * 1024)

/* Of a list, or of objects that go over several lines: all of it is one piece. */
#define WHOLE_MAX ((size_t)256 * 1024 * 1024)

struct DsnRecordFile {
    char *file;
    DsnWindow *window;
    size_t line_max;
    guint64 size;              /* of the file, 0 when not known */
    guint64 base;              /* where in the file the window began */
    guint64 line;              /* of the last line */
    size_t used;               /* bytes at the start of the window that it took */
    DsnSegmentReader *segment; /* of a compressed file, else NULL */
    bool waited;               /* its mode says that somebody may write to it */
    bool begun;                /* something was read */
    unsigned n_elements;       /* lines of the last piece that are not blank */
    guint64 first_line;        /* of the file: the first of the last piece, */
    guint64 last_line;         /* and its last */
    DsnFilePlace place;        /* behind the last whole line */
};

void
dsn_trouble_clear(gpointer data)
{
    DsnTrouble *trouble = data;

    g_free(trouble->text);
}

static void
add_trouble(const DsnRecordFile *records, GArray *troubles, guint64 line, const char *reason)
{
    const DsnTrouble trouble = {g_strdup_printf("%s, line %" G_GUINT64_FORMAT ": %s",
                                                dsn_input_name(records->file), line, reason)};

    g_array_append_val(troubles, trouble);
}

/* Adds @line, which is the one of that @number in the file: as many line ends stand before it in
 * the piece as lines of the file are between it and the first of the piece. */
static void
add_line(DsnRecordFile *records, GString *body, DsnSpan line, guint64 number)
{
    line = dsn_span_trim(line);
    if (line.len == 0)
        return;
    if (records->n_elements == 0)
        records->first_line = records->last_line = number;
    if (number - records->last_line > PIECE) /* so many blank lines cost us nothing */
        records->last_line = number - PIECE;
    for (; records->last_line < number; records->last_line++)
        g_string_append_c(body, '\n');
    g_string_append_len(body, line.data, (gssize)line.len);
    records->n_elements++;
}

/* ---- lines as they are ---- */

/* Takes the next line from the window. */
static DsnLineResult
next_line(DsnRecordFile *records, DsnSpan *ret_line, GError **error)
{
    DsnJsonLines lines = {.window = *records->window,
                          .max = records->line_max,
                          .used = records->used,
                          .line = records->line};
    DsnLineResult result = dsn_json_lines_next(&lines, ret_line, error);
    DsnSpan view = dsn_window_view(&lines.window);

    *records->window = lines.window;
    records->used = lines.used;
    records->line = lines.line;
    if (lines.used > 0 && view.data[lines.used - 1] == '\n')
        records->place =
            (DsnFilePlace){records->base + lines.window.read - (view.len - lines.used), lines.line};
    return result;
}

static bool
next_lines(DsnRecordFile *records, unsigned max, GString *body, GArray *troubles, bool *ret_more,
           GError **error)
{
    DsnSpan line;

    while (records->n_elements < max && troubles->len < max && body->len < PIECE) {
        switch (next_line(records, &line, error)) {
        case DSN_LINE_READ:
            add_line(records, body, line, records->line);
            break;
        case DSN_LINE_TOO_LONG:
            add_trouble(records, troubles, records->line, "is longer than limits.record allows");
            break;
        case DSN_LINE_END:
            *ret_more = false;
            return true;
        case DSN_LINE_FAILED:
            return false;
        }
    }
    return true;
}

/* ---- all at once ---- */

/* True if @line is the beginning of something that goes on in the next line. */
static bool
goes_on(DsnSpan line)
{
    json_error_t problem;
    json_auto_t *json = json_loadb(line.data, line.len, JSON_DECODE_ANY, &problem);

    return (line.data[0] == '[' || line.data[0] == '{') && json == NULL &&
           json_error_code(&problem) == json_error_premature_end_of_input;
}

/* Takes what is left in the window. */
static bool
take_rest(DsnRecordFile *records, GString *body, GError **error)
{
    DsnWindow *window = records->window;

    dsn_window_drop(window, records->used);
    records->used = 0;
    for (;;) {
        DsnSpan view = dsn_window_view(window);

        g_string_append_len(body, view.data, (gssize)view.len);
        dsn_window_drop(window, view.len);
        if (body->len > WHOLE_MAX) {
            g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC,
                        "is no file of lines, and too long to be read at once; \"jq -c .\" (of a "
                        "list: \"jq -c '.[]'\") makes lines of it");
            return false;
        }
        if (window->ended)
            return true;
        if (!dsn_window_more(window, error))
            return false;
    }
}

/* The first piece tells what kind of file it is. */
static bool
first_piece(DsnRecordFile *records, unsigned max, GString *body, GArray *troubles, bool *ret_more,
            GError **error)
{
    DsnSpan line;
    DsnLineResult result = next_line(records, &line, error);

    if (result == DSN_LINE_FAILED)
        return false;
    *ret_more = result != DSN_LINE_END;
    if (result == DSN_LINE_TOO_LONG)
        add_trouble(records, troubles, records->line, "is longer than limits.record allows");
    if (result == DSN_LINE_READ && goes_on(line)) {
        add_line(records, body, line, records->line);
        g_string_append_c(body, '\n');
        *ret_more = false;
        if (!take_rest(records, body, error))
            return false;
        records->place = (DsnFilePlace){0}; /* it may go on where no line ends */
        return true;
    }
    if (result == DSN_LINE_READ)
        add_line(records, body, line, records->line);
    return !*ret_more || next_lines(records, max, body, troubles, ret_more, error);
}

/* ---- segments ---- */

/* The end of a file that has no line end: the end of a line that is being written, or a line. */
static void
add_tail(DsnRecordFile *records, GString *body, DsnSpan line, GArray *troubles)
{
    guint64 number = dsn_segment_reader_lines(records->segment) + 1;
    json_auto_t *json = json_loadb(line.data, line.len, 0, NULL);

    if (json != NULL)
        add_line(records, body, line, number);
    else
        add_trouble(records, troubles, number,
                    "ends within a record: it is being written, or was cut off");
}

/* True unless an earlier run has met the line of that @number. */
static bool
is_new(DsnRecordFile *records, guint64 number)
{
    if (number <= records->line)
        return false;
    records->line = number;
    records->place = (DsnFilePlace){number, number};
    return true;
}

/* False when there is no more. */
static bool
next_event(DsnRecordFile *records, GString *body, GArray *troubles, bool *ret_more, GError **error)
{
    DsnSegmentReader *segment = records->segment;
    DsnSpan line;
    guint64 before = dsn_segment_reader_lines(segment);
    DsnSegmentEvent event = dsn_segment_reader_next(segment, &line, error);
    guint64 number = dsn_segment_reader_lines(segment);

    switch (event) {
    case DSN_SEGMENT_LINE:
        if (is_new(records, number))
            add_line(records, body, line, number);
        return true;
    case DSN_SEGMENT_TAIL:
        add_tail(records, body, line, troubles);
        return true;
    case DSN_SEGMENT_TOO_LONG:
        if (number == before || is_new(records, number)) /* without its end it is not counted */
            add_trouble(records, troubles, before + 1, "is longer than limits.record allows");
        return true;
    case DSN_SEGMENT_DAMAGED:
        add_trouble(records, troubles, number + 1,
                    records->waited
                        ? "the file ends within a frame: it is being written, or was cut off"
                        : "the file is damaged here; what can be read behind it is taken");
        return true;
    case DSN_SEGMENT_WAIT:
        records->waited = true;
        dsn_segment_reader_finish(segment);
        return true;
    case DSN_SEGMENT_END:
        *ret_more = false;
        return false;
    case DSN_SEGMENT_FAILED:
        break;
    }
    return false;
}

static bool
next_of_segment(DsnRecordFile *records, unsigned max, GString *body, GArray *troubles,
                bool *ret_more, GError **error)
{
    g_autoptr(GError) problem = NULL;

    while (records->n_elements < max && troubles->len < max && body->len < PIECE &&
           next_event(records, body, troubles, ret_more, &problem))
        ;
    /* So that the window tells how far the file is. */
    records->window->read = dsn_segment_reader_offset(records->segment);
    if (problem == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

/* ---- all of it ---- */

/* Begins where @place says, behind a line end. */
static bool
resume(DsnRecordFile *records, const DsnFilePlace *place)
{
    DsnWindow *window = records->window;

    if (place->at == 0)
        return false;
    if (records->segment != NULL) {
        records->line = place->at;
        records->place = *place;
        return true;
    }
    if (records->size < place->at || !dsn_file_has(window->fd, place->at - 1, "\n", 1) ||
        lseek(window->fd, (off_t)place->at, SEEK_SET) != (off_t)place->at)
        return false;
    dsn_window_reset(window, window->fd, records->size - place->at);
    records->begun = true;
    records->base = place->at;
    records->line = place->number;
    records->place = *place;
    return true;
}

DsnRecordFile *
dsn_record_file_open(const char *file, DsnWindow *window, size_t line_max,
                     const DsnFilePlace *place, bool *ret_resumed, GError **error)
{
    static const char magic[] = {'\x28', '\xb5', '\x2f', '\xfd'};
    g_autoptr(DsnRecordFile) records = g_new0(DsnRecordFile, 1);
    DsnSpan view = dsn_window_view(window);

    records->file = g_strdup(file);
    records->window = window;
    records->line_max = line_max;
    records->size = window->size;
    if (view.len >= sizeof(magic) && memcmp(view.data, magic, sizeof(magic)) == 0) {
        if (window->size == 0) {
            g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                        "is compressed, and no file; \"zstd -dc FILE\" gives what can be read "
                        "here");
            return NULL;
        }
        records->segment =
            dsn_segment_reader_open(strcmp(file, "-") == 0 ? "/dev/stdin" : file, line_max, error);
        if (records->segment == NULL)
            return NULL;
    }
    *ret_resumed = resume(records, place);
    return g_steal_pointer(&records);
}

void
dsn_record_file_free(DsnRecordFile *records)
{
    if (records == NULL)
        return;
    dsn_segment_reader_free(records->segment);
    g_free(records->file);
    g_free(records);
}

bool
dsn_record_file_next(DsnRecordFile *records, unsigned max, GString *body, GArray *troubles,
                     bool *ret_more, GError **error)
{
    bool first = !records->begun;

    records->begun = true;
    *ret_more = true;
    g_string_truncate(body, 0);
    records->n_elements = 0;
    if (records->segment != NULL)
        return next_of_segment(records, max, body, troubles, ret_more, error);
    if (first)
        return first_piece(records, max, body, troubles, ret_more, error);
    return next_lines(records, max, body, troubles, ret_more, error);
}

char *
dsn_record_file_place(const DsnRecordFile *records)
{
    guint64 read = records->segment != NULL ? records->window->size : records->place.at;

    if (records->place.at == 0)
        return NULL;
    return dsn_file_place_to_text(&records->place, records->window->fd, read);
}

guint64
dsn_record_file_line(const DsnRecordFile *records)
{
    return records->first_line;
}
