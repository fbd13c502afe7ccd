/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/outgoing.h"

#include <glib/gstdio.h>

#include "mime/trace.h"
#include "tests/support/unit.h"

#define NOW G_GINT64_CONSTANT(1795166100)

static DsnPolicy *
make_policy(const char *more)
{
    g_autofree char *text = g_strconcat("[trace]\nsign = \"2026a\"\n"
                                        "[trace.key.2026a]\nsecret = \"0123456789abcdef\"\n"
                                        "[tenant.shop]\nmatch.sender_domain = [\"shop.example\"]\n"
                                        "[tenant.office]\nmatch.client = [\"192.0.2.0/24\"]\n",
                                        more, NULL);
    g_autofree char *file = NULL;
    g_autoptr(GError) error = NULL;
    int descriptor = g_file_open_tmp("dsnarf-outgoing-XXXXXX", &file, NULL);

    ck_assert_int_ge(descriptor, 0);
    g_close(descriptor, NULL);
    ck_assert(g_file_set_contents(file, text, -1, NULL));
    DsnPolicy *policy = dsn_policy_load(file, &error);
    g_remove(file);
    ck_assert_msg(policy != NULL, "%s", error == NULL ? "" : error->message);
    return policy;
}

/* The members of the trace of @mail, after a look at its signature (transfer full). */
static json_t *
read_trace(const DsnPolicy *policy, const DsnOutgoing *mail)
{
    g_autoptr(GString) value = g_string_new("before"), text = g_string_new(NULL);
    DsnTraceSeal seal;

    dsn_outgoing_trace(policy, mail, NOW, value);
    ck_assert_int_eq(strncmp(value->str, "beforeey", 8), 0);
    ck_assert(
        dsn_trace_decode(dsn_span_from((DsnSpan){value->str, value->len}, strlen("before")), text));
    json_t *trace = json_loads(text->str, 0, NULL);
    dsn_trace_verify(dsn_evidence_resolve_options(policy->evidence).keys, trace, NOW, &seal);
    ck_assert_int_eq(seal.state, DSN_TRACE_VERIFIED);
    dsn_assert_span(seal.key, "2026a", "key");
    ck_assert_int_eq(seal.time, NOW);
    (void)json_object_del(trace, "dsnarf");
    (void)json_object_del(trace, DSN_TRACE_MARKER_KEY);
    return trace;
}

static const struct {
    DsnOutgoing mail;
    const char *trace;
} mails[] = {
    {{"a@shop.example", "j@x.example", NULL, "4Xyz"},
     "{\"recipient\":\"j@x.example\",\"tenant\":\"shop\",\"id\":\"4Xyz\"}"},
    {{"a@other.example", "j@x.example", "192.0.2.7", NULL},
     "{\"recipient\":\"j@x.example\",\"tenant\":\"office\"}"},
    {{"a@shop.example", "j@x.example", "192.0.2.7", NULL},
     "{\"recipient\":\"j@x.example\",\"tenant\":\"shop\"}"},
    {{"a@other.example", "j@x.example", "198.51.100.1", NULL}, "{\"recipient\":\"j@x.example\"}"},
    {{"", "j@x.example", NULL, NULL}, "{\"recipient\":\"j@x.example\"}"},
    {{"a@shop.example", NULL, NULL, NULL}, "{\"tenant\":\"shop\"}"},
    {{"a@shop.example", "", "", ""}, "{\"tenant\":\"shop\"}"},
    {{"a@other.example", "j\xff@x.example", "\xff", "\xff"}, "{}"},
    {{"a@other.example", "j\"\r\n@x.example", NULL, NULL},
     "{\"recipient\":\"j\\\"\\r\\n@x.example\"}"},
};

/* Rules CFBL-08 and FBL-11. */
START_TEST(says_whose_mail_it_is_and_who_gets_it)
{
    g_autoptr(DsnPolicy) policy = make_policy("");
    json_auto_t *trace = read_trace(policy, &mails[_i].mail);
    g_autofree char *text = json_dumps(trace, JSON_COMPACT);
    json_auto_t *wanted = json_loads(mails[_i].trace, 0, NULL);

    ck_assert_msg(json_equal(trace, wanted), "%s", text);
}
END_TEST

START_TEST(needs_no_key_for_clients)
{
    g_autoptr(DsnPolicy) policy = make_policy("[meta]\nclient = \"\"\n");
    const DsnOutgoing mail = {"a@other.example", "j@x.example", "192.0.2.7", NULL};
    json_auto_t *trace = read_trace(policy, &mail);

    ck_assert_ptr_null(json_object_get(trace, "tenant"));
}
END_TEST

/* Rule SEC-01: each line of the field is short, and no value can begin another one. */
START_TEST(is_folded)
{
    g_autoptr(DsnPolicy) policy = make_policy("");
    g_autofree char *recipient = g_strnfill(1000, 'x');
    const DsnOutgoing mail = {"a@shop.example", recipient, NULL, "\r\nX-Evil: 1"};
    g_autoptr(GString) value = g_string_new(NULL);

    dsn_outgoing_trace(policy, &mail, NOW, value);
    g_auto(GStrv) lines = g_strsplit(value->str, "\r\n\t", -1);
    ck_assert_uint_gt(g_strv_length(lines), 18);
    for (char **line = lines; *line != NULL; line++) {
        ck_assert_uint_le(strlen(*line), 75);
        ck_assert_uint_eq(strspn(*line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                        "0123456789+/="),
                          strlen(*line));
    }
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("outgoing");
    TCase *tcase = tcase_create("trace");

    tcase_add_loop_test(tcase, says_whose_mail_it_is_and_who_gets_it, 0, G_N_ELEMENTS(mails));
    tcase_add_test(tcase, needs_no_key_for_clients);
    tcase_add_test(tcase, is_folded);
    suite_add_tcase(suite, tcase);
    return suite;
}
