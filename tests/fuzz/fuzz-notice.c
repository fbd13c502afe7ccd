/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz-notice.c - any records with any original make a correct notice, or say why not
 *
 * The first byte chooses options; then come the record, 0xFE and the original. Of several records,
 * one behind the other with 0xFD between them, those are in the notice for which the same is due as
 * for the first; one for which nothing is due counts as the last attempt that failed.
 */
#include "config.h"

#include "filter/core/notice-kumomta.h"
#include "filter/core/notice.h"
#include "filter/core/wishes.h"
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

/* What is due for @records obeys the rules, without help from the minimal notice, and is the same
 * when it is made again. */
static void
check_notice(const DsnNoticeRequest *request)
{
    g_autoptr(GString) bytes = g_string_new(NULL), again = g_string_new(NULL);
    g_autoptr(GArray) findings = g_array_new(FALSE, FALSE, sizeof(DsnFinding));
    g_autoptr(GError) error = NULL;
    g_auto(DsnNotice) notice = {0}, repeated = {0};
    bool made = dsn_notice_build(request, bytes, &notice, &error);

    g_assert(made == (error == NULL));
    g_assert(made == (bytes->len > 0));
    g_assert_cmpstr(notice.broken, ==, NULL);
    g_assert(!notice.minimal);
    g_assert(notice.template_fault == NULL);
    if (!made)
        return;
    g_assert(dsn_lint_notice((DsnSpan){bytes->str, bytes->len}, &DSN_LIMITS_DEFAULT, findings));
    if (request->action != DSN_ACTION_FAILED || notice.requiretls)
        g_assert(notice.built.returned != DSN_RETURN_FULL);
    made = dsn_notice_build(request, again, &repeated, NULL);
    g_assert(made && g_string_equal(bytes, again));
}

/* True if a notice is due; then it has somebody to go to, and nobody who wanted none. */
static bool
decide(const DsnNoticeOptions *options, DsnRecord *record, DsnSpan original,
       DsnDecision *ret_decision)
{
    g_autoptr(GString) sender = g_string_new(NULL);
    size_t before = record->n_recipients;
    g_auto(DsnWishes) wishes = {0};

    dsn_notice_decide(options, record, original, 0, sender, ret_decision);
    g_assert((sender->len > 0) == (ret_decision->reason == DSN_REASON_NONE));
    g_assert(record->n_recipients <= before && (before == 0 || record->n_recipients > 0));
    if (ret_decision->reason != DSN_REASON_NONE)
        return false;
    g_assert(ret_decision->action != DSN_ACTION_NONE);
    g_assert((ret_decision->action == DSN_ACTION_DELAYED) == (ret_decision->threshold > 0));
    dsn_wishes_read(record, options->meta, &wishes);
    for (guint i = 0; i < wishes.recipients->len; i++)
        g_assert(g_array_index(wishes.recipients, DsnRecipientWishes, i).notify !=
                 DSN_NOTIFY_NEVER);
    return true;
}

static void
check_notices(const DsnNoticeOptions *options, GPtrArray *all, DsnSpan original)
{
    g_autoptr(GPtrArray) records = g_ptr_array_new();
    DsnDecision first = {.reason = DSN_REASON_NONE}, decision;
    DsnNoticeRequest request = {
        .options = options,
        .original = original,
        .now = 1795176000,
    };

    for (guint i = 0; i < all->len; i++) {
        DsnRecord *record = all->pdata[i];

        if (!decide(options, record, original, &decision)) {
            request.last_failure = record;
            continue;
        }
        if (records->len == 0)
            first = decision;
        if (decision.action == first.action && decision.late == first.late)
            g_ptr_array_add(records, record);
    }
    if (records->len == 0)
        return;
    request.records = (DsnRecord *const *)records->pdata;
    request.n_records = records->len;
    request.action = first.action;
    request.late = first.late;
    request.threshold = first.threshold;
    check_notice(&request);
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

static void
free_record(gpointer record)
{
    dsn_record_free(record);
}

/* NULL unless all are records. */
static GPtrArray *
read_records(DsnSpan text)
{
    g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func(free_record);

    for (;;) {
        const char *end = text.len == 0 ? NULL : memchr(text.data, 0xfd, text.len);
        DsnSpan line = {text.data, end == NULL ? text.len : (size_t)(end - text.data)};
        DsnRecord *record = dsn_record_parse(line, G_MAXSIZE, NULL);

        if (record == NULL)
            return NULL;
        g_ptr_array_add(records, record);
        if (end == NULL)
            return g_steal_pointer(&records);
        text = dsn_span_from(text, line.len + 1);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t thresholds[] = {3600, 14400};
    static const DsnMetaKeys keys = {
        .notify = (char *)"notify",
        .ret = (char *)"ret",
        .envid = (char *)"envid",
        .orcpt = (char *)"orcpt",
        .requiretls = (char *)"requiretls",
        .action = (char *)"action",
        .authenticated = (char *)"user",
    };
    DsnNoticeOptions options = {
        .internal = true,
        .delivered_late = true,
        .delay_by_default = true,
        .trust = DSN_TRUST_ANY,
        .delay_after = thresholds,
        .n_delay_after = G_N_ELEMENTS(thresholds),
        .lifetime = 86400,
        .meta = &keys,
        .return_limit = 2000,
        .reporting_mta = {DSN_SPAN_LITERAL("dns"), DSN_SPAN_LITERAL("mta1.example.com")},
        .catalog = catalog(),
        .limits = &DSN_LIMITS_DEFAULT,
        .stable = true,
    };

    if (size == 0)
        return 0;
    options.include_original = (DsnReturn)(data[0] % 3);
    options.confidential = (data[0] & 0x40) != 0;
    options.html = (data[0] & 0x80) != 0;
    for (size_t i = 0; i < DSN_N_RECORD_TYPES; i++)
        options.enable[i] = dsn_notice_has_type((DsnRecordType)i);

    const char *text = (const char *)data + 1;
    const char *end = memchr(text, 0xfe, size - 1);
    DsnSpan lines = {text, end == NULL ? size - 1 : (size_t)(end - text)};
    DsnSpan original = end == NULL ? DSN_SPAN_ABSENT : (DsnSpan){end + 1, size - 1 - lines.len - 1};
    g_autoptr(GPtrArray) records = read_records(lines);
    if (records == NULL)
        return 0;
    check_kumomta(&options, records->pdata[0], original);
    check_notices(&options, records, original);
    return 0;
}
