/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/catalog.h"

#include "templates/catalog-private.h"

#include "templates/tree.h"

/* Bytes of a subject, for what a template puts there may be a reply of any length. */
#define SUBJECT_MAX 480
#define TEXT_ROOM 2048 /* about what a text takes */

static const char *const topic_names[DSN_N_TOPICS] = {
    [DSN_TOPIC_FAILED] = "failed",   [DSN_TOPIC_EXPIRED] = "expired",
    [DSN_TOPIC_DELAYED] = "delayed", [DSN_TOPIC_DELIVERED] = "delivered",
    [DSN_TOPIC_RELAYED] = "relayed", [DSN_TOPIC_EXPANDED] = "expanded",
    [DSN_TOPIC_LATE] = "late",
};

static const char *const failure_names[DSN_N_FAILURES] = {
    [DSN_FAILURE_OTHER] = "other",       [DSN_FAILURE_ADDRESS] = "address",
    [DSN_FAILURE_MAILBOX] = "mailbox",   [DSN_FAILURE_FULL] = "full",
    [DSN_FAILURE_SYSTEM] = "system",     [DSN_FAILURE_NETWORK] = "network",
    [DSN_FAILURE_PROTOCOL] = "protocol", [DSN_FAILURE_CONTENT] = "content",
    [DSN_FAILURE_SIZE] = "size",         [DSN_FAILURE_POLICY] = "policy",
};

const char *
dsn_topic_to_string(DsnTopic topic)
{
    return topic_names[topic];
}

const char *
dsn_failure_to_string(DsnFailureClass failure)
{
    return failure_names[failure];
}

/* What X.7.@detail says of how a message is sent: the login to the next host (RFC 4954, section 6,
 * RFC 5248), where mail of the domain comes from (RFC 7372, 7505, 8617), REQUIRETLS (RFC 8689). */
static bool
is_sending(unsigned detail)
{
    return (detail >= 8 && detail <= 14) || (detail >= 20 && detail <= 27) || detail == 29 ||
           detail == 30;
}

DsnFailureClass
dsn_failure_class(unsigned subject, unsigned detail)
{
    static const DsnFailureClass classes[] = {
        DSN_FAILURE_OTHER,   DSN_FAILURE_ADDRESS,  DSN_FAILURE_MAILBOX, DSN_FAILURE_SYSTEM,
        DSN_FAILURE_NETWORK, DSN_FAILURE_PROTOCOL, DSN_FAILURE_CONTENT, DSN_FAILURE_POLICY};

    if ((subject == 2 && detail == 3) || (subject == 3 && detail == 4))
        return DSN_FAILURE_SIZE;
    if (subject == 2 && detail == 2)
        return DSN_FAILURE_FULL;
    /* About the sender's side, where neither the sender nor the recipient can do much. */
    if ((subject == 1 && (detail == 7 || detail == 8)) || (subject == 7 && is_sending(detail)))
        return DSN_FAILURE_PROTOCOL;
    return subject < G_N_ELEMENTS(classes) ? classes[subject] : DSN_FAILURE_OTHER;
}

void
dsn_wording_init(DsnWording *wording)
{
    *wording = (DsnWording){.subject = g_string_new(NULL),
                            .text = g_string_sized_new(TEXT_ROOM),
                            .html = g_string_new(NULL)};
}

void
dsn_wording_clear(DsnWording *wording)
{
    if (wording->subject != NULL)
        (void)g_string_free(wording->subject, TRUE);
    if (wording->text != NULL)
        (void)g_string_free(wording->text, TRUE);
    if (wording->html != NULL)
        (void)g_string_free(wording->html, TRUE);
    g_free(wording->fault);
    *wording = (DsnWording){0};
}

const char *const *
dsn_catalog_languages(const DsnCatalog *catalog)
{
    while (catalog->languages == NULL)
        catalog = catalog->base;
    return (const char *const *)catalog->languages->pdata;
}

