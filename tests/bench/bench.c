/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench.c - how fast the core is
 *
 * Usage: bench [SECONDS]; each row is measured for that long (default 2). Prints for each row the
 * rate, the rate to reach, and which libraries the time went to. It never fails on a slow machine.
 * DSNARF_EXAMPLES names the folder of the sample input.
 */
#include "config.h"

#include "filter/core/json-load.h"
#include "filter/core/json-writer.h"
#include "filter/core/notice-rewrite.h"
#include "filter/core/notice.h"
#include "filter/core/report-json.h"
#include "mime/down-convert.h"
#include "mime/lint.h"
#include "mime/report-parse.h"
#include "templates/samples.h"
#include "tests/bench/common.h"
#include "tests/bench/shares.h"

#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* One piece of work; returns the bytes that it read. */
typedef size_t (*Work)(gpointer state);

typedef struct Rate {
    double runs;  /* a second */
    double bytes; /* a second */
} Rate;

typedef struct Reading {
    GString *message;
    DsnReportParser *parser;
    DsnReport *report;
    GString *line;
} Reading;

#define RECORDS_MAX 5

typedef struct Making {
    GPtrArray *records; /* of GString: JSON; of one message, told in one notice */
    GString *original;
    DsnNoticeOptions options;
    GString *notice;
    GString *seven_bits; /* the notice as one that cannot take 8 bits gets it; NULL: nobody asks */
} Making;

typedef struct Rendering {
    DsnTemplate *template_;
    json_t *context;
    GString *text;
} Rendering;

/* @text with CRLF line ends, and enough lines of prose before @before to make it @size bytes. */
static GString *
pad_message(const char *text, const char *before, size_t size)
{
    static const char prose[] = "The quick brown fox jumps over the lazy dog, again and again.\r\n";
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autofree char *joined = g_strjoinv("\r\n", lines);
    GString *message = g_string_new(joined);
    const char *place = before == NULL ? NULL : g_strrstr(message->str, before);
    gssize at = place == NULL ? -1 : place - message->str;

    while (message->len < size)
        g_string_insert(message, at, prose);
    return message;
}

static Rate
measure_by(clockid_t clock, Work work, gpointer state, double seconds)
{
    size_t bytes = 0;
    unsigned runs = 0;

    (void)work(state); /* warm caches and buffers; the bytes of this run do not count */
    double start = dsn_bench_clock(clock);
    double elapsed = 0;
    while (elapsed < seconds) {
        for (int i = 0; i < 10; i++)
            bytes += work(state);
        runs += 10;
        elapsed = dsn_bench_clock(clock) - start;
    }
    return (Rate){runs / elapsed, (double)bytes / elapsed};
}

/* By the processor time of this thread, so that other work on the machine counts little. */
static Rate
measure(Work work, gpointer state, double seconds)
{
    return measure_by(CLOCK_THREAD_CPUTIME_ID, work, state, seconds);
}

static Rate
measure_with_shares(Work work, gpointer state, double seconds, GString *shares)
{
    dsn_shares_start();
    Rate rate = measure(work, state, seconds);
    dsn_shares_stop(shares);
    return rate;
}

static void
print_row(const char *name, const char *rate, const char *wanted, const char *shares)
{
    printf("%-52s %14s  %-14s %s\n", name, rate, wanted, shares);
    fflush(stdout);
}

static void
print_rate(const char *name, double runs, const char *wanted, const char *shares)
{
    g_autofree char *rate = g_strdup_printf("%.0f/s", runs);
    print_row(name, rate, wanted, shares);
}

static size_t
read_report(gpointer data)
{
    Reading *reading = data;
    DsnSpan message = {reading->message->str, reading->message->len};

    dsn_report_parse(reading->parser, message, reading->report);
    g_assert(reading->report->kind == DSN_REPORT_FEEDBACK);
    g_string_truncate(reading->line, 0);
    dsn_report_write(reading->report, "bench.eml", reading->line);
    return message.len;
}

static void
reading_init(Reading *reading, size_t size)
{
    g_autofree char *sample = dsn_bench_read_example("feedback.eml");

    reading->message = pad_message(sample, "--fbl-88213--", size);
    reading->parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);
    reading->report = dsn_report_new();
    reading->line = g_string_new(NULL);
}

