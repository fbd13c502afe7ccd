/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/boundary.h"

#define BOUNDARY_MAX 70 /* RFC 2046 section 5.1.1 */

/* RFC 2046 section 5.1.1; space and '?' are allowed there but not by us: a boundary must not look
 * like an encoded word. */
bool
dsn_boundary_is_good(DsnSpan text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!g_ascii_isalnum(text.data[i]) &&
            (text.data[i] == '\0' || strchr("'()+_,-./:=", text.data[i]) == NULL))
            return false;
    return text.len > 0 && text.len <= BOUNDARY_MAX;
}

DsnSpan
dsn_boundary_make(DsnSpan bytes, char ret_made[static DSN_BOUNDARY_MADE])
{
    g_autofree char *digest =
        g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes.data, bytes.len);

    memcpy(ret_made, "=_", 2);
    memcpy(ret_made + 2, digest, DSN_BOUNDARY_MADE - 2);
    return (DsnSpan){ret_made, DSN_BOUNDARY_MADE};
}

bool
dsn_boundary_stands(DsnSpan boundary, size_t wanted, DsnSpan body)
{
    const char *at = body.data, *end = body.data + body.len;
    size_t seen = 0;

    while (seen <= wanted &&
           (at = memmem(at, (size_t)(end - at), boundary.data, boundary.len)) != NULL) {
        at += boundary.len;
        seen++;
    }
    return seen == wanted;
}

void
dsn_boundary_append_parameter(DsnSpan boundary, GString *ret_header)
{
    g_string_append(ret_header, "\tboundary=\"");
    g_string_append_len(ret_header, boundary.data, (gssize)boundary.len);
    g_string_append(ret_header, "\"\r\n");
}

void
dsn_boundary_append(DsnSpan boundary, const char *end, GString *ret_body)
{
    g_string_append_len(ret_body, "\r\n--", 4);
    g_string_append_len(ret_body, boundary.data, (gssize)boundary.len);
    g_string_append(ret_body, end);
}
