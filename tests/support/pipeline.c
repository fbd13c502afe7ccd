/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/pipeline.h"

#include "tests/support/report.h"
#include "tests/support/unit.h"

#include <glib/gstdio.h>
#include <gmime/gmime.h>

#define OUTLET "records"

static DsnPolicy *
load_policy(const char *top, const char *outlet_types, const char *more)
{
    g_autofree char *path = g_build_filename(top, "dsnarf.toml", NULL);
    g_autoptr(GString) text = g_string_new("hostname = \"mta1.example.com\"\n[notice]\n");
    g_autoptr(GError) error = NULL;

    if (strstr(more, "senders") == NULL)
        g_string_append(text, "senders = [\"shop.example\"]\n");
    if (strstr(more, "trust") == NULL)
        g_string_append(text, "trust = [\"any\"]\n");
    if (strstr(more, "coalesce") == NULL)
        g_string_append(text, "coalesce = \"0 seconds\"\n");
    g_string_append_printf(text, "%s\n", more);
    if (*outlet_types != '\0')
        g_string_append_printf(text, "[file.x]\npath = \"/nonexistent\"\ntypes = [%s]\n",
                               outlet_types);
    ck_assert(g_file_set_contents(path, text->str, -1, NULL));
    DsnPolicy *policy = dsn_policy_load(path, &error);
    ck_assert_msg(policy != NULL, "%s", error == NULL ? "" : error->message);
    return policy;
}

void
dsn_test_pipeline_init(DsnTestPipeline *test, const char *outlet_types, const char *more)
{
    static const char *const outlets[] = {OUTLET, NULL};
    guint64 dropped;

    g_mime_init();
    *test = (DsnTestPipeline){.now = g_get_real_time() / G_USEC_PER_SEC - 60};
    dsn_test_spool_init(&test->spool);
    ck_assert(dsn_spool_set_outlets(test->spool.spool, outlets, &dropped, NULL));
    test->policy = load_policy(test->spool.top, outlet_types, more);
    test->pipeline = dsn_pipeline_new(test->spool.spool, &test->spool.metrics, test->policy);
}

void
dsn_test_pipeline_clear(DsnTestPipeline *test)
{
    dsn_pipeline_free(test->pipeline);
    dsn_policy_unref(test->policy);
    dsn_test_spool_clear(&test->spool);
}

void
dsn_test_configure(DsnTestPipeline *test, const char *outlet_types, const char *more)
{
    dsn_policy_unref(test->policy);
    test->policy = load_policy(test->spool.top, outlet_types, more);
    dsn_pipeline_set_policy(test->pipeline, test->policy);
}

static json_t *
make_record(const DsnTestPipeline *test, json_t *changes)
{
    char created[DSN_DATE_MAX], event[DSN_DATE_MAX];
    json_t *record = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:{s:i, s:{s:i, s:i, s:i}, s:s, s:n}, s:{s:s, s:s},"
        " s:I, s:s, s:I, s:s, s:i, s:s, s:n, s:{s:s}, s:{s:s}, s:s, s:s, s:s}",
        "type", "Bounce", "id", "1d98076abbbc11ed940250ebf67f93bd", "sender", "news@shop.example",
        "recipient", "jane@customer.example", "queue", "news:shop@customer.example", "site",
        "pool1->mx.customer.example", "size", 506, "response", "code", 550, "enhanced_code",
        "class", 5, "subject", 1, "detail", 1, "content", "no such user", "command", "peer_address",
        "name", "mx.customer.example.", "addr", "198.51.100.25", "timestamp", (json_int_t)test->now,
        "event_time", dsn_date_to_rfc3339(test->now, 250000000, event), "created",
        (json_int_t)test->now - 3, "created_time", dsn_date_to_rfc3339(test->now - 3, 0, created),
        "num_attempts", 0, "bounce_classification", "InvalidRecipient", "egress_pool", "meta",
        "tenant", "shop", "headers", "Subject", "Your order has been shipped", "delivery_protocol",
        "ESMTP", "reception_protocol", "ESMTP", "nodeid", "557f3ad4-2c8c-11ee-976e-782d7e12e173");

    ck_assert_ptr_nonnull(record);
    /* Elements with the original are the record in a wrapper. */
    json_t *message = json_object_get(changes, "message");
    json_t *wrapper = message == NULL ? NULL : json_pack("{s:O}", "message", message);
    if (message != NULL)
        json_object_del(changes, "message");
    ck_assert_int_eq(json_object_update(record, changes), 0);
    if (json_object_get(changes, "ahead") != NULL) { /* seconds later than the others */
        int64_t time = test->now + json_integer_value(json_object_get(changes, "ahead"));

        json_object_del(record, "ahead");
        json_object_del(record, "event_time");
        json_object_set_new(record, "timestamp", json_integer(time));
    }
    if (wrapper == NULL)
        return record;
    json_object_set_new(wrapper, "log_record", record);
    return wrapper;
}

