/* SPDX-License-Identifier: BSD-2-Clause */
/* notices [COUNT [SEED [JOBS]]]: a property of every notice: whatever the record, the original and
 * the tenant say, it breaks no rule (tests/long/random-case.h), and neither does its form in 7
 * bits; and what our parser reads is what was meant. A notice that fails is written to a file, by a
 * number that makes it again: "notices 1 SEED+NUMBER". */
#include "config.h"

#include "filter/core/notice.h"
#include "mime/down-convert.h"
#include "mime/lint.h"
#include "mime/report-parse.h"
#include "tests/long/random-case.h"

#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT_DEFAULT 2000
#define SEED_DEFAULT 4711
#define FAULTS_MAX 20 /* then a thread stops */

/* What one thread has done. */
typedef struct Share {
    const DsnCatalog *catalog;
    guint64 first, count, step;
    DsnReportParser *parser;
    DsnReport *report;
    GArray *findings;
    GString *notice;
    GString *converted;
    guint64 made, bytes, eight_bit, utf8, in_seven_bits, whole, headers, recipients, refused,
        faults;
    guint64 html, languages, tenants, confidential, gathered, crowds;
    guint64 actions[DSN_ACTION_EXPANDED + 1];
} Share;

G_GNUC_PRINTF(4, 5)
static void
fault(Share *share, guint64 number, const GString *notice, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);

    g_autofree char *name = g_strdup_printf("notice-%" G_GUINT64_FORMAT ".eml", number);
    (void)g_file_set_contents(name, notice->str, (gssize)notice->len, NULL);
    (void)fprintf(stderr, "%s: %s\n", name, text);
    share->faults++;
}

/* No rule is broken, not even a SHOULD. */
static bool
obeys(Share *share, guint64 number, const GString *notice, const char *form)
{
    DsnLimits limits = DSN_LIMITS_DEFAULT;

    limits.decoded = limits.message = MAX(limits.message, notice->len);
    g_array_set_size(share->findings, 0);
    (void)dsn_lint_notice((DsnSpan){notice->str, notice->len}, &limits, share->findings);
    if (share->findings->len == 0)
        return true;

    const DsnFinding *finding = &g_array_index(share->findings, DsnFinding, 0);
    fault(share, number, notice, "%s: %s %s: %s: %.*s", form, finding->rule,
          dsn_lint_level_to_string(finding->level), finding->text,
          (int)MIN(finding->where.len, 100), finding->where.data);
    return false;
}

/* Our parser folds the domain to lower case. */
static bool
is_recipient(const DsnRandomCase *random, const char *address)
{
    for (size_t r = 0; r < random->request.n_records; r++)
        for (size_t i = 0; i < random->request.records[r]->n_recipients; i++)
            if (g_ascii_strcasecmp(random->request.records[r]->recipients[i], address) == 0)
                return true;
    return false;
}

static guint
count_recipients(const DsnRandomCase *random)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (size_t r = 0; r < random->request.n_records; r++)
        for (size_t i = 0; i < random->request.records[r]->n_recipients; i++)
            (void)g_hash_table_add(seen, (gpointer)random->request.records[r]->recipients[i]);
    return g_hash_table_size(seen);
}

/* Reads @notice, and compares with what it was made of. */
static void
compare(Share *share, guint64 number, const DsnRandomCase *random, const DsnNotice *made,
        const GString *notice, const char *form)
{
    const DsnReport *report = share->report;

    dsn_report_parse(share->parser, (DsnSpan){notice->str, notice->len}, share->report);
    if (report->kind != DSN_REPORT_DELIVERY_STATUS) {
        fault(share, number, notice, "%s: not read as a delivery status", form);
        return;
    }
    if (report->per_recipient->len != count_recipients(random))
        fault(share, number, notice, "%s: %u recipients", form, report->per_recipient->len);
    for (guint i = 0; i < report->per_recipient->len; i++) {
        const DsnPerRecipient *recipient =
            &g_array_index(report->per_recipient, DsnPerRecipient, i);
        g_autofree char *address = dsn_span_dup(recipient->final_recipient.value);

        if (recipient->action != random->request.action)
            fault(share, number, notice, "%s: another action", form);
        if (random->writable && (address == NULL || !is_recipient(random, address)))
            fault(share, number, notice, "%s: not a recipient: %s", form, address);
        if (recipient->status.class_ == 0)
            fault(share, number, notice, "%s: no status", form);
    }
    if (made->built.returned == DSN_RETURN_NOTHING && report->returned.kind != DSN_RETURNED_NOTHING)
        fault(share, number, notice, "%s: something is returned", form);
    if (made->built.returned != DSN_RETURN_NOTHING && report->returned.kind == DSN_RETURNED_NOTHING)
        fault(share, number, notice, "%s: nothing is returned", form);
}

static void
check_seven_bits(Share *share, guint64 number, const DsnRandomCase *random, const DsnNotice *made)
{
    DsnLimits limits = DSN_LIMITS_DEFAULT;
    DsnNotice converted = *made;

    limits.decoded = limits.message = MAX(limits.message, share->notice->len);
    g_string_truncate(share->converted, 0);
    if (!dsn_notice_down_convert((DsnSpan){share->notice->str, share->notice->len}, &limits,
                                 share->converted)) {
        if (!made->built.utf8)
            fault(share, number, share->notice, "it has no form in 7 bits");
        return;
    }
    if (dsn_span_ascii_prefix((DsnSpan){share->converted->str, share->converted->len}) <
        share->converted->len)
        fault(share, number, share->converted, "8-bit octets in 7 bits");
    share->in_seven_bits++;
    if (obeys(share, number, share->converted, "7bit"))
        compare(share, number, random, &converted, share->converted, "7bit");
}

