/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/option-value.h"

#include "filter/core/number.h"
#include "filter/core/read-file.h"
#include "templates/suggest.h"
#include "filter/core/toml.h"

#include <errno.h>

#define SECRET_FILE_MAX ((size_t)64 * 1024)

typedef struct Unit {
    const char *name;
    int64_t factor;
} Unit;

static const Unit size_units[] = {
    {"B", 1},
    {"kB", 1000},
    {"KiB", 1024},
    {"MB", 1000 * 1000},
    {"MiB", 1024 * 1024},
    {"GB", 1000 * 1000 * 1000},
    {"GiB", 1024 * 1024 * 1024},
};

#define MINUTE G_TIME_SPAN_MINUTE
#define HOUR G_TIME_SPAN_HOUR
#define DAY G_TIME_SPAN_DAY
/* As KumoMTA counts them: 30.44 and 365.25 days. */
#define MONTH (2630016 * G_TIME_SPAN_SECOND)
#define YEAR (31557600 * G_TIME_SPAN_SECOND)

static const Unit duration_units[] = {
    {"us", 1},
    {"usec", 1},
    {"ms", 1000},
    {"msec", 1000},
    {"millis", 1000},
    {"s", G_TIME_SPAN_SECOND},
    {"sec", G_TIME_SPAN_SECOND},
    {"secs", G_TIME_SPAN_SECOND},
    {"second", G_TIME_SPAN_SECOND},
    {"seconds", G_TIME_SPAN_SECOND},
    {"m", MINUTE},
    {"min", MINUTE},
    {"mins", MINUTE},
    {"minute", MINUTE},
    {"minutes", MINUTE},
    {"h", HOUR},
    {"hr", HOUR},
    {"hrs", HOUR},
    {"hour", HOUR},
    {"hours", HOUR},
    {"d", DAY},
    {"day", DAY},
    {"days", DAY},
    {"w", 7 * DAY},
    {"wk", 7 * DAY},
    {"wks", 7 * DAY},
    {"week", 7 * DAY},
    {"weeks", 7 * DAY},
    {"M", MONTH},
    {"month", MONTH},
    {"months", MONTH},
    {"y", YEAR},
    {"yr", YEAR},
    {"yrs", YEAR},
    {"year", YEAR},
    {"years", YEAR},
};

/* ---- what stands in complaints ---- */

static void
append_words(GString *text, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++)
        g_string_append_printf(text, "%s\"%s\"", i > 0 ? ", " : "", words[i]);
}

static void
append_size(GString *text, int64_t bytes)
{
    const Unit *unit = &size_units[0];

    for (size_t i = 1; i < G_N_ELEMENTS(size_units) && bytes > 0; i++) {
        if (bytes % size_units[i].factor == 0)
            unit = &size_units[i];
    }
    g_string_append_printf(text, "%" G_GINT64_FORMAT "%s", bytes / unit->factor, unit->name);
}

static void
append_duration(GString *text, int64_t span)
{
    static const Unit shown[] = {{"d", DAY},      {"h", HOUR},
                                 {"min", MINUTE}, {"s", G_TIME_SPAN_SECOND},
                                 {"ms", 1000},    {"us", 1}};
    const Unit *unit = span == 0 ? &shown[3] : shown;

    while (span % unit->factor != 0)
        unit++;
    g_string_append_printf(text, "%" G_GINT64_FORMAT "%s", span / unit->factor, unit->name);
}

static void
append_range(GString *text, const DsnOption *option, void (*append)(GString *text, int64_t number))
{
    g_string_append(text, " from ");
    append(text, option->min);
    g_string_append(text, " to ");
    append(text, option->max);
}

static void
append_number(GString *text, int64_t number)
{
    g_string_append_printf(text, "%" G_GINT64_FORMAT, number);
}

