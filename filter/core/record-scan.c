/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/record.h"

#include "filter/core/json-blocks.h"

/* Only the brackets outside of strings and the beginnings of strings have to be visited. */
typedef struct Scan {
    DsnSpan line;
    DsnRecordKeys keys;
    DsnJsonCarry carry;
    unsigned depth;
    size_t end; /* index behind the object, 0 until it is closed */
} Scan;

static size_t
skip_space(DsnSpan line, size_t i)
{
    while (i < line.len && dsn_is_space(line.data[i]))
        i++;
    return i;
}

/* If the string whose opening quote is at @start is the key @name, keeps its value. False if that
 * is not a plain string, or if the key stands twice. */
static bool
take_key(DsnSpan line, size_t start, DsnSpan name, DsnSpan *value)
{
    size_t i = start + 1 + name.len;

    if (line.len - start < name.len + 2 || line.data[i] != '"' ||
        memcmp(line.data + start + 1, name.data, name.len) != 0)
        return true;
    i = skip_space(line, i + 1);
    if (i == line.len || line.data[i] != ':')
        return true; /* a value that happens to read like a key */

    i = skip_space(line, i + 1);
    if (dsn_span_present(*value) || i == line.len || line.data[i] != '"')
        return false;
    const char *text = line.data + i + 1;
    const char *end = memchr(text, '"', line.len - i - 1);
    if (end == NULL)
        return false;
    *value = (DsnSpan){text, (size_t)(end - text)};
    return true;
}

/* Looks at one block, which begins at @base. True on anything odd: at depth 1 a backslash may hide
 * a key, and nothing but white space may stand outside of the object. */
static bool
visit_block(gpointer state, const char *bytes, size_t base)
{
    Scan *scan = state;
    DsnJsonBlock block = dsn_json_look(bytes, &scan->carry);

    for (uint64_t rest = block.opening | block.closing | block.starts | block.backslashes;
         rest != 0; rest &= rest - 1) {
        uint64_t bit = rest & -rest;
        size_t i = base + (size_t)__builtin_ctzll(rest);

        if (scan->end != 0)
            return true;
        if (bit & block.opening) {
            scan->depth++;
        } else if (bit & block.closing) {
            if (--scan->depth == 0)
                scan->end = i + 1;
        } else if (scan->depth == 1) {
            if (!(bit & block.starts) ||
                !take_key(scan->line, i, DSN_SPAN_LITERAL("type"), &scan->keys.type) ||
                !take_key(scan->line, i, DSN_SPAN_LITERAL("id"), &scan->keys.id))
                return true;
        }
    }
    return false;
}

bool
dsn_record_scan(DsnSpan line, DsnRecordKeys *ret_keys)
{
    Scan scan = {.line = line};
    size_t start = skip_space(line, 0);

    if (start == line.len || line.data[start] != '{' ||
        dsn_json_walk(line, start, visit_block, &scan) || scan.end == 0 ||
        skip_space(line, scan.end) != line.len)
        return false;
    *ret_keys = scan.keys;
    return true;
}
