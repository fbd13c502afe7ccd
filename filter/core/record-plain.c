/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each function reads over what it is named for at the cursor, if that is written as we write it:
 * no white space, keys in order, none of them twice, numbers and escapes in their one form. What is
 * rare is refused, as it costs only the time of the tree.
 */
#include "config.h"

#include "filter/core/record-plain.h"

#include "filter/core/json-string.h"
#include "filter/core/record-members.h"

#define DEPTH_MAX 32
#define KEYS_MAX 64      /* of one object: each is compared with those before it */
#define DIGITS_MAX 18    /* which fit into 63 bits */
#define TEXT_MAX 1000000 /* shorter than the number of values that a record may have */
#define MEMBERS_MAX 40   /* of the table */

/* ---- JSON ---- */

static bool
take(DsnPlainReader *reader, char c)
{
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

static bool
take_word(DsnPlainReader *reader, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, word, len) != 0)
        return false;
    reader->at += len;
    return true;
}

/* The escape at the cursor, if it is the one that we write for a character other than NUL. */
static bool
skip_escape(DsnPlainReader *reader)
{
    size_t left = (size_t)(reader->end - reader->at);
    const char *c = reader->at;

    if (left >= 2 && c[1] != '\0' && strchr("\"\\bfnrt", c[1]) != NULL) {
        reader->at += 2;
        return true;
    }
    if (left < 6 || memcmp(c, "\\u00", 4) != 0 || (c[4] != '0' && c[4] != '1') ||
        !(g_ascii_isdigit(c[5]) || (c[5] >= 'a' && c[5] <= 'f')))
        return false;
    int code = (c[4] - '0') * 16 + g_ascii_xdigit_value(c[5]);
    reader->at += 6;
    return code != 0 && strchr("\b\f\n\r\t", code) == NULL;
}

/* *@ret_raw is what stands between the quotes. */
static bool
skip_string(DsnPlainReader *reader, DsnSpan *ret_raw)
{
    bool ascii = true;

    if (!take(reader, '"'))
        return false;
    const char *start = reader->at;
    for (;;) {
        reader->at +=
            dsn_json_clean_prefix((DsnSpan){reader->at, (size_t)(reader->end - reader->at)});
        if (reader->at == reader->end)
            return false;
        if (*reader->at == '"')
            break;
        if (*reader->at == '\\') {
            if (!skip_escape(reader))
                return false;
        } else if ((*reader->at & 0x80) != 0) {
            ascii = false;
            reader->at++;
        } else {
            return false;
        }
    }
    *ret_raw = (DsnSpan){start, (size_t)(reader->at - start)};
    reader->at++;
    return ascii || g_utf8_validate_len(start, ret_raw->len, NULL);
}

/* A key without escapes, and the colon. */
static bool
skip_key(DsnPlainReader *reader, DsnSpan *ret_key)
{
    return skip_string(reader, ret_key) && memchr(ret_key->data, '\\', ret_key->len) == NULL &&
           take(reader, ':');
}

static bool
skip_integer(DsnPlainReader *reader, int64_t *ret_number)
{
    bool negative = take(reader, '-');
    const char *start = reader->at;
    int64_t number = 0;

    while (reader->at < reader->end && g_ascii_isdigit(*reader->at) &&
           reader->at - start < DIGITS_MAX)
        number = number * 10 + (*reader->at++ - '0');
    size_t digits = (size_t)(reader->at - start);
    if (digits == 0 || (*start == '0' && (digits > 1 || negative)))
        return false;
    *ret_number = negative ? -number : number;
    return reader->at == reader->end || strchr(",]}", *reader->at) != NULL;
}

static bool skip_value(DsnPlainReader *reader);

/* ",..." or "}" behind the members that came so far: further ones, none of which is among those in
 * @keys or @known (NULL: none are known). */
