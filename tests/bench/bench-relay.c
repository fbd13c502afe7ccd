/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench-relay.c - how fast notices go out
 *
 * Usage: bench-relay [SECONDS]; each row is measured for about that long (default 2), by the clock
 * on the wall, against an smtp-sink of its own. It says so and succeeds where Postfix is not
 * installed, and never fails on a slow machine.
 */
#include "config.h"

#include "filter/core/log.h"
#include "filter/outlet/relay-connect.h"
#include "filter/outlet/relay.h"
#include "tests/bench/common.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOTICE_SIZE 4096
#define RUN 100

static double
now(void)
{
    return (double)g_get_monotonic_time() / G_TIME_SPAN_SECOND;
}

static void
print_rate(const char *name, double rate, const char *wanted)
{
    printf("%-52s %10.0f/s  %s\n", name, rate, wanted);
    (void)fflush(stdout);
}

/* ---- the sink ---- */

typedef struct Sink {
    GPid pid;
    char *host; /* "127.0.0.1:port" */
} Sink;

static int
open_socket(struct sockaddr_in *address)
{
    *address = (struct sockaddr_in){.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                    .sin_port = address->sin_port};
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static unsigned
free_port(void)
{
    struct sockaddr_in address = {0};
    socklen_t len = sizeof(address);
    int fd = open_socket(&address);
    bool good = bind(fd, (struct sockaddr *)&address, len) == 0 &&
                getsockname(fd, (struct sockaddr *)&address, &len) == 0;

    g_assert(good);
    (void)close(fd);
    return ntohs(address.sin_port);
}

static void
wait_for_port(unsigned port)
{
    for (int i = 0; i < 500; i++) {
        struct sockaddr_in address = {.sin_port = htons((guint16)port)};
        int fd = open_socket(&address);
        bool good = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

        (void)close(fd);
        if (good)
            return;
        g_usleep(10000);
    }
    g_error("smtp-sink does not listen");
}

/* @pipelining: whether it offers it. */
static bool
sink_start(Sink *sink, bool pipelining)
{
    static const char *const places[] = {"/usr/sbin/smtp-sink", "/usr/lib/postfix/sbin/smtp-sink",
                                         "/usr/libexec/postfix/smtp-sink"};
    const char *program = NULL;
    unsigned port = free_port();
    g_autoptr(GPtrArray) arguments = g_ptr_array_new();

    for (size_t i = 0; i < G_N_ELEMENTS(places) && program == NULL; i++)
        program = access(places[i], X_OK) == 0 ? places[i] : NULL;
    if (program == NULL)
        return false;
    sink->host = g_strdup_printf("127.0.0.1:%u", port);
    g_ptr_array_add(arguments, (char *)program);
    if (!pipelining)
        g_ptr_array_add(arguments, (char *)"-p");
    if (getuid() == 0) {
        g_ptr_array_add(arguments, (char *)"-u");
        g_ptr_array_add(arguments, (char *)"nobody");
    }
    g_ptr_array_add(arguments, sink->host);
    g_ptr_array_add(arguments, (char *)"100");
    g_ptr_array_add(arguments, NULL);
    bool good = g_spawn_async("/", (char **)arguments->pdata, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                              NULL, &sink->pid, NULL);
    if (good)
        wait_for_port(port);
    return good;
}

static void
sink_stop(Sink *sink)
{
    (void)kill(sink->pid, SIGTERM);
    (void)waitpid(sink->pid, NULL, 0);
    g_free(sink->host);
}

/* ---- the client alone ---- */

static GBytes *
make_content(void)
{
    GString *text = g_string_new("From: mailer-daemon@mta1.example.com\r\nSubject: bench\r\n\r\n");

    while (text->len < NOTICE_SIZE)
        g_string_append(text, "The quick brown fox jumps over the lazy dog, again and again.\r\n");
    return g_string_free_to_bytes(text);
}

typedef struct Sender {
    const char *host;
    double until;
    guint64 sent;
} Sender;

static void
count_sent(DsnSmtpMessage *message, gpointer user)
{
    Sender *sender = user;

    g_assert(message->outcome == DSN_SMTP_SENT);
    sender->sent++;
}

static gpointer
send_messages(gpointer data)
{
    const gint stopping = DSN_SMTP_GO;
    Sender *sender = data;
    const DsnRelayOptions options = {.port = 25};
    g_autoptr(DsnRelayFinder) finder = dsn_relay_finder_new(&options);
    DsnSmtpTarget target = {.ehlo = "bench.example",
                            .deliveries = G_MAXSIZE,
                            .times = DSN_SMTP_TIMES_DEFAULT,
                            .stopping = &stopping};
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) content = make_content();
    DsnSmtpClient *client = dsn_relay_connect(finder, sender->host, &target, &error);

    g_assert_no_error(error);
    while (now() < sender->until) {
        DsnSmtpMessage messages[RUN] = {0};

        for (int i = 0; i < RUN; i++) {
            messages[i].recipient = DSN_SPAN_LITERAL("news+4711@shop.example");
            messages[i].content.data = g_bytes_get_data(content, &messages[i].content.len);
        }
        DsnSmtpRun run = dsn_smtp_client_send(client, messages, RUN, count_sent, sender, &error);
        g_assert_no_error(error);
        g_assert(run == DSN_SMTP_RUN_DONE);
        for (int i = 0; i < RUN; i++)
            g_free(messages[i].reply);
    }
    dsn_smtp_client_free(client);
    return NULL;
}

