/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/metrics.h"

#include <string.h>

#define CAPTURES "captures_total", "What became of captures of mail that left"
#define CLASSES "classifications_total", "Responses that were asked for a class"
#define MESSAGES "messages_total", "Messages that arrived at a report address"
#define NOTICES "notices_total", "What became of notices"
#define LOOKED_UP "capture_lookups_total", "Records that a capture was looked for"
#define POSTFIX "postfix_notices_total", "What became of notices that Postfix made itself"
#define PROGRAM "program_records_total", "What programs said of records"
#define RECORDS "records_total", "Records that were posted"
#define REFUSED "http_refused_total", "Requests that were refused"
#define REPORTS "reports_total", "Records that were made of reports"
#define FOLLOWED "tailer_lines_total", "Lines of log segments that were followed"
#define TRACES "traces_total", "Reports that were recorded, by the state of their trace"
#define WEBHOOK_RECORDS "webhook_records_total", "What became of records that webhooks send"
#define WEBHOOK_REQUESTS "webhook_requests_total", "Requests of webhooks, by what was answered"

static const struct {
    const char *name, *help, *labels;
} rows[DSN_N_COUNTERS] = {
    [DSN_COUNT_RECORDS_ACCEPTED] = {RECORDS, "{result=\"accepted\"}"},
    [DSN_COUNT_RECORDS_DUPLICATE] = {RECORDS, "{result=\"duplicate\"}"},
    [DSN_COUNT_RECORDS_IGNORED] = {RECORDS, "{result=\"ignored\"}"},
    [DSN_COUNT_RECORDS_REJECTED] = {RECORDS, "{result=\"rejected\"}"},
    [DSN_COUNT_NOTICES_MADE] = {NOTICES, "{event=\"made\"}"},
    [DSN_COUNT_NOTICES_MERGED] = {NOTICES, "{event=\"merged\"}"},
    [DSN_COUNT_NOTICES_MINIMAL] = {NOTICES, "{event=\"minimal\"}"},
    [DSN_COUNT_NOTICES_TEMPLATE_FAULT] = {NOTICES, "{event=\"template-fault\"}"},
    [DSN_COUNT_NOTICES_SENT] = {NOTICES, "{event=\"sent\"}"},
    [DSN_COUNT_NOTICES_DEFERRED] = {NOTICES, "{event=\"deferred\"}"},
    [DSN_COUNT_NOTICES_DEAD] = {NOTICES, "{event=\"dead\"}"},
    [DSN_COUNT_MILTER_CONSUMED] = {MESSAGES, "{intake=\"milter\",result=\"consumed\"}"},
    [DSN_COUNT_MILTER_KEPT] = {MESSAGES, "{intake=\"milter\",result=\"kept\"}"},
    [DSN_COUNT_MILTER_PASSED] = {MESSAGES, "{intake=\"milter\",result=\"passed\"}"},
    [DSN_COUNT_MILTER_FAILED] = {MESSAGES, "{intake=\"milter\",result=\"failed\"}"},
    [DSN_COUNT_MILTER_OTHER] = {MESSAGES, "{intake=\"milter\",result=\"other\"}"},
    [DSN_COUNT_MILTER_TRACED] = {MESSAGES, "{intake=\"milter\",result=\"traced\"}"},
    [DSN_COUNT_MILTER_UNTRACED] = {MESSAGES, "{intake=\"milter\",result=\"untraced\"}"},
    [DSN_COUNT_LMTP_CONSUMED] = {MESSAGES, "{intake=\"lmtp\",result=\"consumed\"}"},
    [DSN_COUNT_LMTP_PASSED] = {MESSAGES, "{intake=\"lmtp\",result=\"passed\"}"},
    [DSN_COUNT_LMTP_FAILED] = {MESSAGES, "{intake=\"lmtp\",result=\"failed\"}"},
    [DSN_COUNT_MAILDIR_CONSUMED] = {MESSAGES, "{intake=\"maildir\",result=\"consumed\"}"},
    [DSN_COUNT_MAILDIR_PASSED] = {MESSAGES, "{intake=\"maildir\",result=\"passed\"}"},
    [DSN_COUNT_MAILDIR_FAILED] = {MESSAGES, "{intake=\"maildir\",result=\"failed\"}"},
    [DSN_COUNT_HTTP_MESSAGE_CONSUMED] = {MESSAGES, "{intake=\"http\",result=\"consumed\"}"},
    [DSN_COUNT_HTTP_MESSAGE_PASSED] = {MESSAGES, "{intake=\"http\",result=\"passed\"}"},
    [DSN_COUNT_HTTP_MESSAGE_FAILED] = {MESSAGES, "{intake=\"http\",result=\"failed\"}"},
    [DSN_COUNT_POSTFIX_PASSED] = {POSTFIX, "{result=\"passed\"}"},
    [DSN_COUNT_POSTFIX_REWRITTEN] = {POSTFIX, "{result=\"rewritten\"}"},
    [DSN_COUNT_POSTFIX_REPLACED] = {POSTFIX, "{result=\"replaced\"}"},
    [DSN_COUNT_POSTFIX_SUPPRESSED] = {POSTFIX, "{result=\"suppressed\"}"},
    [DSN_COUNT_POSTFIX_FAILED] = {POSTFIX, "{result=\"failed\"}"},
    [DSN_COUNT_REPORTS_FEEDBACK] = {REPORTS, "{type=\"Feedback\"}"},
    [DSN_COUNT_REPORTS_OOB] = {REPORTS, "{type=\"OOB\"}"},
    [DSN_COUNT_TRACES_UNSIGNED] = {TRACES, "{state=\"unsigned\"}"},
    [DSN_COUNT_TRACES_VERIFIED] = {TRACES, "{state=\"verified\"}"},
    [DSN_COUNT_TRACES_BAD] = {TRACES, "{state=\"bad\"}"},
    [DSN_COUNT_TRACES_EXPIRED] = {TRACES, "{state=\"expired\"}"},
    [DSN_COUNT_HTTP_TOKEN] = {REFUSED, "{cause=\"token\"}"},
    [DSN_COUNT_HTTP_NETWORK] = {REFUSED, "{cause=\"network\"}"},
    [DSN_COUNT_HTTP_TOO_LARGE] = {REFUSED, "{cause=\"too-large\"}"},
    [DSN_COUNT_HTTP_BAD] = {REFUSED, "{cause=\"bad-request\"}"},
    [DSN_COUNT_HTTP_OVERLOAD] = {REFUSED, "{cause=\"overload\"}"},
    [DSN_COUNT_HTTP_DEADLINE] = {REFUSED, "{cause=\"deadline\"}"},
    [DSN_COUNT_MILTER_REFUSED] = {"milter_refused_total", "Connections of MTAs that were refused",
                                  ""},
    [DSN_COUNT_MAILDIR_ERRORS] = {"maildir_errors_total", "Looks at Maildirs that failed", ""},
    [DSN_COUNT_FILE_LINES] = {"file_lines_total", "Records that were written to files", ""},
    [DSN_COUNT_FILE_ERRORS] = {"file_errors_total", "Files that could not be written", ""},
    [DSN_COUNT_SEGMENT_LINES] = {"segment_lines_total", "Records written to log segments", ""},
    [DSN_COUNT_SEGMENT_FAULTS] = {"segment_faults_total",
                                  "Records that a template or filter failed at", ""},
    [DSN_COUNT_SEGMENT_ERRORS] = {"segment_errors_total", "Log segments that could not be written",
                                  ""},
    [DSN_COUNT_CLASSIFIED] = {CLASSES, "{result=\"classified\"}"},
    [DSN_COUNT_UNCATEGORIZED] = {CLASSES, "{result=\"uncategorized\"}"},
    [DSN_COUNT_RULES_GIVEN_UP] = {"classifier_given_up_total",
                                  "Rules that took too many steps at a response", ""},
    [DSN_COUNT_WEBHOOK_SENT] = {WEBHOOK_RECORDS, "{result=\"sent\"}"},
    [DSN_COUNT_WEBHOOK_DEAD] = {WEBHOOK_RECORDS, "{result=\"dead\"}"},
    [DSN_COUNT_WEBHOOK_ACCEPTED] = {WEBHOOK_REQUESTS, "{result=\"accepted\"}"},
    [DSN_COUNT_WEBHOOK_FAILED] = {WEBHOOK_REQUESTS, "{result=\"failed\"}"},
    [DSN_COUNT_WEBHOOK_REFUSED] = {WEBHOOK_REQUESTS, "{result=\"refused\"}"},
    [DSN_COUNT_PROGRAM_OK] = {PROGRAM, "{result=\"ok\"}"},
    [DSN_COUNT_PROGRAM_PUT_OFF] = {PROGRAM, "{result=\"put-off\"}"},
    [DSN_COUNT_PROGRAM_DEAD] = {PROGRAM, "{result=\"dead\"}"},
    [DSN_COUNT_PROGRAM_ENDED] = {"program_ends_total", "Programs that ended and were started again",
                                 ""},
    [DSN_COUNT_TAILER_RECORD] = {FOLLOWED, "{result=\"record\"}"},
    [DSN_COUNT_TAILER_NO_RECORD] = {FOLLOWED, "{result=\"no-record\"}"},
    [DSN_COUNT_TAILER_TOO_LONG] = {FOLLOWED, "{result=\"too-long\"}"},
    [DSN_COUNT_TAILER_CUT_OFF] = {FOLLOWED, "{result=\"cut-off\"}"},
    [DSN_COUNT_TAILER_DAMAGED] = {"tailer_damaged_total", "Damaged places in log segments", ""},
    [DSN_COUNT_TAILER_FILES] = {"tailer_files_total", "Log segments that were read to the end", ""},
    [DSN_COUNT_TAILER_ERRORS] = {"tailer_errors_total", "Log segments that could not be read", ""},
    [DSN_COUNT_RELAY_HOST_FAULTS] = {"relay_host_faults_total",
                                     "Connections to relay hosts that failed", ""},
    [DSN_COUNT_CAPTURES_KEPT] = {CAPTURES, "{result=\"kept\"}"},
    [DSN_COUNT_CAPTURES_DROPPED] = {CAPTURES, "{result=\"dropped\"}"},
    [DSN_COUNT_CAPTURES_FOUND] = {LOOKED_UP, "{result=\"found\"}"},
    [DSN_COUNT_CAPTURES_MISSING] = {LOOKED_UP, "{result=\"missing\"}"},
    [DSN_COUNT_SPOOL_COMMITS] = {"spool_commits_total", "Transactions of the spool", ""},
    [DSN_COUNT_SPOOL_ERRORS] = {"spool_errors_total", "Transactions of the spool that failed", ""},
};

