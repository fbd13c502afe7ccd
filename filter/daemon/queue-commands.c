/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/daemon/queue-commands.h"

#include "filter/core/json-writer.h"
#include "mime/date.h"

/* Lines are handed on in pieces of about so many bytes. */
#define PIECE ((size_t)64 * 1024)

/* Bytes of content in one line; a multiple of three, so that base64 pads only the last. */
#define CONTENT_PIECE ((size_t)48 * 1024)

/* Of one story: an alias leads to a record, and that to the one its notice is known by. */
#define MAX_SUBJECTS 8
#define MAX_ENTRIES 100
#define MAX_POSITIONS 100

/* One request on its way. */
typedef struct Run {
    const DsnQueue *queue;
    const json_t *request;
    GString *lines; /* not handed on yet */
    GString *done;  /* members of the last line */
    DsnQueueWrite write;
    gpointer user;
    bool gone;         /* nobody listens any more */
    bool needs_daemon; /* something was rejected that only the daemon can take up again */
    guint64 count;     /* entries that were listed, or that something was done with */
    GError *error;
} Run;

typedef struct Command {
    const char *name;
    void (*run)(Run *run);
} Command;

static void
hand_on(Run *run)
{
    if (!run->gone && run->lines->len > 0)
        run->gone = !run->write(run->user, (DsnSpan){run->lines->str, run->lines->len});
    g_string_truncate(run->lines, 0);
}

static void
end_line(Run *run)
{
    g_string_append(run->lines, "}\n");
    if (run->lines->len >= PIECE)
        hand_on(run);
}

static void
write_text(GString *json, const char *key, const char *text)
{
    dsn_json_key(json, key);
    (void)dsn_json_string(json, dsn_span(text)); /* what is not UTF-8 is replaced */
}

static void
write_number(GString *json, const char *key, int64_t number)
{
    dsn_json_key(json, key);
    dsn_json_int(json, number);
}

static void
refuse(Run *run, const char *what)
{
    g_set_error_literal(&run->error, G_FILE_ERROR, G_FILE_ERROR_INVAL, what);
}

/* ---- what is meant ---- */

/* The entries of the request that say "dead", "waiting" and "recipient". Borrows from it. */
static DsnQueueFilter
filter_of(const Run *run)
{
    return (DsnQueueFilter){
        .dead = json_is_true(json_object_get(run->request, "dead")),
        .waiting = json_is_true(json_object_get(run->request, "waiting")),
        .recipient = json_string_value(json_object_get(run->request, "recipient")),
    };
}

typedef struct Found {
    bool any;
    bool rejected;
} Found;

static bool
note_entry(const DsnQueueEntry *entry, gpointer user)
{
    Found *found = user;

    found->any = true;
    found->rejected = strcmp(entry->kind, "rejected") == 0;
    return !found->rejected;
}

/* Whether there is an entry that @filter means. */
static bool
look(Run *run, const DsnQueueFilter *filter, bool *ret_any)
{
    Found found = {false, false};
    bool done = dsn_spool_list(run->queue->spool, filter, note_entry, &found, &run->error);

    run->needs_daemon = run->needs_daemon || (found.rejected && run->queue->pipeline == NULL);
    *ret_any = found.any;
    return done;
}

/* ---- list and show ---- */

static bool
write_entry(const DsnQueueEntry *entry, gpointer user)
{
    Run *run = user;
    GString *json = run->lines;
    bool record = strcmp(entry->kind, "record") == 0;

    g_string_append_c(json, '{');
    write_number(json, "entry", entry->entry);
    write_text(json, "kind", entry->kind);
    write_text(json, "state", entry->state);
    write_text(json, "record_id", entry->record_id);
    write_text(json, "record_type", entry->record_type);
    write_text(json, "recipient", entry->recipient);
    write_text(json, "tenant", entry->tenant);
    write_text(json, record ? "outlet" : "relay", entry->relay);
    write_text(json, "reason", entry->reason);
    write_number(json, "size", (int64_t)entry->size);
    write_number(json, "attempts", entry->attempts);
    write_number(json, "taken_in", entry->taken_in);
    dsn_json_key(json, "next_attempt");
    if (entry->next_attempt > 0)
        dsn_json_int(json, entry->next_attempt);
    else
        dsn_json_null(json);
    end_line(run);
    run->count++;
    return !run->gone;
}

static void
run_list(Run *run)
{
    const DsnQueueFilter filter = filter_of(run);

    (void)dsn_spool_list(run->queue->spool, &filter, write_entry, run, &run->error);
}

