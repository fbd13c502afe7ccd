/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/daemon/parts.h"

#include "filter/core/log.h"
#include "filter/daemon/control.h"
#include "filter/daemon/descriptors.h"
#include "filter/intake/lmtp.h"
#include "filter/intake/maildir-watch.h"
#include "filter/intake/milter.h"
#include "filter/intake/tailer.h"
#include "filter/outlet/json-file.h"
#include "filter/outlet/program.h"
#include "filter/outlet/relay.h"
#include "filter/outlet/segments.h"
#include "filter/outlet/webhook.h"

struct DsnParts {
    DsnMetrics *metrics;
    const DsnPages *pages;
    DsnSpool *spool;
    DsnCaptures *captures;
    DsnPipeline *pipeline;
    DsnRelay *relay;
    GMutex lock;       /* guards the lists of relays, webhooks and tailers, which others look at */
    GPtrArray *relays; /* of Section: those beside the one above */
    GPtrArray *files;  /* of Section */
    GPtrArray *segments; /* of Section */
    GPtrArray *webhooks; /* of Section */
    GPtrArray *programs; /* of Section */
    GPtrArray *maildirs; /* of Section */
    GPtrArray *tailers;  /* of Section */
    DsnQueue queue;
    DsnControl *control;
    DsnHttp *http;
    DsnLmtp *lmtp;
    DsnMilter *milter;
};

DsnSpool *
dsn_parts_spool(DsnParts *parts)
{
    return parts->spool;
}

DsnCaptures *
dsn_parts_captures(DsnParts *parts)
{
    return parts->captures;
}

/* ---- sections with a name ---- */

/* Parts of which there is one for each section. */
typedef struct Kind {
    const GPtrArray *(*sections)(const DsnConfiguration *configuration);
    bool (*same)(const void *a, const void *b); /* the part can go on when a becomes b */
    void *(*start)(DsnParts *parts, const DsnPolicy *policy, const void *options, GError **error);
    void (*stop)(void *part);
    void (*finish)(void *part); /* NULL, or begins to stop: all take no longer than one then */
} Kind;

/* A part that runs for a section. */
typedef struct Section {
    const Kind *kind;
    DsnPolicy *policy; /* that the options are in */
    const void *options;
    void *part;
} Section;

static void
stop_section(gpointer data)
{
    Section *section = data;

    section->kind->stop(section->part);
    dsn_policy_unref(section->policy);
    g_free(section);
}

/* Begins to stop all of @sections, where that takes its time. */
static void
finish_sections(const GPtrArray *sections)
{
    for (guint i = 0; i < sections->len; i++) {
        const Section *section = sections->pdata[i];

        if (section->kind->finish != NULL)
            section->kind->finish(section->part);
    }
}

/* Takes those out of @running that go on in no section of @policy (transfer full). */
static GPtrArray *
take_outdated(const Kind *kind, GPtrArray *running, const DsnPolicy *policy)
{
    const GPtrArray *sections = kind->sections(policy->configuration);
    GPtrArray *outdated = g_ptr_array_new_with_free_func(stop_section);

    for (guint i = running->len; i-- > 0;) {
        const Section *section = running->pdata[i];
        bool goes_on = false;

        for (guint j = 0; j < sections->len; j++)
            goes_on = goes_on || kind->same(section->options, sections->pdata[j]);
        if (!goes_on)
            g_ptr_array_add(outdated, g_ptr_array_steal_index(running, i));
    }
    return outdated;
}

/* Stops those in @running that go on in no section of @policy. */
static void
stop_outdated(const Kind *kind, GPtrArray *running, const DsnPolicy *policy)
{
    g_autoptr(GPtrArray) outdated = take_outdated(kind, running, policy);

    finish_sections(outdated);
}

static bool
is_running(const Kind *kind, const GPtrArray *running, const void *options)
{
    for (guint i = 0; i < running->len; i++) {
        if (kind->same(((const Section *)running->pdata[i])->options, options))
            return true;
    }
    return false;
}

/* Starts what @policy has and does not run yet. With @error the first failure ends it; without, it
 * is logged. */
