/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/lmtp.h"

#include "filter/intake/files.h"
#include "filter/intake/listen.h"
#include "filter/intake/lmtp-delivery.h"
#include "filter/intake/lmtp-session.h"
#include "filter/intake/maildir.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* RFC 5321 section 4.5.3.2: for a command, for a whole message, and for the client to take a
 * reply. */
#define COMMAND_TIME (5 * G_TIME_SPAN_MINUTE)
#define DATA_TIME (10 * G_TIME_SPAN_MINUTE)
#define REPLY_TIME (5 * G_TIME_SPAN_MINUTE)
/* The same at a stop, for a client that does not read. */
#define LAST_REPLY_TIME G_TIME_SPAN_SECOND
/* When there are no descriptors to accept with. */
#define ACCEPT_PAUSE_MS 100
#define READ_SIZE ((size_t)64 << 10)

typedef struct Connection {
    DsnLmtp *lmtp;
    GThread *thread;
    int fd;
    gint done;  /* the thread is about to end */
    char *peer; /* address, NULL on a unix socket */
    DsnPolicy *policy;
    DsnLmtpOptions options;
    DsnLmtpSession *session;
} Connection;

struct DsnLmtp {
    DsnPipeline *pipeline;
    char *listen;
    int listen_fd;
    int stop_fd;
    guint max;
    GThread *thread;
    GPtrArray *connections; /* of Connection; the accepting thread's */
};

/* ---- a connection ---- */

typedef enum Ready { READY, READY_LATE, READY_STOP } Ready;

/* Waits for @events until @deadline, or until something is to be read from @stop_fd. */
static Ready
wait_for(int fd, short events, int stop_fd, gint64 deadline)
{
    struct pollfd fds[] = {{.fd = fd, .events = events}, {.fd = stop_fd, .events = POLLIN}};

    for (;;) {
        gint64 left = deadline - g_get_monotonic_time();
        if (left <= 0)
            return READY_LATE;

        int ready = poll(fds, G_N_ELEMENTS(fds), (int)((left + 999) / 1000));
        if (ready > 0)
            return fds[1].revents != 0 ? READY_STOP : READY;
    }
}

/* Sends the replies. False when the client is gone or does not take them. */
static bool
send_replies(const Connection *connection)
{
    GString *replies = dsn_lmtp_session_replies(connection->session);
    gint64 deadline = g_get_monotonic_time() + REPLY_TIME;
    int stop_fd = connection->lmtp->stop_fd;
    size_t sent = 0;

    while (sent < replies->len) {
        ssize_t count = send(connection->fd, replies->str + sent, replies->len - sent,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) {
            sent += (size_t)count;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return false;
        switch (wait_for(connection->fd, POLLOUT, stop_fd, deadline)) {
        case READY:
            break;
        case READY_LATE:
            return false;
        case READY_STOP:
            deadline = MIN(deadline, g_get_monotonic_time() + LAST_REPLY_TIME);
            stop_fd = -1; /* is not looked at any more */
            break;
        }
    }
    g_string_truncate(replies, 0);
    return true;
}

/* Takes the policy in force; a message and its commands may see two of them. */
static void
renew_policy(Connection *connection)
{
    dsn_policy_unref(connection->policy);
    connection->policy = dsn_pipeline_policy(connection->lmtp->pipeline);
    connection->options.hostname = connection->policy->configuration->hostname;
    connection->options.message_max = connection->policy->configuration->limits.message;
}

static bool
takes(DsnSpan recipient, gpointer user)
{
    const Connection *connection = user;

    return dsn_patterns_match(connection->policy->lmtp, recipient);
}

/* Acts on @input. False when the connection is to end; *@ret_answered: there were replies. */
static bool
use_input(Connection *connection, DsnSpan input, bool *ret_answered)
{
    const GString *replies = dsn_lmtp_session_replies(connection->session);
    DsnLmtpStep step;

    renew_policy(connection);
    *ret_answered = false;
    while ((step = dsn_lmtp_session_step(connection->session, &input)) == DSN_LMTP_MESSAGE) {
        g_autofree char *reply =
            dsn_lmtp_deliver(connection->lmtp->pipeline, connection->policy,
                             dsn_lmtp_session_envelope(connection->session), connection->peer);

        dsn_lmtp_session_answer(connection->session, reply);
        *ret_answered = true;
        if (!send_replies(connection))
            return false;
    }
    *ret_answered = *ret_answered || replies->len > 0;
    return send_replies(connection) && step == DSN_LMTP_MORE;
}

/* When what follows a reply must be complete: a command, or a message. */
static gint64
next_deadline(const Connection *connection)
{
    return g_get_monotonic_time() +
           (dsn_lmtp_session_in_data(connection->session) ? DATA_TIME : COMMAND_TIME);
}

/* Talks until either side has enough. */
static void
converse(Connection *connection)
{
    g_autofree char *buffer = g_malloc(READ_SIZE);
    gint64 deadline = next_deadline(connection);
    bool open = send_replies(connection);

    while (open) {
        Ready ready = wait_for(connection->fd, POLLIN, connection->lmtp->stop_fd, deadline);
        if (ready != READY) {
            dsn_lmtp_session_end(connection->session, ready == READY_LATE
                                                          ? "421 4.4.2 Timeout"
                                                          : "421 4.3.2 Shutting down");
            (void)send_replies(connection); /* whether it is heard does not matter */
            return;
        }
        ssize_t count = recv(connection->fd, buffer, READ_SIZE, MSG_DONTWAIT);
        if (count < 0 && (errno == EINTR || errno == EAGAIN))
            continue;

        bool answered;
        open = count > 0 && use_input(connection, (DsnSpan){buffer, (size_t)count}, &answered);
        if (open && answered)
            deadline = next_deadline(connection);
    }
}

static gpointer
run_connection(gpointer data)
{
    Connection *connection = data;

    renew_policy(connection);
    connection->session = dsn_lmtp_session_new(&connection->options);
    converse(connection);
    dsn_lmtp_session_free(connection->session);
    dsn_policy_unref(connection->policy);
    (void)close(connection->fd);
    g_atomic_int_set(&connection->done, 1);
    return NULL;
}

static void
connection_free(gpointer data)
{
    Connection *connection = data;

    if (connection->thread != NULL)
        (void)g_thread_join(connection->thread);
    g_free(connection->peer);
    g_free(connection);
}

/* ---- the server ---- */

/* The address of a client (transfer full), NULL on a unix socket. */
static char *
peer_address(const struct sockaddr_storage *from)
{
    char text[INET6_ADDRSTRLEN] = "";
    const void *address = from->ss_family == AF_INET
                              ? (const void *)&((const struct sockaddr_in *)from)->sin_addr
                              : (const void *)&((const struct sockaddr_in6 *)from)->sin6_addr;

    if (from->ss_family != AF_INET && from->ss_family != AF_INET6)
        return NULL;
    return g_strdup(inet_ntop(from->ss_family, address, text, sizeof(text)));
}

/* Takes leave of connections that have ended. */
static void
join_ended(DsnLmtp *lmtp)
{
    for (guint i = lmtp->connections->len; i > 0; i--) {
        Connection *connection = lmtp->connections->pdata[i - 1];

        if (g_atomic_int_get(&connection->done) != 0)
            (void)g_ptr_array_remove_index_fast(lmtp->connections, i - 1);
    }
}

/* Turns away a client that there is no thread for. */
static void
turn_away(int fd)
{
    static const char busy[] = "421 4.3.2 Too many connections\r\n";

    (void)send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)close(fd);
}

