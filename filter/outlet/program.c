/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/program.h"

#include "filter/core/clean-text.h"
#include "filter/core/log.h"
#include "filter/core/record-form.h"
#include "filter/outlet/program-child.h"
#include "filter/outlet/program-work.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* How long to wait for a record while nothing else is expected. */
#define WAIT (500 * G_TIME_SPAN_MILLISECOND)
/* The same while an answer may come. */
#define GLANCE (10 * G_TIME_SPAN_MILLISECOND)
/* The same while nothing more is given: what is done is kept soon. */
#define HOLD (100 * G_TIME_SPAN_MILLISECOND)
/* At a stop, for answers. */
#define GRACE (3 * G_TIME_SPAN_SECOND)
/* Between SIGTERM and SIGKILL. */
#define KILL_GRACE (2 * G_TIME_SPAN_SECOND)
/* Within which what has closed its pipes is expected to end. */
#define END_TIME (200 * G_TIME_SPAN_MILLISECOND)
/* So often may the program fail at one record that it got alone. */
#define FAULTS_MAX 3
/* Of a wrong answer in a log line. */
#define SHOWN_MAX 100

struct DsnProgram {
    const DsnProgramOptions *options;
    DsnMetrics *metrics;
    DsnWork *work;
    GThread *thread;
    int wake_fd;
    int stopping; /* atomic */

    /* the thread's */
    DsnChild *child; /* NULL: it does not run */
    DsnAnswerReader answers;
    GQueue given;   /* of DsnWorkItem: not answered yet */
    GString *input; /* lines for the child, */
    size_t taken;   /* of which it has taken so many bytes */
    int64_t start_at;
    GTimeSpan delay;  /* before the next start, 0: it has answered since */
    char *trouble;    /* why it could not be started, NULL: it could */
    int64_t answered; /* when it has answered last */
    bool trusted;     /* it has answered since a record was given up */
};

/* ---- the process ---- */

static bool
is_stopping(const DsnProgram *program)
{
    return g_atomic_int_get(&program->stopping) != 0;
}

static void
start_later(DsnProgram *program)
{
    const DsnProgramOptions *options = program->options;

    program->delay = program->delay == 0 ? options->restart_delay
                                         : MIN(2 * program->delay, options->max_restart_delay);
    program->start_at = g_get_monotonic_time() + program->delay;
}

static void
start_child(DsnProgram *program)
{
    const DsnProgramOptions *options = program->options;
    g_autoptr(GError) error = NULL;

    program->child = dsn_child_start(options->name, options->command, &error);
    if (program->child == NULL) {
        start_later(program);
        if (g_strcmp0(program->trouble, error->message) != 0)
            dsn_log_event(DSN_LOG_ERROR, "program %s: %s; its records wait in the spool",
                          options->name, error->message);
        g_free(program->trouble);
        program->trouble = g_strdup(error->message);
        return;
    }
    g_clear_pointer(&program->trouble, g_free);
    dsn_answer_reader_reset(&program->answers);
    dsn_log_event(DSN_LOG_INFO, "program %s: started as process %d", options->name,
                  dsn_child_pid(program->child));
}

/* After the only record that it had: in the end the record is to blame, unless no other gets
 * through either. */
static void
blame(DsnProgram *program, const char *what)
{
    DsnWorkItem *item = g_queue_peek_head(&program->given);

    if (++item->faults < FAULTS_MAX)
        return;
    g_autofree char *text =
        g_strdup_printf("the program %s when it had this record, %d times", what, FAULTS_MAX);
    (void)g_queue_pop_head(&program->given); /* it is the one above */
    dsn_work_done(program->work, item, program->trusted ? DSN_ANSWER_NEVER : DSN_ANSWER_LATER,
                  text);
    program->trusted = false;
}

static void
log_end(const DsnProgram *program, int pid, const char *what, const char *how)
{
    const guint left = program->given.length;
    g_autofree char *next =
        g_strdup_printf("it is started again in %.1f s, and gets %u record%s again",
                        (double)program->delay / G_TIME_SPAN_SECOND, left, left == 1 ? "" : "s");
    g_autofree char *last =
        g_strdup_printf("%u record%s not answered", left, left == 1 ? " is" : "s are");

    dsn_log_event(is_stopping(program) ? DSN_LOG_INFO : DSN_LOG_WARNING,
                  "program %s: process %d %s%s%s; %s", program->options->name, pid,
                  what == NULL ? "" : what, what == NULL ? "" : ", and ", how,
                  is_stopping(program) ? last : next);
}

