/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/notice.h"

#include "filter/core/notice-identity.h"
#include "filter/core/notice-report.h"
#include "filter/core/notice-words.h"
#include "filter/core/wishes.h"
#include "mime/header.h"
#include "mime/lines.h"
#include "mime/lint.h"
#include "mime/report-parse.h"

#define DIGEST_PART \
    32 /* hexadecimal digits, of 64: the first in the boundary, then the Message-ID */

/* What one notice is made from. */
typedef struct Draft {
    const DsnNoticeRequest *request;
    const DsnNoticeOptions *options;
    DsnReport *report;
    DsnSpan sender; /* normalised */
    DsnSpan from_display;
    GString *from;
    GString *message_id;
    GString *boundary;
} Draft;

void
dsn_notice_clear(DsnNotice *notice)
{
    g_clear_pointer(&notice->template_fault, g_free);
    *notice = (DsnNotice){0};
}

static void
clear_wishes(gpointer data)
{
    dsn_wishes_clear(data);
}

static int
compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The recipients of all records, sorted (transfer container). */
static GPtrArray *
sorted_recipients(const DsnNoticeRequest *request)
{
    GPtrArray *recipients = g_ptr_array_new();

    for (size_t r = 0; r < request->n_records; r++)
        for (size_t i = 0; i < request->records[r]->n_recipients; i++)
            g_ptr_array_add(recipients, (gpointer)request->records[r]->recipients[i]);
    g_ptr_array_sort(recipients, compare_texts);
    return recipients;
}

/* The digest of what makes a notice this notice: events that come again give the same one. */
static char *
dup_identity(const DsnNoticeRequest *request)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autoptr(GPtrArray) recipients = sorted_recipients(request);
    const DsnRecord *record = request->records[0];
    g_autofree char *created =
        g_strdup_printf("%" G_GINT64_FORMAT ".%09u", record->created, record->created_nanoseconds);
    g_autofree char *threshold = g_strdup_printf("%" G_GINT64_FORMAT, request->threshold);
    const char *const fixed[] = {
        record->nodeid,
        record->id,
        created,
        dsn_action_to_string(request->action),
        request->action == DSN_ACTION_DELAYED ? threshold : "",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++) {
        const char *text = fixed[i] == NULL ? "" : fixed[i];

        g_checksum_update(checksum, (const guchar *)text, (gssize)strlen(text) + 1);
    }
    for (guint i = 0; i < recipients->len; i++) {
        const char *recipient = recipients->pdata[i];

        if (i == 0 || strcmp(recipient, recipients->pdata[i - 1]) != 0)
            g_checksum_update(checksum, (const guchar *)recipient, (gssize)strlen(recipient) + 1);
    }
    return g_strdup(g_checksum_get_string(checksum));
}

static void
identify(Draft *draft)
{
    const DsnNoticeOptions *options = draft->options;
    DsnSpan host = draft->report->per_message.reporting_mta.value;
    g_autofree char *digest = options->stable ? NULL : dup_identity(draft->request);

    draft->from_display = dsn_notice_author(options, host, draft->from);
    if (options->stable) {
        g_string_append(draft->boundary, "report-boundary");
        dsn_notice_append_at(draft->message_id, "<UUID", host);
    } else {
        g_string_append(draft->boundary, "=_");
        g_string_append_len(draft->boundary, digest, DIGEST_PART);
        g_string_append(draft->message_id, "<dsn-");
        dsn_notice_append_at(draft->message_id, digest + DIGEST_PART, host);
    }
    g_string_append_c(draft->message_id, '>');
}

