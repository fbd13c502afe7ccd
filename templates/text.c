/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/text.h"

#include "templates/print.h"

size_t
dsn_text_length(const char *text, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < size; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

const char *
dsn_text_at(const char *text, size_t size, size_t index)
{
    const char *end = text + size;

    for (; index > 0 && text < end; index--)
        text += dsn_text_step(text);
    return text;
}

const DsnValue *
dsn_text_characters(DsnRun *run, const char *text, size_t size, size_t *ret_n)
{
    size_t n = dsn_text_length(text, size);
    DsnValue *items = dsn_run_items(run, n);

    for (size_t i = 0; i < n; i++) {
        size_t step = dsn_text_step(text);

        items[i] = dsn_value_text(text, step);
        text += step;
    }
    *ret_n = n;
    return items;
}

DsnValue
dsn_text_of(DsnRun *run, DsnValue value)
{
    if (value.kind == DSN_VALUE_STRING)
        return value;

    size_t mark = dsn_run_mark(run);
    dsn_print(run, value);
    return dsn_run_take(run, mark);
}

/* Appends @size bytes of ASCII with every letter changed. */
static void
write_ascii_case(DsnRun *run, const char *text, size_t size, bool upper)
{
    size_t mark = dsn_run_mark(run);

    dsn_run_write(run, text, size);
    for (char *at = run->out->str + mark, *end = run->out->str + run->out->len; at < end; at++)
        *at = upper ? g_ascii_toupper(*at) : g_ascii_tolower(*at);
}

/* Appends @text with every letter changed. Letters beyond ASCII may become two (sharp s) or depend
 * on their neighbours (final sigma): they are GLib's, who would treat "i" after the locale. */
static void
write_case(DsnRun *run, const char *text, size_t size, bool upper)
{
    const char *end = text + size;

    while (text < end) {
        bool ascii = (unsigned char)*text < 0x80;
        const char *start = text;

        while (text < end && ((unsigned char)*text < 0x80) == ascii)
            text++;
        if (ascii) {
            write_ascii_case(run, start, (size_t)(text - start), upper);
        } else {
            g_autofree char *changed =
                upper ? g_utf8_strup(start, text - start) : g_utf8_strdown(start, text - start);
            dsn_run_write_text(run, changed);
        }
    }
}

static DsnValue
change_case(DsnRun *run, DsnValue text, bool upper)
{
    size_t mark = dsn_run_mark(run);

    dsn_run_scan(run, text.size);
    write_case(run, text.text, text.size, upper);
    return dsn_run_take(run, mark);
}

DsnValue
dsn_text_upper(DsnRun *run, DsnValue text)
{
    return change_case(run, text, true);
}

DsnValue
dsn_text_lower(DsnRun *run, DsnValue text)
{
    return change_case(run, text, false);
}

DsnValue
dsn_text_capitalize(DsnRun *run, DsnValue text)
{
    size_t mark = dsn_run_mark(run), step;

    if (text.size == 0)
        return text;
    step = dsn_text_step(text.text);
    dsn_run_scan(run, text.size);
    write_case(run, text.text, step, true);
    write_case(run, text.text + step, text.size - step, false);
    return dsn_run_take(run, mark);
}

static bool
is_space(const char *text)
{
    gunichar c = g_utf8_get_char(text);

    return g_unichar_isspace(c) || c == 0x0b || c == 0x85;
}

DsnValue
dsn_text_title(DsnRun *run, DsnValue text)
{
    const char *at = text.text, *end = at + text.size, *word = at;
    size_t mark = dsn_run_mark(run);
    bool start = true;

    /* Word by word, so that each is lower-cased as one. */
    while (at < end) {
        size_t step = dsn_text_step(at);
        bool between = is_space(at) || g_ascii_ispunct(*at);

        at += step;
        if (!between && start) {
            write_case(run, at - step, step, true);
            word = at;
        } else if (between) {
            write_case(run, word, (size_t)(at - word), false);
            word = at;
        }
        start = between;
    }
    write_case(run, word, (size_t)(end - word), false);
    run->fuel -= text.size;
    return dsn_run_take(run, mark);
}

DsnValue
dsn_text_reverse(DsnRun *run, DsnValue text)
{
    size_t mark = dsn_run_mark(run), n;
    const DsnValue *characters = dsn_text_characters(run, text.text, text.size, &n);

    while (n-- > 0)
        dsn_run_write(run, characters[n].text, characters[n].size);
    return dsn_run_take(run, mark);
}

static bool
is_trimmed(DsnValue set, const char *at, size_t step)
{
    if (set.kind != DSN_VALUE_STRING)
        return is_space(at);
    return memmem(set.text, set.size, at, step) != NULL;
}

DsnValue
dsn_text_trim(DsnRun *run, DsnValue text, DsnValue set, DsnTrim ends)
{
    const char *start = text.text, *end = start + text.size;
    int64_t price = set.kind == DSN_VALUE_STRING ? 1 + set.size / 64 : 1;

    while (ends & DSN_TRIM_START && start < end && is_trimmed(set, start, dsn_text_step(start)) &&
           run->fuel >= 0) {
        start += dsn_text_step(start);
        run->fuel -= price;
    }
    while (ends & DSN_TRIM_END && start < end && run->fuel >= 0) {
        const char *last = end - 1;

        while (((unsigned char)*last & 0xc0) == 0x80)
            last--;
        if (!is_trimmed(set, last, (size_t)(end - last)))
            break;
        end = last;
        run->fuel -= price;
    }
    return dsn_value_text(start, (size_t)(end - start));
}

/* An empty @from is found before every character and at the end. */
static DsnValue
replace_nothing(DsnRun *run, DsnValue text, DsnValue to, size_t most)
{
    const char *at = text.text, *end = at + text.size;
    size_t mark = dsn_run_mark(run);

    for (; most > 0 && dsn_run_may_go_on(run); most--) {
        run->fuel--;
        dsn_run_write(run, to.text, to.size);
        if (at == end)
            break;
        size_t step = dsn_text_step(at);
        dsn_run_write(run, at, step);
        at += step;
    }
    dsn_run_write(run, at, (size_t)(end - at));
    return dsn_run_take(run, mark);
}

DsnValue
dsn_text_replace(DsnRun *run, DsnValue text, DsnValue from, DsnValue to, size_t most)
{
    const char *at = text.text, *end = at + text.size, *found;
    size_t mark = dsn_run_mark(run);

    dsn_run_scan(run, text.size);
    if (from.size == 0)
        return replace_nothing(run, text, to, most);
    for (; most > 0 && dsn_run_may_go_on(run); most--) {
        found = memmem(at, (size_t)(end - at), from.text, from.size);
        if (found == NULL)
            break;
        run->fuel--;
        dsn_run_write(run, at, (size_t)(found - at));
        dsn_run_write(run, to.text, to.size);
        at = found + from.size;
    }
    dsn_run_write(run, at, (size_t)(end - at));
    return dsn_run_take(run, mark);
}

static DsnValue
split_at_space(DsnRun *run, DsnValue text, size_t most)
{
    const char *at = text.text, *end = at + text.size;
    DsnItems items = {0};

    while (dsn_run_may_go_on(run)) {
        const char *start;

        while (at < end && is_space(at))
            at += dsn_text_step(at);
        if (at == end)
            break;
        start = at;
        if (most-- == 0) {
            at = end;
        } else {
            while (at < end && !is_space(at))
                at += dsn_text_step(at);
        }
        dsn_items_add(run, &items, dsn_value_text(start, (size_t)(at - start)));
    }
    return dsn_items_list(&items);
}

DsnValue
dsn_text_split(DsnRun *run, DsnValue text, DsnValue separator, size_t most)
{
    const char *at = text.text, *end = at + text.size, *found;
    DsnItems items = {0};

    dsn_run_scan(run, text.size);
    if (separator.kind != DSN_VALUE_STRING)
        return split_at_space(run, text, most);
    if (separator.size == 0) {
        /* Between all characters, before the first and after the last. */
        if (most > 0) {
            dsn_items_add(run, &items, dsn_value_text(at, 0));
            most--;
        }
        for (; most > 0 && at < end && dsn_run_may_go_on(run); most--) {
            size_t step = dsn_text_step(at);

            dsn_items_add(run, &items, dsn_value_text(at, step));
            at += step;
        }
    } else {
        for (; most > 0 && dsn_run_may_go_on(run); most--) {
            found = memmem(at, (size_t)(end - at), separator.text, separator.size);
            if (found == NULL)
                break;
            dsn_items_add(run, &items, dsn_value_text(at, (size_t)(found - at)));
            at = found + separator.size;
        }
    }
    dsn_items_add(run, &items, dsn_value_text(at, (size_t)(end - at)));
    return dsn_items_list(&items);
}

DsnValue
dsn_text_lines(DsnRun *run, DsnValue text, bool keep)
{
    const char *at = text.text, *end = at + text.size;
    DsnItems items = {0};

    while (at < end && dsn_run_may_go_on(run)) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *next = newline == NULL ? end : newline + 1;
        const char *stop = newline == NULL || keep ? next : newline;

        if (!keep && newline != NULL && stop > at && stop[-1] == '\r')
            stop--;
        dsn_items_add(run, &items, dsn_value_text(at, (size_t)(stop - at)));
        at = next;
    }
    return dsn_items_list(&items);
}

