/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/catalog-private.h"
#include "templates/samples.h"
#include "templates/tree.h"
#include "tests/support/unit.h"

static const DsnTemplateLimits *const limits = &DSN_TEMPLATE_LIMITS_DEFAULT;

/* The languages that are shipped. */
static const char *const languages[] = {"en", "de", "es", "fr",    "it",     "ja",
                                        "nl", "pl", "pt", "pt-BR", "zh-Hans"};

static DsnCatalog *
shipped(void)
{
    g_autoptr(GError) error = NULL;
    DsnCatalog *catalog = dsn_catalog_new(NULL, limits, &error);

    ck_assert_msg(catalog != NULL, "%s", error == NULL ? "" : error->message);
    return catalog;
}

START_TEST(ships_these_languages)
{
    g_autoptr(DsnCatalog) catalog = shipped();
    const char *const *known = dsn_catalog_languages(catalog);

    ck_assert_uint_eq(g_strv_length((char **)known), G_N_ELEMENTS(languages));
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++)
        ck_assert_msg(g_strv_contains(known, languages[i]), "%s", languages[i]);
    ck_assert_str_eq(known[0], "en");
}
END_TEST

/* rules STAT-06, STAT-07: each registered code has a sentence of its own language, and no other
 * code has one */
START_TEST(explains_every_registered_code)
{
    static const unsigned last[] = {0, 10, 4, 6, 8, 6, 10, 30}; /* detail of each subject */
    g_autoptr(DsnCatalog) catalog = shipped();
    const DsnPhrases *phrases = dsn_catalog_phrases(catalog, languages[_i]);
    const DsnPhrases *english = dsn_catalog_phrases(catalog, "en");
    size_t n = 0;

    for (unsigned subject = 0; subject < G_N_ELEMENTS(last); subject++) {
        for (unsigned detail = 0; detail <= last[subject]; detail++, n++) {
            g_autofree char *key = g_strdup_printf("X.%u.%u", subject, detail);
            const char *text = json_string_value(json_object_get(phrases->codes, key));

            ck_assert_msg(text != NULL, "%s: %s", languages[_i], key);
            ck_assert_msg(g_str_has_suffix(text, ".") || g_str_has_suffix(text, "。"), "%s: %s: %s",
                          languages[_i], key, text);
            ck_assert_msg(phrases == english ||
                              strcmp(text, json_string_value(json_object_get(english->codes, key))),
                          "%s: %s is English", languages[_i], key);
        }
    }
    ck_assert_uint_eq(json_object_size(phrases->codes), n);
}
END_TEST

/* rule STAT-03: unknown details and subjects */
static const struct {
    const char *status, *key;
} explained[] = {
    {"5.1.1", "X.1.1"},
    {"4.2.2", "X.2.2"},
    {"5.7.30", "X.7.30"},
    {"5.1.99", "X.1.0"},
    {"5.7.999", "X.7.0"},
    {"5.9.1", "X.0.0"},
    {"5.999.999", "X.0.0"},
    {"", "X.0.0"},
    {"5.1", "X.1.0"},
    {"x.1.1", "X.0.0"},
    {"5.99999999999999999999.1", "X.0.0"},
    {"5.1.99999999999999999999", "X.1.0"},
    {"2.1.5", "X.1.5"},
    {"2.1.9", "X.1.9"},
};

START_TEST(explains_codes_as_the_next_known)
{
    g_autoptr(DsnCatalog) catalog = shipped();
    const DsnPhrases *phrases = dsn_catalog_phrases(catalog, "de");

    ck_assert_ptr_eq(dsn_phrases_explain(phrases, explained[_i].status),
                     json_object_get(phrases->codes, explained[_i].key));
    ck_assert_ptr_eq(dsn_phrases_explain(phrases, "2.1.1"),
                     json_object_get(phrases->say, "no_problem"));
}
END_TEST

static size_t
count_places(const char *text)
{
    size_t n = 0;

    for (; (text = strstr(text, "{}")) != NULL; text += 2)
        n++;
    return n;
}

