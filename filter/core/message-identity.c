/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/message-identity.h"

#include "mime/header.h"

#define QUEUE_ID_MAX 64

/* Bytes of a Received field that are searched for the queue id. */
#define RECEIVED_MAX ((size_t)2000)

/* What of a message counts. */
typedef struct Identity {
    GChecksum *checksum;
    const char *generated; /* ".QUEUEID@", or NULL */
    bool sender_id;        /* there is a Message-ID that was not made here */
} Identity;

typedef enum FieldKind {
    FIELD_OTHER, /* of hosts on the way, or of no matter */
    FIELD_AUTHOR,
    FIELD_DATE,
    FIELD_MESSAGE_ID,
    FIELD_RECEIVED
} FieldKind;

static FieldKind
kind_of(DsnSpan name)
{
    static const struct {
        const char *name;
        FieldKind kind;
    } names[] = {
        {"From", FIELD_AUTHOR},           {"To", FIELD_AUTHOR},
        {"Subject", FIELD_AUTHOR},        {"Date", FIELD_DATE},
        {"Message-ID", FIELD_MESSAGE_ID}, {"MIME-Version", FIELD_AUTHOR},
        {"Received", FIELD_RECEIVED},     {"Content-Length", FIELD_OTHER}, /* of mailbox files */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (dsn_span_is(name, names[i].name))
            return names[i].kind;
    }
    return dsn_span_starts(name, "Content-") ? FIELD_AUTHOR : FIELD_OTHER;
}

/* Takes the first line off the front of *@text; without its line end, however many CRs belong to it
 * (mail that was converted twice has CR CR LF). */
static DsnSpan
next_line(DsnSpan *text)
{
    const char *feed = memchr(text->data, '\n', text->len);
    DsnSpan line = {text->data, feed == NULL ? text->len : (size_t)(feed - text->data)};

    *text = dsn_span_from(*text, feed == NULL ? line.len : line.len + 1);
    while (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* Takes the next field off the front of *@message. At the end of the header *@message is the body:
 * what follows the empty line, or, as Postfix has it, what begins with the first line that is no
 * field. */
static bool
next_field(DsnSpan *message, DsnHeaderField *ret_field)
{
    DsnSpan rest = *message;

    if (rest.len == 0)
        return false;
    if (next_line(&rest).len == 0) {
        *message = rest;
        return false;
    }
    rest = *message;
    if (!dsn_header_next(&rest, ret_field) || !dsn_span_present(ret_field->name))
        return false;
    *message = rest;
    return true;
}

/* The line of a mailbox file above the first field. */
static DsnSpan
skip_from_line(DsnSpan message)
{
    DsnSpan rest = message;
    DsnHeaderField field;

    if (!dsn_span_starts(message, "From ") || !dsn_header_next(&rest, &field) ||
        dsn_span_present(field.name))
        return message;
    rest = message;
    (void)next_line(&rest); /* it is the rest that counts */
    return rest;
}

/* The word behind "id" outside of comments (RFC 5321 section 4.4). */
static DsnSpan
find_queue_id(DsnSpan received)
{
    size_t len = MIN(received.len, RECEIVED_MAX), at = 0;
    bool wanted = false;
    unsigned depth = 0;

    while (at < len) {
        size_t start = at;

        while (at < len && strchr(" \t\r\n;()", received.data[at]) == NULL)
            at++;
        DsnSpan word = {received.data + start, at - start};
        if (word.len > 0 && depth == 0) {
            if (wanted)
                return word;
            wanted = dsn_span_is(word, "id");
        }
        if (at < len && received.data[at] == '(')
            depth++;
        else if (at < len && received.data[at] == ')' && depth > 0)
            depth--;
        at++;
    }
    return DSN_SPAN_ABSENT;
}

DsnSpan
dsn_message_queue_id(DsnSpan message)
{
    DsnHeaderField field;

    while (next_field(&message, &field)) {
        if (kind_of(field.name) == FIELD_RECEIVED)
            return find_queue_id(field.value);
    }
    return DSN_SPAN_ABSENT;
}

/* The part of a Message-ID by which it is known to be made by Postfix or Sendmail for a message
 * with that queue id: "<20261120091458.4bX1Z2abc@mx.example>". */
static char *
dup_generated(DsnSpan message, DsnSpan queue_id)
{
    if (queue_id.len == 0)
        queue_id = dsn_message_queue_id(message);
    if (queue_id.len == 0 || queue_id.len > QUEUE_ID_MAX)
        return NULL;
    return g_strdup_printf(".%.*s@", (int)queue_id.len, queue_id.data);
}

static bool
is_generated(const Identity *identity, DsnSpan message_id)
{
    return identity->generated != NULL &&
           memmem(message_id.data, message_id.len, identity->generated,
                  strlen(identity->generated)) != NULL;
}

static void
update(Identity *identity, DsnSpan bytes)
{
    if (bytes.len > 0)
        g_checksum_update(identity->checksum, (const guchar *)bytes.data, (gssize)bytes.len);
}

/* The name in lower case, and the value in one line: a line feed can only be the end of it. */
static void
add_field(Identity *identity, const DsnHeaderField *field)
{
    g_autofree char *name = g_ascii_strdown(field->name.data, (gssize)field->name.len);
    DsnSpan value = dsn_span_trim(field->value);

    update(identity, dsn_span(name));
    update(identity, DSN_SPAN_LITERAL(":"));
    while (value.len > 0)
        update(identity, next_line(&value));
    update(identity, DSN_SPAN_LITERAL("\n"));
}

static void
add_header(Identity *identity, DsnSpan *message)
{
    bool behind_generated = false;
    DsnHeaderField field;

    while (next_field(message, &field)) {
        FieldKind kind = kind_of(field.name);

        if (kind == FIELD_MESSAGE_ID && is_generated(identity, field.value))
            behind_generated = true;
        else if (kind == FIELD_AUTHOR || kind == FIELD_MESSAGE_ID ||
                 (kind == FIELD_DATE && !identity->sender_id && !behind_generated))
            add_field(identity, &field);
    }
}

static void
add_body(Identity *identity, DsnSpan body)
{
    size_t empty = 0; /* lines that were met and count only if something follows */

    update(identity, DSN_SPAN_LITERAL("\n"));
    while (body.len > 0) {
        DsnSpan line = next_line(&body);

        if (line.len == 0) {
            empty++;
            continue;
        }
        for (; empty > 0; empty--)
            update(identity, DSN_SPAN_LITERAL("\r\n"));
        update(identity, line);
        update(identity, DSN_SPAN_LITERAL("\r\n"));
    }
}

static bool
has_sender_id(const Identity *identity, DsnSpan message)
{
    DsnHeaderField field;

    while (next_field(&message, &field)) {
        if (kind_of(field.name) == FIELD_MESSAGE_ID && dsn_span_trim(field.value).len > 0 &&
            !is_generated(identity, field.value))
            return true;
    }
    return false;
}

char *
dsn_message_identity(DsnSpan message, DsnSpan queue_id)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    Identity identity = {.checksum = checksum};

    message = skip_from_line(message);
    g_autofree char *generated = dup_generated(message, queue_id);
    identity.generated = generated;
    identity.sender_id = has_sender_id(&identity, message);
    add_header(&identity, &message);
    add_body(&identity, message);
    return g_strndup(g_checksum_get_string(checksum), DSN_IDENTITY_DIGITS);
}
