/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/phrases.h"

#include "templates/suggest.h"

#include <stdio.h>
#include <stdlib.h>

#define KEY_MAX 64
#define CODE_MAX sizeof "X.999.999"

/* Where a phrase stands, for messages. */
typedef struct Reader {
    const char *name;
    unsigned line; /* on which the phrase began */
    DsnPhrases *phrases;
    GHashTable *seen; /* keys that this file has said already */
    const DsnPhrases *model;
    GError **error;
} Reader;

void
dsn_phrases_free(DsnPhrases *phrases)
{
    if (phrases == NULL)
        return;
    json_decref(phrases->say);
    json_decref(phrases->codes);
    g_free(phrases->name);
    g_free(phrases);
}

static bool fail(const Reader *reader, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool
fail(const Reader *reader, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(reader->error, DSN_TEMPLATE_ERROR, DSN_TEMPLATE_ERROR_SYNTAX, "%s:%u:1: %s",
                reader->name, reader->line, text);
    return false;
}

/* Writes the key of a registered code, of which only subject and detail count. */
static const char *
code_key(unsigned subject, unsigned detail, char key[CODE_MAX])
{
    (void)snprintf(key, CODE_MAX, "X.%u.%u", MIN(subject, 999), MIN(detail, 999));
    return key;
}

/* "X.1.1", digits after both dots and nothing else. */
static bool
is_code(const char *key)
{
    unsigned dots = 0;

    if (key[0] != 'X' || key[1] != '.')
        return false;
    for (key++; *key != '\0'; key++) {
        if (*key == '.' && g_ascii_isdigit(key[1]))
            dots++;
        else if (!g_ascii_isdigit(*key))
            return false;
    }
    return dots == 2;
}

/* How many "{}" are in @text, or -1 when a brace stands there otherwise. */
static int
places(const char *text)
{
    int n = 0;

    for (; *text != '\0'; text++) {
        if (*text == '{' && text[1] == '}') {
            n++;
            text++;
        } else if (*text == '{' || *text == '}') {
            return -1;
        }
    }
    return n;
}

static const char *
suggest_key(json_t *say, const char *key)
{
    g_autoptr(GPtrArray) keys = g_ptr_array_new();
    const char *known;
    json_t *value;

    json_object_foreach(say, known, value) g_ptr_array_add(keys, (gpointer)known);
    g_ptr_array_add(keys, NULL);
    return dsn_suggest(key, (const char *const *)keys->pdata);
}

static bool
check_phrase(const Reader *reader, const char *key, const char *text)
{
    int found = places(text);

    if (*text == '\0')
        return fail(reader, "\"%s\" says nothing", key);
    if (found < 0)
        return fail(reader, "a place to fill in is written {}, and no other brace stands here");
    if (reader->model == NULL)
        return true;
    json_t *known = json_object_get(reader->model->say, key);
    if (known == NULL) {
        const char *meant = suggest_key(reader->model->say, key);

        return fail(reader, "there is no phrase \"%s\"%s%s%s", key,
                    meant == NULL ? "" : ", did you mean \"", meant == NULL ? "" : meant,
                    meant == NULL ? "" : "\"?");
    }
    int wanted = json_is_string(known) ? places(json_string_value(known)) : 0;
    return found == wanted ||
           fail(reader, "\"%s\" has %d places {} to fill in, it needs %d", key, found, wanted);
}

static bool
take_phrase(const Reader *reader, const char *key, const char *text)
{
    bool list = g_str_has_prefix(key, "do_"),
         again = !g_hash_table_add(reader->seen, g_strdup(key));
    json_t *say = reader->phrases->say;

    if (again && !list)
        return fail(reader, "\"%s\" was said before", key);
    if (is_code(key)) {
        if (*text == '\0')
            return fail(reader, "\"%s\" says nothing", key);
        json_object_set_new_nocheck(reader->phrases->codes, key, json_string_nocheck(text));
        return true;
    }
    if (!check_phrase(reader, key, text))
        return false;
    if (!list) {
        json_object_set_new_nocheck(say, key, json_string_nocheck(text));
        return true;
    }
    if (!again)
        json_object_set_new_nocheck(say, key, json_array());
    json_array_append_new(json_object_get(say, key), json_string_nocheck(text));
    return true;
}

/* Lines that go on are joined by a blank, but not where Chinese or Japanese goes on. */
static void
join(GString *text, const char *more)
{
    const char *last = text->len == 0 ? NULL : g_utf8_prev_char(text->str + text->len);

    if (last != NULL &&
        !(g_unichar_iswide(g_utf8_get_char(last)) && g_unichar_iswide(g_utf8_get_char(more))))
        g_string_append_c(text, ' ');
    g_string_append(text, more);
}

/* "key: text"; @ret_key is then set and @text has the text. */
static bool
begin_phrase(const Reader *reader, char *line, const char **ret_key, GString *text)
{
    size_t length = strspn(line, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_.");

    if (length == 0 || length > KEY_MAX || line[length] != ':')
        return fail(reader, "a phrase is \"key: text\", goes on behind blanks, and # begins a "
                            "remark");
    line[length] = '\0';
    *ret_key = line;
    g_string_assign(text, g_strstrip(line + length + 1));
    return true;
}

static bool
read_lines(Reader *reader, char **lines)
{
    g_autoptr(GString) text = g_string_new(NULL);
    const char *key = NULL;
    unsigned number = 1;

    for (; *lines != NULL; lines++, number++) {
        bool more = **lines == ' ' || **lines == '\t';
        char *line = g_strchomp(*lines);

        if (*line == '\0' || *line == '#')
            continue;
        if (more && key != NULL) {
            join(text, g_strchug(line));
            continue;
        }
        if (key != NULL && !take_phrase(reader, key, text->str))
            return false;
        reader->line = number;
        if (!begin_phrase(reader, line, &key, text))
            return false;
    }
    return key == NULL || take_phrase(reader, key, text->str);
}

/* What a language of its own must say: all of the model, and something for every subject. */
static bool
check_complete(const Reader *reader)
{
    g_autoptr(GString) missing = g_string_new(NULL);
    const char *key;
    json_t *value;

    json_object_foreach(reader->model->say, key, value)
    {
        if (json_object_get(reader->phrases->say, key) == NULL && missing->len < 200)
            g_string_append_printf(missing, "%s%s", missing->len > 0 ? ", " : "", key);
    }
    for (unsigned subject = 0; subject <= 7; subject++) {
        char code[CODE_MAX];

        if (json_object_get(reader->phrases->codes, code_key(subject, 0, code)) == NULL)
            g_string_append_printf(missing, "%s%s", missing->len > 0 ? ", " : "", code);
    }
    return missing->len == 0 ||
           fail(reader, "no words of this language are known, so all are needed; missing: %s",
                missing->str);
}

DsnPhrases *
dsn_phrases_read(const char *name, const char *tag, const char *text, size_t length,
                 const DsnPhrases *model, const DsnPhrases *under, GError **error)
{
    g_autoptr(DsnPhrases) phrases = g_new0(DsnPhrases, 1);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Reader reader = {name, 1, phrases, seen, model, error};
    const char *bad;

    (void)g_strlcpy(phrases->tag, tag, sizeof phrases->tag);
    phrases->name = g_strdup(name);
    phrases->say = under == NULL ? json_object() : json_copy(under->say);
    phrases->codes = under == NULL ? json_object() : json_copy(under->codes);
    if (!g_utf8_validate_len(text, length, &bad)) {
        for (const char *at = text; at < bad; at++)
            reader.line += *at == '\n';
        (void)fail(&reader, "this is not UTF-8 text");
        return NULL;
    }
    g_autofree char *copy = g_strndup(text, length);
    g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);
    if (!read_lines(&reader, lines) || (model != NULL && under == NULL && !check_complete(&reader)))
        return NULL;
    return g_steal_pointer(&phrases);
}

/* What also means something where nothing has failed (RFC 3463 section 3, RFC 6710). */
static bool
fits_success(unsigned subject, unsigned detail)
{
    return (subject == 1 && (detail == 5 || detail == 9)) || (subject == 3 && detail == 6) ||
           (subject == 6 && detail == 4);
}

json_t *
dsn_phrases_explain(const DsnPhrases *phrases, const char *status)
{
    unsigned long subject = 0, detail = 0;
    char key[CODE_MAX], *end;
    json_t *found;

    if (g_ascii_isdigit(status[0]) && status[1] == '.' && g_ascii_isdigit(status[2])) {
        subject = strtoul(status + 2, &end, 10);
        if (*end == '.' && g_ascii_isdigit(end[1]))
            detail = strtoul(end + 1, &end, 10);
    }
    subject = MIN(subject, 1000);
    detail = MIN(detail, 1000);
    if (status[0] == '2' && !fits_success((unsigned)subject, (unsigned)detail))
        return json_object_get(phrases->say, "no_problem");
    found =
        subject > 999 || detail > 999
            ? NULL
            : json_object_get(phrases->codes, code_key((unsigned)subject, (unsigned)detail, key));
    if (found == NULL && subject <= 999)
        found = json_object_get(phrases->codes, code_key((unsigned)subject, 0, key));
    return found != NULL ? found : json_object_get(phrases->codes, "X.0.0");
}