static void
accept_one(DsnLmtp *lmtp)
{
    struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(from);
    int fd = accept4(lmtp->listen_fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            g_usleep(ACCEPT_PAUSE_MS * 1000);
        return; /* else the client has gone, or never was there */
    }
    join_ended(lmtp);
    if (lmtp->connections->len >= lmtp->max) {
        turn_away(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* not on unix ones */

    Connection *connection = g_new0(Connection, 1);
    connection->lmtp = lmtp;
    connection->fd = fd;
    connection->peer = peer_address(&from);
    connection->options.takes = takes;
    connection->options.user = connection;
    connection->thread = g_thread_try_new("lmtp", run_connection, connection, NULL);
    if (connection->thread != NULL) {
        g_ptr_array_add(lmtp->connections, connection);
        return;
    }
    turn_away(fd);
    connection_free(connection);
}

static gpointer
run(gpointer data)
{
    DsnLmtp *lmtp = data;
    struct pollfd fds[] = {{.fd = lmtp->listen_fd, .events = POLLIN},
                           {.fd = lmtp->stop_fd, .events = POLLIN}};

    while (fds[1].revents == 0) {
        if (poll(fds, G_N_ELEMENTS(fds), -1) > 0 && fds[0].revents != 0 && fds[1].revents == 0)
            accept_one(lmtp);
    }
    g_ptr_array_set_size(lmtp->connections, 0); /* joins them */
    return NULL;
}

/* False if mail that is no report could not be delivered. */
static bool
check_others(const DsnConfiguration *configuration, GError **error)
{
    g_auto(DsnMaildir) maildir = DSN_MAILDIR_CLOSED;

    if (configuration->lmtp.others == NULL ||
        dsn_maildir_open(configuration->lmtp.others, &maildir, error))
        return true;
    g_prefix_error(error, "lmtp.others: ");
    return false;
}

DsnLmtp *
dsn_lmtp_start(DsnPipeline *pipeline, GError **error)
{
    g_autoptr(DsnPolicy) policy = dsn_pipeline_policy(pipeline);
    const DsnConfiguration *configuration = policy->configuration;
    int stop_fd, listen_fd;

    if (!check_others(configuration, error))
        return NULL;
    stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stop_fd < 0) {
        dsn_file_error(error);
        return NULL;
    }
    listen_fd =
        dsn_listen_open(configuration->lmtp.listen, (unsigned)configuration->lmtp.socket_mode,
                        configuration->lmtp.socket_group, error);
    if (listen_fd < 0) {
        (void)close(stop_fd);
        return NULL;
    }

    DsnLmtp *lmtp = g_new0(DsnLmtp, 1);
    lmtp->pipeline = pipeline;
    lmtp->listen = g_strdup(configuration->lmtp.listen);
    lmtp->listen_fd = listen_fd;
    lmtp->stop_fd = stop_fd;
    lmtp->max = (guint)configuration->lmtp.connections;
    lmtp->connections = g_ptr_array_new_with_free_func(connection_free);
    lmtp->thread = g_thread_new("lmtp", run, lmtp);
    return lmtp;
}

void
dsn_lmtp_stop(DsnLmtp *lmtp)
{
    if (lmtp == NULL)
        return;
    (void)eventfd_write(lmtp->stop_fd, 1); /* fails only at 2^64 */
    (void)g_thread_join(lmtp->thread);
    dsn_listen_close(lmtp->listen, lmtp->listen_fd);
    (void)close(lmtp->stop_fd);
    g_ptr_array_unref(lmtp->connections);
    g_free(lmtp->listen);
    g_free(lmtp);
}
