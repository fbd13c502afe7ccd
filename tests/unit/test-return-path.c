/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/return-path.h"
#include "tests/support/unit.h"

static void
append(GString *text, const char *name, DsnSpan value)
{
    if (!dsn_span_present(value))
        return;
    g_string_append_printf(text, " %s=", name);
    g_string_append_len(text, value.data, (gssize)value.len);
}

/* "verp recipient=a@b"; "" for what is not known. */
static char *
dup_read(const char *pattern, DsnSpan address)
{
    g_autoptr(GPtrArray) patterns = g_ptr_array_new();
    g_autoptr(DsnReturnPaths) paths = NULL;
    GStringChunk *strings = NULL;
    GString *text = g_string_new(NULL);
    DsnReturnPath path;

    if (pattern != NULL) {
        ck_assert_msg(dsn_return_path_check(pattern) == NULL, "%s", pattern);
        g_ptr_array_add(patterns, (gpointer) "nobody@never.example");
        g_ptr_array_add(patterns, (gpointer)pattern);
        paths = dsn_return_paths_new(patterns);
    }
    if (dsn_return_path_read(paths, address, &strings, &path)) {
        g_string_append(text, path.form);
        append(text, "recipient", path.recipient);
        append(text, "sender", path.sender);
        append(text, "tenant", path.tenant);
        append(text, "campaign", path.campaign);
        append(text, "envelope_id", path.envelope_id);
        append(text, "token", path.token);
        append(text, "hash", path.hash);
    }
    if (strings != NULL)
        g_string_chunk_free(strings);
    return g_string_free(text, FALSE);
}

static const struct {
    const char *pattern, *address, *read;
} rows[] = {
    /* VERP */
    {NULL, "bounce+user=example.com@relay.example", "verp recipient=user@example.com"},
    {NULL, "user-alice=ex.com@relay.example", "verp recipient=alice@ex.com"},
    {NULL, "bounce+a.b+tag=ex.com@relay.example", "verp recipient=a.b+tag@ex.com"},
    {NULL, "bounce+a=b=ex.com@relay.example", "verp recipient=a=b@ex.com"},
    {NULL, "list-return-user=ex.com@relay.example", "verp recipient=user@ex.com"},
    {NULL, "my-list-return-117-user=ex.com@relay.example", "verp recipient=user@ex.com"},
    {NULL, "user=ex.com@relay.example", "verp recipient=user@ex.com"},
    {NULL, "bounce+=ex.com@relay.example", "token token==ex.com"},
    {NULL, "bounce+user=nodot@relay.example", "token token=user=nodot"},
    {NULL, "bounce+us er=ex.com@relay.example", "token token=us er=ex.com"},
    {NULL, "bounce-user=@relay.example", ""},
    /* a token */
    {NULL, "bounce+7f3a@relay.example", "token token=7f3a"},
    {NULL, "bounce+7f+3a@relay.example", "token token=7f+3a"},
    {NULL, "+7f3a@relay.example", ""},
    {NULL, "bounce+@relay.example", ""},
    {NULL, "plain@relay.example", ""},
    {NULL, "a-b@relay.example", ""},
    /* SRS */
    {NULL, "SRS0=HHH=TT=orig.example=alice@relay.example",
     "srs0 sender=alice@orig.example hash=HHH"},
    {NULL, "srs0+HHH=TT=orig.example=alice=x@relay.example",
     "srs0 sender=alice=x@orig.example hash=HHH"},
    {NULL, "SRS1=KKK=first.example==HHH=TT=orig.example=alice@relay.example",
     "srs1 sender=alice@orig.example hash=KKK"},
    {NULL, "SRS1=KKK=first.example=-HHH=TT=orig.example=alice@relay.example",
     "srs1 sender=alice@orig.example hash=KKK"},
    {NULL, "SRS0=HHH=TT=orig.example@relay.example", ""},
    {NULL, "SRS0=HHH==orig.example=alice@relay.example", ""},
    {NULL, "SRS1=KKK=first.example=@relay.example", ""},
    {NULL, "SRS1=KKK=first.exampleHHH=TT=o.example=a@relay.example", ""},
    {NULL, "SRS0@relay.example", ""},
    /* BATV */
    {NULL, "prvs=0123456789=alice@orig.example", "batv sender=alice@orig.example token=0123456789"},
    {NULL, "prvs=0123456789=bounce+a=x.example@orig.example",
     "batv sender=bounce+a=x.example@orig.example token=0123456789"},
    {NULL, "btv1==abc12==alice@orig.example", "batv sender=alice@orig.example token=abc12"},
    {NULL, "prvs=012345678=alice@orig.example", ""},
    {NULL, "prvs=0123456789=@orig.example", ""},
    {NULL, "btv1==abc12=alice@orig.example", ""},
    {NULL, "btv1==@orig.example", ""},
    /* no addresses */
    {NULL, "", ""},
    {NULL, "@", ""},
    {NULL, "bounce+1", ""},
    {NULL, "@relay.example", ""},
    /* patterns */
    {"b-{tenant}-{recipient}@r.example", "B-acme-jane=x.example@R.example",
     "pattern recipient=jane@x.example tenant=acme"},
    {"b-{tenant}-{recipient}@r.example", "b-acme-ja-ne=x.example@r.example",
     "pattern recipient=ja-ne@x.example tenant=acme"},
    {"{campaign}.{any}.{token}.{envelope_id}@r.example", "c.x.t.e.e@r.example",
     "pattern campaign=c envelope_id=e.e token=t"},
    {"bounce@{tenant}", "bounce@acme.example", "pattern tenant=acme.example"},
    {"bounce@{tenant}.r.example", "bounce@acme.r.example", "pattern tenant=acme"},
    {"b-{tenant}-{token}@r.example", "b--1@r.example", ""},
    {"b-{tenant}-{token}@r.example", "b-acme-@r.example", ""},
    {"b-{tenant}-{token}@r.example", "b-acme@r.example", ""},
    {"b-{tenant}@r.example", "b-acme@r.example.com", ""},
    {"b-{tenant}@r.example", "b-acme@x@r.example", ""},
    {"b-{recipient}@r.example", "b-jane@r.example", ""},
    {"fixed@r.example", "fixed@r.example", "pattern"},
    {"fixed@r.example", "fixed+1@r.example", "token token=1"},
};

