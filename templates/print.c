/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/print.h"

#include "templates/number.h"
#include "templates/objects.h"
#include "templates/text.h"
#include "templates/tree.h"

/* How a container is laid out; the same walk serves all forms. */
typedef struct Layout {
    bool json;
    bool lines;
    bool last_comma; /* also after the last item, as in pretty printing */
    size_t indent;
    size_t level;
} Layout;

static bool write_value(DsnRun *run, DsnValue value, Layout *layout);

static bool
is_shown(gunichar c)
{
    GUnicodeType type = g_unichar_type(c);

    return c == ' ' ||
           (type != G_UNICODE_CONTROL && type != G_UNICODE_FORMAT && type != G_UNICODE_UNASSIGNED &&
            type != G_UNICODE_PRIVATE_USE && type != G_UNICODE_LINE_SEPARATOR &&
            type != G_UNICODE_PARAGRAPH_SEPARATOR && type != G_UNICODE_SPACE_SEPARATOR);
}

static void
write_quoted(DsnRun *run, const char *text, size_t size)
{
    const char *end = text + size;
    char escape[16];

    dsn_run_write_char(run, '"');
    while (text < end) {
        gunichar c = g_utf8_get_char(text);
        size_t step = dsn_text_step(text);

        if (c == '"' || c == '\\') {
            dsn_run_write_char(run, '\\');
            dsn_run_write_char(run, (char)c);
        } else if (c == '\n') {
            dsn_run_write_text(run, "\\n");
        } else if (c == '\r') {
            dsn_run_write_text(run, "\\r");
        } else if (c == '\t') {
            dsn_run_write_text(run, "\\t");
        } else if (c == '\0') {
            dsn_run_write_text(run, "\\0");
        } else if (is_shown(c)) {
            dsn_run_write(run, text, step);
        } else {
            g_snprintf(escape, sizeof escape, "\\u{%x}", c);
            dsn_run_write_text(run, escape);
        }
        text += step;
    }
    dsn_run_write_char(run, '"');
}

/* What stands after the backslash; 'u' for \u00xx; 0 for a byte that stands as it is. */
static const char json_escapes[256] = {
    "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu"
    "\0\0\"\0\0\0uu\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0u\0u\0"
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\\"};

static void
write_json_text(DsnRun *run, const char *text, size_t size)
{
    const char *end = text + size, *clean = text;

    dsn_run_write_char(run, '"');
    for (; text < end; text++) {
        char escape = json_escapes[(unsigned char)*text];
        char code[] = {'\\', escape, '0', '0', 0, 0};

        if (G_LIKELY(escape == 0))
            continue;
        dsn_run_write(run, clean, (size_t)(text - clean));
        clean = text + 1;
        if (escape == 'u') {
            code[4] = "0123456789abcdef"[*text >> 4];
            code[5] = "0123456789abcdef"[*text & 15];
        }
        dsn_run_write(run, code, escape == 'u' ? 6 : 2);
    }
    dsn_run_write(run, clean, (size_t)(text - clean));
    dsn_run_write_char(run, '"');
}

static void
write_string(DsnRun *run, DsnValue value, const Layout *layout)
{
    if (layout->json)
        write_json_text(run, value.text, value.size);
    else
        write_quoted(run, value.text, value.size);
}

static void
new_line(DsnRun *run, const Layout *layout)
{
    dsn_run_write_char(run, '\n');
    for (size_t i = 0; i < layout->level * layout->indent && dsn_run_may_go_on(run); i++)
        dsn_run_write_char(run, ' ');
}

/* What stands before item @i of a container. */
static void
separate(DsnRun *run, const Layout *layout, size_t i)
{
    if (i > 0)
        dsn_run_write(run, ", ", layout->json || layout->lines ? 1 : 2);
    if (layout->lines)
        new_line(run, layout);
    run->fuel--;
}

static void
finish(DsnRun *run, Layout *layout, size_t n, char closing)
{
    layout->level--;
    if (layout->lines && n > 0) {
        if (layout->last_comma)
            dsn_run_write_char(run, ',');
        new_line(run, layout);
    }
    dsn_run_write_char(run, closing);
}

static bool
write_list(DsnRun *run, DsnValue value, Layout *layout)
{
    const DsnValue *items;
    size_t n;

    (void)dsn_value_items(run, value, &items, &n); /* it is a list */
    dsn_run_write_char(run, '[');
    layout->level++;
    for (size_t i = 0; i < n && dsn_run_may_go_on(run); i++) {
        separate(run, layout, i);
        if (!write_value(run, items[i], layout))
            return false;
    }
    finish(run, layout, n, ']');
    return true;
}

/* In JSON numbers and booleans are keys as strings. */
static bool
write_key(DsnRun *run, DsnValue key, Layout *layout)
{
    if (!layout->json || key.kind == DSN_VALUE_STRING)
        return write_value(run, key, layout);
    if (!dsn_value_is_number(key) && key.kind != DSN_VALUE_BOOL)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s cannot be a key in JSON",
                            dsn_value_kind_name(key));
    dsn_run_write_char(run, '"');
    (void)write_value(run, key, layout); /* these have a JSON form */
    dsn_run_write_char(run, '"');
    return true;
}

