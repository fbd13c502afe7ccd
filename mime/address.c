/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/address.h"

#include "mime/text.h"

#include <arpa/inet.h>

#define MAILBOX_MAX 254 /* RFC 5321 section 4.5.3.1.3: a path of 256 octets less its brackets */
#define DOMAIN_MAX 255  /* RFC 5321 section 4.5.3.1.2 */

/* The parts of an envelope address, in the bytes that were read. */
typedef struct Mailbox {
    DsnSpan local;
    DsnSpan domain;
} Mailbox;

DsnTyped
dsn_typed_parse(DsnSpan text)
{
    const char *colon = text.len > 0 ? memchr(text.data, ';', text.len) : NULL;

    if (colon == NULL)
        return (DsnTyped){DSN_SPAN_ABSENT, dsn_span_trim(text)};

    size_t at = (size_t)(colon - text.data);
    return (DsnTyped){dsn_span_trim((DsnSpan){text.data, at}),
                      dsn_span_trim(dsn_span_from(text, at + 1))};
}

/* RFC 5322 section 3.2.3, with RFC 6531 section 3.3. */
static bool
is_atext(char c)
{
    return g_ascii_isalnum(c) || (unsigned char)c >= 0x80 ||
           (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* The functions that follow return how many bytes at the start of @text are such a thing, 0 when
 * there is none. That the UTF-8 in it is well-formed is checked once, by the caller. */

static size_t
measure_dot_string(DsnSpan text)
{
    size_t at = 0;

    for (;;) {
        size_t atom = at;
        while (at < text.len && is_atext(text.data[at]))
            at++;
        if (at == atom)
            return 0;
        if (at == text.len || text.data[at] != '.')
            return at;
        at++;
    }
}

static size_t
measure_quoted_string(DsnSpan text)
{
    if (text.len == 0 || text.data[0] != '"')
        return 0;

    for (size_t at = 1; at < text.len; at++) {
        if (text.data[at] == '"')
            return at + 1;
        if (text.data[at] == '\\') {
            if (++at == text.len || (unsigned char)text.data[at] >= 0x80)
                return 0;
        }
        if ((unsigned char)text.data[at] < ' ' || text.data[at] == 0x7f)
            return 0;
    }
    return 0;
}

static bool
is_literal(DsnSpan inner)
{
    char buffer[INET6_ADDRSTRLEN];
    struct in6_addr parsed; /* large enough for IPv4 too */
    bool ipv6 = dsn_span_starts(inner, "IPv6:");
    DsnSpan number = dsn_span_from(inner, ipv6 ? strlen("IPv6:") : 0);

    if (number.len < sizeof(buffer) && memchr(number.data, '\0', number.len) == NULL) {
        memcpy(buffer, number.data, number.len);
        buffer[number.len] = '\0';
        if (inet_pton(ipv6 ? AF_INET6 : AF_INET, buffer, &parsed) == 1)
            return true;
    }
    if (ipv6)
        return false;

    /* General-address-literal of RFC 5321 section 4.1.3: a tag, a colon, printable octets. */
    size_t tag = 0;
    while (tag < inner.len && (g_ascii_isalnum(inner.data[tag]) || inner.data[tag] == '-'))
        tag++;
    if (tag == 0 || inner.data[tag - 1] == '-' || tag + 1 >= inner.len || inner.data[tag] != ':')
        return false;
    for (size_t at = tag + 1; at < inner.len; at++) {
        if (!g_ascii_isgraph(inner.data[at]) || inner.data[at] == '\\' || inner.data[at] == '[')
            return false;
    }
    return true;
}

static size_t
measure_literal(DsnSpan text)
{
    const char *close =
        text.len > 0 && text.data[0] == '[' ? memchr(text.data, ']', text.len) : NULL;

    if (close == NULL)
        return 0;
    size_t inner = (size_t)(close - text.data) - 1;
    return is_literal((DsnSpan){text.data + 1, inner}) ? inner + 2 : 0;
}

/* Labels of letters, digits, '-', '_' and UTF-8 that begin with a letter, a digit or UTF-8; no dot
 * at the end. */
static size_t
measure_domain(DsnSpan text)
{
    size_t at = 0;

    if (text.len > 0 && text.data[0] == '[')
        return measure_literal(text);
    for (;;) {
        size_t label = at;
        while (at < text.len &&
               (g_ascii_isalnum(text.data[at]) || (unsigned char)text.data[at] >= 0x80 ||
                (at > label && (text.data[at] == '-' || text.data[at] == '_'))))
            at++;
        if (at == label)
            return 0;
        if (at == text.len || text.data[at] != '.')
            return at;
        at++;
    }
}

/* "@a,@b:" of RFC 5321 section 4.1.2 at the start of @text. */
static size_t
measure_source_route(DsnSpan text)
{
    size_t at = 0;

    while (at < text.len && text.data[at] == '@') {
        size_t domain = measure_domain(dsn_span_from(text, at + 1));
        at += 1 + domain;
        if (domain == 0 || at == text.len)
            return 0;
        if (text.data[at] == ':')
            return at + 1;
        if (text.data[at] != ',')
            return 0;
        at++;
    }
    return 0;
}

/* Well-formed UTF-8, without the controls U+0080 to U+009F. */
static bool
is_clean_utf8(DsnSpan text)
{
    if (dsn_text_is_ascii(text))
        return true;
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.data[i] == '\xc2' && (unsigned char)text.data[i + 1] < 0xa0)
            return false;
    }
    return g_utf8_validate_len(text.data, text.len, NULL);
}

