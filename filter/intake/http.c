/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>

#include "filter/core/log.h"
#include "filter/core/number.h"
#include "filter/intake/http-auth.h"
#include "filter/intake/http-messages.h"
#include "filter/intake/http-records.h"
#include "filter/intake/http-work.h"
#include "filter/intake/listen.h"

/* KumoMTA keeps connections for 90 s; who closes first is to be the client, as its next request may
 * be on its way. */
#define KEPT_FOR (120 * G_TIME_SPAN_SECOND)
/* For requests that are not complete when the daemon stops. */
#define STOP_WITHIN (3 * G_TIME_SPAN_SECOND)
/* Bytes of header. */
#define HEADER_MOST ((size_t)32 * 1024)
/* Of a stranger's body so much is read and dropped. A sender who reads the answer only after having
 * sent all may see no more than a reset if the connection is closed before (RFC 9112 section 9.6).
 */
#define SWALLOW_MOST ((guint64)1024 * 1024)
/* Connections above http.connections for those who look after us. */
#define SPARE 8

struct DsnHttp {
    DsnPipeline *pipeline;
    DsnHttpPages pages;
    char *listen;
    struct MHD_Daemon *daemon;
    DsnHttpRefusals *refusals;
    DsnHttpConnections *connections;
    DsnHttpBudget *budget;
    DsnHttpWork *work;
    gint stopping;
    /* Of the thread of the connections: */
    DsnPolicy *policy; /* that keys and budget were made from */
    DsnHttpKeys *keys;
};

typedef struct Route {
    const char *path;
    const char *allow;
    void (*page)(DsnHttp *http, DsnHttpAnswer *answer); /* GET */
    DsnHttpWorkFunction work;                           /* POST */
    bool needs_spool;
} Route;

/* ---- pages ---- */

static void
show_alive(DsnHttp *http, DsnHttpAnswer *answer)
{
    (void)http;
    dsn_http_answer_text(answer, MHD_HTTP_OK, "text/plain", g_string_new("alive\n"));
}

static void
show_ready(DsnHttp *http, DsnHttpAnswer *answer)
{
    g_autofree char *why = http->pages.unready(http->pages.user);
    GString *text = g_string_new(why == NULL ? "ready\n" : NULL);

    if (why != NULL)
        g_string_printf(text, "not ready: %s\n", why);
    dsn_http_answer_text(answer, why == NULL ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
                         "text/plain", text);
}

static void
show_metrics(DsnHttp *http, DsnHttpAnswer *answer)
{
    GString *text = g_string_new(NULL);

    http->pages.metrics(http->pages.user, text);
    dsn_http_answer_text(answer, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text);
}

static const Route routes[] = {
    {"/v1/records", "POST", NULL, dsn_http_take_records, true},
    {"/v1/messages", "POST", NULL, dsn_http_take_message, true},
    {"/v1/notice", "POST", NULL, dsn_http_make_notice, false},
    {"/metrics", "GET, HEAD", show_metrics, NULL, false},
    {"/healthz", "GET, HEAD", show_alive, NULL, false},
    {"/readyz", "GET, HEAD", show_ready, NULL, false},
};

static const Route *
find_route(const char *path)
{
    for (size_t i = 0; i < G_N_ELEMENTS(routes); i++) {
        if (strcmp(path, routes[i].path) == 0)
            return &routes[i];
    }
    return NULL;
}

