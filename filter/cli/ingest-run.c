/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/ingest-run.h"

#include "filter/cli/ingest-records.h"
#include "filter/cli/jobs.h"
#include "filter/cli/progress.h"
#include "filter/cli/terminal.h"
#include "filter/core/buffer.h"
#include "filter/core/element-split.h"
#include "filter/core/json-writer.h"
#include "filter/intake/messages.h"

/* What is brought at once. A commit costs about as much as some hundred messages. */
#define BATCH_MESSAGES 500U
#define BATCH_RECORDS 5000U
#define BATCH_BYTES ((size_t)4 * 1024 * 1024)
#define BUFFER_KEPT ((size_t)16 * 1024 * 1024)

/* Between two commits of places of mboxes. */
#define PLACE_INTERVAL G_USEC_PER_SEC

/* Between two tries when the spool is full. */
#define FULL_WAIT G_USEC_PER_SEC

/* What is told one by one; the rest is only counted, and is in the file of --aside. */
#define TOLD_MAX 20

typedef struct Run {
    const DsnIngestOptions *options;
    DsnIngestOutcome *outcome;
    DsnMessages *walk;
    DsnProgress *progress;
    unsigned batch_messages;
    gint next_seat;
    gint told_full; /* that the spool is full was said (atomic) */

    /* Of the thread that fills. */
    DsnRecordFile *records; /* that are being read, NULL: none */
    char *records_file;
    guint64 resumed;
    bool broken; /* a piece was not taken: what is behind it would hide it */

    /* Of the thread that delivers. */
    GHashTable *places; /* of mboxes, not committed yet: char * -> char * */
    gint64 placed;      /* when some were */
} Run;

/* Some messages, or a piece of a file of records that is brought already. */
typedef struct Batch {
    GString *bytes;
    GArray *items; /* of DsnIncoming */
    bool records;
    DsnIngested ingested;
    GArray *troubles;   /* of DsnTrouble */
    GHashTable *places; /* behind the messages: char * -> char * */
    GError *error;      /* nothing more can be brought */
    guint64 count;      /* of messages that were read */
    double fraction;
    GString *lines; /* of a dry run */
} Batch;

typedef struct Worker {
    unsigned seat;
    GString *bytes; /* of messages that are brought together */
    GString *file;  /* one of them */
    GArray *sizes;  /* of size_t */
} Worker;

void
dsn_ingest_outcome_clear(DsnIngestOutcome *outcome)
{
    dsn_ingested_clear(&outcome->messages);
    dsn_ingested_clear(&outcome->elements);
}

static void
clear_item(gpointer item)
{
    dsn_incoming_clear(item);
}