static bool
read_mailbox(DsnSpan text, Mailbox *ret_mailbox)
{
    if (text.len == 0)
        return false;

    size_t local = text.data[0] == '"' ? measure_quoted_string(text) : measure_dot_string(text);
    if (local == 0 || local == text.len || text.data[local] != '@')
        return false;

    DsnSpan domain = dsn_span_from(text, local + 1);
    if (domain.len == 0 || measure_domain(domain) != domain.len || !is_clean_utf8(text))
        return false;
    *ret_mailbox = (Mailbox){{text.data, local}, domain};
    return true;
}

static void
append_lower(DsnSpan text, GString *ret_text)
{
    gsize from = ret_text->len;

    g_string_append_len(ret_text, text.data, (gssize)text.len);
    for (gsize i = from; i < ret_text->len; i++)
        ret_text->str[i] = g_ascii_tolower(ret_text->str[i]);
}

bool
dsn_address_normalise(DsnSpan text, GString *ret_address)
{
    if (!dsn_span_present(text))
        return false;

    DsnSpan path = dsn_span_trim(text);
    if (path.len > 0 && path.data[0] == '<') {
        if (path.data[path.len - 1] != '>')
            return false;
        path = dsn_span_trim((DsnSpan){path.data + 1, path.len - 2});
        size_t route = measure_source_route(path);
        path = dsn_span_from(path, route);
        if (route > 0 && path.len == 0)
            return false;
    }
    if (path.len == 0)
        return true;
    if (dsn_span_is(path, "Postmaster")) {
        g_string_append(ret_address, "Postmaster");
        return true;
    }

    Mailbox mailbox;
    if (!read_mailbox(path, &mailbox))
        return false;
    g_string_append_len(ret_address, mailbox.local.data, (gssize)mailbox.local.len);
    g_string_append_c(ret_address, '@');
    if (mailbox.domain.data[0] == '[')
        g_string_append_len(ret_address, mailbox.domain.data, (gssize)mailbox.domain.len);
    else
        append_lower(mailbox.domain, ret_address);
    return true;
}

bool
dsn_address_is_domain(DsnSpan text)
{
    return text.len > 0 && text.len <= DOMAIN_MAX && measure_domain(text) == text.len &&
           is_clean_utf8(text);
}

bool
dsn_address_is_mailbox(DsnSpan text)
{
    Mailbox mailbox;

    return text.len <= MAILBOX_MAX && read_mailbox(text, &mailbox);
}

bool
dsn_text_is_ascii(DsnSpan text)
{
    return dsn_span_ascii_prefix(text) == text.len;
}

