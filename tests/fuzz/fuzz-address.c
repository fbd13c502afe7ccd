/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/address.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static DsnSpan
span_of(const GString *string)
{
    return (DsnSpan){string->str, string->len};
}

static void
check_normalise(DsnSpan text)
{
    g_autoptr(GString) address = g_string_new(NULL);
    g_autoptr(GString) again = g_string_new(NULL);

    if (!dsn_address_normalise(text, address)) {
        g_assert_cmpuint(address->len, ==, 0);
        g_assert_false(dsn_address_is_mailbox(text));
        return;
    }
    g_assert_cmpuint(address->len, <=, MAX(text.len, strlen("Postmaster")));
    g_assert_true(g_utf8_validate_len(address->str, address->len, NULL));
    g_assert_null(strpbrk(address->str, "\r\n\t"));
    g_assert_true(dsn_address_normalise(span_of(address), again));
    g_assert_cmpstr(address->str, ==, again->str);
}

static void
check_xtext(DsnSpan text)
{
    g_autoptr(GString) encoded = g_string_new(NULL);
    g_autoptr(GString) decoded = g_string_new(NULL);

    dsn_xtext_encode(text, encoded);
    g_assert_true(dsn_text_is_ascii(span_of(encoded)));
    g_assert_true(dsn_xtext_decode(span_of(encoded), decoded));
    g_assert_true(dsn_span_equal(span_of(decoded), text));
    g_string_truncate(decoded, 0);
    if (!dsn_xtext_decode(text, decoded))
        g_assert_cmpuint(decoded->len, ==, 0);
}

static void
check_utf8(DsnSpan text)
{
    g_autoptr(GString) address = g_string_new(NULL);
    g_autoptr(GString) encoded = g_string_new(NULL);
    g_autoptr(GString) again = g_string_new(NULL);

    dsn_utf8_address_encode_xtext(text, encoded);
    g_assert_true(dsn_text_is_ascii(span_of(encoded)));
    g_assert_null(strpbrk(encoded->str, " +=\r\n\t"));
    if (!dsn_utf8_address_decode(text, address)) {
        g_assert_cmpuint(address->len, ==, 0);
        return;
    }
    g_string_truncate(encoded, 0);
    dsn_utf8_address_encode_xtext(span_of(address), encoded);
    g_assert_true(dsn_utf8_address_decode(span_of(encoded), again));
    g_assert_cmpstr(address->str, ==, again->str);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DsnSpan text = {(const char *)data, size};
    DsnTyped typed = dsn_typed_parse(text);

    g_assert_cmpuint(typed.type.len + typed.value.len, <=, size);
    check_normalise(text);
    check_xtext(text);
    check_utf8(text);
    return 0;
}