/* The process is over, or is to be, because it @what; NULL: because it has ended. What it has not
 * answered is given again, one by one. */
static void
end_child(DsnProgram *program, const char *what)
{
    DsnWorkItem *item;
    const int pid = dsn_child_pid(program->child);
    g_autofree char *how = dsn_child_end(g_steal_pointer(&program->child), KILL_GRACE);

    if (!is_stopping(program)) {
        start_later(program);
        dsn_metrics_add(program->metrics, DSN_COUNT_PROGRAM_ENDED, 1);
    }
    log_end(program, pid, what, how);
    if (program->given.length == 1 && !is_stopping(program))
        blame(program, what == NULL ? how : what);
    while ((item = g_queue_pop_tail(&program->given)) != NULL) {
        item->alone = true;
        dsn_work_return(program->work, item);
    }
    g_string_truncate(program->input, 0);
    program->taken = 0;
}

/* It has closed one of its pipes, as when it ends. */
static void
end_closed(DsnProgram *program, const char *what)
{
    end_child(program, dsn_child_wait_for_end(program->child, END_TIME) ? NULL : what);
}

/* ---- giving ---- */

/* What has no line is not given, but takes its turn. */
static void
skip_faulty(DsnProgram *program)
{
    DsnWorkItem *item;

    while ((item = g_queue_peek_head(&program->given)) != NULL && item->line == NULL) {
        g_autofree char *text = g_steal_pointer(&item->fault);

        (void)g_queue_pop_head(&program->given); /* it is the one above */
        dsn_work_done(program->work, item, DSN_ANSWER_NEVER, text);
    }
}

static bool
may_give(const DsnProgram *program)
{
    const DsnWorkItem *first = g_queue_peek_head((GQueue *)&program->given);
    const DsnWorkItem *next = dsn_work_look(program->work);

    return next != NULL && (first == NULL || (program->given.length < program->options->window &&
                                              !first->alone && !next->alone));
}

/* Writes as much as the child takes. False when it takes nothing any more. */
static bool
give_input(DsnProgram *program)
{
    gssize count = 0;

    while (program->input->len > program->taken) {
        count = dsn_child_give(program->child, (DsnSpan){program->input->str + program->taken,
                                                         program->input->len - program->taken});
        if (count <= 0)
            return count == 0;
        program->taken += (size_t)count;
    }
    g_string_truncate(program->input, 0);
    program->taken = 0;
    return true;
}

static bool
give(DsnProgram *program)
{
    while (program->input->len == 0 && may_give(program)) {
        DsnWorkItem *item = dsn_work_next(program->work);

        item->given = g_get_monotonic_time();
        g_queue_push_tail(&program->given, item);
        if (item->line == NULL) {
            skip_faulty(program);
            continue;
        }
        g_string_append(program->input, item->line);
        if (!give_input(program))
            return false;
    }
    return give_input(program);
}

/* ---- answers ---- */

/* False when the child is over because of it. */
static bool
meet_answer(DsnProgram *program, const DsnAnswer *answer)
{
    DsnWorkItem *item = g_queue_peek_head(&program->given);

    if (answer->kind == DSN_ANSWER_NONE) {
        g_autoptr(GString) what = g_string_new("said what is no answer: ");

        dsn_append_clean(what, (DsnSpan){answer->line.data, MIN(answer->line.len, SHOWN_MAX)});
        end_child(program, what->str);
        return false;
    }
    if (item == NULL) {
        end_child(program, "answered more records than it had");
        return false;
    }
    g_autofree char *text = dsn_span_dup(answer->line);
    (void)g_queue_pop_head(&program->given); /* it is the one above */
    dsn_work_done(program->work, item, answer->kind, text);
    program->answered = g_get_monotonic_time();
    program->delay = 0;
    program->trusted = true;
    skip_faulty(program);
    return true;
}

static void
take_answers(DsnProgram *program)
{
    char buffer[16384];
    DsnAnswer answer;
    gssize count;

    while ((count = dsn_child_take(program->child, buffer, sizeof buffer)) > 0) {
        dsn_answer_reader_feed(&program->answers, (DsnSpan){buffer, (size_t)count});
        while (dsn_answer_reader_next(&program->answers, &answer)) {
            if (!meet_answer(program, &answer))
                return;
        }
    }
    if (count < 0)
        end_closed(program, "closed its standard output");
}

