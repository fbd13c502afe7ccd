/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/return-path.h"

#include "mime/address.h"

/* RFC 5321 section 4.5.3.1 allows 254; some hosts more. */
#define ADDRESS_MAX 1000
#define PLACEHOLDERS_MAX 8
#define CHUNK 512

/* ---- patterns ---- */

/* Text, and the placeholder behind it, if any. */
typedef struct Step {
    char *text;
    bool named;    /* there is a placeholder */
    bool address;  /* it is {recipient} */
    size_t offset; /* of its DsnSpan in DsnReturnPath; NOWHERE: {any} */
} Step;

struct DsnReturnPaths {
    GPtrArray *patterns; /* of GArray of Step */
};

#define NOWHERE ((size_t)-1)

static const struct {
    const char *name;
    size_t offset;
} placeholders[] = {
    {"recipient", offsetof(DsnReturnPath, recipient)},
    {"tenant", offsetof(DsnReturnPath, tenant)},
    {"campaign", offsetof(DsnReturnPath, campaign)},
    {"envelope_id", offsetof(DsnReturnPath, envelope_id)},
    {"token", offsetof(DsnReturnPath, token)},
    {"any", NOWHERE},
};

static bool
find_placeholder(DsnSpan name, size_t *ret_offset)
{
    for (size_t i = 0; i < G_N_ELEMENTS(placeholders); i++) {
        if (dsn_span_equal(name, dsn_span(placeholders[i].name))) {
            *ret_offset = placeholders[i].offset;
            return true;
        }
    }
    return false;
}

static void
clear_step(gpointer data)
{
    Step *step = data;

    g_free(step->text);
}

/* NULL if that worked, else what is expected. */
static const char *
read_pattern(const char *pattern, GArray *ret_steps)
{
    const char *at = strchr(pattern, '@');

    if (at == NULL || strchr(at + 1, '@') != NULL || strlen(pattern) > ADDRESS_MAX)
        return "an address such as \"bounce+{recipient}@example.com\"";
    for (const char *rest = pattern; *rest != '\0';) {
        size_t len = strcspn(rest, "{}");
        Step step = {.text = g_strndup(rest, len), .offset = NOWHERE};
        const char *open = rest + len, *close = strchr(open, '}');
        bool adjacent = len == 0 && ret_steps->len > 0;

        g_array_append_val(ret_steps, step);
        if (*open == '\0')
            break;
        if (*open == '}' || close == NULL ||
            !find_placeholder((DsnSpan){open + 1, (size_t)(close - open - 1)}, &step.offset))
            return "placeholders {recipient}, {tenant}, {campaign}, {envelope_id}, {token} or "
                   "{any}";
        if (adjacent)
            return "a character between two placeholders";
        if (ret_steps->len > PLACEHOLDERS_MAX)
            return "no more than 8 placeholders";
        step.named = true;
        step.address = step.offset == offsetof(DsnReturnPath, recipient);
        g_array_index(ret_steps, Step, ret_steps->len - 1) = step;
        rest = close + 1;
    }
    return NULL;
}

static GArray *
new_steps(void)
{
    GArray *steps = g_array_new(FALSE, FALSE, sizeof(Step));

    g_array_set_clear_func(steps, clear_step);
    return steps;
}

const char *
dsn_return_path_check(const char *pattern)
{
    g_autoptr(GArray) steps = new_steps();

    return read_pattern(pattern, steps);
}

DsnReturnPaths *
dsn_return_paths_new(const GPtrArray *patterns)
{
    DsnReturnPaths *paths = g_new(DsnReturnPaths, 1);

    paths->patterns = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    for (guint i = 0; i < patterns->len; i++) {
        GArray *steps = new_steps();
        const char *problem = read_pattern(patterns->pdata[i], steps);

        g_assert(problem == NULL);
        g_ptr_array_add(paths->patterns, steps);
    }
    return paths;
}

void
dsn_return_paths_free(DsnReturnPaths *paths)
{
    if (paths == NULL)
        return;
    g_ptr_array_unref(paths->patterns);
    g_free(paths);
}

/* ---- addresses inside of addresses ---- */