/* What is said in English is said in each language, in the same form. */
START_TEST(says_everything_in_every_language)
{
    g_autoptr(DsnCatalog) catalog = shipped();
    json_t *say = dsn_catalog_phrases(catalog, languages[_i])->say, *value;
    const char *key;

    ck_assert_uint_eq(json_object_size(say),
                      json_object_size(dsn_catalog_phrases(catalog, "en")->say));
    json_object_foreach(dsn_catalog_phrases(catalog, "en")->say, key, value)
    {
        json_t *own = json_object_get(say, key), *point;
        size_t i;

        ck_assert_msg(own != NULL && json_typeof(own) == json_typeof(value), "%s: %s",
                      languages[_i], key);
        if (json_is_string(own)) {
            ck_assert_msg(count_places(json_string_value(own)) ==
                              count_places(json_string_value(value)),
                          "%s: %s", languages[_i], key);
            continue;
        }
        ck_assert_uint_eq(json_array_size(own), json_array_size(value));
        json_array_foreach(own, i, point)
            ck_assert_msg(g_str_has_suffix(json_string_value(point), ".") ||
                              g_str_has_suffix(json_string_value(point), "。"),
                          "%s: %s", languages[_i], key);
    }
}
END_TEST

/* Columns of a line on a screen. */
static size_t
columns(const char *line)
{
    size_t sum = 0;

    for (; *line != '\0'; line = g_utf8_next_char(line)) {
        gunichar c = g_utf8_get_char(line);

        sum += g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
    }
    return sum;
}

static void
check_text(const char *label, const DsnWording *wording)
{
    g_auto(GStrv) lines = g_strsplit(wording->text->str, "\n", -1);
    const char *subject = wording->subject->str;

    ck_assert_msg(columns(subject) <= 78, "%s: a long subject: %s", label, subject);
    ck_assert_msg(g_str_has_suffix(wording->text->str, "\n") &&
                      !g_str_has_suffix(wording->text->str, "\n\n"),
                  "%s: %s", label, wording->text->str);
    ck_assert_msg(strstr(wording->text->str, "\n\n\n") == NULL, "%s: %s", label,
                  wording->text->str);
    ck_assert_msg(strstr(wording->text->str, "undefined") == NULL, "%s", label);
    ck_assert_msg(strstr(wording->text->str, "none") == NULL, "%s", label);
    ck_assert_msg(strstr(wording->text->str, "{}") == NULL, "%s", label);
    for (char **line = lines; *line != NULL; line++) {
        ck_assert_msg(columns(*line) <= 76, "%s: more than 76 columns: %s", label, *line);
        ck_assert_msg(!g_str_has_suffix(*line, " "), "%s: a blank at the end: \"%s\"", label,
                      *line);
    }
}

/* Outside of tags no name or address is in one piece, and nothing of others is a tag. */
static void
check_page(const char *label, const DsnWording *wording)
{
    static const char *const never[] = {"<script",      "<b>",          "<a",        "href",
                                        "src=",         "http://",      "https://",  "url(",
                                        "evil.example", "@evil",        "www.evil",  "onerror",
                                        "</script",     "<link",        "<img",      "<style",
                                        "mx.example.n", "user@example", "undefined", "{}"};
    const char *html = wording->html->str, *body = strstr(html, "<body");
    g_autofree char *lang = g_strdup_printf("<html lang=\"%s\">", wording->language);

    ck_assert_msg(g_str_has_prefix(html, "<!DOCTYPE html>\n"), "%s", label);
    ck_assert_msg(strstr(html, lang) != NULL, "%s: no %s", label, lang);
    ck_assert_msg(g_str_has_suffix(html, "</body>\n</html>\n"), "%s", label);
    ck_assert_ptr_nonnull(body);
    for (size_t i = 0; i < G_N_ELEMENTS(never); i++)
        ck_assert_msg(strstr(body, never[i]) == NULL, "%s: %s in %s", label, never[i], body);
    ck_assert_msg(strstr(html, "<script") == NULL, "%s", label);
}