static void
reading_clear(Reading *reading)
{
    g_string_free(reading->message, TRUE);
    dsn_report_free(reading->report);
    dsn_report_parser_free(reading->parser);
    g_string_free(reading->line, TRUE);
}

typedef struct Worker {
    double seconds;
    Rate rate;
} Worker;

static gpointer
read_in_thread(gpointer data)
{
    Worker *worker = data;
    Reading reading;

    reading_init(&reading, 3000);
    worker->rate = measure_by(CLOCK_MONOTONIC, read_report, &reading, worker->seconds);
    reading_clear(&reading);
    return NULL;
}

/* By the clock on the wall: reports a second of @count threads together. */
static double
measure_threads(guint count, double seconds)
{
    g_autofree Worker *workers = g_new0(Worker, count);
    g_autofree GThread **threads = g_new0(GThread *, count);
    double sum = 0;

    for (guint i = 0; i < count; i++) {
        workers[i].seconds = seconds;
        threads[i] = g_thread_new("bench", read_in_thread, &workers[i]);
    }
    for (guint i = 0; i < count; i++) {
        (void)g_thread_join(threads[i]); /* its result is in workers[i] */
        sum += workers[i].rate.runs;
    }
    return sum;
}

static void
bench_reading(double seconds)
{
    g_autoptr(GString) shares = g_string_new(NULL);
    Reading reading;

    reading_init(&reading, 3000);
    Rate one = measure_with_shares(read_report, &reading, seconds, shares);
    print_rate("feedback report 3 KB -> JSON line", one.runs, "40000/s", shares->str);
    reading_clear(&reading);

    guint count = g_get_num_processors();
    double all = measure_threads(count, seconds) / measure_threads(1, seconds);
    g_autofree char *name = g_strdup_printf("the same, %u threads against one", count);
    g_autofree char *ratio = g_strdup_printf("%.2f times", all);
    print_row(name, ratio, "1.8 on two", "");

    reading_init(&reading, 200 * 1000);
    g_string_truncate(shares, 0);
    Rate large = measure_with_shares(read_report, &reading, seconds, shares);
    g_autofree char *rate = g_strdup_printf("%.0f MB/s", large.bytes / 1e6);
    print_row("feedback report 200 KB -> JSON line", rate, "300 MB/s", shares->str);
    reading_clear(&reading);
}

/* Reads a record and decides about it. */
static DsnRecord *
take_record(const Making *making, guint index, DsnSpan original, DsnDecision *ret_decision)
{
    const GString *text = making->records->pdata[index];
    DsnRecord *record = dsn_record_parse((DsnSpan){text->str, text->len}, G_MAXSIZE, NULL);
    g_autoptr(GString) sender = g_string_new(NULL);

    g_assert(record != NULL);
    dsn_notice_decide(&making->options, record, original, DSN_TRUST_ANY, sender, ret_decision);
    g_assert(ret_decision->reason == DSN_REASON_NONE);
    return record;
}

static size_t
make_notice(gpointer data)
{
    Making *making = data;
    DsnSpan original = {making->original->str, making->original->len};
    DsnRecord *records[RECORDS_MAX];
    g_auto(DsnNotice) notice = {0};
    DsnDecision decision;

    for (guint i = 0; i < making->records->len; i++)
        records[i] = take_record(making, i, original, &decision);
    const DsnNoticeRequest request = {
        .options = &making->options,
        .records = records,
        .n_records = making->records->len,
        .original = original,
        .action = decision.action,
        .threshold = decision.threshold,
        .now = 1795166200,
    };
    g_string_truncate(making->notice, 0);
    bool made = dsn_notice_build(&request, making->notice, &notice, NULL);
    g_assert(made && !notice.minimal);
    if (making->seven_bits != NULL) {
        g_string_truncate(making->seven_bits, 0);
        made = dsn_notice_down_convert((DsnSpan){making->notice->str, making->notice->len},
                                       &DSN_LIMITS_DEFAULT, making->seven_bits);
        g_assert(made);
    }
    for (guint i = 0; i < making->records->len; i++)
        dsn_record_free(records[i]);
    return original.len;
}

