/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/rewrite.h"

#include "mime/header.h"
#include "mime/lint.h"
#include "mime/report-parse.h"

DsnRecord *
dsn_test_record_of(const DsnReport *report, const char *sender)
{
    static const char *const types[] = {
        [DSN_ACTION_NONE] = "Bounce",      [DSN_ACTION_FAILED] = "Bounce",
        [DSN_ACTION_DELAYED] = "Delayed",  [DSN_ACTION_DELIVERED] = "Delivery",
        [DSN_ACTION_RELAYED] = "Delivery", [DSN_ACTION_EXPANDED] = "Delivery",
    };
    static const char base[] =
        "{\"type\": \"Bounce\", \"id\": \"B3A8A9A1F80\", \"recipient\": [], \"queue\": \"\","
        " \"site\": \"\", \"size\": 0, \"response\": {\"code\": 550, \"enhanced_code\": null, "
        "\"content\": \"no\","
        " \"command\": null}, \"peer_address\": null, \"timestamp\": 1795299092, \"created\":"
        " 1795299090, \"num_attempts\": 0, \"bounce_classification\": \"Uncategorized\","
        " \"egress_pool\": null, \"egress_source\": null, \"feedback_report\": null, \"meta\": {},"
        " \"headers\": {}, \"delivery_protocol\": null, \"reception_protocol\": null}";
    json_auto_t *json = json_loads(base, 0, NULL);
    json_t *recipients = json_object_get(json, "recipient");

    json_object_set_new(json, "sender", json_string(sender));
    for (guint i = 0; i < report->per_recipient->len; i++) {
        const DsnPerRecipient *one = &g_array_index(report->per_recipient, DsnPerRecipient, i);
        DsnSpan address = one->final_recipient.value;

        json_object_set_new(json, "type", json_string(types[one->action]));
        if (address.len > 0)
            json_array_append_new(recipients, json_stringn(address.data, address.len));
    }
    return dsn_record_from_json(json, NULL);
}

static DsnSpan
whole(const GString *text)
{
    return (DsnSpan){text->str, text->len};
}

/* The change of @name, which it is no longer in @left then; NULL: there is none. */
static const DsnFieldChange *
take_change(const DsnRewritten *rewritten, DsnSpan name, bool *left)
{
    for (guint i = 0; i < rewritten->fields->len; i++) {
        const DsnFieldChange *change = &g_array_index(rewritten->fields, DsnFieldChange, i);

        if (left[i] && dsn_span_is(name, change->name)) {
            left[i] = false;
            return change;
        }
    }
    return NULL;
}

static void
check_change(const DsnFieldChange *change, const DsnHeaderField *field)
{
    g_autoptr(GString) value = g_string_new(change->value);

    g_assert(strchr(change->value, '\r') == NULL && change->value[0] == ' ');
    g_string_replace(value, "\n", "\r\n", 0);
    g_assert(dsn_span_is(field->name, change->name));
    g_assert(dsn_span_equal(field->value, whole(value)));
}

/* The fields stand where they stood, changed or not; new ones stand behind them. */
static void
check_header(const DsnRewritten *rewritten, DsnSpan before, DsnSpan after)
{
    static const char *const may[] = {"From", "Subject", "In-Reply-To", "References",
                                      "Auto-Submitted"};
    bool left[G_N_ELEMENTS(may)];
    DsnHeaderField old, new;

    g_assert_cmpuint(rewritten->fields->len, <=, G_N_ELEMENTS(left));
    for (guint i = 0; i < rewritten->fields->len; i++) {
        bool known = false;

        for (size_t j = 0; j < G_N_ELEMENTS(may); j++)
            known |= strcmp(g_array_index(rewritten->fields, DsnFieldChange, i).name, may[j]) == 0;
        g_assert(known);
        left[i] = true;
    }
    while (dsn_header_next(&before, &old)) {
        bool more = dsn_header_next(&after, &new);
        const DsnFieldChange *change = take_change(rewritten, old.name, left);

        g_assert(more);
        if (change != NULL)
            check_change(change, &new);
        else
            g_assert(dsn_span_equal(old.whole, new.whole));
    }
    while (dsn_header_next(&after, &new)) {
        const DsnFieldChange *change = take_change(rewritten, new.name, left);

        g_assert(change != NULL);
        check_change(change, &new);
    }
    for (guint i = 0; i < rewritten->fields->len; i++)
        g_assert(!left[i]);
}

