/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One walk over the lines. There is no stack: the multiparts that are open are the ancestors of the
 * part that the walk is in, and that part itself.
 */
#include "config.h"

#include "mime/structure.h"

#include "mime/header.h"

typedef struct Scanner {
    DsnStructure *structure;
    const DsnLimits *limits;
    const char *end;    /* of the message */
    int current;        /* the part that the line belongs to; a closed multipart in its epilogue */
    bool in_header;     /* of the current part */
    const char *field;  /* a Content-* field of that header that the walk is in, or NULL */
    bool transfer_seen; /* that header has a Content-Transfer-Encoding */
    bool crlf;
    bool bare_lf;

    /* What may be the boundary of the current multipart, none of whose parts was found yet. */
    DsnSpan guess;    /* from the first line that may be a delimiter */
    bool guess_holds; /* and it is one, by what follows */
} Scanner;

typedef struct Line {
    const char *start;
    const char *next; /* the line after it */
    size_t len;       /* without the line end */
} Line;

DsnStructure *
dsn_structure_new(void)
{
    DsnStructure *structure = g_new0(DsnStructure, 1);

    structure->parts = g_array_new(FALSE, FALSE, sizeof(DsnPart));
    structure->strings = g_string_chunk_new(256);
    return structure;
}

void
dsn_structure_free(DsnStructure *structure)
{
    if (structure == NULL)
        return;
    g_array_unref(structure->parts);
    g_string_chunk_free(structure->strings);
    g_free(structure);
}

static DsnPart *
part_at(const Scanner *scanner, int index)
{
    return &g_array_index(scanner->structure->parts, DsnPart, index);
}

static void
note_limit(DsnStructure *structure, const char *name)
{
    if (structure->limit == NULL)
        structure->limit = name;
}

/* Takes the line at @start and notes how it ends. A lone CR is looked for in the whole message, but
 * only until one was seen: a second memchr() over bytes at hand costs a third of the walk. */
static Line
take_line(Scanner *scanner, const char *start)
{
    const char *newline = memchr(start, '\n', (size_t)(scanner->end - start));
    const char *end = newline == NULL ? scanner->end : newline;
    Line line = {.start = start, .next = newline == NULL ? end : end + 1};

    if (newline != NULL) {
        if (end > start && end[-1] == '\r') {
            scanner->crlf = true;
            end--;
        } else {
            scanner->bare_lf = true;
        }
    }
    line.len = (size_t)(end - start);
    if (!scanner->structure->lone_cr && memchr(start, '\r', line.len) != NULL)
        scanner->structure->lone_cr = true;
    return line;
}

static bool
is_multipart(const DsnPart *part)
{
    return dsn_content_type_is(&part->type, "multipart", NULL);
}

/* True for a multipart whose delimiters still count. */
static bool
is_open(const Scanner *scanner, int index)
{
    const DsnPart *part = part_at(scanner, index);

    return !part->closed && part->depth < scanner->limits->depth && is_multipart(part);
}

/* Ends the Content-* field that the walk is in, if it is in one; the first of equal ones counts. */
static void
finish_field(Scanner *scanner, const char *at)
{
    if (scanner->field == NULL)
        return;

    DsnPart *part = part_at(scanner, scanner->current);
    size_t room = scanner->limits->header - (size_t)(scanner->field - part->header.data);
    DsnSpan rest = {scanner->field, MIN((size_t)(at - scanner->field), room)};
    DsnHeaderField field;

    scanner->field = NULL;
    (void)dsn_header_next(&rest, &field); /* there is a field: its first bytes were seen */
    if (dsn_span_is(field.name, "Content-Type") && !part->type.given) {
        dsn_content_type_parse(field.value, scanner->limits, scanner->structure->strings,
                               &part->type);
        if (part->type.limited)
            note_limit(scanner->structure, "parameter");
    } else if (dsn_span_is(field.name, "Content-Transfer-Encoding") && !scanner->transfer_seen) {
        part->transfer = dsn_transfer_parse(field.value);
        scanner->transfer_seen = true;
    }
}

/* Ends the header of the current part at @at; its body starts at @body. */
static void
finish_header(Scanner *scanner, const char *at, const char *body)
{
    DsnPart *part = part_at(scanner, scanner->current);

    finish_field(scanner, at);
    part->header.len = (size_t)(at - part->header.data);
    if (part->header.len > scanner->limits->header) {
        part->header.len = scanner->limits->header;
        note_limit(scanner->structure, "header");
    }
    part->body = (DsnSpan){body, 0};
    if (part->depth >= scanner->limits->depth && is_multipart(part))
        note_limit(scanner->structure, "depth");
    scanner->in_header = false;
}