/* The tag of a language of @catalog that fits @wanted, or NULL. */
static const char *
fit(const DsnCatalog *catalog, const char *wanted)
{
    char tag[DSN_LANGUAGE_MAX];

    return wanted != NULL && dsn_language_read(wanted, strlen(wanted), tag)
               ? dsn_language_fit(tag, dsn_catalog_languages(catalog))
               : NULL;
}

const char *
dsn_catalog_choose_language(const DsnCatalog *catalog, const char *const *wanted,
                            const char *const *spoken)
{
    g_autoptr(GPtrArray) known = g_ptr_array_new();
    const char *chosen = NULL;

    for (size_t i = 0; wanted != NULL && wanted[i] != NULL; i++) {
        const char *tag = fit(catalog, wanted[i]);

        if (tag != NULL)
            g_ptr_array_add(known, (gpointer)tag);
    }
    g_ptr_array_add(known, NULL);
    for (; spoken != NULL && *spoken != NULL && chosen == NULL; spoken++)
        chosen = dsn_language_choose(*spoken, known->len > 1 ? (const char *const *)known->pdata
                                                             : dsn_catalog_languages(catalog));
    if (chosen == NULL)
        chosen = known->pdata[0];
    return chosen == NULL ? "en" : chosen;
}

/*
 * Finding.
 */

const DsnPhrases *
dsn_catalog_phrases(const DsnCatalog *catalog, const char *language)
{
    char tag[DSN_LANGUAGE_MAX];

    (void)g_strlcpy(tag, language, sizeof tag);
    do {
        for (const DsnCatalog *level = catalog; level != NULL; level = level->base) {
            DsnPhrases *found =
                level->phrases == NULL ? NULL : g_hash_table_lookup(level->phrases, tag);

            if (found != NULL)
                return found;
        }
    } while (dsn_language_shorten(tag));
    return NULL;
}

/* What one level has for exactly @topic, @failure and the language @tag. */
static const DsnFileWords *
find_file(const DsnCatalog *level, DsnTopic topic, DsnFailureClass failure, const char *tag)
{
    DsnFileKey key = {.topic = topic, .failure = failure};

    (void)g_strlcpy(key.tag, tag, sizeof key.tag);
    const DsnFileWords *found = g_hash_table_lookup(level->files, &key);
    if (found == NULL && failure != DSN_FAILURE_OTHER) {
        key.failure = DSN_FAILURE_OTHER;
        found = g_hash_table_lookup(level->files, &key);
    }
    return found;
}

static void
choose_layout(const DsnCatalog *level, DsnChoice *choice)
{
    for (choice->text = level; choice->text->layout_text.template_ == NULL;)
        choice->text = choice->text->base;
    for (choice->html = level; choice->html->layout_html.template_ == NULL;)
        choice->html = choice->html->base;
}

void
dsn_catalog_choose(const DsnCatalog *catalog, DsnTopic topic, DsnFailureClass failure,
                   const char *language, bool shipped, DsnChoice *ret_choice)
{
    const DsnCatalog *level = catalog;

    while (shipped && level->base != NULL)
        level = level->base;
    const DsnPhrases *phrases = dsn_catalog_phrases(level, language);
    if (phrases == NULL)
        phrases = dsn_catalog_phrases(level, "en");
    *ret_choice = (DsnChoice){.tag = phrases->tag, .phrases = phrases};
    for (; level->base != NULL; level = level->base) {
        char tag[DSN_LANGUAGE_MAX];

        (void)g_strlcpy(tag, language, sizeof tag);
        do {
            ret_choice->file = level->files == NULL ? NULL : find_file(level, topic, failure, tag);
        } while (ret_choice->file == NULL && dsn_language_shorten(tag));
        if (ret_choice->file != NULL) {
            ret_choice->tag = ret_choice->file->key.tag;
            return;
        }
        if (level->layout_text.template_ != NULL || level->layout_html.template_ != NULL)
            break;
    }
    choose_layout(level, ret_choice);
}

/*
 * Rendering.
 */

