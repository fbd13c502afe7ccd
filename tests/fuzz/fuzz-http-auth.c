/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The header field that a token stands in. The first byte says whether it is Authorization. Nobody
 * gets in whose bytes do not hold a token, as it is or in base64.
 */
#include "config.h"

#include "filter/intake/http-auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DsnPoster one = {.name = "one", .token = "tok"}, two = {.token = "a:b"};
    g_autoptr(GPtrArray) posters = g_ptr_array_new();
    g_autoptr(DsnHttpKeys) keys = NULL;

    if (size < 1)
        return 0;
    g_ptr_array_add(posters, &one);
    g_ptr_array_add(posters, &two);
    keys = dsn_http_keys_new(posters);

    const char *name = data[0] % 2 == 0 ? "Authorization" : "X-Token";
    DsnSpan value = {(const char *)data + 1, size - 1};
    const DsnPoster *poster = dsn_http_keys_find(keys, name, value, false);
    if (poster == NULL)
        return 0;

    g_autofree char *text = g_strndup(value.data, value.len);
    size_t at = strcspn(text, "Bb");
    gsize len = 0;
    bool shown = memmem(value.data, value.len, poster->token, strlen(poster->token)) != NULL;

    if (!shown && g_ascii_strncasecmp(text + at, "Basic ", 6) == 0) {
        g_autofree char *decoded = (char *)g_base64_decode(text + at + 6, &len);

        shown = memmem(decoded, len, poster->token, strlen(poster->token)) != NULL;
    }
    g_assert(shown);
    return 0;
}
