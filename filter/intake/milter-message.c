/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/milter-message.h"

/* Of the recipients of one message. Postfix allows 1000 of them unless told otherwise. */
#define MAX_RECIPIENTS 10000
#define MAX_ADDRESS_SIZE ((size_t)1 << 20)

static void
clear_recipient(gpointer data)
{
    g_free(((DsnMilterRecipient *)data)->given);
}

void
dsn_milter_message_init(DsnMilterMessage *message, gsize *held)
{
    *message = (DsnMilterMessage){
        .held = held,
        .sender = g_string_new(NULL),
        .recipients = g_array_new(FALSE, FALSE, sizeof(DsnMilterRecipient)),
    };
    g_array_set_clear_func(message->recipients, clear_recipient);
}

static void
drop_bytes(DsnMilterMessage *message)
{
    if (message->bytes == NULL)
        return;
    (void)__atomic_sub_fetch(message->held, message->bytes->len, __ATOMIC_RELAXED);
    (void)g_string_free(g_steal_pointer(&message->bytes), TRUE);
}

void
dsn_milter_message_clear(DsnMilterMessage *message)
{
    if (message->policy == NULL)
        return; /* nothing was added since */
    drop_bytes(message);
    g_clear_pointer(&message->policy, dsn_policy_unref);
    g_string_truncate(message->sender, 0);
    g_array_set_size(message->recipients, 0);
    message->address_size = 0;
    message->tags = 0;
    message->kind = DSN_REPORT_NONE;
    message->others = 0;
    message->internal = message->outgoing = message->crowded = message->no_room = message->cut =
        false;
    g_clear_pointer(&message->first_other, g_free);
    g_clear_pointer(&message->capture, dsn_capture_free);
}

void
dsn_milter_message_free_members(DsnMilterMessage *message)
{
    dsn_milter_message_clear(message);
    (void)g_string_free(message->sender, TRUE);
    g_array_unref(message->recipients);
}

DsnSpan
dsn_milter_address(const char *path)
{
    DsnSpan address = dsn_span(path);

    if (address.len >= 2 && address.data[0] == '<' && address.data[address.len - 1] == '>')
        address = (DsnSpan){address.data + 1, address.len - 2};
    return address;
}

void
dsn_milter_message_begin(DsnMilterMessage *message, DsnPolicy *policy, const char *sender,
                         bool internal)
{
    DsnSpan address = dsn_milter_address(sender);

    dsn_milter_message_clear(message);
    message->policy = policy;
    message->internal = internal;
    g_string_append_len(message->sender, address.data, (gssize)address.len);
}

static const DsnRole *
find_role(const DsnPolicy *policy, DsnSpan address, const char *daemon)
{
    for (guint i = 0; i < policy->roles->len; i++) {
        const DsnRole *role = &g_array_index(policy->roles, DsnRole, i);

        if ((role->daemon == NULL || g_strcmp0(role->daemon, daemon) == 0) &&
            dsn_patterns_match(role->reports, address))
            return role;
    }
    return NULL;
}

bool
dsn_milter_is_outgoing(const DsnPolicy *policy, const char *daemon)
{
    const GPtrArray *daemons = policy->configuration->milter.outgoing;
    bool outgoing = false;

    for (guint i = 0; i < daemons->len && !outgoing; i++)
        outgoing = g_strcmp0(daemons->pdata[i], daemon) == 0;
    return outgoing;
}

static void
add_other(DsnMilterMessage *message, DsnSpan address, const char *daemon)
{
    message->others++;
    message->outgoing = message->outgoing || dsn_milter_is_outgoing(message->policy, daemon);
    if ((message->outgoing || message->internal) && message->others == 1)
        message->first_other = dsn_span_dup(address);
}

const char *
dsn_milter_message_only(const DsnMilterMessage *message)
{
    return message->others == 1 ? message->first_other : NULL;
}

void
dsn_milter_message_add_recipient(DsnMilterMessage *message, const char *given, const char *daemon)
{
    const DsnRole *role = find_role(message->policy, dsn_milter_address(given), daemon);
    size_t size = strlen(given);

    if (role == NULL) {
        add_other(message, dsn_milter_address(given), daemon);
    } else if (message->recipients->len >= MAX_RECIPIENTS ||
               size > MAX_ADDRESS_SIZE - message->address_size) {
        message->crowded = true;
    } else {
        const DsnMilterRecipient recipient = {g_strdup(given), role};

        g_array_append_val(message->recipients, recipient);
        message->address_size += size;
    }
}