/* Starts a part whose header is at @header; false when the cap is met. */
static bool
start_part(Scanner *scanner, int parent, unsigned order, const char *header)
{
    GArray *parts = scanner->structure->parts;
    DsnPart part = {.header = {header, 0}, .parent = parent, .order = order};

    if (parts->len > 0 && parts->len >= scanner->limits->parts) {
        note_limit(scanner->structure, "parts");
        return false;
    }
    dsn_content_type_parse(DSN_SPAN_ABSENT, scanner->limits, NULL, &part.type);
    if (parent >= 0) {
        const DsnPart *owner = part_at(scanner, parent);

        part.depth = owner->depth + 1;
        if (dsn_content_type_is(&owner->type, "multipart", "digest")) { /* RFC 2046 5.1.5 */
            part.type.type = DSN_SPAN_LITERAL("message");
            part.type.subtype = DSN_SPAN_LITERAL("rfc822");
        }
    }
    g_array_append_val(parts, part);
    scanner->current = (int)parts->len - 1;
    scanner->in_header = true;
    scanner->transfer_seen = false;
    return true;
}

/* Ends the current part and those around it up to, not including, @owner, at @at. An empty body may
 * start behind @at, when one line end is both the empty line and the delimiter's. */
static void
end_parts(Scanner *scanner, int owner, const char *at)
{
    const char *end = MAX(at, part_at(scanner, scanner->current)->body.data);

    for (int i = scanner->current; i != owner; i = part_at(scanner, i)->parent) {
        DsnPart *part = part_at(scanner, i);

        part->body.len = (size_t)(end - part->body.data);
    }
    scanner->current = owner;
}

typedef struct Delimiter {
    DsnSpan text;   /* what stands behind the "--", without white space at the end */
    int owner;      /* index of the multipart whose boundary it is, -1 when there is none */
    bool closing;   /* it is followed by another "--" */
    unsigned order; /* of the part that it starts */
} Delimiter;

/* Looks for the multipart that @line delimits, the innermost first. RFC 2046 section 5.1.1: behind
 * the boundary comes "--" or not, and then white space only; so a boundary that another one starts
 * with does not match. */
static Delimiter
find_delimiter(const Scanner *scanner, Line line)
{
    DsnSpan text = {line.start + 2, line.len - 2};
    unsigned order = 0;

    while (text.len > 0 && dsn_is_space(text.data[text.len - 1]))
        text.len--;
    for (int i = scanner->current; i >= 0; i = part_at(scanner, i)->parent) {
        const DsnPart *part = part_at(scanner, i);
        DsnSpan boundary = part->type.boundary;

        if (boundary.len > 0 && text.len >= boundary.len &&
            memcmp(text.data, boundary.data, boundary.len) == 0) {
            DsnSpan rest = dsn_span_from(text, boundary.len);
            bool closing = dsn_span_is(rest, "--");

            if ((rest.len == 0 || closing) && is_open(scanner, i))
                return (Delimiter){text, i, closing, order};
        }
        order = part->order + 1;
    }
    return (Delimiter){.text = text, .owner = -1};
}

/* True for what somebody might use as a boundary: the characters of RFC 2046 section 5.1.1, spaces
 * only if @spaced, at most 70; not a ruler, and no closing delimiter. */
static bool
is_plausible_boundary(DsnSpan text, bool spaced)
{
    bool ruler = true;

    if (text.len > 70 || (text.len >= 2 && memcmp(text.data + text.len - 2, "--", 2) == 0))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!g_ascii_isalnum(text.data[i]) && !(spaced && text.data[i] == ' ') &&
            (text.data[i] == '\0' || strchr("'()+_,-./:=?", text.data[i]) == NULL))
            return false;
        ruler &= text.data[i] == '-';
    }
    return !ruler;
}

/* A line that starts with "--" in a multipart none of whose parts was found yet: its header may
 * name another boundary than the body uses, or none. A line is taken for a delimiter when a
 * Content-* field follows, or when the first such line comes again. */
static void
consider_guess(Scanner *scanner, DsnSpan text, const char *next)
{
    DsnSpan guess = scanner->guess;
    DsnSpan after = {next, (size_t)(scanner->end - next)};

    if (scanner->guess_holds || !is_open(scanner, scanner->current))
        return;
    if (dsn_span_present(guess) && text.len >= guess.len &&
        memcmp(text.data, guess.data, guess.len) == 0 &&
        (text.len == guess.len || dsn_span_is(dsn_span_from(text, guess.len), "--"))) {
        scanner->guess_holds = true;
        return;
    }

    bool starts_part = dsn_span_starts(after, "Content-");
    if (is_plausible_boundary(text, starts_part)) {
        scanner->guess_holds = starts_part;
        if (starts_part || !dsn_span_present(guess))
            scanner->guess = text;
    }
}

static void
forget_guess(Scanner *scanner)
{
    scanner->guess = DSN_SPAN_ABSENT;
    scanner->guess_holds = false;
}

