/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/notice.h"

#include "filter/core/notice-context.h"
#include "filter/core/notice-report.h"
#include "mime/header.h"
#include "mime/lint.h"
#include "mime/report-parse.h"

#define DIGEST_PART 32 /* hexadecimal digits in Message-ID and boundary */

/* What one notice is made from. */
typedef struct Draft {
    const DsnNoticeOptions *options;
    const DsnRecord *record;
    DsnReport *report;
    DsnSpan sender; /* normalised */
    DsnSpan from_display;
    GString *from;
    GString *message_id;
    GString *boundary;
    int64_t date;
    GString *subject;
    GString *text;
} Draft;

void
dsn_notice_clear(DsnNotice *notice)
{
    g_clear_pointer(&notice->template_fault, g_free);
    *notice = (DsnNotice){0};
}

static bool
has_mark(const json_t *headers)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)headers, name, value)
    {
        if (g_ascii_strcasecmp(name, DSN_NOTICE_MARK) == 0)
            return true;
    }
    return false;
}

/* A record about the transport of a log record, or about a notice of ours (rules LOOP-13, LOOP-14).
 */
static bool
is_own_traffic(const DsnRecord *record, DsnSpan header)
{
    return g_strcmp0(record->reception_protocol, "LogRecord") == 0 ||
           json_object_get(json_object_get(record->json, "meta"), "log_record") != NULL ||
           has_mark(json_object_get(record->json, "headers")) ||
           dsn_span_present(dsn_header_find(header, DSN_NOTICE_MARK));
}

/* RFC 5321 section 3.6.3: DSN, MDN and feedback report alike (rules ENV-07, LOOP-15). */
static bool
is_notification(DsnSpan header)
{
    return dsn_span_starts(dsn_span_trim(dsn_header_find(header, "Content-Type")),
                           "multipart/report");
}

DsnReason
dsn_notice_reason(const DsnNoticeOptions *options, const DsnRecord *record, DsnSpan original,
                  GString *ret_sender)
{
    DsnSpan body, header = dsn_header_split(original, &body);

    if (!options->enable[record->type])
        return DSN_REASON_TYPE_NOT_ENABLED;
    if (is_own_traffic(record, header))
        return DSN_REASON_OWN_TRAFFIC;

    /* The record has no angle brackets, and a source route only counts in them (rule ENV-11). */
    g_autofree char *path =
        record->sender[0] == '@' ? g_strdup_printf("<%s>", record->sender) : NULL;
    if (!dsn_address_normalise(dsn_span(path == NULL ? record->sender : path), ret_sender))
        return DSN_REASON_BAD_SENDER;
    if (ret_sender->len == 0)
        return DSN_REASON_NULL_SENDER;
    if (!dsn_address_is_mailbox((DsnSpan){ret_sender->str, ret_sender->len}))
        return DSN_REASON_BAD_SENDER; /* for example Postmaster without a domain */
    return is_notification(header) ? DSN_REASON_NOTIFICATION : DSN_REASON_NONE;
}

static DsnTyped
reporting_mta(const DsnNoticeOptions *options, const DsnRecord *record)
{
    const char *host = NULL;

    if (options->nodes != NULL && record->nodeid != NULL)
        host = g_hash_table_lookup(options->nodes, record->nodeid);
    return host == NULL ? options->reporting_mta
                        : (DsnTyped){DSN_SPAN_LITERAL("dns"), dsn_span(host)};
}

static int
compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The digest of what makes a notice this notice: a record that comes again gives the same one. */
static char *
dup_identity(const DsnRecord *record)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree const char **recipients =
        g_memdup2(record->recipients, record->n_recipients * sizeof(*recipients));
    g_autofree char *created =
        g_strdup_printf("%" G_GINT64_FORMAT ".%09u", record->created, record->created_nanoseconds);
    const char *const fixed[] = {record->nodeid, record->id, created, "failed"};

    for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++) {
        const char *text = fixed[i] == NULL ? "" : fixed[i];

        g_checksum_update(checksum, (const guchar *)text, (gssize)strlen(text) + 1);
    }
    if (record->n_recipients > 1)
        qsort(recipients, record->n_recipients, sizeof(*recipients), compare_texts);
    for (size_t i = 0; i < record->n_recipients; i++)
        g_checksum_update(checksum, (const guchar *)recipients[i],
                          (gssize)strlen(recipients[i]) + 1);
    return g_strdup(g_checksum_get_string(checksum));
}

