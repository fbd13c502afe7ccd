/* SPDX-License-Identifier: BSD-2-Clause */
/* The second part of a notice, by the grammar of RFC 3464 section 2. */
#include "config.h"

#include "mime/linter.h"

#include "mime/address.h"
#include "mime/header.h"
#include "mime/status-code.h"

/* The fields of both kinds of groups in the order of the grammar. */
typedef enum FieldId {
    FIELD_ORIGINAL_ENVELOPE_ID,
    FIELD_REPORTING_MTA,
    FIELD_DSN_GATEWAY,
    FIELD_RECEIVED_FROM_MTA,
    FIELD_ARRIVAL_DATE,
    FIELD_MESSAGE_EXTENSION,
    FIELD_ORIGINAL_RECIPIENT,
    FIELD_FINAL_RECIPIENT,
    FIELD_ACTION,
    FIELD_STATUS,
    FIELD_REMOTE_MTA,
    FIELD_DIAGNOSTIC_CODE,
    FIELD_LOCALIZED_DIAGNOSTIC, /* RFC 6533 section 4.1 */
    FIELD_LAST_ATTEMPT_DATE,
    FIELD_FINAL_LOG_ID,
    FIELD_WILL_RETRY_UNTIL,
    FIELD_RECIPIENT_EXTENSION,
    N_FIELDS
} FieldId;

static const DsnSpan field_names[N_FIELDS] = {
    [FIELD_ORIGINAL_ENVELOPE_ID] = DSN_SPAN_LITERAL("Original-Envelope-Id"),
    [FIELD_REPORTING_MTA] = DSN_SPAN_LITERAL("Reporting-MTA"),
    [FIELD_DSN_GATEWAY] = DSN_SPAN_LITERAL("DSN-Gateway"),
    [FIELD_RECEIVED_FROM_MTA] = DSN_SPAN_LITERAL("Received-From-MTA"),
    [FIELD_ARRIVAL_DATE] = DSN_SPAN_LITERAL("Arrival-Date"),
    [FIELD_ORIGINAL_RECIPIENT] = DSN_SPAN_LITERAL("Original-Recipient"),
    [FIELD_FINAL_RECIPIENT] = DSN_SPAN_LITERAL("Final-Recipient"),
    [FIELD_ACTION] = DSN_SPAN_LITERAL("Action"),
    [FIELD_STATUS] = DSN_SPAN_LITERAL("Status"),
    [FIELD_REMOTE_MTA] = DSN_SPAN_LITERAL("Remote-MTA"),
    [FIELD_DIAGNOSTIC_CODE] = DSN_SPAN_LITERAL("Diagnostic-Code"),
    [FIELD_LOCALIZED_DIAGNOSTIC] = DSN_SPAN_LITERAL("Localized-Diagnostic"),
    [FIELD_LAST_ATTEMPT_DATE] = DSN_SPAN_LITERAL("Last-Attempt-Date"),
    [FIELD_FINAL_LOG_ID] = DSN_SPAN_LITERAL("Final-Log-ID"),
    [FIELD_WILL_RETRY_UNTIL] = DSN_SPAN_LITERAL("Will-Retry-Until"),
};

/* One group of fields. */
typedef struct Group {
    bool recipient;
    bool seen[N_FIELDS];
    DsnHeaderField field[N_FIELDS]; /* the first of each */
    DsnSpan first;                  /* the line that it begins with */
    int last;                       /* the place in the grammar of the field before */
    DsnSpan languages[16];          /* of Localized-Diagnostic; more are not compared */
    size_t n_languages;
} Group;

static FieldId
identify(DsnSpan name, bool recipient)
{
    for (int id = 0; id < N_FIELDS; id++)
        if (dsn_lint_is_name(name, field_names[id]))
            return (FieldId)id;
    return recipient ? FIELD_RECIPIENT_EXTENSION : FIELD_MESSAGE_EXTENSION;
}

/* Extensions that other standards have added, without the "X-" of everybody else's. */
static bool
is_registered(DsnSpan name)
{
    static const char *const names[] = {"SMTP-Remote-Recipient", "Deliver-By-Date",
                                        "Future-Release-Request"};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (dsn_span_is(name, names[i]))
            return true;
    return dsn_span_starts(name, "X-") || dsn_span_starts(name, "X400-");
}

