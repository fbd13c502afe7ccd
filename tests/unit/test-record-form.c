/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/record-form.h"
#include "filter/core/record-mask.h"
#include "tests/support/unit.h"

#define LINE                                                                                       \
    "{\"type\":\"Bounce\",\"id\":\"1\",\"sender\":\"a@shop.example\",\"recipient\":"               \
    "\"jane@customer.example\",\"response\":{\"code\":550,\"enhanced_code\":null,\"content\":"     \
    "\"jane is gone\",\"command\":null},\"meta\":{\"tenant\":\"acme\",\"none\":null,"              \
    "\"x_a\":null,\"X_b\":1},\"headers\":{\"Subject\":\"Hello\",\"X-One\":\"1\",\"x-two\":[\"2\"," \
    "\"3\"]}}\n"

/* What the rows say; patterns are separated by spaces, NULL: all. */
static const struct {
    const char *headers, *meta, *filter, *template_;
    const char *output; /* NULL: all of the line; "": it is filtered; "!...": an error */
} rows[] = {
    {NULL, NULL, NULL, NULL, NULL},
    {NULL, NULL, "type in ['Bounce', 'OOB']", NULL, NULL},
    {NULL, NULL, "type == 'OOB'", NULL, ""},
    {NULL, NULL, "log_record.response.code >= 500", NULL, NULL},
    {NULL, NULL, "nothing.at.all", NULL, "!x.filter:1:"},
    {NULL, NULL, NULL, "{{ id }},{{ log_record.recipient }}", "1,jane@customer.example\n"},
    {NULL, NULL, NULL, "{{ id }}\n", "1\n"},
    {NULL, NULL, NULL, "{# nothing #}", "\n"},
    {NULL, NULL, NULL, "{{ 1 // 0 }}", "!x.per_record.Any.template:1:"},
    {"", NULL, NULL, "{{ headers|tojson }}", "{}\n"},
    {"SUBJECT x-*", NULL, NULL, "{{ headers|length }}{{ headers.Subject }}", "3Hello\n"},
    {"x-*", NULL, NULL, "{{ headers|length }}", "2\n"},
    {"Subj", NULL, NULL, "{{ headers|tojson }}", "{}\n"},
    {NULL, "tenant none", NULL, "{{ meta|tojson }}", "{\"tenant\":\"acme\"}\n"},
    {NULL, "x_*", NULL, "{{ meta|tojson }}", "{\"x_a\":null}\n"},
    {NULL, "Tenant", NULL, "{{ meta|tojson }}", "{}\n"},
    {NULL, "tenant", "meta.X_b is undefined", NULL, ""} /* it sees all */,
};

static GPtrArray *
split(const char *names)
{
    GPtrArray *array;

    if (names == NULL)
        return NULL;
    array = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) words = g_strsplit(names, " ", -1);
    for (char **word = words; *word != NULL; word++)
        if (**word != '\0')
            g_ptr_array_add(array, g_strdup(*word));
    return array;
}

START_TEST(what_an_outlet_gets)
{
    DsnTypeForm any = {.enable = true, .template_ = rows[_i].template_};
    g_autoptr(GHashTable) types = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) headers = split(rows[_i].headers), meta = split(rows[_i].meta);
    g_autoptr(GString) output = g_string_new("before|");
    g_autoptr(GError) error = NULL;
    const char *wanted = rows[_i].output == NULL ? LINE : rows[_i].output;

    g_hash_table_insert(types, (gpointer) "Any", &any);
    const DsnFormOptions options = {
        .name = "x", .headers = headers, .meta = meta, .filter = rows[_i].filter, .types = types};
    g_autoptr(DsnForm) form = dsn_form_new(&options, &error);
    ck_assert_msg(form != NULL, "%s", error == NULL ? "" : error->message);
    DsnFormed formed = dsn_form_write(form, DSN_RECORD_BOUNCE, dsn_span(LINE), output, &error);
    ck_assert_int_eq(formed, wanted[0] == '!'    ? DSN_FORMED_FAILED
                             : wanted[0] == '\0' ? DSN_FORMED_FILTERED
                                                 : DSN_FORMED);
    if (wanted[0] == '!')
        ck_assert_msg(g_str_has_prefix(error->message, wanted + 1), "%s", error->message);
    ck_assert_str_eq(output->str + strlen("before|"), wanted[0] == '!' ? "" : wanted);
}
END_TEST

