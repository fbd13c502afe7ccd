/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/evidence.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "filter/core/json-writer.h"
#include "filter/core/network.h"
#include "mime/header.h"
#include "mime/mail-header.h"

#define CLIENT_MAX 64

struct DsnEvidenceRules {
    const DsnConfiguration *configuration;
    DsnTraceKeys *keys;
    DsnReturnPaths *paths;
    GPtrArray *clients; /* of DsnNetworks, in the order of the option */
};

DsnEvidenceRules *
dsn_evidence_rules_new(const DsnConfiguration *configuration)
{
    const GPtrArray *clients = configuration->authentication.clients;
    DsnEvidenceRules *rules = g_new(DsnEvidenceRules, 1);

    rules->configuration = configuration;
    rules->keys = dsn_trace_keys_new(&configuration->trace);
    rules->paths = dsn_return_paths_new(configuration->trace.return_path);
    rules->clients = g_ptr_array_new_with_free_func((GDestroyNotify)dsn_networks_free);
    for (guint i = 0; i < clients->len; i++) {
        gpointer network = clients->pdata[i];
        const GPtrArray one = {&network, 1};

        g_ptr_array_add(rules->clients, dsn_networks_new(&one));
    }
    return rules;
}

void
dsn_evidence_rules_free(DsnEvidenceRules *rules)
{
    if (rules == NULL)
        return;
    dsn_trace_keys_free(rules->keys);
    dsn_return_paths_free(rules->paths);
    g_ptr_array_unref(rules->clients);
    g_free(rules);
}

DsnResolveOptions
dsn_evidence_resolve_options(const DsnEvidenceRules *rules)
{
    if (rules == NULL)
        return (DsnResolveOptions){.keys = NULL};
    return (DsnResolveOptions){.keys = rules->keys, .paths = rules->paths};
}

/* ---- who sent it ---- */

/* The listed network that @client, an address in text, is in, or NULL. */
static const char *
find_client(const DsnEvidenceRules *rules, DsnSpan client)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    const struct sockaddr *address = (const struct sockaddr *)&v4;
    char text[CLIENT_MAX];

    if (rules->clients->len == 0 || client.len == 0 || client.len >= sizeof(text))
        return NULL;
    memcpy(text, client.data, client.len);
    text[client.len] = '\0';
    if (inet_pton(AF_INET, text, &v4.sin_addr) != 1) {
        if (inet_pton(AF_INET6, text, &v6.sin6_addr) != 1)
            return NULL;
        address = (const struct sockaddr *)&v6;
    }
    for (guint i = 0; i < rules->clients->len; i++) {
        if (dsn_networks_match(rules->clients->pdata[i], address))
            return rules->configuration->authentication.clients->pdata[i];
    }
    return NULL;
}

/* The one address in From (transfer full), or NULL: of two fields a reader may see either (RFC 7489
 * section 6.6.1). */
static char *
dup_author(const DsnReport *report)
{
    DsnSpan block = report->envelope.block, from = DSN_SPAN_ABSENT;
    DsnHeaderField field;

    while (dsn_header_next(&block, &field)) {
        if (!dsn_span_is(field.name, "From"))
            continue;
        if (dsn_span_present(from))
            return NULL;
        from = field.value;
    }
    return dsn_mail_header_dup_author(from);
}

/* Whether the listed @reporter has signed: a domain, or an author that its own domain, or one above
 * it, has vouched for. */
static bool
has_signed(const char *reporter, DsnSpan author, DsnSpan domain)
{
    DsnSpan listed = dsn_span(reporter);

    if (strchr(reporter, '@') == NULL)
        return dsn_domain_is_within(domain, listed);
    return dsn_span_is(author, reporter) &&
           dsn_domain_is_within(dsn_address_domain(author), domain);
}

/* The method that passed for somebody listed, and for whom; absent if none did. SPF says nothing of
 * an author. */
static DsnAuthentic
find_reporter(const DsnAuthenticationOptions *options, const DsnAuthentication *found,
              DsnSpan author)
{
    for (guint i = 0; i < options->reporters->len; i++) {
        const char *reporter = options->reporters->pdata[i];
        bool is_address = strchr(reporter, '@') != NULL;

        for (size_t j = 0; j < found->n_dkim; j++) {
            if (dsn_span_is(found->dkim[j].result, "pass") &&
                has_signed(reporter, author, found->dkim[j].domain))
                return (DsnAuthentic){DSN_SPAN_LITERAL("dkim"),
                                      is_address ? dsn_span(reporter) : found->dkim[j].domain};
        }
        if (!is_address && dsn_span_is(found->spf.result, "pass") &&
            dsn_domain_is_within(found->spf.domain, dsn_span(reporter)))
            return (DsnAuthentic){DSN_SPAN_LITERAL("spf"), found->spf.domain};
    }
    return (DsnAuthentic){.result = DSN_SPAN_ABSENT};
}

