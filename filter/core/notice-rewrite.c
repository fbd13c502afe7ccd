/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/notice-rewrite.h"

#include "filter/core/notice-identity.h"
#include "filter/core/notice-report.h"
#include "filter/core/notice-words.h"
#include "mime/boundary.h"
#include "mime/header.h"
#include "mime/lint.h"
#include "mime/report-parse.h"
#include "mime/text.h"

#define HEADER_ROOM 2048 /* about what all changes of the header take */

/* What one notice is rewritten from. */
typedef struct Draft {
    const DsnNoticeRequest *request;
    DsnReport *report;
    DsnSpan message, text;
    DsnSpan header, body; /* of the message */
    DsnSpan boundary;     /* between its parts */
    DsnReturnedPlan returned;
    DsnSpan host;
    GString *sender;
} Draft;

static void
clear_change(gpointer data)
{
    DsnFieldChange *change = data;

    g_free(change->name);
    g_free(change->value);
}

static void
init_rewritten(DsnRewritten *rewritten)
{
    *rewritten = (DsnRewritten){
        .fields = g_array_new(FALSE, FALSE, sizeof(DsnFieldChange)),
        .message = g_string_new(NULL),
    };
    g_array_set_clear_func(rewritten->fields, clear_change);
}

void
dsn_rewritten_clear(DsnRewritten *rewritten)
{
    g_array_unref(rewritten->fields);
    g_string_free(rewritten->message, TRUE);
    g_free(rewritten->template_fault);
    *rewritten = (DsnRewritten){0};
}

static bool
refuse(const char *why, GError **error)
{
    g_set_error_literal(error, DSN_BUILD_ERROR, DSN_BUILD_ERROR_REPORT, why);
    return false;
}

/* The first part lies between two boundary lines with CRLF, and the part after it has the same
 * boundary. */
static bool
read_frame(Draft *draft, GError **error)
{
    DsnSpan message = draft->message, text = draft->text;
    size_t before = (size_t)(text.data - message.data);
    DsnSpan front = {message.data, before}, rest = dsn_span_from(message, before + text.len);

    draft->header = dsn_header_split(message, &draft->body);
    if (draft->body.data > text.data || before < 2 || memcmp(text.data - 2, "\r\n", 2) != 0)
        return refuse("the first part does not follow a boundary line", error);

    front.len -= 2;
    const char *feed = memrchr(front.data, '\n', front.len);
    DsnSpan line = feed == NULL ? front : dsn_span_from(front, (size_t)(feed + 1 - front.data));
    if (line.len < 3 || memcmp(line.data, "--", 2) != 0)
        return refuse("the first part does not follow a boundary line", error);
    draft->boundary = dsn_span_from(line, 2);
    if (rest.len < line.len + 4 || memcmp(rest.data, "\r\n", 2) != 0 ||
        memcmp(rest.data + 2, line.data, line.len) != 0 ||
        memcmp(rest.data + 2 + line.len, "\r\n", 2) != 0)
        return refuse("the first part does not end at a boundary line", error);
    return true;
}

/* What is said of all recipients. Successes of several kinds have in common that the message was
 * passed on. NONE where some failed and others did not. */
static DsnAction
common_action(const DsnReport *report)
{
    DsnAction common = DSN_ACTION_NONE;

    for (guint i = 0; i < report->per_recipient->len; i++) {
        DsnAction action = g_array_index(report->per_recipient, DsnPerRecipient, i).action;
        bool success = action > DSN_ACTION_DELAYED && common > DSN_ACTION_DELAYED;

        if (i == 0 || action == common)
            common = action;
        else if (success)
            common = DSN_ACTION_RELAYED;
        else
            return DSN_ACTION_NONE;
    }
    return common;
}

/* What the notice returns, as the words tell of it. */
static DsnReturnedPlan
plan_of(const DsnReport *report)
{
    static const DsnReturn kinds[] = {
        [DSN_RETURNED_NOTHING] = DSN_RETURN_NOTHING,
        [DSN_RETURNED_HEADERS] = DSN_RETURN_HEADERS,
        [DSN_RETURNED_MESSAGE] = DSN_RETURN_FULL,
    };

    return (DsnReturnedPlan){
        .returned = kinds[report->returned.kind],
        .header = report->returned.header,
    };
}

/* From, unless it could not be read there: UTF-8 in a header needs SMTPUTF8 (rule I18N-14). */
static bool
append_from(const Draft *draft, GString *header, GError **error)
{
    g_autoptr(GString) from = g_string_new(NULL);
    DsnSpan display = dsn_notice_author(draft->request->options, draft->host, from);
    DsnSpan address = {from->str, from->len};

    if (!dsn_address_is_mailbox(address))
        return refuse("From: it is no mailbox", error);
    if (draft->report->global || dsn_text_is_ascii(address))
        dsn_text_append_mailbox("From", display, address, header);
    return true;
}