/* Every topic, class, language and sample. */
START_TEST(renders_every_combination)
{
    g_autoptr(DsnCatalog) catalog = shipped();
    const char *language = languages[_i];

    for (int n = 0; n < DSN_N_TOPICS * DSN_N_FAILURES * DSN_N_SAMPLES; n++) {
        DsnTopic topic = (DsnTopic)(n % DSN_N_TOPICS);
        DsnFailureClass failure = (DsnFailureClass)(n / DSN_N_TOPICS % DSN_N_FAILURES);
        DsnSampleKind kind = (DsnSampleKind)(n / DSN_N_TOPICS / DSN_N_FAILURES);
        json_auto_t *context = dsn_sample_context(topic, failure, kind);
        const DsnTemplateInput input = {context, NULL, NULL};
        g_autofree char *label =
            g_strdup_printf("%s.%s.%s %d", dsn_topic_to_string(topic),
                            dsn_failure_to_string(failure), language, (int)kind);
        g_auto(DsnWording) wording = {0};
        g_autoptr(GError) error = NULL;

        dsn_wording_init(&wording);
        ck_assert_msg(dsn_catalog_word(catalog, topic, failure, language, true, false, &input,
                                       &wording, &error),
                      "%s: %s", label, error == NULL ? "" : error->message);
        ck_assert_str_eq(wording.language, language);
        if (kind != DSN_SAMPLE_HOSTILE)
            check_text(label, &wording);
        check_page(label, &wording);
    }
}
END_TEST

/* In plain words first: what, to whom, why and what to do, and only then the protocol. */
START_TEST(says_it_in_this_order)
{
    static const char *const parts[] = {"could not be delivered",
                                        "user@example.net",
                                        "There is no mailbox",
                                        "this is how the other",
                                        "What you can do",
                                        "one wrong letter",
                                        "is attached",
                                        "Technical details",
                                        "5.1.1\n"};
    g_autoptr(DsnCatalog) catalog = shipped();
    json_auto_t *context =
        dsn_sample_context(DSN_TOPIC_FAILED, DSN_FAILURE_ADDRESS, DSN_SAMPLE_FULL);
    const DsnTemplateInput input = {context, NULL, NULL};
    g_auto(DsnWording) wording = {0};

    dsn_wording_init(&wording);
    ck_assert(dsn_catalog_word(catalog, DSN_TOPIC_FAILED, DSN_FAILURE_ADDRESS, "en", false, false,
                               &input, &wording, NULL));
    ck_assert_str_eq(wording.html->str, "");
    const char *at = wording.text->str;
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        const char *found = strstr(at, parts[i]);

        ck_assert_msg(found != NULL, "\"%s\" is not in: %s", parts[i], at);
        at = found;
    }
}
END_TEST

/* The recipient is named as the sender wrote it, if that is an address; others say anything. */
static const struct {
    const char *original, *shown;
} written[] = {
    {NULL, "\n  user@example.net\n"},
    {"Jane+Shop@customer.example", "\n  Jane+Shop@customer.example\n"},
    {"j\u00e4ne@b\u00fccher.example", "\n  j\u00e4ne@b\u00fccher.example\n"},
    {"Call me @ home", "\n  user@example.net\n"},
    {"https://evil.example/", "\n  user@example.net\n"},
    {"", "\n  user@example.net\n"},
};

START_TEST(names_whom_the_sender_wrote_to)
{
    g_autoptr(DsnCatalog) catalog = shipped();
    json_auto_t *context =
        dsn_sample_context(DSN_TOPIC_FAILED, DSN_FAILURE_ADDRESS, DSN_SAMPLE_FULL);
    json_t *recipient = json_array_get(json_object_get(context, "recipients"), 0);
    const DsnTemplateInput input = {context, NULL, NULL};
    g_auto(DsnWording) wording = {0};

    if (written[_i].original != NULL)
        json_object_set_new(recipient, "original", json_string(written[_i].original));
    dsn_wording_init(&wording);
    ck_assert(dsn_catalog_word(catalog, DSN_TOPIC_FAILED, DSN_FAILURE_ADDRESS, "en", true, false,
                               &input, &wording, NULL));
    ck_assert_msg(strstr(wording.text->str, written[_i].shown) != NULL, "%s", wording.text->str);
    /* Where it went stands in the details, whatever the sender wrote. */
    ck_assert_ptr_nonnull(strstr(wording.text->str, "\n  recipient: user@example.net\n"));
    ck_assert_ptr_null(strstr(wording.text->str, "evil"));
    ck_assert_ptr_null(strstr(wording.html->str, "evil"));
}
END_TEST