/* RFC 9477 section 3.1: the same domain, or one above or below. */
static bool
is_aligned(const DsnAuthentication *found, DsnSpan author)
{
    for (size_t i = 0; i < found->n_dkim; i++) {
        DsnSpan domain = found->dkim[i].domain;

        if (dsn_span_is(found->dkim[i].result, "pass") &&
            (dsn_domain_is_within(domain, author) || dsn_domain_is_within(author, domain)))
            return true;
    }
    return false;
}

static DsnCfbl
check_cfbl(const DsnReport *report, const DsnAuthentication *found, DsnSpan author)
{
    if (report->kind != DSN_REPORT_FEEDBACK || !dsn_span_present(report->returned.cfbl_address))
        return DSN_CFBL_NONE;
    if (!dsn_span_present(found->authserv_id))
        return DSN_CFBL_UNKNOWN;
    return author.len > 0 && is_aligned(found, dsn_address_domain(author)) ? DSN_CFBL_ALIGNED
                                                                           : DSN_CFBL_UNALIGNED;
}

void
dsn_evidence_init(DsnEvidence *ret_evidence, const DsnEvidenceRules *rules, const DsnReport *report,
                  const DsnResolution *resolution, DsnSpan client)
{
    g_autofree char *author = NULL;

    *ret_evidence = (DsnEvidence){
        .report = report,
        .resolution = resolution,
        .trace = dsn_resolution_verified(resolution),
    };
    if (rules != NULL) {
        const DsnAuthenticationOptions *options = &rules->configuration->authentication;

        dsn_authentication_read(options, report->envelope.block, &ret_evidence->authentication);
        ret_evidence->client = find_client(rules, client);
        if (dsn_span_present(ret_evidence->authentication.authserv_id)) {
            author = dup_author(report);
            ret_evidence->sender =
                find_reporter(options, &ret_evidence->authentication, dsn_span(author));
        }
    }
    ret_evidence->cfbl = check_cfbl(report, &ret_evidence->authentication, dsn_span(author));
}

void
dsn_evidence_clear(DsnEvidence *evidence)
{
    dsn_authentication_clear(&evidence->authentication);
}

bool
dsn_evidence_is_verified(const DsnEvidence *evidence)
{
    return evidence->trace != NULL || evidence->client != NULL ||
           dsn_span_present(evidence->sender.result);
}

/* ---- what follows from it ---- */

/* The address will not become good by waiting, nor is anything else to blame: no such mailbox or
 * host, bad syntax, moved without a new address, no mail accepted (RFC 7505), disabled. */
static bool
is_dead_address(DsnStatusCode status)
{
    static const uint16_t details[] = {1, 2, 3, 6, 10};

    if (status.class_ != 5)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(details) && status.subject == 1; i++) {
        if (status.detail == details[i])
            return true;
    }
    return status.subject == 2 && status.detail == 1;
}

/* The recipient has said so. Reports of other types are about something else, and not-spam about
 * the contrary (rules ARF-22, AUTHF-10). */
static bool
wants_no_more(const DsnFeedback *feedback)
{
    return dsn_span_is(feedback->feedback_type, "abuse") ||
           dsn_span_is(feedback->feedback_type, "opt-out") ||
           dsn_span_is(feedback->feedback_type, "opt-out-list");
}

/* What the sender of the report itself names, who is known; not what it returns, as somebody else
 * could have put that there. */
static DsnSpan
reported_recipient(const DsnReport *report, const DsnPerRecipient *recipient)
{
    DsnSpan reported = DSN_SPAN_ABSENT;

    if (recipient != NULL)
        reported = dsn_span_present(recipient->original_recipient.value)
                       ? recipient->original_recipient.value
                       : recipient->final_recipient.value;
    else if (report->feedback.original_rcpt_to->len == 1)
        reported = g_array_index(report->feedback.original_rcpt_to, DsnSpan, 0);
    return dsn_address_is_mailbox(reported) && !dsn_recipient_is_redacted(reported)
               ? reported
               : DSN_SPAN_ABSENT;
}

/* An address that was rewritten on the way, by an alias or a list, may have others behind it that
 * work: it is dead only if it is itself what failed. */
static bool
is_what_failed(const DsnPerRecipient *recipient, DsnSpan address)
{
    DsnSpan final = recipient->final_recipient.value;

    return final.len == address.len && final.len > 0 &&
           g_ascii_strncasecmp(final.data, address.data, final.len) == 0;
}