/* The current part ends. When it is a multipart none of whose parts was found, and a line in it
 * looks like its delimiter, returns that line for the walk to go back to, otherwise NULL. As that
 * happens once to a multipart, no byte is walked over more often than multiparts may nest, and once
 * more. */
static const char *
use_guess(Scanner *scanner)
{
    if (!scanner->guess_holds)
        return NULL;

    DsnPart *part = part_at(scanner, scanner->current);
    const char *back = scanner->guess.data - 2;
    part->type.boundary = scanner->guess;
    part->wrong_boundary = true;
    forget_guess(scanner);
    return back;
}

/* A line of the header of the current part, not a delimiter. */
static void
walk_header(Scanner *scanner, Line line)
{
    const DsnPart *part = part_at(scanner, scanner->current);

    /* Some gateways end lines with CR CR LF. */
    if (line.len == 0 || (line.len == 1 && line.start[0] == '\r')) {
        finish_header(scanner, line.start, line.next);
    } else if (line.start[0] != ' ' && line.start[0] != '\t') {
        finish_field(scanner, line.start);
        if ((size_t)(line.start - part->header.data) < scanner->limits->header &&
            dsn_span_starts((DsnSpan){line.start, line.len}, "Content-"))
            scanner->field = line.start;
    }
}

/* A line that starts with "--". Returns where the walk goes on; the end of the message when the
 * cap on parts was met. Behind a delimiter at the very end there is no part. */
static const char *
walk_dashes(Scanner *scanner, Line line)
{
    /* A header may lack its empty line, a multipart's too (rule QRK-09). */
    if (scanner->in_header)
        finish_field(scanner, line.start);

    Delimiter delimiter = find_delimiter(scanner, line);
    if (delimiter.owner < 0) {
        if (!scanner->in_header)
            consider_guess(scanner, delimiter.text, line.next);
        return line.next;
    }

    if (scanner->in_header)
        finish_header(scanner, line.start, line.start);
    else if (delimiter.owner != scanner->current) {
        const char *back = use_guess(scanner);
        if (back != NULL)
            return back;
    }
    forget_guess(scanner);

    /* The line end before a delimiter belongs to it; there is one, as a delimiter follows a header
     * field at least. */
    const char *at = line.start - 1;
    if (at[-1] == '\r')
        at--;
    end_parts(scanner, delimiter.owner, at);
    if (delimiter.closing)
        part_at(scanner, delimiter.owner)->closed = true;
    else if (line.next < scanner->end &&
             !start_part(scanner, delimiter.owner, delimiter.order, line.next))
        return scanner->end;
    return line.next;
}

static void
walk(Scanner *scanner, const char *at)
{
    while (at < scanner->end) {
        Line line = take_line(scanner, at);

        at = line.next;
        if (line.len >= 2 && line.start[0] == '-' && line.start[1] == '-')
            at = walk_dashes(scanner, line);
        else if (scanner->in_header)
            walk_header(scanner, line);
        if (at == scanner->end && !scanner->in_header && (at = use_guess(scanner)) == NULL)
            return;
    }
}

/* Where the header begins, behind what stands before it in files and archives: a byte order mark,
 * the "From " line of an mbox, quoted or not, and blank lines where a field follows them. */
static const char *
skip_prelude(Scanner *scanner, const char *start)
{
    const char *at = start;

    if (dsn_span_starts((DsnSpan){at, (size_t)(scanner->end - at)}, "\xef\xbb\xbf"))
        start = at += 3;
    while (at < scanner->end) {
        Line line = take_line(scanner, at);
        DsnSpan text = {line.start, line.len};

        at = line.next;
        if ((text.len >= 5 && memcmp(text.data, "From ", 5) == 0) ||
            (text.len >= 6 && memcmp(text.data, ">From ", 6) == 0)) {
            start = at;
        } else if (dsn_span_trim(text).len > 0) {
            DsnHeaderField field;
            return dsn_header_next(&text, &field) && field.name.len > 0 ? line.start : start;
        }
    }
    return start;
}

void
dsn_structure_scan(DsnStructure *structure, DsnSpan message, const DsnLimits *limits)
{
    g_array_set_size(structure->parts, 0);
    g_string_chunk_clear(structure->strings);
    structure->mixed_line_ends = false;
    structure->lone_cr = false;
    structure->limit = NULL;

    if (!dsn_span_present(message))
        message = DSN_SPAN_LITERAL("");
    if (message.len > limits->message) {
        message.len = limits->message;
        note_limit(structure, "message");
    }

    Scanner scanner = {.structure = structure, .limits = limits, .end = message.data + message.len};
    const char *start = skip_prelude(&scanner, message.data);
    (void)start_part(&scanner, -1, 0, start); /* the first one is always there */
    walk(&scanner, start);
    if (scanner.in_header)
        finish_header(&scanner, scanner.end, scanner.end);
    end_parts(&scanner, -1, scanner.end);
    structure->mixed_line_ends = scanner.crlf && scanner.bare_lf;
}