DsnMilterPurpose
dsn_milter_message_purpose(const DsnMilterMessage *message)
{
    if (message->recipients->len > 0)
        return DSN_MILTER_REPORTED;
    if (message->internal && dsn_milter_message_only(message) != NULL)
        return DSN_MILTER_NOTICE;
    return message->outgoing ? DSN_MILTER_LEAVING : DSN_MILTER_PASSING;
}

/* One byte more than is read: that is how the reader knows that there was more. */
static size_t
max_size(const DsnMilterMessage *message)
{
    return message->policy->configuration->limits.message + 1;
}

static size_t
room_for_all(const DsnMilterMessage *message)
{
    return DSN_MILTER_ROOM * max_size(message);
}

bool
dsn_milter_message_has_room(const DsnMilterMessage *message)
{
    return __atomic_load_n(message->held, __ATOMIC_RELAXED) < room_for_all(message);
}

/* Up to @max bytes are kept. */
static void
append(DsnMilterMessage *message, DsnSpan bytes, size_t max)
{
    if (message->no_room)
        return;
    if (message->bytes == NULL)
        message->bytes = g_string_sized_new(4096);

    size_t len = MIN(bytes.len, max - message->bytes->len);

    if (__atomic_add_fetch(message->held, len, __ATOMIC_RELAXED) > room_for_all(message)) {
        (void)__atomic_sub_fetch(message->held, len, __ATOMIC_RELAXED);
        drop_bytes(message);
        message->no_room = true;
        return;
    }
    g_string_append_len(message->bytes, bytes.data, (gssize)len);
}

void
dsn_milter_message_add(DsnMilterMessage *message, DsnSpan bytes)
{
    DsnMilterPurpose purpose = dsn_milter_message_purpose(message);

    if (purpose == DSN_MILTER_REPORTED || purpose == DSN_MILTER_NOTICE)
        append(message, bytes, max_size(message));
    else if (message->capture != NULL)
        dsn_capture_body(message->capture, bytes);
}

/* libmilter has LF where a field is folded; on the wire it was CRLF. */
static void
append_field(DsnMilterMessage *message, const char *name, const char *value, size_t max)
{
    append(message, dsn_span(name), max);
    append(message, DSN_SPAN_LITERAL(":"), max);
    for (const char *end; (end = strchr(value, '\n')) != NULL; value = end + 1) {
        size_t len = (size_t)(end - value);

        if (len > 0 && value[len - 1] == '\r')
            len--;
        append(message, (DsnSpan){value, len}, max);
        append(message, DSN_SPAN_LITERAL("\r\n"), max);
    }
    append(message, dsn_span(value), max);
    append(message, DSN_SPAN_LITERAL("\r\n"), max);
}

/* Part of a field would be read as another one: it is kept whole, or the header ends before it. */
static void
append_whole_field(DsnMilterMessage *message, const char *name, const char *value)
{
    size_t max = message->policy->configuration->limits.header;
    gsize before = message->bytes == NULL ? 0 : message->bytes->len;

    if (message->cut)
        return;
    append_field(message, name, value, max);
    if (message->bytes == NULL || message->bytes->len < max)
        return;
    (void)__atomic_sub_fetch(message->held, message->bytes->len - before, __ATOMIC_RELAXED);
    g_string_truncate(message->bytes, before);
    message->cut = true;
}

void
dsn_milter_message_add_field(DsnMilterMessage *message, const char *name, const char *value)
{
    if (g_ascii_strcasecmp(name, DSN_MILTER_TAG) == 0)
        message->tags++;
    switch (dsn_milter_message_purpose(message)) {
    case DSN_MILTER_PASSING:
        break;
    case DSN_MILTER_REPORTED:
    case DSN_MILTER_NOTICE:
        append_field(message, name, value, max_size(message));
        break;
    case DSN_MILTER_LEAVING:
        append_whole_field(message, name, value);
        break;
    }
}

DsnSpan
dsn_milter_message_header(const DsnMilterMessage *message)
{
    return message->bytes == NULL ? DSN_SPAN_LITERAL("")
                                  : (DsnSpan){message->bytes->str, message->bytes->len};
}
