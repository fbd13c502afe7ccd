/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * configuration.h - what the administrator decided
 *
 * Purpose:   defaults, files and checks of every option, from one table.
 * Source:    dsnarf.toml(5).
 * Ownership: the configuration owns all that it holds; accessors lend.
 * Errors:    DSN_CONFIGURATION_ERROR: one text with a line for each thing that is wrong,
 *            "file:line: key: what is wrong, did you mean ...".
 * Threads:   constant after load.
 */
#ifndef DSN_CORE_CONFIGURATION_H
#define DSN_CORE_CONFIGURATION_H

#include "filter/core/log.h"
#include "mime/limits.h"
#include "mime/report-build.h"
#include "templates/template.h"

#include <jansson.h>

/* What happens to a report once its records are committed, for the recipient it came to. */
typedef enum DsnConsumed {
    DSN_CONSUMED_DISCARD, /* it ends here */
    DSN_CONSUMED_ACCEPT,  /* it is delivered as it came */
    DSN_CONSUMED_TAG,     /* it is delivered with a header field that names its record */
    DSN_CONSUMED_AS_ALL   /* of one kind of report: as any other */
} DsnConsumed;

/* "consumed", and what is different for one kind of report. */
typedef struct DsnConsumption {
    DsnConsumed all;
    DsnConsumed feedback;
    DsnConsumed oob;
} DsnConsumption;

/* [milter.role.NAME], and the role that [milter] itself is, without name and daemon. */
typedef struct DsnMilterRole {
    char *name;
    char *daemon;       /* {daemon_name} of the connections it is for, NULL: any */
    GPtrArray *reports; /* of char *: patterns of recipients, see address-pattern.h */
    DsnConsumption consumption;
} DsnMilterRole;

/* [http.client.NAME] */
typedef struct DsnHttpClient {
    char *name;
    char *token;
    GPtrArray *senders; /* of char *: patterns; empty: any */
    GPtrArray *tenants; /* of char *: names; empty: any, and nobody's */
    size_t hourly_rate; /* notices, 0: no limit but the others */
} DsnHttpClient;

/* What a request meets when nothing can be taken in. */
typedef enum DsnOverload {
    DSN_OVERLOAD_CLOSE, /* it is held, and closed without an answer: KumoMTA then tries again */
    DSN_OVERLOAD_503
} DsnOverload;

/* [maildir.NAME] */
typedef struct DsnMaildirIntake {
    char *name;
    char *path;
    DsnConsumed consumed; /* DISCARD: removed; ACCEPT: moved to cur, seen; never TAG */
} DsnMaildirIntake;

/* [tailer.NAME]: log segments that are followed, with the words of KumoMTA's tailers */
typedef struct DsnTailerOptions {
    char *name;
    char *directory;
    char *pattern;    /* of file names, for fnmatch(3) */
    char *start;      /* "now", "beginning", or a time */
    char *checkpoint; /* of another tailer, NULL: none */
    size_t line_max;
} DsnTailerOptions;

/* [file.NAME]: records as JSON lines */
typedef struct DsnFileOutlet {
    char *name;
    char *path;
    GPtrArray *types; /* of char *: record types */
} DsnFileOutlet;

/* [segments.NAME.per_record.TYPE], and the same of webhooks and programs; TYPE may be "Any" */
typedef struct DsnPerRecord {
    char *name;
    bool enable;
    char *template_; /* NULL: the record itself */
    char *suffix;    /* this and what follows is of segments; NULL: none */
    char *log_dir;   /* NULL: that of all */
    char *header;    /* NULL: none */
} DsnPerRecord;

/* Which records [segments.NAME], [webhook.NAME] or [program.NAME] gets, and what of them. */
typedef struct DsnSelection {
    GPtrArray *headers, *meta; /* of char * */
    char *filter;              /* NULL: none */
    bool mask;
    GPtrArray *records;              /* of DsnPerRecord */
    const DsnTemplateLimits *limits; /* [template]; NULL: the defaults */
} DsnSelection;

/* [segments.NAME]: records as log segments, with the keys of kumo.configure_local_logs */
typedef struct DsnSegmentsOptions {
    char *name;
    char *log_dir;
    size_t max_file_size;   /* bytes before compression */
    GTimeSpan max_duration; /* 0: no limit */
    size_t level;           /* of compression, 0: zstd's own */
    size_t min_free_space;  /* bytes that stay free, or a DSN_OPTION_SHARE */
    size_t min_free_inodes; /* the same */
    DsnSelection selection;
} DsnSegmentsOptions;