static bool
start_missing(const Kind *kind, DsnParts *parts, GPtrArray *running, DsnPolicy *policy,
              GError **error)
{
    const GPtrArray *sections = kind->sections(policy->configuration);

    for (guint i = 0; i < sections->len; i++) {
        const void *options = sections->pdata[i];
        g_autoptr(GError) problem = NULL;

        if (is_running(kind, running, options))
            continue;
        void *part = kind->start(parts, policy, options, &problem);
        if (part == NULL && error != NULL) {
            g_propagate_error(error, g_steal_pointer(&problem));
            return false;
        }
        if (part == NULL) {
            dsn_log_event(DSN_LOG_ERROR, "reload: %s: it is left out", problem->message);
            continue;
        }
        Section *section = g_new(Section, 1);
        *section = (Section){kind, dsn_policy_ref(policy), options, part};
        g_ptr_array_add(running, section);
    }
    return true;
}

static const GPtrArray *
file_sections(const DsnConfiguration *configuration)
{
    return configuration->files;
}

static bool
same_file(const void *a, const void *b)
{
    return dsn_configuration_same("file.*", a, b);
}

static void *
start_file(DsnParts *parts, const DsnPolicy *policy, const void *options, GError **error)
{
    (void)policy; /* the section says all */
    const DsnFileOutlet *outlet = options;
    DsnJsonFile *file = dsn_json_file_start(parts->spool, parts->metrics, outlet, error);

    if (file != NULL)
        dsn_log_event(DSN_LOG_INFO, "file %s: writing %s", outlet->name, outlet->path);
    return file;
}

static void
stop_file(void *part)
{
    dsn_json_file_stop(part);
}

static const GPtrArray *
segments_sections(const DsnConfiguration *configuration)
{
    return configuration->segments;
}

/* Templates may be compiled or fail otherwise with other limits. */
static bool
same_limits(const DsnSelection *a, const DsnSelection *b)
{
    return memcmp(a->limits, b->limits, sizeof(*a->limits)) == 0;
}

/* Any other option makes other files, or other lines. */
static bool
same_segments(const void *a, const void *b)
{
    return dsn_configuration_same("segments.*", a, b) &&
           same_limits(&((const DsnSegmentsOptions *)a)->selection,
                       &((const DsnSegmentsOptions *)b)->selection);
}

static void *
start_segments(DsnParts *parts, const DsnPolicy *policy, const void *options, GError **error)
{
    (void)policy; /* the section says all */
    const DsnSegmentsOptions *outlet = options;
    DsnSegments *segments = dsn_segments_start(parts->spool, parts->metrics, outlet, error);

    if (segments != NULL)
        dsn_log_event(DSN_LOG_INFO, "segments %s: writing to %s", outlet->name, outlet->log_dir);
    return segments;
}

static void
stop_segments(void *part)
{
    dsn_segments_stop(part);
}

static const GPtrArray *
webhook_sections(const DsnConfiguration *configuration)
{
    return configuration->webhooks;
}

/* Any other option makes other requests. */
static bool
same_webhook(const void *a, const void *b)
{
    return dsn_configuration_same("webhook.*", a, b) &&
           same_limits(&((const DsnWebhookOptions *)a)->selection,
                       &((const DsnWebhookOptions *)b)->selection);
}

static void *
start_webhook(DsnParts *parts, const DsnPolicy *policy, const void *options, GError **error)
{
    (void)policy; /* the section says all */
    const DsnWebhookOptions *outlet = options;
    DsnWebhook *webhook = dsn_webhook_start(parts->spool, parts->metrics, outlet, error);

    g_autoptr(GUri) url = g_uri_parse(outlet->url, G_URI_FLAGS_ENCODED, NULL);

    if (webhook != NULL) /* behind the host there may be what not everybody needs to know */
        dsn_log_event(DSN_LOG_INFO, "webhook %s: sending to %s://%s", outlet->name,
                      g_uri_get_scheme(url), g_uri_get_host(url));
    return webhook;
}

static void
stop_webhook(void *part)
{
    dsn_webhook_stop(part);
}

static void
finish_webhook(void *part)
{
    dsn_webhook_finish(part);
}

static const GPtrArray *
program_sections(const DsnConfiguration *configuration)
{
    return configuration->programs;
}

static bool
same_program(const void *a, const void *b)
{
    return dsn_configuration_same("program.*", a, b) &&
           same_limits(&((const DsnProgramOptions *)a)->selection,
                       &((const DsnProgramOptions *)b)->selection);
}

static void *
start_program(DsnParts *parts, const DsnPolicy *policy, const void *options, GError **error)
{
    (void)policy; /* the section says all */
    return dsn_program_start(parts->spool, parts->metrics, options, error);
}

