/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/buffer.h"

void
dsn_buffer_empty(GString **buffer, size_t kept)
{
    if ((*buffer)->allocated_len > kept) {
        (void)g_string_free(*buffer, TRUE);
        *buffer = g_string_new(NULL);
    }
    g_string_truncate(*buffer, 0);
}