static unsigned
count_musts(const GArray *findings, const char *rule)
{
    unsigned count = 0;

    for (guint i = 0; i < findings->len; i++) {
        const DsnFinding *finding = &g_array_index(findings, DsnFinding, i);

        count += finding->level == DSN_LINT_MUST && strcmp(finding->rule, rule) == 0;
    }
    return count;
}

static void
check_rules(DsnSpan before, DsnSpan after)
{
    g_autoptr(GArray) old = g_array_new(FALSE, FALSE, sizeof(DsnFinding));
    g_autoptr(GArray) new = g_array_new(FALSE, FALSE, sizeof(DsnFinding));

    dsn_lint_notice(before, &DSN_LIMITS_DEFAULT, old);
    dsn_lint_notice(after, &DSN_LIMITS_DEFAULT, new);
    for (guint i = 0; i < new->len; i++) {
        const DsnFinding *finding = &g_array_index(new, DsnFinding, i);

        if (finding->level == DSN_LINT_MUST)
            g_assert_cmpuint(count_musts(new, finding->rule), <=, count_musts(old, finding->rule));
    }
}

static void
check_report(const DsnReport *before, DsnSpan message)
{
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);
    g_autoptr(DsnReport) after = dsn_report_new();

    dsn_report_parse(parser, message, after);
    g_assert(after->kind == before->kind);
    g_assert_cmpuint(after->per_recipient->len, ==, before->per_recipient->len);
    g_assert_cmpuint(after->fields->len, ==, before->fields->len);
    for (guint i = 0; i < after->fields->len; i++) {
        const DsnField *old = &g_array_index(before->fields, DsnField, i);
        const DsnField *new = &g_array_index(after->fields, DsnField, i);

        g_assert(dsn_span_equal(old->name, new->name) && dsn_span_equal(old->value, new->value));
    }
    g_assert(dsn_span_equal(after->returned.bytes, before->returned.bytes));
}

bool
dsn_test_rewrite(const DsnNoticeRequest *request, DsnReport *report, DsnSpan message, DsnSpan text,
                 DsnRewritten *ret_rewritten, GError **error)
{
    if (!dsn_notice_rewrite(request, report, message, text, ret_rewritten, error))
        return false;

    DsnSpan result = whole(ret_rewritten->message), old_body, new_body;
    DsnSpan old_header = dsn_header_split(message, &old_body);
    DsnSpan new_header = dsn_header_split(result, &new_body);
    size_t before = (size_t)(text.data - old_body.data);
    DsnSpan after = dsn_span_from(old_body, before + text.len);

    g_assert(new_body.data == result.data + ret_rewritten->body);
    g_assert_cmpuint(new_body.len, >, before + after.len);
    g_assert(memcmp(new_body.data, old_body.data, before) == 0);
    g_assert(dsn_span_equal(dsn_span_from(new_body, new_body.len - after.len), after));
    for (size_t i = before; i < new_body.len - after.len; i++)
        g_assert((unsigned char)new_body.data[i] < 0x80);
    check_header(ret_rewritten, old_header, new_header);
    check_report(report, result);
    check_rules(message, result);
    return true;
}

DsnSpan
dsn_test_first_part(DsnSpan message)
{
    g_autoptr(DsnStructure) structure = dsn_structure_new();

    dsn_structure_scan(structure, message, &DSN_LIMITS_DEFAULT);
    if (structure->parts->len < 2)
        return DSN_SPAN_ABSENT;

    const DsnPart *part = &g_array_index(structure->parts, DsnPart, 1);
    const char *end = part->body.data + part->body.len;
    return (DsnSpan){part->header.data, (size_t)(end - part->header.data)};
}
