/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/language.h"

#include <string.h>

/* Languages of a field that are looked at; and bytes, for others wrote it. */
#define RANGES_MAX 32
#define FIELD_MAX 1024

/* Who writes Chinese tags by region means the script that is written there. */
static void
name_script(char tag[DSN_LANGUAGE_MAX])
{
    static const struct {
        const char *region, *script;
    } rows[] = {{"zh-CN", "zh-Hans"}, {"zh-SG", "zh-Hans"}, {"zh-MY", "zh-Hans"},
                {"zh-TW", "zh-Hant"}, {"zh-HK", "zh-Hant"}, {"zh-MO", "zh-Hant"}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (strcmp(tag, rows[i].region) == 0)
            (void)g_strlcpy(tag, rows[i].script, DSN_LANGUAGE_MAX);
    }
}

/* One part, from @start to the end of @tag, in the letters of RFC 5646 section 2.1.1. */
static bool
finish_part(char *tag, size_t start, size_t end)
{
    size_t length = end - start;

    if (length < (start == 0 ? 2 : 1) || length > 8)
        return false;
    if (start == 0) {
        for (size_t i = 0; i < end; i++) {
            if (!g_ascii_isalpha(tag[i]))
                return false;
        }
    } else if (length == 2) {
        tag[start] = g_ascii_toupper(tag[start]);
        tag[start + 1] = g_ascii_toupper(tag[start + 1]);
    } else if (length == 4) {
        tag[start] = g_ascii_toupper(tag[start]);
    }
    return true;
}

bool
dsn_language_read(const char *text, size_t length, char ret_tag[DSN_LANGUAGE_MAX])
{
    char tag[DSN_LANGUAGE_MAX];
    size_t start = 0;

    if (length == 0 || length >= DSN_LANGUAGE_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        /* POSIX has an underscore, and so have many programs. */
        tag[i] = text[i] == '_' ? '-' : g_ascii_tolower(text[i]);
        if (tag[i] != '-' && !g_ascii_isalnum(tag[i]))
            return false;
        if (tag[i] == '-') {
            if (!finish_part(tag, start, i))
                return false;
            start = i + 1;
        }
    }
    tag[length] = '\0';
    if (!finish_part(tag, start, length))
        return false;
    name_script(tag);
    memcpy(ret_tag, tag, sizeof tag);
    return true;
}

bool
dsn_language_shorten(char *tag)
{
    char *hyphen = strrchr(tag, '-');

    if (hyphen == NULL)
        return false;
    *hyphen = '\0';
    /* A part of one letter says what the next one is, and does not stand alone. */
    if (hyphen - tag > 2 && hyphen[-2] == '-')
        hyphen[-2] = '\0';
    return true;
}

const char *
dsn_language_fit(const char *tag, const char *const *known)
{
    char shorter[DSN_LANGUAGE_MAX];
    size_t length = strlen(tag);

    (void)g_strlcpy(shorter, tag, sizeof shorter);
    do {
        for (size_t i = 0; known[i] != NULL; i++) {
            if (g_ascii_strcasecmp(known[i], shorter) == 0)
                return known[i];
        }
    } while (dsn_language_shorten(shorter));
    for (size_t i = 0; known[i] != NULL; i++) {
        if (g_ascii_strncasecmp(known[i], tag, length) == 0 && known[i][length] == '-')
            return known[i];
    }
    return NULL;
}

/* The weight of a range in thousandths, from what stands behind it: "; q=0.8". */
static unsigned
read_weight(const char *at, const char *end)
{
    unsigned weight = 0, unit = 100;

    while (at < end && (*at == ' ' || *at == '\t' || *at == ';'))
        at++;
    if (end - at < 3 || g_ascii_tolower(*at) != 'q' || at[1] != '=')
        return 1000;
    if (at[2] == '1')
        return 1000;
    for (at += at[2] == '0' ? 3 : 2; at < end && (*at == '.' || g_ascii_isdigit(*at)); at++) {
        if (*at == '.')
            continue;
        weight += (unsigned)(*at - '0') * unit;
        unit /= 10;
    }
    return weight;
}

const char *
dsn_language_choose(const char *field, const char *const *known)
{
    const char *best = NULL, *limit = field + strnlen(field, FIELD_MAX);
    unsigned heaviest = 0;

    for (size_t n = 0; n < RANGES_MAX && field < limit; n++) {
        const char *end = memchr(field, ',', (size_t)(limit - field));
        char tag[DSN_LANGUAGE_MAX];

        if (end == NULL)
            end = limit;
        while (field < end && g_ascii_isspace(*field))
            field++;
        size_t length = 0;
        while (field + length < end &&
               (g_ascii_isalnum(field[length]) || field[length] == '-' || field[length] == '_'))
            length++;
        unsigned weight = read_weight(field + length, end);
        if (weight > heaviest && dsn_language_read(field, length, tag)) {
            const char *fits = dsn_language_fit(tag, known);

            if (fits != NULL) {
                best = fits;
                heaviest = weight;
            }
        }
        field = end + 1;
    }
    return best;
}
