/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/template.h"
#include "tests/support/unit.h"

static const DsnTemplateLimits *const limits = &DSN_TEMPLATE_LIMITS_DEFAULT;

static DsnTemplate *
compile(const char *source, const DsnTemplateLimits *with, GError **error)
{
    return dsn_template_compile("t", 1, source, strlen(source), DSN_TEMPLATE_KUMO, with, error);
}

/* Renders @source for the JSON text @context (NULL: nothing); on failure the message. */
static char *
render_with(const char *source, const char *context, const DsnTemplateLimits *with, int *ret_code)
{
    json_auto_t *json = context == NULL ? NULL : json_loads(context, 0, NULL);
    DsnTemplateInput input = {json, NULL, NULL};
    g_autoptr(GString) output = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnTemplate) template_ = compile(source, with, &error);

    *ret_code = -1;
    ck_assert_msg(context == NULL || json != NULL, "%s", context);
    if (template_ != NULL && dsn_template_render(template_, &input, with, output, &error))
        return g_strdup(output->str);
    *ret_code = error->code;
    return g_strdup(error->message);
}

static char *
render(const char *source, const char *context)
{
    int code;

    return render_with(source, context, limits, &code);
}

/*
 * Messages.
 */

static const struct {
    const char *label, *source, *message;
} messages[] = {
    {"place of a runtime fault", "a\n  {{ x.y }}", "t:2:8: attribute \"y\" of an undefined value"},
    {"characters are counted, not bytes", "äöü {{ x.y }}",
     "t:1:10: attribute \"y\" of an undefined value"},
    {"place of an operator", "{{ 'a' ~ 1\n - 2 }}",
     "t:2:2: operator - does not take a string and a number"},
    {"place of a statement without end", "\n\n{% if x %}{% for y in z %}\n",
     "t:3:14: this statement is not closed by \"endfor\""},
    {"place of a comment without end", "a {# b", "t:1:3: this comment has no end"},
    {"place of a raw block without end", "a {% raw %} b", "t:1:3: this raw block has no end"},
    {"place of a string without end", "{{ 'abc }}", "t:1:4: this string has no end"},
    {"suggested filter", "{{ x | uper }}",
     "t:1:8: unknown filter \"uper\", did you mean \"upper\"?"},
    {"nothing to suggest", "{{ x | zzzzzz }}", "t:1:8: unknown filter \"zzzzzz\""},
    {"suggested test", "{{ x is definde }}",
     "t:1:9: unknown test \"definde\", did you mean \"defined\"?"},
    {"suggested function", "{{ rage(1) }}",
     "t:1:4: unknown function \"rage\", did you mean \"range\"?"},
    {"suggested method", "{{ x.splitline() }}",
     "t:1:6: unknown method \"splitline\", did you mean \"splitlines\"?"},
    {"filter named by a string", "{{ x | map('uper') }}",
     "t:1:12: unknown filter \"uper\", did you mean \"upper\"?"},
    {"test named by a string", "{{ x | selectattr('a', 'definde') }}",
     "t:1:24: unknown test \"definde\", did you mean \"defined\"?"},
    {"filter named at run time", "{% set f = 'uper' %}{{ [1] | map(f) }}",
     "t:1:30: unknown filter \"uper\""},
    {"unknown argument", "{{ x | indent(widht=2) }}", "t:1:8: indent has no argument \"widht\""},
    {"what was expected", "{{ [1 2] }}", "t:1:7: unexpected \"2\", expected \",\""},
    {"the end was not expected", "{{ 1 +", "t:1:7: the template ends here, expected an expression"},
    {"statement of another engine", "{% include 'x' %}",
     "t:1:4: a template stands alone here: there is no block, extends, from, import or include"},
    {"long tokens are cut", "{{ a 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' }}",
     "t:1:6: unexpected \"'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\", expected \"}}\""},
};

START_TEST(says_where_and_why)
{
    g_autofree char *message = render(messages[_i].source, NULL);

    ck_assert_msg(strcmp(message, messages[_i].message) == 0, "%s: %s", messages[_i].label,
                  message);
}
END_TEST

