/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/header.h"
#include "mime/lint.h"
#include "mime/report-parse.h"
#include "tests/support/rewrite.h"
#include "tests/support/unit.h"

#include <glib/gstdio.h>

#define NOW 1795299100

/* Of the notice "failed", and what follows from it for several texts. */
#define BOUNDARY "B3A8A9A1F80.1795299090/mta1.example.com"
#define INNER "=_5b5678e234a28dbfafc2fb1aa03c47f8"

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

/* The notice "failed" with one text in place of another, and what comes of it: an error, or texts
 * that stand in the result or, behind "!", do not. */
static const struct Change {
    const char *label, *before, *after, *error;
    const char *result[3];
    bool minimal;
} changes[] = {
    {"no third part", "\r\n--" BOUNDARY "\r\nContent-Description: Undelivered Message\r\n*",
     "\r\n--" BOUNDARY "--\r\n", .result = {"!is attached", "!In-Reply-To"}},
    {"no header in the first part",
     "Content-Description: Notification\r\nContent-Type: text/plain; charset=utf-8\r\n"
     "Content-Transfer-Encoding: 8bit\r\n",
     "", .result = {"is attached"}},
    {"LOOP-05: no Auto-Submitted", "Auto-Submitted: auto-replied\r\n", "",
     .result = {"\r\nAuto-Submitted: auto-replied\r\n"}},
    {"LOOP-05: the wrong one", "auto-replied", "auto-generated",
     .result = {"\r\nAuto-Submitted: auto-replied\r\n", "!auto-generated"}},
    {"MIME-30: no Message-ID to name", "Message-ID: <o1@shop.example>\r\n", "",
     .result = {"!References", "!In-Reply-To"}},
    {"References that are there", "MIME-Version: 1.0\r\n",
     "MIME-Version: 1.0\r\nREFERENCES: <x@y.example>\r\n",
     .result = {"\r\nReferences: <o1@shop.example>\r\nContent-Type", "!x@y.example"}},
    {"LF alone in the original", "Hi.\r\n", "Hi.\nHo.\r\n", .result = {"\r\nHi.\nHo.\r\n"}},
    {"CR alone in the original", "Hi.\r\n", "Hi.\rHo.\r\n", .result = {"\r\nHi.\rHo.\r\n"}},
    {"LF alone before the first part", "message.\r\n\r\n--" BOUNDARY "\r\n",
     "message.\r\n\r\n--" BOUNDARY "\n", .error = "does not follow a boundary line"},
    {"LF alone behind it", "\r\n--" BOUNDARY "\r\nContent-Description: Delivery report",
     "\r\n--" BOUNDARY "\nContent-Description: Delivery report",
     .error = "does not end at a boundary line"},
    {"no action", "Action: failed\r\n", "", .error = "Action: it is not the same"},
    {"RCPT-17: the boundary at the start of a line", "Diagnostic-Code: smtp; ",
     "Diagnostic-Code: smtp; --" BOUNDARY " ", .result = {"Content-Transfer-Encoding: base64"}},
    {"MIME-16: the boundary of the texts in the original", "Hi.\r\n", "--" INNER "\r\n",
     .result = {"!multipart/alternative"}, .minimal = true},
};

/* @text with @before replaced by @after; a '*' at the end of @before stands for all that follows.
 */
static void
replace(GString *text, const char *before, const char *after)
{
    size_t len = strlen(before);
    bool all = before[len - 1] == '*';
    g_autofree char *wanted = g_strndup(before, all ? len - 1 : len);
    const char *at = strstr(text->str, wanted);

    ck_assert_msg(at != NULL, "%s", before);
    size_t place = (size_t)(at - text->str);
    g_string_erase(text, (gssize)place, all ? -1 : (gssize)len);
    g_string_insert(text, (gssize)place, after);
}

START_TEST(other_frames)
{
    const struct Change *c = &changes[_i];
    g_autoptr(GString) message = read_notice("failed");

    fixture.options.languages = english;
    fixture.options.html = true;
    replace(message, c->before, c->after);
    bool made = rewrite(message);
    ck_assert_msg(made == (c->error == NULL), "%s: %s", c->label, why());
    if (!made) {
        ck_assert_msg(strstr(why(), c->error) != NULL, "%s: %s", c->label, why());
        return;
    }
    ck_assert_msg(fixture.rewritten.minimal == c->minimal, "%s", c->label);
    for (size_t i = 0; i < G_N_ELEMENTS(c->result) && c->result[i] != NULL; i++) {
        const char *text = c->result[i];
        bool never = *text == '!';

        ck_assert_msg((strstr(fixture.rewritten.message->str, text + never) != NULL) != never,
                      "%s: %s", c->label, text);
    }
}
END_TEST

/* A tenant's template, and what it makes of a remote host that answers with the boundary. */
static const struct {
    const char *text;
    bool fault;
} templates[] = {
    {"Subject: no\n\n{{ recipients[0].diagnostic }}\n", false},
    {"Subject: no\n\n{% if recipients[0].address == 'bad@isp.example' %}"
     "{{ nothing.at.all }}{% endif %}\n",
     true},
    {"Subject: no\n\n--" BOUNDARY "\nContent-Type: text/plain\n\n--" BOUNDARY "--\n", false},
};