/* Each language of Localized-Diagnostic once (RFC 6533 section 4.1, rule I18N-11). */
static void
take_language(DsnLinter *linter, Group *group, const DsnHeaderField *field)
{
    DsnSpan language = dsn_typed_parse(dsn_span_trim(field->value)).type;

    for (size_t i = 0; i < group->n_languages; i++)
        if (dsn_lint_is_name(language, group->languages[i])) {
            dsn_linter_should(linter, "I18N-11", "a language stands more than once", field->whole);
            return;
        }
    if (!dsn_span_present(language))
        dsn_linter_must(linter, "DSN-14", "the value is not an atom, a semicolon and a text",
                        field->whole);
    else if (group->n_languages < G_N_ELEMENTS(group->languages))
        group->languages[group->n_languages++] = language;
}

static void
take_field(DsnLinter *linter, Group *group, const DsnHeaderField *field)
{
    if (!dsn_span_present(field->name)) {
        dsn_linter_must(linter, "DSN-01", "a line is no field", field->whole);
        return;
    }

    FieldId id = identify(field->name, group->recipient);
    if ((id > FIELD_MESSAGE_EXTENSION) != group->recipient) {
        dsn_linter_must(linter, "DSN-01", "the field is in a group of the other kind",
                        field->whole);
        return;
    }
    if (!dsn_span_present(field_names[id]) && !is_registered(field->name))
        dsn_linter_must(linter, "DSN-15", "an extension field begins with X-", field->whole);
    if (id == FIELD_LOCALIZED_DIAGNOSTIC)
        take_language(linter, group, field);
    if ((int)id < group->last)
        dsn_linter_must(linter, group->recipient ? "RCPT-01" : "DSN-02",
                        "the field is out of order", field->whole);
    if (group->seen[id] && dsn_span_present(field_names[id]) && id != FIELD_LOCALIZED_DIAGNOSTIC)
        dsn_linter_must(linter, group->recipient ? "RCPT-01" : "DSN-03",
                        "the field stands more than once", field->whole);
    else if (!group->seen[id])
        group->field[id] = *field;
    group->seen[id] = true;
    group->last = (int)id; /* a field too early is told of once, not what follows it */
}

/* The value of a field of @group, trimmed; absent when the field is. */
static DsnSpan
value_of(const Group *group, FieldId id)
{
    return group->seen[id] ? dsn_span_trim(group->field[id].value) : DSN_SPAN_ABSENT;
}

/* Without a comment at the end, for values that have no parentheses of their own. */
static DsnSpan
without_comment(DsnSpan value)
{
    const char *open = value.len == 0 ? NULL : memchr(value.data, '(', value.len);

    if (open == NULL || value.data[value.len - 1] != ')')
        return value;
    value.len = (size_t)(open - value.data);
    return dsn_span_trim(value);
}

/* RFC 3464 section 2.1.1: parentheses are comments. A backslash quotes what follows. */
static bool
is_balanced(DsnSpan text)
{
    size_t open = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\\')
            i++;
        else if (text.data[i] == '(')
            open++;
        else if (text.data[i] == ')' && open-- == 0)
            return false;
    }
    return open == 0;
}

static bool
is_atom(DsnSpan text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f ||
            strchr("()<>@,;:\\\".[]", text.data[i]) != NULL)
            return false;
    return text.len > 0;
}

/* "type; value" (RFC 3464 section 2.1.2); the value may be empty. False when there is no such field
 * or it lacks the form. */
static bool
take_typed(DsnLinter *linter, const Group *group, FieldId id, DsnTyped *ret_typed)
{
    DsnSpan value = value_of(group, id);

    if (!dsn_span_present(value))
        return false;
    *ret_typed = dsn_typed_parse(value);
    if (is_atom(ret_typed->type))
        return true;
    dsn_linter_must(linter, "DSN-14", "the value is not an atom, a semicolon and a text",
                    group->field[id].whole);
    return false;
}

static void
check_date(DsnLinter *linter, const Group *group, FieldId id, const char *rule)
{
    DsnSpan value = value_of(group, id);

    const char *fault = dsn_span_present(value) ? dsn_lint_date_fault(value) : NULL;

    if (fault != NULL)
        dsn_linter_must(linter, rule, fault, value);
}

static void
check_parentheses(DsnLinter *linter, DsnSpan value)
{
    if (!is_balanced(value))
        dsn_linter_must(linter, "DSN-04", "a parenthesis has no partner", value);
}

/* RFC 3464 section 2.2.4 (rule DSN-12): what EHLO said, and the address in a comment. */
static void
check_received_from(DsnLinter *linter, DsnTyped host, DsnSpan where)
{
    if (!dsn_span_is(host.type, "dns"))
        return;
    if (!dsn_lint_is_domain(without_comment(host.value)))
        dsn_linter_should(linter, "DSN-12", "the host has no domain name", where);
    else if (host.value.data[host.value.len - 1] != ')')
        dsn_linter_should(linter, "DSN-12", "the host's address is not beside its name", where);
}

