/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/webhook-body.h"
#include "tests/support/unit.h"

#include <gio/gio.h>
#include <string.h>

/* Options as the defaults are, for batches of @batch_size, with one template if there is any. */
typedef struct Setup {
    DsnWebhookOptions options;
    DsnPerRecord any;
    DsnForm *form;
} Setup;

static Setup *
setup_new(size_t batch_size, const char *template_)
{
    Setup *setup = g_new0(Setup, 1);

    setup->any =
        (DsnPerRecord){.name = (char *)"Any", .enable = true, .template_ = (char *)template_};
    setup->options = (DsnWebhookOptions){
        .name = (char *)"w", .batch_size = batch_size, .selection.records = g_ptr_array_new()};
    if (template_ != NULL)
        g_ptr_array_add(setup->options.selection.records, &setup->any);
    setup->form = dsn_form_of("webhook", "w", &setup->options.selection, NULL);
    ck_assert_ptr_nonnull(setup->form);
    return setup;
}

static void
setup_free(Setup *setup)
{
    dsn_form_free(setup->form);
    g_ptr_array_unref(setup->options.selection.records);
    g_free(setup);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Setup, setup_free)

static void
add(DsnWebhookBody *body, int64_t position, const char *json)
{
    g_autoptr(GBytes) bytes = g_bytes_new(json, strlen(json));
    const DsnStreamRecord record = {.position = position,
                                    .type = DSN_RECORD_BOUNCE,
                                    .taken_in = 1000 - position,
                                    .json = bytes};

    dsn_webhook_body_add(body, &record);
}

/* Two records from @position on, as one text. */
static char *
finish_two(const Setup *setup, int64_t position, char **ret_key)
{
    g_autoptr(DsnWebhookBody) body = dsn_webhook_body_new(&setup->options, setup->form);

    add(body, position, "{\"type\":\"Bounce\",\"id\":\"1\",\"n\":null,\"l\":[]}\n");
    add(body, position + 5, "{\"type\":\"Bounce\",\"id\":\"2\"}\n");
    ck_assert_uint_eq(dsn_webhook_body_count(body), 2);
    g_autoptr(GBytes) content = dsn_webhook_body_finish(body, ret_key);
    gsize size;
    const char *data = g_bytes_get_data(content, &size);
    return g_strndup(data, size);
}

static const struct {
    const char *label;
    size_t batch_size;
    const char *template_, *want;
} shapes[] = {
    {"an array, nulls and empty lists as they are", 10, NULL,
     "[{\"type\":\"Bounce\",\"id\":\"1\",\"n\":null,\"l\":[]},{\"type\":\"Bounce\",\"id\":\"2\"}]"},
    {"lines", 1, NULL,
     "{\"type\":\"Bounce\",\"id\":\"1\",\"n\":null,\"l\":[]}\n{\"type\":\"Bounce\",\"id\":\"2\"}"
     "\n"},
    {"lines of templates", 10, "{{ id }};", "1;\n2;\n"},
};

START_TEST(has_a_shape)
{
    g_autoptr(Setup) setup = setup_new(shapes[_i].batch_size, shapes[_i].template_);
    g_autofree char *key = NULL;
    g_autofree char *text = finish_two(setup, 7, &key);

    ck_assert_msg(strcmp(text, shapes[_i].want) == 0, "%s: %s", shapes[_i].label, text);
    ck_assert_uint_eq(strlen(key), 32);
}
END_TEST

/* The same for the same, and for nothing else. */
START_TEST(has_a_key)
{
    g_autoptr(Setup) setup = setup_new(10, "x"), other = setup_new(10, "y");
    g_autofree char *key = NULL, *again = NULL, *behind = NULL, *changed = NULL;
    g_autofree char *text = finish_two(setup, 7, &key), *same = finish_two(setup, 7, &again);
    g_autofree char *later = finish_two(setup, 8, &behind), *y = finish_two(other, 7, &changed);

    ck_assert_str_eq(text, same);
    ck_assert_str_eq(text, later); /* the template says nothing of the record */
    ck_assert_str_eq(key, again);
    ck_assert_str_ne(key, behind);
    ck_assert_str_ne(text, y);
    ck_assert_str_ne(key, changed);
}
END_TEST

