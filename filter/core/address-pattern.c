/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/address-pattern.h"

#include "mime/address.h"

#define EXPECTED "an address such as \"user@example.com\", a domain, or a pattern of them with *"

/* "*" stands for any number of characters, on its side of the "@". */
typedef struct Pattern {
    char *local; /* NULL: any, also none */
    char *domain;
} Pattern;

struct DsnPatterns {
    bool everybody;
    GHashTable *addresses; /* in lower case, without "*" */
    GHashTable *domains;
    GArray *patterns; /* of Pattern, the others */
};

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

const char *
dsn_pattern_check(const char *pattern)
{
    DsnSpan text = dsn_span(pattern);
    DsnSpan local, domain;

    if (strcmp(pattern, "*") == 0)
        return NULL;
    /* A star can stand for a letter: what is no address then is none with anything else. */
    g_autofree char *sample = g_strdup(pattern);
    g_strdelimit(sample, "*", 'x');
    split((DsnSpan){sample, text.len}, &local, &domain);
    bool good = dsn_span_present(local) ? dsn_address_is_mailbox((DsnSpan){sample, text.len})
                                        : dsn_address_is_domain(domain);
    return good ? NULL : EXPECTED;
}

static void
clear_pattern(gpointer data)
{
    Pattern *pattern = data;

    g_free(pattern->local);
    g_free(pattern->domain);
}

static void
add(DsnPatterns *patterns, const char *text)
{
    char *lower = g_ascii_strdown(text, -1);
    DsnSpan local, domain;

    if (strcmp(lower, "*") == 0) {
        patterns->everybody = true;
        g_free(lower);
    } else if (strchr(lower, '*') == NULL) {
        (void)g_hash_table_add(strchr(lower, '@') == NULL ? patterns->domains : patterns->addresses,
                               lower);
    } else {
        split(dsn_span(lower), &local, &domain);
        const Pattern pattern = {dsn_span_dup(local), dsn_span_dup(domain)};
        g_array_append_val(patterns->patterns, pattern);
        g_free(lower);
    }
}

DsnPatterns *
dsn_patterns_new(const GPtrArray *texts)
{
    DsnPatterns *patterns = g_new0(DsnPatterns, 1);

    patterns->addresses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    patterns->domains = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    patterns->patterns = g_array_new(FALSE, FALSE, sizeof(Pattern));
    g_array_set_clear_func(patterns->patterns, clear_pattern);
    for (guint i = 0; i < texts->len; i++)
        add(patterns, texts->pdata[i]);
    return patterns;
}

void
dsn_patterns_free(DsnPatterns *patterns)
{
    if (patterns == NULL)
        return;
    g_hash_table_unref(patterns->addresses);
    g_hash_table_unref(patterns->domains);
    g_array_unref(patterns->patterns);
    g_free(patterns);
}

/* Each piece between stars is taken where it comes first, which leaves the most for the rest:
 * nothing is tried twice. */
static bool
matches(const char *glob, DsnSpan text)
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

bool
dsn_patterns_match(const DsnPatterns *patterns, DsnSpan address)
{
    DsnSpan local, domain;

    if (patterns->everybody)
        return true;
    /* A NUL would hide what comes after it. */
    if (address.len == 0 || memchr(address.data, '\0', address.len) != NULL)
        return false;
    g_autofree char *lower = g_ascii_strdown(address.data, (gssize)address.len);
    split((DsnSpan){lower, address.len}, &local, &domain);
    if (!dsn_span_present(local) || domain.len == 0)
        return false;
    if (g_hash_table_contains(patterns->addresses, lower) ||
        g_hash_table_contains(patterns->domains, domain.data))
        return true;
    for (guint i = 0; i < patterns->patterns->len; i++) {
        const Pattern *pattern = &g_array_index(patterns->patterns, Pattern, i);

        if ((pattern->local == NULL || matches(pattern->local, local)) &&
            matches(pattern->domain, domain))
            return true;
    }
    return false;
}

bool
dsn_patterns_empty(const DsnPatterns *patterns)
{
    return !patterns->everybody && g_hash_table_size(patterns->addresses) == 0 &&
           g_hash_table_size(patterns->domains) == 0 && patterns->patterns->len == 0;
}