/* A type of names that are not of the DNS. */
static bool
is_other_name(DsnSpan type)
{
    return dsn_span_starts(type, "x-") || dsn_span_is(type, "x400");
}

static void
check_per_message(DsnLinter *linter, const Group *group)
{
    DsnTyped typed;

    linter->envelope_id = value_of(group, FIELD_ORIGINAL_ENVELOPE_ID);
    if (!group->seen[FIELD_REPORTING_MTA])
        dsn_linter_must(linter, "DSN-08", "a required field is missing",
                        field_names[FIELD_REPORTING_MTA]);
    if (take_typed(linter, group, FIELD_REPORTING_MTA, &typed)) {
        DsnSpan name = without_comment(typed.value);

        check_parentheses(linter, typed.value);
        if (dsn_lint_is_domain(name) && dsn_span_is(typed.type, "dns"))
            linter->reporting_name = name;
        else if (!is_other_name(typed.type))
            dsn_linter_must(linter, "DSN-08", "the reporting host has no domain name",
                            group->field[FIELD_REPORTING_MTA].whole);
    }
    if (group->seen[FIELD_DSN_GATEWAY])
        linter->gateway = group->field[FIELD_DSN_GATEWAY].whole;
    if (take_typed(linter, group, FIELD_RECEIVED_FROM_MTA, &typed)) {
        check_parentheses(linter, typed.value);
        check_received_from(linter, typed, group->field[FIELD_RECEIVED_FROM_MTA].whole);
    }
    check_date(linter, group, FIELD_ARRIVAL_DATE, "DSN-13");
}

static void
check_address(DsnLinter *linter, const Group *group, FieldId id, bool global)
{
    DsnTyped typed;
    bool ascii;

    if (!take_typed(linter, group, id, &typed))
        return;
    ascii = dsn_text_is_ascii(typed.value);
    if (typed.value.len == 0) {
        dsn_linter_must(linter, id == FIELD_FINAL_RECIPIENT ? "RCPT-04" : "RCPT-02",
                        "there is no address", group->field[id].whole);
    } else if (dsn_span_is(typed.type, "utf-8")) {
        g_autoptr(GString) address = g_string_new(NULL);

        if (!global && (!ascii || !dsn_utf8_address_decode(typed.value, address)))
            dsn_linter_must(linter, "I18N-04", "the address is not in the 7-bit form of utf-8",
                            typed.value);
        else if (global && memmem(typed.value.data, typed.value.len, "\\x{", 3) != NULL &&
                 dsn_utf8_address_decode(typed.value, address) &&
                 strstr(address->str, "\\x{") == NULL) /* a quoted 'x' and a brace need it */
            dsn_linter_should(linter, "I18N-06", "the address is escaped without need",
                              typed.value);
    } else if (!ascii) {
        dsn_linter_must(linter, "I18N-04", "the address is not ASCII but not of type utf-8",
                        typed.value);
    } else if (!dsn_span_is(typed.type, "rfc822") && dsn_span_present(linter->gateway)) {
        linter->translated = true;
    } else if (id == FIELD_FINAL_RECIPIENT && !dsn_span_is(typed.type, "rfc822")) {
        dsn_linter_must(linter, "RCPT-04", "the address type is neither rfc822 nor utf-8",
                        typed.type);
    }
}

static bool
is_action(DsnSpan value)
{
    static const char *const actions[] = {"failed", "delayed", "delivered", "relayed", "expanded"};

    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++)
        if (dsn_span_is(value, actions[i]))
            return true;
    return false;
}

/* RFC 3464 section 2.3.3: what is given up may have expired with a passing fault (rule RCPT-12). */
static bool
fits(DsnSpan action, char status_class)
{
    if (dsn_span_is(action, "failed"))
        return status_class != '2';
    return status_class == (dsn_span_is(action, "delayed") ? '4' : '2');
}

/* Three groups of digits without a leading zero, whatever the class (rule RCPT-09). */
static size_t
status_length(DsnSpan value)
{
    size_t at = 0;

    for (int group = 0; group < 3; group++) {
        size_t start = at;

        if (group > 0 && (at == value.len || value.data[at++] != '.'))
            return 0;
        start = at;
        while (at < value.len && g_ascii_isdigit(value.data[at]))
            at++;
        if (at == start || at - start > 3 || (value.data[start] == '0' && at - start > 1))
            return 0;
    }
    return at;
}