/* In the order of its words. */
typedef enum DsnCompression { DSN_COMPRESSION_NONE, DSN_COMPRESSION_GZIP } DsnCompression;

/* [webhook.NAME]: records to an HTTP server, with the names of KumoMTA's log hooks and shaping */
typedef struct DsnWebhookOptions {
    char *name;
    char *url;
    GHashTable *http_headers; /* name of a field -> value */
    char *secret;             /* that requests are signed with, NULL: they are not */
    size_t batch_size;        /* records of one request; 1: each is sent alone */
    size_t min_batch_size;
    GTimeSpan max_batch_latency;
    DsnSelection selection;
    DsnCompression compression;
    size_t connection_limit;
    size_t max_deliveries; /* records over one connection */
    char *connection_rate; /* as dsn_rate_parse() reads it, NULL: no limit */
    GTimeSpan idle_timeout;
    GTimeSpan timeout;            /* of one request */
    GTimeSpan retry_interval;     /* doubles */
    GTimeSpan max_retry_interval; /* up to this */
    GTimeSpan max_age;            /* of a record; then it is a dead letter */
    char *tls_ca;                 /* file of certificates to trust, NULL: the system's */
    char *tls_certificate;        /* files, NULL: none is shown */
    char *tls_key;
    char *proxy; /* "socks5://host:port", NULL: none */
} DsnWebhookOptions;

/* [program.NAME]: records to a program that answers each */
typedef struct DsnProgramOptions {
    char *name;
    GPtrArray *command; /* of char *: the path of the program and its arguments */
    size_t window;      /* records that it may have before it answers */
    GTimeSpan timeout;  /* for an answer */
    GTimeSpan restart_delay;
    GTimeSpan max_restart_delay;
    GTimeSpan retry_interval; /* of what it puts off */
    GTimeSpan max_retry_interval;
    GTimeSpan max_age;
    DsnSelection selection;
} DsnProgramOptions;

/* In the order of the words of relay.default.tls, which are KumoMTA's enable_tls. */
typedef enum DsnTls {
    DSN_TLS_DISABLED,
    DSN_TLS_OPPORTUNISTIC, /* if offered, and then with a certificate that verifies */
    DSN_TLS_OPPORTUNISTIC_INSECURE,
    DSN_TLS_REQUIRED,
    DSN_TLS_REQUIRED_INSECURE
} DsnTls;

/* In the order of the words of relay.default.ip_lookup_strategy, which are KumoMTA's. */
typedef enum DsnIpLookup {
    DSN_IP_BOTH, /* the system's order; from a resolver of our own, IPv6 first */
    DSN_IP_V4_ONLY,
    DSN_IP_V6_ONLY,
    DSN_IP_V6_THEN_V4, /* the second only where there is none of the first */
    DSN_IP_V4_THEN_V6
} DsnIpLookup;

typedef enum DsnRelayProtocol { DSN_RELAY_SMTP, DSN_RELAY_LMTP } DsnRelayProtocol;

/* [relay.default] and [relay.NAME] */
typedef struct DsnRelayOptions {
    char *name;       /* NULL: "default" */
    GPtrArray *hosts; /* of char *: see relay-host.h; tried in this order */
    size_t port;      /* of hosts without one */
    DsnRelayProtocol protocol;
    char *maildir_path; /* notices are stored there instead; NULL: they are sent to the hosts */
    DsnIpLookup lookup;
    char *resolver;            /* "127.0.0.1:53", NULL: the system's */
    char *source_address;      /* NULL: any */
    char *socks5_proxy_server; /* "192.0.2.1:1080", NULL: none */
    char *socks5_proxy_source_address;
    char *socks5_proxy_username;
    char *socks5_proxy_password;
    char *ehlo; /* NULL: the hostname */
    DsnTls tls;
    char *tls_ca; /* file of certificates to trust, NULL: the system's */
    char *user;   /* of AUTH, NULL: none */
    char *password;
    size_t connections;           /* threads, one connection each */
    size_t deliveries;            /* messages over one connection */
    GTimeSpan idle_timeout;       /* after which a kept connection is closed */
    GTimeSpan connect_timeout;    /* TCP and TLS */
    GTimeSpan retry_interval;     /* of a notice or a host that failed once; doubles */
    GTimeSpan max_retry_interval; /* up to this */
    GTimeSpan max_age;            /* of a notice; then it is a dead letter */
} DsnRelayOptions;

