/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "filter/cli/ingest-run.h"
#include "filter/cli/jobs.h"
#include "filter/cli/options.h"
#include "filter/cli/terminal.h"
#include "filter/pipeline/policy.h"

#define COMMAND "ingest"

/* More threads than this only wait for the same writer. */
#define DEFAULT_JOBS 4U
#define JOBS_MAX 32

/* What a shell says of a program that a signal has ended. */
#define EXIT_SIGNAL 128

typedef struct Arguments {
    char *config;
    gboolean messages;
    gboolean records;
    gboolean again;
    gboolean dry_run;
    gint n_jobs;
    char *aside;
    char **paths;
} Arguments;

static void
arguments_clear(Arguments *arguments)
{
    g_free(arguments->config);
    g_free(arguments->aside);
    g_strfreev(arguments->paths);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, arguments_clear)

/* ---- signals ---- */

/* They are taken by a thread of their own, so that what is on its way can be finished. */
typedef struct Signals {
    int fd;  /* a signalfd */
    int end; /* an eventfd */
    gint stop;
    GThread *thread;
} Signals;

static gpointer
take_signals(gpointer data)
{
    Signals *signals = data;
    struct pollfd fds[] = {{.fd = signals->fd, .events = POLLIN},
                           {.fd = signals->end, .events = POLLIN}};

    for (;;) {
        struct signalfd_siginfo info;

        if (poll(fds, G_N_ELEMENTS(fds), -1) < 0 && errno == EINTR)
            continue;
        if (fds[1].revents != 0)
            return NULL;
        if (read(signals->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
            continue;
        if (g_atomic_int_exchange(&signals->stop, 1) != 0)
            _exit(EXIT_SIGNAL + (int)info.ssi_signo);
        dsn_complain(COMMAND ": finishing what is on its way; once more ends it at once");
    }
}

/* Before any thread is started: they inherit the mask. */
static void
block_signals(Signals *signals)
{
    sigset_t set;

    (void)sigemptyset(&set); /* none of these can fail */
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    signals->end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void
stop_signals(Signals *signals)
{
    (void)eventfd_write(signals->end, 1); /* the counter is far from its end */
    (void)g_thread_join(signals->thread);
    (void)close(signals->fd);
    (void)close(signals->end);
}

/* ---- what is said in the end ---- */

static void
append_number(GString *line, guint64 number, const char *one, const char *many)
{
    dsn_append_count(line, number);
    g_string_append_printf(line, " %s", number == 1 ? one : many);
}

/* "name 1, other 2" */
static void
append_reasons(GString *line, const DsnTally *tally)
{
    const char *separator = "";

    for (int reason = 1; reason < DSN_N_REASONS; reason++) {
        if (tally->reasons[reason] == 0)
            continue;
        g_string_append_printf(line, "%s%s ", separator, dsn_reason_to_string((DsnReason)reason));
        dsn_append_count(line, tally->reasons[reason]);
        separator = ", ";
    }
}

static guint64
sum_of_reasons(const DsnTally *tally)
{
    guint64 sum = 0;

    for (int reason = 1; reason < DSN_N_REASONS; reason++)
        sum += tally->reasons[reason];
    return sum;
}

/* "1,234 messages read: 1,000 reports recorded (1,050 records), 34 duplicates, 200 that make no
 * record (not-a-report 200)" */
static void
append_messages(GString *lines, const DsnIngestOutcome *outcome)
{
    const DsnTally *tally = &outcome->messages.tally;
    guint64 untouched = sum_of_reasons(tally);

    append_number(lines, outcome->n_messages, "message read: ", "messages read: ");
    append_number(lines, tally->accepted - MIN(tally->accepted, untouched), "report recorded (",
                  "reports recorded (");
    append_number(lines, outcome->messages.records, "record), ", "records), ");
    append_number(lines, tally->duplicate, "duplicate", "duplicates");
    if (untouched > 0) {
        g_string_append(lines, ", ");
        append_number(lines, untouched, "that makes no record (", "that make no record (");
        append_reasons(lines, tally);
        g_string_append_c(lines, ')');
    }
    g_string_append_c(lines, '\n');
}

static guint64
count_elements(const DsnIngestOutcome *outcome)
{
    const DsnTally *tally = &outcome->elements.tally;

    return tally->accepted + tally->duplicate + tally->ignored + outcome->rejected;
}

/* "501 records read: 20 with a notice, 400 without (not-asked 400), 70 duplicates, 10 that nothing
 * here wants, 1 rejected (a dead letter)" */
static void
append_elements(GString *lines, const DsnIngestOutcome *outcome)
{
    const DsnTally *tally = &outcome->elements.tally;
    guint64 without = sum_of_reasons(tally);

    append_number(lines, count_elements(outcome), "record read: ", "records read: ");
    append_number(lines, tally->accepted - MIN(tally->accepted, without), "with a notice, ",
                  "with a notice, ");
    append_number(lines, without, "without", "without");
    if (without > 0) {
        g_string_append(lines, " (");
        append_reasons(lines, tally);
        g_string_append_c(lines, ')');
    }
    g_string_append(lines, ", ");
    append_number(lines, tally->duplicate, "duplicate, ", "duplicates, ");
    append_number(lines, tally->ignored, "that nothing here wants", "that nothing here wants");
    if (outcome->rejected > 0) {
        g_string_append(lines, ", ");
        append_number(lines, outcome->rejected, "rejected (a dead letter)",
                      "rejected (dead letters)");
    }
    g_string_append_c(lines, '\n');
}

static void
say_outcome(const DsnIngestOutcome *outcome, bool daemon, bool stopped)
{
    g_autoptr(GString) lines = g_string_new(NULL);
    guint64 elements = count_elements(outcome);

    if (outcome->n_messages > 0 || elements == 0)
        append_messages(lines, outcome);
    if (elements > 0)
        append_elements(lines, outcome);
    if (outcome->troubles > 0) {
        append_number(lines, outcome->troubles, "case of what could not be taken\n",
                      "cases of what could not be taken\n");
    }
    if (outcome->resumed > 0) {
        append_number(lines, outcome->resumed, "file was read on", "files were read on");
        g_string_append(lines, " from where an earlier run ended; --again reads all\n");
    }
    if (!daemon)
        g_string_append(lines, "no daemon runs: what is to be delivered waits until it starts\n");
    if (outcome->failed || stopped)
        g_string_append(lines,
                        "it ended early: the same command goes on, and takes nothing twice\n");
    (void)fwrite(lines->str, 1, lines->len, stdout); /* main() looks at its state */
}

/* ---- all of it ---- */

/* A file that only its owner can read: what cannot be taken may quote mail. */
static FILE *
open_aside(const char *path, GError **error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "a");

    if (file == NULL)
        g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno), "%s: %s", path,
                    g_strerror(errno));
    return file;
}

