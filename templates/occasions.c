/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/occasions.h"

#include "templates/shipped.h"
#include "templates/tree.h"

/* The words of one occasion. */
typedef struct Words {
    DsnTemplate *subject, *body;
    bool wraps; /* the body shows {{ default_text }} */
} Words;

struct DsnOccasions {
    DsnTemplateLimits limits;
    Words shipped[DSN_N_OCCASIONS];
    Words own[DSN_N_OCCASIONS]; /* of the directory; empty where it has no file */
};

static const char *const file_names[] = {
    [DSN_OCCASION_BOUNCE] = "failed.en.txt",
    [DSN_OCCASION_EXPIRATION] = "expired.en.txt",
};

static void
words_clear(Words *words)
{
    g_clear_pointer(&words->subject, dsn_template_free);
    g_clear_pointer(&words->body, dsn_template_free);
}

void
dsn_occasions_free(DsnOccasions *catalog)
{
    if (catalog == NULL)
        return;
    for (size_t i = 0; i < DSN_N_OCCASIONS; i++) {
        words_clear(&catalog->shipped[i]);
        words_clear(&catalog->own[i]);
    }
    g_free(catalog);
}

/*
 * Reading.
 */

static bool
fail_at(GError **error, const char *name, unsigned line, const char *message, const char *detail)
{
    g_set_error(error, DSN_TEMPLATE_ERROR, DSN_TEMPLATE_ERROR_SYNTAX, "%s:%u:1: %s%s", name, line,
                message, detail);
    return false;
}

/* One line of the header; *@at is then behind it. */
static bool
read_header_line(Words *words, const char *name, unsigned line, const char **at, const char *end,
                 const DsnTemplateLimits *limits, GError **error)
{
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    const char *stop = newline == NULL ? end : newline, *value = *at;

    if (g_ascii_strncasecmp(*at, "Subject:", MIN((size_t)(stop - *at), 8)) != 0 || stop - *at < 8) {
        g_autofree char *start = g_strndup(*at, (size_t)MIN(stop - *at, 40));
        g_autofree char *clean = g_utf8_make_valid(start, -1);

        return fail_at(error, name, line,
                       "before the empty line stands only \"Subject: ...\", not: ", clean);
    }
    if (words->subject != NULL)
        return fail_at(error, name, line, "a second subject", "");
    for (value += 8; value < stop && (*value == ' ' || *value == '\t'); value++)
        ;
    words->subject =
        dsn_template_compile_at(name, (DsnPlace){line, (uint32_t)(value - *at) + 1}, value,
                                (size_t)(stop - value), DSN_TEMPLATE_KUMO, limits, error);
    *at = newline == NULL ? end : newline + 1;
    return words->subject != NULL;
}

/* Header lines, an empty line, the body. */
static bool
read_words(Words *words, const char *name, const char *text, size_t length,
           const DsnTemplateLimits *limits, GError **error)
{
    const char *at = text, *end = text + length;
    unsigned line = 1;

    for (; at < end && *at != '\n'; line++) {
        if (!read_header_line(words, name, line, &at, end, limits, error))
            return false;
    }
    if (words->subject == NULL)
        return fail_at(error, name, line, "there is no line \"Subject: ...\"", "");
    if (at == end)
        return fail_at(error, name, line, "there is no text behind an empty line", "");
    at++;
    words->body = dsn_template_compile_at(name, (DsnPlace){line + 1, 1}, at, (size_t)(end - at),
                                          DSN_TEMPLATE_KUMO, limits, error);
    if (words->body == NULL)
        return false;
    words->wraps = dsn_template_symbol(words->body, "default_text") >= 0;
    return true;
}

/* Lines that end in CRLF end in LF afterwards. */
static void
drop_carriage_returns(GString *text)
{
    gsize to = 0;

    for (gsize from = 0; from < text->len; from++) {
        if (text->str[from] != '\r' || text->str[from + 1] != '\n')
            text->str[to++] = text->str[from];
    }
    g_string_truncate(text, to);
}

static bool
load_file(DsnOccasions *catalog, const char *directory, const char *name, DsnOccasion occasion,
          GError **error)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *bytes = NULL;
    gsize length;

    if (!g_file_get_contents(path, &bytes, &length, error))
        return false;
    g_string_append_len(text, bytes, (gssize)length);
    drop_carriage_returns(text);
    return read_words(&catalog->own[occasion], path, text->str, text->len, &catalog->limits, error);
}

static bool
load_directory(DsnOccasions *catalog, const char *directory, GError **error)
{
    g_autoptr(GDir) dir = g_dir_open(directory, 0, error);
    const char *name;

    if (dir == NULL)
        return false;
    while ((name = g_dir_read_name(dir)) != NULL) {
        size_t occasion = 0;

        if (*name == '.')
            continue;
        while (occasion < DSN_N_OCCASIONS && strcmp(name, file_names[occasion]) != 0)
            occasion++;
        if (occasion == DSN_N_OCCASIONS) {
            g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                        "%s/%s: no notice has this text; the names are %s and %s", directory, name,
                        file_names[DSN_OCCASION_BOUNCE], file_names[DSN_OCCASION_EXPIRATION]);
            return false;
        }
        if (!load_file(catalog, directory, name, (DsnOccasion)occasion, error))
            return false;
    }
    return true;
}