START_TEST(counts_lines_from_the_first)
{
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(
        dsn_template_compile("x", 7, "a\n{{", 4, DSN_TEMPLATE_PLAIN, limits, &error));
    ck_assert_str_eq(error->message, "x:8:3: the template ends here, expected an expression");
}
END_TEST

START_TEST(refuses_what_is_not_utf8)
{
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(
        dsn_template_compile("x", 1, "a\nb\xff", 4, DSN_TEMPLATE_PLAIN, limits, &error));
    ck_assert(g_error_matches(error, DSN_TEMPLATE_ERROR, DSN_TEMPLATE_ERROR_SYNTAX));
    ck_assert_str_eq(error->message, "x:2:2: this is not UTF-8 text");
}
END_TEST

START_TEST(keeps_nul)
{
    g_autoptr(GString) output = g_string_new(NULL);
    g_autoptr(DsnTemplate) template_ = dsn_template_compile(
        "x", 1, "a\0{{ 'b\0' | upper | length }}c", 30, DSN_TEMPLATE_PLAIN, limits, NULL);
    DsnTemplateInput input = {NULL, NULL, NULL};

    ck_assert_ptr_nonnull(template_);
    ck_assert(dsn_template_render(template_, &input, limits, output, NULL));
    dsn_assert_bytes(output->str, output->len, "a\0002c", 4);
}
END_TEST

/*
 * Input and output.
 */

START_TEST(sees_the_context_before_the_global)
{
    json_auto_t *context = json_pack("{s:i}", "a", 1), *global = json_pack("{s:i}", "a", 2);
    DsnTemplateInput input = {context, "g", global}, both = {context, "a", global};
    g_autoptr(GString) output = g_string_new(NULL);
    g_autoptr(DsnTemplate) template_ = compile("{{ a }}{{ g.a }} ", limits, NULL);

    ck_assert(dsn_template_render(template_, &input, limits, output, NULL));
    ck_assert(dsn_template_render(template_, &both, limits, output, NULL) == false);
    ck_assert_str_eq(output->str, "12 ");
    ck_assert_int_eq((int)context->refcount, 1);
}
END_TEST

START_TEST(leaves_output_alone_on_failure)
{
    g_autoptr(GString) output = g_string_new("kept");
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnTemplate) template_ = compile("a{% set x %}b{{ y.z }}{% endset %}", limits, NULL);
    DsnTemplateInput input = {NULL, NULL, NULL};

    ck_assert(!dsn_template_render(template_, &input, limits, output, &error));
    ck_assert(g_error_matches(error, DSN_TEMPLATE_ERROR, DSN_TEMPLATE_ERROR_UNDEFINED));
    ck_assert_str_eq(output->str, "kept");
}
END_TEST

START_TEST(needs_no_error_place)
{
    g_autoptr(GString) output = g_string_new(NULL);
    g_autoptr(DsnTemplate) template_ = compile("{{ x.y }}", limits, NULL);
    DsnTemplateInput input = {NULL, NULL, NULL};

    ck_assert_ptr_null(compile("{{", limits, NULL));
    ck_assert(!dsn_template_render(template_, &input, limits, output, NULL));
}
END_TEST

static const struct {
    const char *expression;
    bool truth;
} truths[] = {
    {"type in ['Bounce', 'OOB', 'Feedback']", true},
    {"type == 'Delivery'", false},
    {"response.code >= 500 and response.code < 600", true},
    {"unknown", false},
    {"response.nosuch", false},
    {"'no such user' in response.content", true},
    {"recipient.split('@') | last == 'example.net'", true},
    {"recipient.endswith('.com') or num_attempts > 3", false},
    {"not suppressed", true},
    {"headers['x-task-id'] == 't-1'", true},
};