/* Returns the class, '2', '4' or '5'; 0 when there is none. */
static char
check_status(DsnLinter *linter, DsnSpan value)
{
    size_t len = status_length(value);

    if (len == 0) {
        dsn_linter_must(linter, "RCPT-09", "the status is not three numbers", value);
        return 0;
    }

    DsnSpan after = dsn_span_trim(dsn_span_from(value, len));
    if (after.len > 0 &&
        (after.data[0] != '(' || after.data[after.len - 1] != ')' || !is_balanced(after)))
        dsn_linter_must(linter, "RCPT-10", "text after the status is not a comment", after);
    if (value.data[1] != '.' || strchr("245", value.data[0]) == NULL) {
        dsn_linter_must(linter, "STAT-01", "the class is not 2, 4 or 5", value);
        return 0;
    }
    return value.data[0];
}

/* The basic code at the start of @line; 0 when there is none. */
static unsigned
reply_code(DsnSpan line)
{
    unsigned code = 0;

    if (line.len < 3)
        return 0;
    for (size_t i = 0; i < 3; i++) {
        if (!g_ascii_isdigit(line.data[i]))
            return 0;
        code = code * 10 + (unsigned)(line.data[i] - '0');
    }
    return line.len == 3 || line.data[3] == ' ' || line.data[3] == '-' ? code : 0;
}

/* RFC 3461 section 9.2: each line has the code, and the last one a space behind it. */
static bool
is_complete_reply(DsnSpan reply)
{
    unsigned code = reply_code(reply);
    bool more = code != 0 && reply.len > 3 && reply.data[3] == '-';

    while (more) {
        const char *feed = memchr(reply.data, '\n', reply.len);

        if (feed == NULL)
            return false;
        reply = dsn_span_trim(dsn_span_from(reply, (size_t)(feed - reply.data)));
        if (reply_code(reply) == code)
            more = reply.len > 3 && reply.data[3] == '-';
    }
    return true;
}

/* The text of the reply has an enhanced code of its own (RFC 2034 section 4). */
static bool
has_enhanced_code(DsnSpan reply)
{
    DsnStatusCode code;
    DsnSpan text = dsn_span_trim(dsn_span_from(reply, MIN(reply.len, 4)));

    return dsn_status_code_parse(text, &code) > 0;
}

/* "550" is not 5.5.0 (RFC 3461 section 6.3 g, rule RCPT-11). */
static bool
is_spelt_out(DsnSpan status, DsnSpan reply)
{
    return status.len >= 5 && reply.data[0] == '5' && reply.data[1] == '5' &&
           status.data[0] == '5' && status.data[2] == '5' && status.data[3] == '.' &&
           status.data[4] == reply.data[2] &&
           (status.len == 5 || !g_ascii_isdigit(status.data[5])) && !has_enhanced_code(reply);
}

static void
check_reply(DsnLinter *linter, DsnSpan status, DsnSpan reply, char status_class)
{
    if (reply_code(reply) == 0) {
        dsn_linter_should(linter, "RCPT-18", "what is no SMTP reply has the type of one", reply);
        return;
    }
    if (!is_complete_reply(reply))
        dsn_linter_must(linter, "RCPT-17", "a reply of several lines has no last line", reply);
    if (status_class == 0)
        return;
    if (reply.data[0] != status_class)
        dsn_linter_should(linter, "STAT-02", "status and reply are of different classes", reply);
    else if (is_spelt_out(status, reply))
        dsn_linter_must(linter, "RCPT-11", "the status is made up of the digits of the reply",
                        status);
}

static void
check_diagnostic(DsnLinter *linter, const Group *group, char status_class)
{
    DsnTyped remote, diagnostic;
    bool has_remote = take_typed(linter, group, FIELD_REMOTE_MTA, &remote);
    bool has_diagnostic = take_typed(linter, group, FIELD_DIAGNOSTIC_CODE, &diagnostic);

    if (has_remote)
        check_parentheses(linter, remote.value);
    if (has_remote && dsn_span_is(remote.type, "dns") &&
        !dsn_lint_is_domain(without_comment(remote.value)))
        dsn_linter_must(linter, "RCPT-13", "the remote host has no domain name",
                        group->field[FIELD_REMOTE_MTA].whole);
    if (has_remote && !group->seen[FIELD_DIAGNOSTIC_CODE])
        dsn_linter_must(linter, "RCPT-15", "a remote host took part but its answer is missing",
                        group->field[FIELD_REMOTE_MTA].whole);
    if (!has_diagnostic)
        return;
    check_parentheses(linter, diagnostic.value);
    if (dsn_span_is(diagnostic.type, "smtp"))
        check_reply(linter, value_of(group, FIELD_STATUS), diagnostic.value, status_class);
    else if (has_remote && dsn_span_is(remote.type, "dns") &&
             dsn_span_starts(diagnostic.type, "x-"))
        dsn_linter_should(linter, "RCPT-16", "a cause of this host's own beside a remote host",
                          diagnostic.value);
}