static json_t *
load_changes(const char *changes)
{
    json_t *json = json_loads(changes, 0, NULL);

    ck_assert_msg(json != NULL, "%s", changes);
    return json;
}

static char *
dump(const json_t *json)
{
    json_auto_t *owned = (json_t *)json;
    g_autofree char *text = json_dumps(owned, JSON_COMPACT);

    return g_strdup(text);
}

char *
dsn_test_record(const DsnTestPipeline *test, const char *changes)
{
    json_auto_t *json = load_changes(changes);

    return dump(make_record(test, json));
}

char *
dsn_test_records(const DsnTestPipeline *test, const char *changes)
{
    json_auto_t *json = load_changes(changes);
    json_t *records = json_array();
    json_t *change;
    size_t i;

    json_array_foreach(json, i, change)
    {
        json_array_append_new(records, make_record(test, change));
    }
    return dump(records);
}

static void
add_count(GString *text, const char *name, guint64 count)
{
    if (count > 0)
        g_string_append_printf(text, "%s%s %" G_GUINT64_FORMAT, text->len > 0 ? ", " : "", name,
                               count);
}

char *
dsn_test_tally(const DsnTally *tally)
{
    GString *text = g_string_new(NULL);

    add_count(text, "accepted", tally->accepted);
    add_count(text, "repeated", tally->duplicate);
    add_count(text, "ignored", tally->ignored);
    add_count(text, "rejected", tally->rejected->len);
    for (int i = 0; i < DSN_N_REASONS; i++)
        add_count(text, dsn_reason_to_string((DsnReason)i), tally->reasons[i]);
    return g_string_free(text, FALSE);
}

char *
dsn_test_take_records(DsnTestPipeline *test, DsnSpan body)
{
    g_autofree char *exact = g_memdup2(body.data, body.len);
    g_autoptr(GError) error = NULL;
    g_auto(DsnTally) tally;

    dsn_tally_init(&tally);
    bool taken = dsn_pipeline_take_records(test->pipeline, test->policy, &test->poster,
                                           (DsnSpan){exact, body.len}, &tally, &error);
    ck_assert_msg(taken, "%s", error == NULL ? "" : error->message);
    return dsn_test_tally(&tally);
}

static void
free_notice(gpointer data)
{
    dsn_waiting_notice_free(data);
}

GPtrArray *
dsn_test_take_notices(DsnTestPipeline *test)
{
    GPtrArray *notices = g_ptr_array_new_with_free_func(free_notice);

    ck_assert(dsn_spool_take_notices(test->spool.spool, NULL, 100000, 0, notices));
    return notices;
}

char *
dsn_test_describe(const GPtrArray *notices)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < notices->len; i++) {
        const DsnWaitingNotice *notice = notices->pdata[i];
        gsize len;
        const char *bytes = g_bytes_get_data(notice->bytes, &len);
        g_autoptr(DsnReport) report = dsn_test_parse((DsnSpan){bytes, len});

        g_string_append_printf(text, "%s:", notice->recipient);
        for (guint j = 0; j < report->per_recipient->len; j++) {
            DsnSpan address =
                g_array_index(report->per_recipient, DsnPerRecipient, j).final_recipient.value;
            g_string_append_printf(text, " %.*s", (int)address.len, address.data);
        }
        g_string_append(text, "; ");
    }
    return g_string_free(text, FALSE);
}

static void
clear_record(gpointer data)
{
    dsn_stream_record_clear(data);
}

char *
dsn_test_read_lines(DsnTestPipeline *test)
{
    g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(DsnStreamRecord));
    GString *text = g_string_new(NULL);

    g_array_set_clear_func(records, clear_record);
    ck_assert(dsn_spool_read_records(test->spool.spool, OUTLET, 100000, G_MAXSIZE / 2, 0, records));
    for (guint i = 0; i < records->len; i++) {
        const DsnStreamRecord *record = &g_array_index(records, DsnStreamRecord, i);
        gsize len;
        const char *json = g_bytes_get_data(record->json, &len);

        g_string_append_len(text, json, (gssize)len);
        if (i == records->len - 1)
            ck_assert(dsn_spool_advance(test->spool.spool, OUTLET, record->position, NULL, NULL));
    }
    return g_string_free(text, FALSE);
}

static bool
append_entry(const DsnQueueEntry *entry, gpointer user)
{
    g_string_append_printf(user, "%s %s %s\n", entry->kind, entry->state,
                           entry->reason == NULL ? "-" : entry->reason);
    return true;
}

char *
dsn_test_list(DsnTestPipeline *test)
{
    const DsnQueueFilter all = {.entry = 0};
    GString *text = g_string_new(NULL);

    ck_assert(dsn_spool_list(test->spool.spool, &all, append_entry, text, NULL));
    return g_string_free(text, FALSE);
}
