/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/delivery-status.h"

/* "rfc822: address" or "rfc822 address", as some write it. */
static DsnTyped
split_sloppily(DsnSpan text)
{
    size_t len = strlen("rfc822");

    if (!dsn_span_starts(text, "rfc822") || text.len == len ||
        (text.data[len] != ':' && text.data[len] != ',' && !dsn_is_space(text.data[len])))
        return (DsnTyped){DSN_SPAN_ABSENT, text};
    DsnSpan address = dsn_span_trim(dsn_span_from(text, len + 1));
    return address.len == 0 ? (DsnTyped){DSN_SPAN_ABSENT, text}
                            : (DsnTyped){{text.data, len}, address};
}

/* "<address> (comment)": comments are no part of an address (RFC 3464 section 2.1.2). Where no
 * address is left, all of it stays. */
static DsnSpan
strip_comments(DsnSpan text)
{
    if (text.len == 0 || memchr(text.data, '(', text.len) == NULL || text.data[0] == '"')
        return text;
    DsnSpan bare = dsn_field_strip_comments(text);
    DsnSpan address = bare;
    if (bare.len >= 2 && bare.data[0] == '<' && bare.data[bare.len - 1] == '>')
        address = (DsnSpan){bare.data + 1, bare.len - 2};
    return dsn_address_is_mailbox(address) ? bare : text;
}

/* The address of a recipient. Some write it as in a header, "Name <address>". */
static DsnSpan
read_recipient_address(DsnFieldReader *reader, const DsnField *field, DsnSpan text)
{
    const char *open =
        text.len > 0 && text.data[text.len - 1] == '>' ? memrchr(text.data, '<', text.len) : NULL;

    if (open != NULL && open > text.data) {
        DsnSpan address = {open + 1, (size_t)(text.data + text.len - 1 - (open + 1))};
        if (dsn_address_is_mailbox(address)) {
            dsn_field_add_defect(reader, DSN_DEFECT_BAD_ADDRESS, field, "a name with the address");
            return address;
        }
    }
    return dsn_field_read_address(reader, field, strip_comments(text));
}

/* "type; address" of a recipient (RFC 3464 sections 2.3.1 and 2.3.2). */
static void
set_recipient(DsnFieldReader *reader, const DsnField *field, void *ret_value)
{
    DsnTyped typed = dsn_field_split_typed(field->value);
    if (!dsn_span_present(typed.type)) {
        dsn_field_add_defect(reader, DSN_DEFECT_BAD_VALUE, field, "no type before the address");
        typed = split_sloppily(typed.value);
    }
    bool utf8 = dsn_span_present(typed.type) && dsn_span_is(typed.type, "utf-8");

    if (utf8) {
        g_string_truncate(reader->scratch, 0);
        if (typed.value.len <= reader->limits->address &&
            dsn_utf8_address_decode(typed.value, reader->scratch))
            typed.value = dsn_report_keep(reader->report,
                                          (DsnSpan){reader->scratch->str, reader->scratch->len});
        else /* rule I18N-07 */
            dsn_field_add_defect(reader, DSN_DEFECT_BAD_ADDRESS, field, "kept as it stands");
    } else if (!dsn_span_present(typed.type) || dsn_span_is(typed.type, "rfc822")) {
        typed.value = read_recipient_address(reader, field, typed.value);
    }
    *(DsnTyped *)ret_value = typed;
}

/* Comes from ORCPT, which is xtext on the wire; a report has it decoded (RFC 3461 section 6.3 d).
 */
static void
set_original_recipient(DsnFieldReader *reader, const DsnField *field, void *ret_value)
{
    DsnTyped *typed = ret_value;

    set_recipient(reader, field, typed);
    if (dsn_span_present(typed->type) && dsn_span_is(typed->type, "rfc822") &&
        typed->value.len <= reader->limits->address &&
        dsn_field_undo_xtext(reader, typed->value, &typed->value))
        dsn_field_add_defect(reader, DSN_DEFECT_BAD_VALUE, field, "still encoded as xtext");
}

/* RFC 3464 section 2.3.3; case does not count, and a comment may follow (rule OOB-05). Whatever
 * else follows the word, the word counts. */
