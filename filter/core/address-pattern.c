/* SPDX-License-Identifier: BSD-2-Clause */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "config.h"

#include "filter/core/address-pattern.h"

#include "filter/core/log.h"
#include "filter/core/read-file.h"
#include "filter/core/senders-file.h"
#include "filter/core/text-table.h"
#include "filter/core/toml.h"
#include "mime/address.h"

#include <pcre2.h>

#define EXPECTED "an address such as \"user@example.com\", a domain, a pattern of them with *"

/* Bytes of a file: several million patterns. */
#define FILE_MAX ((size_t)512 * 1024 * 1024)

/* Complaints about one list. */
#define FAULTS_MAX 100

/* Steps of an expression at one address, as of a rule of the classifier. */
#define MATCH_LIMIT 100000

/* A pattern with stars is no longer than an address (RFC 5321 section 4.5.3.1.3). */
#define PATTERN_MAX 254

/* Of an address and its local part once more; for longer ones there is the heap. */
#define ROOM 512

/* What is found by its text. */
typedef enum Kind {
    KIND_ADDRESS,
    KIND_DOMAIN,
    KIND_BELOW, /* a domain: those below it */
    KIND_PREFIX /* "@domain" and what the local part begins with */
} Kind;

/* "*" stands for any number of characters, on its side of the "@". */
typedef struct Glob {
    char *local; /* NULL: any, also none */
    char *domain;
} Glob;

typedef struct Expression {
    pcre2_code *code;
    char *text;
    gint told; /* that it was given up; atomic */
} Expression;

struct DsnPatterns {
    bool everybody;
    DsnTextTable *texts;            /* in lower case */
    bool prefixes[PATTERN_MAX + 1]; /* the lengths of those in KIND_PREFIX */
    GArray *globs;                  /* of Glob, in lower case, the others with stars */
    GArray *expressions;            /* of Expression */
    pcre2_match_context *context;
};

/* ---- what a pattern may be ---- */

/* What is left of the last "@", and what is right of it. Without one all is the domain. */
static void
split(DsnSpan text, DsnSpan *ret_local, DsnSpan *ret_domain)
{
    const char *at = text.len == 0 ? NULL : memrchr(text.data, '@', text.len);

    *ret_local = DSN_SPAN_ABSENT;
    *ret_domain = text;
    if (at != NULL) {
        *ret_local = (DsnSpan){text.data, (size_t)(at - text.data)};
        *ret_domain = dsn_span_from(text, ret_local->len + 1);
    }
}

static bool
is_expression(DsnSpan text)
{
    return text.len > 2 && text.data[0] == '/' && text.data[text.len - 1] == '/';
}

/* A star can stand for a letter: what is no address then is none with anything else. */
static bool
is_pattern(DsnSpan text)
{
    char sample[PATTERN_MAX];
    DsnSpan local, domain;

    if (text.len == 0 || text.len > sizeof(sample))
        return false;
    for (size_t i = 0; i < text.len; i++)
        sample[i] = text.data[i] == '*' ? 'x' : text.data[i];
    split((DsnSpan){sample, text.len}, &local, &domain);
    return local.len > 0 ? dsn_address_is_mailbox((DsnSpan){sample, text.len})
                         : dsn_address_is_domain(domain);
}

const char *
dsn_pattern_check(const char *pattern)
{
    DsnSpan text = dsn_span(pattern);

    if (g_str_has_prefix(pattern, DSN_PATTERN_FILE))
        return strlen(pattern) > strlen(DSN_PATTERN_FILE) ? NULL : "the name of a file";
    return is_expression(text) || is_pattern(text) ? NULL
                                                   : EXPECTED
               ", a regular expression \"/.../\", or a file \"file:PATH\"";
}

/* ---- loading ---- */

static void
clear_glob(gpointer data)
{
    Glob *glob = data;

    g_free(glob->local);
    g_free(glob->domain);
}

static void
clear_expression(gpointer data)
{
    Expression *expression = data;

    pcre2_code_free(expression->code);
    g_free(expression->text);
}

/* One list that is being read. */
typedef struct Reading {
    DsnPatterns *patterns;
    const char *file; /* NULL: the list itself */
    uint64_t line;
    GString *scratch;
    GString *faults; /* may be NULL */
    unsigned n_faults;
} Reading;

