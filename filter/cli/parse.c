/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/commands.h"

#include <unistd.h>

#include "filter/cli/jobs.h"
#include "filter/cli/options.h"
#include "filter/cli/output.h"
#include "filter/cli/progress.h"
#include "filter/cli/terminal.h"
#include "filter/core/configuration.h"
#include "filter/core/report-json.h"
#include "filter/core/report-record.h"
#include "filter/intake/messages.h"
#include "mime/report-parse.h"

/* A batch is full with either: about a millisecond of work, see jobs.h. */
#define BATCH_MESSAGES 64
#define BATCH_BYTES ((size_t)256 * 1024)

/* A buffer that a large message has grown beyond this is not kept. */
#define BUFFER_KEPT ((size_t)4 * 1024 * 1024)

#define N_KINDS (DSN_REPORT_HEURISTIC_BOUNCE + 1)

typedef struct Parse {
    bool records;
    const DsnConfiguration *configuration;
    DsnMessages *messages;
    DsnOutput *output;
    DsnProgress *progress;
    guint64 counts[N_KINDS]; /* delivered so far */
    bool failed;
} Parse;

typedef struct Batch {
    GString *bytes;
    GArray *items;   /* of DsnIncoming */
    double fraction; /* of the whole work, when this was filled */
    GString *lines;  /* what goes to standard output */
    GString *complaints;
    guint64 counts[N_KINDS];
} Batch;

typedef struct Worker {
    DsnReportParser *parser;
    DsnReport *report;
    GString *bytes; /* of a file that the walk left unread */
} Worker;

static void
clear_item(gpointer item)
{
    dsn_incoming_clear(item);
}

static gpointer
new_batch(gpointer user)
{
    Batch *batch = g_new0(Batch, 1);

    (void)user;
    batch->bytes = g_string_new(NULL);
    batch->items = g_array_new(FALSE, FALSE, sizeof(DsnIncoming));
    g_array_set_clear_func(batch->items, clear_item);
    batch->lines = g_string_new(NULL);
    batch->complaints = g_string_new(NULL);
    return batch;
}

static void
free_batch(gpointer data)
{
    Batch *batch = data;

    (void)g_string_free(batch->bytes, TRUE);
    (void)g_array_unref(batch->items);
    (void)g_string_free(batch->lines, TRUE);
    (void)g_string_free(batch->complaints, TRUE);
    g_free(batch);
}

static gpointer
new_worker(gpointer user)
{
    const Parse *parse = user;
    Worker *worker = g_new0(Worker, 1);

    worker->parser = dsn_report_parser_new(&parse->configuration->limits);
    worker->report = dsn_report_new();
    worker->bytes = g_string_new(NULL);
    return worker;
}

static void
free_worker(gpointer data)
{
    Worker *worker = data;

    dsn_report_free(worker->report);
    dsn_report_parser_free(worker->parser);
    (void)g_string_free(worker->bytes, TRUE);
    g_free(worker);
}

static void
empty(GString **buffer)
{
    if ((*buffer)->allocated_len > BUFFER_KEPT) {
        (void)g_string_free(*buffer, TRUE);
        *buffer = g_string_new(NULL);
    }
    g_string_truncate(*buffer, 0);
}

static bool
fill(gpointer user, gpointer data)
{
    Parse *parse = user;
    Batch *batch = data;
    DsnIncoming item;

    empty(&batch->bytes);
    empty(&batch->lines);
    empty(&batch->complaints);
    g_array_set_size(batch->items, 0);
    memset(batch->counts, 0, sizeof(batch->counts));
    while (batch->items->len < BATCH_MESSAGES && batch->bytes->len < BATCH_BYTES &&
           dsn_messages_next(parse->messages, batch->bytes, &item))
        g_array_append_val(batch->items, item);
    batch->fraction = dsn_messages_fraction(parse->messages);
    return batch->items->len > 0;
}

static void
write_records(const Parse *parse, const DsnIncoming *item, DsnSpan message, const DsnReport *report,
              GString *lines)
{
    DsnArrival arrival = {
        .message = message,
        .nodeid = dsn_span(parse->configuration->nodeid),
        .time = item->time,
        .nanoseconds = item->nanoseconds,
    };

    (void)dsn_report_write_records(report, &arrival, lines);
}

static void
work_on(const Parse *parse, Worker *worker, Batch *batch, DsnIncoming *item)
{
    GString *bytes = batch->bytes;

    if (item->unread) {
        bytes = worker->bytes;
        dsn_incoming_read(item, parse->configuration->limits.message, bytes);
    }
    if (item->error != NULL) {
        dsn_append_complaint(batch->complaints, "%s: %s", dsn_input_name(item->file),
                             item->error->message);
        return;
    }

    DsnSpan message = {bytes->str + item->start, item->len};
    dsn_report_parse(worker->parser, message, worker->report);
    batch->counts[worker->report->kind]++;
    if (parse->records)
        write_records(parse, item, message, worker->report, batch->lines);
    else
        dsn_report_write(worker->report, item->file, batch->lines);
    empty(&worker->bytes);
}

static void
work(gpointer user, gpointer worker, gpointer data)
{
    Batch *batch = data;

    for (guint i = 0; i < batch->items->len; i++)
        work_on(user, worker, batch, &g_array_index(batch->items, DsnIncoming, i));
}