/* Who stands in two groups was told of twice (RFC 3464 section 3, rule ENV-20). */
static void
take_recipient(DsnLinter *linter, const Group *group, GHashTable *recipients)
{
    DsnSpan recipient = value_of(group, FIELD_FINAL_RECIPIENT);

    if (recipient.len > 0 &&
        !g_hash_table_add(recipients, g_bytes_new_static(recipient.data, recipient.len)))
        dsn_linter_should(linter, "ENV-20", "a recipient stands in more than one group",
                          group->field[FIELD_FINAL_RECIPIENT].whole);
}

static void
check_per_recipient(DsnLinter *linter, const Group *group, bool global, GHashTable *recipients)
{
    DsnSpan action = without_comment(value_of(group, FIELD_ACTION));
    DsnSpan status = value_of(group, FIELD_STATUS);
    char class_ = 0;

    if (!group->seen[FIELD_FINAL_RECIPIENT])
        dsn_linter_must(linter, "RCPT-04", "Final-Recipient is missing in the group", group->first);
    if (!dsn_span_present(action) || !dsn_span_present(status))
        dsn_linter_must(linter, "RCPT-23", "Action or Status is missing in the group",
                        group->first);
    check_address(linter, group, FIELD_ORIGINAL_RECIPIENT, global);
    check_address(linter, group, FIELD_FINAL_RECIPIENT, global);
    if (dsn_span_present(action) && !is_action(action))
        dsn_linter_must(linter, "RCPT-06", "the action is none of the five", action);
    if (dsn_span_present(status))
        class_ = check_status(linter, status);

    bool failed = dsn_span_is(action, "failed");
    linter->none_failed = linter->none_failed && !failed && is_action(action);
    take_recipient(linter, group, recipients);
    if (class_ != 0 && is_action(action) && !fits(action, class_))
        dsn_linter_should(linter, "RCPT-12", "the status is not of the class of the action",
                          group->field[FIELD_STATUS].whole);
    /* Some replies of 5yz are tried again: 552 for too many recipients, RFC 5321 4.5.3.1.10. */
    check_diagnostic(linter, group, dsn_span_is(action, "delayed") ? 0 : class_);
    check_date(linter, group, FIELD_LAST_ATTEMPT_DATE, "RCPT-20");
    check_date(linter, group, FIELD_WILL_RETRY_UNTIL, "RCPT-22");
    if (group->seen[FIELD_WILL_RETRY_UNTIL] && !dsn_span_is(action, "delayed"))
        dsn_linter_must(linter, "RCPT-22", "there is nothing to retry",
                        group->field[FIELD_WILL_RETRY_UNTIL].whole);
}

/* Takes the next group with the empty line behind it. False at the end. */
static bool
next_group(DsnLinter *linter, DsnSpan *content, Group *group)
{
    DsnHeaderField field;
    bool any = false;

    while (dsn_header_next(content, &field)) {
        if (dsn_span_trim(field.whole).len == 0) {
            if (any)
                return true;
            dsn_linter_must(linter, "DSN-01", "an empty line too many", field.whole);
            continue;
        }
        if (!any)
            group->first = field.whole;
        any = true;
        take_field(linter, group, &field);
    }
    return any;
}

void
dsn_lint_fields(DsnLinter *linter, DsnSpan content, bool global)
{
    g_autoptr(GHashTable) recipients =
        g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
    DsnSpan odd = dsn_lint_not_utf8(content);
    Group group = {.last = -1};
    bool any = false;

    if (global && dsn_span_present(odd))
        dsn_linter_must(linter, "I18N-14", "the fields are not UTF-8", odd);
    (void)next_group(linter, &content, &group); /* an empty one lacks what is required */
    check_per_message(linter, &group);
    for (;;) {
        group = (Group){.recipient = true, .last = -1};
        if (!next_group(linter, &content, &group))
            break;
        linter->none_failed = any ? linter->none_failed : true;
        any = true;
        check_per_recipient(linter, &group, global, recipients);
    }
    if (!any)
        dsn_linter_must(linter, "DSN-01", "there is no group for a recipient",
                        field_names[FIELD_FINAL_RECIPIENT]);
    if (dsn_span_present(linter->gateway) && !linter->translated)
        dsn_linter_must(linter, "DSN-11", "nothing was translated from another kind of mail",
                        linter->gateway);
}