/* What making spends on reading its own notice again, with a parser of its own as there. */
static size_t
check_notice(gpointer data)
{
    Making *making = data;
    DsnSpan notice = {making->notice->str, making->notice->len};

    g_autoptr(GArray) findings = g_array_new(FALSE, FALSE, sizeof(DsnFinding));
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);
    g_autoptr(DsnReport) report = dsn_report_new();

    dsn_report_parse(parser, notice, report);
    bool good = dsn_lint_scanned_notice(notice, dsn_report_parser_structure(parser, notice),
                                        &DSN_LIMITS_DEFAULT, findings);
    g_assert(good && report->kind == DSN_REPORT_DELIVERY_STATUS);
    return notice.len;
}

static size_t
read_record(gpointer data)
{
    const GString *record = data;
    json_t *json = dsn_json_load((DsnSpan){record->str, record->len}, NULL);

    g_assert(json != NULL);
    json_decref(json);
    return record->len;
}

static size_t
scan_record(gpointer data)
{
    const GString *record = data;
    DsnRecordKeys keys;
    bool found = dsn_record_scan((DsnSpan){record->str, record->len}, &keys);

    g_assert(found);
    return record->len;
}

/* What a notice is made of and how. */
typedef struct Kind {
    const char *label;
    const char *languages[3];
    guint records;  /* with a recipient each */
    bool html;      /* in each language, beside the text */
    bool delayed;   /* a message that waits */
    bool eight_bit; /* an original in UTF-8, returned to a host that takes 7 bits */
} Kind;

static void
free_record(gpointer record)
{
    g_string_free(record, TRUE);
}

/* The sample bounce, of another recipient each time; @delayed: four hours and a half of trying. */
static GPtrArray *
make_records(guint count, bool delayed)
{
    g_autofree char *text = dsn_bench_read_example("bounce.json");
    GPtrArray *records = g_ptr_array_new_with_free_func(free_record);

    for (guint i = 0; i < count; i++) {
        json_auto_t *json = json_loads(text, 0, NULL);
        GString *record = g_string_new(NULL);
        char recipient[32];

        if (i > 0) {
            g_snprintf(recipient, sizeof(recipient), "jane%u@customer.example", i);
            json_object_set_new(json, "recipient", json_string(recipient));
        }
        if (delayed) {
            json_object_set_new(json, "type", json_string("TransientFailure"));
            json_object_set_new(json, "event_time", json_string("2026-11-20T13:45:00Z"));
            json_object_set_new(json, "response",
                                json_pack("{s:i, s:{s:i, s:i, s:i}, s:s}", "code", 451,
                                          "enhanced_code", "class", 4, "subject", 4, "detail", 1,
                                          "content", "try again later"));
        }
        dsn_json_tree(record, json);
        g_ptr_array_add(records, record);
    }
    return records;
}

/* The sample of 3 KB; @eight_bit: with a line that is not ASCII. */
static GString *
make_original(bool eight_bit)
{
    g_autofree char *sample = dsn_bench_read_example("original.eml");
    GString *original = pad_message(sample, NULL, 3000);

    if (eight_bit) {
        g_string_replace(original, "us-ascii", "utf-8\r\nContent-Transfer-Encoding: 8bit", 1);
        g_string_append(original, "Viele Gr\xc3\xbc\xc3\x9f"
                                  "e\r\n");
    }
    return original;
}

static void
making_init(Making *making, const DsnCatalog *catalog, const Kind *kind)
{
    static const int64_t hours = 4 * 3600;
    bool worded = kind->languages[0] != NULL;

    *making = (Making){
        .records = make_records(kind->records, kind->delayed),
        .original = make_original(kind->eight_bit),
        .options = {.include_original = DSN_RETURN_FULL,
                    .return_limit = 1024 * 1024,
                    .reporting_mta = {DSN_SPAN_LITERAL("dns"), DSN_SPAN_LITERAL("mta1.example")},
                    .catalog = catalog,
                    .limits = &DSN_LIMITS_DEFAULT,
                    .html = kind->html,
                    .languages = worded ? kind->languages : NULL,
                    .all_languages = worded,
                    .delay_after = &hours,
                    .n_delay_after = 1,
                    .delay_by_default = true,
                    .lifetime = 24 * hours},
        .notice = g_string_new(NULL),
        .seven_bits = kind->eight_bit ? g_string_new(NULL) : NULL,
    };
    making->options.enable[DSN_RECORD_BOUNCE] = true;
    making->options.enable[DSN_RECORD_TRANSIENT_FAILURE] = true;
}

