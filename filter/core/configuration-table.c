/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/configuration-table.h"

#include "filter/core/address-pattern.h"
#include "filter/core/configuration.h"
#include "filter/core/network.h"
#include "filter/core/socket-address.h"
#include "mime/address.h"

#define NIL_UUID "00000000-0000-0000-0000-000000000000"
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)
#define SECOND G_TIME_SPAN_SECOND
#define MINUTE G_TIME_SPAN_MINUTE
#define HOUR G_TIME_SPAN_HOUR
#define DAY G_TIME_SPAN_DAY

#define SLOT(member) .offset = offsetof(DsnConfiguration, member)
#define IN(type, member) .offset = offsetof(type, member)

static const char *
check_host_name(const char *text)
{
    DsnSpan name = dsn_span(text);

    if (*text != '[' && dsn_text_is_ascii(name) && dsn_address_is_domain(name) &&
        !g_hostname_is_ip_address(text))
        return NULL;
    return "a host name in ASCII such as \"mta1.example.com\"";
}

static const char *
check_from(const char *text)
{
    DsnSpan display, address;

    if (dsn_configuration_split(text, &display, &address))
        return NULL;
    return "an address such as \"postmaster@example.com\" or \"Name <postmaster@example.com>\"";
}

/* What the kernel says: a look into the DNS could keep the start waiting. */
static const char *
local_host_name(void)
{
    const char *name = g_get_host_name();

    return check_host_name(name) == NULL ? name : "localhost";
}

/* KumoMTA reads no record whose nodeid is anything else. */
static const char *
check_uuid(const char *text)
{
    return g_uuid_string_is_valid(text) ? NULL : "a UUID such as \"" NIL_UUID "\"";
}

static const char *
nil_uuid(void)
{
    return NIL_UUID;
}

/* Where libmilter listens: its own words, so that they can be copied from other filters. */
static const char *
check_milter_socket(const char *text)
{
    static const char expected[] = "\"unix:/path\", \"inet:8890@127.0.0.1\" or \"inet6:8890@::1\"";
    const char *rest = strchr(text, ':');
    guint64 port;

    if (rest++ == NULL)
        return expected;
    if (g_str_has_prefix(text, "unix:") || g_str_has_prefix(text, "local:"))
        return *rest == '/' ? NULL : expected;

    g_autofree char *digits = g_strndup(rest, strcspn(rest, "@"));
    bool named = rest[strlen(digits)] == '@' && rest[strlen(digits) + 1] != '\0';
    return (g_str_has_prefix(text, "inet:") || g_str_has_prefix(text, "inet6:")) && named &&
                   g_ascii_string_to_unsigned(digits, 10, 1, 65535, &port, NULL)
               ? NULL
               : expected;
}

/* RFC 5321 section 4.1.1.1: a name, or an address in brackets where there is none. */
static const char *
check_ehlo(const char *text)
{
    DsnSpan name = dsn_span(text);

    return dsn_text_is_ascii(name) && dsn_address_is_domain(name)
               ? NULL
               : "a host name in ASCII or an address in brackets such as \"[192.0.2.1]\"";
}

/* A token stands in a header field as it is. */
static const char *
check_token(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (!g_ascii_isgraph(*c))
            return "a token of visible ASCII characters without spaces";
    }
    return NULL;
}

/* RFC 9110 section 5.1. */
static const char *
check_field_name(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (!g_ascii_isalnum(*c) && strchr("!#$%&'*+-.^_`|~", *c) == NULL)
            return "the name of a header field such as \"Authorization\"";
    }
    return NULL;
}

/* Compared with what stands in a field, where anything can be quoted. */
static const char *
check_authserv_id(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c <= ' ' || *c == 0x7f || strchr("();\"\\", *c) != NULL)
            return "the name in front of the results, such as \"mx.example.com\"";
    }
    return *text != '\0' ? NULL : "the name in front of the results, such as \"mx.example.com\"";
}

static const char *
check_domain(const char *text)
{
    return dsn_address_is_domain(dsn_span(text)) && *text != '['
               ? NULL
               : "a domain such as \"example.com\"";
}

