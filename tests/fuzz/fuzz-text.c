/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/text.h"

#include <gmime/gmime.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static DsnSpan
span_of(const GString *string)
{
    return (DsnSpan){string->str, string->len};
}

static void
check_utf8(DsnSpan value)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GString) again = g_string_new(NULL);
    bool good = dsn_text_append_utf8(value, text);

    g_assert_true(good == dsn_span_equal(span_of(text), value));
    g_assert_true(dsn_text_append_utf8(span_of(text), again));
    g_assert_true(dsn_span_equal(span_of(text), span_of(again)));
}

static void
check_decoded(DsnSpan value)
{
    g_autoptr(GString) text = g_string_new(NULL);

    dsn_text_decode_header(value, &DSN_LIMITS_DEFAULT, text);
    g_assert_true(g_utf8_validate_len(text->str, text->len, NULL));
    for (const char *at = text->str; *at != '\0'; at = g_utf8_next_char(at))
        g_assert_true(*at == '\t' || !g_unichar_iscntrl(g_utf8_get_char(at)));
}

static void
check_line(DsnSpan value)
{
    g_autoptr(GString) whole = g_string_new(NULL);
    g_autoptr(GString) cut = g_string_new(NULL);
    size_t max = value.len % 100;

    dsn_text_append_line(value, G_MAXSIZE, whole);
    dsn_text_append_line(value, max, cut);
    g_assert_true(g_utf8_validate_len(whole->str, whole->len, NULL));
    g_assert_true(g_utf8_validate_len(cut->str, cut->len, NULL));
    g_assert_cmpuint(cut->len, <=, max);
    g_assert_true(whole->len > max || dsn_span_equal(span_of(whole), span_of(cut)));
    g_assert_null(strstr(whole->str, "  "));
    g_assert_null(strpbrk(whole->str, "\r\n\t"));
}

/* Rules MIME-23, MIME-24 and MIME-27; one field and nothing behind it. */
static void
check_field(const GString *header)
{
    g_assert_cmpuint(strlen(header->str), ==, header->len);
    g_assert_true(g_str_has_suffix(header->str, "\r\n"));

    g_auto(GStrv) lines = g_strsplit(header->str, "\r\n", -1);
    guint count = g_strv_length(lines) - 1;
    for (guint i = 0; i < count; i++) {
        g_assert_cmpuint(strlen(lines[i]), <=, 76);
        g_assert_null(strpbrk(lines[i], "\r\n"));
        g_assert_true(i == 0 || lines[i][0] == ' ');
    }
}

static void
check_written(DsnSpan value)
{
    DsnLimits limits = DSN_LIMITS_DEFAULT;
    g_autoptr(GString) line = g_string_new(NULL);
    g_autoptr(GString) header = g_string_new(NULL);
    g_autoptr(GString) again = g_string_new(NULL);

    limits.encoded = G_MAXSIZE;
    dsn_text_append_line(value, G_MAXSIZE, line);
    dsn_text_append_unstructured("Subject", value, header);
    check_field(header);
    dsn_text_decode_header(dsn_span_from(span_of(header), strlen("Subject:")), &limits, again);
    g_assert_cmpstr(again->str, ==, line->str);

    g_string_truncate(header, 0);
    dsn_text_append_mailbox("From", value, DSN_SPAN_LITERAL("a@b.example"), header);
    check_field(header);
    g_assert_true(g_str_has_suffix(header->str,
                                   line->len > 0 ? " <a@b.example>\r\n" : "From: a@b.example\r\n"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DsnSpan value = {(const char *)data, size};

    g_mime_init(); /* counted; only the first call does something */
    check_utf8(value);
    check_decoded(value);
    check_line(value);
    check_written(value);
    return 0;
}