static void
append_expected(GString *text, const DsnOption *option)
{
    g_string_append(text, "expected ");
    switch (option->type) {
    case DSN_OPTION_STRING:
        g_string_append(text, "a string");
        break;
    case DSN_OPTION_PATH:
        g_string_append(text, "a path as a string");
        break;
    case DSN_OPTION_BOOL:
        g_string_append(text, "true or false");
        break;
    case DSN_OPTION_NUMBER:
        g_string_append(text, "a whole number");
        append_range(text, option, append_number);
        break;
    case DSN_OPTION_SIZE:
        g_string_append(text, "a size such as \"64KiB\" or \"50kB\"");
        append_range(text, option, append_size);
        break;
    case DSN_OPTION_MODE:
        g_string_append(text, "rights in octal such as \"660\"");
        break;
    case DSN_OPTION_DURATION:
        g_string_append(text, "a duration such as \"5 minutes\" or \"90s\"");
        append_range(text, option, append_duration);
        break;
    case DSN_OPTION_WORD:
        g_string_append(text, "one of ");
        append_words(text, option->words);
        break;
    case DSN_OPTION_LIST:
        g_string_append(text, option->words == NULL ? "a list of strings" : "a list of ");
        if (option->words != NULL)
            append_words(text, option->words);
        break;
    case DSN_OPTION_MAP:
    case DSN_OPTION_SECTIONS:
        g_string_append(text, "a table");
        break;
    case DSN_OPTION_INCLUDE:
        g_string_append(text, "the name of a file, or a pattern, as a string");
        break;
    }
    if (option->share)
        g_string_append(text, ", or a share such as \"10%\"");
}