/* In the order of DsnLogTarget. */
static const char *const log_targets[] = {"stderr", "syslog", NULL};

/* In the order of DsnLogLevel. */
static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};

/* In the order of DsnConsumed; a Maildir has no way to tag. */
static const char *const consumed[] = {"discard", "accept", "tag", NULL};
static const char *const consumed_files[] = {"discard", "accept", NULL};

/* In the order of DsnOverload. */
static const char *const overloads[] = {"close", "503", NULL};

/* In the order of DsnTls. */
static const char *const tls_words[] = {"Disabled", "Opportunistic",    "OpportunisticInsecure",
                                        "Required", "RequiredInsecure", NULL};

/* Those that have a name. */
static const char *const record_types[] = {"Reception",
                                           "Delivery",
                                           "Bounce",
                                           "TransientFailure",
                                           "Expiration",
                                           "AdminBounce",
                                           "OOB",
                                           "Feedback",
                                           "Rejection",
                                           "AdminRebind",
                                           "DeferredInjectionRebind",
                                           "Delayed",
                                           "XferOut",
                                           "XferIn",
                                           NULL};

/* Only for these can a notice be made (see notice.h). */
static const char *const notice_types[] = {"Bounce", "Expiration", NULL};

/* In the order of DsnReturn. */
static const char *const returns[] = {"no", "headers", "full", NULL};