/* Each class of failure has advice of its own. */
START_TEST(advises_by_class)
{
    g_autoptr(DsnCatalog) catalog = shipped();
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (int i = 0; i < DSN_N_FAILURES; i++) {
        json_auto_t *context =
            dsn_sample_context(DSN_TOPIC_FAILED, (DsnFailureClass)i, DSN_SAMPLE_SPARSE);
        const DsnTemplateInput input = {context, NULL, NULL};
        g_auto(DsnWording) wording = {0};

        dsn_wording_init(&wording);
        ck_assert(dsn_catalog_word(catalog, DSN_TOPIC_FAILED, (DsnFailureClass)i, languages[_i],
                                   false, false, &input, &wording, NULL));
        const char *advice = strstr(wording.text->str, "\n  - ");
        ck_assert_ptr_nonnull(advice);
        g_autofree char *points = g_strndup(advice, strcspn(advice + 1, "X"));
        char *details = strstr(points, "\n\n");
        if (details != NULL)
            *details = '\0';
        ck_assert_msg(g_hash_table_add(seen, g_steal_pointer(&points)), "%s: %s", languages[_i],
                      dsn_failure_to_string((DsnFailureClass)i));
    }
}
END_TEST

/*
 * The filters of notices.
 */

static const struct {
    const char *label, *template_, *text;
} filters[] = {
    {"lines", "{{ 'one two three' | fill(7) }}", "one two\nthree"},
    {"blanks between words are one", "{{ ' one   two ' | fill(20) }}", "one two"},
    {"line ends stay", "{{ 'one\ntwo' | fill(20, '> ') }}", "> one\n> two"},
    {"lead and hang", "{{ 'one two' | fill(6, '- ', '  ') }}", "- one\n  two"},
    {"a long word is cut", "{{ 'a bcdefgh' | fill(4) }}", "a\nbcde\nfgh"},
    {"no width but one character", "{{ 'ab' | fill(2, '>>>') }}", ">>>a\n>>>b"},
    {"wide characters", "{{ '配信できませんでした' | fill(8) }}", "配信でき\nませんで\nした"},
    {"no mark begins a line", "{{ '配信でき。ません' | fill(8) }}", "配信で\nき。ませ\nん"},
    {"no bracket ends a line", "{{ '配信（でき）' | fill(6) }}", "配信\n（で\nき）"},
    {"words among wide characters", "{{ '配信user@a.example配信' | fill(16) }}",
     "配信\nuser@a.example配\n信"},
    {"marks of accents take no place", "{{ 'e\xcc\x81o\xcc\x81 a' | fill(4) }}",
     "e\xcc\x81o\xcc\x81 a"},
    {"a no-break space holds", "{{ 'un mot\xc2\xa0: a' | fill(7) }}", "un\nmot\xc2\xa0: a"},
    {"nothing", "{{ nosuch | fill }}{{ '' | fill }}", ""},
    {"a date", "{{ 'Tue, 1 Jul 2003 08:52:37 +0000' | numeric_date }}", "2003-07-01 08:52:37 UTC"},
    {"a date in a zone", "{{ '31 Dec 2026 23:59:59 +0100' | numeric_date }}",
     "2026-12-31 23:59:59 +0100"},
    {"no date", "{{ 'soon' | numeric_date }}", "soon"},
    {"no month", "{{ 'Tue, 1 anF 2003 08:52:37 +0000' | numeric_date }}",
     "Tue, 1 anF 2003 08:52:37 +0000"},
    {"no day", "{{ 'Tue, x Jul 2003 08:52:37 +0000' | numeric_date }}",
     "Tue, x Jul 2003 08:52:37 +0000"},
    {"no text", "{{ nosuch | numeric_date }}", ""},
};

