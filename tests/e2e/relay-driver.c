/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay-driver.c - runs spool and relay for relay.py
 *
 * Usage: relay-driver SPOOL. Each line of standard input is a JSON object that says what to "do";
 * it is answered with one line of JSON. The log goes to standard error.
 */
#include "config.h"

#include "filter/outlet/relay.h"

#include <gmime/gmime.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct Driver {
    DsnSpool *spool;
    DsnMetrics metrics;
    DsnRelay *relay;
    unsigned keys;
} Driver;

static GTimeSpan
span_of(const json_t *options, const char *name)
{
    return (GTimeSpan)(json_number_value(json_object_get(options, name)) * G_TIME_SPAN_SECOND);
}

/* Borrowed texts, which the relay copies; the hosts are to be freed. */
static DsnRelayOptions
read_options(const json_t *input)
{
    const json_t *hosts = json_object_get(input, "hosts");
    DsnRelayOptions options = {
        .hosts = g_ptr_array_new(),
        .ehlo = (char *)json_string_value(json_object_get(input, "ehlo")),
        .tls = (DsnTls)json_integer_value(json_object_get(input, "tls")),
        .user = (char *)json_string_value(json_object_get(input, "user")),
        .password = (char *)json_string_value(json_object_get(input, "password")),
        .port = (size_t)json_integer_value(json_object_get(input, "port")),
        .protocol = (DsnRelayProtocol)json_integer_value(json_object_get(input, "protocol")),
        .maildir_path = (char *)json_string_value(json_object_get(input, "maildir_path")),
        .lookup = (DsnIpLookup)json_integer_value(json_object_get(input, "lookup")),
        .resolver = (char *)json_string_value(json_object_get(input, "resolver")),
        .connections = (size_t)json_integer_value(json_object_get(input, "connections")),
        .deliveries = (size_t)json_integer_value(json_object_get(input, "deliveries")),
        .idle_timeout = span_of(input, "idle_timeout"),
        .connect_timeout = span_of(input, "connect_timeout"),
        .retry_interval = span_of(input, "retry_interval"),
        .max_retry_interval = span_of(input, "max_retry_interval"),
        .max_age = span_of(input, "max_age"),
    };

    for (size_t i = 0; i < json_array_size(hosts); i++)
        g_ptr_array_add(options.hosts, (char *)json_string_value(json_array_get(hosts, i)));
    return options;
}

static json_t *
start(Driver *driver, const json_t *input)
{
    g_autoptr(GError) error = NULL;
    DsnRelayOptions options = read_options(input);

    if (driver->relay != NULL)
        dsn_relay_reconfigure(driver->relay, &options, "host.example");
    else
        driver->relay =
            dsn_relay_start(driver->spool, &driver->metrics, &options, "host.example", &error);
    g_ptr_array_unref(options.hosts);
    g_assert_no_error(error);
    return json_true();
}

static void
add_item(Driver *driver, DsnDeposit *deposit, const json_t *input)
{
    gsize len = 0;
    guchar *content = g_base64_decode(json_string_value(json_object_get(input, "content")), &len);
    DsnSpoolNotice *notice = dsn_spool_notice_new();
    DsnKey key = {.time = g_get_real_time() / G_TIME_SPAN_SECOND};
    DsnItem item = {.kind = DSN_ITEM_EVENT, .key = key, .notice = notice};

    notice->record_id = g_strdup(json_string_value(json_object_get(input, "id")));
    notice->record_type = g_strdup("Bounce");
    notice->recipient = g_strdup(json_string_value(json_object_get(input, "to")));
    notice->bytes = g_bytes_new_take(content, len);
    notice->eight_bit = json_is_true(json_object_get(input, "eight_bit"));
    notice->utf8 = json_is_true(json_object_get(input, "utf8"));
    notice->requiretls = json_is_true(json_object_get(input, "requiretls"));
    driver->keys++;
    memcpy(item.key.digest, &driver->keys, sizeof(driver->keys));
    memcpy(key.digest, &driver->keys, sizeof(driver->keys));
    (void)g_array_append_val(notice->keys, key);
    (void)g_array_append_val(deposit->items, item);
}

