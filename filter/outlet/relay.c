/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/relay.h"

#include <curl/curl.h>

#include "filter/outlet/maildir-store.h"
#include "filter/outlet/relay-connect.h"
#include "filter/outlet/relay-hosts.h"
#include "filter/outlet/relay-schedule.h"
#include "mime/address.h"

/* A batch is what one thread takes at once: as many notices as it sends in about a second, so that
 * a slow host does not leave others idle, and a stop does not take long. */
#define BATCH_MAX 100
#define BATCH_FIRST 1
#define BATCH_BYTES ((size_t)8 * 1024 * 1024)
#define BATCH_TIME G_TIME_SPAN_SECOND

/* How long a thread waits for a notice or a host before it looks at how things are. */
#define LOOK_AROUND G_TIME_SPAN_SECOND

/* When what a Maildir did not take is tried again, and by up to how much earlier or later, as in
 * KumoMTA. */
#define MAILDIR_RETRY G_TIME_SPAN_MINUTE
#define MAILDIR_JITTER (5 * G_TIME_SPAN_SECOND)

/* How long a stop waits for messages that are on their way. */
#define STOP_GRACE (10 * G_TIME_SPAN_SECOND)

/* Options at one time, shared by reference. */
typedef struct Settings {
    GPtrArray *hosts; /* of char * */
    DsnRelayFinder *finder;
    char *maildir; /* NULL: none; else it stands for the only host */
    bool lmtp;
    char *ehlo;
    DsnTls tls;
    char *tls_ca, *user, *password;
    size_t deliveries;
    GTimeSpan idle_timeout, connect_timeout, retry_interval, max_retry_interval, max_age;
} Settings;

struct DsnRelay {
    char *name; /* NULL: "default" */
    DsnSpool *spool;
    DsnMetrics *metrics;
    DsnRelayHosts *hosts;
    gint stopping;      /* a DsnSmtpStop */
    int64_t stop_until; /* monotonic: when the grace ends, once it stops */
    GMutex lock;
    GCond ended;        /* a thread has */
    Settings *settings; /* the lock holds */
    guint running;      /* the same */
    GPtrArray *threads; /* of GThread * */
};

/* What one thread has. */
typedef struct Worker {
    DsnRelay *relay;
    Settings *settings;
    DsnSmtpClient *client; /* NULL: not connected */
    const char *host;      /* to which */
    DsnSmtpTarget target;
    int64_t idle_since; /* monotonic */
    unsigned batch;     /* notices to take at once */

    /* the batch at hand: message i is notice i */
    GPtrArray *notices;
    DsnSmtpMessage *messages;
    bool answered; /* the host decided about one of them */
} Worker;

/* ---- options ---- */

static char *
dup_given(const char *text)
{
    return text == NULL || *text == '\0' ? NULL : g_strdup(text);
}

static Settings *
settings_new(const DsnRelayOptions *options, const char *hostname)
{
    Settings *settings = g_atomic_rc_box_new0(Settings);

    *settings = (Settings){
        .hosts = g_ptr_array_new_with_free_func(g_free),
        .finder = dsn_relay_finder_new(options),
        .maildir = g_strdup(options->maildir_path),
        .lmtp = options->protocol == DSN_RELAY_LMTP,
        .ehlo = dup_given(options->ehlo),
        .tls = options->tls,
        .tls_ca = dup_given(options->tls_ca),
        .user = dup_given(options->user),
        .password = dup_given(options->password),
        .deliveries = MAX(options->deliveries, 1),
        .idle_timeout = options->idle_timeout,
        .connect_timeout = options->connect_timeout,
        .retry_interval = options->retry_interval,
        .max_retry_interval = MAX(options->max_retry_interval, options->retry_interval),
        .max_age = options->max_age,
    };
    if (settings->ehlo == NULL)
        settings->ehlo = g_strdup(hostname);
    if (settings->maildir != NULL)
        g_ptr_array_add(settings->hosts, g_strdup(settings->maildir));
    for (guint i = 0;
         settings->maildir == NULL && options->hosts != NULL && i < options->hosts->len; i++)
        g_ptr_array_add(settings->hosts, g_strdup(g_ptr_array_index(options->hosts, i)));
    return settings;
}