static bool
load_shipped(DsnOccasions *catalog, GError **error)
{
    for (size_t i = 0; i < DSN_N_OCCASIONS; i++) {
        const DsnShippedText *shipped = dsn_shipped_texts;

        while (shipped->name != NULL && strcmp(shipped->name, file_names[i]) != 0)
            shipped++;
        g_assert(shipped->name != NULL);
        if (!read_words(&catalog->shipped[i], shipped->name, shipped->text, strlen(shipped->text),
                        &catalog->limits, error))
            return false;
    }
    return true;
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

        if (g_unichar_isspace(c) || g_unichar_iscntrl(c) ||
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

static bool
render(const Words *words, const DsnTemplateInput *input, const DsnTemplateLimits *limits,
       const char *default_text, GString *subject, GString *body, GError **error)
{
    g_autoptr(GString) line = g_string_new(NULL);
    size_t start = body->len;

    if (!dsn_template_render(words->subject, input, limits, line, error) ||
        !dsn_template_render_given(words->body, input, limits, "default_text",
                                   default_text == NULL
                                       ? DSN_UNDEFINED
                                       : dsn_value_text(default_text, strlen(default_text)),
                                   body, error))
        return false;
    append_line(subject, line->str, line->len);
    if (body->len == start || body->str[body->len - 1] != '\n')
        g_string_append_c(body, '\n');
    return true;
}

bool
dsn_occasions_render_shipped(const DsnOccasions *catalog, DsnOccasion occasion,
                             const DsnTemplateInput *input, GString *subject, GString *body,
                             GError **error)
{
    return render(&catalog->shipped[occasion], input, &catalog->limits, NULL, subject, body, error);
}

bool
dsn_occasions_render(const DsnOccasions *catalog, DsnOccasion occasion,
                     const DsnTemplateInput *input, GString *subject, GString *body, GError **error)
{
    const Words *own = &catalog->own[occasion];
    g_autoptr(GString) shipped_subject = NULL, shipped_body = NULL;

    if (own->body == NULL)
        return dsn_occasions_render_shipped(catalog, occasion, input, subject, body, error);
    if (own->wraps) {
        shipped_subject = g_string_new(NULL);
        shipped_body = g_string_new(NULL);
        if (!dsn_occasions_render_shipped(catalog, occasion, input, shipped_subject, shipped_body,
                                          error))
            return false;
    }
    return render(own, input, &catalog->limits, own->wraps ? shipped_body->str : NULL, subject,
                  body, error);
}

/*
 * Trying.
 */

/* What a notice is about in a trial: everything is known, or with @sparse hardly anything. */
static json_t *
sample_context(bool sparse)
{
    json_t *full = json_pack("{s:s, s:s, s:s, s:s}", "address", "user@example.net", "status",
                             "5.1.1", "meaning", "the mailbox does not exist", "diagnostic",
                             sparse ? "" : "550 5.1.1 no such user");
    json_t *original = sparse
                           ? json_null()
                           : json_pack("{s:s, s:s, s:s}", "subject", "Sample", "message_id",
                                       "<1@example.com>", "date", "Tue, 1 Jul 2003 08:52:37 +0000");

    json_object_set_new(full, "remote_mta", sparse ? json_null() : json_string("mx.example.net"));
    return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?, s:[o], s:i, s:o, s:s, s:s?}", "hostname",
                     "mta.example.com", "sender", "sender@example.com", "type", "Bounce", "action",
                     "failed", "arrival_date", sparse ? NULL : "Tue, 1 Jul 2003 08:52:37 +0000",
                     "event_date", sparse ? NULL : "Tue, 1 Jul 2003 08:53:01 +0000", "recipients",
                     full, "more_recipients", sparse ? 0 : 2, "original", original, "returned",
                     sparse ? "no" : "full", "postmaster",
                     sparse ? NULL : "postmaster@example.com");
}

/* A record as far as a text is likely to look at it. */
static json_t *
sample_record(void)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:{s:i, s:s}, s:{}, s:{}}", "type", "Bounce", "id",
                     "0123456789abcdef0123456789abcdef", "sender", "sender@example.com",
                     "recipient", "user@example.net", "response", "code", 550, "content",
                     "no such user", "meta", "headers");
}

/* Renders every text once, so that what is wrong with it shows now and not when it is needed. */
static bool
try_all(const DsnOccasions *catalog, bool sparse, GError **error)
{
    json_auto_t *context = sample_context(sparse), *record = sample_record();
    DsnTemplateInput input = {context, "log_record", record};
    g_autoptr(GString) subject = g_string_new(NULL), body = g_string_new(NULL);

    for (size_t i = 0; i < DSN_N_OCCASIONS; i++) {
        if (!dsn_occasions_render_shipped(catalog, (DsnOccasion)i, &input, subject, body, error) ||
            !dsn_occasions_render(catalog, (DsnOccasion)i, &input, subject, body, error))
            return false;
    }
    return true;
}

DsnOccasions *
dsn_occasions_new(const char *directory, const DsnTemplateLimits *limits, GError **error)
{
    g_autoptr(DsnOccasions) catalog = g_new0(DsnOccasions, 1);

    catalog->limits = *limits;
    if (!load_shipped(catalog, error) ||
        (directory != NULL && !load_directory(catalog, directory, error)) ||
        !try_all(catalog, false, error) || !try_all(catalog, true, error))
        return NULL;
    return g_steal_pointer(&catalog);
}