static void
run_show(Run *run)
{
    const DsnQueueFilter filter = {.entry =
                                       json_integer_value(json_object_get(run->request, "entry"))};

    if (filter.entry <= 0) {
        refuse(run, "show takes the number of an entry");
        return;
    }
    if (!dsn_spool_list(run->queue->spool, &filter, write_entry, run, &run->error) ||
        run->count == 0)
        return;
    g_autoptr(GBytes) content = dsn_spool_content(run->queue->spool, filter.entry, &run->error);
    if (content == NULL)
        return;
    gsize len;
    const guchar *data = g_bytes_get_data(content, &len);
    for (gsize at = 0; at < len && !run->gone; at += CONTENT_PIECE) {
        g_autofree char *text = g_base64_encode(data + at, MIN(CONTENT_PIECE, len - at));

        g_string_append_c(run->lines, '{');
        write_text(run->lines, "content", text);
        end_line(run);
    }
}

/* ---- why ---- */

/* One thing that happened. */
typedef struct Event {
    int64_t time; /* unix microseconds */
    const char *subject;
    char *text;       /* members of a JSON object */
    int64_t position; /* of what an outlet has said of a record; 0: of something else */
} Event;

/* All that is found about one id. */
typedef struct Story {
    GPtrArray *subjects; /* of char *: whose history is looked at, in this order */
    GArray *events;      /* of Event */
    GArray *entries;     /* of int64_t */
    GArray *positions;   /* of Position */
} Story;

/* Of a record in the stream. */
typedef struct Position {
    int64_t position;
    const char *subject;
} Position;

static void
clear_event(gpointer event)
{
    g_free(((Event *)event)->text);
}

static void
story_clear(Story *story)
{
    g_ptr_array_unref(story->subjects);
    g_array_unref(story->events);
    g_array_unref(story->entries);
    g_array_unref(story->positions);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Story, story_clear)

static void
add_subject(Story *story, const char *subject)
{
    if (subject != NULL && story->subjects->len < MAX_SUBJECTS &&
        !g_ptr_array_find_with_equal_func(story->subjects, subject, g_str_equal, NULL))
        g_ptr_array_add(story->subjects, g_strdup(subject));
}

static void
add_number(Story *story, int64_t entry)
{
    for (guint i = 0; i < story->entries->len; i++)
        if (g_array_index(story->entries, int64_t, i) == entry)
            return;
    if (entry > 0 && story->entries->len < MAX_ENTRIES)
        g_array_append_val(story->entries, entry);
}

/* From @first to @last, which is 0 when there is but one. */
static void
add_positions(Story *story, const char *subject, int64_t first, int64_t last)
{
    for (int64_t position = first;
         first > 0 && position <= MAX(first, last) && story->positions->len < MAX_POSITIONS;
         position++) {
        const Position one = {position, subject};

        g_array_append_val(story->positions, one);
    }
}

/* What @line refers to: the notice, another record by which that is known, and the stream. */
static void
follow(Story *story, const char *subject, const DsnHistoryLine *line)
{
    g_autofree char *object = g_strconcat("{", line->text, "}", NULL);
    json_auto_t *json = json_loads(object, 0, NULL);

    add_subject(story, json_string_value(json_object_get(json, "see")));
    add_number(story, json_integer_value(json_object_get(json, "entry")));
    add_positions(story, subject, json_integer_value(json_object_get(json, "position")),
                  json_integer_value(json_object_get(json, "last_position")));
}

static void
clear_history_line(gpointer line)
{
    dsn_history_line_clear(line);
}

static bool
add_events(Run *run, Story *story, const char *subject)
{
    g_autoptr(GArray) lines = g_array_new(FALSE, FALSE, sizeof(DsnHistoryLine));

    g_array_set_clear_func(lines, clear_history_line);
    if (!dsn_spool_history(run->queue->spool, subject, lines, &run->error))
        return false;
    for (guint i = 0; i < lines->len; i++) {
        DsnHistoryLine *line = &g_array_index(lines, DsnHistoryLine, i);
        follow(story, subject, line);
        const Event event = {line->time, subject, g_steal_pointer(&line->text), 0};

        g_array_append_val(story->events, event);
    }
    return true;
}

