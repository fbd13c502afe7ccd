/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/configuration-table.h"

#include "filter/core/address-pattern.h"
#include "filter/core/configuration.h"
#include "filter/core/feedback-id.h"
#include "filter/core/network.h"
#include "filter/core/option-checks.h"
#include "filter/core/relay-host.h"
#include "filter/core/return-path.h"
#include "filter/core/socket-address.h"
#include "filter/core/start-time.h"
#include "filter/core/trace-sign.h"
#include "filter/core/tenant-index.h"
#include "mime/address.h"

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
nil_uuid(void)
{
    return DSN_NIL_UUID;
}

/* In the order of DsnLogTarget. */
static const char *const log_targets[] = {"stderr", "syslog", NULL};

/* In the order of DsnLogLevel. */
static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};

/* In the order of DsnConsumed; a Maildir has no way to tag. */
static const char *const consumed[] = {"discard", "accept", "tag", NULL};
static const char *const consumed_kind[] = {"discard", "accept", "tag", "", NULL};
static const char *const captured[] = {"off", "headers", "message", NULL};
static const char *const consumed_files[] = {"discard", "accept", NULL};

/* In the order of DsnOverload. */
static const char *const overloads[] = {"close", "503", NULL};

/* In the order of DsnCompression. */
static const char *const compressions[] = {"none", "gzip", NULL};

/* In the order of DsnTls. */
static const char *const tls_words[] = {"Disabled", "Opportunistic",    "OpportunisticInsecure",
                                        "Required", "RequiredInsecure", NULL};

/* In the order of DsnIpLookup. */
static const char *const ip_lookups[] = {"Ipv4AndIpv6",  "Ipv4Only",     "Ipv6Only",
                                         "Ipv6thenIpv4", "Ipv4thenIpv6", NULL};

/* In the order of DsnRelayProtocol. */
static const char *const relay_protocols[] = {"smtp", "lmtp", NULL};

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

/* Those whose response is about a failure, as KumoMTA has it. */
static const char *const classified_types[] = {
    "Bounce", "TransientFailure", "Expiration", "AdminBounce",
    "OOB",    "Feedback",         "Rejection",  NULL};

/* Only for these can a notice be made (see dsn_notice_has_type()). */
static const char *const notice_types[] = {
    "Bounce", "Expiration", "AdminBounce", "TransientFailure", "Delayed", "Delivery", NULL};

/* In the order of DsnAutomatic. */
static const char *const automatic_words[] = {"notify", "trusted", "ignore", NULL};

/* In the order of DsnPostfixNotices. */
static const char *const postfix_words[] = {"rewrite", "replace", "suppress", "pass", NULL};

/* In the order of DsnReturn. */
static const char *const returns[] = {"no", "headers", "full", NULL};

/* ---- rows that stand in several sections ---- */

/* Rates of notices. */
#define RATE .min = 0, .max = 1000000000

