/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz-notice.c - any record with any original makes a correct notice, or says why not
 *
 * The first byte chooses how much is returned, then comes the record, 0xFE and the original.
 */
#include "config.h"

#include "filter/core/notice-kumomta.h"
#include "filter/core/notice.h"
#include "mime/lint.h"

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

/* The default form: what is made obeys the rules, without help from the minimal notice. */
static void
check_notice(const DsnNoticeOptions *options, const DsnRecord *record, DsnSpan original)
{
    g_autoptr(GString) bytes = g_string_new(NULL);
    g_autoptr(GArray) findings = g_array_new(FALSE, FALSE, sizeof(DsnFinding));
    g_autoptr(GError) error = NULL;
    g_auto(DsnNotice) notice = {0};
    DsnNoticeResult result =
        dsn_notice_make(options, record, original, 1795176000, bytes, &notice, &error);

    g_assert((result == DSN_NOTICE_NOT_DUE) == (notice.reason != DSN_REASON_NONE));
    g_assert((result == DSN_NOTICE_FAILED) == (error != NULL));
    g_assert((result == DSN_NOTICE_MADE) == (bytes->len > 0));
    if (notice.minimal)
        g_error("minimal: %s", notice.broken);
    g_assert(notice.template_fault == NULL);
    if (result == DSN_NOTICE_MADE)
        g_assert(dsn_lint_notice((DsnSpan){bytes->str, bytes->len}, &DSN_LIMITS_DEFAULT, findings));
}

static void
check_kumomta(const DsnNoticeOptions *options, const DsnRecord *record, DsnSpan original)
{
    g_autoptr(GString) bytes = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    DsnReason reason;
    DsnNoticeResult result =
        dsn_notice_make_kumomta(options, record, original, bytes, &reason, &error);

    g_assert((result == DSN_NOTICE_MADE) == (bytes->len > 0));
    g_assert((result == DSN_NOTICE_FAILED) == (error != NULL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DsnNoticeOptions options = {
        .return_limit = 2000,
        .reporting_mta = {DSN_SPAN_LITERAL("dns"), DSN_SPAN_LITERAL("mta1.example.com")},
        .catalog = catalog(),
        .limits = &DSN_LIMITS_DEFAULT,
        .stable = true,
    };

    if (size == 0)
        return 0;
    options.include_original = (DsnReturn)(data[0] % 3);
    options.enable[DSN_RECORD_BOUNCE] = true;
    options.enable[DSN_RECORD_EXPIRATION] = true;

    const char *text = (const char *)data + 1;
    const char *end = memchr(text, 0xfe, size - 1);
    DsnSpan line = {text, end == NULL ? size - 1 : (size_t)(end - text)};
    DsnSpan original = end == NULL ? DSN_SPAN_ABSENT : (DsnSpan){end + 1, size - 1 - line.len - 1};
    g_autoptr(DsnRecord) record = dsn_record_parse(line, G_MAXSIZE, NULL);
    if (record == NULL)
        return 0;
    check_notice(&options, record, original);
    check_kumomta(&options, record, original);
    return 0;
}