START_TEST(knows_its_records)
{
    g_autoptr(Setup) setup = setup_new(3, "{{ 1 // n }}");
    g_autoptr(DsnWebhookBody) body = dsn_webhook_body_new(&setup->options, setup->form);
    size_t count;

    ck_assert_int_eq(dsn_webhook_body_oldest(body), INT64_MAX);
    add(body, 3, "{\"n\":1}\n");
    add(body, 4, "{\"n\":0}\n");
    add(body, 5, "{\"n\":1}\n");
    ck_assert(!dsn_webhook_body_is_full(body));
    const int64_t *positions = dsn_webhook_body_positions(body, &count);
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(positions[0], 3);
    ck_assert_int_eq(positions[1], 5);
    ck_assert_int_eq(dsn_webhook_body_oldest(body), 995);
    const GArray *faults = dsn_webhook_body_faults(body);
    ck_assert_uint_eq(faults->len, 1);
    const DsnWebhookFault *fault = &g_array_index(faults, DsnWebhookFault, 0);
    dsn_assert_bytes(g_bytes_get_data(fault->json, NULL), g_bytes_get_size(fault->json),
                     "{\"n\":0}\n", 8);
    ck_assert_ptr_nonnull(strstr(fault->reason, "webhook.w.per_record.Any.template:1"));
    add(body, 6, "{\"n\":1}\n");
    ck_assert(dsn_webhook_body_is_full(body));
}
END_TEST

START_TEST(is_full_of_bytes)
{
    g_autoptr(Setup) setup = setup_new(1000, NULL);
    g_autoptr(DsnWebhookBody) body = dsn_webhook_body_new(&setup->options, setup->form);
    g_autofree char *filler = g_strnfill(DSN_WEBHOOK_BODY_FULL / 4, 'x');
    g_autofree char *json = g_strdup_printf("{\"x\":\"%s\"}\n", filler);

    for (int64_t i = 1; i <= 4; i++) {
        ck_assert(!dsn_webhook_body_is_full(body));
        add(body, i, json);
    }
    ck_assert(dsn_webhook_body_is_full(body));
}
END_TEST

START_TEST(compresses)
{
    g_autoptr(Setup) setup = setup_new(10, NULL);
    g_autofree char *key = NULL, *plain_key = NULL;
    g_autofree char *plain = finish_two(setup, 7, &plain_key);
    char text[1000];
    gsize read, written;

    setup->options.compression = DSN_COMPRESSION_GZIP;
    g_autoptr(DsnWebhookBody) body = dsn_webhook_body_new(&setup->options, setup->form);
    add(body, 7, "{\"type\":\"Bounce\",\"id\":\"1\",\"n\":null,\"l\":[]}\n");
    add(body, 12, "{\"type\":\"Bounce\",\"id\":\"2\"}\n");
    g_autoptr(GBytes) content = dsn_webhook_body_finish(body, &key);
    ck_assert_str_eq(key, plain_key);
    g_autoptr(GZlibDecompressor) gzip = g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP);
    gsize size;
    const void *data = g_bytes_get_data(content, &size);
    ck_assert_int_eq(g_converter_convert(G_CONVERTER(gzip), data, size, text, sizeof(text),
                                         G_CONVERTER_INPUT_AT_END, &read, &written, NULL),
                     G_CONVERTER_FINISHED);
    ck_assert_uint_eq(read, size);
    ck_assert_uint_eq(written, strlen(plain));
    ck_assert_int_eq(memcmp(text, plain, written), 0);
}
END_TEST

/* By openssl dgst -sha256 -hmac. */
START_TEST(signs)
{
    g_autoptr(GBytes) content = g_bytes_new_static("{\"id\":\"1\"}\n", 11);
    g_autofree char *signature = dsn_webhook_sign("a shared secret", 1700000000, content);

    ck_assert_str_eq(
        signature,
        "t=1700000000,v1=cf158cfa3d0231ac880ad8fa2faac4fffb94d495ce819cbfdf0762a7bbf44e37");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("webhook-body");
    TCase *tcase = tcase_create("webhook-body");

    tcase_add_loop_test(tcase, has_a_shape, 0, G_N_ELEMENTS(shapes));
    tcase_add_test(tcase, has_a_key);
    tcase_add_test(tcase, knows_its_records);
    tcase_add_test(tcase, is_full_of_bytes);
    tcase_add_test(tcase, compresses);
    tcase_add_test(tcase, signs);
    suite_add_tcase(suite, tcase);
    return suite;
}
