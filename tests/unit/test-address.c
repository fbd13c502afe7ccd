/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/address.h"
#include "tests/support/unit.h"

#define E_ACUTE "\xc3\xa9"

/* @want NULL: not an address. */
static const struct {
    const char *label;
    const char *text;
    const char *want;
} normalise_rows[] = {
    {"bare", "user@example.com", "user@example.com"},
    {"in brackets", "<user@example.com>", "user@example.com"},
    {"space around", " \r\n <user@example.com>\t", "user@example.com"},
    {"space inside the brackets", "< user@example.com >", "user@example.com"},
    {"null sender", "<>", ""},
    {"empty", "", ""},
    {"spaces", "  ", ""},
    {"domain folds", "User@EXAMPLE.Com", "User@example.com"},
    {"Postmaster", "<postMASTER>", "Postmaster"},
    {"Postmaster without brackets", "POSTMASTER", "Postmaster"},
    {"Postmaster with a domain", "postmaster@Example.com", "postmaster@example.com"},
    {"source route", "<@a.example,@b.example:user@c.example>", "user@c.example"},
    {"source route of one", "<@a.example:user@c.example>", "user@c.example"},
    {"source route over a literal", "<@[IPv6:::1]:user@c.example>", "user@c.example"},
    {"all of atext", "!#$%&'*+-/=?^_`{|}~@x.example", "!#$%&'*+-/=?^_`{|}~@x.example"},
    {"dots", "a.b.c@x.example", "a.b.c@x.example"},
    {"VERP", "bounce+user=b.example@x.example", "bounce+user=b.example@x.example"},
    {"quoted", "\"a b\"@x.example", "\"a b\"@x.example"},
    {"quoted specials", "\"a@\\\"b\\\\>\"@x.example", "\"a@\\\"b\\\\>\"@x.example"},
    {"quoted in brackets", "<\"a>\"@x.example>", "\"a>\"@x.example"},
    {"quoted and empty", "\"\"@x.example", "\"\"@x.example"},
    {"one label", "user@localhost", "user@localhost"},
    {"underscore", "user@a_b.example", "user@a_b.example"},
    {"hyphens", "user@a--b.example", "user@a--b.example"},
    {"label of digits", "user@1.example", "user@1.example"},
    {"IPv4", "user@[192.0.2.1]", "user@[192.0.2.1]"},
    {"IPv6", "user@[IPv6:2001:DB8::1]", "user@[IPv6:2001:DB8::1]"},
    {"other literal", "user@[x-tag:a/b]", "user@[x-tag:a/b]"},
    {"UTF-8 local part", "us" E_ACUTE "r@x.example", "us" E_ACUTE "r@x.example"},
    {"UTF-8 domain",
     "u@B\xc3\xbc"
     "CHER.example",
     "u@b\xc3\xbc"
     "cher.example"},
    {"UTF-8 quoted", "\"" E_ACUTE " " E_ACUTE "\"@x.example",
     "\"" E_ACUTE " " E_ACUTE "\"@x.example"},

    {"no domain", "user", NULL},
    {"empty domain", "user@", NULL},
    {"empty local part", "@example.com", NULL},
    {"two dots", "a..b@example.com", NULL},
    {"dot first", ".a@example.com", NULL},
    {"dot last", "a.@example.com", NULL},
    {"two at signs", "a@b@example.com", NULL},
    {"dot at the end", "user@example.com.", NULL},
    {"two dots in the domain", "user@example..com", NULL},
    {"domain begins with a dot", "user@.example.com", NULL},
    {"domain begins with a hyphen", "user@-example.com", NULL},
    {"domain begins with an underscore", "user@_example.com", NULL},
    {"bracket open", "<user@example.com", NULL},
    {"bracket closed", "user@example.com>", NULL},
    {"only a bracket", "<", NULL},
    {"two pairs of brackets", "<<user@example.com>>", NULL},
    {"display name", "User <user@example.com>", NULL},
    {"comment", "user@example.com (User)", NULL},
    {"space in the middle", "us er@example.com", NULL},
    {"route without address", "<@a.example:>", NULL},
    {"route without end", "<@a.example>", NULL},
    {"route with a bad domain", "<@a..example:user@example.com>", NULL},
    {"route without brackets", "@a.example:user@example.com", NULL},
    {"quote open", "\"user@example.com", NULL},
    {"quote, nothing behind", "\"user\"", NULL},
    {"quote ends in a backslash", "\"user\\", NULL},
    {"text behind a quote", "\"user\"x@example.com", NULL},
    {"line break in a quote", "\"a\r\nb\"@example.com", NULL},
    {"escaped line break", "\"a\\\nb\"@example.com", NULL},
    {"control", "us\x01r@example.com", NULL},
    {"DEL", "us\x7fr@example.com", NULL},
    {"C1 control", "us\xc2\x85r@example.com", NULL},
    {"literal without end", "user@[192.0.2.1", NULL},
    {"literal with a tail", "user@[192.0.2.1]x", NULL},
    {"empty literal", "user@[]", NULL},
    {"IPv4 out of range", "user@[192.0.2.256]", NULL},
    {"IPv6 broken", "user@[IPv6:2001::db8::1]", NULL},
    {"IPv6 without tag", "user@[2001:db8::1 ]", NULL},
    {"literal without content", "user@[x-tag:]", NULL},
    {"literal without colon", "user@[x-tag]", NULL},
    {"not UTF-8", "us\xe9r@example.com", NULL},
    {"surrogate", "us\xed\xa0\x80r@example.com", NULL},
    {"domain not UTF-8",
     "user@b\xfc"
     "cher.example",
     NULL},
    {"two addresses", "a@example.com,b@example.com", NULL},
    {"header injection", "a@example.com\r\nBcc: b@example.com", NULL},
};

