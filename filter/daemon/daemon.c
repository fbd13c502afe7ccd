/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/daemon/daemon.h"

#include <glib-unix.h>
#include <math.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter/core/json-writer.h"
#include "filter/core/log.h"
#include "filter/daemon/descriptors.h"
#include "filter/daemon/names.h"
#include "filter/daemon/parts.h"
#include "filter/daemon/ready.h"
#include "filter/intake/handed-over.h"
#include "filter/intake/milter-session.h"

typedef struct Daemon {
    const char *file;
    DsnPolicy *policy;
    DsnMetrics metrics;
    DsnParts *parts;
    DsnNames *names;
    GMainLoop *loop;
    guint term, interrupt; /* sources of the signals, 0 when they are gone */
    gint64 started;        /* unix microseconds */
    gint64 loaded;         /* when the configuration in force was */
    gint failed;           /* the last reload did */
    gint open;             /* things may be taken in */
} Daemon;

/* ---- how things stand ---- */

static char *
why_unready(gpointer user)
{
    Daemon *daemon = user;

    if (g_atomic_int_get(&daemon->open) == 0)
        return g_strdup("dsnarf starts or stops");
    return dsn_spool_unready(dsn_parts_spool(daemon->parts));
}

static double
seconds(const gint64 *microseconds)
{
    return floor((double)__atomic_load_n(microseconds, __ATOMIC_RELAXED) / G_USEC_PER_SEC);
}

/* What a gauge is about, and where it goes. */
typedef struct Page {
    DsnSpool *spool;
    GString *text;
} Page;

static double
age(DsnSpool *spool, int64_t time)
{
    return time == 0 ? 0 : (double)MAX(dsn_spool_now(spool) / G_USEC_PER_SEC - time, 0);
}

static void
write_relay_age(const char *name, guint64 records, int64_t oldest, gpointer user)
{
    (void)records; /* there are none */
    const Page *page = user;

    dsn_metrics_write_gauge_of(page->text, "relay_oldest_seconds", "relay", name,
                               age(page->spool, oldest));
}

static void
write_outlet_age(const char *name, guint64 records, int64_t oldest, gpointer user)
{
    (void)records; /* see below */
    const Page *page = user;

    dsn_metrics_write_gauge_of(page->text, "outlet_oldest_seconds", "outlet", name,
                               age(page->spool, oldest));
}

static void
write_outlet_records(const char *name, guint64 records, int64_t oldest, gpointer user)
{
    (void)oldest; /* see above */
    dsn_metrics_write_gauge_of(((const Page *)user)->text, "outlet_records", "outlet", name,
                               (double)records);
}

static void
write_queues(DsnSpool *spool, GString *text)
{
    Page page = {spool, text};

    dsn_metrics_write_gauge_head(text, "relay_oldest_seconds",
                                 "Age of the oldest notice that waits for a relay");
    dsn_spool_each_relay(spool, write_relay_age, &page);
    dsn_metrics_write_gauge_head(text, "outlet_oldest_seconds",
                                 "Age of the oldest record that an outlet is not past");
    dsn_spool_each_outlet(spool, write_outlet_age, &page);
    dsn_metrics_write_gauge_head(text, "outlet_records", "Records that an outlet is not past");
    dsn_spool_each_outlet(spool, write_outlet_records, &page);
}

static void
write_spool(DsnSpool *spool, GString *text)
{
    DsnSpoolState state;

    dsn_spool_state(spool, &state);
    const struct {
        const char *name, *help;
        double value;
    } gauges[] = {
        {"spool_waiting", "Entries that wait to be sent", (double)state.waiting},
        {"spool_dead", "Dead letters", (double)state.dead},
        {"spool_records", "Records that not all outlets have read", (double)state.records},
        {"spool_oldest_seconds", "Age of the oldest waiting entry", age(spool, state.oldest)},
        {"spool_bytes", "Bytes of the spool on disk", (double)state.bytes},
        {"spool_max_bytes", "Bytes from which on nothing is taken in", (double)state.max_size},
        {"spool_free_bytes", "Bytes that are free on its file system", (double)state.free},
        {"spool_min_free_bytes", "Free bytes below which nothing is taken in",
         (double)state.min_free},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(gauges); i++)
        dsn_metrics_write_gauge(text, gauges[i].name, gauges[i].help, gauges[i].value);
    write_queues(spool, text);
}

