/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/authentication-results.h"
#include "tests/support/unit.h"

static void
append(GString *text, DsnSpan span)
{
    g_string_append_len(text, span.data, (gssize)span.len);
}

/* "id: method=result type.name=value; ...", or "refused". */
static char *
dup_summary(DsnSpan value)
{
    GString *text = g_string_new(NULL);
    GStringChunk *strings = g_string_chunk_new(64);
    DsnAuthReader reader;
    DsnAuthResult result;
    DsnSpan id;
    const char *separator = ": ";

    if (!dsn_auth_reader_open(&reader, value, strings, &id)) {
        g_string_append(text, "refused");
    } else {
        append(text, id);
        while (dsn_auth_reader_next(&reader, &result)) {
            g_string_append(text, separator);
            append(text, result.method);
            g_string_append_c(text, '=');
            append(text, result.result);
            for (size_t i = 0; i < result.n_properties; i++) {
                g_string_append_c(text, ' ');
                append(text, result.properties[i].type);
                g_string_append_c(text, '.');
                append(text, result.properties[i].name);
                g_string_append_c(text, '=');
                append(text, result.properties[i].value);
            }
            separator = "; ";
        }
    }
    g_string_chunk_free(strings);
    return g_string_free(text, FALSE);
}

static const struct {
    const char *value, *summary;
} rows[] = {
    /* RFC 8601 appendix B */
    {"example.org 1; none", "example.org"},
    {"example.com; spf=pass smtp.mailfrom=example.net",
     "example.com: spf=pass smtp.mailfrom=example.net"},
    {"example.com; auth=pass (cram-md5) smtp.auth=sender@example.net; spf=pass "
     "smtp.mailfrom=example.net",
     "example.com: auth=pass smtp.auth=sender@example.net; spf=pass smtp.mailfrom=example.net"},
    {"example.com; dkim=pass (good signature) header.d=example.com",
     "example.com: dkim=pass header.d=example.com"},
    {"example.com; dkim=pass reason=\"good signature\" header.i=@mail-router.example.net;"
     " dkim=fail reason=\"bad; signature\" header.i=@newyork.example.com",
     "example.com: dkim=pass header.i=@mail-router.example.net; dkim=fail "
     "header.i=@newyork.example.com"},
    {"foo.example.net (foobar) 1 (baz); dkim (Because I like it) / 1 (One yay) = (wait for it) "
     "fail policy (A dot can go here) . (like that) expired (this surprised me) = (as I wasn't "
     "expecting it) 1362471462",
     "foo.example.net: dkim=fail policy.expired=1362471462"},
    /* what others write */
    {"mx.google.example; dkim=pass header.i=@example.com header.s=s1 header.b=\"Ab/+=\"; spf=pass "
     "(google: domain of b@example.com designates 192.0.2.1) smtp.mailfrom=\"b x\"@example.com; "
     "dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=example.com",
     "mx.google.example: dkim=pass header.i=@example.com header.s=s1 header.b=Ab/+=; spf=pass "
     "smtp.mailfrom=b x@example.com; dmarc=pass header.from=example.com"},
    {"a;dmarc=pass action=none header.from=b.example;compauth=pass reason=100",
     "a: dmarc=pass header.from=b.example; compauth=pass"},
    {"spf=pass (sender IP) smtp.mailfrom=b.example; dkim=none", "refused"},
    {"a; dkim=pass header.b=a=b/c+d== header.d=b.example",
     "a: dkim=pass header.b=a=b/c+d== header.d=b.example"},
    {"\"quoted \\\" id\"; spf=none", "quoted \" id: spf=none"},
    /* what is hidden stays hidden */
    {"a; spf=fail (; dkim=pass header.d=x) smtp.mailfrom=\"; dkim=pass header.d=x\"",
     "a: spf=fail smtp.mailfrom=; dkim=pass header.d=x"},
    {"a; spf=fail (a \\) b (c) ; dkim=pass) smtp.helo=h", "a: spf=fail smtp.helo=h"},
    {"a; spf=fail \"; dkim=pass\"; dkim=none", "a: spf=fail; dkim=none"},
    /* no results */
    {"", "refused"},
    {" (only a comment)", "refused"},
    {"; spf=pass", "refused"},
    {"a 2; spf=pass", "refused"},
    {"a b; spf=pass", "refused"},
    {"\"a; spf=pass", "refused"},
    {"a", "a"},
    {"a; ; ;", "a"},
    {"a; =pass; spf=; spf; spf=\"pass\"; spf=pass@x; dkim=none", "a: dkim=none"},
    {"a; spf=pass (never closed; dkim=pass", "a: spf=pass"},
    {"a; spf=pass x.y=\"never closed; dkim=pass", "a: spf=pass"},
    {"a; spf=pass x.y=\"never closed \\", "a: spf=pass"},
    {"a; spf=pass = . x. .y x.=1 .y=2 x=3 x.z=", "a: spf=pass x.z="},
};

START_TEST(reads_results)
{
    g_autofree char *exact = g_strdup(rows[_i].value);
    g_autofree char *summary = dup_summary(dsn_span(exact));

    ck_assert_msg(strcmp(summary, rows[_i].summary) == 0, "%s:\n%s", rows[_i].value, summary);
}
END_TEST

START_TEST(a_NUL_is_a_byte_like_others)
{
    g_autofree char *summary = dup_summary(DSN_SPAN_LITERAL("a; \0=1; spf=pass \0 x.y=1; dkim=no"));

    ck_assert_str_eq(summary, "a: spf=pass x.y=1; dkim=no");
}
END_TEST

START_TEST(keeps_so_many_properties)
{
    g_autoptr(GString) value = g_string_new("a; spf=pass");
    GStringChunk *strings = g_string_chunk_new(64);
    DsnAuthReader reader;
    DsnAuthResult result;
    DsnSpan id;

    for (int i = 0; i <= DSN_AUTH_PROPERTIES_MAX; i++)
        g_string_append_printf(value, " x.p%d=%d", i, i);
    ck_assert(dsn_auth_reader_open(&reader, (DsnSpan){value->str, value->len}, strings, &id));
    ck_assert(dsn_auth_reader_next(&reader, &result));
    ck_assert_uint_eq(result.n_properties, DSN_AUTH_PROPERTIES_MAX);
    dsn_assert_span(dsn_auth_result_property(&result, "X", "P15"), "15", NULL);
    ck_assert(!dsn_span_present(dsn_auth_result_property(&result, "x", "p16")));
    ck_assert(!dsn_auth_reader_next(&reader, &result));
    g_string_chunk_free(strings);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("authentication-results");
    TCase *tcase = tcase_create("value");

    tcase_add_loop_test(tcase, reads_results, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, a_NUL_is_a_byte_like_others);
    tcase_add_test(tcase, keeps_so_many_properties);
    suite_add_tcase(suite, tcase);
    return suite;
}
