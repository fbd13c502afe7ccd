/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/structure.h"
#include "tests/support/unit.h"

#include <pthread.h>

/* One line a part: a dot for each level, type, "!" closed, "?" boundary guessed, "#" encoded, then
 * the body of a leaf in braces. */
static char *
describe(const DsnStructure *structure)
{
    g_autoptr(GString) text = g_string_new(NULL);
    GArray *parts = structure->parts;

    for (guint i = 0; i < parts->len; i++) {
        const DsnPart *part = &g_array_index(parts, DsnPart, i);

        for (unsigned level = 0; level < part->depth; level++)
            g_string_append_c(text, '.');
        g_string_append_printf(
            text, "%.*s/%.*s%s%s%s", (int)part->type.type.len, part->type.type.data,
            (int)part->type.subtype.len, part->type.subtype.data, part->closed ? "!" : "",
            part->wrong_boundary ? "?" : "", part->transfer != DSN_TRANSFER_IDENTITY ? "#" : "");
        if (!dsn_content_type_is(&part->type, "multipart", NULL)) {
            g_string_append_c(text, '{');
            g_string_append_len(text, part->body.data, (gssize)part->body.len);
            g_string_append_c(text, '}');
        }
        g_string_append_c(text, '\n');
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* What holds for every structure, whatever the message. */
static void
check_structure(const DsnStructure *structure, DsnSpan message)
{
    ck_assert_uint_ge(structure->parts->len, 1);
    for (guint i = 0; i < structure->parts->len; i++) {
        const DsnPart *part = &g_array_index(structure->parts, DsnPart, i);

        ck_assert(part->header.data >= message.data);
        ck_assert(part->header.data + part->header.len <= part->body.data);
        ck_assert(part->body.data + part->body.len <= message.data + message.len);
        ck_assert_int_eq(part->parent < 0, i == 0);
        if (i == 0)
            continue;

        const DsnPart *parent = &g_array_index(structure->parts, DsnPart, part->parent);
        ck_assert_int_lt(part->parent, (int)i);
        ck_assert_uint_eq(part->depth, parent->depth + 1);
        ck_assert(part->header.data > parent->body.data);
        ck_assert(part->body.data + part->body.len <= parent->body.data + parent->body.len);

        unsigned order = 0;
        for (guint k = 0; k < i; k++)
            order += g_array_index(structure->parts, DsnPart, k).parent == part->parent;
        ck_assert_uint_eq(part->order, order);
    }
}

#define MIXED "From: a\nContent-Type: multipart/mixed; boundary=b\n"
#define ALTERNATIVE "Content-Type: multipart/alternative; boundary=i\n"

static const struct {
    const char *label, *message, *want;
} rows[] = {
    {"empty", "", "text/plain{}\n"},
    {"text", "From: a\n\nhello\n", "text/plain{hello\n}\n"},
    {"header only", "From: a\n", "text/plain{}\n"},
    {"header only, no line end", "From: a", "text/plain{}\n"},
    {"empty body", "From: a\n\n", "text/plain{}\n"},
    {"no header", "\nhello", "text/plain{hello}\n"},
    {"mbox line", "From a Mon Jan  1 00:00:00 2021\nContent-Type: text/html\n\nx",
     "text/html{x}\n"},
    {"mbox line only", "From a", "text/plain{}\n"},
    {"a quoted mbox line", ">From a Mon Jan  1 00:00:00 2021\nContent-Type: text/html\n\nx",
     "text/html{x}\n"},
    {"OOB-21 blank lines before the header", "\n\n \nContent-Type: text/html\n\nx",
     "text/html{x}\n"},
    {"blank lines around the mbox line", "\nFrom a Mon\n\nContent-Type: text/html\n\nx",
     "text/html{x}\n"},
    {"blank lines only", "\n\n", "text/plain{\n}\n"},
    {"a byte order mark",
     "\xef\xbb\xbf"
     "Content-Type: text/html\n\nx",
     "text/html{x}\n"},
    {"type of the message", "Content-Type: message/delivery-status\n\nA: b\n",
     "message/delivery-status{A: b\n}\n"},
    {"OOB-21 space before the colon", "Content-Type : text/html\n\nx", "text/html{x}\n"},
    {"type at the very end", "Content-Type: text/html", "text/html{}\n"},
    {"type is folded", "Content-Type:\n text/html;\n charset=x\nX: y\n\nx", "text/html{x}\n"},
    {"OOB-25 the first type counts",
     "Content-Type: text/html\nContent-Type: text/x\nContent-Transfer-Encoding: 8bit\n"
     "Content-Transfer-Encoding: base64\n\nx",
     "text/html{x}\n"},
    {"OOB-25 the first encoding counts",
     "Content-Transfer-Encoding: base64\nContent-Transfer-Encoding: 8bit\n\nx", "text/plain#{x}\n"},
    {"lines that are no fields", "junk\nContent-Type: text/html\nmore junk\nX: y\n\nx",
     "text/html{x}\n"},
    {"first line is a fold", " x\nContent-Type: text/html\n\nx", "text/html{x}\n"},
    {"other Content- fields", "Content-Type-X: text/x\nContent-Language: en\n\nx",
     "text/plain{x}\n"},
    {"a fold that looks like one", "X: y\n Content-Type: text/x\n\nx", "text/plain{x}\n"},
    {"broken type", "Content-Type: html\n\nx", "text/plain{x}\n"},
    {"boundary of a text", "Content-Type: text/plain; boundary=b\n\n--b\n\nx\n--b--\n",
     "text/plain{--b\n\nx\n--b--\n}\n"},

    {"two parts", MIXED "\n--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n\n--b--\n",
     "multipart/mixed!\n.text/plain{one}\n.text/html{two\n}\n"},
    {"OOB-23 preamble and epilogue", MIXED "\npre\n--bx\n\n--b\n\none\n--b--\nepi\n--b\n\nno\n",
     "multipart/mixed!\n.text/plain{one}\n"},
    {"OOB-23 not closed", MIXED "\n--b\n\none\n--b\n\ntwo\n",
     "multipart/mixed\n.text/plain{one}\n.text/plain{two\n}\n"},
    {"cut in a delimiter", MIXED "\n--b\n\none\n--", "multipart/mixed\n.text/plain{one\n--}\n"},
    {"cut behind a boundary", MIXED "\n--b\n\none\n--b", "multipart/mixed\n.text/plain{one}\n"},
    {"cut behind a delimiter", MIXED "\n--b\n\none\n--b\n", "multipart/mixed\n.text/plain{one}\n"},
    {"cut behind the only delimiter", MIXED "\n--b\n", "multipart/mixed\n"},
    {"cut in a header", MIXED "\n--b\nContent-Type: text/html", "multipart/mixed\n.text/html{}\n"},
    {"no part", MIXED "\nhello\n", "multipart/mixed\n"},
    {"closed at once", MIXED "\nhello\n--b--\n--c\nContent-Type: text/html\n\nx\n",
     "multipart/mixed!\n"},
    {"white space behind delimiters", MIXED "\n--b \t\n\none\n--b-- \n",
     "multipart/mixed!\n.text/plain{one}\n"},
    {"white space before a delimiter", MIXED "\n--b\n\none\n --b\n--b--\n",
     "multipart/mixed!\n.text/plain{one\n --b}\n"},
    {"more behind a boundary", MIXED "\n--b\n\none\n--bc\n--b c\n--b-\n--b--c\n--b---\n--b--\n",
     "multipart/mixed!\n.text/plain{one\n--bc\n--b c\n--b-\n--b--c\n--b---}\n"},
    {"other case", MIXED "\n--b\n\none\n--B\n--b--\n", "multipart/mixed!\n.text/plain{one\n--B}\n"},
    {"empty parts", MIXED "\n--b\n--b\n\n--b\n\n\n--b\n\n\n\n--b--\n",
     "multipart/mixed!\n.text/plain{}\n.text/plain{}\n.text/plain{}\n.text/plain{\n}\n"},
    {"part without an empty line", MIXED "\n--b\nContent-Type: text/html\n--b\n\ntwo\n--b--\n",
     "multipart/mixed!\n.text/html{}\n.text/plain{two}\n"},
    {"type cut by a delimiter", MIXED "\n--b\nContent-Type: text/html;\n--b--\n",
     "multipart/mixed!\n.text/html{}\n"},
    {"QRK-09 no empty line before the first boundary",
     MIXED "--b\nContent-Type: text/html\n\none\n--b--\n", "multipart/mixed!\n.text/html{one}\n"},
    {"QRK-09 within the header", MIXED "X: y\n--b\n\none\n--b--\n",
     "multipart/mixed!\n.text/plain{one}\n"},
    {"QRK-09 the empty line is there, a preamble is not", MIXED "\n--b\n\none\n--b--\n",
     "multipart/mixed!\n.text/plain{one}\n"},
    {"QRK-09 closed in the header", MIXED "--b--\n\nx\n", "multipart/mixed!\n"},
    {"dashes in a header", MIXED "--c: d\n--\n\n--b\n\none\n--b--\n",
     "multipart/mixed!\n.text/plain{one}\n"},
    {"OOB-24 unknown subtype", "Content-Type: multipart/x-y; boundary=b\n\n--b\n\none\n--b--\n",
     "multipart/x-y!\n.text/plain{one}\n"},
    {"no subtype", "Content-Type: multipart; boundary=b\n\n--b\n\none\n--b--\n",
     "multipart/mixed!\n.text/plain{one}\n"},
    {"digest",
     "Content-Type: multipart/digest; boundary=b\n\n--b\n\nA: b\n--b\nContent-Type: text/html\n\n"
     "x\n--b\nContent-Type: html\n\ny\n--b--\n",
     "multipart/digest!\n.message/rfc822{A: b}\n.text/html{x}\n.text/plain{y}\n"},
    {"encoded parts",
     MIXED "\n--b\nContent-Transfer-Encoding: 8bit\n\none\n--b\n"
           "Content-Transfer-Encoding: base64\n\nQQ==\n--b\n\n3\n--b--\n",
     "multipart/mixed!\n.text/plain{one}\n.text/plain#{QQ==}\n.text/plain{3}\n"},
    {"boundary in RFC 2231 form",
     "Content-Type: multipart/mixed;\n boundary*0=a;\n boundary*1=b\n\n--ab\n\none\n--ab--\n",
     "multipart/mixed!\n.text/plain{one}\n"},
    {"space at the end of the boundary",
     "Content-Type: multipart/mixed; boundary=\"b \"\n\n--b \n\none\n--b --\n--b--\n",
     "multipart/mixed!\n.text/plain{one\n--b --}\n"},

    {"nested", MIXED "\n--b\n" ALTERNATIVE "\n--i\n\none\n--i\n\ntwo\n--i--\n\n--b\n\n3\n--b--\n",
     "multipart/mixed!\n.multipart/alternative!\n..text/plain{one}\n..text/plain{two}\n"
     ".text/plain{3}\n"},
    {"inner one not closed", MIXED "\n--b\n" ALTERNATIVE "\n--i\n\none\n--b\n\ntwo\n--b--\n",
     "multipart/mixed!\n.multipart/alternative\n..text/plain{one}\n.text/plain{two}\n"},
    {"inner one ends in an empty part", MIXED "\n--b\n" ALTERNATIVE "\n--i\n\n--b\n\ntwo\n--b--\n",
     "multipart/mixed!\n.multipart/alternative\n..text/plain{}\n.text/plain{two}\n"},
    {"inner delimiter behind the inner end",
     MIXED "\n--b\n" ALTERNATIVE "\n--i\n\none\n--i--\n--i\n\nno\n--b--\n",
     "multipart/mixed!\n.multipart/alternative!\n..text/plain{one}\n"},
    {"inner one without parts", MIXED "\n--b\n" ALTERNATIVE "\npre\n--b\n\ntwo\n--b--\n",
     "multipart/mixed!\n.multipart/alternative\n.text/plain{two}\n"},
    {"inner boundary starts with the outer one",
     MIXED "\n--b\nContent-Type: multipart/alternative; boundary=bi\n\n--bi\n\none\n--bi--\n--b\n"
           "\ntwo\n--b--\n",
     "multipart/mixed!\n.multipart/alternative!\n..text/plain{one}\n.text/plain{two}\n"},
    {"outer boundary starts with the inner one",
     "Content-Type: multipart/mixed; boundary=io\n\n--io\n" ALTERNATIVE
     "\n--i\n\none\n--io\n\ntwo\n--io--\n",
     "multipart/mixed!\n.multipart/alternative\n..text/plain{one}\n.text/plain{two}\n"},
    {"the same boundary twice",
     MIXED "\n--b\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\none\n--b--\n--b\n\n2\n"
           "--b--\n",
     "multipart/mixed!\n.multipart/alternative!\n..text/plain{one}\n.text/plain{2}\n"},
    {"returned message is a leaf",
     MIXED "\n--b\nContent-Type: message/rfc822\n\n" ALTERNATIVE "\n--i\n\none\n--b--\n",
     "multipart/mixed!\n.message/rfc822{" ALTERNATIVE "\n--i\n\none}\n"},

    {"another boundary than named",
     MIXED "\npre\n--c\nContent-Type: text/html\n\none\n--c\n\ntwo\n--c--\n",
     "multipart/mixed!?\n.text/html{one}\n.text/plain{two}\n"},
    {"another boundary, by recurrence", MIXED "\n-- \n--c\n\none\n--c\n\ntwo\n",
     "multipart/mixed?\n.text/plain{one}\n.text/plain{two\n}\n"},
    {"another boundary, by its end", MIXED "\n--c\n\none\n--c--\n",
     "multipart/mixed!?\n.text/plain{one}\n"},
    {"another boundary, ruler before it",
     MIXED "\n-----\nContent-x: y\n-----\n--c\nContent-Type: text/html\n\none\n--c--\n",
     "multipart/mixed!?\n.text/html{one}\n"},
    {"another boundary, ends in a dash", MIXED "\n--c-\nContent-Type: text/html\n\none\n--c---\n",
     "multipart/mixed!?\n.text/html{one}\n"},
    {"a Content- field decides",
     MIXED "\n--sig\n--c\nContent-Type: text/html\n\none\n--c--\n--sig\n",
     "multipart/mixed!?\n.text/html{one}\n"},
    {"dashes in a text", MIXED "\n--Joe Doe\n--c\nhello\n--end--\n", "multipart/mixed\n"},
    {"the named boundary comes later",
     MIXED "\n--c\nContent-Type: text/html\n\none\n--c--\n--b\n\ntwo\n--b--\n",
     "multipart/mixed!\n.text/plain{two}\n"},
    {"no boundary parameter",
     "Content-Type: multipart/mixed\n\n--c\nContent-Type: text/html\n\none\n--c--\n",
     "multipart/mixed!?\n.text/html{one}\n"},
    {"empty boundary parameter",
     "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\n--c\n\none\n--c--\n",
     "multipart/mixed!?\n.text/plain{one}\n"},
    {"inner multipart with another boundary",
     MIXED "\n--b\n" ALTERNATIVE
           "\n--c\nContent-Type: text/html\n\none\n--c--\n--b\n\ntwo\n--b--\n",
     "multipart/mixed!\n.multipart/alternative!?\n..text/html{one}\n.text/plain{two}\n"},
    {"wrong at both levels", MIXED "\n--x\n" ALTERNATIVE "\n--y\n\none\n--y--\n--x\n\ntwo\n--x--\n",
     "multipart/mixed!?\n.multipart/alternative!?\n..text/plain{one}\n.text/plain{two}\n"},
};

static void
check_row(const char *label, DsnSpan message, const char *want)
{
    g_autoptr(DsnStructure) structure = dsn_structure_new();

    dsn_structure_scan(structure, message, &DSN_LIMITS_DEFAULT);
    check_structure(structure, message);
    ck_assert_msg(!structure->mixed_line_ends && !structure->lone_cr, "%s: line ends", label);
    ck_assert_msg(structure->limit == NULL, "%s: limit %s", label, structure->limit);
    g_autofree char *got = describe(structure);
    dsn_test_compare(__FILE__, __LINE__, got, strlen(got), want, strlen(want), label);
}

static char *
dup_with_crlf(const char *text)
{
    g_autoptr(GString) copy = g_string_new(text);

    g_string_replace(copy, "\n", "\r\n", 0);
    return g_string_free(g_steal_pointer(&copy), FALSE);
}

START_TEST(finds_the_parts)
{
    check_row(rows[_i].label, dsn_span(rows[_i].message), rows[_i].want);

    /* With CRLF the same, but for the line ends within bodies. */
    g_autofree char *message = dup_with_crlf(rows[_i].message);
    g_auto(GStrv) pieces = g_strsplit(rows[_i].want, "}\n", -1);
    g_autoptr(GString) want = g_string_new(NULL);
    for (char **piece = pieces; *piece != NULL; piece++) {
        char *body = strchr(*piece, '{');

        if (body == NULL) {
            g_string_append(want, *piece);
            continue;
        }
        g_autofree char *crlf = dup_with_crlf(body);
        g_string_append_len(want, *piece, body - *piece);
        g_string_append(want, crlf);
        g_string_append(want, "}\n");
    }
    g_autofree char *label = g_strconcat(rows[_i].label, ", CRLF", NULL);
    check_row(label, dsn_span(message), want->str);
}
END_TEST

START_TEST(gives_the_ranges)
{
    static const char message[] =
        "From x\n" MIXED "X: y\n\npre\n--b\nContent-Type: text/html\n\none\n\n--b--\nepi\n";
    g_autoptr(DsnStructure) structure = dsn_structure_new();

    dsn_structure_scan(structure, dsn_span(message), &DSN_LIMITS_DEFAULT);
    ck_assert_uint_eq(structure->parts->len, 2);
    const DsnPart *top = &g_array_index(structure->parts, DsnPart, 0);
    dsn_assert_span(top->header, MIXED "X: y\n", "header");
    dsn_assert_span(top->body, "pre\n--b\nContent-Type: text/html\n\none\n\n--b--\nepi\n", "body");
    dsn_assert_span(top->type.boundary, "b", "boundary");
    const DsnPart *part = &g_array_index(structure->parts, DsnPart, 1);
    dsn_assert_span(part->header, "Content-Type: text/html\n", "header of the part");
    dsn_assert_span(part->body, "one\n", "body of the part");
}
END_TEST

static const struct {
    const char *label;
    DsnSpan message;
    bool want_mixed, want_lone_cr;
    const char *want;
} line_ends[] = {
    {"mixed, LF in the header", DSN_SPAN_LITERAL("A: b\n\r\nx\r\n"), true, false,
     "text/plain{x\r\n}\n"},
    {"mixed, one LF in the body", DSN_SPAN_LITERAL("A: b\r\n\r\nx\n"), true, false,
     "text/plain{x\n}\n"},
    {"mixed around delimiters",
     DSN_SPAN_LITERAL("Content-Type: multipart/mixed; boundary=b\r\n\n--b\n\r\none\r\n--b\r\n\n"
                      "two\n--b--\r\n"),
     true, false, "multipart/mixed!\n.text/plain{one}\n.text/plain{two}\n"},
    {"lone CR in a body", DSN_SPAN_LITERAL("A: b\r\n\r\nx\ry\r\n"), false, true,
     "text/plain{x\ry\r\n}\n"},
    {"lone CR in a header", DSN_SPAN_LITERAL("A: b\rc\n\nx"), false, true, "text/plain{x}\n"},
    {"CR CR LF", DSN_SPAN_LITERAL("A: b\n\nx\r\r\n"), true, true, "text/plain{x\r\r\n}\n"},
    {"lone CR at the end", DSN_SPAN_LITERAL("A: b\r\n\r\nx\r"), false, true, "text/plain{x\r}\n"},
    {"CR only", DSN_SPAN_LITERAL("A: b\rContent-Type: text/html\r\rx\r"), false, true,
     "text/plain{}\n"},
    {"CR behind a boundary",
     DSN_SPAN_LITERAL("Content-Type: multipart/mixed; boundary=b\n\n--b\r\r\n\none\n--b--\n"), true,
     true, "multipart/mixed!\n.text/plain{one}\n"},
    {"NUL and 8-bit", DSN_SPAN_LITERAL("A: \0\n\n\xff\0--b\n"), false, false,
     "text/plain{\xff\0--b\n}\n"},
};

START_TEST(notes_line_ends)
{
    g_autoptr(DsnStructure) structure = dsn_structure_new();
    DsnSpan message = line_ends[_i].message;

    dsn_structure_scan(structure, message, &DSN_LIMITS_DEFAULT);
    check_structure(structure, message);
    g_autofree char *got = describe(structure);
    ck_assert_msg(strcmp(got, line_ends[_i].want) == 0, "%s: %s", line_ends[_i].label, got);
    ck_assert_msg(structure->mixed_line_ends == line_ends[_i].want_mixed, "%s: mixed %d",
                  line_ends[_i].label, structure->mixed_line_ends);
    ck_assert_msg(structure->lone_cr == line_ends[_i].want_lone_cr, "%s: lone CR %d",
                  line_ends[_i].label, structure->lone_cr);
}
END_TEST

START_TEST(forgets_the_last_scan)
{
    g_autoptr(DsnStructure) structure = dsn_structure_new();
    DsnLimits limits = DSN_LIMITS_DEFAULT;
    limits.message = 60;

    dsn_structure_scan(structure, dsn_span(MIXED "\r\n\r--b\n\none\n--b--\n"), &limits);
    ck_assert(structure->mixed_line_ends && structure->lone_cr && structure->limit != NULL);
    dsn_structure_scan(structure, dsn_span("A: b\n\nx\n"), &limits);
    g_autofree char *got = describe(structure);
    ck_assert_str_eq(got, "text/plain{x\n}\n");
    ck_assert(!structure->mixed_line_ends && !structure->lone_cr && structure->limit == NULL);

    dsn_structure_scan(structure, DSN_SPAN_ABSENT, &limits);
    g_autofree char *nothing = describe(structure);
    ck_assert_str_eq(nothing, "text/plain{}\n");
}
END_TEST

/* Rule OOB-20. The message is the same, the caps are not. */
START_TEST(keeps_the_caps)
{
    static const char message[] = MIXED "\n--b\n" ALTERNATIVE "\n--i\n\none\n--i--\n"
                                        "--b\n\ntwo\n--b\n\n3\n--b--\n";
    static const struct {
        const char *limit;
        size_t depth, parts, header, message, parameter;
        const char *want;
    } caps[] = {
        {NULL, 2, 5, 200, 1000, 1,
         "multipart/mixed!\n.multipart/alternative!\n..text/plain{one}\n.text/plain{two}\n"
         ".text/plain{3}\n"},
        {"depth", 1, 5, 200, 1000, 1,
         "multipart/mixed!\n.multipart/alternative\n.text/plain{two}\n.text/plain{3}\n"},
        {"depth", 0, 5, 200, 1000, 1, "multipart/mixed\n"},
        {"parts", 2, 4, 200, 1000, 1,
         "multipart/mixed\n.multipart/alternative!\n..text/plain{one}\n.text/plain{two}\n"},
        {"parts", 2, 2, 200, 1000, 1, "multipart/mixed\n.multipart/alternative\n"},
        {"parts", 2, 0, 200, 1000, 1, "multipart/mixed\n"},
        {"header", 2, 5, 8, 1000, 1,
         "text/plain{--b\n" ALTERNATIVE "\n--i\n\none\n--i--\n"
         "--b\n\ntwo\n--b\n\n3\n--b--\n}\n"},
        {"header", 2, 5, 38, 1000, 1,
         "multipart/mixed!?\n.multipart/alternative!?\n..text/plain{one}\n.text/plain{two}\n"
         ".text/plain{3}\n"},
        {"parameter", 2, 5, 200, 1000, 0,
         "multipart/mixed!?\n.multipart/alternative!?\n..text/plain{one}\n.text/plain{two}\n"
         ".text/plain{3}\n"},
        {"message", 2, 5, 200, 91, 1, "multipart/mixed\n.multipart/alternative\n"},
        {"message", 2, 5, 200, 0, 1, "text/plain{}\n"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(caps); i++) {
        g_autoptr(DsnStructure) structure = dsn_structure_new();
        DsnLimits limits = DSN_LIMITS_DEFAULT;

        limits.depth = caps[i].depth;
        limits.parts = caps[i].parts;
        limits.header = caps[i].header;
        limits.message = caps[i].message;
        limits.parameter = caps[i].parameter;
        dsn_structure_scan(structure, dsn_span(message), &limits);
        check_structure(structure, dsn_span(message));
        g_autofree char *got = describe(structure);
        ck_assert_msg(strcmp(got, caps[i].want) == 0, "row %zu: %s", i, got);
        ck_assert_msg(g_strcmp0(structure->limit, caps[i].limit) == 0, "row %zu: limit %s", i,
                      structure->limit);
        const DsnPart *top = &g_array_index(structure->parts, DsnPart, 0);
        ck_assert_msg(top->header.len <= limits.header, "row %zu: header", i);
    }
}
END_TEST

/* Hostile messages: @before, then @again with "@" replaced by the number of the repetition. */
static const struct {
    const char *label, *before, *again;
    guint times;
    const char *want_limit;
    guint want_parts;
} hostile[] = {
    {"nested multiparts", "A: b\n", "Content-Type: multipart/mixed; boundary=@\n\n--@\n", 10000,
     "depth", 33},
    {"nested multiparts, wrong boundaries", "A: b\n",
     "Content-Type: multipart/mixed; boundary=a@\n\n--b@\n", 10000, "depth", 33},
    {"fields", "", "A@: b\n", 1000000, "header", 1},
    {"Content-Type fields", "", "Content-Type: text/html; charset=@\n", 1000000, "header", 1},
    {"lines that are no fields", "", "\t\n \na@\n", 1000000, "header", 1},
    {"empty parts", MIXED "\n", "--b\n", 200000, "parts", 500},
    {"empty parts without a named boundary", "Content-Type: multipart/mixed\n\n", "--c\n", 200000,
     "parts", 500},
    {"parameters", "Content-Type: multipart/mixed", "; a@=b", 100000, "parameter", 1},
    {"RFC 2231 parameters", "Content-Type: multipart/mixed", "; boundary*@=b", 100000, "parameter",
     1},
    {"one line", "A: b\n\n", "aaaaaaaaaaaaaaaa", 3200000, NULL, 1},
    {"one line of dashes", MIXED "\n", "----------------", 3200000, NULL, 1},
    {"one line of spaces behind dashes", MIXED "\n--", "                ", 3200000, NULL, 1},
    {"one field", "A: b", "aaaaaaaaaaaaaaaa", 3200000, "header", 1},
    {"CR only", "", "A: b\r\r--b\r\r", 3200000, "header", 1},
    {"empty lines", "A: b\n", "\n", 10000000, NULL, 1},
    {"lines that might be delimiters", MIXED "\n", "--c@\n", 1000000, NULL, 1},
    {"dashes in a header", MIXED, "--c@\n", 1000000, "header", 1},
    {"dashes between types", MIXED, "Content-Type: multipart/mixed; boundary=@\n--x@\n", 500000,
     "header", 1},
    {"delimiters and what is none", MIXED "\n", "--b\nA: b\n--bx\n\n--b--x\n", 100000, "parts",
     500},
};

static void *
scan_hostile(void *data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(GString) message = g_string_new(hostile[row].before);
    g_auto(GStrv) pieces = g_strsplit(hostile[row].again, "@", -1);
    g_autoptr(DsnStructure) structure = dsn_structure_new();
    DsnLimits limits = DSN_LIMITS_DEFAULT;
    limits.message = 64 * 1024 * 1024;

    for (guint i = 0; i < hostile[row].times; i++) {
        char number[16];

        (void)g_snprintf(number, sizeof number, "%u", i);
        for (char **piece = pieces; *piece != NULL; piece++) {
            if (piece != pieces)
                g_string_append(message, number);
            g_string_append(message, *piece);
        }
    }
    dsn_structure_scan(structure, (DsnSpan){message->str, message->len}, &limits);
    check_structure(structure, (DsnSpan){message->str, message->len});
    ck_assert_msg(g_strcmp0(structure->limit, hostile[row].want_limit) == 0, "%s: limit %s",
                  hostile[row].label, structure->limit);
    ck_assert_msg(structure->parts->len == hostile[row].want_parts, "%s: %u parts",
                  hostile[row].label, structure->parts->len);
    return NULL;
}

/* Rules OOB-20 and ARF-24; a small stack shows that nothing recurses over the message, the time
 * limit of the test case that nothing takes quadratic time. */
START_TEST(survives_hostile_messages)
{
    pthread_attr_t attributes;
    pthread_t thread;

    ck_assert_int_eq(pthread_attr_init(&attributes), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, 256 * 1024), 0);
    ck_assert_int_eq(
        pthread_create(&thread, &attributes, scan_hostile, GSIZE_TO_POINTER((size_t)_i)), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attributes), 0);
}
END_TEST

/* As many multiparts open as the parts allow, and lines that nearly are the delimiter of each. */
START_TEST(survives_near_delimiters)
{
    g_autoptr(GString) message = g_string_new("A: b\n");
    g_autoptr(DsnStructure) structure = dsn_structure_new();
    g_autofree char *long_boundary = g_strnfill(1000, 'a');
    DsnLimits limits = DSN_LIMITS_DEFAULT;
    limits.depth = 500;

    for (int i = 0; i < 499; i++)
        g_string_append_printf(message, "Content-Type: multipart/mixed; boundary=%s%d\n\n--%s%d\n",
                               long_boundary, i, long_boundary, i);
    g_string_append_c(message, '\n');
    while (message->len < 20000000)
        g_string_append_printf(message, "--%s\n--%s-\n--\n", long_boundary, long_boundary);
    dsn_structure_scan(structure, (DsnSpan){message->str, message->len}, &limits);
    ck_assert_uint_eq(structure->parts->len, 500);
    ck_assert(structure->limit == NULL);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("structure");
    TCase *tcase = tcase_create("parts");

    tcase_add_loop_test(tcase, finds_the_parts, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, gives_the_ranges);
    tcase_add_loop_test(tcase, notes_line_ends, 0, G_N_ELEMENTS(line_ends));
    tcase_add_test(tcase, forgets_the_last_scan);
    tcase_add_test(tcase, keeps_the_caps);
    suite_add_tcase(suite, tcase);

    tcase = tcase_create("hostile");
    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, survives_hostile_messages, 0, G_N_ELEMENTS(hostile));
    tcase_add_test(tcase, survives_near_delimiters);
    suite_add_tcase(suite, tcase);
    return suite;
}