static void
append_found(GString *text, const DsnOption *option, const json_t *value)
{
    g_string_append(text, ", got ");
    switch (json_typeof(value)) {
    case JSON_STRING:
        if (option->secret)
            g_string_append(text, "another string");
        else
            dsn_toml_quote(text, json_string_value(value));
        break;
    case JSON_INTEGER:
        append_number(text, json_integer_value(value));
        break;
    case JSON_REAL:
        g_string_append_printf(text, "%g", json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        g_string_append(text, json_is_true(value) ? "true" : "false");
        break;
    case JSON_ARRAY:
        g_string_append(text, "a list");
        break;
    case JSON_OBJECT:
        g_string_append(text, "a table");
        break;
    }
}

/* Writes the complaint "expected ..., got ..." and returns false. */
static bool
refuse(const DsnOption *option, const json_t *value, GString *complaint)
{
    append_expected(complaint, option);
    append_found(complaint, option, value);
    if (option->words != NULL && json_is_string(value)) {
        const char *near = dsn_suggest(json_string_value(value), option->words);
        if (near != NULL && strcmp(near, json_string_value(value)) != 0) /* a word, for a list */
            g_string_append_printf(complaint, ", did you mean \"%s\"?", near);
    }
    return false;
}

/* ---- strings ---- */

/* "${NAME}" at @start: appends the variable. Returns what comes after, or NULL and a complaint. */
static const char *
expand_variable(const char *start, GString *text, GString *complaint)
{
    const char *name = start + 2;
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

    if (len == 0 || name[len] != '}' || g_ascii_isdigit(*name)) {
        g_string_append(complaint, "\"${\" begins the name of an environment variable, as in "
                                   "${HOME}; a plain \"$\" is written \"$$\"");
        return NULL;
    }
    g_autofree char *variable = g_strndup(name, len);
    const char *value = g_getenv(variable);
    if (value == NULL) {
        g_string_append_printf(complaint, "the environment variable %s is not set", variable);
        return NULL;
    }
    if (!g_utf8_validate(value, -1, NULL)) {
        g_string_append_printf(complaint, "the environment variable %s is not UTF-8", variable);
        return NULL;
    }
    g_string_append(text, value);
    return name + len + 1;
}

/* The string in @value with "${NAME}" replaced by the environment variable and "$$" by "$"
 * (transfer full), or NULL and a complaint. */
static char *
expand(const json_t *value, GString *complaint)
{
    const char *c = json_string_value(value);
    g_autoptr(GString) text = g_string_sized_new(json_string_length(value));

    if (strlen(c) != json_string_length(value)) {
        g_string_append(complaint, "a string cannot hold U+0000 here");
        return NULL;
    }
    for (;;) {
        size_t plain = strcspn(c, "$");

        g_string_append_len(text, c, (gssize)plain);
        c += plain;
        if (*c == '\0')
            return g_string_free(g_steal_pointer(&text), FALSE);
        if (c[1] == '{') {
            c = expand_variable(c, text, complaint);
            if (c == NULL)
                return NULL;
        } else {
            g_string_append_c(text, '$');
            c += c[1] == '$' ? 2 : 1;
        }
    }
}

/* A string that passes the checks of @option (transfer full), or NULL and a complaint. */
static char *
read_text(const DsnOption *option, const json_t *value, GString *complaint)
{
    if (!json_is_string(value)) {
        refuse(option, value, complaint);
        return NULL;
    }
    g_autofree char *text = expand(value, complaint);
    if (text == NULL)
        return NULL;
    if (option->secret && strcmp(text, DSN_OPTION_MASK) == 0) {
        g_string_append(complaint, "the mask that hides a secret was given in its place");
        return NULL;
    }
    if (option->words != NULL && !g_strv_contains(option->words, text)) {
        refuse(option, value, complaint);
        return NULL;
    }
    /* An empty string is none given, but it is an entry of a list or a map. */
    bool given = *text != '\0' || option->type == DSN_OPTION_LIST || option->type == DSN_OPTION_MAP;
    const char *expected = option->check == NULL || !given ? NULL : option->check(text);
    if (expected != NULL) {
        g_string_append_printf(complaint, "expected %s", expected);
        append_found(complaint, option, value);
        return NULL;
    }
    return g_steal_pointer(&text);
}

/* Paths stand in messages, where a line feed would begin a line of its own. */
static bool
has_control(const char *text)
{
    while (*text != '\0' && !g_ascii_iscntrl(*text))
        text++;
    return *text != '\0';
}

static bool
check_path(const char *text, GString *complaint)
{
    if (!has_control(text))
        return true;
    g_string_append(complaint, "a path cannot hold control characters");
    return false;
}

/* Of PATH and INCLUDE, too. */
static bool
read_string(const DsnOption *option, const json_t *value, const char *directory, char **slot,
            GString *complaint)
{
    g_autofree char *text = read_text(option, value, complaint);

    if (text == NULL)
        return false;
    if (option->type != DSN_OPTION_STRING && !check_path(text, complaint))
        return false;
    g_clear_pointer(slot, g_free);
    if (*text == '\0')
        *slot = option->computed == NULL ? NULL : g_strdup(option->computed());
    else if (option->type == DSN_OPTION_PATH)
        *slot = g_canonicalize_filename(text, directory);
    else
        *slot = g_steal_pointer(&text);
    return true;
}

/* A string that says the same as a table in a list, or the entry as it is (transfer full); or NULL
 * and a complaint. */
static json_t *
compose(const DsnOption *option, json_t *entry, GString *complaint)
{
    const char *key;
    json_t *value;

    if (!json_is_object(entry) || option->compose == NULL)
        return json_incref(entry);
    json_auto_t *expanded = json_object();
    json_object_foreach(entry, key, value)
    {
        g_autofree char *text = json_is_string(value) ? expand(value, complaint) : NULL;

        if (!json_is_string(value)) {
            g_string_append(complaint, "expected a table of strings");
            append_found(complaint, option, value);
        }
        if (text == NULL)
            return NULL;
        json_object_set_new_nocheck(expanded, key, json_string_nocheck(text));
    }
    g_autofree char *text = option->compose(expanded, complaint);
    return text == NULL ? NULL : json_string(text);
}

/* An entry of a list as it is kept, takes over @text; or NULL and a complaint. */
static char *
locate(const DsnOption *option, char *text, const char *directory, GString *complaint)
{
    g_autofree char *given = text;

    if (option->paths == NULL || given == NULL || !g_str_has_prefix(given, option->paths))
        return g_steal_pointer(&given);
    if (!check_path(given, complaint))
        return NULL;
    g_autofree char *path = g_canonicalize_filename(given + strlen(option->paths), directory);
    return g_strconcat(option->paths, path, NULL);
}

static bool
read_list(const DsnOption *option, const json_t *value, const char *directory, GPtrArray **slot,
          GString *complaint)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
    size_t i;
    json_t *element;

    if (!json_is_array(value))
        return refuse(option, value, complaint);
    json_array_foreach(value, i, element)
    {
        json_auto_t *entry = compose(option, element, complaint);
        char *text = entry == NULL ? NULL : read_text(option, entry, complaint);

        text = locate(option, text, directory, complaint);
        if (text == NULL)
            return false;
        g_ptr_array_add(list, text);
    }
    g_clear_pointer(slot, g_ptr_array_unref);
    *slot = g_steal_pointer(&list);
    return true;
}

