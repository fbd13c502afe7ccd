/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/http-work.h"

#include <microhttpd.h>

#include "filter/intake/http-records.h"
#include "filter/intake/http-turns.h"

#define RETRY_AFTER "30"
/* Beyond http.hold, for a complete request: later its sender has given up and sends it again. */
#define TURN_WITHIN G_TIME_SPAN_MINUTE
#define TICK (250 * G_TIME_SPAN_MILLISECOND)
#define NO_MEMORY "http.memory is used up"
#define NOT_READY "the spool takes nothing in"
#define NO_TURN "there is more work than time"

struct DsnHttpWork {
    DsnPipeline *pipeline;
    DsnHttpBudget *budget;
    DsnHttpRefusals *refusals;
    DsnHttpConnections *connections;
    void (*resume)(DsnHttpRequest *request);
    DsnHttpTurns *turns;
    GThreadPool *pool;
    GThread *keeper;
    GMutex lock;
    GCond woken;
    GQueue held; /* of DsnHttpRequest, in their turns */
    bool finishing, ended;
    bool asleep; /* the keeper: nobody is connected */
};

/* ---- turns ---- */

static int
compare_turns(gconstpointer a, gconstpointer b, gpointer user)
{
    guint64 first = ((const DsnHttpRequest *)a)->turn;
    guint64 second = ((const DsnHttpRequest *)b)->turn;

    (void)user; /* nothing else counts */
    return first < second ? -1 : first > second;
}

/* Several hosts with the token of one are several posters here. */
void
dsn_http_work_enter(DsnHttpWork *work, DsnHttpRequest *request)
{
    g_autofree char *peer = dsn_http_peer_name(dsn_http_connection_peer(request->connection));
    const char *client = request->poster->name == NULL ? "" : request->poster->name;
    g_autofree char *poster = g_strconcat(client, "/", peer, NULL);

    request->turn = dsn_http_turns_enter(work->turns, poster);
}

/* ---- what cannot be done now ---- */

void
dsn_http_work_give_up(DsnHttpWork *work, DsnHttpRequest *request, const char *why)
{
    request->stage = DSN_HTTP_GIVEN_UP;
    if (request->policy->configuration->http.overload == DSN_OVERLOAD_503) {
        request->stage = DSN_HTTP_ANSWERED;
        dsn_http_answer_reason(&request->answer, MHD_HTTP_SERVICE_UNAVAILABLE, why);
        request->answer.field = MHD_HTTP_HEADER_RETRY_AFTER;
        request->answer.value = RETRY_AFTER;
    }
    dsn_http_body_clear(&request->body);
    dsn_http_refused(work->refusals, DSN_COUNT_HTTP_OVERLOAD,
                     dsn_http_connection_peer(request->connection), why, g_get_monotonic_time());
}

static bool
is_ready(DsnHttpWork *work, const DsnHttpRequest *request)
{
    return !request->needs_spool || dsn_spool_is_ready(dsn_pipeline_spool(work->pipeline));
}

/* NULL if the body of @request may come now; else why not. */
static const char *
try_to_admit(DsnHttpWork *work, DsnHttpRequest *request)
{
    if (!is_ready(work, request))
        return NOT_READY;
    if (!dsn_http_body_start(&request->body, work->budget,
                             request->policy->configuration->http.body, request->length))
        return NO_MEMORY;
    return NULL;
}

bool
dsn_http_work_admit(DsnHttpWork *work, DsnHttpRequest *request)
{
    const char *why_not = try_to_admit(work, request);

    if (why_not == NULL)
        return true;
    request->stage = DSN_HTTP_HELD;
    request->until = g_get_monotonic_time() + request->policy->configuration->http.hold;
    if (request->policy->configuration->http.overload == DSN_OVERLOAD_503)
        dsn_http_work_give_up(work, request, why_not);
    return false;
}

