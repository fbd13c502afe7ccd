/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/daemon/ingest-client.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "filter/core/json-writer.h"
#include "filter/daemon/control-client.h"
#include "filter/daemon/ingest-alone.h"
#include "filter/daemon/ingest-link.h"

struct DsnIngestClient {
    GPtrArray *links;            /* of DsnIngestLink: the seats */
    pid_t child;                 /* 0: the daemon */
    char *scratch;               /* the directory to be removed; NULL: none */
    bool (*wait)(gpointer user); /* until the spool has room; NULL: not at all */
    gpointer user;
};

/* ---- what became of it ---- */

void
dsn_ingested_init(DsnIngested *ingested)
{
    dsn_tally_init(&ingested->tally);
    ingested->records = 0;
}

void
dsn_ingested_clear(DsnIngested *ingested)
{
    dsn_tally_clear(&ingested->tally);
}

static guint64
number_of(const json_t *object, const char *key)
{
    return (guint64)json_integer_value(json_object_get(object, key));
}

static void
add_answer(DsnIngested *ingested, const json_t *answer)
{
    DsnTally *tally = &ingested->tally;
    const json_t *from = json_object_get(answer, "tally");
    const json_t *reasons = json_object_get(from, "reasons");
    const json_t *element;
    size_t i;

    ingested->records += number_of(answer, "records");
    tally->accepted += number_of(from, "accepted");
    tally->duplicate += number_of(from, "duplicate");
    tally->ignored += number_of(from, "ignored");
    for (int reason = 0; reason < DSN_N_REASONS; reason++)
        tally->reasons[reason] += number_of(reasons, dsn_reason_to_string((DsnReason)reason));
    json_array_foreach(json_object_get(from, "rejected"), i, element)
    {
        const DsnRejection rejection = {
            .index = number_of(element, "index"),
            .reason = g_strdup(json_string_value(json_object_get(element, "reason"))),
        };
        g_array_append_val(tally->rejected, rejection);
    }
}

/* ---- requests ---- */

/* An answer that is no error (transfer full). */
static json_t *
read_answer(DsnIngestLink *link, bool *ret_full, GError **error)
{
    g_autoptr(GError) problem = NULL;
    json_auto_t *answer = dsn_ingest_link_read(link, &problem);
    const char *text = json_string_value(json_object_get(answer, "error"));

    *ret_full = json_is_true(json_object_get(answer, "full"));
    if (answer != NULL && text == NULL)
        return g_steal_pointer(&answer);
    if (problem != NULL)
        g_propagate_error(error, g_steal_pointer(&problem));
    else
        g_set_error_literal(error, G_FILE_ERROR,
                            *ret_full ? G_FILE_ERROR_NOSPC : G_FILE_ERROR_FAILED,
                            text != NULL ? text : "who has the spool hung up without an answer");
    return NULL;
}

/* Asks until the spool has room, if there is somebody who makes room. */
static json_t *
ask(DsnIngestClient *client, unsigned seat, const GString *line, DsnSpan body, GError **error)
{
    DsnIngestLink *link = client->links->pdata[seat];
    bool full = false;

    for (;;) {
        g_autoptr(GError) problem = NULL;

        if (!dsn_ingest_link_write(link, line, body, error))
            return NULL;
        json_t *answer = read_answer(link, &full, &problem);
        if (answer != NULL)
            return answer;
        if (!full || client->child != 0 || client->wait == NULL || !client->wait(client->user)) {
            g_propagate_error(error, g_steal_pointer(&problem));
            return NULL;
        }
    }
}

static void
end_line(GString *line, const DsnPlace *place)
{
    if (place != NULL) {
        dsn_json_key(line, "place");
        g_string_append_c(line, '{');
        dsn_json_key(line, "name");
        (void)dsn_json_string(line, dsn_span(place->name)); /* it is escaped as needed */
        dsn_json_key(line, "text");
        (void)dsn_json_string(line, dsn_span(place->text));
        g_string_append_c(line, '}');
    }
    g_string_append(line, "}\n");
}

static bool
bring(DsnIngestClient *client, unsigned seat, const GString *line, DsnSpan body,
      DsnIngested *ingested, GError **error)
{
    json_auto_t *answer = ask(client, seat, line, body, error);

    if (answer != NULL)
        add_answer(ingested, answer);
    return answer != NULL;
}

bool
dsn_ingest_client_messages(DsnIngestClient *client, unsigned seat, const GArray *sizes,
                           DsnSpan bytes, const DsnPlace *place, DsnIngested *ingested,
                           GError **error)
{
    g_autoptr(GString) line = g_string_new("{");

    dsn_json_key(line, "messages");
    g_string_append_c(line, '[');
    for (guint i = 0; i < sizes->len; i++) {
        dsn_json_next(line);
        dsn_json_int(line, (int64_t)g_array_index(sizes, size_t, i));
    }
    g_string_append_c(line, ']');
    end_line(line, place);
    return bring(client, seat, line, bytes, ingested, error);
}

