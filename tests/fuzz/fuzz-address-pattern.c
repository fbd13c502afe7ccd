/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz-address-pattern.c - a file of patterns, and addresses that are looked for in it
 *
 * What is wrong is said with its line and harms nobody; an address that stands in the file is
 * found, and so is everybody in a domain that does.
 */
#include "config.h"

#include "filter/core/address-pattern.h"
#include "filter/core/senders-file.h"

#include <sys/mman.h>
#include <unistd.h>

/* PCRE2 takes its time for a long expression. */
#define SIZE_MAX_TRIED 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The patterns in a file of @text. */
static DsnPatterns *
load(DsnSpan text, GString *said)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    int file = memfd_create("patterns", 0);

    g_assert(file >= 0 && write(file, text.data, text.len) == (ssize_t)text.len);
    g_ptr_array_add(texts, g_strdup_printf("file:/proc/self/fd/%d", file));
    DsnPatterns *patterns = dsn_patterns_new(texts, said);
    (void)close(file); /* nothing is lost */
    return patterns;
}

/* Each complaint is one line about one line of the file. */
static void
check_said(const char *said)
{
    g_auto(GStrv) lines = g_strsplit(said, "\n", -1);

    for (size_t i = 0; lines[i] != NULL && lines[i + 1] != NULL; i++)
        g_assert(g_str_has_prefix(lines[i], "file:") ||
                 g_str_has_prefix(lines[i], "/proc/self/fd/"));
    g_assert(g_utf8_validate(said, -1, NULL));
}

/* @entry, which has no "*" and is no expression, was taken. */
static void
check_member(const DsnPatterns *patterns, const char *entry)
{
    g_autofree char *upper = g_ascii_strup(entry, -1);
    g_autofree char *member = strchr(entry, '@') == NULL ? g_strconcat("user@", upper, NULL)
                              : *entry == '@'            ? g_strconcat("user", upper, NULL)
                                                         : g_strdup(upper);

    g_assert(dsn_patterns_match(patterns, dsn_span(member)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DsnSpan text = {(const char *)data, MIN(size, SIZE_MAX_TRIED)}, entry;
    g_autoptr(GString) said = g_string_new(NULL);
    g_autoptr(DsnPatterns) patterns = load(text, said);
    DsnSendersFile file = dsn_senders_file(text);

    check_said(said->str);
    (void)dsn_patterns_match(patterns, text); /* anything may be asked for */
    while (dsn_senders_file_next(&file, &entry)) {
        g_autofree char *pattern = g_strndup(entry.data, entry.len);

        (void)dsn_patterns_match(patterns, entry);
        if (strlen(pattern) == entry.len && dsn_pattern_check(pattern) == NULL &&
            strpbrk(pattern, "*") == NULL && !g_str_has_prefix(pattern, "file:") &&
            (*pattern != '/' || strchr(pattern, '@') != NULL) && pattern[entry.len - 1] != '/' &&
            said->len == 0)
            check_member(patterns, pattern);
    }
    return 0;
}