/* What becomes of the notices of Postfix's own, and in the order of its words. */
typedef enum DsnPostfixNotices {
    DSN_POSTFIX_REWRITE,
    DSN_POSTFIX_REPLACE,  /* ours goes instead */
    DSN_POSTFIX_SUPPRESS, /* nothing goes */
    DSN_POSTFIX_PASS      /* as they are */
} DsnPostfixNotices;

/* Whether automatic mail has failure notices (rule LOOP-08), and in the order of its words. */
typedef enum DsnAutomatic {
    DSN_AUTOMATIC_NOTIFY,
    DSN_AUTOMATIC_TRUSTED, /* if somebody who is known has sent it */
    DSN_AUTOMATIC_IGNORE
} DsnAutomatic;

/* Why a sender is believed to be who it says (rule ENV-23), one bit each. */
typedef enum DsnTrust {
    DSN_TRUST_TOKEN = 1 << 0,  /* the poster's token is bound to the sender */
    DSN_TRUST_TENANT = 1 << 1, /* the relay itself has named the tenant, or the client is its */
    DSN_TRUST_AUTHENTICATED = 1 << 2, /* the submission was (SMTP AUTH, HTTP injection) */
    DSN_TRUST_SPF = 1 << 3,           /* a trusted host saw SPF pass for the sender's domain */
    DSN_TRUST_DKIM = 1 << 4,          /* the same for a DKIM signature of it */
    DSN_TRUST_ANY = 1 << 5            /* nothing is asked for */
} DsnTrust;

/* The words for them, in the order of their bits. */
extern const char *const DSN_TRUST_WORDS[];

/* The bits that @words (of char *) name. */
unsigned dsn_trust_bits(const GPtrArray *words);

/* [authentication]: whom we believe about who has sent a message */
typedef struct DsnAuthenticationOptions {
    GPtrArray *authserv_ids; /* of char *: names that our own hosts give in their fields */
    size_t received;         /* Received fields that our own hosts add */
    GPtrArray *clients;      /* of char *: networks whose reports are believed */
    GPtrArray *reporters;    /* of char *: domains and authors whose reports are believed */
} DsnAuthenticationOptions;

/* [trace.key.NAME] */
typedef struct DsnTraceKey {
    char *name;
    char *secret;
} DsnTraceKey;

/* What mail of a tenant leaves with: keys of [trace], and again of [tenant.NAME] */
typedef struct DsnStampOptions {
    char *header;        /* name of the field that the trace stands in; NULL: none */
    GPtrArray *campaign; /* of char *: names of fields, the first that a message has tells it */
    GPtrArray *headers;  /* of char *: names of fields that the trace repeats */
    char *cfbl_address;  /* CFBL-Address, with a CFBL-Feedback-ID; NULL: neither */
    char *feedback_id;   /* the form of Feedback-ID, see feedback-id.h; NULL: none */
} DsnStampOptions;

/* [trace]: how sent messages are known again */
typedef struct DsnTraceOptions {
    char *sign;             /* name of the key that new traces are signed with; NULL: none */
    GTimeSpan max_age;      /* after which a signed trace has expired */
    GPtrArray *return_path; /* of char *: see return-path.h */
    GPtrArray *keys;        /* of DsnTraceKey */
    bool without_tenant;    /* mail of senders who are no tenant's is stamped, too */
    DsnStampOptions stamp;  /* for whoever has no tenant */
} DsnTraceOptions;

/* What is said to senders and how: [notice], and each key of it again in [tenant.NAME]. */
typedef struct DsnNoticePolicy {
    GPtrArray *enable;      /* of char *: record types */
    bool internal;          /* notices for bounces that no remote host has caused, too */
    GPtrArray *delay_after; /* of char *: durations after which a delay is reported, once each */
    GTimeSpan lifetime;     /* how long the relay tries: Will-Retry-Until */
    bool delivered_late;    /* a "delivered after all" behind a notice of delay */
    bool delay_by_default;  /* without NOTIFY delays are reported too (rule ESMTP-06) */
    DsnAutomatic automatic;
    GPtrArray *ignore; /* of char *: patterns of senders that get no notices (rule LOOP-09) */
    GPtrArray *trust;  /* of char *: names of DsnTrust that suffice, any one of them */
    bool confidential; /* nothing is told about remote hosts (rules RCPT-24, ESMTP-35) */
    bool dry_run;      /* decide, count and log, but send nothing */
    size_t hourly_sender_rate; /* to one address; 0: no limit */
    size_t hourly_domain_rate; /* to addresses of one domain; 0: no limit */
    DsnReturn include_original;
    size_t return_limit;
    char *hostname;   /* Reporting-MTA; NULL: [nodes], else the global one */
    char *from;       /* see dsn_configuration_split(); NULL: mailer-daemon@ the host */
    char *postmaster; /* to whom a reader can write; NULL: the address in from, if given */
    char *templates;  /* directory, NULL: the shipped texts */
    GPtrArray
        *languages; /* of char *: language tags, the preferred one first; empty: as the original */
    bool all_languages; /* all of languages in one notice, instead of the one that fits */
    bool html;          /* an HTML alternative beside the text */
    DsnPostfixNotices postfix_notices;
    bool postfix_records; /* records of what Postfix has sent notices about */
    char *relay;          /* name of the [relay.NAME] that takes the notices */
} DsnNoticePolicy;

