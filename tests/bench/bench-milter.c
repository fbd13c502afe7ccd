/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench-milter.c - what our milter costs for mail that is not a report
 *
 * Usage: bench-milter DSNARF NOTHING [PAIRS [MESSAGES]]. Starts "DSNARF serve" and NOTHING, speaks
 * the milter protocol to both as Postfix does, MESSAGES to one and then to the other, and compares
 * the processor time of the two processes. Prints the median of the ratios of all pairs and the
 * interval in which the true median lies with 95 %. It never fails on a slow machine.
 */
#include "config.h"

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE (30 * G_TIME_SPAN_SECOND)

/* A milter that runs, and our connection to it. */
typedef struct Filter {
    GPid pid;
    clockid_t clock; /* its processor time */
    int fd;
} Filter;

static void
stop_because(const char *what)
{
    fprintf(stderr, "bench-milter: %s: %s\n", what, g_strerror(errno));
    exit(EXIT_FAILURE);
}

/* ---- the protocol ---- */

static void
put(GString *out, char command, const char *data, size_t length)
{
    const guint32 size = GUINT32_TO_BE((guint32)length + 1);

    g_string_append_len(out, (const char *)&size, sizeof(size));
    g_string_append_c(out, command);
    g_string_append_len(out, data, (gssize)length);
}

#define PUT(out, command, literal) put(out, command, literal, sizeof(literal) - 1)

static void
send_all(int fd, GString *out)
{
    for (size_t sent = 0; sent < out->len;) {
        ssize_t count = write(fd, out->str + sent, out->len - sent);

        if (count <= 0)
            stop_because("cannot write to the milter");
        sent += (size_t)count;
    }
    g_string_truncate(out, 0);
}

static void
receive(int fd, char *data, size_t length)
{
    for (size_t at = 0; at < length;) {
        ssize_t count = read(fd, data + at, length - at);

        if (count <= 0)
            stop_because("the milter hung up");
        at += (size_t)count;
    }
}

/* The next packet's command; what else it holds is skipped. */
static char
receive_packet(int fd)
{
    guint32 size;
    char data[4096];

    receive(fd, (char *)&size, sizeof(size));
    size = GUINT32_FROM_BE(size);
    if (size == 0 || size > sizeof(data))
        stop_because("the milter sends nonsense");
    receive(fd, data, size);
    return data[0];
}

/* What Postfix 3.7 offers: version 6, all actions, all steps. */
static void
negotiate(int fd)
{
    g_autoptr(GString) out = g_string_new(NULL);

    PUT(out, 'O', "\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff");
    send_all(fd, out);
    if (receive_packet(fd) != 'O')
        stop_because("the milter does not want us");
    PUT(out, 'D', "C{daemon_name}\0mta1.example.com\0");
    PUT(out, 'C',
        "client.example\0"
        "4\x12\x34"
        "192.0.2.1\0");
    send_all(fd, out);
}

/* The sender, the recipient and DATA come one by one, as from a client. */
static void
send_messages(int fd, unsigned count)
{
    g_autoptr(GString) out = g_string_new(NULL);

    for (unsigned i = 0; i < count; i++) {
        PUT(out, 'M', "<news@shop.example>\0SIZE=3000\0");
        send_all(fd, out);
        PUT(out, 'R', "<somebody@customer.example>\0");
        send_all(fd, out);
        PUT(out, 'T', "");
        send_all(fd, out);
        if (receive_packet(fd) != 'a')
            stop_because("the milter does not accept");
    }
}

/* ---- the filters ---- */

static int
connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int64_t until = g_get_monotonic_time() + PATIENCE;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)g_strlcpy(address.sun_path, path, sizeof(address.sun_path)); /* it is short */
    while (connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)) != 0) {
        if (g_get_monotonic_time() > until)
            stop_because(path);
        g_usleep(10000);
    }
    return fd;
}

static Filter
start_filter(const char *path, const char *const *arguments)
{
    g_autoptr(GError) error = NULL;
    Filter filter;

    if (!g_spawn_async(NULL, (char **)arguments, NULL,
                       G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
                       &filter.pid, &error)) {
        fprintf(stderr, "bench-milter: %s\n", error->message);
        exit(EXIT_FAILURE);
    }
    filter.fd = connect_to(path);
    if (clock_getcpuclockid(filter.pid, &filter.clock) != 0)
        stop_because("processor time");
    negotiate(filter.fd);
    send_messages(filter.fd, 200); /* warm */
    return filter;
}