/* The address that the proof is about, absent when there is none. */
static DsnSpan
proven_address(const DsnEvidence *evidence, const DsnPerRecipient *recipient)
{
    if (evidence->trace != NULL) {
        const DsnClue *clue = dsn_resolution_find(evidence->resolution, DSN_IDENTITY_RECIPIENT);

        if (clue != NULL && clue->state == DSN_TRACE_VERIFIED)
            return clue->values[DSN_IDENTITY_RECIPIENT];
    }
    return evidence->client != NULL || dsn_span_present(evidence->sender.result)
               ? reported_recipient(evidence->report, recipient)
               : DSN_SPAN_ABSENT;
}

DsnSpan
dsn_evidence_suppress(const DsnEvidence *evidence, const DsnPerRecipient *recipient,
                      DsnStatusCode status)
{
    const DsnReport *report = evidence->report;
    bool due = recipient != NULL ? is_dead_address(status) : wants_no_more(&report->feedback);

    if (!due || !dsn_evidence_is_verified(evidence) || evidence->cfbl == DSN_CFBL_UNALIGNED)
        return DSN_SPAN_ABSENT;
    DsnSpan address = proven_address(evidence, recipient);
    return recipient == NULL || is_what_failed(recipient, address) ? address : DSN_SPAN_ABSENT;
}

/* ---- JSON ---- */

static void
put_proof(DsnPieces *pieces, const char *kind, const char *method, DsnSpan what)
{
    g_autoptr(GString) text = g_string_new(kind);

    g_string_append(text, method);
    g_string_append_len(text, what.data, (gssize)what.len);
    dsn_json_next(pieces->json);
    pieces->replaced |= !dsn_json_string(pieces->json, (DsnSpan){text->str, text->len});
}

static void
put_result(DsnPieces *pieces, const DsnAuthentic *authentic)
{
    if (!dsn_span_present(authentic->result)) {
        dsn_json_null(pieces->json);
        return;
    }
    g_string_append_c(pieces->json, '{');
    dsn_pieces_short_text(pieces, "result", authentic->result);
    dsn_pieces_short_text(pieces, "domain", authentic->domain);
    g_string_append_c(pieces->json, '}');
}

static void
put_authentication(DsnPieces *pieces, const DsnAuthentication *found)
{
    dsn_json_key(pieces->json, "authentication");
    if (!dsn_span_present(found->authserv_id)) {
        dsn_json_null(pieces->json);
        return;
    }
    g_string_append_c(pieces->json, '{');
    dsn_pieces_short_text(pieces, "authserv_id", found->authserv_id);
    dsn_json_key(pieces->json, "spf");
    put_result(pieces, &found->spf);
    dsn_json_key(pieces->json, "dkim");
    g_string_append_c(pieces->json, '[');
    for (size_t i = 0; i < found->n_dkim; i++) {
        dsn_json_next(pieces->json);
        put_result(pieces, &found->dkim[i]);
    }
    g_string_append_c(pieces->json, ']');
    dsn_json_key(pieces->json, "dmarc");
    put_result(pieces, &found->dmarc);
    g_string_append_c(pieces->json, '}');
}

void
dsn_pieces_evidence(DsnPieces *pieces, const DsnEvidence *evidence, DsnSpan suppress)
{
    static const char *const words[] = {
        [DSN_CFBL_NONE] = NULL,
        [DSN_CFBL_UNKNOWN] = "unknown",
        [DSN_CFBL_ALIGNED] = "aligned",
        [DSN_CFBL_UNALIGNED] = "unaligned",
    };

    dsn_json_key(pieces->json, "verified");
    dsn_json_bool(pieces->json, dsn_evidence_is_verified(evidence));
    dsn_json_key(pieces->json, "verified_by");
    g_string_append_c(pieces->json, '[');
    if (evidence->trace != NULL)
        put_proof(pieces, "trace:", "", evidence->trace->seal.key);
    if (dsn_span_is(evidence->sender.result, "dkim"))
        put_proof(pieces, "authentication-results:", "dkim=", evidence->sender.domain);
    else if (dsn_span_present(evidence->sender.result))
        put_proof(pieces, "authentication-results:", "spf=", evidence->sender.domain);
    if (evidence->client != NULL)
        put_proof(pieces, "client:", "", dsn_span(evidence->client));
    g_string_append_c(pieces->json, ']');
    dsn_pieces_address(pieces, "suppress", suppress);
    put_authentication(pieces, &evidence->authentication);
    dsn_pieces_constant(pieces, "cfbl", words[evidence->cfbl]);
}