/* Rule OOB-13: the address that a DSN comes to is read. */
START_TEST(takes_addresses_apart)
{
    g_autofree char *exact = g_strdup(rows[_i].address);
    g_autofree char *read = dup_read(rows[_i].pattern, dsn_span(exact));

    ck_assert_msg(strcmp(read, rows[_i].read) == 0, "%s: %s", rows[_i].address, read);
}
END_TEST

START_TEST(odd_bytes_and_lengths)
{
    g_autofree char *filler = g_strnfill(1000, 'a');
    g_autofree char *longer = g_strconcat(filler, "+1@relay.example", NULL);
    g_autofree char *too_long = dup_read(NULL, dsn_span(longer));
    g_autofree char *with_nul = dup_read(NULL, DSN_SPAN_LITERAL("b+a\0=x.example@r.example"));
    g_autofree char *half = dup_read(NULL, DSN_SPAN_LITERAL("b+a=x\0.example@r.example"));

    ck_assert_str_eq(too_long, "");
    ck_assert_ptr_null(strstr(with_nul, "recipient"));
    ck_assert_ptr_null(strstr(half, "recipient"));
}
END_TEST

static const char *const refused[] = {
    "",
    "bounce",
    "a@b@c",
    "{recipient}",
    "{recipient}{token}@r.example",
    "x{recipient}{token}@r.example",
    "b+{nothing}@r.example",
    "b+{@r.example",
    "b+}@r.example",
    "b+{}@r.example",
    "{any}-{any}-{any}-{any}-{any}-{any}-{any}-{any}-{any}@r.example",
};

START_TEST(refuses_patterns)
{
    ck_assert_msg(dsn_return_path_check(refused[_i]) != NULL, "%s", refused[_i]);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("return-path");
    TCase *tcase = tcase_create("address");

    tcase_add_loop_test(tcase, takes_addresses_apart, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, odd_bytes_and_lengths);
    tcase_add_loop_test(tcase, refuses_patterns, 0, G_N_ELEMENTS(refused));
    suite_add_tcase(suite, tcase);
    return suite;
}