/* Appends @text as one line: white space and what cannot be seen is one blank, none at the ends. */
static void
append_line(GString *line, const char *text, size_t length)
{
    const char *end = text + length;
    gsize start = line->len;
    bool blank = false;

    while (text < end) {
        gunichar c = g_utf8_get_char(text);
        const char *next = g_utf8_next_char(text);

        if (c > ' ' && c < 0x7f && !blank) {
            g_string_append_c(line, (char)c);
        } else if (g_unichar_isspace(c) || g_unichar_iscntrl(c) ||
                   g_unichar_type(c) == G_UNICODE_LINE_SEPARATOR ||
                   g_unichar_type(c) == G_UNICODE_PARAGRAPH_SEPARATOR) {
            blank = line->len > start;
        } else {
            if (blank)
                g_string_append_c(line, ' ');
            blank = false;
            g_string_append_len(line, text, next - text);
        }
        text = next;
    }
}

/* Cuts what is longer than @max bytes at a character; then it ends in "...". */
static void
shorten(GString *line, gsize max)
{
    gsize length = max - 3;

    if (line->len <= max)
        return;
    while (((unsigned char)line->str[length] & 0xc0) == 0x80)
        length--;
    g_string_truncate(line, length);
    g_string_append(line, "...");
}

/* Has the status codes of the recipients explained in the language of @phrases. */
static void
explain_recipients(const DsnPhrases *phrases, json_t *recipients)
{
    json_t *recipient;
    size_t i;

    json_array_foreach(recipients, i, recipient)
    {
        const char *status = json_string_value(json_object_get(recipient, "status"));

        if (status != NULL)
            json_object_set_nocheck(recipient, "meaning", dsn_phrases_explain(phrases, status));
    }
}

/* Puts what depends on the words to what the caller knows; the next wording replaces it. */
static void
complete_context(const DsnChoice *choice, DsnTopic topic, DsnFailureClass failure, json_t *context)
{
    explain_recipients(choice->phrases, json_object_get(context, "recipients"));
    json_object_set_new_nocheck(context, "topic", json_string_nocheck(topic_names[topic]));
    json_object_set_new_nocheck(context, "failure", json_string_nocheck(failure_names[failure]));
    json_object_set_new_nocheck(context, "language", json_string_nocheck(choice->tag));
    json_object_set_nocheck(context, "say", choice->phrases->say);
}

/* One render of one wording. */
typedef struct Rendering {
    const DsnTemplateInput *input;
    const DsnTemplateLimits *limits;
    const DsnWording *standard; /* what would be said without the file; NULL: nobody asks */
    GError **error;
} Rendering;

static bool
render_part(const Rendering *rendering, const DsnPart *part, const char *name, DsnValue value,
            GString *output)
{
    return dsn_template_render_given(part->template_, rendering->input, rendering->limits,
                                     part->wraps ? name : NULL, value, output, rendering->error);
}

static DsnValue
borrow(const GString *text)
{
    return text == NULL ? DSN_UNDEFINED : dsn_value_text(text->str, text->len);
}

static bool
render_subject(const Rendering *rendering, const DsnPart *part, GString *subject)
{
    const DsnWording *standard = rendering->standard;
    g_autoptr(GString) line = g_string_new(NULL);

    if (!render_part(rendering, part, "default_subject",
                     borrow(standard == NULL ? NULL : standard->subject), line))
        return false;
    append_line(subject, line->str, line->len);
    shorten(subject, SUBJECT_MAX);
    if (subject->len > 0)
        return true;
    g_set_error(rendering->error, DSN_TEMPLATE_ERROR, DSN_TEMPLATE_ERROR_OPERATION,
                "%s:1:1: the subject is empty", part->template_->name);
    return false;
}

static bool
render_text(const Rendering *rendering, const DsnPart *part, GString *text)
{
    const DsnWording *standard = rendering->standard;

    if (!render_part(rendering, part, "default_text",
                     borrow(standard == NULL ? NULL : standard->text), text))
        return false;
    if (text->len == 0 || text->str[text->len - 1] != '\n')
        g_string_append_c(text, '\n');
    return true;
}