static void
identify(Draft *draft, int64_t now)
{
    const DsnNoticeOptions *options = draft->options;
    DsnSpan host = draft->report->per_message.reporting_mta.value;
    g_autofree char *digest = options->stable ? NULL : dup_identity(draft->record);

    if (dsn_span_present(options->from))
        g_string_append_len(draft->from, options->from.data, (gssize)options->from.len);
    else
        g_string_append_printf(draft->from, "mailer-daemon@%.*s", (int)host.len, host.data);
    draft->from_display = dsn_span_present(options->from_display) || dsn_span_present(options->from)
                              ? options->from_display
                              : DSN_SPAN_LITERAL("Mail Delivery System");
    draft->date = options->stable ? draft->record->event_time : now;
    if (options->stable) {
        g_string_append(draft->boundary, "report-boundary");
        g_string_append_printf(draft->message_id, "<UUID@%.*s>", (int)host.len, host.data);
    } else {
        g_string_append_printf(draft->boundary, "=_%.*s", DIGEST_PART, digest);
        g_string_append_printf(draft->message_id, "<dsn-%.*s@%.*s>", DIGEST_PART,
                               digest + DIGEST_PART, (int)host.len, host.data);
    }
}

/* The words: from the administrator's template, or if that fails or @shipped, from our own. */
static bool
render(Draft *draft, const DsnReturnedPlan *returned, bool shipped, DsnNotice *notice,
       GError **error)
{
    json_t *context = dsn_notice_context_new(&(DsnNoticeFacts){
        .record = draft->record,
        .report = draft->report,
        .sender = draft->sender,
        .postmaster = draft->options->from,
        .returned = returned,
        .limits = draft->options->limits,
    });
    DsnTemplateInput input = {context, "log_record", draft->record->json};
    DsnOccasion occasion = draft->record->type == DSN_RECORD_EXPIRATION ? DSN_OCCASION_EXPIRATION
                                                                        : DSN_OCCASION_BOUNCE;
    g_autoptr(GError) fault = NULL;
    bool done;

    g_string_truncate(draft->subject, 0);
    g_string_truncate(draft->text, 0);
    done = !shipped && dsn_catalog_render(draft->options->catalog, occasion, &input, draft->subject,
                                          draft->text, &fault);
    if (fault != NULL)
        notice->template_fault = g_strdup(fault->message);
    if (!done)
        done = dsn_catalog_render_shipped(draft->options->catalog, occasion, &input, draft->subject,
                                          draft->text, error);
    json_decref(context);
    return done;
}

static bool
build(Draft *draft, const DsnReturnedPlan *returned, bool shipped, GString *bytes,
      DsnNotice *notice, GError **error)
{
    if (!render(draft, returned, shipped, notice, error))
        return false;

    DsnFrame frame = {
        .from_display = draft->from_display,
        .from = {draft->from->str, draft->from->len},
        .to = draft->sender,
        .subject = {draft->subject->str, draft->subject->len},
        .message_id = {draft->message_id->str, draft->message_id->len},
        .date = draft->date,
        .boundary = {draft->boundary->str, draft->boundary->len},
        .text = {draft->text->str, draft->text->len},
        .returned = returned,
    };
    return dsn_report_build(draft->report, &frame, bytes, &notice->built, error);
}

/* Reads the finished notice again (rule SEC-06). Our own output is not what the caps are for, so
 * those that grow with it do. False with the id of the rule, or NULL, when something is wrong. */
