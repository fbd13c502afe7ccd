/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/segments.h"

#include "filter/core/json-writer.h"
#include "filter/core/option-value.h"
#include "filter/core/record-form.h"
#include "filter/core/retry.h"
#include "filter/outlet/segment-file.h"

#include <errno.h>
#include <gio/gio.h>
#include <sys/statvfs.h>

/* Of one batch, which costs two commits and a frame for each file. */
#define BATCH_RECORDS 5000
#define BATCH_BYTES ((size_t)8 << 20)
/* How long to wait for a record; a stop waits no longer than this. */
#define WAIT (500 * G_TIME_SPAN_MILLISECOND)
/* Between two batches: what comes in the meantime shares a frame. */
#define PAUSE (200 * G_TIME_SPAN_MILLISECOND)
/* Between two lines about records that a template or filter fails at. */
#define FAULTS_PAUSE (60 * G_TIME_SPAN_SECOND)

/* What records of some types go into. */
typedef struct Target {
    DsnSegmentOptions options;
    DsnSegmentFile *file;
    const char *header; /* of the type whose line is the first one below */
    GString *lines;     /* of this batch */
    GArray *positions;  /* of int64_t: theirs */
} Target;

typedef struct Route {
    Target *target; /* NULL: records of this type are not written */
    char *header;   /* what a file begins with that a record of this type has opened */
} Route;

struct DsnSegments {
    DsnSpool *spool;
    DsnMetrics *metrics;
    char *name;
    char *outlet;
    size_t min_free_space, min_free_inodes;
    DsnForm *form;
    GPtrArray *targets; /* of Target */
    Route routes[DSN_N_RECORD_TYPES];
    char *note;   /* that was kept last, NULL: none */
    bool settled; /* nothing of ours lies behind the places in it */
    DsnRetry retry;
    guint64 faults;   /* records left out since one was logged */
    gint64 faults_at; /* when the next one is; monotonic */
    GThread *thread;
    GMutex lock;
    GCond wake;
    bool stopping; /* under @lock */
};

static void
target_free(gpointer data)
{
    Target *target = data;

    dsn_segment_file_free(target->file);
    (void)g_string_free(target->lines, TRUE);
    g_array_unref(target->positions);
    g_free(target->options.log_dir);
    g_free(target->options.suffix);
    g_free(target);
}

/* ---- the note ---- */

/* The places of all files that are open: {"files":[["/log/dir","name",length],...]}. */
static char *
write_note(const DsnSegments *segments)
{
    json_auto_t *files = json_array(), *note = json_object();

    for (guint i = 0; i < segments->targets->len; i++) {
        const Target *target = segments->targets->pdata[i];
        int64_t length;
        const char *name = dsn_segment_file_place(target->file, &length);

        if (name != NULL)
            json_array_append_new(
                files, json_pack("[s, s, I]", target->options.log_dir, name, (json_int_t)length));
    }
    json_object_set(note, "files", files);
    GString *text = g_string_new(NULL);
    dsn_json_tree(text, note);
    return g_string_free(text, FALSE);
}

/* Cuts off what lies behind the places that were kept. New files are begun then. */
static bool
settle(DsnSegments *segments, GError **error)
{
    json_auto_t *note = segments->note == NULL ? NULL : json_loads(segments->note, 0, NULL);
    const json_t *files = json_object_get(note, "files"), *file;
    const char *log_dir, *name;
    json_int_t length;
    size_t i;

    json_array_foreach(files, i, file)
    {
        if (json_unpack((json_t *)file, "[s, s, I]", &log_dir, &name, &length) == 0 &&
            !dsn_segment_file_settle(log_dir, name, length, error))
            return false;
    }
    for (guint j = 0; j < segments->targets->len; j++) {
        if (!dsn_segment_file_recover(((Target *)segments->targets->pdata[j])->file, error))
            return false;
    }
    segments->settled = true;
    return true;
}

/* What was written, for dsn_spool_hand_on() (transfer full); the texts are in @texts. */
static GArray *
make_handed_on(const DsnSegments *segments, GPtrArray *texts)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(DsnHandedOn));

    for (guint i = 0; i < segments->targets->len; i++) {
        const Target *target = segments->targets->pdata[i];
        int64_t length;
        const char *name = dsn_segment_file_place(target->file, &length);
        g_autofree char *path =
            g_build_filename(target->options.log_dir, name == NULL ? "" : name, NULL);
        GString *text = g_string_new(NULL);

        dsn_json_key(text, "event");
        (void)dsn_json_string(text, DSN_SPAN_LITERAL("sent"));
        dsn_json_key(text, "file");
        (void)dsn_json_string(text, dsn_span(path)); /* what is not UTF-8 is replaced */
        g_ptr_array_add(texts, g_string_free(text, FALSE));
        const DsnHandedOn one = {(const int64_t *)(const void *)target->positions->data,
                                 target->positions->len, texts->pdata[i]};
        g_array_append_val(all, one);
    }
    return all;
}

