/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/output.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "filter/core/write-file.h"

#define GRACE G_USEC_PER_SEC
#define LOOK_AGAIN 1000

struct DsnOutput {
    int fd;
    GMutex writing;
    sigset_t signals;
    sigset_t mask_before;
    pthread_t thread;
};

/* Those of the signals that are not ignored: nohup(1) and background jobs ignore some, and a
 * blocked signal would arrive all the same. */
static void
signals_that_end(sigset_t *ret_signals)
{
    static const int candidates[] = {SIGINT, SIGTERM, SIGHUP};

    (void)sigemptyset(ret_signals);
    for (size_t i = 0; i < G_N_ELEMENTS(candidates); i++) {
        struct sigaction action;

        if (sigaction(candidates[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            (void)sigaddset(ret_signals, candidates[i]);
    }
}

/* The process ends by the signal itself, so that a shell sees what happened and stops, too. */
static void *
wait_for_signal(void *data)
{
    DsnOutput *output = data;
    int signal_number;

    if (sigwait(&output->signals, &signal_number) != 0)
        return NULL;

    gint64 deadline = g_get_monotonic_time() + GRACE;
    while (!g_mutex_trylock(&output->writing) && g_get_monotonic_time() < deadline)
        g_usleep(LOOK_AGAIN);
    (void)pthread_sigmask(SIG_UNBLOCK, &output->signals, NULL);
    (void)raise(signal_number);
    return NULL;
}

DsnOutput *
dsn_output_new(int fd)
{
    DsnOutput *output = g_new0(DsnOutput, 1);

    output->fd = fd;
    g_mutex_init(&output->writing);
    signals_that_end(&output->signals);
    (void)pthread_sigmask(SIG_BLOCK, &output->signals, &output->mask_before);
    if (pthread_create(&output->thread, NULL, wait_for_signal, output) != 0)
        g_error("cannot start a thread"); /* as g_thread_new() does */
    return output;
}

void
dsn_output_free(DsnOutput *output)
{
    if (output == NULL)
        return;
    (void)pthread_cancel(output->thread);
    (void)pthread_join(output->thread, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &output->mask_before, NULL);
    g_mutex_clear(&output->writing);
    g_free(output);
}

bool
dsn_output_write(DsnOutput *output, const GString *lines, GError **error)
{
    g_mutex_lock(&output->writing);
    bool good = dsn_write_all(output->fd, (DsnSpan){lines->str, lines->len}, error);
    g_mutex_unlock(&output->writing);
    return good;
}