static void
settings_clear(gpointer data)
{
    Settings *settings = data;

    g_ptr_array_unref(settings->hosts);
    dsn_relay_finder_free(settings->finder);
    g_free(settings->maildir);
    g_free(settings->ehlo);
    g_free(settings->tls_ca);
    g_free(settings->user);
    g_free(settings->password);
}

static void
settings_unref(Settings *settings)
{
    g_atomic_rc_box_release_full(settings, settings_clear);
}

static bool
is_stopping(DsnRelay *relay)
{
    return g_atomic_int_get(&relay->stopping) != DSN_SMTP_GO;
}

/* ---- what becomes of a notice ---- */

/* It is counted and logged before it is settled: when the queue is empty, all has been told. */

static DsnWaitingNotice *
notice_of(const Worker *worker, const DsnSmtpMessage *message)
{
    return g_ptr_array_index(worker->notices, (guint)(message - worker->messages));
}

static int64_t
expiry_of(const Worker *worker, const DsnWaitingNotice *notice)
{
    return notice->taken_in * G_TIME_SPAN_SECOND + worker->settings->max_age;
}

/* In the words that administrators know from Postfix. */
static void
write_log(const Worker *worker, const DsnSmtpMessage *message, const char *status,
          const char *reply)
{
    static const char *const requiretls[] = {
        [DSN_REQUIRETLS_WANTED] = "not-offered",
        [DSN_REQUIRETLS_SENT] = "yes",
        [DSN_REQUIRETLS_REFUSED] = "refused",
    };
    const DsnWaitingNotice *notice = notice_of(worker, message);
    g_autofree char *to = g_strdup_printf("<%s>", notice->recipient);
    g_autofree char *maildir = g_strconcat("maildir:", worker->settings->maildir, NULL);
    DsnLogLine line;

    if (!dsn_log_wanted(DSN_LOG_INFO))
        return;
    dsn_log_begin(&line, notice->record_id);
    dsn_log_text(&line, "to", to);
    dsn_log_text(&line, "relay",
                 worker->settings->maildir != NULL ? maildir
                 : worker->client == NULL          ? "none"
                                                   : dsn_smtp_client_peer(worker->client));
    dsn_log_number(&line, "delay",
                   dsn_spool_now(worker->relay->spool) / G_TIME_SPAN_SECOND - notice->taken_in);
    dsn_log_number(&line, "attempts", (int64_t)notice->attempts + 1);
    dsn_log_text(&line, "status", status);
    if (message->converted != NULL)
        dsn_log_text(&line, "converted", "7bit");
    if (message->requiretls != DSN_REQUIRETLS_NO)
        dsn_log_text(&line, "requiretls", requiretls[message->requiretls]);
    dsn_log_text(&line, "reply", reply);
    dsn_log_end(&line, DSN_LOG_INFO);
}

static void
settle_dead(Worker *worker, const DsnSmtpMessage *message, const char *reply)
{
    const DsnWaitingNotice *notice = notice_of(worker, message);

    dsn_metrics_add(worker->relay->metrics, DSN_COUNT_NOTICES_DEAD, 1);
    write_log(worker, message, "dead", reply);
    dsn_spool_settle(worker->relay->spool, notice->entry, DSN_SETTLED_DEAD, 0, reply);
}

static void
settle_expired(Worker *worker, const DsnSmtpMessage *message, const char *reply)
{
    int64_t hours = worker->settings->max_age / G_TIME_SPAN_HOUR;
    g_autofree char *text =
        g_strdup_printf("given up after %" G_GINT64_FORMAT " %s: %s",
                        hours < 2 ? worker->settings->max_age / G_TIME_SPAN_MINUTE : hours,
                        hours < 2 ? "minutes" : "hours", reply);

    settle_dead(worker, message, text);
}

