/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/suggest.h"

#include <glib.h>
#include <string.h>

/* Longer words are not compared: the rows stay small whatever was typed. */
#define WORD_MAX ((size_t)64)

static unsigned
distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_len; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned change = last[j - 1] + (a[i - 1] != b[j - 1]);

            row[j] = MIN(change, MIN(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = MIN(row[j], before[j - 2] + 1);
        }
        unsigned *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b_len];
}

const char *
dsn_suggest(const char *word, const char *const *known)
{
    size_t len = strlen(word);
    unsigned best = (unsigned)(MAX(len, 3) / 3) + 1;
    const char *found = NULL;

    if (len > WORD_MAX)
        return NULL;
    for (; *known != NULL; known++) {
        size_t known_len = strlen(*known);

        if (known_len > WORD_MAX)
            continue;
        unsigned steps = distance(word, len, *known, known_len);
        if (steps < best) {
            best = steps;
            found = *known;
        }
    }
    return found;
}