static const DsnOption options[] = {
    {"include", DSN_OPTION_INCLUDE, .fallback = "\"\"",
     .help = "more files: a name or, in its last part, a pattern with * and ?"},
    {"hostname", DSN_OPTION_STRING, .fallback = "\"\"", SLOT(hostname), .check = check_host_name,
     .computed = local_host_name,
     .help = "Reporting-MTA of notices unless [nodes] knows better; \"\": the local host's name"},
    {"nodeid", DSN_OPTION_STRING, .fallback = "\"" NIL_UUID "\"", SLOT(nodeid), .check = check_uuid,
     .computed = nil_uuid, .help = "nodeid of the records that are made here"},

    {"nodes", DSN_OPTION_MAP, SLOT(nodes), .check = check_host_name,
     .help = "host names of the nodes that records come from, by nodeid"},

    {"log.target", DSN_OPTION_WORD, .fallback = "\"stderr\"", SLOT(log.target),
     .words = log_targets, .help = "where log lines go"},
    {"log.level", DSN_OPTION_WORD, .fallback = "\"info\"", SLOT(log.level), .words = log_levels,
     .help = "the least important lines that are written"},

    {"spool.directory", DSN_OPTION_PATH, .restart = true, .fallback = "\"/var/lib/dsnarf\"",
     SLOT(spool.directory), .help = "what was taken in and is not done yet"},
    {"spool.max_size", DSN_OPTION_SIZE, .restart = true, .fallback = "\"10GiB\"",
     SLOT(spool.max_size), .min = MIB, .max = 1024 * TIB,
     .help = "bytes of all that is kept; over it nothing more is taken in"},
    {"spool.min_free", DSN_OPTION_SIZE, .restart = true, .fallback = "\"200MiB\"",
     SLOT(spool.min_free), .min = 0, .max = 1024 * TIB,
     .help = "bytes that stay free on the file system"},
    {"spool.large", DSN_OPTION_SIZE, .restart = true, .fallback = "\"256KiB\"", SLOT(spool.large),
     .min = 4 * KIB, .max = GIB, .help = "bytes over which a content lies in a file of its own"},

    {"dedup.keep", DSN_OPTION_DURATION, .restart = true, .fallback = "\"14 days\"",
     SLOT(dedup.keep), .min = MINUTE, .max = 1000 * DAY,
     .help = "how long an event is known when it comes again; older ones make no notice"},

    {"milter.listen", DSN_OPTION_STRING, .restart = true, .fallback = "\"\"", SLOT(milter.listen),
     .check = check_milter_socket, .help = "where the milter listens; \"\": there is none"},
    {"milter.socket_mode", DSN_OPTION_MODE, .restart = true, .fallback = "\"660\"",
     SLOT(milter.socket_mode), .help = "rights of the unix socket"},
    {"milter.socket_group", DSN_OPTION_STRING, .restart = true, .fallback = "\"\"",
     SLOT(milter.socket_group), .help = "group of the unix socket; \"\": the daemon's"},
    {"milter.reports", DSN_OPTION_LIST, .fallback = "[]", SLOT(milter.reports),
     .check = dsn_pattern_check, .help = "recipients whose mail is read as a report"},
    {"milter.consumed", DSN_OPTION_WORD, .fallback = "\"discard\"", SLOT(milter.consumed),
     .words = consumed, .help = "what becomes of a report once it is recorded"},
    {"milter.role.*", DSN_OPTION_SECTIONS, SLOT(milter.roles), .size = sizeof(DsnMilterRole),
     .help = "more roles, for other Postfix services or other recipients"},
    {"milter.role.*.daemon", DSN_OPTION_STRING, .fallback = "\"\"", IN(DsnMilterRole, daemon),
     .help = "the {daemon_name} that the role is for; \"\": any"},
    {"milter.role.*.reports", DSN_OPTION_LIST, .fallback = "[]", IN(DsnMilterRole, reports),
     .check = dsn_pattern_check, .help = "recipients whose mail is read as a report"},
    {"milter.role.*.consumed", DSN_OPTION_WORD, .fallback = "\"discard\"",
     IN(DsnMilterRole, consumed), .words = consumed,
     .help = "what becomes of a report once it is recorded"},

    {"lmtp.listen", DSN_OPTION_STRING, .restart = true, .fallback = "\"\"", SLOT(lmtp.listen),
     .check = dsn_socket_address_check, .help = "where LMTP is spoken; \"\": nowhere"},
    {"lmtp.socket_mode", DSN_OPTION_MODE, .restart = true, .fallback = "\"660\"",
     SLOT(lmtp.socket_mode), .help = "rights of the unix socket"},
    {"lmtp.socket_group", DSN_OPTION_STRING, .restart = true, .fallback = "\"\"",
     SLOT(lmtp.socket_group), .help = "group of the unix socket; \"\": the daemon's"},
    {"lmtp.reports", DSN_OPTION_LIST, .fallback = "[]", SLOT(lmtp.reports),
     .check = dsn_pattern_check, .help = "recipients whose mail is read as a report"},
    {"lmtp.others", DSN_OPTION_PATH, .fallback = "\"\"", SLOT(lmtp.others),
     .help = "a Maildir for what is no report; \"\": that is refused"},
    {"lmtp.connections", DSN_OPTION_NUMBER, .restart = true, .fallback = "50",
     SLOT(lmtp.connections), .min = 1, .max = 10000, .help = "connections at the same time"},

    {"maildir.*", DSN_OPTION_SECTIONS, SLOT(maildirs), .size = sizeof(DsnMaildirIntake),
     .help = "Maildirs that reports are read from"},
    {"maildir.*.path", DSN_OPTION_PATH, .fallback = "\"\"", IN(DsnMaildirIntake, path),
     .help = "the Maildir, with cur, new and tmp in it"},
    {"maildir.*.consumed", DSN_OPTION_WORD, .fallback = "\"discard\"",
     IN(DsnMaildirIntake, consumed), .words = consumed_files,
     .help = "what becomes of a report once it is recorded: removed, or moved to cur as seen"},

    {"http.listen", DSN_OPTION_STRING, .restart = true, .fallback = "\"\"", SLOT(http.listen),
     .check = dsn_socket_address_check, .help = "where records are posted to; \"\": nowhere"},
    {"http.socket_mode", DSN_OPTION_MODE, .restart = true, .fallback = "\"660\"",
     SLOT(http.socket_mode), .help = "rights of the unix socket"},
    {"http.socket_group", DSN_OPTION_STRING, .restart = true, .fallback = "\"\"",
     SLOT(http.socket_group), .help = "group of the unix socket; \"\": the daemon's"},
    {"http.trusted", DSN_OPTION_LIST, .fallback = "[\"127.0.0.1/32\", \"::1/128\"]",
     SLOT(http.trusted), .check = dsn_network_check, .help = "networks that may connect"},
    {"http.header", DSN_OPTION_STRING, .fallback = "\"Authorization\"", SLOT(http.header),
     .check = check_field_name, .help = "the header field that the token stands in"},
    {"http.token", DSN_OPTION_STRING, .secret = true, .fallback = "\"\"", SLOT(http.token),
     .check = check_token, .help = "the token of everybody; \"none\": loopback needs none"},
    {"http.overload", DSN_OPTION_WORD, .fallback = "\"close\"", SLOT(http.overload),
     .words = overloads, .help = "the answer when nothing can be taken in: none, or 503"},
    {"http.connections", DSN_OPTION_NUMBER, .restart = true, .fallback = "200",
     SLOT(http.connections), .min = 1, .max = 10000, .help = "connections at the same time"},
    {"http.body", DSN_OPTION_SIZE, .fallback = "\"64MiB\"", SLOT(http.body), .min = KIB, .max = GIB,
     .help = "bytes of one request as it is sent"},
    {"http.inflated", DSN_OPTION_SIZE, .fallback = "\"256MiB\"", SLOT(http.inflated), .min = KIB,
     .max = 4 * GIB, .help = "bytes of one request when it is decompressed"},
    {"http.memory", DSN_OPTION_SIZE, .fallback = "\"512MiB\"", SLOT(http.memory), .min = MIB,
     .max = 64 * GIB, .help = "bytes of all requests together"},
    {"http.deadline", DSN_OPTION_DURATION, .fallback = "\"2 minutes\"", SLOT(http.deadline),
     .min = SECOND, .max = HOUR, .help = "for a whole request to arrive"},
    {"http.hold", DSN_OPTION_DURATION, .fallback = "\"20 seconds\"", SLOT(http.hold), .min = 0,
     .max = 10 * MINUTE, .help = "how long a request is held before it is closed unanswered"},
    {"http.client.*", DSN_OPTION_SECTIONS, SLOT(http.clients), .size = sizeof(DsnHttpClient),
     .help = "posters with a token of their own"},
    {"http.client.*.token", DSN_OPTION_STRING, .secret = true, .fallback = "\"\"",
     IN(DsnHttpClient, token), .check = check_token, .help = "its token"},
    {"http.client.*.senders", DSN_OPTION_LIST, .fallback = "[]", IN(DsnHttpClient, senders),
     .check = dsn_pattern_check,
     .help = "addresses that its notices may go to; []: all of notice.senders"},
    {"http.client.*.hourly_rate", DSN_OPTION_NUMBER, .fallback = "0",
     IN(DsnHttpClient, hourly_rate), .min = 0, .max = 1000000000,
     .help = "its notices in an hour; 0: no limit but the others"},

    {"notice.enable", DSN_OPTION_LIST, .fallback = "[\"Bounce\", \"Expiration\"]",
     SLOT(notice.enable), .words = notice_types,
     .help = "the types of record that a notice is made for"},
    {"notice.senders", DSN_OPTION_LIST, .fallback = "[]", SLOT(notice.senders),
     .check = dsn_pattern_check,
     .help = "the addresses that notices may go to: addresses, domains, patterns; \"*\": all"},
    {"notice.hourly_rate", DSN_OPTION_NUMBER, .fallback = "100000", SLOT(notice.hourly_rate),
     .min = 0, .max = 1000000000, .help = "notices in an hour; 0: no limit"},
    {"notice.hourly_sender_rate", DSN_OPTION_NUMBER, .fallback = "1000",
     SLOT(notice.hourly_sender_rate), .min = 0, .max = 1000000000,
     .help = "notices to one address in an hour; 0: no limit"},
    {"notice.include_original", DSN_OPTION_WORD, .fallback = "\"headers\"",
     SLOT(notice.include_original), .words = returns,
     .help = "how much of the original message a notice returns"},
    {"notice.return_limit", DSN_OPTION_SIZE, .fallback = "\"50KiB\"", SLOT(notice.return_limit),
     .min = 0, .max = GIB, .help = "bytes; of a longer original only the headers are returned"},
    {"notice.from", DSN_OPTION_STRING, .fallback = "\"\"", SLOT(notice.from), .check = check_from,
     .help = "From of notices; \"\": Mail Delivery System <mailer-daemon@ the reporting host>"},
    {"notice.templates", DSN_OPTION_PATH, .fallback = "\"\"", SLOT(notice.templates),
     .help = "directory of texts that replace the shipped ones, see dsnarf-templates(7)"},

    {"authentication.authserv_ids", DSN_OPTION_LIST, .fallback = "[]",
     SLOT(authentication.authserv_ids), .check = check_authserv_id,
     .help = "names of our own hosts in Authentication-Results; fields of others do not count"},
    {"authentication.received", DSN_OPTION_NUMBER, .fallback = "1", SLOT(authentication.received),
     .min = 0, .max = 100, .help = "Received fields that our own hosts add to what they take in"},
    {"authentication.clients", DSN_OPTION_LIST, .fallback = "[]", SLOT(authentication.clients),
     .check = dsn_network_check, .help = "networks whose reports are believed"},
    {"authentication.reporters", DSN_OPTION_LIST, .fallback = "[]", SLOT(authentication.reporters),
     .check = check_domain, .help = "domains whose reports are believed if DKIM or SPF passed"},

    {"relay.default.hosts", DSN_OPTION_LIST, .fallback = "[\"127.0.0.1:25\"]", SLOT(relay.hosts),
     .check = dsn_host_check, .help = "who takes the notices, tried in this order"},
    {"relay.default.ehlo", DSN_OPTION_STRING, .fallback = "\"\"", SLOT(relay.ehlo),
     .check = check_ehlo, .help = "how dsnarf greets them; \"\": with the hostname"},
    {"relay.default.tls", DSN_OPTION_WORD, .fallback = "\"OpportunisticInsecure\"", SLOT(relay.tls),
     .words = tls_words, .help = "whether TLS is used, and certificates verified"},
    {"relay.default.tls_ca", DSN_OPTION_PATH, .fallback = "\"\"", SLOT(relay.tls_ca),
     .help = "file of the certificates to trust; \"\": the system's"},
    {"relay.default.user", DSN_OPTION_STRING, .fallback = "\"\"", SLOT(relay.user),
     .help = "user name for AUTH; \"\": none"},
    {"relay.default.password", DSN_OPTION_STRING, .secret = true, .fallback = "\"\"",
     SLOT(relay.password), .help = "password for AUTH"},
    {"relay.default.connections", DSN_OPTION_NUMBER, .restart = true, .fallback = "4",
     SLOT(relay.connections), .min = 1, .max = 100, .help = "connections at the same time"},
    {"relay.default.deliveries", DSN_OPTION_NUMBER, .fallback = "1000", SLOT(relay.deliveries),
     .min = 1, .max = 1000000, .help = "messages over one connection"},
    {"relay.default.idle_timeout", DSN_OPTION_DURATION, .fallback = "\"5 seconds\"",
     SLOT(relay.idle_timeout), .min = 0, .max = 5 * MINUTE,
     .help = "how long a connection is kept for the next message"},
    {"relay.default.connect_timeout", DSN_OPTION_DURATION, .fallback = "\"30 seconds\"",
     SLOT(relay.connect_timeout), .min = SECOND, .max = 10 * MINUTE,
     .help = "for TCP and TLS to be set up"},
    {"relay.default.retry_interval", DSN_OPTION_DURATION, .fallback = "\"1 minute\"",
     SLOT(relay.retry_interval), .min = SECOND, .max = DAY,
     .help = "until the second attempt; doubles with each"},
    {"relay.default.max_retry_interval", DSN_OPTION_DURATION, .fallback = "\"30 minutes\"",
     SLOT(relay.max_retry_interval), .min = SECOND, .max = DAY,
     .help = "the longest time between two attempts"},
    {"relay.default.max_age", DSN_OPTION_DURATION, .fallback = "\"5 days\"", SLOT(relay.max_age),
     .min = MINUTE, .max = 100 * DAY,
     .help = "of a notice that cannot be sent; then it is a dead letter"},

    {"file.*", DSN_OPTION_SECTIONS, SLOT(files), .size = sizeof(DsnFileOutlet),
     .help = "files that records are written to as JSON lines"},
    {"file.*.path", DSN_OPTION_PATH, .fallback = "\"\"", IN(DsnFileOutlet, path),
     .help = "the file, opened again when it was moved away"},
    {"file.*.types", DSN_OPTION_LIST, .fallback = "[\"Feedback\", \"OOB\"]",
     IN(DsnFileOutlet, types), .words = record_types, .help = "the types of record that it takes"},

    {"limits.message", DSN_OPTION_SIZE, .fallback = "\"25MiB\"", SLOT(limits.message), .min = KIB,
     .max = GIB, .help = "bytes of one message; what follows is not looked at"},
    {"limits.record", DSN_OPTION_SIZE, .fallback = "\"40MiB\"", SLOT(intake.record), .min = KIB,
     .max = GIB, .help = "bytes of one record with its original"},
    {"limits.depth", DSN_OPTION_NUMBER, .fallback = "32", SLOT(limits.depth), .min = 1, .max = 200,
     .help = "levels of multipart inside multipart"},
    {"limits.parts", DSN_OPTION_NUMBER, .fallback = "500", SLOT(limits.parts), .min = 1,
     .max = 100000, .help = "MIME parts of one message"},
    {"limits.header", DSN_OPTION_SIZE, .fallback = "\"1MiB\"", SLOT(limits.header), .min = KIB,
     .max = GIB, .help = "bytes of one header block that is searched"},
    {"limits.parameter", DSN_OPTION_NUMBER, .fallback = "64", SLOT(limits.parameter), .min = 1,
     .max = 1000, .help = "parameters of one Content-Type that are read"},
    {"limits.groups", DSN_OPTION_NUMBER, .fallback = "1000", SLOT(limits.groups), .min = 1,
     .max = 1000000, .help = "groups of fields (recipients) in a machine-readable part"},
    {"limits.fields", DSN_OPTION_NUMBER, .fallback = "10000", SLOT(limits.fields), .min = 1,
     .max = 1000000, .help = "fields in a machine-readable part"},
    {"limits.field", DSN_OPTION_SIZE, .fallback = "\"64KiB\"", SLOT(limits.field), .min = KIB,
     .max = GIB, .help = "bytes of one field value; a longer one is cut there"},
    {"limits.occurrences", DSN_OPTION_NUMBER, .fallback = "1000", SLOT(limits.occurrences),
     .min = 1, .max = 1000000, .help = "values that are kept of one repeatable field"},
    {"limits.defects", DSN_OPTION_NUMBER, .fallback = "100", SLOT(limits.defects), .min = 0,
     .max = 1000000, .help = "deviations that are listed; more are only counted"},
    {"limits.decoded", DSN_OPTION_SIZE, .fallback = "\"25MiB\"", SLOT(limits.decoded), .min = KIB,
     .max = GIB, .help = "bytes that undoing a transfer encoding may yield"},
    {"limits.address", DSN_OPTION_SIZE, .fallback = "\"1kB\"", SLOT(limits.address), .min = 256,
     .max = 64 * KIB, .help = "bytes of one address that is looked into"},
    {"limits.encoded", DSN_OPTION_SIZE, .fallback = "\"16KiB\"", SLOT(limits.encoded), .min = 256,
     .max = MIB, .help = "bytes of one header value whose encoded words are decoded"},

    {"template.source", DSN_OPTION_SIZE, .fallback = "\"1MiB\"", SLOT(template_limits.source),
     .min = KIB, .max = 16 * MIB, .help = "bytes of the text of one template"},
    {"template.fuel", DSN_OPTION_NUMBER, .fallback = "1000000", SLOT(template_limits.fuel),
     .min = 1000, .max = 1000000000, .help = "steps that rendering one template may take"},
    {"template.depth", DSN_OPTION_NUMBER, .fallback = "128", SLOT(template_limits.depth), .min = 8,
     .max = 500, .help = "nesting of a template's text and of values"},
    {"template.output", DSN_OPTION_SIZE, .fallback = "\"4MiB\"", SLOT(template_limits.output),
     .min = KIB, .max = 64 * MIB,
     .help = "bytes of one rendered text, with all that is made on the way"},
};

const DsnOptionTable DSN_CONFIGURATION_TABLE = {options, G_N_ELEMENTS(options)};