START_TEST(tests_expressions)
{
    json_auto_t *context = json_loads(
        "{\"type\":\"Bounce\",\"response\":{\"code\":550,\"content\":\"no such user\"},"
        "\"recipient\":\"a@example.net\",\"num_attempts\":1,\"headers\":{\"X-Task-Id\":\"t-1\"}}",
        0, NULL);
    DsnTemplateInput input = {context, "log_record", context};
    const char *source = truths[_i].expression;
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnTemplate) expression = dsn_template_compile_expression(
        "filter", source, strlen(source), DSN_TEMPLATE_KUMO, limits, &error);
    bool truth = !truths[_i].truth;

    ck_assert_msg(expression != NULL, "%s", error != NULL ? error->message : "");
    ck_assert(dsn_template_test(expression, &input, limits, &truth, &error));
    ck_assert_msg(truth == truths[_i].truth, "%s", source);
}
END_TEST

static const struct {
    const char *expression, *message;
} bad_expressions[] = {
    {"", "filter:1:1: the template ends here, expected an expression"},
    {"a b", "filter:1:3: unexpected \"b\", expected the end of the expression"},
    {"a }}", "filter:1:3: unexpected \"}\", expected the end of the expression"},
    {"{% if a %}", "filter:1:2: unexpected \"%\", expected an expression"},
};

START_TEST(refuses_bad_expressions)
{
    const char *source = bad_expressions[_i].expression;
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(dsn_template_compile_expression("filter", source, strlen(source),
                                                       DSN_TEMPLATE_PLAIN, limits, &error));
    ck_assert_str_eq(error->message, bad_expressions[_i].message);
}
END_TEST

START_TEST(reports_a_fault_in_an_expression)
{
    DsnTemplateInput input = {NULL, NULL, NULL};
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnTemplate) expression =
        dsn_template_compile_expression("filter", "a.b", 3, DSN_TEMPLATE_PLAIN, limits, NULL);
    bool truth = true;

    ck_assert(!dsn_template_test(expression, &input, limits, &truth, &error));
    ck_assert(g_error_matches(error, DSN_TEMPLATE_ERROR, DSN_TEMPLATE_ERROR_UNDEFINED));
    ck_assert(truth);
}
END_TEST

#define THREADS 4
#define RENDERS 2000

static gpointer
render_often(gpointer data)
{
    const DsnTemplate *template_ = data;
    json_auto_t *context = json_pack("{s:[i,i,i], s:s}", "list", 1, 2, 3, "name", "x");
    DsnTemplateInput input = {context, "log_record", context};
    g_autoptr(GString) output = g_string_new(NULL);
    bool same = true;

    for (int i = 0; i < RENDERS; i++) {
        g_string_truncate(output, 0);
        same = same && dsn_template_render(template_, &input, limits, output, NULL) &&
               strcmp(output->str, "X1X2X3[\"a\", {\"b\": 1}]3") == 0;
    }
    return GINT_TO_POINTER(same);
}

START_TEST(is_shared_by_threads)
{
    g_autoptr(DsnTemplate) template_ =
        compile("{% macro m(i) %}{{ name | upper }}{{ i }}{% endmacro %}"
                "{% for i in list %}{{ m(i) }}{% endfor %}{{ ['a', {'b': 1}] }}{{ list | length }}",
                limits, NULL);
    GThread *threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        threads[i] = g_thread_new("render", render_often, template_);
    for (int i = 0; i < THREADS; i++)
        ck_assert(GPOINTER_TO_INT(g_thread_join(threads[i])));
}
END_TEST

/*
 * Limits.
 */