/* How long a notice waits that was not taken. */
static GTimeSpan
next_delay(const Settings *settings, const DsnWaitingNotice *notice)
{
    double random = g_random_double();

    if (settings->maildir != NULL)
        return MAILDIR_RETRY + (GTimeSpan)((2 * random - 1) * (double)MAILDIR_JITTER);
    return dsn_relay_delay(settings->retry_interval, settings->max_retry_interval,
                           MIN(notice->attempts, 100) + 1, random);
}

/* The last attempt is at the end of the notice's age. */
static void
settle_retry(Worker *worker, const DsnSmtpMessage *message, const char *reply)
{
    const DsnWaitingNotice *notice = notice_of(worker, message);
    int64_t now = dsn_spool_now(worker->relay->spool);
    int64_t expiry = expiry_of(worker, notice);

    if (now >= expiry) {
        settle_expired(worker, message, reply);
        return;
    }
    GTimeSpan delay = next_delay(worker->settings, notice);
    dsn_metrics_add(worker->relay->metrics, DSN_COUNT_NOTICES_DEFERRED, 1);
    write_log(worker, message, "deferred", reply);
    dsn_spool_settle(worker->relay->spool, notice->entry, DSN_SETTLED_RETRY,
                     MIN(now + delay, expiry), reply);
}

/* A message has its outcome: it is settled now, lest a crash send the whole batch again. */
static void
on_done(DsnSmtpMessage *message, gpointer user)
{
    Worker *worker = user;
    const DsnWaitingNotice *notice = notice_of(worker, message);

    worker->answered = worker->answered || message->outcome < DSN_SMTP_BROKEN;
    switch (message->outcome) {
    case DSN_SMTP_SENT:
        dsn_metrics_add(worker->relay->metrics, DSN_COUNT_NOTICES_SENT, 1);
        write_log(worker, message, "sent", message->reply);
        dsn_spool_settle(worker->relay->spool, notice->entry, DSN_SETTLED_SENT, 0, message->reply);
        return;
    case DSN_SMTP_PERMFAIL:
        settle_dead(worker, message, message->reply);
        return;
    case DSN_SMTP_TEMPFAIL:
    case DSN_SMTP_BROKEN:
    case DSN_SMTP_UNKNOWN:
        settle_retry(worker, message, message->reply);
        return;
    case DSN_SMTP_UNTRIED:
    case DSN_SMTP_AGAIN:
    case DSN_SMTP_UNSUITABLE:
        break;
    }
    g_assert_not_reached();
}

/* What no host decided about. Returns true if the notice was too old for another try: then there
 * may be more like it. */
static bool
settle_rest(Worker *worker, DsnSmtpMessage *message, bool asked_all)
{
    const DsnWaitingNotice *notice = notice_of(worker, message);

    if (message->reply != NULL) { /* unsuitable for some or all */
        if (asked_all)
            settle_dead(worker, message, message->reply);
        else
            settle_retry(worker, message, message->reply);
        return false;
    }
    if (is_stopping(worker->relay) ||
        dsn_spool_now(worker->relay->spool) < expiry_of(worker, notice)) {
        dsn_spool_settle(worker->relay->spool, notice->entry, DSN_SETTLED_BACK, 0, NULL);
        return false;
    }
    g_autofree char *fault = dsn_relay_hosts_fault(worker->relay->hosts);
    settle_expired(worker, message, fault);
    return true;
}

/* ---- hosts ---- */

static void
disconnect(Worker *worker)
{
    g_clear_pointer(&worker->client, dsn_smtp_client_free);
    worker->host = NULL;
}

/* The host that a connection is open to, NULL for none. */
static const char *
connected_host(Worker *worker)
{
    if (worker->client != NULL && !dsn_smtp_client_is_usable(worker->client))
        disconnect(worker);
    return worker->host;
}

static bool
connect_to(Worker *worker, const char *host, GError **error)
{
    const Settings *settings = worker->settings;

    if (g_strcmp0(worker->host, host) == 0)
        return true;
    disconnect(worker);
    worker->target = (DsnSmtpTarget){
        .lmtp = settings->lmtp,
        .ehlo = settings->ehlo,
        .tls = settings->tls,
        .tls_ca = settings->tls_ca,
        .user = settings->user,
        .password = settings->password,
        .deliveries = settings->deliveries,
        .times = DSN_SMTP_TIMES_DEFAULT,
        .stopping = &worker->relay->stopping,
    };
    worker->target.times.connect = settings->connect_timeout;
    worker->client = dsn_relay_connect(settings->finder, host, &worker->target, error);
    if (worker->client == NULL)
        return false;
    worker->host = host;
    return true;
}