static bool
is_allowed(const Route *route, const char *method)
{
    return route->page == NULL ? strcmp(method, MHD_HTTP_METHOD_POST) == 0
                               : strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
                                     strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

/* ---- the header of a request ---- */

static DsnSpan
header_value(struct MHD_Connection *connection, const char *name)
{
    const char *value = NULL;
    size_t len = 0;

    if (MHD_lookup_connection_value_n(connection, MHD_HEADER_KIND, name, strlen(name), &value,
                                      &len) != MHD_YES)
        return DSN_SPAN_ABSENT;
    return value == NULL ? DSN_SPAN_LITERAL("") : (DsnSpan){value, len};
}

static const char *
header_text(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* The answer is @reason, and is counted as @cause. */
static void
refuse(DsnHttp *http, DsnHttpRequest *request, DsnCounter cause, unsigned status,
       const char *reason)
{
    request->stage = DSN_HTTP_ANSWERED;
    dsn_http_answer_reason(&request->answer, status, reason);
    dsn_http_refused(http->refusals, cause, dsn_http_connection_peer(request->connection), reason,
                     g_get_monotonic_time());
}

static void
refuse_with(DsnHttp *http, DsnHttpRequest *request, DsnCounter cause, unsigned status,
            const char *reason, const char *field, const char *value)
{
    refuse(http, request, cause, status, reason);
    request->answer.field = field;
    request->answer.value = value;
}

/* The fields that say where a body ends. */
typedef struct Framing {
    const char *length, *transfer;
    unsigned fields;
} Framing;

static enum MHD_Result
look_at_field(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    Framing *framing = cls;

    (void)kind;
    if (g_ascii_strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0)
        framing->length = value;
    else if (g_ascii_strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0)
        framing->transfer = value;
    else
        return MHD_YES;
    framing->fields++;
    return MHD_YES;
}

/* Reads how long the body is. False when somebody on the way could see another end of it than we
 * do, and take for a request what is part of a body (RFC 9112 section 6.3): then the connection is
 * of no more use. */
static bool
read_length(DsnHttpRequest *request, struct MHD_Connection *connection)
{
    Framing framing = {.length = NULL};
    guint64 length = 0;

    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, look_at_field, &framing);
    if (framing.fields == 0)
        return true;
    request->length = -1;
    if (framing.fields > 1)
        return false;
    if (framing.transfer != NULL)
        return g_ascii_strcasecmp(framing.transfer, "chunked") == 0;
    if (!dsn_number_read(framing.length, 10, 0, G_MAXINT64, &length))
        return false;
    request->length = (int64_t)length;
    return true;
}

/* Nothing of a body is read before all of this has been asked. */
static void
judge_post(DsnHttp *http, DsnHttpRequest *request, struct MHD_Connection *connection,
           const struct sockaddr *peer)
{
    const DsnConfiguration *configuration = request->policy->configuration;
    const char *header = configuration->http.header;
    const char *coding = header_text(connection, MHD_HTTP_HEADER_CONTENT_ENCODING);

    request->poster = dsn_http_keys_find(http->keys, header, header_value(connection, header),
                                         dsn_address_is_local(peer));
    if (request->poster == NULL) {
        refuse_with(http, request, DSN_COUNT_HTTP_TOKEN, MHD_HTTP_UNAUTHORIZED,
                    "no token, or an unknown one", MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                    "Bearer realm=\"dsnarf\"");
        return;
    }
    request->swallow += 2 * configuration->http.body;
    if (!dsn_http_coding_parse(coding, &request->coding)) {
        refuse_with(http, request, DSN_COUNT_HTTP_BAD, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
                    "the Content-Encoding is not supported", MHD_HTTP_HEADER_ACCEPT_ENCODING,
                    "gzip, zstd");
        return;
    }
    if (request->length > 0 && (guint64)request->length > configuration->http.body) {
        refuse(http, request, DSN_COUNT_HTTP_TOO_LARGE, MHD_HTTP_CONTENT_TOO_LARGE,
               "the body is larger than http.body");
        return;
    }
    if (!dsn_http_connections_has_room(http->connections, request->connection,
                                       configuration->http.connections)) {
        dsn_http_work_give_up(http->work, request, "there are more than http.connections");
        return;
    }
    dsn_http_work_enter(http->work, request);
    if (dsn_http_work_admit(http->work, request))
        request->stage = DSN_HTTP_RECEIVE;
}

static void
judge(DsnHttp *http, DsnHttpRequest *request, struct MHD_Connection *connection, const char *url,
      const char *method)
{
    const struct sockaddr *peer = dsn_http_connection_peer(request->connection);
    const Route *route = find_route(url);

    if (!read_length(request, connection)) {
        refuse(http, request, DSN_COUNT_HTTP_BAD, MHD_HTTP_BAD_REQUEST,
               "the length of the body is not clear");
        request->last = true;
    } else if (peer->sa_family != AF_UNIX && !dsn_networks_match(request->policy->trusted, peer)) {
        refuse(http, request, DSN_COUNT_HTTP_NETWORK, MHD_HTTP_FORBIDDEN,
               "http.trusted does not list this host");
        request->last = true; /* nor is its body waited for: only idle connections make room */
    } else if (route == NULL) {
        refuse(http, request, DSN_COUNT_HTTP_BAD, MHD_HTTP_NOT_FOUND,
               "there is no such thing here");
    } else if (!is_allowed(route, method)) {
        refuse_with(http, request, DSN_COUNT_HTTP_BAD, MHD_HTTP_METHOD_NOT_ALLOWED,
                    "the method is not allowed", MHD_HTTP_HEADER_ALLOW, route->allow);
    } else if (route->page != NULL) {
        request->stage = DSN_HTTP_ANSWERED;
        route->page(http, &request->answer);
    } else {
        request->work = route->work;
        request->needs_spool = route->needs_spool;
        judge_post(http, request, connection, peer);
    }
}

/* ---- on its way ---- */

static enum MHD_Result
send_answer(DsnHttp *http, DsnHttpRequest *request, struct MHD_Connection *connection)
{
    DsnHttpAnswer *answer = &request->answer;
    GString *text = g_steal_pointer(&answer->text);
    size_t len = text == NULL ? 0 : text->len;
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback(
        len, text == NULL ? g_strdup("") : g_string_free(text, FALSE), g_free);
    enum MHD_Result result;

    if (answer->type != NULL)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    if (answer->field != NULL)
        (void)MHD_add_response_header(response, answer->field, answer->value);
    if (request->last || g_atomic_int_get(&http->stopping))
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    (void)dsn_http_connections_enter(http->connections, request->connection, DSN_HTTP_ANSWERING,
                                     g_get_monotonic_time() +
                                         request->policy->configuration->http.deadline);
    result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

/* Lets go of the connection until somebody resumes it. */
static enum MHD_Result
suspend(DsnHttp *http, DsnHttpRequest *request, struct MHD_Connection *connection,
        void (*hand_over)(DsnHttpWork *work, DsnHttpRequest *request))
{
    if (!dsn_http_connections_enter(http->connections, request->connection, DSN_HTTP_WAITING, 0))
        return MHD_NO;
    MHD_suspend_connection(connection);
    hand_over(http->work, request);
    return MHD_YES;
}

/* Called by others, for a connection that is suspended. */
static void
resume(DsnHttpRequest *request)
{
    MHD_resume_connection(request->server);
}

/* True if the sender of a body that will not be read had better be told now. */
static bool
is_told_at_once(const DsnHttpRequest *request, struct MHD_Connection *connection)
{
    return request->last || header_text(connection, MHD_HTTP_HEADER_EXPECT) != NULL ||
           request->length > (int64_t)request->swallow;
}

static enum MHD_Result
after_header(DsnHttp *http, DsnHttpRequest *request, struct MHD_Connection *connection)
{
    switch (request->stage) {
    case DSN_HTTP_HELD:
        return suspend(http, request, connection, dsn_http_work_hold);
    case DSN_HTTP_GIVEN_UP:
        return MHD_NO;
    case DSN_HTTP_ANSWERED:
        return is_told_at_once(request, connection) ? send_answer(http, request, connection)
                                                    : MHD_YES;
    case DSN_HTTP_ADMITTED:
    case DSN_HTTP_RECEIVE:
    case DSN_HTTP_COMPLETE:
        break;
    }
    request->stage = DSN_HTTP_RECEIVE;
    return MHD_YES;
}

static enum MHD_Result
receive(DsnHttp *http, DsnHttpRequest *request, DsnSpan bytes)
{
    if (request->stage == DSN_HTTP_RECEIVE) {
        if (!dsn_http_body_add(&request->body, bytes)) {
            dsn_http_body_clear(&request->body);
            dsn_http_work_wake(http->work);
            refuse(http, request, DSN_COUNT_HTTP_TOO_LARGE, MHD_HTTP_CONTENT_TOO_LARGE,
                   "the body is larger than http.body");
        }
        return MHD_YES;
    }
    if (bytes.len > request->swallow)
        return MHD_NO;
    request->swallow -= bytes.len;
    return MHD_YES;
}

static enum MHD_Result
after_body(DsnHttp *http, DsnHttpRequest *request, struct MHD_Connection *connection)
{
    if (request->stage == DSN_HTTP_ANSWERED)
        return send_answer(http, request, connection);
    if (request->stage == DSN_HTTP_GIVEN_UP)
        return MHD_NO;
    dsn_http_body_end(&request->body);
    return suspend(http, request, connection, dsn_http_work_do);
}

/* Keys and budget follow a reload. */
static void
use_policy(DsnHttp *http, DsnPolicy *policy)
{
    const DsnConfiguration *configuration = policy->configuration;

    if (http->policy == policy)
        return;
    dsn_http_keys_free(http->keys);
    if (http->policy != NULL)
        dsn_policy_unref(http->policy);
    http->policy = dsn_policy_ref(policy);
    http->keys = dsn_http_keys_new(policy->posters);
    dsn_http_budget_set(
        http->budget, configuration->http.memory,
        dsn_http_body_largest(configuration->http.body, configuration->http.inflated));
}

static DsnHttpConnection *
connection_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static DsnHttpRequest *
begin(DsnHttp *http, struct MHD_Connection *connection)
{
    DsnHttpRequest *request = g_new0(DsnHttpRequest, 1);

    request->server = connection;
    request->connection = connection_of(connection);
    request->policy = dsn_pipeline_policy(http->pipeline);
    request->swallow = SWALLOW_MOST;
    use_policy(http, request->policy);
    (void)dsn_http_connections_enter(http->connections, request->connection, DSN_HTTP_RECEIVING,
                                     g_get_monotonic_time() +
                                         request->policy->configuration->http.deadline);
    return request;
}

/* ---- what libmicrohttpd calls ---- */

/* Once after the header, for each piece of the body, at its end, and each time the connection was
 * resumed. */
static enum MHD_Result
handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
       const char *version, const char *upload, size_t *upload_size, void **con_cls)
{
    DsnHttp *http = cls;
    DsnHttpRequest *request = *con_cls;

    (void)version;
    if (request == NULL) {
        if (g_atomic_int_get(&http->stopping))
            return MHD_NO;
        *con_cls = request = begin(http, connection);
        judge(http, request, connection, url, method);
        return after_header(http, request, connection);
    }
    if (request->stage == DSN_HTTP_ADMITTED) {
        (void)dsn_http_connections_enter(http->connections, request->connection, DSN_HTTP_RECEIVING,
                                         g_get_monotonic_time() +
                                             request->policy->configuration->http.deadline);
        return after_header(http, request, connection);
    }
    if (*upload_size > 0) {
        DsnSpan bytes = {upload, *upload_size};

        *upload_size = 0;
        return receive(http, request, bytes);
    }
    return after_body(http, request, connection);
}

static void
completed(void *cls, struct MHD_Connection *connection, void **con_cls,
          enum MHD_RequestTerminationCode how)
{
    DsnHttp *http = cls;
    DsnHttpRequest *request = g_steal_pointer((DsnHttpRequest **)con_cls);

    (void)connection;
    (void)how;
    if (request == NULL)
        return;
    (void)dsn_http_connections_enter(http->connections, request->connection, DSN_HTTP_IDLE,
                                     g_get_monotonic_time() + KEPT_FOR);
    dsn_http_body_clear(&request->body);
    dsn_http_work_wake(http->work);
    if (request->answer.text != NULL)
        (void)g_string_free(request->answer.text, TRUE);
    dsn_policy_unref(request->policy);
    g_free(request);
}

static void
connected(void *cls, struct MHD_Connection *connection, void **context,
          enum MHD_ConnectionNotificationCode what)
{
    DsnHttp *http = cls;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        dsn_http_connections_remove(http->connections, *context);
        return;
    }

    g_autoptr(DsnPolicy) policy = dsn_pipeline_policy(http->pipeline);
    const DsnConfiguration *configuration = policy->configuration;
    *context = dsn_http_connections_add(
        http->connections,
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr,
        g_get_monotonic_time() + configuration->http.deadline, configuration->http.connections);
    dsn_http_work_wake(http->work);
}