/* What is inside the body of a whole document, to stand in another one. */
static DsnValue
body_of(const GString *html)
{
    const char *start = strstr(html->str, "<body"), *end = g_strrstr(html->str, "</body>");

    start = start == NULL ? NULL : strchr(start, '>');
    DsnValue value = start == NULL || end == NULL || end < start
                         ? borrow(html)
                         : dsn_value_text(start + 1, (size_t)(end - start - 1));
    value.flags |= DSN_VALUE_SAFE;
    return value;
}

static bool
render_html(const Rendering *rendering, const DsnPart *part, GString *html)
{
    const DsnWording *standard = rendering->standard;

    if (!render_part(rendering, part, "default_html",
                     standard == NULL ? DSN_UNDEFINED : body_of(standard->html), html))
        return false;
    if (html->len == 0 || html->str[html->len - 1] != '\n')
        g_string_append_c(html, '\n');
    return true;
}

static bool
render_layouts(const DsnChoice *choice, bool html, const DsnTemplateInput *input,
               DsnWording *wording, GError **error)
{
    Rendering text = {input, &choice->text->limits, NULL, error};
    Rendering page = {input, &choice->html->limits, NULL, error};

    return render_subject(&text, &choice->text->layout_subject, wording->subject) &&
           render_text(&text, &choice->text->layout_text, wording->text) &&
           (!html || render_html(&page, &choice->html->layout_html, wording->html));
}

static bool
render_file(const DsnCatalog *catalog, const DsnChoice *choice, bool html,
            const DsnTemplateInput *input, DsnWording *wording, GError **error)
{
    const DsnFileWords *file = choice->file;
    Rendering rendering = {input, &catalog->limits, NULL, error};
    g_auto(DsnWording) standard = {0};

    html = html && file->html.template_ != NULL;
    if (file->subject.wraps || file->text.wraps || (html && file->html.wraps)) {
        DsnChoice layouts = *choice;

        choose_layout(catalog, &layouts);
        dsn_wording_init(&standard);
        if (!render_layouts(&layouts, html && file->html.wraps, input, &standard, error))
            return false;
        rendering.standard = &standard;
    }
    return render_subject(&rendering, &file->subject, wording->subject) &&
           render_text(&rendering, &file->text, wording->text) &&
           (!html || render_html(&rendering, &file->html, wording->html));
}

bool
dsn_catalog_render_choice(const DsnCatalog *catalog, const DsnChoice *choice, DsnTopic topic,
                          DsnFailureClass failure, bool html, const DsnTemplateInput *input,
                          DsnWording *ret_wording, GError **error)
{
    complete_context(choice, topic, failure, input->context);
    g_string_truncate(ret_wording->subject, 0);
    g_string_truncate(ret_wording->text, 0);
    g_string_truncate(ret_wording->html, 0);
    ret_wording->language = choice->tag;
    return choice->file == NULL ? render_layouts(choice, html, input, ret_wording, error)
                                : render_file(catalog, choice, html, input, ret_wording, error);
}

bool
dsn_catalog_word(const DsnCatalog *catalog, DsnTopic topic, DsnFailureClass failure,
                 const char *language, bool html, bool shipped, const DsnTemplateInput *input,
                 DsnWording *ret_wording, GError **error)
{
    const char *known = fit(catalog, language);
    DsnChoice choice;

    g_clear_pointer(&ret_wording->fault, g_free);
    for (;;) {
        g_autoptr(GError) fault = NULL;

        dsn_catalog_choose(catalog, topic, failure, known == NULL ? "en" : known, shipped, &choice);
        if (dsn_catalog_render_choice(catalog, &choice, topic, failure, html, input, ret_wording,
                                      &fault))
            return true;
        if (shipped) {
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        }
        ret_wording->fault = g_strdup(fault->message);
        shipped = true;
    }
}

char *
dsn_catalog_source(const DsnCatalog *catalog, DsnTopic topic, DsnFailureClass failure,
                   const char *language)
{
    const char *known = fit(catalog, language);
    DsnChoice choice;

    dsn_catalog_choose(catalog, topic, failure, known == NULL ? "en" : known, false, &choice);
    if (choice.file != NULL)
        return g_strdup(choice.file->text.template_->name);
    return g_strdup_printf("%s, %s", choice.text->layout_text.template_->name,
                           choice.phrases->name);
}