static void
stop_program(void *part)
{
    dsn_program_stop(part);
}

static void
finish_program(void *part)
{
    dsn_program_finish(part);
}

static const GPtrArray *
maildir_sections(const DsnConfiguration *configuration)
{
    return configuration->maildirs;
}

/* What becomes of the mail in it is the policy's. */
static bool
same_maildir(const void *a, const void *b)
{
    const DsnMaildirIntake *one = a, *other = b;

    return strcmp(one->name, other->name) == 0 && strcmp(one->path, other->path) == 0;
}

static void *
start_maildir(DsnParts *parts, const DsnPolicy *policy, const void *options, GError **error)
{
    (void)policy; /* the section says all */
    const DsnMaildirIntake *maildir = options;
    DsnMaildirWatch *watch = dsn_maildir_watch_start(parts->pipeline, maildir, error);

    if (watch != NULL)
        dsn_log_event(DSN_LOG_INFO, "maildir %s: watching %s", maildir->name, maildir->path);
    return watch;
}

static void
stop_maildir(void *part)
{
    dsn_maildir_watch_stop(part);
}

static const GPtrArray *
tailer_sections(const DsnConfiguration *configuration)
{
    return configuration->tailers;
}

/* Any other goes on from the place that this one has got to. */
static bool
same_tailer(const void *a, const void *b)
{
    const DsnTailerOptions *one = a, *other = b;

    return strcmp(one->name, other->name) == 0 && strcmp(one->directory, other->directory) == 0 &&
           g_strcmp0(one->pattern, other->pattern) == 0 && one->line_max == other->line_max;
}

static void *
start_tailer(DsnParts *parts, const DsnPolicy *policy, const void *options, GError **error)
{
    (void)policy; /* the section says all */
    (void)error;  /* what is wrong it tries again */
    return dsn_tailer_start(parts->pipeline, options);
}

static void
stop_tailer(void *part)
{
    dsn_tailer_stop(part);
}

static const GPtrArray *
relay_sections(const DsnConfiguration *configuration)
{
    return configuration->relays;
}

/* It is reconfigured when it goes on. */
static bool
same_relay(const void *a, const void *b)
{
    return strcmp(((const DsnRelayOptions *)a)->name, ((const DsnRelayOptions *)b)->name) == 0;
}

static void *
start_relay(DsnParts *parts, const DsnPolicy *policy, const void *options, GError **error)
{
    return dsn_relay_start(parts->spool, parts->metrics, options, policy->configuration->hostname,
                           error);
}

static void
stop_relay(void *part)
{
    dsn_relay_stop(part);
}

static const Kind relays = {relay_sections, same_relay, start_relay, stop_relay, NULL};
static const Kind files = {file_sections, same_file, start_file, stop_file, NULL};
static const Kind segments = {segments_sections, same_segments, start_segments, stop_segments,
                              NULL};
static const Kind webhooks = {webhook_sections, same_webhook, start_webhook, stop_webhook,
                              finish_webhook};
static const Kind programs = {program_sections, same_program, start_program, stop_program,
                              finish_program};
static const Kind maildirs = {maildir_sections, same_maildir, start_maildir, stop_maildir, NULL};
static const Kind tailers = {tailer_sections, same_tailer, start_tailer, stop_tailer, NULL};

/* ---- outlets ---- */

/* Tells the spool who reads records: a new outlet begins with those that come from now on. */
bool
dsn_parts_set_outlets(DsnSpool *spool, const DsnPolicy *policy, GError **error)
{
    const DsnConfiguration *configuration = policy->configuration;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    guint64 dropped = 0;

    for (guint i = 0; i < configuration->files->len; i++)
        g_ptr_array_add(names, dsn_json_file_outlet_name(configuration->files->pdata[i]));
    for (guint i = 0; i < configuration->segments->len; i++)
        g_ptr_array_add(names, dsn_segments_outlet_name(configuration->segments->pdata[i]));
    for (guint i = 0; i < configuration->webhooks->len; i++)
        g_ptr_array_add(names, dsn_webhook_outlet_name(configuration->webhooks->pdata[i]));
    for (guint i = 0; i < configuration->programs->len; i++)
        g_ptr_array_add(names, dsn_program_outlet_name(configuration->programs->pdata[i]));
    g_ptr_array_add(names, NULL);
    if (!dsn_spool_set_outlets(spool, (const char *const *)names->pdata, &dropped, error))
        return false;
    if (dropped > 0)
        dsn_log_event(DSN_LOG_WARNING,
                      "spool: %" G_GUINT64_FORMAT " records went that only outlets which are no "
                      "longer configured had not read",
                      dropped);
    return true;
}