static void
note_fault(Worker *worker, const char *host, const GError *error)
{
    DsnRelay *relay = worker->relay;

    if (g_error_matches(error, DSN_SMTP_ERROR, DSN_SMTP_ERROR_STOPPED)) {
        dsn_relay_hosts_unused(relay->hosts, host);
        return;
    }
    dsn_metrics_add(relay->metrics, DSN_COUNT_RELAY_HOST_FAULTS, 1);
    if (worker->answered)
        dsn_relay_hosts_works(relay->hosts, host);
    dsn_relay_hosts_fails(relay->hosts, host, error->message);
}

/* Sends the batch, as far as it is not decided, to a host that was granted. False if the host
 * failed before it had an answer to everything. */
static bool
send_to(Worker *worker, const char *host)
{
    for (;;) {
        g_autoptr(GError) error = NULL;
        DsnSmtpRun run = DSN_SMTP_RUN_FAULT;

        worker->answered = false;
        if (connect_to(worker, host, &error))
            run = dsn_smtp_client_send(worker->client, worker->messages, worker->notices->len,
                                       on_done, worker, &error);
        if (run == DSN_SMTP_RUN_DONE) {
            worker->idle_since = g_get_monotonic_time();
            dsn_relay_hosts_works(worker->relay->hosts, host);
            return true;
        }
        if (run == DSN_SMTP_RUN_FAULT && worker->client != NULL)
            dsn_relay_shun(worker->settings->finder, dsn_smtp_client_peer(worker->client));
        disconnect(worker);
        if (run == DSN_SMTP_RUN_FAULT) {
            note_fault(worker, host, error);
            return false;
        }
    }
}

/* What a host could not take the next one may: its reply stays, to tell. Returns whether anything
 * is left. */
static bool
prepare_rest(Worker *worker)
{
    bool any = false;

    for (guint i = 0; i < worker->notices->len; i++) {
        DsnSmtpMessage *message = &worker->messages[i];

        if (message->outcome == DSN_SMTP_UNSUITABLE)
            message->outcome = DSN_SMTP_UNTRIED;
        any = any || message->outcome == DSN_SMTP_UNTRIED;
    }
    return any;
}

/* True if every host answered. */
static bool
ask_hosts(Worker *worker)
{
    const GPtrArray *names = worker->settings->hosts;
    bool all = names->len > 0;

    for (guint i = 0; i < names->len && prepare_rest(worker); i++) {
        const char *name = g_ptr_array_index(names, i);
        bool granted = dsn_relay_hosts_claim(worker->relay->hosts, name, connected_host(worker));

        all = granted && send_to(worker, name) && all;
    }
    return all && !is_stopping(worker->relay);
}

/* ---- a Maildir ---- */

static void
store_one(Worker *worker, DsnSmtpMessage *message)
{
    const DsnWaitingNotice *notice = notice_of(worker, message);
    const char *path = worker->settings->maildir;
    g_autofree char *name = dsn_maildir_store_name(
        notice->taken_in, notice->entry, notice->record_id, notice->recipient, message->content);
    g_autoptr(GError) error = NULL;

    if (!dsn_address_is_mailbox(message->recipient)) { /* SEC-01 */
        message->outcome = DSN_SMTP_PERMFAIL;
        message->reply = g_strdup("5.1.3 not an address");
    } else if (dsn_maildir_store(path, name, notice->recipient, message->content, &error)) {
        message->outcome = DSN_SMTP_SENT;
        message->reply = g_strconcat("stored as ", name, NULL);
    } else {
        message->outcome = DSN_SMTP_TEMPFAIL;
        message->reply = g_strdup(error->message);
    }
    on_done(message, worker);
}