static void
check_time(DsnProgram *program)
{
    const DsnWorkItem *item = g_queue_peek_head(&program->given);
    const GTimeSpan timeout = program->options->timeout;

    if (item == NULL || g_get_monotonic_time() - MAX(item->given, program->answered) < timeout)
        return;
    g_autofree char *what =
        g_strdup_printf("did not answer for %.0f s", (double)timeout / G_TIME_SPAN_SECOND);
    end_child(program, what);
}

/* ---- the thread ---- */

/* While it does not run. */
static void
await_start(DsnProgram *program)
{
    struct pollfd fd = {.fd = program->wake_fd, .events = POLLIN};
    const GTimeSpan left = program->start_at - g_get_monotonic_time();

    dsn_work_keep(program->work, true);
    if (left > 0)
        (void)poll(&fd, 1, (int)(MIN(left, WAIT) / 1000) + 1); /* it is looked at again anyway */
    else
        start_child(program);
}

/* Gives what there is, and takes what comes. */
static void
talk(DsnProgram *program)
{
    bool waited = dsn_work_fetch(program->work, program->given.length > 0 ? 0 : WAIT);
    GTimeSpan wait = waited ? GLANCE : HOLD;

    if (!give(program)) {
        take_answers(program);
        if (program->child != NULL)
            end_closed(program, "closed its standard input");
        return;
    }
    if (program->given.length >= program->options->window)
        wait = HOLD;
    dsn_child_wait(program->child, program->input->len > 0, program->wake_fd, wait);
    take_answers(program);
    if (program->child != NULL && dsn_child_has_ended(program->child))
        end_child(program, NULL);
    if (program->child != NULL)
        check_time(program);
    dsn_work_keep(program->work,
                  program->given.length == 0 && dsn_work_look(program->work) == NULL);
}

/* Lets the program answer what it has, and end by itself. */
static void
finish(DsnProgram *program)
{
    const int64_t until = g_get_monotonic_time() + GRACE;

    while (program->child != NULL && program->given.length > 0 && g_get_monotonic_time() < until &&
           give_input(program)) {
        if (program->input->len == 0)
            dsn_child_close_input(program->child);
        dsn_child_wait(program->child, program->input->len > 0, -1, GLANCE);
        take_answers(program);
    }
    if (program->child != NULL) {
        dsn_child_close_input(program->child);
        (void)dsn_child_wait_for_end(program->child, until - g_get_monotonic_time());
        end_child(program, NULL);
    }
    dsn_work_keep(program->work, true);
}

static gpointer
run(gpointer data)
{
    DsnProgram *program = data;

    while (!is_stopping(program)) {
        if (program->child == NULL)
            await_start(program);
        else
            talk(program);
    }
    finish(program);
    return NULL;
}

/* ---- start and stop ---- */

char *
dsn_program_outlet_name(const DsnProgramOptions *options)
{
    return g_strconcat("program:", options->name, NULL);
}

DsnProgram *
dsn_program_start(DsnSpool *spool, DsnMetrics *metrics, const DsnProgramOptions *options,
                  GError **error)
{
    DsnWork *work = dsn_work_new(spool, metrics, options, error);
    int wake_fd = work == NULL ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (work != NULL && wake_fd < 0) {
        g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno), "program %s: %s",
                    options->name, g_strerror(errno));
        g_clear_pointer(&work, dsn_work_free);
    }
    if (work == NULL)
        return NULL;
    DsnProgram *program = g_new0(DsnProgram, 1);
    program->options = options;
    program->metrics = metrics;
    program->work = work;
    program->wake_fd = wake_fd;
    program->trusted = true;
    g_queue_init(&program->given);
    program->input = g_string_new(NULL);
    dsn_answer_reader_init(&program->answers);
    program->thread = g_thread_new("program", run, program);
    return program;
}

void
dsn_program_finish(DsnProgram *program)
{
    g_atomic_int_set(&program->stopping, 1);
    (void)eventfd_write(program->wake_fd, 1); /* it fails only when it is more than full */
}

void
dsn_program_stop(DsnProgram *program)
{
    if (program == NULL)
        return;
    dsn_program_finish(program);
    (void)g_thread_join(program->thread);
    dsn_work_free(program->work);
    dsn_answer_reader_clear(&program->answers);
    (void)g_string_free(program->input, TRUE);
    g_free(program->trouble);
    (void)close(program->wake_fd); /* nothing is read from it */
    g_free(program);
}
