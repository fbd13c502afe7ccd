/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * post.c - how fast a running daemon takes records in
 *
 * Usage: post PORT TOKEN CONNECTIONS SECONDS RECORDS BOUNCES
 * Posts batches of RECORDS, of which BOUNCES bring an original and make a notice, over kept
 * connections to 127.0.0.1, waits for each answer, and prints the rates and how long answers took.
 * Every record is a new one. DSNARF_EXAMPLES names the folder of the sample input.
 */
#include "config.h"

#include <arpa/inet.h>
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ID_DIGITS 16 /* the second half of an id, which differs */

typedef struct Poster {
    in_port_t port;
    const char *token;
    int64_t until; /* monotonic microseconds */
    size_t records, bounces;
    guint64 *next_id;
    GArray *took; /* of int64_t: microseconds of each batch */
    GThread *thread;
} Poster;

static void G_GNUC_NORETURN
fail(const char *what)
{
    fprintf(stderr, "post: %s\n", what);
    exit(1);
}

static char *
read_example(const char *name)
{
    const char *folder = g_getenv("DSNARF_EXAMPLES");
    g_autofree char *path = g_build_filename(folder == NULL ? "." : folder, name, NULL);
    char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        fail(path);
    return text;
}

/* One element as JSON, of the present moment. */
static char *
make_element(bool bounce)
{
    g_autofree char *text = read_example("bounce.json");
    g_autofree char *original = read_example("original.eml");
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *stamp = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
    json_auto_t *record = json_loads(text, 0, NULL), *element = NULL;

    if (record == NULL)
        fail("bounce.json is no JSON");
    (void)json_object_set_new(record, "id", json_string("00000000000000000000000000000000"));
    (void)json_object_set_new(record, "timestamp", json_integer(g_date_time_to_unix(now)));
    (void)json_object_set_new(record, "created", json_integer(g_date_time_to_unix(now)));
    (void)json_object_set_new(record, "event_time", json_string(stamp));
    (void)json_object_set_new(record, "created_time", json_string(stamp));
    if (!bounce) {
        (void)json_object_set_new(record, "type", json_string("Delivery"));
        return json_dumps(record, JSON_COMPACT);
    }
    element = json_pack("{sOss}", "log_record", record, "message", original);
    return json_dumps(element, JSON_COMPACT);
}

/* The elements, and where among them the ids stand. */
static GString *
make_batch(const Poster *poster, GArray *ids)
{
    GString *batch = g_string_new("[");

    for (int kind = 0; kind < 2; kind++) {
        g_autofree char *element = make_element(kind == 0);
        size_t id =
            (size_t)(strstr(element, "\"id\":\"") - element) + strlen("\"id\":\"") + ID_DIGITS;
        size_t count = kind == 0 ? poster->bounces : poster->records - poster->bounces;

        for (size_t i = 0; i < count; i++) {
            size_t at = batch->len + (batch->len > 1) + id;

            g_array_append_val(ids, at);
            g_string_append_printf(batch, "%s%s", batch->len > 1 ? "," : "", element);
        }
    }
    g_string_append_c(batch, ']');
    return batch;
}

static int
open_connection(in_port_t port)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
        fail("cannot connect");
    return fd;
}

static void
send_all(int fd, const GString *text)
{
    for (size_t at = 0; at < text->len;) {
        ssize_t count = send(fd, text->str + at, text->len - at, MSG_NOSIGNAL);

        if (count <= 0)
            fail("the connection was closed while posting");
        at += (size_t)count;
    }
}

/* Reads one answer, which must be a 200. */
static void
read_answer(int fd)
{
    char text[65536];
    size_t len = 0;
    const char *end = NULL, *length;

    while (end == NULL || len < (size_t)(end - text) + 4 + strtoul(length + 16, NULL, 10)) {
        ssize_t count = recv(fd, text + len, sizeof(text) - 1 - len, 0);

        if (count <= 0)
            fail("the connection was closed without an answer");
        len += (size_t)count;
        text[len] = '\0';
        end = strstr(text, "\r\n\r\n");
        length = strstr(text, "Content-Length: ");
        if (end != NULL && length == NULL)
            fail("an answer without a length");
    }
    if (!g_str_has_prefix(text, "HTTP/1.1 200") || strstr(text, "\"rejected\":[]") == NULL)
        fail(text);
}