START_TEST(normalises_or_not)
{
    const char *label = normalise_rows[_i].label;
    const char *want = normalise_rows[_i].want;
    g_autoptr(GString) address = g_string_new("before ");
    bool good = dsn_address_normalise(dsn_span(normalise_rows[_i].text), address);

    ck_assert_msg(good == (want != NULL), "%s: %s", label, address->str);
    ck_assert_msg(g_str_has_prefix(address->str, "before "), "%s", label);
    dsn_assert_span(dsn_span(address->str + strlen("before ")), want == NULL ? "" : want, label);
    if (want == NULL)
        return;

    /* What came out goes in again and stays. */
    g_autoptr(GString) again = g_string_new(NULL);
    ck_assert_msg(dsn_address_normalise(dsn_span(want), again), "%s", label);
    ck_assert_str_eq(again->str, want);
    ck_assert_msg(dsn_address_is_mailbox(dsn_span(want)) == (strchr(want, '@') != NULL), "%s",
                  label);
}
END_TEST

START_TEST(nul_and_absence_are_no_address)
{
    g_autoptr(GString) address = g_string_new(NULL);
    const DsnSpan with_nul[] = {{"a\0b@example.com", 15},
                                {"a@exa\0mple.com", 14},
                                {"\"a\0\"@example.com", 16},
                                {"a@[1.2.3.4\0]", 12},
                                {"\0", 1}};

    for (size_t i = 0; i < G_N_ELEMENTS(with_nul); i++) {
        ck_assert_msg(!dsn_address_normalise(with_nul[i], address), "%zu", i);
        ck_assert_msg(!dsn_address_is_mailbox(with_nul[i]), "%zu", i);
    }
    ck_assert(!dsn_address_normalise(DSN_SPAN_ABSENT, address));
    ck_assert(!dsn_address_is_mailbox(DSN_SPAN_ABSENT));
    ck_assert_uint_eq(address->len, 0);
}
END_TEST

static const struct {
    const char *label;
    const char *text;
    bool want;
} mailbox_rows[] = {
    {"plain", "user@example.com", true},
    {"upper case", "User@Example.COM", true},
    {"literal", "user@[192.0.2.1]", true},
    {"UTF-8", "us" E_ACUTE "r@example.com", true},
    {"null sender", "", false},
    {"brackets", "<user@example.com>", false},
    {"Postmaster alone", "Postmaster", false},
    {"space before", " user@example.com", false},
    {"space after", "user@example.com ", false},
    {"source route", "@a.example:user@example.com", false},
    {"line break", "user@example.com\r\n", false},
};