static const struct {
    const char *label, *source;
    int code;
} bombs[] = {
    {"nested loops", "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
     DSN_TEMPLATE_ERROR_LIMIT},
    {"loops that print",
     "{% for a in range(9999) %}{% for b in range(9999) %}xxxxxxxxxxxxxxxxx{% endfor %}{% endfor "
     "%}",
     DSN_TEMPLATE_ERROR_LIMIT},
    {"string doubled",
     "{% set n = namespace(s='x') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
     DSN_TEMPLATE_ERROR_LIMIT},
    {"list doubled",
     "{% set n = namespace(s=[1]) %}{% for i in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}",
     DSN_TEMPLATE_ERROR_LIMIT},
    {"string repeated", "{{ 'abc' * 99999999999999999999 }}", DSN_TEMPLATE_ERROR_LIMIT},
    {"list repeated", "{{ [1] * 9999999999999 }}", DSN_TEMPLATE_ERROR_LIMIT},
    {"repeated by a huge number", "{{ 'abc' * 2 ** 126 }}", DSN_TEMPLATE_ERROR_LIMIT},
    {"range", "{{ range(-9223372036854775807, 9223372036854775807) }}",
     DSN_TEMPLATE_ERROR_OPERATION},
    {"ranges", "{% for i in range(999) %}{% set x = range(100000) %}{% endfor %}",
     DSN_TEMPLATE_ERROR_LIMIT},
    {"width of a number", "{{ '%99999999999d' | format(1) }}", DSN_TEMPLATE_ERROR_LIMIT},
    {"precision of a number", "{{ '%.999999999f' | format(1) }}", DSN_TEMPLATE_ERROR_OPERATION},
    {"width of a text", "{{ '{:>99999999999}'.format('a') }}", DSN_TEMPLATE_ERROR_LIMIT},
    {"indent", "{{ 'a' | indent(99999999999, true) }}", DSN_TEMPLATE_ERROR_LIMIT},
    {"indent of JSON", "{{ [[[1]]] | tojson(indent=9999999999) }}", DSN_TEMPLATE_ERROR_LIMIT},
    {"batch", "{{ [1] | batch(99999999999999, 'x') }}", DSN_TEMPLATE_ERROR_OPERATION},
    {"slice", "{{ [1] | slice(99999999999999) }}", DSN_TEMPLATE_ERROR_OPERATION},
    {"macro without end", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
     DSN_TEMPLATE_ERROR_LIMIT},
    {"macros that double", "{% macro m(n) %}{{ m(n-1) ~ m(n-1) if n }}{% endmacro %}{{ m(30) }}",
     DSN_TEMPLATE_ERROR_LIMIT},
    {"loop without end", "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
     DSN_TEMPLATE_ERROR_LIMIT},
    {"value nested in itself, printed",
     "{% set n = namespace(x=1) %}{% for i in range(5000) %}{% set n.x = [n.x] %}{% endfor %}{{ "
     "n.x }}",
     DSN_TEMPLATE_ERROR_LIMIT},
    {"value nested in itself, compared",
     "{% set n = namespace(x=1) %}{% for i in range(5000) %}{% set n.x = [n.x] %}{% endfor %}"
     "{{ n.x == [n.x] }}",
     DSN_TEMPLATE_ERROR_LIMIT},
    {"value doubled, printed",
     "{% set n = namespace(x=1) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor %}"
     "{{ n.x | tojson }}",
     DSN_TEMPLATE_ERROR_LIMIT},
    {"value doubled, compared",
     "{% set n = namespace(x=1, y=1) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}"
     "{% set n.y = [n.y, n.y] %}{% endfor %}{{ n.x == n.y }}",
     DSN_TEMPLATE_ERROR_LIMIT},
    {"long text searched again and again",
     "{% set s = 'ab' * 500000 %}{% for i in range(99999) %}{% if 'ac' in s %}{% endif %}{% endfor "
     "%}",
     DSN_TEMPLATE_ERROR_LIMIT},
    {"long text counted again and again",
     "{% set s = 'ab' * 500000 %}{% for i in range(99999) %}{% if s | length %}{% endif %}{% "
     "endfor %}",
     DSN_TEMPLATE_ERROR_LIMIT},
    {"long text searched from behind",
     "{% set s = 'ab' * 500000 %}{% for i in range(99999) %}{% if s.rfind('ba' * 9) %}{% endif %}"
     "{% endfor %}",
     DSN_TEMPLATE_ERROR_LIMIT},
    {"replacing that grows", "{% set s = 'a' * 9999 %}{{ s | replace('', s) }}",
     DSN_TEMPLATE_ERROR_LIMIT},
    {"joining that grows", "{% set s = 'a' * 9999 %}{{ s | join(s) }}", DSN_TEMPLATE_ERROR_LIMIT},
    {"lines of one character", "{{ ('a ' * 999999) | wordwrap(width=1, wrapstring='a' * 999) }}",
     DSN_TEMPLATE_ERROR_LIMIT},
    {"sorted again and again",
     "{% set r = range(9999) %}{% for i in range(9999) %}{% set x = r | sort %}{% endfor %}",
     DSN_TEMPLATE_ERROR_LIMIT},
    {"characters of a long text",
     "{% set s = 'a' * 999999 %}{% for i in range(999) %}{% for c in s %}{% break %}{% endfor %}"
     "{% endfor %}",
     DSN_TEMPLATE_ERROR_LIMIT},
};