/* The address of @local and @domain, absent when they make none. */
static DsnSpan
join(DsnSpan local, DsnSpan domain, GStringChunk **strings)
{
    g_autoptr(GString) text = g_string_sized_new(local.len + domain.len + 2);

    g_string_append_len(text, local.data, (gssize)local.len);
    g_string_append_c(text, '@');
    g_string_append_len(text, domain.data, (gssize)domain.len);
    if (!dsn_address_is_mailbox((DsnSpan){text->str, text->len}))
        return DSN_SPAN_ABSENT;
    if (*strings == NULL)
        *strings = g_string_chunk_new(CHUNK);
    return (DsnSpan){g_string_chunk_insert_len(*strings, text->str, (gssize)text->len), text->len};
}

/* "user=example.com" */
static DsnSpan
read_verp_address(DsnSpan text, GStringChunk **strings)
{
    const char *equals = memrchr(text.data, '=', text.len);

    if (equals == NULL)
        return DSN_SPAN_ABSENT;
    DsnSpan local = {text.data, (size_t)(equals - text.data)};
    DsnSpan domain = dsn_span_from(text, local.len + 1);
    if (local.len == 0 || domain.len == 0 || memchr(domain.data, '.', domain.len) == NULL)
        return DSN_SPAN_ABSENT;
    return join(local, domain, strings);
}

/* ---- matching ---- */

/* Where @literal is first found in @text, behind one byte at least; @text.len when it is not. */
static size_t
find_text(DsnSpan text, const char *literal)
{
    for (size_t i = 1; i < text.len; i++) {
        if (dsn_span_starts(dsn_span_from(text, i), literal))
            return i;
    }
    return text.len;
}

/* How much of @rest the placeholder before @next (NULL: the last) stands for; 0: it does not fit.
 */
static size_t
placeholder_length(DsnSpan rest, const Step *next)
{
    size_t len;

    if (next == NULL)
        return rest.len;
    if (next->named)
        len = find_text(rest, next->text);
    else
        len = rest.len > strlen(next->text) ? rest.len - strlen(next->text) : 0;
    return len < rest.len ? len : 0;
}

static bool
match(const GArray *steps, DsnSpan address, GStringChunk **strings, DsnReturnPath *ret_path)
{
    DsnSpan rest = address;

    *ret_path = (DsnReturnPath){.form = "pattern"};
    for (guint i = 0; i < steps->len; i++) {
        const Step *step = &g_array_index(steps, Step, i);
        const Step *next = i + 1 < steps->len ? step + 1 : NULL;

        if (!dsn_span_starts(rest, step->text))
            return false;
        rest = dsn_span_from(rest, strlen(step->text));
        if (!step->named)
            continue;
        size_t len = placeholder_length(rest, next);
        DsnSpan value = {rest.data, len};
        if (len == 0 || memchr(value.data, '@', len) != NULL)
            return false;
        if (step->address)
            value = read_verp_address(value, strings);
        if (!dsn_span_present(value))
            return false;
        if (step->offset != NOWHERE)
            *(DsnSpan *)(void *)((char *)ret_path + step->offset) = value;
        rest = dsn_span_from(rest, len);
    }
    return rest.len == 0;
}

/* ---- forms that are commonly known ---- */

/* Cuts *@text at the first @separator and returns what is before it; absent when there is none. */
static DsnSpan
take_until(DsnSpan *text, char separator)
{
    const char *end = text->len == 0 ? NULL : memchr(text->data, separator, text->len);

    if (end == NULL)
        return DSN_SPAN_ABSENT;
    DsnSpan before = {text->data, (size_t)(end - text->data)};
    *text = dsn_span_from(*text, before.len + 1);
    return before;
}

static bool
is_srs_separator(char c)
{
    return c == '=' || c == '+' || c == '-';
}

/* "HHH=TT=domain=local", what a forwarder makes of a sender. */
static bool
read_srs_body(DsnSpan text, GStringChunk **strings, DsnReturnPath *path)
{
    path->hash = take_until(&text, '=');
    DsnSpan day = take_until(&text, '=');
    DsnSpan domain = take_until(&text, '=');
    if (path->hash.len == 0 || day.len == 0 || domain.len == 0 || text.len == 0)
        return false;
    path->sender = join(text, domain, strings);
    return dsn_span_present(path->sender);
}

/* "SRS0=HHH=TT=domain=local"; the first separator may also be "+" or "-". */
static bool
read_srs0(DsnSpan local, GStringChunk **strings, DsnReturnPath *path)
{
    path->form = "srs0";
    return read_srs_body(dsn_span_from(local, strlen("SRS0=")), strings, path);
}

