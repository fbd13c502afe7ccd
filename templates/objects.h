/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * objects.h - values that do something
 *
 * Purpose:   loops, macros, cyclers and joiners: what they hold and what their attributes are.
 * Source:    the behaviour of MiniJinja 2.21.
 * Ownership: all of them live in the run's arena.
 * Errors:    none here.
 * Threads:   one run, one thread.
 */
#ifndef DSN_TEMPLATES_OBJECTS_H
#define DSN_TEMPLATES_OBJECTS_H

#include "templates/run.h"

struct DsnNode;

typedef struct DsnLoop {
    const struct DsnNode *node; /* the statement, for a recursive call */
    DsnScope *scope;            /* around the statement */
    const DsnValue *items;
    size_t n, index;
    size_t depth;     /* how often it called itself */
    DsnValue changed; /* what changed() saw last; UNRESOLVED before it saw anything */
} DsnLoop;

typedef struct DsnMacro {
    const struct DsnNode *node;
    DsnScope *scope;
} DsnMacro;

typedef struct DsnCycler {
    const DsnValue *items;
    size_t n, next;
} DsnCycler;

typedef struct DsnJoiner {
    DsnValue separator;
    bool used;
} DsnJoiner;

/* The attribute @name of a loop or macro; undefined when it has none of that name. */
DsnValue dsn_object_attribute(DsnValue object, const char *name, size_t size);

#endif
