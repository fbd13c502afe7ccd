/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/reply-reader.h"

#include "filter/core/clean-text.h"

/* How much of a line that is no reply is shown. */
#define SHOWN ((size_t)80)

void
dsn_reply_reader_init(DsnReplyReader *reader)
{
    *reader = (DsnReplyReader){.text = g_string_new(NULL), .line = g_string_new(NULL)};
}

void
dsn_reply_reader_clear(DsnReplyReader *reader)
{
    (void)g_string_free(g_steal_pointer(&reader->text), TRUE);
    (void)g_string_free(g_steal_pointer(&reader->line), TRUE);
}

void
dsn_reply_reader_reset(DsnReplyReader *reader)
{
    reader->code = 0;
    reader->lines = 0;
    reader->bytes = 0;
    g_string_truncate(reader->text, 0);
    g_string_truncate(reader->line, 0);
}

static DsnReplyState
refuse(DsnReplyReader *reader, const char *what, DsnSpan line)
{
    g_string_assign(reader->text, what);
    if (dsn_span_present(line)) {
        g_string_append(reader->text, ": \"");
        dsn_append_clean(reader->text, (DsnSpan){line.data, MIN(line.len, SHOWN)});
        g_string_append_c(reader->text, '"');
    }
    return DSN_REPLY_BAD;
}

/* The three digits at the start of @line, or 0. Codes that RFC 5321 section 4.2 leaves out, such as
 * 571, are in use. */
static unsigned
line_code(DsnSpan line)
{
    if (line.len < 3 || line.data[0] < '2' || line.data[0] > '5' ||
        !g_ascii_isdigit(line.data[1]) || !g_ascii_isdigit(line.data[2]))
        return 0;
    if (line.len > 3 && line.data[3] != ' ' && line.data[3] != '-')
        return 0;
    return (unsigned)(line.data[0] - '0') * 100 + (unsigned)(line.data[1] - '0') * 10 +
           (unsigned)(line.data[2] - '0');
}

static void
keep_text(DsnReplyReader *reader, DsnSpan line)
{
    if (reader->lines == 1)
        g_string_append_len(reader->text, line.data, 3);
    line = dsn_span_trim(dsn_span_from(line, MIN(line.len, 4)));
    if (line.len == 0 || reader->text->len >= DSN_REPLY_TEXT_MAX)
        return;
    g_string_append_c(reader->text, ' ');
    dsn_append_clean(reader->text,
                     (DsnSpan){line.data, MIN(line.len, DSN_REPLY_TEXT_MAX - reader->text->len)});
}

static DsnReplyState
read_line(DsnReplyReader *reader, DsnSpan line)
{
    unsigned code = line_code(line);

    if (code == 0)
        return refuse(reader, "not an SMTP reply", line);
    if (reader->code != 0 && code != reader->code)
        return refuse(reader, "a reply with two codes", line);
    if (++reader->lines > DSN_REPLY_LINES_MAX)
        return refuse(reader, "a reply of too many lines", DSN_SPAN_ABSENT);
    reader->code = code;
    keep_text(reader, line);
    return line.len > 3 && line.data[3] == '-' ? DSN_REPLY_MORE : DSN_REPLY_DONE;
}

DsnReplyState
dsn_reply_reader_feed(DsnReplyReader *reader, DsnSpan bytes, size_t *ret_used)
{
    DsnReplyState state = DSN_REPLY_MORE;
    size_t at = 0;

    while (state == DSN_REPLY_MORE && at < bytes.len) {
        const char *end = memchr(bytes.data + at, '\n', bytes.len - at);
        size_t next = end == NULL ? bytes.len : (size_t)(end - bytes.data) + 1;
        size_t room = DSN_REPLY_LINE_MAX - reader->line->len;

        g_string_append_len(reader->line, bytes.data + at, (gssize)MIN(next - at, room));
        reader->bytes += next - at;
        at = next;
        if (reader->bytes > DSN_REPLY_BYTES_MAX) {
            state = refuse(reader, "a reply without end", DSN_SPAN_ABSENT);
        } else if (end != NULL) {
            DsnSpan line = {reader->line->str, reader->line->len};

            while (line.len > 0 &&
                   (line.data[line.len - 1] == '\n' || line.data[line.len - 1] == '\r'))
                line.len--;
            state = read_line(reader, line);
            g_string_truncate(reader->line, 0);
        }
    }
    *ret_used = at;
    return state;
}