static void
set_action(DsnFieldReader *reader, const DsnField *field, void *ret_value)
{
    /* Other forms of the same words. */
    static const struct {
        const char *word;
        DsnAction action;
    } slips[] = {
        {"failure", DSN_ACTION_FAILED},    {"fail", DSN_ACTION_FAILED},
        {"delay", DSN_ACTION_DELAYED},     {"relay", DSN_ACTION_RELAYED},
        {"deliver", DSN_ACTION_DELIVERED},
    };
    DsnPerRecipient *recipient = ret_value;
    DsnSpan token = dsn_field_strip_comments(field->value);
    DsnSpan word = token;

    recipient->action_text = field->value;
    if (word.len > 0 && word.data[0] == '"')
        word = dsn_span_from(word, 1);
    for (size_t i = 0; i < word.len; i++) {
        if (!g_ascii_isalpha(word.data[i]))
            word.len = i;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(slips); i++) {
        if (dsn_span_is(word, slips[i].word)) {
            recipient->action = slips[i].action;
            dsn_field_add_defect(reader, DSN_DEFECT_BAD_VALUE, field, "read as the action meant");
            return;
        }
    }
    for (int action = DSN_ACTION_FAILED; action <= DSN_ACTION_EXPANDED; action++) {
        if (dsn_span_is(word, dsn_action_to_string((DsnAction)action))) {
            recipient->action = (DsnAction)action;
            if (word.len < token.len)
                dsn_field_add_defect(reader, DSN_DEFECT_BAD_VALUE, field, "more than the action");
            return;
        }
    }
    dsn_field_add_defect(reader, DSN_DEFECT_BAD_VALUE, field, "no action of RFC 3464");
}

/* A code that does not stand as it should: "550 5.1.1", "smtp; 5.1.1", "#5.1.1", "5.1.1.", "5.0".
 * Returns the length of @text up to the end of the code, 0 when there is none. */
static size_t
read_sloppy_status(DsnSpan text, DsnStatusCode *ret_code)
{
    char short_code[] = "d.d.0";
    DsnSpan padded = {short_code, strlen(short_code)};

    for (size_t i = 1; i < text.len; i++) {
        if (!g_ascii_isdigit(text.data[i]) || g_ascii_isalnum(text.data[i - 1]) ||
            text.data[i - 1] == '.')
            continue;
        size_t len = dsn_status_code_parse(dsn_span_from(text, i), ret_code);
        if (len > 0)
            return i + len;
    }
    if (text.len > 5 && text.data[text.len - 1] == '.') {
        DsnSpan front = {text.data, text.len - 1};
        return dsn_status_code_parse(front, ret_code) == front.len ? text.len : 0;
    }
    if (text.len != 3 || text.data[1] != '.')
        return 0;
    short_code[0] = text.data[0];
    short_code[2] = text.data[2];
    return dsn_status_code_parse(padded, ret_code) == 0 ? 0 : text.len;
}

/* The code, and after it a comment, or the text without parentheses that RFC 3464 section 2.3.4
 * does not allow (rules OOB-08, QRK-13). */
static void
set_status(DsnFieldReader *reader, const DsnField *field, void *ret_value)
{
    DsnPerRecipient *recipient = ret_value;
    size_t len = dsn_status_code_parse(field->value, &recipient->status);

    if (len == 0) {
        len = read_sloppy_status(field->value, &recipient->status);
        dsn_field_add_defect(reader, DSN_DEFECT_BAD_VALUE, field,
                             len == 0 ? "not a status code" : "not a status code alone");
        if (len == 0)
            return;
    }

    DsnSpan comment = dsn_span_trim(dsn_span_from(field->value, len));
    if (comment.len == 0)
        return;
    recipient->status_comment = comment;
    if (comment.data[0] != '(')
        dsn_field_add_defect(reader, DSN_DEFECT_BAD_VALUE, field, "text after the status code");
}

/* True when @line starts like a line of an SMTP reply, "550-" or "550 " (RFC 5321 section 4.2). */
static bool
is_reply_line(DsnSpan line)
{
    return line.len >= 4 && line.data[0] >= '2' && line.data[0] <= '5' &&
           g_ascii_isdigit(line.data[1]) && g_ascii_isdigit(line.data[2]) &&
           (line.data[3] == '-' || line.data[3] == ' ');
}

/* A reply of several lines has each on a folded line of its own (RFC 3461 section 9.2), but a fold
 * may also stand anywhere in a long line: the first kind becomes '\n', the other kind a space. */