static void
bench_client(bool pipelining, guint connections, double seconds, const char *wanted)
{
    Sink sink;
    Sender senders[4];
    GThread *threads[4];
    guint64 sent = 0;
    bool good = sink_start(&sink, pipelining);

    g_assert(good && connections <= G_N_ELEMENTS(senders));
    double start = now();
    for (guint i = 0; i < connections; i++) {
        senders[i] = (Sender){sink.host, start + seconds, 0};
        threads[i] = g_thread_new("bench", send_messages, &senders[i]);
    }
    for (guint i = 0; i < connections; i++) {
        (void)g_thread_join(threads[i]); /* its result is in senders[i] */
        sent += senders[i].sent;
    }
    g_autofree char *name = g_strdup_printf("client alone, %s, connections: %u",
                                            pipelining ? "pipelined" : "lock-step", connections);
    print_rate(name, (double)sent / (now() - start), wanted);
    sink_stop(&sink);
}

/* ---- from the spool ---- */

static void
fill_spool(DsnSpool *spool, guint count, guint *keys)
{
    g_autoptr(GBytes) content = make_content();

    for (guint done = 0; done < count;) {
        g_autoptr(DsnDeposit) deposit = dsn_deposit_new(false);

        for (; deposit->items->len < 500 && done < count; done++) {
            DsnKey key = {.time = g_get_real_time() / G_TIME_SPAN_SECOND};
            DsnSpoolNotice *notice = dsn_spool_notice_new();

            memcpy(key.digest, keys, sizeof(*keys));
            (*keys)++;
            notice->record_id = g_strdup_printf("%u", *keys);
            notice->record_type = g_strdup("Bounce");
            notice->recipient = g_strdup("news+4711@shop.example");
            notice->bytes = g_bytes_ref(content);
            (void)g_array_append_val(notice->keys, key);
            DsnItem item = {.kind = DSN_ITEM_EVENT, .key = key, .notice = notice};
            (void)g_array_append_val(deposit->items, item);
        }
        dsn_spool_submit(spool, deposit);
        (void)dsn_spool_wait(spool, deposit, -1); /* for ever: it cannot be false */
        g_assert_no_error(deposit->error);
    }
}

static void
bench_relay(DsnSpool *spool, DsnMetrics *metrics, guint connections, guint count, guint *keys,
            const char *wanted)
{
    Sink sink;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) hosts = g_ptr_array_new();
    DsnSpoolState state;
    bool good = sink_start(&sink, true);

    g_assert(good);
    fill_spool(spool, count, keys);
    g_ptr_array_add(hosts, sink.host);
    const DsnRelayOptions options = {.hosts = hosts,
                                     .connections = connections,
                                     .deliveries = 100000,
                                     .idle_timeout = G_TIME_SPAN_SECOND,
                                     .connect_timeout = 10 * G_TIME_SPAN_SECOND,
                                     .retry_interval = G_TIME_SPAN_MINUTE,
                                     .max_retry_interval = G_TIME_SPAN_MINUTE,
                                     .max_age = G_TIME_SPAN_HOUR};
    double start = now();
    DsnRelay *relay = dsn_relay_start(spool, metrics, &options, "bench.example", &error);
    g_assert_no_error(error);
    do {
        g_usleep(2000);
        dsn_spool_state(spool, &state);
    } while (state.waiting > 0);
    g_autofree char *name = g_strdup_printf("from the spool, connections: %u", connections);
    print_rate(name, count / (now() - start), wanted);
    dsn_relay_stop(relay);
    sink_stop(&sink);
}

static void
bench_spool(double seconds)
{
    g_autoptr(GError) error = NULL;
    char folder[] = "bench-relay-XXXXXX"; /* here: the disk matters */
    DsnMetrics metrics = {0};
    guint keys = 0;

    g_assert(g_mkdtemp(folder) != NULL);
    const DsnSpoolOptions options = {
        .directory = folder, .keep = 86400, .max_size = G_MAXINT64, .large = 256 * 1024};
    DsnSpool *spool = dsn_spool_open(&options, &metrics, &error);
    g_assert_no_error(error);
    bench_relay(spool, &metrics, 1, (guint)(5000 * seconds), &keys, "");
    bench_relay(spool, &metrics, 4, (guint)(8000 * seconds), &keys, "8000/s");
    dsn_spool_close(spool);
    dsn_bench_remove(folder);
}

int
main(int argc, char **argv)
{
    double seconds = argc > 1 ? g_ascii_strtod(argv[1], NULL) : 2;
    Sink sink;

    (void)signal(SIGPIPE, SIG_IGN);
    dsn_log_open(DSN_LOG_STDERR, DSN_LOG_WARNING);
    if (!sink_start(&sink, true)) {
        printf("bench-relay: skipped, there is no smtp-sink (package postfix)\n");
        return EXIT_SUCCESS;
    }
    sink_stop(&sink);
    printf("\nnotices of 4 KB into smtp-sink, by the clock, all cores\n");
    bench_client(true, 1, seconds, "");
    bench_client(true, 4, seconds, "20000/s");
    bench_client(false, 1, seconds, "");
    bench_client(false, 4, seconds, "");
    bench_spool(seconds);
    return EXIT_SUCCESS;
}