/* Moves the place in the stream behind @position, and with it those in the files. @written: with
 * the lines of this batch. */
static bool
keep_places(DsnSegments *segments, int64_t position, bool written, GError **error)
{
    g_autofree char *note = write_note(segments);
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GArray) all = written ? make_handed_on(segments, texts) : NULL;

    if (!dsn_spool_hand_on(
            segments->spool, segments->outlet,
            &(const DsnAdvance){.position = position, .note = note, .handed_on = all}, error))
        return false;
    g_free(segments->note);
    segments->note = g_steal_pointer(&note);
    return true;
}

/* ---- a batch ---- */

/* True if @wanted, or that share of @all, is free; @unit: how many one of them is. */
static bool
is_left(fsblkcnt_t available, fsblkcnt_t all, size_t unit, size_t wanted)
{
    if ((wanted & DSN_OPTION_SHARE) != 0)
        return available >= all / 100 * (wanted & ~DSN_OPTION_SHARE);
    return available >= wanted / unit;
}

/* Some file systems have no number of inodes. */
static bool
check_space(const DsnSegments *segments, const Target *target, GError **error)
{
    struct statvfs facts;
    const char *scarce = NULL;

    if (statvfs(target->options.log_dir, &facts) != 0)
        return true; /* it is not there yet, or says more clearly what is wrong when it is made */
    if (!is_left(facts.f_bavail, facts.f_blocks, facts.f_frsize, segments->min_free_space))
        scarce = "min_free_space";
    else if (facts.f_files > 0 &&
             !is_left(facts.f_favail, facts.f_files, 1, segments->min_free_inodes))
        scarce = "min_free_inodes";
    if (scarce == NULL)
        return true;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC, "%s: less than %s is free",
                target->options.log_dir, scarce);
    return false;
}

/* One line a minute says so, and how many there were. */
static void
tell_fault(DsnSegments *segments, const GError *error)
{
    gint64 now = g_get_monotonic_time();

    dsn_metrics_add(segments->metrics, DSN_COUNT_SEGMENT_FAULTS, 1);
    segments->faults++;
    if (now < segments->faults_at)
        return;
    dsn_log_event(DSN_LOG_ERROR,
                  "segments %s: a record is left out (%" G_GUINT64_FORMAT
                  " since this was last said): %s",
                  segments->name, segments->faults, error->message);
    segments->faults = 0;
    segments->faults_at = now + FAULTS_PAUSE;
}

/* Appends the line of @record to those of its target. Returns the bytes that this took. A record
 * that cannot be formed is lost to this outlet. */
static size_t
sort_line(DsnSegments *segments, const DsnStreamRecord *record)
{
    const Route *route = &segments->routes[record->type];
    Target *target = route->target;
    g_autoptr(GError) error = NULL;
    gsize size;
    const char *json = g_bytes_get_data(record->json, &size);
    size_t before = target->lines->len;

    switch (dsn_form_write(segments->form, record->type, (DsnSpan){json, size}, target->lines,
                           &error)) {
    case DSN_FORMED:
        if (target->positions->len == 0)
            target->header = route->header;
        g_array_append_val(target->positions, record->position);
        break;
    case DSN_FORMED_FILTERED:
        break;
    case DSN_FORMED_FAILED:
        tell_fault(segments, error);
        break;
    }
    return target->lines->len - before;
}

/* Gives each target its lines of @records from @first on, until a file is full or there is a lot.
 * Returns the first record that was not looked at. */
static guint
sort_lines(DsnSegments *segments, const GArray *records, guint first)
{
    size_t bytes = 0;

    for (guint i = 0; i < segments->targets->len; i++) {
        Target *target = segments->targets->pdata[i];

        g_string_truncate(target->lines, 0);
        g_array_set_size(target->positions, 0);
    }
    while (first < records->len && bytes < BATCH_BYTES) {
        const DsnStreamRecord *record = &g_array_index(records, DsnStreamRecord, first++);
        const Target *target = segments->routes[record->type].target;

        if (target == NULL) /* it was wanted when it came */
            continue;
        bytes += sort_line(segments, record);
        if (target->lines->len >= dsn_segment_file_room(target->file))
            break;
    }
    return first;
}