/* What a stop leaves is given back. */
static void
store_all(Worker *worker)
{
    for (guint i = 0; i < worker->notices->len && !is_stopping(worker->relay); i++) {
        worker->messages[i].requiretls = DSN_REQUIRETLS_NO; /* it does not go over a network */
        store_one(worker, &worker->messages[i]);
    }
}

/* ---- batches ---- */

static void
adapt_batch(Worker *worker, GTimeSpan took)
{
    size_t bytes = 1;
    guint count = worker->notices->len;

    for (guint i = 0; i < count; i++)
        bytes += worker->messages[i].content.len;
    size_t by_bytes = BATCH_BYTES / (bytes / count + 1);
    size_t by_time = (size_t)(BATCH_TIME * count / (took + 1));
    worker->batch = (unsigned)CLAMP(MIN(by_bytes, by_time), 1, BATCH_MAX);
}

/* Returns true if notices were given up that no host was found for: then there may be more. */
static bool
deliver(Worker *worker)
{
    guint count = worker->notices->len;
    g_autofree DsnSmtpMessage *messages = g_new0(DsnSmtpMessage, count);
    int64_t start = g_get_monotonic_time();
    bool more = false;

    worker->messages = messages;
    for (guint i = 0; i < count; i++) {
        const DsnWaitingNotice *notice = g_ptr_array_index(worker->notices, i);
        gsize len;
        const char *bytes = g_bytes_get_data(notice->bytes, &len);

        messages[i] = (DsnSmtpMessage){.recipient = dsn_span(notice->recipient),
                                       .content = {bytes == NULL ? "" : bytes, len},
                                       .eight_bit = notice->eight_bit,
                                       .utf8 = notice->utf8,
                                       .requiretls = notice->requiretls ? DSN_REQUIRETLS_WANTED
                                                                        : DSN_REQUIRETLS_NO};
    }
    bool all = false;
    if (worker->settings->maildir != NULL)
        store_all(worker);
    else
        all = ask_hosts(worker);
    for (guint i = 0; i < count; i++) {
        if (messages[i].outcome <= DSN_SMTP_UNSUITABLE)
            more = settle_rest(worker, &messages[i], all) || more;
        dsn_smtp_message_clear(&messages[i]);
    }
    adapt_batch(worker, g_get_monotonic_time() - start);
    worker->messages = NULL;
    return more;
}

/* ---- threads ---- */

/* Takes over what a reload changed; a connection was made with what was before. */
static void
refresh(Worker *worker)
{
    DsnRelay *relay = worker->relay;

    g_mutex_lock(&relay->lock);
    bool same = worker->settings == relay->settings;
    g_mutex_unlock(&relay->lock);
    if (same)
        return;
    disconnect(worker);
    g_mutex_lock(&relay->lock);
    if (worker->settings != NULL)
        settings_unref(worker->settings);
    worker->settings = g_atomic_rc_box_acquire(relay->settings);
    g_mutex_unlock(&relay->lock);
}

/* Takes notices; with none, ends a connection that was idle for long. */
static void
take(Worker *worker)
{
    DsnRelay *relay = worker->relay;
    int64_t now = g_get_monotonic_time();
    GTimeSpan wait = LOOK_AROUND;

    if (worker->client != NULL)
        wait = CLAMP(worker->idle_since + worker->settings->idle_timeout - now, 0, wait);
    bool good =
        dsn_spool_take_notices(relay->spool, relay->name, worker->batch, wait, worker->notices);
    if (worker->notices->len > 0)
        return;
    if (worker->client != NULL &&
        g_get_monotonic_time() >= worker->idle_since + worker->settings->idle_timeout)
        disconnect(worker);
    /* The spool was woken for a stop that is about to come, or its disk fails. */
    if (!good || g_get_monotonic_time() < now + wait)
        g_usleep(G_TIME_SPAN_MILLISECOND * 50);
}