static bool
skip_members(DsnPlainReader *reader, const DsnMember *known, bool (*skip)(DsnPlainReader *reader))
{
    DsnSpan keys[KEYS_MAX];
    size_t n_keys = 0;

    while (!take(reader, '}')) {
        bool first = reader->at[-1] == '{';

        if ((!first && !take(reader, ',')) || n_keys == KEYS_MAX ||
            !skip_key(reader, &keys[n_keys]))
            return false;
        for (size_t i = 0; i < n_keys; i++)
            if (dsn_span_equal(keys[i], keys[n_keys]))
                return false;
        for (const DsnMember *member = known; member != NULL && member->key != NULL; member++)
            if (dsn_span_is(keys[n_keys], member->key))
                return false;
        n_keys++;
        if (!skip(reader))
            return false;
    }
    return true;
}

static bool
skip_elements(DsnPlainReader *reader, const DsnMember *member,
              bool (*skip)(const DsnMember *member, DsnPlainReader *reader), size_t *ret_count)
{
    *ret_count = 0;
    if (!take(reader, '['))
        return false;
    while (!take(reader, ']')) {
        if ((*ret_count > 0 && !take(reader, ',')) || !skip(member, reader))
            return false;
        (*ret_count)++;
    }
    return true;
}

static bool
skip_nested(DsnPlainReader *reader)
{
    size_t count;

    if (reader->depth == DEPTH_MAX)
        return false;
    reader->depth++;
    bool good = take(reader, '{') ? skip_members(reader, NULL, skip_value)
                                  : skip_elements(reader, NULL, dsn_plain_skip_any, &count);
    reader->depth--;
    return good;
}

static bool
skip_value(DsnPlainReader *reader)
{
    DsnSpan text;
    int64_t number;

    if (reader->at == reader->end)
        return false;
    switch (*reader->at) {
    case '"':
        return skip_string(reader, &text);
    case '{':
    case '[':
        return skip_nested(reader);
    case 'n':
        return take_word(reader, "null");
    case 't':
        return take_word(reader, "true");
    case 'f':
        return take_word(reader, "false");
    default:
        return skip_integer(reader, &number);
    }
}

/* ---- the forms of members ---- */

bool
dsn_plain_skip_any(const DsnMember *member, DsnPlainReader *reader)
{
    (void)member; /* all values will do */
    return skip_value(reader);
}

bool
dsn_plain_skip_text(const DsnMember *member, DsnPlainReader *reader)
{
    DsnSpan text;

    (void)member; /* texts have no bounds of their own */
    return skip_string(reader, &text);
}

/* NUL is in no text here. */
bool
dsn_plain_skip_name(const DsnMember *member, DsnPlainReader *reader)
{
    return dsn_plain_skip_text(member, reader);
}

/* One that may lose its angle brackets is not plain. */
bool
dsn_plain_skip_address(const DsnMember *member, DsnPlainReader *reader)
{
    DsnSpan text;

    (void)member;
    return skip_string(reader, &text) && (text.len == 0 || text.data[0] != '<');
}

bool
dsn_plain_skip_texts(const DsnMember *member, DsnPlainReader *reader)
{
    size_t count;

    return skip_elements(reader, member, dsn_plain_skip_text, &count);
}

bool
dsn_plain_skip_addresses(const DsnMember *member, DsnPlainReader *reader)
{
    size_t count;

    return skip_elements(reader, member, dsn_plain_skip_address, &count);
}

/* One alone is no list. */
bool
dsn_plain_skip_recipients(const DsnMember *member, DsnPlainReader *reader)
{
    size_t count;

    if (reader->at < reader->end && *reader->at == '"')
        return dsn_plain_skip_address(member, reader);
    return skip_elements(reader, member, dsn_plain_skip_address, &count) && count != 1;
}

bool
dsn_plain_skip_number(const DsnMember *member, DsnPlainReader *reader)
{
    int64_t number;

    return skip_integer(reader, &number) && number >= member->min && number <= member->max;
}

/* False is left out. */
bool
dsn_plain_skip_bool(const DsnMember *member, DsnPlainReader *reader)
{
    return take_word(reader, "true") ||
           (member->need != DSN_NEED_OMITTED && take_word(reader, "false"));
}