/* What is said to senders, at @PATH; the slot of a member is @AT of it. */
#define NOTICE_ROWS(PATH, AT)                                                                     \
    {PATH ".enable",                                                                              \
     DSN_OPTION_LIST,                                                                             \
     .fallback = "[\"Bounce\", \"Expiration\"]",                                                  \
     AT(enable),                                                                                  \
     .words = notice_types,                                                                       \
     .help = "the types of record that a notice is made for"},                                    \
        {PATH ".internal", DSN_OPTION_BOOL, .fallback = "true", AT(internal),                     \
         .help = "notices for bounces that no remote host has caused, too"},                      \
        {PATH ".delay_after",                                                                     \
         DSN_OPTION_LIST,                                                                         \
         .fallback = "[\"4 hours\"]",                                                             \
         AT(delay_after),                                                                         \
         .check = dsn_option_check_delay,                                                         \
         .help = "how old a message is when its delay is reported, once each"},                   \
        {PATH ".lifetime",                                                                        \
         DSN_OPTION_DURATION,                                                                     \
         .fallback = "\"7 days\"",                                                                \
         AT(lifetime),                                                                            \
         .min = MINUTE,                                                                           \
         .max = 100 * DAY,                                                                        \
         .help = "how long the mail relay tries: Will-Retry-Until"},                              \
        {PATH ".delivered_late", DSN_OPTION_BOOL, .fallback = "false", AT(delivered_late),        \
         .help = "a notice of success after one of delay"},                                       \
        {PATH ".delay_by_default", DSN_OPTION_BOOL, .fallback = "true", AT(delay_by_default),     \
         .help = "delays are reported to senders who said nothing about it"},                     \
        {PATH ".automatic",                                                                       \
         DSN_OPTION_WORD,                                                                         \
         .fallback = "\"trusted\"",                                                               \
         AT(automatic),                                                                           \
         .words = automatic_words,                                                                \
         .help = "notices about mail that a program has sent: always, to known senders, never"},  \
        {PATH ".ignore",                                                                          \
         DSN_OPTION_LIST,                                                                         \
         .fallback = "[]",                                                                        \
         AT(ignore),                                                                              \
         .check = dsn_pattern_check,                                                              \
         .paths = DSN_PATTERN_FILE,                                                               \
         .help = "senders that get no notices"},                                                  \
        {PATH ".trust",                                                                           \
         DSN_OPTION_LIST,                                                                         \
         .fallback = "[\"token\", \"tenant\", \"authenticated\", \"spf\", \"dkim\"]",             \
         AT(trust),                                                                               \
         .words = DSN_TRUST_WORDS,                                                                \
         .help = "what tells that a sender is who it says, any one of them"},                     \
        {PATH ".confidential", DSN_OPTION_BOOL, .fallback = "false", AT(confidential),            \
         .help = "nothing is said about remote hosts"},                                           \
        {PATH ".dry_run", DSN_OPTION_BOOL, .fallback = "false", AT(dry_run),                      \
         .help = "notices are decided and logged, but not sent"},                                 \
        {PATH ".hourly_sender_rate",                                                              \
         DSN_OPTION_NUMBER,                                                                       \
         .fallback = "1000",                                                                      \
         AT(hourly_sender_rate),                                                                  \
         RATE,                                                                                    \
         .help = "notices to one address in an hour; 0: no limit"},                               \
        {PATH ".hourly_domain_rate",                                                              \
         DSN_OPTION_NUMBER,                                                                       \
         .fallback = "10000",                                                                     \
         AT(hourly_domain_rate),                                                                  \
         RATE,                                                                                    \
         .help = "notices to addresses of one domain in an hour; 0: no limit"},                   \
        {PATH ".include_original",  DSN_OPTION_WORD,                                              \
         .fallback = "\"headers\"", AT(include_original),                                         \
         .words = returns,          .help = "how much of the original message a notice returns"}, \
        {PATH ".return_limit",                                                                    \
         DSN_OPTION_SIZE,                                                                         \
         .fallback = "\"50KiB\"",                                                                 \
         AT(return_limit),                                                                        \
         .min = 0,                                                                                \
         .max = GIB,                                                                              \
         .help = "bytes; of a longer original only the headers are returned"},                    \
        {PATH ".hostname",                                                                        \
         DSN_OPTION_STRING,                                                                       \
         .fallback = "\"\"",                                                                      \
         AT(hostname),                                                                            \
         .check = dsn_option_check_host_name,                                                     \
         .help = "Reporting-MTA; \"\": as [nodes] and hostname say"},                             \
        {PATH ".from",                                                                            \
         DSN_OPTION_STRING,                                                                       \
         .fallback = "\"\"",                                                                      \
         AT(from),                                                                                \
         .check = dsn_option_check_from,                                                          \
         .help = "From; \"\": Mail Delivery System <mailer-daemon@ the reporting host>"},         \
        {PATH ".postmaster",                                                                      \
         DSN_OPTION_STRING,                                                                       \
         .fallback = "\"\"",                                                                      \
         AT(postmaster),                                                                          \
         .check = dsn_option_check_mailbox,                                                       \
         .help = "address of who helps; \"\": the one in from, if that is given"},                \
        {PATH ".templates", DSN_OPTION_PATH, .fallback = "\"\"", AT(templates),                   \
         .help = "directory of texts that replace the shipped ones, see dsnarf-templates(7)"},    \
        {PATH ".languages",                                                                       \
         DSN_OPTION_LIST,                                                                         \
         .fallback = "[]",                                                                        \
         AT(languages),                                                                           \
         .check = dsn_option_check_language,                                                      \
         .help = "languages of the notices, the preferred one first; []: as the original"},       \
        {PATH ".all_languages", DSN_OPTION_BOOL, .fallback = "false", AT(all_languages),          \
         .help = "all of languages in one notice, not the one that fits"},                        \
        {PATH ".html", DSN_OPTION_BOOL, .fallback = "false", AT(html),                            \
         .help = "HTML beside the text"},                                                         \
        {PATH ".postfix_notices",                                                                 \
         DSN_OPTION_WORD,                                                                         \
         .fallback = "\"rewrite\"",                                                               \
         AT(postfix_notices),                                                                     \
         .words = postfix_words,                                                                  \
         .help = "what becomes of the notices that Postfix makes itself"},                        \
        {PATH ".postfix_records", DSN_OPTION_BOOL, .fallback = "false", AT(postfix_records),      \
         .help = "outlets get records of the notices that Postfix makes itself"},                 \
    {                                                                                             \
        PATH ".relay", DSN_OPTION_STRING, .fallback = "\"default\"", AT(relay),                   \
                                          .help = "name of the relay that takes the notices"      \
    }

/* What mail leaves with, at @PATH. */
#define STAMP_ROWS(PATH, AT)                                                                  \
    {PATH ".header",                                                                          \
     DSN_OPTION_STRING,                                                                       \
     .fallback = "\"X-KumoRef\"",                                                             \
     AT(header),                                                                              \
     .check = dsn_option_check_trace_field,                                                   \
     .help = "the field that the trace of outgoing mail stands in; \"\": none"},              \
        {PATH ".campaign",                                                                    \
         DSN_OPTION_LIST,                                                                     \
         .fallback = "[]",                                                                    \
         AT(campaign),                                                                        \
         .check = dsn_option_check_field_name,                                                \
         .help = "fields of which the first that a message has tells its campaign"},          \
        {PATH ".headers",                                                                     \
         DSN_OPTION_LIST,                                                                     \
         .fallback = "[]",                                                                    \
         AT(headers),                                                                         \
         .check = dsn_option_check_field_name,                                                \
         .help = "fields of a message that its trace repeats"},                               \
        {PATH ".cfbl_address",                                                                \
         DSN_OPTION_STRING,                                                                   \
         .fallback = "\"\"",                                                                  \
         AT(cfbl_address),                                                                    \
         .check = dsn_option_check_ascii_mailbox,                                             \
         .help = "where complaints go to: CFBL-Address and CFBL-Feedback-ID; \"\": neither"}, \
    {                                                                                         \
        PATH ".feedback_id", DSN_OPTION_STRING,                                               \
            .fallback = "\"\"", AT(feedback_id), .check = dsn_feedback_id_check,              \
            .help = "the form of Feedback-ID, with {campaign}, {tenant}, {trace}; \"\": none" \
    }

#define STAMP_OF_ALL(member) SLOT(trace.stamp.member)
#define STAMP_OF_TENANT(member) IN(DsnTenantOptions, stamp.member)

#define OF_ALL(member) SLOT(policy.member)
#define OF_TENANT(member) IN(DsnTenantOptions, notice.member)

/* What becomes of a report. */
#define CONSUMED_ROWS(PATH, AT)                                                                    \
    {PATH ".consumed", DSN_OPTION_WORD,   .fallback = "\"discard\"",                               \
     AT(all),          .words = consumed, .help = "what becomes of a report once it is recorded"}, \
        {PATH ".consumed_feedback",                                                                \
         DSN_OPTION_WORD,                                                                          \
         .fallback = "\"\"",                                                                       \
         AT(feedback),                                                                             \
         .words = consumed_kind,                                                                   \
         .help = "the same of a feedback report; \"\": as consumed says"},                         \
    {                                                                                              \
        PATH ".consumed_oob", DSN_OPTION_WORD,                                                     \
            .fallback = "\"\"", AT(oob), .words = consumed_kind,                                   \
            .help = "the same of a bounce; \"\": as consumed says"                                 \
    }