static bool
read_word(const DsnOption *option, const json_t *value, int *slot, GString *complaint)
{
    g_autofree char *text = read_text(option, value, complaint);

    if (text == NULL)
        return false;
    for (int i = 0; option->words[i] != NULL; i++) {
        if (strcmp(text, option->words[i]) == 0)
            *slot = i;
    }
    return true;
}

/* ---- numbers ---- */

/* Adds "10 MB" at *@text, which then is behind it and the spaces that follow. */
static bool
add_quantity(const char **text, const Unit *units, size_t n_units, int64_t *sum)
{
    const char *digits = *text;
    const char *name = digits + strspn(digits, "0123456789");
    int64_t number;

    errno = 0;
    number = g_ascii_strtoll(digits, NULL, 10);
    if (name == digits || errno == ERANGE)
        return false;
    name += strspn(name, " ");

    size_t len = strcspn(name, " 0123456789");
    for (size_t i = 0; i < n_units; i++) {
        if (strlen(units[i].name) == len && strncmp(units[i].name, name, len) == 0) {
            *text = name + len + strspn(name + len, " ");
            return !__builtin_mul_overflow(number, units[i].factor, &number) &&
                   !__builtin_add_overflow(*sum, number, sum);
        }
    }
    return false;
}

static bool
parse_size(const char *text, int64_t *ret_bytes)
{
    *ret_bytes = 0;
    return add_quantity(&text, size_units, G_N_ELEMENTS(size_units), ret_bytes) && *text == '\0';
}

bool
dsn_duration_parse(const char *text, GTimeSpan *ret_span)
{
    int64_t span = 0;

    do {
        if (!add_quantity(&text, duration_units, G_N_ELEMENTS(duration_units), &span))
            return false;
    } while (*text != '\0');
    if (span > DSN_OPTION_DURATION_MAX)
        return false;
    *ret_span = span;
    return true;
}

bool
dsn_rate_parse(const char *text, guint64 *ret_count, GTimeSpan *ret_span)
{
    const char *slash = strchr(text, '/');
    g_autoptr(GString) digits = g_string_new_len(text, slash == NULL ? 0 : slash - text);

    (void)g_string_replace(digits, ",", "", 0);
    (void)g_string_replace(digits, "_", "", 0);
    if (slash == NULL || !dsn_number_read(digits->str, 10, 1, 1000000000, ret_count))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(duration_units); i++) {
        if (duration_units[i].factor >= G_TIME_SPAN_SECOND && duration_units[i].factor <= DAY &&
            strcmp(duration_units[i].name, slash + 1) == 0) {
            *ret_span = duration_units[i].factor;
            return true;
        }
    }
    return false;
}

static bool
parse_seconds(const json_t *value, int64_t *ret_span)
{
    double span = json_number_value(value) * G_TIME_SPAN_SECOND;

    if (!(span >= 0 && span <= (double)DSN_OPTION_DURATION_MAX))
        return false;
    *ret_span = (int64_t)span;
    return true;
}

/* "10%". False if it is no share at all. */
static bool
read_share(const json_t *value, size_t *slot)
{
    const char *text = json_string_value(value);
    size_t len = text == NULL ? 0 : strspn(text, "0123456789");

    if (len == 0 || len > 3 || strcmp(text + len, "%") != 0)
        return false;
    size_t share = (size_t)g_ascii_strtoull(text, NULL, 10);
    if (share > 100)
        return false;
    *slot = share | DSN_OPTION_SHARE;
    return true;
}

static bool
read_quantity(const DsnOption *option, const json_t *value, int64_t *ret_number, GString *complaint)
{
    bool duration = option->type == DSN_OPTION_DURATION;
    bool good = false;

    if (duration && json_is_number(value)) {
        good = parse_seconds(value, ret_number);
    } else if (json_is_integer(value)) {
        *ret_number = json_integer_value(value);
        good = true;
    } else if (json_is_string(value) && option->type != DSN_OPTION_NUMBER) {
        g_autofree char *text = expand(value, complaint);

        if (text == NULL)
            return false;
        good = duration ? dsn_duration_parse(text, ret_number) : parse_size(text, ret_number);
    }
    if (!good || *ret_number < option->min || *ret_number > option->max)
        return refuse(option, value, complaint);
    return true;
}

