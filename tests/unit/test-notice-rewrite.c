/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/header.h"
#include "mime/lint.h"
#include "mime/report-parse.h"
#include "tests/support/rewrite.h"
#include "tests/support/unit.h"

#include <glib/gstdio.h>

#define NOW 1795299100

typedef struct Fixture {
    DsnCatalog *catalog;
    DsnNoticeOptions options;
    DsnReportParser *parser;
    DsnReport *report;
    DsnRecord *record;
    DsnRewritten rewritten;
    GError *error;
} Fixture;

static Fixture fixture;

static void
set_up(void)
{
    fixture = (Fixture){
        .catalog = dsn_catalog_new(NULL, &DSN_TEMPLATE_LIMITS_DEFAULT, &fixture.error),
        .options =
            {
                .reporting_mta = {DSN_SPAN_LITERAL("dns"), DSN_SPAN_LITERAL("mail.shop.example")},
                .from_display = DSN_SPAN_LITERAL("Böhm & Söhne"),
                .from = DSN_SPAN_LITERAL("post@shop.example"),
                .tenant = DSN_SPAN_LITERAL("shop"),
                .limits = &DSN_LIMITS_DEFAULT,
            },
        .parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT),
        .report = dsn_report_new(),
    };
    ck_assert_ptr_nonnull(fixture.catalog);
    fixture.options.catalog = fixture.catalog;
}

static void
clear_result(void)
{
    if (fixture.rewritten.fields != NULL)
        dsn_rewritten_clear(&fixture.rewritten);
    g_clear_error(&fixture.error);
    g_clear_pointer(&fixture.record, dsn_record_free);
}

static void
tear_down(void)
{
    clear_result();
    dsn_report_free(fixture.report);
    dsn_report_parser_free(fixture.parser);
    dsn_catalog_free(fixture.catalog);
}

/* Rewrites @message, whose first part is @text. */
static bool
rewrite_part(DsnSpan message, DsnSpan text)
{
    clear_result();
    dsn_report_parse(fixture.parser, message, fixture.report);
    fixture.record = dsn_test_record_of(fixture.report, "news@shop.example");
    ck_assert_ptr_nonnull(fixture.record);

    const DsnNoticeRequest request = {
        .options = &fixture.options,
        .records = &fixture.record,
        .n_records = 1,
        .action = DSN_ACTION_FAILED,
        .now = NOW,
    };
    return dsn_test_rewrite(&request, fixture.report, message, text, &fixture.rewritten,
                            &fixture.error);
}

static bool
rewrite(const GString *message)
{
    DsnSpan span = {message->str, message->len};

    return rewrite_part(span, dsn_test_first_part(span));
}

static const char *
why(void)
{
    return fixture.error == NULL ? "no error" : fixture.error->message;
}

/* A notice as a real Postfix wrote it. */
static GString *
read_notice(const char *name)
{
    g_autofree char *path = g_strdup_printf("golden/rewrite/%s.eml", name);
    g_autofree char *text = NULL;
    size_t len = 0;

    text = dsn_test_read(path, &len);
    return g_string_new_len(text, (gssize)len);
}

/* The first part of the result, transfer encodings undone, each text behind the other. */
static char *
dup_words(void)
{
    g_autoptr(DsnStructure) structure = dsn_structure_new();
    GString *message = fixture.rewritten.message;
    g_autoptr(GString) words = g_string_new(NULL);

    dsn_structure_scan(structure, (DsnSpan){message->str, message->len}, &DSN_LIMITS_DEFAULT);
    for (guint i = 1; i < structure->parts->len; i++) {
        const DsnPart *part = &g_array_index(structure->parts, DsnPart, i);

        if (part->parent == 0 && part->order > 0)
            break;
        if (!dsn_content_type_is(&part->type, "text", NULL))
            continue;
        ck_assert(dsn_transfer_decode(part->body, part->transfer, &DSN_LIMITS_DEFAULT, words));
    }
    return g_strdup(words->str);
}

static const char *
field(const char *name)
{
    for (guint i = 0; i < fixture.rewritten.fields->len; i++) {
        const DsnFieldChange *change = &g_array_index(fixture.rewritten.fields, DsnFieldChange, i);

        if (strcmp(change->name, name) == 0)
            return change->value;
    }
    return NULL;
}

static const char *const english[] = {"en", NULL};
static const char *const german[] = {"de", NULL};
static const char *const many[] = {"de", "ja", "en", "pl", NULL};