bool
dsn_ingest_client_records(DsnIngestClient *client, unsigned seat, const DsnIngestPiece *piece,
                          DsnIngested *ingested, GError **error)
{
    g_autoptr(GString) line = g_string_new("{");

    dsn_json_key(line, "records");
    dsn_json_int(line, (int64_t)piece->body.len);
    dsn_json_key(line, "file");
    (void)dsn_json_string(line, dsn_span(piece->file)); /* what is not UTF-8 is replaced */
    dsn_json_key(line, "line");
    dsn_json_int(line, (int64_t)piece->line);
    end_line(line, piece->place.name == NULL ? NULL : &piece->place);
    return bring(client, seat, line, piece->body, ingested, error);
}

char *
dsn_ingest_client_place(DsnIngestClient *client, unsigned seat, const char *name, GError **error)
{
    g_autoptr(GString) line = g_string_new("{");

    dsn_json_key(line, "place");
    (void)dsn_json_string(line, dsn_span(name)); /* it is escaped as needed */
    end_line(line, NULL);
    json_auto_t *answer = ask(client, seat, line, DSN_SPAN_ABSENT, error);
    return g_strdup(json_string_value(json_object_get(answer, "text")));
}

void
dsn_ingest_client_set_wait(DsnIngestClient *client, bool (*wait)(gpointer user), gpointer user)
{
    client->wait = wait;
    client->user = user;
}

bool
dsn_ingest_client_has_daemon(const DsnIngestClient *client)
{
    return client->child == 0;
}

/* ---- open and close ---- */

static void
free_link(gpointer link)
{
    dsn_ingest_link_free(link);
}

static bool
greet(DsnIngestClient *client, int fd, bool ask_for_it, GError **error)
{
    DsnIngestLink *link = dsn_ingest_link_new(fd, -1);
    g_autoptr(GString) line = g_string_new("{\"command\":\"ingest\"}\n");
    bool full;

    g_ptr_array_add(client->links, link);
    if (ask_for_it && !dsn_ingest_link_write(link, line, DSN_SPAN_ABSENT, error))
        return false;
    json_auto_t *answer = read_answer(link, &full, error);
    return answer != NULL;
}

static bool
join_daemon(DsnIngestClient *client, const char *directory, int first, unsigned n_seats,
            GError **error)
{
    for (unsigned i = 0; i < n_seats; i++) {
        int fd = i == 0 ? first : dsn_control_connect(directory);

        if (fd < 0) {
            g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno), "%s: %s",
                        directory, g_strerror(errno));
            return false;
        }
        if (!greet(client, fd, true, error))
            return false;
    }
    return true;
}

static bool
work_alone(DsnIngestClient *client, DsnPolicy *policy, const char *directory, unsigned n_seats,
           GError **error)
{
    g_autofree int *fds = g_new(int, n_seats);
    pid_t child =
        dsn_ingest_alone_start(policy, directory, client->scratch != NULL, n_seats, fds, error);
    bool good = child >= 0;

    if (!good)
        return false;
    client->child = child;
    for (unsigned i = 0; i < n_seats; i++) {
        if (good)
            good = greet(client, fds[i], false, error);
        else
            (void)close(fds[i]); /* nothing was said */
    }
    return good;
}

static bool
open_seats(DsnIngestClient *client, DsnPolicy *policy, unsigned n_seats, GError **error)
{
    const char *directory = policy->configuration->spool.directory;

    if (client->scratch != NULL)
        return work_alone(client, policy, client->scratch, n_seats, error);
    int fd = dsn_control_connect(directory);
    if (fd >= 0)
        return join_daemon(client, directory, fd, n_seats, error);
    return dsn_control_has_no_daemon(directory, error) &&
           work_alone(client, policy, directory, n_seats, error);
}

DsnIngestClient *
dsn_ingest_client_open(DsnPolicy *policy, bool scratch, unsigned n_seats, GError **error)
{
    DsnIngestClient *client = g_new0(DsnIngestClient, 1);

    client->links = g_ptr_array_new_with_free_func(free_link);
    if (scratch)
        client->scratch = g_dir_make_tmp("dsnarf-ingest-XXXXXX", error);
    if (!scratch || client->scratch != NULL) {
        if (open_seats(client, policy, n_seats, error))
            return client;
    }
    (void)dsn_ingest_client_close(client, NULL); /* the first error is the one that matters */
    return NULL;
}

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    (void)remove(path); /* it only stays longer than it needs to */
    return 0;
}

bool
dsn_ingest_client_close(DsnIngestClient *client, GError **error)
{
    bool good = true;

    g_ptr_array_unref(client->links);
    if (client->child > 0)
        good = dsn_ingest_alone_wait(client->child, error);
    if (client->scratch != NULL)
        (void)nftw(client->scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    g_free(client->scratch);
    g_free(client);
    return good;
}