/* With the words of the administrator's texts, or if those fail or @shipped, of our own. */
static bool
build(Draft *draft, const DsnReturnedPlan *returned, bool shipped, GString *bytes,
      DsnNotice *notice, GError **error)
{
    const DsnNoticeFacts facts = {
        .request = draft->request,
        .report = draft->report,
        .host = draft->report->per_message.reporting_mta.value,
        .sender = draft->sender,
        .returned = returned,
    };
    g_auto(DsnNoticeWords) words;

    if (!dsn_notice_words(&facts, shipped, &words, error))
        return false;
    if (notice->template_fault == NULL)
        notice->template_fault = g_steal_pointer(&words.fault);
    notice->language = words.wordings[0].language;

    const GString *subject = words.wordings[0].subject;
    const DsnFrame frame = {
        .from_display = draft->from_display,
        .from = {draft->from->str, draft->from->len},
        .to = draft->sender,
        .subject = {subject->str, subject->len},
        .message_id = {draft->message_id->str, draft->message_id->len},
        .date = draft->request->now,
        .boundary = {draft->boundary->str, draft->boundary->len},
        .words = words.words,
        .n_words = words.n_wordings,
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

    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&limits);
    g_autoptr(DsnReport) read = dsn_report_new();
    dsn_report_parse(parser, bytes, read);

    g_autoptr(GArray) findings = g_array_new(FALSE, FALSE, sizeof(DsnFinding));
    bool good = dsn_lint_scanned_notice(bytes, dsn_report_parser_structure(parser, bytes), &limits,
                                        findings);
    for (guint i = 0; i < findings->len && *ret_rule == NULL; i++) {
        const DsnFinding *finding = &g_array_index(findings, DsnFinding, i);

        if (finding->level == DSN_LINT_MUST)
            *ret_rule = finding->rule;
    }
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

/* What the sender wishes, and the administrator lets it: RET=FULL asks for more than the option
 * gives, but not where that gives nothing (rules MIME-05, MIME-06, MIME-08, ENV-18). */
static DsnReturn
wanted_return(const DsnNoticeOptions *options, const DsnWishes *wishes, bool requiretls)
{
    DsnReturn wanted = options->include_original;

    if (wanted != DSN_RETURN_NOTHING && wishes->has_ret)
        wanted = wishes->ret;
    return requiretls ? MIN(wanted, DSN_RETURN_HEADERS) : wanted;
}

static void
plan_returned(const Draft *draft, const DsnWishes *wishes, DsnNotice *notice,
              DsnReturnedPlan *returned)
{
    const DsnNoticeRequest *request = draft->request;

    for (size_t i = 0; i < request->n_records; i++)
        notice->requiretls |= wishes[i].requiretls;
    dsn_returned_plan(
        &(DsnReturnRequest){
            .original = request->original,
            .wanted = wanted_return(request->options, &wishes[0], notice->requiretls),
            .limit = request->options->return_limit,
            .failed = request->action == DSN_ACTION_FAILED,
            .utf8_path = !dsn_text_is_ascii(draft->sender),
        },
        returned);
}

static bool
has_recipients(const DsnNoticeRequest *request, GError **error)
{
    for (size_t i = 0; i < request->n_records; i++)
        if (request->records[i]->n_recipients > 0)
            return true;
    g_set_error_literal(error, DSN_BUILD_ERROR, DSN_BUILD_ERROR_REPORT, "recipient: there is none");
    return false;
}

/* A CR alone ends a line in what is returned: its header is then read as it will be read there.
 * NULL for other mail, which is nearly all. */
static GString *
repair_line_ends(DsnSpan original)
{
    DsnSpan body, header;

    if (original.len == 0)
        return NULL;
    header = dsn_header_split(original, &body);

    const char *end = header.data + header.len, *at = header.data, *cr = NULL;

    while (at < end && (cr = memchr(at, '\r', (size_t)(end - at))) != NULL && cr + 1 < end &&
           cr[1] == '\n')
        at = cr + 2;
    if (at == end || cr == NULL)
        return NULL;

    GString *repaired = g_string_sized_new(original.len + original.len / 16);
    dsn_lines_append_repaired(original, repaired);
    return repaired;
}

bool
dsn_notice_build(const DsnNoticeRequest *request, GString *ret_bytes, DsnNotice *ret_notice,
                 GError **error)
{
    g_autoptr(GString) sender = g_string_new(NULL);
    g_autoptr(GString) from = g_string_new(NULL);
    g_autoptr(GString) message_id = g_string_new(NULL);
    g_autoptr(GString) boundary = g_string_new(NULL);
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(GArray) wishes = g_array_sized_new(FALSE, TRUE, sizeof(DsnWishes), 1);
    g_autoptr(GString) repaired = repair_line_ends(request->original);
    DsnNoticeRequest timed = *request;
    Draft draft = {.request = &timed,
                   .options = request->options,
                   .report = report,
                   .from = from,
                   .message_id = message_id,
                   .boundary = boundary};
    DsnReturnedPlan returned;

    *ret_notice = (DsnNotice){0};
    if (!has_recipients(request, error) || !dsn_notice_sender(request->records[0], sender, error))
        return false;
    if (repaired != NULL)
        timed.original = (DsnSpan){repaired->str, repaired->len};
    if (request->options->stable)
        timed.now = request->records[0]->event_time;
    draft.sender = (DsnSpan){sender->str, sender->len};
    g_array_set_clear_func(wishes, clear_wishes);
    g_array_set_size(wishes, (guint)request->n_records);
    for (guint i = 0; i < wishes->len; i++)
        dsn_wishes_read(request->records[i], request->options->meta,
                        &g_array_index(wishes, DsnWishes, i));
    plan_returned(&draft, (const DsnWishes *)wishes->data, ret_notice, &returned);
    dsn_notice_report_fill(report, &timed, (const DsnWishes *)wishes->data);
    identify(&draft);
    return make(&draft, &returned, ret_bytes, ret_notice, error);
}