static gpointer
post(gpointer user)
{
    Poster *poster = user;
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(size_t));
    g_autoptr(GString) batch = make_batch(poster, ids);
    g_autofree char *head = NULL;
    int fd = open_connection(poster->port);

    head = g_strdup_printf(
        "POST /v1/records HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
        poster->token, batch->len);
    (void)g_string_prepend(batch, head);
    while (g_get_monotonic_time() < poster->until) {
        guint64 id = __atomic_fetch_add(poster->next_id, ids->len, __ATOMIC_RELAXED);
        int64_t begun, took;

        for (guint i = 0; i < ids->len; i++, id++) {
            char digits[ID_DIGITS + 1];

            (void)g_snprintf(digits, sizeof(digits), "%016" G_GINT64_MODIFIER "x", id);
            memcpy(batch->str + strlen(head) + g_array_index(ids, size_t, i), digits, ID_DIGITS);
        }
        begun = g_get_monotonic_time();
        send_all(fd, batch);
        read_answer(fd);
        took = g_get_monotonic_time() - begun;
        g_array_append_val(poster->took, took);
    }
    (void)close(fd);
    return NULL;
}

static gint
compare(gconstpointer a, gconstpointer b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

static size_t
number(const char *text)
{
    guint64 value;

    if (!g_ascii_string_to_unsigned(text, 10, 0, 1000000, &value, NULL))
        fail("usage: post PORT TOKEN CONNECTIONS SECONDS RECORDS BOUNCES");
    return (size_t)value;
}

static GTimeSpan
duration(const char *text)
{
    char *end;
    double seconds = g_ascii_strtod(text, &end);

    if (end == text || *end != '\0' || !(seconds > 0 && seconds <= 1000000))
        fail("SECONDS is a number above 0");
    return (GTimeSpan)(seconds * G_TIME_SPAN_SECOND);
}

int
main(int argc, char *argv[])
{
    g_autoptr(GArray) took = g_array_new(FALSE, FALSE, sizeof(int64_t));
    guint64 next_id = (guint64)g_get_real_time() << 8;

    if (argc != 7)
        fail("usage: post PORT TOKEN CONNECTIONS SECONDS RECORDS BOUNCES");
    size_t n_posters = number(argv[3]), records = number(argv[5]);
    g_autofree Poster *posters = g_new0(Poster, n_posters);
    int64_t begun = g_get_monotonic_time();
    for (size_t i = 0; i < n_posters; i++) {
        posters[i] = (Poster){.port = (in_port_t)number(argv[1]),
                              .token = argv[2],
                              .until = begun + duration(argv[4]),
                              .records = records,
                              .bounces = MIN(number(argv[6]), records),
                              .next_id = &next_id,
                              .took = g_array_new(FALSE, FALSE, sizeof(int64_t))};
        posters[i].thread = g_thread_new("poster", post, &posters[i]);
    }
    for (size_t i = 0; i < n_posters; i++) {
        (void)g_thread_join(posters[i].thread);
        g_array_append_vals(took, posters[i].took->data, posters[i].took->len);
        g_array_unref(posters[i].took);
    }

    double seconds = (double)(g_get_monotonic_time() - begun) / G_TIME_SPAN_SECOND;
    if (took->len == 0)
        fail("nothing was posted");
    g_array_sort(took, compare);
    printf("%zu connections, %zu records a batch: %.0f batches/s, %.0f records/s, "
           "median %.1f ms, 99 %% %.1f ms\n",
           n_posters, records, took->len / seconds, (double)(took->len * records) / seconds,
           (double)g_array_index(took, int64_t, took->len / 2) / 1000,
           (double)g_array_index(took, int64_t, took->len - 1 - took->len / 100) / 1000);
    return 0;
}
