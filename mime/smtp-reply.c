/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/smtp-reply.h"

/* Where a reply begins, and what was read there. */
typedef struct Start {
    DsnSmtpReply reply;
    DsnSpan text;   /* what follows the codes */
    bool continued; /* "550-": more lines follow */
} Start;

static bool
is_word(char c)
{
    return g_ascii_isalnum(c) || c == '.' || c == '-' || c == '_';
}

static DsnSpan
skip_any(DsnSpan text, const char *bytes)
{
    size_t at = 0;

    while (at < text.len && text.data[at] != '\0' && strchr(bytes, text.data[at]) != NULL)
        at++;
    return at == 0 ? text : dsn_span_from(text, at);
}

/* Three digits and what separates them from the text; returns their length, 0 if there are none. */
static size_t
measure_basic_code(DsnSpan text, uint16_t *ret_code, bool *ret_continued)
{
    if (text.len < 3 || text.data[0] < '2' || text.data[0] > '5' ||
        !g_ascii_isdigit(text.data[1]) || !g_ascii_isdigit(text.data[2]))
        return 0;
    if (text.len > 3 && !dsn_is_space(text.data[3]) && text.data[3] != '-' && text.data[3] != ':')
        return 0;

    *ret_code =
        (uint16_t)((text.data[0] - '0') * 100 + (text.data[1] - '0') * 10 + (text.data[2] - '0'));
    *ret_continued = text.len > 3 && text.data[3] == '-';
    return text.len > 3 ? 4 : 3;
}

static bool
is_same_code(DsnStatusCode a, DsnStatusCode b)
{
    return a.class_ == b.class_ && a.subject == b.subject && a.detail == b.detail;
}

/* Drops an enhanced code, and the same one again where a gateway wrote it twice. One that is not
 * @known is text, unless none is known yet. */
static DsnSpan
take_enhanced_code(DsnSpan text, DsnStatusCode *known)
{
    for (int i = 0; i < 2; i++) {
        DsnStatusCode code;
        DsnSpan rest = skip_any(text, " \t\r\n#");
        size_t len = dsn_status_code_parse(rest, &code);

        if (len == 0 || (known->class_ != 0 && !is_same_code(code, *known)))
            return text;
        *known = code;
        text = dsn_span_from(rest, len);
        if (text.len > 0 && text.data[0] == ':')
            text = dsn_span_from(text, 1);
    }
    return text;
}

/* Google writes the basic code in front of a reply that begins with it. */
static DsnSpan
skip_repeated_code(DsnSpan text, uint16_t code)
{
    DsnSpan rest = skip_any(text, " ");
    uint16_t again = 0;
    bool continued = false;
    size_t len = measure_basic_code(rest, &again, &continued);

    return len > 0 && again == code && !continued ? dsn_span_from(rest, len) : text;
}

/* Reads codes at the start of @text: "550 5.1.1", "#5.1.1 smtp;550 5.1.1", "5.1.1". */
static bool
read_start(DsnSpan text, Start *ret_start)
{
    Start start = {.text = skip_any(text, " \t\r\n<#")};

    start.text = take_enhanced_code(start.text, &start.reply.enhanced);
    DsnSpan rest = skip_any(start.text, " \t\r\n");
    if (dsn_span_starts(rest, "smtp;"))
        rest = skip_any(dsn_span_from(rest, strlen("smtp;")), " \t\r\n<#");
    size_t len = measure_basic_code(rest, &start.reply.code, &start.continued);
    if (len > 0) {
        start.text = skip_repeated_code(dsn_span_from(rest, len), start.reply.code);
        start.text = take_enhanced_code(start.text, &start.reply.enhanced);
    }
    *ret_start = start;
    return start.reply.code != 0 || start.reply.enhanced.class_ != 0;
}

static bool
ends_with(DsnSpan text, const char *end)
{
    size_t len = strlen(end);

    return text.len >= len && memcmp(text.data + text.len - len, end, len) == 0;
}

/* A reply somewhere in @text: both codes with the same class, which nothing else looks like, or one
 * of them behind a phrase with which Postfix ("said:"), Exim ("]:") and Exchange ("#") quote. */
static bool
find_start(DsnSpan text, Start *ret_start)
{
    for (size_t at = 1; at < text.len; at++) {
        if (!g_ascii_isdigit(text.data[at]) || is_word(text.data[at - 1]))
            continue;

        Start start;
        if (!read_start(dsn_span_from(text, at), &start))
            continue;
        DsnSpan before = dsn_span_trim((DsnSpan){text.data, at});
        bool both = start.reply.code != 0 && start.reply.code / 100 == start.reply.enhanced.class_;
        bool quoted = ends_with(before, "said:") || ends_with(before, "]:");
        if (both || (quoted && start.reply.code != 0) ||
            (ends_with(before, "#") && !ends_with(before, "(#"))) {
            *ret_start = start;
            return true;
        }
    }
    return false;
}