/* They may have to wait for answers, in which time others may look at the list. */
static void
stop_webhooks(DsnParts *parts, const DsnPolicy *policy)
{
    g_mutex_lock(&parts->lock);
    g_autoptr(GPtrArray) outdated = take_outdated(&webhooks, parts->webhooks, policy);
    g_mutex_unlock(&parts->lock);

    finish_sections(outdated);
}

/* Tells the spool which relays run: what waits for others goes by the default one. */
static bool
set_relays(DsnParts *parts, const DsnPolicy *policy, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const GPtrArray *sections = policy->configuration->relays;
    guint64 moved = 0;

    for (guint i = 0; i < sections->len; i++) {
        const DsnRelayOptions *relay = sections->pdata[i];

        if (is_running(&relays, parts->relays, relay))
            g_ptr_array_add(names, relay->name);
    }
    g_ptr_array_add(names, NULL);
    if (!dsn_spool_set_relays(parts->spool, (const char *const *)names->pdata, &moved, error))
        return false;
    if (moved > 0)
        dsn_log_event(DSN_LOG_WARNING,
                      "relay: %" G_GUINT64_FORMAT " notices waited for relays that are no longer "
                      "configured, and go by [relay.default]",
                      moved);
    return true;
}

/* Gives those that go on what @policy says. */
static void
reconfigure_relays(const DsnParts *parts, const DsnPolicy *policy)
{
    const DsnConfiguration *configuration = policy->configuration;

    dsn_relay_reconfigure(parts->relay, &configuration->relay, configuration->hostname);
    for (guint i = 0; i < parts->relays->len; i++) {
        const Section *section = parts->relays->pdata[i];

        for (guint j = 0; j < configuration->relays->len; j++) {
            if (same_relay(section->options, configuration->relays->pdata[j]))
                dsn_relay_reconfigure(section->part, configuration->relays->pdata[j],
                                      configuration->hostname);
        }
    }
}

/* All stop at once: each may take as long as a host needs to answer. */
static void
stop_relays(DsnParts *parts)
{
    if (parts->relay != NULL)
        dsn_relay_finish(parts->relay);
    for (guint i = 0; i < parts->relays->len; i++)
        dsn_relay_finish(((const Section *)parts->relays->pdata[i])->part);
    dsn_relay_stop(parts->relay);
    g_ptr_array_unref(parts->relays);
}

static bool
start_outlets(DsnParts *parts, DsnPolicy *policy, GError **error)
{
    const DsnConfiguration *configuration = policy->configuration;

    if (!dsn_parts_set_outlets(parts->spool, policy, error) ||
        !start_missing(&files, parts, parts->files, policy, error) ||
        !start_missing(&segments, parts, parts->segments, policy, error) ||
        !start_missing(&webhooks, parts, parts->webhooks, policy, error) ||
        !start_missing(&programs, parts, parts->programs, policy, error))
        return false;
    parts->relay = dsn_relay_start(parts->spool, parts->metrics, &configuration->relay,
                                   configuration->hostname, error);
    return parts->relay != NULL && start_missing(&relays, parts, parts->relays, policy, error) &&
           set_relays(parts, policy, error);
}

/* ---- intakes ---- */

static bool
start_intakes(DsnParts *parts, DsnPolicy *policy, GError **error)
{
    const DsnConfiguration *configuration = policy->configuration;

    if (configuration->http.listen != NULL) {
        parts->http = dsn_http_start(parts->pipeline, &parts->pages->http, error);
        if (parts->http == NULL)
            return false;
    }
    if (configuration->lmtp.listen != NULL) {
        parts->lmtp = dsn_lmtp_start(parts->pipeline, error);
        if (parts->lmtp == NULL)
            return false;
        dsn_log_event(DSN_LOG_INFO, "lmtp: listening at %s", configuration->lmtp.listen);
    }
    return start_missing(&maildirs, parts, parts->maildirs, policy, error) &&
           start_missing(&tailers, parts, parts->tailers, policy, error);
}