void
dsn_http_work_hold(DsnHttpWork *work, DsnHttpRequest *request)
{
    g_mutex_lock(&work->lock);
    g_queue_insert_sorted(&work->held, request, compare_turns, NULL);
    g_cond_signal(&work->woken);
    g_mutex_unlock(&work->lock);
}

/* ---- the pool ---- */

/* Undoes the content coding; false if the request goes no further. */
static bool
decode(DsnHttpWork *work, DsnHttpRequest *request)
{
    const struct sockaddr *peer = dsn_http_connection_peer(request->connection);
    const char *reason = NULL;

    request->stage = DSN_HTTP_ANSWERED;
    switch (dsn_http_body_decode(&request->body, request->coding,
                                 request->policy->configuration->http.inflated, request->until)) {
    case DSN_HTTP_BODY_GOOD:
        request->coding = DSN_HTTP_IDENTITY; /* should it be worked on again */
        return true;
    case DSN_HTTP_BODY_TOO_LARGE:
        reason = "the body is larger than http.inflated after decompression";
        dsn_http_answer_reason(&request->answer, MHD_HTTP_CONTENT_TOO_LARGE, reason);
        dsn_http_refused(work->refusals, DSN_COUNT_HTTP_TOO_LARGE, peer, reason,
                         g_get_monotonic_time());
        return false;
    case DSN_HTTP_BODY_BROKEN:
        reason = "the body is not what its Content-Encoding says";
        dsn_http_answer_reason(&request->answer, MHD_HTTP_BAD_REQUEST, reason);
        dsn_http_refused(work->refusals, DSN_COUNT_HTTP_BAD, peer, reason, g_get_monotonic_time());
        return false;
    case DSN_HTTP_BODY_NO_MEMORY:
        dsn_http_work_give_up(work, request, NO_MEMORY);
        return false;
    }
    return false;
}

/* True if the request is done, with or without an answer; false if it is to be tried again. */
static bool
work_on(DsnHttpWork *work, DsnHttpRequest *request)
{
    const DsnConfiguration *configuration = request->policy->configuration;
    g_autoptr(GError) error = NULL;

    if (g_get_monotonic_time() > request->until + TURN_WITHIN) {
        dsn_http_work_give_up(work, request, NO_TURN);
        return true;
    }
    if (!decode(work, request) || request->work(work->pipeline, request, &error))
        return true;
    request->again = g_get_monotonic_time() + G_TIME_SPAN_SECOND;
    if (configuration->http.overload != DSN_OVERLOAD_503 && request->again < request->until)
        return false;
    dsn_http_work_give_up(work, request, error->message);
    return true;
}

static void
run(gpointer data, gpointer user)
{
    DsnHttpRequest *request = data;
    DsnHttpWork *work = user;

    dsn_http_turns_serve(work->turns, request->turn);
    if (!work_on(work, request)) {
        request->stage = DSN_HTTP_COMPLETE;
        dsn_http_work_hold(work, request);
        return;
    }
    dsn_http_body_clear(&request->body);
    dsn_http_work_wake(work);
    work->resume(request);
}

void
dsn_http_work_do(DsnHttpWork *work, DsnHttpRequest *request)
{
    request->stage = DSN_HTTP_COMPLETE;
    request->until = g_get_monotonic_time() + request->policy->configuration->http.hold;
    (void)g_thread_pool_push(work->pool, request, NULL); /* its threads are there already */
}

/* ---- the keeper ---- */

/* True if @request need not be held any longer; its stage says why. */
static bool
is_released(DsnHttpWork *work, DsnHttpRequest *request, int64_t now, bool *no_memory)
{
    bool complete = request->stage == DSN_HTTP_COMPLETE;

    if (work->finishing || now >= request->until) {
        dsn_http_work_give_up(work, request,
                              is_ready(work, request) && !complete ? NO_MEMORY : NOT_READY);
        return true;
    }
    if (complete)
        return now >= request->again && is_ready(work, request);
    if (*no_memory) /* others are before it */
        return false;

    const char *why_not = try_to_admit(work, request);
    *no_memory = why_not != NULL && strcmp(why_not, NO_MEMORY) == 0;
    if (why_not == NULL)
        request->stage = DSN_HTTP_ADMITTED;
    return why_not == NULL;
}

