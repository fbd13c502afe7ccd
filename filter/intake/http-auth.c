/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/http-auth.h"

#define DIGEST_BYTES 32 /* SHA-256 */

typedef struct Key {
    guint8 digest[DIGEST_BYTES];
    const DsnPoster *poster;
} Key;

struct DsnHttpKeys {
    GArray *keys;            /* of Key */
    const DsnPoster *anyone; /* who needs no token; NULL: nobody */
};

/* Digests have one length, and say nothing about what they are of: time tells neither how long a
 * token is nor where it differs. */
static void
digest_of(DsnSpan token, guint8 ret_digest[DIGEST_BYTES])
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    gsize len = DIGEST_BYTES;

    g_checksum_update(sum, (const guchar *)token.data, (gssize)token.len);
    g_checksum_get_digest(sum, ret_digest, &len);
}

DsnHttpKeys *
dsn_http_keys_new(const GPtrArray *posters)
{
    DsnHttpKeys *keys = g_new0(DsnHttpKeys, 1);

    keys->keys = g_array_new(FALSE, FALSE, sizeof(Key));
    for (guint i = 0; i < posters->len; i++) {
        const DsnPoster *poster = g_ptr_array_index(posters, i);
        Key key = {.poster = poster};

        if (poster->token == NULL) {
            keys->anyone = poster;
            continue;
        }
        digest_of(dsn_span(poster->token), key.digest);
        g_array_append_val(keys->keys, key);
    }
    return keys;
}

void
dsn_http_keys_free(DsnHttpKeys *keys)
{
    if (keys == NULL)
        return;
    g_array_unref(keys->keys);
    g_free(keys);
}

static bool
same_digest(const guint8 a[DIGEST_BYTES], const guint8 b[DIGEST_BYTES])
{
    volatile guint8 difference = 0;

    for (size_t i = 0; i < DIGEST_BYTES; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}

/* All keys are compared, wherever the right one stands. */
static const DsnPoster *
find(const DsnHttpKeys *keys, DsnSpan token)
{
    guint8 digest[DIGEST_BYTES];
    const DsnPoster *found = NULL;

    digest_of(token, digest);
    for (guint i = 0; i < keys->keys->len; i++) {
        const Key *key = &g_array_index(keys->keys, Key, i);

        if (same_digest(digest, key->digest))
            found = key->poster;
    }
    return found;
}

/* What follows the scheme's name, absent if it is another scheme. */
static DsnSpan
after_scheme(DsnSpan value, const char *scheme)
{
    return dsn_span_starts(value, scheme) ? dsn_span_trim(dsn_span_from(value, strlen(scheme)))
                                          : DSN_SPAN_ABSENT;
}

/* Senders differ in which half of the pair their token goes into. */
static const DsnPoster *
find_basic(const DsnHttpKeys *keys, DsnSpan encoded)
{
    g_autofree char *copy = dsn_span_dup(encoded);
    gsize len = 0;
    g_autofree char *text = (char *)g_base64_decode(copy, &len);

    const char *colon = memchr(text, ':', len);
    if (colon == NULL)
        return NULL;
    size_t user_len = (size_t)(colon - text);
    const DsnPoster *user = find(keys, (DsnSpan){text, user_len});
    const DsnPoster *password = find(keys, (DsnSpan){colon + 1, len - user_len - 1});
    return password != NULL ? password : user;
}

static const DsnPoster *
find_authorization(const DsnHttpKeys *keys, DsnSpan value)
{
    DsnSpan bearer = after_scheme(value, "Bearer "), basic = after_scheme(value, "Basic ");

    if (dsn_span_present(bearer))
        return find(keys, bearer);
    if (dsn_span_present(basic))
        return find_basic(keys, basic);
    return NULL;
}

const DsnPoster *
dsn_http_keys_find(const DsnHttpKeys *keys, const char *name, DsnSpan value, bool local)
{
    const DsnPoster *found = NULL;

    if (dsn_span_present(value)) {
        value = dsn_span_trim(value);
        found = find(keys, value);
        if (found == NULL && g_ascii_strcasecmp(name, "Authorization") == 0)
            found = find_authorization(keys, value);
    }
    return found == NULL && local ? keys->anyone : found;
}