/* @text is what it is about; what came out of a file may be anything. */
static void G_GNUC_PRINTF(3, 4) complain(Reading *reading, DsnSpan text, const char *format, ...)
{
    g_autofree char *valid = g_utf8_make_valid(text.data, (gssize)MIN(text.len, 1024));
    va_list values;

    reading->n_faults++;
    if (reading->faults == NULL)
        return;
    if (reading->file != NULL)
        g_string_append_printf(reading->faults, "%s:%" G_GUINT64_FORMAT ": ", reading->file,
                               reading->line);
    dsn_toml_quote(reading->faults, valid);
    g_string_append(reading->faults, ": ");
    va_start(values, format);
    g_string_append_vprintf(reading->faults, format, values);
    va_end(values);
    g_string_append_c(reading->faults, '\n');
}

/* True if one more can be tried. */
static bool
has_turn(Reading *reading, DsnSpan text)
{
    if (reading->patterns->globs->len + reading->patterns->expressions->len <
        DSN_PATTERNS_TRIED_MAX)
        return true;
    complain(reading, text,
             "one more than the %d patterns that are tried one by one: regular expressions, and "
             "those with * elsewhere than in \"*.domain\" or \"start*@domain\"",
             DSN_PATTERNS_TRIED_MAX);
    reading->n_faults = FAULTS_MAX; /* those that follow say nothing new */
    return false;
}

/* Without PCRE2_UCP, so that "\d" and "\w" are what stands in addresses. Those that are no UTF-8
 * match none. */
static void
add_expression(Reading *reading, DsnSpan text)
{
    const uint32_t flags = PCRE2_UTF | PCRE2_CASELESS | PCRE2_ANCHORED | PCRE2_ENDANCHORED |
                           PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
    PCRE2_UCHAR message[256];
    PCRE2_SIZE offset;
    int code;

    if (!has_turn(reading, text))
        return;
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)text.data + 1, text.len - 2, flags, &code, &offset, NULL);
    if (compiled == NULL) {
        (void)pcre2_get_error_message(code, message, sizeof(message));
        complain(reading, text, "at character %zu: %s", (size_t)offset + 1, message);
        return;
    }
    (void)pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE); /* else it is but slower */
    const Expression expression = {.code = compiled, .text = dsn_span_dup(text)};
    g_array_append_val(reading->patterns->expressions, expression);
}

static void
add_text(Reading *reading, Kind kind, DsnSpan text)
{
    (void)dsn_text_table_add(reading->patterns->texts, kind, text, 1);
}

/* "start*@example.com" */
static void
add_prefix(Reading *reading, DsnSpan start, DsnSpan domain)
{
    g_autoptr(GString) text = g_string_new("@");

    g_string_append_len(text, domain.data, (gssize)domain.len);
    g_string_append_len(text, start.data, (gssize)start.len);
    add_text(reading, KIND_PREFIX, (DsnSpan){text->str, text->len});
    reading->patterns->prefixes[start.len] = true;
}

static bool
has_star(DsnSpan text)
{
    return text.len > 0 && memchr(text.data, '*', text.len) != NULL;
}

/* With stars, in lower case. */
static void
add_glob(Reading *reading, DsnSpan text)
{
    DsnSpan local, domain, start;

    split(text, &local, &domain);
    bool anybody = local.len == 0 || dsn_span_is(local, "*");
    start = (DsnSpan){local.data, local.len == 0 ? 0 : local.len - 1};
    if (!has_star(domain) && anybody) {
        add_text(reading, KIND_DOMAIN, domain);
    } else if (!has_star(domain) && !has_star(start)) {
        add_prefix(reading, start, domain);
    } else if (anybody && dsn_span_starts(domain, "*.") && !has_star(dsn_span_from(domain, 2))) {
        add_text(reading, KIND_BELOW, dsn_span_from(domain, 2));
    } else if (has_turn(reading, text)) {
        const Glob glob = {anybody ? NULL : dsn_span_dup(local), dsn_span_dup(domain)};

        g_array_append_val(reading->patterns->globs, glob);
    }
}

static void
add(Reading *reading, DsnSpan text)
{
    GString *lower = reading->scratch;

    if (is_expression(text)) {
        add_expression(reading, text);
        return;
    }
    g_string_truncate(lower, 0);
    g_string_append_len(lower, text.data, (gssize)text.len);
    (void)g_string_ascii_down(lower);
    text = (DsnSpan){lower->str, lower->len};
    if (dsn_span_is(text, "*"))
        reading->patterns->everybody = true;
    else if (has_star(text))
        add_glob(reading, text);
    else if (text.data[0] == '@')
        add_text(reading, KIND_DOMAIN, dsn_span_from(text, 1));
    else
        add_text(reading, memchr(text.data, '@', text.len) == NULL ? KIND_DOMAIN : KIND_ADDRESS,
                 text);
}