static GHashTable *
new_places(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

static gpointer
new_batch(gpointer user)
{
    Batch *batch = g_new0(Batch, 1);

    (void)user;
    batch->bytes = g_string_new(NULL);
    batch->items = g_array_new(FALSE, FALSE, sizeof(DsnIncoming));
    g_array_set_clear_func(batch->items, clear_item);
    batch->troubles = g_array_new(FALSE, FALSE, sizeof(DsnTrouble));
    g_array_set_clear_func(batch->troubles, dsn_trouble_clear);
    batch->places = new_places();
    batch->lines = g_string_new(NULL);
    dsn_ingested_init(&batch->ingested);
    return batch;
}

static void
free_batch(gpointer data)
{
    Batch *batch = data;

    (void)g_string_free(batch->bytes, TRUE);
    (void)g_array_unref(batch->items);
    (void)g_array_unref(batch->troubles);
    g_hash_table_unref(batch->places);
    (void)g_string_free(batch->lines, TRUE);
    dsn_ingested_clear(&batch->ingested);
    g_clear_error(&batch->error);
    g_free(batch);
}

static void
empty_batch(Batch *batch)
{
    dsn_buffer_empty(&batch->bytes, BUFFER_KEPT);
    g_string_truncate(batch->lines, 0);
    g_array_set_size(batch->items, 0);
    g_array_set_size(batch->troubles, 0);
    g_hash_table_remove_all(batch->places);
    dsn_ingested_clear(&batch->ingested);
    dsn_ingested_init(&batch->ingested);
    batch->records = false;
    batch->count = 0;
}

static gpointer
new_worker(gpointer user)
{
    Run *run = user;
    Worker *worker = g_new0(Worker, 1);

    worker->seat = (unsigned)g_atomic_int_add(&run->next_seat, 1);
    worker->bytes = g_string_new(NULL);
    worker->file = g_string_new(NULL);
    worker->sizes = g_array_new(FALSE, FALSE, sizeof(size_t));
    return worker;
}

static void
free_worker(gpointer data)
{
    Worker *worker = data;

    (void)g_string_free(worker->bytes, TRUE);
    (void)g_string_free(worker->file, TRUE);
    (void)g_array_unref(worker->sizes);
    g_free(worker);
}

static void
add_trouble(Batch *batch, const char *where, const char *reason)
{
    const DsnTrouble trouble = {where == NULL
                                    ? g_strdup(reason)
                                    : g_strdup_printf("%s: %s", dsn_input_name(where), reason)};

    g_array_append_val(batch->troubles, trouble);
}

/* ---- places ---- */

/* What an earlier run has left of @file, if it is that file still. */
static DsnFilePlace
find_place(Run *run, const char *file, int fd)
{
    g_autofree char *name = dsn_file_place_name(file);
    DsnFilePlace place = {0};

    if (run->options->again || name == NULL)
        return place;
    /* Without an answer nothing will be taken either, which is where it is told. */
    g_autofree char *text =
        dsn_ingest_client_place(run->options->client, run->options->n_jobs, name, NULL);
    (void)dsn_file_place_from_text(text, fd, &place);
    return place;
}

/* Where to begin in an mbox: where a message begins, or at its end. */
static guint64
begin_mbox(gpointer user, const char *file, int fd, guint *ret_number)
{
    Run *run = user;
    DsnFilePlace place = find_place(run, file, fd);

    if (place.at == 0 || place.number > G_MAXUINT)
        return 0;
    if (!dsn_file_has(fd, place.at, "From ", 5) && place.at != dsn_messages_window(run->walk)->size)
        return 0;
    *ret_number = (guint)place.number;
    run->resumed++;
    return place.at;
}

/* Notes how far the mbox of @item is read. */
static void
note_place(Run *run, Batch *batch, const DsnIncoming *item)
{
    const char *number = strrchr(item->file, '#');
    g_autofree char *file = g_strndup(item->file, (gsize)(number - item->file));
    g_autofree char *name = dsn_file_place_name(file);
    const DsnFilePlace place = {item->end, item->number};
    char *text = name == NULL ? NULL
                              : dsn_file_place_to_text(&place, dsn_messages_window(run->walk)->fd,
                                                       item->end);

    if (text != NULL)
        (void)g_hash_table_replace(batch->places, g_steal_pointer(&name), text);
}

/* Commits the places of messages that are safe. */
static bool
keep_places(Run *run, GError **error)
{
    g_autoptr(GArray) none = g_array_new(FALSE, FALSE, sizeof(size_t));
    g_auto(DsnIngested) ingested;
    GHashTableIter iter;
    gpointer name, text;

    dsn_ingested_init(&ingested);
    g_hash_table_iter_init(&iter, run->places);
    while (g_hash_table_iter_next(&iter, &name, &text)) {
        const DsnPlace place = {name, text};

        if (!dsn_ingest_client_messages(run->options->client, run->options->n_jobs + 1, none,
                                        DSN_SPAN_LITERAL(""), &place, &ingested, error))
            return false;
    }
    g_hash_table_remove_all(run->places);
    run->placed = g_get_monotonic_time();
    return true;
}

/* ---- a dry run ---- */

/* What became of the only thing that @ingested is about. */
static void
print_outcome(GString *lines, const char *file, guint64 line, const DsnIngested *ingested)
{
    const DsnTally *tally = &ingested->tally;
    const char *outcome = tally->rejected->len > 0 ? "rejected"
                          : tally->duplicate > 0   ? "duplicate"
                          : tally->ignored > 0     ? "ignored"
                          : ingested->records > 0  ? "recorded"
                                                   : "notice";
    const char *reason = NULL;

    for (int i = 1; i < DSN_N_REASONS; i++) {
        if (tally->reasons[i] > 0)
            reason = dsn_reason_to_string((DsnReason)i);
    }
    if (tally->rejected->len > 0)
        reason = g_array_index(tally->rejected, DsnRejection, 0).reason;
    g_string_append_c(lines, '{');
    dsn_json_key(lines, "file");
    (void)dsn_json_string(lines, dsn_span(file)); /* what is not UTF-8 is replaced */
    if (line > 0) {
        dsn_json_key(lines, "line");
        dsn_json_int(lines, (int64_t)line);
    }
    dsn_json_word(lines, "outcome", reason != NULL && *outcome == 'n' ? "nothing" : outcome);
    if (ingested->records > 0) {
        dsn_json_key(lines, "records");
        dsn_json_int(lines, (int64_t)ingested->records);
    }
    if (reason != NULL) {
        dsn_json_key(lines, "reason");
        (void)dsn_json_string(lines, dsn_span(reason)); /* the same */
    }
    g_string_append(lines, "}\n");
}

/* ---- records ---- */

static bool
is_zstd(DsnSpan start)
{
    static const char magic[] = {'\x28', '\xb5', '\x2f', '\xfd'};

    return start.len >= sizeof(magic) && memcmp(start.data, magic, sizeof(magic)) == 0;
}

/* No message begins with a bracket: a field name could, but none does (RFC 5322 section 3.6.8). */
static bool
is_records(gpointer user, DsnSpan start)
{
    const Run *run = user;
    DsnSpan text = dsn_span_trim(start);

    if (run->options->kind != DSN_INGEST_ANY)
        return run->options->kind == DSN_INGEST_RECORDS;
    return is_zstd(start) || (text.len > 0 && (text.data[0] == '{' || text.data[0] == '['));
}

/* True if records can be read; else @batch says why not. */
static bool
open_records(Run *run, const char *file, Batch *batch)
{
    DsnWindow *window = dsn_messages_window(run->walk);
    g_autoptr(GError) error = NULL;
    DsnFilePlace place = {0};
    bool resumed = false;

    if (window->size > 0)
        place = find_place(run, file, window->fd);
    run->records = dsn_record_file_open(file, window, run->options->configuration->intake.record,
                                        &place, &resumed, &error);
    if (run->records == NULL) {
        add_trouble(batch, file, error->message);
        return false;
    }
    run->records_file = g_strdup(file);
    run->resumed += resumed ? 1 : 0;
    return true;
}

static void
close_records(Run *run)
{
    g_clear_pointer(&run->records, dsn_record_file_free);
    g_clear_pointer(&run->records_file, g_free);
}

/* The reasons of what was rejected say where it stands. */
static void
tell_rejected(Batch *batch)
{
    const GArray *rejected = batch->ingested.tally.rejected;

    for (guint i = 0; i < rejected->len; i++)
        add_trouble(batch, NULL, g_array_index(rejected, DsnRejection, i).reason);
}

/* Brings a piece. */
static bool
bring_piece(Run *run, Batch *batch, const DsnIngestPiece *piece)
{
    return dsn_ingest_client_records(run->options->client, run->options->n_jobs, piece,
                                     &batch->ingested, &batch->error);
}

/* Brings each element for itself, and says what would become of it. */
static bool
try_records(Run *run, Batch *batch)
{
    DsnElements elements = DSN_ELEMENTS(((DsnSpan){batch->bytes->str, batch->bytes->len}));
    DsnIngestPiece piece = {.file = dsn_input_name(run->records_file),
                            .line = dsn_record_file_line(run->records)};
    const char *counted = batch->bytes->str;

    while (dsn_elements_next(&elements, &piece.body)) {
        for (; (counted = memchr(counted, '\n', (size_t)(piece.body.data - counted))) != NULL;
             counted++)
            piece.line++;
        counted = piece.body.data;
        dsn_ingested_clear(&batch->ingested);
        dsn_ingested_init(&batch->ingested);
        if (!bring_piece(run, batch, &piece))
            return false;
        tell_rejected(batch);
        print_outcome(batch->lines, piece.file, piece.line, &batch->ingested);
    }
    return true;
}

/* Brings what was read, and the place behind it. */
static bool
bring_records(Run *run, Batch *batch)
{
    g_autofree char *name = dsn_file_place_name(run->records_file);
    g_autofree char *text = name == NULL ? NULL : dsn_record_file_place(run->records);
    const DsnIngestPiece piece = {
        .body = {batch->bytes->str, batch->bytes->len},
        .file = dsn_input_name(run->records_file),
        .line = dsn_record_file_line(run->records),
        .place = {text == NULL ? NULL : name, text},
    };

    if (run->options->dry_run)
        return try_records(run, batch);
    if (piece.body.len == 0 && text == NULL)
        return true;
    if (!bring_piece(run, batch, &piece))
        return false;
    tell_rejected(batch);
    return true;
}

static void
fill_records(Run *run, Batch *batch)
{
    g_autoptr(GError) error = NULL;
    bool more;

    batch->records = true;
    bool good = dsn_record_file_next(run->records, BATCH_RECORDS, batch->bytes, batch->troubles,
                                     &more, &error);
    run->broken = !bring_records(run, batch);
    if (!run->broken && !good)
        add_trouble(batch, run->records_file, error->message);
    if (!good || !more)
        close_records(run);
}

/* ---- filling ---- */

static bool
is_stopped(const Run *run)
{
    return g_atomic_int_get(run->options->stop) != 0;
}

/* Gathers messages until there are enough, or a file of records comes. */
static void
fill_messages(Run *run, Batch *batch)
{
    DsnIncoming item;

    while (batch->items->len < run->batch_messages && batch->bytes->len < BATCH_BYTES &&
           !is_stopped(run) && dsn_messages_next(run->walk, batch->bytes, &item)) {
        if (item.other) {
            (void)open_records(run, item.file, batch);
            dsn_incoming_clear(&item);
            break;
        }
        if (item.end > 0 && !run->options->dry_run)
            note_place(run, batch, &item);
        g_array_append_val(batch->items, item);
    }
}

static bool
fill(gpointer user, gpointer data)
{
    Run *run = user;
    Batch *batch = data;

    empty_batch(batch);
    if (is_stopped(run) || run->broken)
        return false;
    if (run->records != NULL)
        fill_records(run, batch);
    else
        fill_messages(run, batch);
    batch->fraction = dsn_messages_fraction(run->walk);
    return batch->records || batch->items->len > 0 || batch->troubles->len > 0 ||
           run->records != NULL;
}

/* ---- working ---- */

/* For whoever meets a full spool. */
static bool
wait_for_room(gpointer user)
{
    Run *run = user;

    if (is_stopped(run))
        return false;
    if (g_atomic_int_compare_and_exchange(&run->told_full, 0, 1))
        dsn_complain("the spool is full: waiting until the daemon has made room");
    g_usleep(FULL_WAIT);
    return true;
}

/* Brings what @worker has gathered. */
static bool
bring_messages(const Run *run, Worker *worker, Batch *batch, DsnSpan bytes)
{
    bool good = worker->sizes->len == 0 ||
                dsn_ingest_client_messages(run->options->client, worker->seat, worker->sizes, bytes,
                                           NULL, &batch->ingested, &batch->error);

    batch->count += worker->sizes->len;
    g_array_set_size(worker->sizes, 0);
    dsn_buffer_empty(&worker->bytes, BUFFER_KEPT);
    return good;
}

/* The bytes of @item; absent when it has none, and @batch says why. */
static DsnSpan
read_item(const Run *run, Worker *worker, Batch *batch, DsnIncoming *item)
{
    GString *bytes = batch->bytes;

    if (item->unread) {
        dsn_buffer_empty(&worker->file, BUFFER_KEPT);
        bytes = worker->file;
        dsn_incoming_read(item, run->options->configuration->limits.message, bytes);
    }
    if (item->error != NULL)
        add_trouble(batch, item->file, item->error->message);
    else if (item->len == 0)
        add_trouble(batch, item->file, "is empty");
    else
        return (DsnSpan){bytes->str + item->start, item->len};
    return DSN_SPAN_ABSENT;
}

static void
work(gpointer user, gpointer data, gpointer batch_data)
{
    const Run *run = user;
    Worker *worker = data;
    Batch *batch = batch_data;

    for (guint i = 0; i < batch->items->len; i++) {
        DsnIncoming *item = &g_array_index(batch->items, DsnIncoming, i);
        DsnSpan message = read_item(run, worker, batch, item);

        if (message.len == 0)
            continue;
        g_string_append_len(worker->bytes, message.data, (gssize)message.len);
        g_array_append_val(worker->sizes, message.len);
        if (worker->bytes->len < BATCH_BYTES && !run->options->dry_run)
            continue;
        DsnSpan bytes = {worker->bytes->str, worker->bytes->len};
        if (!bring_messages(run, worker, batch, bytes))
            return;
        if (run->options->dry_run)
            print_outcome(batch->lines, dsn_input_name(item->file), 0, &batch->ingested);
    }
    (void)bring_messages(run, worker, batch, (DsnSpan){worker->bytes->str, worker->bytes->len});
}

/* ---- delivering ---- */

static void
write_aside(const DsnIngestOptions *options, const DsnTrouble *trouble)
{
    g_autoptr(GString) line = g_string_new("{");

    dsn_json_key(line, "trouble");
    (void)dsn_json_string(line, dsn_span(trouble->text)); /* what is not UTF-8 is replaced */
    g_string_append(line, "}\n");
    (void)fwrite(line->str, 1, line->len, options->aside); /* the caller looks at its state */
}

static void
tell_troubles(Run *run, const Batch *batch)
{
    if (batch->troubles->len > 0)
        dsn_progress_hide(run->progress);
    for (guint i = 0; i < batch->troubles->len; i++) {
        const DsnTrouble *trouble = &g_array_index(batch->troubles, DsnTrouble, i);

        run->outcome->troubles++;
        if (run->options->aside != NULL)
            write_aside(run->options, trouble);
        if (run->outcome->troubles <= TOLD_MAX)
            dsn_complain("%s", trouble->text);
        else if (run->outcome->troubles == TOLD_MAX + 1)
            dsn_complain("more such cases are not told one by one%s",
                         run->options->aside != NULL ? "" : "; --aside FILE keeps them");
    }
}

static void
add_ingested(DsnIngested *sum, const DsnIngested *ingested)
{
    sum->records += ingested->records;
    sum->tally.accepted += ingested->tally.accepted;
    sum->tally.duplicate += ingested->tally.duplicate;
    sum->tally.ignored += ingested->tally.ignored;
    for (int reason = 0; reason < DSN_N_REASONS; reason++)
        sum->tally.reasons[reason] += ingested->tally.reasons[reason];
}

static guint64
count_all(const DsnIngestOutcome *outcome)
{
    const DsnTally *tally = &outcome->elements.tally;

    return outcome->n_messages + tally->accepted + tally->duplicate + tally->ignored +
           outcome->rejected;
}

static bool
end_run(Run *run, const GError *error)
{
    dsn_progress_hide(run->progress);
    dsn_complain("%s", error->message);
    run->outcome->failed = true;
    return false;
}

static bool
deliver(gpointer user, gpointer data)
{
    Run *run = user;
    Batch *batch = data;
    DsnIngestOutcome *outcome = run->outcome;
    g_autoptr(GError) error = NULL;
    GHashTableIter iter;
    gpointer name, text;

    if (batch->records)
        outcome->rejected += batch->ingested.tally.rejected->len;
    add_ingested(batch->records ? &outcome->elements : &outcome->messages, &batch->ingested);
    outcome->n_messages += batch->count;
    tell_troubles(run, batch);
    (void)fwrite(batch->lines->str, 1, batch->lines->len, stdout); /* main() looks at its state */
    if (batch->error != NULL)
        return end_run(run, batch->error);
    g_hash_table_iter_init(&iter, batch->places);
    while (g_hash_table_iter_next(&iter, &name, &text)) {
        g_hash_table_iter_steal(&iter);
        (void)g_hash_table_replace(run->places, name, text);
    }
    if (g_get_monotonic_time() - run->placed >= PLACE_INTERVAL && !keep_places(run, &error))
        return end_run(run, error);
    dsn_progress_update(run->progress, batch->fraction, count_all(outcome));
    return true;
}

/* ---- all of it ---- */

void
dsn_ingest_run(const DsnIngestOptions *options, DsnIngestOutcome *ret_outcome)
{
    static const DsnJobs threads = {
        .batch_new = new_batch,
        .batch_free = free_batch,
        .worker_new = new_worker,
        .worker_free = free_worker,
        .fill = fill,
        .work = work,
        .deliver = deliver,
    };
    g_autoptr(DsnMessages) walk =
        dsn_messages_new(options->paths, options->configuration->limits.message);
    g_autoptr(DsnProgress) progress =
        options->dry_run ? dsn_progress_new("items") : dsn_progress_new_alone("items");
    g_autoptr(GHashTable) places = new_places();
    g_autoptr(GError) error = NULL;
    Run run = {
        .options = options,
        .outcome = ret_outcome,
        .walk = walk,
        .progress = progress,
        .batch_messages = options->dry_run ? 1 : BATCH_MESSAGES,
        .places = places,
        .placed = g_get_monotonic_time(),
    };
    const DsnMessagesUser user = {begin_mbox, is_records, &run};

    *ret_outcome = (DsnIngestOutcome){.failed = false};
    dsn_ingested_init(&ret_outcome->messages);
    dsn_ingested_init(&ret_outcome->elements);
    dsn_messages_set_user(walk, &user);
    dsn_ingest_client_set_wait(options->client, wait_for_room, &run);
    dsn_jobs_run(&threads, options->n_jobs, &run);
    if (!ret_outcome->failed && !keep_places(&run, &error))
        (void)end_run(&run, error);
    close_records(&run);
    ret_outcome->resumed = run.resumed;
    dsn_progress_hide(progress);
}