static void
stop_filter(const Filter *filter)
{
    (void)close(filter->fd); /* nothing is left to say */
    (void)kill(filter->pid, SIGTERM);
    (void)waitpid(filter->pid, NULL, 0);
}

/* Seconds of processor time for a message. */
static double
measure(const Filter *filter, unsigned messages)
{
    struct timespec before, after;

    (void)clock_gettime(filter->clock, &before); /* cannot fail while it runs */
    send_messages(filter->fd, messages);
    (void)clock_gettime(filter->clock, &after);
    return ((double)(after.tv_sec - before.tv_sec) +
            (double)(after.tv_nsec - before.tv_nsec) / 1e9) /
           messages;
}

/* Both filters and we share one processor: waking a process on another one costs more than the work
 * that is measured, and differs from run to run. */
static void
pin(void)
{
    cpu_set_t set;
    int last = CPU_SETSIZE - 1;

    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        stop_because("processors");
    while (!CPU_ISSET((unsigned)last, &set))
        last--;
    CPU_ZERO(&set);
    CPU_SET((unsigned)last, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        stop_because("processors");
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double
median(double *values, unsigned count)
{
    qsort(values, count, sizeof(*values), compare);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static void
compare_filters(const Filter *ours, const Filter *nothing, unsigned pairs, unsigned messages)
{
    g_autofree double *our_times = g_new(double, pairs);
    g_autofree double *their_times = g_new(double, pairs);
    g_autofree double *ratios = g_new(double, pairs);

    for (unsigned i = 0; i < pairs; i++) {
        bool first = i % 2 == 0;

        if (first)
            our_times[i] = measure(ours, messages);
        their_times[i] = measure(nothing, messages);
        if (!first)
            our_times[i] = measure(ours, messages);
        ratios[i] = their_times[i] / our_times[i];
    }

    /* The order statistics that enclose the median (normal approximation of the binomial). */
    double middle = median(ratios, pairs);
    unsigned low = (unsigned)MAX(0, floor((pairs - 1.96 * sqrt(pairs)) / 2));
    printf("milter, mail that is no report: %.1f us of processor time a message, %.1f us for a "
           "milter that does nothing; ratio %.3f (%.3f to %.3f, %u pairs), to reach 0.97\n",
           median(our_times, pairs) * 1e6, median(their_times, pairs) * 1e6, middle, ratios[low],
           ratios[pairs - 1 - low], pairs);
}

int
main(int argc, char **argv)
{
    unsigned pairs = argc > 3 ? (unsigned)g_ascii_strtoull(argv[3], NULL, 10) : 30;
    unsigned messages = argc > 4 ? (unsigned)g_ascii_strtoull(argv[4], NULL, 10) : 2000;

    if (argc < 3 || pairs == 0 || messages == 0) {
        fprintf(stderr, "usage: bench-milter DSNARF NOTHING [PAIRS [MESSAGES]]\n");
        return EXIT_FAILURE;
    }
    g_autofree char *folder = g_dir_make_tmp("dsnarf-bench-XXXXXX", NULL);
    g_autofree char *our_path = g_build_filename(folder, "ours.sock", NULL);
    g_autofree char *their_path = g_build_filename(folder, "nothing.sock", NULL);
    g_autofree char *their_socket = g_strconcat("unix:", their_path, NULL);
    g_autofree char *file = g_build_filename(folder, "dsnarf.toml", NULL);
    g_autofree char *text =
        g_strdup_printf("[log]\nlevel = \"error\"\n[spool]\ndirectory = \"%s/spool\"\n[milter]\n"
                        "listen = \"unix:%s\"\nreports = [\"fbl@example.com\", "
                        "\"bounce+*@example.com\"]\n"
                        "[file.all]\npath = \"%s/records\"\n",
                        folder, our_path, folder);
    if (!g_file_set_contents(file, text, -1, NULL))
        stop_because(file);

    pin();
    Filter ours = start_filter(our_path, (const char *[]){argv[1], "serve", "-c", file, NULL});
    Filter nothing = start_filter(their_path, (const char *[]){argv[2], their_socket, NULL});
    compare_filters(&ours, &nothing, pairs, messages);
    stop_filter(&ours);
    stop_filter(&nothing);

    g_autofree char *remove = g_strdup_printf("rm -rf '%s'", folder);
    return g_spawn_command_line_sync(remove, NULL, NULL, NULL, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}
