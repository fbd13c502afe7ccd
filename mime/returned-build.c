/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/returned-build.h"

#include "mime/address.h"
#include "mime/down-convert.h"
#include "mime/header.h"
#include "mime/lines.h"
#include "mime/transfer.h"

/* The header block of an original. */
typedef struct Head {
    DsnSpan block; /* up to and including the line end before the first empty line */
    DsnSpan kept;  /* as many whole fields from its front as the limit lets through */
    bool has_field;
    bool identified; /* From, Subject or Date is there (rule MIME-35) */
} Head;

/* The name of the field that begins in @line, absent when none does; the obsolete white space
 * before the colon is allowed (RFC 5322 section 4.5). */
static DsnSpan
field_name(DsnSpan line)
{
    size_t len = 0;

    while (len < line.len && line.data[len] > ' ' && line.data[len] < 0x7f && line.data[len] != ':')
        len++;

    DsnSpan after = dsn_span_trim(dsn_span_from(line, len));
    if (len == 0 || after.len == 0 || after.data[0] != ':')
        return DSN_SPAN_ABSENT;
    return (DsnSpan){line.data, len};
}

static Head
find_head(DsnSpan original, size_t limit)
{
    DsnLines lines = DSN_LINES(original);
    Head head = {.block = original, .kept = {original.data, 0}};
    bool fits = true;

    for (DsnSpan line; dsn_lines_next(&lines, &line);) {
        size_t at = (size_t)(line.data - original.data);
        size_t after = original.len - lines.rest.len;

        if (line.len == 0) {
            head.block.len = at;
            break;
        }
        if (!dsn_is_space(line.data[0]) && fits)
            head.kept.len = at;
        fits = fits && after <= limit;

        DsnSpan name = field_name(line);
        head.has_field |= dsn_span_present(name);
        head.identified |=
            dsn_span_present(name) && (dsn_span_is(name, "From") || dsn_span_is(name, "Subject") ||
                                       dsn_span_is(name, "Date"));
    }
    if (fits)
        head.kept = head.block;
    return head;
}

/* NUL has been looked for. */
static bool
is_utf8(DsnSpan text)
{
    text = dsn_span_from(text, dsn_span_ascii_prefix(text));
    return text.len == 0 || g_utf8_validate_len(text.data, text.len, NULL);
}

/* Why the header cannot stand in a message part; NULL when it can. Nothing of it is encoded again:
 * that would make other fields of it than the author wrote (rule MIME-34). */
static const char *
why_not_whole(const Head *head, const DsnLinesSurvey *all)
{
    DsnLinesSurvey found = *all;

    if (all->nul || all->longest > DSN_LINE_MAX)
        found = dsn_lines_survey(head->block);
    if (!head->identified)
        return "it has none of the fields From, Subject and Date"; /* RFC 2046 section 5.2.1 */
    if (dsn_is_space(head->block.data[0]))
        return "its header begins with a continued line"; /* RFC 5322 section 2.2.3 */
    if (found.nul)
        return "its header holds NUL octets";
    if (found.longest > DSN_LINE_MAX)
        return "its header has lines of more than 998 octets";
    if (!is_utf8(head->block))
        return "its header holds octets that are not UTF-8"; /* RFC 2046 5.2.1: ASCII; RFC 6532 */
    return NULL;
}

/* Appends @content with good line ends and, where it has NUL or lines of more than 998 octets,
 * which no mail may hold, encoded again part by part: the octets of each part stay. */
static bool
append_converted(DsnSpan content, GString *ret_content)
{
    g_autoptr(GString) repaired = g_string_sized_new(content.len + 2);
    DsnLimits limits = DSN_LIMITS_DEFAULT;

    dsn_lines_append_repaired(content, repaired);
    limits.message = MAX(limits.message, repaired->len);
    limits.decoded = MAX(limits.decoded, repaired->len);
    return dsn_message_down_convert((DsnSpan){repaired->str, repaired->len}, &limits, ret_content);
}

/* Why the body cannot be returned; NULL when it can, and then @plan says how. */
static const char *
try_body(DsnSpan original, const DsnLinesSurvey *found, DsnReturnedPlan *plan)
{
    g_autoptr(GString) converted = NULL;

    if (!found->nul && found->longest <= DSN_LINE_MAX)
        return NULL;
    converted = g_string_sized_new(original.len);
    plan->convert = append_converted(original, converted);
    if (plan->convert)
        return NULL;
    return found->nul ? "it holds NUL octets, in a place where they cannot be encoded"
                      : "it has lines of more than 998 octets, which cannot be encoded";
}