static void
take(Share *share, const DsnRandomCase *random, const DsnNotice *made)
{
    const DsnNoticeOptions *options = &random->options;
    guint recipients = count_recipients(random);

    share->made++;
    share->bytes += share->notice->len;
    share->eight_bit += made->built.eight_bit;
    share->utf8 += made->built.utf8;
    share->whole += made->built.returned == DSN_RETURN_FULL;
    share->headers += made->built.returned == DSN_RETURN_HEADERS;
    share->html += options->html;
    share->languages += options->all_languages && options->languages != NULL;
    share->tenants += dsn_span_present(options->tenant);
    share->confidential += options->confidential;
    share->gathered += random->request.n_records > 1;
    share->crowds += recipients > 1;
    share->recipients += recipients;
    share->actions[random->request.action]++;
}

static void
make_one(Share *share, guint64 number)
{
    g_autoptr(DsnRandomCase) random = dsn_random_case_new(share->catalog, number);
    g_auto(DsnNotice) made = {0};
    g_autoptr(GError) error = NULL;

    g_string_truncate(share->notice, 0);
    if (!dsn_notice_build(&random->request, share->notice, &made, &error)) {
        if (random->writable)
            fault(share, number, share->notice, "not made: %s", error->message);
        share->refused++;
        return;
    }
    if (made.minimal)
        fault(share, number, share->notice, "only the least was right: the whole breaks %s",
              made.broken == NULL ? "no rule, but is read as something else" : made.broken);
    if (made.template_fault != NULL)
        fault(share, number, share->notice, "words: %s", made.template_fault);
    take(share, random, &made);
    if (obeys(share, number, share->notice, "notice"))
        compare(share, number, random, &made, share->notice, "notice");
    check_seven_bits(share, number, random, &made);
}

static gpointer
run(gpointer data)
{
    Share *share = data;

    share->parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);
    share->report = dsn_report_new();
    share->findings = g_array_new(FALSE, FALSE, sizeof(DsnFinding));
    share->notice = g_string_new(NULL);
    share->converted = g_string_new(NULL);
    for (guint64 i = 0; i < share->count && share->faults < FAULTS_MAX; i++)
        make_one(share, share->first + i * share->step);
    (void)g_string_free(share->converted, TRUE);
    (void)g_string_free(share->notice, TRUE);
    (void)g_array_unref(share->findings);
    dsn_report_free(share->report);
    dsn_report_parser_free(share->parser);
    return NULL;
}

static void
add(Share *total, const Share *share)
{
    total->made += share->made;
    total->bytes += share->bytes;
    total->eight_bit += share->eight_bit;
    total->utf8 += share->utf8;
    total->in_seven_bits += share->in_seven_bits;
    total->whole += share->whole;
    total->headers += share->headers;
    total->recipients += share->recipients;
    total->refused += share->refused;
    total->html += share->html;
    total->languages += share->languages;
    total->tenants += share->tenants;
    total->confidential += share->confidential;
    total->gathered += share->gathered;
    total->crowds += share->crowds;
    total->faults += share->faults;
    for (size_t i = 0; i < G_N_ELEMENTS(total->actions); i++)
        total->actions[i] += share->actions[i];
}

#define N(count) ((unsigned long long)(count))

static void
print(const Share *total, double seconds)
{
    (void)printf("%llu notices for %llu recipients in %.1f s, %.0f MB; refused for their "
                 "addresses: %llu\n",
                 N(total->made), N(total->recipients), seconds, (double)total->bytes / 1e6,
                 N(total->refused));
    for (int action = DSN_ACTION_FAILED; action <= DSN_ACTION_EXPANDED; action++)
        (void)printf("%s %llu, ", dsn_action_to_string((DsnAction)action),
                     N(total->actions[action]));
    (void)printf("8bit %llu, UTF-8 %llu, checked in 7 bits %llu, whole %llu, headers %llu\n",
                 N(total->eight_bit), N(total->utf8), N(total->in_seven_bits), N(total->whole),
                 N(total->headers));
    (void)printf(
        "HTML %llu, all languages %llu, tenants %llu, confidential %llu, of several records "
        "%llu, for several recipients %llu\n",
        N(total->html), N(total->languages), N(total->tenants), N(total->confidential),
        N(total->gathered), N(total->crowds));
    (void)printf("faults: %llu\n", N(total->faults));
}

static guint64
argument(int argc, char **argv, int index, guint64 fallback)
{
    return argc > index ? g_ascii_strtoull(argv[index], NULL, 10) : fallback;
}

int
main(int argc, char **argv)
{
    guint64 count = argument(argc, argv, 1, COUNT_DEFAULT);
    guint64 seed = argument(argc, argv, 2, SEED_DEFAULT);
    guint64 jobs = CLAMP(argument(argc, argv, 3, 2), 1, 64);
    g_autofree Share *shares = g_new0(Share, jobs);
    g_autofree GThread **threads = g_new0(GThread *, jobs);
    g_autoptr(GError) error = NULL;
    Share total = {0};
    gint64 start = g_get_monotonic_time();

    g_mime_init();
    g_autoptr(DsnCatalog) catalog = dsn_catalog_new(NULL, &DSN_TEMPLATE_LIMITS_DEFAULT, &error);
    if (catalog == NULL) {
        (void)fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    for (guint64 i = 0; i < jobs; i++) {
        shares[i] = (Share){
            .catalog = catalog,
            .first = seed + i,
            .count = count / jobs + (i < count % jobs),
            .step = jobs,
        };
        threads[i] = g_thread_new("notices", run, &shares[i]);
    }
    for (guint64 i = 0; i < jobs; i++) {
        (void)g_thread_join(threads[i]);
        add(&total, &shares[i]);
    }
    print(&total, (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC);
    return total.faults == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
