/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * smtp-driver.c - runs the SMTP client for smtp-client.py
 *
 * Reads one JSON object from standard input: the target, options of the relay, and "runs", each an
 * array of messages. Each run goes over the connection that the run before left usable, or a new
 * one. Writes one JSON object: for each run how it ended, and for each message its outcome and
 * reply. Bytes are in base64.
 */
#include "config.h"

#include "filter/outlet/relay-connect.h"

#include <gmime/gmime.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* Of a signal. */
static gint stopping = DSN_SMTP_GO;

static void
on_alarm(int signal_number)
{
    (void)signal_number;
    g_atomic_int_set(&stopping, DSN_SMTP_CUT);
}

static GTimeSpan
time_of(const json_t *times, const char *name, GTimeSpan usual)
{
    const json_t *value = json_object_get(times, name);

    return value == NULL ? usual : (GTimeSpan)(json_number_value(value) * G_TIME_SPAN_SECOND);
}

static void
read_target(const json_t *input, DsnSmtpTarget *target)
{
    const json_t *times = json_object_get(input, "times");
    const DsnSmtpTimes *usual = &DSN_SMTP_TIMES_DEFAULT;

    *target = (DsnSmtpTarget){
        .lmtp = json_is_true(json_object_get(input, "lmtp")),
        .ehlo = json_string_value(json_object_get(input, "ehlo")),
        .tls = (DsnTls)json_integer_value(json_object_get(input, "tls")),
        .tls_ca = json_string_value(json_object_get(input, "tls_ca")),
        .user = json_string_value(json_object_get(input, "user")),
        .password = json_string_value(json_object_get(input, "password")),
        .deliveries = (size_t)json_integer_value(json_object_get(input, "deliveries")),
        .times = {time_of(times, "connect", usual->connect),
                  time_of(times, "greeting", usual->greeting),
                  time_of(times, "command", usual->command), time_of(times, "data", usual->data),
                  time_of(times, "block", usual->block), time_of(times, "dot", usual->dot),
                  time_of(times, "quit", usual->quit)},
        .stopping = &stopping,
    };
}

static char *
text_of(const json_t *options, const char *name)
{
    return (char *)json_string_value(json_object_get(options, name));
}

/* What a finder looks at; borrowed. */
static DsnRelayOptions
read_options(const json_t *input)
{
    return (DsnRelayOptions){
        .port = (size_t)json_integer_value(json_object_get(input, "port")),
        .lookup = (DsnIpLookup)json_integer_value(json_object_get(input, "lookup")),
        .resolver = text_of(input, "resolver"),
        .source_address = text_of(input, "source_address"),
        .socks5_proxy_server = text_of(input, "socks5_proxy_server"),
        .socks5_proxy_source_address = text_of(input, "socks5_proxy_source_address"),
        .socks5_proxy_username = text_of(input, "socks5_proxy_username"),
        .socks5_proxy_password = text_of(input, "socks5_proxy_password"),
    };
}

static DsnSpan
decode(const json_t *text)
{
    gsize len = 0;
    guchar *bytes = g_base64_decode(json_string_value(text), &len);

    return (DsnSpan){(char *)bytes, len};
}

static void
message_clear(gpointer data)
{
    DsnSmtpMessage *message = data;

    g_free((char *)message->recipient.data);
    g_free((char *)message->content.data);
    dsn_smtp_message_clear(message);
}

static GArray *
read_messages(const json_t *input)
{
    GArray *messages = g_array_new(FALSE, FALSE, sizeof(DsnSmtpMessage));
    size_t i;
    json_t *value;

    g_array_set_clear_func(messages, message_clear);
    json_array_foreach(input, i, value)
    {
        DsnSmtpMessage message = {
            .recipient = decode(json_object_get(value, "to")),
            .content = decode(json_object_get(value, "content")),
            .eight_bit = json_is_true(json_object_get(value, "eight_bit")),
            .utf8 = json_is_true(json_object_get(value, "utf8")),
            .requiretls = json_is_true(json_object_get(value, "requiretls")) ? DSN_REQUIRETLS_WANTED
                                                                             : DSN_REQUIRETLS_NO,
        };
        (void)g_array_append_val(messages, message);
    }
    return messages;
}

static void
on_done(DsnSmtpMessage *message, gpointer user)
{
    unsigned *done = user;

    (*done)++;
    g_assert(message->outcome > DSN_SMTP_UNSUITABLE && message->reply != NULL);
}

static json_t *
run(DsnSmtpClient **client, DsnRelayFinder *finder, const char *host, DsnSmtpTarget *target,
    const json_t *input)
{
    static const char *const ends[] = {"done", "ended", "fault"};
    static const char *const outcomes[] = {"untried",  "again",    "unsuitable", "sent",
                                           "tempfail", "permfail", "broken",     "unknown"};
    static const char *const requiretls[] = {"no", "wanted", "sent", "refused"};
    g_autoptr(GArray) messages = read_messages(input);
    g_autoptr(GError) error = NULL;
    json_t *list = json_array();
    json_t *asked = json_array();
    unsigned done = 0, wanted = 0;
    DsnSmtpRun end = DSN_SMTP_RUN_FAULT;

    if (*client != NULL && !dsn_smtp_client_is_usable(*client))
        g_clear_pointer(client, dsn_smtp_client_free);
    if (*client == NULL)
        *client = dsn_relay_connect(finder, host, target, &error);
    if (*client == NULL)
        return json_pack("{s:s, s:s, s:o, s:o}", "run", "unopened", "error", error->message,
                         "messages", list, "requiretls", asked);
    end = dsn_smtp_client_send(*client, (DsnSmtpMessage *)(void *)messages->data, messages->len,
                               on_done, &done, &error);
    g_assert((error != NULL) == (end == DSN_SMTP_RUN_FAULT));
    for (guint i = 0; i < messages->len; i++) {
        DsnSmtpMessage *message = &g_array_index(messages, DsnSmtpMessage, i);

        wanted += message->outcome > DSN_SMTP_UNSUITABLE;
        json_array_append_new(list, json_pack("[s, s]", outcomes[message->outcome],
                                              message->reply == NULL ? "" : message->reply));
        json_array_append_new(asked, json_string(requiretls[message->requiretls]));
    }
    g_assert(done == wanted);
    return json_pack("{s:s, s:s, s:s, s:o, s:o}", "run", ends[end], "error",
                     error == NULL ? "" : error->message, "peer", dsn_smtp_client_peer(*client),
                     "messages", list, "requiretls", asked);
}

int
main(void)
{
    json_auto_t *input = json_loadf(stdin, 0, NULL);
    json_auto_t *output = json_array();
    DsnSmtpTarget target;
    DsnSmtpClient *client = NULL;
    size_t i;
    json_t *messages;

    g_assert(input != NULL);
    g_mime_init();
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGUSR1, on_alarm);
    read_target(input, &target);
    const char *host = json_string_value(json_object_get(input, "host"));
    const DsnRelayOptions options = read_options(json_object_get(input, "options"));
    g_autoptr(DsnRelayFinder) finder = dsn_relay_finder_new(&options);
    json_array_foreach(json_object_get(input, "runs"), i, messages)
    {
        json_array_append_new(output, run(&client, finder, host, &target, messages));
    }
    dsn_smtp_client_free(client);
    if (json_dumpf(output, stdout, 0) != 0)
        return EXIT_FAILURE;
    return EXIT_SUCCESS;
}
