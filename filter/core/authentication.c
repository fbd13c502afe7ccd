/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/authentication.h"

#include "mime/authentication-results.h"
#include "mime/header.h"

/* A field holds some results of 100 bytes each. */
#define VALUE_MAX (16 * 1024)
#define HEADER_MAX (256 * 1024)
#define CHUNK 1024

/* One bit for each method that counts. */
typedef enum Method {
    METHOD_SPF = 1 << 0,
    METHOD_DKIM = 1 << 1,
    METHOD_DMARC = 1 << 2,
    METHOD_AUTH = 1 << 3
} Method;

bool
dsn_domain_is_within(DsnSpan domain, DsnSpan parent)
{
    if (parent.len == 0 || domain.len < parent.len)
        return false;

    size_t at = domain.len - parent.len;
    return g_ascii_strncasecmp(domain.data + at, parent.data, parent.len) == 0 &&
           (at == 0 || domain.data[at - 1] == '.');
}

DsnSpan
dsn_address_domain(DsnSpan address)
{
    for (size_t i = address.len; i-- > 0;) {
        if (address.data[i] == '@')
            return dsn_span_from(address, i + 1);
    }
    return address;
}

static bool
is_listed(const GPtrArray *texts, DsnSpan text)
{
    for (guint i = 0; i < texts->len; i++) {
        if (dsn_span_is(text, texts->pdata[i]))
            return true;
    }
    return false;
}

static Method
method_of(DsnSpan name)
{
    static const struct {
        const char *name;
        Method method;
    } methods[] = {
        {"spf", METHOD_SPF}, {"dkim", METHOD_DKIM}, {"dmarc", METHOD_DMARC}, {"auth", METHOD_AUTH}};

    for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
        if (dsn_span_is(name, methods[i].name))
            return methods[i].method;
    }
    return 0;
}

/* The domain of the signature; of one whose "d" is not named that of its "i", which is the same or
 * below (RFC 6376 section 3.5). */
static DsnSpan
signing_domain(const DsnAuthResult *result)
{
    DsnSpan domain = dsn_auth_result_property(result, "header", "d");

    if (!dsn_span_present(domain))
        domain = dsn_address_domain(dsn_auth_result_property(result, "header", "i"));
    return domain;
}

static void
note_result(DsnAuthentication *found, Method method, const DsnAuthResult *result)
{
    DsnAuthentic authentic = {.result = result->result};

    switch (method) {
    case METHOD_SPF:
        authentic.domain = dsn_address_domain(dsn_auth_result_property(result, "smtp", "mailfrom"));
        /* A result for the name in HELO may stand beside the one for the sender. */
        if (!dsn_span_present(found->spf.domain))
            found->spf = authentic;
        break;
    case METHOD_DKIM:
        authentic.domain = signing_domain(result);
        if (found->n_dkim < DSN_SIGNATURES_MAX)
            found->dkim[found->n_dkim++] = authentic;
        break;
    case METHOD_DMARC:
        authentic.domain = dsn_address_domain(dsn_auth_result_property(result, "header", "from"));
        if (!dsn_span_present(found->dmarc.result))
            found->dmarc = authentic;
        break;
    case METHOD_AUTH:
        found->authenticated |= dsn_span_is(result->result, "pass");
        break;
    }
}

/* Reads one field, of a trusted host or not; *@seen are the methods that fields above it named. */
static void
read_field(const DsnAuthenticationOptions *options, DsnSpan value, DsnAuthentication *found,
           unsigned *seen)
{
    DsnAuthReader reader;
    DsnAuthResult result;
    DsnSpan authserv_id;
    unsigned named = 0;

    if (value.len > VALUE_MAX)
        return;
    if (found->strings == NULL)
        found->strings = g_string_chunk_new(CHUNK);
    value = dsn_header_unfold(value, found->strings);
    if (!dsn_auth_reader_open(&reader, value, found->strings, &authserv_id) ||
        !is_listed(options->authserv_ids, authserv_id))
        return;
    if (!dsn_span_present(found->authserv_id))
        found->authserv_id = authserv_id;
    while (dsn_auth_reader_next(&reader, &result)) {
        Method method = method_of(result.method);

        named |= method;
        if ((*seen & method) == 0)
            note_result(found, method, &result);
    }
    *seen |= named;
}

void
dsn_authentication_read(const DsnAuthenticationOptions *options, DsnSpan header,
                        DsnAuthentication *ret_found)
{
    DsnHeaderField field;
    size_t received = 0;
    unsigned seen = 0;

    *ret_found = (DsnAuthentication){.n_dkim = 0};
    if (options->authserv_ids->len == 0)
        return;
    header.len = MIN(header.len, HEADER_MAX);
    while (dsn_header_next(&header, &field)) {
        bool trusted = dsn_span_present(ret_found->authserv_id);

        if (field.whole.data[0] == '\n' || field.whole.data[0] == '\r')
            return;
        if (dsn_span_is(field.name, "Received") && (trusted || ++received > options->received))
            return;
        if (dsn_span_is(field.name, "Authentication-Results"))
            read_field(options, field.value, ret_found, &seen);
    }
}

void
dsn_authentication_clear(DsnAuthentication *found)
{
    if (found->strings != NULL)
        g_string_chunk_free(found->strings);
    *found = (DsnAuthentication){.n_dkim = 0};
}

unsigned
dsn_sender_authentication(const DsnAuthenticationOptions *options, DsnSpan header, DsnSpan sender)
{
    g_auto(DsnAuthentication) found;
    DsnSpan domain = dsn_address_domain(sender);
    unsigned trust = 0;

    dsn_authentication_read(options, header, &found);
    if (found.authenticated)
        trust |= DSN_TRUST_AUTHENTICATED;
    if (domain.len == 0)
        return trust;
    if (dsn_span_is(found.spf.result, "pass") && dsn_domain_is_within(domain, found.spf.domain) &&
        found.spf.domain.len == domain.len)
        trust |= DSN_TRUST_SPF;
    for (size_t i = 0; i < found.n_dkim; i++) {
        if (dsn_span_is(found.dkim[i].result, "pass") &&
            dsn_domain_is_within(domain, found.dkim[i].domain))
            trust |= DSN_TRUST_DKIM;
    }
    return trust;
}