START_TEST(stops_at_a_limit)
{
    gint64 start = g_get_monotonic_time();
    int code;
    g_autofree char *message = render_with(bombs[_i].source, NULL, limits, &code);
    gint64 spent = g_get_monotonic_time() - start;

    ck_assert_msg(code == bombs[_i].code, "%s: %d, %.200s", bombs[_i].label, code, message);
    ck_assert_msg(spent < 60 * G_USEC_PER_SEC, "%s: %d ms", bombs[_i].label, (int)(spent / 1000));
}
END_TEST

static const struct {
    const char *label, *piece, *end;
    int code;
} floods[] = {
    {"brackets", "(", "", DSN_TEMPLATE_ERROR_SYNTAX},
    {"brackets in a tag", "(", "{{ ", DSN_TEMPLATE_ERROR_LIMIT},
    {"tags that open", "{{", "", DSN_TEMPLATE_ERROR_LIMIT},
    {"lists", "[", "{{ ", DSN_TEMPLATE_ERROR_LIMIT},
    {"maps", "{1:", "{{ ", DSN_TEMPLATE_ERROR_LIMIT},
    {"calls", "a(", "{{ ", DSN_TEMPLATE_ERROR_LIMIT},
    {"subscripts", "a[", "{{ ", DSN_TEMPLATE_ERROR_LIMIT},
    {"choices", "a if b else ", "{{ ", DSN_TEMPLATE_ERROR_LIMIT},
    {"tests", "a is in ", "{{ ", DSN_TEMPLATE_ERROR_SYNTAX},
    {"targets", "(", "{% for ", DSN_TEMPLATE_ERROR_LIMIT},
    {"statements", "{% if x %}", "", DSN_TEMPLATE_ERROR_LIMIT},
    {"loops", "{% for x in y %}", "", DSN_TEMPLATE_ERROR_LIMIT},
    {"minus signs", "-", "{{ ", DSN_TEMPLATE_ERROR_SYNTAX},
    {"negations", "not ", "{{ ", DSN_TEMPLATE_ERROR_SYNTAX},
    {"comments", "{#", "", DSN_TEMPLATE_ERROR_SYNTAX},
    {"raw blocks", "{% raw %}", "", DSN_TEMPLATE_ERROR_SYNTAX},
    {"digits", "9", "{{ ", DSN_TEMPLATE_ERROR_SYNTAX},
    {"digits of a float", "9", "{{ 0.", DSN_TEMPLATE_ERROR_SYNTAX},
    {"backslashes", "\\", "{{ '", DSN_TEMPLATE_ERROR_SYNTAX},
    {"blanks", " ", "{{ f(a", DSN_TEMPLATE_ERROR_SYNTAX},
    {"arguments", "a,", "{{ range(", DSN_TEMPLATE_ERROR_SYNTAX},
};