static guint64
total(const guint64 *counts)
{
    guint64 sum = 0;

    for (size_t i = 0; i < N_KINDS; i++)
        sum += counts[i];
    return sum;
}

static bool
deliver(gpointer user, gpointer data)
{
    Parse *parse = user;
    const Batch *batch = data;
    g_autoptr(GError) error = NULL;

    for (size_t i = 0; i < N_KINDS; i++)
        parse->counts[i] += batch->counts[i];
    if (batch->complaints->len > 0) {
        dsn_progress_hide(parse->progress);
        dsn_say(batch->complaints);
        parse->failed = true;
    }
    dsn_progress_update(parse->progress, batch->fraction, total(parse->counts));
    if (dsn_output_write(parse->output, batch->lines, &error))
        return true;
    parse->failed = true;
    dsn_progress_hide(parse->progress);
    /* A reader that has seen enough and gone away needs no explanation. */
    if (!g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_PIPE))
        dsn_complain("standard output: %s", error->message);
    return false;
}

/* "1,234 messages: 1,000 feedback reports, 200 delivery status notifications, 34 other" */
static void
say_summary(const Parse *parse)
{
    static const struct {
        DsnReportKind kind;
        const char *one, *many;
    } words[] = {
        {DSN_REPORT_FEEDBACK, "feedback report", "feedback reports"},
        {DSN_REPORT_DELIVERY_STATUS, "delivery status notification",
         "delivery status notifications"},
        {DSN_REPORT_DISPOSITION_NOTIFICATION, "disposition notification",
         "disposition notifications"},
        {DSN_REPORT_HEURISTIC_BOUNCE, "heuristic bounce", "heuristic bounces"},
        {DSN_REPORT_NONE, "other", "other"},
    };
    g_autoptr(GString) line = g_string_new("dsnarf: ");
    guint64 sum = total(parse->counts);

    dsn_append_count(line, sum);
    g_string_append(line, sum == 1 ? " message" : " messages");
    const char *separator = ": ";
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        guint64 count = parse->counts[words[i].kind];

        if (count == 0)
            continue;
        g_string_append(line, separator);
        dsn_append_count(line, count);
        g_string_append_printf(line, " %s", count == 1 ? words[i].one : words[i].many);
        separator = ", ";
    }
    g_string_append_c(line, '\n');
    dsn_say(line);
}

static int
parse_paths(const DsnConfiguration *configuration, const char *const *paths, bool records,
            unsigned n_jobs)
{
    static const DsnJobs jobs = {
        .batch_new = new_batch,
        .batch_free = free_batch,
        .worker_new = new_worker,
        .worker_free = free_worker,
        .fill = fill,
        .work = work,
        .deliver = deliver,
    };
    g_autoptr(DsnMessages) messages = dsn_messages_new(paths, configuration->limits.message);
    g_autoptr(DsnOutput) output = dsn_output_new(STDOUT_FILENO);
    g_autoptr(DsnProgress) progress = dsn_progress_new("messages");
    Parse parse = {
        .records = records,
        .configuration = configuration,
        .messages = messages,
        .output = output,
        .progress = progress,
    };

    dsn_jobs_run(&jobs, n_jobs, &parse);

    dsn_progress_hide(progress);
    if (dsn_is_terminal(STDERR_FILENO))
        say_summary(&parse);
    return parse.failed ? DSN_EXIT_FAILED : DSN_EXIT_DONE;
}

int
dsn_cli_parse(int argc, char **argv)
{
    static const char *const standard_input[] = {"-", NULL};
    gboolean records = FALSE;
    gint n_jobs = (gint)MIN(g_get_num_processors(), DSN_JOBS_MAX);
    g_autofree char *file = NULL;
    g_auto(GStrv) paths = NULL;
    const GOptionEntry entries[] = {
        {"records", 0, 0, G_OPTION_ARG_NONE, &records,
         "Print log records instead, and nothing for what is no report", NULL},
        {"jobs", 0, 0, G_OPTION_ARG_INT, &n_jobs,
         "Use N processors instead of all; the output is the same", "N"},
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &file, "Read limits and nodeid from FILE",
         "FILE"},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &paths, NULL, NULL},
        G_OPTION_ENTRY_NULL,
    };
    const DsnUsage usage = {
        .command = "parse",
        .arguments = "[PATH|-]...",
        .summary = "Reads messages and prints one JSON object for each, in the order of input.",
        .description = "PATH is a message, an mbox, a Maildir or a directory; \"-\", or no PATH at "
                       "all, is standard input.",
        .entries = entries,
    };
    g_autoptr(GError) error = NULL;
    int status;

    if (!dsn_options_read(&usage, argc, argv, &status))
        return status;
    if (n_jobs < 1 || n_jobs > DSN_JOBS_MAX)
        return dsn_usage_error("parse", "--jobs takes a number from 1 to %d", DSN_JOBS_MAX);
    if (paths == NULL && dsn_is_terminal(STDIN_FILENO))
        return dsn_usage_error("parse", "no PATH is given, and standard input is a terminal");

    g_autoptr(DsnConfiguration) configuration = dsn_configuration_load(file, &error);
    if (configuration == NULL) {
        dsn_complain_lines(error->message);
        return DSN_EXIT_USAGE;
    }
    return parse_paths(configuration, paths != NULL ? (const char *const *)paths : standard_input,
                       records != FALSE, (unsigned)n_jobs);
}