START_TEST(knows_a_mailbox)
{
    ck_assert_msg(dsn_address_is_mailbox(dsn_span(mailbox_rows[_i].text)) == mailbox_rows[_i].want,
                  "%s", mailbox_rows[_i].label);
}
END_TEST

START_TEST(mailbox_has_254_octets_at_most)
{
    g_autofree char *local = g_strnfill(254 - strlen("@example.com"), 'a');
    g_autofree char *longest = g_strconcat(local, "@example.com", NULL);
    g_autofree char *longer = g_strconcat("a", longest, NULL);

    ck_assert_uint_eq(strlen(longest), 254);
    ck_assert(dsn_address_is_mailbox(dsn_span(longest)));
    ck_assert(!dsn_address_is_mailbox(dsn_span(longer)));
}
END_TEST

static const struct {
    const char *label;
    const char *text;
    const char *type; /* NULL: absent */
    const char *value;
} typed_rows[] = {
    {"plain", "rfc822;user@example.com", "rfc822", "user@example.com"},
    {"spaces", " dns ;\r\n\tmx.example ", "dns", "mx.example"},
    {"first semicolon counts", "smtp; 550 a; b", "smtp", "550 a; b"},
    {"no type", "mx.example", NULL, "mx.example"},
    {"empty type", "; x", "", "x"},
    {"empty value", "dns;", "dns", ""},
    {"empty", "", NULL, ""},
};

START_TEST(splits_typed_values)
{
    DsnTyped typed = dsn_typed_parse(dsn_span(typed_rows[_i].text));

    ck_assert_msg(dsn_span_present(typed.type) == (typed_rows[_i].type != NULL), "%s",
                  typed_rows[_i].label);
    if (typed_rows[_i].type != NULL)
        dsn_assert_span(typed.type, typed_rows[_i].type, typed_rows[_i].label);
    dsn_assert_span(typed.value, typed_rows[_i].value, typed_rows[_i].label);
}
END_TEST

START_TEST(absent_field_has_neither_type_nor_value)
{
    DsnTyped typed = dsn_typed_parse(DSN_SPAN_ABSENT);

    ck_assert(!dsn_span_present(typed.type));
    ck_assert(!dsn_span_present(typed.value));
}
END_TEST

static const struct {
    const char *label;
    const char *text;
    const char *want; /* NULL: not xtext */
} xtext_rows[] = {
    {"plain", "user@example.com", "user@example.com"},
    {"empty", "", ""},
    {"plus and equals sign", "user+2Btag+3Dx@example.com", "user+tag=x@example.com"},
    {"parentheses are no comment (ESMTP-03)", "a(b)c", "a(b)c"},
    {"octet", "+C3+A9", E_ACUTE},
    {"small letters (ESMTP-01)", "a+2bb", NULL},
    {"one digit", "a+2", NULL},
    {"no digit", "a+", NULL},
    {"no hex digit", "a+2G", NULL},
    {"equals sign", "a=b", NULL},
    {"space", "a b", NULL},
    {"8-bit", E_ACUTE, NULL},
    {"DEL", "a\x7f", NULL},
};

START_TEST(decodes_xtext) /* ESMTP-01 */
{
    g_autoptr(GString) text = g_string_new("before ");
    bool good = dsn_xtext_decode(dsn_span(xtext_rows[_i].text), text);
    const char *want = xtext_rows[_i].want == NULL ? "" : xtext_rows[_i].want;

    ck_assert_msg(good == (xtext_rows[_i].want != NULL), "%s", xtext_rows[_i].label);
    ck_assert_msg(g_str_has_prefix(text->str, "before "), "%s", xtext_rows[_i].label);
    dsn_assert_span(dsn_span(text->str + strlen("before ")), want, xtext_rows[_i].label);
}
END_TEST

START_TEST(encodes_xtext) /* ESMTP-02 */
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GString) again = g_string_new(NULL);
    char octets[256];

    dsn_xtext_encode(DSN_SPAN_LITERAL("a+b=c d\n\xff"), text);
    ck_assert_str_eq(text->str, "a+2Bb+3Dc+20d+0A+FF");

    for (size_t i = 0; i < sizeof(octets); i++)
        octets[i] = (char)i;
    g_string_truncate(text, 0);
    dsn_xtext_encode((DsnSpan){octets, sizeof(octets)}, text);
    for (size_t i = 0; i < text->len; i++)
        ck_assert(text->str[i] >= '!' && text->str[i] <= '~' && text->str[i] != '=');
    ck_assert(dsn_xtext_decode((DsnSpan){text->str, text->len}, again));
    dsn_assert_bytes(again->str, again->len, octets, sizeof(octets));
}
END_TEST