START_TEST(a_tenants_template)
{
    g_autoptr(GString) message = read_notice("failed");
    g_autofree char *folder = g_dir_make_tmp("dsnarf-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(folder, "failed.en.txt", NULL);
    DsnCatalog *shipped = fixture.catalog;

    ck_assert(g_file_set_contents(file, templates[_i].text, -1, NULL));
    fixture.catalog = dsn_catalog_new(folder, &DSN_TEMPLATE_LIMITS_DEFAULT, &fixture.error);
    ck_assert_msg(fixture.catalog != NULL, "%s", why());
    fixture.options.catalog = fixture.catalog;
    fixture.options.languages = english;
    replace(message, "smtp; 550-5.1.1", "smtp; --" BOUNDARY);
    ck_assert_msg(rewrite(message), "%s", why());
    ck_assert(!fixture.rewritten.minimal);
    ck_assert((fixture.rewritten.template_fault != NULL) == templates[_i].fault);
    ck_assert((strcmp(field("Subject"), " no") == 0) != templates[_i].fault);
    dsn_catalog_free(shipped);
    ck_assert_int_eq(g_remove(file), 0);
    ck_assert_int_eq(g_rmdir(folder), 0);
}
END_TEST

/* In base64 a boundary of letters alone could come about by chance: then the notice stays. */
START_TEST(a_boundary_of_letters)
{
    g_autoptr(GString) message = read_notice("failed");

    fixture.options.languages = english;
    g_string_replace(message, BOUNDARY, "e", 0);
    ck_assert(!rewrite(message));
    ck_assert_str_eq(why(), "the boundary of the notice stands in the words");
}
END_TEST

/* UTF-8 stands in a header only where SMTPUTF8 is asked for: I18N-14. */
START_TEST(an_author_who_is_not_ascii)
{
    static const struct {
        const char *name, *from;
    } rows[] = {{"failed", NULL},
                {"utf8", " =?utf-8?b?QsO2aG0gJiBTw7ZobmU=?= <p\xc3\xb6st@shop.example>"}};
    g_autoptr(GString) message = read_notice(rows[_i].name);

    fixture.options.from = DSN_SPAN_LITERAL("p\xc3\xb6st@shop.example");
    ck_assert_msg(rewrite(message), "%s", why());
    ck_assert_pstr_eq(field("From"), rows[_i].from);
    fixture.options.from = DSN_SPAN_LITERAL("no mailbox");
    ck_assert(!rewrite(message));
    ck_assert_str_eq(why(), "From: it is no mailbox");
}
END_TEST

/* Without an address of the tenant's. */
START_TEST(the_default_author)
{
    g_autoptr(GString) message = read_notice("failed");

    fixture.options.from = fixture.options.from_display = DSN_SPAN_ABSENT;
    ck_assert_msg(rewrite(message), "%s", why());
    ck_assert_str_eq(field("From"), " Mail Delivery System <mailer-daemon@mail.shop.example>");
}
END_TEST

START_TEST(many_recipients)
{
    g_autoptr(GString) message = read_notice("delivered");
    g_autoptr(GString) groups = g_string_new(NULL);

    for (int i = 0; i < 300; i++)
        g_string_append_printf(groups,
                               "Final-Recipient: rfc822; r%d@isp.example\r\n"
                               "Original-Recipient: rfc822;r%d@isp.example\r\n"
                               "Action: delivered\r\nStatus: 2.0.0\r\n\r\n",
                               i, i);
    replace(message, "Final-Recipient", groups->str);
    replace(message, "\r\n\r\n: rfc822; local", "\r\n\r\nFinal-Recipient: rfc822; local");
    fixture.options.languages = english;
    ck_assert_msg(rewrite(message), "%s", why());
    ck_assert_uint_eq(fixture.report->per_recipient->len, 301);
    g_autofree char *words = dup_words();
    ck_assert_ptr_nonnull(strstr(words, "r0@isp.example"));
    ck_assert_ptr_null(strstr(words, "r299@isp.example"));
    replace(message, "Action: delivered", "Action: delayed");
    ck_assert(!rewrite(message));
}
END_TEST

/* A large original is neither looked into nor copied more than once. */
START_TEST(a_large_original)
{
    g_autoptr(GString) message = read_notice("failed");
    g_autoptr(GString) lines = g_string_new(NULL);
    DsnLimits limits = DSN_LIMITS_DEFAULT;

    for (int i = 0; i < 100000; i++)
        g_string_append(lines, "--B3A8A9A1F80, and what else an original may hold\r\n");
    replace(message, "Hi.\r\n", lines->str);
    limits.message = message->len; /* the result is larger than what came */
    fixture.options.limits = &limits;
    fixture.options.html = true;
    ck_assert_msg(rewrite(message), "%s", why());
    ck_assert(!fixture.rewritten.minimal);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("notice-rewrite");
    TCase *tcase = tcase_create("rewrite");

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, what_postfix_makes, 0, G_N_ELEMENTS(cases));
    tcase_add_loop_test(tcase, other_frames, 0, G_N_ELEMENTS(changes));
    tcase_add_loop_test(tcase, a_tenants_template, 0, G_N_ELEMENTS(templates));
    tcase_add_test(tcase, a_boundary_of_letters);
    tcase_add_loop_test(tcase, an_author_who_is_not_ascii, 0, 2);
    tcase_add_test(tcase, the_default_author);
    tcase_add_test(tcase, many_recipients);
    tcase_add_test(tcase, a_large_original);
    suite_add_tcase(suite, tcase);
    return suite;
}
