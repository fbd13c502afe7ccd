/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/catalog.h"
#include "templates/samples.h"
#include "tests/support/unit.h"

#include <glib/gstdio.h>
#include <unistd.h>

static const DsnTemplateLimits *const limits = &DSN_TEMPLATE_LIMITS_DEFAULT;

/* A directory that goes with the test. */
typedef struct Directory {
    char *path;
} Directory;

static void
directory_clear(Directory *directory)
{
    g_autoptr(GDir) dir = g_dir_open(directory->path, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(directory->path, name, NULL);

        (void)g_remove(path); /* what stays keeps the directory, which then fails below */
    }
    ck_assert_int_eq(g_rmdir(directory->path), 0);
    g_free(directory->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Directory, directory_clear)

static void
directory_init(Directory *directory)
{
    directory->path = g_dir_make_tmp("dsnarf-catalog-XXXXXX", NULL);
    ck_assert_ptr_nonnull(directory->path);
}

static void
add_file(const Directory *directory, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(directory->path, name, NULL);

    ck_assert(g_file_set_contents(path, text, -1, NULL));
}

/* A catalog in which nothing may be wrong. */
static DsnCatalog *
load(const DsnCatalog *base, const Directory *directory)
{
    g_autoptr(GString) faults = g_string_new(NULL);
    DsnCatalog *catalog = dsn_catalog_new_over(base, directory->path, limits, faults);

    ck_assert_str_eq(faults->str, "");
    return catalog;
}

/* A catalog of one directory with one file. */
static DsnCatalog *
load_one(const char *name, const char *text)
{
    g_auto(Directory) directory = {0};

    directory_init(&directory);
    add_file(&directory, name, text);
    return load(NULL, &directory);
}

/* The words of @topic about a sample. */
static void
word(const DsnCatalog *catalog, DsnTopic topic, DsnFailureClass failure, const char *language,
     DsnWording *wording)
{
    json_auto_t *context = dsn_sample_context(topic, failure, DSN_SAMPLE_FULL);
    const DsnTemplateInput input = {context, NULL, NULL};
    g_autoptr(GError) error = NULL;

    dsn_wording_init(wording);
    bool done =
        dsn_catalog_word(catalog, topic, failure, language, true, false, &input, wording, &error);
    ck_assert_msg(done, "%s", error == NULL ? "" : error->message);
}

/*
 * Faults.
 */

static const struct {
    const char *label, *name, *text;
    const char *message; /* how the fault ends, behind the directory */
} bad[] = {
    {"no subject", "failed.en.txt", "\nbody",
     "/failed.en.txt:1:1: there is no line \"Subject: ...\""},
    {"empty file", "failed.en.txt", "", "/failed.en.txt:1:1: there is no line \"Subject: ...\""},
    {"empty subject", "failed.en.txt", "Subject: \n\nbody",
     "/failed.en.txt:1:1: the subject is empty"},
    {"subject that is empty where little is known", "failed.en.txt",
     "Subject: {{ original.subject }}\n\nbody", "/failed.en.txt:1:1: the subject is empty"},
    {"no body", "failed.en.txt", "Subject: x\n",
     "/failed.en.txt:2:1: there is no text behind an empty line"},
    {"another header", "expired.en.txt", "Subject: x\nFrom: y\n\nbody",
     "/expired.en.txt:2:1: before the empty line stands only \"Subject: ...\", not: From: y"},
    {"two subjects", "failed.en.txt", "Subject: x\nSubject: y\n\nbody",
     "/failed.en.txt:2:1: a second subject"},
    {"fault in the subject", "failed.en.txt", "Subject:  a{{ b | uper }}\n\nbody",
     "/failed.en.txt:1:19: unknown filter \"uper\", did you mean \"upper\"?"},
    {"fault in the body", "failed.en.txt", "Subject: x\n\na\n{{ b | uper }}",
     "/failed.en.txt:4:8: unknown filter \"uper\", did you mean \"upper\"?"},
    {"fault only when rendered", "failed.en.txt", "Subject: x\n\n{{ nosuch.name }}",
     "/failed.en.txt:3:11: attribute \"name\" of an undefined value"},
    {"fault only where little is known", "failed.en.txt",
     "Subject: x\n\n{{ original.subject | length }}",
     "/failed.en.txt:3:23: an undefined value has no length"},
    {"misspelt topic", "fialed.en.txt", "Subject: x\n\nbody", "; did you mean \"failed\"?"},
    {"unknown class", "failed.polisy.en.txt", "Subject: x\n\nbody", "and LANGUAGE.words"},
    {"class of no name", "failed.other.en.txt", "Subject: x\n\nbody", "and LANGUAGE.words"},
    {"no language", "failed.1.txt", "Subject: x\n\nbody", "and LANGUAGE.words"},
    {"too many parts", "failed.policy.x.en.txt", "Subject: x\n\nbody", "and LANGUAGE.words"},
    {"no layout", "layuot.txt", "Subject: x\n\nbody", "and LANGUAGE.words"},
    {"another ending", "failed.en.md", "x", "and LANGUAGE.words"},
    {"a copy of an editor", "failed.en.txt~", "x", "and LANGUAGE.words"},
    {"no UTF-8", "failed.en.txt", "Subject: x\n\nab\xff",
     "/failed.en.txt:3:3: this is not UTF-8 text"},
    {"a page alone", "failed.en.html", "<p>",
     "failed.en.html: there is no .txt beside it that can be used"},
    {"a page of a class alone", "failed.full.en.html", "<p>",
     "failed.full.en.html: there is no .txt beside it that can be used"},
    {"a page with a subject", "layout.html", "Subject: x\n\n<p>",
     "/layout.html:1:1: the subject stands in the .txt file"},
    {"a page that would not escape", "layout.html", "{{ sender | safe }}",
     "/layout.html:1:13: unknown filter \"safe\""},
    {"a page that would not escape by name", "layout.html", "{{ recipients | map('safe') }}",
     "/layout.html:1:21: unknown filter \"safe\""},
    {"a page that would not escape a part", "layout.html",
     "{% autoescape false %}{{ sender }}{% endautoescape %}",
     "/layout.html:1:4: everything is escaped here, autoescape is not known"},
    {"a layout that fails for one topic", "layout.txt",
     "Subject: x\n\n{% if topic == 'late' %}{{ a.b }}{% endif %}",
     "/layout.txt:3:30: attribute \"b\" of an undefined value"},
    {"a layout that fails for one class", "layout.txt",
     "Subject: x\n\n{% if failure == 'policy' %}{{ a.b }}{% endif %}",
     "/layout.txt:3:34: attribute \"b\" of an undefined value"},
    {"a phrase of no name", "en.words", "faild_one: x\n",
     "/en.words:1:1: there is no phrase \"faild_one\", did you mean \"failed_one\"?"},
    {"no phrase", "en.words", "# remark\n\njust words\n",
     "/en.words:3:1: a phrase is \"key: text\", goes on behind blanks, and # begins a remark"},
    {"a phrase said twice", "en.words", "help: a\nhelp: b\n",
     "/en.words:2:1: \"help\" was said before"},
    {"nothing said", "en.words", "help:\n", "/en.words:1:1: \"help\" says nothing"},
    {"a code without words", "en.words", "X.1.1:\n", "/en.words:1:1: \"X.1.1\" says nothing"},
    {"a place too few", "de.words", "subject_failed: Kaputt\n",
     "/de.words:1:1: \"subject_failed\" has 0 places {} to fill in, it needs 1"},
    {"a place too many", "de.words", "help: a\n  b {}\n",
     "/de.words:1:1: \"help\" has 1 places {} to fill in, it needs 0"},
    {"a template", "de.words", "help: {{ sender }}\n",
     "/de.words:1:1: a place to fill in is written {}, and no other brace stands here"},
    {"words that are no UTF-8", "de.words", "help: a\n\xff",
     "/de.words:2:1: this is not UTF-8 text"},
    {"a language of its own without all words", "sv.words", "X.0.0: Ingen uppgift.\n",
     "/sv.words:1:1: no words of this language are known, so all are needed; missing: "
     "subject_failed, subject_expired, subject_delayed, subject_delivered, subject_relayed, "
     "subject_expanded, subject_late, your_message, failed_one, failed_many, expired_one, "
     "expired_many, delayed_one, delayed_many, X.1.0, X.2.0, X.3.0, X.4.0, X.5.0, X.6.0, X.7.0"},
};

/* What is broken is left out, told, and stood in for. */
START_TEST(leaves_bad_files_out)
{
    g_auto(Directory) directory = {0};
    g_auto(DsnWording) plain = {0}, wording = {0};
    g_autoptr(GString) faults = g_string_new(NULL);
    g_autoptr(DsnCatalog) shipped = dsn_catalog_new(NULL, limits, NULL);
    g_autoptr(GError) error = NULL;

    directory_init(&directory);
    add_file(&directory, bad[_i].name, bad[_i].text);
    g_autoptr(DsnCatalog) catalog = dsn_catalog_new_over(NULL, directory.path, limits, faults);
    g_autofree char *line = g_strdup_printf("%s\n", bad[_i].message);
    ck_assert_msg(g_str_has_suffix(faults->str, line), "%s: %s", bad[_i].label, faults->str);
    ck_assert_msg(strchr(faults->str, '\n') == faults->str + faults->len - 1, "%s: %s",
                  bad[_i].label, faults->str);
    word(shipped, DSN_TOPIC_FAILED, DSN_FAILURE_POLICY, "en", &plain);
    word(catalog, DSN_TOPIC_FAILED, DSN_FAILURE_POLICY, "en", &wording);
    ck_assert_str_eq(wording.text->str, plain.text->str);
    ck_assert_str_eq(wording.html->str, plain.html->str);
    ck_assert_ptr_null(dsn_catalog_new(directory.path, limits, &error));
    ck_assert_msg(g_str_has_suffix(error->message, bad[_i].message), "%s", error->message);
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_told)
{
    g_autoptr(GString) faults = g_string_new(NULL);
    g_autoptr(DsnCatalog) catalog =
        dsn_catalog_new_over(NULL, "/nonexistent/templates", limits, faults);
    g_auto(DsnWording) wording = {0};

    ck_assert_str_eq(faults->str, "/nonexistent/templates: No such file or directory\n");
    word(catalog, DSN_TOPIC_FAILED, DSN_FAILURE_OTHER, "en", &wording);
}
END_TEST

START_TEST(a_pipe_is_not_waited_for)
{
    g_auto(Directory) directory = {0};
    g_auto(DsnWording) wording = {0};
    g_autoptr(GString) faults = g_string_new(NULL);

    directory_init(&directory);
    g_autofree char *path = g_build_filename(directory.path, "failed.en.txt", NULL);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    g_autoptr(DsnCatalog) catalog = dsn_catalog_new_over(NULL, directory.path, limits, faults);
    ck_assert_ptr_nonnull(catalog);
    ck_assert_ptr_nonnull(strstr(faults->str, "this is no plain file"));
    word(catalog, DSN_TOPIC_FAILED, DSN_FAILURE_OTHER, "en", &wording);
}
END_TEST

START_TEST(a_link_to_nothing_is_told)
{
    g_auto(Directory) directory = {0};
    g_auto(DsnWording) wording = {0};
    g_autoptr(GString) faults = g_string_new(NULL);

    directory_init(&directory);
    g_autofree char *path = g_build_filename(directory.path, "failed.en.txt", NULL);
    g_autofree char *wanted = g_strdup_printf("%s: No such file or directory\n", path);
    ck_assert_int_eq(symlink("nowhere", path), 0);
    g_autoptr(DsnCatalog) catalog = dsn_catalog_new_over(NULL, directory.path, limits, faults);
    ck_assert_ptr_nonnull(catalog);
    ck_assert_str_eq(faults->str, wanted);
    word(catalog, DSN_TOPIC_FAILED, DSN_FAILURE_OTHER, "en", &wording);
}
END_TEST

START_TEST(a_zero_byte_and_a_large_file_are_told)
{
    g_auto(Directory) directory = {0};
    g_auto(DsnWording) wording = {0};
    g_autoptr(GString) faults = g_string_new(NULL), large = g_string_new("Subject: x\n\n");

    directory_init(&directory);
    g_autofree char *zero = g_build_filename(directory.path, "failed.en.txt", NULL);
    while (large->len <= limits->source)
        g_string_append(large, "A line of a text that is much too long.\n");
    add_file(&directory, "late.en.txt", large->str);
    ck_assert(g_file_set_contents(zero, "Subject: x\n\na\0b", 15, NULL));
    g_autoptr(DsnCatalog) catalog = dsn_catalog_new_over(NULL, directory.path, limits, faults);
    ck_assert_ptr_nonnull(catalog);
    g_autofree char *wanted = g_strdup_printf(
        "%s:1:1: this is no text, it has a zero byte\n%s/late.en.txt:1:1: this file is too large\n",
        zero, directory.path);
    ck_assert_str_eq(faults->str, wanted);
    word(catalog, DSN_TOPIC_FAILED, DSN_FAILURE_OTHER, "en", &wording);
}
END_TEST

/*
 * What is used for what.
 */

static void
expect_source(const DsnCatalog *catalog, DsnTopic topic, DsnFailureClass failure,
              const char *language, const char *wanted)
{
    g_autofree char *source = dsn_catalog_source(catalog, topic, failure, language);

    ck_assert_msg(g_str_has_suffix(source, wanted), "%s for %s", source, wanted);
}

#define TEXT "Subject: own\n\nown\n"

START_TEST(finds_the_nearest)
{
    g_auto(Directory) all = {0}, one = {0};

    directory_init(&all);
    add_file(&all, "failed.en.txt", TEXT);
    add_file(&all, "FAILED.Policy.de.TXT", TEXT);
    add_file(&all, "delayed.de.txt", TEXT);
    add_file(&all, "delayed.de-at.txt", TEXT);
    add_file(&all, "late.sv.txt", TEXT);
    directory_init(&one);
    add_file(&one, "delayed.de.txt", TEXT);
    add_file(&one, "es.words", "help: ayuda\n");
    g_autoptr(DsnCatalog) base = load(NULL, &all);
    g_autoptr(DsnCatalog) tenant = load(base, &one);

    /* TOPIC.CLASS before TOPIC before layout */
    expect_source(base, DSN_TOPIC_FAILED, DSN_FAILURE_POLICY, "en", "/failed.en.txt");
    expect_source(base, DSN_TOPIC_FAILED, DSN_FAILURE_POLICY, "de", "/FAILED.Policy.de.TXT");
    expect_source(base, DSN_TOPIC_FAILED, DSN_FAILURE_FULL, "de", "layout.txt, de.words");
    /* exact language before its first part before English */
    expect_source(base, DSN_TOPIC_DELAYED, DSN_FAILURE_OTHER, "de-AT", "/delayed.de-at.txt");
    expect_source(base, DSN_TOPIC_DELAYED, DSN_FAILURE_OTHER, "de-CH", "/delayed.de.txt");
    expect_source(base, DSN_TOPIC_LATE, DSN_FAILURE_OTHER, "sv", "/late.sv.txt");
    expect_source(base, DSN_TOPIC_EXPIRED, DSN_FAILURE_OTHER, "sv", "layout.txt, en.words");
    expect_source(base, DSN_TOPIC_EXPIRED, DSN_FAILURE_OTHER, "xx", "layout.txt, en.words");
    /* tenant before everybody before shipped */
    g_autofree char *own = g_build_filename(one.path, "delayed.de.txt", NULL);
    expect_source(tenant, DSN_TOPIC_DELAYED, DSN_FAILURE_OTHER, "de-AT", own);
    expect_source(tenant, DSN_TOPIC_FAILED, DSN_FAILURE_POLICY, "de", "/FAILED.Policy.de.TXT");
    expect_source(tenant, DSN_TOPIC_LATE, DSN_FAILURE_OTHER, "es", "/es.words");
    expect_source(tenant, DSN_TOPIC_LATE, DSN_FAILURE_OTHER, "pt-PT", "layout.txt, pt.words");
    expect_source(tenant, DSN_TOPIC_LATE, DSN_FAILURE_OTHER, "pt_br", "layout.txt, pt-BR.words");
}
END_TEST

START_TEST(a_layout_stands_for_all_languages)
{
    g_auto(Directory) all = {0}, one = {0};

    directory_init(&all);
    add_file(&all, "failed.de.txt", TEXT);
    add_file(&all, "layout.txt", "Subject: all\n\n{{ say.help }}\n");
    directory_init(&one);
    add_file(&one, "layout.html", "<p lang=\"{{ language | e }}\">{{ say.help }}</p>");
    g_autoptr(DsnCatalog) base = load(NULL, &all);
    g_autoptr(DsnCatalog) tenant = load(base, &one);
    g_auto(DsnWording) below = {0}, branded = {0};

    word(base, DSN_TOPIC_FAILED, DSN_FAILURE_OTHER, "de", &below);
    ck_assert_str_eq(below.text->str, "own\n");
    ck_assert_str_eq(below.html->str, ""); /* a text of one's own has no page but its own */
    word(tenant, DSN_TOPIC_FAILED, DSN_FAILURE_OTHER, "de", &branded);
    ck_assert_str_eq(branded.subject->str, "all");
    ck_assert_str_eq(branded.text->str, "Wenn Sie Hilfe brauchen, zeigen Sie diese vollständige "
                                        "Nachricht Ihren Mail-Administratoren.\n");
    ck_assert_str_eq(branded.html->str,
                     "<p lang=\"de\">Wenn Sie Hilfe brauchen, zeigen Sie diese vollständige "
                     "Nachricht Ihren Mail-Administratoren.</p>\n");
}
END_TEST

START_TEST(phrases_are_inherited_one_by_one)
{
    g_auto(Directory) all = {0}, one = {0};

    directory_init(&all);
    add_file(&all, "en.words", "help: Ask us.\ndo_policy: First.\ndo_policy: Second.\n");
    add_file(&all, "layout.txt",
             "Subject: x\n\n{{ say.help }} {{ say.details }} {{ say.do_policy | join('+') }} "
             "{{ recipients[0].meaning }}");
    directory_init(&one);
    add_file(&one, "en.words",
             "# a remark\nX.7.1: Your\n    account.\ndetails: D:\nX.7.99: Not registered.\n");
    add_file(&one, "en-GB.words", "X.7.1: Your acount, Sir.\n");
    add_file(&one, "ja.words", "X.7.1: 許可\n  されて\n  いません。\n");
    g_autoptr(DsnCatalog) base = load(NULL, &all);
    g_autoptr(DsnCatalog) tenant = load(base, &one);
    g_auto(DsnWording) british = {0}, english = {0}, japanese = {0}, everybody = {0};

    word(base, DSN_TOPIC_FAILED, DSN_FAILURE_POLICY, "en", &everybody);
    ck_assert_str_eq(everybody.text->str,
                     "Ask us. Technical details for those who look after mail: First.+Second. "
                     "The sender is not allowed to send this message to this address.\n");
    word(tenant, DSN_TOPIC_FAILED, DSN_FAILURE_POLICY, "en", &english);
    ck_assert_str_eq(english.text->str, "Ask us. D: First.+Second. Your account.\n");
    word(tenant, DSN_TOPIC_FAILED, DSN_FAILURE_POLICY, "en-GB", &british);
    ck_assert_str_eq(british.text->str, "Ask us. D: First.+Second. Your acount, Sir.\n");
    ck_assert_str_eq(british.language, "en-GB");
    word(tenant, DSN_TOPIC_FAILED, DSN_FAILURE_POLICY, "ja", &japanese);
    ck_assert_ptr_nonnull(strstr(japanese.text->str, " 許可されていません。\n"));
}
END_TEST

/* What a tenant says in a language stands before what others say in a region of it. */
START_TEST(phrases_of_a_language_hold_for_its_regions)
{
    g_auto(Directory) all = {0}, one = {0};

    directory_init(&all);
    add_file(&all, "layout.txt", "Subject: x\n\n{{ say.help }} {{ say.help_at }} {{ say.field }}");
    directory_init(&one);
    add_file(&one, "pt.words", "help: Pt.\nhelp_at: Pt {}.\n");
    add_file(&one, "pt-BR.words", "help_at: Br {}.\n");
    g_autoptr(DsnCatalog) base = load(NULL, &all);
    g_autoptr(DsnCatalog) tenant = load(base, &one);
    g_auto(DsnWording) portugal = {0}, brazil = {0}, everybody = {0};

    word(tenant, DSN_TOPIC_FAILED, DSN_FAILURE_OTHER, "pt", &portugal);
    ck_assert_str_eq(portugal.text->str, "Pt. Pt {}. {}: {}\n");
    word(tenant, DSN_TOPIC_FAILED, DSN_FAILURE_OTHER, "pt-BR", &brazil);
    ck_assert_str_eq(brazil.text->str, "Pt. Br {}. {}: {}\n");
    ck_assert_str_eq(brazil.language, "pt-BR");
    word(base, DSN_TOPIC_FAILED, DSN_FAILURE_OTHER, "pt-BR", &everybody);
    ck_assert_ptr_nonnull(strstr(everybody.text->str, "responsáveis pelo seu e-mail"));
}
END_TEST

START_TEST(shows_what_would_be_said_otherwise)
{
    g_auto(Directory) directory = {0};
    g_auto(DsnWording) wording = {0}, plain = {0};
    g_autoptr(DsnCatalog) shipped = dsn_catalog_new(NULL, limits, NULL);

    directory_init(&directory);
    add_file(&directory, "failed.en.txt",
             "Subject: [x] {{ default_subject }}\n\nFirst.\n{{ default_text }}Last.\n");
    add_file(&directory, "failed.en.html", "<body>{{ default_html }}</body>");
    g_autoptr(DsnCatalog) catalog = load(NULL, &directory);
    word(shipped, DSN_TOPIC_FAILED, DSN_FAILURE_FULL, "en", &plain);
    word(catalog, DSN_TOPIC_FAILED, DSN_FAILURE_FULL, "en", &wording);
    g_autofree char *subject = g_strdup_printf("[x] %s", plain.subject->str);
    g_autofree char *text = g_strdup_printf("First.\n%sLast.\n", plain.text->str);
    ck_assert_str_eq(wording.subject->str, subject);
    ck_assert_str_eq(wording.text->str, text);
    ck_assert(g_str_has_prefix(wording.html->str, "<body>\n<h1 "));
    ck_assert(g_str_has_suffix(wording.html->str, "</ul>\n</body>\n"));
    ck_assert_ptr_null(strstr(wording.html->str, "<html"));
    ck_assert_ptr_null(strstr(wording.html->str, "&lt;h1"));
}
END_TEST

START_TEST(makes_the_subject_one_line)
{
    g_auto(DsnWording) folded = {0};
    g_autoptr(DsnCatalog) catalog = load_one(
        "failed.en.txt",
        "subject: {{ '\\r\\n a\\n\\tb\\r\\nX-Evil: 1\\u2028\\u0085c\\u0007 ' }}\r\n\r\nbody\r\n");

    word(catalog, DSN_TOPIC_FAILED, DSN_FAILURE_OTHER, "en", &folded);
    ck_assert_str_eq(folded.subject->str, "a b X-Evil: 1 c");
    ck_assert_str_eq(folded.text->str, "body\n");
}
END_TEST

START_TEST(shortens_the_subject)
{
    g_auto(DsnWording) wording = {0}, fits = {0};
    g_autoptr(DsnCatalog) catalog =
        load_one("failed.en.txt", "Subject: x{% for i in range(1000) %}\u914d{% endfor %}\n\nbody");
    g_autoptr(DsnCatalog) other =
        load_one("failed.en.txt", "Subject: {% for i in range(480) %}a{% endfor %}\n\nbody");

    word(catalog, DSN_TOPIC_FAILED, DSN_FAILURE_OTHER, "en", &wording);
    ck_assert_uint_eq(wording.subject->len, 478);
    ck_assert(g_str_has_suffix(wording.subject->str, "\u914d..."));
    ck_assert(g_utf8_validate(wording.subject->str, -1, NULL));
    word(other, DSN_TOPIC_FAILED, DSN_FAILURE_OTHER, "en", &fits);
    ck_assert_uint_eq(fits.subject->len, 480);
}
END_TEST

START_TEST(falls_back_and_says_so)
{
    json_auto_t *context = json_pack("{s:s}", "sender", "trap");
    const DsnTemplateInput input = {context, NULL, NULL};
    g_auto(DsnWording) own = {0}, wording = {0}, shipped = {0};
    g_autoptr(DsnCatalog) catalog = load_one(
        "failed.de.txt", "Subject: own\n\n{% if sender == 'trap' %}{{ a.b }}{% endif %}own");
    g_autoptr(GError) error = NULL;

    word(catalog, DSN_TOPIC_FAILED, DSN_FAILURE_OTHER, "de", &own);
    ck_assert_str_eq(own.text->str, "own\n");
    ck_assert_ptr_null(own.fault);

    json_object_set_new(context, "recipients", json_array());
    json_object_set_new(context, "returned", json_string("no"));
    json_object_set_new(context, "original", json_null());
    dsn_wording_init(&wording);
    ck_assert(dsn_catalog_word(catalog, DSN_TOPIC_FAILED, DSN_FAILURE_OTHER, "de", true, false,
                               &input, &wording, &error));
    ck_assert(g_str_has_suffix(wording.fault,
                               "/failed.de.txt:3:31: attribute \"b\" of an undefined value"));
    ck_assert_str_eq(wording.language, "de");
    ck_assert_str_eq(wording.subject->str, "Nicht zugestellt: Ihre Nachricht");
    dsn_wording_init(&shipped);
    ck_assert(dsn_catalog_word(catalog, DSN_TOPIC_FAILED, DSN_FAILURE_OTHER, "de", true, true,
                               &input, &shipped, &error));
    ck_assert_ptr_null(shipped.fault);
    ck_assert_str_eq(shipped.text->str, wording.text->str);
}
END_TEST

/* A notice in several languages is worded from one context. */
START_TEST(words_one_context_again)
{
    json_auto_t *context = dsn_sample_context(DSN_TOPIC_FAILED, DSN_FAILURE_FULL, DSN_SAMPLE_FULL);
    const DsnTemplateInput input = {context, NULL, NULL};
    g_autoptr(DsnCatalog) catalog = dsn_catalog_new(NULL, limits, NULL);
    g_auto(DsnWording) polish = {0}, english = {0}, expected = {0};

    word(catalog, DSN_TOPIC_FAILED, DSN_FAILURE_FULL, "en", &expected);
    dsn_wording_init(&polish);
    dsn_wording_init(&english);
    ck_assert(dsn_catalog_word(catalog, DSN_TOPIC_FAILED, DSN_FAILURE_FULL, "pl", true, false,
                               &input, &polish, NULL));
    ck_assert(dsn_catalog_word(catalog, DSN_TOPIC_FAILED, DSN_FAILURE_FULL, "en", true, false,
                               &input, &english, NULL));
    ck_assert_str_eq(english.text->str, expected.text->str);
    ck_assert_str_eq(english.html->str, expected.html->str);
    ck_assert_str_ne(polish.text->str, expected.text->str);
}
END_TEST

START_TEST(costs_nothing_without_a_directory)
{
    g_autoptr(GString) faults = g_string_new(NULL);
    g_autoptr(DsnCatalog) base = dsn_catalog_new(NULL, limits, NULL);
    g_autoptr(DsnCatalog) tenant = dsn_catalog_new_over(base, NULL, limits, faults);
    g_auto(DsnWording) wording = {0};

    ck_assert_str_eq(faults->str, "");
    ck_assert_ptr_eq(dsn_catalog_languages(tenant), dsn_catalog_languages(base));
    word(tenant, DSN_TOPIC_FAILED, DSN_FAILURE_OTHER, "nl", &wording);
    ck_assert_str_eq(wording.subject->str, "Niet bezorgd: Minutes of the meeting");
}
END_TEST

/*
 * Classes and languages.
 */

/* rules STAT-03, STAT-05: a subject that is not known tells nothing */
static const struct {
    unsigned subject, detail;
    DsnFailureClass failure;
} classes[] = {
    {0, 0, DSN_FAILURE_OTHER},    {1, 1, DSN_FAILURE_ADDRESS},   {1, 99, DSN_FAILURE_ADDRESS},
    {1, 7, DSN_FAILURE_PROTOCOL}, {1, 8, DSN_FAILURE_PROTOCOL},  {2, 1, DSN_FAILURE_MAILBOX},
    {2, 2, DSN_FAILURE_FULL},     {2, 3, DSN_FAILURE_SIZE},      {3, 4, DSN_FAILURE_SIZE},
    {3, 1, DSN_FAILURE_SYSTEM},   {4, 1, DSN_FAILURE_NETWORK},   {5, 3, DSN_FAILURE_PROTOCOL},
    {6, 1, DSN_FAILURE_CONTENT},  {7, 1, DSN_FAILURE_POLICY},    {8, 1, DSN_FAILURE_OTHER},
    {999, 2, DSN_FAILURE_OTHER},  {7, 8, DSN_FAILURE_PROTOCOL},  {7, 14, DSN_FAILURE_PROTOCOL},
    {7, 15, DSN_FAILURE_POLICY},  {7, 19, DSN_FAILURE_POLICY},   {7, 26, DSN_FAILURE_PROTOCOL},
    {7, 28, DSN_FAILURE_POLICY},  {7, 30, DSN_FAILURE_PROTOCOL},
};

START_TEST(tells_the_class)
{
    ck_assert_int_eq(dsn_failure_class(classes[_i].subject, classes[_i].detail),
                     classes[_i].failure);
}
END_TEST

static const struct {
    const char *label;
    const char *wanted[4];
    const char *spoken, *chosen;
} choices[] = {
    {"nothing is known", {NULL}, NULL, "en"},
    {"what is spoken", {NULL}, "de", "de"},
    {"what is spoken best", {NULL}, "sv, en;q=0.3, de;q=0.7", "de"},
    {"what is spoken first", {NULL}, "fr, de", "fr"},
    {"a region", {NULL}, "de-AT", "de"},
    {"a region of its own", {NULL}, "pt-br", "pt-BR"},
    {"another region", {NULL}, "pt-PT", "pt"},
    {"Chinese", {NULL}, "zh", "zh-Hans"},
    {"Chinese by region", {NULL}, "zh-CN", "zh-Hans"},
    {"Chinese in other characters", {NULL}, "zh-TW, ja;q=0.5", "ja"},
    {"a language that is not wanted at all", {NULL}, "de;q=0, nl;q=0.1", "nl"},
    {"weights with blanks", {NULL}, "de ; q=0.2 , it ;q=0.25", "it"},
    {"anything", {NULL}, "*", "en"},
    {"no language", {NULL}, "; ,, 1234, ---", "en"},
    {"the tenant's", {"it", NULL}, NULL, "it"},
    {"the tenant's, whatever is spoken", {"it", NULL}, "de", "it"},
    {"the tenant's that is spoken", {"it", "de", NULL}, "de-CH", "de"},
    {"the tenant's that is spoken best", {"it", "de", "en"}, "en;q=0.5, de", "de"},
    {"the tenant's first", {"it", "de", NULL}, "ja", "it"},
    {"a tenant's that is not there", {"xx", "de", NULL}, NULL, "de"},
    {"only such", {"xx", NULL}, "fr", "fr"},
    {"Chinese in other characters alone", {NULL}, "zh-Hant-TW", "en"},
    {"Chinese, script and region", {NULL}, "zh-Hans-SG", "zh-Hans"},
    {"Portuguese for Brazil before Portugal", {NULL}, "pt-BR, pt;q=0.9, en;q=0.8", "pt-BR"},
    {"Latin America", {NULL}, "es-419", "es"},
    {"an extension", {NULL}, "de-DE-u-co-phonebk", "de"},
    {"a locale", {NULL}, "fr_FR.UTF-8", "fr"},
    {"weights without a zero, of three digits, and junk",
     {NULL},
     "de;q=.2, fr;q=0.201, nl;q=x",
     "fr"},
    {"a remark", {NULL}, "it (Italian)", "it"},
    {"capitals", {NULL}, "PL", "pl"},
};

START_TEST(chooses_the_language)
{
    const char *const spoken[] = {choices[_i].spoken, NULL};
    g_autoptr(DsnCatalog) catalog = dsn_catalog_new(NULL, limits, NULL);

    ck_assert_msg(
        strcmp(dsn_catalog_choose_language(
                   catalog, choices[_i].wanted[0] == NULL ? NULL : choices[_i].wanted, spoken),
               choices[_i].chosen) == 0,
        "%s", choices[_i].label);
}
END_TEST

/* What the author reads, and what the author writes. */
static const struct {
    const char *wanted, *fields[3], *chosen;
} authors[] = {
    {NULL, {"fr", "de", NULL}, "fr"},     {NULL, {"sv", "de", NULL}, "de"},
    {NULL, {"*", "nl", NULL}, "nl"},      {"de", {"ja", "de-AT", NULL}, "de"},
    {"de", {"ja", "it", NULL}, "it"},     {"de", {"ja", "fr", NULL}, "de"},
    {NULL, {"de;q=0", "sv", NULL}, "en"}, {NULL, {NULL}, "en"},
};

START_TEST(chooses_what_is_read_before_what_is_written)
{
    g_autoptr(DsnCatalog) catalog = dsn_catalog_new(NULL, limits, NULL);
    const char *const wanted[] = {authors[_i].wanted, "it", NULL};
    const char *const *list = authors[_i].wanted == NULL ? NULL : wanted;

    ck_assert_str_eq(dsn_catalog_choose_language(catalog, list, authors[_i].fields),
                     authors[_i].chosen);
}
END_TEST

START_TEST(long_lists_of_languages_are_cut)
{
    g_autoptr(DsnCatalog) catalog = dsn_catalog_new(NULL, limits, NULL);
    g_autoptr(GString) spoken = g_string_new(NULL);

    for (int i = 0; i < 100000; i++)
        g_string_append(spoken, "xx,");
    g_string_append(spoken, "de");
    const char *const fields[] = {spoken->str, NULL};
    ck_assert_str_eq(dsn_catalog_choose_language(catalog, NULL, fields), "en");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("catalog");
    TCase *tc = tcase_create("core");

    tcase_add_loop_test(tc, leaves_bad_files_out, 0, G_N_ELEMENTS(bad));
    tcase_add_test(tc, a_directory_that_is_not_there_is_told);
    tcase_add_test(tc, a_pipe_is_not_waited_for);
    tcase_add_test(tc, a_link_to_nothing_is_told);
    tcase_add_test(tc, a_zero_byte_and_a_large_file_are_told);
    tcase_add_test(tc, finds_the_nearest);
    tcase_add_test(tc, a_layout_stands_for_all_languages);
    tcase_add_test(tc, phrases_are_inherited_one_by_one);
    tcase_add_test(tc, phrases_of_a_language_hold_for_its_regions);
    tcase_add_test(tc, shows_what_would_be_said_otherwise);
    tcase_add_test(tc, makes_the_subject_one_line);
    tcase_add_test(tc, shortens_the_subject);
    tcase_add_test(tc, falls_back_and_says_so);
    tcase_add_test(tc, words_one_context_again);
    tcase_add_test(tc, costs_nothing_without_a_directory);
    tcase_add_loop_test(tc, tells_the_class, 0, G_N_ELEMENTS(classes));
    tcase_add_loop_test(tc, chooses_the_language, 0, G_N_ELEMENTS(choices));
    tcase_add_loop_test(tc, chooses_what_is_read_before_what_is_written, 0, G_N_ELEMENTS(authors));
    tcase_add_test(tc, long_lists_of_languages_are_cut);
    suite_add_tcase(suite, tc);
    return suite;
}