static void
making_clear(Making *making)
{
    g_ptr_array_unref(making->records);
    g_string_free(making->original, TRUE);
    g_string_free(making->notice, TRUE);
    if (making->seven_bits != NULL)
        g_string_free(making->seven_bits, TRUE);
}

/* All with re-parse and lint. */
static void
bench_kinds(const DsnCatalog *catalog, double seconds)
{
    static const Kind kinds[] = {
        {"  with HTML beside the text", {NULL}, 1, true, false, false},
        {"  in Japanese", {"ja", NULL}, 1, false, false, false},
        {"  in German and English, with HTML", {"de", "en", NULL}, 1, true, false, false},
        {"  of delay", {NULL}, 1, false, true, false},
        {"  of five records that came together", {NULL}, 5, false, false, false},
        {"  of an 8-bit original, converted to 7 bits", {NULL}, 1, false, false, true},
    };
    Making making;

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        making_init(&making, catalog, &kinds[i]);
        print_rate(kinds[i].label, measure(make_notice, &making, seconds).runs, "", "");
        making_clear(&making);
    }
}

static void
bench_making(double seconds)
{
    g_autoptr(DsnCatalog) catalog = dsn_catalog_new(NULL, &DSN_TEMPLATE_LIMITS_DEFAULT, NULL);
    g_autoptr(GString) shares = g_string_new(NULL);
    static const Kind plain = {.records = 1};
    Making making;

    making_init(&making, catalog, &plain);
    Rate with = measure_with_shares(make_notice, &making, seconds, shares);
    Rate check = measure(check_notice, &making, seconds);
    double without = 1 / (1 / with.runs - 1 / check.runs);
    print_rate("record + 3 KB original -> notice, without the check", without, "20000/s", "");
    print_rate("the same with re-parse and lint", with.runs, "14000/s", shares->str);

    Rate parse = measure(read_record, making.records->pdata[0], seconds);
    print_rate("  of which the tree of the record", parse.runs, "", "");
    bench_kinds(catalog, seconds);
    Rate scan = measure(scan_record, making.records->pdata[0], seconds);
    g_autofree char *rate = g_strdup_printf("%.0f MB/s", scan.bytes / 1e6);
    print_row("record scanned for type and id only", rate, "", "");
    making_clear(&making);
}

/* As Postfix writes it, up to the text of the original. */
#define POSTFIX_BOUNDARY "B3A8A9A1F80.1795299090/mta1.example"
#define POSTFIX_NOTICE                                                                        \
    "Date: Sat, 21 Nov 2026 22:11:30 +0000 (UTC)\n"                                           \
    "From: Mail Delivery System <MAILER-DAEMON@mta1.example>\n"                               \
    "Subject: Undelivered Mail Returned to Sender\nTo: news@shop.example\n"                   \
    "Auto-Submitted: auto-replied\nMIME-Version: 1.0\n"                                       \
    "Content-Type: multipart/report; report-type=delivery-status;\n"                          \
    "\tboundary=\"" POSTFIX_BOUNDARY "\"\nContent-Transfer-Encoding: 8bit\n"                  \
    "Message-Id: <20261121221130.C8C539A1F7B@mta1.example>\n\n"                               \
    "This is a MIME-encapsulated message.\n\n--" POSTFIX_BOUNDARY "\n"                        \
    "Content-Description: Notification\nContent-Type: text/plain; charset=us-ascii\n\n"       \
    "This is the mail system at host mta1.example.\n\nI'm sorry to have to inform you that "  \
    "your message could not\nbe delivered to one or more recipients. It's attached below.\n"  \
    "\n<jane@customer.example>: host mx.customer.example[198.51.100.25] said: 550 5.1.1\n"    \
    "    no such user (in reply to RCPT TO command)\n\n--" POSTFIX_BOUNDARY "\n"              \
    "Content-Description: Delivery report\nContent-Type: message/delivery-status\n\n"         \
    "Reporting-MTA: dns; mta1.example\nX-Postfix-Queue-ID: B3A8A9A1F80\n"                     \
    "X-Postfix-Sender: rfc822; news@shop.example\n"                                           \
    "Arrival-Date: Sat, 21 Nov 2026 22:11:30 +0000 (UTC)\n\n"                                 \
    "Final-Recipient: rfc822; jane@customer.example\n"                                        \
    "Original-Recipient: rfc822;jane@customer.example\nAction: failed\nStatus: 5.1.1\n"       \
    "Remote-MTA: dns; mx.customer.example\nDiagnostic-Code: smtp; 550 5.1.1 no such user\n\n" \
    "--" POSTFIX_BOUNDARY "\nContent-Description: Undelivered Message\n"                      \
    "Content-Type: message/rfc822\n\nReturn-Path: <news@shop.example>\n"                      \
    "From: Shop <news@shop.example>\nTo: jane@customer.example\nSubject: Your order\n"        \
    "Message-ID: <o1@shop.example>\nDate: Thu, 2 Jul 2026 09:01:10 +0000\n\n"                 \
    "\n--" POSTFIX_BOUNDARY "--\n"