bool
dsn_plain_skip_time(const DsnMember *member, DsnPlainReader *reader)
{
    char buffer[DSN_DATE_MAX];
    DsnSpan text;
    int64_t time;
    uint32_t nanoseconds;

    return skip_string(reader, &text) && dsn_date_from_rfc3339(text, &time, &nanoseconds) &&
           time >= member->min && time <= member->max &&
           dsn_span_is(text, dsn_date_to_rfc3339(time, nanoseconds, buffer));
}

static bool
skip_texts(DsnPlainReader *reader)
{
    return dsn_plain_skip_texts(NULL, reader);
}

bool
dsn_plain_skip_extensions(const DsnMember *member, DsnPlainReader *reader)
{
    (void)member;
    return take(reader, '{') && skip_members(reader, NULL, skip_texts);
}

/* ---- objects with a table ---- */

/* The key of @member, if it is the next one. */
static bool
take_known_key(DsnPlainReader *reader, const char *key)
{
    DsnPlainReader ahead = *reader;

    if (reader->at[-1] != '{' && !take(&ahead, ','))
        return false;
    if (!take(&ahead, '"') || !take_word(&ahead, key) || !take_word(&ahead, "\":"))
        return false;
    *reader = ahead;
    return true;
}

/* @values (may be NULL) is told where the values of the table's members are. */
static bool
skip_table(DsnPlainReader *reader, const DsnMember *members, DsnSpan *values)
{
    if (!take(reader, '{'))
        return false;
    for (size_t i = 0; members[i].key != NULL; i++) {
        const DsnMember *member = &members[i];

        if (!take_known_key(reader, member->key)) {
            if (member->need != DSN_NEED_OMITTED)
                return false;
            continue;
        }
        const char *start = reader->at;
        bool null = member->need == DSN_NEED_NULL && take_word(reader, "null");
        if (!null && !(member->members == NULL ? member->form->skip(member, reader)
                                               : skip_table(reader, member->members, NULL)))
            return false;
        g_assert(values == NULL || i < MEMBERS_MAX);
        if (values != NULL)
            values[i] = (DsnSpan){start, (size_t)(reader->at - start)};
    }
    return skip_members(reader, members, skip_value);
}

bool
dsn_plain_skip_object(const DsnMember *member, DsnPlainReader *reader)
{
    (void)member; /* one with a table is read elsewhere */
    return reader->at < reader->end && *reader->at == '{' && skip_nested(reader);
}

/* ---- the record ---- */

void
dsn_plain_record_init(DsnPlainRecord *plain)
{
    *plain = (DsnPlainRecord){.buffer = g_string_new(NULL), .recipients = g_ptr_array_new()};
}

void
dsn_plain_record_clear(DsnPlainRecord *plain)
{
    (void)g_string_free(plain->buffer, TRUE);
    g_ptr_array_unref(plain->recipients);
}

static DsnSpan
value_of(const DsnSpan *values, const char *key)
{
    size_t i = 0;

    while (strcmp(DSN_RECORD_MEMBERS[i].key, key) != 0)
        i++;
    return values[i];
}

static int64_t
number_of(const DsnSpan *values, const char *key)
{
    DsnSpan value = value_of(values, key);
    DsnPlainReader reader = {value.data, value.data + value.len, 0};
    int64_t number = 0;

    (void)skip_integer(&reader, &number); /* it was read before */
    return number;
}

/* Adds the string @raw, with its quotes, to the buffer, and returns where it begins; or -1 when it
 * has escapes. */
static gssize
add_text(DsnPlainRecord *plain, DsnSpan raw)
{
    gsize start = plain->buffer->len;

    if (memchr(raw.data, '\\', raw.len) != NULL)
        return -1;
    g_string_append_len(plain->buffer, raw.data + 1, (gssize)raw.len - 2);
    g_string_append_c(plain->buffer, '\0');
    return (gssize)start;
}