/* Octal digits, as chmod(1) takes them. */
static bool
read_mode(const DsnOption *option, const json_t *value, size_t *slot, GString *complaint)
{
    guint64 mode;

    if (!json_is_string(value))
        return refuse(option, value, complaint);
    g_autofree char *text = expand(value, complaint);
    if (text == NULL)
        return false;
    if (!dsn_number_read(text, 8, 0, 0777, &mode))
        return refuse(option, value, complaint);
    *slot = mode;
    return true;
}

/* ---- any ---- */

bool
dsn_option_read(const DsnOption *option, const json_t *value, const char *directory, void *slot,
                GString *complaint)
{
    int64_t number;

    switch (option->type) {
    case DSN_OPTION_STRING:
    case DSN_OPTION_PATH:
    case DSN_OPTION_INCLUDE:
        return read_string(option, value, directory, slot, complaint);
    case DSN_OPTION_BOOL:
        if (!json_is_boolean(value))
            return refuse(option, value, complaint);
        *(bool *)slot = json_is_true(value);
        return true;
    case DSN_OPTION_NUMBER:
    case DSN_OPTION_SIZE:
        if (option->share && read_share(value, slot))
            return true;
        if (!read_quantity(option, value, &number, complaint))
            return false;
        *(size_t *)slot = (size_t)number;
        return true;
    case DSN_OPTION_DURATION:
        if (!read_quantity(option, value, &number, complaint))
            return false;
        *(GTimeSpan *)slot = number;
        return true;
    case DSN_OPTION_MODE:
        return read_mode(option, value, slot, complaint);
    case DSN_OPTION_WORD:
        return read_word(option, value, slot, complaint);
    case DSN_OPTION_LIST:
        return read_list(option, value, directory, slot, complaint);
    case DSN_OPTION_MAP:
    case DSN_OPTION_SECTIONS:
        return refuse(option, value, complaint);
    }
    g_assert_not_reached();
}

bool
dsn_option_read_file(const DsnOption *option, const json_t *value, const char *directory,
                     void *slot, GString *complaint)
{
    static const DsnOption name = {.type = DSN_OPTION_PATH};
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;
    size_t len;

    if (!dsn_option_read(&name, value, directory, &path, complaint))
        return false;
    if (path == NULL)
        return refuse(&name, value, complaint);

    g_autofree char *text = dsn_read_file(path, SECRET_FILE_MAX, &len, &error);
    if (text == NULL) {
        g_string_append_printf(complaint, "%s: %s", path, error->message);
        return false;
    }
    if (len > 0 && text[len - 1] == '\n')
        len--;
    if (len > 0 && text[len - 1] == '\r')
        len--;
    text[len] = '\0';

    const char *expected = !g_utf8_validate_len(text, len, NULL) ? "text in UTF-8"
                           : len == 0                            ? "a secret, it is empty"
                           : option->check == NULL               ? NULL
                                                                 : option->check(text);
    if (expected != NULL) {
        g_string_append_printf(complaint, "%s: expected %s", path, expected);
        return false;
    }
    g_free(*(char **)slot);
    *(char **)slot = g_steal_pointer(&text);
    return true;
}

bool
dsn_option_read_entry(const DsnOption *option, const char *key, const json_t *value, bool in_file,
                      const char *directory, void *slot, GString *complaint)
{
    static const DsnOption string = {.type = DSN_OPTION_STRING};
    char *text = NULL;

    if (!json_is_string(value))
        return refuse(&string, value, complaint);
    if (in_file)
        (void)dsn_option_read_file(option, value, directory, &text, complaint);
    else
        text = read_text(option, value, complaint);
    if (text == NULL)
        return false;
    g_hash_table_insert(*(GHashTable **)slot, g_strdup(key), text);
    return true;
}

void
dsn_option_write_text(const DsnOption *option, const char *text, GString *toml)
{
    const char *shown = option->secret && *text != '\0' ? DSN_OPTION_MASK : text;
    g_auto(GStrv) pieces = g_strsplit(shown, "$", -1);
    g_autofree char *escaped = g_strjoinv("$$", pieces);

    dsn_toml_write_string(toml, escaped);
}

