/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/daemon/ingest-server.h"

#include "filter/core/buffer.h"
#include "filter/core/json-writer.h"
#include "filter/core/log.h"
#include "filter/daemon/ingest-link.h"
#include "filter/intake/delivered.h"
#include "filter/intake/http-records.h"

/* A buffer that has grown beyond this is not kept. */
#define BUFFER_KEPT ((size_t)8 * 1024 * 1024)

typedef struct Serving {
    DsnPipeline *pipeline;
    DsnIngestLink *link;
    const json_t *request;
    GString *body;
    GString *answer;
    guint64 messages, elements; /* that were taken, for the log */
} Serving;

static bool
is_size(const json_t *number)
{
    return json_is_integer(number) && json_integer_value(number) >= 0 &&
           (guint64)json_integer_value(number) <= DSN_INGEST_BODY_MAX;
}

static bool
refuse(GError **error, const char *what)
{
    g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, what);
    return false;
}

/* ---- answers ---- */

static void
write_error(GString *json, const GError *error)
{
    g_string_append_c(json, '{');
    dsn_json_key(json, "error");
    (void)dsn_json_string(json, dsn_span(error->message)); /* what is not UTF-8 is replaced */
    dsn_json_key(json, "full");
    dsn_json_bool(json, g_error_matches(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_FULL));
    g_string_append(json, "}\n");
}

static void
write_tally(GString *json, const DsnTally *tally, guint64 records)
{
    g_string_append_c(json, '{');
    dsn_json_key(json, "records");
    dsn_json_int(json, (int64_t)records);
    dsn_json_key(json, "tally");
    dsn_http_write_tally(json, tally);
    g_string_append(json, "}\n");
}

/* ---- requests ---- */

static bool
read_place(const json_t *request, DsnPlace *ret_place, GError **error)
{
    const json_t *place = json_object_get(request, "place");

    *ret_place = (DsnPlace){json_string_value(json_object_get(place, "name")),
                            json_string_value(json_object_get(place, "text"))};
    return place == NULL || (ret_place->name != NULL && ret_place->text != NULL) ||
           refuse(error, "a place has a name and a text");
}

/* Messages that come again are known; so it is enough that the place comes after them. */
static bool
keep_place(Serving *serving, const DsnPlace *place, GError **error)
{
    DsnSpool *spool = dsn_pipeline_spool(serving->pipeline);
    g_autoptr(DsnDeposit) deposit = dsn_deposit_new(false);

    if (place->name == NULL)
        return true;
    deposit->place = *place;
    dsn_spool_submit(spool, deposit);
    (void)dsn_spool_wait(spool, deposit, -1); /* in the end */
    if (deposit->error == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&deposit->error));
    return false;
}

static bool
serve_place(Serving *serving, GError **error)
{
    const char *name = json_string_value(json_object_get(serving->request, "place"));
    g_autoptr(GError) problem = NULL;
    g_autofree char *text = dsn_spool_place(dsn_pipeline_spool(serving->pipeline), name, &problem);

    if (problem != NULL) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    g_string_append_c(serving->answer, '{');
    dsn_json_key(serving->answer, "text");
    (void)dsn_json_string(serving->answer, dsn_span(text)); /* it came as JSON */
    g_string_append(serving->answer, "}\n");
    return true;
}

static void
add_mail(DsnTally *tally, guint64 *records, const DsnMail *mail)
{
    if (mail->taken.reason == DSN_REASON_DUPLICATE) {
        tally->duplicate++;
        return;
    }
    tally->accepted++;
    tally->reasons[mail->taken.reason]++;
    *records += mail->taken.records;
}

/* Looks where each message lies in the body. NULL with @error when they do not fit it. */
static GArray *
find_mails(const json_t *sizes, const GString *body, GError **error)
{
    g_autoptr(GArray) mails = g_array_new(FALSE, TRUE, sizeof(DsnMail));
    const json_t *size;
    size_t i, at = 0;

    json_array_foreach(sizes, i, size)
    {
        DsnMail mail = {.message = {body->str + at, (size_t)json_integer_value(size)}};
        char *sender, *recipient;

        dsn_delivered_envelope(mail.message, &sender, &recipient);
        mail.session.sender = sender;
        mail.session.recipient = recipient;
        at += mail.message.len;
        g_array_append_val(mails, mail);
    }
    if (at == body->len)
        return g_steal_pointer(&mails);
    (void)refuse(error, "messages do not have the size of all");
    return NULL;
}

static bool
take_mails(Serving *serving, const DsnPolicy *policy, GArray *mails, GError **error)
{
    DsnPlace place;
    g_auto(DsnTally) tally;
    guint64 records = 0;

    dsn_tally_init(&tally);
    if (!read_place(serving->request, &place, error) ||
        !dsn_pipeline_take_mails(serving->pipeline, policy, (DsnMail *)(void *)mails->data,
                                 mails->len, error) ||
        !keep_place(serving, &place, error))
        return false;
    for (guint i = 0; i < mails->len; i++)
        add_mail(&tally, &records, &g_array_index(mails, DsnMail, i));
    serving->messages += tally.accepted + tally.duplicate;
    write_tally(serving->answer, &tally, records);
    return true;
}

