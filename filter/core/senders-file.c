/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/senders-file.h"

DsnSendersFile
dsn_senders_file(DsnSpan text)
{
    static const char mark[] = "\xef\xbb\xbf";
    bool marked = text.len >= strlen(mark) && memcmp(text.data, mark, strlen(mark)) == 0;

    return (DsnSendersFile){marked ? dsn_span_from(text, strlen(mark)) : text, 0};
}

/* "#" may also begin an address. */
static DsnSpan
without_comment(DsnSpan line)
{
    const char *found = line.data, *end = line.data + line.len;

    if (line.len == 0 || line.data[0] == '#')
        return (DsnSpan){line.data, 0};
    while ((found = memchr(found, '#', (size_t)(end - found))) != NULL) {
        if (dsn_is_space(found[-1]))
            return (DsnSpan){line.data, (size_t)(found - line.data)};
        found++;
    }
    return line;
}

bool
dsn_senders_file_next(DsnSendersFile *file, DsnSpan *ret_sender)
{
    while (file->rest.len > 0) {
        const char *feed = memchr(file->rest.data, '\n', file->rest.len);
        size_t len = feed == NULL ? file->rest.len : (size_t)(feed - file->rest.data);
        DsnSpan line = dsn_span_trim((DsnSpan){file->rest.data, len});
        DsnSpan sender = dsn_span_trim(without_comment(line));

        file->rest = dsn_span_from(file->rest, feed == NULL ? len : len + 1);
        file->line++;
        if (sender.len > 0) {
            *ret_sender = sender;
            return true;
        }
    }
    return false;
}
