/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/program-child.h"

#include "filter/core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Lines of complaint that are logged, in a time; how many more there were is said. */
#define COMPLAINTS_MAX 50
#define COMPLAINTS_TIME G_TIME_SPAN_MINUTE
/* Bytes that one look reads of them: who complains without an end does not keep us. */
#define COMPLAINT_PIECE 4096
#define COMPLAINT_PIECES 16
/* Of one line. */
#define COMPLAINT_MAX DSN_LOG_VALUE_MAX
/* Between two looks whether a process has ended that was told to. */
#define END_POLL (10 * G_TIME_SPAN_MILLISECOND)

#define SEARCH_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct DsnChild {
    char *name;
    pid_t pid;
    int input, output, errors; /* our ends; -1 when closed */
    GString *complaint;        /* a line that is not complete */
    int64_t counted_since;     /* monotonic */
    unsigned complaints, left_out;
};

/* ---- start ---- */

typedef struct Pipes {
    int child[3], own[3];
} Pipes;

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* nothing of ours is waited for */
    *fd = -1;
}

static void
close_pipes(Pipes *pipes)
{
    for (int i = 0; i < 3; i++) {
        close_fd(&pipes->child[i]);
        close_fd(&pipes->own[i]);
    }
}

static bool
open_pipes(Pipes *pipes)
{
    *pipes = (Pipes){{-1, -1, -1}, {-1, -1, -1}};
    for (int i = 0; i < 3; i++) {
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) != 0)
            return false;
        pipes->child[i] = i == 0 ? ends[0] : ends[1];
        pipes->own[i] = i == 0 ? ends[1] : ends[0];
        if (fcntl(pipes->own[i], F_SETFL, O_NONBLOCK) != 0)
            return false;
    }
    return true;
}

/* The mask and the ignored signals of this process are not for others. */
static int
set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;

    (void)sigemptyset(&none); /* these cannot fail */
    (void)sigfillset(&all);
    int result = posix_spawnattr_setflags(
        attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (result == 0)
        result = posix_spawnattr_setpgroup(attributes, 0);
    if (result == 0)
        result = posix_spawnattr_setsigmask(attributes, &none);
    return result == 0 ? posix_spawnattr_setsigdefault(attributes, &all) : result;
}

/* The pipes are from 3 on where 0 to 2 are open, as in every daemon. */
static int
set_actions(posix_spawn_file_actions_t *actions, const Pipes *pipes)
{
    int result = posix_spawn_file_actions_addchdir_np(actions, "/");

    for (int i = 0; i < 3 && result == 0; i++)
        result = posix_spawn_file_actions_adddup2(actions, pipes->child[i], i);
    return result == 0 ? posix_spawn_file_actions_addclosefrom_np(actions, 3) : result;
}

static int
spawn(const char *name, const GPtrArray *command, const Pipes *pipes, pid_t *ret_pid)
{
    g_auto(GStrv) environment = g_environ_setenv(NULL, "PATH", SEARCH_PATH, TRUE);
    g_autofree char **arguments = g_new0(char *, command->len + 1);
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;

    environment = g_environ_setenv(environment, "LANG", "C.UTF-8", TRUE);
    environment = g_environ_setenv(environment, "DSNARF_PROGRAM", name, TRUE);
    for (guint i = 0; i < command->len; i++)
        arguments[i] = command->pdata[i];
    (void)posix_spawnattr_init(&attributes); /* glibc's cannot fail, nor the other */
    (void)posix_spawn_file_actions_init(&actions);
    int result = set_attributes(&attributes);
    if (result == 0)
        result = set_actions(&actions, pipes);
    if (result == 0)
        result = posix_spawn(ret_pid, arguments[0], &actions, &attributes, arguments, environment);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    return result;
}

DsnChild *
dsn_child_start(const char *name, const GPtrArray *command, GError **error)
{
    Pipes pipes;
    pid_t pid = -1;
    int result = open_pipes(&pipes) ? spawn(name, command, &pipes, &pid) : errno;

    if (result != 0) {
        close_pipes(&pipes);
        g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(result),
                    "%s: cannot be started: %s", (const char *)command->pdata[0],
                    g_strerror(result));
        return NULL;
    }
    for (int i = 0; i < 3; i++)
        close_fd(&pipes.child[i]);
    DsnChild *child = g_new0(DsnChild, 1);
    child->name = g_strdup(name);
    child->pid = pid;
    child->input = pipes.own[0];
    child->output = pipes.own[1];
    child->errors = pipes.own[2];
    child->complaint = g_string_new(NULL);
    return child;
}

int
dsn_child_pid(const DsnChild *child)
{
    return (int)child->pid;
}

/* ---- complaints ---- */