void
dsn_metrics_add(DsnMetrics *metrics, DsnCounter counter, guint64 count)
{
    (void)__atomic_fetch_add(&metrics->counters[counter], count, __ATOMIC_RELAXED);
}

void
dsn_metrics_reason(DsnMetrics *metrics, DsnReason reason, guint64 count)
{
    (void)__atomic_fetch_add(&metrics->reasons[reason], count, __ATOMIC_RELAXED);
}

void
dsn_metrics_defects(DsnMetrics *metrics, guint32 kinds)
{
    for (int kind = 0; kind < DSN_N_DEFECT_KINDS; kind++)
        if ((kinds >> kind & 1) != 0)
            (void)__atomic_fetch_add(&metrics->defects[kind], 1, __ATOMIC_RELAXED);
}

guint64
dsn_metrics_get(const DsnMetrics *metrics, DsnCounter counter)
{
    return __atomic_load_n(&metrics->counters[counter], __ATOMIC_RELAXED);
}

static void
write_head(GString *text, const char *name, const char *help, const char *type)
{
    g_string_append_printf(text, "# HELP dsnarf_%s %s\n# TYPE dsnarf_%s %s\n", name, help, name,
                           type);
}

static void
write_defects(const DsnMetrics *metrics, GString *text)
{
    write_head(text, "defects_total", "Reports that were recorded and had a defect, by its kind",
               "counter");
    for (int i = 0; i < DSN_N_DEFECT_KINDS; i++)
        g_string_append_printf(text, "dsnarf_defects_total{kind=\"%s\"} %" G_GUINT64_FORMAT "\n",
                               dsn_defect_kind_to_string((DsnDefectKind)i),
                               __atomic_load_n(&metrics->defects[i], __ATOMIC_RELAXED));
}