static DsnSpan
join_reply_lines(DsnFieldReader *reader, DsnSpan raw)
{
    GString *text = reader->scratch;

    g_string_truncate(text, 0);
    while (raw.len > 0) {
        const char *newline = memchr(raw.data, '\n', raw.len);
        size_t len = newline == NULL ? raw.len : (size_t)(newline - raw.data) + 1;
        DsnSpan line = dsn_span_trim((DsnSpan){raw.data, len});

        if (text->len > 0)
            g_string_append_c(text, is_reply_line(line) ? '\n' : ' ');
        g_string_append_len(text, line.data, (gssize)line.len);
        raw = dsn_span_from(raw, len);
    }
    return dsn_report_keep(reader->report, (DsnSpan){text->str, text->len});
}

static void
set_diagnostic(DsnFieldReader *reader, const DsnField *field, void *ret_value)
{
    DsnSpan raw = dsn_field_raw(reader, field);
    DsnField unfolded = *field;

    if (raw.len > 0 && memchr(raw.data, '\n', raw.len) != NULL)
        unfolded.value = join_reply_lines(reader, raw);
    dsn_field_set_typed(reader, &unfolded, ret_value);
}

#define MESSAGE_FIELD(name, set, member, required)                                    \
    {                                                                                 \
        DSN_SPAN_LITERAL(name), set, offsetof(DsnPerMessage, member), required, false \
    }

static const DsnFieldRule message_rules[] = {
    MESSAGE_FIELD("Reporting-MTA", dsn_field_set_typed, reporting_mta, true),
    MESSAGE_FIELD("Arrival-Date", dsn_field_set_date, arrival_date, false),
    MESSAGE_FIELD("Received-From-MTA", dsn_field_set_typed, received_from_mta, false),
    MESSAGE_FIELD("Original-Envelope-Id", dsn_field_set_envelope_id, original_envelope_id, false),
    MESSAGE_FIELD("DSN-Gateway", dsn_field_set_typed, dsn_gateway, false),
};

#define RECIPIENT_FIELD(name, set, member, required)                                    \
    {                                                                                   \
        DSN_SPAN_LITERAL(name), set, offsetof(DsnPerRecipient, member), required, false \
    }
/* For a setter that stores more than one member. */
#define RECIPIENT_FIELDS(name, set, required)           \
    {                                                   \
        DSN_SPAN_LITERAL(name), set, 0, required, false \
    }

static const DsnFieldRule recipient_rules[] = {
    RECIPIENT_FIELD("Final-Recipient", set_recipient, final_recipient, true),
    RECIPIENT_FIELD("Original-Recipient", set_original_recipient, original_recipient, false),
    RECIPIENT_FIELDS("Action", set_action, true),
    RECIPIENT_FIELDS("Status", set_status, true),
    RECIPIENT_FIELD("Remote-MTA", dsn_field_set_typed, remote_mta, false),
    RECIPIENT_FIELD("Diagnostic-Code", set_diagnostic, diagnostic_code, false),
    RECIPIENT_FIELD("Last-Attempt-Date", dsn_field_set_date, last_attempt_date, false),
    RECIPIENT_FIELD("Final-Log-ID", dsn_field_set_text, final_log_id, false),
    RECIPIENT_FIELD("Will-Retry-Until", dsn_field_set_date, will_retry_until, false),
};

/* Bits of recipient_rules. */
enum { FINAL_RECIPIENT = 1 << 0, ORIGINAL_RECIPIENT = 1 << 1, ACTION = 1 << 2, STATUS = 1 << 3 };

static const DsnFieldTable message_table = {message_rules, G_N_ELEMENTS(message_rules)};
static const DsnFieldTable recipient_table = {recipient_rules, G_N_ELEMENTS(recipient_rules)};

typedef struct StatusReader {
    DsnFieldReader *fields;
    uint32_t message_seen;
    uint32_t recipient_seen;    /* of the last recipient */
    uint32_t recipient_first;   /* of the last recipient, the first one */
    DsnPerRecipient *recipient; /* the last one, NULL before the first */
} StatusReader;

static void
finish_recipient(StatusReader *reader)
{
    if (reader->recipient != NULL)
        dsn_field_check_required(reader->fields, recipient_table, reader->recipient_seen);
}

/* @field is the first one of another recipient; false when there may not be more. */
static bool
start_recipient(StatusReader *reader, const DsnField *field)
{
    DsnReport *report = reader->fields->report;

    if (report->per_recipient->len >= reader->fields->limits->groups) {
        dsn_field_note_limit(reader->fields, field->name, "groups");
        return false;
    }
    finish_recipient(reader);
    reader->recipient = dsn_report_add_recipient(report);
    reader->recipient_seen = 0;
    reader->recipient_first = 0;
    return true;
}