#define OF_MILTER(member) SLOT(milter.consumption.member)
#define OF_ROLE(member) IN(DsnMilterRole, consumption.member)

/* What outlets with a selection have in common. */
#define SELECTION_ROWS(PATH, TYPE)                                                             \
    {PATH ".headers", DSN_OPTION_LIST, .fallback = "[\"*\"]", IN(TYPE, selection.headers),     \
     .help = "headers of a record that it gets"},                                              \
        {PATH ".meta", DSN_OPTION_LIST, .fallback = "[\"*\"]", IN(TYPE, selection.meta),       \
         .help = "keys under meta that it gets"},                                              \
        {PATH ".filter", DSN_OPTION_STRING, .fallback = "\"\"", IN(TYPE, selection.filter),    \
         .help = "an expression that is true for the records that it gets"},                   \
    {                                                                                          \
        PATH ".mask", DSN_OPTION_BOOL, .fallback = "false", IN(TYPE, selection.mask),          \
                                       .help = "it gets the local parts of recipients as xxxx" \
    }
#define PER_RECORD_ROWS(PATH, TYPE)                                                              \
    {PATH ".per_record.*", DSN_OPTION_SECTIONS, IN(TYPE, selection.records),                     \
     .size = sizeof(DsnPerRecord), .help = "for one type of record, or \"Any\" for the others"}, \
        {PATH ".per_record.*.enable", DSN_OPTION_BOOL, .fallback = "true",                       \
         IN(DsnPerRecord, enable), .help = "whether it gets records of this type"},              \
    {                                                                                            \
        PATH ".per_record.*.template", DSN_OPTION_STRING,                                        \
            .fallback = "\"\"", IN(DsnPerRecord, template_),                                     \
            .help = "what it gets instead of the record"                                         \
    }

/* A relay, the same way. */
#define RELAY_ROWS(PATH, AT, HOSTS)                                                                  \
    {PATH ".hosts",                                                                                  \
     DSN_OPTION_LIST,                                                                                \
     .fallback = HOSTS,                                                                              \
     AT(hosts),                                                                                      \
     .check = dsn_relay_host_check,                                                                  \
     .compose = dsn_relay_host_compose,                                                              \
     .help = "who takes the notices, tried in this order"},                                          \
        {PATH ".port",                                                                               \
         DSN_OPTION_NUMBER,                                                                          \
         .fallback = "25",                                                                           \
         AT(port),                                                                                   \
         .min = 1,                                                                                   \
         .max = 65535,                                                                               \
         .help = "of hosts that are given without one"},                                             \
        {PATH ".protocol", DSN_OPTION_WORD,          .fallback = "\"smtp\"",                         \
         AT(protocol),     .words = relay_protocols, .help = "what is spoken with them"},            \
        {PATH ".maildir_path", DSN_OPTION_PATH, .fallback = "\"\"", AT(maildir_path),                \
         .help = "a Maildir that takes the notices instead of hosts"},                               \
        {PATH ".ip_lookup_strategy",    DSN_OPTION_WORD,                                             \
         .fallback = "\"Ipv4AndIpv6\"", AT(lookup),                                                  \
         .words = ip_lookups,           .help = "which addresses of a name are used"},               \
        {PATH ".resolver",                                                                           \
         DSN_OPTION_STRING,                                                                          \
         .fallback = "\"\"",                                                                         \
         AT(resolver),                                                                               \
         .check = dsn_option_check_resolver,                                                         \
         .help = "who answers questions about names; \"\": whom the system asks"},                   \
        {PATH ".source_address",                                                                     \
         DSN_OPTION_STRING,                                                                          \
         .fallback = "\"\"",                                                                         \
         AT(source_address),                                                                         \
         .check = dsn_ip_address_check,                                                              \
         .help = "the local address of connections; \"\": any"},                                     \
        {PATH ".socks5_proxy_server",                                                                \
         DSN_OPTION_STRING,                                                                          \
         .fallback = "\"\"",                                                                         \
         AT(socks5_proxy_server),                                                                    \
         .check = dsn_option_check_proxy,                                                            \
         .help = "a SOCKS5 proxy that connections go through; \"\": none"},                          \
        {PATH ".socks5_proxy_source_address",                                                        \
         DSN_OPTION_STRING,                                                                          \
         .fallback = "\"\"",                                                                         \
         AT(socks5_proxy_source_address),                                                            \
         .check = dsn_ip_address_check,                                                              \
         .help = "the address that the proxy is to connect from; \"\": any"},                        \
        {PATH ".socks5_proxy_username",                                                              \
         DSN_OPTION_STRING,                                                                          \
         .fallback = "\"\"",                                                                         \
         AT(socks5_proxy_username),                                                                  \
         .check = dsn_option_check_socks5_text,                                                      \
         .help = "user name for the proxy; \"\": none"},                                             \
        {PATH ".socks5_proxy_password",                                                              \
         DSN_OPTION_STRING,                                                                          \
         .secret = true,                                                                             \
         .fallback = "\"\"",                                                                         \
         AT(socks5_proxy_password),                                                                  \
         .check = dsn_option_check_socks5_text,                                                      \
         .help = "password for the proxy"},                                                          \
        {PATH ".ehlo",                                                                               \
         DSN_OPTION_STRING,                                                                          \
         .fallback = "\"\"",                                                                         \
         AT(ehlo),                                                                                   \
         .check = dsn_option_check_ehlo,                                                             \
         .help = "how dsnarf greets them; \"\": with the hostname"},                                 \
        {PATH ".tls", DSN_OPTION_WORD,    .fallback = "\"OpportunisticInsecure\"",                   \
         AT(tls),     .words = tls_words, .help = "whether TLS is used, and certificates verified"}, \
        {PATH ".tls_ca", DSN_OPTION_PATH, .fallback = "\"\"", AT(tls_ca),                            \
         .help = "file of the certificates to trust; \"\": the system's"},                           \
        {PATH ".user", DSN_OPTION_STRING, .fallback = "\"\"", AT(user),                              \
         .help = "user name for AUTH; \"\": none"},                                                  \
        {PATH ".password",   DSN_OPTION_STRING, .secret = true,                                      \
         .fallback = "\"\"", AT(password),      .help = "password for AUTH"},                        \
        {PATH ".connections", DSN_OPTION_NUMBER,                                                     \
         .restart = true,     .fallback = "4",                                                       \
         AT(connections),     .min = 1,                                                              \
         .max = 100,          .help = "connections at the same time"},                               \
        {PATH ".deliveries",                                                                         \
         DSN_OPTION_NUMBER,                                                                          \
         .fallback = "1000",                                                                         \
         AT(deliveries),                                                                             \
         .min = 1,                                                                                   \
         .max = 1000000,                                                                             \
         .help = "messages over one connection"},                                                    \
        {PATH ".idle_timeout",                                                                       \
         DSN_OPTION_DURATION,                                                                        \
         .fallback = "\"5 seconds\"",                                                                \
         AT(idle_timeout),                                                                           \
         .min = 0,                                                                                   \
         .max = 5 * MINUTE,                                                                          \
         .help = "how long a connection is kept for the next message"},                              \
        {PATH ".connect_timeout",                                                                    \
         DSN_OPTION_DURATION,                                                                        \
         .fallback = "\"30 seconds\"",                                                               \
         AT(connect_timeout),                                                                        \
         .min = SECOND,                                                                              \
         .max = 10 * MINUTE,                                                                         \
         .help = "for TCP and TLS to be set up"},                                                    \
        {PATH ".retry_interval",                                                                     \
         DSN_OPTION_DURATION,                                                                        \
         .fallback = "\"1 minute\"",                                                                 \
         AT(retry_interval),                                                                         \
         .min = SECOND,                                                                              \
         .max = DAY,                                                                                 \
         .help = "until the second attempt; doubles with each"},                                     \
        {PATH ".max_retry_interval",                                                                 \
         DSN_OPTION_DURATION,                                                                        \
         .fallback = "\"30 minutes\"",                                                               \
         AT(max_retry_interval),                                                                     \
         .min = SECOND,                                                                              \
         .max = DAY,                                                                                 \
         .help = "the longest time between two attempts"},                                           \
    {                                                                                                \
        PATH ".max_age", DSN_OPTION_DURATION,                                                        \
            .fallback = "\"5 days\"", AT(max_age), .min = MINUTE, .max = 100 * DAY,                  \
            .help = "of a notice that cannot be sent; then it is a dead letter"                      \
    }