typedef struct Rewriting {
    Making *making; /* whose record and options are used */
    DsnRecord *record;
    GString *message;
    DsnReportParser *parser;
    DsnReport *report;
} Rewriting;

/* What the milter does with one of Postfix's notices: reads it, and has it rewritten. */
static size_t
rewrite_notice(gpointer data)
{
    Rewriting *rewriting = data;
    DsnSpan message = {rewriting->message->str, rewriting->message->len};
    const DsnNoticeRequest request = {.options = &rewriting->making->options,
                                      .records = &rewriting->record,
                                      .n_records = 1,
                                      .now = 1795299100};
    g_auto(DsnRewritten) rewritten;

    dsn_report_parse(rewriting->parser, message, rewriting->report);
    const char *start = memmem(message.data, message.len, "Content-Description", 19);
    const char *end = memmem(start, 2000, "\r\n--" POSTFIX_BOUNDARY, 4 + strlen(POSTFIX_BOUNDARY));
    bool made = dsn_notice_rewrite(&request, rewriting->report, message,
                                   (DsnSpan){start, (size_t)(end - start)}, &rewritten, NULL);
    g_assert(made && !rewritten.minimal);
    return message.len;
}

static void
bench_rewriting(double seconds)
{
    static const struct {
        const char *label, *wanted;
        Kind kind;
        size_t size; /* of the original */
    } rows[] = {
        {"Postfix's notice of 3 KB in other words", "5000/s", {.records = 1}, 3000},
        {"  with HTML beside the text", "", {.records = 1, .html = true}, 3000},
        {"  in German and English, with HTML",
         "",
         {.records = 1, .languages = {"de", "en", NULL}, .html = true},
         3000},
        {"Postfix's notice of 200 KB in other words", "", {.records = 1}, 200000},
    };
    g_autoptr(DsnCatalog) catalog = dsn_catalog_new(NULL, &DSN_TEMPLATE_LIMITS_DEFAULT, NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Making making;
        g_autoptr(GString) shares = g_string_new(NULL);

        making_init(&making, catalog, &rows[i].kind);

        const GString *text = making.records->pdata[0];
        Rewriting rewriting = {
            .making = &making,
            .record = dsn_record_parse((DsnSpan){text->str, text->len}, G_MAXSIZE, NULL),
            .message =
                pad_message(POSTFIX_NOTICE, "\r\n--" POSTFIX_BOUNDARY "--", rows[i].size + 1500),
            .parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT),
            .report = dsn_report_new(),
        };
        Rate rate = measure_with_shares(rewrite_notice, &rewriting, seconds, shares);
        print_rate(rows[i].label, rate.runs, rows[i].wanted, shares->str);
        dsn_record_free(rewriting.record);
        g_string_free(rewriting.message, TRUE);
        dsn_report_parser_free(rewriting.parser);
        dsn_report_free(rewriting.report);
        making_clear(&making);
    }
}