/* What outlets have done with the records. */
static bool
add_handed_on(Run *run, Story *story)
{
    g_autoptr(GArray) lines = g_array_new(FALSE, FALSE, sizeof(DsnHistoryLine));

    g_array_set_clear_func(lines, clear_history_line);
    for (guint i = 0; i < story->positions->len; i++) {
        const Position *position = &g_array_index(story->positions, Position, i);

        g_array_set_size(lines, 0);
        if (!dsn_spool_handed_on(run->queue->spool, position->position, lines, &run->error))
            return false;
        for (guint j = 0; j < lines->len; j++) {
            DsnHistoryLine *line = &g_array_index(lines, DsnHistoryLine, j);
            const Event event = {line->time, position->subject, g_steal_pointer(&line->text),
                                 position->position};

            g_array_append_val(story->events, event);
        }
    }
    return true;
}

static int
compare_events(gconstpointer a, gconstpointer b)
{
    int64_t left = ((const Event *)a)->time;
    int64_t right = ((const Event *)b)->time;

    return (left > right) - (left < right);
}

static void
write_event(Run *run, const Event *event)
{
    char time[DSN_DATE_MAX];

    g_string_append_c(run->lines, '{');
    write_text(run->lines, "time",
               dsn_date_to_rfc3339(event->time / G_USEC_PER_SEC,
                                   (uint32_t)(event->time % G_USEC_PER_SEC) * 1000, time));
    write_text(run->lines, "subject", event->subject);
    g_string_append_printf(run->lines, ",%s", event->text);
    end_line(run);
    run->count++;
}

/* Where a notice is now. */
static bool
write_fate(Run *run, int64_t entry)
{
    const DsnQueueFilter filter = {.entry = entry};
    const guint64 before = run->count;

    if (!dsn_spool_list(run->queue->spool, &filter, write_entry, run, &run->error))
        return false;
    if (run->count > before)
        return true;
    g_string_append_c(run->lines, '{');
    write_number(run->lines, "entry", entry);
    write_text(run->lines, "state", "gone");
    end_line(run);
    return true;
}

/* An outlet may have gone on behind a record that it could not send yet. */
static bool
was_handed_on(const Story *story, int64_t position, const char *outlet)
{
    g_autoptr(GString) start = g_string_new(NULL);

    dsn_json_key(start, "outlet");
    (void)dsn_json_string(start, dsn_span(outlet)); /* what is not UTF-8 is replaced */
    g_string_append_c(start, ',');
    for (guint i = 0; i < story->events->len; i++) {
        const Event *event = &g_array_index(story->events, Event, i);

        if (event->position == position && g_str_has_prefix(event->text, start->str))
            return true;
    }
    return false;
}

/* For which outlets records still wait. */
static void
write_waits(Run *run, const Story *story)
{
    for (guint i = 0; i < story->positions->len && !run->gone; i++) {
        const Position *position = &g_array_index(story->positions, Position, i);
        g_autoptr(GPtrArray) names =
            dsn_spool_outlets_before(run->queue->spool, position->position);

        for (guint j = 0; j < names->len; j++) {
            if (was_handed_on(story, position->position, names->pdata[j]))
                continue;
            g_string_append_c(run->lines, '{');
            write_text(run->lines, "subject", position->subject);
            write_text(run->lines, "state", "waiting");
            write_text(run->lines, "outlet", names->pdata[j]);
            end_line(run);
        }
    }
}

typedef struct Search {
    Story *story;
    const char *record_id;
} Search;

static bool
note_record(const DsnQueueEntry *entry, gpointer user)
{
    const Search *search = user;

    if (g_strcmp0(entry->record_id, search->record_id) == 0)
        add_number(search->story, entry->entry);
    return search->story->entries->len < MAX_ENTRIES;
}

/* Where nothing is remembered the queue itself is gone through. */
static bool
search_queue(Run *run, Story *story, const char *id)
{
    Search search = {story, id};

    return story->events->len > 0 || dsn_spool_list(run->queue->spool, &(const DsnQueueFilter){0},
                                                    note_record, &search, &run->error);
}

/* Without the angle brackets of a Message-ID (transfer full). */
static char *
subject_of(const char *id)
{
    g_autofree char *trimmed = g_strstrip(g_strdup(id == NULL ? "" : id));
    size_t len = strlen(trimmed);

    return len > 2 && trimmed[0] == '<' && trimmed[len - 1] == '>' ? g_strndup(trimmed + 1, len - 2)
                                                                   : g_steal_pointer(&trimmed);
}

