/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever the message: nobody can sign without the key, who sent it is believed only if the name
 * of our host and the reporter's stand in it, and what is not proven suppresses nobody.
 */
#include "config.h"

#include "filter/core/evidence.h"
#include "mime/report-parse.h"

#include <gmime/gmime.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const DsnConfiguration *
make_configuration(void)
{
    static gpointer ids[] = {(gpointer) "mx.ours.example"},
                    domains[] = {(gpointer) "isp.example", (gpointer) "staff@web.example"};
    static gpointer forms[] = {(gpointer) "b-{tenant}-{recipient}@{any}.example"};
    static DsnTraceKey key = {(char *)"k", (char *)"a secret that nobody knows"};
    static gpointer keys[] = {&key};
    static GPtrArray id_list = {ids, 1}, domain_list = {domains, 2}, form_list = {forms, 1},
                     key_list = {keys, 1}, none = {NULL, 0};
    static const DsnConfiguration configuration = {
        .authentication = {&id_list, 1, &none, &domain_list},
        .trace = {.max_age = 90 * G_TIME_SPAN_DAY, .return_path = &form_list, .keys = &key_list},
    };

    return &configuration;
}

static bool
holds(DsnSpan text, const char *word)
{
    for (size_t i = 0; i + strlen(word) <= text.len; i++) {
        if (dsn_span_starts(dsn_span_from(text, i), word))
            return true;
    }
    return false;
}

static void
check(const DsnEvidenceRules *rules, const DsnReport *report, DsnSpan message)
{
    DsnResolveOptions options = dsn_evidence_resolve_options(rules);
    g_auto(DsnResolution) resolution;
    g_auto(DsnEvidence) evidence;
    const DsnStatusCode dead = {5, 1, 1};
    const DsnPerRecipient *recipient = NULL;

    options.now = 1795166100;
    dsn_resolution_init(&resolution, report, &options);
    g_assert(resolution.n_clues <= DSN_CLUES_MAX && resolution.n_traces <= DSN_TRACES_MAX);
    g_assert(dsn_resolution_verified(&resolution) == NULL);
    for (size_t i = 0; i < DSN_N_RESOLVED; i++) {
        const DsnClue *clue = dsn_resolution_find(&resolution, (DsnIdentity)i);

        g_assert(clue == NULL || (clue->state != DSN_TRACE_BAD && clue->values[i].len > 0));
    }

    dsn_evidence_init(&evidence, rules, report, &resolution, DSN_SPAN_ABSENT);
    bool verified = dsn_evidence_is_verified(&evidence);
    g_assert(!verified || (holds(message, "Authentication-Results") && holds(message, "pass")));
    if (report->per_recipient->len > 0)
        recipient = &g_array_index(report->per_recipient, DsnPerRecipient, 0);
    if (report->kind != DSN_REPORT_FEEDBACK && recipient == NULL)
        return;
    DsnSpan suppress = dsn_evidence_suppress(&evidence, recipient, dead);
    g_assert(verified || !dsn_span_present(suppress));
    g_assert(!dsn_span_present(suppress) || memchr(suppress.data, '@', suppress.len) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static gsize initialised = 0;

    if (g_once_init_enter(&initialised)) {
        g_mime_init();
        g_once_init_leave(&initialised, 1);
    }

    DsnSpan message = {(const char *)data, size};
    g_autoptr(DsnEvidenceRules) rules = dsn_evidence_rules_new(make_configuration());
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);
    g_autoptr(DsnReport) report = dsn_report_new();

    dsn_report_parse(parser, message, report);
    check(rules, report, message);
    return 0;
}