static bool
close_aside(FILE *file, const char *path)
{
    bool good = ferror(file) == 0;

    good = fclose(file) == 0 && good;
    if (!good)
        dsn_complain(COMMAND ": %s: not all could be written", path);
    return good;
}

static int
run(const Arguments *arguments, DsnIngestClient *client, DsnPolicy *policy, Signals *signals,
    FILE *aside)
{
    static const char *const standard_input[] = {"-", NULL};
    const DsnIngestOptions options = {
        .client = client,
        .configuration = policy->configuration,
        .paths = arguments->paths != NULL ? (const char *const *)arguments->paths : standard_input,
        .kind = arguments->messages  ? DSN_INGEST_MESSAGES
                : arguments->records ? DSN_INGEST_RECORDS
                                     : DSN_INGEST_ANY,
        .again = arguments->again || arguments->dry_run,
        .dry_run = arguments->dry_run != FALSE,
        .n_jobs = (unsigned)arguments->n_jobs,
        .aside = aside,
        .stop = &signals->stop,
    };
    bool daemon = dsn_ingest_client_has_daemon(client);
    g_autoptr(GError) error = NULL;
    g_auto(DsnIngestOutcome) outcome;

    dsn_ingest_run(&options, &outcome);
    if (!dsn_ingest_client_close(client, &error)) {
        dsn_complain(COMMAND ": %s", error->message);
        outcome.failed = true;
    }
    bool stopped = g_atomic_int_get(&signals->stop) != 0;
    if (!arguments->dry_run)
        say_outcome(&outcome, daemon, stopped);
    return outcome.failed || stopped || outcome.troubles > 0 ? DSN_EXIT_FAILED : DSN_EXIT_DONE;
}