static void
run_why(Run *run)
{
    g_autofree char *id = subject_of(json_string_value(json_object_get(run->request, "id")));
    g_auto(Story) story = {.subjects = g_ptr_array_new_with_free_func(g_free),
                           .events = g_array_new(FALSE, FALSE, sizeof(Event)),
                           .entries = g_array_new(FALSE, FALSE, sizeof(int64_t)),
                           .positions = g_array_new(FALSE, FALSE, sizeof(Position))};

    g_array_set_clear_func(story.events, clear_event);
    if (*id == '\0') {
        refuse(run, "why takes an id");
        return;
    }
    add_subject(&story, id);
    for (guint i = 0; i < story.subjects->len; i++) /* it grows meanwhile */
        if (!add_events(run, &story, story.subjects->pdata[i]))
            return;
    if (!add_handed_on(run, &story) || !search_queue(run, &story, id))
        return;
    g_array_sort(story.events, compare_events);
    for (guint i = 0; i < story.events->len && !run->gone; i++)
        write_event(run, &g_array_index(story.events, Event, i));
    for (guint i = 0; i < story.entries->len && !run->gone; i++)
        if (!write_fate(run, g_array_index(story.entries, int64_t, i)))
            return;
    write_waits(run, &story);
    if (run->queue->pipeline != NULL)
        write_number(run->done, "keep", dsn_spool_history_keep(run->queue->spool));
}

/* ---- retry, drop and purge ---- */

/* Does one thing with what @filter means. Returns how many entries that was for, or -1. */
typedef int64_t (*Action)(Run *run, const DsnQueueFilter *filter);

static int64_t
retry(Run *run, const DsnQueueFilter *filter)
{
    int64_t notices = dsn_spool_retry(run->queue->spool, filter, &run->error);
    int64_t elements = 0;

    if (notices >= 0 && run->queue->pipeline != NULL)
        elements = dsn_pipeline_retry_rejected(run->queue->pipeline, filter, &run->error);
    if (notices > 0 && run->queue->retried != NULL)
        run->queue->retried(run->queue->user);
    return notices < 0 || elements < 0 ? -1 : notices + elements;
}

static int64_t
drop(Run *run, const DsnQueueFilter *filter)
{
    return dsn_spool_drop(run->queue->spool, filter, &run->error);
}

/* Does @action with each of @entries, and says which are not there, and which were left alone: a
 * notice that is being sent right now, or an element that is rejected again. */
static void
run_entries(Run *run, const json_t *entries, Action action)
{
    g_autoptr(GString) unknown = g_string_new("["), unchanged = g_string_new("[");
    const json_t *number;
    size_t i;

    json_array_foreach(entries, i, number)
    {
        const DsnQueueFilter filter = {.entry = json_integer_value(number)};
        bool any;

        if (filter.entry <= 0) {
            refuse(run, "an entry is a number from 1");
            return;
        }
        if (!look(run, &filter, &any))
            return;
        int64_t count = any ? action(run, &filter) : 0;
        if (count < 0)
            return;
        run->count += (guint64)count;
        GString *list = any ? unchanged : unknown;
        if (count == 0) {
            dsn_json_next(list);
            dsn_json_int(list, filter.entry);
        }
    }
    dsn_json_key(run->done, "unknown");
    g_string_append_printf(run->done, "%s]", unknown->str);
    dsn_json_key(run->done, "unchanged");
    g_string_append_printf(run->done, "%s]", unchanged->str);
}

/* Does @action with all that @filter means. */
static void
run_all(Run *run, const DsnQueueFilter *filter, Action action)
{
    int64_t count = action(run, filter);

    run->count = count < 0 ? 0 : (guint64)count;
}

static void
run_retry(Run *run)
{
    const json_t *entries = json_object_get(run->request, "entries");
    const DsnQueueFilter filter = filter_of(run);
    bool any;

    if (entries != NULL)
        run_entries(run, entries, retry);
    else if (look(run, &filter, &any) && any)
        run_all(run, &filter, retry);
    /* Records wait in the stream, where nothing of them is listed. */
    if (entries == NULL && run->queue->retried != NULL)
        run->queue->retried(run->queue->user);
    dsn_json_key(run->done, "needs_daemon");
    dsn_json_bool(run->done, run->needs_daemon);
}

/* What was captured of mail that names @address. */
static void
erase_captures(Run *run, const char *address)
{
    guint64 count = 0;

    if (run->queue->captures != NULL &&
        dsn_captures_erase(run->queue->captures, address, &count, &run->error))
        write_number(run->done, "captures", (int64_t)count);
}