static bool
open_files(DsnSegments *segments, int64_t now, GError **error)
{
    for (guint i = 0; i < segments->targets->len; i++) {
        Target *target = segments->targets->pdata[i];

        if (target->positions->len > 0 &&
            (!check_space(segments, target, error) ||
             !dsn_segment_file_open(target->file, now, target->header, error)))
            return false;
    }
    return true;
}

static bool
append_lines(DsnSegments *segments, GError **error)
{
    for (guint i = 0; i < segments->targets->len; i++) {
        Target *target = segments->targets->pdata[i];

        if (target->positions->len > 0 &&
            !dsn_segment_file_append(target->file,
                                     (DsnSpan){target->lines->str, target->lines->len}, error))
            return false;
    }
    return true;
}

/* Finishes the files that are large or old enough, or all. */
static bool
turn_files(DsnSegments *segments, bool all, GError **error)
{
    for (guint i = 0; i < segments->targets->len; i++) {
        Target *target = segments->targets->pdata[i];

        if (!dsn_segment_file_turn(target->file, g_get_real_time(), all, error))
            return false;
    }
    return true;
}

/* Writes what was sorted, which are the records up to @position; nothing else is behind @before.
 * Bytes of ours may only be behind a place that was kept. */
static bool
write_lines(DsnSegments *segments, int64_t before, int64_t position, GError **error)
{
    if (!open_files(segments, g_get_real_time(), error))
        return false;
    g_autofree char *note = write_note(segments);
    if (g_strcmp0(note, segments->note) != 0 && !keep_places(segments, before, false, error))
        return false;
    segments->settled = false;
    if (!append_lines(segments, error) || !keep_places(segments, position, true, error))
        return false;
    segments->settled = true;
    for (guint i = 0; i < segments->targets->len; i++)
        dsn_metrics_add(segments->metrics, DSN_COUNT_SEGMENT_LINES,
                        ((Target *)segments->targets->pdata[i])->positions->len);
    return true;
}

static bool
write_batch(DsnSegments *segments, const GArray *records, GError **error)
{
    const DsnStreamRecord *all = (const DsnStreamRecord *)(const void *)records->data;

    if (!segments->settled && !settle(segments, error))
        return false;
    for (guint first = 0, next; first < records->len; first = next) {
        next = sort_lines(segments, records, first);
        if (!write_lines(segments, all[first].position - 1, all[next - 1].position, error) ||
            !turn_files(segments, false, error))
            return false;
    }
    return true;
}

/* ---- the thread ---- */

/* Waits for @span; false when the outlet is to stop. */
static bool
pause_for(DsnSegments *segments, GTimeSpan span)
{
    gint64 until = g_get_monotonic_time() + span;

    g_mutex_lock(&segments->lock);
    while (!segments->stopping && g_cond_wait_until(&segments->wake, &segments->lock, until))
        continue;
    bool go_on = !segments->stopping;
    g_mutex_unlock(&segments->lock);
    return go_on;
}

/* Returns how long to wait before the next attempt. */
static GTimeSpan
meet_trouble(DsnSegments *segments, const GError *error)
{
    dsn_metrics_add(segments->metrics, DSN_COUNT_SEGMENT_ERRORS, 1);
    if (dsn_retry_later(&segments->retry, error->message))
        dsn_log_event(DSN_LOG_ERROR, "segments %s: %s; its records wait in the spool",
                      segments->name, error->message);
    return segments->retry.delay;
}

/* Writes what there is, and returns how long to pause. */
static GTimeSpan
take_turn(DsnSegments *segments, GArray *records)
{
    g_autoptr(GError) error = NULL;

    g_array_set_size(records, 0);
    if (!dsn_spool_read_records(segments->spool, segments->outlet, BATCH_RECORDS, BATCH_BYTES, WAIT,
                                records))
        return PAUSE; /* the spool says why */
    if (!write_batch(segments, records, &error) || !turn_files(segments, false, &error))
        return meet_trouble(segments, error);
    if (records->len > 0 && dsn_retry_end(&segments->retry))
        dsn_log_event(DSN_LOG_INFO, "segments %s: is written again", segments->name);
    return records->len == BATCH_RECORDS ? 0 : PAUSE;
}

