/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line with a pattern and one with an address: a pattern that passes the check can be used,
 * addresses that are found are addresses, and everything found was in there.
 */
#include "config.h"

#include <stdint.h>

#include "filter/core/return-path.h"
#include "mime/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is no address lies inside of the one that was read; placeholders stand for no "@". */
static void
check_part(DsnSpan part, DsnSpan address, bool placeholder)
{
    if (!dsn_span_present(part))
        return;
    g_assert(part.len > 0 && (!placeholder || memchr(part.data, '@', part.len) == NULL));
    g_assert(part.data >= address.data && part.data + part.len <= address.data + address.len);
}

static void
read_address(const DsnReturnPaths *paths, DsnSpan address)
{
    GStringChunk *strings = NULL;
    DsnReturnPath path;

    if (dsn_return_path_read(paths, address, &strings, &path)) {
        bool pattern = strcmp(path.form, "pattern") == 0;

        g_assert(!dsn_span_present(path.recipient) || dsn_address_is_mailbox(path.recipient));
        g_assert(!dsn_span_present(path.sender) || dsn_address_is_mailbox(path.sender));
        g_assert(path.recipient.len <= address.len && path.sender.len <= address.len);
        check_part(path.tenant, address, pattern);
        check_part(path.campaign, address, pattern);
        check_part(path.envelope_id, address, pattern);
        check_part(path.token, address, pattern);
        check_part(path.hash, address, pattern);
    }
    if (strings != NULL)
        g_string_chunk_free(strings);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *feed = size == 0 ? NULL : memchr(data, '\n', size);

    if (feed == NULL)
        return 0;
    g_autofree char *pattern = g_strndup((const char *)data, (size_t)(feed - data));
    gpointer list[] = {pattern};
    const GPtrArray patterns = {list, 1};
    const DsnSpan address = {(const char *)feed + 1, size - (size_t)(feed - data) - 1};

    read_address(NULL, address);
    if (dsn_return_path_check(pattern) != NULL)
        return 0;
    g_autoptr(DsnReturnPaths) paths = dsn_return_paths_new(&patterns);
    read_address(paths, address);
    return 0;
}