/* A type that is listed takes nothing from "Any". */
START_TEST(types)
{
    DsnTypeForm any = {.enable = true, .template_ = "any"}, oob = {.enable = true},
                delivery = {.enable = false, .template_ = "x"};
    g_autoptr(GHashTable) given = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GString) output = g_string_new(NULL);

    g_hash_table_insert(given, (gpointer) "Any", &any);
    g_hash_table_insert(given, (gpointer) "OOB", &oob);
    g_hash_table_insert(given, (gpointer) "Delivery", &delivery);
    g_autoptr(DsnForm) form = dsn_form_new(&(DsnFormOptions){.name = "x", .types = given}, NULL);
    ck_assert_ptr_nonnull(form);
    ck_assert(dsn_form_has_type(form, DSN_RECORD_OOB));
    ck_assert(!dsn_form_has_type(form, DSN_RECORD_DELIVERY));
    ck_assert_int_eq(dsn_form_write(form, DSN_RECORD_OOB, dsn_span("{}\n"), output, NULL),
                     DSN_FORMED);
    ck_assert_int_eq(dsn_form_write(form, DSN_RECORD_OTHER, dsn_span("{}\n"), output, NULL),
                     DSN_FORMED);
    ck_assert_int_eq(dsn_form_write(form, DSN_RECORD_DELIVERY, dsn_span("{}\n"), output, NULL),
                     DSN_FORMED_FILTERED);
    ck_assert_str_eq(output->str, "{}\nany\n");
}
END_TEST

static const struct {
    DsnFormOptions options;
    const char *message;
} faults[] = {
    {{.name = "webhook.a", .filter = "type ="}, "webhook.a.filter:1:"},
    {{.name = "webhook.a", .filter = "type | nofilter"}, "webhook.a.filter:1:"},
};

START_TEST(what_does_not_compile)
{
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(dsn_form_new(&faults[_i].options, &error));
    ck_assert_msg(g_str_has_prefix(error->message, faults[_i].message), "%s", error->message);
}
END_TEST

START_TEST(what_takes_too_much)
{
    DsnTemplateLimits limits = DSN_TEMPLATE_LIMITS_DEFAULT;
    DsnTypeForm any = {.enable = true, .template_ = "{{ 'x' * 2000 }}"};
    g_autoptr(GHashTable) table = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GString) output = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    limits.output = 1000;
    g_hash_table_insert(table, (gpointer) "Any", &any);
    g_autoptr(DsnForm) form =
        dsn_form_new(&(DsnFormOptions){.name = "x", .types = table, .limits = &limits}, NULL);
    ck_assert_int_eq(dsn_form_write(form, DSN_RECORD_BOUNCE, dsn_span(LINE), output, &error),
                     DSN_FORMED_FAILED);
    ck_assert_str_eq(output->str, "");
    ck_assert_ptr_nonnull(error);
}
END_TEST

/* ---- masks ---- */