/* What Postfix can make, how it is worded, and texts that then stand in the words; golden: the
 * result is a file. */
static const struct Case {
    const char *name;
    const char *const *languages;
    bool all, html, confidential;
    const char *golden;
    const char *says[5];
    const char *never;
} cases[] = {
    {"failed", german, .html = true, .golden = "failed.de",
     .says = {"bad@isp.example", "5.1.1", "no such user here", "127.0.0.1", "mail.shop.example"},
     .never = "mta1.example.com"},
    {"failed", english, .confidential = true, .says = {"bad@isp.example"}, .never = "no such user"},
    {"several", english,
     .says = {"x+orig@isp.example", "5.2.2", "mailbox full", "bad@isp.example"}},
    {"eight-bit", many, .all = true, .html = true, .golden = "eight-bit.many",
     .says = {"konnte diesem", "bad@isp.example"}},
    {"delayed", english, .golden = "delayed.en",
     .says = {"slow@isp.example", "greylisted, try again later", "2026-11-26 22:11"}},
    {"delayed", german, .html = true, .says = {"Wir versuchen es bis 2026-11-26 22:11"}},
    {"delivered", german, .says = {"wurde diesem Empf\xc3\xa4nger zugestellt"}},
    {"relayed", german, .says = {"an das Mailsystem dieses Empf\xc3\xa4ngers weitergeleitet"}},
    {"expanded", german, .says = {"an die Mitglieder dieser Gruppenadresse"}},
    {"passed-on", german, .golden = "passed-on.de",
     .says = {"an die Mailsysteme dieser Empf\xc3\xa4nger", "local@shop.example",
              "ok@isp.example"}},
    {"utf8", german, .html = true, .golden = "utf8.de", .says = {"bad\xc3\xa4@isp.example"}},
    {"utf8-sender", english, .says = {"bad\xc3\xa4@isp.example"}},
};

static void
compare_golden(const char *name)
{
    const GString *message = fixture.rewritten.message;
    g_autofree char *path = g_strdup_printf("golden/rewrite/%s.eml", name);
    g_autofree char *expected = NULL;
    size_t len = 0;

    /* DSNARF_UPDATE names a folder that the notices are written to instead, for a person to look at
     * and to copy. */
    const char *update = g_getenv("DSNARF_UPDATE");
    if (update != NULL) {
        g_autofree char *file = g_strdup_printf("%s/%s.eml", update, name);
        ck_assert(g_file_set_contents(file, message->str, (gssize)message->len, NULL));
        return;
    }
    expected = dsn_test_read(path, &len);
    dsn_test_compare(__FILE__, __LINE__, message->str, message->len, expected, len, name);
}

START_TEST(what_postfix_makes)
{
    const struct Case *c = &cases[_i];
    g_autoptr(GString) message = read_notice(c->name);

    fixture.options.languages = c->languages;
    fixture.options.all_languages = c->all;
    fixture.options.html = c->html;
    fixture.options.confidential = c->confidential;
    ck_assert_msg(rewrite(message), "%s: %s", c->name, why());
    ck_assert_msg(!fixture.rewritten.minimal && fixture.rewritten.template_fault == NULL, "%s: %s",
                  c->name, fixture.rewritten.broken);
    ck_assert_str_eq(fixture.rewritten.language, c->languages[0]);
    ck_assert_str_eq(field("From"), " =?utf-8?b?QsO2aG0gJiBTw7ZobmU=?= <post@shop.example>");
    ck_assert_ptr_nonnull(field("Subject"));
    ck_assert_ptr_nonnull(field("References")); /* MIME-30 */
    ck_assert_ptr_null(field("Auto-Submitted"));

    g_autofree char *words = dup_words();
    for (size_t i = 0; i < G_N_ELEMENTS(c->says) && c->says[i] != NULL; i++)
        ck_assert_msg(strstr(words, c->says[i]) != NULL, "%s: %s\n%s", c->name, c->says[i], words);
    if (c->never != NULL)
        ck_assert_msg(strstr(words, c->never) == NULL, "%s: %s\n%s", c->name, c->never, words);
    if (c->golden != NULL)
        compare_golden(c->golden);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("notice-rewrite");
    TCase *tcase = tcase_create("rewrite");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, what_postfix_makes, 0, G_N_ELEMENTS(cases));
    suite_add_tcase(suite, tcase);
    return suite;
}
