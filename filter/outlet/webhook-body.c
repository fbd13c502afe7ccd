/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/webhook-body.h"

#include <string.h>
#include <zlib.h>

/* windowBits of deflateInit2() for gzip, and memLevel: zlib's own. */
#define GZIP_WINDOW (16 + MAX_WBITS)
#define GZIP_MEMORY 8
/* Hexadecimal digits of a key. */
#define KEY_LEN 32

typedef enum Shape {
    SHAPE_ARRAY, /* of objects, as send_batch with json_encode */
    SHAPE_LINES  /* as message:get_data(): one record, or what templates make of several */
} Shape;

struct DsnWebhookBody {
    const DsnForm *form;
    Shape shape;
    bool gzip;
    size_t most; /* records */
    GString *text;
    GChecksum *key;
    GArray *positions; /* of int64_t */
    GArray *faults;    /* of DsnWebhookFault */
    size_t fault_bytes;
    int64_t oldest;
};

static void
clear_fault(gpointer data)
{
    DsnWebhookFault *fault = data;

    g_bytes_unref(fault->json);
    g_free(fault->reason);
}

static Shape
find_shape(const DsnWebhookOptions *options)
{
    for (guint i = 0; i < options->selection.records->len; i++) {
        if (((const DsnPerRecord *)options->selection.records->pdata[i])->template_ != NULL)
            return SHAPE_LINES;
    }
    return options->batch_size > 1 ? SHAPE_ARRAY : SHAPE_LINES;
}

DsnWebhookBody *
dsn_webhook_body_new(const DsnWebhookOptions *options, const DsnForm *form)
{
    DsnWebhookBody *body = g_new0(DsnWebhookBody, 1);

    body->form = form;
    body->shape = find_shape(options);
    body->gzip = options->compression == DSN_COMPRESSION_GZIP;
    body->most = options->batch_size;
    body->text = g_string_new(NULL);
    body->key = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(body->key, (const guchar *)options->name, (gssize)strlen(options->name) + 1);
    body->positions = g_array_new(FALSE, FALSE, sizeof(int64_t));
    body->faults = g_array_new(FALSE, FALSE, sizeof(DsnWebhookFault));
    g_array_set_clear_func(body->faults, clear_fault);
    body->oldest = INT64_MAX;
    return body;
}

void
dsn_webhook_body_free(DsnWebhookBody *body)
{
    if (body == NULL)
        return;
    if (body->text != NULL)
        (void)g_string_free(body->text, TRUE);
    g_checksum_free(body->key);
    g_array_unref(body->positions);
    g_array_unref(body->faults);
    g_free(body);
}

static void
add_fault(DsnWebhookBody *body, const DsnStreamRecord *record, const GError *error)
{
    const DsnWebhookFault fault = {g_bytes_ref(record->json), g_strdup(error->message)};

    g_array_append_val(body->faults, fault);
    body->fault_bytes += g_bytes_get_size(record->json);
}

/* The position and the record itself, with its id and time, make the key: a template may leave
 * those out. */
static void
add_to_key(DsnWebhookBody *body, const DsnStreamRecord *record, DsnSpan json)
{
    g_autofree char *head =
        g_strdup_printf("%" G_GINT64_FORMAT " %zu ", record->position, json.len);

    g_checksum_update(body->key, (const guchar *)head, (gssize)strlen(head));
    g_checksum_update(body->key, (const guchar *)json.data, (gssize)json.len);
}

void
dsn_webhook_body_add(DsnWebhookBody *body, const DsnStreamRecord *record)
{
    g_autoptr(GError) error = NULL;
    gsize start = body->text->len, size;
    const char *data = g_bytes_get_data(record->json, &size);
    const DsnSpan json = {data, size};

    if (body->shape == SHAPE_ARRAY)
        g_string_append_c(body->text, body->positions->len == 0 ? '[' : ',');
    DsnFormed formed = dsn_form_write(body->form, record->type, json, body->text, &error);
    if (formed != DSN_FORMED) {
        g_string_truncate(body->text, start);
        if (formed == DSN_FORMED_FAILED)
            add_fault(body, record, error);
        return;
    }
    if (body->shape == SHAPE_ARRAY)
        g_string_truncate(body->text, body->text->len - 1); /* the line feed */
    add_to_key(body, record, json);
    g_array_append_val(body->positions, record->position);
    body->oldest = MIN(body->oldest, record->taken_in);
}

const int64_t *
dsn_webhook_body_positions(const DsnWebhookBody *body, size_t *ret_count)
{
    *ret_count = body->positions->len;
    return (const int64_t *)(const void *)body->positions->data;
}

size_t
dsn_webhook_body_count(const DsnWebhookBody *body)
{
    return body->positions->len;
}

int64_t
dsn_webhook_body_oldest(const DsnWebhookBody *body)
{
    return body->oldest;
}

bool
dsn_webhook_body_is_full(const DsnWebhookBody *body)
{
    return body->positions->len >= body->most ||
           body->text->len + body->fault_bytes >= DSN_WEBHOOK_BODY_FULL;
}

const GArray *
dsn_webhook_body_faults(const DsnWebhookBody *body)
{
    return body->faults;
}

/* The gzip header holds no time, so that the same text gives the same bytes. */
static GBytes *
compress_text(const GString *text)
{
    z_stream gzip = {0};
    int result = deflateInit2(&gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                              Z_DEFAULT_STRATEGY);

    g_assert(result == Z_OK); /* else there is no memory */
    size_t room = deflateBound(&gzip, text->len);
    guchar *bytes = g_malloc(room);
    gzip.next_in = (Bytef *)text->str;
    gzip.avail_in = (uInt)text->len;
    gzip.next_out = bytes;
    gzip.avail_out = (uInt)room;
    result = deflate(&gzip, Z_FINISH);
    g_assert(result == Z_STREAM_END); /* there is room for all */
    size_t len = room - gzip.avail_out;
    (void)deflateEnd(&gzip);
    return g_bytes_new_take(g_realloc(bytes, len), len);
}

GBytes *
dsn_webhook_body_finish(DsnWebhookBody *body, char **ret_key)
{
    if (body->shape == SHAPE_ARRAY)
        g_string_append_c(body->text, ']');
    /* Other options make other bytes, which need another key. */
    g_checksum_update(body->key, (const guchar *)body->text->str, (gssize)body->text->len);
    *ret_key = g_strndup(g_checksum_get_string(body->key), KEY_LEN);
    GString *text = g_steal_pointer(&body->text);
    if (!body->gzip)
        return g_string_free_to_bytes(text);
    GBytes *bytes = compress_text(text);
    (void)g_string_free(text, TRUE);
    return bytes;
}

char *
dsn_webhook_sign(const char *secret, int64_t now, GBytes *content)
{
    GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, (const guchar *)secret, strlen(secret));
    g_autofree char *head = g_strdup_printf("%" G_GINT64_FORMAT ".", now);
    gsize size;
    const guchar *data = g_bytes_get_data(content, &size);

    g_hmac_update(hmac, (const guchar *)head, (gssize)strlen(head));
    g_hmac_update(hmac, data, (gssize)size);
    char *signature = g_strdup_printf("t=%" G_GINT64_FORMAT ",v1=%s", now, g_hmac_get_string(hmac));
    g_hmac_unref(hmac);
    return signature;
}