/* A megabyte of the same is refused at once. */
START_TEST(survives_a_flood)
{
    const size_t size = DSN_TEMPLATE_LIMITS_DEFAULT.source, step = strlen(floods[_i].piece);
    g_autoptr(GString) source = g_string_new(floods[_i].end);
    gint64 start = g_get_monotonic_time();
    int code;

    while (source->len + step <= size)
        g_string_append(source, floods[_i].piece);
    g_autofree char *message = render_with(source->str, NULL, limits, &code);
    gint64 spent = g_get_monotonic_time() - start;
    if (strcmp(floods[_i].label, "brackets") == 0)
        ck_assert_int_eq(code, -1); /* text without a tag */
    else
        ck_assert_msg(code == floods[_i].code, "%s: %d, %.200s", floods[_i].label, code, message);
    ck_assert_msg(spent < 60 * G_USEC_PER_SEC, "%s: %d ms", floods[_i].label, (int)(spent / 1000));
}
END_TEST

static const struct {
    const char *label, *piece, *before, *after;
} chains[] = {
    {"sums", " + 1", "{{ 1", " }}"},
    {"words", " ~ 'a'", "{{ ''", " | length }}"},
    {"filters", "|string", "{{ 1", " }}"},
    {"comparisons", " <= 1", "{{ 1", " }}"},
    {"and", " and 1", "{{ 1", " }}"},
    {"tests", " is boolean", "{{ true", " }}"},
    {"subscripts", "[:]", "{{ 'ab'", " }}"},
    {"elif", "{% elif x %}", "{% if x %}", "{% endif %}"},
    {"minus", "-", "{{ ", "1 }}"},
    {"strings", "'a'", "{{ ", " | length }}"},
    {"sets", "{% set x = 1 %}", "", "{{ x }}"},
};

/* What goes on and on without nesting is no deeper for it. */
START_TEST(takes_long_chains)
{
    g_autoptr(GString) source = g_string_new(chains[_i].before);
    int code;

    for (int i = 0; i < 2000; i++)
        g_string_append(source, chains[_i].piece);
    g_string_append(source, chains[_i].after);
    g_autofree char *message = render_with(source->str, NULL, limits, &code);
    ck_assert_msg(code == -1, "%s: %.200s", chains[_i].label, message);
}
END_TEST

/* Names are searched one by one: a hundred thousand of them must not take ever longer. */
START_TEST(stops_at_too_many_names)
{
    static const struct {
        const char *before, *after;
    } rows[] = {
        {"{% set ", " = range(99999) %}"},
        {"{% for ", " in [range(99999)] %}{% endfor %}"},
        {"{% macro m(", ") %}{% endmacro %}{{ m() }}"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) source = g_string_new(rows[i].before);
        gint64 start = g_get_monotonic_time();
        int code;

        for (int n = 0; n < 99999; n++)
            g_string_append_printf(source, "%sn%d", n > 0 ? "," : "", n);
        g_string_append(source, rows[i].after);
        g_autofree char *message = render_with(source->str, NULL, limits, &code);
        ck_assert_msg(code == DSN_TEMPLATE_ERROR_LIMIT, "row %zu: %.200s", i, message);
        ck_assert(g_get_monotonic_time() - start < 60 * G_USEC_PER_SEC);
    }
}
END_TEST

START_TEST(keeps_to_given_limits)
{
    static const struct {
        const char *source;
        DsnTemplateLimits limits;
        int code;
    } rows[] = {
        {"{{ 1 }}", {7, 10, 10, 10}, -1},
        {"{{ 1 }} ", {7, 10, 10, 10}, DSN_TEMPLATE_ERROR_LIMIT},
        {"1234567890", {99, 10, 10, 10}, -1},
        {"12345678901", {99, 10, 10, 10}, DSN_TEMPLATE_ERROR_LIMIT},
        {"{{ 'abcde' ~ '' }}", {99, 99, 10, 10}, -1},
        {"{{ 'abcdef' ~ '' }}", {99, 99, 10, 10}, DSN_TEMPLATE_ERROR_LIMIT},
        {"{{ 1 + 1 + 1 }}", {99, 6, 10, 10}, -1},
        {"{{ 1 + 1 + 1 }}", {99, 5, 10, 10}, DSN_TEMPLATE_ERROR_LIMIT},
        {"{{ [[x]] }}", {99, 99, 4, 10}, -1},
        {"{{ [[x]] }}", {99, 99, 3, 10}, DSN_TEMPLATE_ERROR_LIMIT},
        {"{{ [[x]] }}", {99, 99, 2, 10}, DSN_TEMPLATE_ERROR_LIMIT},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        int code;
        g_autofree char *message = render_with(rows[i].source, "{\"x\":1}", &rows[i].limits, &code);

        ck_assert_msg(code == rows[i].code, "row %zu: %d: %s", i, code, message);
    }
}
END_TEST

