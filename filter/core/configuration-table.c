/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/configuration-table.h"

#include "filter/core/configuration.h"
#include "mime/address.h"

#define NIL_UUID "00000000-0000-0000-0000-000000000000"
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define SLOT(member) .offset = offsetof(DsnConfiguration, member)

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

    {"notice.enable", DSN_OPTION_LIST, .fallback = "[\"Bounce\", \"Expiration\"]",
     SLOT(notice.enable), .words = notice_types,
     .help = "the types of record that a notice is made for"},
    {"notice.include_original", DSN_OPTION_WORD, .fallback = "\"headers\"",
     SLOT(notice.include_original), .words = returns,
     .help = "how much of the original message a notice returns"},
    {"notice.return_limit", DSN_OPTION_SIZE, .fallback = "\"50KiB\"", SLOT(notice.return_limit),
     .min = 0, .max = GIB, .help = "bytes; of a longer original only the headers are returned"},
    {"notice.from", DSN_OPTION_STRING, .fallback = "\"\"", SLOT(notice.from), .check = check_from,
     .help = "From of notices; \"\": Mail Delivery System <mailer-daemon@ the reporting host>"},
    {"notice.templates", DSN_OPTION_PATH, .fallback = "\"\"", SLOT(notice.templates),
     .help = "directory of texts that replace the shipped ones, see dsnarf-templates(7)"},

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