/* The fields of @table in @group, as bits. */
static uint32_t
find_fields(const StatusReader *reader, const DsnFieldGroup *group, DsnFieldTable table)
{
    const GArray *fields = reader->fields->report->fields;
    uint32_t found = 0;

    for (guint i = group->first; i < group->first + group->count; i++)
        found |= dsn_field_find(table, g_array_index(fields, DsnField, i).name);
    return found;
}

/* True when @group is about a recipient other than the one before it. A group that has nothing that
 * was said already belongs to the one before it: a blank line among the fields of a recipient does
 * not make two of it (rule ARF-29). Among the fields of the message, fields of a recipient that is
 * not named are strays. */
static bool
is_recipient(const StatusReader *reader, const DsnFieldGroup *group)
{
    uint32_t found = find_fields(reader, group, recipient_table);

    if (reader->recipient != NULL)
        return (found & reader->recipient_seen) != 0;
    return (found & (FINAL_RECIPIENT | ORIGINAL_RECIPIENT)) != 0 ||
           (found != 0 && find_fields(reader, group, message_table) == 0);
}

/* True when @bit starts another recipient although no blank line came before it: an address comes
 * again, or what the recipient began with. */
static bool
starts_recipient(const StatusReader *reader, uint32_t bit)
{
    const uint32_t names = FINAL_RECIPIENT | ORIGINAL_RECIPIENT;
    uint32_t seen = reader->recipient_seen;

    return (seen & bit) != 0 && (seen & (ACTION | STATUS)) != 0 && (seen & names) != 0 &&
           ((bit & names) != 0 || bit == reader->recipient_first);
}

/* False when no more can be read. */
static bool
read_field(StatusReader *reader, const DsnField *field)
{
    DsnReport *report = reader->fields->report;
    uint32_t bit = dsn_field_find(message_table, field->name);

    if (bit != 0) {
        dsn_field_store(reader->fields, message_table, bit, field, &report->per_message,
                        &reader->message_seen);
        return true;
    }
    bit = dsn_field_find(recipient_table, field->name);
    if (bit != 0 && reader->recipient == NULL)
        dsn_field_add_defect(reader->fields, DSN_DEFECT_BAD_FIELD, field,
                             "a recipient's field among those of the message");
    if (bit == 0 || reader->recipient == NULL) {
        g_array_append_val(reader->recipient == NULL ? report->per_message.extensions
                                                     : reader->recipient->extensions,
                           *field);
        return true;
    }
    if (starts_recipient(reader, bit)) {
        if (!start_recipient(reader, field))
            return false;
        dsn_field_add_defect(reader->fields, DSN_DEFECT_DUPLICATE_FIELD, field,
                             "no blank line before another recipient");
    }
    if (reader->recipient_seen == 0)
        reader->recipient_first = bit;
    dsn_field_store(reader->fields, recipient_table, bit, field, reader->recipient,
                    &reader->recipient_seen);
    return true;
}

/* False when no more can be read. */
static bool
read_group(StatusReader *reader, const DsnFieldGroup *group)
{
    const GArray *fields = reader->fields->report->fields;
    const DsnField *first = &g_array_index(fields, DsnField, group->first);

    if (is_recipient(reader, group)) {
        if (!start_recipient(reader, first))
            return false;
    } else if (reader->recipient != NULL && find_fields(reader, group, recipient_table) != 0) {
        dsn_report_add_defect(reader->fields->report, reader->fields->limits,
                              DSN_DEFECT_EMPTY_GROUP, first->name, DSN_SPAN_ABSENT,
                              "a blank line among the fields of a recipient");
    }
    for (guint i = 0; i < group->count; i++) {
        if (!read_field(reader, first + i))
            return false;
    }
    return true;
}

void
dsn_delivery_status_read(DsnFieldReader *fields)
{
    const GArray *groups = fields->report->groups;
    StatusReader reader = {.fields = fields};

    for (guint i = 0; i < groups->len; i++) {
        if (!read_group(&reader, &g_array_index(groups, DsnFieldGroup, i)))
            break;
    }
    finish_recipient(&reader);
    dsn_field_check_required(fields, message_table, reader.message_seen);
}

bool
dsn_delivery_status_is_in(DsnSpan text)
{
    return dsn_field_is_any_known(text, message_table) ||
           dsn_field_is_any_known(text, recipient_table);
}