static json_t *
put(Driver *driver, const json_t *input)
{
    g_autoptr(DsnDeposit) deposit = dsn_deposit_new(false);
    const json_t *notices = json_object_get(input, "notices");

    for (size_t i = 0; i < json_array_size(notices); i++)
        add_item(driver, deposit, json_array_get(notices, i));
    dsn_spool_submit(driver->spool, deposit);
    g_assert(dsn_spool_wait(driver->spool, deposit, -1));
    g_assert_no_error(deposit->error);
    for (guint i = 0; i < deposit->items->len; i++)
        g_assert(g_array_index(deposit->items, DsnItem, i).result == DSN_ITEM_STORED);
    return json_true();
}

static bool
list_entry(const DsnQueueEntry *entry, gpointer user)
{
    json_array_append_new(user,
                          json_pack("{s:s, s:s, s:s?, s:i, s:I}", "id", entry->record_id, "state",
                                    entry->state, "reason", entry->reason, "attempts",
                                    (int)entry->attempts, "next", (json_int_t)entry->next_attempt));
    return true;
}

static json_t *
list(Driver *driver)
{
    g_autoptr(GError) error = NULL;
    const DsnQueueFilter filter = {0};
    json_t *entries = json_array();
    bool good = dsn_spool_list(driver->spool, &filter, list_entry, entries, &error);

    g_assert_no_error(error);
    g_assert(good);
    return entries;
}

static json_t *
count(Driver *driver)
{
    DsnSpoolState state;

    dsn_spool_state(driver->spool, &state);
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I}", "sent",
        (json_int_t)dsn_metrics_get(&driver->metrics, DSN_COUNT_NOTICES_SENT), "deferred",
        (json_int_t)dsn_metrics_get(&driver->metrics, DSN_COUNT_NOTICES_DEFERRED), "dead",
        (json_int_t)dsn_metrics_get(&driver->metrics, DSN_COUNT_NOTICES_DEAD), "faults",
        (json_int_t)dsn_metrics_get(&driver->metrics, DSN_COUNT_RELAY_HOST_FAULTS), "waiting",
        (json_int_t)state.waiting, "dead_letters", (json_int_t)state.dead);
}

static json_t *
retry(Driver *driver)
{
    const DsnQueueFilter filter = {0};
    g_autoptr(GError) error = NULL;
    int64_t retried = dsn_spool_retry(driver->spool, &filter, &error);

    g_assert_no_error(error);
    dsn_relay_kick(driver->relay);
    return json_integer((json_int_t)retried);
}

static json_t *
stop(Driver *driver)
{
    g_clear_pointer(&driver->relay, dsn_relay_stop);
    return json_true();
}

static json_t *
answer(Driver *driver, const json_t *input)
{
    const char *what = json_string_value(json_object_get(input, "do"));

    if (g_strcmp0(what, "start") == 0)
        return start(driver, input);
    if (g_strcmp0(what, "put") == 0)
        return put(driver, input);
    if (g_strcmp0(what, "list") == 0)
        return list(driver);
    if (g_strcmp0(what, "count") == 0)
        return count(driver);
    if (g_strcmp0(what, "retry") == 0)
        return retry(driver);
    g_assert(g_strcmp0(what, "stop") == 0);
    return stop(driver);
}

int
main(int argc, char **argv)
{
    g_assert(argc == 2);
    const DsnSpoolOptions options = {.directory = argv[1],
                                     .keep = 86400,
                                     .max_size = G_MAXINT64,
                                     .min_free = 0,
                                     .large = 1024 * 1024};
    g_autoptr(GError) error = NULL;
    Driver driver = {0};

    g_mime_init();
    (void)signal(SIGPIPE, SIG_IGN);
    dsn_log_open(DSN_LOG_STDERR, DSN_LOG_DEBUG);
    driver.spool = dsn_spool_open(&options, &driver.metrics, &error);
    g_assert_no_error(error);
    for (;;) {
        json_auto_t *input = json_loadf(stdin, JSON_DISABLE_EOF_CHECK, NULL);

        if (input == NULL)
            break;
        json_auto_t *output = answer(&driver, input);
        (void)json_dumpf(output, stdout, JSON_ENCODE_ANY);
        (void)fputc('\n', stdout);
        (void)fflush(stdout);
    }
    dsn_spool_wake(driver.spool);
    dsn_relay_stop(driver.relay);
    dsn_spool_close(driver.spool);
    return EXIT_SUCCESS;
}