void
dsn_metrics_write(const DsnMetrics *metrics, GString *text)
{
    const char *name = "";

    for (int i = 0; i < DSN_N_COUNTERS; i++) {
        if (strcmp(rows[i].name, name) != 0)
            write_head(text, rows[i].name, rows[i].help, "counter");
        name = rows[i].name;
        g_string_append_printf(text, "dsnarf_%s%s %" G_GUINT64_FORMAT "\n", name, rows[i].labels,
                               dsn_metrics_get(metrics, (DsnCounter)i));
    }
    write_head(text, "not_done_total", "What was not done, by reason", "counter");
    for (int i = DSN_REASON_NONE + 1; i < DSN_N_REASONS; i++)
        g_string_append_printf(text, "dsnarf_not_done_total{reason=\"%s\"} %" G_GUINT64_FORMAT "\n",
                               dsn_reason_to_string((DsnReason)i),
                               __atomic_load_n(&metrics->reasons[i], __ATOMIC_RELAXED));
    write_defects(metrics, text);
}

void
dsn_metrics_write_gauge_head(GString *text, const char *name, const char *help)
{
    write_head(text, name, help, "gauge");
}

static void
write_value(GString *text, double value)
{
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append_printf(text, " %s\n", g_ascii_dtostr(number, sizeof(number), value));
}

void
dsn_metrics_write_gauge_of(GString *text, const char *name, const char *label, const char *of,
                           double value)
{
    g_string_append_printf(text, "dsnarf_%s{%s=\"", name, label);
    for (const char *byte = of; *byte != '\0'; byte++) {
        if (*byte == '\\' || *byte == '"' || *byte == '\n')
            g_string_append_c(text, '\\');
        g_string_append_c(text, *byte == '\n' ? 'n' : *byte);
    }
    g_string_append(text, "\"}");
    write_value(text, value);
}

void
dsn_metrics_write_gauge(GString *text, const char *name, const char *help, double value)
{
    dsn_metrics_write_gauge_head(text, name, help);
    g_string_append_printf(text, "dsnarf_%s", name);
    write_value(text, value);
}