/* The fields of a notice of ours that are not as they are in this one. */
static bool
write_fields(const Draft *draft, const GString *subject, GString *header, GError **error)
{
    DsnSpan submitted = dsn_header_find(draft->header, "Auto-Submitted");

    if (!append_from(draft, header, error))
        return false;
    dsn_text_append_unstructured("Subject", (DsnSpan){subject->str, subject->len}, header);
    dsn_report_append_threading(draft->returned.header, header);
    if (!dsn_span_is(dsn_span_trim(submitted), "auto-replied")) /* rule LOOP-05 */
        dsn_header_append("Auto-Submitted", DSN_SPAN_LITERAL("auto-replied"), header);
    return true;
}

/* Joins the fields as they were with @changed, fields of which each name stands once. */
static void
append_header(DsnSpan header, DsnSpan changed, GString *message)
{
    g_autoptr(GArray) left = g_array_new(FALSE, FALSE, sizeof(DsnHeaderField));
    DsnHeaderField field, change;

    while (dsn_header_next(&changed, &change))
        g_array_append_val(left, change);
    while (dsn_header_next(&header, &field)) {
        DsnSpan whole = field.whole;

        for (guint i = 0; i < left->len; i++) {
            const DsnHeaderField *one = &g_array_index(left, DsnHeaderField, i);

            if (!dsn_span_same(one->name, field.name))
                continue;
            whole = one->whole;
            g_array_remove_index(left, i);
            break;
        }
        g_string_append_len(message, whole.data, (gssize)whole.len);
    }
    for (guint i = 0; i < left->len; i++) {
        DsnSpan whole = g_array_index(left, DsnHeaderField, i).whole;

        g_string_append_len(message, whole.data, (gssize)whole.len);
    }
}

/* The same as a list. */
static void
list_changes(DsnSpan changed, GArray *fields)
{
    DsnHeaderField field;

    while (dsn_header_next(&changed, &field)) {
        g_autoptr(GString) value = g_string_new_len(field.value.data, (gssize)field.value.len);
        DsnFieldChange change = {.name = dsn_span_dup(field.name)};

        g_string_replace(value, "\r\n", "\n", 0);
        change.value = g_strdup(value->str);
        g_array_append_val(fields, change);
    }
}

/* The first part. A boundary that stands in its words cannot stand in base64, unless it consists of
 * nothing but letters and digits. */
static bool
write_part(const Draft *draft, const DsnNoticeWords *words, GString *part, GError **error)
{
    size_t texts = dsn_words_count(words->words, words->n_wordings);
    char made[DSN_BOUNDARY_MADE];
    DsnSpan inner = dsn_boundary_make(draft->boundary, made);

    if (!dsn_words_have_languages(words->words, words->n_wordings))
        return refuse("Content-Language: it cannot be written", error);
    if (texts > 1 && !dsn_boundary_stands(inner, 0, draft->message))
        return refuse("the boundary of the texts stands in the notice", error);
    for (int opaque = 0; opaque <= 1; opaque++) {
        g_string_truncate(part, 0);
        dsn_words_append(words->words, words->n_wordings, inner, opaque == 1, part);

        DsnSpan written = {part->str, part->len};
        if (dsn_boundary_stands(draft->boundary, 0, written) &&
            dsn_boundary_stands(inner, texts > 1 ? texts + 2 : 0, written))
            return true;
    }
    return refuse("the boundary of the notice stands in the words", error);
}

/* Puts all together. */
static void
splice(const Draft *draft, const GString *changed, const GString *part, DsnRewritten *rewritten)
{
    GString *message = rewritten->message;
    const char *end = draft->message.data + draft->message.len;
    const char *after = draft->text.data + draft->text.len;
    DsnSpan fields = {changed->str, changed->len};

    g_array_set_size(rewritten->fields, 0);
    list_changes(fields, rewritten->fields);
    g_string_set_size(message, draft->message.len + changed->len + part->len);
    g_string_truncate(message, 0);
    append_header(draft->header, fields, message);
    g_string_append_len(message, "\r\n", 2);
    rewritten->body = message->len;
    g_string_append_len(message, draft->body.data, draft->text.data - draft->body.data);
    g_string_append_len(message, part->str, (gssize)part->len);
    g_string_append_len(message, after, end - after);
}

/* With the words of the administrator's texts, or if those fail or @shipped, of our own. */
static bool
build(const Draft *draft, bool shipped, DsnRewritten *rewritten, GError **error)
{
    const DsnNoticeFacts facts = {
        .request = draft->request,
        .report = draft->report,
        .host = draft->host,
        .sender = {draft->sender->str, draft->sender->len},
        .returned = &draft->returned,
    };
    g_autoptr(GString) changed = g_string_sized_new(HEADER_ROOM);
    g_autoptr(GString) part = g_string_new(NULL);
    g_auto(DsnNoticeWords) words;

    if (!dsn_notice_words(&facts, shipped, &words, error))
        return false;
    if (rewritten->template_fault == NULL)
        rewritten->template_fault = g_steal_pointer(&words.fault);
    rewritten->language = words.wordings[0].language;
    if (!write_fields(draft, words.wordings[0].subject, changed, error) ||
        !write_part(draft, &words, part, error))
        return false;
    splice(draft, changed, part, rewritten);
    return true;
}