/* [tenant.NAME] */
typedef struct DsnTenantOptions {
    char *name;
    struct {
        GPtrArray *queue;         /* of char *: tenants in the names of queues */
        GHashTable *meta;         /* key -> value of the record's meta */
        GPtrArray *envid;         /* of char *: what envelope ids begin with */
        GPtrArray *sender_domain; /* of char *: "acme.example", "*.acme.example" */
        GPtrArray *sender;        /* of char *: addresses */
        char *senders_file;       /* addresses and domains, one a line; NULL: none */
        GPtrArray *client;        /* of char *: networks of the submitter */
    } match;
    DsnNoticePolicy notice; /* what is not given is as in [notice] */
    DsnStampOptions stamp;  /* what is not given is as in [trace] */
} DsnTenantOptions;

/* What is remembered of mail that leaves. */
typedef enum DsnCaptured {
    DSN_CAPTURED_NOTHING,
    DSN_CAPTURED_HEADERS, /* what its sender asks for, and its header */
    DSN_CAPTURED_MESSAGE  /* the body, too */
} DsnCaptured;

typedef struct DsnCaptureOptions {
    DsnCaptured mail;
    bool all; /* also mail that is no tenant's */
    GTimeSpan keep;
    size_t max_size;    /* bytes of all that is kept */
    size_t max_message; /* bytes of one message; of a longer one only the header is kept */
    size_t queue;       /* bytes of what is collected, and waits to be kept */
} DsnCaptureOptions;

/* Keys of a record's meta in which a relay hands on what it knows: [meta]. */
typedef struct DsnMetaKeys {
    char *notify;        /* "NEVER", "SUCCESS,FAILURE"; or an object: recipient -> that */
    char *ret;           /* "FULL", "HDRS" */
    char *envid;         /* xtext */
    char *orcpt;         /* "rfc822;xtext"; or an object: recipient -> that */
    char *requiretls;    /* true, or any text but "no" */
    char *action;        /* of a Delivery record: "expanded" and so on, see dsnarf.toml(5) */
    char *authenticated; /* who has logged in; any text */
    char *client;        /* address of the submitter, with or without port */
} DsnMetaKeys;

/* [classification]: which failures get a class, and by which rules */
typedef struct DsnClassificationOptions {
    GPtrArray *files;  /* of char *: paths of KumoMTA's rule files, in the order of their rules */
    GPtrArray *types;  /* of char *: record types */
    bool replace;      /* a class that a record has already, too */
    size_t cache_size; /* responses remembered with their class */
    size_t uncategorized_cache_size; /* responses remembered as without one */
    size_t match_limit;              /* steps of one rule at one response */
} DsnClassificationOptions;