static gpointer
work(gpointer data)
{
    Worker worker = {.relay = data, .batch = BATCH_FIRST};
    DsnRelay *relay = worker.relay;
    bool more = false;

    worker.notices = g_ptr_array_new_with_free_func((GDestroyNotify)dsn_waiting_notice_free);
    while (!is_stopping(relay)) {
        refresh(&worker);
        if (!more && !dsn_relay_hosts_wait(relay->hosts, connected_host(&worker),
                                           g_get_monotonic_time() + LOOK_AROUND))
            continue;
        take(&worker);
        refresh(&worker); /* it may have waited through a reload */
        more = worker.notices->len > 0 && deliver(&worker);
        g_ptr_array_set_size(worker.notices, 0);
    }
    disconnect(&worker);
    g_ptr_array_unref(worker.notices);
    g_clear_pointer(&worker.settings, settings_unref);
    g_mutex_lock(&relay->lock);
    relay->running--;
    g_cond_signal(&relay->ended);
    g_mutex_unlock(&relay->lock);
    return NULL;
}

/* ---- the whole ---- */

static bool
start_threads(DsnRelay *relay, size_t count, GError **error)
{
    GThread *thread = NULL;

    g_mutex_lock(&relay->lock); /* none ends before it is counted */
    do {
        thread = g_thread_try_new("relay", work, relay, error);
        if (thread != NULL) {
            g_ptr_array_add(relay->threads, thread);
            relay->running++;
        }
    } while (thread != NULL && relay->running < count);
    g_mutex_unlock(&relay->lock);
    return thread != NULL;
}

DsnRelay *
dsn_relay_start(DsnSpool *spool, DsnMetrics *metrics, const DsnRelayOptions *options,
                const char *hostname, GError **error)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);

    if (code != CURLE_OK) {
        g_set_error(error, DSN_SMTP_ERROR, DSN_SMTP_ERROR_FAULT, "libcurl: %s",
                    curl_easy_strerror(code));
        return NULL;
    }
    DsnRelay *relay = g_new0(DsnRelay, 1);
    relay->name = g_strdup(options->name);
    relay->spool = spool;
    relay->metrics = metrics;
    relay->hosts = dsn_relay_hosts_new(relay->name);
    relay->threads = g_ptr_array_new();
    g_mutex_init(&relay->lock);
    g_cond_init(&relay->ended);
    dsn_relay_reconfigure(relay, options, hostname);
    if (start_threads(relay, MAX(options->connections, 1), error))
        return relay;
    dsn_relay_stop(relay);
    return NULL;
}

void
dsn_relay_reconfigure(DsnRelay *relay, const DsnRelayOptions *options, const char *hostname)
{
    Settings *settings = settings_new(options, hostname);

    g_mutex_lock(&relay->lock);
    Settings *before = relay->settings;
    relay->settings = settings;
    g_mutex_unlock(&relay->lock);
    if (before != NULL)
        settings_unref(before);
    dsn_relay_hosts_set(relay->hosts, settings->hosts, settings->retry_interval,
                        settings->max_retry_interval);
}

void
dsn_relay_kick(DsnRelay *relay)
{
    dsn_relay_hosts_forget(relay->hosts);
}

void
dsn_relay_finish(DsnRelay *relay)
{
    if (is_stopping(relay))
        return;
    relay->stop_until = g_get_monotonic_time() + STOP_GRACE;
    g_atomic_int_set(&relay->stopping, DSN_SMTP_FINISH);
    dsn_relay_hosts_close(relay->hosts);
}

void
dsn_relay_stop(DsnRelay *relay)
{
    if (relay == NULL)
        return;

    dsn_relay_finish(relay);
    g_mutex_lock(&relay->lock);
    while (relay->running > 0 && g_cond_wait_until(&relay->ended, &relay->lock, relay->stop_until))
        continue;
    g_mutex_unlock(&relay->lock);
    g_atomic_int_set(&relay->stopping, DSN_SMTP_CUT);
    for (guint i = 0; i < relay->threads->len; i++)
        (void)g_thread_join(g_ptr_array_index(relay->threads, i));
    g_ptr_array_unref(relay->threads);
    dsn_relay_hosts_free(relay->hosts);
    settings_unref(relay->settings);
    g_free(relay->name);
    g_mutex_clear(&relay->lock);
    g_cond_clear(&relay->ended);
    g_free(relay);
    curl_global_cleanup();
}
