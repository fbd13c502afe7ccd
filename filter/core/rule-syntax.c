/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/rule-syntax.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

typedef struct Reader {
    const char *c;
    bool verbose;  /* (?x): white space and comments are not there */
    bool repeated; /* what was read last is a repetition */
    unsigned depth;
    const char *why;
} Reader;

/* Reads the escape at r->c. */
static bool
read_escape(Reader *r)
{
    switch (r->c[1]) {
    case '<':
    case '>':
        r->why = "\\< and \\> are no boundaries of words here: use \\b";
        return false;
    case 'v':
        r->why = "\\v is more than the vertical tab here: use \\x0b";
        return false;
    case '\0':
        r->c++; /* PCRE2 complains of it */
        return true;
    default:
        r->c += 2;
        if (*r->c == '{' && strchr("pPxuU", r->c[-1]) != NULL)
            r->c += strcspn(r->c, "}"); /* then "}" is a plain one */
        return true;
    }
}

/* The length of "[:alpha:]" or "[:^alpha:]" at @c, 0 if there is no such thing. */
static size_t
posix_class(const char *c)
{
    size_t negated = c[0] == '[' && c[1] == ':' && c[2] == '^';
    size_t len =
        c[0] == '[' && c[1] == ':' ? strspn(c + 2 + negated, "abcdefghijklmnopqrstuvwxyz") : 0;
    const char *end = c + 2 + negated + len;

    return len > 0 && end[0] == ':' && end[1] == ']' ? (size_t)(end + 2 - c) : 0;
}

/* Reads the class at r->c. Rust knows classes in it, and operations on them. */
static bool
read_class(Reader *r)
{
    r->c++;
    r->c += *r->c == '^';
    r->c += *r->c == ']'; /* a plain one */
    while (*r->c != '\0' && *r->c != ']') {
        size_t posix = posix_class(r->c);

        if (*r->c == '\\') {
            if (!read_escape(r))
                return false;
        } else if (posix > 0) {
            r->c += posix;
        } else if (*r->c == '[') {
            r->why = "classes inside of classes are not supported";
            return false;
        } else if (strchr("&-~", *r->c) != NULL && r->c[1] == *r->c) {
            r->why = "operations on classes are not supported";
            return false;
        } else if (r->verbose && (g_ascii_isspace(*r->c) || *r->c == '#')) {
            r->why = "white space or \"#\" in a class counts here, also with (?x)";
            return false;
        } else {
            r->c++;
        }
    }
    r->c += *r->c == ']';
    return true;
}

/* Reads "(" and the flags behind it. */
static bool
read_open(Reader *r)
{
    size_t len = r->c[1] == '?' ? strspn(r->c + 2, "imsxUuRJn-") : 0;
    const char *end = r->c + 2 + len;

    r->repeated = false;
    if (len > 0 && (*end == ')' || *end == ':')) {
        if (memchr(r->c + 2, 'R', len) != NULL) {
            r->why = "the flag R is not supported";
            return false;
        }
        if (memchr(r->c + 2, 'x', len) != NULL) {
            if (*end == ':' || r->depth > 0 || memchr(r->c + 2, '-', len) != NULL) {
                r->why = "the flag x can only be set outside of groups, for all that follows";
                return false;
            }
            r->verbose = true;
        }
        r->depth += *end == ':';
        r->c = end + 1;
        return true;
    }
    r->depth++;
    r->c += r->c[1] == '?' ? 2 : 1; /* this "?" repeats nothing */
    return true;
}

/* Reads "{2}", "{2,}" or "{2,3}"; Rust has no plain "{". */
static bool
read_count(Reader *r)
{
    static const char digits[] = "0123456789";
    size_t least = strspn(r->c + 1, digits);
    const char *end = r->c + 1 + least;

    if (*end == ',')
        end += 1 + strspn(end + 1, digits);
    if (least == 0 || *end != '}') {
        r->why = "this \"{\" would be a plain one here: write \\{, or a number in front";
        return false;
    }
    r->c = end + 1;
    r->repeated = true;
    return true;
}

static bool
read_one(Reader *r)
{
    switch (*r->c) {
    case '\\':
        r->repeated = false;
        return read_escape(r);
    case '[':
        r->repeated = false;
        return read_class(r);
    case '(':
        return read_open(r);
    case '{':
        return read_count(r);
    case '+':
        if (r->repeated) {
            r->why = "\"+\" behind a repetition would be possessive here";
            return false;
        }
        r->repeated = true;
        break;
    case '*':
    case '?':
        r->repeated = true;
        break;
    case ')':
        r->depth -= r->depth > 0;
        r->repeated = false;
        break;
    default:
        if (r->verbose && *r->c == '#')
            r->c += strcspn(r->c, "\n");
        else if (!r->verbose || !g_ascii_isspace(*r->c))
            r->repeated = false;
        r->c += *r->c != '\0';
        return true;
    }
    r->c++;
    return true;
}

const char *
dsn_rule_misread(const char *rule, const char **ret_why)
{
    Reader reader = {.c = rule};

    while (*reader.c != '\0') {
        if (!read_one(&reader)) {
            *ret_why = reader.why;
            return reader.c;
        }
    }
    return NULL;
}
