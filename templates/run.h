/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run.h - one render
 *
 * Purpose:   what the parts of the engine share while a template is rendered: memory, limits,
 *            names, the text so far, the error.
 * Source:    none.
 * Ownership: everything a render makes lives in its arena.
 * Errors:    dsn_run_fail() sets the GError once; who gets false passes it on. A limit that is
 *            met inside a helper shows at the next step.
 * Threads:   one run, one thread.
 */
#ifndef DSN_TEMPLATES_RUN_H
#define DSN_TEMPLATES_RUN_H

#include "templates/arena.h"
#include "templates/template.h"
#include "templates/value.h"

typedef struct DsnBinding DsnBinding;
struct DsnBinding {
    DsnBinding *next;
    unsigned symbol;
    DsnValue value;
};

/* The names that a block brings; macros keep a pointer to the scope in which they were made. */
typedef struct DsnScope DsnScope;
struct DsnScope {
    DsnScope *parent;
    DsnBinding *first;
};

typedef struct DsnPlace {
    uint32_t line, column;
} DsnPlace;

struct DsnRun {
    DsnArena arena;
    const DsnTemplate *template_;
    const DsnTemplateInput *input;
    GString *out;
    size_t room;  /* bytes of text that may still be written */
    int64_t fuel; /* steps that may still be taken; negative when a limit is met */
    size_t depth; /* levels that may still be entered */
    bool autoescape;
    const char *exceeded; /* a limit that was met where no error can be returned, or NULL */
    DsnPlace place;       /* of the step being taken, for messages */
    DsnScope *scope;
    DsnValue *names; /* of each symbol what the context has; UNRESOLVED when that was not yet looked
                        up, or when the template assigns the name */
    GError **error;
};

/* Sets the error, with name, line and column in front; returns false. */
bool dsn_run_fail(DsnRun *run, DsnTemplateError code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Notes a limit where no error can be returned. */
void dsn_run_exceed(DsnRun *run, const char *what);

/* Fails because of the limit that dsn_run_may_go_on() saw. */
bool dsn_run_fail_limit(DsnRun *run);

/* Memory of the run, paid for in fuel. */
static inline void *
dsn_run_alloc(DsnRun *run, size_t size)
{
    run->fuel -= (int64_t)(size >> 5);
    return dsn_arena_alloc(&run->arena, size);
}

/* Pays for looking at @bytes. */
static inline void
dsn_run_scan(DsnRun *run, size_t bytes)
{
    run->fuel -= (int64_t)(bytes >> 6);
}

static inline bool
dsn_run_may_go_on(const DsnRun *run)
{
    return run->fuel >= 0;
}

/* Enters one level of nested values, left with run->depth++; false when there may be no more. */
static inline bool
dsn_run_descend(DsnRun *run)
{
    if (run->depth == 0) {
        dsn_run_exceed(run, "values are nested too deeply");
        return false;
    }
    run->depth--;
    return true;
}

/* Appends to the output. */
static inline void
dsn_run_write(DsnRun *run, const char *text, size_t size)
{
    if (size > run->room) {
        dsn_run_exceed(run, "the text is too long");
        return;
    }
    run->room -= size;

    GString *out = run->out;
    if (size >= out->allocated_len - out->len) {
        g_string_append_len(out, text, (gssize)size);
        return;
    }
    memcpy(out->str + out->len, text, size);
    out->len += size;
    out->str[out->len] = '\0';
}

static inline void
dsn_run_write_text(DsnRun *run, const char *text)
{
    dsn_run_write(run, text, strlen(text));
}

static inline void
dsn_run_write_char(DsnRun *run, char c)
{
    dsn_run_write(run, &c, 1);
}

/* A text that is made piece by piece is written to the output and then taken back from it:
 *     size_t mark = dsn_run_mark(run);
 *     dsn_run_write(run, ...);
 *     *ret = dsn_run_take(run, mark);
 * The room that it took stays taken: intermediate texts count. */
static inline size_t
dsn_run_mark(const DsnRun *run)
{
    return run->out->len;
}

DsnValue dsn_run_take(DsnRun *run, size_t mark);

/* The value of a list that is made of @n items, and where to put them. */
static inline DsnValue *
dsn_run_items(DsnRun *run, size_t n)
{
    return dsn_run_alloc(run, n * sizeof(DsnValue));
}

/* A list that grows. */
typedef struct DsnItems {
    DsnValue *at;
    size_t n, allocated;
} DsnItems;

void dsn_items_add(DsnRun *run, DsnItems *items, DsnValue value);

static inline DsnValue
dsn_items_list(const DsnItems *items)
{
    return dsn_value_list(items->at, items->n);
}

#endif
