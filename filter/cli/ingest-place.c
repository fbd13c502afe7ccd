/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/ingest-place.h"

#include "filter/core/number.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes at the start by which a file is known. */
#define HEAD ((guint64)4096)

char *
dsn_file_place_name(const char *file)
{
    if (strcmp(file, "-") == 0)
        return NULL;
    /* What realpath(3) gives is freed by free(3), which is what g_free() calls. */
    g_autofree char *real = realpath(file, NULL);
    return real == NULL ? NULL : g_strconcat("ingest:", real, NULL);
}

/* The digest of the first @len bytes, NULL if there are not so many (transfer full). */
static char *
digest_head(int fd, guint64 len)
{
    char head[HEAD];
    size_t have = 0;

    while (have < len) {
        ssize_t n = pread(fd, head + have, len - have, (off_t)have);

        if (n <= 0)
            return NULL;
        have += (size_t)n;
    }
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)head, have);
}

char *
dsn_file_place_to_text(const DsnFilePlace *place, int fd, guint64 read)
{
    guint64 len = MIN(read, HEAD);
    g_autofree char *digest = digest_head(fd, len);

    if (digest == NULL)
        return NULL;
    return g_strdup_printf("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %s",
                           place->at, place->number, len, digest);
}

bool
dsn_file_place_from_text(const char *text, int fd, DsnFilePlace *ret_place)
{
    g_auto(GStrv) words = text == NULL ? NULL : g_strsplit(text, " ", 0);
    guint64 len;

    *ret_place = (DsnFilePlace){0};
    if (words == NULL || g_strv_length(words) != 4 || !dsn_number_read(words[2], 10, 0, HEAD, &len))
        return false;
    g_autofree char *digest = digest_head(fd, len);
    return g_strcmp0(digest, words[3]) == 0 &&
           dsn_number_read(words[0], 10, 0, G_MAXINT64, &ret_place->at) &&
           dsn_number_read(words[1], 10, 0, G_MAXINT64, &ret_place->number);
}

bool
dsn_file_has(int fd, guint64 offset, const char *expected, gsize len)
{
    g_autofree char *found = g_malloc(len);

    return pread(fd, found, len, (off_t)offset) == (ssize_t)len &&
           memcmp(found, expected, len) == 0;
}