/* qmail and its kin write "sorry, no mailbox here by that name (#5.1.1)". The text stays whole. */
static void
find_qmail_code(DsnSpan text, DsnStatusCode *enhanced)
{
    DsnStatusCode code;
    const char *at = text.data;
    const char *end = text.data + text.len;

    while ((at = memmem(at, (size_t)(end - at), "(#", 2)) != NULL) {
        at += 2;
        size_t len = dsn_status_code_parse((DsnSpan){at, (size_t)(end - at)}, &code);
        if (len > 0 && at + len < end && at[len] == ')') {
            *enhanced = code;
            return;
        }
    }
}

/* The start stays: a line break there may tell that another line of the reply follows. */
static DsnSpan
trim_end(DsnSpan text)
{
    while (text.len > 0 && dsn_is_space(text.data[text.len - 1]))
        text.len--;
    return text;
}

/* Drops what the quoting program put behind a reply: Postfix the command that it answers, Exchange
 * the other half of its brackets. */
static DsnSpan
trim_quotation(DsnSpan text, bool bracketed)
{
    static const char *const ends[] = {"#SMTP#", "##", ">"};

    text = trim_end(text);
    if (ends_with(text, " command)")) {
        const char *open = g_strrstr_len(text.data, (gssize)text.len, " (in reply to ");
        if (open != NULL)
            text.len = (size_t)(open - text.data);
    }
    for (size_t i = 0; bracketed && i < G_N_ELEMENTS(ends); i++) {
        if (ends_with(text, ends[i]))
            text = trim_end((DsnSpan){text.data, text.len - strlen(ends[i])});
    }
    return text;
}

static void
append_piece(DsnSpan piece, char separator, gsize before, GString *text)
{
    piece = dsn_span_trim(piece);
    if (piece.len == 0)
        return;
    if (text->len > before)
        g_string_append_c(text, separator);
    g_string_append_len(text, piece.data, (gssize)piece.len);
}

/* True if another line of the reply begins with @text. Where folding is undone only "550-" of the
 * line before and equal codes (rule STAT-04) tell it from words that happen to be there. */
static bool
read_next_line(DsnSpan text, bool broken, Start *start)
{
    uint16_t code = 0;
    bool continued = false;

    if (!broken && !start->continued)
        return false;
    size_t len = measure_basic_code(text, &code, &continued);
    if (len == 0 || code != start->reply.code)
        return false;

    DsnSpan after = dsn_span_from(text, len);
    DsnSpan rest = take_enhanced_code(after, &start->reply.enhanced);
    if (!broken && start->reply.enhanced.class_ != 0 && rest.data == after.data)
        return false;
    start->text = rest;
    start->continued = continued;
    return true;
}

/* Appends the lines that @start begins; a fold inside a line becomes one space. */
static void
append_lines(Start *start, GString *text)
{
    gsize before = text->len;
    DsnSpan all = start->text;
    size_t from = 0;
    char separator = ' ';

    for (size_t at = 0; at < all.len; at++) {
        if (!dsn_is_space(all.data[at]))
            continue;

        size_t end = at;
        bool broken = false;
        for (; at < all.len && dsn_is_space(all.data[at]); at++)
            broken = broken || all.data[at] == '\n' || all.data[at] == '\r';
        bool next = read_next_line(dsn_span_from(all, at), broken, start);
        if (next || broken) {
            append_piece((DsnSpan){all.data + from, end - from}, separator, before, text);
            separator = next ? '\n' : ' ';
            from = next ? (size_t)(start->text.data - all.data) : at;
            at = MAX(at, from);
        }
        at--; /* the loop goes on with the byte that ended the spaces */
    }
    append_piece(dsn_span_from(all, from), separator, before, text);
}

DsnSmtpReply
dsn_smtp_reply_parse(DsnSpan diagnostic, GString *text)
{
    Start start = {.text = dsn_span_trim(diagnostic)};

    if (start.text.len == 0)
        return start.reply;

    char first = start.text.data[0];
    if (read_start(start.text, &start)) {
        start.text = trim_quotation(start.text, first == '<' || first == '#');
    } else if (find_start(dsn_span_trim(diagnostic), &start)) {
        start.text = trim_quotation(start.text, first == '<');
    } else {
        start = (Start){.text = dsn_span_trim(diagnostic)};
    }
    if (start.reply.enhanced.class_ == 0)
        find_qmail_code(start.text, &start.reply.enhanced);
    append_lines(&start, text);
    return start.reply;
}