static size_t
render_text(gpointer data)
{
    Rendering *rendering = data;
    const DsnTemplateInput input = {.context = rendering->context};

    g_string_truncate(rendering->text, 0);
    bool rendered = dsn_template_render(rendering->template_, &input, &DSN_TEMPLATE_LIMITS_DEFAULT,
                                        rendering->text, NULL);
    g_assert(rendered);
    return rendering->text->len;
}

typedef struct Wording {
    DsnCatalog *catalog;
    json_t *context;
    const char *language;
    bool html;
    DsnWording wording;
} Wording;

static size_t
word_notice(gpointer data)
{
    Wording *wording = data;
    const DsnTemplateInput input = {.context = wording->context};
    bool worded =
        dsn_catalog_word(wording->catalog, DSN_TOPIC_FAILED, DSN_FAILURE_ADDRESS, wording->language,
                         wording->html, false, &input, &wording->wording, NULL);

    g_assert(worded);
    return wording->wording.text->len + wording->wording.html->len;
}

static void
bench_wording(double seconds)
{
    static const struct {
        const char *label, *language;
        bool html;
    } rows[] = {{"shipped words in English, text", "en", false},
                {"shipped words in Japanese, text", "ja", false},
                {"shipped words in English, text and HTML", "en", true}};
    Wording wording = {
        .catalog = dsn_catalog_new(NULL, &DSN_TEMPLATE_LIMITS_DEFAULT, NULL),
        .context = dsn_sample_context(DSN_TOPIC_FAILED, DSN_FAILURE_ADDRESS, DSN_SAMPLE_FULL)};

    dsn_wording_init(&wording.wording);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        wording.language = rows[i].language;
        wording.html = rows[i].html;
        print_rate(rows[i].label, measure(word_notice, &wording, seconds).runs, "", "");
    }
    dsn_wording_clear(&wording.wording);
    json_decref(wording.context);
    dsn_catalog_free(wording.catalog);
}

static void
bench_rendering(double seconds)
{
    static const char source[] =
        "This is the mail system at {{ hostname }}.\n\n"
        "Your message to the following recipients could not be delivered:\n\n"
        "{% for r in recipients %}  <{{ r.address }}>: {{ r.diagnostic }} ({{ r.status }})\n"
        "{% endfor %}\n"
        "It was received on {{ arrival_date }}. No further attempts will be made.\n";
    g_autoptr(GString) shares = g_string_new(NULL);
    json_t *recipients = json_array();

    for (int i = 0; i < 5; i++)
        json_array_append_new(recipients,
                              json_pack("{s:s, s:s, s:s}", "address", "somebody@customer.example",
                                        "diagnostic", "550 no such user here", "status", "5.1.1"));
    Rendering rendering = {
        .template_ = dsn_template_compile("bench", 1, source, strlen(source), DSN_TEMPLATE_PLAIN,
                                          &DSN_TEMPLATE_LIMITS_DEFAULT, NULL),
        .context = json_pack("{s:s, s:s, s:o}", "hostname", "mta1.example.com", "arrival_date",
                             "Fri, 20 Nov 2026 09:15:00 +0000", "recipients", recipients),
        .text = g_string_new(NULL),
    };
    g_assert(rendering.template_ != NULL && rendering.context != NULL);
    Rate rate = measure_with_shares(render_text, &rendering, seconds, shares);
    print_rate("notice text of 520 bytes, five recipients, rendered", rate.runs, "500000/s",
               shares->str);
    dsn_template_free(rendering.template_);
    json_decref(rendering.context);
    g_string_free(rendering.text, TRUE);
}

int
main(int argc, char **argv)
{
    double seconds = argc > 1 ? g_ascii_strtod(argv[1], NULL) : 2;

    g_mime_init();
    printf("bench: %s seconds a row, by processor time, one core unless said\n",
           argc > 1 ? argv[1] : "2");
    print_row("work", "rate", "to reach", "time spent in");
    bench_reading(seconds);
    bench_making(seconds);
    bench_rewriting(seconds);
    bench_rendering(seconds);
    bench_wording(seconds);
    g_mime_shutdown();
    return EXIT_SUCCESS;
}