typedef struct DsnConfiguration {
    char *hostname;    /* the local host's name when not given */
    char *nodeid;      /* the nil UUID when not given */
    GHashTable *nodes; /* [nodes]: nodeid -> host name */
    struct {
        DsnLogTarget target;
        DsnLogLevel level;
    } log;
    struct {
        char *directory;
        size_t max_size; /* bytes of all that is kept; over it nothing more is taken in */
        size_t min_free; /* bytes that must stay free on its file system */
        size_t large;    /* a content of more bytes lies in a file of its own */
    } spool;
    struct {
        GTimeSpan keep; /* how long keys are kept; an older event makes no notice */
    } dedup;
    struct {
        char *listen;       /* "unix:/path", "inet:port@host" as libmilter has it; NULL: none */
        size_t socket_mode; /* of a unix socket: 0660 */
        char *socket_group;
        size_t connections; /* at the same time */
        GPtrArray *reports;
        DsnConsumption consumption;
        GPtrArray *outgoing; /* of char *: {daemon_name}s of services whose mail gets a trace */
        GPtrArray *notices;  /* of char *: {daemon_name}s of what takes Postfix's own notices;
                                empty: any */
        GHashTable *meta;    /* key of a record's meta -> field of the original */
        GPtrArray *roles;    /* of DsnMilterRole */
    } milter;
    DsnCaptureOptions capture;
    struct {
        char *listen; /* "127.0.0.1:24", "unix:/path"; NULL: none */
        size_t socket_mode;
        char *socket_group;
        GPtrArray *reports;
        char *others;       /* a Maildir for what is no report; NULL: that is refused */
        size_t connections; /* at the same time */
    } lmtp;
    GPtrArray *maildirs; /* [maildir.NAME] */
    GPtrArray *tailers;  /* [tailer.NAME] */
    struct {
        char *listen; /* "127.0.0.1:8025", "unix:/path"; NULL: none */
        size_t socket_mode;
        char *socket_group;
        GPtrArray *trusted; /* of char *: networks "10.0.0.0/8" */
        char *header;       /* that the token stands in: "Authorization" */
        char *token;        /* of everybody; "none": loopback and unix sockets need none */
        GPtrArray *clients; /* of DsnHttpClient */
        DsnOverload overload;
        size_t connections; /* at the same time */
        size_t body;        /* bytes of one request as sent */
        size_t inflated;    /* bytes of one request after decompression */
        size_t memory;      /* bytes of all requests together */
        GTimeSpan deadline; /* of a whole request */
        GTimeSpan hold;     /* how long an overloaded request is held before it is closed */
    } http;
    struct {
        GPtrArray *senders; /* of char *: patterns of the addresses that notices may go to */
        size_t hourly_rate; /* of all notices; 0: no limit */
    } notice;               /* of [notice], what no tenant has for itself */
    DsnNoticePolicy policy; /* of [notice], for whoever has no tenant */
    GTimeSpan coalesce;     /* notice.coalesce: how long a notice waits for more recipients */
    GPtrArray *tenants;     /* of DsnTenantOptions, as they stand in the file */
    DsnMetaKeys meta;
    struct {
        GTimeSpan keep; /* how long the story of an event can be told */
    } history;
    DsnAuthenticationOptions authentication;
    DsnTraceOptions trace;
    DsnClassificationOptions classification;
    DsnRelayOptions relay; /* [relay.default] */
    GPtrArray *relays;     /* of DsnRelayOptions: [relay.NAME] */
    GPtrArray *files;      /* [file.NAME] */
    GPtrArray *segments;   /* [segments.NAME] */
    GPtrArray *webhooks;   /* [webhook.NAME] */
    GPtrArray *programs;   /* [program.NAME] */
    DsnLimits limits;      /* [limits] */
    struct {
        size_t record; /* bytes of one record with its original */
    } intake;
    DsnTemplateLimits template_limits;
    GHashTable *places; /* key -> "file:line" of options and sections that a file gives */
} DsnConfiguration;

#define DSN_CONFIGURATION_ERROR dsn_configuration_error_quark()
GQuark dsn_configuration_error_quark(void);

/* Reads @file and what it includes; NULL gives the defaults. Returns a new configuration (transfer
 * full), or NULL and @error. */
DsnConfiguration *dsn_configuration_load(const char *file, GError **error);
void dsn_configuration_free(DsnConfiguration *configuration);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnConfiguration, dsn_configuration_free)

/* Gives @configuration back what @before has in the options that need a restart, and appends the
 * keys of those that differed to @ret_keys, with ", " between them. */
void dsn_configuration_keep(DsnConfiguration *configuration, const DsnConfiguration *before,
                            GString *ret_keys);

/* "file:line" where @key is given, NULL when it is not (transfer none). */
const char *dsn_configuration_place(const DsnConfiguration *configuration, const char *key);

/* Splits "Name <address>", "\"Name\" <address>" or "address"; *@ret_display is absent for the last.
 * False if the address is no mailbox or the name cannot stand in a header. */
bool dsn_configuration_split(const char *from, DsnSpan *ret_display, DsnSpan *ret_address);

/* True if @text can be the name of an HTTP header field (RFC 9110 section 5.1). */
bool dsn_field_name_is_valid(const char *text);

/* Whether two structures of the sections @section ("webhook.*") have the same name and values. */
bool dsn_configuration_same(const char *section, const void *a, const void *b);

/* Appends the effective values as TOML that loads to the same configuration again: secrets masked,
 * each default marked as such. */
void dsn_configuration_show(const DsnConfiguration *configuration, GString *ret_text);

#endif