static bool
is_numeric(gunichar c)
{
    GUnicodeType type = g_unichar_type(c);

    return type == G_UNICODE_DECIMAL_NUMBER || type == G_UNICODE_LETTER_NUMBER ||
           type == G_UNICODE_OTHER_NUMBER;
}

static bool
is_of_class(const char *at, DsnTextClass class)
{
    gunichar c = g_utf8_get_char(at);

    switch (class) {
    case DSN_TEXT_LOWER:
        return g_unichar_islower(c);
    case DSN_TEXT_UPPER:
        return g_unichar_isupper(c);
    case DSN_TEXT_SPACE:
        return is_space(at);
    case DSN_TEXT_NUMERIC:
        return is_numeric(c);
    case DSN_TEXT_ALPHABETIC:
        return g_unichar_isalpha(c);
    case DSN_TEXT_ALPHANUMERIC:
        return g_unichar_isalpha(c) || is_numeric(c);
    case DSN_TEXT_ASCII:
        break;
    }
    return c < 0x80;
}

bool
dsn_text_only(DsnRun *run, DsnValue text, DsnTextClass class)
{
    const char *at = text.text, *end = at + text.size;

    run->fuel -= text.size / 8;
    while (at < end && is_of_class(at, class))
        at += dsn_text_step(at);
    return at == end;
}