static void
say_what_was_left_out(DsnChild *child)
{
    if (child->left_out > 0)
        dsn_log_event(DSN_LOG_INFO, "program %s: %u more lines on standard error", child->name,
                      child->left_out);
    child->complaints = child->left_out = 0;
}

static void
log_complaint(DsnChild *child)
{
    const int64_t now = g_get_monotonic_time();
    DsnLogLine line;

    if (now - child->counted_since >= COMPLAINTS_TIME) {
        say_what_was_left_out(child);
        child->counted_since = now;
    }
    if (child->complaints++ < COMPLAINTS_MAX) {
        dsn_log_begin(&line, NULL);
        dsn_log_text(&line, "program", child->name);
        dsn_log_span(&line, "stderr", (DsnSpan){child->complaint->str, child->complaint->len});
        dsn_log_end(&line, DSN_LOG_INFO);
    } else {
        child->left_out++;
    }
    g_string_truncate(child->complaint, 0);
}

/* What does not fit into a line of ours is left out. */
static void
add_complaints(DsnChild *child, DsnSpan bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.data[i] == '\n')
            log_complaint(child);
        else if (child->complaint->len <= COMPLAINT_MAX) /* one more says that it was cut */
            g_string_append_c(child->complaint, bytes.data[i]);
    }
}

static void
take_complaints(DsnChild *child)
{
    char buffer[COMPLAINT_PIECE];

    for (int i = 0; i < COMPLAINT_PIECES && child->errors >= 0; i++) {
        ssize_t count = read(child->errors, buffer, sizeof buffer);

        if (count > 0)
            add_complaints(child, (DsnSpan){buffer, (size_t)count});
        else if (count == 0 || (errno != EAGAIN && errno != EINTR))
            close_fd(&child->errors);
        else
            return;
    }
}

/* ---- talking ---- */

void
dsn_child_wait(DsnChild *child, bool write, int wake_fd, GTimeSpan wait)
{
    /* those that are closed are negative, which poll() leaves out */
    struct pollfd fds[] = {
        {.fd = child->output, .events = POLLIN},
        {.fd = child->errors, .events = POLLIN},
        {.fd = write ? child->input : -1, .events = POLLOUT},
        {.fd = wake_fd, .events = POLLIN},
    };
    const struct timespec time = {wait / G_USEC_PER_SEC, wait % G_USEC_PER_SEC * 1000};

    (void)ppoll(fds, G_N_ELEMENTS(fds), &time, NULL); /* whatever it is, it is looked at then */
    take_complaints(child);
}

gssize
dsn_child_give(DsnChild *child, DsnSpan bytes)
{
    ssize_t count = child->input < 0 ? -1 : write(child->input, bytes.data, bytes.len);

    if (count < 0 && child->input >= 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (count < 0)
        dsn_child_close_input(child);
    return count;
}

gssize
dsn_child_take(DsnChild *child, char *buffer, size_t size)
{
    ssize_t count = child->output < 0 ? 0 : read(child->output, buffer, size);

    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (count <= 0)
        close_fd(&child->output);
    return count > 0 ? count : -1;
}

void
dsn_child_close_input(DsnChild *child)
{
    close_fd(&child->input);
}

/* ---- the end ---- */

/* Leaves it to be waited for, so that its number stays its. */
bool
dsn_child_has_ended(const DsnChild *child)
{
    siginfo_t info = {.si_pid = 0};

    return waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid != 0;
}

bool
dsn_child_wait_for_end(DsnChild *child, GTimeSpan wait)
{
    const int64_t until = g_get_monotonic_time() + wait;

    while (!dsn_child_has_ended(child)) {
        if (g_get_monotonic_time() >= until)
            return false;
        take_complaints(child);
        g_usleep(END_POLL);
    }
    return true;
}

static char *
describe_end(int status)
{
    if (WIFEXITED(status))
        return g_strdup_printf("ended with status %d", WEXITSTATUS(status));
    return g_strdup_printf("was ended by signal %d (%s)", WTERMSIG(status),
                           g_strsignal(WTERMSIG(status)));
}

char *
dsn_child_end(DsnChild *child, GTimeSpan grace)
{
    int status = 0;

    dsn_child_close_input(child);
    close_fd(&child->output); /* who still writes must not wait for us */
    if (!dsn_child_has_ended(child)) {
        (void)kill(-child->pid, SIGTERM); /* it is there: nobody has waited for it */
        (void)dsn_child_wait_for_end(child, grace);
    }
    /* What it has started, too: until it was waited for nobody else has the number of its group. */
    (void)kill(-child->pid, SIGKILL);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    take_complaints(child);
    if (child->complaint->len > 0)
        log_complaint(child);
    say_what_was_left_out(child);
    close_fd(&child->errors);
    (void)g_string_free(child->complaint, TRUE);
    g_free(child->name);
    g_free(child);
    return describe_end(status);
}
