/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/trace-sign.h"

#include "filter/core/json-writer.h"

#define OWN_KEY "dsnarf"
#define KEY_NAME "k"
#define KEY_SIGNATURE "s"
#define KEY_TIME "t"

#define DIGEST_BYTES 32
#define SIGNATURE_DIGITS 43 /* of base64 without padding */
#define SECRET_MIN 16
#define DEPTH_MAX 16

/* The end of the year 9999. */
#define TIME_MAX G_GINT64_CONSTANT(253402300799)

/* How far clocks may differ. */
#define SKEW (G_GINT64_CONSTANT(24) * 60 * 60)

struct DsnTraceKeys {
    const DsnTraceOptions *options;
    const DsnTraceKey *sign; /* NULL: traces are not signed */
};

const char *
dsn_trace_state_to_string(DsnTraceState state)
{
    static const char *const names[] = {
        [DSN_TRACE_UNSIGNED] = "unsigned",
        [DSN_TRACE_VERIFIED] = "verified",
        [DSN_TRACE_BAD] = "bad",
        [DSN_TRACE_EXPIRED] = "expired",
    };

    return names[state];
}

const char *
dsn_trace_secret_check(const char *secret)
{
    return strlen(secret) >= SECRET_MIN ? NULL : "a secret of at least 16 characters";
}

/* ---- keys ---- */

static const DsnTraceKey *
find_key(const DsnTraceOptions *options, DsnSpan name)
{
    for (guint i = 0; i < options->keys->len; i++) {
        const DsnTraceKey *key = options->keys->pdata[i];

        if (key->secret != NULL && dsn_span_equal(dsn_span(key->name), name))
            return key;
    }
    return NULL;
}

DsnTraceKeys *
dsn_trace_keys_new(const DsnTraceOptions *options)
{
    DsnTraceKeys *keys = g_new(DsnTraceKeys, 1);

    keys->options = options;
    keys->sign = options->sign == NULL ? NULL : find_key(options, dsn_span(options->sign));
    return keys;
}

void
dsn_trace_keys_free(DsnTraceKeys *keys)
{
    g_free(keys);
}

/* ---- what is signed ---- */

static bool put_canonical(const json_t *value, unsigned depth, GString *json);

static int
compare_keys(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool
put_object(const json_t *object, unsigned depth, GString *json)
{
    g_autoptr(GPtrArray) keys = g_ptr_array_sized_new((guint)json_object_size(object));
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)object, key, value) g_ptr_array_add(keys, (gpointer)key);
    g_ptr_array_sort(keys, compare_keys);
    g_string_append_c(json, '{');
    for (guint i = 0; i < keys->len; i++) {
        key = keys->pdata[i];
        dsn_json_next(json);
        (void)dsn_json_string(json, dsn_span(key)); /* it is UTF-8 */
        g_string_append_c(json, ':');
        if (!put_canonical(json_object_get(object, key), depth + 1, json))
            return false;
    }
    g_string_append_c(json, '}');
    return true;
}

static bool
put_array(const json_t *array, unsigned depth, GString *json)
{
    g_string_append_c(json, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        dsn_json_next(json);
        if (!put_canonical(json_array_get(array, i), depth + 1, json))
            return false;
    }
    g_string_append_c(json, ']');
    return true;
}

/* False for what has no canonical form here. */
static bool
put_canonical(const json_t *value, unsigned depth, GString *json)
{
    if (depth > DEPTH_MAX || json_is_real(value))
        return false;
    if (json_is_object(value))
        return put_object(value, depth, json);
    if (json_is_array(value))
        return put_array(value, depth, json);
    dsn_json_tree(json, value);
    return true;
}

/* The signature of @text (transfer full). */
static char *
dup_signature(const DsnTraceKey *key, DsnSpan text)
{
    guint8 digest[DIGEST_BYTES];
    gsize len = sizeof(digest);
    GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, (const guchar *)key->secret, strlen(key->secret));

    g_hmac_update(hmac, (const guchar *)text.data, (gssize)text.len);
    g_hmac_get_digest(hmac, digest, &len);
    g_hmac_unref(hmac);

    char *signature = g_base64_encode(digest, len);
    g_strdelimit(signature, "+", '-');
    g_strdelimit(signature, "/", '_');
    signature[SIGNATURE_DIGITS] = '\0'; /* in place of the padding */
    return signature;
}

