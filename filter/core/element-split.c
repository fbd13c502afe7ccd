/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/element-split.h"

#include "filter/core/json-blocks.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* An object whose end is looked for. */
typedef struct Object {
    const DsnElements *elements;
    size_t start;
    size_t depth;
    DsnJsonCarry carry;
    bool line_begins; /* with the next block */
    size_t candidate; /* the first line in it that begins with an object, 0: none */
    size_t end;
    bool broken; /* at @end */
} Object;

/* In JSON, an object inside of another comes after a colon, a comma or the beginning of a list. If
 * it does not, something before it was never closed. */
static bool
may_stand_inside(const Object *object, size_t at)
{
    const char *text = object->elements->body.data;

    do {
        at--; /* not before the object's own bracket */
    } while (dsn_is_space(text[at]));
    return text[at] == ':' || text[at] == ',' || text[at] == '[';
}

/* The opening bracket @at stands at the beginning of a line. True if the object cannot go on. */
static bool
meet_line(Object *object, size_t at)
{
    if (at == object->start || object->elements->body.data[at] != '{')
        return false;
    if (object->candidate == 0)
        object->candidate = at;
    return at < object->elements->confined || !may_stand_inside(object, at);
}

/* Looks at one block, which begins at @base. True if the object ends in it. */
static bool
visit_block(gpointer state, const char *bytes, size_t base)
{
    Object *object = state;
    DsnJsonBlock block = dsn_json_look(bytes, &object->carry);
    uint64_t feeds = dsn_json_matches(bytes, '\n', 0);
    uint64_t lines = (feeds << 1 | (object->line_begins ? 1 : 0)) & block.opening;

    object->line_begins = feeds >> (DSN_JSON_BLOCK - 1) != 0;
    feeds &= block.strings; /* a string has no line break: something is wrong before this one */
    if ((feeds | lines) == 0 && object->depth > (size_t)__builtin_popcountll(block.closing)) {
        object->depth += (size_t)__builtin_popcountll(block.opening);
        object->depth -= (size_t)__builtin_popcountll(block.closing);
        return false;
    }
    for (uint64_t rest = block.opening | block.closing | feeds; rest != 0; rest &= rest - 1) {
        uint64_t bit = rest & -rest;

        object->end = base + (size_t)__builtin_ctzll(rest);
        object->broken = (bit & feeds) || ((bit & lines) && meet_line(object, object->end));
        if (object->broken)
            return true;
        if (bit & block.opening) {
            object->depth++;
        } else if (--object->depth == 0) {
            object->broken = object->elements->body.data[object->end++] != '}';
            return true;
        }
    }
    return false;
}

/* Where the object at @start ends. If it is broken, the next one may already lie behind us: up to
 * where that was found out, no line is read more than twice, since now each stands for itself. */
static size_t
object_end(DsnElements *elements, size_t start)
{
    Object object = {.elements = elements, .start = start};

    if (!dsn_json_walk(elements->body, start, visit_block, &object)) {
        object.end = elements->body.len;
        object.broken = true;
    }
    if (!object.broken)
        return object.end;
    elements->confined = MAX(elements->confined, object.end);
    return object.candidate == 0 ? object.end : object.candidate;
}

/* Where an element of a list ends that is no object. */
static size_t
other_end(const DsnElements *elements, size_t start)
{
    const char *text = elements->body.data;
    size_t depth = 0, at = start;
    bool in_string = false;

    for (; at < elements->body.len; at++) {
        char c = text[at];

        if (c == '\n' && (in_string || depth == 0))
            break;
        if (in_string && c == '\\' && at + 1 < elements->body.len && text[at + 1] != '\n')
            at++;
        else if (c == '"')
            in_string = !in_string;
        else if (in_string)
            continue;
        else if (depth == 0 && (c == ',' || c == ']'))
            break;
        else if (c == '{' || c == '[')
            depth++;
        else if (depth > 0 && (c == '}' || c == ']'))
            depth--;
    }
    return at;
}

/* Where something that is no object ends outside of a list. */
static size_t
line_end(const DsnElements *elements, size_t start)
{
    DsnSpan rest = dsn_span_from(elements->body, start);
    const char *feed = memchr(rest.data, '\n', rest.len);

    return feed == NULL ? elements->body.len : (size_t)(feed - elements->body.data);
}

/* Moves to the next element; false if there is none. */
static bool
skip_separators(DsnElements *elements)
{
    for (; elements->at < elements->body.len; elements->at++) {
        DsnSpan rest = dsn_span_from(elements->body, elements->at);
        char c = rest.data[0];

        if (rest.len >= strlen(BYTE_ORDER_MARK) &&
            memcmp(rest.data, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
            elements->at += strlen(BYTE_ORDER_MARK) - 1;
        else if (c == (elements->in_list ? ']' : '['))
            elements->in_list = !elements->in_list;
        else if (!dsn_is_space(c) && c != ',')
            return true;
    }
    return false;
}

bool
dsn_elements_next(DsnElements *elements, DsnSpan *ret_element)
{
    if (!skip_separators(elements))
        return false;

    size_t start = elements->at;
    if (elements->body.data[start] == '{')
        elements->at = object_end(elements, start);
    else if (elements->in_list)
        elements->at = other_end(elements, start);
    else
        elements->at = line_end(elements, start);
    *ret_element = dsn_span_trim((DsnSpan){elements->body.data + start, elements->at - start});
    return true;
}
