/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/returned-build.h"

#include "mime/address.h"
#include "mime/lines.h"
#include "mime/transfer.h"

#define LINE_MAX_OCTETS 998 /* RFC 5322 section 2.1.1 */

/* What decides over type and encoding of the part. */
typedef struct Survey {
    size_t longest; /* line, without its end */
    bool nul;
    bool eight_bit;
    bool repair;
} Survey;

/* The header block of an original. */
typedef struct Head {
    DsnSpan block; /* up to and including the line end before the first empty line */
    DsnSpan kept;  /* as many whole fields from its front as the limit lets through */
    bool has_field;
    bool identified; /* From, Subject or Date is there (rule MIME-35) */
} Head;

static Survey
survey(DsnSpan text)
{
    DsnLines lines = DSN_LINES(text);
    Survey found = {
        .nul = text.len > 0 && memchr(text.data, '\0', text.len) != NULL,
        .eight_bit = !dsn_text_is_ascii(text),
    };

    for (DsnSpan line; dsn_lines_next(&lines, &line);)
        found.longest = MAX(found.longest, line.len);
    found.repair = lines.repaired;
    return found;
}

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

static bool
is_utf8(DsnSpan text)
{
    return text.len == 0 || g_utf8_validate_len(text.data, text.len, NULL);
}

/* Why the original cannot be returned whole in a form that the RFCs allow; NULL when it can. */
static const char *
why_not_whole(const Head *head, const Survey *found)
{
    if (!head->identified)
        return "it has none of the fields From, Subject and Date"; /* RFC 2046 section 5.2.1 */
    if (dsn_is_space(head->block.data[0]))
        return "its header begins with a continued line"; /* RFC 5322 section 2.2.3 */
    if (found->nul)
        return "it holds NUL octets"; /* "binary" is all that would allow them */
    if (found->longest > LINE_MAX_OCTETS)
        return "it has lines of more than 998 octets";
    if (!is_utf8(head->block))
        return "its header holds octets that are not UTF-8"; /* RFC 2046 5.2.1: ASCII; RFC 6532 */
    return NULL;
}

static void
plan_whole(DsnSpan original, const Head *head, const Survey *found, bool utf8_path,
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
        plan->encoding = "quoted-printable";
    else if (found->eight_bit)
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

    Survey found = survey(head->kept);
    bool utf8 = found.eight_bit && is_utf8(head->kept);
    plan->returned = DSN_RETURN_HEADERS;
    plan->content = head->kept;
    plan->repair = found.repair;
    plan->type = utf8 ? "message/global-headers" : "text/rfc822-headers";
    if (found.nul || found.longest > LINE_MAX_OCTETS || (found.eight_bit && !(utf8 && utf8_path)))
        plan->encoding = "quoted-printable"; /* rule MIME-13 */
    else if (found.eight_bit)
        plan->encoding = "8bit";
}

/* Why a message that was asked for is not returned whole; NULL when it is, and planned. */
static const char *
try_whole(const DsnReturnRequest *request, const Head *head, DsnReturnedPlan *plan)
{
    const char *why;
    Survey found;

    if (!request->failed)
        return "delivery has not failed";
    if (request->original.len > request->limit)
        return "it is larger than the limit for returned content";
    if (head->block.len == request->original.len)
        return "it has no body"; /* rule MIME-09 */
    found = survey(request->original);
    why = why_not_whole(head, &found);
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
    bool encode = g_strcmp0(plan->encoding, "quoted-printable") == 0;

    g_string_append_printf(ret_notice, "Content-Type: %s\r\n", plan->type);
    if (plan->encoding != NULL)
        g_string_append_printf(ret_notice, "Content-Transfer-Encoding: %s\r\n", plan->encoding);
    g_string_append_len(ret_notice, "\r\n", 2);
    if (encode) {
        g_autoptr(GString) repaired = g_string_sized_new(plan->content.len);

        dsn_lines_append_repaired(plan->content, repaired);
        dsn_transfer_encode_quoted_printable((DsnSpan){repaired->str, repaired->len}, ret_notice);
    } else if (plan->repair) {
        dsn_lines_append_repaired(plan->content, ret_notice);
    } else {
        g_string_append_len(ret_notice, plan->content.data, (gssize)plan->content.len);
    }
}