/* Takes the same time wherever they differ. */
static bool
is_same_signature(const char *signature, DsnSpan claim)
{
    unsigned char difference = 0;

    if (claim.len != SIGNATURE_DIGITS)
        return false;
    for (size_t i = 0; i < SIGNATURE_DIGITS; i++)
        difference |= (unsigned char)signature[i] ^ (unsigned char)claim.data[i];
    return difference == 0;
}

/* ---- signing ---- */

/* Adds the member that makes @trace a signed one. */
static bool
seal(const DsnTraceKey *key, json_t *trace, int64_t now)
{
    json_t *member = json_pack("{s:s, s:I}", KEY_NAME, key->name, KEY_TIME, (json_int_t)now);
    g_autoptr(GString) text = g_string_new(NULL);

    if (json_object_set_new(trace, OWN_KEY, member) != 0 || !put_canonical(trace, 0, text))
        return false;
    g_autofree char *signature = dup_signature(key, (DsnSpan){text->str, text->len});
    return json_object_set_new(member, KEY_SIGNATURE, json_string(signature)) == 0;
}

bool
dsn_trace_sign(const DsnTraceKeys *keys, const json_t *members, int64_t now, GString *ret_json)
{
    json_auto_t *trace = json_copy((json_t *)members);
    gsize before = ret_json->len;

    if (json_object_get(trace, OWN_KEY) == NULL &&
        json_object_set_new(trace, DSN_TRACE_MARKER_KEY, json_string(DSN_TRACE_MARKER)) == 0 &&
        (keys->sign == NULL || seal(keys->sign, trace, now)) && put_canonical(trace, 0, ret_json))
        return true;
    g_string_truncate(ret_json, before);
    return false;
}

/* ---- verifying ---- */

static DsnSpan
text_of(const json_t *value)
{
    return (DsnSpan){json_string_value(value), json_string_length(value)};
}

static bool
is_signed_by(const DsnTraceKey *key, const json_t *trace, const json_t *member)
{
    json_auto_t *whole = json_copy((json_t *)trace);
    json_t *rest = json_copy((json_t *)member);
    g_autoptr(GString) text = g_string_new(NULL);
    DsnSpan claim = text_of(json_object_get(member, KEY_SIGNATURE));

    (void)json_object_del(rest, KEY_SIGNATURE); /* it is there */
    if (json_object_set_new(whole, OWN_KEY, rest) != 0 ||
        json_object_set_new(whole, DSN_TRACE_MARKER_KEY, json_string(DSN_TRACE_MARKER)) != 0 ||
        !put_canonical(whole, 0, text))
        return false;
    g_autofree char *signature = dup_signature(key, (DsnSpan){text->str, text->len});
    return is_same_signature(signature, claim);
}

static void
set_bad(DsnTraceSeal *ret_seal, const char *reason)
{
    ret_seal->state = DSN_TRACE_BAD;
    ret_seal->reason = reason;
}

void
dsn_trace_verify(const DsnTraceKeys *keys, const json_t *trace, int64_t now, DsnTraceSeal *ret_seal)
{
    const json_t *member = json_object_get(trace, OWN_KEY);
    const json_t *name = json_object_get(member, KEY_NAME);
    const json_t *time = json_object_get(member, KEY_TIME);

    *ret_seal = (DsnTraceSeal){.state = DSN_TRACE_UNSIGNED};
    if (!json_is_object(member))
        return;
    if (json_is_string(name) && json_is_integer(time) && json_integer_value(time) >= 0 &&
        json_integer_value(time) <= TIME_MAX) {
        ret_seal->key = text_of(name);
        ret_seal->time = json_integer_value(time);
    }
    if (keys == NULL || keys->options->keys->len == 0)
        return; /* nobody here could tell */

    const DsnTraceKey *key = find_key(keys->options, ret_seal->key);
    ret_seal->ours = key != NULL;
    if (!dsn_span_present(ret_seal->key) || !json_is_string(json_object_get(member, KEY_SIGNATURE)))
        set_bad(ret_seal, "malformed");
    else if (key == NULL)
        set_bad(ret_seal, "unknown-key");
    else if (!is_signed_by(key, trace, member))
        set_bad(ret_seal, "signature");
    else if (ret_seal->time - SKEW > now)
        set_bad(ret_seal, "future");
    else if (now - ret_seal->time > keys->options->max_age / G_TIME_SPAN_SECOND)
        ret_seal->state = DSN_TRACE_EXPIRED;
    else
        ret_seal->state = DSN_TRACE_VERIFIED;
}
