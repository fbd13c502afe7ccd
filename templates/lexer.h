/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lexer.h - a template's text as tokens
 *
 * Purpose:   tell text from tags, and cut what stands in tags into names, numbers, strings, signs.
 * Source:    the syntax of Jinja: {{ }}, {% %}, {# #}, raw blocks, "-" at a tag's edge.
 * Ownership: tokens borrow from the source or lie in the template's arena.
 * Errors:    DSN_TOKEN_ERROR after the error is set.
 * Threads:   one lexer, one thread.
 */
#ifndef DSN_TEMPLATES_LEXER_H
#define DSN_TEMPLATES_LEXER_H

#include "templates/arena.h"
#include "templates/run.h"

typedef enum DsnTokenKind {
    DSN_TOKEN_ERROR,
    DSN_TOKEN_END,
    DSN_TOKEN_DATA,        /* text between tags */
    DSN_TOKEN_PRINT_BEGIN, /* {{ */
    DSN_TOKEN_PRINT_END,   /* }} */
    DSN_TOKEN_BLOCK_BEGIN, /* {% */
    DSN_TOKEN_BLOCK_END,   /* %} */
    DSN_TOKEN_NAME,
    DSN_TOKEN_CONSTANT, /* a string or number */
    DSN_TOKEN_SIGN
} DsnTokenKind;

typedef struct DsnToken {
    DsnTokenKind kind;
    DsnPlace place;
    const char *text; /* as it stands in the source; of DATA after trimming */
    size_t size;
    DsnValue constant;
} DsnToken;

typedef enum DsnLexerMode {
    DSN_LEXER_TEXT,
    DSN_LEXER_PRINT,
    DSN_LEXER_BLOCK,
    DSN_LEXER_EXPRESSION /* the source is one expression */
} DsnLexerMode;

typedef struct DsnLexer {
    DsnArena *arena;
    const char *name; /* for messages */
    const char *at, *end;
    const char *counted; /* up to here @place is counted */
    DsnPlace place;
    DsnLexerMode mode;
    size_t brackets; /* open ones: inside them }} ends no tag */
    bool trim;       /* the tag before ended in "-" */
    bool after_dot;  /* a number is an index: "a.0.1" */
    GError **error;
} DsnLexer;

void dsn_lexer_init(DsnLexer *lexer, DsnArena *arena, const char *name, DsnPlace first,
                    const char *source, size_t length, bool expression, GError **error);

DsnToken dsn_lexer_next(DsnLexer *lexer);

/* Sets the error, with name, line and column in front. */
void dsn_lexer_fail(const DsnLexer *lexer, DsnPlace place, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

#endif