START_TEST(limits_the_depth_of_the_context)
{
    g_autoptr(GString) context = g_string_new("{\"x\":");
    int code;

    for (int i = 0; i < 1000; i++)
        g_string_append_c(context, '[');
    for (int i = 0; i < 1000; i++)
        g_string_append_c(context, ']');
    g_string_append_c(context, '}');
    g_autofree char *message = render_with("{{ x | tojson }}", context->str, limits, &code);
    ck_assert_msg(code == DSN_TEMPLATE_ERROR_LIMIT, "%.200s", message);
    ck_assert_str_eq(message, "t:1:8: values are nested too deeply");
}
END_TEST

/*
 * What the tables cannot say.
 */

START_TEST(finds_names_that_are_one_another_s_start)
{
    g_autofree char *text = render("{{ ab }}{{ a }}{{ abc }}", "{\"a\":1,\"ab\":2,\"abc\":3}");

    ck_assert_str_eq(text, "213");
}
END_TEST

START_TEST(sorts_many_keys)
{
    g_autoptr(GString) context = g_string_new("{\"x\":{");
    g_autoptr(GString) expected = g_string_new(NULL);

    for (int i = 99; i >= 0; i--)
        g_string_append_printf(context, "\"k%02d\":1%s", i, i > 0 ? "," : "}}");
    for (int i = 0; i < 100; i++)
        g_string_append_printf(expected, "k%02d", i);
    g_autofree char *text = render("{{ x | join }}", context->str);
    ck_assert_str_eq(text, expected->str);
}
END_TEST

START_TEST(drops_one_line_end)
{
    g_autofree char *crlf = render("a\r\n", NULL), *two = render("a\r\n\r\n", NULL);

    ck_assert_str_eq(crlf, "a");
    ck_assert_str_eq(two, "a\r\n");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("template");
    TCase *tc = tcase_create("core");

    tcase_add_loop_test(tc, says_where_and_why, 0, G_N_ELEMENTS(messages));
    tcase_add_test(tc, counts_lines_from_the_first);
    tcase_add_test(tc, refuses_what_is_not_utf8);
    tcase_add_test(tc, keeps_nul);
    tcase_add_test(tc, sees_the_context_before_the_global);
    tcase_add_test(tc, leaves_output_alone_on_failure);
    tcase_add_test(tc, needs_no_error_place);
    tcase_add_loop_test(tc, tests_expressions, 0, G_N_ELEMENTS(truths));
    tcase_add_loop_test(tc, refuses_bad_expressions, 0, G_N_ELEMENTS(bad_expressions));
    tcase_add_test(tc, reports_a_fault_in_an_expression);
    tcase_add_test(tc, is_shared_by_threads);
    tcase_add_test(tc, finds_names_that_are_one_another_s_start);
    tcase_add_test(tc, sorts_many_keys);
    tcase_add_test(tc, drops_one_line_end);
    suite_add_tcase(suite, tc);

    tc = tcase_create("limits");
    tcase_add_loop_test(tc, stops_at_a_limit, 0, G_N_ELEMENTS(bombs));
    tcase_add_loop_test(tc, survives_a_flood, 0, G_N_ELEMENTS(floods));
    tcase_add_loop_test(tc, takes_long_chains, 0, G_N_ELEMENTS(chains));
    tcase_add_test(tc, stops_at_too_many_names);
    tcase_add_test(tc, keeps_to_given_limits);
    tcase_add_test(tc, limits_the_depth_of_the_context);
    suite_add_tcase(suite, tc);
    return suite;
}