static void
erase(Run *run, const char *address)
{
    DsnErased erased;
    const char *at = strrchr(address, '@');

    if (at == NULL || at == address || at[1] == '\0') {
        refuse(run, "a sender is an address");
        return;
    }
    if (!dsn_spool_erase(run->queue->spool, address, &erased, &run->error))
        return;
    run->count = erased.entries;
    write_number(run->done, "records", (int64_t)erased.records);
    write_number(run->done, "attempts", (int64_t)erased.attempts);
    write_number(run->done, "history", (int64_t)erased.history);
    erase_captures(run, address);
}

static void
drop_recipient(Run *run, const DsnQueueFilter *filter)
{
    run_all(run, filter, drop);
    if (run->error == NULL && !filter->dead && !filter->waiting)
        erase_captures(run, filter->recipient);
}

static void
run_drop(Run *run)
{
    const char *sender = json_string_value(json_object_get(run->request, "sender"));
    const json_t *entries = json_object_get(run->request, "entries");
    const DsnQueueFilter filter = filter_of(run);

    if (entries != NULL)
        run_entries(run, entries, drop);
    else if (filter.recipient != NULL && *filter.recipient != '\0')
        drop_recipient(run, &filter);
    else if (sender != NULL)
        erase(run, sender);
    else
        refuse(run, "drop takes entries, a recipient or a sender");
}

static void
run_purge(Run *run)
{
    const json_t *seconds = json_object_get(run->request, "older_than");
    const DsnQueueFilter filter = {.dead = true, .older_than = json_integer_value(seconds)};

    if (filter.older_than < 0)
        refuse(run, "older_than is a number of seconds");
    else
        run_all(run, &filter, drop);
}

/* ---- status ---- */

static void
write_capture_state(Run *run)
{
    DsnCapturesState state;

    dsn_captures_state(run->queue->captures, &state);
    write_number(run->done, "capture_bytes", (int64_t)state.bytes);
    write_number(run->done, "oldest_capture", state.oldest);
}

static void
run_status(Run *run)
{
    g_autofree char *why = dsn_spool_unready(run->queue->spool);
    DsnSpoolState state;

    dsn_spool_state(run->queue->spool, &state);
    dsn_json_key(run->done, "ready");
    dsn_json_bool(run->done, why == NULL);
    if (why != NULL)
        write_text(run->done, "unready", why);
    write_number(run->done, "waiting", (int64_t)state.waiting);
    write_number(run->done, "dead", (int64_t)state.dead);
    write_number(run->done, "records", (int64_t)state.records);
    dsn_json_key(run->done, "oldest");
    if (state.oldest > 0)
        dsn_json_int(run->done, state.oldest);
    else
        dsn_json_null(run->done);
    write_number(run->done, "bytes", (int64_t)state.bytes);
    if (run->queue->captures != NULL)
        write_capture_state(run);
    if (run->queue->status != NULL)
        run->queue->status(run->queue->user, run->done);
}

/* ---- all of it ---- */

static const Command commands[] = {
    {"drop", run_drop}, {"list", run_list},     {"purge", run_purge}, {"retry", run_retry},
    {"show", run_show}, {"status", run_status}, {"why", run_why},
};

static const Command *
find_command(const json_t *request)
{
    const char *name = json_string_value(json_object_get(request, "command"));

    for (size_t i = 0; name != NULL && i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static void
write_end(Run *run)
{
    if (run->error == NULL) {
        write_number(run->done, "count", (int64_t)run->count);
        g_string_append_printf(run->lines, "{\"done\":%s}", run->done->str);
    } else {
        g_string_append_c(run->lines, '{');
        write_text(run->lines, "error", run->error->message);
    }
    g_string_append(run->lines, "}\n");
    hand_on(run);
}

void
dsn_queue_run(const DsnQueue *queue, DsnSpan request, DsnQueueWrite write, gpointer user)
{
    json_auto_t *json = json_loadb(request.data, request.len, JSON_REJECT_DUPLICATES, NULL);
    const Command *command = find_command(json);
    g_autoptr(GString) lines = g_string_new(NULL), done = g_string_new("{");
    Run run = {.queue = queue,
               .request = json,
               .lines = lines,
               .done = done,
               .write = write,
               .user = user};

    if (command == NULL)
        refuse(&run, "this is no request that this version of dsnarf knows");
    else
        command->run(&run);
    write_end(&run);
    g_clear_error(&run.error);
}
