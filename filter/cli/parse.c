/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/commands.h"

#include <unistd.h>

#include "filter/cli/jobs.h"
#include "filter/cli/message-jobs.h"
#include "filter/cli/options.h"
#include "filter/cli/terminal.h"
#include "filter/core/configuration.h"
#include "filter/core/report-json.h"
#include "filter/core/report-record.h"
#include "mime/report-parse.h"

#define N_KINDS (DSN_REPORT_HEURISTIC_BOUNCE + 1)

typedef struct Parse {
    bool records;
    const DsnConfiguration *configuration;
    const DsnEvidenceRules *rules;
    const DsnClassification *classification;
    guint64 counts[N_KINDS]; /* delivered so far */
} Parse;

typedef struct Worker {
    DsnReportParser *parser;
    DsnReport *report;
} Worker;

static gpointer
new_worker(gpointer user)
{
    const Parse *parse = user;
    Worker *worker = g_new0(Worker, 1);

    worker->parser = dsn_report_parser_new(&parse->configuration->limits);
    worker->report = dsn_report_new();
    return worker;
}

static void
free_worker(gpointer data)
{
    Worker *worker = data;

    dsn_report_free(worker->report);
    dsn_report_parser_free(worker->parser);
    g_free(worker);
}

static gpointer
new_counts(void)
{
    return g_new0(guint64, N_KINDS);
}

static void
write_lines(const Parse *parse, const DsnIncoming *item, DsnSpan message, const DsnReport *report,
            GString *lines)
{
    const DsnArrival arrival = {
        .message = message,
        .nodeid = dsn_span(parse->configuration->nodeid),
        .time = item->time,
        .nanoseconds = item->nanoseconds,
        .rules = parse->rules,
        .classification = parse->classification,
    };

    if (parse->records)
        (void)dsn_report_write_records(report, &arrival, lines, NULL); /* none is fine, too */
    else
        dsn_report_write_arrived(report, &arrival, item->file, lines);
}

static void
read_message(gpointer user, gpointer data, const DsnIncoming *item, DsnSpan message, GString *lines,
             gpointer counts)
{
    const Parse *parse = user;
    Worker *worker = data;

    dsn_report_parse(worker->parser, message, worker->report);
    ((guint64 *)counts)[worker->report->kind]++;
    write_lines(parse, item, message, worker->report, lines);
}

static void
take_counts(gpointer user, gpointer data)
{
    Parse *parse = user;
    guint64 *counts = data;

    for (size_t i = 0; i < N_KINDS; i++) {
        parse->counts[i] += counts[i];
        counts[i] = 0;
    }
}

static guint64
total(const guint64 *counts)
{
    guint64 sum = 0;

    for (size_t i = 0; i < N_KINDS; i++)
        sum += counts[i];
    return sum;
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
parse_paths(Parse *parse, const char *const *paths, unsigned n_jobs)
{
    static const DsnMessageJobs jobs = {
        .worker_new = new_worker,
        .worker_free = free_worker,
        .tally_new = new_counts,
        .tally_free = g_free,
        .read = read_message,
        .take = take_counts,
    };
    bool done =
        dsn_message_jobs_run(&jobs, paths, parse->configuration->limits.message, n_jobs, parse);

    if (dsn_is_terminal(STDERR_FILENO))
        say_summary(parse);
    return done ? DSN_EXIT_DONE : DSN_EXIT_FAILED;
}

/* The rules of @files, of which there are some, or else those of @configuration. NULL: a complaint
 * was made. */
static DsnClassification *
load_classification(const DsnConfiguration *configuration, const char *const *files)
{
    g_autoptr(GPtrArray) given = g_ptr_array_new();
    DsnClassificationOptions options = configuration->classification;
    g_autoptr(GError) error = NULL;

    for (size_t i = 0; files != NULL && files[i] != NULL; i++)
        g_ptr_array_add(given, (gpointer)files[i]);
    if (given->len > 0)
        options.files = given;
    DsnClassification *classification = dsn_classification_new(&options, &error);
    if (classification == NULL)
        dsn_complain("%s", error->message);
    return classification;
}

int
dsn_cli_parse(int argc, char **argv)
{
    gboolean records = FALSE;
    gint n_jobs = (gint)MIN(g_get_num_processors(), DSN_JOBS_MAX);
    g_autofree char *file = NULL;
    g_auto(GStrv) paths = NULL, rules_files = NULL;
    const GOptionEntry entries[] = {
        {"records", 0, 0, G_OPTION_ARG_NONE, &records,
         "Print log records instead, and nothing for what is no report", NULL},
        {"classify", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &rules_files,
         "Give the records classes by KumoMTA's rules in FILE; more than once: in that order",
         "FILE"},
        {"jobs", 0, 0, G_OPTION_ARG_INT, &n_jobs,
         "Use N processors instead of all; the output is the same", "N"},
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &file,
         "Read limits, keys, nodeid and rules from FILE", "FILE"},
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
    if (rules_files != NULL && !records)
        return dsn_usage_error("parse", "--classify is only for --records");
    if (paths == NULL && dsn_is_terminal(STDIN_FILENO))
        return dsn_usage_error("parse", "no PATH is given, and standard input is a terminal");

    g_autoptr(DsnConfiguration) configuration = dsn_configuration_load(file, &error);
    if (configuration == NULL) {
        dsn_complain_lines(error->message);
        return DSN_EXIT_USAGE;
    }

    g_autoptr(DsnEvidenceRules) rules = dsn_evidence_rules_new(configuration);
    g_autoptr(DsnClassification) classification =
        load_classification(configuration, (const char *const *)rules_files);
    if (classification == NULL)
        return DSN_EXIT_USAGE;
    Parse parse = {.records = records != FALSE,
                   .configuration = configuration,
                   .rules = rules,
                   .classification = classification};
    return parse_paths(&parse, (const char *const *)paths, (unsigned)n_jobs);
}