static void G_GNUC_PRINTF(2, 0) log_library(void *cls, const char *format, va_list arguments)
{
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    /* "Hit process or system resource limit at 1015 connections, temporarily suspending accept()"
     */
    bool out_of_descriptors = g_str_has_prefix(format, "Hit process");

    (void)cls;
    dsn_log_event(out_of_descriptors ? DSN_LOG_WARNING : DSN_LOG_DEBUG, "http: libmicrohttpd: %s",
                  g_strchomp(text));
}

/* ---- life ---- */

/* With epoll, libmicrohttpd 0.9.75 takes a short read for the end of what is there and misses a
 * close that came with it; such a request would keep its memory until its deadline. */
static bool
start_daemon(DsnHttp *http, int fd, size_t connections, GError **error)
{
    http->daemon = MHD_start_daemon(
        MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        handle, http, MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)(connections + SPARE),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADER_MOST, MHD_OPTION_NOTIFY_COMPLETED, completed,
        http, MHD_OPTION_NOTIFY_CONNECTION, connected, http, MHD_OPTION_END);
    if (http->daemon == NULL)
        g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno),
                    "%s: the HTTP server does not start: %s", http->listen, g_strerror(errno));
    return http->daemon != NULL;
}

static void
free_http(DsnHttp *http)
{
    dsn_http_work_free(http->work);
    dsn_http_connections_free(http->connections);
    dsn_http_budget_free(http->budget);
    dsn_http_refusals_free(http->refusals);
    dsn_http_keys_free(http->keys);
    if (http->policy != NULL)
        dsn_policy_unref(http->policy);
    g_free(http->listen);
    g_free(http);
}