static void
add_file(Reading *reading, const char *path)
{
    g_autoptr(GError) error = NULL;
    size_t len;
    g_autofree char *text = dsn_read_file(path, FILE_MAX, &len, &error);
    DsnSpan entry;

    if (text == NULL) {
        complain(reading, dsn_span(path), "%s", error->message);
        return;
    }
    DsnSendersFile file = dsn_senders_file((DsnSpan){text, len});
    reading->file = path;
    while (reading->n_faults < FAULTS_MAX && dsn_senders_file_next(&file, &entry)) {
        reading->line = file.line;
        if (is_expression(entry) || is_pattern(entry))
            add(reading, entry);
        else
            complain(reading, entry, "expected " EXPECTED ", or a regular expression \"/.../\"");
    }
    reading->file = NULL;
}

DsnPatterns *
dsn_patterns_new(const GPtrArray *texts, GString *faults)
{
    DsnPatterns *patterns = g_new0(DsnPatterns, 1);
    g_autoptr(GString) scratch = g_string_new(NULL);
    Reading reading = {.patterns = patterns, .scratch = scratch, .faults = faults};

    patterns->texts = dsn_text_table_new();
    patterns->globs = g_array_new(FALSE, FALSE, sizeof(Glob));
    g_array_set_clear_func(patterns->globs, clear_glob);
    patterns->expressions = g_array_new(FALSE, FALSE, sizeof(Expression));
    g_array_set_clear_func(patterns->expressions, clear_expression);
    patterns->context = pcre2_match_context_create(NULL);
    (void)pcre2_set_match_limit(patterns->context, MATCH_LIMIT);
    for (guint i = 0; i < texts->len && reading.n_faults < FAULTS_MAX; i++) {
        const char *text = texts->pdata[i];

        if (g_str_has_prefix(text, DSN_PATTERN_FILE))
            add_file(&reading, text + strlen(DSN_PATTERN_FILE));
        else
            add(&reading, dsn_span(text));
    }
    return patterns;
}

void
dsn_patterns_free(DsnPatterns *patterns)
{
    if (patterns == NULL)
        return;
    dsn_text_table_free(patterns->texts);
    g_array_unref(patterns->globs);
    g_array_unref(patterns->expressions);
    pcre2_match_context_free(patterns->context);
    g_free(patterns);
}

/* ---- asking ---- */

/* Each piece between stars is taken where it comes first, which leaves the most for the rest:
 * nothing is tried twice. */
static bool
glob_matches(const char *glob, DsnSpan text)
{
    const char *star = strchr(glob, '*');
    size_t len = star == NULL ? strlen(glob) : (size_t)(star - glob);

    if (text.len < len || memcmp(text.data, glob, len) != 0)
        return false;
    text = dsn_span_from(text, len);
    if (star == NULL)
        return text.len == 0;
    for (;;) {
        const char *piece = star + 1;

        star = strchr(piece, '*');
        if (star == NULL) {
            len = strlen(piece);
            return text.len >= len && memcmp(text.data + text.len - len, piece, len) == 0;
        }
        len = (size_t)(star - piece);
        const char *found = memmem(text.data, text.len, piece, len);
        if (found == NULL)
            return false;
        text = dsn_span_from(text, (size_t)(found - text.data) + len);
    }
}

static bool
has_glob(const DsnPatterns *patterns, DsnSpan local, DsnSpan domain)
{
    for (guint i = 0; i < patterns->globs->len; i++) {
        const Glob *glob = &g_array_index(patterns->globs, Glob, i);

        if ((glob->local == NULL || glob_matches(glob->local, local)) &&
            glob_matches(glob->domain, domain))
            return true;
    }
    return false;
}

static bool
expression_matches(const DsnPatterns *patterns, Expression *expression, DsnSpan address,
                   pcre2_match_data *data)
{
    PCRE2_SPTR text = (PCRE2_SPTR)address.data;
    int result = pcre2_match(expression->code, text, address.len, 0, 0, data, patterns->context);

    if (result == PCRE2_ERROR_JIT_STACKLIMIT) /* the slow way has room on the heap */
        result = pcre2_match(expression->code, text, address.len, 0, PCRE2_NO_JIT, data,
                             patterns->context);
    if (result == PCRE2_ERROR_MATCHLIMIT &&
        g_atomic_int_compare_and_exchange(&expression->told, 0, 1))
        dsn_log_event(
            DSN_LOG_WARNING,
            "the pattern %s takes too many steps at an address, and is taken not to match "
            "it; said once",
            expression->text);
    return result >= 0;
}