#define DEFAULT_RELAY(member) SLOT(relay.member)
#define OF_RELAY(member) IN(DsnRelayOptions, member)

static const DsnOption options[] = {
    {"include", DSN_OPTION_INCLUDE, .fallback = "\"\"",
     .help = "more files: a name or, in its last part, a pattern with * and ?"},
    {"hostname", DSN_OPTION_STRING, .fallback = "\"\"", SLOT(hostname),
     .check = dsn_option_check_host_name, .computed = dsn_option_local_host,
     .help = "Reporting-MTA of notices unless [nodes] knows better; \"\": the local host's name"},
    {"nodeid", DSN_OPTION_STRING, .fallback = "\"" DSN_NIL_UUID "\"", SLOT(nodeid),
     .check = dsn_option_check_uuid, .computed = nil_uuid,
     .help = "nodeid of the records that are made here"},

    {"nodes", DSN_OPTION_MAP, SLOT(nodes), .check = dsn_option_check_host_name,
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
     .check = dsn_option_check_milter_socket,
     .help = "where the milter listens; \"\": there is none"},
    {"milter.socket_mode", DSN_OPTION_MODE, .restart = true, .fallback = "\"660\"",
     SLOT(milter.socket_mode), .help = "rights of the unix socket"},
    {"milter.socket_group", DSN_OPTION_STRING, .restart = true, .fallback = "\"\"",
     SLOT(milter.socket_group), .help = "group of the unix socket; \"\": the daemon's"},
    {"milter.connections", DSN_OPTION_NUMBER, .restart = true, .fallback = "2000",
     SLOT(milter.connections), .min = 1, .max = 100000,
     .help = "connections at the same time; further ones are refused"},
    {"milter.reports", DSN_OPTION_LIST, .fallback = "[]", SLOT(milter.reports),
     .check = dsn_pattern_check, .paths = DSN_PATTERN_FILE,
     .help = "recipients whose mail is read as a report"},
    CONSUMED_ROWS("milter", OF_MILTER),
    {"milter.outgoing", DSN_OPTION_LIST, .fallback = "[]", SLOT(milter.outgoing),
     .help = "the {daemon_name}s of Postfix services whose mail leaves with a signed trace"},
    {"milter.notices", DSN_OPTION_LIST, .fallback = "[]", SLOT(milter.notices),
     .help = "the {daemon_name}s of what takes Postfix's own notices; []: any"},
    {"milter.meta", DSN_OPTION_MAP, SLOT(milter.meta), .check = dsn_option_check_field_name,
     .help = "keys of meta, each with the field of the original that Postfix's notice returns"},
    {"milter.role.*", DSN_OPTION_SECTIONS, SLOT(milter.roles), .size = sizeof(DsnMilterRole),
     .help = "more roles, for other Postfix services or other recipients"},
    {"milter.role.*.daemon", DSN_OPTION_STRING, .fallback = "\"\"", IN(DsnMilterRole, daemon),
     .help = "the {daemon_name} that the role is for; \"\": any"},
    {"milter.role.*.reports", DSN_OPTION_LIST, .fallback = "[]", IN(DsnMilterRole, reports),
     .check = dsn_pattern_check, .paths = DSN_PATTERN_FILE,
     .help = "recipients whose mail is read as a report"},
    CONSUMED_ROWS("milter.role.*", OF_ROLE),

    {"capture.mail", DSN_OPTION_WORD, .fallback = "\"off\"", SLOT(capture.mail), .words = captured,
     .help = "what is remembered of tenants' mail that the milter sees leave"},
    {"capture.all", DSN_OPTION_BOOL, .fallback = "false", SLOT(capture.all),
     .help = "whether that goes for mail that is no tenant's, too"},
    {"capture.keep", DSN_OPTION_DURATION, .fallback = "\"7 days\"", SLOT(capture.keep),
     .min = MINUTE, .max = 1000 * DAY, .help = "how long it is remembered"},
    {"capture.max_size", DSN_OPTION_SIZE, .fallback = "\"1GiB\"", SLOT(capture.max_size),
     .min = MIB, .max = 1024 * TIB, .help = "bytes of all that is kept; over it the oldest goes"},
    {"capture.max_message", DSN_OPTION_SIZE, .fallback = "\"64KiB\"", SLOT(capture.max_message),
     .min = KIB, .max = GIB, .help = "bytes of a message over which only its header is kept"},
    {"capture.queue", DSN_OPTION_SIZE, .fallback = "\"32MiB\"", SLOT(capture.queue), .min = MIB,
     .max = TIB, .help = "bytes of memory for what is not on disk yet; over it nothing is kept"},

    {"lmtp.listen", DSN_OPTION_STRING, .restart = true, .fallback = "\"\"", SLOT(lmtp.listen),
     .check = dsn_socket_address_check, .help = "where LMTP is spoken; \"\": nowhere"},
    {"lmtp.socket_mode", DSN_OPTION_MODE, .restart = true, .fallback = "\"660\"",
     SLOT(lmtp.socket_mode), .help = "rights of the unix socket"},
    {"lmtp.socket_group", DSN_OPTION_STRING, .restart = true, .fallback = "\"\"",
     SLOT(lmtp.socket_group), .help = "group of the unix socket; \"\": the daemon's"},
    {"lmtp.reports", DSN_OPTION_LIST, .fallback = "[]", SLOT(lmtp.reports),
     .check = dsn_pattern_check, .paths = DSN_PATTERN_FILE,
     .help = "recipients whose mail is read as a report"},
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

    {"tailer.*", DSN_OPTION_SECTIONS, SLOT(tailers), .size = sizeof(DsnTailerOptions),
     .help = "log segments that records are read from"},
    {"tailer.*.directory", DSN_OPTION_PATH, .fallback = "\"\"", IN(DsnTailerOptions, directory),
     .help = "the directory that segments are written to"},
    {"tailer.*.pattern", DSN_OPTION_STRING, .fallback = "\"*\"", IN(DsnTailerOptions, pattern),
     .help = "a shell pattern for the names of the files that are read"},
    {"tailer.*.start", DSN_OPTION_STRING, .fallback = "\"now\"", IN(DsnTailerOptions, start),
     .check = dsn_start_check, .help = "the first time: \"now\", \"beginning\", or from a time on"},
    {"tailer.*.checkpoint", DSN_OPTION_PATH, .fallback = "\"\"", IN(DsnTailerOptions, checkpoint),
     .help = "the first time: a checkpoint of KumoMTA's tailer to go on from"},
    {"tailer.*.line_max", DSN_OPTION_SIZE, .fallback = "\"16MiB\"", IN(DsnTailerOptions, line_max),
     .min = 64 * KIB, .max = 256 * MIB, .help = "bytes of a line; a longer one is left out"},

    {"http.listen", DSN_OPTION_STRING, .restart = true, .fallback = "\"\"", SLOT(http.listen),
     .check = dsn_socket_address_check, .help = "where records are posted to; \"\": nowhere"},
    {"http.socket_mode", DSN_OPTION_MODE, .restart = true, .fallback = "\"660\"",
     SLOT(http.socket_mode), .help = "rights of the unix socket"},
    {"http.socket_group", DSN_OPTION_STRING, .restart = true, .fallback = "\"\"",
     SLOT(http.socket_group), .help = "group of the unix socket; \"\": the daemon's"},
    {"http.trusted", DSN_OPTION_LIST, .fallback = "[\"127.0.0.1/32\", \"::1/128\"]",
     SLOT(http.trusted), .check = dsn_network_check, .help = "networks that may connect"},
    {"http.header", DSN_OPTION_STRING, .fallback = "\"Authorization\"", SLOT(http.header),
     .check = dsn_option_check_field_name, .help = "the header field that the token stands in"},
    {"http.token", DSN_OPTION_STRING, .secret = true, .fallback = "\"\"", SLOT(http.token),
     .check = dsn_option_check_token,
     .help = "the token of everybody; \"none\": loopback needs none"},
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
     IN(DsnHttpClient, token), .check = dsn_option_check_token, .help = "its token"},
    {"http.client.*.senders", DSN_OPTION_LIST, .fallback = "[]", IN(DsnHttpClient, senders),
     .check = dsn_pattern_check, .paths = DSN_PATTERN_FILE,
     .help = "addresses that its notices may go to; []: any that is allowed"},
    {"http.client.*.tenants", DSN_OPTION_LIST, .fallback = "[]", IN(DsnHttpClient, tenants),
     .help = "tenants that it posts records of; []: any, and those of nobody"},
    {"http.client.*.hourly_rate", DSN_OPTION_NUMBER, .fallback = "0",
     IN(DsnHttpClient, hourly_rate), .min = 0, .max = 1000000000,
     .help = "its notices in an hour; 0: no limit but the others"},

    {"notice.senders", DSN_OPTION_LIST, .fallback = "[]", SLOT(notice.senders),
     .check = dsn_pattern_check, .paths = DSN_PATTERN_FILE,
     .help = "the addresses that notices may go to: addresses, domains, patterns; \"*\": all"},
    {"notice.hourly_rate", DSN_OPTION_NUMBER, .fallback = "100000", SLOT(notice.hourly_rate),
     .min = 0, .max = 1000000000, .help = "notices in an hour; 0: no limit"},
    {"notice.coalesce", DSN_OPTION_DURATION, .fallback = "\"5 seconds\"", SLOT(coalesce), .min = 0,
     .max = 10 * MINUTE, .help = "how long a notice waits for more recipients of the same message"},
    NOTICE_ROWS("notice", OF_ALL),

    {"tenant.*", DSN_OPTION_SECTIONS, SLOT(tenants), .size = sizeof(DsnTenantOptions),
     .inherits = "notice",
     .help = "on whose behalf mail is sent; what is not given is as in [notice]"},
    NOTICE_ROWS("tenant.*", OF_TENANT),
    {"tenant.*.match.queue", DSN_OPTION_LIST, .fallback = "[]", IN(DsnTenantOptions, match.queue),
     .check = dsn_queue_tenant_check, .help = "tenants in the names of queues"},
    {"tenant.*.match.envid", DSN_OPTION_LIST, .fallback = "[]", IN(DsnTenantOptions, match.envid),
     .check = dsn_envid_start_check, .help = "what the envelope ids of its mail begin with"},
    {"tenant.*.match.sender_domain", DSN_OPTION_LIST, .fallback = "[]",
     IN(DsnTenantOptions, match.sender_domain), .check = dsn_sender_domain_check,
     .help = "domains of senders; \"*.acme.example\" is all below"},
    {"tenant.*.match.sender", DSN_OPTION_LIST, .fallback = "[]", IN(DsnTenantOptions, match.sender),
     .check = dsn_sender_address_check, .help = "addresses of senders"},
    {"tenant.*.match.senders_file", DSN_OPTION_PATH, .fallback = "\"\"",
     IN(DsnTenantOptions, match.senders_file),
     .help = "file of addresses and domains of senders, one a line"},
    {"tenant.*.match.client", DSN_OPTION_LIST, .fallback = "[]", IN(DsnTenantOptions, match.client),
     .check = dsn_network_check, .help = "networks of those who submit the mail"},
    {"tenant.*.match.meta", DSN_OPTION_MAP, IN(DsnTenantOptions, match.meta),
     .help = "keys of a record's meta, each with the value that means this tenant"},
    STAMP_ROWS("tenant.*.trace", STAMP_OF_TENANT),

    {"meta.notify", DSN_OPTION_STRING, .fallback = "\"dsn_notify\"", SLOT(meta.notify),
     .help = "NOTIFY of the original's recipients; \"\": never told"},
    {"meta.ret", DSN_OPTION_STRING, .fallback = "\"dsn_ret\"", SLOT(meta.ret),
     .help = "RET of the original"},
    {"meta.envid", DSN_OPTION_STRING, .fallback = "\"dsn_envid\"", SLOT(meta.envid),
     .help = "ENVID of the original"},
    {"meta.orcpt", DSN_OPTION_STRING, .fallback = "\"dsn_orcpt\"", SLOT(meta.orcpt),
     .help = "ORCPT of the original's recipients"},
    {"meta.requiretls", DSN_OPTION_STRING, .fallback = "\"requiretls\"", SLOT(meta.requiretls),
     .help = "whether the original came with REQUIRETLS"},
    {"meta.action", DSN_OPTION_STRING, .fallback = "\"dsn_action\"", SLOT(meta.action),
     .help = "what became of a delivered message: expanded, passed, ..."},
    {"meta.authenticated", DSN_OPTION_STRING, .fallback = "\"authn_id\"", SLOT(meta.authenticated),
     .help = "who has logged in to submit the original"},
    {"meta.client", DSN_OPTION_STRING, .fallback = "\"received_from\"", SLOT(meta.client),
     .help = "address of who submitted the original"},

    {"history.keep", DSN_OPTION_DURATION, .restart = true, .fallback = "\"14 days\"",
     SLOT(history.keep), .min = 0, .max = 1000 * DAY,
     .help = "how long dsnarf why can tell what happened to a message"},

    {"trace.sign", DSN_OPTION_STRING, .fallback = "\"\"", SLOT(trace.sign),
     .help = "the key that new traces are signed with; \"\": they are not signed"},
    {"trace.max_age", DSN_OPTION_DURATION, .fallback = "\"90 days\"", SLOT(trace.max_age),
     .min = HOUR, .max = 10000 * DAY, .help = "after which a signed trace has expired"},
    {"trace.return_path", DSN_OPTION_LIST, .fallback = "[]", SLOT(trace.return_path),
     .check = dsn_return_path_check,
     .help = "forms of the envelope senders that mail is sent with"},
    {"trace.without_tenant", DSN_OPTION_BOOL, .fallback = "false", SLOT(trace.without_tenant),
     .help = "mail of senders who are no tenant's gets a trace, too"},
    STAMP_ROWS("trace", STAMP_OF_ALL),
    {"trace.key.*", DSN_OPTION_SECTIONS, SLOT(trace.keys), .size = sizeof(DsnTraceKey),
     .help = "keys that traces are verified with"},
    {"trace.key.*.secret", DSN_OPTION_STRING, .secret = true, .fallback = "\"\"",
     IN(DsnTraceKey, secret), .check = dsn_trace_secret_check, .help = "what the key consists of"},

    {"authentication.authserv_ids", DSN_OPTION_LIST, .fallback = "[]",
     SLOT(authentication.authserv_ids), .check = dsn_option_check_authserv_id,
     .help = "names of our own hosts in Authentication-Results; fields of others do not count"},
    {"authentication.received", DSN_OPTION_NUMBER, .fallback = "1", SLOT(authentication.received),
     .min = 0, .max = 100, .help = "Received fields that our own hosts add to what they take in"},
    {"authentication.clients", DSN_OPTION_LIST, .fallback = "[]", SLOT(authentication.clients),
     .check = dsn_network_check, .help = "networks whose reports are believed"},
    {"authentication.reporters", DSN_OPTION_LIST, .fallback = "[]", SLOT(authentication.reporters),
     .check = dsn_option_check_reporter,
     .help = "domains and authors whose reports are believed if DKIM or SPF passed"},

    {"classification.files", DSN_OPTION_LIST, .paths = "", .fallback = "[]",
     SLOT(classification.files), .help = "KumoMTA's files of rules: the first that matches wins"},
    {"classification.types", DSN_OPTION_LIST, .fallback = "[\"OOB\", \"Feedback\"]",
     SLOT(classification.types), .words = classified_types,
     .help = "the types of record that get a class"},
    {"classification.replace", DSN_OPTION_BOOL, .fallback = "false", SLOT(classification.replace),
     .help = "whether a record gets another class than the one it has"},
    {"classification.cache_size", DSN_OPTION_NUMBER, .fallback = "1024",
     SLOT(classification.cache_size), .min = 0, .max = 1000000,
     .help = "responses that are remembered with their class"},
    {"classification.uncategorized_cache_size", DSN_OPTION_NUMBER, .fallback = "1024",
     SLOT(classification.uncategorized_cache_size), .min = 0, .max = 1000000,
     .help = "responses that are remembered as without a class"},
    {"classification.match_limit", DSN_OPTION_NUMBER, .fallback = "100000",
     SLOT(classification.match_limit), .min = 1000, .max = 100000000,
     .help = "steps that one rule may take at one response"},

    RELAY_ROWS("relay.default", DEFAULT_RELAY, "[\"127.0.0.1:25\"]"),
    {"relay.*", DSN_OPTION_SECTIONS, SLOT(relays), .size = sizeof(DsnRelayOptions),
     .help = "more relays, which notice.relay and the relay of tenants name"},
    RELAY_ROWS("relay.*", OF_RELAY, "[]"),

    {"file.*", DSN_OPTION_SECTIONS, SLOT(files), .size = sizeof(DsnFileOutlet),
     .help = "files that records are written to as JSON lines"},
    {"file.*.path", DSN_OPTION_PATH, .fallback = "\"\"", IN(DsnFileOutlet, path),
     .help = "the file, opened again when it was moved away"},
    {"file.*.types", DSN_OPTION_LIST, .fallback = "[\"Feedback\", \"OOB\"]",
     IN(DsnFileOutlet, types), .words = record_types, .help = "the types of record that it takes"},

    {"segments.*", DSN_OPTION_SECTIONS, SLOT(segments), .size = sizeof(DsnSegmentsOptions),
     .help = "log segments that records are written to"},
    {"segments.*.log_dir", DSN_OPTION_PATH, .fallback = "\"\"", IN(DsnSegmentsOptions, log_dir),
     .help = "the directory of the segments"},
    {"segments.*.max_file_size", DSN_OPTION_SIZE, .fallback = "1000000000",
     IN(DsnSegmentsOptions, max_file_size), .min = 1, .max = TIB,
     .help = "bytes before compression after which a segment is finished"},
    {"segments.*.max_segment_duration", DSN_OPTION_DURATION, .fallback = "0",
     IN(DsnSegmentsOptions, max_duration), .min = 0, .max = 1000 * DAY,
     .help = "time after which a segment is finished; 0: only by size"},
    {"segments.*.compression_level", DSN_OPTION_NUMBER, .fallback = "0",
     IN(DsnSegmentsOptions, level), .min = 0, .max = 19,
     .help = "of zstd, 1 to 19; 0: its own default"},
    {"segments.*.min_free_space", DSN_OPTION_SIZE, .fallback = "\"100MiB\"", .share = true,
     IN(DsnSegmentsOptions, min_free_space), .min = 0, .max = 1024 * TIB,
     .help = "bytes that stay free, or a share; over that records wait in the spool"},
    {"segments.*.min_free_inodes", DSN_OPTION_NUMBER, .fallback = "0", .share = true,
     IN(DsnSegmentsOptions, min_free_inodes), .min = 0, .max = 1000000000000,
     .help = "inodes that stay free, or a share"},
    SELECTION_ROWS("segments.*", DsnSegmentsOptions),
    PER_RECORD_ROWS("segments.*", DsnSegmentsOptions),
    {"segments.*.per_record.*.suffix", DSN_OPTION_STRING, .fallback = "\"\"",
     IN(DsnPerRecord, suffix), .help = "what stands behind the time in the names of segments"},
    {"segments.*.per_record.*.log_dir", DSN_OPTION_PATH, .fallback = "\"\"",
     IN(DsnPerRecord, log_dir), .help = "another directory"},
    {"segments.*.per_record.*.segment_header", DSN_OPTION_STRING, .fallback = "\"\"",
     IN(DsnPerRecord, header), .help = "what each segment begins with"},

    {"webhook.*", DSN_OPTION_SECTIONS, SLOT(webhooks), .size = sizeof(DsnWebhookOptions),
     .help = "HTTP servers that records are sent to"},
    {"webhook.*.url", DSN_OPTION_STRING, .fallback = "\"\"", IN(DsnWebhookOptions, url),
     .check = dsn_option_check_url, .help = "where requests go to"},
    {"webhook.*.secret", DSN_OPTION_STRING, .secret = true, .fallback = "\"\"",
     IN(DsnWebhookOptions, secret), .help = "the key that requests are signed with; \"\": none"},
    {"webhook.*.batch_size", DSN_OPTION_NUMBER, .fallback = "1", IN(DsnWebhookOptions, batch_size),
     .min = 1, .max = 10000, .help = "records of one request; 1: one alone, else an array"},
    {"webhook.*.min_batch_size", DSN_OPTION_NUMBER, .fallback = "1",
     IN(DsnWebhookOptions, min_batch_size), .min = 1, .max = 10000,
     .help = "fewer records wait for more, up to max_batch_latency"},
    {"webhook.*.max_batch_latency", DSN_OPTION_DURATION, .fallback = "0",
     IN(DsnWebhookOptions, max_batch_latency), .min = 0, .max = HOUR,
     .help = "how long fewer than min_batch_size records wait"},
    SELECTION_ROWS("webhook.*", DsnWebhookOptions),
    {"webhook.*.compression", DSN_OPTION_WORD, .fallback = "\"none\"",
     IN(DsnWebhookOptions, compression), .words = compressions,
     .help = "whether requests are compressed: Content-Encoding"},
    {"webhook.*.connection_limit", DSN_OPTION_NUMBER, .fallback = "1",
     IN(DsnWebhookOptions, connection_limit), .min = 1, .max = 100,
     .help = "connections, and so requests, at the same time"},
    {"webhook.*.max_deliveries_per_connection", DSN_OPTION_NUMBER, .fallback = "1024",
     IN(DsnWebhookOptions, max_deliveries), .min = 1, .max = 1000000000,
     .help = "records over one connection"},
    {"webhook.*.max_connection_rate", DSN_OPTION_STRING, .fallback = "\"\"",
     IN(DsnWebhookOptions, connection_rate), .check = dsn_option_check_rate,
     .help = "new connections in a time, such as \"1000/s\"; \"\": no limit"},
    {"webhook.*.idle_timeout", DSN_OPTION_DURATION, .fallback = "\"60 seconds\"",
     IN(DsnWebhookOptions, idle_timeout), .min = 0, .max = HOUR,
     .help = "how long a connection is kept for the next request"},
    {"webhook.*.timeout", DSN_OPTION_DURATION, .fallback = "\"60 seconds\"",
     IN(DsnWebhookOptions, timeout), .min = SECOND, .max = HOUR,
     .help = "for one request, from connecting to the end of the answer"},
    {"webhook.*.retry_interval", DSN_OPTION_DURATION, .fallback = "\"1 minute\"",
     IN(DsnWebhookOptions, retry_interval), .min = SECOND / 100, .max = DAY,
     .help = "until the second attempt; doubles with each"},
    {"webhook.*.max_retry_interval", DSN_OPTION_DURATION, .fallback = "\"20 minutes\"",
     IN(DsnWebhookOptions, max_retry_interval), .min = SECOND / 100, .max = DAY,
     .help = "the longest time between two attempts"},
    {"webhook.*.max_age", DSN_OPTION_DURATION, .fallback = "\"7 days\"",
     IN(DsnWebhookOptions, max_age), .min = SECOND, .max = 1000 * DAY,
     .help = "of a record that cannot be sent; then it is a dead letter"},
    {"webhook.*.tls_ca", DSN_OPTION_PATH, .fallback = "\"\"", IN(DsnWebhookOptions, tls_ca),
     .help = "file of the certificates to trust; \"\": the system's"},
    {"webhook.*.tls_certificate", DSN_OPTION_PATH, .fallback = "\"\"",
     IN(DsnWebhookOptions, tls_certificate), .help = "file of our own certificate; \"\": none"},
    {"webhook.*.tls_key", DSN_OPTION_PATH, .fallback = "\"\"", IN(DsnWebhookOptions, tls_key),
     .help = "file of its key; \"\": in tls_certificate, too"},
    {"webhook.*.proxy", DSN_OPTION_STRING, .secret = true, .fallback = "\"\"",
     IN(DsnWebhookOptions, proxy), .check = dsn_option_check_proxy_url,
     .help = "a SOCKS5 proxy, which also looks the host up; \"\": none"},
    {"webhook.*.http_headers", DSN_OPTION_MAP, .secret = true, IN(DsnWebhookOptions, http_headers),
     .check = dsn_option_check_field_value,
     .help = "header fields of each request; the values are never shown"},
    PER_RECORD_ROWS("webhook.*", DsnWebhookOptions),

    {"program.*", DSN_OPTION_SECTIONS, SLOT(programs), .size = sizeof(DsnProgramOptions),
     .help = "programs that records are given to"},
    {"program.*.command", DSN_OPTION_LIST, .fallback = "[]", IN(DsnProgramOptions, command),
     .help = "the path of the program, and its arguments"},
    {"program.*.window", DSN_OPTION_NUMBER, .fallback = "1", IN(DsnProgramOptions, window),
     .min = 1, .max = 1000, .help = "records that it is given before it has answered the first"},
    {"program.*.timeout", DSN_OPTION_DURATION, .fallback = "\"1 minute\"",
     IN(DsnProgramOptions, timeout), .min = SECOND / 10, .max = HOUR,
     .help = "for an answer, after which the program is ended and started again"},
    {"program.*.restart_delay", DSN_OPTION_DURATION, .fallback = "\"1 second\"",
     IN(DsnProgramOptions, restart_delay), .min = SECOND / 100, .max = HOUR,
     .help = "before it is started again; doubles until it answers"},
    {"program.*.max_restart_delay", DSN_OPTION_DURATION, .fallback = "\"1 minute\"",
     IN(DsnProgramOptions, max_restart_delay), .min = SECOND / 100, .max = HOUR,
     .help = "the longest of these"},
    {"program.*.retry_interval", DSN_OPTION_DURATION, .fallback = "\"1 minute\"",
     IN(DsnProgramOptions, retry_interval), .min = SECOND / 100, .max = DAY,
     .help = "until a record that it has put off comes again; doubles with each time"},
    {"program.*.max_retry_interval", DSN_OPTION_DURATION, .fallback = "\"20 minutes\"",
     IN(DsnProgramOptions, max_retry_interval), .min = SECOND / 100, .max = DAY,
     .help = "the longest of these"},
    {"program.*.max_age", DSN_OPTION_DURATION, .fallback = "\"7 days\"",
     IN(DsnProgramOptions, max_age), .min = SECOND, .max = 1000 * DAY,
     .help = "of a record that is put off; then it is a dead letter"},
    SELECTION_ROWS("program.*", DsnProgramOptions),
    PER_RECORD_ROWS("program.*", DsnProgramOptions),

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

#define NO_EVENT "KumoMTA asks Lua here; use filter, an expression over the record"
#define NO_QUEUE "records wait in the spool, see spool.max_size"
#define IN_SECTION "its keys stand in the section of the webhook itself"
#define NO_POOL "the class is found where a record is taken in, nothing waits for it"

/* Keys of KumoMTA's. */
static const DsnOptionHint hints[] = {
    {"segments.*.filter_event", NO_EVENT},
    {"segments.*.back_pressure", NO_QUEUE},
    {"webhook.*.filter_event", NO_EVENT},
    {"webhook.*.back_pressure", NO_QUEUE},
    {"webhook.*.deferred_spool", NO_QUEUE},
    {"webhook.*.log_parameters", IN_SECTION},
    {"webhook.*.queue_config", IN_SECTION},
    {"webhook.*.constructor", "url and http_headers say what a constructor does"},
    {"webhook.*.name", "it is the NAME of [webhook.NAME]"},
    {"classification.back_pressure", NO_POOL},
    {"classification.pool_size", NO_POOL},
};

const DsnOptionTable DSN_CONFIGURATION_TABLE = {options, G_N_ELEMENTS(options), hints,
                                                G_N_ELEMENTS(hints)};
