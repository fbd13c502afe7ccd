/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/run.h"

#include "templates/tree.h"

bool
dsn_run_fail(DsnRun *run, DsnTemplateError code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    /* Cut words of foreign data may end inside a character. */
    g_autofree char *clean = g_utf8_make_valid(text, -1);
    g_set_error(run->error, DSN_TEMPLATE_ERROR, (int)code, "%s:%u:%u: %s", run->template_->name,
                run->place.line, run->place.column, clean);
    return false;
}

void
dsn_run_exceed(DsnRun *run, const char *what)
{
    run->exceeded = what;
    run->fuel = INT64_MIN / 2; /* far from where further steps would count it round */
}

bool
dsn_run_fail_limit(DsnRun *run)
{
    return dsn_run_fail(run, DSN_TEMPLATE_ERROR_LIMIT, "%s",
                        run->exceeded != NULL ? run->exceeded
                                              : "the template takes too many steps");
}

DsnValue
dsn_run_take(DsnRun *run, size_t mark)
{
    size_t size = run->out->len - mark;
    char *text = dsn_run_alloc(run, size);

    memcpy(text, run->out->str + mark, size);
    g_string_truncate(run->out, mark);
    return dsn_value_text(text, size);
}

void
dsn_items_add(DsnRun *run, DsnItems *items, DsnValue value)
{
    if (items->n == items->allocated) {
        size_t allocated = MAX(8, items->allocated * 2);
        DsnValue *at = dsn_run_items(run, allocated);

        if (items->n > 0)
            memcpy(at, items->at, items->n * sizeof *at);
        items->at = at;
        items->allocated = allocated;
    }
    items->at[items->n++] = value;
}