static bool
has_expression(const DsnPatterns *patterns, DsnSpan address)
{
    bool found = false;

    if (patterns->expressions->len == 0)
        return false;
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    for (guint i = 0; i < patterns->expressions->len && !found; i++)
        found = expression_matches(patterns, &g_array_index(patterns->expressions, Expression, i),
                                   address, data);
    pcre2_match_data_free(data);
    return found;
}

static bool
has_text(const DsnPatterns *patterns, Kind kind, DsnSpan text)
{
    return dsn_text_table_find(patterns->texts, kind, text) != 0;
}

static bool
is_below(const DsnPatterns *patterns, DsnSpan domain)
{
    const char *dot;

    if (dsn_text_table_count(patterns->texts, KIND_BELOW) == 0)
        return false;
    if (domain.len > PATTERN_MAX + 1) /* of which none is longer */
        domain = dsn_span_from(domain, domain.len - PATTERN_MAX - 1);
    while (domain.len > 0 && (dot = memchr(domain.data, '.', domain.len)) != NULL) {
        domain = dsn_span_from(domain, (size_t)(dot + 1 - domain.data));
        if (has_text(patterns, KIND_BELOW, domain))
            return true;
    }
    return false;
}

/* @text is "@domain" and the local part, of which @local bytes are there. */
static bool
has_prefix(const DsnPatterns *patterns, DsnSpan text, size_t local)
{
    if (dsn_text_table_count(patterns->texts, KIND_PREFIX) == 0)
        return false;
    for (size_t len = 0; len <= MIN(local, PATTERN_MAX); len++) {
        if (patterns->prefixes[len] &&
            has_text(patterns, KIND_PREFIX, (DsnSpan){text.data, text.len - local + len}))
            return true;
    }
    return false;
}

/* Letters of ASCII in lower case, eight at a time: it is done for each recipient of all mail. A
 * byte with its eighth bit set is no letter; of the others the additions set it for those that are
 * "A" or more, and for those that are more than "Z". */
static void
fold(char *lower, DsnSpan text)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), eighths = ones << 7;
    size_t i = 0;

    for (uint64_t word; i + sizeof(word) <= text.len; i += sizeof(word)) {
        memcpy(&word, text.data + i, sizeof(word));
        uint64_t low = word & ~eighths;
        uint64_t letters = ((low + ones * (0x80 - 'A')) ^ (low + ones * (0x7f - 'Z'))) & eighths;

        word |= (letters & ~word) >> 2;
        memcpy(lower + i, &word, sizeof(word));
    }
    for (; i < text.len; i++)
        lower[i] = g_ascii_tolower(text.data[i]);
}

/* @local: bytes in front of the "@". */
static bool
has_address(const DsnPatterns *patterns, DsnSpan address, size_t local)
{
    char room[ROOM];
    g_autofree char *large = address.len + local > ROOM ? g_malloc(address.len + local) : NULL;
    char *lower = large == NULL ? room : large;
    DsnSpan text = {lower, address.len}, domain = {lower + local + 1, address.len - local - 1};

    fold(lower, address);
    memcpy(lower + address.len, lower, local);
    return has_text(patterns, KIND_ADDRESS, text) || has_text(patterns, KIND_DOMAIN, domain) ||
           is_below(patterns, domain) ||
           has_prefix(patterns, (DsnSpan){lower + local, address.len}, local) ||
           has_glob(patterns, (DsnSpan){lower, local}, domain);
}

bool
dsn_patterns_match(const DsnPatterns *patterns, DsnSpan address)
{
    if (patterns->everybody)
        return true;
    /* A NUL would hide what comes after it. */
    if (address.len == 0 || memchr(address.data, '\0', address.len) != NULL)
        return false;
    const char *at = memrchr(address.data, '@', address.len);
    size_t local = at == NULL ? address.len : (size_t)(at - address.data);
    return (local + 1 < address.len && has_address(patterns, address, local)) ||
           has_expression(patterns, address);
}

bool
dsn_patterns_empty(const DsnPatterns *patterns)
{
    size_t found = patterns->globs->len + patterns->expressions->len;

    for (Kind kind = KIND_ADDRESS; kind <= KIND_PREFIX; kind++)
        found += dsn_text_table_count(patterns->texts, kind);
    return !patterns->everybody && found == 0;
}