static void
write_list(const DsnOption *option, const GPtrArray *list, GString *toml)
{
    g_string_append_c(toml, '[');
    for (guint i = 0; list != NULL && i < list->len; i++) {
        if (i > 0)
            g_string_append(toml, ", ");
        dsn_option_write_text(option, list->pdata[i], toml);
    }
    g_string_append_c(toml, ']');
}

/* A share as it was read; false if it is none. */
static bool
write_share(const DsnOption *option, const void *slot, GString *toml)
{
    size_t value = option->share ? *(const size_t *)slot : 0;

    if ((value & DSN_OPTION_SHARE) == 0)
        return false;
    g_string_append_printf(toml, "\"%zu%%\"", value & ~DSN_OPTION_SHARE);
    return true;
}

void
dsn_option_write(const DsnOption *option, const void *slot, GString *toml)
{
    if (write_share(option, slot, toml))
        return;
    switch (option->type) {
    case DSN_OPTION_STRING:
    case DSN_OPTION_PATH: {
        const char *text = *(char *const *)slot;

        dsn_option_write_text(option, text == NULL ? "" : text, toml);
        break;
    }
    case DSN_OPTION_BOOL:
        g_string_append(toml, *(const bool *)slot ? "true" : "false");
        break;
    case DSN_OPTION_NUMBER:
        append_number(toml, (int64_t) * (const size_t *)slot);
        break;
    case DSN_OPTION_SIZE:
        g_string_append_c(toml, '"');
        append_size(toml, (int64_t) * (const size_t *)slot);
        g_string_append_c(toml, '"');
        break;
    case DSN_OPTION_DURATION:
        g_string_append_c(toml, '"');
        append_duration(toml, *(const GTimeSpan *)slot);
        g_string_append_c(toml, '"');
        break;
    case DSN_OPTION_MODE:
        g_string_append_printf(toml, "\"%03zo\"", *(const size_t *)slot);
        break;
    case DSN_OPTION_WORD:
        dsn_option_write_text(option, option->words[*(const int *)slot], toml);
        break;
    case DSN_OPTION_LIST:
        write_list(option, *(GPtrArray *const *)slot, toml);
        break;
    case DSN_OPTION_MAP:
    case DSN_OPTION_SECTIONS:
    case DSN_OPTION_INCLUDE:
        g_assert_not_reached();
    }
}

void
dsn_option_copy(const DsnOption *option, const void *from, void *to)
{
    switch (option->type) {
    case DSN_OPTION_STRING:
    case DSN_OPTION_PATH:
        g_free(*(char **)to);
        *(char **)to = g_strdup(*(char *const *)from);
        break;
    case DSN_OPTION_BOOL:
        *(bool *)to = *(const bool *)from;
        break;
    case DSN_OPTION_NUMBER:
    case DSN_OPTION_SIZE:
    case DSN_OPTION_MODE:
        *(size_t *)to = *(const size_t *)from;
        break;
    case DSN_OPTION_DURATION:
        *(GTimeSpan *)to = *(const GTimeSpan *)from;
        break;
    case DSN_OPTION_WORD:
        *(int *)to = *(const int *)from;
        break;
    case DSN_OPTION_LIST:
        dsn_option_clear(option, to);
        *(GPtrArray **)to = g_ptr_array_ref(*(GPtrArray *const *)from);
        break;
    case DSN_OPTION_MAP:
    case DSN_OPTION_SECTIONS:
    case DSN_OPTION_INCLUDE:
        g_assert_not_reached();
    }
}

void
dsn_option_clear(const DsnOption *option, void *slot)
{
    switch (option->type) {
    case DSN_OPTION_STRING:
    case DSN_OPTION_PATH:
        g_clear_pointer((char **)slot, g_free);
        break;
    case DSN_OPTION_LIST:
    case DSN_OPTION_SECTIONS:
        g_clear_pointer((GPtrArray **)slot, g_ptr_array_unref);
        break;
    case DSN_OPTION_MAP:
        g_clear_pointer((GHashTable **)slot, g_hash_table_unref);
        break;
    case DSN_OPTION_BOOL:
    case DSN_OPTION_NUMBER:
    case DSN_OPTION_SIZE:
    case DSN_OPTION_MODE:
    case DSN_OPTION_DURATION:
    case DSN_OPTION_WORD:
    case DSN_OPTION_INCLUDE:
        break;
    }
}