static const struct {
    const char *record, *masked;
} masks[] = {
    {"{\"recipient\":\"jane@c.example\",\"response\":{\"content\":\"jane: no Jane@C.example, "
     "janet@c.example\"}}",
     "{\"recipient\":\"xxxx@c.example\",\"response\":{\"content\":\"xxxx: no xxxx@C.example, "
     "janet@c.example\"}}"},
    {"{\"recipient\":[\"a@c.example\",\"b@c.example\"],\"meta\":{\"to\":\"<a@c.example>\"},"
     "\"sender\":\"a+b@shop.example\"}",
     "{\"recipient\":[\"xxxx@c.example\",\"xxxx@c.example\"],\"meta\":{\"to\":\"<xxxx@c.example>\"}"
     ","
     "\"sender\":\"a+b@shop.example\"}"},
    {"{\"recipient\":\"fbl@shop.example\",\"feedback_report\":{\"original_rcpto_to\":[\"<jo@c."
     "example>\"],\"original_message\":\"To: jo@c.example\\n\"},\"dsnarf\":{\"suppress\":"
     "\"jo@c.example\"}}",
     "{\"recipient\":\"xxxx@shop.example\",\"feedback_report\":{\"original_rcpto_to\":[\"<xxxx@c."
     "example>\"],\"original_message\":\"To: xxxx@c.example\\n\"},\"dsnarf\":{\"suppress\":"
     "\"xxxx@c.example\"}}"},
    {"{\"recipient\":\"@c.example\",\"response\":{\"content\":\"@\"}}",
     "{\"recipient\":\"@c.example\",\"response\":{\"content\":\"@\"}}"},
    {"{\"recipient\":\"fbl@shop.example\",\"feedback_report\":{\"original_rcpto_to\":[\"jo@c."
     "example\"],\"extensions\":{\"x\":[\"to=Jo@c.example, +jo@c.example\"]}}}",
     "{\"recipient\":\"xxxx@shop.example\",\"feedback_report\":{\"original_rcpto_to\":[\"xxxx@c."
     "example\"],\"extensions\":{\"x\":[\"to=xxxx@c.example, +jo@c.example\"]}}}"},
    {"{\"recipient\":\"a@c.example\",\"sender\":\"b+a=c.example@s.example\",\"queue\":"
     "\"A=C.example a=c.example.org\",\"dsnarf\":{\"per_recipient\":{\"diagnostic_code\":{"
     "\"diagnostic\":\"no a. Or (a)? a@, a-b\"}}}}",
     "{\"recipient\":\"xxxx@c.example\",\"sender\":\"b+xxxx=c.example@s.example\",\"queue\":"
     "\"xxxx=C.example a=c.example.org\",\"dsnarf\":{\"per_recipient\":{\"diagnostic_code\":{"
     "\"diagnostic\":\"no xxxx. Or (xxxx)? xxxx@, a-b\"}}}}"},
    {"{\"recipient\":[],\"dsnarf\":{\"resolved\":{\"recipient\":{\"value\":\"jo@c.example\","
     "\"source\":\"x\"},\"clues\":[{\"recipient\":\"jo@c.example\"},{\"redacted\":"
     "\"r@c.example\"}]}},\"headers\":{\"To\":[\"<r@c.example>\",\"x\\u0000Jo@c\"]}}",
     "{\"recipient\":[],\"dsnarf\":{\"resolved\":{\"recipient\":{\"value\":\"xxxx@c.example\","
     "\"source\":\"x\"},\"clues\":[{\"recipient\":\"xxxx@c.example\"},{\"redacted\":"
     "\"xxxx@c.example\"}]}},\"headers\":{\"To\":[\"<xxxx@c.example>\",\"x\\u0000xxxx@c\"]}}"},
    {"{\"recipient\":\"\\\"j@k\\\"@c.example\",\"meta\":{\"n\":{\"jo@c.example\":1,\"x@y\":2}},"
     "\"x\":{\"recipient\":\"unknown; jo\",\"suppress\":\"jo@c.example\"}}",
     "{\"recipient\":\"xxxx@c.example\",\"meta\":{\"n\":{\"xxxx@c.example\":1,\"x@y\":2}},"
     "\"x\":{\"recipient\":\"unknown; jo\",\"suppress\":\"xxxx@c.example\"}}"},
    {"{\"recipient\":\"\",\"response\":null}", "{\"recipient\":\"\",\"response\":null}"},
    {"{\"recipient\":\"\\u00fc.m@c.example\",\"response\":{\"content\":\"\\u00fc.m\"}}",
     "{\"recipient\":\"xxxx@c.example\",\"response\":{\"content\":\"xxxx\"}}"},
};

START_TEST(nobody_is_named)
{
    json_auto_t *record = json_loads(masks[_i].record, JSON_ALLOW_NUL, NULL);
    json_auto_t *masked = json_loads(masks[_i].masked, JSON_ALLOW_NUL, NULL);

    ck_assert(record != NULL && masked != NULL);
    dsn_record_mask(record);
    g_autofree char *text = json_dumps(record, JSON_COMPACT);
    ck_assert_msg(json_equal(record, masked), "%s", text);
}
END_TEST

/* However many there are, and however the text tries to keep us busy. */
START_TEST(many_are_named)
{
    json_auto_t *record = json_object();
    json_t *recipients = json_array();
    g_autoptr(GString) text = g_string_new(NULL);

    for (unsigned i = 0; i < 5000; i++) {
        g_autofree char *address = g_strdup_printf("%0*u@c.example", 1 + i % 200, i);

        json_array_append_new(recipients, json_string(address));
        g_string_append_printf(text, "((((=((((=((((%s", address);
    }
    json_object_set_new(record, "recipient", recipients);
    json_object_set_new(record, "x", json_string(text->str));
    dsn_record_mask(record);
    g_autofree char *masked = json_dumps(record, JSON_COMPACT);
    ck_assert_ptr_null(strpbrk(masked, "0123456789"));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("record-form");
    TCase *tcase = tcase_create("forms");

    tcase_add_loop_test(tcase, what_an_outlet_gets, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, types);
    tcase_add_loop_test(tcase, what_does_not_compile, 0, G_N_ELEMENTS(faults));
    tcase_add_test(tcase, what_takes_too_much);
    tcase_add_loop_test(tcase, nobody_is_named, 0, G_N_ELEMENTS(masks));
    tcase_add_test(tcase, many_are_named);
    suite_add_tcase(suite, tcase);
    return suite;
}
