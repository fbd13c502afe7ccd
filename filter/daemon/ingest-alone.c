/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/daemon/ingest-alone.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter/core/json-writer.h"
#include "filter/core/log.h"
#include "filter/daemon/control-client.h"
#include "filter/daemon/ingest-link.h"
#include "filter/daemon/ingest-server.h"
#include "filter/daemon/parts.h"

static bool
fail(GError **error, int code, const char *what)
{
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), "%s: %s", what,
                g_strerror(code));
    return false;
}

/* ---- in the child ---- */

typedef struct Alone {
    DsnPolicy *policy;
    const char *directory;
    bool scratch;
    const int *fds;
    unsigned n_fds;
    DsnMetrics metrics;
    DsnPipeline *pipeline;
} Alone;

typedef struct Seat {
    const Alone *alone;
    int fd;
} Seat;

static gpointer
serve(gpointer data)
{
    const Seat *seat = data;

    dsn_ingest_serve(seat->alone->pipeline, seat->fd, -1, "the command");
    return NULL;
}

static void
serve_all(const Alone *alone)
{
    g_autofree Seat *seats = g_new(Seat, alone->n_fds);
    g_autofree GThread **threads = g_new(GThread *, alone->n_fds);

    for (unsigned i = 0; i < alone->n_fds; i++) {
        seats[i] = (Seat){alone, alone->fds[i]};
        threads[i] = g_thread_new("ingest", serve, &seats[i]);
    }
    for (unsigned i = 0; i < alone->n_fds; i++)
        (void)g_thread_join(threads[i]);
}

static DsnSpool *
open_spool(Alone *alone, GError **error)
{
    g_autoptr(GError) problem = NULL;
    DsnSpool *spool =
        dsn_parts_open_spool(alone->directory, alone->policy, &alone->metrics, &problem);

    if (g_error_matches(problem, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_LOCKED))
        g_set_error(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_LOCKED,
                    "%s: the spool is in use, and no daemon answers; it may be starting or "
                    "stopping, or another \"dsnarf ingest\" runs",
                    alone->directory);
    else if (problem != NULL)
        g_propagate_error(error, g_steal_pointer(&problem));
    return spool;
}

static bool
work(Alone *alone, GError **error)
{
    struct stat status;

    if (!alone->scratch && geteuid() == 0 && stat(alone->directory, &status) != 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                    "%s: there is no spool yet, and root does not know whose it would be; the "
                    "daemon makes it when it starts",
                    alone->directory);
        return false;
    }
    if (geteuid() == 0 && !dsn_control_become_owner(alone->directory, error))
        return false;
    DsnSpool *spool = open_spool(alone, error);
    if (spool == NULL)
        return false;
    bool good = dsn_parts_set_outlets(spool, alone->policy, error);
    if (good) {
        g_autoptr(DsnCaptures) captures =
            dsn_parts_open_captures(alone->directory, alone->policy, &alone->metrics);

        alone->pipeline = dsn_pipeline_new(spool, &alone->metrics, alone->policy);
        dsn_pipeline_set_captures(alone->pipeline, captures);
        serve_all(alone);
        dsn_pipeline_free(alone->pipeline);
    }
    dsn_spool_close(spool);
    return good;
}

/* What happens to each record is for the log of a daemon: here it would bury what the command says.
 */
static void
open_log(const DsnConfiguration *configuration)
{
    DsnLogTarget target = configuration->log.target;

    dsn_log_open(target, target == DSN_LOG_SYSLOG ? configuration->log.level : DSN_LOG_ERROR);
}

static void
say_error(int fd, const GError *error)
{
    g_autoptr(DsnIngestLink) link = dsn_ingest_link_new(fd, -1);
    g_autoptr(GString) line = g_string_new("{");

    dsn_json_key(line, "error");
    (void)dsn_json_string(line, dsn_span(error->message)); /* what is not UTF-8 is replaced */
    g_string_append(line, "}\n");
    (void)dsn_ingest_link_write(link, line, DSN_SPAN_ABSENT, NULL); /* or nobody is there */
}

static int
run(Alone *alone)
{
    const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    g_autoptr(GError) error = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(ignored); i++)
        (void)signal(ignored[i], SIG_IGN); /* the parent decides; what it began is finished */
    (void)umask(0077);
    open_log(alone->policy->configuration);
    if (work(alone, &error))
        return 0;
    say_error(alone->fds[0], error);
    return 1;
}

/* ---- in the parent ---- */

static void
close_all(const int *fds, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        (void)close(fds[i]); /* nothing is in them */
}

/* Makes socket pairs: @ours and @theirs. */
static bool
make_pairs(unsigned n, int *ours, int *theirs, GError **error)
{
    for (unsigned i = 0; i < n; i++) {
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
            (void)fail(error, errno, "socketpair");
            close_all(ours, i);
            close_all(theirs, i);
            return false;
        }
        ours[i] = pair[0];
        theirs[i] = pair[1];
    }
    return true;
}

pid_t
dsn_ingest_alone_start(DsnPolicy *policy, const char *directory, bool scratch, unsigned n,
                       int *ret_fds, GError **error)
{
    g_autofree int *theirs = g_new(int, n);

    if (!make_pairs(n, ret_fds, theirs, error))
        return -1;
    pid_t child = fork();
    if (child == 0) {
        Alone alone = {.policy = policy,
                       .directory = directory,
                       .scratch = scratch,
                       .fds = theirs,
                       .n_fds = n};

        close_all(ret_fds, n);
        _exit(run(&alone));
    }
    if (child < 0) {
        (void)fail(error, errno, "fork");
        close_all(ret_fds, n);
    }
    close_all(theirs, n);
    return child;
}

bool
dsn_ingest_alone_wait(pid_t child, GError **error)
{
    int status = 0;
    pid_t ended;

    do
        ended = waitpid(child, &status, 0);
    while (ended < 0 && errno == EINTR);
    if (ended == child && WIFEXITED(status))
        return true; /* it has said what there was to say */
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                "the process that had the spool was ended by a signal");
    return false;
}