static const char *
choose_encoding(DsnSpan content)
{
    return dsn_transfer_to_string(dsn_transfer_choose(content));
}

static void
plan_whole(DsnSpan original, const Head *head, const DsnLinesSurvey *found, bool utf8_path,
           DsnReturnedPlan *plan)
{
    bool utf8_header = !dsn_text_is_ascii(head->block);

    plan->returned = DSN_RETURN_FULL;
    plan->content = original;
    plan->repair = found->repair;
    plan->type = utf8_header ? "message/global" : "message/rfc822";
    /* message/rfc822 may not be encoded (rule MIME-11), message/global must be where the way back
     * may not know UTF-8 headers (RFC 6533 section 4.5, rule I18N-10). */
    if (utf8_header && !utf8_path)
        plan->encoding = choose_encoding(original);
    else if (found->eight_bit && (utf8_header || !plan->convert))
        plan->encoding = "8bit";
}

static void
plan_headers(const Head *head, bool utf8_path, DsnReturnedPlan *plan)
{
    if (!head->has_field) {
        plan->reduced = "it has no header fields";
        return;
    }
    if (head->kept.len == 0) {
        plan->reduced = "its header is larger than the limit for returned content";
        return;
    }
    if (head->kept.len < head->block.len)
        plan->reduced = "its header is larger than the limit for returned content and was cut";

    DsnLinesSurvey found = dsn_lines_survey(head->kept);
    bool utf8 = found.eight_bit && is_utf8(head->kept);
    plan->returned = DSN_RETURN_HEADERS;
    plan->content = head->kept;
    plan->repair = found.repair;
    plan->type = utf8 ? "message/global-headers" : "text/rfc822-headers";
    if (found.nul || found.longest > DSN_LINE_MAX || (found.eight_bit && !(utf8 && utf8_path)))
        plan->encoding = choose_encoding(head->kept); /* rule MIME-13 */
    else if (found.eight_bit)
        plan->encoding = "8bit";
}

/* Why a message that was asked for is not returned whole; NULL when it is, and planned. */
static const char *
try_whole(const DsnReturnRequest *request, const Head *head, DsnReturnedPlan *plan)
{
    const char *why;
    DsnLinesSurvey found;

    if (!request->failed)
        return "delivery has not failed";
    if (request->original.len > request->limit)
        return "it is larger than the limit for returned content";
    if (head->block.len == request->original.len)
        return "it has no body"; /* rule MIME-09 */
    found = dsn_lines_survey(request->original);
    why = why_not_whole(head, &found);
    if (why == NULL)
        why = try_body(request->original, &found, plan);
    if (why == NULL)
        plan_whole(request->original, head, &found, request->utf8_path, plan);
    return why;
}

void
dsn_returned_plan(const DsnReturnRequest *request, DsnReturnedPlan *ret_plan)
{
    Head head = find_head(request->original, request->limit);

    *ret_plan = (DsnReturnedPlan){.returned = DSN_RETURN_NOTHING, .header = head.block};
    if (request->wanted == DSN_RETURN_NOTHING)
        return;
    if (!dsn_span_present(request->original)) {
        ret_plan->reduced = "it is not at hand";
        return;
    }
    if (request->wanted == DSN_RETURN_FULL) {
        ret_plan->reduced = try_whole(request, &head, ret_plan);
        if (ret_plan->reduced == NULL)
            return;
    }
    plan_headers(&head, request->utf8_path, ret_plan);
}

void
dsn_returned_append(const DsnReturnedPlan *plan, GString *ret_notice)
{
    DsnTransfer transfer = dsn_transfer_parse(dsn_span(plan->encoding));
    g_autoptr(GString) changed = NULL;
    DsnSpan content = plan->content;

    dsn_header_append("Content-Type", dsn_span(plan->type), ret_notice);
    if (plan->encoding != NULL)
        dsn_header_append("Content-Transfer-Encoding", dsn_span(plan->encoding), ret_notice);
    g_string_append_len(ret_notice, "\r\n", 2);
    if (plan->convert || (plan->repair && transfer != DSN_TRANSFER_IDENTITY)) {
        changed = g_string_sized_new(content.len + 2);
        if (!plan->convert || !append_converted(content, changed))
            dsn_lines_append_repaired(content, changed);
        content = (DsnSpan){changed->str, changed->len};
    }
    if (changed == NULL && plan->repair)
        dsn_lines_append_repaired(content, ret_notice);
    else
        dsn_transfer_encode(content, transfer, ret_notice);
}