DsnHttp *
dsn_http_start(DsnPipeline *pipeline, const DsnHttpPages *pages, GError **error)
{
    g_autoptr(DsnPolicy) policy = dsn_pipeline_policy(pipeline);
    const DsnConfiguration *configuration = policy->configuration;
    const char *where = configuration->http.listen;
    int fd = dsn_listen_open(where, (unsigned)configuration->http.socket_mode,
                             configuration->http.socket_group, error);
    DsnHttp *http;

    if (fd < 0)
        return NULL;
    http = g_new0(DsnHttp, 1);
    http->pipeline = pipeline;
    http->pages = *pages;
    http->listen = g_strdup(where);
    http->budget = dsn_http_budget_new();
    http->refusals = dsn_http_refusals_new(dsn_pipeline_metrics(pipeline));
    http->connections = dsn_http_connections_new(http->refusals);
    http->work =
        dsn_http_work_new(pipeline, http->budget, http->refusals, http->connections, resume);
    if (!start_daemon(http, fd, configuration->http.connections, error)) {
        dsn_listen_close(where, fd);
        free_http(http);
        return NULL;
    }

    g_autofree char *name = dsn_listen_name(where, fd);
    dsn_log_event(DSN_LOG_INFO, "http: listening at %s", name);
    return http;
}

void
dsn_http_stop(DsnHttp *http)
{
    if (http == NULL)
        return;
    g_atomic_int_set(&http->stopping, 1);
    dsn_http_work_finish(http->work);
    dsn_listen_close(http->listen, MHD_quiesce_daemon(http->daemon));
    dsn_http_connections_finish(http->connections, g_get_monotonic_time() + STOP_WITHIN);
    MHD_stop_daemon(http->daemon);
    free_http(http);
}