static bool
same_fields(const DsnReport *a, const DsnReport *b)
{
    if (a->fields->len != b->fields->len || a->groups->len != b->groups->len ||
        a->per_recipient->len != b->per_recipient->len)
        return false;
    for (guint i = 0; i < a->fields->len; i++) {
        const DsnField *left = &g_array_index(a->fields, DsnField, i);
        const DsnField *right = &g_array_index(b->fields, DsnField, i);

        if (!dsn_span_equal(left->name, right->name) || !dsn_span_equal(left->value, right->value))
            return false;
    }
    return true;
}

static unsigned
count_broken(const GArray *findings, const char *rule)
{
    unsigned count = 0;

    for (guint i = 0; i < findings->len; i++) {
        const DsnFinding *finding = &g_array_index(findings, DsnFinding, i);

        count += finding->level == DSN_LINT_MUST && strcmp(finding->rule, rule) == 0;
    }
    return count;
}

/* The first rule that the result breaks more often than the notice as it came; NULL when there is
 * none. What is found behind the first part was there before, in the same bytes, so that most
 * notices need not be looked at twice. */
static const char *
find_newly_broken(const Draft *draft, const GArray *after, DsnSpan kept)
{
    g_autoptr(GArray) before = NULL;

    for (guint i = 0; i < after->len; i++) {
        const DsnFinding *finding = &g_array_index(after, DsnFinding, i);
        const char *at = finding->where.data;

        if (finding->level != DSN_LINT_MUST || (at >= kept.data && at <= kept.data + kept.len))
            continue;
        if (before == NULL) {
            before = g_array_new(FALSE, FALSE, sizeof(DsnFinding));
            (void)dsn_lint_notice(draft->message, draft->request->options->limits, before);
        }
        if (count_broken(after, finding->rule) > count_broken(before, finding->rule))
            return finding->rule;
    }
    return NULL;
}

/* Reads the result again (rule SEC-06): what programs read is as it was, and no rule is broken that
 * was not. False with the id of the rule, or NULL, when something is wrong. */
static bool
check(const Draft *draft, const DsnRewritten *rewritten, const char **ret_rule)
{
    DsnSpan result = {rewritten->message->str, rewritten->message->len};
    size_t kept = (size_t)(draft->message.data + draft->message.len -
                           (draft->text.data + draft->text.len)); /* behind the first part */
    DsnLimits limits = *draft->request->options->limits;

    limits.message = MAX(limits.message, result.len);

    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&limits);
    g_autoptr(DsnReport) read = dsn_report_new();
    dsn_report_parse(parser, result, read);

    g_autoptr(GArray) findings = g_array_new(FALSE, FALSE, sizeof(DsnFinding));
    if (!dsn_lint_scanned_notice(result, dsn_report_parser_structure(parser, result), &limits,
                                 findings))
        *ret_rule = find_newly_broken(draft, findings, dsn_span_from(result, result.len - kept));
    return *ret_rule == NULL && read->kind == draft->report->kind &&
           read->global == draft->report->global && same_fields(read, draft->report) &&
           read->returned.kind == draft->report->returned.kind &&
           dsn_span_equal(read->returned.bytes, draft->report->returned.bytes);
}

/* With the full words; if the result is wrong, with the least that is right. */
static bool
make(const Draft *draft, DsnRewritten *rewritten, GError **error)
{
    const char *rule = NULL;

    if (build(draft, false, rewritten, NULL) && check(draft, rewritten, &rewritten->broken))
        return true;
    rewritten->minimal = true;
    if (!build(draft, true, rewritten, error))
        return false;
    if (check(draft, rewritten, &rule))
        return true;
    g_set_error(error, DSN_BUILD_ERROR, DSN_BUILD_ERROR_REPORT,
                "even minimal words break a rule: %s", rule == NULL ? "none named" : rule);
    return false;
}

bool
dsn_notice_rewrite(const DsnNoticeRequest *request, DsnReport *report, DsnSpan message,
                   DsnSpan text, DsnRewritten *ret_rewritten, GError **error)
{
    g_autoptr(GString) sender = g_string_new(NULL);
    DsnNoticeRequest said = *request;
    Draft draft = {
        .request = &said,
        .report = report,
        .message = message,
        .text = text,
        .returned = plan_of(report),
        .host = dsn_notice_reporting_mta(request->options, request->records[0]).value,
        .sender = sender,
    };

    init_rewritten(ret_rewritten);
    said.action = common_action(report);
    if (report->kind != DSN_REPORT_DELIVERY_STATUS || said.action == DSN_ACTION_NONE)
        return refuse("Action: it is not the same for all recipients", error);
    return read_frame(&draft, error) && dsn_notice_sender(request->records[0], sender, error) &&
           make(&draft, ret_rewritten, error);
}
