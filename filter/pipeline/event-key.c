/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/event-key.h"

/* Texts of records have no NUL, so that none can run into the next one. */
static void
add_text(GChecksum *checksum, const char *text)
{
    const char *bytes = text == NULL ? "" : text;

    g_checksum_update(checksum, (const guchar *)bytes, (gssize)strlen(bytes) + 1);
}

static void
add_time(GChecksum *checksum, int64_t time, uint32_t nanoseconds)
{
    char text[DSN_DATE_MAX];

    (void)g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT ".%09u", time, nanoseconds);
    add_text(checksum, text);
}

static DsnKey
make_key(GChecksum *checksum, int64_t time)
{
    guint8 digest[32];
    gsize len = sizeof(digest);
    DsnKey key = {.time = time};

    g_checksum_get_digest(checksum, digest, &len);
    memcpy(key.digest, digest, sizeof(key.digest));
    return key;
}

static int
compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int
update_checksum(const char *buffer, size_t len, void *checksum)
{
    g_checksum_update(checksum, (const guchar *)buffer, (gssize)len);
    return 0;
}

/* In the newest form, so that it does not matter what a road leaves out; and the keys sorted, since
 * senders give meta in any order. */
static void
add_whole(GChecksum *checksum, const DsnRecord *record)
{
    g_autoptr(GString) line = g_string_new(NULL);

    dsn_record_write(record, line);
    json_auto_t *json = json_loadb(line->str, line->len, JSON_ALLOW_NUL, NULL);
    g_assert(json != NULL); /* our own writing */
    (void)json_dump_callback(json, update_checksum, checksum, JSON_SORT_KEYS | JSON_COMPACT);
}

static DsnKey
key_at(const DsnRecord *record, int64_t time, uint32_t nanoseconds, const char *attempts)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree const char **recipients =
        g_memdup2(record->recipients, record->n_recipients * sizeof(*recipients));

    add_text(checksum, record->nodeid);
    add_text(checksum, record->type_name);
    add_text(checksum, record->id);
    add_time(checksum, time, nanoseconds);
    add_text(checksum, attempts);
    if (record->n_recipients > 1)
        qsort(recipients, record->n_recipients, sizeof(*recipients), compare_texts);
    for (size_t i = 0; i < record->n_recipients; i++)
        add_text(checksum, recipients[i]);
    return make_key(checksum, record->event_time);
}

DsnKey
dsn_event_key(const DsnRecord *record)
{
    char attempts[16];

    if (record->type == DSN_RECORD_REJECTION) {
        g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);

        add_whole(checksum, record);
        return make_key(checksum, record->event_time);
    }
    (void)g_snprintf(attempts, sizeof(attempts), "%u", record->num_attempts);
    return key_at(record, record->event_time, record->event_nanoseconds, attempts);
}

DsnKey
dsn_single_event_key(const DsnRecord *record)
{
    return key_at(record, record->created, record->created_nanoseconds, "once");
}

static void
add_message(GChecksum *checksum, const DsnRecord *record)
{
    add_text(checksum, record->nodeid);
    add_text(checksum, record->id);
    add_time(checksum, record->created, record->created_nanoseconds);
}

static void
add_number(GChecksum *checksum, int64_t number)
{
    char text[24];

    (void)g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, number);
    add_text(checksum, text);
}

DsnKey
dsn_notice_key(const DsnRecord *record, const char *recipient, const DsnSaying *saying)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    bool delayed = saying->action == DSN_ACTION_DELAYED;

    add_message(checksum, record);
    add_text(checksum, recipient);
    add_text(checksum, delayed ? "delayed" : saying->late ? "late" : "failed");
    if (delayed)
        add_number(checksum, saying->threshold);
    return make_key(checksum, record->event_time);
}

DsnKey
dsn_group_key(const DsnRecord *record, const char *sender, const char *tenant,
              const DsnSaying *saying)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);

    add_message(checksum, record);
    add_text(checksum, sender);
    add_text(checksum, tenant);
    add_number(checksum, saying->action);
    add_number(checksum, saying->late);
    add_number(checksum, saying->threshold);
    return make_key(checksum, record->event_time);
}

DsnKey
dsn_attempt_key(const DsnRecord *record, const char *recipient)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);

    add_text(checksum, record->nodeid);
    add_text(checksum, record->id);
    add_text(checksum, recipient);
    return make_key(checksum, record->event_time);
}

DsnKey
dsn_message_key(const char *digits, int64_t now)
{
    DsnKey key = {.time = now};

    for (size_t i = 0; i < sizeof(key.digest); i++)
        key.digest[i] = (guint8)(g_ascii_xdigit_value(digits[2 * i]) << 4 |
                                 g_ascii_xdigit_value(digits[2 * i + 1]));
    return key;
}