static int
start(const Arguments *arguments, DsnPolicy *policy)
{
    g_autoptr(GError) error = NULL;
    Signals signals = {.stop = 0};
    FILE *aside = NULL;

    if (arguments->aside != NULL && (aside = open_aside(arguments->aside, &error)) == NULL) {
        dsn_complain(COMMAND ": %s", error->message);
        return DSN_EXIT_FAILED;
    }
    block_signals(&signals);
    DsnIngestClient *client = dsn_ingest_client_open(
        policy, arguments->dry_run, DSN_INGEST_SEATS((unsigned)arguments->n_jobs), &error);
    signals.thread = g_thread_new("signals", take_signals, &signals);
    int status = DSN_EXIT_FAILED;
    if (client != NULL)
        status = run(arguments, client, policy, &signals, aside);
    else
        dsn_complain(COMMAND ": %s", error->message);
    stop_signals(&signals);
    if (aside != NULL && !close_aside(aside, arguments->aside))
        status = DSN_EXIT_FAILED;
    return status;
}

int
dsn_cli_ingest(int argc, char **argv)
{
    g_auto(Arguments) arguments = {
        .n_jobs = (gint)MIN(g_get_num_processors() + 1, DEFAULT_JOBS),
    };
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &arguments.config,
         "Read the configuration from FILE instead of " DSN_DEFAULT_FILE, "FILE"},
        {"messages", 0, 0, G_OPTION_ARG_NONE, &arguments.messages,
         "All files are messages, whatever they look like", NULL},
        {"records", 0, 0, G_OPTION_ARG_NONE, &arguments.records,
         "All files but those of Maildirs are records", NULL},
        {"again", 0, 0, G_OPTION_ARG_NONE, &arguments.again,
         "Read files that were read before from their beginning", NULL},
        {"dry-run", 'n', 0, G_OPTION_ARG_NONE, &arguments.dry_run,
         "Print what would become of each, and keep nothing", NULL},
        {"aside", 0, 0, G_OPTION_ARG_FILENAME, &arguments.aside,
         "Append a JSON line to FILE for everything that could not be taken", "FILE"},
        {"jobs", 0, 0, G_OPTION_ARG_INT, &arguments.n_jobs, "Read messages with N threads", "N"},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &arguments.paths, NULL, NULL},
        G_OPTION_ENTRY_NULL,
    };
    const DsnUsage usage = {
        .command = COMMAND,
        .arguments = "[PATH|-]...",
        .summary = "Takes messages and records through the configured pipeline once, and changes "
                   "no file.",
        .description = "PATH is a message, an mbox, a Maildir, a file of records (JSON, JSON "
                       "lines, log segment) or a directory; \"-\", or no PATH at all, is standard "
                       "input. What comes twice is a duplicate.",
        .entries = entries,
    };
    const char *file = NULL;
    g_autoptr(GError) error = NULL;
    int status;

    if (!dsn_options_read(&usage, argc, argv, &status))
        return status;
    if (arguments.messages && arguments.records)
        return dsn_usage_error(COMMAND, "--messages and --records exclude each other");
    if (arguments.n_jobs < 1 || arguments.n_jobs > JOBS_MAX)
        return dsn_usage_error(COMMAND, "--jobs takes a number from 1 to %d", JOBS_MAX);
    if (arguments.paths == NULL && dsn_is_terminal(STDIN_FILENO))
        return dsn_usage_error(COMMAND, "no PATH is given, and standard input is a terminal");
    file = arguments.config == NULL ? DSN_DEFAULT_FILE : arguments.config;
    g_autoptr(DsnPolicy) policy = dsn_policy_load(file, &error);
    if (policy == NULL) {
        dsn_complain_lines(error->message);
        return DSN_EXIT_USAGE;
    }
    return start(&arguments, policy);
}