static bool
check(const Draft *draft, DsnSpan bytes, const DsnBuilt *built, const char **ret_rule)
{
    static const DsnReturnedKind kinds[] = {
        [DSN_RETURN_NOTHING] = DSN_RETURNED_NOTHING,
        [DSN_RETURN_HEADERS] = DSN_RETURNED_HEADERS,
        [DSN_RETURN_FULL] = DSN_RETURNED_MESSAGE,
    };
    DsnLimits limits = *draft->options->limits;
    guint recipients = draft->report->per_recipient->len;

    limits.message = MAX(limits.message, bytes.len);
    limits.decoded = MAX(limits.decoded, bytes.len);
    limits.groups = MAX(limits.groups, (size_t)recipients + 1);
    limits.fields = MAX(limits.fields, ((size_t)recipients + 1) * 16);

    g_autoptr(GArray) findings = g_array_new(FALSE, FALSE, sizeof(DsnFinding));
    bool good = dsn_lint_notice(bytes, &limits, findings);
    for (guint i = 0; i < findings->len && *ret_rule == NULL; i++) {
        const DsnFinding *finding = &g_array_index(findings, DsnFinding, i);

        if (finding->level == DSN_LINT_MUST)
            *ret_rule = finding->rule;
    }

    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&limits);
    g_autoptr(DsnReport) read = dsn_report_new();
    dsn_report_parse(parser, bytes, read);
    return good && read->kind == DSN_REPORT_DELIVERY_STATUS &&
           read->per_recipient->len == recipients && read->returned.kind == kinds[built->returned];
}

/* Builds and checks; if the result is wrong, the least that is right: our own words and nothing of
 * the original. */
static bool
make(Draft *draft, const DsnReturnedPlan *returned, GString *bytes, DsnNotice *notice,
     GError **error)
{
    static const DsnReturnedPlan nothing = {.returned = DSN_RETURN_NOTHING};
    size_t start = bytes->len;
    const char *rule = NULL;

    if (!build(draft, returned, false, bytes, notice, error))
        return false;
    if (check(draft, (DsnSpan){bytes->str + start, bytes->len - start}, &notice->built,
              &notice->broken))
        return true;

    g_string_truncate(bytes, start);
    notice->minimal = true;
    if (!build(draft, &nothing, true, bytes, notice, error))
        return false;
    if (check(draft, (DsnSpan){bytes->str + start, bytes->len - start}, &notice->built, &rule))
        return true;

    g_string_truncate(bytes, start);
    g_set_error(error, DSN_BUILD_ERROR, DSN_BUILD_ERROR_REPORT,
                "even a minimal notice breaks a rule: %s", rule == NULL ? "none named" : rule);
    return false;
}

DsnNoticeResult
dsn_notice_make(const DsnNoticeOptions *options, const DsnRecord *record, DsnSpan original,
                int64_t now, GString *ret_bytes, DsnNotice *ret_notice, GError **error)
{
    g_autoptr(GString) sender = g_string_new(NULL);
    g_autoptr(GString) from = g_string_new(NULL);
    g_autoptr(GString) message_id = g_string_new(NULL);
    g_autoptr(GString) boundary = g_string_new(NULL);
    g_autoptr(GString) subject = g_string_new(NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(DsnReport) report = dsn_report_new();
    Draft draft = {.options = options,
                   .record = record,
                   .report = report,
                   .from = from,
                   .message_id = message_id,
                   .boundary = boundary,
                   .subject = subject,
                   .text = text};
    DsnReturnedPlan returned;

    *ret_notice = (DsnNotice){0};
    ret_notice->reason = dsn_notice_reason(options, record, original, sender);
    if (ret_notice->reason != DSN_REASON_NONE)
        return DSN_NOTICE_NOT_DUE;
    if (record->n_recipients == 0) {
        g_set_error_literal(error, DSN_BUILD_ERROR, DSN_BUILD_ERROR_REPORT,
                            "recipient: there is none");
        return DSN_NOTICE_FAILED;
    }
    draft.sender = (DsnSpan){sender->str, sender->len};
    dsn_returned_plan(&(DsnReturnRequest){.original = original,
                                          .wanted = options->include_original,
                                          .limit = options->return_limit,
                                          .failed = true,
                                          .utf8_path = !dsn_text_is_ascii(draft.sender)},
                      &returned);
    dsn_notice_report_fill(report, record, reporting_mta(options, record));
    identify(&draft, now);
    return make(&draft, &returned, ret_bytes, ret_notice, error) ? DSN_NOTICE_MADE
                                                                 : DSN_NOTICE_FAILED;
}