/* "SRS1=HHH=forwarder==HHH=TT=domain=local"; the second forwarder kept what the first had made. */
static bool
read_srs1(DsnSpan local, GStringChunk **strings, DsnReturnPath *path)
{
    DsnSpan rest = dsn_span_from(local, strlen("SRS1="));
    DsnSpan hash = take_until(&rest, '=');
    DsnSpan forwarder = take_until(&rest, '=');

    path->form = "srs1";
    if (hash.len == 0 || forwarder.len == 0 || rest.len == 0 || !is_srs_separator(rest.data[0]) ||
        !read_srs_body(dsn_span_from(rest, 1), strings, path))
        return false;
    path->hash = hash;
    return true;
}

/* "prvs=KDDDSSSSSS=local", a tag of ten digits: a key, a day and a part of a digest. */
static bool
read_prvs(DsnSpan local, DsnSpan domain, GStringChunk **strings, DsnReturnPath *path)
{
    DsnSpan rest = dsn_span_from(local, strlen("prvs="));

    path->form = "batv";
    path->token = take_until(&rest, '=');
    if (path->token.len != 10 || rest.len == 0)
        return false;
    path->sender = join(rest, domain, strings);
    return dsn_span_present(path->sender);
}

/* "btv1==TAG==local", the same by Barracuda's hosts. */
static bool
read_btv1(DsnSpan local, DsnSpan domain, GStringChunk **strings, DsnReturnPath *path)
{
    DsnSpan rest = dsn_span_from(local, strlen("btv1=="));

    path->form = "batv";
    path->token = take_until(&rest, '=');
    if (path->token.len == 0 || rest.len < 2 || rest.data[0] != '=')
        return false;
    path->sender = join(dsn_span_from(rest, 1), domain, strings);
    return dsn_span_present(path->sender);
}

/* "bounce+user=example.com", "bounce-user=example.com", and ezmlm's "list-return-7-user=..." */
static bool
read_verp(DsnSpan local, GStringChunk **strings, DsnReturnPath *path)
{
    static const char marker[] = "-return-";
    DsnSpan rest = local;
    size_t at = find_text(local, marker);

    path->form = "verp";
    if (memchr(local.data, '=', local.len) == NULL)
        return false;
    if (!dsn_span_present(take_until(&rest, '+')) && at < local.len) {
        rest = dsn_span_from(local, at + strlen(marker));
        size_t digits = 0;
        while (digits < rest.len && g_ascii_isdigit(rest.data[digits]))
            digits++;
        if (digits > 0 && digits < rest.len && rest.data[digits] == '-')
            rest = dsn_span_from(rest, digits + 1);
    } else if (rest.len == local.len) {
        (void)take_until(&rest, '-'); /* without one, all of it may be the address */
    }
    path->recipient = rest.len == 0 ? DSN_SPAN_ABSENT : read_verp_address(rest, strings);
    return dsn_span_present(path->recipient);
}

/* "bounce+token" */
static bool
read_token(DsnSpan local, DsnReturnPath *path)
{
    DsnSpan rest = local;

    path->form = "token";
    if (take_until(&rest, '+').len == 0 || rest.len == 0)
        return false;
    path->token = rest;
    return true;
}

static bool
read_known_form(DsnSpan local, DsnSpan domain, GStringChunk **strings, DsnReturnPath *path)
{
    bool separated = local.len > strlen("SRS0=") && is_srs_separator(local.data[strlen("SRS0")]);

    if (separated && dsn_span_starts(local, "SRS0"))
        return read_srs0(local, strings, path);
    if (separated && dsn_span_starts(local, "SRS1"))
        return read_srs1(local, strings, path);
    if (dsn_span_starts(local, "prvs="))
        return read_prvs(local, domain, strings, path);
    if (dsn_span_starts(local, "btv1=="))
        return read_btv1(local, domain, strings, path);
    return read_verp(local, strings, path) || read_token(local, path);
}

bool
dsn_return_path_read(const DsnReturnPaths *paths, DsnSpan address, GStringChunk **strings,
                     DsnReturnPath *ret_path)
{
    const char *at = address.len == 0 || address.len > ADDRESS_MAX
                         ? NULL
                         : memrchr(address.data, '@', address.len);

    if (at == NULL || at == address.data)
        return false;
    for (guint i = 0; paths != NULL && i < paths->patterns->len; i++) {
        if (match(paths->patterns->pdata[i], address, strings, ret_path))
            return true;
    }

    DsnSpan local = {address.data, (size_t)(at - address.data)};
    *ret_path = (DsnReturnPath){.form = NULL};
    return read_known_form(local, dsn_span_from(address, local.len + 1), strings, ret_path);
}