static void
free_envelopes(GArray *mails)
{
    for (guint i = 0; i < mails->len; i++) {
        DsnMail *mail = &g_array_index(mails, DsnMail, i);

        g_free((char *)mail->session.sender);
        g_free((char *)mail->session.recipient);
    }
    g_array_unref(mails);
}

static bool
serve_messages(Serving *serving, GError **error)
{
    g_autoptr(DsnPolicy) policy = dsn_pipeline_policy(serving->pipeline);
    const json_t *sizes = json_object_get(serving->request, "messages");
    size_t total = 0, i;
    const json_t *size;

    if (json_array_size(sizes) > DSN_INGEST_MESSAGES_MAX)
        return refuse(error, "too many messages at once");
    json_array_foreach(sizes, i, size)
    {
        if (!is_size(size) || (total += (size_t)json_integer_value(size)) > DSN_INGEST_BODY_MAX)
            return refuse(error, "messages have sizes up to 1 GiB, also together");
    }
    if (!dsn_ingest_link_read_body(serving->link, total, serving->body, error))
        return false;
    GArray *mails = find_mails(sizes, serving->body, error);
    if (mails == NULL)
        return false;
    bool good = take_mails(serving, policy, mails, error);
    free_envelopes(mails);
    return good;
}

/* "bounces.json, line 12" (transfer full). */
static char *
find_line(size_t offset, gpointer user)
{
    const Serving *serving = user;
    const char *file = json_string_value(json_object_get(serving->request, "file"));
    json_int_t line = json_integer_value(json_object_get(serving->request, "line"));
    const char *at = serving->body->str, *end = at + offset;

    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        at++;
        line++;
    }
    return g_strdup_printf("%s, line %" JSON_INTEGER_FORMAT, file == NULL ? "?" : file, line);
}

static bool
serve_records(Serving *serving, GError **error)
{
    g_autoptr(DsnPolicy) policy = dsn_pipeline_policy(serving->pipeline);
    const json_t *size = json_object_get(serving->request, "records");
    g_auto(DsnTally) tally;
    DsnFollowed followed = {.where = find_line, .user = serving};

    dsn_tally_init(&tally);
    if (!is_size(size))
        return refuse(error, "records have a size up to 1 GiB");
    if (!dsn_ingest_link_read_body(serving->link, (size_t)json_integer_value(size), serving->body,
                                   error) ||
        !read_place(serving->request, &followed.place, error))
        return false;
    if (followed.place.name == NULL) /* a pipe: nobody ever goes on from here */
        followed.place = (DsnPlace){"ingest", ""};
    followed.lines = (DsnSpan){serving->body->str, serving->body->len};
    if (!dsn_pipeline_follow_records(serving->pipeline, policy, &followed, &tally, error))
        return false;
    serving->elements += tally.accepted + tally.duplicate + tally.ignored + tally.rejected->len;
    write_tally(serving->answer, &tally, 0);
    return true;
}

static bool
serve_request(Serving *serving, GError **error)
{
    if (json_object_get(serving->request, "messages") != NULL)
        return serve_messages(serving, error);
    if (json_object_get(serving->request, "records") != NULL)
        return serve_records(serving, error);
    if (json_is_string(json_object_get(serving->request, "place")))
        return serve_place(serving, error);
    return refuse(error, "this is no request that this version of dsnarf knows");
}

/* ---- all of it ---- */

/* A request that was refused may have left bytes behind; an error of the spool has not. */
static bool
serve_next(Serving *serving, GError **error)
{
    json_auto_t *request = dsn_ingest_link_read(serving->link, error);
    g_autoptr(GError) problem = NULL;

    if (request == NULL)
        return false;
    dsn_buffer_empty(&serving->body, BUFFER_KEPT);
    g_string_truncate(serving->answer, 0);
    serving->request = request;
    bool done = serve_request(serving, &problem);
    serving->request = NULL;
    if (!done) {
        g_string_truncate(serving->answer, 0);
        write_error(serving->answer, problem);
    }
    bool sent = dsn_ingest_link_write(serving->link, serving->answer, DSN_SPAN_ABSENT, error);
    return sent && (done || problem->domain == DSN_SPOOL_ERROR);
}

void
dsn_ingest_serve(DsnPipeline *pipeline, int fd, int stop, const char *who)
{
    g_autoptr(GError) error = NULL;
    Serving serving = {
        .pipeline = pipeline,
        .link = dsn_ingest_link_new(fd, stop),
        .body = g_string_new(NULL),
        .answer = g_string_new("{\"ready\":true}\n"),
    };

    if (dsn_ingest_link_write(serving.link, serving.answer, DSN_SPAN_ABSENT, &error)) {
        while (serve_next(&serving, &error))
            ;
    }
    if (error != NULL)
        dsn_log_event(DSN_LOG_WARNING, "ingest: %s: %s", who, error->message);
    if (serving.messages + serving.elements > 0)
        dsn_log_event(DSN_LOG_INFO,
                      "ingest: %s brought %" G_GUINT64_FORMAT " messages and %" G_GUINT64_FORMAT
                      " elements",
                      who, serving.messages, serving.elements);
    (void)g_string_free(serving.answer, TRUE);
    (void)g_string_free(serving.body, TRUE);
    dsn_ingest_link_free(serving.link);
}