static gpointer
run(gpointer data)
{
    DsnSegments *segments = data;
    g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(DsnStreamRecord));
    g_autoptr(GError) error = NULL;
    GTimeSpan wait = settle(segments, &error) ? 0 : meet_trouble(segments, error);

    g_array_set_clear_func(records, (GDestroyNotify)(void (*)(void))dsn_stream_record_clear);
    while (pause_for(segments, wait))
        wait = take_turn(segments, records);
    g_clear_error(&error);
    if (segments->settled && !turn_files(segments, true, &error))
        (void)meet_trouble(segments, error);
    return NULL;
}

/* ---- the targets ---- */

static const DsnPerRecord *
find_record(const DsnSegmentsOptions *options, const char *name)
{
    for (guint i = 0; name != NULL && i < options->selection.records->len; i++) {
        const DsnPerRecord *record = options->selection.records->pdata[i];

        if (strcmp(record->name, name) == 0)
            return record;
    }
    return NULL;
}

/* The target for @record (NULL: what no type is named for): one that writes to the same files is
 * shared. */
static Target *
find_target(DsnSegments *segments, const DsnSegmentsOptions *options, const DsnPerRecord *record)
{
    const char *log_dir =
        record == NULL || record->log_dir == NULL ? options->log_dir : record->log_dir;
    const char *suffix = record == NULL || record->suffix == NULL ? "" : record->suffix;

    for (guint i = 0; i < segments->targets->len; i++) {
        Target *target = segments->targets->pdata[i];

        if (strcmp(target->options.log_dir, log_dir) == 0 &&
            strcmp(target->options.suffix, suffix) == 0)
            return target;
    }
    Target *target = g_new0(Target, 1);
    target->options = (DsnSegmentOptions){
        .log_dir = g_strdup(log_dir),
        .suffix = g_strdup(suffix),
        .max_file_size = options->max_file_size,
        .max_duration = options->max_duration,
        .level = (int)options->level,
    };
    target->file = dsn_segment_file_new(&target->options);
    target->lines = g_string_new(NULL);
    target->positions = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_ptr_array_add(segments->targets, target);
    return target;
}

static void
set_routes(DsnSegments *segments, const DsnSegmentsOptions *options)
{
    const DsnPerRecord *any = find_record(options, "Any");

    for (size_t i = 0; i < DSN_N_RECORD_TYPES; i++) {
        const DsnPerRecord *record =
            find_record(options, dsn_record_type_to_string((DsnRecordType)i));

        if (!dsn_form_has_type(segments->form, (DsnRecordType)i))
            continue;
        if (record == NULL)
            record = any;
        segments->routes[i] = (Route){find_target(segments, options, record),
                                      g_strdup(record == NULL ? NULL : record->header)};
    }
}

/* ---- start and stop ---- */

char *
dsn_segments_outlet_name(const DsnSegmentsOptions *options)
{
    return g_strconcat("segments:", options->name, NULL);
}

DsnSegments *
dsn_segments_start(DsnSpool *spool, DsnMetrics *metrics, const DsnSegmentsOptions *options,
                   GError **error)
{
    DsnForm *form = dsn_form_of("segments", options->name, &options->selection, error);

    if (form == NULL)
        return NULL;
    DsnSegments *segments = g_new0(DsnSegments, 1);
    segments->spool = spool;
    segments->metrics = metrics;
    segments->name = g_strdup(options->name);
    segments->outlet = dsn_segments_outlet_name(options);
    segments->min_free_space = options->min_free_space;
    segments->min_free_inodes = options->min_free_inodes;
    segments->form = form;
    segments->targets = g_ptr_array_new_with_free_func(target_free);
    set_routes(segments, options);
    segments->note = dsn_spool_outlet_note(spool, segments->outlet);
    g_mutex_init(&segments->lock);
    g_cond_init(&segments->wake);
    segments->thread = g_thread_new("segments", run, segments);
    return segments;
}

void
dsn_segments_stop(DsnSegments *segments)
{
    if (segments == NULL)
        return;
    g_mutex_lock(&segments->lock);
    segments->stopping = true;
    g_cond_signal(&segments->wake);
    g_mutex_unlock(&segments->lock);
    (void)g_thread_join(segments->thread);
    for (size_t i = 0; i < DSN_N_RECORD_TYPES; i++)
        g_free(segments->routes[i].header);
    g_ptr_array_unref(segments->targets);
    dsn_form_free(segments->form);
    g_cond_clear(&segments->wake);
    g_mutex_clear(&segments->lock);
    (void)dsn_retry_end(&segments->retry);
    g_free(segments->note);
    g_free(segments->outlet);
    g_free(segments->name);
    g_free(segments);
}