static void
write_captures(DsnCaptures *captures, GString *text)
{
    DsnCapturesState state;

    dsn_captures_state(captures, &state);
    dsn_metrics_write_gauge(text, "captures_bytes", "Bytes of captures on disk",
                            (double)state.bytes);
    dsn_metrics_write_gauge(
        text, "captures_oldest_seconds", "Age of the oldest capture",
        state.oldest == 0 ? 0 : (double)MAX(g_get_real_time() / G_USEC_PER_SEC - state.oldest, 0));
}

static void
write_metrics(gpointer user, GString *text)
{
    Daemon *daemon = user;
    g_autofree char *why = why_unready(daemon);

    dsn_metrics_write(&daemon->metrics, text);
    if (g_atomic_int_get(&daemon->open) == 0)
        return;
    dsn_metrics_write_gauge(text, "ready", "1 while things are taken in", why == NULL ? 1 : 0);
    write_spool(dsn_parts_spool(daemon->parts), text);
    dsn_metrics_write_gauge(text, "milter_connections", "Connections of MTAs that are open",
                            (double)dsn_milter_session_count());
    dsn_parts_write_lags(daemon->parts, text);
    write_captures(dsn_parts_captures(daemon->parts), text);
    dsn_metrics_write_gauge(text, "start_time_seconds", "When the daemon started, in unix time",
                            seconds(&daemon->started));
    dsn_metrics_write_gauge(text, "config_time_seconds",
                            "When the configuration in force was read, in unix time",
                            seconds(&daemon->loaded));
    dsn_metrics_write_gauge(text, "config_reload_ok", "0 after a reload that failed",
                            g_atomic_int_get(&daemon->failed) == 0 ? 1 : 0);
}

/* For "dsnarf queue status". */
static void
write_status(gpointer user, GString *json)
{
    const Daemon *daemon = user;

    dsn_json_key(json, "version");
    (void)dsn_json_string(json, DSN_SPAN_LITERAL(PACKAGE_VERSION));
    dsn_json_key(json, "pid");
    dsn_json_int(json, getpid());
    dsn_json_key(json, "started");
    dsn_json_int(json, daemon->started / G_USEC_PER_SEC);
}

/* ---- reload ---- */

/* The policy of the file, with the old values of what needs a restart: what is checked is what will
 * be in force. */
static DsnPolicy *
read_policy(const Daemon *daemon, GString *kept, GError **error)
{
    DsnConfiguration *configuration = dsn_configuration_load(daemon->file, error);

    if (configuration == NULL)
        return NULL;
    dsn_configuration_keep(configuration, daemon->policy->configuration, kept);
    return dsn_policy_new(configuration, error);
}

static void
log_lines(DsnLogLevel level, const char *prefix, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (char **line = lines; *line != NULL; line++)
        dsn_log_event(level, "%s%s", prefix, *line);
}

static void
log_warnings(const char *prefix, const DsnPolicy *policy)
{
    for (guint i = 0; i < policy->warnings->len; i++)
        dsn_log_event(DSN_LOG_WARNING, "%s%s", prefix, (const char *)policy->warnings->pdata[i]);
}

static void
look_up_names(Daemon *daemon)
{
    dsn_names_free(daemon->names);
    daemon->names = dsn_names_look_up(daemon->policy);
}

static void
reload(Daemon *daemon)
{
    g_autoptr(GString) kept = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    DsnPolicy *policy = read_policy(daemon, kept, &error);

    g_atomic_int_set(&daemon->failed, policy == NULL);
    if (policy == NULL) {
        log_lines(DSN_LOG_ERROR, "reload: ", error->message);
        dsn_log_event(DSN_LOG_WARNING, "reload: the configuration is as it was");
        return;
    }
    dsn_log_open(policy->configuration->log.target, policy->configuration->log.level);
    log_warnings("reload: ", policy);
    dsn_parts_reload(daemon->parts, policy);
    dsn_policy_unref(daemon->policy);
    daemon->policy = policy;
    look_up_names(daemon);
    __atomic_store_n(&daemon->loaded, g_get_real_time(), __ATOMIC_RELAXED);
    if (kept->len > 0)
        dsn_log_event(DSN_LOG_WARNING, "reload: changes to these options need a restart: %s",
                      kept->str);
    dsn_log_event(DSN_LOG_INFO, "reload: %s is in force", daemon->file);
}

static gboolean
on_reload(gpointer user)
{
    Daemon *daemon = user;

    (void)dsn_ready_notify(DSN_RELOADING, "reading the configuration");
    reload(daemon);
    (void)dsn_ready_notify(DSN_READY,
                           daemon->failed == 0 ? "ready" : "ready; the last reload failed");
    return G_SOURCE_CONTINUE;
}

/* ---- start and stop ---- */