static void
look_at_held(DsnHttpWork *work, GQueue *ret_released)
{
    int64_t now = g_get_monotonic_time();
    bool no_memory = false;

    for (GList *link = work->held.head, *next; link != NULL; link = next) {
        next = link->next;
        if (is_released(work, link->data, now, &no_memory)) {
            g_queue_unlink(&work->held, link);
            g_queue_push_tail_link(ret_released, link);
        }
    }
}

static void
release(DsnHttpWork *work, GQueue *released)
{
    DsnHttpRequest *request;

    while ((request = g_queue_pop_head(released)) != NULL) {
        if (request->stage == DSN_HTTP_COMPLETE)
            (void)g_thread_pool_push(work->pool, request, NULL);
        else
            work->resume(request);
    }
}

static gpointer
keep(gpointer user)
{
    DsnHttpWork *work = user;
    GQueue released = G_QUEUE_INIT;
    int64_t swept = 0;

    g_mutex_lock(&work->lock);
    while (!work->ended) {
        look_at_held(work, &released);
        g_mutex_unlock(&work->lock);
        release(work, &released);
        if (g_get_monotonic_time() >= swept + TICK) {
            swept = g_get_monotonic_time();
            dsn_http_connections_sweep(work->connections, swept);
        }
        g_mutex_lock(&work->lock);
        if (work->ended)
            break;
        work->asleep = work->held.length == 0 && dsn_http_connections_count(work->connections) == 0;
        if (work->asleep)
            g_cond_wait(&work->woken, &work->lock);
        else
            (void)g_cond_wait_until(&work->woken, &work->lock, g_get_monotonic_time() + TICK);
        work->asleep = false;
    }
    g_mutex_unlock(&work->lock);
    return NULL;
}

void
dsn_http_work_wake(DsnHttpWork *work)
{
    g_mutex_lock(&work->lock);
    if (work->asleep || work->held.length > 0)
        g_cond_signal(&work->woken);
    g_mutex_unlock(&work->lock);
}

/* ---- life ---- */

DsnHttpWork *
dsn_http_work_new(DsnPipeline *pipeline, DsnHttpBudget *budget, DsnHttpRefusals *refusals,
                  DsnHttpConnections *connections, void (*resume)(DsnHttpRequest *request))
{
    DsnHttpWork *work = g_new0(DsnHttpWork, 1);

    work->pipeline = pipeline;
    work->budget = budget;
    work->refusals = refusals;
    work->connections = connections;
    work->resume = resume;
    g_mutex_init(&work->lock);
    g_cond_init(&work->woken);
    g_queue_init(&work->held);
    work->turns = dsn_http_turns_new();
    /* Most of their time they wait for a commit that they share. */
    work->pool = g_thread_pool_new(run, work, (gint)g_get_num_processors() + 2, TRUE, NULL);
    g_thread_pool_set_sort_function(work->pool, compare_turns, NULL);
    work->keeper = g_thread_new("http-keeper", keep, work);
    return work;
}

void
dsn_http_work_finish(DsnHttpWork *work)
{
    g_mutex_lock(&work->lock);
    work->finishing = true;
    g_cond_signal(&work->woken);
    g_mutex_unlock(&work->lock);
}

void
dsn_http_work_free(DsnHttpWork *work)
{
    if (work == NULL)
        return;
    g_mutex_lock(&work->lock);
    work->ended = true;
    g_cond_signal(&work->woken);
    g_mutex_unlock(&work->lock);
    (void)g_thread_join(work->keeper);
    g_thread_pool_free(work->pool, FALSE, TRUE);
    g_assert(work->held.length == 0);
    dsn_http_turns_free(work->turns);
    g_mutex_clear(&work->lock);
    g_cond_clear(&work->woken);
    g_free(work);
}