static bool
write_map(DsnRun *run, DsnValue value, Layout *layout)
{
    const DsnPair *pairs;
    size_t n;

    (void)dsn_value_pairs(run, value, &pairs, &n); /* it is a map */
    dsn_run_write_char(run, '{');
    layout->level++;
    for (size_t i = 0; i < n && dsn_run_may_go_on(run); i++) {
        separate(run, layout, i);
        if (!write_key(run, pairs[i].key, layout))
            return false;
        dsn_run_write(run, ": ", layout->json && !layout->lines ? 1 : 2);
        if (!write_value(run, pairs[i].value, layout))
            return false;
    }
    finish(run, layout, n, '}');
    return true;
}

static bool
write_object(DsnRun *run, DsnValue value, const Layout *layout)
{
    if (layout->json)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s cannot be written as JSON",
                            dsn_value_kind_name(value));
    dsn_run_write_char(run, '<');
    dsn_run_write_text(run, dsn_value_kind_name(value) + strlen("a "));
    if (value.kind == DSN_VALUE_LOOP) {
        dsn_run_write_char(run, ' ');
        dsn_number_write_integer(run, (DsnInteger)value.loop->index);
        dsn_run_write_char(run, '/');
        dsn_number_write_integer(run, (DsnInteger)value.loop->n);
    } else if (value.kind == DSN_VALUE_MACRO) {
        DsnValue name = value.macro->node->macro.name;

        dsn_run_write_char(run, ' ');
        dsn_run_write(run, name.text, name.size);
    }
    dsn_run_write_char(run, '>');
    return true;
}

static void
write_float(DsnRun *run, double real, const Layout *layout)
{
    if (layout->json && real - real != 0) /* JSON has no word for infinity and the like */
        dsn_run_write_text(run, "null");
    else
        dsn_number_write_float(run, real, layout->json);
}

static bool
write_value(DsnRun *run, DsnValue value, Layout *layout)
{
    bool ok;

    switch ((DsnValueKind)value.kind) {
    case DSN_VALUE_UNDEFINED:
        dsn_run_write_text(run, layout->json ? "null" : "undefined");
        return true;
    case DSN_VALUE_NONE:
        dsn_run_write_text(run, layout->json ? "null" : "none");
        return true;
    case DSN_VALUE_BOOL:
        dsn_run_write_text(run, value.truth ? "true" : "false");
        return true;
    case DSN_VALUE_INTEGER:
        dsn_number_write_integer(run, value.integer);
        return true;
    case DSN_VALUE_BIG:
        dsn_number_write_integer(run, *value.big);
        return true;
    case DSN_VALUE_FLOAT:
        write_float(run, value.real, layout);
        return true;
    case DSN_VALUE_STRING:
        write_string(run, value, layout);
        return true;
    case DSN_VALUE_LIST:
    case DSN_VALUE_MAP:
    case DSN_VALUE_NAMESPACE:
        if (!dsn_run_descend(run))
            return true;
        ok = value.kind == DSN_VALUE_LIST ? write_list(run, value, layout)
                                          : write_map(run, value, layout);
        run->depth++;
        return ok;
    case DSN_VALUE_LOOP:
    case DSN_VALUE_MACRO:
    case DSN_VALUE_CYCLER:
    case DSN_VALUE_JOINER:
    case DSN_VALUE_UNRESOLVED:
        break;
    }
    return write_object(run, value, layout);
}

void
dsn_print(DsnRun *run, DsnValue value)
{
    if (value.kind == DSN_VALUE_STRING)
        dsn_run_write(run, value.text, value.size);
    else if (value.kind != DSN_VALUE_UNDEFINED)
        dsn_print_quoted(run, value);
}

void
dsn_print_quoted(DsnRun *run, DsnValue value)
{
    Layout layout = {0};

    (void)write_value(run, value, &layout); /* only JSON can fail */
}

void
dsn_print_pretty(DsnRun *run, DsnValue value)
{
    Layout layout = {.lines = true, .last_comma = true, .indent = 4};

    (void)write_value(run, value, &layout); /* only JSON can fail */
}

bool
dsn_print_json(DsnRun *run, DsnValue value, bool lines, size_t indent)
{
    Layout layout = {.json = true, .lines = lines, .indent = indent};

    return write_value(run, value, &layout);
}