/* With their sources gone, the signals end the process: the second one does. */
static gboolean
on_stop(gpointer user)
{
    Daemon *daemon = user;

    g_clear_handle_id(&daemon->term, g_source_remove);
    g_clear_handle_id(&daemon->interrupt, g_source_remove);
    g_main_loop_quit(daemon->loop);
    return G_SOURCE_CONTINUE; /* it is removed already */
}

/* Threads that start meanwhile inherit the mask, so that signals come to this one. */
static void
block_signals(sigset_t *ret_before)
{
    sigset_t all;

    (void)sigfillset(&all); /* these cannot fail */
    (void)pthread_sigmask(SIG_SETMASK, &all, ret_before);
}

static bool
start(Daemon *daemon, const DsnPages *pages)
{
    g_autoptr(GError) error = NULL;
    sigset_t before;

    block_signals(&before);
    daemon->parts = dsn_parts_start(daemon->policy, &daemon->metrics, pages, &error);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (daemon->parts != NULL && dsn_parts_start_milter(daemon->parts, &error))
        return true;
    log_lines(DSN_LOG_ERROR, "start: ", error->message);
    return false;
}

static void
warn_of_idleness(const DsnConfiguration *configuration)
{
    if (configuration->http.listen == NULL && configuration->lmtp.listen == NULL &&
        configuration->milter.listen == NULL && configuration->maildirs->len == 0 &&
        configuration->tailers->len == 0)
        dsn_log_event(DSN_LOG_WARNING, "nothing is taken in: no [http], [milter], [lmtp], "
                                       "[maildir.NAME] or [tailer.NAME] is configured");
}

static void
warn_of_descriptors(const DsnConfiguration *configuration)
{
    g_autofree char *text = dsn_descriptors_warning(configuration, dsn_descriptors_limit());
    g_autoptr(GPtrArray) left = dsn_handed_over_left();

    if (text != NULL)
        dsn_log_event(DSN_LOG_WARNING, "%s", text);
    for (guint i = 0; i < left->len; i++)
        dsn_log_event(DSN_LOG_WARNING,
                      "the service manager listens at %s for us, which is in no \"listen\": nobody "
                      "answers there",
                      (const char *)left->pdata[i]);
}

/* From here on until a signal. False if it was one of our own. */
static bool
serve(Daemon *daemon)
{
    g_atomic_int_set(&daemon->open, 1);
    warn_of_idleness(daemon->policy->configuration);
    warn_of_descriptors(daemon->policy->configuration);
    look_up_names(daemon);
    dsn_log_event(DSN_LOG_INFO, "ready");
    (void)dsn_ready_notify(DSN_READY, "ready");
    g_main_loop_run(daemon->loop);
    dsn_log_event(DSN_LOG_INFO, "stopping");
    (void)dsn_ready_notify(DSN_STOPPING, "finishing what is in flight");
    g_atomic_int_set(&daemon->open, 0);
    return dsn_parts_are_sound(daemon->parts);
}

bool
dsn_daemon_run(const char *file, DsnPolicy *policy)
{
    Daemon daemon = {
        .file = file,
        .policy = dsn_policy_ref(policy),
        .loop = g_main_loop_new(NULL, FALSE),
        .started = g_get_real_time(),
        .loaded = g_get_real_time(),
    };
    const DsnPages pages = {{why_unready, write_metrics, &daemon}, write_status};

    (void)umask(0077); /* what is kept here quotes mail */
    (void)signal(SIGPIPE, SIG_IGN);
    dsn_descriptors_raise();
    dsn_log_open(policy->configuration->log.target, policy->configuration->log.level);
    dsn_log_event(DSN_LOG_INFO, "dsnarf %s starts with %s", PACKAGE_VERSION, file);
    log_warnings("", policy);
    daemon.term = g_unix_signal_add(SIGTERM, on_stop, &daemon);
    daemon.interrupt = g_unix_signal_add(SIGINT, on_stop, &daemon);
    const guint reloads[] = {g_unix_signal_add(SIGUSR1, on_reload, &daemon),
                             g_unix_signal_add(SIGHUP, on_reload, &daemon)};

    bool good = start(&daemon, &pages) && serve(&daemon);
    dsn_parts_stop(daemon.parts);
    dsn_log_event(DSN_LOG_INFO, "stopped");
    for (size_t i = 0; i < G_N_ELEMENTS(reloads); i++)
        g_source_remove(reloads[i]);
    g_clear_handle_id(&daemon.term, g_source_remove);
    g_clear_handle_id(&daemon.interrupt, g_source_remove);
    dsn_names_free(daemon.names);
    dsn_policy_unref(daemon.policy);
    g_main_loop_unref(daemon.loop);
    return good;
}