bool
dsn_parts_start_milter(DsnParts *parts, GError **error)
{
    g_autoptr(DsnPolicy) policy = dsn_pipeline_policy(parts->pipeline);
    const char *listen = policy->configuration->milter.listen;

    if (listen == NULL)
        return true;
    parts->milter =
        dsn_milter_start(parts->pipeline, dsn_descriptors_of_milter(policy->configuration), error);
    if (parts->milter == NULL)
        return false;
    dsn_log_event(DSN_LOG_INFO, "milter: listening at %s", listen);
    return true;
}

/* ---- all of it ---- */

DsnSpool *
dsn_parts_open_spool(const char *directory, const DsnPolicy *policy, DsnMetrics *metrics,
                     GError **error)
{
    const DsnConfiguration *configuration = policy->configuration;
    const DsnSpoolOptions options = {
        .directory = directory,
        .keep = configuration->dedup.keep / G_TIME_SPAN_SECOND,
        .history_keep = configuration->history.keep / G_TIME_SPAN_SECOND,
        .max_size = configuration->spool.max_size,
        .min_free = configuration->spool.min_free,
        .large = configuration->spool.large,
    };

    return dsn_spool_open(&options, metrics, error);
}

DsnCaptures *
dsn_parts_open_captures(const char *directory, const DsnPolicy *policy, DsnMetrics *metrics)
{
    return dsn_captures_new(directory, policy->configuration->spool.min_free,
                            &policy->configuration->capture, metrics);
}

static bool
open_spool(DsnParts *parts, DsnPolicy *policy, GError **error)
{
    parts->spool =
        dsn_parts_open_spool(policy->configuration->spool.directory, policy, parts->metrics, error);
    if (parts->spool == NULL)
        return false;
    parts->captures =
        dsn_parts_open_captures(policy->configuration->spool.directory, policy, parts->metrics);
    parts->pipeline = dsn_pipeline_new(parts->spool, parts->metrics, policy);
    dsn_pipeline_set_captures(parts->pipeline, parts->captures);
    return true;
}

/* What waits for a host or a server is tried now. */
static void
kick(gpointer user)
{
    DsnParts *parts = user;

    dsn_relay_kick(parts->relay);
    g_mutex_lock(&parts->lock);
    for (guint i = 0; i < parts->relays->len; i++)
        dsn_relay_kick(((const Section *)parts->relays->pdata[i])->part);
    for (guint i = 0; i < parts->webhooks->len; i++)
        dsn_webhook_kick(((const Section *)parts->webhooks->pdata[i])->part);
    g_mutex_unlock(&parts->lock);
}

static void
write_status(gpointer user, GString *json)
{
    const DsnParts *parts = user;

    parts->pages->status(parts->pages->http.user, json);
}

static bool
start_control(DsnParts *parts, DsnPolicy *policy, GError **error)
{
    parts->queue = (DsnQueue){.spool = parts->spool,
                              .captures = parts->captures,
                              .pipeline = parts->pipeline,
                              .retried = kick,
                              .status = write_status,
                              .user = parts};
    parts->control =
        dsn_control_start(policy->configuration->spool.directory, &parts->queue, error);
    return parts->control != NULL;
}

DsnParts *
dsn_parts_start(DsnPolicy *policy, DsnMetrics *metrics, const DsnPages *pages, GError **error)
{
    DsnParts *parts = g_new0(DsnParts, 1);

    parts->metrics = metrics;
    parts->pages = pages;
    g_mutex_init(&parts->lock);
    parts->relays = g_ptr_array_new_with_free_func(stop_section);
    parts->files = g_ptr_array_new_with_free_func(stop_section);
    parts->segments = g_ptr_array_new_with_free_func(stop_section);
    parts->webhooks = g_ptr_array_new_with_free_func(stop_section);
    parts->programs = g_ptr_array_new_with_free_func(stop_section);
    parts->maildirs = g_ptr_array_new_with_free_func(stop_section);
    parts->tailers = g_ptr_array_new_with_free_func(stop_section);
    if (open_spool(parts, policy, error) && start_outlets(parts, policy, error) &&
        start_control(parts, policy, error) && start_intakes(parts, policy, error))
        return parts;
    dsn_parts_stop(parts);
    return NULL;
}