static const struct {
    const char *label;
    const char *text;
    const char *want; /* NULL: malformed */
} utf8_rows[] = {
    {"ASCII", "user@example.com", "user@example.com"},
    {"xtext form (I18N-02)", "us\\x{E9}r@example.com", "us" E_ACUTE "r@example.com"},
    {"unitext form", "us" E_ACUTE "r\\x{2B}\\x{3D}@example.com", "us" E_ACUTE "r+=@example.com"},
    {"plain form", "us" E_ACUTE "r+tag=x@example.com", "us" E_ACUTE "r+tag=x@example.com"},
    {"plain and quoted", "\"a \\\" b\"@example.com", "\"a \\\" b\"@example.com"},
    {"quoted in the xtext form", "\"a\\x{20}\\x{5C}\\x{5C}\"@example.com",
     "\"a \\\\\"@example.com"},
    {"domain", "u@b\\x{FC}cher.example",
     "u@b\xc3\xbc"
     "cher.example"},
    {"three digits", "\\x{141}@example.com", "\xc5\x81@example.com"},
    {"four digits", "\\x{65E5}@example.com", "\xe6\x97\xa5@example.com"},
    {"five digits", "\\x{1F4E7}@example.com", "\xf0\x9f\x93\xa7@example.com"},
    {"six digits", "\\x{10FFFD}@example.com", "\xf4\x8f\xbf\xbd@example.com"},
    {"small digits", "us\\x{e9}r@example.com", "us" E_ACUTE "r@example.com"},

    {"ordinary ASCII (I18N-03)", "\\x{61}@example.com", NULL},
    {"one digit", "\\x{9}@example.com", NULL},
    {"seven digits", "\\x{010FFFD}@example.com", NULL},
    {"leading zero", "\\x{0E9}@example.com", NULL},
    {"no digits", "\\x{}@example.com", NULL},
    {"surrogate", "\\x{D800}@example.com", NULL},
    {"beyond Unicode", "\\x{110000}@example.com", NULL},
    {"NUL", "\\x{00}@example.com", NULL},
    {"line break", "\"\\x{0D}\\x{0A}\"@example.com", NULL},
    {"C1 control", "\\x{85}@example.com", NULL},
    {"no end", "\\x{E9@example.com", NULL},
    {"nothing behind", "a@example.com\\x{", NULL},
    {"other escape", "\\u{E9}@example.com", NULL},
    {"no address", "us\\x{E9}r", NULL},
    {"space", "us\\x{E9} r@example.com", NULL},
    {"not UTF-8", "us\xe9r@example.com", NULL},
    {"empty", "", NULL},
};

START_TEST(decodes_utf8_addresses)
{
    const char *want = utf8_rows[_i].want == NULL ? "" : utf8_rows[_i].want;
    g_autoptr(GString) text = g_string_new("before ");
    bool good = dsn_utf8_address_decode(dsn_span(utf8_rows[_i].text), text);

    ck_assert_msg(good == (utf8_rows[_i].want != NULL), "%s: %s", utf8_rows[_i].label, text->str);
    ck_assert_msg(g_str_has_prefix(text->str, "before "), "%s", utf8_rows[_i].label);
    dsn_assert_span(dsn_span(text->str + strlen("before ")), want, utf8_rows[_i].label);
    if (!good)
        return;

    /* I18N-04: through the 7-bit form and back. */
    g_autoptr(GString) encoded = g_string_new(NULL);
    g_autoptr(GString) again = g_string_new(NULL);
    dsn_utf8_address_encode_xtext(dsn_span(want), encoded);
    ck_assert_msg(dsn_text_is_ascii((DsnSpan){encoded->str, encoded->len}), "%s", encoded->str);
    ck_assert_msg(strpbrk(encoded->str, "+= ") == NULL, "%s", encoded->str);
    ck_assert_msg(dsn_utf8_address_decode((DsnSpan){encoded->str, encoded->len}, again), "%s",
                  encoded->str);
    ck_assert_str_eq(again->str, want);
}
END_TEST