START_TEST(filters_for_notices)
{
    const DsnTemplateInput input = {NULL, NULL, NULL};
    const char *source = filters[_i].template_;
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnTemplate) template_ =
        dsn_template_compile("row", 1, source, strlen(source), DSN_TEMPLATE_KUMO, limits, &error);

    ck_assert_msg(template_ != NULL, "%s: %s", filters[_i].label,
                  error == NULL ? "" : error->message);
    ck_assert_msg(dsn_template_render(template_, &input, limits, text, &error), "%s: %s",
                  filters[_i].label, error == NULL ? "" : error->message);
    ck_assert_msg(strcmp(text->str, filters[_i].text) == 0, "%s: %s", filters[_i].label, text->str);
}
END_TEST

START_TEST(a_line_has_some_width)
{
    const DsnTemplateInput input = {NULL, NULL, NULL};
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnTemplate) template_ =
        dsn_template_compile("row", 1, "{{ 'a' | fill(1) }}", 19, DSN_TEMPLATE_KUMO, limits, NULL);

    ck_assert(!dsn_template_render(template_, &input, limits, text, &error));
    ck_assert_str_eq(error->message, "row:1:10: lines need a width of at least 2");
}
END_TEST

/* What others wrote, printed in a page. */
static const struct {
    const char *value, *html;
} foreign[] = {
    {"<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;&#x2f;<wbr>script&gt;"},
    {"\" onclick='x'", "&quot; onclick=&#x27;x&#x27;"},
    {"a & b", "a &amp; b"},
    {"javascript:alert", "javascript:<wbr>alert"},
    {"http://a.example/", "http:<wbr>&#x2f;<wbr>&#x2f;<wbr>a.<wbr>example&#x2f;"},
    {"user@a.example", "user@<wbr>a.<wbr>example"},
    {"An end. And a colon: so", "An end. And a colon: so"},
    {"<wbr>", "&lt;wbr&gt;"},
    {"{{ 7 * 7 }}", "{{ 7 * 7 }}"},
    {"", ""},
};

START_TEST(what_others_wrote_is_inert)
{
    json_auto_t *context = json_pack("{s:s}", "x", foreign[_i].value);
    const DsnTemplateInput input = {context, NULL, NULL};
    static const char source[] = "{% set y %}{{ x }}{% endset %}{{ x }}|{{ y }}";
    DsnTemplateFlags flags = DSN_TEMPLATE_KUMO | DSN_TEMPLATE_AUTOESCAPE | DSN_TEMPLATE_INERT;
    g_autofree char *wanted = g_strdup_printf("%s|%s", foreign[_i].html, foreign[_i].html);
    g_autoptr(GString) html = g_string_new(NULL);
    g_autoptr(DsnTemplate) template_ =
        dsn_template_compile("row", 1, source, strlen(source), flags, limits, NULL);

    ck_assert(dsn_template_render(template_, &input, limits, html, NULL));
    ck_assert_str_eq(html->str, wanted);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("words");
    TCase *tc = tcase_create("core");

    tcase_add_test(tc, ships_these_languages);
    tcase_add_loop_test(tc, explains_every_registered_code, 0, G_N_ELEMENTS(languages));
    tcase_add_loop_test(tc, explains_codes_as_the_next_known, 0, G_N_ELEMENTS(explained));
    tcase_add_loop_test(tc, says_everything_in_every_language, 0, G_N_ELEMENTS(languages));
    tcase_add_loop_test(tc, renders_every_combination, 0, G_N_ELEMENTS(languages));
    tcase_add_test(tc, says_it_in_this_order);
    tcase_add_loop_test(tc, names_whom_the_sender_wrote_to, 0, G_N_ELEMENTS(written));
    tcase_add_loop_test(tc, advises_by_class, 0, G_N_ELEMENTS(languages));
    tcase_add_loop_test(tc, filters_for_notices, 0, G_N_ELEMENTS(filters));
    tcase_add_test(tc, a_line_has_some_width);
    tcase_add_loop_test(tc, what_others_wrote_is_inert, 0, G_N_ELEMENTS(foreign));
    suite_add_tcase(suite, tc);
    return suite;
}