void
dsn_parts_reload(DsnParts *parts, DsnPolicy *policy)
{
    g_autoptr(GError) error = NULL, problem = NULL;

    stop_outdated(&maildirs, parts->maildirs, policy);
    g_mutex_lock(&parts->lock);
    stop_outdated(&tailers, parts->tailers, policy);
    g_mutex_unlock(&parts->lock);
    stop_outdated(&files, parts->files, policy);
    stop_outdated(&segments, parts->segments, policy);
    stop_webhooks(parts, policy);
    stop_outdated(&programs, parts->programs, policy);
    /* New outlets begin before records are made for them. */
    if (!dsn_parts_set_outlets(parts->spool, policy, &error))
        dsn_log_event(DSN_LOG_ERROR, "reload: %s", error->message);
    (void)start_missing(&files, parts, parts->files, policy, NULL);
    (void)start_missing(&segments, parts, parts->segments, policy, NULL);
    g_mutex_lock(&parts->lock);
    (void)start_missing(&webhooks, parts, parts->webhooks, policy, NULL);
    g_mutex_unlock(&parts->lock);
    (void)start_missing(&programs, parts, parts->programs, policy, NULL);
    g_mutex_lock(&parts->lock);
    (void)start_missing(&relays, parts, parts->relays, policy, NULL);
    g_mutex_unlock(&parts->lock);
    if (!set_relays(parts, policy, &problem))
        dsn_log_event(DSN_LOG_ERROR, "reload: %s", problem->message);
    dsn_pipeline_set_policy(parts->pipeline, policy);
    dsn_captures_configure(parts->captures, &policy->configuration->capture);
    reconfigure_relays(parts, policy);
    g_mutex_lock(&parts->lock);
    stop_outdated(&relays, parts->relays, policy);
    g_mutex_unlock(&parts->lock);
    (void)start_missing(&maildirs, parts, parts->maildirs, policy, NULL);
    g_mutex_lock(&parts->lock);
    (void)start_missing(&tailers, parts, parts->tailers, policy, NULL);
    g_mutex_unlock(&parts->lock);
}

/* Of each tailer. */
static double
lag_bytes(const DsnTailerLag *lag, int64_t now)
{
    (void)now;
    return (double)lag->bytes;
}

static double
lag_seconds(const DsnTailerLag *lag, int64_t now)
{
    return lag->oldest == 0 ? 0 : (double)MAX(now - lag->oldest, 0);
}

void
dsn_parts_write_lags(DsnParts *parts, GString *text)
{
    static const struct {
        const char *name, *help;
        double (*value)(const DsnTailerLag *lag, int64_t now);
    } gauges[] = {
        {"tailer_behind_bytes", "Bytes of log segments that were not read yet", lag_bytes},
        {"tailer_oldest_seconds", "Age of the oldest log segment with such bytes", lag_seconds},
    };
    int64_t now = g_get_real_time() / G_USEC_PER_SEC;

    g_mutex_lock(&parts->lock);
    for (size_t i = 0; i < G_N_ELEMENTS(gauges) && parts->tailers->len > 0; i++) {
        dsn_metrics_write_gauge_head(text, gauges[i].name, gauges[i].help);
        for (guint j = 0; j < parts->tailers->len; j++) {
            const Section *section = parts->tailers->pdata[j];
            DsnTailerLag lag;

            dsn_tailer_lag(section->part, &lag);
            dsn_metrics_write_gauge_of(text, gauges[i].name, "tailer",
                                       ((const DsnTailerOptions *)section->options)->name,
                                       gauges[i].value(&lag, now));
        }
    }
    g_mutex_unlock(&parts->lock);
}

bool
dsn_parts_are_sound(const DsnParts *parts)
{
    return !dsn_milter_has_failed(parts->milter);
}

void
dsn_parts_stop(DsnParts *parts)
{
    if (parts == NULL)
        return;
    dsn_control_stop(parts->control);
    dsn_milter_stop(parts->milter);
    dsn_lmtp_stop(parts->lmtp);
    g_ptr_array_unref(parts->maildirs);
    dsn_http_stop(parts->http);
    g_ptr_array_unref(parts->tailers);
    if (parts->spool != NULL)
        dsn_spool_wake(parts->spool);
    finish_sections(parts->webhooks);
    finish_sections(parts->programs);
    stop_relays(parts);
    g_ptr_array_unref(parts->files);
    g_ptr_array_unref(parts->segments);
    g_ptr_array_unref(parts->webhooks);
    g_ptr_array_unref(parts->programs);
    g_clear_pointer(&parts->pipeline, dsn_pipeline_free);
    dsn_captures_free(parts->captures);
    g_clear_pointer(&parts->spool, dsn_spool_close);
    g_mutex_clear(&parts->lock);
    g_free(parts);
}
