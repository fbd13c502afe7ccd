/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/builtins.h"
#include "templates/format.h"
#include "templates/print.h"
#include "templates/text.h"

/* What is filtered, as a text: filters of texts take any value as it would be printed. */
static DsnValue
subject(DsnRun *run, const DsnArguments *arguments)
{
    return dsn_text_of(run, arguments->at[0]);
}

static bool
filter_capitalize(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    *ret = dsn_text_capitalize(run, subject(run, arguments));
    return true;
}

static bool
filter_lower(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    *ret = dsn_text_lower(run, subject(run, arguments));
    return true;
}

static bool
filter_upper(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    *ret = dsn_text_upper(run, subject(run, arguments));
    return true;
}

static bool
filter_title(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    *ret = dsn_text_title(run, subject(run, arguments));
    return true;
}

static bool
filter_trim(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    *ret = dsn_text_trim(run, subject(run, arguments), arguments->at[1],
                         DSN_TRIM_START | DSN_TRIM_END);
    ret->flags = 0;
    return true;
}

static bool
filter_escape(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue text = subject(run, arguments);

    if (!(text.flags & DSN_VALUE_SAFE)) {
        size_t mark = dsn_run_mark(run);

        dsn_text_write_html(run, text.text, text.size);
        text = dsn_run_take(run, mark);
    }
    *ret = text;
    ret->flags |= DSN_VALUE_SAFE;
    return true;
}

static bool
filter_safe(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    *ret = subject(run, arguments);
    ret->flags |= DSN_VALUE_SAFE;
    return true;
}

static bool
filter_string(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    *ret = subject(run, arguments);
    return true;
}

static bool
filter_format(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue format;

    return dsn_argument_string(run, arguments, 0, &format) &&
           dsn_format_percent(run, format, arguments, ret);
}

static bool
filter_indent(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue text = subject(run, arguments);
    const char *at = text.text, *end = at + text.size;
    size_t mark = dsn_run_mark(run);
    bool first, blank, indent;
    int64_t width;

    if (!dsn_argument_integer(run, arguments, 1, 4, &width) ||
        !dsn_argument_truth(run, arguments, 2, false, &first) ||
        !dsn_argument_truth(run, arguments, 3, false, &blank))
        return false;
    if (width < 0)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "a line is not indented by %d",
                            (int)MAX(width, -99));
    if (at < end && end[-1] == '\n') /* the last line end goes, as in MiniJinja */
        end--;
    indent = first;
    while (at < end && dsn_run_may_go_on(run)) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline == NULL ? end : newline + 1;

        if (indent && (blank || *at != '\n')) {
            for (int64_t i = 0; i < width && dsn_run_may_go_on(run); i++)
                dsn_run_write_char(run, ' ');
        }
        dsn_run_write(run, at, (size_t)(stop - at));
        indent = true;
        at = stop;
    }
    *ret = dsn_run_take(run, mark);
    return true;
}

static bool
filter_lines(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue text;

    if (!dsn_argument_string(run, arguments, 0, &text))
        return false;
    *ret = dsn_text_lines(run, text, false);
    return true;
}

static bool
filter_replace(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue text = subject(run, arguments), from = dsn_text_of(run, arguments->at[1]);

    *ret = dsn_text_replace(run, text, from, dsn_text_of(run, arguments->at[2]), SIZE_MAX);
    return true;
}

static bool
filter_split(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue text, separator = arguments->at[1];
    int64_t most;

    if (!dsn_argument_string(run, arguments, 0, &text) ||
        !dsn_argument_integer(run, arguments, 2, -1, &most))
        return false;
    if (!dsn_value_is_missing(separator) && separator.kind != DSN_VALUE_STRING)
        return dsn_argument_string(run, arguments, 1, &separator);
    *ret = dsn_text_split(run, text, separator, most < 0 ? SIZE_MAX : (size_t)most);
    return true;
}

static bool
filter_pprint(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    size_t mark = dsn_run_mark(run);

    dsn_print_pretty(run, arguments->at[0]);
    *ret = dsn_run_take(run, mark);
    return true;
}

static bool
filter_tojson(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue indent = arguments->at[1];
    bool lines = !dsn_value_is_missing(indent);
    size_t mark = dsn_run_mark(run);
    int64_t width = 2;

    if (indent.kind == DSN_VALUE_BOOL)
        lines = indent.truth;
    else if (!dsn_argument_integer(run, arguments, 1, 2, &width))
        return false;
    if (width < 0)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "JSON is not indented by %d",
                            (int)MAX(width, -99));
    if (!dsn_print_json(run, arguments->at[0], lines, (size_t)width))
        return false;
    *ret = dsn_run_take(run, mark);
    ret->flags |= DSN_VALUE_SAFE;
    return true;
}

const DsnBuiltin dsn_filters_text[] = {
    {"capitalize", filter_capitalize, "", 0, 0},
    {"e", filter_escape, "", 0, 0},
    {"escape", filter_escape, "", 0, 0},
    {"format", filter_format, "", 0, DSN_BUILTIN_REST | DSN_BUILTIN_NAMED},
    {"indent", filter_indent, "width first blank", 0, 0},
    {"lines", filter_lines, "", 0, 0},
    {"lower", filter_lower, "", 0, 0},
    {"pprint", filter_pprint, "", 0, 0},
    {"replace", filter_replace, "from to", 2, 0},
    {"safe", filter_safe, "", 0, DSN_BUILTIN_UNESCAPES},
    {"split", filter_split, "separator most", 0, 0},
    {"string", filter_string, "", 0, 0},
    {"title", filter_title, "", 0, 0},
    {"tojson", filter_tojson, "indent", 0, 0},
    {"trim", filter_trim, "characters", 0, 0},
    {"upper", filter_upper, "", 0, 0},
    {0},
};