/* Upper case only (RFC 3461 section 4); -1 for anything else. */
static int
hex_value(char c)
{
    return g_ascii_isdigit(c) ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
dsn_xtext_decode(DsnSpan text, GString *ret_text)
{
    gsize before = ret_text->len;

    for (size_t at = 0; at < text.len; at++) {
        char c = text.data[at];

        if (c == '+' && text.len - at > 2 && hex_value(text.data[at + 1]) >= 0 &&
            hex_value(text.data[at + 2]) >= 0) {
            c = (char)(hex_value(text.data[at + 1]) << 4 | hex_value(text.data[at + 2]));
            at += 2;
        } else if (!g_ascii_isgraph(c) || c == '+' || c == '=') {
            g_string_truncate(ret_text, before);
            return false;
        }
        g_string_append_c(ret_text, c);
    }
    return true;
}

void
dsn_xtext_encode(DsnSpan text, GString *ret_text)
{
    for (size_t at = 0; at < text.len; at++) {
        char c = text.data[at];

        if (g_ascii_isgraph(c) && c != '+' && c != '=')
            g_string_append_c(ret_text, c);
        else
            g_string_append_printf(ret_text, "+%02X", (unsigned char)c);
    }
}

/* QCHAR of RFC 6533 section 3. */
static bool
is_qchar(char c)
{
    return g_ascii_isgraph(c) && c != '\\' && c != '+' && c != '=';
}

/* "\x{HEX}" at the start of @text: returns its length, 0 when it is malformed. A control can be
 * written so, but no address may hold one; ordinary ASCII must not be (rule I18N-03). */
static size_t
read_embedded(DsnSpan text, gunichar *ret_char)
{
    gunichar c = 0;
    size_t at = strlen("\\x{");

    if (text.len < strlen("\\x{20}") || memcmp(text.data, "\\x{", at) != 0)
        return 0;
    size_t first = at;
    for (; at < text.len && text.data[at] != '}'; at++) {
        int value = g_ascii_xdigit_value(text.data[at]);
        if (value < 0 || at - first == 6)
            return 0;
        c = c << 4 | (gunichar)value;
    }
    if (at == text.len || at - first < 2 || (at - first > 2 && text.data[first] == '0') ||
        !g_unichar_validate(c) || g_unichar_iscntrl(c) || (c < 0x80 && is_qchar((char)c)))
        return 0;
    *ret_char = c;
    return at + 1;
}

/* utf-8-addr-xtext and utf-8-addr-unitext. */
static bool
append_unescaped(DsnSpan text, GString *ret_text)
{
    for (size_t at = 0; at < text.len;) {
        gunichar c = 0;
        size_t embedded = read_embedded(dsn_span_from(text, at), &c);

        if (embedded > 0)
            g_string_append_unichar(ret_text, c);
        else if (is_qchar(text.data[at]) || (unsigned char)text.data[at] >= 0x80)
            g_string_append_c(ret_text, text.data[at]);
        else
            return false;
        at += embedded > 0 ? embedded : 1;
    }
    return true;
}

bool
dsn_utf8_address_decode(DsnSpan text, GString *ret_address)
{
    gsize before = ret_address->len;
    Mailbox mailbox;

    if (append_unescaped(text, ret_address) &&
        read_mailbox((DsnSpan){ret_address->str + before, ret_address->len - before}, &mailbox))
        return true;
    g_string_truncate(ret_address, before);

    /* utf-8-address: here '+' and '=' stand for themselves, and a backslash quotes. */
    if (!read_mailbox(text, &mailbox) || memmem(text.data, text.len, "\\x{", 3) != NULL)
        return false;
    g_string_append_len(ret_address, text.data, (gssize)text.len);
    return true;
}

void
dsn_utf8_address_encode_xtext(DsnSpan address, GString *ret_text)
{
    g_autoptr(GString) clean = g_string_sized_new(address.len);

    (void)dsn_text_append_utf8(address, clean); /* U+FFFD says what was wrong */
    for (const char *at = clean->str; at < clean->str + clean->len; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);

        if (c < 0x80 && is_qchar((char)c))
            g_string_append_c(ret_text, (char)c);
        else
            g_string_append_printf(ret_text, "\\x{%02X}", c);
    }
}