void
dsn_text_write_html(DsnRun *run, const char *text, size_t size)
{
    const char *end = text + size, *clean = text;

    for (; text < end; text++) {
        const char *escape = NULL;

        switch (*text) {
        case '<':
            escape = "&lt;";
            break;
        case '>':
            escape = "&gt;";
            break;
        case '&':
            escape = "&amp;";
            break;
        case '"':
            escape = "&quot;";
            break;
        case '\'':
            escape = "&#x27;";
            break;
        case '/':
            escape = "&#x2f;";
            break;
        default:
            continue;
        }
        dsn_run_write(run, clean, (size_t)(text - clean));
        dsn_run_write_text(run, escape);
        clean = text + 1;
    }
    dsn_run_write(run, clean, (size_t)(text - clean));
}

void
dsn_text_write_inert(DsnRun *run, const char *text, size_t size)
{
    const char *end = text + size, *from = text;

    for (const char *at = text; at < end; at++) {
        if (strchr("@.:/", *at) == NULL || *at == '\0' || at + 1 == end || g_ascii_isspace(at[1]))
            continue;
        dsn_text_write_html(run, from, (size_t)(at + 1 - from));
        dsn_run_write_text(run, "<wbr>");
        from = at + 1;
    }
    dsn_text_write_html(run, from, (size_t)(end - from));
}