START_TEST(encodes_utf8_addresses)
{
    g_autoptr(GString) text = g_string_new(NULL);

    dsn_utf8_address_encode_xtext(
        DSN_SPAN_LITERAL("a+b=" E_ACUTE "\xf0\x9f\x93\xa7\\@x.example\xff"), text);
    ck_assert_str_eq(text->str, "a\\x{2B}b\\x{3D}\\x{E9}\\x{1F4E7}\\x{5C}@x.example\\x{FFFD}");
}
END_TEST

START_TEST(knows_ascii)
{
    char text[40];

    memset(text, 0x7f, sizeof(text));
    ck_assert(dsn_text_is_ascii((DsnSpan){text, sizeof(text)}));
    ck_assert(dsn_text_is_ascii((DsnSpan){"\0", 1}));
    ck_assert(dsn_text_is_ascii(DSN_SPAN_ABSENT));
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = '\x80';
        ck_assert_msg(!dsn_text_is_ascii((DsnSpan){text, sizeof(text)}), "%zu", i);
        text[i] = 'a';
    }
}
END_TEST

/* Each would take minutes if it were read anew from many of its bytes. */
static const char *const repeated[] = {"<",       "@a,",  "a.", "\"", "\\\"",
                                       "\\x{E9}", "\\x{", "[",  "+2B"};

START_TEST(long_input_takes_no_long_time)
{
    g_autoptr(GString) text = g_string_new("<");
    g_autoptr(GString) result = g_string_new(NULL);

    while (text->len < 500000)
        g_string_append(text, repeated[_i]);
    g_string_append(text, "@example.com>");
    DsnSpan inner = {text->str + 1, text->len - 2};
    (void)dsn_address_normalise((DsnSpan){text->str, text->len}, result);
    (void)dsn_xtext_decode(inner, result);
    (void)dsn_utf8_address_decode(inner, result);
    ck_assert(!dsn_address_is_mailbox(inner));
}
END_TEST

static const struct {
    const char *text;
    bool want;
} domain_rows[] = {
    {"mx.example.com", true},
    {"localhost", true},
    {"a\xc2\x85.example", false},
    {"b\xc3\xbc"
     "cher.example",
     true},
    {"[192.0.2.1]", true},
    {"[IPv6:::1]", true},
    {"a_b.example", true},
    {"", false},
    {"mx.example.", false},
    {".example", false},
    {"a..example", false},
    {"a b.example", false},
    {"a@example", false},
    {"a.example\r\nX: y", false},
    {"b\xfc.example", false},
    {"[192.0.2.1", false},
};

START_TEST(domains_are_told_from_the_rest)
{
    ck_assert_msg(dsn_address_is_domain(dsn_span(domain_rows[_i].text)) == domain_rows[_i].want,
                  "%s", domain_rows[_i].text);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("address");
    TCase *tcase = tcase_create("address");

    tcase_add_loop_test(tcase, normalises_or_not, 0, G_N_ELEMENTS(normalise_rows));
    tcase_add_test(tcase, nul_and_absence_are_no_address);
    tcase_add_loop_test(tcase, knows_a_mailbox, 0, G_N_ELEMENTS(mailbox_rows));
    tcase_add_test(tcase, mailbox_has_254_octets_at_most);
    tcase_add_loop_test(tcase, splits_typed_values, 0, G_N_ELEMENTS(typed_rows));
    tcase_add_test(tcase, absent_field_has_neither_type_nor_value);
    tcase_add_loop_test(tcase, decodes_xtext, 0, G_N_ELEMENTS(xtext_rows));
    tcase_add_test(tcase, encodes_xtext);
    tcase_add_loop_test(tcase, decodes_utf8_addresses, 0, G_N_ELEMENTS(utf8_rows));
    tcase_add_test(tcase, encodes_utf8_addresses);
    tcase_add_test(tcase, knows_ascii);
    tcase_add_loop_test(tcase, long_input_takes_no_long_time, 0, G_N_ELEMENTS(repeated));
    tcase_add_loop_test(tcase, domains_are_told_from_the_rest, 0, G_N_ELEMENTS(domain_rows));
    suite_add_tcase(suite, tcase);
    return suite;
}
