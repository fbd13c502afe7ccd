/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz-notice-rewrite.c - any message is rewritten so that only words have changed, or left alone
 *
 * The first byte chooses options, the rest is the message.
 */
#include "config.h"

#include "mime/report-parse.h"
#include "tests/support/rewrite.h"

#include <gmime/gmime.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const DsnCatalog *
catalog(void)
{
    static DsnCatalog *shipped;

    if (g_once_init_enter(&shipped)) {
        g_mime_init();
        g_once_init_leave(&shipped, dsn_catalog_new(NULL, &DSN_TEMPLATE_LIMITS_DEFAULT, NULL));
    }
    return shipped;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const languages[] = {"de", "ja", NULL};
    unsigned choice = size == 0 ? 0 : data[0];
    const DsnNoticeOptions options = {
        .confidential = (choice & 1) != 0,
        .html = (choice & 2) != 0,
        .all_languages = (choice & 4) != 0,
        .languages = (choice & 8) != 0 ? languages : NULL,
        .from = (choice & 16) != 0 ? DSN_SPAN_LITERAL("p\xc3\xb6st@shop.example") : DSN_SPAN_ABSENT,
        .reporting_mta = {DSN_SPAN_LITERAL("dns"), DSN_SPAN_LITERAL("mta1.example.com")},
        .catalog = catalog(),
        .limits = &DSN_LIMITS_DEFAULT,
    };

    if (size == 0)
        return 0;

    DsnSpan message = {(const char *)data + 1, size - 1}, text = dsn_test_first_part(message);
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);
    g_autoptr(DsnReport) report = dsn_report_new();
    dsn_report_parse(parser, message, report);
    g_autoptr(DsnRecord) record = dsn_test_record_of(report, "news@shop.example");
    if (!dsn_span_present(text) || record == NULL)
        return 0;

    const DsnNoticeRequest request = {
        .options = &options, .records = &record, .n_records = 1, .now = 1795299100};
    g_auto(DsnRewritten) rewritten;
    g_autoptr(GError) error = NULL;
    bool made = dsn_test_rewrite(&request, report, message, text, &rewritten, &error);
    g_assert(made == (error == NULL));
    g_assert(rewritten.template_fault == NULL);
    return 0;
}
