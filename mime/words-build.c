/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/words-build.h"

#include "mime/address.h"
#include "mime/boundary.h"
#include "mime/header.h"
#include "mime/lines.h"
#include "mime/text.h"
#include "mime/transfer.h"

#define LINE_WANTED 78  /* columns; RFC 5322 section 2.1.1 */
#define LANGUAGE_MAX 35 /* bytes of a language tag, RFC 5646 section 4.4.1 */
#define HEADER_ROOM 256 /* about what stands in front of one text */

/* How all texts of a part are written. */
typedef struct Writing {
    size_t texts;
    DsnSpan boundary;
    bool opaque;
    GString *part;
} Writing;

/* RFC 5646 section 2.1, in its outline. */
static bool
is_language_or_absent(DsnSpan tag)
{
    if (!dsn_span_present(tag))
        return true;
    for (size_t i = 0; i < tag.len; i++)
        if (!g_ascii_isalnum(tag.data[i]) && tag.data[i] != '-')
            return false;
    return tag.len > 0 && tag.len <= LANGUAGE_MAX;
}

bool
dsn_words_have_languages(const DsnWords *words, size_t n_words)
{
    for (size_t i = 0; i < n_words; i++)
        if (!is_language_or_absent(words[i].language))
            return false;
    return true;
}

size_t
dsn_words_count(const DsnWords *words, size_t n_words)
{
    size_t count = n_words;

    for (size_t i = 0; i < n_words; i++)
        count += dsn_span_present(words[i].html);
    return count;
}

size_t
dsn_words_room(const DsnWords *words, size_t n_words)
{
    size_t room = HEADER_ROOM;

    for (size_t i = 0; i < n_words; i++)
        room += 2 * HEADER_ROOM + (words[i].text.len + words[i].html.len) / 2 * 3;
    return room;
}

static void
append_clean(DsnSpan line, GString *text)
{
    size_t start = text->len;

    (void)dsn_text_append_utf8(line, text); /* what was replaced shows in the text */
    for (size_t i = start; i < text->len; i++) {
        unsigned char byte = (unsigned char)text->str[i];

        if ((byte < ' ' && byte != '\t') || byte == 0x7f)
            text->str[i] = ' ';
    }
}

/* Appends @source with controls gone, U+FFFD for what is not UTF-8, and CRLF. Returns whether it is
 * short lines. */
static bool
clean(DsnSpan source, GString *text)
{
    DsnLines lines = DSN_LINES(source);
    bool brief = true;

    for (DsnSpan line; dsn_lines_next(&lines, &line);) {
        size_t start = text->len;

        if (dsn_span_is_plain(line))
            g_string_append_len(text, line.data, (gssize)line.len);
        else
            append_clean(line, text);
        brief = brief && text->len - start <= LINE_WANTED;
        g_string_append_len(text, "\r\n", 2);
    }
    return brief;
}

/* Encoded unless it is short lines of ASCII (rules MIME-22 to MIME-26). */
static void
append_text(const Writing *writing, const char *subtype, DsnSpan language, DsnSpan source)
{
    g_autoptr(GString) buffer = g_string_sized_new(source.len + 2);
    GString *part = writing->part;
    bool brief = clean(source, buffer);
    DsnSpan text = {buffer->str, buffer->len};
    bool ascii = dsn_text_is_ascii(text);
    DsnTransfer transfer = writing->opaque  ? DSN_TRANSFER_BASE64
                           : brief && ascii ? DSN_TRANSFER_IDENTITY
                                            : dsn_transfer_choose(text);

    if (writing->texts > 1)
        dsn_boundary_append(writing->boundary, "\r\n", part);
    g_string_append(part, "Content-Type: text/");
    g_string_append(part, subtype);
    g_string_append(part,
                    ascii ? "; charset=us-ascii\r\n" : "; charset=utf-8\r\n"); /* rule MIME-31 */
    if (dsn_span_present(language))                                            /* rule MIME-32 */
        dsn_header_append("Content-Language", language, part);
    if (transfer != DSN_TRANSFER_IDENTITY)
        dsn_header_append("Content-Transfer-Encoding", dsn_span(dsn_transfer_to_string(transfer)),
                          part);
    g_string_append_len(part, "\r\n", 2);
    dsn_transfer_encode(text, transfer, part);
}

/* In each language the text, then the HTML, and the preferred language last: a reader shows the
 * last one that it can (RFC 2046 section 5.1.4). */
void
dsn_words_append(const DsnWords *words, size_t n_words, DsnSpan boundary, bool opaque,
                 GString *ret_part)
{
    const Writing writing = {dsn_words_count(words, n_words), boundary, opaque, ret_part};

    g_assert(n_words > 0);
    if (writing.texts > 1) {
        g_string_append(ret_part, "Content-Type: multipart/alternative;\r\n");
        dsn_boundary_append_parameter(boundary, ret_part);
    }
    for (size_t i = n_words; i-- > 0;) {
        append_text(&writing, "plain", words[i].language, words[i].text);
        if (dsn_span_present(words[i].html))
            append_text(&writing, "html", words[i].language, words[i].html);
    }
    if (writing.texts > 1)
        dsn_boundary_append(boundary, "--", ret_part);
}