/* Takes over the time under @precise, if the older @seconds say the same. */
static bool
take_time(const DsnSpan *values, const char *precise, const char *seconds, int64_t *ret_time,
          uint32_t *ret_nanoseconds)
{
    DsnSpan raw = value_of(values, precise);

    if (!dsn_span_present(raw))
        return false;
    const DsnSpan text = {raw.data + 1, raw.len - 2};
    return dsn_date_from_rfc3339(text, ret_time, ret_nanoseconds) &&
           *ret_time == number_of(values, seconds);
}

/* Recipients lie in the buffer one behind the other. */
static bool
add_recipients(DsnPlainRecord *plain, DsnSpan value)
{
    DsnPlainReader reader = {value.data, value.data + value.len, 0};
    DsnSpan text;

    plain->record.n_recipients = 0;
    while (reader.at < reader.end) {
        if (*reader.at != '"') { /* a bracket or a comma */
            reader.at++;
            continue;
        }
        const char *start = reader.at;
        (void)skip_string(&reader, &text); /* it was read before */
        if (add_text(plain, (DsnSpan){start, (size_t)(reader.at - start)}) < 0)
            return false;
        plain->record.n_recipients++;
    }
    return true;
}

static bool
fill_record(DsnPlainRecord *plain, const DsnSpan *values)
{
    DsnRecord *record = &plain->record;
    DsnSpan node = value_of(values, "nodeid");
    bool has_node = dsn_span_present(node) && node.data[0] == '"';
    int64_t created;
    uint32_t nanoseconds;

    *record = (DsnRecord){.num_attempts = (unsigned)number_of(values, "num_attempts")};
    g_string_truncate(plain->buffer, 0);
    gssize type = add_text(plain, value_of(values, "type"));
    gssize id = add_text(plain, value_of(values, "id"));
    gssize sender = add_text(plain, value_of(values, "sender"));
    gssize nodeid = has_node ? add_text(plain, node) : 0;
    gsize recipient = plain->buffer->len;
    if (type < 0 || id < 0 || sender < 0 || nodeid < 0 ||
        !add_recipients(plain, value_of(values, "recipient")) ||
        !take_time(values, "event_time", "timestamp", &record->event_time,
                   &record->event_nanoseconds) ||
        !take_time(values, "created_time", "created", &created, &nanoseconds))
        return false;
    record->created = created;
    record->created_nanoseconds = nanoseconds;
    record->type_name = plain->buffer->str + type;
    record->type = dsn_record_type_from_string(dsn_span(record->type_name));
    record->id = plain->buffer->str + id;
    record->sender = plain->buffer->str + sender;
    record->nodeid = has_node ? plain->buffer->str + nodeid : NULL;
    g_ptr_array_set_size(plain->recipients, 0);
    for (size_t i = 0; i < record->n_recipients; i++) {
        g_ptr_array_add(plain->recipients, plain->buffer->str + recipient);
        recipient += strlen(plain->buffer->str + recipient) + 1;
    }
    record->recipients = (const char **)plain->recipients->pdata;
    return true;
}

bool
dsn_plain_record_read(DsnSpan text, size_t max, DsnPlainRecord *plain)
{
    static const char wrapper[] = "\"log_record\"";
    DsnSpan values[MEMBERS_MAX] = {{NULL, 0}};

    if (text.len == 0 || text.len > MIN(max, TEXT_MAX) ||
        memmem(text.data, text.len, wrapper, strlen(wrapper)))
        return false;
    DsnPlainReader reader = {text.data, text.data + text.len, 1};
    while (reader.at < reader.end && dsn_is_space(*reader.at))
        reader.at++;
    const char *start = reader.at;
    if (!skip_table(&reader, DSN_RECORD_MEMBERS, values))
        return false;
    plain->text = (DsnSpan){start, (size_t)(reader.at - start)};
    while (reader.at < reader.end && dsn_is_space(*reader.at))
        reader.at++;
    return reader.at == reader.end && fill_record(plain, values);
}
